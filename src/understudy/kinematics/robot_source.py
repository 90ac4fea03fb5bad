"""A robot's motion as a source for retargeting: its landmarks, followed over the clip, are the joints of a body.

Every retargeter reads landmarks alone, and a robot has the same ones as a human; so a robot's clip becomes another
robot's by the way that a human's does.
"""

import numpy as np

from understudy.kinematics.poses import landmark_tracks, posed
from understudy.motion.landmarks import PARENT_OF, Landmarks
from understudy.motion.types import HumanMotion, RobotMotion, Skeleton
from understudy.robots.robot import Robot


def human_of(robot: Robot, motion: RobotMotion) -> HumanMotion:
    """The clip on a body whose joints are the robot's landmarks, under their names and in their frames.

    Its proportions are the robot's own, in its T-pose. A robot's landmarks may shift by millimetres against each other,
    where three axes of a shoulder or hip do not meet; world poses are exact all the same. Tracks are carried along.
    Raises SkeletonMismatch unless the clip's joints are the robot's.
    """
    pos, quat = landmark_tracks(robot, motion)
    origin = motion.origin.after("human_of", robot=robot.name)
    return HumanMotion(skeleton_of(robot), motion.fps, pos, quat, motion.tracks, origin)


def skeleton_of(robot: Robot) -> Skeleton:
    """The robot's landmarks as a tree of joints; where one is missing, its children hang on the next one inwards."""
    names = robot.landmarks.names
    rest = landmark_tracks(robot, posed(robot, robot.t_pose))[0][0].astype(np.float64)
    parents = np.array([_parent(name, names) for name in names])
    offsets = rest - np.where(parents[:, None] < 0, rest, rest[parents])
    count = len(names)
    own = Landmarks(names, np.arange(count), np.zeros((count, 3)), np.tile([1.0, 0, 0, 0], (count, 1)))
    return Skeleton(robot.name, names, parents, offsets, own)


def _parent(name: str, names: tuple[str, ...]) -> int:
    while name in PARENT_OF:
        name = PARENT_OF[name]
        if name in names:
            return names.index(name)
    return -1
