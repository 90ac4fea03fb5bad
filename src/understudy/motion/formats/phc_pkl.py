"""The motion library of PHC, ASAP and SONIC: a joblib file, a dict of clips by name.

A clip has ``root_trans_offset`` (time, 3) m, z up, ``root_rot`` (time, 4), ``dof`` (time, joint) rad without names,
``fps``, and ``pose_aa`` (time, 1 + joint + …, 3): the rotation vectors (rad) of the root and, about its own axis, of
every joint. PHC and ASAP write xyzw, and others wxyz; the root's rotation vector says which. Checked on ASAP's 46
clips of the G1.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, LimitError, ShapeError, UnderstudyError, UnknownName
from understudy.motion.files import atomic_path
from understudy.motion.formats.doors import (
    LARGEST,
    existing_file,
    named_joints,
    number_of,
    numbers_of,
    robot_motion,
    robot_only,
)
from understudy.motion.formats.joblib_file import content, read_joblib
from understudy.motion.formats.libraries import chosen
from understudy.motion.formats.unpickle import entry
from understudy.motion.types import HumanMotion, Origin, RobotMotion
from understudy.rotations import quat_angle, quat_from_rotvec, quat_to_rotvec, wxyz_to_xyzw, xyzw_to_wxyz

MARK = "root_trans_offset"
ORDERS = ("xyzw", "wxyz")
SAME = 0.02
"""Rotations nearer than this (rad) are the same one in two spellings."""
ARMS = ("shoulder_pitch_joint", "shoulder_roll_joint", "shoulder_yaw_joint", "elbow_joint")
LEGS = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
G1_23 = (
    *(f"{side}_{joint}_joint" for side in ("left", "right") for joint in LEGS),
    *(f"waist_{joint}_joint" for joint in ("yaw", "roll", "pitch")),
    *(f"{side}_{joint}" for side in ("left", "right") for joint in ARMS),
)
"""The columns of ASAP's Unitree G1: the one of 29 joints, its six wrist joints locked at zero."""


def recognises(path: Path) -> bool:
    """A pickle, compressed or not, that knows the root's name. Nothing of it is run, nor unpickled."""
    return MARK.encode() in content(path)


def read(
    path: str | Path,
    *,
    clip: int | str | None = None,
    joints: Sequence[str] | None = None,
    robot: str | None = None,
    quat_order: str | None = None,
) -> RobotMotion:
    """Read one clip: ``clip`` is its name, or its number from 0.

    ``joints`` names the columns and ``robot`` the body. Where they are the G1's 29 and the file holds ASAP's 23
    columns, the locked wrists are zero. ``quat_order`` (xyzw or wxyz) is needed only where the root's rotation vector
    does not settle it.
    """
    path = existing_file(path)
    record = read_joblib(path)
    clips = {"": record} if isinstance(record, dict) and MARK in record else record
    if not (isinstance(clips, dict) and clips and all(isinstance(found, dict) for found in clips.values())):
        raise FormatError(path, "a motion library holds a dict of clips, each a dict; this pickle does not.")
    names = [str(name) for name in clips]
    k = chosen(clip, names, path)
    found = list(clips.values())[k]
    root_rot = numbers_of(entry(found, "root_rot", path), "root_rot", path, (4,))
    order, why = _order(found, root_rot, quat_order, path)
    joint_pos = numbers_of(entry(found, "dof", path), "dof", path, (None,))
    inferred = {"quat_order": f"{order}: {why}"}
    if joints is not None and joint_pos.shape[1] == len(G1_23) < len(joints) and set(G1_23) <= set(joints):
        joint_pos = _with_locked(joint_pos, joints)
        inferred["joints"] = "23 columns: the G1 with its wrists locked at zero"
    return robot_motion(
        path,
        robot=robot,
        joints=named_joints(joints, joint_pos.shape[1], path),
        fps=number_of(entry(found, "fps", path), "fps", path),
        root_pos=numbers_of(entry(found, MARK, path), MARK, path, (3,)),
        root_quat=xyzw_to_wxyz(root_rot) if order == "xyzw" else root_rot,
        joint_pos=joint_pos,
        origin=Origin(source=names[k] or path.name, inferred=inferred),
    )


def write(
    motion: HumanMotion | RobotMotion,
    path: str | Path,
    *,
    axes: Float[np.ndarray, "dof 3"] | None = None,
    name: str | None = None,
    quat_order: str = "xyzw",
    extended: int = 0,
) -> None:
    """Write a library of one clip, as a plain pickle, which ``joblib.load`` reads.

    ``axes`` are the joints' axes in their bodies' frames (``robot.model.jnt_axis``), for the rotation vectors; ``name``
    is the clip's, else its source's. ``extended`` adds so many rows of zeros after the joints, for libraries whose
    skeleton has as many fixed bodies more (3 for ASAP's G1).
    """
    motion = robot_only(motion, path)
    if quat_order not in ORDERS:
        raise UnknownName("quaternion order", quat_order, ORDERS)
    if axes is None:
        raise UnderstudyError(
            f"Cannot write {path}: a motion library needs the axis of every joint. Pass axes="
            "robot.model.jnt_axis of the robot's joints; `understudy motion convert` does so by itself."
        )
    if axes.shape != (len(motion.joints), 3):
        raise ShapeError(
            f"{len(motion.joints)} joints need axes ({len(motion.joints)}, 3); got {axes.shape}."
        )
    if extended < 0:
        raise LimitError(f"extended is a number of bodies, not below zero; got {extended}.")
    root = quat_to_rotvec(motion.root_quat.astype(np.float64))[:, None]
    turns = motion.joint_pos[:, :, None] * axes
    rest = np.zeros((motion.frames, extended, 3))
    clip = {
        MARK: motion.root_pos,
        "pose_aa": np.concatenate([root, turns, rest], axis=1).astype(np.float32),
        "dof": motion.joint_pos,
        "root_rot": wxyz_to_xyzw(motion.root_quat) if quat_order == "xyzw" else motion.root_quat,
        "fps": int(motion.fps) if float(motion.fps).is_integer() else float(motion.fps),
    }
    record = {name or Path(motion.origin.source or "clip").stem: clip}
    with atomic_path(path) as temporary:
        temporary.write_bytes(pickle.dumps(record, protocol=4))


def _order(
    clip: dict[str, Any], root_rot: Float[np.ndarray, "time 4"], given: str | None, path: Path
) -> tuple[str, str]:
    """The order of the root's quaternions, and why. Raises FormatError if nothing settles it."""
    if given is not None:
        if given not in ORDERS:
            raise UnknownName("quaternion order", given, ORDERS)
        return given, "as given"
    if "pose_aa" in clip:
        pose = entry(clip, "pose_aa", path)
        if pose.ndim == 2 and pose.shape[1] % 3 == 0:
            pose = pose.reshape(len(pose), pose.shape[1] // 3, 3)
        if pose.ndim == 3 and pose.shape[1] and len(pose) == len(root_rot):
            turn = numbers_of(pose[:, 0], "pose_aa", path, (3,))
            # Damaged frames have no say; the motion's own checks will find them.
            sound = (np.abs(turn) < LARGEST).all(axis=1) & (np.abs(root_rot) < 2).all(axis=1)
            truth, quat = quat_from_rotvec(turn[sound]), root_rot[sound]
            for order, said in (("xyzw", xyzw_to_wxyz(quat)), ("wxyz", quat)):
                if len(said) and np.median(quat_angle(truth, said)) < SAME:
                    return order, "agrees with the root's rotation vector"
    raise FormatError(
        path,
        "nothing in the file settles the order of its quaternions. Give it with the option 'quat_order': 'xyzw' (PHC, "
        "ASAP) or 'wxyz'.",
    )


def _with_locked(
    columns: Float[np.ndarray, "time dof"], joints: Sequence[str]
) -> Float[np.ndarray, "time all"]:
    """The columns of ``G1_23`` among ``joints``, all others zero."""
    full = np.zeros((len(columns), len(joints)))
    full[:, [list(joints).index(name) for name in G1_23]] = columns
    return full
