"""One instant of a tracking task: robots beside the frames of their references. Terms are functions of it."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from understudy.physics.bodies import Bodies
from understudy.physics.simulator import Readings
from understudy.rotations import quat_about, quat_apply, quat_conj, quat_mul, quat_yaw


@dataclass(frozen=True, eq=False)
class Parts:
    """Which bodies and joints terms speak of."""

    tracked: Int[Tensor, "body"]
    """Rows of the readings' bodies that a reference is compared with."""
    anchor: int
    """The one among them that says where the robot is."""
    ends: Int[Tensor, "end"]
    """Those among them that must not stray: ankles and wrists."""
    untouched: Int[Tensor, "other"]
    """Rows of the readings' bodies that should not touch the floor."""
    lower: Float[Tensor, "dof"]
    """Joint positions (rad) between which nothing is asked of a robot."""
    upper: Float[Tensor, "dof"]


@dataclass(frozen=True, eq=False)
class Moment:
    """What terms see. The readings are the simulator's own, so a moment holds until its next step or reset."""

    parts: Parts
    readings: Readings
    reference: Bodies
    reference_joint_pos: Float[Tensor, "robot dof"]
    reference_joint_vel: Float[Tensor, "robot dof"]
    home: Float[Tensor, "robot dof"]
    """Where action zero sends the joints (rad), each robot's encoders' errors included."""
    action: Float[Tensor, "robot dof"]
    last_action: Float[Tensor, "robot dof"]

    @cached_property
    def robot(self) -> Bodies:
        """The tracked bodies."""
        r, rows = self.readings, self.parts.tracked
        return Bodies(
            *(x.index_select(1, rows) for x in (r.body_pos, r.body_quat, r.body_lin_vel, r.body_ang_vel))
        )

    @cached_property
    def anchor(self) -> Bodies:
        """The robot's anchor alone, of one body."""
        return _one(self.robot, self.parts.anchor)

    @cached_property
    def reference_anchor(self) -> Bodies:
        return _one(self.reference, self.parts.anchor)

    @cached_property
    def heading(self) -> Float[Tensor, "robot 1 4"]:
        """The turn about z from the reference's anchor to the robot's."""
        turn = quat_mul(self.anchor.quat, quat_conj(self.reference_anchor.quat))
        return quat_about("z", quat_yaw(turn))

    @cached_property
    def placed_pos(self) -> Float[Tensor, "robot body 3"]:
        """The reference's bodies, moved over the floor to where the robot's anchor is, and turned as it is headed."""
        anchor, own = self.reference_anchor.pos, self.anchor.pos
        under = torch.cat([own[..., :2], anchor[..., 2:]], dim=-1)
        return under + quat_apply(self.heading, self.reference.pos - anchor)

    @cached_property
    def placed_quat(self) -> Float[Tensor, "robot body 4"]:
        return quat_mul(self.heading, self.reference.quat)


def _one(bodies: Bodies, body: int) -> Bodies:
    at = slice(body, body + 1)
    return Bodies(bodies.pos[:, at], bodies.quat[:, at], bodies.lin_vel[:, at], bodies.ang_vel[:, at])
