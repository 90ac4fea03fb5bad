"""The floor under a human clip, from the soles of the feet and whatever else the body rests on."""

import numpy as np
from jaxtyping import Float

from understudy.motion.landmarks import SIDES
from understudy.motion.types import HumanMotion
from understudy.rotations import quat_apply, quat_conj

# Flesh below each landmark as a fraction of leg length (hip to ankle), for bodies that lie, kneel or do handstands.
THICKNESS = {
    "ankle": 0.10,
    "pelvis": 0.13,
    "chest": 0.14,
    "head": 0.12,
    "knee": 0.07,
    "shoulder": 0.07,
    "elbow": 0.05,
    "wrist": 0.04,
    "hand": 0.02,
}
HEEL = 0.30  # the heel lies behind the ankle by this fraction of the way from ankle to ball
SLOW = 0.6  # leg lengths a second: a lowest point slower than this may be standing on something
NEAR_ZERO = 0.15  # m: a source whose floor lies this near to z = 0 means z = 0


def floor_under(motion: HumanMotion, leg: float, ground: str) -> float:
    """Height of the floor (m, in the source's world) for a body with legs of length ``leg`` (m).

    ``ground``: ``"none"`` takes z = 0; ``"flat"`` the lowest level that the clip stands on; ``"auto"`` that level too,
    unless it lies clearly above z = 0 (someone on a prop all through).
    """
    if ground == "none":
        return 0.0
    names = motion.skeleton.landmarks.names
    pos, quat = (a.astype(np.float64) for a in motion.landmarks())
    points = [pos[:, k, 2] - _thickness(name) * leg for k, name in enumerate(names) if _thickness(name)]
    for side in SIDES:
        ankle, toe = names.index(f"{side}_ankle"), names.index(f"{side}_toe")
        ball = np.median(quat_apply(quat_conj(quat[:, ankle]), pos[:, toe] - pos[:, ankle]), axis=0)[0]
        for forward in (ball, -HEEL * ball):
            corner = np.array([forward, 0.0, -THICKNESS["ankle"] * leg])
            points.append(pos[:, ankle, 2] + quat_apply(quat[:, ankle], corner)[:, 2])
    floor = _standing_level(np.min(points, axis=0), motion.fps, SLOW * leg)
    return 0.0 if ground == "auto" and floor > NEAR_ZERO else floor


def _thickness(name: str) -> float:
    part = name.split("_")[-1]
    return 0.0 if part == "ankle" else THICKNESS.get(part, 0.0)


def _standing_level(lowest: Float[np.ndarray, "time"], fps: float, slow: float) -> float:
    """The lowest height at which the body rests: a low quantile of calm frames, then the median of those near it."""
    speed = np.abs(np.gradient(lowest) * fps) if len(lowest) > 1 else np.zeros(1)
    calm = lowest[speed < slow]
    if not len(calm):
        calm = lowest
    level = np.quantile(calm, 0.08)
    near = calm[np.abs(calm - level) < 0.03]
    return float(np.median(near) if len(near) else level)  # few calm frames may lie on both sides of it
