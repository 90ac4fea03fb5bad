"""All solutions of a family of QPs at once: Δq(α) for every α from 0 to 1.

min ½ vᵀHv + α gᵀv   s.t.   A v ≥ b,   lower ≤ v ≤ upper

Only the gradient scales with α, so the solution is continuous and piecewise linear in it. A parametric active-set
method starts from the solution at α = 0 and walks from one breakpoint to the next, where a constraint becomes active or
lets go (Best, 1996; Ferreau, Bock and Diehl, 2008).

Where v = 0 breaks a constraint there is a walk before that: from v = 0, with those constraints demanded little by
little, to the solution at α = 0. If they cannot all be met, each is demanded as far as that walk came, so that there is
always a solution.
"""

import math

import numpy as np

from understudy.kinematics.kernels.jit import kernel, part

EXACT, RELAXED, CUT = 0, 1, 2
"""Whole; whole, with broken constraints repaired in part; ended before α = 1, because constraints would not settle."""

_ROUNDS, _ROUNDS_A_COLUMN = 40, 5
"""A walk is cut after so many constraints have become active or let go. Walks of whole bodies that end do so within 30,
of six to ten columns; those that go round in circles would never."""

_SAME = 1e-11  # progress in t below this is none
_FLAT = 1e-12  # slopes below this are none
_DEPENDENT = 1e-10  # relative
_APART = 1e-11
"""Where many constraints would become active at once, as all rows through v = 0 do at α = 0 and all broken ones at
first, they might go round in circles. The walk is then made again with each relaxed by once to twice this, by a part of
its own, so that they come one after the other."""


@part
def _dot(qp, j, v):
    """Constraint j's normal times v: barrier rows, then lower bounds, then upper bounds."""
    n, m = qp.size[0], qp.size[2]
    if j >= m + n:
        return -v[j - m - n]
    if j >= m:
        return v[j - m]
    s = 0.0
    for c in range(n):
        s += qp.rows[j, c] * v[c]
    return s


@part
def _demand(qp, j):
    """Constraint j's right-hand side."""
    n, m = qp.size[0], qp.size[2]
    if j >= m + n:
        return -qp.upper[j - m - n]
    if j >= m:
        return qp.lower[j - m]
    return qp.b[j]


@part
def _fixed(d, j, apart, phase, near):
    """What of a right-hand side d does not depend on t: a broken constraint's is t d in phase 0. All are relaxed by
    about ``apart``, those that t scales too, which would all be met with equality at t = 0."""
    if d > 0.0:
        d = 0.0 if phase == 0 else near * d
    return d - apart * (1.0 + (0.6180339887498949 * j) % 1.0)


@part
def _inverse(h, n, low, inverse):
    """Inverse of the leading n × n block by its Cholesky factor; False where it is not positive definite."""
    for j in range(n):
        for i in range(j, n):
            v = h[i, j]
            for k in range(j):
                v -= low[i, k] * low[j, k]
            if i == j:
                if not v > 1e-13 * h[j, j]:
                    return False
                low[j, j] = math.sqrt(v)
            else:
                low[i, j] = v / low[j, j]
    for c in range(n):
        for i in range(n):
            v = 1.0 if i == c else 0.0
            for k in range(c, i):
                v -= low[i, k] * inverse[k, c]
            inverse[i, c] = v / low[i, i] if i >= c else 0.0
    for c in range(n):
        for i in range(n - 1, -1, -1):
            v = inverse[i, c]
            for k in range(i + 1, n):
                v -= low[k, i] * inverse[k, c]
            inverse[i, c] = v / low[i, i]
    return True


@part
def _column(qp, inverse, j, y):
    """y = H⁻¹ a_j."""
    n, m = qp.size[0], qp.size[2]
    if j >= m:
        sign = 1.0 if j < m + n else -1.0
        c = j - m if j < m + n else j - m - n
        for i in range(n):
            y[i] = sign * inverse[i, c]
        return
    for i in range(n):
        s = 0.0
        for c in range(n):
            s += inverse[i, c] * qp.rows[j, c]
        y[i] = s


@part
def _factor(gram, factor, k):
    """Cholesky factor of the leading k × k block of the active constraints' Gram matrix."""
    for j in range(k):
        for i in range(j, k):
            v = gram[i, j]
            for c in range(j):
                v -= factor[i, c] * factor[j, c]
            factor[i, j] = math.sqrt(max(v, 1e-300)) if i == j else v / factor[j, j]


@part
def _solve(factor, k, r):
    """r ← G⁻¹ r."""
    for i in range(k):
        v = r[i]
        for c in range(i):
            v -= factor[i, c] * r[c]
        r[i] = v / factor[i, i]
    for i in range(k - 1, -1, -1):
        v = r[i]
        for c in range(i + 1, k):
            v -= factor[c, i] * r[c]
        r[i] = v / factor[i, i]


@part
def _segment(qp, apart, phase, near, descent, active, k, y, factor, multiplier, slope, x, dx):
    """The straight line that the solution lies on while these constraints are active: x + t dx and their multipliers.

    In phase 0 t is the part of the broken constraints that is demanded, in phase 1 it is α.
    """
    n = qp.size[0]
    for i in range(k):
        d = _demand(qp, active[i])
        multiplier[i] = _fixed(d, active[i], apart, phase, near)
        slope[i] = max(d, 0.0) if phase == 0 else -_dot(qp, active[i], descent)
    _solve(factor, k, multiplier)
    _solve(factor, k, slope)
    for c in range(n):
        x[c] = 0.0
        dx[c] = descent[c] if phase == 1 else 0.0
        for i in range(k):
            x[c] += y[i, c] * multiplier[i]
            dx[c] += y[i, c] * slope[i]


@part
def _next_event(qp, apart, phase, near, t, is_active, k, multiplier, slope, x, dx):
    """Where the line ends: (t, constraint that becomes active or −1, place of the one that lets go or −1)."""
    n, m = qp.size[0], qp.size[2]
    end, enter, leave = 1.0, -1, -1
    for j in range(m + 2 * n):
        if is_active[j]:
            continue
        d = _demand(qp, j)
        rate = _dot(qp, j, dx) - (max(d, 0.0) if phase == 0 else 0.0)
        if rate < -_FLAT:
            at = max((_fixed(d, j, apart, phase, near) - _dot(qp, j, x)) / rate, t)
            if at < end:
                end, enter, leave = at, j, -1
    for i in range(k):
        if slope[i] < -_FLAT:
            at = max(-multiplier[i] / slope[i], t)
            if at < end:
                end, enter, leave = at, -1, i
    return end, enter, leave


@part
def _drop(active, is_active, y, gram, k, i):
    """Take the i-th active constraint out; returns how many remain."""
    is_active[active[i]] = False
    n = y.shape[1]
    for a in range(i, k - 1):
        active[a] = active[a + 1]
        for c in range(n):
            y[a, c] = y[a + 1, c]
    for a in range(i, k - 1):
        for c in range(a + 1):
            gram[a, c] = gram[a + 1, c if c < i else c + 1]
    return k - 1


@part
def _admit(qp, inverse, j, active, is_active, y, gram, factor, k, multiplier, slope, t, ray, fresh):
    """Make constraint j active; where it depends on the active ones, one of them makes room. Returns how many are
    active, −1 where none can."""
    _column(qp, inverse, j, fresh)
    own = _dot(qp, j, fresh)
    for i in range(k):
        ray[i] = _dot(qp, active[i], fresh)
    ray_square = 0.0
    for i in range(k):  # forward half of the solve: own − ‖L⁻¹ a‖² is the Schur complement
        v = ray[i]
        for c in range(i):
            v -= factor[i, c] * ray[c]
        ray[i] = v / factor[i, i]
        ray_square += ray[i] * ray[i]
    if own - ray_square < _DEPENDENT * own or k == qp.size[0]:
        for i in range(k - 1, -1, -1):
            v = ray[i]
            for c in range(i + 1, k):
                v -= factor[c, i] * ray[c]
            ray[i] = v / factor[i, i]
        least, out = np.inf, -1
        for i in range(k):
            if ray[i] > 1e-9:
                ratio = max(multiplier[i] + t * slope[i], 0.0) / ray[i]
                if ratio < least:
                    least, out = ratio, i
        if out < 0:
            return -1
        k = _drop(active, is_active, y, gram, k, out)
    for i in range(k):
        gram[k, i] = _dot(qp, active[i], fresh)
    gram[k, k] = own
    for c in range(qp.size[0]):
        y[k, c] = fresh[c]
    active[k] = j
    is_active[j] = True
    return k + 1


@part
def _record(path, alpha, n, x, dx):
    """Append the point x + α dx to the path; one at the same α as the last takes its place, and the first has α = 0."""
    at = path.count[0]
    if at > 0 and alpha - path.alpha[at - 1] < _SAME:
        at -= 1
        if at == 0:
            alpha = 0.0
    if at == len(path.alpha):
        return False
    path.alpha[at] = alpha
    for c in range(n):
        path.step[at, c] = x[c] + alpha * dx[c]
    path.count[0] = at + 1
    return True


@part
def walk(qp, path):
    """Fill ``path`` with the breakpoints of Δq(α), α = 0 and 1 included; returns EXACT, RELAXED or CUT."""
    code = _walk(qp, 0.0, path)
    return _walk(qp, _APART, path) if code == CUT else code


@kernel
def _walk(qp, apart, path):
    """The walk with all constraints relaxed by about ``apart``."""
    n, m = qp.size[0], qp.size[2]
    inverse, low = np.empty((n, n)), np.empty((n, n))
    descent, x, dx, fresh = np.empty(n), np.zeros(n), np.zeros(n), np.empty(n)
    path.count[0] = 0
    if not _inverse(qp.hessian, n, low, inverse):
        _record(path, 0.0, n, x, dx)
        return CUT
    for c in range(n):
        s = 0.0
        for d in range(n):
            s -= inverse[c, d] * qp.gradient[d]
        descent[c] = s
    total = m + 2 * n
    is_active, active = np.zeros(total, np.bool_), np.empty(n + 1, np.int64)
    y, gram, factor = np.empty((n + 1, n)), np.empty((n + 1, n + 1)), np.empty((n + 1, n + 1))
    multiplier, slope, ray = np.empty(n + 1), np.empty(n + 1), np.empty(n + 1)
    phase, near = 1, 1.0
    for j in range(total):
        if _demand(qp, j) > 0.0:
            phase = 0
    k, t = 0, 0.0
    for _ in range(_ROUNDS + _ROUNDS_A_COLUMN * n):
        _factor(gram, factor, k)
        _segment(qp, apart, phase, near, descent, active, k, y, factor, multiplier, slope, x, dx)
        if phase == 1 and t == 0.0:
            _record(path, 0.0, n, x, dx)
        end, enter, leave = _next_event(qp, apart, phase, near, t, is_active, k, multiplier, slope, x, dx)
        t = end
        if phase == 1 and not _record(path, t, n, x, dx):
            return CUT
        done = enter < 0 and leave < 0
        if enter >= 0:
            kept = _admit(
                qp, inverse, enter, active, is_active, y, gram, factor, k, multiplier, slope, t, ray, fresh
            )
            if kept < 0 and phase == 1:
                return CUT
            done = kept < 0
            k = k if done else kept
        elif leave >= 0:
            k = _drop(active, is_active, y, gram, k, leave)
        if done:
            if phase == 1:
                return EXACT if near == 1.0 else RELAXED
            near, phase, t = t, 1, 0.0
    if path.count[0] == 0:  # on the way to α = 0: one point, as far as broken constraints were repaired
        for c in range(n):
            x[c] += (t if phase == 0 else near) * dx[c]
            dx[c] = 0.0
        _record(path, 0.0, n, x, dx)
    return CUT


@kernel
def solve_path(qp, path):
    """``walk`` for callers from outside."""
    return walk(qp, path)


@part
def at_alpha(path, alpha, n, out):
    """The point of an exact path at α."""
    i = path.count[0] - 1
    while i > 0 and path.alpha[i - 1] > alpha:
        i -= 1
    if i == 0:
        for c in range(n):
            out[c] = path.step[0, c]
        return
    gap = path.alpha[i] - path.alpha[i - 1]
    f = min(max((alpha - path.alpha[i - 1]) / gap, 0.0), 1.0) if gap > 0.0 else 1.0
    for c in range(n):
        out[c] = path.step[i - 1, c] + f * (path.step[i, c] - path.step[i - 1, c])
