"""What can be believed of a frame of a stream: poses pass, whatever else there may be does not, and time goes on."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from understudy.motion.types import HumanFrame, Skeleton
from understudy.retarget.lengths import BONES

_STRETCH = 2.0
"""Limb bones longer or shorter than the skeleton's by more than this factor are no bones."""
_LONGEST = 0.1
"""Seconds that a frame stands for, at most: a robot whose source was silent does not make up for it at once."""


@dataclass
class Clock:
    """Time (s) since a stream began, whatever its frames say: what is no progress counts as ``idle``."""

    idle: float
    now: float = 0.0
    _told: float = math.nan

    def begin(self, time: float) -> None:
        """Start anew with a frame of this time."""
        self.now, self._told = 0.0, time

    def passed(self, time: float) -> float:
        """Seconds that the next frame stands for; ``now`` goes on by them."""
        seconds = time - self._told
        if math.isfinite(time):
            self._told = time
        seconds = min(seconds, _LONGEST) if seconds > 0.0 else self.idle
        self.now += seconds
        return seconds


@dataclass(frozen=True)
class Reader:
    """A skeleton, and the lengths (m) of its limb bones, by which its poses are known."""

    skeleton: Skeleton
    ends: Int[np.ndarray, "bone 2"]
    length: Float[np.ndarray, "bone"]

    @classmethod
    def of(cls, skeleton: Skeleton) -> "Reader":
        place, names = at_rest(skeleton), skeleton.landmarks.names
        ends = np.array(
            [[names.index(a), names.index(b)] for a, b in BONES.items() if {a, b} <= place.keys()], np.int64
        ).reshape(-1, 2)
        points = np.array(list(place.values())).reshape(-1, 3)
        return cls(skeleton, ends, np.linalg.norm(points[ends[:, 1]] - points[ends[:, 0]], axis=-1))

    def read(self, frame: HumanFrame, time: float) -> HumanFrame | None:
        """The frame at a time (s) that can be relied on, in double precision and with unit quaternions. None where it
        is no pose: arrays of another shape, values that are not finite, quaternions of no length, bones torn apart."""
        pos, quat = np.asarray(frame.pos, np.float64), np.asarray(frame.quat, np.float64)
        count = len(self.skeleton.joints)
        if pos.shape != (count, 3) or quat.shape != (count, 4):
            return None
        if not (np.isfinite(pos).all() and np.isfinite(quat).all()):
            return None
        size = np.linalg.norm(quat, axis=-1, keepdims=True)
        if not (size > 1e-3).all():
            return None
        quat = quat / size
        place, _ = self.skeleton.landmarks.world(pos, quat)
        long = np.linalg.norm(place[self.ends[:, 1]] - place[self.ends[:, 0]], axis=-1)
        if (long > _STRETCH * self.length).any() or (long * _STRETCH < self.length).any():
            return None
        return HumanFrame(self.skeleton, time, pos, quat)


def rest_pose(skeleton: Skeleton) -> tuple[Float[np.ndarray, "joint 3"], Float[np.ndarray, "joint 4"]]:
    """Every joint's place (m) and turn with nothing bent and the root at the origin."""
    pos = np.zeros((len(skeleton.joints), 3))
    for j in range(1, len(pos)):
        pos[j] = pos[skeleton.parents[j]] + skeleton.offsets[j]
    return pos, np.tile([1.0, 0.0, 0.0, 0.0], (len(pos), 1))


def at_rest(skeleton: Skeleton) -> dict[str, Float[np.ndarray, "3"]]:
    """Landmarks in the skeleton's rest pose, m."""
    place, _ = skeleton.landmarks.world(*rest_pose(skeleton))
    return dict(zip(skeleton.landmarks.names, place.astype(np.float64), strict=True))
