"""Which engine simulates: MuJoCo Warp where there is a GPU, else MuJoCo's C library on the CPU."""

from importlib.util import find_spec

import torch

from understudy.errors import LimitError, UnknownName
from understudy.physics.mujoco_cpu import MujocoCpu
from understudy.physics.simulator import PhysicsConfig, Simulator
from understudy.robots.robot import Robot

KINDS = ("auto", "cpu", "warp")


def engine(
    robot: Robot,
    count: int,
    config: PhysicsConfig | None = None,
    kind: str = "auto",
    device: str | torch.device | None = None,
) -> Simulator:
    """``count`` robots on an engine of this kind.

    ``auto`` is ``warp`` where another device than the CPU is asked for, or none is and there is a CUDA device with
    MuJoCo Warp to use it; otherwise ``cpu``. ``warp`` takes the GPU that torch has chosen, or the CPU where there is
    none, unless told.

    Raises UnknownName for another kind, MissingExtra where MuJoCo Warp is needed and not installed, LimitError for a
    device that is not there, or that the engine does not run on, and for what the engines refuse.
    """
    if kind not in KINDS:
        raise UnknownName("engine", kind, KINDS)
    on_gpu = device is not None and not str(device).startswith("cpu")
    if kind == "auto":
        found = device is None and torch.cuda.is_available() and find_spec("mujoco_warp") is not None
        kind = "warp" if on_gpu or found else "cpu"
    if kind == "warp":
        from understudy.physics.mujoco_warp import MujocoWarp

        return MujocoWarp(robot, count, config, device)
    if on_gpu:
        raise LimitError(
            f"The engine 'cpu' runs on the CPU alone; got the device {str(device)!r}. Use 'warp'."
        )
    return MujocoCpu(robot, count, config)
