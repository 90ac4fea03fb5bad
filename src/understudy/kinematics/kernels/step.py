"""One step of the fit: the damped QP with the contacts that matter to it, and the move that it makes of a pose.

Most contacts near a pose are left alone by its step. Which ones are not is cheap to see from the speeds of the links;
only those become rows of the QP.
"""

import numpy as np

from understudy.kinematics.kernels import qp
from understudy.kinematics.kernels.capsules import contact_rates, contact_row
from understudy.kinematics.kernels.jit import part
from understudy.kinematics.kernels.spatial import integrate_quat

_HEED = 1e-3  # m: contacts that a step brings nearer to their margin than this become rows
_MISSED = 1e-6  # m: a contact without a row that is broken by more sends the step back
_ROUNDS = 6


@part
def remember(state, step):
    """Keep the pose that a step starts from."""
    copy_pose(state, step)


@part
def withdraw(state, step):
    """Back to the remembered pose. What follows from the pose stays that of the trial."""
    copy_pose(step, state)


@part
def copy_pose(a, b):
    """b's pose = a's. Assigning slices would take five times as long."""
    for c in range(3):
        b.root_pos[c] = a.root_pos[c]
    for c in range(4):
        b.root_quat[c] = a.root_quat[c]
    for j in range(len(a.q)):
        b.q[j] = a.q[j]


@part
def advance(state, step, lower, upper):
    """The remembered pose, moved by the tangent step v; joints stay inside the box to the last digit."""
    for c in range(3):
        state.root_pos[c] = step.root_pos[c] + step.v[c]
    integrate_quat(step.root_quat, step.v, 3, state.root_quat)
    for j in range(len(state.q)):
        state.q[j] = min(max(step.q[j] + step.v[6 + j], lower[j]), upper[j])


@part
def damped_factor(step, damping):
    """Cholesky factor of the damped Hessian; the damping is relative to each diagonal entry, with a floor."""
    n = len(step.gradient)
    for i in range(n):
        step.hessian[i, i] += damping * (step.hessian[i, i] + 0.1)
    return qp.cholesky(step.hessian, step.low)


@part
def solve_step(tree, contacts, held, step, stiffness):
    """The QP of an iteration, for ``step.v``; whether it could be solved."""
    count = contacts.count[0]
    for k in range(count):
        step.chosen[k] = False
    step.count[0] = 0
    limit = _HEED
    qp.unconstrained(step.low, step.gradient, step.v)
    for again in range(_ROUNDS):
        contact_rates(tree, step.motion, step.root_pos, contacts, step.v, step.twist, step.rate)
        if choose_rows(tree, contacts, held, step, limit) == 0 and again:
            return True
        if again:
            qp.unconstrained(step.low, step.gradient, step.v)
        code = qp.constrain(
            step.low,
            step.lower,
            step.upper,
            step.rows,
            step.b,
            step.count[0],
            1.0 / stiffness,
            step.v,
        )
        if code != qp.SOLVED:
            return False
        limit = -_MISSED if again < _ROUNDS - 2 else np.inf
    contact_rates(tree, step.motion, step.root_pos, contacts, step.v, step.twist, step.rate)
    return True


@part
def choose_rows(tree, contacts, held, step, limit):
    """Make rows of the contacts that have none and that v brings below ``limit`` (m); how many there are."""
    chosen, rate, distance, b = step.chosen, step.rate, contacts.distance, step.b
    row = before = step.count[0]
    for k in range(contacts.count[0]):
        if not chosen[k] and distance[k] + rate[k] < limit:
            contact_row(tree, step.motion, step.root_pos, contacts, k, step.rows, row)
            for c in range(len(held)):
                step.rows[row, c] *= not held[c]
            b[row] = -distance[k]
            chosen[k] = True
            row += 1
    step.count[0] = row
    return row - before


@part
def expected_gain(contacts, step, stiffness):
    """By how much the step would lower the cost if the QP were all of it, and the part of the cost that is penalty."""
    n, gain = len(step.v), 0.0
    for j in range(n):
        along = 0.0
        for i in range(j, n):  # (Lᵀ v)_j
            along += step.low[i, j] * step.v[i]
        gain -= step.gradient[j] * step.v[j] + 0.5 * along * along
    before = after = 0.0
    for k in range(contacts.count[0]):
        before += min(contacts.distance[k], 0.0) ** 2
        after += min(contacts.distance[k] + step.rate[k], 0.0) ** 2
    return gain + 0.5 * stiffness * (before - after), 0.5 * stiffness * before
