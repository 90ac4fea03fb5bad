"""How high a human's feet are: sole points, the floor under a clip, and each foot's clearance above it."""

from dataclasses import dataclass

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
NEAR_ZERO = 0.10  # m: a source whose floor lies this near to z = 0 means z = 0


@dataclass(frozen=True)
class HumanSoles:
    """The human's ground contact geometry: ``floor`` (m, in the source's world) and, for each side, how far the lowest
    point of the sole is above it, ``clearance[side]`` (time,) m. ``ankle_height`` is the ankle's height above a flat
    sole (m); it is a nominal figure, in which an error cancels as long as the floor is found from the same feet."""

    floor: float
    ankle_height: float
    clearance: dict[str, Float[np.ndarray, "time"]]


def human_soles(motion: HumanMotion, leg: float, ground: str) -> HumanSoles:
    """Measure a clip. ``ground``: ``"none"`` takes z = 0 for the floor; ``"flat"`` the lowest level that the clip
    stands on; ``"auto"`` that level too, unless it lies clearly above z = 0 (someone on a prop all through)."""
    names = motion.skeleton.landmarks.names
    pos, quat = (a.astype(np.float64) for a in motion.landmarks())
    lows, height = {}, THICKNESS["ankle"] * leg
    for side in SIDES:
        ankle, toe = names.index(f"{side}_ankle"), names.index(f"{side}_toe")
        ball = np.median(quat_apply(quat_conj(quat[:, ankle]), pos[:, toe] - pos[:, ankle]), axis=0)
        soles = [np.array([x * ball[0], 0.0, -height]) for x in (1.0, -HEEL)]
        corners = [
            pos[:, ankle] + quat_apply(quat[:, ankle], np.broadcast_to(s, (len(pos), 3))) for s in soles
        ]
        lows[side] = np.minimum(corners[0][:, 2], corners[1][:, 2])
    body = np.stack(
        [pos[:, k, 2] - _thickness(name) * leg for k, name in enumerate(names) if _thickness(name)], -1
    )
    lowest = np.minimum(np.minimum(*lows.values()), body.min(-1))
    floor = 0.0 if ground == "none" else _standing_level(lowest, motion.fps, SLOW * leg)
    if ground == "auto" and floor > NEAR_ZERO:
        floor = 0.0
    return HumanSoles(floor, height, {side: low - floor for side, low in lows.items()})


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
    return float(np.median(calm[np.abs(calm - level) < 0.03]))
