"""What joints make of a robot's body, by forward kinematics, and what is wrong with it: terms of the loss of NMR."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from understudy.kinematics.links import Links, turned
from understudy.kinematics.segments import nearest_on_segments
from understudy.learn.features_robot import Pose

FRAME = 1.0 / 30.0
"""Seconds of a frame."""
SELDOM = 3
"""Distances of all pairs are taken in one frame of so many: they cost the most."""
STANDING = 0.05
"""m/s: a corner of a sole that the teacher moves more slowly stands."""


class Body(nn.Module):
    """Links, capsules and soles of one robot, from the numbers that a folder of pairs brings (``pairs_tree``). All
    lengths are told in leg lengths, so that terms weigh alike for every robot."""

    body_link: Int[Tensor, "body"]
    capsule_link: Int[Tensor, "capsule"]
    capsule_start: Float[Tensor, "capsule 3"]
    capsule_end: Float[Tensor, "capsule 3"]
    capsule_radius: Float[Tensor, "capsule"]
    pair: Int[Tensor, "pair 2"]
    pair_margin: Float[Tensor, "pair"]
    sole_link: Int[Tensor, "corner"]
    sole: Float[Tensor, "corner 3"]

    def __init__(self, tree: Mapping[str, np.ndarray], size: float):
        super().__init__()
        self.links, self.size = Links(tree), size
        for name in self.__annotations__:
            values = torch.as_tensor(tree[name])
            values = values.float() if values.is_floating_point() else values
            self.register_buffer(name, values, persistent=False)

    def terms(self, made: Pose, taught: Pose, ok: Float[Tensor, "batch time"]) -> dict[str, Tensor]:
        """``points``: distance of the bodies from the teacher's. ``soles``: of the soles' corners. ``feet``: way of
        a corner in a frame in which the teacher's stands. ``floor``: depth of the lowest corner under the floor.
        ``bodies``: depth of capsules in each other, margins included, summed over pairs. Means over good frames."""
        pos, rot = self.links.poses(*made)
        with torch.no_grad():
            true_pos, true_rot = self.links.poses(*taught)
        away = (pos - true_pos).index_select(-2, self.body_link).norm(dim=-1).mean(-1)
        soles, true_soles = self._corners(pos, rot), self._corners(true_pos, true_rot)
        ways, true_ways = (x.diff(dim=1).norm(dim=-1) for x in (soles, true_soles))
        stands = (true_ways < STANDING * FRAME) * (ok[:, 1:] * ok[:, :-1])[..., None]
        found = {
            "points": mean(away, ok),
            "soles": mean((soles - true_soles).norm(dim=-1).mean(-1), ok),
            "feet": mean(ways, stands),
            "floor": mean((-soles[..., 2].amin(-1)).clamp(min=0), ok),
            "bodies": mean(self._depths(pos[:, ::SELDOM], rot[:, ::SELDOM]).sum(-1), ok[:, ::SELDOM]),
        }
        return {name: value / self.size for name, value in found.items()}

    def _corners(self, pos: Tensor, rot: Tensor) -> Float[Tensor, "batch time corner 3"]:
        return pos.index_select(-2, self.sole_link) + turned(rot.index_select(-3, self.sole_link), self.sole)

    def _depths(self, pos: Tensor, rot: Tensor) -> Float[Tensor, "batch time pair"]:
        turns, at = rot.index_select(-3, self.capsule_link), pos.index_select(-2, self.capsule_link)
        start, end = at + turned(turns, self.capsule_start), at + turned(turns, self.capsule_end)
        a, b = self.pair.unbind(-1)
        one, other = nearest_on_segments(*(side.index_select(-2, k) for k in (a, b) for side in (start, end)))
        reach = self.capsule_radius[a] + self.capsule_radius[b] + self.pair_margin
        # The root of nothing has no slope.
        return (reach - ((one - other).square().sum(-1) + 1e-10).sqrt()).clamp(min=0)


def mean(values: Tensor, weights: Tensor) -> Float[Tensor, ""]:
    """Of values that count; 0 where none does."""
    return (values * weights).sum() / weights.sum().clamp(min=1.0)
