"""NMR as it learns: windows of pairs in, the loss out; landmarks of a human in, the robot's pose out.

Features (``learn.features``) on both ends of the network. The loss is the paper's, L1 on all robot features, and terms
that a processor affords: how features change from frame to frame, and what forward kinematics makes of the joints.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from understudy.learn.features import (
    Anchor,
    Layout,
    RobotLayout,
    anchor_of,
    decode_robot,
    encode_human,
    encode_robot,
    layout_of_human,
    layout_of_robot,
)
from understudy.learn.features_robot import Pose
from understudy.retarget.nmr_body import Body, mean
from understudy.retarget.nmr_mirror import Mirror, tie
from understudy.retarget.nmr_network import NMRNetwork, NMRNetworkConfig, network_config

Batch = Mapping[str, Tensor]

LEAST = {
    "root": 0.02,
    "root_turn": 0.05,
    "joint_pos": 0.15,
    "places": 0.05,
    "velocities": 0.01,
    "velocity": 0.01,
}
"""Spread that a column is taken to have at least: what hardly moves is not learnt to the micrometre."""
COMFORT = 0.1
"""rad: joints farther than this from a limit are not near it."""
FAST = 0.25
"""rad a frame: joints that move less are not fast."""
EVERY = 4
"""Forward kinematics is done for one window in so many: on a processor it costs as much as the network."""


@dataclass(frozen=True)
class NMRLoss:
    """What mistakes cost. The first line alone is the paper's loss."""

    features: float = 1.0
    """L1 of all features, in their standard deviations."""
    groups: Mapping[str, float] = field(default_factory=lambda: {"places": 0.3, "velocities": 0.2})
    """Of which these groups count so much less or more."""
    steps: float = 1.0
    """L1 of what root and joints change by from frame to frame."""
    bends: float = 1.0
    """L1 of their second differences: the teacher's smoothness."""
    limits: float = 1.0
    """How much nearer than the teacher's joints are to their limits, where these are near, rad."""
    fast: float = 40.0
    """How much faster than the teacher's fast joints are, rad a frame: arms that pass where two poses are as good."""
    points: float = 5.0
    """The terms of ``Body``: places of bodies,"""
    soles: float = 3.0
    """of the corners of soles,"""
    feet: float = 16.0
    """what standing feet slide,"""
    floor: float = 15.0
    """how deep they are in the floor,"""
    bodies: float = 40.0
    """and how deep bodies are in each other."""


@dataclass(frozen=True)
class NMRModelConfig:
    """What must be known to build the network again."""

    kind: str = "anchored"
    """Features: ``anchored``, or ``paper`` (Eq. 7 and 8)."""
    network: NMRNetworkConfig = field(default_factory=lambda: network_config("small"))
    symmetric: bool = True
    """Treat left and right alike (``nmr_mirror``)."""
    loss: NMRLoss = field(default_factory=NMRLoss)

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "NMRModelConfig":
        """What ``to_json`` gave; raises TypeError or KeyError for anything else."""
        network = dict(told["network"])
        network["span"] = None if network["span"] is None else tuple(network["span"])
        return cls(told["kind"], NMRNetworkConfig(**network), told["symmetric"], NMRLoss(**told["loss"]))


class NMRModel(nn.Module):
    """The network between human and robot features.

    ``tree`` is what ``Body`` asks for; without it only features can be learnt from.
    """

    def __init__(
        self, config: NMRModelConfig, robot: RobotLayout, tree: Mapping[str, np.ndarray] | None = None
    ):
        super().__init__()
        self.config, self.robot = config, robot
        self.human_layout = layout_of_human(config.kind)
        self.robot_layout = layout_of_robot(robot, config.kind)
        self.network = NMRNetwork(config.network, self.human_layout.width, self.robot_layout.width)
        if config.symmetric:
            tie(self.network, *(_mirror(layout) for layout in (self.human_layout, self.robot_layout)))
        self.body = None if tree is None else Body(tree, robot.size)
        weights = torch.ones(self.robot_layout.width)
        for group, weight in config.loss.groups.items():
            weights[self.robot_layout[group]] = weight
        self.register_buffer("weights", weights / weights.mean(), persistent=False)
        moving = [self.robot_layout.slices.get(name, slice(0)) for name in ("root", "root_turn", "joint_pos")]
        self._moving = np.concatenate([np.arange(part.start or 0, part.stop) for part in moving])

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor, Anchor]:
        """Features of both sides, (batch, time, width), and what the robot's hang on."""
        human_pos, human_quat, kind = batch["human_pos"], batch["human_quat"], self.config.kind
        anchor = anchor_of(human_pos, human_quat, batch["size"])
        pose = batch["robot_root_pos"], batch["robot_root_quat"], batch["robot_joint_pos"]
        robot = encode_robot(*pose, batch["robot_body_pos"], anchor, self.robot, kind)
        return encode_human(human_pos, human_quat, anchor, kind), robot, anchor

    @torch.no_grad()
    def normalise(self, batches: Iterable[Batch]) -> None:
        """Take means and standard deviations from clean windows, the same for a motion and its mirror image."""
        both = [self.encode(batch)[:2] for batch in batches]
        for k, layout in enumerate((self.human_layout, self.robot_layout)):
            x = torch.cat([features[k].flatten(0, -2) for features in both])
            x = torch.cat([x, layout.mirror(x)])
            std = x.std(0)
            for group, least in LEAST.items() if k else ():
                if group in layout.slices:
                    std[layout[group]] = std[layout[group]].clamp(min=least)
            side = ("human", "robot")[k]
            self.network.get_buffer(f"{side}_mean").copy_(x.mean(0))
            self.network.get_buffer(f"{side}_std").copy_(std.clamp(min=1e-3))

    def forward(
        self,
        pos: Float[Tensor, "batch time 23 3"],
        quat: Float[Tensor, "batch time 23 4"],
        size: Float[Tensor, "batch"],
        valid: Bool[Tensor, "batch time"] | None = None,
    ) -> Pose:
        """The robot's motion for landmark tracks (``learn.tracks``) of any length that 4 divides."""
        anchor = anchor_of(pos, quat, size)
        made = self.network(encode_human(pos, quat, anchor, self.config.kind), valid)
        return decode_robot(made.float(), anchor, self.robot, self.config.kind)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The terms of ``NMRLoss`` over the good frames of a batch, and their weighted sum ``total``."""
        human, wanted, anchor = self.encode(batch)
        made = self.network(human).float()
        ok, c = batch["ok"].float(), self.config.loss
        scale = self.network.get_buffer("robot_std")
        off = (made - wanted) / scale
        moving = off[..., self._moving]
        terms = {
            "features": mean((off.abs() * self.get_buffer("weights")).mean(-1), ok),
            "steps": mean(moving.diff(dim=1).abs().mean(-1), ok[:, 1:] * ok[:, :-1]),
            "bends": mean(moving.diff(n=2, dim=1).abs().mean(-1), ok[:, 2:] * ok[:, 1:-1] * ok[:, :-2]),
        }
        pose = decode_robot(made, anchor, self.robot, self.config.kind)
        lower, upper = (made.new_tensor(side) for side in (self.robot.lower, self.robot.upper))
        near, true = (
            (lower + COMFORT - q).clamp(min=0) + (q - upper + COMFORT).clamp(min=0)
            for q in (pose[2], batch["robot_joint_pos"])
        )
        terms["limits"] = mean((near - true).clamp(min=0).sum(-1), ok)
        step, own = (q.diff(dim=1).abs() for q in (pose[2], batch["robot_joint_pos"]))
        terms["fast"] = mean((step - own.clamp(min=FAST)).clamp(min=0).sum(-1), ok[:, 1:] * ok[:, :-1])
        if self.body is not None:
            root_pos, root_quat, joint_pos = (part[::EVERY] for part in pose)
            taught = batch["robot_root_pos"], batch["robot_root_quat"], batch["robot_joint_pos"]
            true_pos, true_quat, true_joints = (part[::EVERY] for part in taught)
            made_pose, true_pose = (root_pos, root_quat, joint_pos), (true_pos, true_quat, true_joints)
            terms |= self.body.terms(made_pose, true_pose, ok[::EVERY])
        total = sum(getattr(c, name) * term for name, term in terms.items())
        return {"total": torch.as_tensor(total), **terms}


def _mirror(layout: Layout) -> Mirror:
    return Mirror(torch.from_numpy(layout.mirror_index), torch.from_numpy(layout.mirror_sign))
