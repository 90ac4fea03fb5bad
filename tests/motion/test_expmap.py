"""CMU's exponential maps: the order of joints, the sign of rotations and the first frame."""

import numpy as np
import pytest

from understudy import motion
from understudy.errors import FormatError, LimitError
from understudy.motion import LANDMARKS, formats
from understudy.motion.formats import expmap_txt
from understudy.motion.formats.number_rows import number_rows
from understudy.motion.info import describe
from understudy.rotations import quat_apply, quat_conj, quat_from_rotvec, quat_mul, quat_to_rotvec

JOINTS = 38
FILE = "permissive/cmu_expmap/test__walking__walking_1.txt"


def table(frames=24):
    """A T-pose, then somebody who stands with bent knees and elbows and waves."""
    rng = np.random.default_rng(6)
    t = np.linspace(0, 2 * np.pi, frames)[:, None]
    out = np.zeros((frames, expmap_txt.COLUMNS))
    out[:, :3] = [0.0, 17.5, 0.0]
    out[1:, 3:] = (0.05 * np.sin(t + rng.normal(size=JOINTS * 3)))[1:]
    names = expmap_txt.mean_body().joints
    for side, sign in (("l", 1.0), ("r", -1.0)):
        femur, tibia, humerus = (3 + 3 * names.index(side + bone) for bone in ("femur", "tibia", "humerus"))
        out[0, femur + 2] = sign * np.radians(21)
        out[1:, femur + 2] += sign * np.radians(20)
        out[1:, tibia] -= 0.5
        out[1:, humerus + 2] += sign * 1.2
    return out


def text(values, comma=","):
    return "\n".join(comma.join(f"{v:.9g}" for v in row) for row in values) + "\n"


@pytest.fixture
def clip(tmp_path):
    def write(content):
        path = tmp_path / "clip.txt"
        path.write_text(content)
        return path

    return write


@pytest.mark.parametrize("comma", [",", " ", ", "])
def test_a_made_clip(comma, clip):
    path = clip(text(table(), comma))
    assert formats.detect(path) == "cmu-expmap"
    read = motion.load(path)
    assert (read.fps, read.frames) == (120.0, 23)
    assert "T-pose" in read.origin.inferred["first frame"]
    assert read.skeleton.landmarks.names == LANDMARKS
    assert describe(read).stature == pytest.approx(1.75, abs=0.05)
    assert describe(read).landmarks["left_wrist"] == "lhand"
    assert motion.load(path, fps=30.0).fps == 30.0


def test_rotations_chain_as_rows_do(clip):
    """The tools around the format multiply rows: position · rotation, own rotation before the parent's."""
    values = table()
    read = motion.load(clip(text(values)))
    joints, parents = read.skeleton.joints, read.skeleton.parents
    body = expmap_txt.mean_body()
    turn = []
    for j, parent in enumerate(parents):
        axis = values[9, 3 + 3 * j : 6 + 3 * j]
        angle = np.linalg.norm(axis)
        x, y, z = axis / angle
        k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        own = np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k
        turn.append(own if parent < 0 else own @ turn[parent])
    place = [values[9, :3]]
    for j, parent in enumerate(parents[1:], start=1):
        place.append(body.offsets[j] @ turn[parent] + place[parent])
    expected = np.array(place)[:, [2, 0, 1]] * 0.0254 / 0.45
    np.testing.assert_allclose(read.pos[8], expected, atol=1e-5)
    assert joints[3] == "ltibia"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("\n\n", "no numbers"),
        ("1,2,3\n", "has 117"),
        (text(table()).replace("17.5", "x", 1), "line 1: 'x'"),
        (text(table()) + text(table()[:1]).replace("17.5", "nan"), "line 25: 'nan'"),
    ],
)
def test_damaged_files(content, says, clip):
    with pytest.raises(FormatError, match=says):
        motion.load(clip(content), format="cmu-expmap")


def test_an_impossible_rate(clip):
    with pytest.raises(LimitError):
        motion.load(clip(text(table())), fps=-3.0)


@pytest.mark.corpus
def test_the_first_frame_is_a_t_pose_only_if_signs_and_order_are_right(corpus):
    """Every file begins with a T-pose, written as the rotations from Acclaim's splayed rest to it."""
    values = number_rows(corpus / FILE, 117)
    body = expmap_txt.mean_body()
    quat = quat_from_rotvec(-values[0, 3:].reshape(JOINTS, 3))
    for j in range(1, JOINTS):
        quat[j] = quat_mul(quat[body.parents[j]], quat[j])
    for name, child, way in (
        ("lfemur", "ltibia", (0, -1, 0)),
        ("rtibia", "rfoot", (0, -1, 0)),
        ("lhumerus", "lradius", (1, 0, 0)),
        ("rwrist", "rhand", (-1, 0, 0)),
        ("lowerback", "upperback", (0, 1, 0)),
        ("upperneck", "head", (0, 1, 0)),
    ):
        bone = quat_apply(quat[body.joints.index(name)], body.offsets[body.joints.index(child)])
        angle = np.degrees(np.arccos(bone @ np.array(way) / np.linalg.norm(bone)))
        assert angle < 12, (name, angle)


@pytest.mark.corpus
def test_knees_are_hinges_and_people_walk_forward(corpus):
    read = motion.load(corpus / FILE)
    place, frame = (dict(zip(LANDMARKS, np.moveaxis(v, 1, 0), strict=True)) for v in read.landmarks())
    for side in ("left", "right"):
        flexion = quat_to_rotvec(quat_mul(quat_conj(frame[f"{side}_hip"]), frame[f"{side}_knee"]))
        assert np.degrees(flexion[:, 1].max()) > 50
        assert flexion[:, 1].min() > -0.05
        assert np.abs(flexion[:, [0, 2]]).max() < 0.3 * flexion[:, 1].max()
    moved = place["pelvis"][-1] - place["pelvis"][0]
    ahead = quat_apply(frame["pelvis"], np.float32([1, 0, 0])).mean(0)
    assert moved @ ahead / np.linalg.norm(moved) > 0.95
    assert 1.0 < np.linalg.norm(moved) / read.duration < 1.6


@pytest.mark.corpus
def test_the_corpus_s_clips(corpus):
    files = sorted((corpus / "permissive/cmu_expmap").glob("*.txt"))
    assert len(files) == 61
    for file in files[::4]:
        assert formats.detect(file) == "cmu-expmap"
        info = describe(motion.load(file))
        assert info.inferred["first frame"].startswith("2: a T-pose")
        # The clips are of people of other sizes than the mean body, whose feet then miss the floor by as much.
        assert abs(info.floor) < 0.11, file.name
