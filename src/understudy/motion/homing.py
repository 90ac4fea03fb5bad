"""A clip that begins and ends in the robot's home stance, as trackers and real robots want it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.motion.blending import Arrays, arrays_of, concatenated, minimum_jerk, mixed, rows, with_arrays
from understudy.motion.types import RobotMotion
from understudy.rotations import quat_about, quat_conj, quat_from_rotvec, quat_mul, quat_to_rotvec, quat_yaw

LONGEST = 60.0
"""Blends longer than this (s) are mistakes."""
RUN_UP = 0.15
"""Seconds over which the way from home takes up the clip's speed, at most."""

Height = Callable[[RobotMotion], Float[np.ndarray, "time"]]


def blend_home(
    motion: RobotMotion,
    home: Float[np.ndarray, "qpos"],
    seconds: float = 0.8,
    *,
    limits: tuple[Float[np.ndarray, "dof"], Float[np.ndarray, "dof"]] | None = None,
    sole_height: Height | None = None,
) -> RobotMotion:
    """The clip with a smooth way from the robot's home stance before it and one back to it after it.

    ``home`` is a whole qpos in the order of ``motion.joints``. Height, tilt and joints of the stance are its own; its
    place on the floor and its heading are those of the clip's first and last frame. Each way adds
    round(seconds · fps) frames, starts or ends at rest, and meets the clip at the clip's own velocity: it follows a
    minimum jerk from the stance to a run-up of at most ``RUN_UP`` seconds, clipped to the joint ``limits`` (lower,
    upper) if they are given. What lies between two poses in joint space may sink into the floor or rise from it; with
    ``sole_height``, the height of a clip's lowest sole point (m), the root is moved so that the soles go straight from
    their height at home to the clip's. Tracks hold their first and last values. Raises LimitError.
    """
    size = 7 + len(motion.joints)
    if np.shape(home) != (size,):
        raise LimitError(
            f"home must be a qpos with {size} entries for {size - 7} joints; got {np.shape(home)}."
        )
    if not (seconds * motion.fps > 0.5 and seconds <= LONGEST):
        raise LimitError(
            f"A blend takes from one frame ({1 / motion.fps:.3g} s here) to {LONGEST:g} s; got {seconds:g} s."
        )
    count = round(seconds * motion.fps)
    arrays = arrays_of(motion)
    backwards = rows(arrays, np.arange(motion.frames)[::-1])
    ways = [_way(motion, frames, np.asarray(home, np.float64), count) for frames in (arrays, backwards)]
    if limits is not None:
        ways = [_within(way, frames, *limits) for way, frames in zip(ways, (arrays, backwards), strict=True)]
    if sole_height is not None:
        ways = [
            _on_soles(motion, way, rows(frames, slice(0, 1)), sole_height)
            for way, frames in zip(ways, (arrays, backwards), strict=True)
        ]
    before, after = ways[0], rows(ways[1], np.arange(count)[::-1])
    result = with_arrays(motion, concatenated([before, arrays, after]))
    return replace(result, origin=motion.origin.after("blend_home", seconds=seconds))


def _way(motion: RobotMotion, frames: Arrays, home: np.ndarray, count: int) -> Arrays:
    """``count`` frames from the stance to just before the first of ``frames``."""
    held = rows(frames, np.zeros(count, int))
    left = (count - np.arange(count)) / motion.fps
    tau = min(RUN_UP, count / motion.fps / 4)
    # So far before the first frame a body with its velocity was, if it came to that velocity within tau.
    reach = (tau * (1 - np.exp(-left / tau)) * motion.fps)[:, None]
    first, second = (rows(frames, slice(k, k + 1)) for k in (0, min(1, motion.frames - 1)))
    turn = quat_to_rotvec(
        quat_mul(second["root_quat"].astype(np.float64), quat_conj(first["root_quat"].astype(np.float64)))
    )
    run_up = held | {
        name: (held[name] - reach * (second[name].astype(np.float64) - first[name])).astype(np.float32)
        for name in ("root_pos", "joint_pos")
    }
    run_up["root_quat"] = quat_mul(
        quat_from_rotvec(-reach * turn), held["root_quat"].astype(np.float64)
    ).astype(np.float32)
    return mixed(motion, _standing(held, home), run_up, minimum_jerk(np.arange(count) / count))


def _standing(held: Arrays, home: np.ndarray) -> Arrays:
    """The home stance on the spot and with the heading of the held frames."""
    turn = quat_about("z", quat_yaw(held["root_quat"].astype(np.float64)) - quat_yaw(home[3:7]))
    pos = held["root_pos"].copy()
    pos[:, 2] = home[2]
    joints = np.tile(home[7:].astype(np.float32), (len(pos), 1))
    return held | {
        "root_pos": pos,
        "root_quat": quat_mul(turn, home[3:7]).astype(np.float32),
        "joint_pos": joints,
    }


def _within(way: Arrays, frames: Arrays, lower: np.ndarray, upper: np.ndarray) -> Arrays:
    """The way inside the limits; where the clip or the stance exceeds them itself, inside those two."""
    ends = np.stack([way["joint_pos"][0], frames["joint_pos"][0]])
    inside = np.clip(way["joint_pos"], np.minimum(lower, ends.min(0)), np.maximum(upper, ends.max(0)))
    return way | {"joint_pos": inside.astype(np.float32)}


def _on_soles(motion: RobotMotion, way: Arrays, first: Arrays, sole_height: Height) -> Arrays:
    """The way with its root raised or lowered so that the soles' height follows the minimum jerk, too."""
    count = len(way["root_pos"])
    heights = sole_height(with_arrays(motion, concatenated([way, first])))
    weight = minimum_jerk(np.arange(count) / count)
    wanted = heights[0] + weight * (heights[-1] - heights[0])
    pos = way["root_pos"].copy()
    pos[:, 2] += (wanted - heights[:-1]).astype(np.float32)
    return way | {"root_pos": pos}
