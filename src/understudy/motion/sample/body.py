"""The body that performs the sample motions: an adult of 1.75 m in a T-pose, with every landmark.

Segment lengths follow the usual tables of adult proportions (Winter, *Biomechanics and Motor Control of Human
Movement*; de Leva, J. Biomech. 1996), rounded to centimetres. Every joint frame equals the world frame at
rest, so a landmark's frame is the frame of the joint with its name.
"""

import numpy as np

from understudy.motion.landmarks import LANDMARKS, PARENT_OF, SIDES, Landmarks
from understudy.motion.types import Skeleton

STATURE = 1.75
THIGH = 0.42
SHANK = 0.42
HIP_HEIGHT = 0.92
ANKLE_HEIGHT = HIP_HEIGHT - THIGH - SHANK
PELVIS_HEIGHT = 0.95
HALF_STANCE = 0.09
"""Half the distance between the hip joints, and between the ankles when standing (m)."""

HEEL = np.array([-0.06, 0.0, -ANKLE_HEIGHT])
"""The rear edge of the sole in the ankle's frame (m)."""
BALL = np.array([0.13, 0.0, 0.025 - ANKLE_HEIGHT])
"""The toe joint in the ankle's frame (m); it lies 2.5 cm above the sole."""

_TRUNK_OFFSETS = {
    "pelvis": (0.0, 0.0, 0.0),
    "spine": (0.0, 0.0, 0.10),
    "chest": (0.0, 0.0, 0.20),
    "neck": (0.0, 0.0, 0.23),
    "head": (0.01, 0.0, 0.10),
}
_LEFT_OFFSETS = {
    "hip": (0.0, HALF_STANCE, HIP_HEIGHT - PELVIS_HEIGHT),
    "knee": (0.0, 0.0, -THIGH),
    "ankle": (0.0, 0.0, -SHANK),
    "toe": tuple(BALL),
    "collar": (0.0, 0.03, 0.17),
    "shoulder": (0.0, 0.15, 0.01),
    "elbow": (0.0, 0.28, 0.0),
    "wrist": (0.0, 0.26, 0.0),
    "hand": (0.0, 0.09, 0.0),
}
_ENDS = {
    "head_top": ("head", (0.0, 0.0, STATURE - PELVIS_HEIGHT - 0.63)),
    "left_heel": ("left_ankle", tuple(HEEL)),
    "left_toe_tip": ("left_toe", (0.07, 0.0, -0.015)),
    "left_fingertip": ("left_hand", (0.0, 0.09, 0.0)),
}


def standard_skeleton() -> Skeleton:
    """The skeleton of all sample motions: the landmarks are its first joints, the limbs' ends the last."""
    offsets: dict[str, tuple[float, ...]] = {}
    parents: dict[str, str] = dict(PARENT_OF)
    for name in LANDMARKS:
        side, _, part = name.partition("_")
        offsets[name] = _sided(_LEFT_OFFSETS[part], side) if side in SIDES else _TRUNK_OFFSETS[name]
    for name, (parent, offset) in _ENDS.items():
        for side in SIDES if name.startswith("left_") else ("",):
            end = name.replace("left_", f"{side}_")
            parents[end] = parent.replace("left_", f"{side}_")
            offsets[end] = _sided(offset, side)
    joints = tuple(offsets)
    rows = np.arange(len(LANDMARKS))
    landmarks = Landmarks(
        LANDMARKS,
        rows,
        np.zeros((len(rows), 3), np.float32),
        np.tile(np.array([1, 0, 0, 0], np.float32), (len(rows), 1)),
    )
    return Skeleton(
        "standard adult, 1.75 m",
        joints,
        np.array([joints.index(parents[j]) if j in parents else -1 for j in joints]),
        np.array([offsets[j] for j in joints], np.float32),
        landmarks,
    )


def _sided(offset: tuple[float, ...], side: str) -> tuple[float, float, float]:
    """The offset written for the left side, reflected across the sagittal plane for the right one."""
    x, y, z = offset
    return x, -y if side == "right" else y, z
