"""What a tracking policy may be shown: functions of a moment, one row for each robot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from understudy.physics.moment import Moment
from understudy.rotations import quat_apply, quat_conj, quat_mul, quat_to_matrix

Seen = Float[Tensor, "robot some"]


@dataclass(frozen=True)
class Observation:
    """A row of an observation table: what is shown, and within what bounds even noise is added to it."""

    term: Callable[[Moment], Tensor]
    noise: float = 0.0


def reference_joint_pos(m: Moment) -> Seen:
    return m.reference_joint_pos


def reference_joint_vel(m: Moment) -> Seen:
    return m.reference_joint_vel


def reference_body_pos(m: Moment) -> Seen:
    return m.reference.pos.flatten(1)


def reference_body_lin_vel(m: Moment) -> Seen:
    return m.reference.lin_vel.flatten(1)


def reference_body_quat(m: Moment) -> Seen:
    return m.reference.quat.flatten(1)


def reference_body_ang_vel(m: Moment) -> Seen:
    return m.reference.ang_vel.flatten(1)


def body_pos(m: Moment) -> Seen:
    return m.robot.pos.flatten(1)


def body_lin_vel(m: Moment) -> Seen:
    return m.robot.lin_vel.flatten(1)


def body_quat(m: Moment) -> Seen:
    return m.robot.quat.flatten(1)


def body_ang_vel(m: Moment) -> Seen:
    return m.robot.ang_vel.flatten(1)


def joint_pos(m: Moment) -> Seen:
    """Relative to home, as the encoders have it."""
    return m.readings.joint_pos - m.home


def joint_vel(m: Moment) -> Seen:
    return m.readings.joint_vel


def last_action(m: Moment) -> Seen:
    return m.action


def anchor_pos(m: Moment) -> Seen:
    """The reference's anchor, as seen from the robot's."""
    return _from(m, m.reference_anchor.pos).flatten(1)


def anchor_axes(m: Moment) -> Seen:
    """The reference's anchor's x and y axes in the frame of the robot's: six numbers, row by row."""
    return _axes(quat_mul(quat_conj(m.anchor.quat), m.reference_anchor.quat))


def body_pos_from_anchor(m: Moment) -> Seen:
    return _from(m, m.robot.pos).flatten(1)


def body_axes_from_anchor(m: Moment) -> Seen:
    return _axes(quat_mul(quat_conj(m.anchor.quat), m.robot.quat))


def root_lin_vel(m: Moment) -> Seen:
    """Of the root's origin, in the root's frame."""
    return quat_apply(quat_conj(m.readings.root_quat), m.readings.root_lin_vel)


def root_ang_vel(m: Moment) -> Seen:
    return quat_apply(quat_conj(m.readings.root_quat), m.readings.root_ang_vel)


def _from(m: Moment, points: Float[Tensor, "robot body 3"]) -> Float[Tensor, "robot body 3"]:
    return quat_apply(quat_conj(m.anchor.quat), points - m.anchor.pos)


def _axes(quat: Float[Tensor, "robot body 4"]) -> Seen:
    return quat_to_matrix(quat)[..., :2].flatten(1)


def terms(*tables: Mapping[str, Observation] | None) -> tuple[Callable[[Moment], Tensor], ...]:
    """What tables show, each thing once."""
    return tuple(dict.fromkeys(row.term for table in tables if table for row in table.values()))


def assemble(
    table: Mapping[str, Observation],
    known: Mapping[Callable[[Moment], Tensor], Tensor],
    generator: torch.Generator | None = None,
) -> Seen:
    """The rows of a table side by side, from the values of its terms; with its noise where there is a generator."""
    columns = [known[row.term] for row in table.values()]
    seen = torch.cat(columns, dim=1)
    if generator is None or not any(row.noise for row in table.values()):
        return seen
    bounds = [seen.new_full((x.shape[1],), row.noise) for x, row in zip(columns, table.values(), strict=True)]
    even = torch.rand(seen.shape, generator=generator, device=seen.device)
    return seen + torch.cat(bounds) * (2.0 * even - 1.0)
