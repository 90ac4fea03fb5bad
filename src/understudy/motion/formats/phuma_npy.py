"""PHUMA's .npy files: a human as SMPL-X parameters, or a robot as a dict.

Human, 30 frames a second, y up: 69 columns of translation, root rotation and body pose (rotation vectors), and 4 more
of foot contacts where the clip was preprocessed. Robot, z up: ``root_trans``, ``root_ori`` (xyzw), ``dof_pos`` and
``fps``, joints in the order of the robot's MJCF and without names.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from understudy.errors import FormatError, LimitError, UnderstudyError
from understudy.motion.body_model import BODY_JOINTS, SMPL
from understudy.motion.files import atomic_path
from understudy.motion.formats.doors import (
    LARGEST,
    existing_file,
    named_joints,
    number_of,
    numbers_of,
    robot_motion,
)
from understudy.motion.formats.npy import npy_header, read_npy, read_npy_object
from understudy.motion.formats.smpl_pose import SmplClip, body_motion, check_up
from understudy.motion.formats.unpickle import entry
from understudy.motion.types import HumanMotion, Origin, RobotMotion
from understudy.rotations import wxyz_to_xyzw, xyzw_to_wxyz

FPS = 30.0
POSE = 3 + 3 * BODY_JOINTS
CONTACTS = 4
ROBOT = {"root_trans", "root_ori", "dof_pos"}


def recognises(path: Path) -> bool:
    """A table of the human's width, or one object in a box."""
    header = npy_header(path)
    if header is None:
        return False
    shape, dtype, _ = header
    if dtype.hasobject:
        return shape == ()
    return len(shape) == 2 and shape[1] in (POSE, POSE + CONTACTS)


def read(
    path: str | Path,
    *,
    fps: float | None = None,
    up: str | None = None,
    body_model: str | Path | None = None,
    joints: Sequence[str] | None = None,
    robot: str | None = None,
) -> HumanMotion | RobotMotion:
    """Read a clip, a human's or a robot's.

    ``fps`` (1/s) overrides the rate. Of a human, ``up`` is the vertical axis if it is not y and ``body_model`` the
    user's own SMPL-X model (.npz); foot contacts become the track ``foot_contacts`` (time, 4), as the file has them.
    Of a robot, ``joints`` names the columns and ``robot`` the body. Raises FormatError and LimitError.
    """
    path = existing_file(path)
    check_up(up)
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise LimitError(f"fps must be a positive number of frames a second; got {fps}.")
    header = npy_header(path)
    if header is not None and header[1].hasobject:
        return _robot(path, joints, robot, fps)
    return _human(path, fps, up, body_model)


def write(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a robot motion as PHUMA does. Humans are not written: their parameters are not known."""
    if not isinstance(motion, RobotMotion):
        raise UnderstudyError(
            f"Cannot write {path}: PHUMA keeps humans as SMPL-X parameters, which a motion of joints does not tell."
        )
    record = {
        "root_trans": motion.root_pos,
        "root_ori": wxyz_to_xyzw(motion.root_quat),
        "dof_pos": motion.joint_pos,
        "fps": float(motion.fps),
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.array(record, dtype=object), allow_pickle=True)


def _human(path: Path, fps: float | None, up: str | None, body_model: str | Path | None) -> HumanMotion:
    table = numbers_of(read_npy(path), "the table", path, (None,))
    if table.shape[1] not in (POSE, POSE + CONTACTS) or not len(table):
        raise FormatError(
            path,
            f"a human of PHUMA's has {POSE} or {POSE + CONTACTS} columns and at least one frame; found "
            f"{table.shape}.",
        )
    bad = ~(np.abs(table) < LARGEST).all(axis=1)
    if bad.any():
        raise FormatError(
            path, f"frame {int(np.argmax(bad))} holds values that are no numbers (NaN, infinite or huge)."
        )
    rotvec = np.zeros((len(table), len(SMPL), 3))
    rotvec[:, :BODY_JOINTS] = table[:, 3:POSE].reshape(len(table), BODY_JOINTS, 3)
    tracks = {}
    if table.shape[1] > POSE:
        tracks["foot_contacts"] = table[:, POSE:].astype(np.float32)
    inferred = {
        "up": f"{up}: as given" if up else "y: PHUMA's rule",
        "fps": f"{fps:g}: as given" if fps else "30: PHUMA's rate, which the file does not repeat",
    }
    origin = Origin(source=path.name, inferred=inferred)
    model = body_model and str(body_model)
    origin = origin.after("read", format="phuma-npy", fps=fps, up=up, body_model=model)
    clip = SmplClip("smplx", up or "y", table[:, :3], rotvec)
    return body_motion(path, clip, fps or FPS, body_model=body_model, tracks=tracks, origin=origin)


def _robot(path: Path, joints: Sequence[str] | None, robot: str | None, fps: float | None) -> RobotMotion:
    record = read_npy_object(path)
    if not isinstance(record, dict) or not record.keys() >= ROBOT:
        found = ", ".join(sorted(map(str, record))) if isinstance(record, dict) else type(record).__name__
        raise FormatError(
            path, f"a robot of PHUMA's is a dict of {', '.join(sorted(ROBOT))}; found: {found}."
        )
    joint_pos = numbers_of(entry(record, "dof_pos", path), "dof_pos", path, (None,))
    return robot_motion(
        path,
        robot=robot,
        joints=named_joints(joints, joint_pos.shape[1], path),
        fps=number_of(entry(record, "fps", path), "fps", path) if fps is None else float(fps),
        root_pos=numbers_of(entry(record, "root_trans", path), "root_trans", path, (3,)),
        root_quat=xyzw_to_wxyz(numbers_of(entry(record, "root_ori", path), "root_ori", path, (4,))),
        joint_pos=joint_pos,
    )
