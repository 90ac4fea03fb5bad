"""A clip as a tree: every joint's pose in its parent's frame, and back to the world."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from understudy.motion.types import HumanMotion, Skeleton
from understudy.rotations import quat_apply, quat_conj, quat_mul

Bones = Float[np.ndarray, "time joint 3"]
Turns = Float[np.ndarray, "time joint 4"]


def local_poses(motion: HumanMotion) -> tuple[Bones, Turns]:
    """Where each joint is in its parent's frame (m) and how it is turned in it; the root's are those in the world."""
    pos, quat = motion.pos.astype(np.float64), motion.quat.astype(np.float64)
    parents = motion.skeleton.parents[1:]
    back = quat_conj(quat[:, parents])
    bones, turns = pos.copy(), quat.copy()
    bones[:, 1:] = quat_apply(back, pos[:, 1:] - pos[:, parents])
    turns[:, 1:] = quat_mul(back, quat[:, 1:])
    return bones, turns


def world_poses(skeleton: Skeleton, bones: Bones, turns: Turns) -> tuple[Bones, Turns]:
    """The inverse of ``local_poses``: world positions (m) and orientations of all joints."""
    pos, quat = bones.copy(), turns.copy()
    for joints in _generations(tuple(skeleton.parents.tolist())):
        parents = skeleton.parents[joints]
        pos[:, joints] = pos[:, parents] + quat_apply(quat[:, parents], bones[:, joints])
        quat[:, joints] = quat_mul(quat[:, parents], turns[:, joints])
    return pos, quat


@lru_cache(maxsize=64)
def _generations(parents: tuple[int, ...]) -> list[list[int]]:
    """The joints below the root by how deep they lie, so that a whole generation is placed at once."""
    depth = [0] * len(parents)
    for joint, parent in enumerate(parents[1:], start=1):
        depth[joint] = depth[parent] + 1
    return [[j for j, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]
