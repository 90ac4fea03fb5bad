"""Where a robot's bodies and landmarks are over a clip: forward kinematics on the CPU."""

import numpy as np
from jaxtyping import Float

from understudy.errors import SkeletonMismatch
from understudy.kinematics.kernels.forward import forward_clip
from understudy.kinematics.tree import Tree
from understudy.motion.bodies import BodyTracks
from understudy.motion.types import RobotMotion
from understudy.robots.robot import Robot
from understudy.rotations import quat_normalize


def check_fit(robot: Robot, motion: RobotMotion) -> None:
    """Raise SkeletonMismatch unless the clip's joints are the robot's, in the robot's order."""
    if motion.joints != robot.joints:
        extra = sorted(set(motion.joints) ^ set(robot.joints))
        what = (
            f"they differ in {', '.join(extra[:4])}" if extra else "they are the same joints in another order"
        )
        raise SkeletonMismatch(
            f"The motion has {len(motion.joints)} joints and {robot.name!r} has {len(robot.joints)}; {what}. "
            "Convert the motion with the robot that it was made for."
        )


def body_tracks(robot: Robot, motion: RobotMotion) -> BodyTracks:
    """World poses of all bodies over a clip, in the order of ``robot.bodies``. Raises SkeletonMismatch."""
    check_fit(robot, motion)
    tree = Tree.from_robot(robot)
    pos, quat = forward_clip(
        tree.arrays(),
        motion.root_pos.astype(np.float64),
        quat_normalize(motion.root_quat.astype(np.float64)),
        motion.joint_pos.astype(np.float64),
        tree.body_link.astype(np.int64),
    )
    return BodyTracks(robot.bodies, pos, quat)


def landmark_tracks(
    robot: Robot, motion: RobotMotion
) -> tuple[Float[np.ndarray, "time landmark 3"], Float[np.ndarray, "time landmark 4"]]:
    """World poses of a robot's landmarks over a clip, in the order of ``robot.landmarks.names``."""
    bodies = body_tracks(robot, motion)
    return robot.landmarks.world(bodies.pos, bodies.quat)


def posed(robot: Robot, joint_pos: Float[np.ndarray, "dof"]) -> RobotMotion:
    """One frame with the root upright at the origin and the joints as given (rad)."""
    return RobotMotion(
        robot.name,
        robot.joints,
        1.0,
        np.zeros((1, 3)),
        np.array([[1.0, 0, 0, 0]]),
        np.asarray(joint_pos)[None],
    )
