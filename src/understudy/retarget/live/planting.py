"""Which feet of a streamed human stand, from what has been seen so far.

The rule is that of ``evaluate.stance``, which judges whole clips: low and slow to begin with, a little less so to go
on.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from understudy.evaluate.stance import LOOSE_HEIGHT, LOOSE_SPEED, STRICT_HEIGHT, STRICT_SPEED

_TRUSTED = 1.0
"""Seconds without a frame after which a foot's last place says nothing about its speed."""


@dataclass
class Touch:
    """Feet on the floor, frame by frame. Heights and speeds are at the size of a grown person."""

    standing: Bool[np.ndarray, "2"] = field(default_factory=lambda: np.zeros(2, np.bool_))
    level: Float[np.ndarray, "2"] = field(default_factory=lambda: np.full(2, np.inf))
    """The lowest that ankles, and balls of feet, have been (m)."""
    _last: Float[np.ndarray, "2 2 3"] | None = None
    _time: float = 0.0

    def step(
        self, place: Float[np.ndarray, "side part 3"], time: float, size: float
    ) -> Bool[np.ndarray, "2"]:
        """Which feet stand, flat, at this instant.

        ``place`` are ankle and ball of both feet (m), ``time`` is in seconds, ``size`` that of the human (1: grown).
        """
        gap = time - self._time
        known = self._last is not None and 0.0 < gap < _TRUSTED
        before = self._last if self._last is not None else place
        speed = np.linalg.norm(place - before, axis=-1) / gap if known else np.zeros((2, 2))
        self._last, self._time = place.copy(), time
        self.level = np.minimum(self.level, place[..., 2].min(axis=0))
        above = place[..., 2] - self.level
        strict = (above < STRICT_HEIGHT * size) & (speed < STRICT_SPEED * size)
        loose = (above < LOOSE_HEIGHT * size) & (speed < LOOSE_SPEED * size)
        self.standing = np.where(self.standing, loose.all(axis=1), strict.all(axis=1))
        return self.standing
