"""Physics textbook: what a free body keeps, and what the floor gives it."""

import mujoco
import numpy as np
import pytest

from understudy.physics import Gains, PhysicsConfig, State

FREE = mujoco.mjtDisableBit.mjDSBL_CONTACT | mujoco.mjtDisableBit.mjDSBL_LIMIT
GRAVITY = 9.81


def free(robot, make, count, timestep, motors=False):
    """Nothing acts on these robots but gravity, and their motors where asked for."""
    engine, targets = make(robot, count, PhysicsConfig(timestep=timestep))
    for model in engine.models:
        model.opt.disableflags |= int(FREE)
        if not motors:
            model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ACTUATION)
    return engine, targets


def energy(engine, state, row):
    """Kinetic and potential energy (J), angular momentum about the centre of mass: all by MuJoCo."""
    model = engine.models[0]
    data = mujoco.MjData(model)
    data.qpos, data.qvel = state.qpos[row], state.qvel[row]
    mujoco.mj_forward(model, data)
    mujoco.mj_energyPos(model, data)
    mujoco.mj_energyVel(model, data)
    mujoco.mj_subtreeVel(model, data)
    return data.energy.sum(), data.subtree_angmom[1].copy()


def drift(robot, make, state, timestep):
    """How much a tenth of a second of free flight changes energy (J), and angular momentum (kg m²/s)."""
    engine, targets = free(robot, make, len(state), timestep)
    engine.reset(range(len(state)), state)
    before = [energy(engine, engine.state(), i) for i in range(len(state))]
    for _ in range(round(0.1 / engine.dt)):
        engine.step(targets)
    after = [energy(engine, engine.state(), i) for i in range(len(state))]
    changes = [(abs(b[0] - a[0]), np.abs(b[1] - a[1]).max()) for a, b in zip(before, after, strict=True)]
    return np.array(changes).max(axis=0)


def test_free_flight_keeps_energy_and_angular_momentum_but_for_the_step_s_error(g1, make, tossed):
    state = tossed(g1, 3)
    coarse, fine = drift(g1, make, state, 1e-3), drift(g1, make, state, 2.5e-4)
    assert (fine < [0.5, 0.01]).all()  # of about 30 J and 1 kg m²/s in motion
    assert (fine < 0.3 * coarse).all()  # a first-order method: a quarter of the step, a quarter of the error


def test_a_thrown_robot_s_centre_of_mass_flies_a_parabola(g1, make, tossed):
    engine, targets = free(g1, make, 3, 1e-3, motors=True)
    engine.reset(range(3), tossed(g1, 3))
    pos, vel = engine.readings.com_pos.copy(), engine.readings.com_vel.copy()
    for _ in range(50):
        seen = engine.step(targets)
    t = 0.2
    fall = np.array([0.0, 0.0, -GRAVITY])
    assert np.allclose(seen.com_vel, vel + fall * t, atol=0.02)
    assert np.allclose(seen.com_pos, pos + vel * t + 0.5 * fall * t**2, atol=5e-3)


def test_the_floor_s_impulse_is_the_change_of_momentum(g1, make):
    engine, targets = make(g1, 1, PhysicsConfig(timestep=1e-3, substeps=20))
    dropped = engine.state()
    dropped.qpos[:, 2] += 0.1
    engine.reset([0], dropped)
    mass = engine.models[0].body_mass.sum()
    momentum, impulse = mass * engine.readings.com_vel[0], np.zeros(3)
    for _ in range(25):
        seen = engine.step(targets)
        impulse += (seen.ground_force[0].sum(axis=0) - [0.0, 0.0, mass * GRAVITY]) * engine.dt
    assert seen.ground_force[0].sum() > 100.0  # it has landed
    assert np.allclose(mass * seen.com_vel[0] - momentum, impulse, atol=0.01 * mass)


def test_standing_the_floor_carries_the_weight(g1, make):
    engine, targets = make(g1, 1, PhysicsConfig(gains=Gains.stiff(g1)))
    for _ in range(100):
        seen = engine.step(targets)
    mass = engine.models[0].body_mass.sum()
    assert seen.ground_force[0].sum(axis=0) == pytest.approx([0.0, 0.0, mass * GRAVITY], abs=2.0)
    feet = [g1.body_index(foot.body) for foot in g1.feet.values()]
    assert np.flatnonzero(seen.touching()[0]).tolist() == sorted(feet)


def test_the_motors_work_is_where_the_energy_comes_from(g1, make, tossed):
    """In the air, without friction and limits: what the motors put in, less what their damping takes."""
    engine, targets = free(g1, make, 2, 2.5e-4, motors=True)
    state = tossed(g1, 2)
    engine.reset(range(2), State(state.qpos, 0.0 * state.qvel))
    before = [energy(engine, engine.state(), i)[0] for i in range(2)]
    work = np.zeros(2)
    for _ in range(100):
        work += engine.step(targets).work.sum(axis=1)
    gained = np.array([energy(engine, engine.state(), i)[0] for i in range(2)]) - before
    assert np.abs(work).min() > 5.0
    assert work == pytest.approx(gained, rel=0.05)
