"""Where episodes start: more often in those seconds of those clips in which robots have failed."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from understudy.errors import LimitError
from understudy.physics.clips_at_rate import ClipsAtRate


@dataclass(frozen=True)
class Starts:
    """How first frames are drawn. The defaults are those of BeyondMimic."""

    at: Literal["adaptive", "uniform", "beginning"] = "adaptive"
    """``beginning`` still draws the clip, evenly."""
    bin_seconds: float = 1.0
    memory: float = 0.999
    """Share of a bin's failures that it keeps from one control step to the next."""
    uniform: float = 0.1
    """Failures a step, spread over all bins, that are assumed everywhere: what keeps the rest in practice."""
    kernel: int = 1
    """How many bins ahead count as well: an episode had better begin before its difficulty."""
    decay: float = 0.8
    """Of what they count, from one bin to the next."""

    def __post_init__(self) -> None:
        fine = self.bin_seconds > 0 and 0 <= self.memory < 1 and self.uniform > 0
        if not (fine and self.kernel >= 1 and 0 < self.decay <= 1):
            raise LimitError(
                "Bins are longer than 0 s, the memory is at least 0 and below 1, the uniform share is positive, the "
                f"kernel at least 1 and its decay in (0, 1]; got {self}."
            )


class StartSampler:
    """Draws clips and first frames, and remembers failures. Every clip is cut into equal bins of its own.

    ``failures`` is the moving average of failures per control step, one for each bin of all clips.
    """

    def __init__(self, clips: ClipsAtRate, starts: Starts):
        self._clips, self._starts = clips, starts
        seconds = (clips.frames - 1) / clips.rate
        self.bins = (seconds / starts.bin_seconds).floor().long() + 1
        self._first_bin = self.bins.cumsum(0) - self.bins
        count = int(self.bins.sum())
        self._clip_of = torch.repeat_interleave(torch.arange(len(clips), device=clips.qpos.device), self.bins)
        self._last_bin = (self._first_bin + self.bins - 1)[self._clip_of]
        self.failures = clips.qpos.new_zeros(count)

    def note(self, clips: Int[Tensor, "failed"], frames: Int[Tensor, "failed"]) -> None:
        """Failures of one control step, by clip and frame. Call it in every step, with nothing to note as well."""
        keep = self._starts.memory
        self.failures *= keep
        share = frames * self.bins[clips] // self._clips.frames[clips]
        self.failures.index_add_(
            0, self._first_bin[clips] + share, self.failures.new_full((len(clips),), 1.0 - keep)
        )

    def probabilities(self) -> Float[Tensor, "bin"]:
        """With which an episode begins in each bin."""
        if self._starts.at != "adaptive":
            weights = (self._clips.frames / self.bins)[self._clip_of]  # every frame of every clip alike
            return weights / weights.sum()
        count = len(self.failures)
        weights = self.failures + self._starts.uniform / count
        at = torch.arange(count, device=weights.device)
        seen = torch.zeros_like(weights)
        for ahead in range(self._starts.kernel):
            # What lies beyond a clip's end is as its last bin.
            seen += self._starts.decay**ahead * weights[torch.minimum(at + ahead, self._last_bin)]
        return seen / seen.sum()

    def draw(
        self, count: int, generator: torch.Generator
    ) -> tuple[Int[Tensor, "drawn"], Int[Tensor, "drawn"]]:
        """Clips, and frames within them that have at least one frame after them."""
        device = self.failures.device
        if self._starts.at == "beginning":
            clips = torch.randint(len(self._clips), (count,), generator=generator, device=device)
            return clips, torch.zeros_like(clips)
        drawn = torch.multinomial(self.probabilities(), count, replacement=True, generator=generator)
        clips = self._clip_of[drawn]
        within = torch.rand(count, generator=generator, device=device, dtype=torch.float64)
        bins, frames = self.bins[clips], self._clips.frames[clips]
        at = (drawn - self._first_bin[clips] + within) / bins * (frames - 1)
        return clips, at.long().clamp(max=frames - 2)
