"""How bodies move: numba kernels for the CPU, batched torch for gradients and GPUs, both held against MuJoCo."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.kinematics.collision import Capsules, Clearances, clearances
    from understudy.kinematics.poses import body_tracks, landmark_tracks
    from understudy.kinematics.robot_source import human_of
    from understudy.kinematics.tree import Tree

_HOME = {
    "Capsules": "collision",
    "Clearances": "collision",
    "Tree": "tree",
    "body_tracks": "poses",
    "clearances": "collision",
    "human_of": "robot_source",
    "landmark_tracks": "poses",
}

__all__ = ["Capsules", "Clearances", "Tree", "body_tracks", "clearances", "human_of", "landmark_tracks"]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
