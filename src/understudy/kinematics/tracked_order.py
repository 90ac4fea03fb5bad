"""Which tool's order a tracking reference without names is in, told by where its joints put its bodies."""

from pathlib import Path

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats import mjlab_npz
from understudy.motion.formats.doors import in_order, need, numbers_of, read_npz
from understudy.motion.types import RobotMotion
from understudy.robots.orders import order
from understudy.robots.robot import Robot

FRAMES = 20
"""As many frames, evenly spread, tell the order."""
NEAR = 0.05
"""Metres by which another model of the same robot may put a body elsewhere. The wrong order is off by decimetres."""


def settle(path: Path, robot: Robot, claimed: bool | None) -> bool:
    """Whether a file is breadth-first (Isaac Lab's) rather than depth-first (MuJoCo's), told by forward kinematics.

    ``claimed`` is what the named format says, None if none was named. Where the robot cannot tell, because the file
    has other bodies or moves no joint, the claim stands. Raises FormatError if the bodies contradict the claim, or if
    there is none and they decide nothing.
    """
    near = {breadth_first: _apart(path, robot, breadth_first) < NEAR for breadth_first in (False, True)}
    told = near[True] if near[True] != near[False] else None
    if told is None and claimed is None:
        raise FormatError(path, mjlab_npz.EITHER_ORDER)
    if told is not None and claimed is not None and told != claimed:
        right = "isaaclab-npz" if told else "mjlab-npz"
        raise FormatError(
            path,
            f"its joints put the bodies of {robot.name!r} where the file has them only if the file is {right!r}. "
            "Name that format, or leave it open (on the command line, --from).",
        )
    return bool(claimed if told is None else told)


def _apart(path: Path, robot: Robot, breadth_first: bool) -> float:
    """The largest distance (m) between a body in the file and the same body by forward kinematics, if the file is in
    this order; infinite if it is of another robot.
    """
    from understudy.kinematics.poses import body_tracks

    names = order(robot, breadth_first)
    key = "body_pos_w"
    bodies = numbers_of(need(read_npz(path, only={key}), key, path), key, path, (None, 3))
    clip = mjlab_npz.read(path, joints=names.joints, robot=robot.name)
    if bodies.shape[1] != len(names.bodies):
        return np.inf
    at = np.unique(np.linspace(0, clip.frames - 1, FRAMES).astype(int))
    part = RobotMotion(
        clip.robot, clip.joints, clip.fps, clip.root_pos[at], clip.root_quat[at], clip.joint_pos[at]
    )
    tracks = body_tracks(robot, in_order(part, robot.joints))
    rows = [tracks.names.index(name) for name in names.bodies]
    return float(np.linalg.norm(tracks.pos[:, rows] - bodies[at], axis=-1).max())
