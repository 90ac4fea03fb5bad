"""ProtoMotions' motion file (.motion): joints and all bodies of a clip, as a torch file of one dict.

``rigid_body_pos``, ``rigid_body_rot`` (xyzw), ``rigid_body_vel`` and ``rigid_body_ang_vel`` are in the world frame, z
up; ``dof_pos`` and ``dof_vel`` in MuJoCo's order; joints and bodies without names. That is its "common" convention: a
file in a simulator's own is refused. Checked against its published clips of the G1, whose bodies forward kinematics
meets to 2 µm.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError
from understudy.motion.bodies import BodyTracks
from understudy.motion.formats.doors import (
    existing_file,
    named_joints,
    number_of,
    numbers_of,
    robot_motion,
    robot_only,
)
from understudy.motion.formats.pickle_machine import Refused
from understudy.motion.formats.torch_file import read_torch
from understudy.motion.formats.torch_write import write_torch
from understudy.motion.formats.tracking import needed_bodies, reference
from understudy.motion.formats.unpickle import entry
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.rotations import quat_apply, wxyz_to_xyzw, xyzw_to_wxyz

COMMON = "common"
ENTRIES = {
    "dof_pos": "joint_pos",
    "dof_vel": "joint_vel",
    "rigid_body_pos": "body_pos_w",
    "rigid_body_rot": "body_quat_w",
    "rigid_body_vel": "body_lin_vel_w",
    "rigid_body_ang_vel": "body_ang_vel_w",
}
"""ProtoMotions' names, and those of ``tracking.reference``."""
FIXED = {
    "unitree_g1": {
        "head": ("pelvis", (0.0, 0.0, 0.4)),
        "left_rubber_hand": ("left_wrist_yaw_link", (0.12, 0.0, 0.0)),
        "right_rubber_hand": ("right_wrist_yaw_link", (0.12, 0.0, 0.0)),
    }
}
"""Bodies of ProtoMotions' own models that ours lack: each stands right after the body that it is fixed to, at this
place in its frame (m). Its G1 has 33 bodies, of which the robot moves 30."""


def read(path: str | Path, *, joints: Sequence[str] | None = None, robot: str | None = None) -> RobotMotion:
    """Read joints and root (body 0). ``joints`` names the columns and ``robot`` the body: the file says neither."""
    path = existing_file(path)
    record = read_torch(path, LABELS)
    convention = record.get("state_conversion", COMMON) if isinstance(record, dict) else COMMON
    if convention != COMMON:
        raise FormatError(
            path,
            f"the file is in the convention {convention!r}, whose order of joints and quaternions is a simulator's "
            "own. Convert it in ProtoMotions (RobotState.convert_to_common) and save it again.",
        )
    joint_pos = numbers_of(entry(record, "dof_pos", path), "dof_pos", path, (None,))
    pos = root_of(entry(record, "rigid_body_pos", path), "rigid_body_pos", path, 3)
    quat = root_of(entry(record, "rigid_body_rot", path), "rigid_body_rot", path, 4)
    return robot_motion(
        path,
        robot=robot,
        joints=named_joints(joints, joint_pos.shape[1], path),
        fps=number_of(entry(record, "fps", path), "fps", path),
        root_pos=pos,
        root_quat=xyzw_to_wxyz(quat),
        joint_pos=joint_pos,
    )


def write(motion: HumanMotion | RobotMotion, path: str | Path, *, bodies: BodyTracks | None = None) -> None:
    """Write a robot motion at its own rate, with the poses of its ``bodies`` (``kinematics.body_tracks``).

    Contacts, which a motion does not know, are written as none.
    """
    motion = robot_only(motion, path)
    fps = int(motion.fps) if float(motion.fps).is_integer() else float(motion.fps)
    state = robot_state(motion, needed_bodies(bodies, path), path)
    write_torch({"fps": fps, **state}, path)


def robot_state(motion: RobotMotion, bodies: BodyTracks, path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of ProtoMotions' RobotState, float32, with the fixed bodies of its own model of the robot."""
    arrays = reference(motion, _with_fixed(bodies, motion.robot), path, motion.fps)
    arrays["body_quat_w"] = wxyz_to_xyzw(arrays["body_quat_w"])
    contacts = np.zeros(arrays["body_pos_w"].shape[:2], bool)
    return {name: arrays[ours] for name, ours in ENTRIES.items()} | {"rigid_body_contacts": contacts}


def root_of(bodies: np.ndarray, key: str, path: Path, width: int) -> np.ndarray:
    """Body 0 of an array (time, body, ``width``), (time, ``width``). Raises FormatError for another shape."""
    if bodies.ndim != 3 or bodies.shape[1] == 0:
        raise FormatError(path, f"{key!r} must be of shape (time, body, {width}); found {bodies.shape}.")
    return numbers_of(bodies[:, 0], key, path, (width,))


def _with_fixed(bodies: BodyTracks, robot: str) -> BodyTracks:
    names, pos, quat = [], [], []
    for k, name in enumerate(bodies.names):
        names.append(name)
        pos.append(bodies.pos[:, k])
        quat.append(bodies.quat[:, k])
        for fixed, (parent, place) in FIXED.get(robot, {}).items():
            if parent == name and fixed not in bodies.names:
                names.append(fixed)
                pos.append(pos[-1] + quat_apply(quat[-1], np.asarray(place, quat[-1].dtype)))
                quat.append(quat[-1])
    return BodyTracks(tuple(names), np.stack(pos, axis=1), np.stack(quat, axis=1))


def _label(word: Any) -> str:
    """A member of an enumeration, which its pickle makes from a word."""
    if not isinstance(word, str):
        raise Refused("an enumeration of other things than words")
    return word


LABELS = {"protomotions.simulator.base_simulator.simulator_state.StateConversion": _label}
"""The one name of its own that ProtoMotions leaves in its files."""
