"""The network of NMR: a 1D ResNet down to a quarter of the frames, a transformer, and convolutions back up.

Human features in, robot features out, one frame for one frame. What a frame looks like decides most of what the robot
does in it, so the encoder's first features also reach the decoder's last layers (``skip``; the paper has no such path).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from understudy.errors import ShapeError, UnknownName
from understudy.learn.layers import (
    ResidualBlock,
    RMSNorm,
    TimeConv,
    TransformerBlock,
    attention_mask,
    doubled,
    rotary,
)

STRIDE = 4
"""Frames of a token."""
CONVOLVED = 26
"""Frames to each side that encoder and decoder together let a frame depend on, without the transformer."""


@dataclass(frozen=True)
class NMRNetworkConfig:
    """How large the network is, and what it may look at."""

    width: int
    """Numbers of a token."""
    layers: int
    """Blocks of the transformer."""
    heads: int
    """Heads of their attention."""
    hidden: int
    """Numbers inside their feed-forward."""
    frame_width: int
    """Numbers of a frame, at the full rate."""
    skip: bool = True
    """The features of each frame also reach the decoder. False is the paper's network."""
    span: tuple[int, int] | None = None
    """In each block a token sees so many tokens back and ahead; None sees all."""


SIZES: Mapping[str, NMRNetworkConfig] = {
    "tiny": NMRNetworkConfig(width=64, layers=2, heads=2, hidden=128, frame_width=64),
    "small": NMRNetworkConfig(width=256, layers=6, heads=4, hidden=512, frame_width=128),
    "medium": NMRNetworkConfig(width=384, layers=7, heads=6, hidden=768, frame_width=256),
    "base": NMRNetworkConfig(width=512, layers=8, heads=8, hidden=1408, frame_width=256),
}


def network_config(size: str, **changes: object) -> NMRNetworkConfig:
    """A size by its name, with ``changes`` to it. Raises UnknownName."""
    if size not in SIZES:
        raise UnknownName("size of the network", size, SIZES)
    return replace(SIZES[size], **changes)  # pyright: ignore[reportArgumentType]


class NMRNetwork(nn.Module):
    """Human features (batch, time, f_in) → robot features (batch, time, f_out), for any time that 4 divides.

    Both sides are plain numbers; their means and standard deviations are buffers that travel with the weights.
    """

    human_mean: Tensor
    human_std: Tensor
    robot_mean: Tensor
    robot_std: Tensor

    def __init__(self, config: NMRNetworkConfig, f_in: int, f_out: int):
        super().__init__()
        self.config, self.f_in, self.f_out = config, f_in, f_out
        for name, width in (("human", f_in), ("robot", f_out)):
            self.register_buffer(f"{name}_mean", torch.zeros(width))
            self.register_buffer(f"{name}_std", torch.ones(width))
        frame, width = config.frame_width, config.width
        self.frame_in = TimeConv(f_in, frame)
        self.frame_block = ResidualBlock(frame)
        self.down_half = TimeConv(frame, width, taps=4, stride=2)
        self.half_block = ResidualBlock(width)
        self.down_token = TimeConv(width, width, taps=4, stride=2)
        self.token_block = ResidualBlock(width)
        self.transformer = nn.ModuleList(
            TransformerBlock(width, config.heads, config.hidden) for _ in range(config.layers)
        )
        self.token_norm = RMSNorm(width)
        self.up_half = TimeConv(width, width, taps=3)
        self.up_half_block = ResidualBlock(width)
        self.up_frame = TimeConv(width, frame, taps=3)
        # Shut at first: what is open from the beginning passes the input's noise on before anything is learnt of it.
        self.gate = nn.Parameter(torch.zeros(frame))
        self.out_blocks = nn.ModuleList(ResidualBlock(frame) for _ in range(2))
        self.out_norm = RMSNorm(frame)
        self.out = TimeConv(frame, f_out)

    def forward(
        self,
        human: Float[Tensor, "batch time f_in"],
        valid: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time f_out"]:
        """Robot features. Where ``valid`` is False a frame is padding: it is not seen, and what comes out is void."""
        return torch.addcmul(self.robot_mean, self.normalised(human, valid), self.robot_std)

    def normalised(
        self,
        human: Float[Tensor, "batch time f_in"],
        valid: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, "batch time f_out"]:
        """The same, still in standard deviations from the mean. Raises ShapeError unless 4 divides the time."""
        if human.shape[1] % STRIDE:
            raise ShapeError(
                f"The network takes a multiple of {STRIDE} frames, and was given {human.shape[1]}."
            )
        x = (human - self.human_mean) / self.human_std
        frame = half = token = None
        if valid is not None:
            x = x.masked_fill(~valid[..., None], 0.0)
            frame = valid[..., None].to(x.dtype)
            half = frame.unflatten(1, (-1, 2)).amax(2)
            token = half.unflatten(1, (-1, 2)).amax(2)
        seen = self.frame_block(self.frame_in(x), frame)
        x = self.half_block(self.down_half(seen, frame), half)
        x = self.token_block(self.down_token(x, half), token)
        x = self._transformed(x, token)
        x = self.up_half_block(self.up_half(doubled(x, token), half), half)
        x = self.up_frame(doubled(x, half), frame)
        x = x + self.gate * seen if self.config.skip else x
        for block in self.out_blocks:
            x = block(x, frame)
        # Half a digit of bfloat16 is 0.2 %: too coarse for what differences in time are taken of.
        with torch.autocast(x.device.type, enabled=False):
            return self.out(self.out_norm(x.float()))

    def halve_tokens(self) -> "NMRNetwork":
        """Multiply in bfloat16 inside the transformer, for use without training: twice as fast there.

        Tokens are sums in single precision still, and are interpolated afterwards, so motions stay as smooth.
        """
        for block in self.transformer:
            block.attention.bfloat16()
            block.feed.bfloat16()
        return self

    def _transformed(self, x: Tensor, mask: Tensor | None) -> Tensor:
        turn = rotary(x, self.config.width // self.config.heads)
        valid = None if mask is None else mask[..., 0] > 0
        allowed = attention_mask(x, valid, self.config.span)
        for block in self.transformer:
            x = block(x, turn, allowed)
        return self.token_norm(x)


def reach(config: NMRNetworkConfig) -> tuple[int, int] | None:
    """How many frames back and ahead a frame's output can depend on; None if on all.

    Convolutions reach CONVOLVED frames; each block of the transformer adds its span.
    """
    if config.span is None:
        return None
    back, ahead = config.span
    return CONVOLVED + STRIDE * config.layers * back, CONVOLVED + STRIDE * config.layers * ahead
