"""One low-pass for all methods, so that those that filter their output and those that do not can be compared.

Headline figures are raw. Some published ones are not: they were counted after a zero-phase fourth-order
Butterworth filter on joints and root, which removes most jumps and hides where they were. Beside the raw
figures, a table shows all methods after this one filter.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.signal import butter, sosfiltfilt

from understudy.errors import LimitError
from understudy.motion.types import RobotMotion
from understudy.rotations import quat_continuous, quat_normalize

CUTOFF = 5.0
"""Frequency (Hz) at which a single pass lets half of the power through."""
ORDER = 4
SHORTEST = 3 * (ORDER + 1) + 1
"""Frames that the filter needs, because it mirrors three times its length at both ends to settle."""


def filtered(motion: RobotMotion) -> RobotMotion:
    """The motion after the low-pass, forwards and backwards: joints, root position and root orientation.

    The orientation is filtered component by component on one half of the sphere, then scaled to unit length.
    Raises LimitError for a clip whose frame rate cannot hold the cutoff, or that is too short for the filter
    to settle.
    """
    if motion.fps <= 2 * CUTOFF or motion.frames < SHORTEST:
        raise LimitError(
            f"A low-pass at {CUTOFF:g} Hz needs more than {2 * CUTOFF:g} fps and at least {SHORTEST} frames; "
            f"this motion has {motion.frames} frames at {motion.fps:g} fps."
        )
    sections = butter(ORDER, CUTOFF, fs=motion.fps, output="sos")

    def smooth(values: Float[np.ndarray, "time n"]) -> Float[np.ndarray, "time n"]:
        return sosfiltfilt(sections, values.astype(np.float64), axis=0)

    quat = quat_normalize(smooth(quat_continuous(motion.root_quat)))
    return replace(
        motion,
        root_pos=smooth(motion.root_pos),
        root_quat=quat,
        joint_pos=smooth(motion.joint_pos),
        origin=motion.origin.after("filter", cutoff_hz=CUTOFF),
    )
