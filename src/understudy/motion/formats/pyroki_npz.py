"""PyRoki's result as ProtoMotions stores it: ``base_frame_pos`` (m), ``base_frame_wxyz``, ``joint_angles`` (rad), z up.

Joints are in the order of the robot's URDF, which for robots whose model file is made of it is MuJoCo's. The original
states neither names nor frame rate. Files written here, like those of some forks, carry ``joint_names``, ``fps`` and
``robot`` too, and files with them are read by them. ``foot_contacts`` (time, …) is a track of the same name.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from understudy.errors import FormatError
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
from understudy.motion.types import HumanMotion, RobotMotion

CONTACTS = "foot_contacts"


def recognises(path: Path) -> bool:
    """An archive with PyRoki's three entries."""
    return {"base_frame_pos", "base_frame_wxyz", "joint_angles"} <= read_npz_names(path)


def read(
    path: str | Path,
    *,
    joints: Sequence[str] | None = None,
    robot: str | None = None,
    fps: float | None = None,
) -> RobotMotion:
    """Read a clip. ``joints``, ``robot`` and ``fps`` (1/s) are needed where the file states none; a given ``fps``
    overrules the file's.
    """
    path = existing_file(path)
    arrays = read_npz(path)
    joint_pos = numbers_of(need(arrays, "joint_angles", path), "joint_angles", path, (None,))
    inside = texts_of(arrays["joint_names"], "joint_names", path) if "joint_names" in arrays else None
    if fps is None and "fps" in arrays:
        fps = number_of(arrays["fps"], "fps", path)
    if fps is None:
        raise FormatError(
            path,
            "the file does not state its frame rate. Give it with the option 'fps' (on the command line, "
            "--source-fps).",
        )
    if robot is None and "robot" in arrays:
        robot = text_of(arrays["robot"], "robot", path)
    return robot_motion(
        path,
        robot=robot,
        joints=joints_of(joints, inside, joint_pos.shape[1], path),
        fps=fps,
        root_pos=numbers_of(need(arrays, "base_frame_pos", path), "base_frame_pos", path, (3,)),
        root_quat=numbers_of(need(arrays, "base_frame_wxyz", path), "base_frame_wxyz", path, (4,)),
        joint_pos=joint_pos,
        tracks=_contacts(arrays, len(joint_pos)),
    )


def write(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a robot motion at its own frame rate, with its track ``foot_contacts`` if it has one."""
    motion = robot_only(motion, path)
    entries = {
        "base_frame_pos": motion.root_pos,
        "base_frame_wxyz": motion.root_quat,
        "joint_angles": motion.joint_pos,
        "joint_names": np.array(motion.joints, np.str_),
        "robot": np.array(motion.robot),
        "fps": np.float64(motion.fps),
    }
    contacts = {name: np.asarray(values) for name, values in motion.tracks.items() if name == CONTACTS}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **entries, **contacts)  # pyright: ignore[reportArgumentType]


def _contacts(arrays: dict[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
    """Contacts with one row a frame; a list of intervals or of padded frames is not a track."""
    contacts = arrays.get(CONTACTS)
    if contacts is None or contacts.dtype.kind not in "biuf" or contacts.shape[:1] != (frames,):
        return {}
    return {CONTACTS: contacts}
