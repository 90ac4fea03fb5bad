"""The tracking references of mjlab and of BeyondMimic: joints and all bodies at 50 Hz, under the same keys.

Quaternions are wxyz and everything is in the world frame. mjlab reads joints and bodies in MuJoCo's depth-first order
(``mjlab-npz``), BeyondMimic in Isaac Lab's breadth-first order (``isaaclab-npz``), and neither stores a name; so a
file without names is read only if its format and its ``joints`` are given. Files written here carry ``joint_names``,
``body_names`` and ``robot`` besides the usual keys, which both tools ignore, and a file with names is read by them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from understudy.errors import FormatError
from understudy.motion.bodies import BodyTracks
from understudy.motion.files import atomic_path
from understudy.motion.formats.doors import (
    existing_file,
    joints_of,
    need,
    number_of,
    numbers_of,
    read_npz,
    read_npz_names,
    robot_motion,
    robot_only,
    text_of,
    texts_of,
)
from understudy.motion.formats.tracking import needed_bodies, needed_joints, reference
from understudy.motion.types import HumanMotion, RobotMotion

FPS = 50.0
EITHER_ORDER = (
    "the file names no joints, and two tools keep them in different orders under the same keys. Name the format with "
    "the option 'format' (on the command line, --from): 'mjlab-npz' (MuJoCo's order) or 'isaaclab-npz' (BeyondMimic, "
    "Isaac Lab's order)."
)


def recognises(path: Path) -> bool:
    """An archive with joints and body poses in the world frame."""
    return {"joint_pos", "body_pos_w", "body_quat_w"} <= read_npz_names(path)


def names_joints(path: Path) -> bool:
    """Whether a file says itself which joint is which."""
    return "joint_names" in read_npz_names(path)


def read(path: str | Path, *, joints: Sequence[str] | None = None, robot: str | None = None) -> RobotMotion:
    """Read joints and root (body 0). ``joints``, in the file's order, and ``robot`` are needed where it names none."""
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
    inside = texts_of(arrays["joint_names"], "joint_names", path) if "joint_names" in arrays else None
    if "robot" in arrays and robot is None:
        robot = text_of(arrays["robot"], "robot", path)
    return robot_motion(
        path,
        robot=robot,
        joints=joints_of(joints, inside, joint_pos.shape[1], path),
        fps=number_of(need(arrays, "fps", path), "fps", path),
        root_pos=pos[:, 0],
        root_quat=quat[:, 0],
        joint_pos=joint_pos,
    )


def write_mjlab(
    motion: HumanMotion | RobotMotion, path: str | Path, *, bodies: BodyTracks | None = None
) -> None:
    """Write a robot motion, joints in its own order, with the poses of its ``bodies`` (``kinematics.body_tracks``).

    Clips at other rates are sampled at k / 50 s; see ``tracking.reference``.
    """
    motion = robot_only(motion, path)
    _write(motion, path, needed_bodies(bodies, path), motion.joints)


def write_isaaclab(
    motion: HumanMotion | RobotMotion,
    path: str | Path,
    *,
    bodies: BodyTracks | None = None,
    joints: Sequence[str] | None = None,
) -> None:
    """Write a robot motion in Isaac Lab's order of ``joints`` and ``bodies`` (``robots.orders``), else like mjlab's."""
    motion = robot_only(motion, path)
    _write(motion, path, needed_bodies(bodies, path), needed_joints(joints, path))


def _write(motion: RobotMotion, path: str | Path, bodies: BodyTracks, joints: Sequence[str]) -> None:
    arrays = reference(motion, bodies, path, FPS, joints)
    names = {"joint_names": joints, "body_names": bodies.names, "robot": motion.robot}
    texts = {key: np.array(value, np.str_) for key, value in names.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, fps=np.array([FPS], np.float32), **arrays, **texts)  # pyright: ignore[reportArgumentType]
