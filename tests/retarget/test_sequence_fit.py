"""SequenceFit beyond the shared contract: certified everywhere, still feet, choices that do what they say."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import evaluate, motion, robots
from understudy.errors import LimitError, UnknownName
from understudy.evaluate.stance import detect
from understudy.evaluate.tracks import HumanTracks, RobotTracks
from understudy.kinematics import clearances
from understudy.motion import HumanMotion, RobotMotion, sample
from understudy.retarget import SequenceFit, SequenceFitConfig
from understudy.retarget.contacts import NAMES, PREFIX


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def fit(g1):
    return SequenceFit(g1)


@pytest.fixture(scope="module")
def walk():
    return motion.trim(sample.motion("walk", fps=30.0), 0.5, 3.0)


def refused(made: RobotMotion, human: HumanMotion, robot) -> list[str]:
    """The checks of the certificate that a motion fails."""
    return [
        f"{c.name}: {c.value} ({c.where})"
        for c in evaluate.certify(made, human, robot).checks
        if not c.passed
    ]


def measured(made: RobotMotion, human: HumanMotion, robot, name: str) -> float:
    value = evaluate.report(made, human, robot)[name].value
    assert value is not None
    return value


def frames_of(human: HumanMotion, *at: int) -> HumanMotion:
    return replace(human, pos=human.pos[list(at)], quat=human.quat[list(at)], tracks={})


def accelerations(made: RobotMotion) -> np.ndarray:
    return np.diff(made.joint_pos.astype(np.float64), 2, axis=0) * made.fps**2


@pytest.mark.parametrize("name", sample.NAMES)
def test_feet_that_stand_stand_still(fit, g1, name):
    human = sample.motion(name, fps=30.0)
    [made] = fit([human])
    assert not refused(made, human, g1)
    assert measured(made, human, g1, "flat_skating") < 0.3
    assert measured(made, human, g1, "sole_height_error") < 3.0


@pytest.mark.parametrize("fps", [15.0, 24.0, 60.0, 120.0])
def test_any_frame_rate(fit, g1, fps):
    human = motion.trim(sample.motion("walk", fps=fps), 0.5, 2.5)
    [made] = fit([human])
    assert (made.fps, made.frames) == (fps, human.frames)
    assert not refused(made, human, g1)
    assert measured(made, human, g1, "flat_skating") < 0.3


def test_the_frame_rate_hardly_changes_the_motion(fit):
    fine, coarse = (motion.trim(sample.motion("punch", fps=fps), 0.5, 2.0) for fps in (120.0, 30.0))
    a, b = fit([fine, coarse])
    assert np.abs(a.joint_pos[::4] - b.joint_pos).mean() < 0.01


def test_every_shipped_robot(walk):
    human = motion.trim(walk, 0.0, 1.0)
    for name in robots.names():
        robot = robots.load(name)
        [made] = SequenceFit(robot)([human])
        assert made.joints == robot.joints
        assert not refused(made, human, robot), name


def test_a_base_that_is_fixed_stays(walk):
    robot = robots.load("unitree_g1_upper")
    assert robot.fixed_base
    [made] = SequenceFit(robot)([walk])
    np.testing.assert_array_equal(made.root_pos, np.tile(robot.home[:3], (walk.frames, 1)))
    np.testing.assert_array_equal(made.root_quat, np.tile(robot.home[3:7], (walk.frames, 1)))
    assert np.ptp(made.joint_pos, axis=0).max() > 0.1


def test_very_short_clips(fit, g1, walk):
    for frames in (1, 2, 3, 4):
        human = frames_of(walk, *range(10, 10 + frames))
        [made] = fit([human])
        assert made.frames == frames
        assert not refused(made, human, g1)


def test_who_does_not_move_stands_still(fit, g1, walk):
    human = frames_of(walk, *[20] * 45)
    [made] = fit([human])
    assert not refused(made, human, g1)
    assert np.abs(np.diff(made.qpos, axis=0)).max() < 1e-3


def test_motors_bind_where_the_human_is_too_fast(g1):
    slow = replace(g1, velocity_limit=np.full_like(g1.velocity_limit, 2.0))
    human = sample.motion("punch", fps=30.0)
    [made] = SequenceFit(slow)([human])
    assert not refused(made, human, slow)
    rate = np.abs(np.diff(made.joint_pos.astype(np.float64), axis=0)) * 30.0
    assert 0.95 * 2.0 < rate.max() <= 2.0


def test_a_jump_cut_becomes_a_quick_smooth_way(g1, walk):
    human = frames_of(sample.motion("squat", fps=30.0), *range(30), *range(43, 70))
    [made] = SequenceFit(g1, SequenceFitConfig(heal=False))([human])
    assert not refused(made, human, g1)
    assert np.abs(accelerations(made)).max() < 1.02 * SequenceFitConfig().acceleration


def test_the_same_clip_gives_the_same_motion_in_any_company(fit, g1, walk):
    turn = motion.trim(sample.motion("turn", fps=60.0), 0.0, 1.0)
    together, alone = fit([turn, walk]), [*fit([turn]), *SequenceFit(g1)([walk])]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_array_equal(a.qpos, b.qpos)


def test_inputs_are_left_as_they_were(fit, walk):
    pos, quat = walk.pos.copy(), walk.quat.copy()
    fit([walk])
    np.testing.assert_array_equal(walk.pos, pos)
    np.testing.assert_array_equal(walk.quat, quat)


def test_contacts_come_with_the_motion(fit, walk):
    [made] = fit([walk])
    assert {f"{PREFIX}{name}" for name in NAMES} <= set(made.tracks)
    stance = detect(HumanTracks.of(walk))
    for side in ("left", "right"):
        theirs = made.tracks[f"{PREFIX}{side}_toe"] >= 0.5
        assert (theirs == stance.toe[side]).mean() > 0.95


def test_contacts_that_a_clip_carries_are_believed(fit, g1, walk):
    none = {f"{PREFIX}{name}": np.zeros(walk.frames, dtype=bool) for name in NAMES}
    [flying] = fit([replace(walk, tracks=none)])
    assert not any(flying.tracks[key].any() for key in none)
    # Who touches nothing has no foot to plant.
    [loose] = SequenceFit(g1, SequenceFitConfig(plant_feet=False))([walk])
    np.testing.assert_allclose(flying.joint_pos, loose.joint_pos, atol=1e-4)


def test_a_foot_that_is_said_to_stand_is_held(fit, g1):
    """A foot is lifted in a squat, and the clip says that it was not."""
    human = sample.motion("squat", fps=30.0)
    lifted, names = human.pos.copy(), human.skeleton.joints
    side = [names.index(n) for n in names if n.startswith("left_") and n.split("_")[1] in ("ankle", "toe")]
    lifted[30:50, side] += np.array([0.03, 0.0, 0.06], np.float32)
    human = replace(human, pos=lifted)
    held = {f"{PREFIX}left_{part}": np.ones(human.frames, dtype=bool) for part in ("toe", "heel")}
    [free], [stuck] = fit([human]), fit([replace(human, tracks=held)])
    up = [RobotTracks.of(g1, m).soles["left"][30:50, :, 2].min(axis=1).max() for m in (free, stuck)]
    assert up[0] > 0.03
    assert up[1] < 0.005


def test_contacts_of_unknown_parts_are_refused(fit, walk):
    with pytest.raises(UnknownName, match="contact_left_tail"):
        fit([replace(walk, tracks={f"{PREFIX}left_tail": np.ones(walk.frames)})])


def test_feet_that_are_not_planted_are_looser(g1, walk):
    [planted], [loose] = (SequenceFit(g1, SequenceFitConfig(plant_feet=p))([walk]) for p in (True, False))
    a, b = (measured(m, walk, g1, "flat_skating") for m in (planted, loose))
    assert a < 0.5 * b
    assert not refused(loose, walk, g1)


@pytest.mark.parametrize(
    ("ground", "raised", "at"), [("auto", 0.1, 0.0), ("flat", 0.5, 0.0), ("none", 0.5, 0.5)]
)
def test_the_floor_is_where_it_is_said_to_be(g1, walk, ground, raised, at):
    human = replace(walk, pos=walk.pos + np.array([0.0, 0.0, raised], np.float32))
    [made] = SequenceFit(g1, SequenceFitConfig(ground=ground))([human])
    lowest = clearances(g1, made).lowest.min(axis=1)
    assert np.median(lowest) == pytest.approx(at * made.origin.history[-1]["scale"], abs=0.03)


def test_parts_that_do_not_move_stay_at_home(g1, walk):
    arms = [k for k, joint in enumerate(g1.joints) if any(p in joint for p in ("shoulder", "elbow", "wrist"))]
    legs = [k for k, joint in enumerate(g1.joints) if any(p in joint for p in ("hip", "knee", "ankle"))]
    for parts, still, moving in (("upper", legs, arms), ("lower", arms, legs)):
        [made] = SequenceFit(g1, SequenceFitConfig(parts=parts))([walk])
        np.testing.assert_allclose(
            made.joint_pos[:, still], np.tile(g1.home[7:][still], (walk.frames, 1)), atol=1e-6
        )
        assert np.ptp(made.joint_pos[:, moving], axis=0).max() > 0.1
        assert not refused(made, walk, g1)


def test_without_basins_the_motion_is_certified_too(g1, walk):
    [made] = SequenceFit(g1, SequenceFitConfig(basins=False))([walk])
    assert not refused(made, walk, g1)


def test_smoothness_buys_acceleration_with_accuracy(g1, walk):
    rough, soft = (SequenceFit(g1, SequenceFitConfig(smoothness=s))([walk])[0] for s in (1e-7, 1e-4))
    assert np.square(accelerations(soft)).mean() < 0.5 * np.square(accelerations(rough)).mean()
    error = [measured(m, walk, g1, "keypoint_error") for m in (rough, soft)]
    assert error[0] < error[1]


@pytest.mark.parametrize(
    ("option", "told"), [({"ground": "moon"}, "auto, flat, none"), ({"parts": "tail"}, "whole, upper")]
)
def test_options_that_do_not_exist_are_refused(g1, option, told):
    with pytest.raises(LimitError, match=told):
        SequenceFit(g1, SequenceFitConfig(**option))


def test_the_motion_tells_how_it_was_made(fit, walk):
    [made] = fit([walk])
    told = made.origin.history[-1]
    assert told["arrow"] == "retarget.sequence_fit"
    assert told["configuration"]["margin"] == SequenceFitConfig().margin
    assert told["tangled_frames"] == 0
    assert told["steps"] >= 1
