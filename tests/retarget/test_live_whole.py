"""Live IK of whole bodies: in closed loop, standing feet stay, the centre of mass stays over them, nothing touches."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from understudy import robots
from understudy.errors import LimitError, SkeletonMismatch
from understudy.kinematics.kernels.live_whole import consensus
from understudy.motion import sample
from understudy.motion.types import HumanFrame
from understudy.retarget.live.balance import Masses
from understudy.retarget.live.planting import Touch
from understudy.retarget.live.whole import WholeControl
from understudy.retarget.live.whole_config import WholeConfig
from understudy.retarget.live.whole_goals import WholeGoals

FPS = 50.0
BALANCED = WholeConfig(balance=True)
WITH_LEGS = [name for name in robots.names() if robots.load(name).feet]


def frames_of(name):
    human = sample.motion(name, fps=FPS)
    return [HumanFrame(human.skeleton, i / FPS, human.pos[i], human.quat[i]) for i in range(human.frames)]


def places(control, pose):
    """Where the control's landmarks are, m."""
    tasks = control.problem.task_arrays
    return np.array([pose.pos[i] + pose.rot[i] @ p for i, p in zip(tasks.link, tasks.point, strict=True)])


def stream(robot, name, config=None):
    """Follow a sample in closed loop; yields the control, pose, goal and what was taken, step by step."""
    control, pose = WholeControl(robot, config or BALANCED), None
    goals = WholeGoals(robot, control.tasks)
    for frame in frames_of(name):
        goal = goals.step(frame)
        pose = control.pose(goal) if pose is None else pose
        yield control, pose, goal, control.step(pose, goal)


def qpos_of(pose):
    return np.concatenate([pose.root_pos, pose.root_quat, pose.q])


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.mark.parametrize("name", ["squat", "reach", "walk"])
def test_a_streamed_human_is_followed_on_feet_that_stay(g1, name):
    before, hands, steps = None, [], 0
    data, feet = mujoco.MjData(g1.model), [g1.feet[side].body for side in ("left", "right")]
    for control, pose, _, taken in stream(g1, name):
        data.qpos[:] = qpos_of(pose)
        mujoco.mj_kinematics(g1.model, data)
        mujoco.mj_comPos(g1.model, data)
        soles = [data.body(body).xpos + data.body(body).xmat.reshape(3, 3) @ g1.feet[side].sole.T[:, 0]
                 for body, side in zip(feet, ("left", "right"), strict=True)]  # fmt: skip
        planted = control.feet.planted.copy()
        if before is not None:
            for side in range(2):
                if planted[side] and before[0][side]:
                    assert np.linalg.norm(soles[side] - before[1][side]) < 1e-4
            steps += int((planted & ~before[0]).sum())
        before = planted, soles
        assert planted.any()
        assert taken.foot_error <= control.config.hold
        x, y = data.subtree_com[1][:2]
        edges = control.feet.edges[: control.feet.count[0]]
        assert (edges[:, 0] * x + edges[:, 1] * y - edges[:, 2]).min() > -1e-6
        assert taken.inside > -1e-6
        assert control.problem.barrier_values(pose).min() > -1e-6
        at, aim = places(control, pose), control._spare.pos
        rows = [control.tasks.index(f"{side}_hand") for side in ("left", "right")]
        hands.append(np.linalg.norm(at[rows] - aim[rows], axis=1).mean())
        assert (pose.q >= g1.lower - 1e-6).all()
        assert (pose.q <= g1.upper + 1e-6).all()
    assert np.median(hands) < 0.05
    assert steps >= (4 if name == "walk" else 0)


def test_without_balance_feet_keep_time(g1):
    late = []
    for control, _, goal, _ in stream(g1, "walk", WholeConfig(balance=False)):
        late.append((control.feet.planted != goal.planted).mean())
    assert np.mean(late) < 0.3


@pytest.mark.parametrize("name", WITH_LEGS)
def test_every_robot_with_legs_squats(name):
    robot = robots.load(name)
    low, high, last = np.inf, -np.inf, None
    for control, pose, _, taken in stream(robot, "squat"):
        if last is not None and control.feet.planted.all() and last[0].all():
            rows = [control.tasks.index(f"{side}_ankle") for side in ("left", "right")]
            assert np.abs(places(control, pose)[rows] - last[1][rows]).max() < 1e-4
            assert taken.inside > -1e-6
        last = control.feet.planted.copy(), places(control, pose)
        low, high = min(low, pose.root_pos[2]), max(high, pose.root_pos[2])
    assert last is not None
    assert last[0].all()
    assert high - low > 0.1 * robot.height


@pytest.mark.parametrize("name", [name for name in robots.names() if name not in WITH_LEGS])
def test_a_robot_without_legs_is_told_so(name):
    with pytest.raises(LimitError, match="has no whole-body mode"):
        WholeControl(robots.load(name))


def test_an_unknown_option_is_told(g1):
    with pytest.raises(LimitError, match="'body' or 'world'"):
        WholeControl(g1, WholeConfig(hands="air"))


def test_a_human_without_feet_is_told(g1):
    frame = frames_of("stand")[0]
    marks = frame.skeleton.landmarks
    keep = [k for k, name in enumerate(marks.names) if not name.endswith("toe")]
    less = replace(marks, names=tuple(marks.names[k] for k in keep), carriers=marks.carriers[keep],
                   pos=marks.pos[keep], quat=marks.quat[keep])  # fmt: skip
    with pytest.raises(SkeletonMismatch, match="left_toe"):
        WholeGoals(g1, ("pelvis",)).step(replace(frame, skeleton=replace(frame.skeleton, landmarks=less)))


def test_masses_are_those_of_the_model(g1):
    data, masses = mujoco.MjData(g1.model), Masses.of(g1)
    data.qpos[:] = g1.home
    data.qpos[7:] += np.random.default_rng(0).uniform(-0.2, 0.2, len(g1.joints))
    mujoco.mj_kinematics(g1.model, data)
    mujoco.mj_comPos(g1.model, data)
    pose = WholeControl(g1).problem.pose(data.qpos)
    centre = sum(
        m * (p + r @ c) for m, p, r, c in zip(masses.part, pose.pos, pose.rot, masses.centre, strict=True)
    )
    np.testing.assert_allclose(centre, data.subtree_com[1], atol=1e-6)


def test_votes_agree_on_the_whole_bodys_minimum(g1):
    """Far from every bound, the base's step is that of one QP over base and all limbs together."""
    control = WholeControl(g1, WholeConfig(knee_weight=0.0, elbow_turn_weight=0.0))
    goals = WholeGoals(g1, control.tasks)
    goal = goals.step(frames_of("reach")[0])
    pose = control.pose(goal)
    goal.tasks.pos[:, 2] -= 2e-3
    p, body = control.problem, control._body
    control.feet.count[0] = 0
    n = int(p.limb_arrays.count[0, 0])
    z, carried = np.zeros(body.base), np.zeros((n, body.base))
    rounds = consensus(
        p.tree, p.limb_arrays, p.task_arrays, control._close, p.joints, p.settings, control._calm, body,
        control._settings, goal.tasks, control.feet, pose, control._qp, control._base, control._path,
        control._votes, carried, z,
    )  # fmt: skip
    parts = len(control.parts)
    total = body.base + sum(len(part.columns) for part in control.parts)
    hessian, gradient = np.zeros((total, total)), np.zeros(total)
    base, room = np.arange(body.base), p.workspace()
    legs = replace(p, settings=control._calm)
    first = legs.assemble(0, pose, goal.tasks, room)
    hessian[np.ix_(base, base)] += first.hessian[: body.base, : body.base] + np.diag(body.damping)
    gradient[base] += first.gradient[: body.base]
    start = body.base
    for k in range(parts):
        qp = (legs if k < 2 else p).assemble(1 + k, pose, goal.tasks, room)
        at = np.concatenate([base, np.arange(start, start + len(control.parts[k].columns))])
        hessian[np.ix_(at, at)] += qp.hessian
        gradient[at] += qp.gradient
        start += len(control.parts[k].columns)
    assert rounds == 1
    np.testing.assert_allclose(z, np.linalg.solve(hessian, -gradient)[: body.base], atol=1e-8)


def test_touch_is_low_and_slow():
    touch, place = (
        Touch(),
        np.array([[[0.0, 0.1, 0.1], [0.1, 0.1, 0.02]], [[0.0, -0.1, 0.1], [0.1, -0.1, 0.02]]]),
    )
    assert touch.step(place, 0.0, 1.0).all()
    place[0, :, 0] += 0.02  # 1 m/s
    assert touch.step(place, 0.02, 1.0).tolist() == [False, True]
    place[1, 0, 2] += 0.06  # the heel
    assert touch.step(place, 0.5, 1.0).tolist() == [True, False]
