"""DeepMimic's clips: the humanoid by the book, odd durations, and the corpus's 26."""

import json

import numpy as np
import pytest

from understudy import motion
from understudy.errors import FormatError, LimitError
from understudy.motion import LANDMARKS, formats
from understudy.motion.info import describe
from understudy.rotations import quat_angle, quat_apply, quat_conj, quat_from_rotvec, quat_to_matrix

HINGES = {"right_knee": 20, "right_elbow": 29, "left_knee": 34, "left_elbow": 43}
BALLS = {
    "root": 4,
    "chest": 8,
    "neck": 12,
    "right_hip": 16,
    "right_ankle": 21,
    "right_shoulder": 25,
    "left_hip": 30,
    "left_ankle": 35,
    "left_shoulder": 39,
}
# The humanoid's description: x forward, y up, z right.
TREE = {
    "chest": ("root", (0, 0.236151, 0)),
    "neck": ("chest", (0, 0.223894, 0)),
    **{f"{s}_hip": ("root", (0, 0, z * 0.084887)) for s, z in (("right", 1), ("left", -1))},
    **{f"{s}_knee": (f"{s}_hip", (0, -0.421546, 0)) for s in ("right", "left")},
    **{f"{s}_ankle": (f"{s}_knee", (0, -0.40987, 0)) for s in ("right", "left")},
    **{f"{s}_shoulder": ("chest", (-0.02405, 0.2435, z * 0.18311)) for s, z in (("right", 1), ("left", -1))},
    **{f"{s}_elbow": (f"{s}_shoulder", (0, -0.274788, 0)) for s in ("right", "left")},
    **{f"{s}_wrist": (f"{s}_elbow", (0, -0.258947, 0)) for s in ("right", "left")},
}


@pytest.fixture
def rows():
    """Twenty frames of somebody who moves every joint and walks along x."""
    rng = np.random.default_rng(8)
    t = np.linspace(0, 3, 20)
    out = np.zeros((20, 44))
    out[:, 0] = 1 / 30
    out[:, 1:4] = np.stack([t, 0.85 + 0.01 * np.sin(t), 0.1 * t], 1)
    for column in BALLS.values():
        turn = 0.3 * np.sin(t[:, None] + rng.normal(size=3)) * rng.normal(size=3)
        out[:, column : column + 4] = quat_from_rotvec(turn)
    for name, column in HINGES.items():
        out[:, column] = (-0.6 if "knee" in name else 0.8) * (1 + np.sin(t))
    return out


@pytest.fixture
def clip(tmp_path):
    def write(rows, name="clip.txt", **more):
        path = tmp_path / name
        path.write_text(json.dumps({"Loop": "none", **more, "Frames": np.asarray(rows).tolist()}))
        return path

    return write


def by_the_book(row):
    """World positions and rotations of the joints of one frame, in the file's axes."""
    turn = {name: quat_to_matrix(row[c : c + 4]) for name, c in BALLS.items()}
    for name, c in HINGES.items():
        cos, sin = np.cos(row[c]), np.sin(row[c])
        turn[name] = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    pos, rot = {"root": row[1:4]}, {"root": turn["root"]}
    for name, (parent, offset) in TREE.items():
        pos[name] = pos[parent] + rot[parent] @ np.array(offset)
        rot[name] = rot[parent] @ turn.get(name, np.eye(3))
    return pos, rot


@pytest.mark.parametrize("name", ["clip.txt", "clip.json"])
def test_the_humanoid_by_the_book(name, clip, rows):
    path = clip(rows, name)
    assert formats.detect(path) == "deepmimic-json"
    read = motion.load(path)
    assert read.fps == 30.0
    assert read.skeleton.landmarks.names == LANDMARKS
    to_world = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    for k in (0, 7, 19):
        pos, rot = by_the_book(rows[k])
        for joint, place in pos.items():
            j = read.skeleton.joints.index(joint)
            np.testing.assert_allclose(read.pos[k, j], to_world @ place, atol=1e-5)
            turned = quat_to_matrix(read.quat[k, j].astype(float))
            np.testing.assert_allclose(turned, to_world @ rot[joint] @ to_world.T, atol=1e-5)


def test_landmarks_of_the_resting_humanoid(clip):
    row = np.zeros(44)
    row[list(BALLS.values())] = 1.0
    row[0], row[2] = 0.1, 0.9
    read = motion.load(clip([row, row]))
    place, frame = (dict(zip(LANDMARKS, v[0], strict=True)) for v in read.landmarks())
    assert place["left_hip"][1] > 0 > place["right_hip"][1]
    assert place["left_toe"][0] > 0.05
    for name in ("pelvis", "spine", "chest", "neck", "head", "left_ankle", "right_toe"):
        assert np.degrees(quat_angle(frame[name], np.float32([1, 0, 0, 0]))) < 0.1, name
    # Arms hang from the shoulders with palms at the thighs: the T-pose turned about the forward axis.
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for part in ("shoulder", "elbow", "wrist", "hand"):
            along = quat_apply(frame[f"{side}_{part}"], np.float32([0, sign, 0]))
            np.testing.assert_allclose(along, [0, 0, -1], atol=1e-3)
            ahead = quat_apply(frame[f"{side}_{part}"], np.float32([1, 0, 0]))
            np.testing.assert_allclose(ahead, [1, 0, 0], atol=1e-3)
    assert describe(read).stature == pytest.approx(1.62, abs=0.05)


def test_knees_bend_back_and_elbows_forward(clip, rows):
    read = motion.load(clip(rows))
    _, frame = (dict(zip(LANDMARKS, np.moveaxis(v, 1, 0), strict=True)) for v in read.landmarks())
    for side in ("left", "right"):
        knee = quat_apply(
            quat_conj(frame[f"{side}_hip"]), quat_apply(frame[f"{side}_knee"], np.float32([0, 0, -1]))
        )
        assert (knee[:, 0] < 0.01).all()
        out = np.float32([0, 1.0 if side == "left" else -1.0, 0])
        fore = quat_apply(quat_conj(frame[f"{side}_shoulder"]), quat_apply(frame[f"{side}_elbow"], out))
        assert (fore[:, 0] > -0.01).all()


def test_rates(clip, rows):
    for duration, rate in ((0.033332, 30.0), (0.0083330004, 120.0), (0.0625, 16.0), (0.0405, 1 / 0.0405)):
        rows[:, 0] = duration
        rows[-1, 0] = 0.0
        assert motion.load(clip(rows)).fps == pytest.approx(rate, abs=1e-9)
    assert motion.load(clip(rows), fps=50.0).fps == 50.0
    assert motion.load(clip(rows[:1])).frames == 1


def test_uneven_frames_are_resampled(clip, rows):
    rows[:, 0] = 0.02
    even = motion.load(clip(rows))
    longer = np.delete(rows, 10, axis=0)
    longer[9, 0] = 0.04
    read = motion.load(clip(longer))
    assert "resampled" in read.origin.inferred["fps"]
    assert (read.frames, read.fps) == (even.frames, even.fps)
    np.testing.assert_allclose(read.pos, even.pos, atol=1e-2)
    kept = np.arange(20) != 10
    np.testing.assert_allclose(read.pos[kept], even.pos[kept], atol=1e-5)


def test_quaternions_edited_by_hand_are_made_unit(clip, rows):
    loose = rows.copy()
    loose[:, 16:20] *= 0.7
    np.testing.assert_allclose(motion.load(clip(loose)).pos, motion.load(clip(rows)).pos, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"Frames": []}', "list called Frames"),
        ('{"Frames": 3}', "list called Frames"),
        ('{"Frames": [[1, 2, 3]]}', "have 44"),
        ('{"Frames": [3]}', "no numbers"),
        ('{"Frames": [[' + ", ".join(["0.1"] * 43) + ', "a"]]}', "more than numbers"),
        ('{"Frames": [[' + ", ".join(["0.1"] * 43) + ", NaN]]}", "no numbers"),
        ('{"Frames": [[' + ", ".join(["0.1"] * 44) + "]]}", "length 0.2"),
        ('{"Frames": [', "no JSON"),
        ("[" * 100000, "no JSON"),
    ],
)
def test_damaged_files(text, says, tmp_path):
    path = tmp_path / "clip.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=says):
        motion.load(path, format="deepmimic-json")


def test_impossible_durations(clip, rows):
    for bad in (0.0, -0.1, 50.0):
        rows[:, 0] = bad
        with pytest.raises(FormatError, match="--source-fps"):
            motion.load(clip(rows))
    rows[:, 0] = 0.01
    rows[3, 0] = 1e6
    with pytest.raises(FormatError, match="differ too much"):
        motion.load(clip(rows))
    with pytest.raises(LimitError):
        motion.load(clip(rows), fps=0.0)


@pytest.mark.corpus
def test_the_corpus_s_clips(corpus):
    files = sorted((corpus / "permissive/deepmimic").rglob("*.txt"))
    assert len(files) == 26
    for file in files:
        assert formats.detect(file) == "deepmimic-json"
        read = motion.load(file)
        info = describe(read)
        assert 16 <= info.fps <= 120
        assert abs(info.floor) < (0.07 if "crawl" in file.name else 0.035), (file.name, info.floor)
        if "walk" in file.name:
            speed = np.linalg.norm(read.pos[-1, 0, :2] - read.pos[0, 0, :2]) / info.duration
            path = np.linalg.norm(np.diff(read.pos[:, 0, :2], axis=0), axis=1).sum() / info.duration
            assert speed < path < 1.6, file.name
