"""Frames between frames: the per-frame arrays of a clip, taken apart, mixed and put together again."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from understudy.motion.types import HumanMotion, RobotMotion, Skeleton
from understudy.rotations import quat_apply, quat_conj, quat_slerp

Motion = TypeVar("Motion", bound=HumanMotion | RobotMotion)
Arrays = dict[str, np.ndarray]
"""Everything in a clip that has a time axis, by field name; tracks as ``track_<name>``."""


def minimum_jerk(u: np.ndarray) -> np.ndarray:
    """0 → 1 with zero velocity and acceleration at both ends; held outside."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10.0 + u * (6.0 * u - 15.0))


def arrays_of(motion: HumanMotion | RobotMotion) -> Arrays:
    """The per-frame arrays of a clip. Unlike a clip they may be cut down to no frames at all."""
    if isinstance(motion, HumanMotion):
        arrays = {"pos": motion.pos, "quat": motion.quat}
    else:
        arrays = {"root_pos": motion.root_pos, "root_quat": motion.root_quat, "joint_pos": motion.joint_pos}
    return arrays | {f"track_{name}": np.asarray(values) for name, values in motion.tracks.items()}


def with_arrays(motion: Motion, arrays: Arrays) -> Motion:
    """The same body and frame rate with other frames."""
    tracks = {name.removeprefix("track_"): v for name, v in arrays.items() if name.startswith("track_")}
    fields = {name: v for name, v in arrays.items() if not name.startswith("track_")}
    return replace(motion, **fields, tracks=tracks)


def rows(arrays: Arrays, which: slice | np.ndarray) -> Arrays:
    """Some of the frames."""
    return {name: values[which] for name, values in arrays.items()}


def concatenated(parts: list[Arrays]) -> Arrays:
    """Frames one after another; only tracks that all parts have remain."""
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in shared}


def mixed(
    motion: HumanMotion | RobotMotion, a: Arrays, b: Arrays, weight: Float[np.ndarray, "time"]
) -> Arrays:
    """Frames of ``a`` (weight 0) moved towards those of ``b`` (weight 1): orientations on the sphere, the
    rest linearly, tracks of whole numbers or texts by the nearer side. Frames with weight 0 or 1 are exact
    copies.
    """
    if isinstance(motion, HumanMotion):
        result = _mixed_bodies(motion.skeleton, a, b, weight)
    else:
        result = {
            "root_pos": _linear(a["root_pos"], b["root_pos"], weight),
            "root_quat": quat_slerp(
                a["root_quat"].astype(np.float64), b["root_quat"].astype(np.float64), weight
            ),
            "joint_pos": _linear(a["joint_pos"], b["joint_pos"], weight),
        }
    for name in a.keys() & b.keys() - result.keys():
        smooth = a[name].dtype.kind == "f" and b[name].dtype.kind == "f"
        result[name] = _linear(a[name], b[name], weight) if smooth else _nearer(a[name], b[name], weight)
    return {name: _exact_ends(values, a[name], b[name], weight) for name, values in result.items()}


def _mixed_bodies(skeleton: Skeleton, a: Arrays, b: Arrays, weight: np.ndarray) -> Arrays:
    """Mix a tree: bones are mixed in their parents' frames, so that a rigid bone keeps its length."""
    pos = {"a": a["pos"].astype(np.float64), "b": b["pos"].astype(np.float64)}
    quat = {"a": a["quat"].astype(np.float64), "b": b["quat"].astype(np.float64)}
    new_quat = quat_slerp(quat["a"], quat["b"], weight[:, None])
    new_pos = np.empty_like(pos["a"])
    for j, parent in enumerate(skeleton.parents):
        if parent < 0:
            new_pos[:, j] = _linear(pos["a"][:, j], pos["b"][:, j], weight)
            continue
        bone_a, bone_b = (
            quat_apply(quat_conj(quat[s][:, parent]), pos[s][:, j] - pos[s][:, parent]) for s in ("a", "b")
        )
        new_pos[:, j] = new_pos[:, parent] + quat_apply(new_quat[:, parent], _linear(bone_a, bone_b, weight))
    return {"pos": new_pos, "quat": new_quat}


def _column(weight: np.ndarray, like: np.ndarray) -> np.ndarray:
    return weight.reshape(-1, *(1,) * (like.ndim - 1))


def _linear(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return a + _column(weight, a) * (b - a)


def _nearer(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.where(_column(weight, a) < 0.5, a, b)


def _exact_ends(values: np.ndarray, a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    w = _column(weight, values)
    return np.where(w == 0, a, np.where(w == 1, b, values)).astype(a.dtype)
