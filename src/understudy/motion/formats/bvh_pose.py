"""From channel values to joint poses, in the file's own axes and unit."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from understudy.motion.formats.bvh_text import BvhJoint, BvhText
from understudy.rotations import quat_about, quat_apply, quat_mul, quat_normalize


def informative(joints: tuple[BvhJoint, ...]) -> tuple[BvhJoint, ...]:
    """The joints without the End Sites that say nothing because they lie on their parent."""
    keep = [i for i, j in enumerate(joints) if not (j.is_end and not any(j.offset))]
    place = {old: new for new, old in enumerate(keep)}
    return tuple(replace(joints[i], parent=place.get(joints[i].parent, -1)) for i in keep)


def parents_of(joints: tuple[BvhJoint, ...]) -> Int[np.ndarray, "joint"]:
    return np.array([j.parent for j in joints], dtype=np.int64)


def offsets_of(joints: tuple[BvhJoint, ...]) -> Float[np.ndarray, "joint 3"]:
    return np.array([j.offset for j in joints], dtype=np.float64)


def local_quat(text: BvhText, joints: tuple[BvhJoint, ...]) -> Float[np.ndarray, "time joint 4"]:
    """Local rotations. Channels act in the order written, each about an axis already turned by those before.

    Joints that share an order are computed together; joints without rotation channels keep the identity.
    """
    out = np.zeros((len(text.values), len(joints), 4))
    out[..., 0] = 1.0
    groups: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
    for i, columns in enumerate(_columns(joints)):
        turns = [(axis, c) for (kind, axis), c in columns if kind == "rotation"]
        if turns:
            groups.setdefault(tuple(a for a, _ in turns), []).append((i, [c for _, c in turns]))
    for order, members in groups.items():
        angles = np.radians(text.values[:, [c for _, c in members]])
        quat = quat_about("xyz"[order[0]], angles[..., 0])
        for k, axis in enumerate(order[1:], start=1):
            quat = quat_mul(quat, quat_about("xyz"[axis], angles[..., k]))
        out[:, [i for i, _ in members]] = quat
    return out


def local_pos(
    text: BvhText, joints: tuple[BvhJoint, ...], relative: Collection[int] = ()
) -> Float[np.ndarray, "time joint 3"]:
    """Local positions: the OFFSET, replaced by the position channels, or added to them for ``relative``
    joints."""
    out = np.repeat(offsets_of(joints)[None], len(text.values), axis=0)
    for i, columns in enumerate(_columns(joints)):
        for (kind, axis), c in columns:
            if kind == "position":
                out[:, i, axis] = text.values[:, c] + (joints[i].offset[axis] if i in relative else 0.0)
    return out


def translated(joints: tuple[BvhJoint, ...]) -> list[int]:
    """The joints that have position channels."""
    return [i for i, j in enumerate(joints) if any(kind == "position" for kind, _ in j.channels)]


def _columns(joints: tuple[BvhJoint, ...]) -> list[list[tuple[tuple[str, int], int]]]:
    out, at = [], 0
    for joint in joints:
        out.append([(channel, at + k) for k, channel in enumerate(joint.channels)])
        at += len(joint.channels)
    return out


def world_poses(
    parents: Int[np.ndarray, "joint"],
    pos: Float[np.ndarray, "time joint 3"],
    quat: Float[np.ndarray, "time joint 4"],
) -> tuple[Float[np.ndarray, "time joint 3"], Float[np.ndarray, "time joint 4"]]:
    """Local to world, one generation of joints at a time."""
    world_pos, world_quat = pos.copy(), quat.copy()
    depth = np.zeros(len(parents), dtype=int)
    for j, p in enumerate(parents):
        depth[j] = depth[p] + 1 if p >= 0 else 0
    for level in range(1, depth.max() + 1):
        rows = np.flatnonzero(depth == level)
        up = parents[rows]
        world_pos[:, rows] = world_pos[:, up] + quat_apply(world_quat[:, up], pos[:, rows])
        world_quat[:, rows] = quat_mul(world_quat[:, up], quat[:, rows])
    return world_pos, quat_normalize(world_quat)


def rest_positions(
    parents: Int[np.ndarray, "joint"], offsets: Float[np.ndarray, "joint 3"]
) -> Float[np.ndarray, "joint 3"]:
    """Joint positions with every rotation at zero."""
    out = np.array(offsets, dtype=np.float64)
    for j, p in enumerate(parents):
        if p >= 0:
            out[j] += out[p]
    return out
