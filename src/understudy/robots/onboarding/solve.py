"""A small damped least-squares solver for poses, which works on all its starts at once."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

_STEP = 1e-5


def least_squares(
    residual: Callable[[np.ndarray], np.ndarray],
    starts: Float[np.ndarray, "start dof"],
    lower: Float[np.ndarray, "dof"],
    upper: Float[np.ndarray, "dof"],
    iterations: int = 60,
) -> tuple[Float[np.ndarray, "dof"], float]:
    """The best of the minima of |residual|² reached from several starts, and its cost. ``residual`` takes (batch, dof)
    to (batch, row); bounds are hard."""
    q = np.clip(starts, lower, upper)
    count, dof = q.shape
    damping = np.full(count, 1e-3)
    value = residual(q)
    cost = (value**2).sum(-1)
    for _ in range(iterations):
        nudged = q[:, None] + _STEP * np.eye(dof)
        jacobian = (residual(nudged.reshape(-1, dof)).reshape(count, dof, -1) - value[:, None]) / _STEP
        normal = jacobian @ jacobian.swapaxes(-1, -2) + damping[:, None, None] * np.eye(dof)
        gradient = (jacobian @ value[..., None])[..., 0]
        # A joint at a bound that the gradient pushes outwards stays there.
        stuck = ((q <= lower) & (gradient > 0)) | ((q >= upper) & (gradient < 0))
        normal = np.where(stuck[:, :, None] | stuck[:, None, :], np.eye(dof), normal)
        step = -np.linalg.solve(normal, np.where(stuck, 0.0, gradient)[..., None])[..., 0]
        candidate = np.clip(q + np.clip(step, -0.5, 0.5), lower, upper)
        new = residual(candidate)
        better = (new**2).sum(-1) < cost
        q, value = np.where(better[:, None], candidate, q), np.where(better[:, None], new, value)
        before, cost = cost, (value**2).sum(-1)
        damping = np.clip(np.where(better, damping / 3, damping * 5), 1e-9, 1e3)
        if (before - cost <= 1e-7 * before + 1e-12)[damping < 1e2].all():
            break
    best = int(np.argmin(cost))
    return q[best], float(cost[best])
