"""What differs from robot to robot, so that a policy works on one that nobody has simulated.

Floor and masses are written into the models of an engine with ``own_models=True``, once, before the robots move. What
is drawn is the same for every engine.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from understudy.errors import LimitError
from understudy.physics.model import FLOOR
from understudy.physics.mujoco_cpu import MujocoCpu

if TYPE_CHECKING:
    from understudy.physics.mujoco_warp import MujocoWarp


@dataclass(frozen=True)
class Velocities:
    """Bounds of what is added to a root's velocity, both ways: m/s along and rad/s about the world's x, y, z."""

    linear: tuple[float, float, float] = (0.5, 0.5, 0.2)
    angular: tuple[float, float, float] = (0.52, 0.52, 0.78)


@dataclass(frozen=True)
class Spread:
    """Bounds, both ways, of how far an episode begins from its reference."""

    position: tuple[float, float, float] = (0.05, 0.05, 0.01)  # m
    rotation: tuple[float, float, float] = (0.1, 0.1, 0.2)  # rad, about the world's x, y, z
    velocity: Velocities = Velocities()
    joints: float = 0.1  # rad


@dataclass(frozen=True)
class Pushes:
    """A root's velocity changes at once, every so often."""

    seconds: tuple[float, float] = (1.0, 3.0)
    """Between two pushes of a robot, evenly drawn."""
    velocity: Velocities = Velocities()


def floor_friction(
    engine: "MujocoCpu | MujocoWarp", low: float, high: float, rng: np.random.Generator
) -> None:
    """Give every robot a floor of its own. Raises LimitError for robots that share a model."""
    frictions = rng.uniform(low, high, engine.count)
    if isinstance(engine, MujocoCpu):
        for model, friction in zip(_own(engine), frictions, strict=True):
            model.geom_friction[model.geom(FLOOR).id, 0] = friction
    else:
        field = _field(engine, "geom_friction")[:, engine.model.geom(FLOOR).id]
        field[:, 0] = torch.as_tensor(frictions).to(field)


def centre_of_mass(
    engine: "MujocoCpu | MujocoWarp",
    body: str,
    bounds: tuple[float, float, float],
    rng: np.random.Generator,
) -> None:
    """Move one body's centre of mass by up to ``bounds`` (m) in its own frame. Raises LimitError and UnknownName."""
    engine.robot.body_index(body)
    moves = rng.uniform(-1.0, 1.0, (engine.count, 3)) * bounds
    if isinstance(engine, MujocoCpu):
        for model, move in zip(_own(engine), moves, strict=True):
            model.body_ipos[model.body(body).id] += move
            mujoco.mj_setConst(model, mujoco.MjData(model))
    else:
        field = _field(engine, "body_ipos")[:, engine.model.body(body).id]
        field += torch.as_tensor(moves).to(field)
        engine.settle()


def _own(engine: MujocoCpu) -> tuple[mujoco.MjModel, ...]:
    if len(engine.models) != engine.count:
        raise _shared(engine.count)
    return engine.models


def _field(engine: "MujocoWarp", name: str) -> Float[Tensor, "robot ..."]:
    if name not in engine.fields:
        raise _shared(engine.count)
    return engine.fields[name]


def _shared(count: int) -> LimitError:
    return LimitError(
        f"{count} robots share one model, so they cannot differ; build the engine with own_models=True."
    )


def uniform(
    bounds: tuple[float, ...], rows: int, generator: torch.Generator, like: Tensor
) -> Float[Tensor, "row bound"]:
    """Evenly between −bound and bound, of the kind of ``like``."""
    even = torch.rand((rows, len(bounds)), generator=generator, device=like.device)
    return (2.0 * even - 1.0) * like.new_tensor(bounds)
