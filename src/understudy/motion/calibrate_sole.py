"""The level of the soles, from the frames in which a foot stands flat and still."""

import numpy as np
from jaxtyping import Bool, Float

from understudy.motion.biped import Biped
from understudy.motion.calibrate_pose import UP
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import angle, points_of, stature, unit
from understudy.rotations import quat_apply, quat_conj, quat_from_axes, quat_mean, quat_mul

Frames = dict[str, np.ndarray]

STILL = 0.12
"""Speed (m/s) below which a point of the foot counts as standing."""
ENOUGH = 0.15
"""Seconds of standing after which a foot's own stance outweighs the first guess."""
BELIEVABLE = 35.0
"""Degrees by which stance may correct the first guess; more than that is not a flat foot."""


def level_feet(
    biped: Biped,
    frames: Frames,
    pos: Float[np.ndarray, "time joint 3"],
    quat: Float[np.ndarray, "time joint 4"],
    fps: float,
) -> tuple[Frames, str]:
    """Ankle and toe frames whose z axis is vertical in stance, and a sentence on what was seen."""
    out = dict(frames)
    seconds = []
    for side in SIDES:
        ankle, toe = f"{side}_ankle", f"{side}_toe"
        flat = flat_stance(biped, side, pos, fps)
        j = biped.joints[ankle]
        first = quat_apply(frames[ankle], UP)
        normals = quat_apply(quat_conj(quat[:, j]), np.broadcast_to(UP, (len(pos), 3)))[flat]
        normals = _agreeing(normals)
        standing = len(normals) / fps
        if not len(normals) or angle(normals.mean(0), first) > BELIEVABLE:
            seconds.append(0.0)
            continue
        z = unit(standing / ENOUGH * unit(normals.mean(0)) + first)
        x = _heading(biped, side, frames[ankle], pos, quat)
        out[ankle] = quat_from_axes(unit(x - z * (x @ z)), np.cross(z, x))
        if toe in frames:
            k = biped.joints[toe]
            foot = quat_mul(quat[flat, j], np.broadcast_to(out[ankle], (int(flat.sum()), 4)))
            out[toe] = quat_mean(quat_mul(quat_conj(quat[flat, k]), foot))
        seconds.append(standing)
    if max(seconds) == 0.0:
        return out, "no foot ever stands flat, so the soles are level as assumed"
    return out, "soles level over {:.1f} s (left) and {:.1f} s (right) of flat stance".format(*seconds)


def flat_stance(
    biped: Biped, side: str, pos: Float[np.ndarray, "time joint 3"], fps: float
) -> Bool[np.ndarray, "time"]:
    """Frames in which ankle and ball are both still, low, and as high above each other as usual."""
    p = points_of(biped, pos)
    ankle = p[f"{side}_ankle"]
    ball = p.get(f"{side}_tip", ankle)
    if len(pos) < 3:
        return np.zeros(len(pos), dtype=bool)
    size = stature(p)
    speeds = [np.linalg.norm(np.gradient(v, axis=0), axis=-1) * fps for v in (ankle, ball)]
    low = (ball[:, 2] < np.percentile(ball[:, 2], 5) + 0.03 * size) & (
        ankle[:, 2] < np.percentile(ankle[:, 2], 5) + 0.03 * size
    )
    flat = low & (speeds[0] < STILL) & (speeds[1] < STILL)
    if flat.any():
        rise = ankle[:, 2] - ball[:, 2]
        flat &= np.abs(rise - np.median(rise[flat])) < 0.008 * size
    return flat


def _agreeing(normals: np.ndarray) -> np.ndarray:
    """The directions within 8° of the median one."""
    if not len(normals):
        return normals
    middle = unit(np.median(normals, axis=0))
    return normals[angle(normals, np.broadcast_to(middle, normals.shape)) < 8.0]


def _heading(biped: Biped, side: str, frame: np.ndarray, pos: np.ndarray, quat: np.ndarray) -> np.ndarray:
    """Where the foot points, in the ankle's joint: to the toe or the tip, else as first guessed."""
    tip = biped.joints.get(f"{side}_toe", biped.ends.get(f"{side}_toe"))
    if tip is None:
        return quat_apply(frame, np.array([1.0, 0.0, 0.0]))
    j = biped.joints[f"{side}_ankle"]
    return unit(quat_apply(quat_conj(quat[:, j]), pos[:, tip] - pos[:, j]).mean(0))
