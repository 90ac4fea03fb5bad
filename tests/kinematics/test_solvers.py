"""The batched solvers against DAQP, against poses that are known, and against themselves one by one."""

import daqp
import numpy as np
import pytest
import torch

from understudy import robots
from understudy.errors import SolverFailed
from understudy.kinematics.barriers import Floor, JointLimits, SelfCollision
from understudy.kinematics.chain import Chain
from understudy.kinematics.solvers import PoseFitConfig, fit_poses, solve_box_qp
from understudy.kinematics.terms import LandmarkOrientation, LandmarkPosition, Posture, Target

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def chain():
    return Chain.from_robot(robots.load("unitree_g1"), torch.float64)


@pytest.fixture(scope="module")
def terms(chain):
    return [
        LandmarkPosition(dict.fromkeys(chain.landmarks, 1.0)),
        LandmarkOrientation(dict.fromkeys(chain.landmarks, 1.0)),
    ]


def random_qps(batch, n, condition):
    g = torch.Generator().manual_seed(0)
    q, _ = torch.linalg.qr(torch.randn(batch, n, n, dtype=torch.float64, generator=g))
    values = torch.logspace(0, condition, n, dtype=torch.float64)
    gradient = torch.randn(batch, n, dtype=torch.float64, generator=g) * values.sqrt().max()
    bound = torch.rand(2, batch, n, dtype=torch.float64, generator=g)
    return (q * values) @ q.transpose(-1, -2), gradient, -bound[0], bound[1]


@pytest.mark.parametrize("n", [1, 7, 35])
@pytest.mark.parametrize("condition", [0, 2, 5])
def test_box_qp_equals_daqp(n, condition):
    hessian, gradient, lower, upper = random_qps(50, n, condition)
    x = solve_box_qp(hessian, gradient, lower, upper, passes=60)
    for k in range(50):
        arguments = (a[k].numpy().copy() for a in (hessian, gradient))
        box = (a[k].numpy().copy() for a in (upper, lower))
        theirs, _, flag, _ = daqp.solve(*arguments, np.zeros((0, n)), *box, np.zeros(n, np.int32))
        assert flag == 1
        np.testing.assert_allclose(x[k], theirs, atol=1e-6)


def test_box_qp_keeps_bounds_exactly_and_fixed_variables_fixed():
    hessian, gradient, lower, upper = (a.float() for a in random_qps(50, 20, 3))
    lower[:, 3] = upper[:, 3] = 0.25
    x = solve_box_qp(hessian, gradient, lower, upper)
    assert ((x >= lower) & (x <= upper)).all()
    assert (x[:, 3] == 0.25).all()


def test_indefinite_hessian_is_refused():
    with pytest.raises(SolverFailed, match="positive definite"):
        solve_box_qp(-torch.eye(3)[None], torch.ones(1, 3), -torch.ones(1, 3), torch.ones(1, 3))


def random_joints(chain, batch, seed):
    u = torch.rand(batch, chain.dofs, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return chain.lower + (0.3 + 0.4 * u) * (chain.upper - chain.lower)


def upright(chain, joints):
    root_pos = torch.zeros(len(joints), 3, dtype=torch.float64)
    root_quat = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64).expand(len(joints), 4)
    return chain.at(root_pos, root_quat, joints)


def test_a_reachable_pose_is_found(chain, terms):
    goal = upright(chain, random_joints(chain, 8, seed=0))
    start = upright(chain, goal.joint_pos + 0.3 * (random_joints(chain, 8, seed=1) - goal.joint_pos))
    target = Target(goal.landmark_pos + 0.3, goal.landmark_quat)
    found, cost = fit_poses(terms, start, target, config=PoseFitConfig(iterations=60, tolerance=1e-12))
    assert cost.max() < 1e-8
    torch.testing.assert_close(found.root_pos, goal.root_pos + 0.3, atol=1e-4, rtol=0)


def test_limits_hold_and_cost_never_rises(chain, terms):
    start = upright(chain, random_joints(chain, 4, seed=2))
    goal = upright(chain, chain.upper + 0.5 * torch.rand(4, chain.dofs, dtype=torch.float64))
    target = Target(goal.landmark_pos, goal.landmark_quat)
    before = float("inf")
    for iterations in (1, 2, 4, 8):
        found, cost = fit_poses(
            terms, start, target, config=PoseFitConfig(iterations=iterations, tolerance=0.0)
        )
        assert cost.sum() < before
        before = cost.sum()
        assert (JointLimits().h(found) >= 0).all()


def test_the_batch_does_not_matter(chain, terms):
    start = upright(chain, random_joints(chain, 3, seed=3))
    goal = upright(chain, random_joints(chain, 3, seed=4))
    config = PoseFitConfig(iterations=5, tolerance=0.0)
    together, _ = fit_poses(terms, start, Target(goal.landmark_pos, goal.landmark_quat), config=config)
    alone, _ = fit_poses(
        terms,
        chain.at(start.root_pos[1], start.root_quat[1], start.joint_pos[1]),
        Target(goal.landmark_pos[1], goal.landmark_quat[1]),
        config=config,
    )
    torch.testing.assert_close(together.joint_pos[1], alone.joint_pos, atol=1e-9, rtol=0)


def test_barriers_push_out_of_floor_and_self_collision(chain):
    joints = upright(chain, random_joints(chain, 6, seed=5)).joint_pos
    start = upright(chain, joints)
    terms = [Posture(1e-3, tuple(joints.mean(0).tolist())), LandmarkPosition({"pelvis": 1e-3})]
    target = Target(start.landmark_pos, start.landmark_quat)
    barriers = [Floor(), SelfCollision()]
    found, _ = fit_poses(terms, start, target, barriers, PoseFitConfig(iterations=80))
    for barrier in barriers:
        assert barrier.h(start).min() < -0.01
        assert barrier.h(found).min() > -1e-3
