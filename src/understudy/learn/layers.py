"""Layers over (batch, time, width): convolution, residual block, rotary attention, feed-forward, doubling of a rate.

Convolutions run as two-dimensional ones on a view, because this layout is "channels last" for them: on a processor
that is twice as fast as a matrix product in single precision, and nothing is copied. A block of tokens keeps its
running sum in the precision of its input and multiplies in that of its weights, so that ``bfloat16`` weights cost
no smoothness.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F


class TimeConv(nn.Module):
    """A convolution over time, padded with zeros: (batch, time, width_in) → (batch, time / stride, width_out)."""

    def __init__(self, width_in: int, width_out: int, taps: int = 1, stride: int = 1):
        super().__init__()
        self.stride = stride
        self.pad = (taps - stride) // 2
        self.weight = nn.Parameter(torch.randn(width_out, width_in, 1, taps) * (width_in * taps) ** -0.5)
        self.bias = nn.Parameter(torch.zeros(width_out))

    def forward(
        self, x: Float[Tensor, "batch time width_in"], mask: Float[Tensor, "batch time 1"] | None = None
    ) -> Float[Tensor, "batch shorter width_out"]:
        """Where ``mask`` is 0 the convolution sees zeros, as beyond the ends."""
        x = x if mask is None else x * mask
        image = x.transpose(1, 2).unsqueeze(2)
        made = F.conv2d(image, self.weight, self.bias, stride=(1, self.stride), padding=(0, self.pad))
        return made.squeeze(2).transpose(1, 2)


class RMSNorm(nn.RMSNorm):
    """x / √(mean x²) · weight over the last axis, in the precision of ``x``."""

    def __init__(self, width: int):
        super().__init__(width, eps=1e-5)

    def forward(self, x: Float[Tensor, "*any width"]) -> Float[Tensor, "*any width"]:
        if torch.onnx.is_in_onnx_export():  # which has no such operator before opset 23
            return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * self.weight
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class ResidualBlock(nn.Module):
    """x + mix(silu(conv(norm(x)))), with three taps: one block of a 1D ResNet, normalised frame by frame."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = RMSNorm(width)
        self.conv = TimeConv(width, width, taps=3)
        self.mix = TimeConv(width, width)

    def forward(
        self, x: Float[Tensor, "batch time width"], mask: Float[Tensor, "batch time 1"] | None = None
    ) -> Float[Tensor, "batch time width"]:
        return x + self.mix(F.silu(self.conv(self.norm(x), mask)))


def doubled(
    x: Float[Tensor, "batch time width"], mask: Float[Tensor, "batch time 1"] | None = None
) -> Float[Tensor, "batch twice width"]:
    """Twice as many frames, each 3/4 of the nearest and 1/4 of the next but one; a missing neighbour repeats.

    These are the weights of Chaikin's subdivision: done again and again they draw a quadratic spline, so what is
    upsampled twice has no corner at the frames it came from. A constant stays constant.
    """
    before = torch.cat([x[:, :1], x[:, :-1]], dim=1)
    after = torch.cat([x[:, 1:], x[:, -1:]], dim=1)
    if mask is not None:
        before = torch.where(torch.cat([mask[:, :1], mask[:, :-1]], dim=1) > 0, before, x)
        after = torch.where(torch.cat([mask[:, 1:], mask[:, -1:]], dim=1) > 0, after, x)
    return torch.stack([torch.lerp(x, before, 0.25), torch.lerp(x, after, 0.25)], dim=2).flatten(1, 2)


def rotary(x: Float[Tensor, "batch time any"], width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (time, 1, width / 2) of rotary position embedding: angles t · 10000^(−2i / width)."""
    rate = 10000.0 ** (-torch.arange(0, width, 2, device=x.device, dtype=torch.float32) / width)
    angle = torch.arange(x.shape[1], device=x.device, dtype=torch.float32)[:, None, None] * rate
    return angle.cos(), angle.sin()


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Pairs (i, i + width / 2) of the last axis of (…, time, head, width), turned by their frame's angles."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def attention_mask(
    x: Float[Tensor, "batch time any"],
    valid: Bool[Tensor, "batch time"] | None,
    span: tuple[int, int] | None,
) -> Bool[Tensor, "some 1 time time"] | None:
    """Who may look at whom: valid tokens, from ``span[0]`` tokens back to ``span[1]`` ahead; everyone at itself.

    None if everyone may look at everyone.
    """
    if valid is None and span is None:
        return None
    token = torch.arange(x.shape[1], device=x.device)
    ahead = (token[None, :] - token[:, None])[None, None]
    allowed = ahead == ahead
    if span is not None:
        allowed = allowed & (ahead >= -span[0]) & (ahead <= span[1])
    if valid is not None:
        allowed = allowed & valid[:, None, None, :]
    return allowed | (ahead == 0)


def attend(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None) -> Tensor:
    """Scaled dot-product attention over (batch, head, time, width).

    Written out where a processor is to learn: for the few tokens of a window its fused backward pass takes three
    times as long in bfloat16, and a sixth of the whole step.
    """
    if query.device.type != "cpu" or not query.requires_grad:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    alike = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if allowed is not None:
        alike = alike.masked_fill(~allowed, -torch.inf)
    return alike.softmax(-1) @ value


class Attention(nn.Module):
    """Multi-head self-attention with rotary positions and no biases."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.gather = nn.Linear(width, 3 * width, bias=False)
        self.give = nn.Linear(width, width, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        turn: tuple[Tensor, Tensor],
        allowed: Bool[Tensor, "some 1 time time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        query, key, value = self.gather(x).unflatten(-1, (3 * self.heads, -1)).chunk(3, dim=2)
        cos, sin = (table.to(query.dtype) for table in turn)
        query, key = rotated(query, cos, sin), rotated(key, cos, sin)
        seen = attend(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), allowed)
        return self.give(seen.transpose(1, 2).flatten(2))


class SwiGLU(nn.Module):
    """out(silu(a) · b) with (a, b) = in(x): the gated feed-forward of LLaMA."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.widen = nn.Linear(width, 2 * hidden, bias=False)
        self.narrow = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        gate, value = self.widen(x).chunk(2, dim=-1)
        return self.narrow(F.silu(gate) * value)


class TransformerBlock(nn.Module):
    """Attention and feed-forward, each behind an RMS norm and added to what came in."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.before_attention = RMSNorm(width)
        self.attention = Attention(width, heads)
        self.before_feed = RMSNorm(width)
        self.feed = SwiGLU(width, hidden)

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        turn: tuple[Tensor, Tensor],
        allowed: Bool[Tensor, "some 1 time time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        kind = self.feed.narrow.weight.dtype
        x = x + self.attention(self.before_attention(x).to(kind), turn, allowed).to(x.dtype)
        return x + self.feed(self.before_feed(x).to(kind)).to(x.dtype)
