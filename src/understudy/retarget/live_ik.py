"""LiveIK: retargeting as it happens, in a fifth of a millisecond a frame.

Parallel continuation differential inverse kinematics after MIRROR (Li, Yang and Ames, 2026): every limb has a family of
QPs over α, the part of the way to its target that is asked for; barriers keep it off the body; and the largest α is
taken that a certificate allows. Here the family is solved for all α at once, exactly, and the certificate asks forward
kinematics instead of a linear prediction.

Upper body: waist and arms follow, the root stands where the home stance has it. See ``docs/methods/live_ik.md``.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from understudy.motion.types import HumanFrame, HumanMotion, RobotFrame, RobotMotion
from understudy.protocols import LiveRetargeter
from understudy.retarget.live.commands import Commands
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.control import FALLBACK, Control, Taken
from understudy.retarget.live.problem import LiveProblem
from understudy.robots.robot import Robot

__all__ = ["LiveIK", "LiveIKConfig", "as_batch"]

_DEFAULT = LiveIKConfig()
_SETTLE = 150
"""Control steps from the home stance to the first frame, at most."""
_CATCH_UP = 4
"""Control steps for one frame, at most: slower sources than that get slower robots, and never a late one."""


class LiveIK:
    """A ``LiveRetargeter``. ``reset`` goes from the home stance to the first frame; every ``step`` moves the robot by
    as many control steps as time has passed, at least one. A frame that is no pose leaves the targets as they were,
    and a target that cannot be reached is approached as far as barriers and limits let the robot."""

    def __init__(self, robot: Robot, config: LiveIKConfig = _DEFAULT):
        self.robot = robot
        self.config = config
        self.problem = LiveProblem.build(robot, config)
        self.taken: Taken | None = None
        """What the last control step did."""
        self.fallbacks = 0
        """Steps of limbs since the reset for which no α was certified."""
        self._control = Control(self.problem)
        self._pose, self._goal = self.problem.pose(robot.home), self.problem.goal()
        self._commands: Commands | None = None
        self._time: float | None = None
        self._aimed = False

    def reset(self, frame: HumanFrame) -> RobotFrame:
        """Start at a frame: from the home stance, along a way that breaks no barrier. Raises SkeletonMismatch for a
        skeleton without arms, the one thing that no later frame can mend."""
        self._commands = Commands.fit(frame.skeleton, self.robot)
        self._pose, self.fallbacks, self._aimed = self.problem.pose(self.robot.home), 0, False
        for _ in range(_SETTLE):
            before = self._pose.q.copy()
            self._aim(frame)
            self._advance(1)
            if np.abs(self._pose.q - before).max() < self.config.least_step:
                break
        self._time = float(frame.time)
        return self._frame(frame)

    def step(self, frame: HumanFrame) -> RobotFrame:
        """Follow a frame."""
        if self._commands is None or frame.skeleton is not self._commands.skeleton:
            return self.reset(frame)
        passed = float(frame.time) - (self._time or 0.0)
        steps = int(min(passed / self.config.dt + 1e-3, _CATCH_UP)) if passed > 0.0 else 1
        self._aim(frame)
        self._advance(max(steps, 1))
        if np.isfinite(frame.time):
            self._time = float(frame.time)
        return self._frame(frame)

    def _aim(self, frame: HumanFrame) -> None:
        assert self._commands is not None
        self._aimed = self._commands.fill(frame, self.problem, self._pose, self._goal) or self._aimed

    def _advance(self, steps: int) -> None:
        if not self._aimed:  # nothing was ever asked for
            return
        for _ in range(steps):
            self.taken = self._control.step(self._pose, self._goal)
            self.fallbacks += int((self.taken.code >= FALLBACK).sum())

    def _frame(self, frame: HumanFrame) -> RobotFrame:
        pose = self._pose
        return RobotFrame(
            self.robot.name, frame.time, np.concatenate([pose.root_pos, pose.root_quat, pose.q])
        )


class as_batch:
    """A live retargeter over whole clips, frame by frame: a ``Retargeter``."""

    def __init__(self, live: LiveRetargeter):
        self.robot = live.robot
        self._live = live

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]:
        return [self._retarget(motion) for motion in motions]

    def _retarget(self, human: HumanMotion) -> RobotMotion:
        frames = [
            HumanFrame(human.skeleton, t / human.fps, human.pos[t], human.quat[t])
            for t in range(human.frames)
        ]
        live = self._live
        qpos = np.array([live.reset(frames[0]).qpos, *(live.step(frame).qpos for frame in frames[1:])])
        config = getattr(live, "config", None)
        origin = human.origin.after(
            f"retarget.{type(live).__name__}",
            robot=self.robot.name,
            configuration={} if config is None else asdict(config),
        )
        return RobotMotion(
            self.robot.name, self.robot.joints, human.fps, qpos[:, :3], qpos[:, 3:7], qpos[:, 7:], {}, origin
        )
