"""Barriers against finite differences, MuJoCo's distances and the numba kernels."""

import mujoco
import numpy as np
import pytest
import torch

from understudy import robots
from understudy.kinematics.barriers import Floor, JointLimits, SelfCollision
from understudy.kinematics.chain import Chain, integrate
from understudy.kinematics.collision import COLLISION_GROUP, Capsules
from understudy.kinematics.kernels.capsules import segment_distance
from understudy.kinematics.segments import nearest_on_segments

torch.set_num_threads(1)

BARRIERS = [JointLimits(), Floor(0.1), SelfCollision(0.01)]


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def chain(g1):
    return Chain.from_robot(g1, torch.float64)


def random_state(chain, batch, seed=0):
    g = torch.Generator().manual_seed(seed)
    quat = torch.randn(batch, 4, dtype=torch.float64, generator=g)
    u = torch.rand(batch, chain.dofs, dtype=torch.float64, generator=g)
    return chain.at(
        torch.randn(batch, 3, dtype=torch.float64, generator=g),
        quat / quat.norm(dim=-1, keepdim=True),
        chain.lower + u * (chain.upper - chain.lower),
    )


def segments(kind, count=200):
    """Random segments (count, 4, 3): start and end of the first, start and end of the second."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(count, 4, 3, dtype=torch.float64, generator=g)
    if kind == "parallel":
        x[:, 3] = x[:, 2] + torch.randn(count, 1, dtype=torch.float64, generator=g) * (x[:, 1] - x[:, 0])
    if kind == "nearly parallel":
        x[:, 3] = x[:, 2] + x[:, 1] - x[:, 0] + 1e-7 * x[:, 3]
    if kind == "on one line":
        along = torch.randn(count, 3, 1, dtype=torch.float64, generator=g)
        x[:, 1:] = x[:, :1] + along * (x[:, 1:2] - x[:, :1])
    if kind in ("first a point", "both points"):
        x[:, 1] = x[:, 0]
    if kind in ("second a point", "both points"):
        x[:, 3] = x[:, 2]
    if kind == "crossing":
        x[:, 3] = x[:, 0] + x[:, 1] - x[:, 2]
    return x


@pytest.mark.parametrize(
    "kind",
    [
        "any",
        "parallel",
        "nearly parallel",
        "on one line",
        "first a point",
        "second a point",
        "both points",
        "crossing",
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nearest_points_of_every_kind_of_segments(kind, dtype):
    x = segments(kind).to(dtype)
    first, second = nearest_on_segments(*x.unbind(1))
    ours = (first - second).norm(dim=-1)
    u = torch.linspace(0, 1, 101, dtype=dtype)[:, None]
    a = x[:, None, 0] + u * (x[:, None, 1] - x[:, None, 0])
    b = x[:, None, 2] + u * (x[:, None, 3] - x[:, None, 2])
    sampled = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").flatten(1).min(-1).values
    assert (ours <= sampled + 20 * torch.finfo(dtype).eps).all()
    assert (sampled - ours < 0.06).all()
    # No point along a segment is nearer to the other segment's point: the condition for the minimum.
    assert ((a - second[:, None]).norm(dim=-1).min(-1).values >= ours - 1e-5).all()
    assert ((b - first[:, None]).norm(dim=-1).min(-1).values >= ours - 1e-5).all()
    x1, x2 = np.empty(3), np.empty(3)
    kernel = [segment_distance(row[[0, 2]], row[[1, 3]], 0, 1, x1, x2) for row in x.double().numpy()]
    np.testing.assert_allclose(ours, kernel, atol=1e-4 if dtype == torch.float32 else 1e-6)


@pytest.mark.parametrize("barrier", BARRIERS, ids=lambda b: type(b).__name__)
def test_derivative_equals_autograd_and_finite_differences(chain, barrier):
    batch, tangents = 2, 6 + chain.dofs
    state = random_state(chain, batch)
    ours = barrier.dh(state)
    assert ours.shape == (*barrier.h(state).shape, tangents)

    def moved(tangent):
        return barrier.h(integrate(state, tangent))

    zero = torch.zeros(batch, tangents, dtype=torch.float64)
    auto = torch.autograd.functional.jacobian(moved, zero).diagonal(dim1=0, dim2=2).movedim(-1, 0)
    torch.testing.assert_close(ours, auto, atol=1e-9, rtol=1e-9)
    step = 1e-6 * torch.eye(tangents, dtype=torch.float64)
    slopes = [(moved(s.expand(batch, -1)) - moved(-s.expand(batch, -1))) / 2e-6 for s in step]
    torch.testing.assert_close(ours, torch.stack(slopes, dim=-1), atol=1e-6, rtol=1e-6)


def collision_geoms(model):
    return [g for g in range(model.ngeom) if model.geom_group[g] == COLLISION_GROUP]


def test_pair_distances_are_mujocos(g1, chain):
    state = random_state(chain, 30, seed=1)
    ours = SelfCollision().h(state).numpy()
    qpos = torch.cat([state.root_pos, state.root_quat, state.joint_pos], dim=-1).numpy()
    data, geoms = mujoco.MjData(g1.model), collision_geoms(g1.model)
    for row in range(len(qpos)):
        data.qpos[:] = qpos[row]
        mujoco.mj_kinematics(g1.model, data)
        for k, (a, b) in enumerate(chain.capsule_pairs.tolist()):
            theirs = mujoco.mj_geomDistance(g1.model, data, geoms[a], geoms[b], 100.0, None)
            assert ours[row, k] == pytest.approx(theirs, abs=1e-6)


def test_contact_distances_are_mujocos(g1, chain):
    """MuJoCo's own narrow phase for capsules is exact, and reports two contacts for parallel ones."""
    spec = mujoco.MjSpec()
    capsules = Capsules.from_robot(g1)
    half = np.linalg.norm(capsules.end - capsules.start, axis=-1) / 2
    a, b = int(np.argmax(half)), int(np.argsort(half)[-2])
    for k, name in ((a, "a"), (b, "b")):
        body = spec.worldbody.add_body(name=name)
        body.add_freejoint()
        size = [capsules.radius[k], half[k], 0]
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_CAPSULE, size=size, margin=10.0)
    model = spec.compile()
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    for trial in range(300):
        q = rng.normal(size=(2, 4))
        q[1] = q[trial % 2]  # every other pair is parallel
        data.qpos[:] = np.concatenate(
            [[*rng.normal(scale=0.15, size=3), *row / np.linalg.norm(row)] for row in q]
        )
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        axis = data.geom_xmat.reshape(2, 3, 3)[:, :, 2] * np.array([half[a], half[b]])[:, None]
        ends = np.stack([data.geom_xpos - axis, data.geom_xpos + axis], axis=1).reshape(4, 3)
        first, second = nearest_on_segments(*torch.as_tensor(ends))
        ours = float((first - second).norm()) - capsules.radius[a] - capsules.radius[b]
        assert ours == pytest.approx(min(data.contact.dist), abs=1e-9)


def test_floor_distances_are_the_lowest_points(g1, chain):
    state = random_state(chain, 5, seed=2)
    rows = Floor(0.3).h(state)
    data, geoms = mujoco.MjData(g1.model), collision_geoms(g1.model)
    qpos = torch.cat([state.root_pos, state.root_quat, state.joint_pos], dim=-1).numpy()
    for k in range(5):
        data.qpos[:] = qpos[k]
        mujoco.mj_kinematics(g1.model, data)
        size, height = g1.model.geom_size[geoms], data.geom_xpos[geoms, 2]
        half = np.where(g1.model.geom_type[geoms] == mujoco.mjtGeom.mjGEOM_CAPSULE, size[:, 1], 0.0)
        lowest = height - abs(data.geom_xmat[geoms, 8]) * half - size[:, 0]
        assert float(rows[k].min()) == pytest.approx(lowest.min() - 0.3, abs=1e-9)


def test_safe_means_not_negative(g1, chain):
    home = torch.as_tensor(g1.home, dtype=torch.float64)
    state = chain.at(home[:3], home[3:7], home[7:])
    for barrier in (JointLimits(), Floor(), SelfCollision()):
        assert (barrier.h(state) >= -1e-3).all()
    over = chain.at(home[:3] - home.new_tensor([0, 0, 0.5]), home[3:7], chain.upper + 0.1)
    assert (JointLimits().h(over) < 0).any()
    assert (Floor().h(over) < 0).any()


def test_capsules_that_share_a_point_still_have_a_derivative(chain):
    state = random_state(chain, 2)
    crossing = torch.zeros_like(state.capsule_start)
    state.__dict__["capsule_start"], state.__dict__["capsule_end"] = crossing, crossing
    assert SelfCollision().dh(state).isfinite().all()
    assert SelfCollision().dh(state).abs().max() > 0
