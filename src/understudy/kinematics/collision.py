"""What a robot's body occupies: capsules on links, the pairs that may collide, and distances over a clip."""

from dataclasses import dataclass, replace
from functools import lru_cache

import mujoco
import numpy as np
from jaxtyping import Float, Int

from understudy.errors import LimitError
from understudy.kinematics.kernels.arrays import CapsuleArrays
from understudy.kinematics.kernels.capsules import clip_clearances, pair_distances
from understudy.kinematics.tree import Tree
from understudy.motion.types import RobotMotion
from understudy.robots.robot import Robot
from understudy.rotations import quat_normalize

_NATURAL = 0.33
"""The part of its clearance at rest that a pair keeps where the margin asked for is more: shoulders turn a few
millimetres from the trunk, and keeping more would keep the arms from hanging."""
COLLISION_GROUP = 3  # the MJCF convention for geometry that collides and is not shown


@dataclass(frozen=True)
class Capsules:
    """Capsules (spheres have no length) fixed to the links of a ``Tree``, in link frames, in metres.

    ``pairs`` are those that count as self-collision: not on one body, not on bodies adjacent in the tree, not on hands
    or other bodies whose contacts are meant. ``rest`` is how near each pair comes in the home stance, the T-pose and
    with all joints at zero (m). ``bodies[k]`` names the body of capsule k.
    """

    link: Int[np.ndarray, "capsule"]
    start: Float[np.ndarray, "capsule 3"]
    end: Float[np.ndarray, "capsule 3"]
    radius: Float[np.ndarray, "capsule"]
    bodies: tuple[str, ...]
    pairs: Int[np.ndarray, "pair 2"]
    rest: Float[np.ndarray, "pair"]

    @classmethod
    @lru_cache(maxsize=16)
    def from_robot(cls, robot: Robot, *, hands: bool = False) -> "Capsules":
        """The collision primitives of a robot's model; ``hands`` lets pairs with hands count too.

        Raises LimitError for collision geometry that is neither a capsule nor a sphere.
        """
        m = robot.model
        tree = Tree.from_robot(robot)
        geoms = [g for g in range(m.ngeom) if m.geom_group[g] == COLLISION_GROUP]
        start, end = np.zeros((len(geoms), 3)), np.zeros((len(geoms), 3))
        for k, g in enumerate(geoms):
            kind = m.geom_type[g]
            if kind not in (mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_SPHERE):
                raise LimitError(
                    f"Collision geom {m.geom(g).name!r} of {robot.name!r} is neither a capsule nor a sphere; "
                    "fit capsules to it first."
                )
            half = m.geom_size[g, 1] if kind == mujoco.mjtGeom.mjGEOM_CAPSULE else 0.0
            axis = np.zeros(3)
            mujoco.mju_rotVecQuat(axis, np.array([0.0, 0.0, half]), m.geom_quat[g])
            start[k], end[k] = m.geom_pos[g] - axis, m.geom_pos[g] + axis
        body = m.geom_bodyid[geoms]
        bodies = tuple(m.body(b).name for b in body)
        pairs = _pairs(robot, bodies, hands)
        shapes = cls(
            tree.body_link[body - 1], start, end, m.geom_size[geoms, 0], bodies, pairs, np.zeros(len(pairs))
        )
        return replace(shapes, rest=_rest_distances(robot, tree, shapes))

    @property
    def bound(self) -> Float[np.ndarray, "capsule"]:
        """Radius of the sphere about a capsule's middle that holds all of it, m."""
        return self.radius + 0.5 * np.linalg.norm(self.end - self.start, axis=-1)

    def arrays(self, margin: float = 0.0) -> CapsuleArrays:
        """The same capsules for the kernels, to be kept ``margin`` (m) apart.

        Pairs that are near each other by construction keep a third of what they have at rest.
        """
        margins = np.clip(_NATURAL * self.rest, 0.0, margin)
        return CapsuleArrays(
            self.link.astype(np.int64),
            np.ascontiguousarray(self.start, np.float64),
            np.ascontiguousarray(self.end, np.float64),
            np.ascontiguousarray(self.radius, np.float64),
            np.ascontiguousarray(self.bound, np.float64),
            np.ascontiguousarray(self.pairs, np.int64).reshape(-1, 2),
            margins,
            self.bound[self.pairs].sum(-1) + margins,
        )


def _pairs(robot: Robot, bodies: tuple[str, ...], hands: bool) -> Int[np.ndarray, "pair 2"]:
    m = robot.model
    parent = {m.body(b).name: m.body(m.body_parentid[b]).name for b in range(1, m.nbody)}
    pairs = []
    for a in range(len(bodies)):
        for b in range(a + 1, len(bodies)):
            x, y = bodies[a], bodies[b]
            adjacent = x == y or parent[x] == y or parent[y] == x
            handy = not hands and (x in robot.hands or y in robot.hands)
            if not adjacent and not handy and frozenset((x, y)) not in robot.harmless_contacts:
                pairs.append((a, b))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _rest_distances(robot: Robot, tree: Tree, capsules: Capsules) -> Float[np.ndarray, "pair"]:
    stances = np.stack([robot.home[7:], robot.t_pose, np.zeros_like(robot.t_pose)]).astype(np.float64)
    upright = np.tile(np.array([1.0, 0.0, 0.0, 0.0]), (3, 1))
    return pair_distances(tree.arrays(), capsules.arrays(), np.zeros((3, 3)), upright, stances).min(axis=0)


@dataclass(frozen=True)
class Clearances:
    """Distances over a clip, in metres, negative in penetration.

    ``nearest`` is the smallest signed distance over all pairs of ``capsules``, ``pair`` the row of ``capsules.pairs``
    that has it; ``lowest`` the height of every capsule's lowest point above z = 0.
    """

    capsules: Capsules
    nearest: Float[np.ndarray, "time"]
    pair: Int[np.ndarray, "time"]
    lowest: Float[np.ndarray, "time capsule"]

    def pair_names(self, frame: int) -> tuple[str, str]:
        """The two bodies that come nearest in a frame."""
        a, b = self.capsules.pairs[self.pair[frame]]
        return self.capsules.bodies[a], self.capsules.bodies[b]


def clearances(robot: Robot, motion: RobotMotion, *, hands: bool = False) -> Clearances:
    """Self-collision distances and lowest points of a whole clip."""
    capsules = Capsules.from_robot(robot, hands=hands)
    nearest, pair, lowest = clip_clearances(
        Tree.from_robot(robot).arrays(),
        capsules.arrays(),
        motion.root_pos.astype(np.float64),
        quat_normalize(motion.root_quat.astype(np.float64)),
        motion.joint_pos.astype(np.float64),
    )
    return Clearances(capsules, nearest, pair, lowest)
