"""What the points of the usual trackers are, in their order.

A point is named like a landmark, like one of ``completion_points.EXTRAS``, or ``-`` where nothing is made of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """``up`` is the vertical axis in which the tracker writes, where it has but one convention."""

    points: tuple[str, ...]
    up: str | None = None


def _pairs(parts: str, first: str = "left") -> Iterable[str]:
    """Each part of both sides, left first or right first."""
    second = "right" if first == "left" else "left"
    return (f"{side}_{part}" for part in parts.split() for side in (first, second))


def _sided(side: str, parts: str) -> Iterable[str]:
    return (part if part == "-" else f"{side}_{part}" for part in parts.split())


_LIMBS = "shoulder elbow wrist"
_LEGS = "hip knee ankle"

LAYOUTS = {
    # Google, MediaPipe Pose: 33 landmarks. World landmarks are metres from between the hips.
    "mediapipe-33": Layout(
        (
            "nose",
            *("-", "left_eye", "-", "-", "right_eye", "-"),
            *_pairs("ear"),
            *("-", "-"),
            *_pairs(f"{_LIMBS} pinky index thumb {_LEGS} heel toe_tip"),
        ),
        up="-y",
    ),
    "coco-17": Layout(("nose", *_pairs(f"eye ear {_LIMBS} {_LEGS}"))),
    # As in VideoPose3D and its descendants; point 9 lies between nose and neck, by data set.
    "h36m-17": Layout(
        (
            "pelvis",
            *_sided("right", _LEGS),
            *_sided("left", _LEGS),
            *("chest", "neck", "-", "head_top"),
            *_sided("left", _LIMBS),
            *_sided("right", _LIMBS),
        )
    ),
    # Stereolabs ZED SDK, sl::BODY_18_PARTS, BODY_34_PARTS and BODY_38_PARTS. Its samples write y up.
    "zed-body-18": Layout(
        (
            *("nose", "neck"),
            *_sided("right", _LIMBS),
            *_sided("left", _LIMBS),
            *_sided("right", _LEGS),
            *_sided("left", _LEGS),
            *_pairs("eye ear", first="right"),
        ),
        up="y",
    ),
    "zed-body-34": Layout(
        (
            *("pelvis", "spine", "chest", "neck"),
            *_sided("left", f"collar {_LIMBS} hand - thumb"),
            *_sided("right", f"collar {_LIMBS} hand - thumb"),
            *_sided("left", f"{_LEGS} toe_tip"),
            *_sided("right", f"{_LEGS} toe_tip"),
            *("head", "nose", "left_eye", "left_ear", "right_eye", "right_ear", "left_heel", "right_heel"),
        ),
        up="y",
    ),
    "zed-body-38": Layout(
        (
            *("pelvis", "spine", "chest", "-", "neck", "nose"),
            *_pairs(f"eye ear collar {_LIMBS} {_LEGS} toe_tip small_toe heel thumb index"),
            *("-", "-"),
            *_pairs("pinky"),
        ),
        up="y",
    ),
}


def fitting(count: int) -> tuple[str, ...]:
    """The layouts of so many points."""
    return tuple(name for name, layout in LAYOUTS.items() if len(layout.points) == count)
