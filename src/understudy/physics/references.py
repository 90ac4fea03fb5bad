"""What a simulated robot is to follow: a motion at the control rate, with the velocities, body poses, centre of mass
and contacts that belong to it.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.signal import butter, sosfiltfilt

from understudy.errors import LimitError, ShapeError, SkeletonMismatch
from understudy.motion.ops import sample_every
from understudy.motion.types import RobotMotion
from understudy.physics.mujoco_cpu import MujocoCpu
from understudy.physics.simulator import Readings, State
from understudy.robots.robot import Robot
from understudy.rotations import (
    quat_apply,
    quat_conj,
    quat_continuous,
    quat_mul,
    quat_normalize,
    quat_to_rotvec,
)

ORDER = 4
LOW, SLOW = 0.03, 0.4
"""A foot whose sole is nearer to the floor than this (m), and slower (m/s), stands."""
ASTRAY = 0.1
"""A clip that stands further from the floor than this (m) does not stand on it."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A motion as the simulator would read it, frame by frame: world frame, m, rad, s.

    ``seen`` has a row for each frame, ``qvel`` is as in ``simulator.State``; ``stance`` says which feet stand, in the
    order of ``Robot.feet``.
    """

    motion: RobotMotion
    qpos: Float[np.ndarray, "time qpos"]
    qvel: Float[np.ndarray, "time qvel"]
    seen: Readings
    stance: Bool[np.ndarray, "time foot"]

    def __len__(self) -> int:
        return len(self.qpos)


def reference(robot: Robot, motion: RobotMotion, rate: float, cutoff: float | None = None) -> Reference:
    """The motion at ``rate`` frames a second, low-passed at ``cutoff`` Hz, standing on the floor.

    A constant height is taken from the root, so that the clip's usual stance touches the floor. Feet stand where the
    tracks ``contact_<foot>_toe`` and ``…_heel`` say so, else where their soles are low and slow. Raises
    SkeletonMismatch for another robot's motion, ShapeError for contacts that are not numbers, LimitError for a clip
    that stands above the floor or below it.
    """
    if motion.joints != robot.joints:
        raise SkeletonMismatch(
            f"The motion is one of {motion.robot!r}, with joints other than those of {robot.name!r}."
        )
    motion = sample_every(motion, rate)
    if cutoff is not None:
        motion = smooth(motion, cutoff)
    qpos = motion.qpos.astype(np.float64)
    seen = _observed(robot, qpos, velocities(qpos, motion.fps))
    heights = _sole_heights(robot, seen)
    level = _level(heights)
    if abs(level) > ASTRAY:
        raise LimitError(
            f"The clip stands at {level:+.2f} m, and the simulation's floor lies at zero. Ground the motion first."
        )
    qpos[:, 2] -= level
    motion = replace(motion, root_pos=qpos[:, :3])
    qpos = motion.qpos.astype(
        np.float64
    )  # as the motion keeps it, so that a replay starts from the same bits
    qvel = velocities(qpos, motion.fps)
    seen = _observed(robot, qpos, qvel)
    return Reference(motion, qpos, qvel, seen, _stance(robot, motion, seen, heights - level))


def smooth(motion: RobotMotion, cutoff: float) -> RobotMotion:
    """Without what is faster than ``cutoff`` (Hz): a Butterworth filter, forwards and backwards.

    A clip too short for the filter, or too slow to hold such frequencies, stays as it is.
    """
    if cutoff >= 0.5 * motion.fps or motion.frames <= 3 * (ORDER + 1):
        return motion
    sections = butter(ORDER, cutoff, fs=motion.fps, output="sos")

    def low(values: Float[np.ndarray, "time n"]) -> Float[np.ndarray, "time n"]:
        return sosfiltfilt(sections, values.astype(np.float64), axis=0)

    return replace(
        motion,
        root_pos=low(motion.root_pos),
        root_quat=quat_normalize(low(quat_continuous(motion.root_quat))),
        joint_pos=low(motion.joint_pos),
        origin=motion.origin.after("smooth", cutoff_hz=cutoff),
    )


def velocities(qpos: Float[np.ndarray, "time qpos"], fps: float) -> Float[np.ndarray, "time qvel"]:
    """Central differences, one-sided at the ends, as in ``simulator.State``: turns in the root's own frame."""
    if len(qpos) == 1:
        return np.zeros((1, qpos.shape[1] - 1))
    before, after = np.arange(len(qpos)) - 1, np.arange(len(qpos)) + 1
    before[0], after[-1] = 0, len(qpos) - 1
    span = ((after - before) / fps)[:, None]
    turn = quat_to_rotvec(quat_mul(quat_conj(qpos[before, 3:7]), qpos[after, 3:7]))
    change = qpos[after] - qpos[before]
    return np.concatenate([change[:, :3], turn, change[:, 7:]], axis=1) / span


def _observed(robot: Robot, qpos: np.ndarray, qvel: np.ndarray) -> Readings:
    engine = MujocoCpu(robot, len(qpos), threads=1)
    engine.reset(range(len(qpos)), State(qpos, qvel))
    return engine.readings


def _sole_heights(robot: Robot, seen: Readings) -> Float[np.ndarray, "time foot"]:
    """Of each foot's lowest corner."""
    heights = []
    for foot in robot.feet.values():
        body = robot.body_index(foot.body)
        corners = quat_apply(seen.body_quat[:, body, None], foot.sole.astype(np.float32)[None])
        heights.append(seen.body_pos[:, body, 2] + corners[..., 2].min(axis=1))
    return np.stack(heights, axis=1).astype(np.float64)


def _level(heights: Float[np.ndarray, "time foot"]) -> float:
    """Where the clip stands: the middle of the lower half of what its lowest foot does."""
    lowest = np.sort(heights.min(axis=1))
    return float(np.median(lowest[: (len(lowest) + 1) // 2]))


def _stance(
    robot: Robot, motion: RobotMotion, seen: Readings, heights: Float[np.ndarray, "time foot"]
) -> Bool[np.ndarray, "time foot"]:
    stance = []
    for i, (side, foot) in enumerate(robot.feet.items()):
        told = [
            motion.tracks[t]
            for p in ("toe", "heel", "ankle")
            if (t := f"contact_{side}_{p}") in motion.tracks
        ]
        if told:
            stance.append(np.max([_contact(t, len(heights)) for t in told], axis=0) > 0.5)
        else:
            speed = np.linalg.norm(seen.body_lin_vel[:, robot.body_index(foot.body), :2], axis=-1)
            stance.append((heights[:, i] < LOW) & (speed < SLOW))
    return np.stack(stance, axis=1)


def _contact(track: np.ndarray, frames: int) -> Float[np.ndarray, "time"]:
    """The most that a track says of each frame. Raises ShapeError for one that holds no numbers."""
    values = np.asarray(track)
    if values.dtype.kind not in "biuf" or not values.size:
        raise ShapeError(
            f"A track of contacts holds numbers; one of the clip's has {values.dtype} and {values.size}."
        )
    return values.astype(np.float64).reshape(frames, -1).max(axis=1)
