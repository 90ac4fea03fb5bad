"""A robot's live problem as arrays, its poses, and the contract of every solver: one limb's QPs over α.

The contract: a solver takes a ``LimbQP`` and returns a ``Candidates``. Whoever calls it (``control``) builds the QP,
certifies the candidates and moves the limb.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from understudy.errors import LimitError
from understudy.kinematics.kernels.arrays import TreeArrays
from understudy.kinematics.kernels.live_arrays import (
    LINEAR,
    NONE,
    TRUE,
    LiveBarriers,
    LiveGoal,
    LiveJoints,
    LiveLimbs,
    LivePath,
    LivePose,
    LiveQP,
    LiveSettings,
    LiveTasks,
)
from understudy.kinematics.kernels.live_assembly import all_barriers, assemble_limb, place_all
from understudy.kinematics.tree import Tree
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.limbs import Limb, column_values, limb_arrays, task_arrays, upper_limbs
from understudy.retarget.live.shapes import Shapes, shapes
from understudy.robots.robot import Robot

POINTS = 32
"""Room for so many breakpoints of a path for each column; five for a column are many."""
CERTIFICATES = {"none": NONE, "linear": LINEAR, "true": TRUE}


@dataclass(frozen=True)
class LimbQP:
    """One limb's family of QPs (MIRROR, Eq. 7–10), for α from 0 to 1:

    Δq(α) = argmin ½ vᵀ hessian v + α gradientᵀ v   s.t.   rows v ≥ b,   lower ≤ v ≤ upper

    hessian = JᵀW_xJ + W_q is positive definite. b is at most 0 where no barrier is broken, so that v = 0 is feasible;
    a broken one asks for more than 0, and then rows and box may exclude each other. ``jacobian``, ``error`` (m, rad)
    and ``certified`` (W) give V̂⁺ = ½ ‖error − jacobian v‖²_W.
    """

    hessian: Float[np.ndarray, "n n"]
    gradient: Float[np.ndarray, "n"]
    rows: Float[np.ndarray, "row n"]
    b: Float[np.ndarray, "row"]
    lower: Float[np.ndarray, "n"]
    upper: Float[np.ndarray, "n"]
    jacobian: Float[np.ndarray, "task n"]
    error: Float[np.ndarray, "task"]
    certified: Float[np.ndarray, "task"]


@dataclass(frozen=True)
class Candidates:
    """Δq(α) at rising α. ``exact`` says that the points are all breakpoints of the path from 0 to 1, so that between
    them it is straight and every α is a candidate; else only the points are."""

    alpha: Float[np.ndarray, "candidate"]
    step: Float[np.ndarray, "candidate n"]
    exact: bool = False


@runtime_checkable
class Solver(Protocol):
    """Solves one limb's QPs for some α. ``limb`` is its index, by which a solver may keep warm starts."""

    def __call__(self, qp: LimbQP, limb: int) -> Candidates: ...


@dataclass(frozen=True)
class LiveProblem:
    """All that stays the same from step to step."""

    robot: Robot
    config: LiveIKConfig
    limbs: tuple[Limb, ...]
    tasks: tuple[str, ...]
    """The landmark of each task."""
    shapes: Shapes
    tree: TreeArrays
    limb_arrays: LiveLimbs
    task_arrays: LiveTasks
    barriers: LiveBarriers
    joints: LiveJoints
    settings: LiveSettings

    @classmethod
    def build(cls, robot: Robot, config: LiveIKConfig) -> "LiveProblem":
        """The problem of ``upper`` mode. Raises LimitError for an option that does not exist."""
        return cls.of(robot, config, upper_limbs(robot, config))

    @classmethod
    def of(cls, robot: Robot, config: LiveIKConfig, limbs: tuple[Limb, ...]) -> "LiveProblem":
        """The problem of any limbs."""
        kept = shapes(robot, config.margin, config.buffer)
        names, tasks = task_arrays(robot, limbs, config)
        return cls(
            robot,
            config,
            limbs,
            names,
            kept,
            Tree.from_robot(robot).arrays(),
            limb_arrays(robot, limbs, names, kept),
            tasks,
            kept.arrays(),
            _joints(robot, config),
            settings(config),
        )

    def pose(self, qpos: Float[np.ndarray, "qpos"]) -> LivePose:
        """A pose with its links placed, of its own arrays."""
        n, q = len(self.tree.parents), np.array(qpos, np.float64)
        pose = LivePose(q[:3].copy(), q[3:7].copy(), q[7:].copy(), np.zeros((n, 3)), np.zeros((n, 3, 3)))
        place_all(self.tree, pose)
        return pose

    def mark(self, name: str) -> tuple[int, Float[np.ndarray, "3"]]:
        """The link that carries a landmark of the robot, and where on it (m). Raises UnknownName."""
        marks, k = self.robot.landmarks, self.robot.landmarks.index(name)
        link = int(Tree.from_robot(self.robot).body_link[marks.carriers[k]])
        return link, marks.pos[k].astype(np.float64)

    def goal(self) -> LiveGoal:
        """Targets of all tasks, to be filled: at the origin, level."""
        n = len(self.tasks)
        return LiveGoal(np.zeros((n, 3)), np.tile(np.eye(3), (n, 1, 1)))

    def workspace(self) -> LiveQP:
        """Room for the largest limb's QP."""
        count = self.limb_arrays.count.max(axis=0)
        n, rows, pairs = int(count[0]), 6 * int(count[2]), int(count[3]) + 1
        return LiveQP(
            np.zeros(3, np.int64),
            np.zeros((n, 6)),
            np.zeros((rows, n)),
            np.zeros(rows),
            np.zeros(rows),
            np.zeros(rows),
            np.zeros((n, n)),
            np.zeros(n),
            np.zeros((pairs, n)),
            np.zeros(pairs),
            np.zeros(n),
            np.zeros(n),
            np.zeros(pairs),
            np.zeros(pairs),
        )

    def path(self) -> LivePath:
        """Room for an exact path."""
        n = int(self.limb_arrays.count[:, 0].max())
        return LivePath(np.zeros(1, np.int64), np.zeros(POINTS * n), np.zeros((POINTS * n, n)))

    def assemble(self, limb: int, pose: LivePose, goal: LiveGoal, room: LiveQP) -> LimbQP:
        """A limb's QP at a pose, as copies."""
        assemble_limb(
            self.tree, self.limb_arrays, limb, self.task_arrays, self.barriers, self.joints, self.settings,
            goal, pose, room,
        )  # fmt: skip
        return limb_qp(room)

    def barrier_values(self, pose: LivePose) -> Float[np.ndarray, "pair"]:
        """h of every pair, m² (Eq. 5): safe where none is below zero."""
        out = np.empty(len(self.barriers.pair))
        all_barriers(self.barriers, pose, out)
        return out

    def moving(self) -> Bool[np.ndarray, "tangent"]:
        """Which tangent directions some limb has."""
        on = np.zeros(6 + len(self.robot.joints), np.bool_)
        on[[c for limb in self.limbs for c in limb.columns]] = True
        return on


def limb_qp(room: LiveQP) -> LimbQP:
    """What a workspace holds, as copies without the padding."""
    n, r, m = (int(v) for v in room.size)
    return LimbQP(
        room.hessian[:n, :n].copy(),
        room.gradient[:n].copy(),
        room.rows[:m, :n].copy(),
        room.b[:m].copy(),
        room.lower[:n].copy(),
        room.upper[:n].copy(),
        room.jacobian[:r, :n].copy(),
        room.error[:r].copy(),
        room.certified[:r].copy(),
    )


def as_workspace(qp: LimbQP) -> LiveQP:
    """A limb's QP as the kernels take it."""
    (r, n), m = qp.jacobian.shape, len(qp.b)
    return LiveQP(
        np.array([n, r, m], np.int64), np.zeros((n, 6)), qp.jacobian, qp.error, np.zeros(r), qp.certified,
        qp.hessian, qp.gradient, qp.rows.reshape(m, n), qp.b, qp.lower, qp.upper, np.zeros(m), np.zeros(m),
    )  # fmt: skip


def settings(config: LiveIKConfig) -> LiveSettings:
    """The kernels' part of a configuration. Raises LimitError for an unknown certificate."""
    if config.certificate not in CERTIFICATES:
        raise LimitError(f"certificate is one of {', '.join(CERTIFICATES)}; got {config.certificate!r}.")
    return LiveSettings(
        config.gamma,
        config.brake,
        config.limit_margin,
        config.limit_weight,
        CERTIFICATES[config.certificate],
        config.eta,
        config.eta_objective,
        config.least_step,
        config.arrived,
    )


def _joints(robot: Robot, config: LiveIKConfig) -> LiveJoints:
    most = np.minimum(config.step, robot.velocity_limit.astype(np.float64) * config.dt)
    return LiveJoints(
        column_values(robot.lower, -np.inf),
        column_values(robot.upper, np.inf),
        column_values(most, config.step),
        np.full(6 + len(most), config.damping),
        column_values(robot.home[7:], 0.0),
        np.full(6 + len(most), config.posture),
    )
