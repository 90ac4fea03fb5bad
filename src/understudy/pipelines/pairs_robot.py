"""What learning needs to know of a robot, taken from the robot."""

import numpy as np
from jaxtyping import Int

from understudy.errors import LimitError
from understudy.kinematics.poses import body_tracks, landmark_tracks, posed
from understudy.learn.features_layout import RobotLayout
from understudy.retarget.lengths import LEG, RobotLengths
from understudy.robots.robot import Robot

APART = 0.05
"""Metres that a body's origin may lie beside its partner's mirror image. At most 0.01 mm but for ToddlerBot, whose
sides share parts turned round instead of mirrored: 38 mm. Bodies' places serve losses alone, joints are exact."""


def robot_layout(robot: Robot) -> RobotLayout:
    """The constants that ``learn.features`` needs.

    Raises LimitError for a robot that walks on no legs, and for one whose sides are not alike.
    """
    lengths = RobotLengths.of(robot)
    if robot.fixed_base or lengths.sized_by is not LEG:
        raise LimitError(
            f"{robot.name!r} stands on a fixed base or has no legs; features are relative to a walking pelvis."
        )
    # In the T-pose, since some robots have joints between their root and their pelvis.
    pos, quat = landmark_tracks(robot, posed(robot, robot.t_pose))
    pelvis = robot.landmarks.index("pelvis")
    return RobotLayout(
        robot.name,
        robot.joints,
        robot.bodies,
        tuple(robot.mirror.order.tolist()),
        tuple(robot.mirror.sign.tolist()),
        tuple(_partners(robot).tolist()),
        tuple(robot.lower.tolist()),
        tuple(robot.upper.tolist()),
        float(lengths.size),
        tuple(pos[0, pelvis].tolist()),
        tuple(quat[0, pelvis].tolist()),
    )


def _partners(robot: Robot) -> Int[np.ndarray, "body"]:
    """For each body the one on the other side: the one that the partner of its joint moves; without a joint, the one
    whose origin is its mirror image."""
    model, order = robot.model, robot.mirror.order
    # Row 0 of MuJoCo's bodies is the world, joint 0 the floating base.
    moved = model.jnt_bodyid[1:] - 1
    partner = np.full(len(robot.bodies), -1)
    partner[0] = 0
    partner[moved] = moved[order]
    at = body_tracks(robot, posed(robot, np.zeros(len(robot.joints)))).pos[0]
    image = at * (1.0, -1.0, 1.0)
    while (free := np.flatnonzero(partner < 0)).size:
        body = free[0]
        partner[body] = free[np.linalg.norm(at[free] - image[body], axis=1).argmin()]
        partner[partner[body]] = body
    far = np.linalg.norm(at[partner] - image, axis=1)
    if far.max() > APART:
        name = robot.bodies[int(far.argmax())]
        raise LimitError(f"The robot is not symmetric: body {name!r} has no counterpart on the other side.")
    return partner
