"""Arrays of keypoints: every layout, what is settled, and what is refused."""

import numpy as np
import pytest
from tracked import errors, keypoints

from understudy import motion
from understudy.errors import FormatError, LimitError, UnderstudyError, UnknownName
from understudy.motion import sample
from understudy.motion.completion_points import EXTRAS
from understudy.motion.floor import floor_height
from understudy.motion.formats import detect
from understudy.motion.formats.keypoint_body import WORLD_FROM
from understudy.motion.formats.keypoint_layouts import LAYOUTS, fitting
from understudy.motion.landmarks import LANDMARKS, mirrored


@pytest.fixture(scope="module")
def squat():
    return sample.motion("squat", fps=30.0)


def saved(path, **entries):
    np.savez(path, **entries)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_name_known_points_of_both_sides_once(layout):
    points = [name for name in LAYOUTS[layout].points if name != "-"]
    assert len(LAYOUTS[layout].points) == int(layout.split("-")[-1])
    assert len(set(points)) == len(points)
    assert set(points) <= {*LANDMARKS, *EXTRAS}
    assert {mirrored(name) for name in points} == set(points)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read(tmp_path, squat, layout):
    path = saved(
        tmp_path / "clip.npz", keypoints=keypoints(squat, layout).astype(np.float32), fps=30.0, layout=layout
    )
    assert detect(path) == "keypoints"
    clip = motion.load(path)
    assert clip.fps == 30.0
    assert clip.skeleton.landmarks.names == LANDMARKS
    off = errors(clip, squat)
    for name in ("pelvis", "chest", "left_hip", "right_knee", "left_shoulder", "right_elbow"):
        assert off[name].mean() < 6.0, name
    assert clip.tracks["confidence"].shape == (clip.frames, len(LANDMARKS))


@pytest.mark.parametrize("up", WORLD_FROM)
def test_any_axis_may_be_up(tmp_path, squat, up):
    rotation = np.array(WORLD_FROM[up], float)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    points = keypoints(squat, "coco-17")
    seen = motion.load(saved(tmp_path / "a.npz", keypoints=points @ rotation, fps=30.0, layout="coco-17"))
    given = motion.load(
        saved(tmp_path / "b.npz", keypoints=points @ rotation, fps=30.0, layout="coco-17"), up=up
    )
    plain = motion.load(saved(tmp_path / "c.npz", keypoints=points, fps=30.0, layout="coco-17"))
    np.testing.assert_allclose(seen.pos, plain.pos, atol=1e-5)
    np.testing.assert_array_equal(seen.pos, given.pos)
    assert seen.origin.inferred["up"].startswith(up)


@pytest.mark.parametrize(("unit", "scale"), [("m", 1.0), ("cm", 100.0), ("mm", 1000.0)])
def test_the_unit_is_settled(tmp_path, squat, unit, scale):
    path = saved(
        tmp_path / "a.npz", keypoints=scale * keypoints(squat, "h36m-17"), fps=30.0, layout="h36m-17"
    )
    clip = motion.load(path)
    assert clip.origin.inferred["unit"].startswith(f"{unit}:")
    assert 0.9 < clip.pos[0, 0, 2] < 1.0


def test_a_left_handed_system_is_mirrored_back(tmp_path, squat):
    points = keypoints(squat, "zed-body-38")
    plain = motion.load(saved(tmp_path / "a.npz", keypoints=points, fps=30.0, layout="zed-body-38"))
    other = motion.load(
        saved(tmp_path / "b.npz", keypoints=points * [1, -1, 1], fps=30.0, layout="zed-body-38")
    )
    np.testing.assert_allclose(other.pos, plain.pos, atol=1e-5)
    assert "left-handed" in other.origin.inferred["axes"]
    assert "axes" not in plain.origin.inferred


def test_mediapipe_squats_onto_the_floor(tmp_path, squat):
    """World landmarks: the origin between the hips, y down, z away from the camera."""
    points = keypoints(squat, "mediapipe-33")
    points = points - 0.5 * (points[:, 23] + points[:, 24])[:, None]
    points = np.stack([points[..., 1], -points[..., 2], -points[..., 0]], axis=-1)
    np.save(tmp_path / "clip.npy", points.astype(np.float32))
    clip = motion.load(tmp_path / "clip.npy", layout="mediapipe-33", fps=30.0)
    assert clip.origin.inferred["up"].startswith("-y")
    assert "hips" in clip.origin.inferred["place"]
    assert abs(floor_height(clip)) < 0.03
    drop = np.ptp(squat.pos[:, 0, 2])
    assert np.ptp(clip.pos[:, 0, 2]) == pytest.approx(drop, abs=0.03)
    np.testing.assert_allclose(clip.pos[:, 0, :2], 0.0, atol=1e-4)


def test_confidence_is_the_fourth_column_or_an_entry(tmp_path, squat):
    points = keypoints(squat, "coco-17")
    sure = np.random.default_rng(0).uniform(0.2, 1.0, points.shape[:2])
    sure[10:15, 9] = 0.0
    a = saved(tmp_path / "a.npz", keypoints=points, confidence=sure, fps=30.0, layout="coco-17")
    np.save(tmp_path / "b.npy", np.concatenate([points, sure[..., None]], axis=-1))
    first = motion.load(a)
    second = motion.load(tmp_path / "b.npy", layout="coco-17", fps=30.0)
    np.testing.assert_array_equal(first.tracks["confidence"], second.tracks["confidence"])
    column = LANDMARKS.index("left_wrist")
    np.testing.assert_allclose(first.tracks["confidence"][:, column], sure[:, 9], atol=1e-6)


REFUSED = {
    "two dimensions": ({"keypoints": np.zeros((5, 17, 2)), "fps": 30.0, "layout": "coco-17"}, "2-D"),
    "several people": (
        {"keypoints": np.zeros((5, 2, 17, 3)), "fps": 30.0, "layout": "coco-17"},
        "several people",
    ),
    "no rate": ({"keypoints": np.zeros((5, 17, 3)), "layout": "coco-17"}, "--source-fps"),
    "no layout": ({"keypoints": np.zeros((5, 17, 3)), "fps": 30.0}, "coco-17 or h36m-17.*--layout"),
    "too few points": (
        {"keypoints": np.zeros((5, 16, 3)), "fps": 30.0, "layout": "coco-17"},
        "17 points.*16",
    ),
    "image coordinates": (None, "image coordinates"),
    "lying on one point": ({"keypoints": np.ones((5, 17, 3)), "fps": 30.0, "layout": "coco-17"}, "up"),
    "a bad rate": ({"keypoints": np.zeros((5, 17, 3)), "fps": -1.0, "layout": "coco-17"}, "fps"),
    "no frames": ({"keypoints": np.zeros((0, 17, 3)), "fps": 30.0, "layout": "coco-17"}, "no frame"),
    "confidence of another clip": (
        {"keypoints": np.ones((5, 17, 3)), "confidence": np.ones((4, 17)), "fps": 30.0, "layout": "coco-17"},
        "4 frames",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused(tmp_path, squat, case):
    entries, words = REFUSED[case]
    if entries is None:
        entries = {"keypoints": 0.4 * keypoints(squat, "coco-17"), "fps": 30.0, "layout": "coco-17"}
    with pytest.raises(FormatError, match=words) as raised:
        motion.load(saved(tmp_path / "clip.npz", **entries))
    assert "clip.npz" in str(raised.value)


def test_options_that_fit_no_file(tmp_path, squat):
    path = saved(tmp_path / "clip.npz", keypoints=keypoints(squat, "coco-17"), fps=30.0, layout="coco-17")
    for options in ({"up": "w"}, {"unit": 0.0}, {"fps": np.nan}):
        with pytest.raises(LimitError):
            motion.load(path, **options)
    with pytest.raises(UnknownName, match="coco-17"):
        motion.load(path, layout="coco")


def test_an_npy_that_is_none(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    for name in ("objects.npy", "text.npy"):
        with pytest.raises(UnderstudyError):
            motion.load(tmp_path / name, format="keypoints", layout="coco-17", fps=30.0)


def test_layouts_by_their_number_of_points():
    assert fitting(17) == ("coco-17", "h36m-17")
    assert fitting(5) == ()
