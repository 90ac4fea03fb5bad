"""Every term's derivative against autograd and finite differences, and the two solvers' normal equations."""

import numpy as np
import pytest
import torch

from understudy import robots
from understudy.errors import ShapeError, UnknownName
from understudy.kinematics.chain import Chain, integrate
from understudy.kinematics.kernels.arrays import LandmarkArrays
from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.normal_equations import (
    accumulate,
    gather,
    joint_motion,
    place_landmarks,
    residuals,
)
from understudy.kinematics.solvers import gauss_newton
from understudy.kinematics.terms import (
    BoneVector,
    JointComfort,
    JointVelocity,
    LandmarkOrientation,
    LandmarkPosition,
    Posture,
    Target,
    landmark_tasks,
)
from understudy.kinematics.tree import Tree
from understudy.rotations import quat_from_rotvec, quat_mul, quat_to_matrix

torch.set_num_threads(1)

TERMS = [
    LandmarkPosition({"left_wrist": 2.0, "pelvis": (1.0, 2.0, 3.0), "right_ankle": 0.5}),
    LandmarkOrientation({"head": 1.0, "right_wrist": 3.0, "pelvis": 0.2}),
    BoneVector(
        {"left_elbow": 4.0, "right_knee": 2.0},
        {"right_knee": (0.01, 0.02, -0.3), "left_elbow": (0.0, 0.25, 0.0)},
    ),
    Posture(0.3, tuple(np.linspace(-0.3, 0.3, 29))),
    JointVelocity(0.7),
    JointComfort(1.5, 0.2),
]


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


def random_target(chain, batch, seed=1):
    g = torch.Generator().manual_seed(seed)
    n = len(chain.landmarks)
    quat = torch.randn(batch, n, 4, dtype=torch.float64, generator=g)
    return Target(
        torch.randn(batch, n, 3, dtype=torch.float64, generator=g),
        quat / quat.norm(dim=-1, keepdim=True),
        torch.randn(batch, n, 3, dtype=torch.float64, generator=g),
        torch.randn(batch, chain.dofs, dtype=torch.float64, generator=g),
    )


@pytest.mark.parametrize("term", TERMS, ids=lambda t: type(t).__name__)
def test_jacobian_equals_autograd_and_finite_differences(chain, term):
    batch, tangents = 4, 6 + chain.dofs
    state, target = random_state(chain, batch), random_target(chain, batch)
    ours = term.jacobian(state, target)
    residual = term.residual(state, target)
    assert ours.shape == (*residual.shape, tangents)
    assert term.weight_rows(state).shape == residual.shape[-1:]

    def moved(tangent):
        return term.residual(integrate(state, tangent), target)

    zero = torch.zeros(batch, tangents, dtype=torch.float64)
    auto = torch.autograd.functional.jacobian(moved, zero).diagonal(dim1=0, dim2=2).movedim(-1, 0)
    torch.testing.assert_close(ours, auto, atol=1e-9, rtol=1e-9)
    step = 1e-6 * torch.eye(tangents, dtype=torch.float64)
    slopes = [(moved(s.expand(batch, -1)) - moved(-s.expand(batch, -1))) / 2e-6 for s in step]
    torch.testing.assert_close(ours, torch.stack(slopes, dim=-1), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 0.0999, 0.1001, 1.0, 3.1])
def test_orientation_is_exact_at_any_error(chain, angle):
    term = LandmarkOrientation({"head": 1.0, "left_wrist": 1.0})
    state = random_state(chain, 2)
    axis = torch.tensor([0.48, -0.6, 0.64], dtype=torch.float64)
    error = quat_from_rotvec(angle * axis).expand_as(state.landmark_quat)
    target = Target(state.landmark_pos, quat_mul(error, state.landmark_quat))
    assert term.residual(state, target).unflatten(-1, (2, 3)).norm(dim=-1) == pytest.approx(angle, abs=1e-12)
    step = 1e-6 * torch.eye(6 + chain.dofs, dtype=torch.float64)

    def moved(tangent):
        return term.residual(integrate(state, tangent.expand(2, -1)), target)

    slopes = [(moved(s) - moved(-s)) / 2e-6 for s in step]
    torch.testing.assert_close(
        term.jacobian(state, target), torch.stack(slopes, dim=-1), atol=1e-7, rtol=1e-7
    )


def test_approximate_curvature_leaves_the_gradient_exact(chain):
    state, target = random_state(chain, 8), random_target(chain, 8)
    exact_hessian, exact = gauss_newton(TERMS, state, target, exact=True)
    hessian, gradient = gauss_newton(TERMS, state, target)
    torch.testing.assert_close(gradient, exact, atol=1e-9, rtol=1e-9)
    assert not torch.allclose(hessian, exact_hessian)


def test_gradient_is_that_of_the_cost(chain):
    state, target = random_state(chain, 3), random_target(chain, 3)
    tangent = torch.zeros(3, 6 + chain.dofs, dtype=torch.float64, requires_grad=True)
    here = integrate(state, tangent)
    cost = sum(0.5 * (t.weight_rows(here) * t.residual(here, target).square()).sum() for t in TERMS)
    _, gradient = gauss_newton(TERMS, state, target)
    torch.testing.assert_close(gradient, torch.autograd.grad(cost, tangent)[0], atol=1e-9, rtol=1e-9)


def test_kernels_build_the_same_normal_equations(g1, chain):
    terms = TERMS[:3]
    state, target = random_state(chain, 5), random_target(chain, 5)
    hessians, gradients = gauss_newton(terms, state, target)
    tree = Tree.from_robot(g1)
    arrays, task = tree.arrays(), landmark_tasks(terms, chain.landmarks)
    turn = quat_to_matrix(chain.landmark_turn.numpy())
    marks = LandmarkArrays(chain.landmark_link.numpy(), chain.landmark_offset.numpy(), turn)
    links, n, dofs = len(tree.names), len(chain.landmarks), chain.dofs
    pos, rot, motion = np.empty((links, 3)), np.empty((links, 3, 3)), np.empty((dofs, 6))
    mark_pos, mark_rot = np.empty((n, 3)), np.empty((n, 3, 3))
    r_pos, r_rot, r_bone = np.zeros((3, n, 3))
    wrench, stiffness = np.empty((links, 6)), np.empty((links, 6, 6))
    hessian, gradient = np.empty((6 + dofs, 6 + dofs)), np.empty(6 + dofs)
    for k in range(5):
        root = state.root_pos[k].numpy()
        forward(arrays, root, state.root_quat[k].numpy(), state.joint_pos[k].numpy(), pos, rot)
        place_landmarks(marks, pos, rot, mark_pos, mark_rot)
        joint_motion(arrays, pos, rot, root, motion)
        goals = target.pos[k].numpy(), quat_to_matrix(target.quat[k].numpy()), target.bone[k].numpy()
        cost = residuals(task, *goals, mark_pos, mark_rot, r_pos, r_rot, r_bone)
        gather(task, marks, root, mark_pos, r_pos, r_rot, r_bone, goals[2], wrench, stiffness)
        accumulate(arrays, motion, wrench, stiffness, hessian, gradient)
        ours = sum(0.5 * (t.weight_rows(state) * t.residual(state, target)[k].square()).sum() for t in terms)
        assert cost == pytest.approx(float(ours), rel=1e-12)
        np.testing.assert_allclose(np.tril(hessian), np.tril(hessians[k]), atol=1e-9)
        np.testing.assert_allclose(gradient, gradients[k], atol=1e-9)


def test_landmark_tasks_add_up_and_name_what_is_unknown(chain):
    twice = landmark_tasks([TERMS[0], TERMS[0], TERMS[3]], chain.landmarks)
    np.testing.assert_array_equal(twice.position[chain.landmarks.index("pelvis")], [2, 4, 6])
    assert twice.rotation.sum() == 0
    with pytest.raises(UnknownName, match="pelvis"):
        landmark_tasks([LandmarkPosition({"pelvus": 1.0})], chain.landmarks)


def test_comfort_is_zero_inside_and_grows_outside(chain):
    term = JointComfort(1.0, 0.1)
    middle = 0.5 * (chain.lower + chain.upper)
    zero, one = torch.zeros(3, dtype=torch.float64), torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)
    target = Target(zero[None], one[None])
    assert (term.residual(chain.at(zero, one, middle), target) == 0).all()
    edge = term.residual(chain.at(zero, one, chain.upper), target)
    torch.testing.assert_close(edge, torch.full_like(edge, 0.1))


@pytest.mark.parametrize(("term", "part"), [(TERMS[2], "bone"), (TERMS[4], "before")])
def test_a_target_without_what_a_term_reads_is_refused(chain, term, part):
    state = random_state(chain, 1)
    with pytest.raises(ShapeError, match=part):
        term.residual(state, Target(state.landmark_pos, state.landmark_quat))
