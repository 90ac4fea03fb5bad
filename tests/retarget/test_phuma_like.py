"""PhumaLike with few iterations: every cost acts, chunks join, and company changes nothing."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from understudy import evaluate, motion, retarget, robots
from understudy.errors import LimitError
from understudy.motion import sample
from understudy.retarget import PhumaLike, PhumaLikeConfig
from understudy.retarget.phuma_costs import BLOCK, Batch, Body, PhumaWeights, costs, filled
from understudy.retarget.phuma_goals import KEY_POINTS, SOLES, goals_of, joined, sole_point, spans
from understudy.rotations import quat_angle

FEW = PhumaLikeConfig(iterations=250)
NAMES = [field.name for field in fields(PhumaWeights)]


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def walk():
    return motion.trim(sample.motion("walk", fps=30.0), 0.0, 1.5)


@pytest.fixture(scope="module")
def body(g1):
    return Body.of(g1)


@pytest.fixture(scope="module")
def fitted(g1, walk):
    """The walk, and the cost before every step."""
    seen: list[tuple[int, int, float]] = []
    [result] = PhumaLike(g1, FEW, progress=lambda *now: seen.append(now))([walk])
    return result, seen


def soles(body, result):
    """Heights (m) and horizontal speeds (m/s) of the sole's points."""
    state = body.chain.at(
        *(torch.from_numpy(a) for a in (result.root_pos, result.root_quat, result.joint_pos))
    )
    points = body.points(state)[:, -len(SOLES) :].numpy()
    return points[..., 2], np.linalg.norm(np.diff(points[..., :2], axis=0), axis=-1) * result.fps


def posed(chunk, seed=None):
    """A chunk's batch with joints at zero, or scattered widely, as leaves that take a gradient."""
    batch = Batch.of([chunk])
    rng = np.random.default_rng(seed)
    spread = (
        np.zeros((len(batch.root_pos), 29)) if seed is None else rng.normal(size=(len(batch.root_pos), 29))
    )
    return (
        batch,
        batch.root_pos.clone().requires_grad_(),
        torch.tensor(2.0 * spread, dtype=torch.float32).requires_grad_(),
    )


def test_the_cost_falls(fitted):
    _, seen = fitted
    assert [now[:2] for now in seen] == [(k + 1, FEW.iterations) for k in range(FEW.iterations)]
    cost = np.array([now[2] for now in seen])
    assert cost[-1] < 0.25 * cost[0]
    assert (np.diff(cost[::25]) < 0).mean() > 0.8


def test_the_pose_is_found(fitted, g1, walk):
    def error(robot_motion):
        return evaluate.report(robot_motion, walk, g1).series["keypoint_error_m"].mean()

    [careful] = retarget.FrameIK(g1)([walk])
    assert error(fitted[0]) < 0.05
    assert error(careful) < error(fitted[0])


def test_the_root_keeps_the_humans_orientation(fitted, g1, walk):
    assert quat_angle(fitted[0].root_quat, goals_of(walk, g1, "auto").root_quat).max() < 1e-3


def test_joints_that_nothing_is_asked_of_stay_at_zero(fitted, body, g1):
    held = ~body.free.numpy()
    assert {name for name, still in zip(g1.joints, held, strict=True) if still} == {
        f"{side}_wrist_{axis}_joint" for side in ("left", "right") for axis in ("roll", "pitch", "yaw")
    }
    assert (fitted[0].joint_pos[:, held] == 0.0).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [None, 3])
def test_every_cost_is_finite_and_pulls(body, g1, walk, name, seed):
    batch, root_pos, joint_pos = posed(goals_of(walk, g1, "auto"), seed)
    cost = costs(body, batch, root_pos, joint_pos, PhumaWeights())[name]
    assert torch.isfinite(cost)
    if cost.requires_grad:
        cost.backward()
    grads = [leaf.grad for leaf in (root_pos, joint_pos) if leaf.grad is not None]
    assert all(torch.isfinite(grad).all() for grad in grads)
    if seed is not None:
        assert cost > 0
        assert any((grad != 0).any() for grad in grads)


def test_a_cost_is_weighed_by_its_weight(body, g1, walk):
    batch, root_pos, joint_pos = posed(goals_of(walk, g1, "auto"), 3)
    once = costs(body, batch, root_pos, joint_pos, PhumaWeights())
    assert list(once) == NAMES
    for name in NAMES:
        weights = replace(PhumaWeights(), **{name: 3.0 * getattr(PhumaWeights(), name)})
        thrice = costs(body, batch, root_pos, joint_pos, weights)
        assert {n for n in NAMES if not torch.equal(once[n], thrice[n])} == {name}
        assert torch.isclose(thrice[name], 3.0 * once[name])


def test_costs_are_the_formulas(body, g1, walk):
    """Against the formulas written out over one chunk, without weights for rows."""
    goal = goals_of(walk, g1, "auto")
    batch, root_pos, joint_pos = posed(goal, 5)
    t, dt = len(goal.root_pos), goal.dt
    found = costs(body, batch, root_pos, joint_pos, PhumaWeights(1, 1, 1, 1, 1, 1, 1))
    points = (
        body.points(body.chain.at(root_pos, batch.root_quat, joint_pos)).detach().numpy()[:t].astype(float)
    )
    q, p = joint_pos.detach().numpy()[:t].astype(float), root_pos.detach().numpy()[:t].astype(float)
    v, u = np.diff(q, axis=0) / dt, np.diff(p, axis=0) / dt
    sole = points[:, -len(SOLES) :]
    slide = np.linalg.norm(np.diff(sole[..., :2], axis=0), axis=-1) / dt * goal.touch[:-1]
    excess = np.maximum(0.98 * g1.lower - q, 0) + np.maximum(q - 0.98 * g1.upper, 0)
    expected = {
        "key_points": np.abs(points[:, : len(KEY_POINTS)] - goal.points).mean(),
        "joint_limits": 0.5 * excess.mean(),
        "joint_speed": dt * np.maximum(np.abs(v) - 0.98 * g1.velocity_limit, 0).mean(),
        "contact_height": (goal.touch * sole[..., 2] ** 2).mean(),
        "skating": (slide.sum(axis=0) / np.maximum((goal.touch[:-1] > 0).sum(axis=0), 1)).sum(),
        "smoothness": sum(np.abs(x[1:-1] - 0.5 * (x[:-2] + x[2:])).mean() for x in (v, u)),
    }
    for name, value in expected.items():
        assert float(found[name].detach()) == pytest.approx(value, rel=1e-4), name


def test_contact_height_acts(g1, body, walk):
    """A floor is asked for: a clip whose key points hover comes down, more so than without the cost."""
    high = replace(walk, pos=walk.pos + np.array([0.0, 0.0, 0.02], np.float32))
    weights = [replace(PhumaWeights(), contact_height=w) for w in (0.0, 1000.0)]
    heights = []
    for w in weights:
        [result] = PhumaLike(g1, replace(FEW, weights=w, ground="none"))([high])
        touch = goals_of(high, g1, "none").touch
        assert touch.sum() > 20
        heights.append((np.abs(soles(body, result)[0]) * touch).sum() / touch.sum())
    assert heights[1] < 0.5 * heights[0]


def test_skating_acts(g1, body, walk):
    touch = goals_of(walk, g1, "auto").touch[:-1]
    speeds = []
    for weight in (0.0, 0.05):
        weights = replace(PhumaWeights(), skating=weight)
        [result] = PhumaLike(g1, replace(FEW, weights=weights))([walk])
        speeds.append((soles(body, result)[1] * touch).sum() / touch.sum())
    assert speeds[1] < 0.7 * speeds[0]


@pytest.mark.parametrize("frames", [1, 2, 119, 120, 121, 134, 225, 226, 400, 1000])
def test_chunks_cover_a_clip(frames):
    cuts = spans(frames, 120, 15)
    assert (cuts[0][0], cuts[-1][1]) == (0, frames)
    assert len({b - a for a, b in cuts}) == 1
    assert all(b - a <= 120 for a, b in cuts)
    assert all(15 <= b - a <= 17 for (_, b), (a, _) in pairwise(cuts))


def test_joining_is_seamless():
    whole = np.sin(0.1 * np.arange(300.0))[:, None]
    cuts = spans(300, 120, 15)
    assert np.allclose(joined([whole[a:b] for a, b in cuts], cuts), whole)
    steps = joined([np.full((b - a, 1), float(k)) for k, (a, b) in enumerate(cuts)], cuts)
    assert len(steps) == 300
    assert 0 < np.abs(np.diff(steps[:, 0])).max() < 0.15


def test_seams_move_no_faster_than_the_rest(g1):
    human = motion.trim(sample.motion("walk", fps=30.0), 0.0, 3.0)
    [result] = PhumaLike(g1, replace(FEW, chunk=1.2, overlap=0.3))([human])
    assert result.origin.history[-1]["chunks"] == 4
    way = np.abs(np.diff(result.joint_pos, axis=0)).max(axis=1)
    cuts = spans(human.frames, 36, 9)
    seams = np.concatenate([np.arange(start - 1, before) for (_, before), (start, _) in pairwise(cuts)])
    rest = np.setdiff1d(np.arange(len(way)), seams[seams < len(way)])
    assert way[seams[seams < len(way)]].max() < 1.5 * way[rest].max()


def test_company_and_batches_change_nothing(g1, walk):
    config = replace(FEW, iterations=60)
    others = [motion.trim(sample.motion("punch", fps=60.0), 0.0, 0.7), motion.trim(walk, 0.0, 0.9)]
    [alone] = PhumaLike(g1, config)([walk])
    for batch_frames in (1, 100, 4096):
        results = PhumaLike(g1, replace(config, batch_frames=batch_frames))([*others, walk])
        assert np.array_equal(results[2].qpos, alone.qpos)


def test_torch_gets_its_threads_back(g1, walk):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        PhumaLike(g1, replace(FEW, iterations=1))([walk])
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError):
            PhumaLike(g1, replace(FEW, iterations=1), progress=_stop)([walk])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def _stop(done: int, of: int, cost: float) -> None:
    raise RuntimeError(f"{done} of {of}: {cost}")


def test_a_mirrored_pose_costs_the_same(g1, body, walk):
    pose = PhumaLike(g1, replace(FEW, iterations=20))([walk])[0]
    reflected = motion.mirror_robot(pose, g1.mirror.order, g1.mirror.sign)
    found = []
    for human, robot_motion in ((walk, pose), (motion.mirror(walk), reflected)):
        goal = goals_of(human, g1, "auto")
        batch = Batch.of([goal])
        fill = len(batch.root_pos) - len(goal.root_pos)
        root_pos, joint_pos = (
            torch.from_numpy(np.concatenate([x, x[-1:].repeat(fill, axis=0)]))
            for x in (robot_motion.root_pos, robot_motion.joint_pos)
        )
        found.append(costs(body, batch, root_pos, joint_pos, PhumaWeights()))
    for name in NAMES:
        assert torch.isclose(found[0][name], found[1][name], rtol=1e-3, atol=1e-6), name


def test_a_mirrored_human_gives_the_mirrored_robot(g1, walk):
    """To within what iterations leave open: absolute values make Adam's last digits wander by steps of its rate."""
    config = replace(FEW, iterations=100)
    straight, reflected = PhumaLike(g1, config)([walk, motion.mirror(walk)])
    expected = motion.mirror_robot(straight, g1.mirror.order, g1.mirror.sign)
    assert np.abs(reflected.joint_pos - expected.joint_pos).mean() < config.rate
    assert np.abs(reflected.root_pos - expected.root_pos).max() < config.rate


def test_the_lowpass_is_an_option(g1, walk):
    config = replace(FEW, iterations=30)
    raw, smooth = (PhumaLike(g1, replace(config, lowpass_hz=cut))([walk])[0] for cut in (None, 6.0))

    def jerk(result):
        return np.abs(np.diff(result.joint_pos, n=3, axis=0)).mean()

    assert jerk(smooth) < jerk(raw)
    assert np.abs(smooth.joint_pos - raw.joint_pos).max() < 0.2
    still = motion.trim(walk, 0.0, 0.0)
    for short in (still, motion.trim(walk, 0.0, 0.2)):
        assert np.isfinite(PhumaLike(g1, replace(config, lowpass_hz=6.0))([short])[0].qpos).all()


def test_the_sole_has_a_toe_and_a_heel(g1):
    for side in ("left", "right"):
        toe, heel = (sole_point(g1, side, part) for part in ("toe", "heel"))
        assert toe[0] > 0.1 > 0.0 > heel[0]
        assert abs(toe[1]) < 1e-6
        assert toe[2] == pytest.approx(heel[2])


def test_blocks(g1, walk):
    batch = Batch.of([goals_of(motion.trim(walk, 0.0, (n - 1) / 30), g1, "auto") for n in (1, 2, 33)])
    assert len(batch.root_pos) == 4 * BLOCK == filled(1) + filled(2) + filled(33)
    assert float(batch.in_frames.sum()) == pytest.approx(3.0)
    assert float(batch.in_steps.sum()) == pytest.approx(2.0)
    assert float(batch.in_runs.sum()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        PhumaLikeConfig(ground="moon"),
        PhumaLikeConfig(iterations=-1),
        PhumaLikeConfig(rate=0.0),
        PhumaLikeConfig(chunk=0.5, overlap=0.5),
        PhumaLikeConfig(lowpass_hz=0.0),
    ],
)
def test_options_are_checked(g1, wrong):
    with pytest.raises(LimitError):
        PhumaLike(g1, wrong)
