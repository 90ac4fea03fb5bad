"""Refinement: a robot under predictive control performs a motion on its feet, the same each time."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import robots
from understudy.errors import LimitError, ShapeError, SkeletonMismatch
from understudy.evaluate.tracks import sole_corners
from understudy.kinematics import body_tracks
from understudy.motion.types import RobotMotion
from understudy.physics import Gains, MujocoCpu, PhysicsConfig
from understudy.physics.costs import Cost, CostWeights
from understudy.physics.feedforward import feedforward
from understudy.physics.mpc import GIVE, STEP, SUBSTEPS, RefineConfig, refine
from understudy.physics.planner import PlanConfig, Planner
from understudy.physics.references import reference, smooth, velocities

QUICK = RefineConfig(plan=PlanConfig(samples=16, iterations=1, threads=2))
RATE = 50.0


@pytest.fixture(scope="module")
def sway(g1):
    """The G1 bends its knees and raises its arms for so many seconds, and its pelvis follows its legs."""

    def make(seconds=1.0, fps=RATE, robot=g1):
        t = np.arange(round(seconds * fps) + 1) / fps
        bend = 0.15 * (1.0 - np.cos(2.0 * np.pi * t))
        joints = np.tile(robot.home[7:], (len(t), 1))
        for side in ("left", "right"):
            for joint, share in (
                ("hip_pitch", -1.0),
                ("knee", 2.0),
                ("ankle_pitch", -1.0),
                ("shoulder_pitch", -2.0),
            ):
                joints[:, robot.joints.index(f"{side}_{joint}_joint")] += share * bend
        root = np.tile(robot.home[:7], (len(t), 1))
        straight = RobotMotion(robot.name, robot.joints, fps, root[:, :3], root[:, 3:], joints)
        foot = robot.body_index(robot.feet["left"].body)
        path = body_tracks(robot, straight).pos[:, foot]
        return replace(straight, root_pos=root[:, :3] - path + path[0])

    return make


@pytest.fixture(scope="module")
def bent(g1, sway):
    return refine(sway(0.5), g1, QUICK)


def test_the_g1_bends_its_knees_and_stays_up(g1, sway, bent):
    assert bent.finished
    assert bent.achieved.frames == bent.reference.frames == 26
    assert np.linalg.norm(bent.achieved.root_pos - bent.reference.root_pos, axis=1).max() < 0.06
    assert np.abs(bent.achieved.joint_pos - bent.reference.joint_pos).mean() < 0.05
    assert np.ptp(bent.achieved.root_pos[:, 2]) > 0.02


def test_what_comes_out_is_what_the_simulator_does_under_its_actions(g1, sway, bent):
    physics = PhysicsConfig(STEP, SUBSTEPS, give=GIVE, gains=Gains.of(g1).scaled(QUICK.stiffness))
    engine = MujocoCpu(g1, 1, physics, threads=1)
    ref = reference(g1, sway(0.5), RATE, QUICK.cutoff)
    state = replace(engine.state(), qpos=ref.qpos[:1], qvel=ref.qvel[:1])
    engine.reset([0], state)
    for k, targets in enumerate(bent.actions):
        engine.step(targets[None])
        assert np.array_equal(engine.state().qpos[0].astype(np.float32), bent.achieved.qpos[k + 1])
    assert bent.contacts.shape == (26, 2)
    assert bent.contacts.mean() > 0.9
    assert bent.feet == tuple(g1.feet)
    assert bent.achieved.origin.history[-1]["arrow"] == "refine"


def test_the_seed_decides_and_threads_do_not(g1, sway, bent):
    clip = sway(0.14)
    one = refine(clip, g1, replace(QUICK, plan=replace(QUICK.plan, threads=1)))
    two = refine(clip, g1, QUICK)
    other = refine(clip, g1, replace(QUICK, seed=1))
    assert np.array_equal(one.achieved.qpos, two.achieved.qpos)
    assert not np.array_equal(one.achieved.qpos, other.achieved.qpos)


def test_a_fall_is_told_and_what_came_before_is_kept(g1, sway):
    """No robot follows a pelvis that stands, and then turns over at once."""
    clip = sway()
    angle = np.clip(np.linspace(-4.5, 3.0, clip.frames), 0.0, 3.0)
    quat = np.stack([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], axis=1)
    plan = replace(QUICK.plan, samples=4)
    fallen = refine(replace(clip, root_quat=quat), g1, replace(QUICK, plan=plan, retries=1))
    assert not fallen.finished
    assert (
        fallen.achieved.frames
        == round((fallen.fell_at or 0.0) * RATE) + 1
        < fallen.reference.frames
        == clip.frames
    )
    assert len(fallen.actions) == fallen.achieved.frames - 1
    assert len(fallen.contacts) == fallen.achieved.frames
    assert fallen.retries <= 1
    assert fallen.fault is None


def test_a_simulation_that_cannot_go_on_is_told_from_a_fall(g1, sway, monkeypatch):
    def plan(planner, state, step, effort=1):
        planner.targets = np.full_like(planner.targets, np.nan if step else 0.0)

    monkeypatch.setattr(Planner, "plan", plan)
    broken = refine(sway(0.2), g1, replace(QUICK, retries=0))
    assert broken.fell_at == pytest.approx((QUICK.plan.replan + 1) / RATE)
    assert "a joint target is not a number" in (broken.fault or "")


def test_a_clip_of_one_frame_is_its_own_refinement(g1, sway):
    single = refine(sway(0.0), g1, QUICK)
    assert single.finished
    assert single.achieved.frames == 1
    assert len(single.actions) == 0


def test_any_frame_rate_is_taken_to_the_control_rate(g1, sway):
    ref = reference(g1, sway(1.0, fps=30.0), RATE)
    assert ref.motion.fps == pytest.approx(RATE)
    assert len(ref) == 51
    assert ref.stance.all()
    assert ref.seen.body_pos.shape == (51, len(g1.bodies), 3)


def test_the_clip_s_own_contacts_are_believed(g1, sway):
    clip = sway()
    lifted = replace(clip, tracks={"contact_left_toe": np.arange(clip.frames) < 10})
    stance = reference(g1, lifted, RATE).stance
    left = list(g1.feet).index("left")
    assert stance[:10, left].all()
    assert not stance[10:, left].any()
    assert stance[:, 1 - left].all()


def test_velocities_carry_one_frame_to_the_next(g1, sway):
    import mujoco

    qpos = sway().qpos.astype(np.float64)
    qvel = velocities(qpos, RATE)
    moved = qpos[10].copy()
    mujoco.mj_integratePos(g1.model, moved, 0.5 * (qvel[10] + qvel[11]), 1.0 / RATE)
    assert moved == pytest.approx(qpos[11], abs=3e-4)


def test_the_low_pass_keeps_slow_motion_and_drops_tremor(g1, sway):
    clip = sway(2.0)
    shaking = 0.05 * np.sin(2 * np.pi * 15.0 * np.arange(clip.frames) / RATE)[:, None]
    still = smooth(replace(clip, joint_pos=clip.joint_pos + shaking), 4.0)
    assert np.abs(still.joint_pos - clip.joint_pos)[10:-10].max() < 0.01


def test_feedforward_holds_the_robot_where_gains_alone_sag(g1, sway):
    """Standing, it is the torque that the knees and ankles hold once a stiff robot has come to rest."""
    clip = replace(
        sway(1.0), joint_pos=np.tile(sway(0.0).joint_pos, (51, 1)), root_pos=np.tile(g1.home[:3], (51, 1))
    )
    ref = reference(g1, clip, RATE)
    engine = MujocoCpu(g1, 1, PhysicsConfig(gains=Gains.stiff(g1)), threads=1)
    wanted = feedforward(g1, engine.models[0], ref)[25]
    for _ in range(100):
        held = engine.step(g1.home[None, 7:].astype(np.float64)).torque[0]
    knees = [g1.joints.index(f"{side}_knee_joint") for side in ("left", "right")]
    assert wanted[knees] == pytest.approx(held[knees], abs=4.0)
    assert np.abs(wanted - held).max() < 8.0


def test_the_reference_itself_costs_nothing_but_effort(g1, sway):
    ref = reference(g1, sway(), RATE)
    cost = Cost(g1, ref, CostWeights(), horizon=4, count=51)
    for step in range(4):
        cost.record(step, ref.seen)  # 51 courses; at step k, the one in row k is where it should be
    terms = cost.terms(np.arange(4))
    for name, values in terms.items():
        if name not in ("contact", "slip"):  # readings after a reset have no forces; bent knees slip a little
            assert np.diag(values) == pytest.approx(0.0, abs=1e-4), name
    assert terms["joints"][0, 25] > 0.1


@pytest.mark.parametrize("height", [1.0, -0.5])
def test_a_clip_off_the_floor_is_refused(g1, sway, height):
    clip = sway(0.2)
    with pytest.raises(LimitError, match="Ground the motion"):
        refine(replace(clip, root_pos=clip.root_pos + np.array([0.0, 0.0, height], np.float32)), g1, QUICK)


def test_robots_that_cannot_be_refined_are_refused(g1, sway):
    with pytest.raises(SkeletonMismatch, match="unitree_g1"):
        refine(sway(0.1), robots.load("unitree_h1"), QUICK)


def test_feet_neither_creep_nor_sink(g1, bent):
    soles = sole_corners(g1, body_tracks(g1, bent.achieved))
    for side, corners in soles.items():
        stands = bent.contacts[:, bent.feet.index(side)]
        assert corners[..., 2].min() > -0.006
        speed = np.linalg.norm(np.gradient(corners.mean(axis=1)[:, :2], 1.0 / RATE, axis=0), axis=1)
        assert np.median(speed[stands]) < 0.01


def test_a_floor_that_gives_faster_than_the_simulation_sees_is_refused():
    with pytest.raises(LimitError, match="at least two time steps"):
        PhysicsConfig(timestep=0.005, give=0.005)


def test_numbers_that_make_no_plan_are_refused():
    with pytest.raises(LimitError, match="samples"):
        PlanConfig(samples=1)
    with pytest.raises(LimitError, match="positive horizon"):
        PlanConfig(noise=float("nan"))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("retries", -1, "tried again"),
        ("cutoff", -4.0, "cutoff"),
        ("cutoff", 0.0, "cutoff"),
        ("cutoff", np.nan, "cutoff"),
        ("stiffness", 0.0, "stiffness"),
        ("seed", -1, "seed"),
    ],
)
def test_what_cannot_be_chosen_is_refused(name, value, says):
    with pytest.raises(LimitError, match=says):
        RefineConfig(**{name: value})


def test_contacts_that_are_no_numbers_are_refused(g1, sway):
    clip = sway(0.2)
    words = replace(clip, tracks={"contact_left_toe": np.full(clip.frames, "down")})
    with pytest.raises(ShapeError, match="contacts"):
        refine(words, g1, QUICK)
