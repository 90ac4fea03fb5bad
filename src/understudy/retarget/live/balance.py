"""What a robot weighs, link by link, for a centre of mass that stays over its feet."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot


@dataclass(frozen=True)
class Masses:
    """Each link's part of the robot's mass, and its centre in the link's frame (m)."""

    part: Float[np.ndarray, "link"]
    centre: Float[np.ndarray, "link 3"]

    @classmethod
    def of(cls, robot: Robot) -> "Masses":
        """From the model. A link that several bodies move with has their common centre."""
        m, tree = robot.model, Tree.from_robot(robot)
        link, mass = tree.body_link, np.zeros(len(tree.parents))
        moment = np.zeros((len(mass), 3))
        np.add.at(mass, link, m.body_mass[1:])
        np.add.at(moment, link, m.body_mass[1:, None] * m.body_ipos[1:])
        centre = moment / np.maximum(mass, 1e-12)[:, None]
        return cls(mass / mass.sum(), np.ascontiguousarray(centre))


def soles(robot: Robot) -> Float[np.ndarray, "side corner 3"]:
    """The corners of both soles in their bodies' frames (m); the shorter list repeats its last corner."""
    corners = [robot.feet[side].sole.astype(np.float64) for side in SIDES]
    most = max(len(c) for c in corners)
    return np.stack([np.concatenate([c, np.repeat(c[-1:], most - len(c), axis=0)]) for c in corners])


def half_width(robot: Robot) -> float:
    """Half of what the narrower of a sole's two sides measures, m."""
    corners = soles(robot)
    return 0.5 * float(np.ptp(corners[..., :2], axis=1).min())
