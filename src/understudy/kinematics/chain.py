"""Forward kinematics in torch: any batch, any device, differentiable.

A ``Chain`` holds the constants of one body as buffers, ``Chain.at`` puts it into a pose, and the resulting
``State`` computes what is asked for and keeps it: however many terms and barriers read a state, its
kinematics run once.

The tangent of a pose has ``6 + dof`` entries: linear velocity of the root's origin (m/s), angular velocity of
the root (rad/s), joint rates (rad/s); the first two in the world frame."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from understudy.errors import UnknownName
from understudy.kinematics.collision import Capsules
from understudy.kinematics.links import Hierarchy, Links, turned
from understudy.kinematics.segments import nearest_on_segments
from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import Landmarks
from understudy.motion.types import Skeleton
from understudy.robots.robot import Robot
from understudy.rotations import (
    quat_apply,
    quat_conj,
    quat_from_rotvec,
    quat_mul,
    quat_normalize,
    quat_to_matrix,
    quat_to_rotvec,
)


class Chain(nn.Module):
    """The constants of one body: links, hinges and their limits, landmarks, capsules.

    It moves between devices like any module and stores nothing in a state dict. For double precision ask for
    it here: converting afterwards keeps the rounding of single precision."""

    dof_link: Int[Tensor, "dof"]
    axis: Float[Tensor, "dof 3"]  # in the frame of the link that moves
    moved_by: Bool[Tensor, "link tangent"]
    lower: Float[Tensor, "dof"]
    upper: Float[Tensor, "dof"]
    landmark_link: Int[Tensor, "landmark"]
    landmark_offset: Float[Tensor, "landmark 3"]
    landmark_turn: Float[Tensor, "landmark 4"]
    capsule_link: Int[Tensor, "capsule"]
    capsule_start: Float[Tensor, "capsule 3"]
    capsule_end: Float[Tensor, "capsule 3"]
    capsule_radius: Float[Tensor, "capsule"]
    capsule_pairs: Int[Tensor, "pair 2"]
    capsule_tips: Int[Tensor, "tip"]  # rows of (all starts, all ends): a sphere's two ends are one tip

    def __init__(
        self,
        tree: Tree,
        landmarks: Landmarks | None = None,
        capsules: Capsules | None = None,
        dtype: torch.dtype = torch.float32,
    ):
        """``landmarks`` are carried by the tree's bodies, ``capsules`` by its links."""
        super().__init__()
        self.links = tree.names
        self.landmarks = landmarks.names if landmarks is not None else ()
        self.tree = Links(vars(tree), dtype)
        driven = tree.dof >= 0
        dof_link = np.flatnonzero(driven)[np.argsort(tree.dof[driven])]
        constants = {
            "dof_link": dof_link,
            "axis": tree.axis[dof_link],
            "moved_by": _moved_by(tree),
            "lower": tree.lower,
            "upper": tree.upper,
        }
        if landmarks is not None:
            constants["landmark_link"] = tree.body_link[landmarks.carriers]
            constants["landmark_offset"] = landmarks.pos
            # Unit only to single precision in a file.
            constants["landmark_turn"] = quat_normalize(landmarks.quat.astype(np.float64))
        if capsules is not None:
            constants["capsule_link"] = capsules.link
            constants["capsule_start"] = capsules.start
            constants["capsule_end"] = capsules.end
            constants["capsule_radius"] = capsules.radius
            constants["capsule_pairs"] = capsules.pairs
            long = (capsules.start != capsules.end).any(axis=-1)
            constants["capsule_tips"] = np.flatnonzero(np.concatenate([np.ones_like(long), long]))
        for name, value in constants.items():
            kind = dtype if np.issubdtype(value.dtype, np.floating) else None
            self.register_buffer(name, torch.as_tensor(value, dtype=kind), persistent=False)

    @classmethod
    def from_robot(cls, robot: Robot, dtype: torch.dtype = torch.float32) -> "Chain":
        """With the robot's landmarks and collision capsules."""
        return cls(Tree.from_robot(robot), robot.landmarks, Capsules.from_robot(robot), dtype)

    @property
    def dofs(self) -> int:
        """Number of hinges; a tangent vector has six entries more."""
        return len(self.lower)

    def landmark_rows(self, names: Iterable[str]) -> list[int]:
        """Rows of landmarks among this chain's. Raises UnknownName."""
        names = list(names)
        for name in names:
            if name not in self.landmarks:
                raise UnknownName("landmark", name, self.landmarks)
        return [self.landmarks.index(name) for name in names]

    def at(
        self,
        root_pos: Float[Tensor, "*batch 3"],
        root_quat: Float[Tensor, "*batch 4"],
        joint_pos: Float[Tensor, "*batch dof"],
    ) -> "State":
        """This body in a pose: root position (m), unit root quaternion wxyz, joint angles (rad)."""
        return State(self, root_pos, root_quat, joint_pos)


@dataclass(frozen=True, eq=False)
class State:
    """One body in a batch of poses. Every property is computed when first read, in the world frame."""

    chain: Chain
    root_pos: Float[Tensor, "*batch 3"]
    root_quat: Float[Tensor, "*batch 4"]
    joint_pos: Float[Tensor, "*batch dof"]

    @cached_property
    def quat(self) -> Float[Tensor, "*batch link 4"]:
        """Orientations of the links; their signs carry no meaning."""
        return self.chain.tree.turns(self.root_quat, self.joint_pos)

    @cached_property
    def rot(self) -> Float[Tensor, "*batch link 3 3"]:
        """Orientations of the links as matrices."""
        return quat_to_matrix(self.quat)

    @cached_property
    def centre(self) -> Float[Tensor, "*batch link 3"]:
        """The point (m) that each link turns about; the origin of links that do not."""
        return self.chain.tree.centres(self.root_pos, self.rot)

    @cached_property
    def pos(self) -> Float[Tensor, "*batch link 3"]:
        """Origins of the links (m)."""
        return self.centre - turned(self.rot, self.chain.tree.anchor)

    @cached_property
    def landmark_pos(self) -> Float[Tensor, "*batch landmark 3"]:
        """Origins of the landmarks (m)."""
        return self.points(self.chain.landmark_link, self.chain.landmark_offset)

    @cached_property
    def landmark_quat(self) -> Float[Tensor, "*batch landmark 4"]:
        """Orientations of the landmarks."""
        return quat_mul(self.quat[..., self.chain.landmark_link, :], self.chain.landmark_turn)

    @cached_property
    def landmark_jacobian(self) -> Float[Tensor, "*batch landmark 6 tangent"]:
        """Derivatives of the landmarks' poses, as ``jacobian`` has them."""
        return self.jacobian(self.chain.landmark_link, self.landmark_pos)

    @cached_property
    def capsule_start(self) -> Float[Tensor, "*batch capsule 3"]:
        """First ends of the capsules' axes (m)."""
        return self.points(self.chain.capsule_link, self.chain.capsule_start)

    @cached_property
    def capsule_end(self) -> Float[Tensor, "*batch capsule 3"]:
        """Second ends of the capsules' axes (m)."""
        return self.points(self.chain.capsule_link, self.chain.capsule_end)

    @cached_property
    def pair_points(self) -> tuple[Float[Tensor, "*batch pair 3"], Float[Tensor, "*batch pair 3"]]:
        """Nearest points (m) of the axes of the two capsules of every pair, each on its own."""
        a, b = self.chain.capsule_pairs.unbind(-1)
        start, end = self.capsule_start, self.capsule_end
        return nearest_on_segments(start[..., a, :], end[..., a, :], start[..., b, :], end[..., b, :])

    @cached_property
    def joint_jacobian(self) -> Float[Tensor, "*batch dof tangent"]:
        """Derivatives of the joint angles: zeros, and the identity."""
        dofs = self.chain.dofs
        rows = torch.eye(6 + dofs, dtype=self.joint_pos.dtype, device=self.joint_pos.device)[6:]
        return rows.expand(*self.joint_pos.shape[:-1], dofs, 6 + dofs)

    @cached_property
    def twists(self) -> Float[Tensor, "*batch 6 tangent"]:
        """What each tangent direction does to the links it moves, taken as one rigid body: the velocity (m/s)
        of the point at the root's origin, above the angular velocity (rad/s)."""
        c = self.chain
        axis = turned(self.rot[..., c.dof_link, :, :], c.axis)
        arm = self.root_pos[..., None, :] - self.centre[..., c.dof_link, :]
        hinges = torch.cat([torch.linalg.cross(axis, arm), axis], dim=-1).transpose(-1, -2)
        root = torch.eye(6, dtype=axis.dtype, device=axis.device).expand(*axis.shape[:-2], 6, 6)
        return torch.cat([root, hinges], dim=-1)

    def points(
        self, links: Int[Tensor, "point"], offsets: Float[Tensor, "*#batch point 3"]
    ) -> Float[Tensor, "*batch point 3"]:
        """World positions (m) of points given in the frames of their links."""
        return self.pos[..., links, :] + turned(self.rot[..., links, :, :], offsets)

    def jacobian(
        self, links: Int[Tensor, "point"], points: Float[Tensor, "*batch point 3"]
    ) -> Float[Tensor, "*batch point 6 tangent"]:
        """Linear velocity of ``points`` (world, m) fixed to ``links``, above the links' angular velocity, for
        each tangent direction, in the world frame."""
        vx, vy, vz, wx, wy, wz = self.twists[..., None, :].unbind(-3)
        # Arms are measured from the root: from the world's origin, single precision would lose digits.
        x, y, z = (points - self.root_pos[..., None, :])[..., None].unbind(-2)
        rows = [vx + wy * z - wz * y, vy + wz * x - wx * z, vz + wx * y - wy * x]
        rows += [w.expand_as(rows[0]) for w in (wx, wy, wz)]
        return torch.stack(rows, dim=-2) * self.chain.moved_by[links][:, None, :]


def integrate(state: State, tangent: Float[Tensor, "*batch tangent"]) -> State:
    """The pose after moving along ``tangent`` for unit time: exponential map for the root, sums elsewhere."""
    linear, angular, rates = tangent[..., :3], tangent[..., 3:6], tangent[..., 6:]
    root_quat = quat_normalize(quat_mul(quat_from_rotvec(angular), state.root_quat))
    return State(state.chain, state.root_pos + linear, root_quat, state.joint_pos + rates)


def difference(start: State, end: State) -> Float[Tensor, "*batch tangent"]:
    """The tangent that ``integrate`` turns ``start`` into ``end`` with."""
    angular = quat_to_rotvec(quat_mul(end.root_quat, quat_conj(start.root_quat)))
    return torch.cat([end.root_pos - start.root_pos, angular, end.joint_pos - start.joint_pos], dim=-1)


class SkeletonChain(nn.Module):
    """The rigid skeleton of a human: ball joints at fixed offsets."""

    parents: Int[Tensor, "joint"]
    offsets: Float[Tensor, "joint 3"]

    def __init__(self, skeleton: Skeleton, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.hierarchy = Hierarchy(skeleton.parents)
        self.register_buffer("parents", torch.as_tensor(np.maximum(skeleton.parents, 0)), persistent=False)
        self.register_buffer("offsets", torch.as_tensor(skeleton.offsets, dtype=dtype), persistent=False)

    def world_from_local(
        self, root_pos: Float[Tensor, "*batch 3"], local: Float[Tensor, "*batch joint 4"]
    ) -> tuple[Float[Tensor, "*batch joint 3"], Float[Tensor, "*batch joint 4"]]:
        """World positions (m) and quaternions of all joints from the root's position and each joint's
        rotation in its parent; ``local[..., 0, :]`` is the root's world rotation."""
        quat = self.hierarchy.down(quat_mul, local)
        steps = quat_apply(quat[..., self.parents[1:], :], self.offsets[1:])
        return self.hierarchy.down(torch.add, torch.cat([root_pos[..., None, :], steps], dim=-2)), quat

    def local_from_world(self, quat: Float[Tensor, "*batch joint 4"]) -> Float[Tensor, "*batch joint 4"]:
        """Each joint's rotation in its parent from the world rotations; the root keeps its own."""
        below = quat_mul(quat_conj(quat[..., self.parents[1:], :]), quat[..., 1:, :])
        return torch.cat([quat[..., :1, :], below], dim=-2)


def _moved_by(tree: Tree) -> Bool[np.ndarray, "link tangent"]:
    """Which tangent directions move which links: the root's all of them, a hinge its own link and those
    below."""
    links = len(tree.names)
    moved = np.zeros((links, 6 + len(tree.lower)), bool)
    moved[:, :6] = True
    for i in range(1, links):
        moved[i] |= moved[tree.parents[i]]
        if tree.dof[i] >= 0:
            moved[i, 6 + tree.dof[i]] = True
    return moved
