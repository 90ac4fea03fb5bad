"""GMR's pickle: a dict of ``fps``, ``root_pos``, ``root_rot`` (xyzw) and ``dof_pos``, joints in the order of
the robot's MJCF and without names.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from understudy.motion.files import atomic_path
from understudy.motion.formats import phc_pkl
from understudy.motion.formats.doors import (
    existing_file,
    named_joints,
    number_of,
    numbers_of,
    robot_motion,
    robot_only,
)
from understudy.motion.formats.unpickle import entry, read_pickle
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.rotations import wxyz_to_xyzw, xyzw_to_wxyz


def recognises(path: Path) -> bool:
    """Every pickle but PHC's, so that a foreign one is told what it lacks."""
    return not phc_pkl.recognises(path)


def read(path: str | Path, *, joints: Sequence[str] | None = None, robot: str | None = None) -> RobotMotion:
    """Read a clip; ``joints`` names its columns and ``robot`` the body, since the file says neither."""
    path = existing_file(path)
    record = read_pickle(path)
    joint_pos = numbers_of(entry(record, "dof_pos", path), "dof_pos", path, (None,))
    return robot_motion(
        path,
        robot=robot,
        joints=named_joints(joints, joint_pos.shape[1], path),
        fps=number_of(entry(record, "fps", path), "fps", path),
        root_pos=numbers_of(entry(record, "root_pos", path), "root_pos", path, (3,)),
        root_quat=xyzw_to_wxyz(numbers_of(entry(record, "root_rot", path), "root_rot", path, (4,))),
        joint_pos=joint_pos,
    )


def write(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a robot motion as GMR does, the two optional body entries left empty."""
    motion = robot_only(motion, path)
    record = {
        "fps": float(motion.fps),
        "root_pos": motion.root_pos.astype(np.float64),
        "root_rot": wxyz_to_xyzw(motion.root_quat).astype(np.float64),
        "dof_pos": motion.joint_pos.astype(np.float64),
        "local_body_pos": None,
        "link_body_list": None,
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes(pickle.dumps(record, protocol=4))
