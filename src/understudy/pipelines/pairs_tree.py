"""A robot's links as numbers that a file holds: forward kinematics for training where no simulator is."""

from typing import Any

from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot


def robot_tree(robot: Robot) -> dict[str, Any]:
    """What ``kinematics.links.Links`` asks for, the link of each body, and the bodies that carry an ankle."""
    tree, marks = Tree.from_robot(robot), robot.landmarks
    constants = {name: getattr(tree, name) for name in ("parents", "pos", "quat", "axis", "anchor", "dof", "body_link")}
    feet = [int(marks.carriers[marks.index(f"{side}_ankle")]) for side in SIDES if side in robot.feet]
    return {name: values.tolist() for name, values in constants.items()} | {"feet": feet}
