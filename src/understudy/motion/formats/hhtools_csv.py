"""The tables of hhtools, which say everything themselves: robot and rate in comments, a name for every column.

Columns: ``time`` (s), ``root_x/y/z`` (m, z up), ``root_qx/qy/qz/qw``, then ``dof_<joint>`` (rad). Above them may stand
``# robot: NAME`` and ``# sample_rate: RATE``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError
from understudy.motion.formats.csv_table import Table, header_of, read_table, write_table
from understudy.motion.formats.doors import existing_file, in_order, joints_of, robot_motion, robot_only
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.rotations import wxyz_to_xyzw, xyzw_to_wxyz

TIME = "time"
PLACE = tuple(f"root_{axis}" for axis in "xyz")
TURN = tuple(f"root_q{part}" for part in "xyzw")
JOINT = "dof_"
ROBOT, RATE = "robot:", "sample_rate:"


def recognises(path: Path) -> bool:
    """A table whose header names time and the root's columns."""
    return {TIME, *PLACE, *TURN} <= header_of(path)


def read(
    path: str | Path,
    *,
    joints: Sequence[str] | None = None,
    robot: str | None = None,
    fps: float | None = None,
) -> RobotMotion:
    """Read a clip. ``robot`` is needed where no comment names it, ``fps`` where neither a comment nor an even clock
    says it; ``joints`` puts the columns, which the file names, in another order.
    """
    path = existing_file(path)
    table = read_table(path, header=True)
    columns = tuple(name for name in table.names if name.startswith(JOINT))
    inside = tuple(name.removeprefix(JOINT) for name in columns)
    motion = robot_motion(
        path,
        robot=robot or _said(table, ROBOT),
        joints=joints_of(joints, inside, len(columns), path),
        fps=_rate(table, path) if fps is None else fps,
        root_pos=table.columns(PLACE, path),
        root_quat=xyzw_to_wxyz(table.columns(TURN, path)),
        joint_pos=table.columns(columns, path),
    )
    return motion if joints is None else in_order(motion, joints)


def write(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a robot motion at its own rate."""
    motion = robot_only(motion, path)
    time = np.arange(motion.frames)[:, None] / motion.fps
    write_table(
        path,
        np.concatenate(
            [time, motion.root_pos, wxyz_to_xyzw(motion.root_quat), motion.joint_pos],
            axis=1,
            dtype=np.float64,
        ),
        names=(TIME, *PLACE, *TURN, *(f"{JOINT}{name}" for name in motion.joints)),
        comments=(f"{ROBOT} {motion.robot}", f"{RATE} {motion.fps:.17g}"),
    )


def _said(table: Table, what: str) -> str | None:
    found = [line.removeprefix(what).strip() for line in table.comments if line.startswith(what)]
    return found[0] if found else None


def _rate(table: Table, path: Path) -> float:
    """Frames a second, from the comment or from an even clock."""
    said = _said(table, RATE)
    try:
        return float(said) if said is not None else _even(table.columns((TIME,), path)[:, 0])
    except ValueError as error:
        raise FormatError(
            path,
            f"the file does not say its frame rate ({error}). Give it with the option 'fps' (--source-fps).",
        ) from error


def _even(time: Float[np.ndarray, "time"]) -> float:
    """The rate of a clock; raises ValueError unless it ticks evenly, to half a tick."""
    if len(time) < 2 or not (np.isfinite(time).all() and time[-1] > time[0]):
        raise ValueError("its clock does not run")
    rate = (len(time) - 1) / (time[-1] - time[0])
    if np.abs((time - time[0]) * rate - np.arange(len(time))).max() > 0.5:
        raise ValueError("its clock is uneven")
    # Clocks of a few decimals blur whole rates.
    return float(round(rate)) if abs(rate - round(rate)) < 1e-4 * rate else float(rate)
