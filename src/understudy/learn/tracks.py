"""What a network sees of a human: the world poses of all landmarks over a clip, and one number for the body's size.

Skeletons differ in what they carry; a network's input does not. A landmark that a skeleton lacks hangs on the one that
it grows from, at the place that it has in a mean body of that size.
"""

import numpy as np
from jaxtyping import Float

from understudy.errors import ShapeError, SkeletonMismatch
from understudy.motion.landmarks import LANDMARKS, PARENT_OF, SIDES
from understudy.motion.types import HumanMotion
from understudy.rotations import quat_apply

LEG = tuple((f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in (("hip", "knee"), ("knee", "ankle")))
"""The bones that a body's size is told by, where each begins and ends."""

NEEDED = (
    "pelvis",
    *(f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in SIDES),
)
"""Landmarks without which nothing is known of a body."""

USUAL: dict[str, tuple[float, float, float]] = {
    "spine": (0.0, 0.0, 0.15),
    "chest": (0.0, 0.0, 0.17),
    "neck": (-0.02, 0.0, 0.26),
    "head": (0.015, 0.0, 0.09),
    "left_collar": (-0.03, 0.045, 0.21),
    "right_collar": (-0.03, -0.045, 0.21),
    "left_toe": (0.145, 0.0, -0.05),
    "right_toe": (0.145, 0.0, -0.05),
    "left_hand": (0.005, 0.11, 0.005),
    "right_hand": (0.005, -0.11, 0.005),
}
"""Where the others are in the frame of the landmark they hang on, in leg lengths: about the mean of five capture
skeletons."""

SHORTEST = 0.01
"""Metres: a body whose legs are shorter has no size."""


def human_tracks(
    human: HumanMotion, lift: float = 0.0
) -> tuple[Float[np.ndarray, "time 23 3"], Float[np.ndarray, "time 23 4"]]:
    """World poses of all of ``LANDMARKS``, in that order: m, and wxyz; float32.

    ``lift`` (m) is what the clip's floor must be raised by to lie at z = 0 (``floor_shift_m`` in the history of a
    retargeted motion). Raises SkeletonMismatch for a body that lacks any of ``NEEDED`` or has no legs to speak of.
    """
    names = human.skeleton.landmarks.names
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise SkeletonMismatch(
            f"Skeleton {human.skeleton.name!r} lacks landmarks to learn from: {', '.join(missing)}."
        )
    carried_pos, carried_quat = human.landmarks()
    pos = np.zeros((human.frames, len(LANDMARKS), 3), np.float32)
    quat = np.zeros((human.frames, len(LANDMARKS), 4), np.float32)
    rows = [LANDMARKS.index(name) for name in names]
    pos[:, rows], quat[:, rows] = carried_pos, carried_quat
    pos[..., 2] += lift
    size = _size(pos)
    if size < SHORTEST:
        raise SkeletonMismatch(f"The legs of skeleton {human.skeleton.name!r} have no length.")
    for name in LANDMARKS:  # what a landmark hangs on comes before it
        if name in names:
            continue
        i, on = LANDMARKS.index(name), LANDMARKS.index(PARENT_OF[name])
        pos[:, i] = pos[:, on] + quat_apply(quat[:, on], size * np.array(USUAL[name], np.float32))
        quat[:, i] = quat[:, on]
    return pos, quat


def body_size(pos: Float[np.ndarray, "time 23 3"]) -> float:
    """A leg's length (m), hip to knee to ankle: the median of each bone over time, the mean of both sides.

    It is what ``retarget`` scales paths by: a robot's size over a human's is the scale of a fitted pair. Raises
    ShapeError for legs without length.
    """
    size = _size(pos)
    if not size >= SHORTEST:
        raise ShapeError(f"A body's size is the length of its legs; these are {size:.3g} m long.")
    return size


def _size(pos: np.ndarray) -> float:
    starts, ends = ([LANDMARKS.index(bone[i]) for bone in LEG] for i in (0, 1))
    lengths = np.linalg.norm(pos[:, ends].astype(np.float64) - pos[:, starts], axis=-1)
    return 0.5 * float(np.median(lengths, axis=0).sum())
