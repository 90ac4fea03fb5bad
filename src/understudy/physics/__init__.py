"""What physics makes of a motion: many robots at once, driven by joint targets."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.physics.clips_at_rate import ClipsAtRate
    from understudy.physics.engines import engine
    from understudy.physics.gains import Gains
    from understudy.physics.health import Fault, faults
    from understudy.physics.mpc import RefineConfig, refine
    from understudy.physics.mujoco_cpu import MujocoCpu
    from understudy.physics.performing import perform, replay
    from understudy.physics.planner import PlanConfig
    from understudy.physics.policies import Policy, load_policy
    from understudy.physics.rollout import Rollout
    from understudy.physics.rollout_files import load_rollout, save_rollout
    from understudy.physics.simulator import PhysicsConfig, Readings, Simulator, State, as_torch
    from understudy.physics.tasks import TrackingTask, beyond_mimic, cepr
    from understudy.physics.tracking import Tracking

_HOME = {
    "ClipsAtRate": "clips_at_rate",
    "Fault": "health",
    "Gains": "gains",
    "MujocoCpu": "mujoco_cpu",
    "PhysicsConfig": "simulator",
    "PlanConfig": "planner",
    "Policy": "policies",
    "Readings": "simulator",
    "RefineConfig": "mpc",
    "Rollout": "rollout",
    "Simulator": "simulator",
    "State": "simulator",
    "Tracking": "tracking",
    "TrackingTask": "tasks",
    "as_torch": "simulator",
    "beyond_mimic": "tasks",
    "cepr": "tasks",
    "engine": "engines",
    "faults": "health",
    "load_policy": "policies",
    "load_rollout": "rollout_files",
    "perform": "performing",
    "refine": "mpc",
    "replay": "performing",
    "save_rollout": "rollout_files",
}

__all__ = [
    "ClipsAtRate",
    "Fault",
    "Gains",
    "MujocoCpu",
    "PhysicsConfig",
    "PlanConfig",
    "Policy",
    "Readings",
    "RefineConfig",
    "Rollout",
    "Simulator",
    "State",
    "Tracking",
    "TrackingTask",
    "as_torch",
    "beyond_mimic",
    "cepr",
    "engine",
    "faults",
    "load_policy",
    "load_rollout",
    "perform",
    "refine",
    "replay",
    "save_rollout",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
