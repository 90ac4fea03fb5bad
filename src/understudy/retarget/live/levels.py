"""Where the floor is under a streamed human: the heights at which feet rest, from the frames so far."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from understudy.evaluate.stance import LOOSE_HEIGHT, LOOSE_SPEED, STRICT_HEIGHT, STRICT_SPEED

_CALM = 0.3
"""m/s: a foot slower than this may be standing. All lengths and speeds are those of a grown person."""
_NEAR = 0.06
"""m: it is then on the floor if both of its parts are as near as this to where they rest."""
_FLAT = 0.03
"""m: and their difference is as near to that of a flat foot."""
_DEEP = 0.03
"""m: a foot this far below the floor, for two frames, has found the floor."""
_SETTLING = 0.3
"""Seconds in which two thirds of a difference are made up."""


@dataclass
class Levels:
    """Rest heights (m) of ankles and balls of feet. A lowest height ever seen would be that of the worst frame: feet
    tremble, and press into what they stand on; so levels follow feet that stand."""

    rest: Float[np.ndarray, "2"] | None = None
    balls: Bool[np.ndarray, "2"] = field(default_factory=lambda: np.zeros(2, np.bool_))
    """Which feet have their balls on the floor, by the heights and speeds of ``evaluate.stance``."""
    _last: Float[np.ndarray, "2 2 3"] | None = None

    def step(
        self, place: Float[np.ndarray, "side part 3"], arch: float, seconds: float, size: float
    ) -> Float[np.ndarray, "2"]:
        """The levels after one more frame: ``place`` are ankle and ball of both feet (m), ``arch`` is how much higher
        the ankle of a level foot is (m), ``seconds`` passed since the frame before, ``size`` is that of the human (1:
        grown)."""
        height, last = place[..., 2], self._last
        self._last = place.copy()
        if self.rest is None or last is None:
            first = height[:, 0].min() - np.array([0.0, arch])
            self.rest = first
            return first
        speeds = np.linalg.norm(place - last, axis=-1) / max(seconds, 1e-3)
        speed = speeds.max(axis=-1)
        below = self.rest - np.maximum(height, last[..., 2])
        if below.min(axis=1).max() > _DEEP * size:
            lower = self.rest - below[below.min(axis=1).argmax()]
            self.rest = lower
            return lower
        rest = self.rest
        above = height - rest
        stands = (speed < _CALM * size) & (np.abs(above) < _NEAR * size).all(axis=1)
        stands &= np.abs(above[:, 0] - above[:, 1]) < _FLAT * size
        if stands.any():
            rest = rest + (1.0 - np.exp(-seconds / _SETTLING)) * above[stands].mean(axis=0)
        self.rest = rest
        strict = (above[:, 1] < STRICT_HEIGHT * size) & (speeds[:, 1] < STRICT_SPEED * size)
        loose = (above[:, 1] < LOOSE_HEIGHT * size) & (speeds[:, 1] < LOOSE_SPEED * size)
        self.balls = np.where(self.balls, loose, strict)
        return rest
