"""Where a human touches the floor, frame by frame: toes and heels, and for ground work hands, knees, trunk and head.

Feet are judged by ``evaluate.stance``, so that a method is told what it is later measured by. Other parts are watched
in the same way: each is in contact while it is slow and about as high as it rests on the floor. A clip that carries
tracks named ``contact_left_toe`` and so on is believed instead; ``as_tracks`` writes such tracks.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from understudy.errors import ShapeError, UnknownName
from understudy.evaluate.stance import FULL_SIZE, STRICT_SPEED, contact, detect, rest_level, speed
from understudy.evaluate.tracks import HumanTracks
from understudy.motion.landmarks import SIDES
from understudy.motion.types import HumanMotion, Tracks
from understudy.retarget.floor import THICKNESS
from understudy.rotations import quat_apply

FEET = tuple(f"{side}_{part}" for side in SIDES for part in ("toe", "heel"))
PLACES = {
    "left_hand": ("left_hand", "left_wrist"),
    "right_hand": ("right_hand", "right_wrist"),
    "left_knee": ("left_knee",),
    "right_knee": ("right_knee",),
    "pelvis": ("pelvis",),
    "back": ("chest",),
    "head": ("head",),
}
"""The landmark that tells of each part other than the feet: the first that a skeleton has."""
NAMES = (*FEET, *PLACES)
"""All contacts. ``back`` is the rib cage, whichever side of it the body lies on."""
PREFIX = "contact_"
"""A track of a clip with this in front of a contact's name says when that part touches the floor."""
HIGHER = 0.08
"""Parts rest at most this much (m) higher than their usual flesh would have it: captured wrists are rarely where they
are drawn, and a fist or a raised palm keeps them up."""
OVER = 0.2
"""Leg lengths that a foot which stands may be above its hip."""
UPTURNED = -0.5
"""Cosine of the angle between a foot's own up and the world's, below which its heel does not touch the floor."""
DWELL = 0.3
"""Seconds that a part must spend at another level than its usual one to be believed to rest there."""


@dataclass(frozen=True, eq=False)
class Contacts:
    """Which part touches the floor in which frame: a column for each of ``NAMES``."""

    touching: Bool[np.ndarray, "time contact"]

    def __getitem__(self, name: str) -> Bool[np.ndarray, "time"]:
        """The track of one part. Raises UnknownName."""
        if name not in NAMES:
            raise UnknownName("contact", name, NAMES)
        return self.touching[:, NAMES.index(name)]

    def as_tracks(self) -> dict[str, Bool[np.ndarray, "time"]]:
        """The tracks that a clip carries and ``contacts_of`` believes."""
        return {f"{PREFIX}{name}": self[name] for name in NAMES}

    @classmethod
    def none(cls, frames: int) -> "Contacts":
        """Nothing touches the floor."""
        return cls(np.zeros((frames, len(NAMES)), dtype=bool))


def contacts_of(human: HumanMotion, floor: float, leg: float) -> Contacts:
    """The contacts of a clip: the ones it carries as tracks, and those that are found for all other parts.

    ``floor`` is the height of the floor (m, the clip's world) under hands, knees and trunk, ``leg`` the length of the
    human's legs (m). Parts that the skeleton has not got touch nothing. Raises UnknownName for a track of an unknown
    contact and ShapeError for one that is not a number from 0 to 1 a frame.
    """
    given = _given(human.tracks)
    tracks, touching = HumanTracks.of(human), Contacts.none(human.frames).touching
    found = _feet(tracks, leg) if not given.keys() >= set(FEET) else {}
    for name in NAMES:
        if name in given:
            touching[:, NAMES.index(name)] = given[name]
        elif name in found:
            touching[:, NAMES.index(name)] = found[name]
        elif name in PLACES and (landmark := next((p for p in PLACES[name] if p in tracks), None)):
            touching[:, NAMES.index(name)] = _rests(tracks, landmark, floor, leg)
    return Contacts(touching)


def _given(tracks: Tracks) -> dict[str, Bool[np.ndarray, "time"]]:
    """The contacts that a clip carries, by name; a number of at least one half means contact."""
    given = {}
    for key, values in tracks.items():
        if not key.startswith(PREFIX):
            continue
        name, values = key.removeprefix(PREFIX), np.asarray(values)
        if name not in NAMES:
            raise UnknownName("contact track", key, [f"{PREFIX}{known}" for known in NAMES])
        if values.ndim != 1 or values.dtype.kind not in "biuf" or not ((values >= 0) & (values <= 1)).all():
            raise ShapeError(
                f"Track {key!r} must hold one truth value, or a number from 0 to 1, for every frame; got an array "
                f"{values.shape} of {values.dtype}."
            )
        given[name] = values >= 0.5
    return given


def _feet(human: HumanTracks, leg: float) -> dict[str, Bool[np.ndarray, "time"]]:
    """Toes and heels; empty for a body without legs.

    A foot above its own hip rests on nothing, however still it is: someone stands on their hands. A foot whose sole
    faces up lies on its toes, not on its heel: someone kneels.
    """
    if not all(f"{side}_{part}" in human for side in SIDES for part in ("hip", "ankle")):
        return {}
    stance, found = detect(human), {}
    for side in SIDES:
        under = human.at(f"{side}_ankle")[:, 2] < human.at(f"{side}_hip")[:, 2] + OVER * leg
        faces = quat_apply(human.turn(f"{side}_ankle"), np.array([0.0, 0.0, 1.0]))[:, 2]
        found[f"{side}_toe"] = stance.toe[side] & under
        found[f"{side}_heel"] = stance.heel[side] & under & (faces > UPTURNED)
    return found


def _rests(human: HumanTracks, landmark: str, floor: float, leg: float) -> Bool[np.ndarray, "time"]:
    """Frames in which a landmark is slow and as high over the floor (m) as its flesh, or as it dwells in this clip.

    Lengths and speeds are those of a grown person; smaller bodies are looked at as if they were one.
    """
    size = min(1.0, leg / FULL_SIZE)
    path = human.at(landmark) / size
    height, speeds = path[:, 2] - floor / size, speed(path, human.fps)
    usual = THICKNESS[landmark.split("_")[-1]] * leg / size
    level = rest_level(height, speeds, usual + HIGHER, otherwise=usual)
    dwelling = (np.abs(height - level) < 0.02) & (speeds < STRICT_SPEED)
    if dwelling.sum() < DWELL * human.fps:
        level = usual
    return contact(height - level, speeds, human.fps)
