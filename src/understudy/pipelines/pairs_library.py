"""The clips that pairs are made of, read once and kept in pieces."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from understudy.errors import UnderstudyError
from understudy.motion import HumanMotion, Origin, trim
from understudy.pipelines.pairs_body import on_landmarks, upright
from understudy.pipelines.pairs_sources import Licence, Split, sources

LONGEST = 14.0
"""Clips are cut into pieces of at most this length (s); stretched by ``warp`` they stay at 20 s or below."""


@dataclass(frozen=True)
class Library:
    """The clips that pairs are made of, in pieces, on bodies of landmarks. ``refused`` has the files that cannot be
    read, with the reason."""

    pieces: tuple[HumanMotion, ...]
    refused: tuple[tuple[str, str], ...]

    @cached_property
    def durations(self) -> np.ndarray:
        """Seconds of each piece."""
        return np.array([piece.frames / piece.fps for piece in self.pieces])

    @cached_property
    def standing(self) -> tuple[int, ...]:
        """Pieces whose legs can carry another trunk: somebody is on the feet all through."""
        return tuple(k for k, piece in enumerate(self.pieces) if upright(piece))

    def standing_piece(self, rng: np.random.Generator, least: float) -> HumanMotion:
        """A piece on whose legs another trunk can stand, of at least so many seconds if there is one."""
        able = [self.pieces[k] for k in self.standing] or list(self.pieces)
        long = [piece for piece in able if piece.duration >= least] or able
        return long[int(rng.integers(len(long)))]


@lru_cache(maxsize=2)
def library(data: Path, licence: Licence, split: Split) -> Library:
    """Read all clips of a split. Raises UnderstudyError if there are none that can be read."""
    pieces: list[HumanMotion] = []
    refused: list[tuple[str, str]] = []
    for source in sources(data, licence, split):
        try:
            clip = source.read()
            body = on_landmarks(clip)
        except UnderstudyError as error:
            refused.append((source.id, " ".join(str(error).split())))
            continue
        origin = Origin(source.id, clip.origin.licence or source.licence)
        pieces += _cut(replace(body, origin=origin))
    if not pieces:
        raise UnderstudyError(f"None of the {len(refused)} clips in {data} can be read: {refused[0][1]}")
    return Library(tuple(pieces), tuple(refused))


def _cut(clip: HumanMotion) -> list[HumanMotion]:
    """Pieces of equal length, none longer than ``LONGEST``."""
    count = max(1, int(np.ceil(clip.duration / LONGEST)))
    edges = np.linspace(0, clip.frames, count + 1).round().astype(int)
    return [trim(clip, a / clip.fps, (b - 1) / clip.fps) for a, b in pairwise(edges.tolist())]
