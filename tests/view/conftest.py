import numpy as np
import pytest

from understudy import robots
from understudy.motion import Origin, RobotMotion, sample
from understudy.motion.types import HumanMotion
from understudy.robots import Robot


@pytest.fixture(scope="session")
def g1() -> Robot:
    return robots.load("unitree_g1")


@pytest.fixture(scope="session")
def human() -> HumanMotion:
    """A person who waves, at 20 frames a second."""
    return sample.motion("wave", fps=20.0)


@pytest.fixture(scope="session")
def robot_motion(g1: Robot, human: HumanMotion) -> RobotMotion:
    """The robot walks ahead on still legs for as long as the human waves, and bends every joint a little."""
    time = np.arange(human.frames) / human.fps
    root = np.tile(g1.home[:3], (human.frames, 1))
    root[:, 0] += 0.2 * time
    bend = 0.2 * np.sin(2 * np.pi * 0.4 * time)[:, None] * (g1.upper - g1.lower) / 4
    joints = np.clip(g1.home[7:] + bend, g1.lower, g1.upper)
    origin = Origin(source="a test", licence="CC0-1.0", history=({"arrow": "sway", "amplitude": 0.2},))
    quat = np.tile(g1.home[3:7], (human.frames, 1))
    return RobotMotion(g1.name, g1.joints, human.fps, root, quat, joints, origin=origin)
