"""QPs that differ in α alone, many at once, by ADMM in torch: one factorisation, and one product an iteration.

The splitting is OSQP's (Stellato et al., 2020), without its adaptive ρ and polish, as MIRROR has it:

    x ← (hessian + σ + ρ AᵀA)⁻¹ (σ x − α gradient + Aᵀ(ρ z − y))
    z ← A x + y/ρ, clamped;   y ← y + ρ (A x − z)

A holds barrier rows, scaled to unit length as those of the box are, and the box. Written in w = A x + y/ρ, from which z
and y follow, an iteration is linear but for the clamp. x and α ride along as columns without bounds, so that all of it
is one matrix product for all α.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

NEAREST = 24
"""Rows that are solved for: those that the least joint motion reaches. An arm's QP has a hundred, of which solutions
touch six at most, all of them among the nearest 22 where that was counted. Whoever chooses among candidates looks at
all rows. A fixed number makes one shape, and on a GPU one graph."""


class LiveAdmm:
    """One limb's solver. It keeps iterates from call to call, as the next one's start.

    ``count`` QPs of ``n`` variables are solved at a time on ``device``; on a GPU the iterations are one CUDA graph.
    Single precision, unless ``double``.
    """

    def __init__(
        self, count: int, n: int, *, iterations: int, sigma: float, rho: float, device: str, double: bool
    ):
        self.n, self.iterations, self.sigma, self.rho = n, iterations, sigma, rho
        self._kind = torch.float64 if double else torch.float32
        self._on = torch.device(device)
        rows, width = NEAREST + n, NEAREST + 2 * n + 1

        def empty(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=self._kind, device=self._on)

        self._step, self._bounds = empty(width, width), empty(2, width)
        self._w, self._z, self._beyond = (empty(count, width) for _ in range(3))
        self._x = self._w[:, rows : rows + n]
        self._dual = empty(count, rows)
        self._graph = self._captured() if self._on.type == "cuda" else None

    @torch.inference_mode()
    def solve(
        self,
        hessian: Float[np.ndarray, "n n"],
        gradient: Float[np.ndarray, "n"],
        rows: Float[np.ndarray, "row n"],
        b: Float[np.ndarray, "row"],
        lower: Float[np.ndarray, "n"],
        upper: Float[np.ndarray, "n"],
        alpha: Float[np.ndarray, "count"],
    ) -> Float[np.ndarray, "count n"]:
        """x after so many iterations, clamped to the box: no solutions yet, as a rule."""
        constraints, low, high = _constraints(rows, b, lower, upper)
        self._bounds.copy_(torch.from_numpy(np.stack([low, high])))
        self._step.copy_(torch.from_numpy(self._iteration(hessian, gradient, constraints)))
        # Rows may be others than the last time. A multiplier in the wrong place costs iterations and nothing else.
        count = len(constraints)
        torch.addmm(self._dual, self._x, self._tensor(constraints.T), out=self._w[:, :count])
        self._w[:, -1] = self._tensor(alpha)
        if self._graph is None:
            self._iterate()
        else:
            self._graph.replay()
        w = self._w[:, :count]
        torch.sub(w, w.clamp(*self._bounds[:, :count]), out=self._dual)
        return np.clip(self._x.to("cpu", torch.float64).numpy(), lower, upper)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._on, self._kind)

    def _iteration(
        self,
        hessian: Float[np.ndarray, "n n"],
        gradient: Float[np.ndarray, "n"],
        constraints: Float[np.ndarray, "all n"],
    ) -> Float[np.ndarray, "width width"]:
        """What (2 z − w, x, α) is multiplied by from the right to give (A x, x, α) of the next iterate."""
        n, count = self.n, len(constraints)
        system = hessian + self.sigma * np.eye(n) + self.rho * constraints.T @ constraints
        right = np.concatenate([self.rho * constraints, self.sigma * np.eye(n), -gradient[None]])
        x = np.linalg.solve(system, right.T).T
        out = np.zeros((len(right), len(right)))
        out[:, :count] = x @ constraints.T
        out[:, count : count + n] = x
        out[-1, -1] = 1.0
        return out

    def _iterate(self) -> None:
        low, high = self._bounds
        for _ in range(self.iterations):
            torch.clamp(self._w, low, high, out=self._z)
            torch.sub(self._w, self._z, out=self._beyond)
            self._z.sub_(self._beyond)
            torch.addmm(self._beyond, self._z, self._step, out=self._w)

    @torch.inference_mode()
    def _captured(self) -> torch.cuda.CUDAGraph:
        """The iterations as a graph, after a run on a stream of its own that sets the libraries up."""
        aside = torch.cuda.Stream(self._on)
        aside.wait_stream(torch.cuda.current_stream(self._on))
        with torch.cuda.stream(aside):
            self._iterate()
        torch.cuda.current_stream(self._on).wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._iterate()
        return graph


def _constraints(
    rows: Float[np.ndarray, "row n"],
    b: Float[np.ndarray, "row"],
    lower: Float[np.ndarray, "n"],
    upper: Float[np.ndarray, "n"],
) -> tuple[Float[np.ndarray, "all n"], Float[np.ndarray, "width"], Float[np.ndarray, "width"]]:
    """A, and the bounds of (A x, x, α): the nearest rows, fewer padded with empty ones, then the box."""
    n = len(lower)
    length = np.linalg.norm(rows, axis=-1)
    away = -b / np.maximum(length, 1e-12)
    nearest = np.argsort(away, kind="stable")[:NEAREST]
    constraints = np.zeros((NEAREST + n, n))
    constraints[: len(nearest)] = rows[nearest] / np.maximum(length[nearest], 1e-12)[:, None]
    constraints[NEAREST:] = np.eye(n)
    low, high = np.full(NEAREST + 2 * n + 1, -np.inf), np.full(NEAREST + 2 * n + 1, np.inf)
    low[: len(nearest)] = -away[nearest]
    low[NEAREST : NEAREST + n], high[NEAREST : NEAREST + n] = lower, upper
    return constraints, low, high
