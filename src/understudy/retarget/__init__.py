"""Human motion in, robot motion out: methods side by side behind one contract."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.protocols import Retargeter
    from understudy.retarget.frame_ik import FrameIK, FrameIKConfig
    from understudy.robots.robot import Robot

_HOME = {"FrameIK": "frame_ik", "FrameIKConfig": "frame_ik"}

__all__ = ["METHODS", "FrameIK", "FrameIKConfig"]


def _frame_ik(robot: "Robot", *, ground: str = "auto") -> "Retargeter":
    from understudy.retarget.frame_ik import FrameIK, FrameIKConfig

    return FrameIK(robot, FrameIKConfig(ground=ground))


METHODS: dict[str, "Callable[..., Retargeter]"] = {"frame-ik": _frame_ik}
"""Methods by the names that the command line knows them by: a robot and common options in, a retargeter out."""


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
