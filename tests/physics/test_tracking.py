"""The tracking task on the CPU engine."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_clips import still, sway

from understudy.errors import LimitError, ShapeError, UnknownName
from understudy.kinematics import body_tracks
from understudy.motion import sample_every
from understudy.physics import ClipsAtRate, MujocoCpu, PhysicsConfig, Tracking, beyond_mimic, cepr
from understudy.physics import randomize as vary
from understudy.physics.randomize import Pushes
from understudy.physics.tasks import G1_BODIES

QUIET = beyond_mimic().undisturbed()


@pytest.fixture
def track(g1):
    def build(task=QUIET, count=3, motions=None, seed=0, **options):
        motions = [still(g1, 60), sway(g1, 90, 30.0)] if motions is None else motions
        clips = ClipsAtRate.of(g1, motions, task.bodies)
        engine = MujocoCpu(g1, count, **{"threads": 1, **options})
        return Tracking(engine, clips, task, seed)

    return build


def test_cepr_sees_the_509_numbers_of_table_1_in_its_order(track):
    task = cepr()
    env = track(replace(task.undisturbed(), actor=task.actor))
    seen = env.reset(clips=torch.tensor([1, 1, 1]), frames=torch.tensor([10, 20, 30]))
    assert seen["actor"].shape == (3, 509)
    assert seen["critic"] is seen["actor"]
    widths = [29, 29, 42, 42, 56, 42, 42, 42, 56, 42, 29, 29, 29]
    parts = torch.split(seen["actor"], widths, dim=1)
    rows, r = [env.simulator.robot.body_index(name) for name in G1_BODIES], env.readings
    at = env.clips.first[1] + torch.tensor([11, 21, 31])
    tracked = env.clips.tracked
    expected = [
        env.clips.qpos[at, 7:],
        env.clips.qvel[at, 6:],
        *(x[at].flatten(1) for x in (tracked.pos, tracked.lin_vel, tracked.quat, tracked.ang_vel)),
        *(x[:, rows].flatten(1) for x in (r.body_pos, r.body_lin_vel, r.body_quat, r.body_ang_vel)),
        r.joint_pos - torch.tensor(env.simulator.robot.home[7:]),
        r.joint_vel,
        torch.zeros(3, 29),
    ]
    for part, what in zip(parts, expected, strict=True):
        assert torch.allclose(part, what.float(), atol=1e-6)


@pytest.mark.parametrize(("estimation", "width"), [(True, 160), (False, 154)])
def test_beyond_mimic_sees_as_much_as_mjlab(track, estimation, width):
    seen = track(beyond_mimic(estimation)).reset()
    assert seen["actor"].shape == (3, width)
    assert seen["critic"].shape == (3, 286)


def test_clips_at_rate_are_the_motion_at_its_instants_with_its_velocities(g1):
    motion = sway(g1, 90, 30.0)
    clips = ClipsAtRate.of(g1, [still(g1, 60), motion], G1_BODIES)
    assert clips.frames.tolist() == [60, 149]
    at = slice(60, None)
    assert np.array_equal(clips.qpos[at].numpy(), sample_every(motion, 50.0).qpos)
    assert clips.qvel[70, :3].numpy() == pytest.approx(np.array([0.3, -0.2, 0.1]), abs=1e-3)
    assert clips.qvel[70, 3:6].numpy() == pytest.approx(np.array([0.0, 0.0, 0.8]), abs=1e-3)
    bodies = body_tracks(g1, sample_every(motion, 50.0))
    torso = g1.body_index("torso_link")
    assert clips.tracked.pos[at, 7].numpy() == pytest.approx(bodies.pos[:, torso], abs=1e-6)


def test_an_episode_begins_exactly_in_the_references_state(track, g1):
    env = track()
    env.reset(clips=torch.tensor([0, 1, 1]), frames=torch.tensor([3, 0, 77]))
    at = env.clips.first[env.clip] + torch.tensor([3, 0, 77])
    state = env.simulator.state()
    assert np.array_equal(state.qpos, env.clips.qpos[at].numpy())
    assert np.array_equal(state.qvel, env.clips.qvel[at].numpy())
    assert env.frame.tolist() == [4, 1, 78]
    rows = [g1.body_index(name) for name in G1_BODIES]
    assert torch.allclose(env.readings.body_pos[:, rows], env.clips.tracked.pos[at], atol=2e-6)
    assert torch.allclose(env.readings.body_lin_vel[:, rows], env.clips.tracked.lin_vel[at], atol=0.02)
    assert torch.allclose(env.readings.body_ang_vel[:, rows], env.clips.tracked.ang_vel[at], atol=0.05)


def test_a_robot_that_is_where_its_reference_is_earns_the_most(track):
    """Standing still, with a simulator that does nothing: every tracking row pays its weight."""
    env = track()
    env.reset(clips=torch.tensor([0, 0, 0]), frames=torch.tensor([0, 0, 0]))
    env.simulator.step = lambda targets: env.simulator.readings
    step = env.step(torch.zeros(3, 29))
    for name in ("anchor_pos", "anchor_quat", "body_pos", "body_quat", "body_lin_vel", "body_ang_vel"):
        weight = env.task.rewards[name].weight
        assert step.terms[name].numpy() == pytest.approx(np.full(3, weight * env.dt), rel=1e-4), name
    assert step.reward.numpy() == pytest.approx(np.full(3, 5.0 * env.dt), rel=1e-4)
    assert not step.done.any()


def test_actions_move_targets_by_a_quarter_of_the_effort(track, g1):
    """As mjlab scales them: hip pitch 0.5475 rad, ankle 0.4386 rad."""
    env = track()
    scale = dict(zip(g1.joints, env.action_scale.tolist(), strict=True))
    assert scale["left_hip_pitch_joint"] == pytest.approx(0.5475, abs=1e-4)
    assert scale["left_ankle_roll_joint"] == pytest.approx(0.4386, abs=1e-4)
    asked = []
    env.simulator.step = lambda targets: asked.append(targets.copy())
    action = torch.zeros(3, 29)
    action[1, 0] = 2.0
    env.step(action)
    assert asked[0][1, 0] == pytest.approx(g1.home[7] + 2 * 0.5475, abs=1e-4)
    assert asked[0][0] == pytest.approx(g1.home[7:])


def test_a_robot_that_falls_fails_and_starts_anew_alone(track, g1):
    """Who floats cannot be followed: ½ g t² is 0.25 m after 0.226 s, so in the twelfth step."""
    env = track(count=2, motions=[still(g1, 400), still(g1, 400, lift=1.0)])
    env.reset(clips=torch.tensor([0, 1]))
    for _ in range(12):
        assert env.clip.tolist() == [0, 1]
        frame = env.frame.clone()
        step = env.step(torch.zeros(2, 29))
    assert step.failed.tolist() == [False, True]
    assert step.causes["anchor_height"].tolist() == [False, True]
    assert not step.causes["fault"].any()
    assert not step.over.any()
    assert env.frame.tolist() == [frame[0] + 1, 1]
    first = env.clips.first[env.clip[1]]
    assert np.array_equal(env.simulator.state([1]).qpos, env.clips.qpos[first : first + 1].numpy())
    assert env.sampler.failures.sum().item() == pytest.approx(0.001)
    assert env.sampler.failures[int(env.sampler.bins[0])].item() == pytest.approx(0.001)


def test_the_end_of_a_clip_and_of_an_episode_are_no_failures(track, g1):
    env = track(replace(QUIET, episode_seconds=0.1), motions=[still(g1, 30)])
    env.reset(clips=torch.zeros(3, dtype=torch.long), frames=torch.tensor([0, 26, 28]))
    over = torch.stack([env.step(torch.zeros(3, 29)).over for _ in range(5)])
    assert over.tolist() == [
        [False, False, True],
        [False, False, False],
        [False, True, False],
        [False, False, False],
        [True, False, False],
    ]
    assert not env.sampler.failures.any()


def test_what_is_not_a_number_is_flagged_reset_and_stays_with_its_robot(track):
    env, alone = track(), track()
    zeros = torch.zeros(3, 29)
    start = {"clips": torch.tensor([0, 0, 0]), "frames": torch.tensor([5, 6, 7])}
    env.reset(**start)
    alone.reset(**start)
    broken = zeros.clone()
    broken[1, 4] = float("nan")
    step, other = env.step(broken), alone.step(zeros)
    assert step.causes["fault"].tolist() == [False, True, False]
    assert step.failed.tolist() == [False, True, False]
    assert step.reward[1] == 0
    for row in (0, 2):
        assert step.reward[row] == other.reward[row]
        assert torch.equal(step.seen["actor"][row], other.seen["actor"][row])
    assert torch.isfinite(step.reward).all()
    assert all(torch.isfinite(x).all() for x in step.seen.values())
    after = env.step(zeros)
    assert not after.causes["fault"].any()
    assert torch.isfinite(after.reward).all()
    assert torch.isnan(broken).sum() == 1  # the caller's own action is left alone


@pytest.mark.parametrize("make_task", [beyond_mimic, cepr])
def test_a_seed_decides_everything(track, make_task):
    task = replace(make_task(), pushes=Pushes(seconds=(0.04, 0.1)))

    def run(seed, threads=1):
        env = track(task, seed=seed, threads=threads)
        generator = torch.Generator().manual_seed(5)
        steps = [env.step(0.5 * torch.randn(3, 29, generator=generator)) for _ in range(30)]
        return torch.stack([s.reward for s in steps]), torch.stack([s.seen["actor"] for s in steps])

    first, again, other = run(1), run(1, threads=2), run(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_starts_are_spread_within_their_bounds(track):
    env = track(replace(beyond_mimic(), encoder_error=0.0), count=200)
    at = env.clips.first[env.clip] + env.frame - 1
    off = torch.from_numpy(env.simulator.state().qpos).float() - env.clips.qpos[at]
    for column, bound in ((0, 0.05), (1, 0.05), (2, 0.01)):
        assert 0.9 * bound < off[:, column].abs().max() <= bound + 1e-6
    assert 0.09 < off[:, 7:].abs().max() <= 0.1 + 1e-6
    linear = torch.from_numpy(env.simulator.state().qvel).float()[:, :3] - env.clips.qvel[at, :3]
    assert (linear.abs().amax(0) <= torch.tensor([0.5, 0.5, 0.2]) + 1e-6).all()
    assert linear[:, 0].abs().max() > 0.45


def test_pushes_change_velocities_alone_and_in_time(track, g1):
    env = track(replace(QUIET, pushes=Pushes(seconds=(0.06, 0.06))), motions=[still(g1, 100)])
    calm = track(motions=[still(g1, 100)])
    zeros, moved = torch.zeros(3, 29), []
    for _ in range(4):
        env.step(zeros)
        calm.step(zeros)
        a, b = env.simulator.state(), calm.simulator.state()
        moved.append((bool((a.qpos != b.qpos).any()), bool((a.qvel != b.qvel).any())))
    assert moved == [(False, False), (False, False), (False, True), (True, True)]


def test_encoders_are_off_in_what_is_seen_and_in_what_is_asked(track, g1):
    env = track(replace(QUIET, encoder_error=0.01), count=50)
    off = env.home - torch.tensor(g1.home[7:])
    assert 0.009 < off.abs().max() <= 0.01 + 1e-6
    at = env.clips.first[env.clip]
    seen = env.reset(clips=env.clip)["actor"][:, 73:102]
    assert torch.allclose(seen, env.clips.qpos[at, 7:] - torch.tensor(g1.home[7:]) - off, atol=1e-6)


def test_robots_get_floors_and_masses_of_their_own(g1):
    engine, rng = MujocoCpu(g1, 4, threads=1, own_models=True), np.random.default_rng(0)
    before = engine.models[0].body("torso_link").ipos.copy()
    vary.floor_friction(engine, 0.3, 1.2, rng)
    vary.centre_of_mass(engine, "torso_link", (0.025, 0.05, 0.05), rng)
    frictions = {m.geom("floor").friction[0] for m in engine.models}
    assert len(frictions) == 4
    assert 0.3 <= min(frictions) <= max(frictions) <= 1.2
    moved = np.array([m.body("torso_link").ipos - before for m in engine.models])
    assert (np.abs(moved) <= [0.025, 0.05, 0.05]).all()
    assert np.ptp(moved, axis=0).min() > 0.005
    with pytest.raises(LimitError, match="own_models=True"):
        vary.floor_friction(MujocoCpu(g1, 2, threads=1), 0.3, 1.2, rng)
    with pytest.raises(UnknownName):
        vary.centre_of_mass(engine, "torso", (0.1, 0.1, 0.1), rng)


def test_what_does_not_fit_is_refused(track, g1):
    with pytest.raises(LimitError, match="rate=100"):
        track(config=PhysicsConfig(substeps=2))
    with pytest.raises(UnknownName, match="tracked body"):
        track(replace(QUIET, anchor="waist_yaw_link"))
    with pytest.raises(UnknownName, match="knee"):
        track(replace(QUIET, may_touch=("left_knee",)))
    clips = ClipsAtRate.of(g1, [still(g1, 9)], G1_BODIES[::-1])
    with pytest.raises(LimitError, match="the task's bodies"):
        Tracking(MujocoCpu(g1, 1, threads=1), clips, QUIET)
    env = track()
    with pytest.raises(ShapeError, match=r"\(3, 29\)"):
        env.step(torch.zeros(2, 29))
    with pytest.raises(LimitError, match="2 clips"):
        env.reset(clips=torch.tensor([0, 1, 2]))
    with pytest.raises(LimitError, match="before the last"):
        env.reset(clips=torch.tensor([0, 0, 0]), frames=torch.tensor([0, 0, 59]))
