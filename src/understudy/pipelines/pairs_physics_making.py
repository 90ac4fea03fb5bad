"""One pair whose robot side is what a simulated robot really did: what is kept of a performance, and which of its
frames are good.

The human side stays as it is, frame by frame, and nothing is shifted in time.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from understudy.learn.pair_file import Pair
from understudy.motion import HumanMotion, Origin, RobotMotion, sample_every, trim
from understudy.motion.landmarks import LANDMARKS
from understudy.pipelines.pairs_body import skeleton_of
from understudy.pipelines.pairs_making import good_frames

if TYPE_CHECKING:
    from understudy.physics.rollout import Rollout
    from understudy.robots.robot import Robot

STAGE = "physics"
"""What the ``meta`` of such a pair has for ``stage``; of the pair that it was made from it is ``kinematic``."""
MARGIN = 0.5
"""Seconds before a fall that are not kept: nobody should learn how a robot begins to fall."""
SHORTEST = 2.0
"""Seconds that must be left of a performance for a pair."""
ASTRAY = 0.15
"""Frames whose bodies are further (m, their mean) from where they were asked to be are not good: the human then did
something else."""
BEYOND = 0.03
"""Limits of joints give way in the simulation. A joint beyond its range is put back to its end; further out than this
(rad), the frame is not good."""


def asked_for(pair: Pair, robot: "Robot") -> RobotMotion:
    """The robot's motion of a pair, as a clip."""
    arrays = (pair.robot_root_pos, pair.robot_root_quat, pair.robot_joint_pos)
    return RobotMotion(
        robot.name, robot.joints, float(pair.meta["fps"]), *arrays, origin=Origin(pair.meta["source"])
    )


def frames_kept(rollout: "Rollout", fps: float) -> int:
    """How many frames of a performance may be learnt from; 0 where it fell with too little before."""
    if rollout.fell_at is None:
        return _frames(rollout.achieved.duration, fps)
    until = min(rollout.fell_at - MARGIN, rollout.achieved.duration)
    return _frames(until, fps) if until >= SHORTEST else 0


def physical_pair(pair: Pair, rollout: "Rollout", robot: "Robot") -> Pair:
    """The pair with the performance in place of what was asked for, up to the last frame that may be kept.

    A performance begins with its first frame, so frames stay beside those of the human. ``meta["performance"]`` says
    what became of it: metres, radians, seconds.
    """
    fps = float(pair.meta["fps"])
    frames = frames_kept(rollout, fps)
    done = trim(sample_every(rollout.achieved, fps), 0.0, (frames - 1) / fps)
    made = replace(done, joint_pos=np.clip(done.joint_pos, robot.lower, robot.upper))
    ok, bodies, told = _judged(made, np.abs(done.joint_pos - made.joint_pos).max(axis=1), pair, robot)
    human = (pair.human_pos[:frames], pair.human_quat[:frames])
    arrays = (made.root_pos, made.root_quat, made.joint_pos, bodies)
    told |= {"retries": rollout.retries, "fell_at": rollout.fell_at, "fault": rollout.fault}
    return Pair(*human, *arrays, ok, {**pair.meta, "stage": STAGE, "performance": told})


def _judged(
    made: RobotMotion, beyond: Float[np.ndarray, "time"], pair: Pair, robot: "Robot"
) -> tuple[Bool[np.ndarray, "time"], Float[np.ndarray, "time body 3"], dict[str, Any]]:
    """Which frames are good, where the bodies are (m), and how far they are from where they were asked to be.

    A frame is good if that of the given pair is, if it passes the same checks, is near, and no joint was ``beyond``.
    """
    from understudy.kinematics import body_tracks

    bodies = body_tracks(robot, made).pos.astype(np.float32)
    off = np.linalg.norm(bodies - pair.robot_body_pos[: made.frames], axis=-1).mean(axis=1)
    ok = pair.human_ok[: made.frames] & good_frames(made, _human(pair, made.frames), robot)
    ok &= (off <= ASTRAY) & (beyond <= BEYOND)
    told = {"off": off.mean(), "off_most": off.max(), "beyond_most": beyond.max()}
    return ok, bodies, {name: round(float(value), 5) for name, value in told.items()}


def _human(pair: Pair, frames: int) -> HumanMotion:
    """The human's landmarks as a clip: all that the checks of a robot's motion ask about."""
    skeleton = skeleton_of(LANDMARKS, np.zeros((len(LANDMARKS), 3)))
    return HumanMotion(
        skeleton,
        float(pair.meta["fps"]),
        pair.human_pos[:frames],
        pair.human_quat[:frames],
        {},
        Origin("pair"),
    )


def _frames(seconds: float, fps: float) -> int:
    """At the instants k / fps, as ``sample_every`` counts them."""
    return int(seconds * fps + 1e-6) + 1
