"""Landmark frames of skeletons that are exported in great numbers without a human rest pose.

Their clips can be as short as a second, too short to calibrate each by itself, and all share one rig. What is
constant for the rig was found by calibrating many clips from their motion and pooling the results.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import angle
from understudy.rotations import quat_about, quat_apply, quat_mul

Frames = dict[str, np.ndarray]

_H = np.sqrt(0.5)
_SAME = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Convention:
    """A rig, known by the names of its joints and by where its bones lie in their frames.

    ``frames`` maps landmarks to (rotation, pitch): landmark-in-carrier rotations along the rig's axes, then a
    pitch about the landmark's y axis in degrees. The axes are those after a y-up file has been turned into
    the world.
    """

    name: str
    joints: dict[str, str]
    frames: dict[str, tuple[tuple[float, float, float, float], float]]


# Pooled over 147 clips spread evenly over the data set. Every axis lay within 1° of the rig's own, except the
# pitches below and the relaxed wrists and collars, which are in line with their neighbours in a T-pose.
BANDAI_NAMCO = Convention(
    "Bandai-Namco",
    {
        "pelvis": "Hips",
        "spine": "Spine",
        "chest": "Chest",
        "neck": "Neck",
        "head": "Head",
        **{
            f"{side}_{part}": f"{joint}_{side[0].upper()}"
            for side in SIDES
            for part, joint in (
                ("hip", "UpperLeg"),
                ("knee", "LowerLeg"),
                ("ankle", "Foot"),
                ("toe", "Toes"),
                ("collar", "Shoulder"),
                ("shoulder", "UpperArm"),
                ("elbow", "LowerArm"),
                ("wrist", "Hand"),
            )
        },
    },
    {
        "pelvis": ((_H, -_H, 0.0, 0.0), 3.6),
        "spine": ((0.5, -0.5, -0.5, -0.5), -1.8),
        "chest": ((0.5, -0.5, -0.5, -0.5), -3.5),
        "neck": ((0.5, -0.5, -0.5, -0.5), -3.5),
        "head": ((0.5, -0.5, -0.5, -0.5), -3.5),
        "left_hip": ((_H, _H, 0.0, 0.0), 0.0),
        "right_hip": ((0.0, 0.0, -_H, -_H), 0.0),
        "left_knee": ((_H, _H, 0.0, 0.0), 0.0),
        "right_knee": ((0.0, 0.0, -_H, -_H), 0.0),
        "left_ankle": ((0.5, 0.5, 0.5, 0.5), -37.2),
        "right_ankle": ((0.5, 0.5, -0.5, -0.5), -37.2),
        "left_toe": ((0.5, 0.5, 0.5, 0.5), -21.0),
        "right_toe": ((0.5, 0.5, -0.5, -0.5), -21.0),
        **{f"left_{part}": ((1.0, 0.0, 0.0, 0.0), 0.0) for part in ("collar", "shoulder", "elbow", "wrist")},
        **{f"right_{part}": ((0.0, 0.0, 1.0, 0.0), 0.0) for part in ("collar", "shoulder", "elbow", "wrist")},
    },
)

# By definition the frames are the world's in a T-pose whose bones are not quite straight: hence the pitches of thighs
# and shins, exact. Those of trunk and head are the medians of eight clips.
SOMA = Convention(
    "SOMA",
    {
        "pelvis": "Hips",
        "spine": "Spine1",
        "chest": "Chest",
        "neck": "Neck1",
        "head": "Head",
        **{
            f"{side}_{part}": f"{side.capitalize()}{joint}"
            for side in SIDES
            for part, joint in (
                ("hip", "Leg"),
                ("knee", "Shin"),
                ("ankle", "Foot"),
                ("toe", "ToeBase"),
                ("collar", "Shoulder"),
                ("shoulder", "Arm"),
                ("elbow", "ForeArm"),
                ("wrist", "Hand"),
            )
        },
    },
    {
        "pelvis": (_SAME, 1.6),
        "spine": (_SAME, 0.0),
        "chest": (_SAME, -4.7),
        "neck": (_SAME, -4.1),
        "head": (_SAME, 1.6),
        **{
            f"{side}_{part}": (_SAME, pitch)
            for side in SIDES
            for part, pitch in (
                ("hip", 1.06),
                ("knee", 4.72),
                *((part, 0.0) for part in ("ankle", "toe", "collar", "shoulder", "elbow", "wrist")),
            )
        },
    },
)

CONVENTIONS = (BANDAI_NAMCO, SOMA)
AGREE = 10.0
"""Degrees by which a bone may leave the direction that a convention gives it."""


def known_frames(
    biped: Biped, joints: tuple[str, ...], rest: Float[np.ndarray, "joint 3"]
) -> tuple[Frames, str] | None:
    """The frames of a known rig and its name, if this skeleton is one: by its names and by all of its
    bones."""
    for convention in CONVENTIONS:
        named = {name: joints[j] for name, j in biped.joints.items()}
        if named != convention.joints:
            continue
        frames = {name: _pitched(*pair) for name, pair in convention.frames.items()}
        if _bones_agree(biped, rest, frames):
            return frames, convention.name
    return None


def _pitched(rotation: tuple[float, float, float, float], pitch: float) -> np.ndarray:
    return quat_mul(np.array(rotation), quat_about("y", np.radians(pitch)))


def _bones_agree(biped: Biped, rest: np.ndarray, frames: Frames) -> bool:
    place = {name: rest[j] for name, j in biped.joints.items()}
    pairs = [("pelvis", place["left_hip"] - place["right_hip"], (0.0, 1.0, 0.0))]
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        for a, b, axis in (
            ("hip", "knee", (0.0, 0.0, -1.0)),
            ("knee", "ankle", (0.0, 0.0, -1.0)),
            ("shoulder", "elbow", (0.0, sign, 0.0)),
            ("elbow", "wrist", (0.0, sign, 0.0)),
        ):
            pairs.append((f"{side}_{a}", place[f"{side}_{b}"] - place[f"{side}_{a}"], axis))
    return all(angle(bone, quat_apply(frames[name], np.array(axis))) < AGREE for name, bone, axis in pairs)
