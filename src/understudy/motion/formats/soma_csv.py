"""The tables of SOMA's retargeter and of BONES-SEED: a header, centimetres and degrees.

Columns: ``Frame``, ``root_translateX/Y/Z`` (cm, z up), ``root_rotateX/Y/Z`` (degrees about the fixed axes x, y, z, in
that order), then ``<joint>_dof`` (degrees). All run at 120 frames a second, which no file says.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from understudy.motion.formats.csv_table import header_of, read_table, write_table
from understudy.motion.formats.doors import existing_file, in_order, joints_of, robot_motion, robot_only
from understudy.motion.ops import sample_every
from understudy.motion.types import HumanMotion, Origin, RobotMotion
from understudy.rotations import quat_from_euler, quat_to_euler

FPS = 120.0
PLACE = tuple(f"root_translate{axis}" for axis in "XYZ")
TURN = tuple(f"root_rotate{axis}" for axis in "XYZ")
FRAME, JOINT = "Frame", "_dof"


def recognises(path: Path) -> bool:
    """A table whose header names the root's columns."""
    return {*PLACE, *TURN} <= header_of(path)


def read(
    path: str | Path, *, joints: Sequence[str] | None = None, robot: str | None = None, fps: float = FPS
) -> RobotMotion:
    """Read a clip of ``robot``. ``joints`` puts the columns, which the file names, in another order."""
    path = existing_file(path)
    table = read_table(path, header=True)
    columns = tuple(name for name in table.names if name not in (FRAME, *PLACE, *TURN))
    inside = tuple(name.removesuffix(JOINT) for name in columns)
    # About fixed axes x, y, z in turn is about the moving z, y, x.
    angles = np.radians(table.columns(TURN[::-1], path))
    motion = robot_motion(
        path,
        robot=robot,
        joints=joints_of(joints, inside, len(columns), path),
        fps=fps,
        root_pos=0.01 * table.columns(PLACE, path),
        root_quat=quat_from_euler("zyx", angles),
        joint_pos=np.radians(table.columns(columns, path)),
        origin=Origin(source=path.name, inferred={"fps": f"{fps:g}: the table does not say it"}),
    )
    return motion if joints is None else in_order(motion, joints)


def write(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a robot motion, sampled at k / 120 s. Angles of the root are continuous, not wrapped."""
    motion = sample_every(robot_only(motion, path), FPS)
    turn = np.unwrap(quat_to_euler("zyx", motion.root_quat.astype(np.float64)), axis=0)[:, ::-1]
    table = np.concatenate(
        [
            np.arange(motion.frames)[:, None],
            100.0 * motion.root_pos.astype(np.float64),
            np.degrees(turn),
            np.degrees(motion.joint_pos.astype(np.float64)),
        ],
        axis=1,
    )
    write_table(path, table, names=(FRAME, *PLACE, *TURN, *(f"{name}{JOINT}" for name in motion.joints)))
