"""What a pose must keep: barriers with a height h, safe where h ≥ 0, and its derivative.

The same kind of object as a term. All heights are signed distances, in metres or radians, and derivatives are
along the tangent of ``chain``.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from understudy.kinematics.chain import State


@runtime_checkable
class Barrier(Protocol):
    """One thing that a pose must keep."""

    def h(self, state: State) -> Float[Tensor, "*batch row"]: ...

    def dh(self, state: State) -> Float[Tensor, "*batch row tangent"]: ...


@dataclass(frozen=True)
class JointLimits:
    """Joints stay inside their limits: all distances to the lower, then all to the upper ones, rad."""

    def h(self, state: State) -> Float[Tensor, "*batch row"]:
        q = state.joint_pos
        return torch.cat([q - state.chain.lower, state.chain.upper - q], dim=-1)

    def dh(self, state: State) -> Float[Tensor, "*batch row tangent"]:
        return torch.cat([state.joint_jacobian, -state.joint_jacobian], dim=-2)


@dataclass(frozen=True)
class Floor:
    """Capsules stay above the floor, at ``height`` (m): a row for each end of each capsule's axis."""

    height: float = 0.0

    def h(self, state: State) -> Float[Tensor, "*batch row"]:
        tips = state.chain.capsule_tips
        radius = state.chain.capsule_radius.repeat(2)
        return _tips(state)[..., 2] - radius[tips] - self.height

    def dh(self, state: State) -> Float[Tensor, "*batch row tangent"]:
        c = state.chain
        tips = _tips(state)
        up = tips.new_tensor([0.0, 0.0, 1.0]).expand_as(tips)
        return _approach(state, tips, up) * c.moved_by[c.capsule_link.repeat(2)[c.capsule_tips]]


@dataclass(frozen=True)
class SelfCollision:
    """Capsules of the chain's pairs stay ``margin`` (m) apart. Distances are negative in penetration.

    A pair's distance has kinks where axes cross or run parallel; ``dh`` is then one of many slopes.
    """

    margin: float = 0.0

    def h(self, state: State) -> Float[Tensor, "*batch row"]:
        first, second = state.pair_points
        radius = state.chain.capsule_radius[state.chain.capsule_pairs].sum(-1)
        return torch.linalg.vector_norm(first - second, dim=-1) - radius - self.margin

    def dh(self, state: State) -> Float[Tensor, "*batch row tangent"]:
        c = state.chain
        first, second = state.pair_points
        apart = first - second
        distance = torch.linalg.vector_norm(apart, dim=-1, keepdim=True)
        # Axes that cross have no direction of escape of their own; up is as good as any.
        up = apart.new_tensor([0.0, 0.0, 1.0])
        normal = torch.where(distance < 1e-9, up, apart / distance.clamp(min=1e-9))
        # Both nearest points lie on one line along the normal: one moment serves both, and what moves both
        # links cancels.
        moved = c.moved_by[c.capsule_link[c.capsule_pairs]].to(apart.dtype)
        return _approach(state, first, normal) * (moved[:, 0] - moved[:, 1])


def _tips(state: State) -> Float[Tensor, "*batch tip 3"]:
    return torch.cat([state.capsule_start, state.capsule_end], dim=-2)[..., state.chain.capsule_tips, :]


def _approach(
    state: State, points: Float[Tensor, "*batch point 3"], normals: Float[Tensor, "*batch point 3"]
) -> Float[Tensor, "*batch point tangent"]:
    """Speed of points along their normals for each tangent direction, as if it moved them all: the power of a
    unit force on the twists."""
    moments = torch.linalg.cross(points - state.root_pos[..., None, :], normals)
    return torch.cat([normals, moments], dim=-1) @ state.twists
