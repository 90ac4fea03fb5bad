"""The level of the soles, from the frames in which a foot stands flat and still."""

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.calibrate_pose import UP
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import angle, points_of, stature, unit
from understudy.rotations import quat_apply, quat_conj, quat_from_axes, quat_mean, quat_mul

Frames = dict[str, np.ndarray]

STILL = 0.2
"""Speed (m/s) below which a point of the foot counts as standing."""
PLUMB = 15.0
"""Degrees by which a shin may lean before its foot's stance counts clearly less: under spread or kneeling
legs, captured feet are seldom flat."""
TOE_TRUST = 0.05
"""Seconds of stance that weigh as much as a first guess about the toes, which rest poses seldom get right."""
BELIEVABLE = 35.0
"""Degrees by which stance may correct the first guess; more than that is not a flat foot."""


def level_feet(
    biped: Biped,
    frames: Frames,
    pos: Float[np.ndarray, "time joint 3"],
    quat: Float[np.ndarray, "time joint 4"],
    fps: float,
    trust: float,
) -> tuple[Frames, str]:
    """Ankle and toe frames whose z axis is vertical in stance, and a sentence on what was seen.

    ``trust`` is how many seconds of stance weigh as much as the frames given.
    """
    out = dict(frames)
    seconds = []
    for side in SIDES:
        ankle, toe = f"{side}_ankle", f"{side}_toe"
        weight = stance_weights(biped, side, pos, fps)
        j = biped.joints[ankle]
        first = quat_apply(frames[ankle], UP)
        normals = quat_apply(quat_conj(quat[:, j]), np.broadcast_to(UP, (len(pos), 3)))
        weight = weight * _agreeing(normals, weight)
        mean = unit((weight[:, None] * normals).sum(0))
        standing = weight.sum() / fps
        seconds.append(standing if angle(mean, first) < BELIEVABLE else 0.0)
        if seconds[-1] == 0.0:
            continue
        z = unit(standing * mean + trust * first)
        x = _heading(biped, side, frames[ankle], pos, quat)
        out[ankle] = quat_from_axes(unit(x - z * (x @ z)), np.cross(z, x))
        if toe in frames:
            toes = quat[:, biped.joints[toe]]
            out[toe] = _level_toe(frames[toe], quat[:, j], toes, out[ankle], weight / fps)
    if max(seconds) == 0.0:
        return out, "no foot ever stands flat, so the soles are level as assumed"
    return out, "soles level over {:.1f} s (left) and {:.1f} s (right) of flat stance".format(*seconds)


def _level_toe(
    first: np.ndarray, ankles: np.ndarray, toes: np.ndarray, foot: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """The toe's frame that agrees with the foot's while the foot stands; ``weight`` in seconds."""
    soles = quat_mul(ankles, np.broadcast_to(foot, ankles.shape))
    seen = quat_mul(quat_conj(toes), soles)
    return quat_mean(np.concatenate([seen, first[None]]), np.append(weight, TOE_TRUST))


def stance_weights(
    biped: Biped, side: str, pos: Float[np.ndarray, "time joint 3"], fps: float
) -> Float[np.ndarray, "time"]:
    """How surely a foot stands flat, 0 to 1: ankle and ball still, low, as high above each other as usual;
    shin plumb."""
    p = points_of(biped, pos)
    ankle, knee = p[f"{side}_ankle"], p[f"{side}_knee"]
    ball = p.get(f"{side}_tip", ankle)
    if len(pos) < 3:
        return np.zeros(len(pos))
    size = stature(p)
    low = (ball[:, 2] < np.percentile(ball[:, 2], 5) + 0.03 * size) & (
        ankle[:, 2] < np.percentile(ankle[:, 2], 5) + 0.03 * size
    )
    flat = low & (_speed(ankle, fps) < STILL) & (_speed(ball, fps) < STILL)
    plumb = np.exp(-((angle(knee - ankle, np.broadcast_to(UP, knee.shape)) / PLUMB) ** 2))
    rise = ankle[:, 2] - ball[:, 2]
    if (flat & (plumb > 0.3)).any():
        flat &= np.abs(rise - np.median(rise[flat & (plumb > 0.3)])) < 0.008 * size
    return flat * plumb


def _speed(v: np.ndarray, fps: float) -> np.ndarray:
    """Speed (time,) over about a fifteenth of a second, which the noise of single frames does not reach."""
    reach = min(max(1, round(fps / 30)), (len(v) - 1) // 2)
    before = np.concatenate([np.repeat(v[:1], reach, axis=0), v[:-reach]])
    after = np.concatenate([v[reach:], np.repeat(v[-1:], reach, axis=0)])
    steps = np.minimum(np.arange(len(v)), reach) + np.minimum(np.arange(len(v))[::-1], reach)
    return np.linalg.norm(after - before, axis=-1) * fps / steps


def _agreeing(normals: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Which directions lie within 8° of the median of those that count."""
    if not (weight > 0.1).any():
        return np.ones(len(normals), dtype=bool)
    middle = unit(np.median(normals[weight > 0.1], axis=0))
    return angle(normals, np.broadcast_to(middle, normals.shape)) < 8.0


def _heading(biped: Biped, side: str, frame: np.ndarray, pos: np.ndarray, quat: np.ndarray) -> np.ndarray:
    """Where the foot points, in the ankle's joint: to the toe or the tip, else as first guessed."""
    tip = biped.joints.get(f"{side}_toe", biped.ends.get(f"{side}_toe"))
    if tip is None:
        return quat_apply(frame, np.array([1.0, 0.0, 0.0]))
    j = biped.joints[f"{side}_ankle"]
    return unit(quat_apply(quat_conj(quat[:, j]), pos[:, tip] - pos[:, j]).mean(0))
