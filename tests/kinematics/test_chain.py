"""Batched kinematics against MuJoCo, autograd and themselves."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
import torch

from understudy import robots
from understudy.errors import UnknownName
from understudy.kinematics.chain import Chain, SkeletonChain, State, difference, integrate
from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import Landmarks
from understudy.motion.types import Skeleton

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def random_state(chain: Chain, *batch: int, seed: int = 0) -> State:
    rng = np.random.default_rng(seed)
    lower, upper = chain.lower.numpy(), chain.upper.numpy()
    quat = rng.normal(size=(*batch, 4))
    parts = (
        rng.uniform(-2, 2, (*batch, 3)),
        quat / np.linalg.norm(quat, axis=-1, keepdims=True),
        rng.uniform(lower, upper, (*batch, chain.dofs)),
    )
    return chain.at(*(torch.as_tensor(p, dtype=chain.lower.dtype) for p in parts))


def mujoco_poses(model: mujoco.MjModel, state: State):
    """Yields MuJoCo's data in each pose of a state with one batch dimension."""
    data = mujoco.MjData(model)
    qpos = torch.cat([state.root_pos, state.root_quat, state.joint_pos], dim=-1)
    for row in qpos.double().numpy():
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        yield data


def world_jacobian(model: mujoco.MjModel, data: mujoco.MjData, point: np.ndarray, body: int) -> np.ndarray:
    """MuJoCo's Jacobian (6, 6 + dof), with the root's angular velocity in the world's frame instead of its
    own."""
    jac = np.zeros((6, model.nv))
    mujoco.mj_jac(model, data, jac[:3], jac[3:], point, body)
    jac[:, 3:6] = jac[:, 3:6] @ data.xmat[1].reshape(3, 3).T
    return jac


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_body_poses_are_mujocos(g1, dtype, tolerance):
    tree = Tree.from_robot(g1)
    state = random_state(Chain.from_robot(g1, dtype), 1000)
    pos, rot = state.pos[:, tree.body_link].numpy(), state.rot[:, tree.body_link].numpy()
    for row, data in enumerate(mujoco_poses(g1.model, state)):
        np.testing.assert_allclose(pos[row], data.xpos[1:], atol=tolerance, rtol=0)
        np.testing.assert_allclose(rot[row].reshape(-1, 9), data.xmat[1:], atol=tolerance, rtol=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_landmark_jacobians_are_mujocos(g1, dtype, tolerance):
    state = random_state(Chain.from_robot(g1, dtype), 100, seed=1)
    points, ours = state.landmark_pos.double().numpy(), state.landmark_jacobian.numpy()
    for row, data in enumerate(mujoco_poses(g1.model, state)):
        for k, carrier in enumerate(g1.landmarks.carriers):
            theirs = world_jacobian(g1.model, data, points[row, k], int(carrier) + 1)
            np.testing.assert_allclose(ours[row, k], theirs, atol=tolerance, rtol=0)


TWISTED = """
<mujoco><worldbody><body name="a"><freejoint/><geom size=".1"/>
  <body name="b" pos=".1 .2 .3" euler="20 30 40">
    <joint name="j0" axis="1 2 0" pos=".1 -.2 .05"/><joint name="j1" axis="0 1 -1" pos="-.3 .1 .2"/>
    <geom size=".1"/>
    <body name="c" pos="0 0 .4"><geom size=".1"/>
      <body name="d" pos=".2 0 0" euler="0 90 0"><joint name="j2" axis="1 0 0" pos="0 .1 .1"/><geom
      size=".1"/></body>
    </body>
  </body>
  <body name="e" pos="-.3 0 0"><joint name="j3" axis="0 0 1"/><geom size=".1"/></body>
</body></worldbody></mujoco>
"""


def test_bodies_with_several_displaced_hinges_are_mujocos(g1):
    model = mujoco.MjModel.from_xml_string(TWISTED)
    four = np.ones(4, np.float32)
    limits = {"lower": -2 * four, "upper": 2 * four, "velocity_limit": four, "effort_limit": four}
    stances = {"home": np.ones(11, np.float32), "t_pose": four}
    robot = replace(g1, model=model, **limits, **stances)
    tree = Tree.from_robot(robot)
    state = random_state(Chain(tree, dtype=torch.float64), 20)
    links = torch.as_tensor(tree.body_link)
    offsets = torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64).expand(len(links), 3)
    points = state.points(links, offsets)
    jacobian = state.jacobian(links, points).numpy()
    for row, data in enumerate(mujoco_poses(model, state)):
        np.testing.assert_allclose(state.pos[row, links], data.xpos[1:], atol=1e-12)
        np.testing.assert_allclose(state.rot[row, links].reshape(-1, 9), data.xmat[1:], atol=1e-12)
        for k in range(len(links)):
            theirs = world_jacobian(model, data, points[row, k].numpy(), k + 1)
            np.testing.assert_allclose(jacobian[row, k], theirs, atol=1e-12)


def test_jacobian_is_the_derivative_of_integrated_points(g1):
    state = random_state(Chain.from_robot(g1, torch.float64), 2)
    links = state.chain.landmark_link

    def moved(tangent):
        return integrate(state, tangent).landmark_pos

    zero = torch.zeros(2, 6 + state.chain.dofs, dtype=torch.float64)
    auto = torch.autograd.functional.jacobian(moved, zero)
    for row in range(2):
        ours = state.jacobian(links, state.landmark_pos)[row, :, :3]
        torch.testing.assert_close(auto[row, ..., row, :], ours, atol=1e-12, rtol=0)


def test_any_batch_shape_and_none(g1):
    chain = Chain.from_robot(g1)
    flat = random_state(chain, 6)
    shaped = chain.at(*(x.reshape(2, 3, -1) for x in (flat.root_pos, flat.root_quat, flat.joint_pos)))
    single = chain.at(flat.root_pos[4], flat.root_quat[4], flat.joint_pos[4])
    torch.testing.assert_close(shaped.landmark_jacobian.flatten(0, 1), flat.landmark_jacobian)
    torch.testing.assert_close(single.landmark_jacobian, flat.landmark_jacobian[4])
    empty = chain.at(torch.zeros(0, 3), torch.zeros(0, 4), torch.zeros(0, chain.dofs))
    assert empty.landmark_jacobian.shape == (0, len(chain.landmarks), 6, 6 + chain.dofs)


def test_landmarks_equal_those_of_the_numpy_side(g1):
    state = random_state(Chain.from_robot(g1, torch.float64), 3)
    links = Tree.from_robot(g1).body_link
    pos, quat = g1.landmarks.world(state.pos[:, links].numpy(), state.quat[:, links].numpy())
    np.testing.assert_allclose(state.landmark_pos, pos, atol=1e-12)
    np.testing.assert_allclose(state.landmark_quat, quat, atol=1e-6)


def test_difference_undoes_integrate(g1):
    state = random_state(Chain.from_robot(g1, torch.float64), 50)
    tangent = torch.as_tensor(np.random.default_rng(1).normal(size=(50, 6 + state.chain.dofs)))
    torch.testing.assert_close(difference(state, integrate(state, tangent)), tangent, atol=1e-12, rtol=0)


def test_far_from_the_origin_single_precision_still_gives_the_same_jacobian(g1):
    near = random_state(Chain.from_robot(g1), 5)
    far = near.chain.at(near.root_pos + 500.0, near.root_quat, near.joint_pos)
    torch.testing.assert_close(far.landmark_jacobian, near.landmark_jacobian, atol=2e-4, rtol=0)


def test_gradients_are_finite_at_home(g1):
    chain = Chain.from_robot(g1)
    parts = [torch.as_tensor(p, dtype=torch.float32) for p in (g1.home[:3], g1.home[3:7], g1.home[7:])]
    parts = [p.requires_grad_() for p in parts]
    state = chain.at(*parts)
    loss = state.landmark_pos.square().sum() + difference(state, state).square().sum()
    for gradient in torch.autograd.grad(loss, parts):
        assert gradient.isfinite().all()


def test_unknown_landmark_is_named(g1):
    with pytest.raises(UnknownName, match="left_knee"):
        Chain.from_robot(g1).landmark_rows(["left_kneee"])


def test_skeleton_local_and_world_rotations():
    rng = np.random.default_rng(0)
    parents = np.array([-1, 0, 1, 2, 3, 0, 5, 2])
    landmarks = Landmarks((), np.zeros(0, int), np.zeros((0, 3)), np.zeros((0, 4)))
    skeleton = Skeleton("tree", tuple("abcdefgh"), parents, rng.normal(size=(8, 3)), landmarks)
    chain = SkeletonChain(skeleton, torch.float64)
    local = torch.as_tensor(rng.normal(size=(5, 8, 4)))
    local = local / local.norm(dim=-1, keepdim=True)
    root = torch.as_tensor(rng.normal(size=(5, 3)))
    pos, quat = chain.world_from_local(root, local)
    torch.testing.assert_close(chain.local_from_world(quat), local, atol=1e-12, rtol=0)
    torch.testing.assert_close(pos[:, 0], root)
    bones = (pos[:, 1:] - pos[:, parents[1:]]).norm(dim=-1)
    torch.testing.assert_close(bones, chain.offsets[1:].norm(dim=-1).expand(5, 7), atol=1e-12, rtol=0)
