"""Motions and what can be done to them without knowing a robot."""

from understudy.motion.formats import load, save
from understudy.motion.landmarks import LANDMARKS, PARENT_OF, Landmarks, mirrored
from understudy.motion.types import HumanFrame, HumanMotion, Origin, RobotFrame, RobotMotion, Skeleton

__all__ = [
    "LANDMARKS",
    "PARENT_OF",
    "HumanFrame",
    "HumanMotion",
    "Landmarks",
    "Origin",
    "RobotFrame",
    "RobotMotion",
    "Skeleton",
    "load",
    "mirrored",
    "save",
]
