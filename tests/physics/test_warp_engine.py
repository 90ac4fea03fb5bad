"""The engine on MuJoCo Warp: the contract of all engines, the CPU engine's results, and what only it does.

It runs on the CPU here; the tests that need a GPU say so. The first run compiles for a minute or two.
"""

import logging
import sys
from types import SimpleNamespace

import made_clips
import numpy as np
import pytest
import test_engine
import test_gains_and_health
import torch

from understudy import physics
from understudy.errors import LimitError, MissingExtra, ShapeError, UnknownName
from understudy.physics import (
    ClipsAtRate,
    Gains,
    MujocoCpu,
    PhysicsConfig,
    Readings,
    Simulator,
    State,
    faults,
)
from understudy.physics import randomize as vary

ROBOTS = ("unitree_g1", "unitree_g1_upper")  # every other one would compile for minutes
gpu = pytest.mark.gpu
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture(scope="session")
def build():
    """Engines of this kind on the CPU, as new; equal ones are built once."""
    pytest.importorskip("mujoco_warp", reason="MuJoCo Warp, of the extra 'physics', is not installed")
    from understudy.physics.mujoco_warp import MujocoWarp

    made = {}

    def build(robot, count, config=None, **options):
        config = config or PhysicsConfig()
        gains = config.gains or Gains.of(robot)
        facts = (config.timestep, config.substeps, config.friction, config.give, config.self_collision)
        key = (robot.name, count, *facts, gains.stiffness.tobytes(), gains.damping.tobytes())
        key += tuple(options.items())
        if key not in made:
            made[key] = MujocoWarp(robot, count, config, "cpu", **options)
        made[key].reset(range(count), stances(robot, count, spread=0.0))
        return made[key]

    return build


@pytest.fixture
def make(build):
    """For the tests of the CPU engine: the same memory as numpy's arrays, and targets that hold the home stance."""

    def make(robot, count, config=None, **options):
        engine = build(robot, count, config)
        seen = Readings(**{name: tensor.numpy() for name, tensor in vars(engine.readings).items()})

        def step(targets):
            engine.step(targets)
            return seen

        def state(which=None):
            return State(*(tensor.numpy() for tensor in vars(engine.state(which)).values()))

        facts = {"config": engine.config, "dt": engine.dt, "models": (engine.model,)}
        shown = SimpleNamespace(robot=robot, count=count, readings=seen, **facts)
        shown.step, shown.state, shown.reset = step, state, engine.reset
        return shown, np.tile(robot.home[7:].astype(np.float64), (count, 1))

    return make


@pytest.fixture
def pair(build):
    """This engine and the CPU's in the same states, and targets that hold the home stance."""

    def pair(robot, state, config=None):
        engines = build(robot, len(state), config), MujocoCpu(robot, len(state), config, threads=1)
        for engine in engines:
            engine.reset(range(len(state)), state)
        return *engines, np.tile(robot.home[7:].astype(np.float64), (len(state), 1))

    return pair


def stances(robot, count, lift=0.0, seed=0, spread=0.02):
    """At rest near home, joints off by so many rad."""
    qpos = np.tile(robot.home.astype(np.float64), (count, 1))
    qpos[:, 2] += lift
    qpos[:, 7:] += np.random.default_rng(seed).normal(0.0, spread, (count, len(robot.joints)))
    return State(qpos, np.zeros((count, 6 + len(robot.joints))))


def apart(ours, theirs, name):
    return np.abs(getattr(ours.readings, name).numpy() - getattr(theirs.readings, name)).max()


# The contract, by the tests of the CPU engine.


@pytest.mark.parametrize("name", ROBOTS)
def test_robots_step(name, make):
    test_engine.test_every_robot_steps(name, make)


@pytest.mark.parametrize("name", ROBOTS)
def test_bodies_are_where_kinematics_has_them(name, make, tossed):
    test_engine.test_bodies_are_where_kinematics_has_them(name, make, tossed)


def test_torques_are_the_pd_law_within_the_motors_limits(g1, make, tossed):
    test_engine.test_torques_are_the_pd_law_within_the_motors_limits(g1, make, tossed)


@pytest.mark.parametrize(
    "test",
    [
        test_engine.test_a_simulation_put_back_repeats_itself_to_the_bit,
        test_engine.test_the_robot_touches_itself_only_where_that_is_allowed,
        test_engine.test_tensors_show_what_the_readings_hold,
        test_gains_and_health.test_stiff_gains_stand_ten_seconds_and_take_a_push,
        test_gains_and_health.test_with_tracking_gains_alone_the_robot_falls,
    ],
)
def test_batches_behave_as_on_the_cpu(test, g1, make):
    test(g1, make)


def test_bad_requests_are_refused_in_the_words_of_the_cpu_engine(g1, build):
    ours, theirs = build(g1, 3), MujocoCpu(g1, 3, threads=1)
    targets, state = np.tile(g1.home[7:], (3, 1)), stances(g1, 3)
    for ask, kind in (
        (lambda engine: engine.step(targets[:1]), ShapeError),
        (lambda engine: engine.reset([0, 1], state), ShapeError),
        (lambda engine: engine.reset([0, 1, 2], State(targets, state.qvel)), ShapeError),
        (lambda engine: engine.reset([0, 1, 3], state), LimitError),
        (lambda engine: engine.state([-1]), LimitError),
    ):
        told = []
        for engine in (ours, theirs):
            with pytest.raises(kind) as raised:
                ask(engine)
            told.append(str(raised.value))
        assert told[0] == told[1]


def test_what_is_put_in_comes_out(g1, build, tossed):
    engine, state = build(g1, 5), tossed(g1, 2)
    engine.step(np.tile(g1.home[7:], (5, 1)))
    held = engine.state()
    engine.reset(torch.tensor([3, 1]), state)
    single = torch.as_tensor(state.qpos, dtype=torch.float32)
    assert torch.equal(engine.state([3, 1]).qpos, single)
    assert torch.equal(engine.state([0, 2, 4]).qpos, held.qpos[[0, 2, 4]])
    assert torch.equal(engine.readings.joint_pos[3], single[0, 7:])
    assert engine.readings.time.tolist() == pytest.approx([0.02, 0.0, 0.02, 0.0, 0.02])
    assert not engine.readings.torque[[1, 3]].any()
    assert engine.readings.torque[[0, 2, 4]].any()


def test_broken_robots_are_told_and_the_batch_goes_on(g1, build):
    engine, healthy, targets = build(g1, 6), build(g1, 1), np.tile(g1.home[7:], (6, 1))
    for _ in range(5):
        engine.step(targets)
        healthy.step(targets[:1])
    bad = engine.state([1, 2, 3])
    bad.qpos[0, 8] = torch.nan
    bad.qvel[1, 3] = 1e7
    bad.qvel[2, 6:] = 999.0
    engine.reset([1, 2, 3], bad)
    assert engine.readings.fault.tolist() == [0, 1, 1, 0, 0, 0]
    spoiled = targets.copy()
    spoiled[4, 0] = np.nan
    for _ in range(20):
        seen = engine.step(spoiled)
        healthy.step(targets[:1])
    found = {fault.row: fault.reason for fault in faults(seen)}
    assert set(found) == {1, 2, 3, 4}
    assert "target" in found[4]
    assert "state" in found[1]
    assert "state" in found[2]
    assert "diverged" in found[3]
    assert all(tensor.isfinite().all() for tensor in vars(seen).values())
    assert seen.time.tolist() == pytest.approx([0.5, 0.0, 0.0, 0.0, 0.1, 0.5])
    assert seen.root_pos[4, 2] > 0.7  # where it was when its target went bad
    assert torch.allclose(engine.state([0, 5]).qpos, healthy.state().qpos, atol=1e-4)
    engine.reset([1, 2, 3, 4], healthy.state())
    assert not engine.step(targets).fault.any()
    assert not faults(engine.readings)


# The CPU engine's results.


def test_velocities_are_those_of_the_cpu_engine(g1, pair, tossed):
    ours, theirs, _ = pair(g1, tossed(g1, 4))
    for name in ("body_pos", "body_quat", "body_lin_vel", "body_ang_vel", "com_pos", "com_vel"):
        assert apart(ours, theirs, name) < 1e-5, name


@pytest.mark.parametrize("seed", [0, 1])
def test_in_the_air_it_is_the_cpu_engine(g1, pair, seed):
    ours, theirs, targets = pair(g1, stances(g1, 8, 1.0, seed), PhysicsConfig(gains=Gains.stiff(g1)))
    rng = np.random.default_rng(seed)
    for _ in range(10):
        asked = targets + rng.normal(0.0, 0.2, targets.shape)
        ours.step(asked)
        theirs.step(asked)
    assert apart(ours, theirs, "joint_pos") < 1e-3
    assert apart(ours, theirs, "body_pos") < 1e-4
    assert apart(ours, theirs, "torque") < 0.1
    assert apart(ours, theirs, "work") < 0.02
    assert np.abs(theirs.readings.saturation).max() > 0.0
    assert apart(ours, theirs, "saturation") == 0.0
    assert apart(ours, theirs, "self_contacts") == 0
    assert theirs.readings.self_force.max() > 10.0
    assert apart(ours, theirs, "self_force") < 0.1


def test_standing_it_is_the_cpu_engine(g1, pair):
    ours, theirs, targets = pair(g1, stances(g1, 8), PhysicsConfig(gains=Gains.stiff(g1)))
    for _ in range(50):
        ours.step(targets)
        theirs.step(targets)
    assert apart(ours, theirs, "joint_pos") < 0.05
    assert apart(ours, theirs, "com_pos") < 0.005
    carried = ours.readings.ground_force.sum(1).numpy()
    assert carried == pytest.approx(theirs.readings.ground_force.sum(1), abs=5.0)


def test_floor_forces_are_those_of_the_cpu_engine_before_they_can_drift_apart(g1, pair, tossed):
    state = stances(g1, 4)
    state.qvel[:, :2] = 0.3  # sliding, so that there is friction
    ours, theirs, targets = pair(g1, state)
    ours.step(targets)
    theirs.step(targets)
    assert np.abs(theirs.readings.ground_force[..., :2]).max() > 10.0
    assert np.abs(theirs.readings.ground_force).max() > 50.0
    assert apart(ours, theirs, "ground_force") < 0.5


def test_thrown_onto_the_floor_each_step_is_the_cpu_engine_s(g1, pair, tossed):
    """From the same state in every step: else the simulations drift apart, as those of falling robots do."""
    state = tossed(g1, 6)
    state.qpos[:, 2] -= 1.8
    ours, theirs, targets = pair(g1, state)
    apart_by, sliding = [], 0.0
    for _ in range(60):
        ours.reset(range(6), theirs.state())
        ours.step(targets)
        theirs.step(targets)
        apart_by.append(np.abs(ours.readings.joint_pos.numpy() - theirs.readings.joint_pos).max())
        sliding = max(sliding, np.abs(theirs.readings.ground_force[..., :2]).max())
    assert sliding > 30.0
    assert np.quantile(apart_by, 0.9) < 1e-4


# What only this engine does.


def test_a_step_without_room_is_done_again_with_more(g1, build, caplog):
    from understudy.physics.mujoco_warp import MujocoWarp

    roomy = build(g1, 4)
    with caplog.at_level(logging.WARNING):
        small = MujocoWarp(g1, 4, device="cpu", contacts=3, rows=12)
        targets = np.tile(g1.home[7:], (4, 1))
        for _ in range(5):
            roomy.step(targets)
            small.step(targets)
    assert "room was too small" in caplog.text
    assert roomy.readings.ground_force.abs().max() > 50.0
    for name, value in vars(roomy.readings).items():
        assert torch.allclose(getattr(small.readings, name), value, rtol=1e-3, atol=1e-3), name
    assert small.readings.time.tolist() == roomy.readings.time.tolist()


def test_neighbours_change_no_more_than_rounding(g1, build):
    many, one = build(g1, 5), build(g1, 1)
    rng = np.random.default_rng(0)
    for _ in range(15):
        targets = np.tile(g1.home[7:], (5, 1)) + rng.normal(0.0, 0.2, (5, len(g1.joints)))
        many.step(targets)
        one.step(targets[2:3])
    assert torch.allclose(many.state([2]).qpos, one.state().qpos, atol=1e-5)


def test_robots_vary_as_on_the_cpu(g1, build):
    from understudy.physics.mujoco_warp import MujocoWarp

    ours = MujocoWarp(g1, 3, device="cpu", own_models=True)
    theirs = MujocoCpu(g1, 3, threads=1, own_models=True)
    state = stances(g1, 3)
    state.qvel[:, 0] = 0.5
    for engine in (ours, theirs):
        rng = np.random.default_rng(3)
        vary.floor_friction(engine, 0.1, 1.2, rng)
        vary.centre_of_mass(engine, "torso_link", (0.05, 0.05, 0.05), rng)
        engine.reset(range(3), state)
    ipos = np.array([model.body_ipos for model in theirs.models])
    assert ours.fields["body_ipos"].numpy() == pytest.approx(ipos, abs=1e-6)
    targets = np.tile(g1.home[7:], (3, 1))
    for _ in range(10):
        ours.step(targets)
        theirs.step(targets)
    assert apart(ours, theirs, "com_pos") < 1e-3
    assert np.ptp(theirs.readings.com_pos[:, 0]) > 0.005
    with pytest.raises(LimitError, match="3 robots share one model"):
        vary.floor_friction(build(g1, 3), 0.1, 1.2, rng)


@pytest.mark.parametrize("task", [physics.beyond_mimic, physics.cepr])
def test_the_tracking_task_runs_on_it_as_on_the_cpu(g1, build, task):
    task = task()
    clips = ClipsAtRate.of(g1, [made_clips.still(g1, 60), made_clips.sway(g1, 80)], task.bodies)
    ours = physics.Tracking(build(g1, 6), clips, task, seed=1)
    theirs = physics.Tracking(MujocoCpu(g1, 6, threads=1), clips, task, seed=1)
    action = torch.zeros(6, len(g1.joints))
    for _ in range(8):
        one, other = ours.step(action), theirs.step(action)
        assert torch.equal(one.failed, other.failed)
        assert torch.allclose(one.seen["actor"], other.seen["actor"], atol=5e-3)
        assert torch.allclose(one.reward, other.reward, atol=1e-4)
    assert (one.reward > 0.0).any()


def test_clips_elsewhere_than_the_simulator_are_refused(g1):
    task = physics.beyond_mimic()
    clips = ClipsAtRate.of(g1, [made_clips.still(g1, 60)], task.bodies, device="meta")
    with pytest.raises(LimitError, match="clips are on 'meta' and the simulator on 'cpu'"):
        physics.Tracking(MujocoCpu(g1, 1, threads=1), clips, task)


def test_it_keeps_the_contract(g1, build):
    assert isinstance(build(g1, 1), Simulator)
    assert not faults(build(g1, 1).readings)
    assert all(isinstance(tensor, torch.Tensor) for tensor in vars(build(g1, 1).readings).values())


def test_nonsense_is_refused_before_anything_is_built(g1, build):
    from understudy.physics.mujoco_warp import MujocoWarp

    with pytest.raises(LimitError, match="At least one robot"):
        MujocoWarp(g1, 0)
    with pytest.raises(LimitError, match="no device 'mps'"):
        MujocoWarp(g1, 1, device="mps")
    with pytest.raises(LimitError, match="knows no device 'gpu'"):
        MujocoWarp(g1, 1, device="gpu")
    with pytest.raises(LimitError, match=r"friction of at least 0\.05; got 0\."):
        MujocoWarp(g1, 1, PhysicsConfig(friction=0.0))
    with pytest.raises(LimitError, match="unstable"):
        MujocoWarp(g1, 1, PhysicsConfig(gains=Gains.of(g1).scaled(1e4, 1.0)))


def test_the_engine_is_chosen_by_what_is_there(g1, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert isinstance(physics.engine(g1, 1), MujocoCpu)
    assert isinstance(physics.engine(g1, 1, device="cpu"), MujocoCpu)
    with pytest.raises(UnknownName, match="Known: auto, cpu, warp"):
        physics.engine(g1, 1, kind="gpu")
    with pytest.raises(LimitError, match="runs on the CPU alone"):
        physics.engine(g1, 1, kind="cpu", device="cuda")


def test_what_is_not_installed_is_named(g1, monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco_warp", None)
    monkeypatch.delitem(sys.modules, "understudy.physics.mujoco_warp", raising=False)
    with pytest.raises(MissingExtra, match=r"understudy\[physics\]"):
        physics.engine(g1, 1, kind="warp")


def test_the_engine_is_built_by_its_name(g1, build):
    engine = physics.engine(g1, 2, kind="warp", device="cpu")
    assert type(engine) is type(build(g1, 2))


@gpu
@needs_gpu
def test_on_a_gpu_it_is_the_cpu_engine(g1, build):
    config = PhysicsConfig(gains=Gains.stiff(g1))
    ours, theirs = physics.engine(g1, 64, config), MujocoCpu(g1, 64, config)
    targets = np.tile(g1.home[7:].astype(np.float64), (64, 1))
    for lift, seconds, bound in ((1.0, 0.2, 0.02), (0.0, 1.0, 0.05)):
        state = stances(g1, 64, lift)
        for engine in (ours, theirs):
            engine.reset(range(64), state)
            for _ in range(round(seconds / engine.dt)):
                engine.step(targets)
        assert np.abs(ours.readings.joint_pos.cpu().numpy() - theirs.readings.joint_pos).max() < bound
