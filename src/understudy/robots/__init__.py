"""Robot bodies: compiled models with the few things that a model file cannot say."""

from understudy.robots.registry import load, names
from understudy.robots.robot import Foot, Robot

__all__ = ["Foot", "Robot", "load", "names"]
