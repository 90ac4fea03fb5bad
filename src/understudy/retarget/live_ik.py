"""LiveIK: retargeting as it happens, in about a millisecond a frame.

Parallel continuation differential inverse kinematics after MIRROR (Li, Yang and Ames, 2026): every limb has a family of
QPs over α, the part of the way to its target that is asked for; barriers keep it off the body; and the largest α is
taken that a certificate allows. Here the family is solved for all α at once, exactly, and the certificate asks forward
kinematics instead of a linear prediction.

The whole body follows on feet that stand, or waist and arms do while the root stays at home. See
``docs/methods/live_ik.md``.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from understudy.motion.types import HumanFrame, HumanMotion, RobotFrame, RobotMotion
from understudy.protocols import LiveRetargeter
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.control import FALLBACK
from understudy.retarget.live.followers import follower
from understudy.retarget.live.reading import Clock, Reader
from understudy.retarget.live.whole_config import WholeConfig
from understudy.robots.robot import Robot

__all__ = ["LiveIK", "LiveIKConfig", "WholeConfig", "as_batch"]

_STEPS = 2
"""Control steps for one frame, at least: one goes most of the way, the second what linearisation left of it."""


class LiveIK:
    """A ``LiveRetargeter``. The kind of configuration is the mode: ``WholeConfig`` the whole body, ``LiveIKConfig``
    waist and arms; without one, whatever the robot can. Raises LimitError for a whole body without legs.

    ``reset`` goes from the home stance to the first frame; every ``step`` moves the robot by two control steps, or so
    many of at most ``dt`` as time has passed, five at most. Joint speeds are kept from frame to frame. A frame that is
    no pose leaves the targets as they were, and a target that cannot be reached is approached as far as barriers and
    limits let the robot."""

    def __init__(self, robot: Robot, config: LiveIKConfig | WholeConfig | None = None):
        self.robot = robot
        self.config = config if config is not None else default_config(robot)
        self._follower = follower(robot, self.config)
        self.problem = self._follower.problem
        self.idle = self.problem.config.dt
        """Seconds that a frame stands for whose time is no progress."""
        self.steps = 0
        """Control steps since the reset."""
        self.fallbacks = 0
        """Steps of limbs since the reset for which no α was certified."""
        self._reader: Reader | None = None
        self._clock, self._aimed = Clock(self.idle), False

    def reset(self, frame: HumanFrame) -> RobotFrame:
        """Start at a frame: from the home stance, along a way that breaks no barrier. Raises SkeletonMismatch for a
        skeleton that lacks what is followed, the one thing that no later frame can mend."""
        self._follower.fit(frame.skeleton)
        self._reader = Reader.of(frame.skeleton)
        self._clock.begin(float(frame.time))
        self._aimed = False
        self.steps = self.fallbacks = 0
        if self._aim(frame):
            self._follower.settle()
        return self._frame(frame)

    def step(self, frame: HumanFrame) -> RobotFrame:
        """Follow a frame. A frame of another skeleton is a reset."""
        if self._reader is None or frame.skeleton is not self._reader.skeleton:
            return self.reset(frame)
        seconds = self._clock.passed(float(frame.time))
        self._aim(frame)
        if self._aimed:
            count = max(_STEPS, math.ceil(seconds / self.problem.config.dt - 1e-3))
            self._follower.pace(seconds, count)
            for _ in range(count):
                code = self._follower.advance()
                self.fallbacks += int((code >= FALLBACK).sum())
            self.steps += count
        return self._frame(frame)

    def _aim(self, frame: HumanFrame) -> bool:
        """Aim at a frame; False where it is no pose."""
        assert self._reader is not None
        human = self._reader.read(frame, self._clock.now)
        if human is None:
            return False
        if self._aimed:
            self._follower.aim(human)
        else:
            self._follower.start(human)
        self._aimed = True
        return True

    def _frame(self, frame: HumanFrame) -> RobotFrame:
        pose = self._follower.pose
        return RobotFrame(
            self.robot.name, frame.time, np.concatenate([pose.root_pos, pose.root_quat, pose.q])
        )


def default_config(robot: Robot, ground: str = "auto") -> LiveIKConfig | WholeConfig:
    """The whole body of a robot with legs to stand on, the upper body of any other, which knows no ground."""
    return LiveIKConfig() if robot.fixed_base or not robot.feet else WholeConfig(ground=ground)


class as_batch:
    """A live retargeter over whole clips, frame by frame: a ``Retargeter``.

    One whose answers are ``delay`` seconds late sees the last frame for so much longer."""

    def __init__(self, live: LiveRetargeter):
        self.robot = live.robot
        self._live = live

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]:
        return [self._retarget(motion) for motion in motions]

    def _retarget(self, human: HumanMotion) -> RobotMotion:
        live, last = self._live, human.frames - 1
        late = round(getattr(live, "delay", 0.0) * human.fps)
        frames = [
            HumanFrame(human.skeleton, t / human.fps, human.pos[min(t, last)], human.quat[min(t, last)])
            for t in range(human.frames + late)
        ]
        qpos = np.array([live.reset(frames[0]).qpos, *(live.step(frame).qpos for frame in frames[1:])])[late:]
        config = getattr(live, "config", None)
        origin = human.origin.after(
            f"retarget.{type(live).__name__}",
            robot=self.robot.name,
            configuration={} if config is None else asdict(config),
        )
        return RobotMotion(
            self.robot.name, self.robot.joints, human.fps, qpos[:, :3], qpos[:, 3:7], qpos[:, 7:], {}, origin
        )
