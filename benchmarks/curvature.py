"""The two parts of the Hessian on the left arm of a robot: near full extension, and as an orientation error grows."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import grad, jacrev, vmap

from understudy.kinematics.chain import Chain, State
from understudy.kinematics.curvature import (
    free_pose,
    free_rotation,
    joint_rows,
    over_joints,
    pose_error,
    position_error,
    rotation_error,
    split_hessian,
)
from understudy.kinematics.solvers import solve_box_qp
from understudy.robots.robot import Robot
from understudy.rotations import quat_conj, quat_from_rotvec, quat_mul, quat_to_rotvec

JOINTS = (
    "shoulder_pitch",
    "shoulder_roll",
    "shoulder_yaw",
    "elbow",
    "wrist_roll",
    "wrist_pitch",
    "wrist_yaw",
)
ELBOW = 3
AHEAD = (1.0, 0.0, 0.0)
"""The way that the arm is stretched in, world frame."""
NEGATIVE = -1e-9
"""An eigenvalue below this is negative, not a rounding error."""


@dataclass(frozen=True, eq=False)
class Arm:
    """The left arm as a function of its seven joints, the rest of the body at home; the rows of two landmarks."""

    robot: Robot
    at: State
    rows: list[int]
    wrist: int
    shoulder: int

    @classmethod
    def of(cls, robot: Robot) -> "Arm":
        """In double precision."""
        chain, home = Chain.from_robot(robot, torch.float64), torch.as_tensor(robot.home, dtype=torch.float64)
        rows = joint_rows(robot, [f"left_{name}_joint" for name in JOINTS])
        wrist, shoulder = chain.landmark_rows(["left_wrist", "left_shoulder"])
        return cls(robot, chain.at(home[:3], home[3:7], home[7:]), rows, wrist, shoulder)

    @property
    def lower(self) -> Float[Tensor, "joint"]:
        return self.at.chain.lower[self.rows]

    @property
    def upper(self) -> Float[Tensor, "joint"]:
        return self.at.chain.upper[self.rows]

    def body(self, angles: Float[Tensor, "joint"]) -> State:
        return over_joints(self.at, self.rows)(angles)

    def some(self, angles: Float[Tensor, "joint"], joints: list[int]):
        """The body as a function of some of the joints, the others as in ``angles``."""
        return over_joints(self.body(angles), [self.rows[j] for j in joints])

    def stretched(self) -> Float[Tensor, "joint"]:
        """The pose whose wrist is furthest ahead: Newton's method on four joints, the wrist's own at zero."""
        ahead = _vector(*AHEAD)
        free = [0, 1, 2, ELBOW]
        angles = _vector(-0.5 * np.pi, 0.0, 0.0, 0.5 * np.pi, 0.0, 0.0, 0.0)
        back = lambda x: -self.some(angles, free)(x).landmark_pos[self.wrist] @ ahead  # noqa: E731
        x = angles[free]
        for _ in range(100):
            bend, ways = torch.linalg.eigh(jacrev(grad(back))(x))
            # Downhill also where the arm still has to straighten.
            x = x - (ways @ ((ways.mT @ grad(back)(x)) / (bend.abs() + 1e-3))).clamp(-0.1, 0.1)
        return torch.cat([x, angles[4:]])


def least(matrix: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch"]:
    """The smallest eigenvalue."""
    return torch.linalg.eigvalsh(matrix)[..., 0]


def beyond_reach(arm: Arm, offsets: Float[np.ndarray, "k"]) -> dict[str, np.ndarray]:
    """Smallest eigenvalues (m²/rad²) at full extension, the target ``offsets`` (m) further ahead than the wrist:
    ``curvature``, ``largest`` of it, ``total`` for a position task on four joints; ``pose`` and ``pose_total`` for the
    logarithm of the pose on seven, the orientation being right, w_R = 0.01 m²/rad² and w_p = 1.
    """
    angles, ahead = arm.stretched(), _vector(*AHEAD)
    now = arm.body(angles)
    pos, quat = now.landmark_pos[arm.wrist], now.landmark_quat[arm.wrist]
    four, weight = arm.some(angles, [0, 1, 2, ELBOW]), torch.diag(_vector(0.01, 0.01, 0.01, 1, 1, 1))

    def parts(offset):
        target = pos + offset * ahead
        position = split_hessian(
            lambda x: position_error(four(x), arm.wrist, target), angles[: ELBOW + 1], torch.eye(3).double()
        )
        pose = split_hessian(lambda x: pose_error(arm.body(x), arm.wrist, target, quat), angles, weight)
        return *position, *pose

    first, second, third, fourth = vmap(parts)(torch.as_tensor(offsets))
    return {
        "curvature": least(second).numpy(),
        "largest": torch.linalg.eigvalsh(second)[:, -1].numpy(),
        "total": least(first + second).numpy(),
        "pose": least(fourth).numpy(),
        "pose_total": least(third + fourth).numpy(),
    }


def elbow_sweep(
    arm: Arm, bends: Float[np.ndarray, "bend"], distances: Float[np.ndarray, "distance"]
) -> tuple[
    Float[np.ndarray, "bend distance"], Float[np.ndarray, "bend distance"], Float[np.ndarray, "bend"], float
]:
    """Position task, four joints: (smallest eigenvalue of the curvature part, of the total, both m²/rad²; how far the
    wrist is from the shoulder by bend, the same stretched, m). The elbow is bent by ``bends`` (rad) from straight, the
    target lies on the line from shoulder to wrist, ``distances`` from the shoulder as shares of the reach."""
    straight = arm.stretched()

    def apart(state):
        line = state.landmark_pos[arm.wrist] - state.landmark_pos[arm.shoulder]
        return line, torch.linalg.vector_norm(line)

    reach = apart(arm.body(straight))[1]

    def parts(bend, distance):
        angles = torch.cat([straight[:ELBOW], straight[ELBOW : ELBOW + 1] - bend, straight[ELBOW + 1 :]])
        state, four = arm.body(angles), arm.some(angles, [0, 1, 2, ELBOW])
        line, length = apart(state)
        target = state.landmark_pos[arm.shoulder] + distance * reach * line / length
        one, other = split_hessian(
            lambda x: position_error(four(x), arm.wrist, target), angles[: ELBOW + 1], torch.eye(3).double()
        )
        return other, one + other, length

    over = vmap(vmap(parts, in_dims=(None, 0)), in_dims=(0, None))
    curvature, total, length = over(torch.as_tensor(bends), torch.as_tensor(distances))
    return least(curvature).numpy(), least(total).numpy(), length[:, 0].numpy(), float(reach)


def free_sweep(
    angles: Float[np.ndarray, "angle"],
) -> tuple[Float[np.ndarray, "angle 3"], Float[np.ndarray, "angle 3"], Float[np.ndarray, "angle 3"]]:
    """Eigenvalues of (Gauss–Newton part, curvature part, total) of ½‖Log R‖² on SO(3), by differentiation."""
    zero, eye = torch.zeros(3).double(), torch.eye(3).double()
    axis = torch.nn.functional.normalize(_vector(1.0, 2.0, -2.0), dim=0)
    one, other = vmap(lambda a: split_hessian(free_rotation(a * axis), zero, eye))(torch.as_tensor(angles))
    first, second, both = (torch.linalg.eigvalsh(m).numpy() for m in (one, other, one + other))
    return first, second, both


def arm_turned(
    arm: Arm, joints: list[int], angles: Float[np.ndarray, "angle"], count: int, seed: int = 0
) -> dict[str, Float[np.ndarray, "angle pose"]]:
    """Orientation task at ``count`` random poses and error axes: smallest eigenvalues of the curvature part, of its
    share that is the logarithm's (``log``) and of the chain's (``chain``), of the total, and of the total without the
    chain's share (``without_chain``).

    With the angular Jacobian B in the frame of the hand, the logarithm's share is Bᵀ κ B, κ the curvature part of the
    free rotation; the rest comes from axes that turn each other.
    """
    rng = np.random.default_rng(seed)
    poses = torch.as_tensor(rng.uniform(arm.lower, arm.upper, (count, len(JOINTS))))
    axes = torch.nn.functional.normalize(torch.as_tensor(rng.normal(size=(count, 3))), dim=-1)
    zero, eye = torch.zeros(3).double(), torch.eye(3).double()

    def parts(pose, axis, angle):
        body, x = arm.some(pose, joints), pose[joints]
        now = body(x).landmark_quat[arm.wrist]
        target = quat_mul(now, quat_from_rotvec(-angle * axis))
        first, second = split_hessian(lambda y: rotation_error(body(y), arm.wrist, target), x, eye)
        turn = lambda y: quat_to_rotvec(quat_mul(quat_conj(now), body(y).landmark_quat[arm.wrist]))  # noqa: E731
        jacobian = jacrev(turn)(x)
        free, bent = split_hessian(free_rotation(angle * axis), zero, eye)
        log, whole = jacobian.mT @ bent @ jacobian, jacobian.mT @ (free + bent) @ jacobian
        return second, log, second - log, first + second, whole

    found = []
    for angle in torch.as_tensor(angles):
        found.append([least(m).numpy() for m in vmap(lambda p, a, phi=angle: parts(p, a, phi))(poses, axes)])
    names = ("curvature", "log", "chain", "total", "without_chain")
    return {name: np.array([row[k] for row in found]) for k, name in enumerate(names)}


def position_share(arm: Arm, offsets: Float[np.ndarray, "offset"], count: int) -> list[tuple[float, float]]:
    """Position task with the target so far (m) from the wrist, in random poses and ways: shares of cases whose total
    has a negative eigenvalue, on four joints and on three of them, without the shoulder's yaw."""
    rng = np.random.default_rng(0)
    poses = torch.as_tensor(rng.uniform(arm.lower, arm.upper, (count, len(JOINTS))))
    ways = torch.nn.functional.normalize(torch.as_tensor(rng.normal(size=(count, 3))), dim=-1)

    def total(pose, way, joints):
        body, x = arm.some(pose, joints), pose[joints]
        target = body(x).landmark_pos[arm.wrist] + way
        one, other = split_hessian(
            lambda y: position_error(body(y), arm.wrist, target), x, torch.eye(3).double()
        )
        return one + other

    def share(offset, joints):
        totals = vmap(lambda p, w: total(p, offset * w, joints))(poses, ways)
        return float((least(totals) < NEGATIVE).double().mean())

    return [(share(o, [0, 1, 2, ELBOW]), share(o, [0, 1, ELBOW])) for o in offsets.tolist()]


def reached(
    arm: Arm, joints: list[int], limits: bool, position_only: bool, count: int = 200
) -> tuple[float, float, float]:
    """Levenberg and Marquardt's method from random poses to where other random poses have the wrist: the share that
    gets there (√(ξᵀWξ) below 1e-4), and of the others the share that rests on a limit and the median error, m.

    ½ ξᵀWξ with the pose's logarithm and w_R = 0.01 m²/rad², w_p = 1, or the position alone; starts and targets are
    within the limits either way.
    """
    rng = np.random.default_rng(0)
    low, high = arm.lower[joints], arm.upper[joints]
    x, goal = (torch.as_tensor(rng.uniform(low, high, (count, len(joints)))) for _ in range(2))
    body = arm.some(0.0 * arm.lower, joints)
    scale = _vector(0.1, 0.1, 0.1, 1, 1, 1)

    def rows(angles, target):
        pos, quat = body(target).landmark_pos[arm.wrist], body(target).landmark_quat[arm.wrist]
        if position_only:
            return position_error(body(angles), arm.wrist, pos)
        return scale * pose_error(body(angles), arm.wrist, pos, quat)

    bound = torch.full_like(low, 0.5)
    damping = torch.full((count,), 1e-3, dtype=x.dtype)
    error, slope = vmap(rows), vmap(jacrev(rows))
    r = error(x, goal)
    for _ in range(150):
        j = slope(x, goal)
        hessian = j.mT @ j + torch.diag_embed(damping[:, None].expand_as(x) * 0.1 + 1e-12)
        lower, upper = (
            (torch.maximum(low - x, -bound), torch.minimum(high - x, bound)) if limits else (-bound, bound)
        )
        trial = x + solve_box_qp(hessian, (j.mT @ r[..., None])[..., 0], lower, upper)
        new = error(trial, goal)
        better = new.square().sum(-1) < r.square().sum(-1)
        x, r = torch.where(better[:, None], trial, x), torch.where(better[:, None], new, r)
        damping = torch.where(better, (0.2 * damping).clamp(min=1e-9), (8 * damping).clamp(max=1e6))
    there = torch.linalg.vector_norm(r, dim=-1) < 1e-4
    edge = ((x - low < 1e-6) | (high - x < 1e-6)).any(-1)[~there] & limits
    error_left = torch.linalg.vector_norm(r[~there, -3:], dim=-1)
    return float(there.double().mean()), float(edge.double().mean()), float(error_left.median())


def anisotropic(
    angles: Float[np.ndarray, "angle"], ratio: float, count: int = 1000
) -> Float[np.ndarray, "angle"]:
    """½ ωᵀWω on SO(3) with W = diag(1, 1, ratio): the smallest eigenvalue of its Hessian over axes of the error."""
    zero, weight = torch.zeros(3).double(), torch.diag(_vector(1.0, 1.0, ratio))
    axes = _ways(count)
    whole = lambda axis, angle: _sum(*split_hessian(free_rotation(angle * axis), zero, weight))  # noqa: E731
    rows = [least(vmap(lambda a, phi=angle: whole(a, phi))(axes)).min() for angle in torch.as_tensor(angles)]
    return np.array([float(row) for row in rows])


def coupled(angles: Float[np.ndarray, "angle"], size: float, count: int = 1000) -> Float[np.ndarray, "angle"]:
    """½‖Log T‖² on rotations and positions with a position error of √(w_p/w_R)‖p‖ = ``size``: the smallest eigenvalue
    over axes of the rotation error and ways of the position error."""
    zero, weight = torch.zeros(6).double(), torch.eye(6).double()
    axes, places = _ways(count), size * _ways(count, seed=1)
    whole = lambda a, p, angle: _sum(*split_hessian(free_pose(angle * a, p), zero, weight))  # noqa: E731
    rows = [
        least(vmap(lambda a, p, phi=angle: whole(a, p, phi))(axes, places)).min()
        for angle in torch.as_tensor(angles)
    ]
    return np.array([float(row) for row in rows])


def first_negative(angles: Float[np.ndarray, "angle"], eigenvalues: Float[np.ndarray, "angle"]) -> float:
    """The first angle with a negative eigenvalue; NaN if there is none."""
    below = np.flatnonzero(eigenvalues < NEGATIVE)
    return float(angles[below[0]]) if len(below) else float("nan")


def _sum(gauss_newton: Tensor, curvature: Tensor) -> Tensor:
    return gauss_newton + curvature


def _ways(count: int, seed: int = 0) -> Float[Tensor, "count 3"]:
    values = np.random.default_rng(seed).normal(size=(count, 3))
    return torch.nn.functional.normalize(torch.as_tensor(values), dim=-1)


def _vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
