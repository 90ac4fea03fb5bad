"""Many clips end to end, at the rate of control: what trackers are shown, and into what states they are put."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from understudy.errors import LimitError
from understudy.kinematics import body_tracks
from understudy.motion import RobotMotion, sample_every
from understudy.motion.formats.tracking import reference
from understudy.physics.bodies import Bodies
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_conj, quat_normalize


@dataclass(frozen=True, eq=False)
class ClipsAtRate:
    """All frames of all clips, one clip after another; single precision, world frame of each clip.

    ``qpos`` and ``qvel`` are states as a simulator takes them: the root's angular velocity is in its own frame.
    Velocities are those that every tracking file of the package has: central differences, one-sided at the ends.
    """

    rate: float
    """Frames a second."""
    first: Int[Tensor, "clip"]
    """Row of each clip's first frame."""
    frames: Int[Tensor, "clip"]
    qpos: Float[Tensor, "time qpos"]
    qvel: Float[Tensor, "time qvel"]
    bodies: tuple[str, ...]
    tracked: Bodies
    """Those bodies."""

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(
        cls,
        robot: Robot,
        motions: Sequence[RobotMotion],
        bodies: Sequence[str],
        rate: float = 50.0,
        device: str | torch.device = "cpu",
    ) -> "ClipsAtRate":
        """Clips at the instants k / rate.

        Raises LimitError for no clips, or one with fewer than two frames at that rate; SkeletonMismatch for one of
        other joints; UnknownName for a body that the robot lacks.
        """
        if not motions:
            raise LimitError("A tracking task needs at least one clip; got none.")
        rows = [robot.body_index(name) for name in bodies]
        parts = [_states(robot, motion, rows, rate, i) for i, motion in enumerate(motions)]
        frames = np.array([len(part[0]) for part in parts])
        qpos, qvel, *tracked = (
            torch.from_numpy(np.concatenate(column)).to(device) for column in zip(*parts, strict=True)
        )
        first = np.concatenate([[0], np.cumsum(frames)[:-1]])
        return cls(
            rate,
            torch.from_numpy(first).to(device),
            torch.from_numpy(frames).to(device),
            qpos,
            qvel,
            tuple(bodies),
            Bodies(*tracked),
        )


def _states(
    robot: Robot, motion: RobotMotion, rows: list[int], rate: float, index: int
) -> tuple[np.ndarray, ...]:
    """qpos, qvel, then positions, orientations and velocities of some bodies."""
    name = motion.origin.source or f"clip {index}"
    if motion.duration * rate < 1.0 - 1e-6:
        raise LimitError(
            f"{name} has {motion.frames} frames at {motion.fps:g} fps, less than two at {rate:g}: too short to track."
        )
    motion = sample_every(motion, rate)
    seen = reference(motion, body_tracks(robot, motion), name, rate)
    quat = quat_normalize(motion.root_quat)
    turning = quat_apply(quat_conj(quat), seen["body_ang_vel_w"][:, 0])
    qvel = np.concatenate([seen["body_lin_vel_w"][:, 0], turning, seen["joint_vel"]], axis=1)
    kinds = ("body_pos_w", "body_quat_w", "body_lin_vel_w", "body_ang_vel_w")
    return (
        motion.qpos,
        qvel.astype(np.float32),
        *(np.ascontiguousarray(seen[kind][:, rows]) for kind in kinds),
    )
