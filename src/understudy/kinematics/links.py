"""Forward kinematics of a tree of hinges in torch, from plain arrays: what chains share with networks that learn.

Imports torch and numpy alone, so that training runs where no simulator is."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from understudy.rotations import quat_apply, quat_mul, quat_to_matrix


class Hierarchy(nn.Module):
    """Products and sums along the path from the root to every link.

    After round k a link's value covers the last 2^(k+1) links of its path, so a body of depth d is done in
    ⌈log2(d + 1)⌉ rounds of large operations, where a walk over levels would take d rounds of small ones.
    """

    order: Int[Tensor, "link"]
    rank: Int[Tensor, "link"]

    def __init__(self, parents: Int[np.ndarray, "link"]):
        super().__init__()
        depth = np.zeros(len(parents), np.int64)
        for i in range(1, len(parents)):
            depth[i] = depth[parents[i]] + 1
        # Sorted by depth, the links that a round still changes are the last ones.
        order = np.argsort(depth, kind="stable")
        rank = np.argsort(order)
        ancestors = np.where(depth[order] > 0, rank[parents[order]], 0)
        self.starts: list[int] = []
        reach = 1
        while reach <= depth.max():
            start = int(np.searchsorted(depth[order], reach))
            self.register_buffer(
                f"round{len(self.starts)}", torch.as_tensor(ancestors[start:]), persistent=False
            )
            self.starts.append(start)
            ancestors, reach = ancestors[ancestors], 2 * reach
        self.register_buffer("order", torch.as_tensor(order), persistent=False)
        self.register_buffer("rank", torch.as_tensor(rank), persistent=False)

    def down(
        self, combine: Callable[[Tensor, Tensor], Tensor], values: Float[Tensor, "*batch link k"]
    ) -> Float[Tensor, "*batch link k"]:
        """combine(root, …, combine(parent, link)) for every link; ``combine`` must be associative."""
        values = values.index_select(-2, self.order)
        for k, start in enumerate(self.starts):
            above = values.index_select(-2, self.get_buffer(f"round{k}"))
            values = torch.cat([values[..., :start, :], combine(above, values[..., start:, :])], dim=-2)
        return values.index_select(-2, self.rank)


class Links(nn.Module):
    """Links and hinges of one body: constants of shape (link, …) as ``Tree`` has them, ready for any batch.

    Nothing is stored in a state dict. For double precision ask for it here: converting afterwards keeps the rounding of
    single precision."""

    parents: Int[Tensor, "link"]
    dof: Int[Tensor, "link"]
    half_angle: Float[Tensor, "link"]  # ½ for a hinge, 0 for a weld
    rest: Float[Tensor, "link 4"]  # orientation in the parent at angle zero …
    turn: Float[Tensor, "link 4"]  # … and after half a turn
    step: Float[Tensor, "link 3"]  # from the parent's centre to this one's, in the parent's frame, m
    anchor: Float[Tensor, "link 3"]  # the centre in the link's own frame, m

    def __init__(self, tree: Mapping[str, Any], dtype: torch.dtype = torch.float32):
        """``tree`` has parents, pos (m), quat, axis, anchor (m) and dof by these names, as ``Tree`` describes them."""
        super().__init__()
        parents, quat, anchor, driven = tree["parents"], tree["quat"], tree["anchor"], tree["dof"] >= 0
        self.hierarchy = Hierarchy(parents)
        # Measured between the points that hinges turn about, every hinge passes through its link's origin.
        above = np.where(parents[:, None] >= 0, anchor[parents], 0.0)
        constants = {
            "parents": np.maximum(parents, 0),
            "dof": np.maximum(tree["dof"], 0),
            "half_angle": np.where(driven, 0.5, 0.0),
            "rest": quat,
            "turn": quat_mul(quat, np.pad(tree["axis"], ((0, 0), (1, 0)))),
            "step": tree["pos"] + quat_apply(quat, anchor) - above,
            "anchor": anchor,
        }
        for name, value in constants.items():
            kind = dtype if np.issubdtype(value.dtype, np.floating) else None
            self.register_buffer(name, torch.as_tensor(value, dtype=kind), persistent=False)

    def turns(
        self, root_quat: Float[Tensor, "*batch 4"], joint_pos: Float[Tensor, "*batch dof"]
    ) -> Float[Tensor, "*batch link 4"]:
        """World orientations; their signs carry no meaning."""
        half = joint_pos.index_select(-1, self.dof) * self.half_angle
        local = half.cos()[..., None] * self.rest + half.sin()[..., None] * self.turn
        return self.hierarchy.down(quat_mul, torch.cat([root_quat[..., None, :], local[..., 1:, :]], dim=-2))

    def centres(
        self, root_pos: Float[Tensor, "*batch 3"], rot: Float[Tensor, "*batch link 3 3"]
    ) -> Float[Tensor, "*batch link 3"]:
        """The points (m) that links turn about, for their world orientations as matrices."""
        steps = turned(rot.index_select(-3, self.parents[1:]), self.step[1:])
        return self.hierarchy.down(torch.add, torch.cat([root_pos[..., None, :], steps], dim=-2))

    def poses(
        self,
        root_pos: Float[Tensor, "*batch 3"],
        root_quat: Float[Tensor, "*batch 4"],
        joint_pos: Float[Tensor, "*batch dof"],
    ) -> tuple[Float[Tensor, "*batch link 3"], Float[Tensor, "*batch link 3 3"]]:
        """Origins (m) and orientations of all links in the world."""
        rot = quat_to_matrix(self.turns(root_quat, joint_pos))
        return self.centres(root_pos, rot) - turned(rot, self.anchor), rot


def turned(rot: Tensor, vectors: Tensor) -> Tensor:
    """Matrices (..., 3, 3) on vectors (..., 3), element by element: under autocast or TF32 a matrix product
    would round positions to millimetres."""
    return (rot * vectors[..., None, :]).sum(-1)
