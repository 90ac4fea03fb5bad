"""A clip made to fit a person of known height."""

from dataclasses import replace

import numpy as np

from understudy.errors import LimitError
from understudy.motion.info import describe
from understudy.motion.types import HumanMotion

SHORTEST, TALLEST = 0.4, 2.8
"""Heights of people (m); anything else is a mistake in units."""


def scale_to_height(human: HumanMotion, height: float) -> HumanMotion:
    """The clip with all lengths scaled so that its body stands ``height`` metres tall.

    Raises LimitError, and SkeletonMismatch for a body whose present height cannot be told.
    """
    if not SHORTEST <= height <= TALLEST:
        raise LimitError(f"A human height is given in metres, from {SHORTEST} to {TALLEST}; got {height}.")
    present = describe(human).stature
    if not present > 0:
        raise LimitError(f"Skeleton {human.skeleton.name!r} has no size that could be scaled to {height} m.")
    factor = np.float32(height / present)
    marks = human.skeleton.landmarks
    skeleton = replace(
        human.skeleton,
        offsets=human.skeleton.offsets * factor,
        landmarks=replace(marks, pos=marks.pos * factor),
    )
    origin = human.origin.after("scale_to_height", height=height, factor=float(factor))
    return replace(human, skeleton=skeleton, pos=human.pos * factor, origin=origin)
