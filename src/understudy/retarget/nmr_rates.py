"""Robot motions at other frame rates, without corners at the frames that they came from."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfiltfilt

from understudy.errors import LimitError
from understudy.motion.types import RobotMotion
from understudy.rotations import quat_continuous, quat_normalize

ORDER = 4
"""Of the low-pass, forwards and backwards: the released code's."""


def at_frames(motion: RobotMotion, fps: float, frames: int) -> RobotMotion:
    """The same clip in so many frames, evenly spread from the first instant to the last: cubic splines with continuous
    curvature."""
    if motion.frames == frames:
        return replace(motion, fps=fps)
    at = np.linspace(0.0, motion.frames - 1.0, frames)
    if motion.frames < 3:
        at = np.round(at).astype(int)
        quat = motion.root_quat[at]
        return replace(
            motion, fps=fps, root_pos=motion.root_pos[at], root_quat=quat, joint_pos=motion.joint_pos[at]
        )
    values = CubicSpline(np.arange(motion.frames), _columns(motion))(at)
    return _from_columns(motion, values, fps)


def lowpass(motion: RobotMotion, cutoff: float) -> RobotMotion:
    """A Butterworth low-pass (Hz) over joints, root position and root orientation, without delay.

    Raises LimitError for a cutoff that the frame rate cannot hold, or a clip too short for it to settle."""
    shortest = 3 * (2 * ORDER + 1)
    if not 0.0 < cutoff < 0.5 * motion.fps or motion.frames <= shortest:
        raise LimitError(
            f"A low-pass at {cutoff:g} Hz needs more than {2 * cutoff:g} fps and more than {shortest} frames; "
            f"this motion has {motion.frames} frames at {motion.fps:g} fps."
        )
    sections = butter(ORDER, cutoff, fs=motion.fps, output="sos")
    return _from_columns(motion, sosfiltfilt(sections, _columns(motion), axis=0), motion.fps)


def _columns(motion: RobotMotion) -> Float[np.ndarray, "time column"]:
    parts = (motion.root_pos, quat_continuous(motion.root_quat), motion.joint_pos)
    return np.concatenate([part.astype(np.float64) for part in parts], axis=1)


def _from_columns(motion: RobotMotion, values: Float[np.ndarray, "time column"], fps: float) -> RobotMotion:
    quat = quat_normalize(values[:, 3:7])
    return replace(
        motion, fps=fps, root_pos=values[:, :3], root_quat=quat, joint_pos=values[:, 7:], tracks={}
    )
