"""LiveIK as a live retargeter: a stream of human frames in, robot frames out, whatever the frames hold."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import motion, robots
from understudy.errors import LimitError, SkeletonMismatch
from understudy.motion import sample
from understudy.motion.types import HumanFrame, RobotFrame
from understudy.protocols import LiveRetargeter, Retargeter
from understudy.retarget.live.followers import Upper
from understudy.retarget.live_ik import LiveIK, LiveIKConfig, WholeConfig, as_batch
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_mul

UPPER = LiveIKConfig()


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def wave():
    return sample.motion("wave", fps=50.0)


def frame(human, t, time=None):
    return HumanFrame(
        human.skeleton, t / human.fps if time is None else time, human.pos[t].copy(), human.quat[t].copy()
    )


def goal_of(live):
    follower = live._follower
    assert isinstance(follower, Upper)
    return follower._goal


def test_it_is_a_live_retargeter(g1, wave):
    live = LiveIK(g1, UPPER)
    assert isinstance(live, LiveRetargeter)
    assert isinstance(as_batch(live), Retargeter)
    first = live.reset(frame(wave, 0))
    assert isinstance(first, RobotFrame)
    assert (first.robot, first.qpos.shape) == (g1.name, g1.home.shape)
    assert live.step(frame(wave, 1)).time == 1 / 50.0


def test_it_follows_within_limits_barriers_and_speed(g1, wave):
    live = LiveIK(g1, UPPER)
    q = [live.reset(frame(wave, 0)).qpos]
    errors = []
    for t in range(1, wave.frames):
        q.append(live.step(frame(wave, t)).qpos)
        k = live.problem.tasks.index("right_hand")
        link, point = live.problem.mark("right_hand")
        pose = live.problem.pose(q[-1])
        errors.append(np.linalg.norm(pose.pos[link] + pose.rot[link] @ point - goal_of(live).pos[k]))
        assert live.problem.barrier_values(pose).min() > -1e-9
    q = np.array(q)
    assert (q[:, 7:] >= g1.lower - 1e-9).all()
    assert (q[:, 7:] <= g1.upper + 1e-9).all()
    assert np.abs(np.diff(q[:, 7:], axis=0)).max() <= UPPER.step + 1e-9
    assert np.abs(q[:, :7] - g1.home[:7]).max() < 1e-6
    assert np.mean(errors) < 0.03


def test_a_human_elsewhere_and_facing_elsewhere_asks_the_same(g1, wave):
    turn = quat_about("z", np.float64(2.0))
    moved = replace(
        wave,
        pos=quat_apply(turn, wave.pos.astype(np.float64)) + np.array([3.0, -1.0, 0.4]),
        quat=quat_mul(turn, wave.quat.astype(np.float64)),
    )
    [here], [there] = as_batch(LiveIK(g1, UPPER))([wave]), as_batch(LiveIK(g1, UPPER))([moved])
    assert np.abs(here.joint_pos - there.joint_pos).max() < 1e-2


def test_the_same_stream_gives_the_same_answers(g1, wave):
    live = LiveIK(g1, UPPER)
    batch = as_batch(live)
    [one], [two], [other] = batch([wave]), batch([wave]), as_batch(LiveIK(g1, UPPER))([wave])
    assert np.array_equal(one.qpos, two.qpos)
    assert np.array_equal(one.qpos, other.qpos)
    assert one.origin.history[-1]["arrow"] == "retarget.LiveIK"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: replace(f, pos=np.full_like(f.pos, np.nan)),
        lambda f: replace(f, pos=np.full_like(f.pos, np.inf)),
        lambda f: replace(f, pos=np.zeros_like(f.pos)),
        lambda f: replace(f, pos=1e6 * f.pos),
        lambda f: replace(f, quat=np.zeros_like(f.quat)),
        lambda f: replace(f, quat=-3.0 * f.quat),
        lambda f: replace(f, time=float("nan")),
        lambda f: replace(f, time=-5.0),
        lambda f: replace(f, time=1e9),
    ],
    ids=[
        "nan",
        "inf",
        "one point",
        "huge",
        "no turns",
        "long quaternions",
        "no time",
        "back in time",
        "late",
    ],
)
def test_bad_frames_neither_raise_nor_break_anything(g1, wave, spoil):
    live = LiveIK(g1, UPPER)
    for start in (frame(wave, 0), spoil(frame(wave, 0))):
        live.reset(start)
        for t in range(1, 12):
            out = live.step(spoil(frame(wave, t)) if t % 2 else frame(wave, t))
            assert np.isfinite(out.qpos).all()
            assert live.problem.barrier_values(live.problem.pose(out.qpos)).min() > -1e-9
            assert (out.qpos[7:] >= g1.lower - 1e-9).all()
            assert (out.qpos[7:] <= g1.upper + 1e-9).all()


def test_a_step_without_a_reset_is_one(g1, wave):
    assert np.array_equal(
        LiveIK(g1, UPPER).step(frame(wave, 0)).qpos, LiveIK(g1, UPPER).reset(frame(wave, 0)).qpos
    )


def test_slow_sources_get_more_control_steps(g1, wave):
    live = LiveIK(g1, UPPER)
    start = live.reset(frame(wave, 0)).qpos
    moved = live.step(frame(wave, wave.frames // 2, time=0.06)).qpos
    assert 0.2 < np.abs(moved - start).max() <= UPPER.jump + 1e-9
    assert live.steps == 3


@pytest.mark.parametrize("fps", [5.0, 30.0, 120.0, 1000.0])
@pytest.mark.parametrize("config", [UPPER, WholeConfig()], ids=["upper", "whole"])
def test_speeds_are_kept_from_frame_to_frame_at_any_rate(g1, wave, config, fps):
    live = LiveIK(g1, config)
    shared = config if isinstance(config, LiveIKConfig) else config.live
    fastest = np.minimum(shared.step / shared.dt, g1.velocity_limit)
    before = live.reset(frame(wave, 0)).qpos
    for t in range(1, 8):
        now = live.step(frame(wave, 12 * t, time=t / fps)).qpos
        far = np.abs(now - before)[7:]
        assert (far <= np.minimum(fastest * min(1.0 / fps, 0.1), shared.jump) * 1.02 + 1e-6).all()
        before = now
    assert 2 * 7 <= live.steps <= 5 * 7


def test_the_robot_decides_what_moves_unless_it_is_told():
    with_legs, without = robots.load("unitree_g1"), robots.load("unitree_g1_upper")
    assert isinstance(LiveIK(with_legs).config, WholeConfig)
    assert isinstance(LiveIK(without).config, LiveIKConfig)
    with pytest.raises(LimitError, match="no whole-body mode"):
        LiveIK(without, WholeConfig())
    with pytest.raises(LimitError, match="'auto', 'flat' or 'none'"):
        LiveIK(with_legs, WholeConfig(ground="soft"))


def test_a_skeleton_without_hands_is_followed_by_its_wrists(g1, wave):
    marks = wave.skeleton.landmarks
    fewer = replace(
        wave,
        skeleton=replace(
            wave.skeleton, landmarks=marks.select(tuple(n for n in marks.names if not n.endswith("_hand")))
        ),
    )
    [whole], [without] = as_batch(LiveIK(g1, UPPER))([wave]), as_batch(LiveIK(g1, UPPER))([fewer])
    assert np.abs(whole.joint_pos - without.joint_pos).max() < 1.0
    assert np.median(np.abs(whole.joint_pos - without.joint_pos)) < 0.05


def test_a_skeleton_without_arms_is_refused(g1, wave):
    marks = wave.skeleton.landmarks
    armless = replace(
        wave.skeleton, landmarks=marks.select(tuple(n for n in marks.names if "elbow" not in n))
    )
    with pytest.raises(SkeletonMismatch, match="left_elbow, right_elbow"):
        LiveIK(g1, UPPER).reset(replace(frame(wave, 0), skeleton=armless))


@pytest.mark.parametrize("name", robots.names())
def test_every_shipped_robot_follows(name, wave):
    robot = robots.load(name)
    [out] = as_batch(LiveIK(robot, UPPER))([motion.trim(wave, 0.0, 0.38)])
    assert out.frames == 20
    assert quat_angle(out.root_quat, np.tile(robot.home[3:7], (20, 1)).astype(np.float32)).max() < 1e-3
