"""Rollouts on disk: nothing is lost, everyone else sees a motion, and what is no rollout is refused."""

from dataclasses import fields, replace

import made_clips
import numpy as np
import pytest

from understudy import motion
from understudy.errors import FormatError, ShapeError, UnderstudyError
from understudy.motion import sample
from understudy.physics.mpc import RefineConfig, refine
from understudy.physics.performing import replay
from understudy.physics.planner import PlanConfig
from understudy.physics.references import reference
from understudy.physics.rollout_files import (
    as_motion,
    is_rollout,
    load_rollout,
    of_motion,
    save_rollout,
    was_performed,
)
from understudy.view.contacts import robot_marks

QUICK = RefineConfig(plan=PlanConfig(samples=4, iterations=1, threads=1))
STEPS = ("actions", "torque", "saturation", "work", "ground_force")


@pytest.fixture(scope="module")
def stood(g1):
    """The G1 stands for a quarter of a second, its left leg carrying more."""
    clip = made_clips.still(g1, 13)
    joints = clip.joint_pos.copy()
    joints[:, g1.joints.index("waist_roll_joint")] = np.linspace(0.0, 0.1, clip.frames)
    return refine(replace(clip, joint_pos=joints), g1, QUICK)


@pytest.fixture
def fallen(stood):
    """The same, as if the robot had fallen at the eighth frame."""
    cut = {name: getattr(stood, name)[:7] for name in STEPS}
    return replace(
        stood,
        achieved=motion.trim(stood.achieved, 0.0, 7 / 50),
        contacts=stood.contacts[:8],
        fell_at=7 / 50,
        retries=2,
        **cut,
    )


def same(one, other):
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("reference", "achieved"):
            np.testing.assert_array_equal(a.qpos, b.qpos)
            assert (a.robot, a.joints, a.fps) == (b.robot, b.joints, b.fps)
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, strict=True)
        else:
            assert a == b, field.name


def test_a_rollout_comes_back_to_the_last_bit(g1, stood, tmp_path):
    save_rollout(stood, tmp_path / "stood.npz", g1)
    back = load_rollout(tmp_path / "stood.npz")
    same(back, stood)
    assert back.achieved.origin == stood.achieved.origin


def test_what_was_asked_for_after_a_fall_comes_back_too(g1, fallen, tmp_path):
    save_rollout(fallen, tmp_path / "fallen.npz", g1)
    back = load_rollout(tmp_path / "fallen.npz")
    same(back, fallen)
    assert back.reference.frames == 13 > back.achieved.frames == 8
    told = motion.load(tmp_path / "fallen.npz").origin.history[-1]
    assert (told["fell_at"], told["retries"], told["seconds_asked"]) == (7 / 50, 2, 12 / 50)
    broken = replace(fallen, fault="the simulation diverged")
    save_rollout(broken, tmp_path / "broken.npz", g1)
    same(load_rollout(tmp_path / "broken.npz"), broken)


def test_a_fall_without_the_rest_of_what_was_asked_for_is_refused(g1, fallen, tmp_path):
    """Whoever reads it as a motion and writes it again keeps tracks alone."""
    save_rollout(fallen, tmp_path / "fallen.npz", g1)
    motion.save(motion.load(tmp_path / "fallen.npz"), tmp_path / "copied.npz")
    with pytest.raises(FormatError, match="after the fall is missing"):
        load_rollout(tmp_path / "copied.npz")


def test_the_actions_of_a_file_replay_the_performance(g1, stood, tmp_path):
    save_rollout(stood, tmp_path / "stood.npz", g1)
    again = replay(load_rollout(tmp_path / "stood.npz"), g1)
    np.testing.assert_array_equal(again.achieved.qpos, stood.achieved.qpos)
    np.testing.assert_array_equal(again.torque, stood.torque)


def test_everyone_else_sees_a_motion_with_contacts(g1, stood, tmp_path):
    save_rollout(stood, tmp_path / "stood.npz", g1)
    clip = motion.load(tmp_path / "stood.npz")
    np.testing.assert_array_equal(clip.qpos, stood.achieved.qpos)
    for i, foot in enumerate(stood.feet):
        halves = [clip.tracks[f"contact_{foot}_{part}"] for part in ("toe", "heel")]
        np.testing.assert_array_equal(np.any(halves, axis=0), stood.contacts[:, i])
    assert clip.tracks["target_pos"].shape == (13, 29)
    np.testing.assert_array_equal(clip.tracks["torque"][-1], stood.torque[-1])
    marks = robot_marks(clip, g1)
    assert marks is not None
    assert set(marks.names) == {f"{foot}_{part}" for foot in g1.feet for part in ("toe", "heel")}
    np.testing.assert_array_equal(reference(g1, clip, 50.0).stance, stood.contacts)


def test_a_raised_heel_does_not_touch(g1, stood):
    """With the ankles turned by 17 degrees, heels are some centimetres higher than toes."""
    tilted = stood.achieved.joint_pos.copy()
    for side in ("left", "right"):
        tilted[:, g1.joints.index(f"{side}_ankle_pitch_joint")] += 0.3
    raised = replace(stood, achieved=replace(stood.achieved, joint_pos=tilted))
    clip = as_motion(replace(raised, contacts=np.ones_like(stood.contacts)), g1)
    assert all(clip.tracks[f"contact_{side}_toe"].all() for side in g1.feet)
    assert not any(clip.tracks[f"contact_{side}_heel"].any() for side in g1.feet)


def test_a_rollout_of_one_frame(g1, tmp_path):
    single = refine(made_clips.still(g1, 1), g1, QUICK)
    save_rollout(single, tmp_path / "one.npz", g1)
    same(load_rollout(tmp_path / "one.npz"), single)


def test_a_changed_rollout_is_a_motion_and_no_rollout(g1, stood, tmp_path):
    clip = motion.trim(as_motion(stood, g1), 0.0, 0.1)
    assert was_performed(clip)
    assert not is_rollout(clip)
    motion.save(clip, tmp_path / "cut.npz")
    with pytest.raises(FormatError, match=r"cut\.npz.*changed since.*trim"):
        load_rollout(tmp_path / "cut.npz")


def test_what_is_no_rollout_is_refused(g1, tmp_path):
    motion.save(made_clips.still(g1, 5), tmp_path / "kinematic.npz")
    with pytest.raises(FormatError, match="physics refine"):
        load_rollout(tmp_path / "kinematic.npz")
    motion.save(motion.trim(sample.motion("stand", fps=10.0), 0.0, 0.5), tmp_path / "human.npz")
    with pytest.raises(FormatError, match="human"):
        load_rollout(tmp_path / "human.npz")
    with pytest.raises(UnderstudyError, match="nowhere"):
        load_rollout(tmp_path / "nowhere.npz")


@pytest.mark.parametrize(
    ("track", "spoil"),
    [
        ("torque", lambda a: a[:, :-1]),
        ("work", lambda a: np.where(a == a.max(), np.nan, a)),
        ("ground_force", lambda a: a[:, :1]),
        ("target_pos", lambda a: a.astype("U9")),
        ("contact_left_toe", lambda a: np.stack([a, a], axis=1)),
        ("reference_root_quat", lambda a: a * 2.0),
        ("reference_joint_pos", lambda a: a[:, :3]),
    ],
)
def test_spoilt_tracks_are_named(g1, stood, tmp_path, track, spoil):
    clip = as_motion(stood, g1)
    motion.save(replace(clip, tracks={**clip.tracks, track: spoil(clip.tracks[track])}), tmp_path / "bad.npz")
    with pytest.raises(FormatError, match=r"bad\.npz"):
        load_rollout(tmp_path / "bad.npz")
    without = {name: values for name, values in clip.tracks.items() if name != track}
    with pytest.raises(ShapeError, match=track):
        of_motion(replace(clip, tracks=without))


@pytest.mark.parametrize(
    "told",
    [
        {"feet": []},
        {"feet": [1, 2]},
        {"feet": "left"},
        {"fell_at": "soon"},
        {"retries": None},
        {"fault": 3},
        {"seconds_asked": None},
    ],
)
def test_a_spoilt_account_is_refused(g1, stood, told):
    clip = as_motion(stood, g1)
    history = (*clip.origin.history[:-1], {**clip.origin.history[-1], **told})
    with pytest.raises(ShapeError, match="feet"):
        of_motion(replace(clip, origin=replace(clip.origin, history=history)))


def test_damaged_files_raise_format_errors_only(g1, fallen, tmp_path):
    path = tmp_path / "fallen.npz"
    save_rollout(fallen, path, g1)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for size in rng.integers(0, len(whole), 6):
        path.write_bytes(whole[:size])
        with pytest.raises(UnderstudyError):
            load_rollout(path)
    for _ in range(6):
        spoilt = bytearray(whole)
        for place in rng.integers(0, len(whole), 40):
            spoilt[place] ^= 0xFF
        path.write_bytes(bytes(spoilt))
        with pytest.raises(UnderstudyError):
            load_rollout(path)


def test_a_failure_leaves_no_file(g1, stood, tmp_path):
    with pytest.raises(UnderstudyError, match="does not exist"):
        save_rollout(stood, tmp_path / "missing" / "stood.npz", g1)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UnderstudyError, match="folder"):
        save_rollout(stood, tmp_path / "folder.npz", g1)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npz"]
