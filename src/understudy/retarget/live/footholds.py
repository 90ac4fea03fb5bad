"""Where a foot is asked for while it stands, rolls over its ball, or swings: what touches the floor does not slide."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from understudy.rotations import quat_about, quat_apply, quat_yaw

_FADE = 0.1
"""Seconds in which two thirds of what a hold had kept a foot off its path are made up, once it is let go."""


@dataclass
class Foothold:
    """One foot of a robot. ``toe`` is where it rolls over and ``sole`` are the sole's corners, both seen from the ankle
    in the foot's frame, ``height`` is the ankle's over a level sole (m)."""

    toe: Float[np.ndarray, "3"]
    sole: Float[np.ndarray, "corner 3"]
    height: float
    _ankle: Float[np.ndarray, "2"] | None = None
    _yaw: float = 0.0
    _ball: Float[np.ndarray, "2"] | None = None
    _off: Float[np.ndarray, "2"] = field(default_factory=lambda: np.zeros(2))

    def reset(self) -> None:
        """Forget where it was."""
        self._ankle, self._ball, self._off = None, None, np.zeros(2)

    def place(
        self,
        ankle: Float[np.ndarray, "3"],
        quat: Float[np.ndarray, "4"],
        *,
        flat: bool,
        ball: bool,
        seconds: float,
    ) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "4"]]:
        """The target for an ankle that is meant to be somewhere (m) and turned so, ``seconds`` after the last one.

        A ``flat`` foot stands level where it came down; one on its ``ball`` turns about that; any other is where it is
        meant to be, with no part of its sole under the floor."""
        free = ankle[:2]
        if flat:
            if self._ankle is None:
                self._ankle, self._yaw = free + self._off, float(quat_yaw(quat))
            quat = quat_about("z", np.asarray(self._yaw))
            self._off = self._ankle - free
            self._ball = self._ankle + quat_apply(quat, self.toe)[:2]
            return np.array([*self._ankle, self.height]), quat
        self._ankle = None
        away = quat_apply(quat, self.toe)[:2]
        if ball:
            if self._ball is None:
                self._ball = free + self._off + away
            self._off = self._ball - away - free
        else:
            self._ball = None
            self._off = np.exp(-seconds / _FADE) * self._off
        lowest = ankle[2] + float(quat_apply(quat, self.sole)[:, 2].min())
        up = lowest if ball else min(lowest, 0.0)
        return np.array([*(free + self._off), ankle[2] - up]), quat
