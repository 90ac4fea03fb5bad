"""One control step: by exact paths in one kernel, or by any other solver, limb by limb."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from understudy.kinematics.kernels.live_arrays import (
    ARRIVED,
    CERTIFIED,
    FALLBACK,
    HELD,
    LiveGoal,
    LivePath,
    LivePose,
)
from understudy.kinematics.kernels.live_assembly import copy_pose
from understudy.kinematics.kernels.live_choice import choose_limb
from understudy.kinematics.kernels.live_path import solve_path
from understudy.kinematics.kernels.live_step import live_step
from understudy.retarget.live.problem import POINTS, Candidates, LimbQP, LiveProblem, Solver, as_workspace

__all__ = ["ARRIVED", "CERTIFIED", "FALLBACK", "HELD", "Control", "Taken", "exact_path", "path_of"]


@dataclass(frozen=True)
class Taken:
    """What a control step did, for each limb: the α taken and how it was chosen (``CERTIFIED``, ``ARRIVED``,
    ``FALLBACK`` or ``HELD``)."""

    alpha: Float[np.ndarray, "limb"]
    code: Int[np.ndarray, "limb"]


class Control:
    """Steps a pose towards a goal. ``solver`` is None for exact paths, which run in one kernel."""

    def __init__(self, problem: LiveProblem, solver: Solver | None = None):
        n = int(problem.limb_arrays.count[:, 0].max())
        self.problem = problem
        self.solver = solver
        self._room, self._path = problem.workspace(), problem.path()
        self._trial, self._step = problem.pose(problem.robot.home), np.zeros(n)

    def step(self, pose: LivePose, goal: LiveGoal) -> Taken:
        """Move ``pose`` in place by one control step."""
        p, count = self.problem, len(self.problem.limbs)
        alpha, code = np.zeros(count), np.zeros(count, np.int64)
        if self.solver is None:
            live_step(
                p.tree, p.limb_arrays, p.task_arrays, p.barriers, p.joints, p.settings, goal, pose,
                self._trial, self._room, self._path, self._step, alpha, code, np.zeros(count, np.int64),
            )  # fmt: skip
            return Taken(alpha, code)
        copy_pose(pose, self._trial)
        for k in range(count):
            found = self.solver(p.assemble(k, pose, goal, self._room), k)
            code[k], alpha[k] = choose_limb(
                p.tree, p.limb_arrays, k, p.task_arrays, p.barriers, p.joints, p.settings, goal, pose,
                self._room, _as_path(found), found.exact, self._trial, self._step,
            )  # fmt: skip
        return Taken(alpha, code)


def _as_path(found: Candidates) -> LivePath:
    return LivePath(
        np.array([len(found.alpha)], np.int64),
        np.ascontiguousarray(found.alpha, np.float64),
        np.ascontiguousarray(found.step, np.float64),
    )


def exact_path(qp: LimbQP, limb: int = 0) -> Candidates:  # noqa: ARG001
    """The whole of Δq(α), as a ``Solver``: the same that ``Control`` walks inside its kernel."""
    return path_of(qp)[0]


def path_of(qp: LimbQP) -> tuple[Candidates, int]:
    """Breakpoints of Δq(α) from α = 0 to 1, and how the walk ended: ``EXACT``, ``RELAXED`` or ``CUT``."""
    n = len(qp.gradient)
    path = LivePath(np.zeros(1, np.int64), np.zeros(POINTS * n), np.zeros((POINTS * n, n)))
    code = solve_path(as_workspace(qp), path)
    k = int(path.count[0])
    return Candidates(path.alpha[:k].copy(), path.step[:k].copy(), exact=True), int(code)
