"""A robot's body as numbers that a file holds: forward kinematics, distances and soles where no simulator is."""

from typing import Any

import numpy as np

from understudy.kinematics.collision import Capsules
from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot

MARGIN = 0.01
"""What bodies are to keep apart, m: more than any fit keeps, since a network is never exact."""


def robot_tree(robot: Robot) -> dict[str, Any]:
    """What ``kinematics.links.Links`` asks for, the link of each body, capsules, and the corners of the soles."""
    tree, capsules = Tree.from_robot(robot), Capsules.from_robot(robot)
    names = ("parents", "pos", "quat", "axis", "anchor", "dof", "body_link")
    found: dict[str, Any] = {name: getattr(tree, name) for name in names}
    arrays = capsules.arrays(MARGIN)
    found |= {f"capsule_{name}": getattr(capsules, name) for name in ("link", "start", "end", "radius")}
    found |= {"pair": arrays.pairs, "pair_margin": arrays.margin}
    feet = [robot.feet[side] for side in SIDES if side in robot.feet]
    links = [int(tree.body_link[robot.bodies.index(foot.body)]) for foot in feet for _ in foot.sole]
    found |= {"sole_link": np.array(links), "sole": np.concatenate([foot.sole for foot in feet])}
    return {name: np.asarray(values).tolist() for name, values in found.items()}
