"""The type of every arrow, on one page. There are no base classes: whatever fits is one."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from understudy.motion.types import HumanFrame, HumanMotion, RobotFrame, RobotMotion
from understudy.robots.robot import Robot


@runtime_checkable
class Retargeter(Protocol):
    """Human motion in, robot motion out: same order, same length, same frame rate, one output for each input."""

    robot: Robot

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]: ...


@runtime_checkable
class LiveRetargeter(Protocol):
    """One frame at a time, in bounded time; a bad pose gives the best answer there is, never an exception."""

    robot: Robot

    def reset(self, frame: HumanFrame) -> RobotFrame: ...

    def step(self, frame: HumanFrame) -> RobotFrame: ...
