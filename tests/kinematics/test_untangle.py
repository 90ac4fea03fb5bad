"""Limbs that have passed through each other come apart; what is not tangled is left alone."""

from dataclasses import replace

import numpy as np
import pytest
from made_courses import follow, swaying

from understudy import robots
from understudy.kinematics.clip_fit import limbs_of
from understudy.kinematics.kernels.capsules import clip_clearances
from understudy.kinematics.sequence import Stage
from understudy.kinematics.tree import Tree
from understudy.kinematics.untangle import TOUCH, untangle

STAGES = (Stage(1e4, 1e4, 1e4, 12), Stage(1e6, 1e5, 1e5, 8))


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def nearest(problem, at):
    """The smallest distance between two bodies in every frame (m)."""
    return clip_clearances(problem.tree, problem.capsules, at.root_pos, at.root_quat, at.q)[0]


def bent(robot, at, joints, begin, end):
    """The trajectory with some joints elsewhere (rad) for some frames."""
    q = at.q.copy()
    for name, value in joints.items():
        q[begin:end, robot.joints.index(f"{name}_joint")] = value
    return replace(at, q=q)


TANGLES = {
    "an arm in the trunk": {"left_shoulder_roll": -0.6, "left_elbow": 0.3},
    "arms through each other": {
        "left_shoulder_yaw": -0.9,
        "right_shoulder_yaw": 0.9,
        "left_elbow": 0.0,
        "right_elbow": 0.0,
        "left_shoulder_roll": 0.3,
        "right_shoulder_roll": -0.3,
    },
    "legs through each other": {"left_hip_roll": -0.35, "right_hip_roll": 0.35},
}


@pytest.mark.parametrize("joints", TANGLES.values(), ids=TANGLES)
def test_limbs_that_went_through_each_other_come_apart(g1, joints):
    at = swaying(g1, 60)
    problem, targets, course, _ = follow(g1, at, smoothness=0.5)
    tangled = bent(g1, at, joints, 25, 36)
    before = (nearest(problem, tangled) < -TOUCH).sum()
    assert before >= 10
    limbs = limbs_of(g1, Tree.from_robot(g1))
    made, left = untangle(problem, targets, course, tangled, at.q[0], limbs, STAGES)
    assert left == 0
    assert nearest(problem, made).min() > -TOUCH
    assert np.abs(made.q - at.q).mean() < 0.02


def test_what_is_not_tangled_is_the_same_object(g1):
    problem, targets, course, at = follow(g1, swaying(g1, 20))
    limbs = limbs_of(g1, Tree.from_robot(g1))
    assert untangle(problem, targets, course, at, at.q[0], limbs, STAGES) == (at, 0)


def test_a_body_whose_parts_cannot_meet_is_never_tangled(g1):
    problem, targets, course, at = follow(g1, swaying(g1, 5))
    problem = problem._replace(capsules=problem.capsules._replace(pairs=np.zeros((0, 2), np.int64)))
    tangled = bent(g1, at, TANGLES["legs through each other"], 0, 5)
    limbs = limbs_of(g1, Tree.from_robot(g1))
    made, left = untangle(problem, targets, course, tangled, at.q[0], limbs, STAGES)
    assert made is tangled
    assert left == 0


def test_what_cannot_come_apart_is_counted(g1):
    """A target that lies within the trunk, and penalties too soft to keep it out."""
    at = swaying(g1, 30)
    inside = bent(g1, at, TANGLES["an arm in the trunk"], 0, 30)
    problem, targets, course, _ = follow(g1, inside)
    limbs = limbs_of(g1, Tree.from_robot(g1))
    soft = (Stage(1e-3, 1e4, 1e4, 5),)
    made, left = untangle(problem, targets, course, inside, at.q[0], limbs, soft)
    assert left == (nearest(problem, made) < -TOUCH).sum() > 0
