"""When the human stands on which foot, decided from the human clip alone and never from a method's own
contacts.

Two points of each foot are watched, the ball of the foot (``toe``) and the ``ankle``. Each has a *rest
level*: the height at which it dwells while the foot stands, found as the densest level among slow frames, so
that a clip whose floor is not at zero is judged like any other. A point is in contact while it is near its
rest level and slow. Two thresholds with hysteresis bound each phase: a run of frames within the loose bounds
counts if one frame of it meets the strict ones. Both directions of time are treated alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from understudy.evaluate.tracks import HumanTracks
from understudy.motion.landmarks import SIDES
from understudy.rotations import quat_apply, quat_conj

STRICT_HEIGHT, LOOSE_HEIGHT = 0.025, 0.045
"""How far (m) a point may be above its rest level to begin, and to continue, a contact."""
STRICT_SPEED, LOOSE_SPEED = 0.20, 0.40
"""The same for its speed (m/s), measured over 1/15 s whatever the frame rate."""
SHORTEST = 0.10
"""Contacts shorter than this (s) are dropped: a foot that swings past is slow for an instant too."""
TOE_ABOVE_SOLE = 0.02
"""Height (m) of the joint at the ball of the foot above the sole, used to place the floor under the toes'
rest level."""
ANKLE_ABOVE_SOLE = 0.08
"""The same for the ankle, where a skeleton has no toes."""


@dataclass(frozen=True)
class Stance:
    """Contacts of both feet, keyed by side, over the frames of the tracks they were detected in.

    ``toe`` and ``heel``: that part of the foot rests on the floor; ``flat``: both do. ``floor`` is the height
    (m) of the floor in the human's clip, ``ankle_level`` that of the ankle joint while the foot is flat.
    """

    toe: Mapping[str, Bool[np.ndarray, "time"]]
    heel: Mapping[str, Bool[np.ndarray, "time"]]
    floor: float
    ankle_level: float

    @property
    def flat(self) -> dict[str, Bool[np.ndarray, "time"]]:
        """Frames in which the whole sole rests on the floor."""
        return {side: self.toe[side] & self.heel[side] for side in self.toe}

    @property
    def any(self) -> dict[str, Bool[np.ndarray, "time"]]:
        """Frames in which some part of the foot rests on the floor."""
        return {side: self.toe[side] | self.heel[side] for side in self.toe}


def detect(human: HumanTracks) -> Stance:
    """Find the contacts of both feet. A skeleton without toes is judged by its ankles alone.

    Raises SkeletonMismatch if the skeleton has no ankles.
    """
    ankles = {side: human.at(f"{side}_ankle") for side in SIDES}
    toes = {side: human.at(f"{side}_toe") if f"{side}_toe" in human else ankles[side] for side in SIDES}
    has_toes = all(f"{side}_toe" in human for side in SIDES)
    toe_speed = {side: speed(toes[side], human.fps) for side in SIDES}
    ankle_speed = {side: speed(ankles[side], human.fps) for side in SIDES}

    toe_level = rest_level(
        np.concatenate([toes[s][:, 2] for s in SIDES]), np.concatenate([toe_speed[s] for s in SIDES])
    )
    toe = {s: contact(toes[s][:, 2] - toe_level, toe_speed[s], human.fps) for s in SIDES}
    if not has_toes:
        return Stance(toe, toe, toe_level - ANKLE_ABOVE_SOLE, toe_level)

    # The ankle dwells at one height while the ball of the foot is down and the ankle is still; heel-off has
    # no such level.
    rise = np.concatenate([ankles[s][toe[s], 2] for s in SIDES])
    slow = np.concatenate([ankle_speed[s][toe[s]] for s in SIDES])
    still = (slow < STRICT_SPEED).any()
    ankle_level = rest_level(rise, slow) if still else toe_level + _ankle_above_toe(human)
    heel = {s: contact(ankles[s][:, 2] - ankle_level, ankle_speed[s], human.fps) for s in SIDES}
    return Stance(toe, heel, toe_level - TOE_ABOVE_SOLE, ankle_level)


def speed(path: Float[np.ndarray, "time 3"], fps: float) -> Float[np.ndarray, "time"]:
    """Speed (m/s) of a point: central difference over 1/30 s to each side (at least one frame), one-sided at
    the ends."""
    frames = len(path)
    reach = max(1, round(fps / 30))
    now = np.arange(frames)
    before, after = np.maximum(now - reach, 0), np.minimum(now + reach, frames - 1)
    way = np.linalg.norm(path[after] - path[before], axis=-1)
    return way * fps / np.maximum(after - before, 1)


def rest_level(height: Float[np.ndarray, "n"], speeds: Float[np.ndarray, "n"]) -> float:
    """The height (m) at which a point dwells: the middle of the densest 2 cm among its slow frames.

    Only the lowest 10 cm are searched (from the first percentile of all frames), because feet also dwell on
    stairs and in the air of a person lying down. A clip without slow frames gives that percentile.
    """
    bottom = float(np.percentile(height, 1))
    z = np.sort(height[(speeds < STRICT_SPEED) & (height < bottom + 0.10)])
    if not len(z):
        return bottom
    reached = np.searchsorted(z, z + 0.02, side="right")
    count = reached - np.arange(len(z))
    first = int(count.argmax())
    return float(np.median(z[first : reached[first]]))


def contact(
    above: Float[np.ndarray, "time"], speeds: Float[np.ndarray, "time"], fps: float
) -> Bool[np.ndarray, "time"]:
    """Frames of contact of a point ``above`` its rest level (m) that moves at ``speeds`` (m/s)."""
    loose = (above < LOOSE_HEIGHT) & (speeds < LOOSE_SPEED)
    strict = (above < STRICT_HEIGHT) & (speeds < STRICT_SPEED)
    return _runs_with(loose, strict, min(round(SHORTEST * fps), len(above)))


def _runs_with(loose: np.ndarray, strict: np.ndarray, shortest: int) -> np.ndarray:
    """The runs of ``loose`` frames that are at least ``shortest`` long and hold a ``strict`` frame."""
    edges = np.diff(np.concatenate([[False], loose, [False]]).astype(np.int8))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    seen = np.concatenate([[0], np.cumsum(strict)])
    keep = (seen[ends] > seen[begins]) & (ends - begins >= shortest)
    marks = np.zeros(len(loose) + 1, dtype=np.int64)
    marks[begins[keep]] += 1
    marks[ends[keep]] -= 1
    return np.cumsum(marks[:-1]) > 0


def _ankle_above_toe(human: HumanTracks) -> float:
    """How far (m) the ankle is above the ball of the foot in the T-pose, both feet and all frames
    averaged."""
    rises = []
    for side in SIDES:
        from_toe = human.at(f"{side}_ankle") - human.at(f"{side}_toe")
        rises.append(quat_apply(quat_conj(human.turn(f"{side}_ankle")), from_toe)[:, 2].mean())
    return float(np.mean(rises))
