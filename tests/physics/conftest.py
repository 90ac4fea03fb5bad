"""Simulations that several tests share in kind: the G1 in its home stance."""

import numpy as np
import pytest

from understudy import robots
from understudy.physics import MujocoCpu


@pytest.fixture(scope="session")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture
def make():
    """A CPU engine, and targets that hold the home stance."""

    def build(robot, count, config=None, **options):
        engine = MujocoCpu(robot, count, config, **{"threads": 1, **options})
        return engine, np.tile(robot.home[7:].astype(np.float64), (count, 1))

    return build


@pytest.fixture
def tossed():
    """States of robots in the air: joints anywhere within a half of their ranges, everything in motion."""

    def draw(robot, count, seed=0):
        from understudy.physics import State

        rng = np.random.default_rng(seed)
        middle, half = 0.5 * (robot.lower + robot.upper), 0.25 * (robot.upper - robot.lower)
        qpos = np.tile(robot.home.astype(np.float64), (count, 1))
        qpos[:, 2] += 2.0
        qpos[:, 3:7] = rng.normal(size=(count, 4))
        qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
        qpos[:, 7:] = middle + half * rng.uniform(-1.0, 1.0, (count, len(robot.joints)))
        qvel = rng.normal(size=(count, 6 + len(robot.joints)))
        return State(qpos, qvel)

    return draw
