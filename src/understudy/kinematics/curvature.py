"""Second derivatives of a least-squares cost, in their two parts: what a solver sees, and what it leaves out.

The Hessian of ½ ξᵀWξ is JᵀWJ + Σ_a (Wξ)_a ∇²ξ_a (NMR, arXiv 2603.22201, Eq. 4). The first part, Gauss and
Newton's, is never negative; where the sum is, the cost is not convex. ``split_hessian`` computes both by automatic
differentiation for any residual; the other functions are the residuals that ``docs/methods/non_convexity.md`` studies,
on a robot's joints and on a free body. Torch, double precision wherever the chain is double.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import grad, jacrev

from understudy.errors import LimitError, UnknownName
from understudy.kinematics.chain import State
from understudy.robots.robot import Robot
from understudy.rotations import (
    quat_apply,
    quat_conj,
    quat_from_rotvec,
    quat_mul,
    quat_to_rotvec,
    rotvec_jacobian_inverse,
)

Residual = Callable[[Tensor], Tensor]
"""From coordinates (n,) to rows (m,)."""


def split_hessian(
    residual: Residual, at: Float[Tensor, "n"], weight: Float[Tensor, "row row"]
) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n n"]]:
    """(Gauss–Newton part, curvature part) of the Hessian of ½ ξᵀWξ at one point; their sum is the Hessian.

    ``weight`` is W, symmetric. For a batch of points or targets, map it: ``torch.func.vmap``.
    """
    jacobian = jacrev(residual)(at)
    force = weight @ residual(at)
    curvature = jacrev(grad(lambda x: residual(x) @ force))(at)
    return jacobian.mT @ weight @ jacobian, 0.5 * (curvature + curvature.mT)


def joint_rows(robot: Robot, names: Sequence[str]) -> list[int]:
    """Where joints stand in a robot's joint vector. Raises UnknownName."""
    for name in names:
        if name not in robot.joints:
            raise UnknownName("joint", name, robot.joints)
    return [robot.joints.index(name) for name in names]


def over_joints(state: State, joints: Sequence[int]) -> Callable[[Float[Tensor, "joint"]], State]:
    """The body of ``state`` as a function of the angles (rad) of some joints, all else held."""
    rows = torch.eye(state.chain.dofs, dtype=state.joint_pos.dtype, device=state.joint_pos.device)[
        list(joints)
    ]
    held = state.joint_pos * (1.0 - rows.sum(0))
    return lambda angles: state.chain.at(state.root_pos, state.root_quat, held + angles @ rows)


def position_error(state: State, landmark: int, target: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    """x − x* of a landmark, world frame, m."""
    return state.landmark_pos[landmark] - target


def rotation_error(state: State, landmark: int, target: Float[Tensor, "4"]) -> Float[Tensor, "3"]:
    """Log(R*ᵀR) of a landmark, rad, in the target's frame."""
    return quat_to_rotvec(quat_mul(quat_conj(target), state.landmark_quat[landmark]))


def pose_error(
    state: State, landmark: int, target_pos: Float[Tensor, "3"], target_quat: Float[Tensor, "4"]
) -> Float[Tensor, "6"]:
    """Log(T*⁻¹T) of a landmark: rotation (rad) above translation (m), in the target's frame. NMR, Eq. 2."""
    back = quat_conj(target_quat)
    turn = quat_mul(back, state.landmark_quat[landmark])
    return pose_log(turn, quat_apply(back, state.landmark_pos[landmark] - target_pos))


def pose_log(quat: Float[Tensor, "4"], pos: Float[Tensor, "3"]) -> Float[Tensor, "6"]:
    """The logarithm of SE(3): (ω, V⁻¹(ω) p) with ω = Log R, rad and m."""
    rotvec = quat_to_rotvec(quat)
    return torch.cat([rotvec, rotvec_jacobian_inverse(rotvec) @ pos])


def free_rotation(rotvec: Float[Tensor, "3"]) -> Residual:
    """u ↦ Log(exp(r) exp(u)): a rotation error r (rad) of a body that turns freely.

    t ↦ exp(r) exp(t u) are the geodesics of SO(3), so second derivatives at u = 0 are those that belong to the
    rotations themselves and to no choice of coordinates.
    """
    turn = quat_from_rotvec(rotvec)
    return lambda u: quat_to_rotvec(quat_mul(turn, quat_from_rotvec(u)))


def free_pose(rotvec: Float[Tensor, "3"], pos: Float[Tensor, "3"]) -> Residual:
    """(u, d) ↦ Log of the pose (exp(r) exp(u), p + d): rad and m, of a body that turns and moves freely."""
    turn = quat_from_rotvec(rotvec)
    return lambda x: pose_log(quat_mul(turn, quat_from_rotvec(x[:3])), pos + x[3:])


def rotation_law(
    angle: Float[Tensor, "*batch"],
) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
    """(Gauss–Newton, curvature) of ½‖Log R‖² along turns across the axis of R, for its angle φ (rad) in (0, π).

    (φ/2)² / sin²(φ/2) and −(φ/2) (φ − sin φ) / (1 − cos φ); their sum is (φ/2) cot(φ/2). Along the axis they are 1
    and 0. Raises LimitError outside the interval.
    """
    if bool(((angle <= 0) | (angle >= torch.pi)).any()):
        raise LimitError("The angle of a rotation error must lie between 0 and π, exclusive.")
    half = 0.5 * angle
    return (half / half.sin()) ** 2, -half * (angle - angle.sin()) / (1.0 - angle.cos())
