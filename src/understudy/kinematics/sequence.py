"""Fit a whole clip at once: Levenberg–Marquardt on the true cost, each step one banded Cholesky factorisation.

Penalties stand for the constraints and stiffen from stage to stage, so that the path finds its way first and its
exactness after. Frames are damped one by one: where a step makes things worse, only that stretch is held back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import SolverFailed
from understudy.kinematics.kernels import sequence as kernels
from understudy.kinematics.kernels.arrays import Course, Problem, Targets

_NEIGHBOURS = 8
"""Frames to each side over which a frame's own success is judged: what smoothness makes one frame share with others."""


@dataclass(frozen=True)
class Stage:
    """How stiff the penalties are (contacts 1/m², limits and speeds 1/rad²), and for how many steps at most."""

    contact: float
    limit: float
    speed: float
    iterations: int


@dataclass(frozen=True)
class Trajectory:
    """Poses of a clip: root position m, root orientation, joints rad; float64."""

    root_pos: Float[np.ndarray, "time 3"]
    root_quat: Float[np.ndarray, "time 4"]
    q: Float[np.ndarray, "time dof"]


def fit_window(
    problem: Problem,
    targets: Targets,
    course: Course,
    start: Trajectory,
    fixed: int,
    stages: Sequence[Stage],
    tolerance: float,
    log=None,
) -> tuple[Trajectory, int]:
    """Improve a trajectory through all stages; the first ``fixed`` frames stay. The trajectory, and the steps taken."""
    from scipy.linalg import lapack

    frames, dofs = start.q.shape
    n = 6 + dofs
    size = (frames - fixed) * n
    here = Trajectory(start.root_pos.copy(), start.root_quat.copy(), start.q.copy())
    trial = Trajectory(start.root_pos.copy(), start.root_quat.copy(), start.q.copy())
    band, work, gradient = np.empty((size, 2 * n + 1)), np.empty((size, 2 * n + 1)), np.empty(size)
    cost, trial_cost = np.zeros(frames), np.zeros(frames)
    damping = np.full(frames - fixed, 1e-3)
    steps = 0
    for stage in stages:
        course = course._replace(
            contact_stiffness=stage.contact, limit_stiffness=stage.limit, speed_stiffness=stage.speed
        )
        total = _assemble(problem, targets, course, here, fixed, band, gradient, cost)
        for _ in range(stage.iterations):
            steps += 1
            kernels.damp(band, damping, n, work)
            factor, info = lapack.dpbtrf(work.T, lower=1, overwrite_ab=1)
            if info:
                damping *= 100.0
                if damping.max() > 1e12:
                    raise SolverFailed("The normal equations of a clip are not positive definite.")
                continue
            step, info = lapack.dpbtrs(factor, -gradient, lower=1, overwrite_b=1)
            kernels.advance(
                step,
                fixed,
                0.5,
                here.root_pos,
                here.root_quat,
                here.q,
                trial.root_pos,
                trial.root_quat,
                trial.q,
            )
            new = _assemble(problem, targets, course, trial, fixed, band, gradient, trial_cost)
            worse = _worse(cost, trial_cost)[fixed:]
            if log is not None:
                log(stage, total, new, damping, worse, np.abs(step).max())
            if new < total:
                gain = total - new
                here, trial = trial, here
                cost, trial_cost = trial_cost, cost
                total = new
                damping = np.clip(np.where(worse, 4.0 * damping, 0.2 * damping), 1e-7, 1e7)
                if gain < tolerance * total:
                    break
            else:
                if damping.min() > 1e5:
                    break
                damping = np.clip(
                    np.where(worse | (not worse.any()), np.maximum(10.0 * damping, 1e-3), damping), 1e-7, 1e7
                )
                _assemble(problem, targets, course, here, fixed, band, gradient, cost)
    return here, steps


def _assemble(problem, targets, course, at: Trajectory, fixed, band, gradient, cost) -> float:
    return kernels.assemble(
        problem, targets, course, at.root_pos, at.root_quat, at.q, fixed, band, gradient, cost
    )


def _worse(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Frames about which the cost has risen."""
    sums = np.concatenate([[0.0], np.cumsum(after - before)])
    at = np.arange(len(before))
    return sums[np.minimum(at + _NEIGHBOURS + 1, len(before))] - sums[np.maximum(at - _NEIGHBOURS, 0)] > 0.0
