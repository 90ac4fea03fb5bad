"""The bodies that motion parameters are written for, as skeletons with landmarks.

``SMPL`` names the 24 joints of SMPL; SMPL-H and SMPL-X share the first 22 and have fingers instead of the last two.
The rest pose of such a body stands like a human, so its landmark frames follow from the rest pose alone and are the
same for every clip.

All positions are in the world's axes: x forward, y left, z up, metres.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.calibrate_pose import frames_from_pose
from understudy.motion.landmarks import LANDMARKS, SIDES, Landmarks
from understudy.motion.types import Skeleton

SMPL: dict[str, str | None] = {
    "pelvis": None,
    "left_hip": "pelvis",
    "right_hip": "pelvis",
    "spine1": "pelvis",
    "left_knee": "left_hip",
    "right_knee": "right_hip",
    "spine2": "spine1",
    "left_ankle": "left_knee",
    "right_ankle": "right_knee",
    "spine3": "spine2",
    "left_foot": "left_ankle",
    "right_foot": "right_ankle",
    "neck": "spine3",
    "left_collar": "spine3",
    "right_collar": "spine3",
    "head": "neck",
    "left_shoulder": "left_collar",
    "right_shoulder": "right_collar",
    "left_elbow": "left_shoulder",
    "right_elbow": "right_shoulder",
    "left_wrist": "left_elbow",
    "right_wrist": "right_elbow",
    "left_hand": "left_wrist",
    "right_hand": "right_wrist",
}
"""Each joint of SMPL with its parent, in SMPL's order."""
BODY_JOINTS = 22
"""How many of them SMPL-H and SMPL-X have, too: all but the hands."""

SMPL_LANDMARKS = {
    "spine": "spine1",
    "chest": "spine3",
    **{f"{side}_toe": f"{side}_foot" for side in SIDES},
}
"""The landmarks that SMPL calls otherwise."""


def smpl_skeleton(name: str, rest: Mapping[str, Float[np.ndarray, "3"]]) -> Skeleton:
    """The skeleton of SMPL's joints for one person; ``rest`` is where each joint is in the zero pose."""
    marks = {mark: SMPL_LANDMARKS.get(mark, mark) for mark in LANDMARKS}
    return standing_skeleton(name, SMPL, rest, marks)


def standing_skeleton(
    name: str,
    parents: Mapping[str, str | None],
    rest: Mapping[str, Float[np.ndarray, "3"]],
    marks: Mapping[str, str],
) -> Skeleton:
    """A body whose rest pose is that of a standing human.

    ``parents`` maps each joint to the one it hangs on (None for the root, which comes first), ``rest`` to its place
    in the rest pose, ``marks`` landmarks to the joints that carry them and lie there.
    """
    joints = tuple(parents)
    up = np.array([-1 if p is None else joints.index(p) for p in parents.values()])
    place = np.array([rest[joint] for joint in joints], np.float64)
    offsets = place - place[np.maximum(up, 0)]
    return Skeleton(name, joints, up, offsets.astype(np.float32), _landmarks(joints, place, marks))


def _landmarks(
    joints: Sequence[str], place: Float[np.ndarray, "joint 3"], marks: Mapping[str, str]
) -> Landmarks:
    still = np.zeros((len(joints), 4))
    still[:, 0] = 1.0
    biped = Biped({mark: joints.index(joint) for mark, joint in marks.items()})
    frames = frames_from_pose(biped, place, still)
    frames |= {f"{side}_hand": frames[f"{side}_wrist"] for side in SIDES}
    names = tuple(mark for mark in LANDMARKS if mark in marks)
    return Landmarks(
        names,
        np.array([biped.joints[mark] for mark in names], np.int64),
        np.zeros((len(names), 3), np.float32),
        np.array([frames[mark] for mark in names], np.float32),
    )
