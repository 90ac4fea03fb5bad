"""When a robot has lost its reference: functions of a moment that say how far, and how far is too far."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from understudy.physics.moment import Moment

Each = Float[Tensor, "robot"]


@dataclass(frozen=True)
class Termination:
    """A row of a termination table: an episode ends as failed where the term is above the bound."""

    term: Callable[[Moment], Tensor]
    bound: float

    def reached(self, moment: Moment) -> Bool[Tensor, "robot"]:
        return self.term(moment) > self.bound


def anchor_height(m: Moment) -> Each:
    """Between the anchor and its reference (m)."""
    return (m.anchor.pos - m.reference_anchor.pos)[:, 0, 2].abs()


def anchor_tilt(m: Moment) -> Each:
    """Between the vertical parts of the anchors' own z axes: 2 for one that stands on its head."""
    return (_upright(m.anchor.quat) - _upright(m.reference_anchor.quat)).abs()


def ends_height(m: Moment) -> Each:
    """The most between an ankle or wrist and its reference (m)."""
    return (m.robot.pos - m.placed_pos)[:, m.parts.ends, 2].abs().amax(-1)


def _upright(quat: Float[Tensor, "robot 1 4"]) -> Each:
    x, y = quat[:, 0, 1], quat[:, 0, 2]
    return 1.0 - 2.0 * (x * x + y * y)
