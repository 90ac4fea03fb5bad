"""What GMR's own robot models have that the hardware has not: tighter joint ranges, and points that tables refer to.

Figures of General Motion Retargeting (GMR, Ze et al., MIT licence; github.com/YanjieZe/GMR, as of August 2025).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Range = tuple[float, float]


@dataclass(frozen=True)
class Point:
    """A point of a body, in that body's frame (m), that a table calls a body of its own."""

    body: str
    pos: tuple[float, float, float]


@dataclass(frozen=True)
class GmrModel:
    """``joint_range``: from, to (rad), for joints whose range GMR changes. ``points`` by the name of GMR's body."""

    joint_range: Mapping[str, Range] = field(default_factory=dict)
    points: Mapping[str, Point] = field(default_factory=dict)


def _both(left: Mapping[str, Range]) -> dict[str, Range]:
    """Ranges of the left side and, with the signs that the G1's roll and yaw axes need, of the right side."""
    right = {name: r if "pitch" in name or "elbow" in name else (-r[1], -r[0]) for name, r in left.items()}
    return {
        f"{side}_{k}": v for side, ranges in (("left", left), ("right", right)) for k, v in ranges.items()
    }


_G1_LIMBS = {
    "hip_pitch_joint": (-1.57, 1.57),
    "hip_roll_joint": (-0.5236, 1.57),
    "hip_yaw_joint": (-1.57, 1.57),
    "shoulder_pitch_joint": (-3.0892, 1.149),
    "shoulder_roll_joint": (-0.6, 2.2515),
    "shoulder_yaw_joint": (-1.4, 2.0),
    "elbow_joint": (-1.0472, 1.7),
}

MODELS = {
    "unitree_g1": GmrModel(
        {**_both(_G1_LIMBS), "waist_yaw_joint": (-1.57, 1.57)},
        {
            "left_toe_link": Point("left_ankle_roll_link", (0.1, 0.0, -0.02)),
            "right_toe_link": Point("right_ankle_roll_link", (0.1, 0.0, -0.02)),
        },
    )
}
"""By the name that the robot has here. A robot that is not named has the ranges of its hardware, and no points."""
