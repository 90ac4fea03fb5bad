"""What every live retargeter promises on every robot that comes with the package: an answer to each frame, whatever it
holds, in a bounded amount of work, within the robot's limits.

Work is counted in control steps, or runs of a network: seconds on a shared machine prove nothing.
"""

from dataclasses import replace

import numpy as np
import pytest

from understudy import robots
from understudy.errors import SkeletonMismatch
from understudy.motion import sample
from understudy.motion.types import HumanFrame, RobotFrame
from understudy.protocols import LiveRetargeter
from understudy.retarget import LiveIK, LiveIKConfig, NMRLive, NMRLiveConfig
from understudy.rotations import quat_about, quat_apply, quat_mul

FPS = 50.0
MAKERS = {
    "LiveIK": LiveIK,
    "LiveIK, upper": lambda robot: LiveIK(robot, LiveIKConfig()),
    "NMR": NMRLive,
    "NMR, at once": lambda robot: NMRLive(robot, NMRLiveConfig(look_ahead=0.0)),
}
"""Live retargeters by name; a robot in, one out."""
TRAINED = ("unitree_g1",)
"""Robots that weights are shipped for."""
CASES = [
    (maker, robot) for robot in robots.names() for maker in MAKERS if "NMR" not in maker or robot in TRAINED
]
MOST_STEPS = 5
"""Control steps that a frame may take."""
LONGEST = 0.1
"""Seconds of motion that one frame may be worth, however late it is."""


@pytest.fixture(scope="module")
def walk():
    return sample.motion("walk", fps=FPS)


@pytest.fixture(scope="module", params=CASES, ids=" on ".join)
def case(request):
    """A live retargeter's name and a robot's."""
    return request.param


@pytest.fixture(scope="module")
def robot(case):
    return robots.load(case[1])


@pytest.fixture(scope="module")
def make(case, robot):
    """Makes a fresh one."""
    return lambda: MAKERS[case[0]](robot)


@pytest.fixture
def live(make):
    return make()


def frame(human, t, time=None):
    return HumanFrame(
        human.skeleton, t / FPS if time is None else time, human.pos[t].copy(), human.quat[t].copy()
    )


def follow(live, frames):
    """Robot poses, one for each frame."""
    return np.array([live.reset(frames[0]).qpos, *(live.step(f).qpos for f in frames[1:])])


def turned(f, axis, angle):
    turn = quat_about(axis, np.float64(angle))
    return replace(
        f, pos=quat_apply(turn, f.pos.astype(np.float64)), quat=quat_mul(turn, f.quat.astype(np.float64))
    )


def stretched(f):
    """One joint somewhere else."""
    pos = f.pos.copy()
    pos[-1] += 5.0
    return replace(f, pos=pos)


HOSTILE = {
    "nan": lambda f: replace(f, pos=np.full_like(f.pos, np.nan)),
    "inf": lambda f: replace(f, pos=np.full_like(f.pos, np.inf)),
    "largest numbers": lambda f: replace(f, pos=np.full_like(f.pos, np.finfo(np.float32).max)),
    "one point": lambda f: replace(f, pos=np.zeros_like(f.pos)),
    "a giant": lambda f: replace(f, pos=1e6 * f.pos),
    "a dwarf": lambda f: replace(f, pos=1e-6 * f.pos),
    "joints missing": lambda f: replace(f, pos=f.pos[:3], quat=f.quat[:3]),
    "nothing": lambda f: replace(f, pos=f.pos[:0], quat=f.quat[:0]),
    "a joint torn off": stretched,
    "turns nan": lambda f: replace(f, quat=np.full_like(f.quat, np.nan)),
    "no turns": lambda f: replace(f, quat=np.zeros_like(f.quat)),
    "long quaternions": lambda f: replace(f, quat=-3.0 * f.quat),
    "somewhere else": lambda f: replace(f, pos=f.pos + np.array([500.0, -300.0, 40.0], np.float32)),
    "under the floor": lambda f: replace(f, pos=f.pos - np.array([0.0, 0.0, 30.0], np.float32)),
    "upside down": lambda f: turned(f, "x", np.pi),
    "face down": lambda f: turned(f, "y", np.pi / 2),
    "no time": lambda f: replace(f, time=float("nan")),
    "never": lambda f: replace(f, time=float("inf")),
    "back in time": lambda f: replace(f, time=-5.0),
    "years late": lambda f: replace(f, time=1e9),
}


def test_it_is_a_live_retargeter(live, robot, walk):
    assert isinstance(live, LiveRetargeter)
    assert live.robot is robot
    first, then = live.reset(frame(walk, 0)), live.step(frame(walk, 1))
    for out, time in ((first, 0.0), (then, 1 / FPS)):
        assert isinstance(out, RobotFrame)
        assert (out.robot, out.time, out.qpos.shape) == (robot.name, time, robot.home.shape)
        assert np.isfinite(out.qpos).all()
    assert first.qpos is not then.qpos
    assert not np.shares_memory(first.qpos, then.qpos)


def test_limits_of_joints_and_motors_hold(live, robot, walk):
    q = follow(live, [frame(walk, t) for t in range(40)])
    assert (q[:, 7:] >= robot.lower - 1e-6).all()
    assert (q[:, 7:] <= robot.upper + 1e-6).all()
    assert (np.abs(np.diff(q[:, 7:], axis=0)) * FPS <= robot.velocity_limit * (1 + 1e-4)).all()
    assert np.abs(np.linalg.norm(q[:, 3:7], axis=1) - 1.0).max() < 1e-6
    assert np.abs(np.diff(q[:, 7:], axis=0)).max() > 0.01


def test_the_first_frame_is_as_good_as_the_tenth_of_one_who_stands(live, walk):
    still = [frame(walk, 0, time=t / FPS) for t in range(10)]
    q = follow(live, still)
    assert np.abs(q[-1] - q[0])[7:].max() < 0.2


def test_a_reset_forgets_all(live, make, walk):
    frames = [frame(walk, t) for t in range(12)]
    fresh = follow(live, frames)
    for spoil in HOSTILE.values():
        live.step(spoil(frame(walk, 30)))
    assert np.array_equal(follow(live, frames), fresh)
    assert np.array_equal(follow(make(), frames), fresh)


def test_a_step_without_a_reset_is_one(make, walk):
    assert np.array_equal(make().step(frame(walk, 0)).qpos, make().reset(frame(walk, 0)).qpos)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_frames_neither_raise_nor_break_a_limit(live, robot, walk, name):
    """As the first frame of all, and between good ones."""
    spoil = HOSTILE[name]
    given = [
        spoil(frame(walk, 0)),
        *(frame(walk, t) if t % 3 else spoil(frame(walk, t)) for t in range(1, 7)),
    ]
    before, time, taken = live.reset(given[0]).qpos, given[0].time, 0
    for one in given[1:]:
        now = live.step(one).qpos
        assert np.isfinite(now).all()
        assert (now[7:] >= robot.lower - 1e-6).all()
        assert (now[7:] <= robot.upper + 1e-6).all()
        passed = one.time - time
        most = min(passed, LONGEST) if passed > 0 else live.idle
        assert (np.abs(now - before)[7:] <= robot.velocity_limit * most * (1 + 1e-4)).all()
        assert live.steps - taken <= MOST_STEPS
        before, taken = now, live.steps
        time = one.time if np.isfinite(one.time) else time


def test_the_robot_stands_still_through_frames_that_are_lost(make, walk):
    """Where the human stood still before, and with what little is left of the way to the last pose."""
    live = make()
    q = follow(live, [frame(walk, 0, time=t / FPS) for t in range(10)])
    lost = [live.step(replace(HOSTILE["nan"](frame(walk, t)), time=t / FPS)).qpos for t in range(10, 20)]
    assert np.abs(lost - q[-1]).max() < 0.02


def test_a_skeleton_that_lacks_what_is_followed_is_refused(live, walk):
    marks = walk.skeleton.landmarks
    armless = replace(
        walk.skeleton, landmarks=marks.select(tuple(n for n in marks.names if "elbow" not in n))
    )
    with pytest.raises(SkeletonMismatch, match="left_elbow, right_elbow"):
        live.reset(replace(frame(walk, 0), skeleton=armless))
