"""What a robot's arms are kept off: its trunk, head and thighs, and each other, as the capsules of its own model.

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
_ARM = ("shoulder", "elbow", "wrist", "hand")


@dataclass(frozen=True)
class Shapes:
    """The robot's capsules, and those pairs of them (rows of ``pairs``) that a barrier keeps ``reach`` (m) apart,
    from axis to axis: both radii and the margin, or a third of what two bodies have between them at rest."""

    capsules: Capsules
    pair: Int[np.ndarray, "pair 2"]
    reach: Float[np.ndarray, "pair"]

    def arrays(self) -> LiveBarriers:
        """The same for the kernels."""
        c = self.capsules
        return LiveBarriers(
            c.link.astype(np.int64),
            np.ascontiguousarray(c.start, np.float64),
            np.ascontiguousarray(c.end, np.float64),
            np.ascontiguousarray(self.pair, np.int64),
            np.ascontiguousarray(self.reach, np.float64),
        )


def shapes(robot: Robot, margin: float) -> Shapes:
    """Arms against trunk, head and thighs, and against each other but for the hands, whose contacts are meant.

    Pairs that overlap at rest are left out: there is no barrier where one cannot stay outside.
    """
    capsules = Capsules.from_robot(robot, hands=True)
    body = _links(robot, _BODY)
    arms = {side: _beyond(robot, side) - body for side in SIDES}
    arrays = capsules.arrays(margin)
    rows = []
    for row, (a, b) in enumerate(capsules.pairs):
        one, other = int(capsules.link[a]), int(capsules.link[b])
        arm_and_body = any(
            (one in arm and other in body) or (other in arm and one in body) for arm in arms.values()
        )
        both_hands = capsules.bodies[a] in robot.hands and capsules.bodies[b] in robot.hands
        two_arms = any(one in arms[x] and other in arms[y] for x, y in (SIDES, SIDES[::-1]))
        if capsules.rest[row] > 0.0 and (arm_and_body or (two_arms and not both_hands)):
            rows.append(row)
    pair = capsules.pairs[rows]
    return Shapes(capsules, pair, capsules.radius[pair].sum(-1) + arrays.margin[rows])


def _links(robot: Robot, names: tuple[str, ...]) -> set[int]:
    """Links that carry these landmarks, of those that the robot has."""
    tree, marks = Tree.from_robot(robot), robot.landmarks
    return {int(tree.body_link[marks.carriers[marks.index(n)]]) for n in names if n in marks.names}


def _beyond(robot: Robot, side: str) -> set[int]:
    """The upper arm and all links that hang on it."""
    tree = Tree.from_robot(robot)
    arm = _links(robot, tuple(f"{side}_{part}" for part in _ARM[:1]))
    for i, parent in enumerate(tree.parents):
        if int(parent) in arm:
            arm.add(i)
    return arm
