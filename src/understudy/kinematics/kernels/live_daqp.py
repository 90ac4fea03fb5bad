"""One QP of a limb's family by DAQP, a dual active-set solver: the referee of exact paths, and the usual way."""

import daqp
import numpy as np
from jaxtyping import Float


def solve(
    hessian: Float[np.ndarray, "n n"],
    gradient: Float[np.ndarray, "n"],
    rows: Float[np.ndarray, "row n"],
    b: Float[np.ndarray, "row"],
    lower: Float[np.ndarray, "n"],
    upper: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "n"] | None:
    """argmin ½ vᵀ hessian v + gradientᵀ v over rows v ≥ b, lower ≤ v ≤ upper; None where there is no such v."""
    n, m = len(gradient), len(b)
    v, _, flag, _ = daqp.solve(
        np.ascontiguousarray(hessian),
        np.ascontiguousarray(gradient),
        np.ascontiguousarray(rows.reshape(m, n)),
        np.concatenate([upper, np.full(m, 1e30)]),
        np.concatenate([lower, b]),
        np.zeros(n + m, np.int32),
        primal_tol=1e-11,
    )
    return np.array(v) if flag > 0 else None
