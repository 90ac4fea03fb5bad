"""From the points that a tracker sees to a place for every landmark.

Gaps are bridged in time; what no point tells of is put by proportion. Points are named like landmarks, or are one of
``EXTRAS``. World frame, metres.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import SkeletonMismatch
from understudy.motion.calibrate import SPINE
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import unit

EXTRAS = (
    *("nose", "head_top"),
    *(
        f"{side}_{part}"
        for part in ("eye", "ear", "heel", "toe_tip", "small_toe", "index", "pinky", "thumb")
        for side in SIDES
    ),
)
"""Points that are no landmarks. ``index`` and ``pinky`` are those fingers' knuckles, ``toe_tip`` the end of the foot
(of the big toe, if there is a ``small_toe``)."""

UNSEEN = 0.05
"""A point with less confidence than this was not seen."""
NEEDED = tuple(f"{side}_{part}" for part in ("hip", "shoulder") for side in SIDES)

CHEST, NECK = 0.6, 1.1
"""Places on the line from between the hips to between the shoulders, as parts of its length."""
COLLAR = 1 / 6
"""From between the shoulders to one of them."""
BALL_OF_FOOT = 0.7
"""From the ankle to the tip of the foot."""
HEAD_IN_TOP = 0.37
"""The skull's joint on the way from the neck to the top of the head."""

HANGING = {
    "elbow": ("shoulder", 0.55),
    "wrist": ("elbow", 0.51),
    "knee": ("hip", 0.82),
    "ankle": ("knee", 0.82),
}
"""Where a joint hangs that is never seen: straight down the trunk from another, in lengths of the trunk."""


@dataclass(frozen=True)
class Seen:
    """Points over time: ``pos`` (m) everywhere finite, ``confidence`` in [0, 1], 0 where it was bridged or guessed.

    ``how`` says of a point that is not the tracker's own where it comes from.
    """

    pos: dict[str, Float[np.ndarray, "time 3"]]
    confidence: dict[str, Float[np.ndarray, "time"]]
    how: dict[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self.pos

    def middle(self, part: str) -> Float[np.ndarray, "time 3"]:
        return 0.5 * (self.pos[f"left_{part}"] + self.pos[f"right_{part}"])


def bridged(
    points: Mapping[str, Float[np.ndarray, "time 3"]], confidence: Mapping[str, Float[np.ndarray, "time"]]
) -> Seen:
    """Gaps (NaN, or hardly any confidence) filled in a straight line over time, as seen from between the hips.

    Points that are never seen are left out. Raises SkeletonMismatch if a hip or a shoulder is among them.
    """
    valid = {name: np.isfinite(pos).all(-1) & (confidence[name] > UNSEEN) for name, pos in points.items()}
    lost = [name for name in NEEDED if name not in points or not valid[name].any()]
    if lost:
        raise SkeletonMismatch(f"No trunk can be made of these points: {', '.join(lost)} are never seen.")
    clock = np.arange(len(points[NEEDED[0]]))

    def filled(pos: np.ndarray, ok: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(clock, clock[ok], pos[ok, k]) for k in range(3)], axis=-1)

    hips = {name: filled(points[name], valid[name]) for name in ("left_hip", "right_hip")}
    root = 0.5 * (hips["left_hip"] + hips["right_hip"])
    pos = {
        name: hips[name] if name in hips else root + filled(points[name] - root, ok)
        for name, ok in valid.items()
        if ok.any()
    }
    sure = {name: np.where(valid[name], np.clip(confidence[name], 0.0, 1.0), 0.0) for name in pos}
    return Seen(pos, sure, {})


def placed(seen: Seen) -> Seen:
    """All landmarks between pelvis, head, ankles and wrists, the balls of the feet and the knuckles if any point
    tells of them; what no point tells of is put by proportion with no confidence."""
    pos, sure, how = dict(seen.pos), dict(seen.confidence), dict(seen.how)
    hips, shoulders = seen.middle("hip"), seen.middle("shoulder")
    trunk = shoulders - hips
    long = float(np.median(np.linalg.norm(trunk, axis=-1)))

    def put(name: str, place: np.ndarray, of: tuple[str, ...], words: str) -> None:
        if name not in pos:
            pos[name], how[name] = place, words
            sure[name] = np.min([sure[o] for o in of], axis=0) if of else np.zeros(len(place))

    put("pelvis", hips, ("left_hip", "right_hip"), "between the hips")
    for name, share in (("spine", SPINE), ("chest", CHEST), ("neck", NECK)):
        put(name, hips + share * trunk, NEEDED, "on the line from the hips to the shoulders")
    if "left_ear" in pos and "right_ear" in pos:
        ears = 0.5 * (pos["left_ear"] + pos["right_ear"])
        put("head", ears, ("left_ear", "right_ear"), "between the ears")
    if "head_top" in pos:
        way = pos["neck"] + HEAD_IN_TOP * (pos["head_top"] - pos["neck"])
        put("head", way, ("neck", "head_top"), "on the way to the top of the head")
    put("head", pos["neck"] + 0.2 * long * unit(trunk), (), "by proportion")
    for side in SIDES:
        collar = shoulders + COLLAR * (pos[f"{side}_shoulder"] - shoulders)
        put(f"{side}_collar", collar, ("left_shoulder", "right_shoulder"), "between the shoulders")
        for part, (above, share) in HANGING.items():
            down = pos[f"{side}_{above}"] - share * long * unit(trunk)
            put(f"{side}_{part}", down, (), "by proportion: it is never seen")
        if f"{side}_toe_tip" in pos:
            ankle, tip = f"{side}_ankle", f"{side}_toe_tip"
            ball = pos[ankle] + BALL_OF_FOOT * (pos[tip] - pos[ankle])
            put(f"{side}_toe", ball, (ankle, tip), "on the way to the tip of the foot")
        if f"{side}_index" in pos and f"{side}_pinky" in pos:
            knuckles = (f"{side}_index", f"{side}_pinky")
            put(f"{side}_hand", 0.5 * (pos[knuckles[0]] + pos[knuckles[1]]), knuckles, "between the knuckles")
    return Seen(pos, sure, how)
