"""Directions on the floor, six numbers for an orientation, steps from frame to frame: in torch, over any batch."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from understudy.rotations import cross, quat_apply, quat_from_matrix

LEAST = 0.05
"""A direction whose part along the floor is smaller than this share of it tells no heading."""


def ahead_of(
    across: Float[Tensor, "*batch 3"], pelvis: Float[Tensor, "*batch 4"]
) -> Float[Tensor, "*batch 2"]:
    """Cosine and sine of a body's heading: the yaw that turns y into ``across``, from its right hip to its left.

    Hips stay level through steps, bows, rolls and flips. Where they stand on end, as in a cartwheel, the pelvis'
    orientation says where its front is.
    """
    front = torch.stack([across[..., 1], -across[..., 0]], -1)
    x_axis = quat_apply(pelvis, across.new_tensor([1.0, 0.0, 0.0]).expand_as(across))[..., :2]
    level = front.norm(dim=-1, keepdim=True) > LEAST * across.norm(dim=-1, keepdim=True)
    return normalize(torch.where(level, front, x_axis), dim=-1)


def into(v: Float[Tensor, "*#batch 3"], ahead: Float[Tensor, "*#batch 2"]) -> Float[Tensor, "*batch 3"]:
    """World vectors as seen by someone who faces ``ahead``: x forward, y left, z up."""
    c, s = ahead[..., 0], ahead[..., 1]
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    return torch.stack([c * x + s * y, c * y - s * x, z.expand_as(c * x)], -1)


def out_of(v: Float[Tensor, "*#batch 3"], ahead: Float[Tensor, "*#batch 2"]) -> Float[Tensor, "*batch 3"]:
    """The inverse of ``into``."""
    return into(v, ahead * ahead.new_tensor([1.0, -1.0]))


def turned(quat: Float[Tensor, "*batch 4"], ahead: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 4"]:
    """An orientation seen by someone who faces ``ahead``, turned into the world."""
    half = torch.atan2(ahead[..., 1], ahead[..., 0]) / 2
    c, s = half.cos(), half.sin()
    w, x, y, z = quat.unbind(-1)
    return torch.stack([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w], -1)


def axes_of(quat: Float[Tensor, "*batch 4"]) -> tuple[Float[Tensor, "*batch 3"], Float[Tensor, "*batch 3"]]:
    """Where the x and the y axis of a frame point."""
    w, x, y, z = quat.unbind(-1)
    first = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)]
    second = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)]
    return torch.stack(first, -1), torch.stack(second, -1)


def six_of(
    quat: Float[Tensor, "*batch 4"], ahead: Float[Tensor, "*#batch 2"] | None = None
) -> Float[Tensor, "*batch 6"]:
    """An orientation as the two axes of ``axes_of``, seen by someone who faces ``ahead``. Zhou et al., 2019."""
    axes = axes_of(quat)
    return torch.cat(axes if ahead is None else [into(axis, ahead) for axis in axes], -1)


def quat_of_six(six: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 4"]:
    """The orientation nearest in the sense of Gram and Schmidt: x kept, y made upright to it. w ≥ 0."""
    x = normalize(six[..., :3], dim=-1, eps=1e-6)
    y = six[..., 3:]
    y = normalize(y - (x * y).sum(-1, keepdim=True) * x, dim=-1, eps=1e-6)
    return quat_from_matrix(torch.stack([x, y, cross(x, y)], -1))


def steps(x: Tensor, dim: int) -> Tensor:
    """What changes into each frame; into the first, of which nothing is known, as into the second."""
    if x.shape[dim] == 1:
        return torch.zeros_like(x)
    between = x.shape[dim] - 1
    change = x.narrow(dim, 1, between) - x.narrow(dim, 0, between)  # ONNX has no diff
    return torch.cat([change.narrow(dim, 0, 1), change], dim)
