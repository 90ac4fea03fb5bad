"""Which α of a family is taken: certificates and selection (MIRROR, Eq. 11–17 and 21)."""

import math

import numpy as np

from understudy.kinematics.kernels.jit import kernel, part
from understudy.kinematics.kernels.live_arrays import ARRIVED, CERTIFIED, FALLBACK, HELD, LINEAR, NONE, TRUE
from understudy.kinematics.kernels.live_assembly import (
    copy_limb,
    half_square,
    length,
    move_limb,
    posture,
    task_errors,
)
from understudy.kinematics.kernels.live_path import at_alpha
from understudy.kinematics.kernels.live_safe import place_ends, safe

_TRIED = 20
_RATIO = 0.75
"""On an exact path the true certificate is asked for at so many α, from 1 downwards, each this part of the one before,
and at 0: hard pressed limbs make their way in steps of a few per cent."""
# V̂⁺ falls along an exact path. From the first α downwards at which it does not come down enough, V⁺ could do so by
# curvature alone. Where V⁺ was as predicted for the candidate before, there is too little of that, and none of those is
# tried once there is a safe candidate that neither raises V nor comes out above what is predicted here. One that raises
# V is not enough: feet come down to the floor by fallbacks that do not.
_HALVINGS = 4
"""Of the gap between the largest certified of those and the next, so that α is found to a fiftieth of itself."""
_FEASIBLE = 1e-6
"""What a candidate may break a row (m²) or the box (rad) by: exact solvers stay far inside, unconverged ones do not."""


@part
def predicted(qp, v):
    """V̂⁺ (Eq. 13–14)."""
    s = 0.0
    for i in range(qp.size[1]):
        e = qp.error[i]
        for a in range(qp.size[0]):
            e -= qp.jacobian[i, a] * v[a]
        s += qp.certified[i] * e * e
    return 0.5 * s


@part
def feasible(qp, v):
    """Whether v keeps the rows and the box (Eq. 8–10)."""
    n = qp.size[0]
    for a in range(n):
        if v[a] < qp.lower[a] - _FEASIBLE or v[a] > qp.upper[a] + _FEASIBLE:
            return False
    for j in range(qp.size[2]):
        s = -qp.b[j]
        for a in range(n):
            s += qp.rows[j, a] * v[a]
        if s < -_FEASIBLE:
            return False
    return True


@part
def judge(tree, limbs, k, tasks, barriers, joints, settings, goal, now, pose, qp, v, trial, spare, ends):
    """A candidate: (certified, safe, V⁺). The true certificate leaves ``trial`` moved by v. ``now`` holds V, F, what V⁺
    must come down to, the depth (m, below zero) of the deepest broken barrier, and the least V⁺ of a safe candidate so
    far: one that is neither certified nor better is not asked whether it is safe."""
    there = now[0] <= settings.arrived
    escaping = there or length(v, qp.size[0]) >= settings.least_step
    if settings.certificate != TRUE:
        value = predicted(qp, v)
        kept = feasible(qp, v)
        progress = settings.certificate == NONE or (value <= now[2] and escaping)
        return kept and progress, kept, value
    move_limb(tree, limbs, k, pose, v, joints, trial)
    rows = task_errors(limbs, k, tasks, goal, trial, spare[0], spare[1], spare[2])
    value = half_square(spare[0], spare[2], rows)
    if value > now[2] and value >= now[4]:
        return False, False, value
    unbroken = safe(limbs, k, barriers, qp, trial, now[3], ends)
    if there or not unbroken or value > now[2] or not escaping:
        return there and unbroken and value <= now[2], unbroken, value
    objective = half_square(spare[0], spare[1], rows) + posture(limbs, k, joints, settings, trial.q)
    # A step costs what the QP says it does: F is regularised about where the limb is.
    for a in range(qp.size[0]):
        objective += 0.5 * joints.damping[limbs.columns[k, a]] * v[a] * v[a]
    return objective <= now[1] - settings.eta_objective, unbroken, value


@part
def _largest_root(qp, settings, now, path, i):
    """The largest part of segment i on which the linear certificate holds, exactly; −1 where it holds nowhere.

    V̂⁺ and ‖Δq‖² are quadratic along a segment.
    """
    n = qp.size[0]
    c0 = c1 = c2 = 0.0
    for r in range(qp.size[1]):
        e, d = qp.error[r], 0.0
        for a in range(n):
            e -= qp.jacobian[r, a] * path.step[i - 1, a]
            d -= qp.jacobian[r, a] * (path.step[i, a] - path.step[i - 1, a])
        c0 += 0.5 * qp.certified[r] * e * e
        c1 += qp.certified[r] * e * d
        c2 += 0.5 * qp.certified[r] * d * d
    low, high = _below(c2, c1, c0 - now[2])
    low, high = max(low, 0.0), min(high, 1.0)
    if low > high or now[0] <= settings.arrived:
        return high if low <= high else -1.0
    c0 = c1 = c2 = 0.0
    for a in range(n):
        e, d = path.step[i - 1, a], path.step[i, a] - path.step[i - 1, a]
        c0 += e * e
        c1 += 2.0 * e * d
        c2 += d * d
    short_from, short_to = _below(c2, c1, c0 - settings.least_step**2)
    if high <= short_from or high >= short_to:
        return high
    return short_from if short_from >= low else -1.0


@part
def _below(c2, c1, c0):
    """The interval on which c2 s² + c1 s + c0 ≤ 0 for c2 ≥ 0; an empty one is (1, −1)·∞."""
    if c2 <= 1e-300:
        if abs(c1) <= 1e-300:
            return (-np.inf, np.inf) if c0 <= 0.0 else (np.inf, -np.inf)
        return (-np.inf, -c0 / c1) if c1 > 0.0 else (-c0 / c1, np.inf)
    square = c1 * c1 - 4.0 * c2 * c0
    if square < 0.0:
        return np.inf, -np.inf
    root = math.sqrt(square)
    return (-c1 - root) / (2.0 * c2), (-c1 + root) / (2.0 * c2)


@part
def _largest_linear(qp, settings, now, path, v):
    """The largest α of an exact path for which the linear certificate holds, and its step; −1 where there is none."""
    for i in range(path.count[0] - 1, 0, -1):
        f = _largest_root(qp, settings, now, path, i)
        if f >= 0.0:
            for a in range(qp.size[0]):
                v[a] = path.step[i - 1, a] + f * (path.step[i, a] - path.step[i - 1, a])
            return path.alpha[i - 1] + f * (path.alpha[i] - path.alpha[i - 1])
    return -1.0


@part
def choose(tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp, path, exact, trial, v):
    """Take the largest certified α (Eq. 16), else the fallback: among the safe candidates the one of the least V⁺.

    Writes its step to ``v`` and the moved limb to ``trial``; returns how it was chosen, and α. On an exact path the
    linear certificate is solved for, the true one looked for from α = 1 downwards; else the points of the path
    are the candidates.
    """
    n = qp.size[0]
    spare, now, w = np.empty((3, len(qp.error))), np.zeros(5), np.empty(n)
    now[0] = half_square(qp.error, qp.certified, qp.size[1])
    now[1] = half_square(qp.error, qp.weight, qp.size[1]) + posture(limbs, k, joints, settings, pose.q)
    there = now[0] <= settings.arrived
    now[2] = settings.arrived if there else now[0] - settings.eta
    for m in range(limbs.count[k, 3]):
        now[3] = min(now[3], qp.gap[m])
    code = ARRIVED if there else CERTIFIED
    for a in range(n):
        v[a] = 0.0
    if exact and settings.certificate == LINEAR:
        alpha = _largest_linear(qp, settings, now, path, v)
        if alpha >= 0.0:
            move_limb(tree, limbs, k, pose, v, joints, trial)
            return code, alpha
    ends = place_ends(limbs, k, barriers, pose)
    # above: the nearest candidate above that is not certified; bent: what curvature did to its V⁺
    now[4], chosen, above, bent = np.inf, 0.0, -1.0, 0.0
    for i in range(_TRIED if exact else path.count[0] - 1, -1, -1):
        if exact:
            alpha = _RATIO ** (_TRIED - i) if i > 0 else 0.0
            at_alpha(path, alpha, n, w)
        else:
            alpha = path.alpha[i]
            for a in range(n):
                w[a] = path.step[i, a]
        if exact and now[4] < np.inf:
            hoped = predicted(qp, w)
            if hoped - bent > now[2] and now[4] <= min(now[0], hoped):
                break
        certified, unbroken, value = judge(
            tree, limbs, k, tasks, barriers, joints, settings, goal, now, pose, qp, w, trial, spare, ends
        )
        bent = abs(value - predicted(qp, w))
        if certified or (unbroken and value < now[4]):
            now[4], chosen = value, alpha
            for a in range(n):
                v[a] = w[a]
        if certified:
            if exact and above > alpha:
                chosen = _refine(
                    tree, limbs, k, tasks, barriers, joints, settings, goal, now, pose, qp, path, alpha, above,
                    trial, spare, ends, w, v,
                )  # fmt: skip
            move_limb(tree, limbs, k, pose, v, joints, trial)
            return code, chosen
        above = alpha
    if now[4] == np.inf:
        _retreat(tree, limbs, k, barriers, joints, pose, qp, path, trial, v, now[3], ends)
    move_limb(tree, limbs, k, pose, v, joints, trial)
    return HELD if length(v, n) == 0.0 else FALLBACK, chosen


@part
def _retreat(tree, limbs, k, barriers, joints, pose, qp, path, trial, v, depth, ends):
    """Out of broken barriers, as far along Δq(0) as no more is broken: their slopes change on the way."""
    n, part_of_it = qp.size[0], 0.5
    for _ in range(_HALVINGS):
        for a in range(n):
            v[a] = part_of_it * path.step[0, a]
        move_limb(tree, limbs, k, pose, v, joints, trial)
        if safe(limbs, k, barriers, qp, trial, depth, ends):
            return
        part_of_it *= 0.5
    for a in range(n):
        v[a] = 0.0


@part
def _refine(
    tree, limbs, k, tasks, barriers, joints, settings, goal, now, pose, qp, path, low, high, trial, spare, ends, w, v
):  # fmt: skip
    """Halve the gap between a certified α and one above that is not; ``v`` becomes the step of what is returned."""
    n = qp.size[0]
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        at_alpha(path, middle, n, w)
        certified, _, _ = judge(
            tree, limbs, k, tasks, barriers, joints, settings, goal, now, pose, qp, w, trial, spare, ends
        )
        if certified:
            low = middle
            for a in range(n):
                v[a] = w[a]
        else:
            high = middle
    return low


@kernel
def choose_limb(tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp, path, exact, trial, v):
    """``choose`` for callers from outside; the pose becomes the one that was chosen."""
    code, alpha = choose(
        tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp, path, exact, trial, v
    )
    copy_limb(limbs, k, trial, pose)
    return code, alpha
