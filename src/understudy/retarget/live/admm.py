"""MIRROR's solver: the QPs of many α at once by batched ADMM, a fixed number of iterations from a warm start.

Fifty iterations do not solve these QPs. ρ = 50 is far above the curvature of the directions in which an arm is free
(W_q = 0.02), so that those hardly move in an iteration. ``misfit`` measures what is left, against the exact path.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.kinematics.live_admm import LiveAdmm
from understudy.retarget.live.control import exact_path
from understudy.retarget.live.problem import Candidates, LimbQP


class Admm:
    """A ``Solver``: α_j = j / count from 0 to 1, or with a ``seed`` so many drawn uniformly, anew at every call.

    ``iterations``, ``sigma`` and ``rho`` are the paper's. Each limb starts from its own last iterates: make a new one
    for another motion. ``device`` is torch's. Raises LimitError for a count or iterations below one.
    """

    def __init__(
        self,
        count: int = 256,
        *,
        iterations: int = 50,
        sigma: float = 1e-6,
        rho: float = 50.0,
        seed: int | None = None,
        device: str = "cpu",
        double: bool = False,
    ):
        if min(count, iterations) < 1:
            raise LimitError(f"ADMM needs at least one α and one iteration; got {count} and {iterations}.")
        self._count = count
        self._made = partial(
            LiveAdmm, iterations=iterations, sigma=sigma, rho=rho, device=device, double=double
        )
        self._random = None if seed is None else np.random.default_rng(seed)
        self._limbs: dict[int, LiveAdmm] = {}

    def __call__(self, qp: LimbQP, limb: int) -> Candidates:
        """Iterates at all α, inside the box; rows may be broken."""
        if self._random is None:
            alpha = np.linspace(0.0, 1.0, self._count + 1)
        else:
            alpha = np.sort(self._random.uniform(size=self._count))
        if limb not in self._limbs:
            self._limbs[limb] = self._made(len(alpha), len(qp.gradient))
        step = self._limbs[limb].solve(qp.hessian, qp.gradient, qp.rows, qp.b, qp.lower, qp.upper, alpha)
        return Candidates(alpha, step)


@dataclass(frozen=True)
class Misfit:
    """What candidates lack, each at its worst joint or row."""

    apart: Float[np.ndarray, "candidate"]
    """How far the step is from the solution, rad."""
    broken: Float[np.ndarray, "candidate"]
    """By how much a barrier row is broken, m²; zero where none is."""


def misfit(qp: LimbQP, found: Candidates) -> Misfit:
    """Candidates held against the exact path at their own α."""
    path = exact_path(qp)
    solved = np.stack([np.interp(found.alpha, path.alpha, column) for column in path.step.T], axis=-1)
    short = qp.b - found.step @ qp.rows.T
    return Misfit(np.abs(found.step - solved).max(-1), short.max(-1, initial=0.0))
