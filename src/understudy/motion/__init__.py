"""Motions and what can be done to them without knowing a robot."""

from understudy.motion.bodies import BodyTracks
from understudy.motion.floor import floor_height, ground
from understudy.motion.formats import load, save
from understudy.motion.heal import heal
from understudy.motion.height import scale_to_height
from understudy.motion.homing import blend_home
from understudy.motion.landmarks import LANDMARKS, PARENT_OF, Landmarks, mirrored
from understudy.motion.mirror import mirror, mirror_robot
from understudy.motion.ops import join, resample, sample_every, trim
from understudy.motion.steady import steady
from understudy.motion.types import HumanFrame, HumanMotion, Origin, RobotFrame, RobotMotion, Skeleton

__all__ = [
    "LANDMARKS",
    "PARENT_OF",
    "BodyTracks",
    "HumanFrame",
    "HumanMotion",
    "Landmarks",
    "Origin",
    "RobotFrame",
    "RobotMotion",
    "Skeleton",
    "blend_home",
    "floor_height",
    "ground",
    "heal",
    "join",
    "load",
    "mirror",
    "mirror_robot",
    "mirrored",
    "resample",
    "sample_every",
    "save",
    "scale_to_height",
    "steady",
    "trim",
]
