"""The two parts of the Hessian against finite differences, closed forms, and what they must be by their meaning."""

import numpy as np
import pytest
import torch
from torch.func import vmap

from understudy import robots
from understudy.errors import LimitError, UnknownName
from understudy.kinematics.chain import Chain
from understudy.kinematics.curvature import (
    free_pose,
    free_rotation,
    joint_rows,
    over_joints,
    pose_error,
    position_error,
    rotation_error,
    rotation_law,
    split_hessian,
)
from understudy.rotations import quat_from_rotvec, quat_mul

ARM = [
    f"left_{name}_joint"
    for name in (
        "shoulder_pitch",
        "shoulder_roll",
        "shoulder_yaw",
        "elbow",
        "wrist_roll",
        "wrist_pitch",
        "wrist_yaw",
    )
]


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def eye(n):
    return torch.eye(n, dtype=torch.float64)


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def arm(g1):
    """The left arm as a function of its seven joints, the row of its wrist, and a pose within its range."""
    chain = Chain.from_robot(g1, torch.float64)
    rows = joint_rows(g1, ARM)
    lower, upper = chain.lower[rows].numpy(), chain.upper[rows].numpy()
    angles = torch.as_tensor(np.random.default_rng(3).uniform(lower, upper))
    home = torch.as_tensor(g1.home, dtype=torch.float64)
    return (
        over_joints(chain.at(home[:3], home[3:7], home[7:]), rows),
        chain.landmark_rows(["left_wrist"])[0],
        angles,
    )


def off_target(arm, turn=0.9):
    """Residuals of each kind with a target well away from where the wrist is."""
    body, wrist, angles = arm
    state = body(angles)
    pos = state.landmark_pos[wrist] + vector(0.1, -0.2, 0.15)
    quat = quat_mul(state.landmark_quat[wrist], quat_from_rotvec(turn * vector(0.6, 0.0, 0.8)))
    return {
        "position": (lambda x: position_error(body(x), wrist, pos), eye(3)),
        "rotation": (lambda x: rotation_error(body(x), wrist, quat), torch.diag(vector(1.0, 2.0, 5.0))),
        "pose": (lambda x: pose_error(body(x), wrist, pos, quat), torch.diag(vector(1, 1, 1, 9, 9, 9))),
    }


@pytest.mark.parametrize("kind", ["position", "rotation", "pose"])
def test_both_parts_are_the_derivatives_of_the_gradient(arm, kind):
    residual, weight = off_target(arm)[kind]
    angles = arm[2]
    gauss_newton, curvature = split_hessian(residual, angles, weight)

    def gradient(x):
        return torch.func.grad(lambda y: 0.5 * residual(y) @ weight @ residual(y))(x)

    h = 1e-5
    rows = [(gradient(angles + h * d) - gradient(angles - h * d)) / (2 * h) for d in eye(7)]
    torch.testing.assert_close(gauss_newton + curvature, torch.stack(rows), atol=1e-7, rtol=0)
    jacobian = torch.stack(
        [(residual(angles + h * d) - residual(angles - h * d)) / (2 * h) for d in eye(7)], -1
    )
    torch.testing.assert_close(gauss_newton, jacobian.mT @ weight @ jacobian, atol=1e-8, rtol=0)


@pytest.mark.parametrize("kind", ["position", "rotation", "pose"])
def test_both_parts_are_symmetric_and_the_first_is_never_negative(arm, kind):
    residual, weight = off_target(arm)[kind]
    gauss_newton, curvature = split_hessian(residual, arm[2], weight)
    torch.testing.assert_close(gauss_newton, gauss_newton.mT)
    torch.testing.assert_close(curvature, curvature.mT)
    assert torch.linalg.eigvalsh(gauss_newton).min() > -1e-12
    assert curvature.abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["position", "rotation", "pose"])
def test_without_residual_there_is_no_curvature_part(arm, kind):
    residual, weight = off_target(arm)[kind]
    angles = arm[2]
    reached = residual(angles)
    if kind == "position":
        curvature = split_hessian(lambda x: residual(x) - reached, angles, weight)[1]
    else:  # a target where the wrist is
        body, wrist, _ = arm
        state = body(angles)
        pos, quat = state.landmark_pos[wrist], state.landmark_quat[wrist]
        at_target = {
            "rotation": lambda x: rotation_error(body(x), wrist, quat),
            "pose": lambda x: pose_error(body(x), wrist, pos, quat),
        }
        curvature = split_hessian(at_target[kind], angles, weight)[1]
    torch.testing.assert_close(curvature, torch.zeros_like(curvature), atol=1e-12, rtol=0)


def test_curvature_part_grows_with_the_residual_and_turns_with_its_sign(arm):
    body, wrist, angles = arm
    here = body(angles).landmark_pos[wrist]

    def curvature(offset):
        return split_hessian(lambda x: position_error(body(x), wrist, here + offset), angles, eye(3))[1]

    offset = vector(0.02, 0.05, -0.03)
    torch.testing.assert_close(curvature(3 * offset), 3 * curvature(offset))
    torch.testing.assert_close(curvature(-offset), -curvature(offset))


@pytest.mark.parametrize("angle", [0.05, 0.7, 1.6, 2.4, 3.1])
def test_law_of_the_logarithm(angle):
    axis = vector(2.0, -1.0, 2.0) / 3.0
    gauss_newton, curvature = split_hessian(
        free_rotation(angle * axis), torch.zeros(3, dtype=torch.float64), eye(3)
    )
    across, bent = rotation_law(torch.tensor(angle, dtype=torch.float64))
    both = np.outer(axis, axis)
    for part, along, law in ((gauss_newton, 1.0, across), (curvature, 0.0, bent)):
        expected = along * both + float(law) * (np.eye(3) - both)
        np.testing.assert_allclose(part.numpy(), expected, atol=1e-10)
    assert float(across + bent) == pytest.approx(0.5 * angle / np.tan(0.5 * angle), abs=1e-12)
    assert bent < 0 < across + bent


def test_law_is_for_angles_between_zero_and_half_a_turn():
    for angle in (0.0, np.pi, -0.3):
        with pytest.raises(LimitError, match="between 0 and π"):
            rotation_law(vector(1.0, angle))


def test_two_links_stretched_out(arm):
    """Along the motion that keeps a straight arm's end in place the Hessian is −w e l₁ l₂ (l₁ + l₂)."""
    first, second = 0.3, 0.2

    def end(x):
        a, b = x[0], x[0] + x[1]
        return torch.stack([first * a.cos() + second * b.cos(), first * a.sin() + second * b.sin()])

    still = vector(-second, first + second)
    for distance in (0.4, 0.6):
        residual = lambda x, d=distance: end(x) - vector(d, 0.0)  # noqa: E731
        gauss_newton, curvature = split_hessian(residual, vector(0.0, 0.0), eye(2))
        assert float(still @ gauss_newton @ still) == pytest.approx(0.0, abs=1e-15)
        bend = -(first + second - distance) * first * second * (first + second)
        assert float(still @ curvature @ still) == pytest.approx(bend)


def test_weights_that_differ_by_axis_can_make_the_sum_negative():
    """For one weight it never is; for weights 1 : 10 it is at 2 rad, about some axis."""
    axes = torch.nn.functional.normalize(
        torch.as_tensor(np.random.default_rng(0).normal(size=(200, 3))), dim=-1
    )

    def least(weights):
        total = vmap(
            lambda axis: sum(
                split_hessian(free_rotation(2.0 * axis), torch.zeros_like(axis), torch.diag(weights))
            )
        )(axes)
        return float(torch.linalg.eigvalsh(total).min())

    assert least(vector(1.0, 1.0, 1.0)) == pytest.approx(1.0 / np.tan(1.0), abs=1e-9)
    assert least(vector(1.0, 1.0, 10.0)) < 0.0


def test_a_free_pose_without_position_error_is_a_free_rotation():
    rotvec = vector(0.4, -1.0, 0.3)
    zero = torch.zeros(6, dtype=torch.float64)
    weight = torch.diag(vector(1, 1, 1, 0, 0, 0))
    pose = split_hessian(free_pose(rotvec, vector(0.1, 0.2, 0.3)), zero, weight)
    turn = split_hessian(free_rotation(rotvec), zero[:3], eye(3))
    for whole, part in zip(pose, turn, strict=True):
        torch.testing.assert_close(whole[:3, :3], part)
        assert not whole[3:].any()


def test_over_joints_moves_only_those(g1, arm):
    body, _, angles = arm
    state = body(angles)
    rows = joint_rows(g1, ARM)
    expected = g1.home[7:].astype(np.float64)
    expected[rows] = angles
    np.testing.assert_allclose(state.joint_pos.numpy(), expected, atol=1e-12)


def test_an_unknown_joint_is_refused(g1):
    with pytest.raises(UnknownName, match="left_elbw_joint"):
        joint_rows(g1, ["left_elbw_joint"])
