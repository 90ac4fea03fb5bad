"""The bodies of Kimodo's outputs: joint names and parents, and where the hinges of its Unitree G1 lie.

SOMA and SMPL-X frames equal the world's (y up, z forward) in the T-pose. The frames of the G1 are those of the
robot's own MuJoCo model, with its axes exchanged (x, y, z → z, x, y).
"""

from dataclasses import dataclass

import numpy as np

from understudy.rotations import quat_about


@dataclass(frozen=True)
class Body:
    """A human skeleton, known by its number of joints."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]


@dataclass(frozen=True)
class Hinge:
    """A joint of the robot: the row of its body in the file, the row of the body that it turns in, its axis in
    the robot's own frames, and how its body is tilted at zero (axis, degrees)."""

    joint: str
    row: int
    parent: int
    axis: str
    tilt: tuple[str, float] = ("x", 0.0)

    def rest(self) -> np.ndarray:
        """The rotation (4,) of the body in its parent at zero."""
        axis, degrees = self.tilt
        return quat_about(axis, np.radians(degrees))


def _body(name: str, *chains: str) -> Body:
    """A body from chains of names, each written from a joint that is known already to a new end."""
    joints: list[str] = []
    parents: list[int] = []
    for chain in chains:
        at = -1
        for joint in chain.split():
            if joint not in joints:
                joints.append(joint)
                parents.append(at)
            at = joints.index(joint)
    return Body(name, tuple(joints), tuple(parents))


def _fingers(side: str) -> tuple[str, ...]:
    hand = f"{side}Hand"
    bones = {"Thumb": "123", **dict.fromkeys(("Index", "Middle", "Ring", "Pinky"), "1234")}
    return tuple(
        " ".join([hand, *(f"{hand}{finger}{k}" for k in count), f"{hand}{finger}End"])
        for finger, count in bones.items()
    )


def _arm(side: str) -> str:
    return f"Chest {side}Shoulder {side}Arm {side}ForeArm {side}Hand"


def _soma_leg(side: str) -> str:
    return f"Hips {side}Leg {side}Shin {side}Foot {side}ToeBase"


_SOMA_TRUNK = "Hips Spine1 Spine2 Chest Neck1 Neck2 Head"
_SOMA_FACE = ("Head Jaw", "Head LeftEye", "Head RightEye")

SOMA = _body(
    "SOMA, 77 joints",
    _SOMA_TRUNK,
    "Head HeadEnd",
    *_SOMA_FACE,
    _arm("Left"),
    *_fingers("Left"),
    _arm("Right"),
    *_fingers("Right"),
    *(f"{_soma_leg(side)} {side}ToeEnd" for side in ("Left", "Right")),
)
SOMA_SMALL = _body(
    "SOMA, 30 joints",
    _SOMA_TRUNK,
    *_SOMA_FACE,
    *(
        chain
        for side in ("Left", "Right")
        for chain in (_arm(side), f"{side}Hand {side}HandThumbEnd", f"{side}Hand {side}HandMiddleEnd")
    ),
    *(_soma_leg(side) for side in ("Left", "Right")),
)
SMPLX = Body(
    "SMPL-X, 22 joints",
    (
        *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle"),
        *("right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head"),
        *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    ),
    (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19),
)
HUMANS = {len(body.joints): body for body in (SOMA, SOMA_SMALL, SMPLX)}

G1 = "unitree_g1"
G1_ROWS = 34
_TILTS = {
    **{f"{side}_hip_roll": ("y", -10.021) for side in ("left", "right")},
    **{f"{side}_knee": ("y", 10.021) for side in ("left", "right")},
    **{f"{side}_shoulder_pitch": ("x", sign * 16.0) for side, sign in (("left", 1), ("right", -1))},
    **{f"{side}_shoulder_roll": ("x", -sign * 16.0) for side, sign in (("left", 1), ("right", -1))},
}
_AXES = {"pitch": "y", "roll": "x", "yaw": "z", "knee": "y", "elbow": "y"}


def _hinges() -> tuple[Hinge, ...]:
    """The 29 hinges in the order of the robot's model, which is the file's without the ends of feet and hands."""
    legs = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll", "toe")
    arms = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow")
    arms += ("wrist_roll", "wrist_pitch", "wrist_yaw", "hand")
    waist = tuple(f"waist_{turn}" for turn in ("yaw", "roll", "pitch"))
    rows = ["pelvis", *(f"{side}_{part}" for side in ("left", "right") for part in legs), *waist]
    rows += [f"{side}_{part}" for side in ("left", "right") for part in arms]
    starts = {f"{side}_hip_pitch": "pelvis" for side in ("left", "right")} | {"waist_yaw": "pelvis"}
    starts |= {f"{side}_shoulder_pitch": "waist_pitch" for side in ("left", "right")}
    return tuple(
        Hinge(
            f"{name}_joint",
            row,
            rows.index(starts.get(name, rows[row - 1])),
            _AXES[name.split("_")[-1]],
            _TILTS.get(name, ("x", 0.0)),
        )
        for row, name in enumerate(rows)
        if name.split("_")[-1] in _AXES
    )


HINGES = _hinges()
