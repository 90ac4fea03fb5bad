"""Motions made up so that the right answer is known: a robot that stands, and a human that is its double."""

from dataclasses import replace

import numpy as np

from understudy.kinematics import clearances, landmark_tracks
from understudy.kinematics.poses import posed
from understudy.motion import HumanMotion, Landmarks, RobotMotion, Skeleton
from understudy.motion.landmarks import PARENT_OF
from understudy.robots.robot import Robot

FPS = 30.0
FRAMES = 60


def stand(robot: Robot, frames: int = FRAMES, fps: float = FPS) -> RobotMotion:
    joint_pos = robot.home[7:].astype(np.float32)
    drop = float(clearances(robot, posed(robot, joint_pos)).lowest.min())
    root_pos = np.tile(np.array([0.0, 0.0, -drop]), (frames, 1))
    root_quat = np.tile(np.array([1.0, 0.0, 0.0, 0.0]), (frames, 1))
    return RobotMotion(robot.name, robot.joints, fps, root_pos, root_quat, np.tile(joint_pos, (frames, 1)))


def double(robot: Robot, motion: RobotMotion) -> HumanMotion:
    """A human whose every landmark moves exactly like the robot's."""
    names = robot.landmarks.names
    n = len(names)
    identity = np.tile(np.array([1, 0, 0, 0], np.float32), (n, 1))
    landmarks = Landmarks(names, np.arange(n), np.zeros((n, 3), np.float32), identity)
    parents = np.array([names.index(PARENT_OF[name]) if name in PARENT_OF else -1 for name in names])
    skeleton = Skeleton("double", names, parents, np.zeros((n, 3)), landmarks)
    pos, quat = landmark_tracks(robot, motion)
    return HumanMotion(skeleton, motion.fps, pos, quat)


def with_joint(motion: RobotMotion, name: str, values: np.ndarray) -> RobotMotion:
    joint_pos = motion.joint_pos.copy()
    joint_pos[:, motion.joints.index(name)] = values
    return replace(motion, joint_pos=joint_pos)


def shifted(motion: RobotMotion, offset: np.ndarray) -> RobotMotion:
    return replace(motion, root_pos=motion.root_pos + offset)
