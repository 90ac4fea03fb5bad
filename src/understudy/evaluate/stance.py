"""When the human stands on which foot, decided from the human clip alone, never from a method's own contacts.

Two points of each foot are watched, the ball of the foot (``toe``) and the ``ankle``. Each has a *rest
level*: the height over the clip's own floor at which it dwells while the foot stands, found as the densest
level among slow frames. A point is in contact while it is near its rest level and slow. Two thresholds with
hysteresis bound each phase: a run of frames within the loose bounds counts if one frame of it meets the
strict ones. Both directions of time are treated alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

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
TOE_TOP, ANKLE_TOP = 0.08, 0.18
"""Rest levels are sought below this height (m) over the floor: feet also dwell on stairs, and in the air of a
person lying down."""
FULL_SIZE = 0.6
"""All these lengths and speeds are those of bodies whose legs are at least this long (m, hip to ankle). For a smaller
body, such as a robot's motion taken for a source, they shrink in proportion."""


@dataclass(frozen=True)
class Stance:
    """Contacts of both feet, keyed by side, over the frames of the tracks they were detected in.

    ``toe`` and ``heel``: that part of the foot rests on the floor; ``flat``: both do. ``ankle_level`` is the
    height (m) of the ankle joint in the human's clip while the foot is flat.
    """

    toe: Mapping[str, Bool[np.ndarray, "time"]]
    heel: Mapping[str, Bool[np.ndarray, "time"]]
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
    size = _size(human)
    if size == 1.0:
        return _detect(human)
    found = _detect(replace(human, pos=human.pos / size, floor=human.floor / size))
    return replace(found, ankle_level=found.ankle_level * size)


def _size(human: HumanTracks) -> float:
    """The body's size as a part of that of the smallest full-grown one; 1 for those, and for a body without legs."""
    if not all(f"{side}_{part}" in human for side in SIDES for part in ("hip", "knee", "ankle")):
        return 1.0
    return min(1.0, human.leg / FULL_SIZE)


def _detect(human: HumanTracks) -> Stance:
    ankle, ankle_speed = _heights_and_speeds(human, "ankle")
    if not all(f"{side}_toe" in human for side in SIDES):
        level = rest_level(_both(ankle), _both(ankle_speed), ANKLE_TOP)
        foot = {s: contact(ankle[s] - level, ankle_speed[s], human.fps) for s in SIDES}
        return Stance(foot, foot, human.floor + level)

    toe, toe_speed = _heights_and_speeds(human, "toe")
    toe_level = rest_level(_both(toe), _both(toe_speed), TOE_TOP)
    toe_down = {s: contact(toe[s] - toe_level, toe_speed[s], human.fps) for s in SIDES}
    # While the toes are down, the ankle is still only where the heel is down too: a raised heel keeps moving.
    level = rest_level(
        np.concatenate([ankle[s][toe_down[s]] for s in SIDES]),
        np.concatenate([ankle_speed[s][toe_down[s]] for s in SIDES]),
        ANKLE_TOP,
        otherwise=toe_level + _ankle_above_toe(human),
    )
    heel_down = {s: contact(ankle[s] - level, ankle_speed[s], human.fps) for s in SIDES}
    return Stance(toe_down, heel_down, human.floor + level)


def _heights_and_speeds(human: HumanTracks, part: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    paths = {side: human.at(f"{side}_{part}") for side in SIDES}
    heights = {side: path[:, 2] - human.floor for side, path in paths.items()}
    return heights, {side: speed(path, human.fps) for side, path in paths.items()}


def _both(feet: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([feet[side] for side in SIDES])


def speed(path: Float[np.ndarray, "time 3"], fps: float) -> Float[np.ndarray, "time"]:
    """Speed (m/s) of a point, over 1/30 s (at least one frame) to each side; one-sided at the ends."""
    frames = len(path)
    reach = max(1, round(fps / 30))
    now = np.arange(frames)
    before, after = np.maximum(now - reach, 0), np.minimum(now + reach, frames - 1)
    way = np.linalg.norm(path[after] - path[before], axis=-1)
    return way * fps / np.maximum(after - before, 1)


def rest_level(
    height: Float[np.ndarray, "n"], speeds: Float[np.ndarray, "n"], top: float, otherwise: float | None = None
) -> float:
    """The height (m) over the floor at which a point dwells: amid the densest 2 cm of its slow frames.

    Only heights below ``top`` are searched. If there are no such frames, ``otherwise``, or the lowest height
    of all.
    """
    z = np.sort(height[(speeds < STRICT_SPEED) & (height < top)])
    if not len(z):
        return float(height.min()) if otherwise is None else otherwise
    reached = np.searchsorted(z, z + 0.02, side="right")
    first = int((reached - np.arange(len(z))).argmax())
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
    """How far (m) the ankle is above the ball of the foot in the T-pose: both feet, all frames, averaged."""
    rises = []
    for side in SIDES:
        from_toe = human.at(f"{side}_ankle") - human.at(f"{side}_toe")
        rises.append(quat_apply(quat_conj(human.turn(f"{side}_ankle")), from_toe)[:, 2].mean())
    return float(np.mean(rises))
