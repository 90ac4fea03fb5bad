"""A kinematic tree as plain arrays: the one description that the numba and the torch implementation both start from."""

from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np
from jaxtyping import Float, Int

from understudy.errors import LimitError
from understudy.kinematics.kernels.arrays import TreeArrays
from understudy.robots.robot import Robot
from understudy.rotations import quat_to_matrix


@dataclass(frozen=True)
class Tree:
    """A floating root and rigid links, each moved by at most one hinge.

    Link i sits at ``pos``, ``quat`` in its parent and then turns by its joint's angle about ``axis`` through
    ``anchor``, both in its own frame:  T_world_i = T_world_parent · T(pos, quat) · R(axis, q[dof]) about anchor.
    Parents come before children; link 0 is the floating root, whose own ``pos`` and ``quat`` are the identity.
    A body that a model file gives several hinges becomes several links, the last of which is the body
    (``body_link``). ``dof[i]`` is −1 where link i is welded to its parent.
    """

    names: tuple[str, ...]
    parents: Int[np.ndarray, "link"]
    pos: Float[np.ndarray, "link 3"]
    quat: Float[np.ndarray, "link 4"]
    axis: Float[np.ndarray, "link 3"]
    anchor: Float[np.ndarray, "link 3"]
    dof: Int[np.ndarray, "link"]
    lower: Float[np.ndarray, "dof"]
    upper: Float[np.ndarray, "dof"]
    body_link: Int[np.ndarray, "body"]

    @classmethod
    @lru_cache(maxsize=16)
    def from_robot(cls, robot: Robot) -> "Tree":
        """The tree of a robot's compiled model. Raises LimitError for joints that are neither free nor hinges."""
        m = robot.model
        names: list[str] = []
        parents: list[int] = []
        rows: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]] = []
        body_link: dict[int, int] = {0: -1}
        zero, identity = np.zeros(3), np.array([1.0, 0, 0, 0])
        dof = 0
        for body in range(1, m.nbody):
            parent = body_link[int(m.body_parentid[body])]
            offset, turn = m.body_pos[body].copy(), m.body_quat[body].copy()
            joints = range(m.body_jntadr[body], m.body_jntadr[body] + m.body_jntnum[body])
            if body == 1:
                if [m.jnt_type[j] for j in joints] != [mujoco.mjtJoint.mjJNT_FREE]:
                    raise LimitError(f"The root body of {robot.name!r} needs a free joint, and no other.")
                offset, turn, joints = zero, identity, ()
            name = m.body(body).name
            if not len(joints):
                names.append(name)
                parents.append(parent)
                rows.append((offset, turn, zero, zero, -1))
            for k, j in enumerate(joints):
                if m.jnt_type[j] != mujoco.mjtJoint.mjJNT_HINGE:
                    raise LimitError(
                        f"Joint {m.joint(j).name!r} of {robot.name!r} is not a hinge; only hinges can be driven."
                    )
                names.append(name if k == len(joints) - 1 else f"{name}/{m.joint(j).name}")
                parents.append(parent if k == 0 else len(names) - 2)
                rows.append(
                    (
                        offset if k == 0 else zero,
                        turn if k == 0 else identity,
                        m.jnt_axis[j],
                        m.jnt_pos[j],
                        dof,
                    )
                )
                dof += 1
            body_link[body] = len(names) - 1
        pos, quat, axis, anchor = (np.array([r[i] for r in rows], dtype=np.float64) for i in range(4))
        return cls(
            tuple(names),
            np.array(parents),
            pos,
            quat,
            axis,
            anchor,
            np.array([r[4] for r in rows]),
            np.asarray(robot.lower, np.float64),
            np.asarray(robot.upper, np.float64),
            np.array([body_link[b] for b in range(1, m.nbody)]),
        )

    def arrays(self) -> TreeArrays:
        """The same tree for the kernels."""
        dof = self.dof.astype(np.int64)
        links = np.flatnonzero(dof >= 0)
        return TreeArrays(
            self.parents.astype(np.int64),
            dof,
            np.ascontiguousarray(self.pos),
            np.ascontiguousarray(quat_to_matrix(self.quat)),
            np.ascontiguousarray(self.axis),
            np.ascontiguousarray(self.anchor),
            links[np.argsort(dof[links])].astype(np.int64),
        )
