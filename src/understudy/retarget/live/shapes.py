"""What a robot's arms are kept off: trunk, head, thighs, each other and themselves, as the capsules of its model.

MIRROR has spheres about hands and elbows and three on the body; the capsules of the model's arms and body contain them
and are what collides.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from understudy.kinematics.collision import Capsules
from understudy.kinematics.kernels.live_arrays import LiveBarriers
from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot

_BODY = ("pelvis", "spine", "chest", "neck", "head", "left_hip", "right_hip")


@dataclass(frozen=True)
class Shapes:
    """The robot's capsules, and those pairs of them that a barrier keeps ``reach`` (m) apart, from axis to axis: both
    radii and the margin, or a third of what two bodies have between them at rest. Rows of QPs keep ``wide`` (m), the
    buffer more; it is less in proportion where the margin is."""

    capsules: Capsules
    pair: Int[np.ndarray, "pair 2"]
    reach: Float[np.ndarray, "pair"]
    wide: Float[np.ndarray, "pair"]

    def arrays(self) -> LiveBarriers:
        """The same for the kernels."""
        c = self.capsules
        return LiveBarriers(
            c.link.astype(np.int64),
            np.ascontiguousarray(c.start, np.float64),
            np.ascontiguousarray(c.end, np.float64),
            np.ascontiguousarray(self.pair, np.int64),
            np.ascontiguousarray(self.reach, np.float64),
            np.ascontiguousarray(self.wide, np.float64),
        )


def shapes(robot: Robot, margin: float, buffer: float) -> Shapes:
    """Arms against trunk, head and thighs, and against arms but for the two hands, whose contacts are meant.

    Pairs that overlap at rest are left out: there is no barrier where one cannot stay outside.
    """
    capsules = Capsules.from_robot(robot, hands=True)
    body = _and_ancestors(robot, _links(robot, _BODY))
    arms = set().union(*(_arm(robot, side) for side in SIDES)) - body
    link, bodies, hands = capsules.link, capsules.bodies, robot.hands
    rows = [
        row
        for row, (a, b) in enumerate(capsules.pairs)
        if {int(link[a]), int(link[b])} & arms
        and {int(link[a]), int(link[b])} <= arms | body
        and not {bodies[a], bodies[b]} <= hands
        and capsules.rest[row] > 0.0
    ]
    pair = capsules.pairs[rows]
    kept = capsules.arrays(margin).margin[rows]
    reach = capsules.radius[pair].sum(-1) + kept
    return Shapes(capsules, pair, reach, reach + buffer * (kept / margin if margin > 0.0 else 1.0))


def _links(robot: Robot, names: tuple[str, ...]) -> set[int]:
    """Links that carry these landmarks, of those that the robot has."""
    tree, marks = Tree.from_robot(robot), robot.landmarks
    return {int(tree.body_link[marks.carriers[marks.index(n)]]) for n in names if n in marks.names}


def _and_ancestors(robot: Robot, links: set[int]) -> set[int]:
    """With what they hang on, up to the root."""
    parents = Tree.from_robot(robot).parents
    found = set(links)
    for link in links:
        while int(parents[link]) >= 0:
            link = int(parents[link])
            found.add(link)
    return found


def _arm(robot: Robot, side: str) -> set[int]:
    """All links that an arm's joints move: those that hang on the trunk where the hand does."""
    tree = Tree.from_robot(robot)
    [trunk], [link] = _links(robot, ("chest",)), _links(robot, (f"{side}_hand",))
    while int(tree.parents[link]) not in (trunk, -1):
        link = int(tree.parents[link])
    arm = {link}
    for i, parent in enumerate(tree.parents):
        if int(parent) in arm:
            arm.add(i)
    return arm
