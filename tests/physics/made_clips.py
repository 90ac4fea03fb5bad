"""Clips of the G1 that tests follow: standing, and a sway that moves everything a little."""

import numpy as np

from understudy.motion import Origin, RobotMotion


def still(robot, frames, fps=50.0, name="still", lift=0.0):
    """The home stance, so many metres above the floor."""
    qpos = np.tile(robot.home, (frames, 1))
    qpos[:, 2] += lift
    return _clip(robot, qpos, fps, name)


def sway(robot, frames, fps=50.0, name="sway"):
    """In the air, all joints within a tenth of their ranges about the middle, the root turning and drifting."""
    t = np.arange(frames)[:, None] / fps
    qpos = np.zeros((frames, 7 + len(robot.joints)))
    qpos[:, :3] = [0.0, 0.0, 1.5] + t * [0.3, -0.2, 0.1]
    qpos[:, 3], qpos[:, 6] = np.cos(0.4 * t[:, 0]), np.sin(0.4 * t[:, 0])
    phase = np.linspace(0.0, 3.0, len(robot.joints))
    middle, half = 0.5 * (robot.lower + robot.upper), 0.5 * (robot.upper - robot.lower)
    qpos[:, 7:] = middle + 0.1 * half * np.sin(2.0 * t + phase)
    return _clip(robot, qpos, fps, name)


def _clip(robot, qpos, fps, name):
    return RobotMotion(
        robot.name, robot.joints, fps, qpos[:, :3], qpos[:, 3:7], qpos[:, 7:], origin=Origin(source=name)
    )
