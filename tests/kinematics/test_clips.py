"""Robot motions in every format and from each to each, with what the robot itself has to say."""

import numpy as np
import pytest

from understudy import kinematics, motion, robots
from understudy.errors import FormatError, SkeletonMismatch, UnderstudyError
from understudy.evaluate.tracks import sole_corners
from understudy.kinematics import clips
from understudy.motion import RobotMotion, formats, sample
from understudy.motion.formats.doors import in_order
from understudy.motion.formats.registry import FOLDER, FORMATS
from understudy.robots.orders import order
from understudy.rotations import quat_from_rotvec, quat_mul

ROBOT_FORMATS = [n for n, f in FORMATS.items() if f.holds != "human" and formats.can(n, "write")]


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def swaying(g1, fps=30.0, frames=13):
    """A clip in which every joint, and the root in every direction, moves by its own amount."""
    rng = np.random.default_rng(5)
    t = np.arange(frames)[:, None] / fps
    wave = np.sin(3.0 * t + rng.uniform(0, 6, (1, len(g1.joints))))
    joints = g1.home[7:] + 0.2 * wave * np.minimum(g1.upper - g1.home[7:], g1.home[7:] - g1.lower)
    quat = quat_mul(quat_from_rotvec(0.3 * np.sin(t + np.array([0.1, 1.0, 2.0]))), np.array([1.0, 0, 0, 0]))
    pos = g1.home[:3] + 0.1 * np.sin(2 * t + np.array([0.0, 1.0, 2.0]))
    return RobotMotion(g1.name, g1.joints, fps, pos, quat, joints)


def through(name, clip, folder):
    """The clip, written in a format and read again."""
    suffix = FORMATS[name].suffixes[0]
    path = folder / f"{name}-{len(list(folder.iterdir()))}{'' if suffix == FOLDER else suffix}"
    clips.save(clip, path, format=name)
    return clips.load(path, format=name, robot="unitree_g1")


def assert_same(got, want):
    """Equal to 1e-5 but for what the format's rate makes of the clip."""
    want = motion.sample_every(want, got.fps)
    assert (got.joints, got.frames) == (want.joints, want.frames)
    assert np.abs(got.root_pos - want.root_pos).max() < 1e-5
    assert np.abs(got.joint_pos - want.joint_pos).max() < 1e-5
    apart = [np.abs(got.root_quat - sign * want.root_quat).max(axis=1) for sign in (1, -1)]
    assert np.minimum(*apart).max() < 1e-5


@pytest.mark.parametrize("first", ROBOT_FORMATS)
def test_every_format_gives_back_what_every_other_was_given(tmp_path, g1, first):
    clip = swaying(g1)
    start = through(first, clip, tmp_path)
    assert_same(start, clip)
    for second in ROBOT_FORMATS:
        there = through(second, start, tmp_path)
        assert_same(there, start)
        assert_same(through(first, there, tmp_path), there)


def without_names(path):
    """The file as mjlab's or BeyondMimic's own script writes it."""
    with np.load(path) as archive:
        entries = {k: archive[k] for k in archive.files if k not in ("joint_names", "body_names", "robot")}
    np.savez(path, **entries)


@pytest.mark.parametrize(("name", "other"), [("mjlab-npz", "isaaclab-npz"), ("isaaclab-npz", "mjlab-npz")])
def test_the_bodies_tell_the_order_of_a_reference_without_names(tmp_path, g1, name, other):
    clip, path = swaying(g1, 50.0), tmp_path / "a.npz"
    clips.save(clip, path, format=name)
    without_names(path)
    for format in (None, name):
        assert_same(clips.load(path, format=format, robot="unitree_g1"), clip)
    with pytest.raises(FormatError, match=f"only if the file is '{name}'"):
        clips.load(path, format=other, robot="unitree_g1")
    with pytest.raises(FormatError, match=r"'mjlab-npz'.*'isaaclab-npz'"):
        clips.load(path)


def test_what_the_bodies_cannot_tell_must_be_said(tmp_path, g1):
    """A reference with the bodies that were tracked only: its order is what the format's name says."""
    clip, path = swaying(g1, 50.0), tmp_path / "a.npz"
    clips.save(clip, path, format="isaaclab-npz")
    without_names(path)
    with np.load(path) as archive:
        entries = dict(archive)
    np.savez(path, **{k: v[:, :14] if k.startswith("body") else v for k, v in entries.items()})
    with pytest.raises(FormatError, match=r"'mjlab-npz'.*'isaaclab-npz'"):
        clips.load(path, robot="unitree_g1")
    assert_same(clips.load(path, format="isaaclab-npz", robot="unitree_g1"), clip)


def test_files_get_the_robots_own_order(tmp_path, g1):
    """A clip whose joints stand in another order is put in the robot's before a format without names is written."""
    clip = swaying(g1)
    other = in_order(clip, order(g1, breadth_first=True).joints)
    for name in ("gmr-pkl", "kimodo-csv", "native", "mjlab-npz"):
        assert_same(through(name, other, tmp_path), clip)
    with pytest.raises(SkeletonMismatch, match="'knee'"):
        in_order(clip, (*g1.joints[1:], "knee"))


def test_a_robot_that_nobody_knows_is_written_where_no_robot_is_asked(tmp_path):
    toy = RobotMotion(
        "toy", ("a",), 30.0, np.zeros((9, 3)), np.tile([1.0, 0, 0, 0], (9, 1)), np.zeros((9, 1))
    )
    clips.save(toy, tmp_path / "a.npz")
    assert clips.load(tmp_path / "a.npz").joints == ("a",)
    with pytest.raises(UnderstudyError, match="Unknown robot 'toy'"):
        clips.save(toy, tmp_path / "b.npz", format="mjlab-npz")
    with pytest.raises(UnderstudyError, match="not a human's"):
        clips.save_together([sample.motion("turn")], tmp_path / "d", "lerobot")
    with pytest.raises(UnderstudyError, match="lerobot, protomotions-pt"):
        clips.save_together([toy], tmp_path / "d", "native")


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "pattern", "count"),
    [("gmr-pkl", "twist2_g1/**/*.pkl", 10), ("kimodo-csv", "protomotions/**/g1-kimodo-generated/*.csv", 5)],
)
def test_robot_files_from_elsewhere_stand_on_the_floor(corpus, g1, name, pattern, count):
    """Read with the joints in the order claimed, the feet of people walking and dancing are where the floor is."""
    files = sorted((corpus / "format_samples").glob(pattern))
    assert len(files) == count
    for path in files:
        clip = clips.load(path, format=name, robot="unitree_g1")
        corners = sole_corners(g1, kinematics.body_tracks(g1, clip))
        lowest = np.min([c[..., 2].min(axis=1) for c in corners.values()], axis=0)
        assert abs(np.median(lowest)) < 0.03, path.name
        assert lowest.min() > -0.05, path.name
        assert 0.7 < np.median(clip.root_pos[:, 2]) < 0.85, path.name
        assert np.median(np.linalg.norm(np.diff(clip.root_pos[:, :2], axis=0), axis=1)) * clip.fps < 1.5
        assert (clip.joint_pos < g1.upper + 0.05).all()
        assert (clip.joint_pos > g1.lower - 0.05).all()


@pytest.mark.corpus
def test_pyroki_sample_is_a_pointer_and_says_so(corpus):
    [path] = (corpus / "format_samples").glob("protomotions/**/pyroki*/*.npz")
    with pytest.raises(FormatError, match="git lfs pull"):
        clips.load(path, format="pyroki-npz", robot="unitree_g1", fps=30.0)
