"""What motion trackers read: joints and every body over time, with their velocities, at a fixed rate."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import ShapeError, UnderstudyError
from understudy.motion.bodies import BodyTracks
from understudy.motion.formats.doors import in_order
from understudy.motion.ops import sample_every
from understudy.motion.types import RobotMotion
from understudy.rotations import quat_conj, quat_mul, quat_slerp, quat_to_rotvec

Reference = dict[str, np.ndarray]
"""``joint_pos``, ``joint_vel`` (time, joint), ``body_pos_w``, ``body_lin_vel_w``, ``body_ang_vel_w`` (time, body, 3)
and ``body_quat_w`` (time, body, 4, wxyz): m, rad, s, world frame, float32."""


def reference(
    motion: RobotMotion, bodies: BodyTracks, path: str | Path, fps: float, joints: Sequence[str] | None = None
) -> Reference:
    """A clip as a tracker reads it, at the instants k / fps, its joints in the order ``joints`` (or its own).

    ``bodies`` are the poses that forward kinematics makes of the clip, in the order to be written. For bodies that fit
    the joints to the last digit, resample the clip to ``fps`` before computing them. Velocities are central
    differences, one-sided at the ends. Raises UnderstudyError, naming the file to be written at ``path``.
    """
    if len(bodies.pos) != motion.frames:
        raise ShapeError(f"The bodies have {len(bodies.pos)} frames, but the motion has {motion.frames}.")
    bodies = _bodies_at(bodies, motion, fps)
    motion = sample_every(motion, fps)
    if motion.frames < 2:
        raise UnderstudyError(
            f"Cannot write {path}: velocities need two frames at {fps:g} fps; the clip is shorter."
        )
    if joints is not None:
        motion = in_order(motion, joints)
    step = 1.0 / fps
    arrays = {
        "joint_pos": motion.joint_pos,
        "joint_vel": np.gradient(motion.joint_pos.astype(np.float64), step, axis=0),
        "body_pos_w": bodies.pos,
        "body_quat_w": bodies.quat,
        "body_lin_vel_w": np.gradient(bodies.pos.astype(np.float64), step, axis=0),
        "body_ang_vel_w": angular_velocity(bodies.quat, step),
    }
    return {key: np.asarray(value, np.float32) for key, value in arrays.items()}


def needed_bodies(bodies: BodyTracks | None, path: str | Path) -> BodyTracks:
    """The bodies of a motion to be written at ``path``. Raises UnderstudyError, saying where to get them."""
    if bodies is None:
        raise UnderstudyError(
            f"Cannot write {path}: this format needs the pose of every body. Pass "
            "bodies=kinematics.body_tracks(robot, motion); `understudy motion convert` does so by itself."
        )
    return bodies


def needed_joints(joints: Sequence[str] | None, path: str | Path) -> Sequence[str]:
    """Isaac Lab's order of the joints, for a file to be written at ``path``. Raises UnderstudyError."""
    if joints is None:
        raise UnderstudyError(
            f"Cannot write {path}: this format needs Isaac Lab's order of the joints. Pass joints=robots.orders.order("
            "robot, breadth_first=True).joints, and bodies likewise; `understudy motion convert` does so by itself."
        )
    return joints


def angular_velocity(
    quat: Float[np.ndarray, "time *body 4"], step: float
) -> Float[np.ndarray, "time *body 3"]:
    """World angular velocity (rad/s) of orientations ``step`` s apart: the rotation from the frame before to the
    frame after, over the time between them; at the ends, from the one neighbour there is.
    """
    q = quat.astype(np.float64)
    before = np.concatenate([q[:1], q[:-1]])
    after = np.concatenate([q[1:], q[-1:]])
    span = np.full(len(q), 2.0 * step)
    span[[0, -1]] = step
    return quat_to_rotvec(quat_mul(after, quat_conj(before))) / span.reshape(-1, *(1,) * (q.ndim - 1))


def _bodies_at(bodies: BodyTracks, motion: RobotMotion, fps: float) -> BodyTracks:
    """The bodies at the instants at which ``sample_every`` samples the motion."""
    if motion.fps == fps:
        return bodies
    clock = replace(motion, tracks={"frame": np.arange(motion.frames, dtype=np.float64)})
    at = sample_every(clock, fps).tracks["frame"]
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, motion.frames - 1)
    share = (at - below)[:, None]
    pos = bodies.pos[below] + share[..., None] * (bodies.pos[above] - bodies.pos[below])
    quat = quat_slerp(bodies.quat[below].astype(np.float64), bodies.quat[above].astype(np.float64), share)
    return BodyTracks(bodies.names, pos, quat)
