"""What a pose should be like: terms with a residual, its derivative and a weight, declared once for both
solvers.

The cost of a pose is ½ Σ w r² over the rows of all terms. In torch a term computes its rows over any batch;
for the numba kernels, which need no Jacobians, ``landmark_tasks`` and ``posture_arrays`` turn the same
declarations into arrays of weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from understudy.errors import ShapeError, UnknownName
from understudy.kinematics.kernels.arrays import PostureArrays, TaskArrays
from understudy.rotations import (
    cross,
    quat_apply,
    quat_conj,
    quat_mul,
    quat_to_rotvec,
    rotvec_jacobian_inverse,
)

if (
    TYPE_CHECKING
):  # a declaration needs no torch; only asking a term for its rows does, and the state brings it along
    from jaxtyping import Float
    from torch import Tensor

    from understudy.kinematics.chain import State


@dataclass(frozen=True, eq=False)
class Target:
    """What the terms compare a pose with. Landmark rows follow the chain's landmarks; world frame.

    ``bone`` are bone vectors (m) and ``before`` the joint angles (rad) of the frame before, for the terms
    that read them."""

    pos: Float[Tensor, "*batch landmark 3"]
    quat: Float[Tensor, "*batch landmark 4"]
    bone: Float[Tensor, "*batch landmark 3"] | None = None
    before: Float[Tensor, "*batch dof"] | None = None


@runtime_checkable
class Term(Protocol):
    """One thing to ask of a pose."""

    def weight_rows(self, state: State) -> Float[Tensor, "row"]:
        """Weight of each row, one over the residual's unit squared."""
        ...

    def residual(self, state: State, target: Target) -> Float[Tensor, "*batch row"]: ...

    def jacobian(self, state: State, target: Target) -> Float[Tensor, "*batch row tangent"]:
        """The exact derivative of ``residual`` along the tangent of ``chain``."""
        ...


@dataclass(frozen=True)
class LandmarkPosition:
    """Where landmarks are: x − x* in the world frame, m. Weights (1/m²) are one number a landmark, or one an
    axis."""

    weights: Mapping[str, float | tuple[float, float, float]]

    def weight_rows(self, state: State) -> Float[Tensor, "row"]:
        rows = [w for weight in self.weights.values() for w in np.broadcast_to(weight, 3)]
        return state.joint_pos.new_tensor(rows)

    def residual(self, state: State, target: Target) -> Float[Tensor, "*batch row"]:
        rows = state.chain.landmark_rows(self.weights)
        return (state.landmark_pos - target.pos)[..., rows, :].flatten(-2)

    def jacobian(self, state: State, target: Target) -> Float[Tensor, "*batch row tangent"]:  # noqa: ARG002
        rows = state.chain.landmark_rows(self.weights)
        return state.landmark_jacobian[..., rows, :3, :].flatten(-3, -2)


@dataclass(frozen=True)
class LandmarkOrientation:
    """How landmarks are turned: log(R R*⁻¹) in the world frame, rad. Weights in 1/rad²."""

    weights: Mapping[str, float]

    def weight_rows(self, state: State) -> Float[Tensor, "row"]:
        return state.joint_pos.new_tensor(list(self.weights.values())).repeat_interleave(3)

    def residual(self, state: State, target: Target) -> Float[Tensor, "*batch row"]:
        rows = state.chain.landmark_rows(self.weights)
        error = quat_mul(state.landmark_quat[..., rows, :], quat_conj(target.quat[..., rows, :]))
        return quat_to_rotvec(error).flatten(-2)

    def jacobian(self, state: State, target: Target) -> Float[Tensor, "*batch row tangent"]:
        angular = self.angular_jacobian(state).unflatten(-2, (-1, 3))
        to_residual = rotvec_jacobian_inverse(self.residual(state, target).unflatten(-1, (-1, 3)))
        return (to_residual @ angular).flatten(-3, -2)

    def angular_jacobian(self, state: State) -> Float[Tensor, "*batch row tangent"]:
        """The landmarks' angular velocities: ``jacobian`` where the error is small. With J⁻ᵀ(r) r = r the
        gradient of the cost is the same with either; only the curvature differs."""
        rows = state.chain.landmark_rows(self.weights)
        return state.landmark_jacobian[..., rows, 3:, :].flatten(-3, -2)


@dataclass(frozen=True)
class BoneVector:
    """Which way bones point, and how far: R b − b* in the world frame, m. Weights in 1/m².

    ``vectors`` are the bones b that begin at the landmarks, in the landmarks' frames (m). They turn with
    their landmark and do not move with it."""

    weights: Mapping[str, float]
    vectors: Mapping[str, tuple[float, float, float]]

    def weight_rows(self, state: State) -> Float[Tensor, "row"]:
        return state.joint_pos.new_tensor(list(self.weights.values())).repeat_interleave(3)

    def _world(self, state: State) -> Float[Tensor, "*batch bone 3"]:
        rows = state.chain.landmark_rows(self.weights)
        vectors = state.joint_pos.new_tensor([self.vectors[name] for name in self.weights])
        return quat_apply(state.landmark_quat[..., rows, :], vectors)

    def residual(self, state: State, target: Target) -> Float[Tensor, "*batch row"]:
        rows = state.chain.landmark_rows(self.weights)
        return (self._world(state) - _given(target.bone, "bone")[..., rows, :]).flatten(-2)

    def jacobian(self, state: State, target: Target) -> Float[Tensor, "*batch row tangent"]:  # noqa: ARG002
        rows = state.chain.landmark_rows(self.weights)
        angular = state.landmark_jacobian[..., rows, 3:, :]
        turned = cross(angular.mT, self._world(state)[..., None, :])
        return turned.mT.flatten(-3, -2)


@dataclass(frozen=True)
class Posture:
    """How far the joints are from a pose of rest: q − rest, rad. One weight for all joints, 1/rad²."""

    weight: float
    rest: Sequence[float]

    def weight_rows(self, state: State) -> Float[Tensor, "row"]:
        return state.joint_pos.new_full((state.chain.dofs,), self.weight)

    def residual(self, state: State, target: Target) -> Float[Tensor, "*batch row"]:  # noqa: ARG002
        return state.joint_pos - state.joint_pos.new_tensor(self.rest)

    def jacobian(self, state: State, target: Target) -> Float[Tensor, "*batch row tangent"]:  # noqa: ARG002
        return state.joint_jacobian


@dataclass(frozen=True)
class JointVelocity:
    """How far the joints move in one frame: q − q_before, rad. One weight for all joints, 1/rad²."""

    weight: float

    def weight_rows(self, state: State) -> Float[Tensor, "row"]:
        return state.joint_pos.new_full((state.chain.dofs,), self.weight)

    def residual(self, state: State, target: Target) -> Float[Tensor, "*batch row"]:
        return state.joint_pos - _given(target.before, "before")

    def jacobian(self, state: State, target: Target) -> Float[Tensor, "*batch row tangent"]:  # noqa: ARG002
        return state.joint_jacobian


@dataclass(frozen=True)
class JointComfort:
    """How far the joints are past the edge of their comfortable range, rad, signed; zero inside it.

    The range ends ``margin`` (rad) before each limit, but leaves at least the middle half of a short one.
    Weight in 1/rad²."""

    weight: float
    margin: float

    def weight_rows(self, state: State) -> Float[Tensor, "row"]:
        return state.joint_pos.new_full((state.chain.dofs,), self.weight)

    def residual(self, state: State, target: Target) -> Float[Tensor, "*batch row"]:  # noqa: ARG002
        lower, upper = state.chain.lower, state.chain.upper
        margin = (0.25 * (upper - lower)).clamp(max=self.margin)
        return state.joint_pos - state.joint_pos.clamp(lower + margin, upper - margin)

    def jacobian(self, state: State, target: Target) -> Float[Tensor, "*batch row tangent"]:
        past = self.residual(state, target) != 0
        return state.joint_jacobian * past[..., None]


def _given(part: Tensor | None, name: str) -> Tensor:
    if part is None:
        raise ShapeError(f"A term needs `{name}`, and the target has none.")
    return part


def landmark_tasks(terms: Iterable[Term], landmarks: Sequence[str]) -> TaskArrays:
    """The landmark terms as the numba kernels take them: a row for each landmark, zero where no term asks.

    Terms of one kind add up. Terms on joints are no landmark tasks and are passed over. Raises UnknownName.
    """
    n = len(landmarks)
    tasks = TaskArrays(np.zeros((n, 3)), np.zeros(n), np.zeros(n), np.zeros((n, 3)))
    for term in terms:
        match term:
            case LandmarkPosition():
                rows = tasks.position
            case LandmarkOrientation():
                rows = tasks.rotation
            case BoneVector():
                rows = tasks.bone
            case _:
                continue
        for name, weight in term.weights.items():
            if name not in landmarks:
                raise UnknownName("landmark", name, landmarks)
            row = landmarks.index(name)
            rows[row] += weight
            if isinstance(term, BoneVector):
                tasks.bone_vector[row] = term.vectors[name]
    return tasks


def posture_arrays(terms: Iterable[Term], dofs: int) -> PostureArrays:
    """The joint terms as the numba kernels take them; at most one of each kind. Landmark terms are passed over."""
    rest, rest_weight = np.zeros(dofs), np.zeros(dofs)
    velocity, margin, comfort = 0.0, 0.0, 0.0
    for term in terms:
        match term:
            case Posture():
                rest, rest_weight = np.asarray(term.rest, np.float64), np.full(dofs, term.weight)
            case JointVelocity():
                velocity = term.weight
            case JointComfort():
                margin, comfort = term.margin, term.weight
    return PostureArrays(rest, rest_weight, velocity, margin, comfort)
