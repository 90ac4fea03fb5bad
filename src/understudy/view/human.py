"""A human clip as a mannequin: capsules along the limbs, ellipsoids for head, torso and hands."""

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.motion.landmarks import PARENT_OF
from understudy.motion.types import HumanMotion
from understudy.rotations import quat_apply, quat_between, quat_from_axes, quat_yaw
from understudy.view.contacts import human_marks
from understudy.view.scene import Actor, Colour, Shape

SKIN: Colour = (0.94, 0.70, 0.55)
HAIR: Colour = (0.32, 0.22, 0.18)
SHIRT: Colour = (0.90, 0.42, 0.30)
TROUSERS: Colour = (0.30, 0.34, 0.45)
SHOES: Colour = (0.18, 0.19, 0.24)

# All sizes below are fractions of stature, close to adult means.
LEG = 0.49  # hip to ankle along thigh and shin
LIMBS: dict[str, tuple[float, Colour]] = {
    "neck": (0.036, SHIRT),
    "head": (0.030, SKIN),
    "shoulder": (0.034, SHIRT),
    "elbow": (0.029, SHIRT),
    "wrist": (0.022, SKIN),
    "hip": (0.048, TROUSERS),
    "knee": (0.045, TROUSERS),
    "ankle": (0.031, TROUSERS),
}
"""Radius and colour of the limb that ends at a landmark."""

Vector = tuple[float, float, float]
BLOBS: dict[str, tuple[tuple[Vector, Vector, Colour], ...]] = {
    "pelvis": (((-0.004, 0.0, 0.005), (0.066, 0.094, 0.064), TROUSERS),),
    "head": (
        ((0.014, 0.0, 0.052), (0.048, 0.042, 0.064), SKIN),
        ((-0.002, 0.0, 0.066), (0.053, 0.047, 0.058), HAIR),
    ),
}
"""Ellipsoids: centre and half axes in the landmark's frame, whose x is forward, y left and z up in the
T-pose."""

TORSO: tuple[tuple[str, str, float, Vector, Colour], ...] = (
    ("pelvis", "chest", 0.55, (0.062, 0.084, 0.050), SHIRT),
    ("chest", "neck", 0.40, (0.070, 0.098, 0.040), SHIRT),
)
"""Ellipsoids between two landmarks: how far along, half axes across, and how far each end reaches beyond."""


def human_actor(motion: HumanMotion, label: str = "human") -> Actor:
    """The mannequin of a clip. Bones that stretch over time are drawn with their median length.

    Raises LimitError for a skeleton with nothing to draw.
    """
    pos, quat = motion.landmarks()
    at = {name: (pos[:, i], quat[:, i]) for i, name in enumerate(motion.skeleton.landmarks.names)}
    height = stature(at)
    shapes: list[Shape] = []
    places: list[tuple[np.ndarray, np.ndarray]] = []
    for name, (end, frame) in at.items():
        part = name.split("_")[-1]
        start = _ancestor(name, at)
        if part in LIMBS and start is not None:
            radius, colour = LIMBS[part]
            _add_capsule(shapes, places, at[start][0], end, radius * height, colour)
        if part == "toe" and start is not None:
            _add_foot(shapes, places, at[start], (end, frame), height)
        if part == "hand" and start is not None:
            _add_hand(shapes, places, at[start][0], (end, frame), height)
        for centre, half, colour in BLOBS.get(name, ()):
            shapes.append(Shape("ellipsoid", _scaled(half, height), colour))
            places.append((end + quat_apply(frame, _vector(centre, height)), frame))
    for low, high, share, half, colour in TORSO:
        if low in at and high in at:
            length = float(np.median(np.linalg.norm(at[high][0] - at[low][0], axis=-1)))
            across = _scaled(half, height)
            shapes.append(Shape("ellipsoid", (across[0], across[1], length / 2 + across[2]), colour))
            places.append(((1 - share) * at[low][0] + share * at[high][0], at[low][1]))
    if not shapes or not height > 0:
        raise LimitError(
            f"Skeleton {motion.skeleton.name!r} has no limbs to draw: its landmarks are too few."
        )
    root = at["pelvis"] if "pelvis" in at else (motion.pos[:, 0], motion.quat[:, 0])
    return Actor(
        label=label,
        fps=motion.fps,
        shapes=tuple(shapes),
        pos=np.stack([p for p, _ in places], axis=1).astype(np.float32),
        quat=np.stack([q for _, q in places], axis=1).astype(np.float32),
        root=root[0],
        heading=np.unwrap(quat_yaw(root[1])),
        carriers=np.arange(len(shapes)),
        marks=human_marks(motion),
    )


def stature(at: dict[str, tuple[np.ndarray, np.ndarray]]) -> float:
    """Standing height (m), from the length of the legs; 1.7 where the clip has none."""
    legs = [
        np.median(np.linalg.norm(at[f"{s}_hip"][0] - at[f"{s}_knee"][0], axis=-1))
        + np.median(np.linalg.norm(at[f"{s}_knee"][0] - at[f"{s}_ankle"][0], axis=-1))
        for s in ("left", "right")
        if all(f"{s}_{part}" in at for part in ("hip", "knee", "ankle"))
    ]
    return float(np.mean(legs)) / LEG if legs else 1.7


def _ancestor(name: str, present: dict) -> str | None:
    """The nearest landmark above ``name`` that the skeleton has."""
    parent = PARENT_OF.get(name)
    while parent is not None and parent not in present:
        parent = PARENT_OF.get(parent)
    return parent


def _scaled(fractions: Vector, height: float) -> Vector:
    return (fractions[0] * height, fractions[1] * height, fractions[2] * height)


def _vector(fractions: Vector, height: float) -> Float[np.ndarray, "3"]:
    return np.asarray(fractions, np.float32) * np.float32(height)


def _add_capsule(
    shapes: list[Shape],
    places: list[tuple[np.ndarray, np.ndarray]],
    start: Float[np.ndarray, "time 3"],
    end: Float[np.ndarray, "time 3"],
    radius: float,
    colour: Colour,
) -> None:
    along = end - start
    half = float(np.median(np.linalg.norm(along, axis=-1))) / 2
    up = np.broadcast_to(np.array([0, 0, 1], np.float32), along.shape)
    # A bone of no length has no direction; any will do.
    along = np.where(np.linalg.norm(along, axis=-1, keepdims=True) < 1e-6, up, along)
    shapes.append(Shape("capsule", (float(radius), half, 0.0), colour))
    places.append(((start + end) / 2, quat_between(up, along)))


def _add_foot(
    shapes: list[Shape],
    places: list[tuple[np.ndarray, np.ndarray]],
    ankle: tuple[np.ndarray, np.ndarray],
    toe: tuple[np.ndarray, np.ndarray],
    height: float,
) -> None:
    """A shoe: from under the heel to the ball, and on to the tip of the toes."""
    heel = ankle[0] + quat_apply(ankle[1], _vector((-0.020, 0.0, -0.020), height))
    tip = toe[0] + quat_apply(toe[1], _vector((0.022, 0.0, 0.0), height))
    _add_capsule(shapes, places, heel, toe[0], 0.021 * height, SHOES)
    _add_capsule(shapes, places, toe[0], tip, 0.018 * height, SHOES)


def _add_hand(
    shapes: list[Shape],
    places: list[tuple[np.ndarray, np.ndarray]],
    wrist: Float[np.ndarray, "time 3"],
    knuckles: tuple[np.ndarray, np.ndarray],
    height: float,
) -> None:
    """A mitten from the wrist past the knuckles, as flat as a hand: in the T-pose its palm faces down."""
    along = knuckles[0] - wrist
    palm = quat_apply(knuckles[1], np.broadcast_to(np.array([0, 0, 1], np.float32), along.shape))
    half = (0.026 * height, float(np.median(np.linalg.norm(along, axis=-1))) * 0.95, 0.013 * height)
    # The mitten's length runs along y, as an outstretched arm does, and its thickness stays with the palm.
    shapes.append(Shape("ellipsoid", half, SKIN))
    places.append((wrist + 0.85 * along, quat_from_axes(np.cross(along, palm), along)))
