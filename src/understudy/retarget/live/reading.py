"""What can be believed of a frame of a stream: poses pass, whatever else there may be does not."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from understudy.motion.types import HumanFrame, Skeleton
from understudy.retarget.lengths import BONES

_STRETCH = 2.0
"""Limb bones longer or shorter than the skeleton's by more than this factor are no bones."""


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


def at_rest(skeleton: Skeleton) -> dict[str, Float[np.ndarray, "3"]]:
    """Landmarks in the skeleton's rest pose, m."""
    pos = np.zeros((len(skeleton.joints), 3))
    for j in range(1, len(pos)):
        pos[j] = pos[skeleton.parents[j]] + skeleton.offsets[j]
    level = np.tile([1.0, 0.0, 0.0, 0.0], (len(pos), 1))
    place, _ = skeleton.landmarks.world(pos, level)
    return dict(zip(skeleton.landmarks.names, place.astype(np.float64), strict=True))
