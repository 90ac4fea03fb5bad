"""The tracking reference of mjlab (and, in its keys, of BeyondMimic): joints and all bodies at 50 Hz.

Quaternions are wxyz and everything is in the world frame. Joints and bodies are in MuJoCo's depth-first
order, which is what mjlab reads; BeyondMimic's Isaac Lab files have the same keys in another order and store
no names, so a file without names is read only with the option ``joints``. Written files carry
``joint_names``, ``body_names`` and ``robot`` besides the usual keys.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from understudy.errors import FormatError, ShapeError, UnderstudyError
from understudy.motion.bodies import BodyTracks
from understudy.motion.files import atomic_path
from understudy.motion.formats.doors import (
    existing_file,
    named_joints,
    need,
    number_of,
    numbers_of,
    read_npz,
    read_npz_names,
    robot_motion,
    text_of,
    texts_of,
)
from understudy.motion.ops import sample_every
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.rotations import quat_conj, quat_mul, quat_slerp, quat_to_rotvec

FPS = 50.0


def recognises(path: Path) -> bool:
    """An archive with joints and body poses in the world frame."""
    return {"joint_pos", "body_pos_w", "body_quat_w"} <= read_npz_names(path)


def write(motion: HumanMotion | RobotMotion, path: str | Path, *, bodies: BodyTracks | None = None) -> None:
    """Write a robot motion with the poses of its ``bodies`` (``kinematics.body_tracks``), which this room
    cannot know.

    Clips at other rates are sampled at k / 50 s, bodies alike. For bodies that fit the joints to the last
    digit, resample the motion to 50 fps first. Velocities are central differences, one-sided at the ends.
    """
    if not isinstance(motion, RobotMotion):
        raise UnderstudyError(f"Cannot write {path}: an mjlab file holds a robot's motion, not a human's.")
    if bodies is None:
        raise UnderstudyError(
            f"Cannot write {path}: an mjlab file needs the pose of every body. Pass "
            "bodies=kinematics.body_tracks(robot, motion); `understudy motion convert` does so by itself."
        )
    if len(bodies.pos) != motion.frames:
        raise ShapeError(f"The bodies have {len(bodies.pos)} frames, but the motion has {motion.frames}.")
    bodies = _bodies_at(bodies, motion)
    motion = sample_every(motion, FPS)
    if motion.frames < 2:
        raise UnderstudyError(
            f"Cannot write {path}: velocities need two frames at 50 fps; the clip is shorter."
        )
    step = 1.0 / FPS
    entries = {
        "fps": np.array([FPS], np.float32),
        "joint_pos": motion.joint_pos,
        "joint_vel": np.gradient(motion.joint_pos.astype(np.float64), step, axis=0),
        "body_pos_w": bodies.pos,
        "body_quat_w": bodies.quat,
        "body_lin_vel_w": np.gradient(bodies.pos.astype(np.float64), step, axis=0),
        "body_ang_vel_w": angular_velocity(bodies.quat, step),
    }
    entries = {key: np.asarray(value, np.float32) for key, value in entries.items()}
    names = {"joint_names": motion.joints, "body_names": bodies.names, "robot": motion.robot}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **entries, **{key: np.array(value, np.str_) for key, value in names.items()})  # pyright: ignore[reportArgumentType]


def read(path: str | Path, *, joints: Sequence[str] | None = None, robot: str | None = None) -> RobotMotion:
    """Read joints and root (body 0). ``joints`` and ``robot`` are needed where the file names none."""
    path = existing_file(path)
    arrays = read_npz(path)
    joint_pos = numbers_of(need(arrays, "joint_pos", path), "joint_pos", path, (None,))
    pos = numbers_of(need(arrays, "body_pos_w", path), "body_pos_w", path, (None, 3))
    quat = numbers_of(need(arrays, "body_quat_w", path), "body_quat_w", path, (None, 4))
    if not (pos.shape[1] and pos.shape[1] == quat.shape[1] and len(pos) == len(quat) == len(joint_pos)):
        raise FormatError(
            path,
            f"joint_pos {joint_pos.shape}, body_pos_w {pos.shape}, body_quat_w {quat.shape} do not fit.",
        )
    if "joint_names" in arrays and joints is None:
        joints = texts_of(arrays["joint_names"], "joint_names", path)
    if "robot" in arrays and robot is None:
        robot = text_of(arrays["robot"], "robot", path)
    return robot_motion(
        path,
        robot=robot,
        joints=named_joints(joints, joint_pos.shape[1], path),
        fps=number_of(need(arrays, "fps", path), "fps", path),
        root_pos=pos[:, 0],
        root_quat=quat[:, 0],
        joint_pos=joint_pos,
    )


def angular_velocity(quat: np.ndarray, step: float) -> np.ndarray:
    """World angular velocity (time, ..., 3) rad/s of orientations ``step`` s apart: the rotation from the
    frame before to the frame after, over the time between them; at the ends, from the one neighbour there is.
    """
    q = quat.astype(np.float64)
    before = np.concatenate([q[:1], q[:-1]])
    after = np.concatenate([q[1:], q[-1:]])
    span = np.full(len(q), 2.0 * step)
    span[[0, -1]] = step
    return quat_to_rotvec(quat_mul(after, quat_conj(before))) / span.reshape(-1, *(1,) * (q.ndim - 1))


def _bodies_at(bodies: BodyTracks, motion: RobotMotion) -> BodyTracks:
    """The bodies at the instants at which ``sample_every`` samples the motion."""
    if motion.fps == FPS:
        return bodies
    clock = replace(motion, tracks={"frame": np.arange(motion.frames, dtype=np.float64)})
    at = sample_every(clock, FPS).tracks["frame"]
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, motion.frames - 1)
    share = (at - below)[:, None]
    pos = bodies.pos[below] + share[..., None] * (bodies.pos[above] - bodies.pos[below])
    quat = quat_slerp(bodies.quat[below].astype(np.float64), bodies.quat[above].astype(np.float64), share)
    return BodyTracks(bodies.names, pos, quat)
