"""What a simulator was like, as plain values in the history of a performance, and back from there."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from understudy.physics.gains import Gains
from understudy.physics.simulator import PhysicsConfig
from understudy.robots.robot import Robot

PLAIN = tuple(field.name for field in fields(PhysicsConfig) if field.name != "gains")


def as_plain(robot: Robot, config: PhysicsConfig) -> dict[str, Any]:
    """All that ``from_plain`` needs to build the same simulator, gains included, whoever chose them."""
    gains = config.gains or Gains.of(robot)
    plain = {name: getattr(config, name) for name in PLAIN}
    return {**plain, "stiffness": gains.stiffness.tolist(), "damping": gains.damping.tolist()}


def from_plain(robot: Robot, told: Mapping[str, Any]) -> PhysicsConfig:
    """The simulator's configuration, to the bit.

    Raises KeyError, TypeError or ValueError for an account that is not one, LimitError for one that cannot be.
    """
    gains = [np.array(told[name], np.float64) for name in ("stiffness", "damping")]
    if any(values.shape != (len(robot.joints),) for values in gains):
        raise ValueError(f"gains for another number of joints than {len(robot.joints)}")
    return PhysicsConfig(**{name: told[name] for name in PLAIN}, gains=Gains(*gains))
