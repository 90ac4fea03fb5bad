"""A network that treats left and right alike: what it makes of a mirrored human is the mirrored robot.

A mirror exchanges numbers and changes signs, M = M⁻¹. Hidden numbers have a mirror too: the halves of a layer change
places. A layer whose weights are ½ (W + M_out W M_in) commutes with both, and so does a network of such layers; nothing
is added to what it costs to run. Pairs then need no mirrored copies, and a motion and its mirror image are one problem.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils import parametrize

from understudy.errors import ShapeError
from understudy.learn.layers import RMSNorm, TimeConv
from understudy.retarget.nmr_network import NMRNetwork

CHUNKS = {"gather": 3, "widen": 2}
"""Layers that make several vectors at once: each of them has its own halves."""


@dataclass(frozen=True, eq=False)
class Mirror:
    """Mirrored numbers are ``sign * x[order]``; doing it twice changes nothing."""

    order: Int[Tensor, "width"]
    sign: Float[Tensor, "width"]

    def __post_init__(self) -> None:
        twice = self.sign * self.sign[self.order]
        if not torch.equal(self.order[self.order], torch.arange(len(self.order))) or not (twice == 1.0).all():
            raise ShapeError("A mirror done twice must change nothing.")

    @classmethod
    def of_halves(cls, width: int, chunks: int = 1) -> "Mirror":
        """The halves of each chunk change places. Raises ShapeError where there are no halves."""
        if width % (2 * chunks):
            raise ShapeError(f"{width} numbers have no halves in {chunks} parts.")
        order = torch.arange(width).reshape(chunks, 2, -1).flip(1).flatten()
        return cls(order, torch.ones(width))


class _Commuting(nn.Module):
    """½ (W + M_out W M_in) for weights (out, in, …), ½ (b + M_out b) for vectors."""

    def __init__(self, out: Mirror, into: Mirror | None):
        super().__init__()
        self._sides = 1 if into is None else 2
        for k, side in enumerate((out, into)[: self._sides]):
            assert side is not None
            self.register_buffer(f"order{k}", side.order, persistent=False)
            # Halves that change places have no signs to multiply by.
            sign = None if (side.sign == 1.0).all() else side.sign
            self.register_buffer(f"sign{k}", sign, persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        mean: Tensor = _SelfAdjoint.apply(weight, self._mean)  # pyright: ignore[reportAssignmentType]
        return mean

    def _mean(self, weight: Tensor) -> Tensor:
        seen = weight
        for k in range(self._sides):
            seen = seen.index_select(k, self.get_buffer(f"order{k}"))
            if (sign := getattr(self, f"sign{k}")) is not None:
                seen = seen * sign.view(*(1,) * k, -1, *(1,) * (weight.ndim - 1 - k))
        return seen.add_(weight).mul_(0.5)


class _SelfAdjoint(torch.autograd.Function):
    """A linear map that is its own adjoint: slopes go through it as weights do, where torch would scatter them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, linear: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.linear = linear
        return linear(x)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ctx.linear(slope), None


def tie(network: NMRNetwork, human: Mirror, robot: Mirror) -> None:
    """Make a network treat sides alike, in place; ``human`` and ``robot`` mirror the features of both ends.

    Means and standard deviations must be those of mirrored data already. Raises ShapeError for widths without halves.
    """
    for name, layer in list(network.named_modules()):
        short = name.rpartition(".")[2]
        if isinstance(layer, (TimeConv, nn.Linear)):
            out, into = layer.weight.shape[:2]
            made = robot if name == "out" else Mirror.of_halves(out, CHUNKS.get(short, 1))
            given = human if name == "frame_in" else Mirror.of_halves(into)
            parametrize.register_parametrization(layer, "weight", _Commuting(made, given))
            if layer.bias is not None:
                parametrize.register_parametrization(layer, "bias", _Commuting(made, None))
        elif isinstance(layer, RMSNorm):
            own = Mirror.of_halves(layer.weight.shape[0])
            parametrize.register_parametrization(layer, "weight", _Commuting(own, None))
    own = Mirror.of_halves(network.gate.shape[0])
    parametrize.register_parametrization(network, "gate", _Commuting(own, None))


def untie(network: NMRNetwork) -> NMRNetwork:
    """The same network with plain weights, in place: what is saved, exported and run. Not for deep copies, which share
    a class with what they were copied from, and take its weights' names away."""
    for layer in list(network.modules()):
        for name in list(getattr(layer, "parametrizations", {})):
            parametrize.remove_parametrizations(layer, name)
    return network
