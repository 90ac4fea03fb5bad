"""Nearest points of segments in torch, and with them the distances of capsules."""

import torch
from jaxtyping import Float
from torch import Tensor

_POINT = 1e-12  # m²: a segment whose squared length is below has no direction


def nearest_on_segments(
    start1: Float[Tensor, "*batch 3"],
    end1: Float[Tensor, "*batch 3"],
    start2: Float[Tensor, "*batch 3"],
    end2: Float[Tensor, "*batch 3"],
) -> tuple[Float[Tensor, "*batch 3"], Float[Tensor, "*batch 3"]]:
    """The nearest points of two segments, each on its own.

    Of parallel segments the middle of the overlap, of a segment without length its only point. The distance
    differentiates exactly although the points' places on their segments are held fixed: to first order,
    sliding along a segment does not change it.
    """
    along1, along2, between = end1 - start1, end2 - start2, start1 - start2
    with torch.no_grad():
        a, e, b = (_dot(x, y) for x, y in ((along1, along1), (along2, along2), (along1, along2)))
        c, f = _dot(along1, between), _dot(along2, between)
        across = torch.linalg.cross(along1, along2)
        determinant = _dot(across, across)  # a e − b², which would cancel
        parallel = determinant <= 16 * torch.finfo(a.dtype).eps * a * e
        a_safe, e_safe = a.clamp(min=_POINT), e.clamp(min=_POINT)
        lines = _dot(torch.linalg.cross(along2, between), across) / torch.where(parallel, 1.0, determinant)
        overlap = 0.5 * ((-c / a_safe).clamp(0, 1) + ((b - c) / a_safe).clamp(0, 1))
        s = torch.where(parallel, overlap, lines.clamp(0, 1))
        t = ((b * s + f) / e_safe).clamp(0, 1)
        s = ((b * t - c) / a_safe).clamp(0, 1)  # moves s only where t was cut off at an end
    return start1 + s[..., None] * along1, start2 + t[..., None] * along2


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1)
