"""A body of landmarks alone: every clip on the same joints, in the same frames, so that parts of one fit on another."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from understudy.errors import SkeletonMismatch
from understudy.learn.tracks import NEEDED
from understudy.motion.landmarks import LANDMARKS, PARENT_OF, Landmarks
from understudy.motion.local import Bones, Turns, local_poses, world_poses
from understudy.motion.types import HumanMotion, Skeleton

LEGS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "toe"))
SOFT = 0.015
"""Within this height (m) of each other several landmarks count as the lowest."""


def on_landmarks(human: HumanMotion) -> HumanMotion:
    """The clip on a skeleton whose joints are its landmarks, under their names and in their frames; without tracks.

    Raises SkeletonMismatch for a body that lacks a landmark which nothing can be learnt without.
    """
    names = human.skeleton.landmarks.names
    if missing := [name for name in (*NEEDED, "chest") if name not in names]:
        raise SkeletonMismatch(f"Skeleton {human.skeleton.name!r} lacks {', '.join(missing)}.")
    pos, quat = human.landmarks()
    skeleton = skeleton_of(names, np.zeros((len(names), 3)))
    bare = HumanMotion(skeleton, human.fps, pos, quat, {}, human.origin)
    return replace(bare, skeleton=skeleton_of(names, _usual(local_poses(bare)[0])))


def skeleton_of(names: tuple[str, ...], offsets: Float[np.ndarray, "joint 3"]) -> Skeleton:
    """A tree of landmarks; where one is missing, its children hang on the next one inwards."""
    count = len(names)
    own = Landmarks(names, np.arange(count), np.zeros((count, 3)), np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)))
    parents = np.array([_parent(name, names) for name in names])
    return Skeleton("landmarks", names, parents, np.asarray(offsets, np.float32), own)


def from_parts(
    fps: float,
    parts: dict[str, tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 4"]]],
    like: HumanMotion,
) -> HumanMotion:
    """A clip from each landmark's place (m) and turn in the frame of the one it hangs on; the pelvis' in the world."""
    names = tuple(name for name in LANDMARKS if name in parts)
    bones: Bones = np.stack([parts[name][0] for name in names], axis=1)
    turns: Turns = np.stack([parts[name][1] for name in names], axis=1)
    skeleton = skeleton_of(names, _usual(bones))
    pos, quat = world_poses(skeleton, bones, turns)
    return HumanMotion(skeleton, fps, pos, quat, {}, like.origin)


def parts_of(
    human: HumanMotion,
) -> dict[str, tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 4"]]]:
    """The inverse of ``from_parts``."""
    bones, turns = local_poses(human)
    return {name: (bones[:, k], turns[:, k]) for k, name in enumerate(human.skeleton.joints)}


def leg_length(human: HumanMotion) -> float:
    """Hip to knee to ankle (m), the mean of both sides."""
    joints, long = human.skeleton.joints, np.linalg.norm(human.skeleton.offsets, axis=-1)
    return 0.5 * float(sum(long[k] for k, name in enumerate(joints) if name.endswith(("_knee", "_ankle"))))


def lowest(human: HumanMotion) -> Float[np.ndarray, "time"]:
    """Height (m) of the lowest landmark; smooth in time where one takes over from another."""
    z = human.pos[..., 2].astype(np.float64)
    least = z.min(axis=1, keepdims=True)
    return least[:, 0] - SOFT * np.log(np.exp((least - z) / SOFT).sum(axis=1))


def upright(human: HumanMotion) -> bool:
    """Whether somebody is on the feet all the time: the pelvis about half a leg above them or higher, and below the
    chest."""
    z = {name: human.pos[:, k, 2] for k, name in enumerate(human.skeleton.joints)}
    feet = np.minimum(z["left_ankle"], z["right_ankle"])
    return bool(
        (z["pelvis"] - feet).min() > 0.45 * leg_length(human) and (z["chest"] - z["pelvis"]).min() > 0.0
    )


def _usual(bones: Bones) -> Float[np.ndarray, "joint 3"]:
    usual = np.median(bones, axis=0)
    usual[0] = 0.0
    return usual


def _parent(name: str, names: tuple[str, ...]) -> int:
    while name in PARENT_OF:
        name = PARENT_OF[name]
        if name in names:
            return names.index(name)
    return -1
