"""Human motion in, robot motion out: methods side by side behind one contract."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.retarget.frame_ik import FrameIK, FrameIKConfig

_HOME = {"FrameIK": "frame_ik", "FrameIKConfig": "frame_ik"}

__all__ = ["FrameIK", "FrameIKConfig"]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
