"""Where the floor is in a clip, judged by the feet that rest on it."""

from dataclasses import replace

import numpy as np

from understudy.errors import SkeletonMismatch
from understudy.motion.types import HumanMotion

STILL = 0.25
"""A foot slower than this (m/s) may be resting on something."""
SHARE = 0.08
"""The least share of all resting time that a level must hold to be the floor rather than a glitch."""
LAYER = 0.03
"""Thickness (m) of the layer that counts as one level: soft tissue, marker noise and rolling feet."""
BALL_ABOVE_FLOOR = 0.02
"""Height of the ball of the foot over the sole (m) at a stature of 1.75 m, when the foot is flat."""


def floor_height(human: HumanMotion) -> float:
    """Height (m) of the floor under a person, from the balls of the feet (or the ankles, if there are no
    toes).

    The lowest level on which the feet rest for a fair share of the time. Feet on a box or a stair rest higher
    and do not count, and single frames that dip below are too few to count. Raises SkeletonMismatch if the
    skeleton has neither toes nor ankles.
    """
    marks, clearance = _sole_marks(human)
    pos = human.landmarks()[0][:, marks].astype(np.float64)
    height = pos[..., 2]
    if human.frames > 1:
        speed = np.linalg.norm(np.gradient(pos, 1.0 / human.fps, axis=0), axis=-1)
        resting = np.sort(height[speed < STILL])
    else:
        resting = np.empty(0)
    if len(resting) < max(3, 0.02 * height.size):
        # Nobody stands: a jump, a run, a single frame. The lowest feet are all there is.
        return float(np.quantile(height.min(axis=1), 0.05)) - clearance
    # For every resting height, how many lie within one layer above it.
    within = np.searchsorted(resting, resting + LAYER, side="right") - np.arange(len(resting))
    level = int(np.argmax(within >= max(1, SHARE * len(resting))))
    return float(np.median(resting[level : level + within[level]])) - clearance


def ground(human: HumanMotion) -> HumanMotion:
    """The clip shifted by one constant height, so that its floor lies at z = 0."""
    height = floor_height(human)
    pos = human.pos - np.array([0.0, 0.0, height], np.float32)
    return replace(human, pos=pos, origin=human.origin.after("ground", floor_height=height))


def _sole_marks(human: HumanMotion) -> tuple[list[int], float]:
    """Rows of the landmarks that are nearest to the soles, and their usual height over the floor (m)."""
    names = human.skeleton.landmarks.names
    for part, share in (("toe", 1.0), ("ankle", 4.0)):
        marks = [i for i, name in enumerate(names) if name.endswith(f"_{part}")]
        if marks:
            return marks, share * BALL_ABOVE_FLOOR
    raise SkeletonMismatch(
        f"Skeleton {human.skeleton.name!r} has neither toes nor ankles to find the floor with."
    )
