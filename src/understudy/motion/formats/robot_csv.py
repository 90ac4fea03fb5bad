"""Robot motions as bare tables: 3 columns of root position (m), 4 of root quaternion, then the joints (rad).

Two families share this shape and differ in the order of the quaternion, which no file says: Unitree's
retargeted LAFAN1 clips (xyzw) and Kimodo's G1 output (wxyz). Both run at 30 frames a second by definition, z
up.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats.csv_table import read_table, write_table
from understudy.motion.formats.doors import existing_file, named_joints, robot_motion, robot_only
from understudy.motion.ops import sample_every
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.rotations import wxyz_to_xyzw, xyzw_to_wxyz

FPS = 30.0


def read_unitree(
    path: str | Path, *, joints: Sequence[str] | None = None, robot: str | None = None, fps: float = FPS
) -> RobotMotion:
    """Read a Unitree table (quaternion xyzw). ``joints`` names its columns, ``robot`` the body."""
    return _read(path, joints, robot, fps, xyzw_to_wxyz)


def write_unitree(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a Unitree table (quaternion xyzw). Other rates are sampled at k / 30 s."""
    _write(motion, path, wxyz_to_xyzw)


def read_kimodo(
    path: str | Path, *, joints: Sequence[str] | None = None, robot: str | None = None, fps: float = FPS
) -> RobotMotion:
    """Read a Kimodo table (quaternion wxyz). ``joints`` names its columns, ``robot`` the body."""
    return _read(path, joints, robot, fps, lambda q: q)


def write_kimodo(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a Kimodo table (quaternion wxyz). Other rates are sampled at k / 30 s."""
    _write(motion, path, lambda q: q)


Reorder = Callable[[np.ndarray], np.ndarray]


def _read(
    path: str | Path,
    joints: Sequence[str] | None,
    robot: str | None,
    fps: float,
    to_wxyz: Reorder,
) -> RobotMotion:
    path = existing_file(path)
    table, first = read_table(path, header=False)[2:]
    if table.shape[1] < 8:
        raise FormatError(
            path, f"a row needs 7 columns for the root and one for each joint; found {table.shape[1]}.", first
        )
    return robot_motion(
        path,
        robot=robot,
        joints=named_joints(joints, table.shape[1] - 7, path),
        fps=fps,
        root_pos=table[:, :3],
        root_quat=to_wxyz(table[:, 3:7]),
        joint_pos=table[:, 7:],
        lines=first == 1,
    )


def _write(motion: HumanMotion | RobotMotion, path: str | Path, from_wxyz: Reorder) -> None:
    motion = sample_every(robot_only(motion, path), FPS)
    write_table(
        path, np.concatenate([motion.root_pos, from_wxyz(motion.root_quat), motion.joint_pos], axis=1)
    )
