"""The usual way, and MIRROR's baseline: one QP at α = 1, solved by DAQP; the same at every point of a grid; and a line
search along its solution."""

import numpy as np

from understudy.kinematics.kernels import live_daqp
from understudy.retarget.live.problem import Candidates, LimbQP, Solver


def single(qp: LimbQP, limb: int) -> Candidates:  # noqa: ARG001
    """Δq(1) alone; where rows and box exclude each other, no step."""
    return _at(qp, np.ones(1))


def scaled(qp: LimbQP, limb: int) -> Candidates:
    """α Δq(1): the same step, shortened, which is what a line search has to choose from. It keeps rows and box where
    no step does."""
    full = single(qp, limb).step[-1]
    return Candidates(np.array([0.0, 1.0]), np.stack([np.zeros_like(full), full]), exact=True)


def grid(count: int) -> Solver:
    """α_j = j / count for j from 0 to ``count``, each solved exactly."""
    alphas = np.linspace(0.0, 1.0, count + 1)

    def solve(qp: LimbQP, limb: int) -> Candidates:  # noqa: ARG001
        return _at(qp, alphas)

    return solve


def _at(qp: LimbQP, alphas: np.ndarray) -> Candidates:
    steps = np.zeros((len(alphas), len(qp.gradient)))
    for step, alpha in zip(steps, alphas, strict=True):
        v = live_daqp.solve(qp.hessian, alpha * qp.gradient, qp.rows, qp.b, qp.lower, qp.upper)
        if v is None:  # the rows do not depend on α: none has a solution
            return Candidates(np.zeros(1), np.zeros((1, len(qp.gradient))))
        step[:] = v
    return Candidates(alphas, steps)
