import pytest
from standing import stand

from understudy import robots
from understudy.motion import RobotMotion
from understudy.robots.robot import Robot


@pytest.fixture(scope="session")
def g1() -> Robot:
    return robots.load("unitree_g1")


@pytest.fixture
def standing(g1: Robot) -> RobotMotion:
    """Two seconds of the home pose with the soles exactly on the floor."""
    return stand(g1)
