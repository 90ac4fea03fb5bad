"""A dense dual active-set method for the small, strictly convex QPs of inverse kinematics (Goldfarb and Idnani, 1983).

    min ½ vᵀHv + gᵀv   s.t.  lower ≤ v ≤ upper  (hard),   A v + s ≥ b  (soft: each slack costs ½ ρ s²)

Soft rows enter the dual as a diagonal 1/ρ, so the problem always has a solution and near-dependent rows stay well
conditioned. It starts at the unconstrained minimum and adds the worst violated constraint, a few at a time in practice.
"""

import math

import numpy as np

from understudy.kinematics.kernels.jit import kernel, part

SOLVED, DEGENERATE = 0, 1
_MAX_ACTIVE = 64


@part
def cholesky(h, low):
    """Lower Cholesky factor of the lower triangle of ``h``; False where ``h`` is not safely positive definite."""
    n = len(h)
    for j in range(n):
        d = h[j, j]
        for k in range(j):
            d -= low[j, k] * low[j, k]
        if not d > 1e-12 * h[j, j]:
            return False
        root = math.sqrt(d)
        low[j, j] = root
        inv = 1.0 / root
        for i in range(j + 1, n):
            v = h[i, j]
            for k in range(j):
                v -= low[i, k] * low[j, k]
            low[i, j] = v * inv
    return True


@part
def _forward(low, y, start):
    """y ← L⁻¹ y, for a y that is zero before ``start``."""
    n = len(y)
    for i in range(start, n):
        v = y[i]
        for k in range(start, i):
            v -= low[i, k] * y[k]
        y[i] = v / low[i, i]


@part
def _backward(low, y):
    """y ← L⁻ᵀ y."""
    for i in range(len(y) - 1, -1, -1):
        v = y[i] / low[i, i]
        y[i] = v
        for k in range(i):
            y[k] -= low[i, k] * v


@part
def _worst(v, lower, upper, rows, b, count, active):
    """Index of the most violated constraint that is not active, −1 if there is none: rows, lower, upper bounds."""
    n = len(v)
    worst, index = -1e-9, -1
    for k in range(count):
        if not active[k]:
            d = -b[k]
            for c in range(n):
                d += rows[k, c] * v[c]
            if d < worst:
                worst, index = d, k
    for i in range(n):
        if not active[count + i] and v[i] - lower[i] < worst:
            worst, index = v[i] - lower[i], count + i
        if not active[count + n + i] and upper[i] - v[i] < worst:
            worst, index = upper[i] - v[i], count + n + i
    return index


@kernel
def solve(low, g, lower, upper, rows, b, count, softness, v):
    """Solve with H = L Lᵀ given by ``low``; the first ``count`` of ``rows`` and ``b`` are soft, ``softness`` is 1/ρ.

    Writes ``v`` and returns SOLVED, or DEGENERATE when the active set grew past its bound or would not settle.
    """
    unconstrained(low, g, v)
    return constrain(low, lower, upper, rows, b, count, softness, v)


@part
def unconstrained(low, g, v):
    """v = −H⁻¹ g."""
    for i in range(len(g)):
        v[i] = -g[i]
    _forward(low, v, 0)
    _backward(low, v)


@kernel
def constrain(low, lower, upper, rows, b, count, softness, v):
    """The same from the unconstrained minimum, which ``v`` holds."""
    n = len(v)
    active = np.zeros(count + 2 * n, dtype=np.bool_)
    which = np.empty(_MAX_ACTIVE, np.int64)
    mult = np.empty(_MAX_ACTIVE)
    basis = np.empty((_MAX_ACTIVE, n))  # L⁻¹ a of each active constraint
    gram = np.empty((_MAX_ACTIVE, _MAX_ACTIVE))
    factor = np.empty((_MAX_ACTIVE, _MAX_ACTIVE))
    r, z, y = np.empty(_MAX_ACTIVE), np.empty(n), np.empty(n)
    k = 0
    for _ in range(8 * (n + count) + 50):
        p = _worst(v, lower, upper, rows, b, count, active)
        if p < 0:
            for i in range(n):  # bounds hold to the last digit
                v[i] = min(max(v[i], lower[i]), upper[i])
            return SOLVED
        if k == _MAX_ACTIVE:
            return DEGENERATE
        y[:] = 0.0
        soft = 0.0
        if p < count:
            y[:] = rows[p, :n]
            _forward(low, y, 0)
            soft = softness
            miss = b[p]
            for c in range(n):
                miss -= rows[p, c] * v[c]
        elif p < count + n:
            y[p - count] = 1.0
            _forward(low, y, p - count)
            miss = lower[p - count] - v[p - count]
        else:
            y[p - count - n] = -1.0
            _forward(low, y, p - count - n)
            miss = v[p - count - n] - upper[p - count - n]
        u = 0.0
        while True:
            for i in range(k):
                d = 0.0
                for c in range(n):
                    d += basis[i, c] * y[c]
                r[i] = d
                gram[k, i] = d
            if k and not _solve_gram(gram, factor, k, r):
                return DEGENERATE
            curve = soft
            for c in range(n):
                d = y[c]
                for i in range(k):
                    d -= basis[i, c] * r[i]
                z[c] = d
                curve += d * d
            for i in range(k):  # the slacks of soft active rows move too
                if which[i] < count:
                    curve += softness * r[i] * r[i]
            drop, step = -1, np.inf
            for i in range(k):
                if r[i] > 1e-12 and mult[i] / r[i] < step:
                    drop, step = i, mult[i] / r[i]
            full = miss / curve if curve > 1e-13 else np.inf
            if full == np.inf and drop < 0:
                return DEGENERATE
            t = min(step, full)
            if full < np.inf:
                _backward(low, z)
                for c in range(n):
                    v[c] += t * z[c]
                miss -= t * curve
            for i in range(k):
                mult[i] -= t * r[i]
            u += t
            if full <= step:
                which[k], mult[k] = p, u
                basis[k] = y
                d = soft
                for c in range(n):
                    d += y[c] * y[c]
                gram[k, k] = d
                active[p] = True
                k += 1
                break
            active[which[drop]] = False
            k -= 1
            for i in range(drop, k):
                which[i], mult[i] = which[i + 1], mult[i + 1]
                basis[i] = basis[i + 1]
            for i in range(drop, k):
                for j in range(i + 1):
                    gram[i, j] = gram[i + 1, j if j < drop else j + 1]
    return DEGENERATE


@part
def _solve_gram(gram, factor, k, r):
    """r ← gram⁻¹ r for the leading k × k block."""
    for j in range(k):
        d = gram[j, j]
        for m in range(j):
            d -= factor[j, m] * factor[j, m]
        if not d > 1e-13 * gram[j, j]:
            return False
        factor[j, j] = math.sqrt(d)
        for i in range(j + 1, k):
            v = gram[i, j]
            for m in range(j):
                v -= factor[i, m] * factor[j, m]
            factor[i, j] = v / factor[j, j]
    for i in range(k):
        for m in range(i):
            r[i] -= factor[i, m] * r[m]
        r[i] /= factor[i, i]
    for i in range(k - 1, -1, -1):
        for m in range(i + 1, k):
            r[i] -= factor[m, i] * r[m]
        r[i] /= factor[i, i]
    return True
