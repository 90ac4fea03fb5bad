"""The CPU engine: what is put in comes out, rows are independent, and threads change nothing."""

import mujoco
import numpy as np
import pytest
import torch

from understudy import kinematics, robots
from understudy.errors import LimitError, ShapeError
from understudy.kinematics.chain import Chain
from understudy.physics import Gains, MujocoCpu, PhysicsConfig, Simulator, State, as_torch

ALL = robots.names()


def noisy(targets, seed=0):
    return targets + np.random.default_rng(seed).normal(0.0, 0.2, targets.shape)


def same(a, b):
    return all(np.array_equal(getattr(a, f), getattr(b, f)) for f in ("qpos", "qvel", "warmstart"))


@pytest.mark.parametrize("name", ALL)
def test_every_robot_steps(name, make):
    robot = robots.load(name)
    engine, targets = make(robot, 2)
    assert isinstance(engine, Simulator)
    for _ in range(25):
        seen = engine.step(targets)
    assert not seen.fault.any()
    assert seen.time == pytest.approx([0.5, 0.5])
    assert (seen.self_contacts == 0).all()
    assert np.array_equal(engine.state().qpos[0], engine.state().qpos[1])
    if robot.fixed_base:
        assert np.allclose(seen.root_pos, robot.home[:3])
        assert not seen.ground_force.any()
    else:
        mass = robot.model.body_mass.sum()
        assert seen.ground_force[0].sum(axis=0)[2] == pytest.approx(9.81 * mass, rel=0.5)


@pytest.mark.parametrize("name", ALL)
def test_the_model_is_the_robot_s(name, make):
    robot = robots.load(name)
    made, _ = make(robot, 1)
    model, own = made.models[0], robot.model
    skip = 6 if robot.fixed_base else 0
    assert np.allclose(model.jnt_range[1 - skip // 6 :], own.jnt_range[1:])
    assert np.allclose(model.body_mass, own.body_mass)
    assert np.allclose(model.body_inertia, own.body_inertia)
    assert np.allclose(model.dof_armature, own.dof_armature[skip:])
    assert np.allclose(model.dof_damping, own.dof_damping[skip:])
    assert np.allclose(model.dof_frictionloss, own.dof_frictionloss[skip:])
    assert [model.actuator(i).name for i in range(model.nu)] == list(robot.joints)
    assert np.allclose(model.actuator_forcerange[:, 1], robot.effort_limit)
    assert model.opt.gravity == pytest.approx(own.opt.gravity)


@pytest.mark.parametrize("name", ALL)
def test_bodies_are_where_kinematics_has_them(name, make, tossed):
    robot = robots.load(name)
    engine, _ = make(robot, 4)
    state = tossed(robot, 4)
    engine.reset(range(4), state)
    qpos = torch.as_tensor(engine.state().qpos)
    pose = Chain.from_robot(robot, torch.float64).at(qpos[:, :3], qpos[:, 3:7], qpos[:, 7:])
    links = kinematics.Tree.from_robot(robot).body_link
    assert np.allclose(engine.readings.body_pos, pose.pos[:, links].numpy(), atol=1e-6)
    dot = (engine.readings.body_quat * pose.quat[:, links].numpy()).sum(-1)
    assert np.allclose(np.abs(dot), 1.0, atol=1e-6)


def test_velocities_are_those_of_the_origins_in_the_world(g1, make, tossed):
    """Against MuJoCo's own function for the velocity of a frame, and finite differences of the poses."""
    engine, _ = make(g1, 2)
    engine.reset(range(2), tossed(g1, 2))
    seen, state, model = engine.readings, engine.state(), engine.models[0]
    data, vel = mujoco.MjData(model), np.zeros(6)
    for i in range(2):
        data.qpos, data.qvel = state.qpos[i], state.qvel[i]
        mujoco.mj_forward(model, data)
        for b in range(len(g1.bodies)):
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, b + 1, vel, 0)
            assert np.allclose(seen.body_ang_vel[i, b], vel[:3], atol=1e-5)
            assert np.allclose(seen.body_lin_vel[i, b], vel[3:], atol=1e-5)
        mujoco.mj_subtreeVel(model, data)
        assert np.allclose(seen.com_vel[i], data.subtree_linvel[1], atol=1e-5)
    assert np.allclose(seen.root_lin_vel, state.qvel[:, :3], atol=1e-6)
    before, h = seen.body_pos.copy(), 1e-4
    later = state.qpos.copy()
    for i in range(2):
        mujoco.mj_integratePos(model, later[i], state.qvel[i], h)
    velocity = seen.body_lin_vel.copy()
    engine.reset(range(2), State(later, state.qvel))
    assert np.allclose((engine.readings.body_pos - before) / h, velocity, atol=0.02)


def test_what_is_put_in_comes_out(g1, make, tossed):
    engine, targets = make(g1, 5)
    state = tossed(g1, 2)
    held = engine.state([0, 2, 4])
    engine.step(targets)
    engine.reset([3, 1], state)
    assert np.array_equal(engine.state([3, 1]).qpos, state.qpos)
    assert np.array_equal(engine.state([3, 1]).qvel, state.qvel)
    assert np.array_equal(engine.readings.joint_pos[3], state.qpos[0, 7:].astype(np.float32))
    assert engine.readings.time == pytest.approx([0.02, 0.0, 0.02, 0.0, 0.02])
    assert not engine.readings.torque[[1, 3]].any()
    assert not np.array_equal(engine.state([0, 2, 4]).qpos, held.qpos)
    one = State(state.qpos[:1], state.qvel[:1])
    engine.reset(range(5), one)
    assert (engine.state().qpos == one.qpos).all()


def test_a_simulation_put_back_repeats_itself_to_the_bit(g1, make):
    engine, targets = make(g1, 3)
    for k in range(10):
        engine.step(noisy(targets, k))
    middle = engine.state()
    ends = []
    for _ in range(2):
        for k in range(10, 20):
            engine.step(noisy(targets, k))
        ends.append((engine.state(), engine.readings.ground_force.copy()))
        engine.reset(range(3), middle)
    assert same(ends[0][0], ends[1][0])
    assert np.array_equal(ends[0][1], ends[1][1])


@pytest.mark.parametrize("options", [{"threads": 2}, {"threads": 3}, {"threads": 2, "own_models": True}])
def test_threads_and_neighbours_change_nothing(g1, make, options):
    def run(count, **options):
        engine, targets = make(g1, count, **options)
        for k in range(20):
            engine.step(noisy(targets, k)[:count] if count == 13 else noisy(np.tile(targets, (13, 1)), k)[:1])
        return engine

    alone, many, one = run(13), run(13, **options), run(1)
    assert same(alone.state(), many.state())
    assert np.array_equal(alone.readings.torque, many.readings.torque)
    assert same(alone.state([0]), one.state())
    assert len(many.models) == (13 if "own_models" in options else 1)


def test_it_is_what_mujoco_itself_does(g1, make):
    engine, targets = make(g1, 1)
    model = engine.models[0]
    data = mujoco.MjData(model)
    data.qpos = engine.state().qpos[0]
    for k in range(25):
        data.ctrl = noisy(targets, k)[0]
        engine.step(noisy(targets, k))
        mujoco.mj_step(model, data, nstep=4)
    assert np.array_equal(engine.state().qpos[0], data.qpos)
    assert np.array_equal(engine.state().qvel[0], data.qvel)


def test_models_of_their_own_may_differ(g1, make):
    engine, targets = make(g1, 2, own_models=True)
    engine.models[1].opt.gravity[2] = -1.62
    engine.models[1].body_mass[1] *= 3.0
    mujoco.mj_setConst(engine.models[1], mujoco.MjData(engine.models[1]))
    raised = engine.state()
    raised.qpos[:, 2] += 1.0
    engine.reset(range(2), raised)
    for _ in range(10):
        seen = engine.step(targets)
    assert seen.com_vel[:, 2] == pytest.approx([-1.962, -0.324], abs=1e-3)


def test_torques_are_the_pd_law_within_the_motors_limits(g1, make, tossed):
    config = PhysicsConfig(substeps=1)
    engine, targets = make(g1, 64, config)
    state = tossed(g1, 64)
    engine.reset(range(64), state)
    seen = engine.step(noisy(targets) + 0.5)
    gains = Gains.of(g1)
    law = gains.stiffness * (noisy(targets) + 0.5 - state.qpos[:, 7:]) - gains.damping * state.qvel[:, 6:]
    limit = g1.effort_limit.astype(np.float64)
    assert np.allclose(seen.torque, np.clip(law, -limit, limit), atol=1e-4)
    full = np.abs(law) > limit
    assert 0.02 < full.mean() < 0.9
    assert np.array_equal(seen.saturation > 0.5, full)
    for k in range(10):
        assert (np.abs(engine.step(noisy(targets, k) + 100.0).torque) <= limit * (1 + 1e-6)).all()


def test_the_robot_touches_itself_only_where_that_is_allowed(g1, make):
    """Arms drawn through the trunk: stopped with self-collision, not without."""
    targets = np.tile(g1.home[7:].astype(np.float64), (1, 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        targets[0, g1.joints.index(f"{side}_shoulder_roll_joint")] = -sign * 1.0
        targets[0, g1.joints.index(f"{side}_shoulder_yaw_joint")] = -sign * 1.5
    most = {}
    for with_collision in (True, False):
        config = PhysicsConfig(self_collision=with_collision, gains=Gains.stiff(g1))
        engine, _ = make(g1, 1, config)
        most[with_collision] = max(int(engine.step(targets).self_contacts[0]) for _ in range(40))
        assert (engine.readings.self_force[0] > 1.0) == with_collision
    assert most[True] > 0
    assert most[False] == 0


def test_tensors_show_what_the_readings_hold(g1, make):
    engine, targets = make(g1, 2)
    tensors = as_torch(engine.readings)
    engine.step(targets)
    assert isinstance(tensors.body_pos, torch.Tensor)
    assert np.array_equal(tensors.root_pos.numpy(), engine.readings.root_pos)


def test_bad_requests_are_refused(g1, make):
    engine, targets = make(g1, 2)
    with pytest.raises(ShapeError, match=r"\(2, 29\)"):
        engine.step(targets[:1])
    with pytest.raises(ShapeError, match="qpos of 2 robots"):
        engine.reset([0, 1], State(np.zeros((3, 36)), np.zeros((3, 35))))
    with pytest.raises(LimitError, match="between 0 and 1"):
        engine.reset([2], engine.state([0]))
    for count, threads in ((0, 1), (1, 0)):
        with pytest.raises(LimitError, match="At least one"):
            MujocoCpu(g1, count, threads=threads)
    for make_nonsense in (
        lambda: PhysicsConfig(timestep=0.0),
        lambda: PhysicsConfig(substeps=0),
        lambda: PhysicsConfig(friction=-1.0),
    ):
        with pytest.raises(LimitError, match="A time step is positive"):
            make_nonsense()
