"""SONIC's reference motion: a folder of csv files at 50 Hz, as the C++ deployment stack of GR00T-WholeBodyControl
reads it (its page "Motion Reference Data").

``joint_pos.csv`` and ``joint_vel.csv`` (rad, rad/s) are in Isaac Lab's order. ``body_pos.csv``, ``body_quat.csv``
(wxyz), ``body_lin_vel.csv`` and ``body_ang_vel.csv`` (m, rad, s, world frame) hold one group of columns a body, the
root's first; ``metadata.txt`` says which of Isaac Lab's bodies each group is. The first line of every csv is a header.
``info.txt``, which the stack leaves to people, says the robot and its joints in files written here.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from understudy.errors import FormatError
from understudy.motion.bodies import BodyTracks
from understudy.motion.formats.doors import existing_file, joints_of, robot_motion, robot_only
from understudy.motion.formats.folders import atomic_folder
from understudy.motion.formats.tracking import needed_bodies, needed_joints, reference
from understudy.motion.types import HumanMotion, RobotMotion

FPS = 50.0
ROBOT, JOINTS = "Robot: ", "Joints: "


def recognises(path: Path) -> bool:
    """A folder with the three files that a robot's motion needs."""
    return all((path / f"{name}.csv").is_file() for name in ("joint_pos", "body_pos", "body_quat"))


def read(path: str | Path, *, joints: Sequence[str] | None = None, robot: str | None = None) -> RobotMotion:
    """Read joints and root (body 0). ``joints``, in Isaac Lab's order, and ``robot`` are needed where ``info.txt``
    does not say them.
    """
    folder = Path(path)
    joint_pos = table(folder / "joint_pos.csv")
    pos, quat = table(folder / "body_pos.csv"), table(folder / "body_quat.csv")
    if not len(joint_pos) == len(pos) == len(quat):
        raise FormatError(
            folder,
            f"joint_pos, body_pos and body_quat have {len(joint_pos)}, {len(pos)} and {len(quat)} frames.",
        )
    if pos.shape[1] < 3 or quat.shape[1] < 4:
        raise FormatError(folder, "body_pos.csv needs 3 columns for the root, and body_quat.csv 4.")
    said_robot, said_joints = _said(folder)
    return robot_motion(
        folder,
        robot=robot or said_robot,
        joints=joints_of(joints, said_joints, joint_pos.shape[1], folder),
        fps=FPS,
        root_pos=pos[:, :3],
        root_quat=quat[:, :4],
        joint_pos=joint_pos,
    )


def write(
    motion: HumanMotion | RobotMotion,
    path: str | Path,
    *,
    bodies: BodyTracks | None = None,
    joints: Sequence[str] | None = None,
) -> None:
    """Write a robot motion as a new folder, all ``bodies`` in it, with ``joints`` and bodies in Isaac Lab's order
    (``robots.orders``). Clips at other rates are sampled at k / 50 s.
    """
    motion = robot_only(motion, path)
    joints = needed_joints(joints, path)
    arrays = reference(motion, needed_bodies(bodies, path), path, FPS, joints)
    frames, count = arrays["body_pos_w"].shape[:2]
    with atomic_folder(path) as folder:
        for name, columns in (("joint_pos", "joint"), ("joint_vel", "joint_vel")):
            _write_table(folder / f"{name}.csv", arrays[name], columns, ("",))
        for name, columns, axes in (
            ("body_pos", "", "xyz"),
            ("body_quat", "", "wxyz"),
            ("body_lin_vel", "vel_", "xyz"),
            ("body_ang_vel", "angvel_", "xyz"),
        ):
            _write_table(
                folder / f"{name}.csv", arrays[f"{name}_w"], "body", [f"_{columns}{a}" for a in axes]
            )
        title = Path(path).name
        (folder / "metadata.txt").write_text(
            f"Metadata for: {title}\n==============================\n\n"
            f"Body part indexes:\n[{' '.join(map(str, range(count)))}]\n\nTotal timesteps: {frames}\n",
            encoding="utf-8",
        )
        (folder / "info.txt").write_text(
            f"{title}: {frames} frames at {FPS:g} Hz\n{ROBOT}{motion.robot}\n{JOINTS}{' '.join(joints)}\n",
            encoding="utf-8",
        )


def table(path: Path) -> np.ndarray:
    """The numbers below the header of a csv file, (time, column). Raises FormatError naming the line at fault."""
    try:
        lines = existing_file(path).read_text(encoding="utf-8").rstrip().split("\n")
    except UnicodeDecodeError as error:
        raise FormatError(path, "this is not a text file.") from error
    width = len(lines[0].split(","))
    if len(lines) < 2:
        raise FormatError(path, "there is no frame below the header.")
    numbers = np.empty((len(lines) - 1, width))
    for row, line in enumerate(lines[1:]):
        cells = line.split(",")
        if len(cells) != width:
            raise FormatError(path, f"{len(cells)} columns, where the header has {width}.", row + 2)
        try:
            numbers[row] = [float(cell) for cell in cells]
        except ValueError as error:
            raise FormatError(
                path, f"not a number: {str(error).split(':')[-1].strip()[:60]}.", row + 2
            ) from error
    return numbers


def _said(folder: Path) -> tuple[str | None, tuple[str, ...] | None]:
    """Robot and joints, if ``info.txt`` says them."""
    path = folder / "info.txt"
    if not path.is_file():
        return None, None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    robot = next((line.removeprefix(ROBOT) for line in lines if line.startswith(ROBOT)), None)
    joints = next(
        (tuple(line.removeprefix(JOINTS).split()) for line in lines if line.startswith(JOINTS)), None
    )
    return robot, joints


def _write_table(path: Path, values: np.ndarray, thing: str, axes: Sequence[str]) -> None:
    header = ",".join(f"{thing}_{k}{axis}" for k in range(values.shape[1]) for axis in axes)
    np.savetxt(path, values.reshape(len(values), -1), fmt="%.9g", delimiter=",", header=header, comments="")
