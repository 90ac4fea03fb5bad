"""A human clip as a mannequin: capsules along the limbs, ellipsoids for head, chest, pelvis, hands and feet."""

import numpy as np
from jaxtyping import Float

from understudy.motion.landmarks import PARENT_OF
from understudy.motion.types import HumanMotion
from understudy.rotations import quat_apply, quat_between, quat_yaw
from understudy.view.scene import Actor, Colour, Shape

SKIN: Colour = (0.93, 0.66, 0.50)
SHIRT: Colour = (0.93, 0.45, 0.33)
TROUSERS: Colour = (0.33, 0.36, 0.46)
SHOES: Colour = (0.20, 0.21, 0.26)

# All sizes below are fractions of stature, close to adult means.
LEG = 0.49  # hip to ankle along thigh and shin
LIMBS: dict[str, tuple[float, Colour]] = {
    "neck": (0.030, SHIRT),
    "head": (0.030, SKIN),
    "shoulder": (0.036, SHIRT),
    "elbow": (0.030, SHIRT),
    "wrist": (0.023, SKIN),
    "hip": (0.050, TROUSERS),
    "knee": (0.047, TROUSERS),
    "ankle": (0.033, TROUSERS),
}
"""Radius and colour of the limb that ends at a landmark."""

BLOBS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], Colour]] = {
    "pelvis": ((0.0, 0.0, 0.01), (0.068, 0.098, 0.062), TROUSERS),
    "spine": ((0.004, 0.0, 0.02), (0.062, 0.082, 0.075), SHIRT),
    "chest": ((0.006, 0.0, 0.055), (0.068, 0.098, 0.100), SHIRT),
    "head": ((0.012, 0.0, 0.062), (0.054, 0.044, 0.066), SKIN),
    "hand": ((0.0, 0.0, 0.0), (0.022, 0.030, 0.014), SKIN),
}
"""Ellipsoids: centre and half axes in the landmark's frame, whose x is forward, y left and z up in the
T-pose."""


def human_actor(motion: HumanMotion, label: str = "human") -> Actor:
    """The mannequin of a clip. Bones that stretch over time are drawn with their median length."""
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
        if part in BLOBS:
            centre, half, colour = BLOBS[part]
            shapes.append(Shape("ellipsoid", tuple(float(h * height) for h in half), colour))
            places.append((end + quat_apply(frame, _vector(centre, height)), frame))
    root = at["pelvis"] if "pelvis" in at else (motion.pos[:, 0], motion.quat[:, 0])
    return Actor(
        label=label,
        fps=motion.fps,
        shapes=tuple(shapes),
        pos=np.stack([p for p, _ in places], axis=1).astype(np.float32),
        quat=np.stack([q for _, q in places], axis=1).astype(np.float32),
        root=root[0],
        heading=np.unwrap(quat_yaw(root[1])),
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


def _vector(fractions: tuple[float, float, float], height: float) -> Float[np.ndarray, "3"]:
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
