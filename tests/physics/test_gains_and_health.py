"""Gains that hold and gains that do not; robots that fall out of a batch, and the batch that goes on."""

import dataclasses

import mujoco
import numpy as np
import pytest

from understudy import robots
from understudy.errors import LimitError, ShapeError
from understudy.physics import Gains, PhysicsConfig, State, faults

TRACKING_GAINS = {  # Nm/rad and Nms/rad of mjlab 1.6's G1, from its motors' inertia at 10 Hz and a damping ratio of 2
    "left_hip_pitch_joint": (40.17924, 2.55789),
    "left_hip_roll_joint": (99.09843, 6.30880),
    "left_knee_joint": (99.09843, 6.30880),
    "right_ankle_roll_joint": (28.50125, 1.81445),
    "waist_yaw_joint": (40.17924, 2.55789),
    "waist_pitch_joint": (28.50125, 1.81445),
    "right_elbow_joint": (14.25062, 0.90722),
    "left_wrist_yaw_joint": (16.77833, 1.06814),
}


def fallen(engine, targets, seconds):
    """When each robot's pelvis sank below 60 cm (s); nan for those that stood."""
    when = np.full(engine.count, np.nan)
    for _ in range(round(seconds / engine.dt)):
        seen = engine.step(targets)
        when[np.isnan(when) & (seen.root_pos[:, 2] < 0.6)] = seen.time[0]
    return when


@pytest.mark.parametrize("make_gains", [Gains.of, Gains.from_armature])
def test_tracking_gains_are_those_of_mjlab(g1, make_gains):
    gains = make_gains(g1)
    for joint, (stiffness, damping) in TRACKING_GAINS.items():
        i = g1.joints.index(joint)
        assert gains.stiffness[i] == pytest.approx(stiffness, rel=1e-5)
        assert gains.damping[i] == pytest.approx(damping, rel=1e-5)


def test_stiff_gains_stand_ten_seconds_and_take_a_push(g1, make):
    engine, targets = make(g1, 3, PhysicsConfig(gains=Gains.stiff(g1)))
    state = engine.state()
    state.qpos[1, 7:] += np.random.default_rng(0).normal(0.0, 0.02, len(g1.joints))
    state.qvel[2, 0] = 0.2
    engine.reset(range(3), state)
    assert np.isnan(fallen(engine, targets, 10.0)).all()
    assert np.abs(engine.readings.joint_vel).max() < 0.1
    assert engine.readings.root_pos[:, 2] == pytest.approx(g1.home[2], abs=0.01)


def test_with_tracking_gains_alone_the_robot_falls(g1, make):
    engine, targets = make(g1, 1)
    [when] = fallen(engine, targets, 2.0)
    assert 0.5 < when < 2.0


def test_scaling_keeps_the_damping_ratio_unless_told(g1):
    gains = Gains.of(g1)
    assert np.allclose(gains.scaled(4.0).damping, 2.0 * gains.damping)
    assert np.allclose(gains.scaled(4.0, 1.0).damping, gains.damping)


def test_gains_that_make_no_sense_are_refused(g1, make):
    gains = Gains.of(g1)
    with pytest.raises(LimitError, match="damping of a joint"):
        gains.scaled(1.0, -10.0)
    with pytest.raises(LimitError, match="stiffness of a joint"):
        gains.scaled(np.nan, 1.0)
    with pytest.raises(ShapeError, match="has 29 joints"):
        make(g1, 1, PhysicsConfig(gains=Gains(gains.stiffness[:5], gains.damping[:5])))


def test_a_robot_without_actuators_has_gains_by_its_motors_inertia_or_none(g1):
    bare = dataclasses.replace(g1, name="bare", model=swing(armature=0.0), joints=("swing",))
    with pytest.raises(LimitError, match="'swing' of 'bare' has neither"):
        Gains.of(bare)
    known = Gains.of(dataclasses.replace(bare, model=swing(armature=0.01)))
    assert known.stiffness == pytest.approx([0.01 * (20 * np.pi) ** 2])


def swing(armature):
    """One body on a hinge, without an actuator."""
    return mujoco.MjModel.from_xml_string(
        f"""<mujoco><worldbody><body name="base"><freejoint/><geom size="1"/><body name="arm"><geom size="1"/>
        <joint name="swing" range="-1 1" armature="{armature}"/></body></body></worldbody></mujoco>"""
    )


def test_couplings_are_refused(g1, make):
    welded = mujoco.MjModel.from_xml_string(
        """<mujoco><worldbody><body name="a"><freejoint/><geom size="1"/></body></worldbody>
        <equality><weld body1="a"/></equality></mujoco>"""
    )
    with pytest.raises(LimitError, match="1 equality"):
        make(dataclasses.replace(g1, model=welded), 1)


@pytest.mark.parametrize("name", robots.names())
def test_unstable_gains_are_named_before_anything_moves(name, make):
    robot = robots.load(name)
    gains = Gains.of(robot)
    with pytest.raises(LimitError, match=r"unstable at a time step of 0\.005 s: joint"):
        make(robot, 1, PhysicsConfig(gains=gains.scaled(1e4, 1.0)))


def test_the_check_draws_the_line_where_the_simulation_does(g1, make, tossed):
    """One step below the limit oscillations die in free flight; one above, they grow until the motors saturate."""
    gains, low, high = Gains.of(g1), 1.0, 1e5
    while high / low > 1.01:
        middle = np.sqrt(low * high)
        try:
            make(g1, 1, PhysicsConfig(gains=gains.scaled(middle, 1.0)))
            low = middle
        except LimitError:
            high = middle
    buzz = {}
    for factor in (0.8 * low, 2.0 * low):
        engine, targets = make(g1, 1, PhysicsConfig(gains=gains.scaled(min(factor, 0.9 * low), 1.0)))
        model = engine.models[0]
        scale = factor / min(factor, 0.9 * low)
        model.actuator_gainprm[:, 0] *= scale
        model.actuator_biasprm[:, 1] *= scale
        model.opt.gravity[:] = 0.0
        state = engine.state()
        state.qpos[:, 2] += 5.0
        state.qpos[:, 7:] += 1e-3
        engine.reset([0], state)
        for _ in range(100):
            engine.step(targets)
        buzz[factor] = np.abs(engine.readings.joint_vel).max()
    calm, wild = buzz.values()
    assert calm < 0.05
    assert wild > 1.0


def test_broken_robots_are_told_and_the_batch_goes_on(g1, make):
    engine, targets = make(g1, 6, threads=2)
    healthy, steady = make(g1, 1)
    for _ in range(5):
        engine.step(targets)
        healthy.step(steady)
    bad = engine.state()
    bad.qpos[1, 8] = np.nan
    bad.qvel[2, 3] = 1e7
    bad.qvel[3, 6:] = 999.0
    engine.reset([1, 2, 3], State(bad.qpos[1:4], bad.qvel[1:4]))
    assert engine.readings.fault.tolist() == [0, 1, 1, 0, 0, 0]
    spoiled = targets.copy()
    spoiled[4, 0] = np.nan
    for _ in range(20):
        seen = engine.step(spoiled)
        healthy.step(steady)
    found = {fault.row: fault.reason for fault in faults(seen)}
    assert set(found) == {1, 2, 3, 4}
    assert "target" in found[4]
    assert "state" in found[1]
    assert "state" in found[2]
    assert "diverged" in found[3]
    assert all(np.isfinite(getattr(seen, field.name)).all() for field in dataclasses.fields(seen))
    assert np.array_equal(engine.state([0]).qpos, healthy.state().qpos)
    assert seen.time == pytest.approx([0.5, 0.0, 0.0, 0.0, 0.1, 0.5])
    engine.reset([1, 2, 3, 4], healthy.state())
    assert not engine.step(targets).fault.any()
    assert not faults(engine.readings)


def test_a_simulation_that_diverges_leaves_no_log(g1, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engine, targets = make(g1, 1)
    state = engine.state()
    state.qvel[:] = 999.0
    engine.reset([0], state)
    assert engine.step(targets).fault[0] != 0
    assert not list(tmp_path.iterdir())
