"""What physics makes of a motion: many robots at once, driven by joint targets, on a CPU without any training."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.physics.gains import Gains
    from understudy.physics.health import Fault, faults
    from understudy.physics.mpc import RefineConfig, refine
    from understudy.physics.mujoco_cpu import MujocoCpu
    from understudy.physics.planner import PlanConfig
    from understudy.physics.rollout import Rollout
    from understudy.physics.simulator import PhysicsConfig, Readings, Simulator, State, as_torch

_HOME = {
    "Fault": "health",
    "Gains": "gains",
    "MujocoCpu": "mujoco_cpu",
    "PhysicsConfig": "simulator",
    "PlanConfig": "planner",
    "Readings": "simulator",
    "RefineConfig": "mpc",
    "Rollout": "rollout",
    "Simulator": "simulator",
    "State": "simulator",
    "as_torch": "simulator",
    "faults": "health",
    "refine": "mpc",
}

__all__ = [
    "Fault",
    "Gains",
    "MujocoCpu",
    "PhysicsConfig",
    "PlanConfig",
    "Readings",
    "RefineConfig",
    "Rollout",
    "Simulator",
    "State",
    "as_torch",
    "faults",
    "refine",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
