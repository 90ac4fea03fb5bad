"""What limbs want of the base that they share: consensus by quadratics instead of by positions.

Every limb knows its own cost over (base, own joints). Where it lets its own joints be optimal, within their box, what
remains is a convex quadratic of the base alone, piece by piece: its vote. The base minimises the sum of all votes,
every limb answers with where its joints would then be, and one that would leave its box, or come off it, changes its
vote. Rounds end when none does, and the base is then where the QP of the whole body has it.
"""

import numpy as np

from understudy.kinematics.kernels.jit import part
from understudy.kinematics.kernels.live_assembly import (
    box,
    normal_equations,
    screws,
    task_errors,
    task_jacobian,
)
from understudy.kinematics.kernels.live_whole_feet import factor, solve

_SAME = 1e-9


@part
def ask(tree, limbs, k, tasks, joints, settings, goal, pose, qp, votes, p):
    """Part p's quadratic at a pose (limb k is the part with the base), with no joint on its box."""
    qp.size[0] = limbs.count[k, 0]
    screws(tree, limbs, k, pose, qp.screw)
    qp.size[1] = task_errors(limbs, k, tasks, goal, pose, qp.error, qp.weight, qp.certified)
    task_jacobian(limbs, k, tasks, pose, qp.screw, qp.jacobian)
    normal_equations(limbs, k, joints, settings, pose.q, qp)
    box(limbs, k, joints, settings.brake, pose.q, qp)
    for a in range(qp.size[0]):
        votes.gradient[p, a] = qp.gradient[a]
        votes.lower[p, a], votes.upper[p, a] = qp.lower[a], qp.upper[a]
        votes.resting[p, a] = 0
        for b in range(qp.size[0]):
            votes.hessian[p, a, b] = qp.hessian[a, b]


@part
def _reduced(votes, p, n, z, free, low, answer):
    """Own joints of part p as they follow from the base: those of ``free``, v = −answer[:, :z] base − answer[:, z].

    Returns how many are free.
    """
    h, g, count = votes.hessian[p], votes.gradient[p], 0
    for a in range(z, n):
        if votes.resting[p, a] == 0:
            free[count] = a
            count += 1
    for i in range(count):
        a = free[i]
        for j in range(i + 1):
            low[i, j] = h[a, free[j]]
        for c in range(z):
            answer[i, c] = h[a, c]
        v = g[a]
        for b in range(z, n):
            if votes.resting[p, b] != 0:
                v += h[a, b] * _bound(votes, p, b)
        answer[i, z] = v
    factor(low, count, low)
    for c in range(z + 1):
        solve(low, count, answer, c)
    return count


@part
def _bound(votes, p, a):
    return votes.lower[p, a] if votes.resting[p, a] < 0 else votes.upper[p, a]


@part
def add_vote(votes, p, n, z, hessian, gradient):
    """Add part p's vote to the base's quadratic."""
    free, low, answer = np.empty(n, np.int64), np.empty((n, n)), np.empty((n, z + 1))
    count = _reduced(votes, p, n, z, free, low, answer)
    h = votes.hessian[p]
    for c in range(z):
        g = votes.gradient[p, c]
        for b in range(z, n):
            if votes.resting[p, b] != 0:
                g += h[c, b] * _bound(votes, p, b)
        for i in range(count):
            g -= h[c, free[i]] * answer[i, z]
        gradient[c] += g
        for d in range(z):
            v = h[c, d]
            for i in range(count):
                v -= h[c, free[i]] * answer[i, d]
            hessian[c, d] += v


@part
def revise(votes, p, n, z, base):
    """Whether part p changes its vote, once it knows the base's step: joints come to rest on the box, or off it."""
    free, low, answer, v = np.empty(n, np.int64), np.empty((n, n)), np.empty((n, z + 1)), np.empty(n)
    count = _reduced(votes, p, n, z, free, low, answer)
    for a in range(n):
        v[a] = base[a] if a < z else (_bound(votes, p, a) if votes.resting[p, a] != 0 else 0.0)
    changed = False
    for i in range(count):
        a, x = free[i], -answer[i, z]
        for c in range(z):
            x -= answer[i, c] * base[c]
        v[a] = x
        if x < votes.lower[p, a] - _SAME:
            votes.resting[p, a] = -1
            changed = True
        elif x > votes.upper[p, a] + _SAME:
            votes.resting[p, a] = 1
            changed = True
    if changed:
        return True
    worst, out = -_SAME, -1
    for a in range(z, n):
        if votes.resting[p, a] != 0:
            push = votes.gradient[p, a]
            for b in range(n):
                push += votes.hessian[p, a, b] * v[b]
            push = push if votes.resting[p, a] < 0 else -push
            if push < worst:
                worst, out = push, a
    if out >= 0:
        votes.resting[p, out] = 0
    return out >= 0
