"""What tracking is paid for: squared errors, which a reward row bends to exp(−error / σ²), and penalties."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from understudy.physics.moment import Moment
from understudy.rotations import quat_angle

Each = Float[Tensor, "robot"]
NEWTONS = 1.0
"""With more than so much the floor pushes a body that touches it."""


@dataclass(frozen=True)
class Sigma:
    """The error at which a tracking reward is 1/e of its most: before the schedule, and after it."""

    start: float
    end: float

    def at(self, progress: float) -> float:
        return self.start + (self.end - self.start) * progress


@dataclass(frozen=True)
class Reward:
    """A row of a reward table: weight · exp(−term / σ²), or weight · term where there is no σ."""

    term: Callable[[Moment], Tensor]
    weight: float
    sigma: Sigma | None = None

    def value(self, moment: Moment, progress: float) -> Each:
        """Per second, weighted; ``progress`` of the schedule of σ runs from 0 to 1."""
        value = self.term(moment)
        if self.sigma is not None:
            value = (-value / self.sigma.at(progress) ** 2).exp()
        return self.weight * value


def anchor_pos(m: Moment) -> Each:
    return _square(m.anchor.pos - m.reference_anchor.pos)


def anchor_quat(m: Moment) -> Each:
    return (quat_angle(m.anchor.quat, m.reference_anchor.quat) ** 2).mean(-1)


def anchor_lin_vel(m: Moment) -> Each:
    return _square(m.anchor.lin_vel - m.reference_anchor.lin_vel)


def body_pos(m: Moment) -> Each:
    """Mean over the bodies, where the robot's anchor is and headed as it is."""
    return _square(m.robot.pos - m.placed_pos)


def body_quat(m: Moment) -> Each:
    return (quat_angle(m.robot.quat, m.placed_quat) ** 2).mean(-1)


def body_lin_vel(m: Moment) -> Each:
    return _square(m.robot.lin_vel - m.reference.lin_vel)


def body_ang_vel(m: Moment) -> Each:
    return _square(m.robot.ang_vel - m.reference.ang_vel)


def action_rate(m: Moment) -> Each:
    return ((m.action - m.last_action) ** 2).sum(-1)


def joint_limits(m: Moment) -> Each:
    """By how much joints are beyond the soft limits (rad), added up."""
    q, parts = m.readings.joint_pos, m.parts
    return ((parts.lower - q).clamp(min=0.0) + (q - parts.upper).clamp(min=0.0)).sum(-1)


def undesired_contacts(m: Moment) -> Each:
    """How many bodies the floor pushes that should not touch it."""
    return m.readings.touching(NEWTONS)[:, m.parts.untouched].sum(-1).float()


def _square(errors: Float[Tensor, "robot body 3"]) -> Each:
    return (errors**2).sum(-1).mean(-1)
