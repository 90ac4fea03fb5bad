"""Fit a robot's pose, frame after frame, to landmark targets: Levenberg–Marquardt on the true cost, each step a QP.

    F(q) = ½ Σ w ‖residual‖² + ½ Σ posture + ½ ρ Σ max(0, margin − d)²    over the box of joint and speed limits

A step is taken only where F falls; the damping follows. Collisions and the floor are linearised as soft rows with the
same weight ρ that they have in F, so that a pose which cannot satisfy everything still has one best answer.
"""

import math

import numpy as np

from understudy.kinematics.kernels.arrays import new_state, new_step
from understudy.kinematics.kernels.capsules import floor_contacts, list_near, pair_contacts, place_capsules
from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.jit import kernel, part
from understudy.kinematics.kernels.normal_equations import (
    accumulate,
    gather,
    joint_motion,
    place_landmarks,
    residuals,
)
from understudy.kinematics.kernels.step import (
    advance,
    damped_factor,
    expected_gain,
    remember,
    solve_step,
    withdraw,
)


@part
def evaluate(p, state, targets, t, q_before, velocity_weight):
    """Everything that follows from the pose in ``state``, and its cost F."""
    forward(p.tree, state.root_pos, state.root_quat, state.q, state.pos, state.rot)
    place_landmarks(p.landmarks, state.pos, state.rot, state.mark_pos, state.mark_rot)
    cost = residuals(
        p.task,
        targets.pos[t],
        targets.rot[t],
        targets.bone[t],
        state.mark_pos,
        state.mark_rot,
        state.r_pos,
        state.r_rot,
        state.r_bone,
    )
    s, contacts = p.settings, state.contacts
    place_capsules(p.capsules, state.pos, state.rot, state.start, state.end)
    list_near(p.capsules, state.start, state.end, state.root_pos, s.reach, state.near)
    pair_contacts(p.capsules, state.near, state.start, state.end, s.reach, contacts)
    if s.floor_on:
        floor_contacts(p.capsules, state.start, state.end, s.floor, s.reach, contacts)
    penalty = 0.0
    for k in range(contacts.count[0]):
        penalty += min(contacts.distance[k], 0.0) ** 2
    cost += 0.5 * s.stiffness * penalty
    pose = p.posture
    for j in range(len(state.q)):
        q = state.q[j]
        near = _past_margin(q, p.lower[j], p.upper[j], pose.limit_margin)
        cost += 0.5 * (
            pose.rest_weight[j] * (q - pose.rest[j]) ** 2
            + velocity_weight * (q - q_before[j]) ** 2
            + pose.limit_weight * near * near
        )
    return cost


@part
def _past_margin(q, lower, upper, margin):
    """Signed distance past the edge of the joint's comfortable range, zero inside it."""
    margin = min(margin, 0.25 * (upper - lower))
    if q > upper - margin:
        return q - (upper - margin)
    if q < lower + margin:
        return q - (lower + margin)
    return 0.0


@part
def linearise(p, state, step, targets, t, q_before, velocity_weight, lower, upper):
    """The undamped QP at ``state``: Hessian, gradient, box and right-hand sides."""
    gather(
        p.task,
        p.landmarks,
        state.root_pos,
        state.mark_pos,
        state.r_pos,
        state.r_rot,
        state.r_bone,
        targets.bone[t],
        step.wrench,
        step.stiffness,
    )
    joint_motion(p.tree, state.pos, state.rot, state.root_pos, step.motion)
    accumulate(p.tree, step.motion, step.wrench, step.stiffness, step.hessian, step.gradient)
    s, pose = p.settings, p.posture
    for j in range(len(state.q)):
        q = state.q[j]
        near = _past_margin(q, p.lower[j], p.upper[j], pose.limit_margin)
        step.gradient[6 + j] += (
            pose.rest_weight[j] * (q - pose.rest[j])
            + velocity_weight * (q - q_before[j])
            + pose.limit_weight * near
        )
        step.hessian[6 + j, 6 + j] += (
            pose.rest_weight[j] + velocity_weight + (pose.limit_weight if near != 0.0 else 0.0)
        )
        step.lower[6 + j] = max(lower[j] - q, -s.turn_step)
        step.upper[6 + j] = min(upper[j] - q, s.turn_step)
    for c in range(3):
        step.lower[c], step.upper[c] = -s.root_step, s.root_step
        step.lower[3 + c], step.upper[3 + c] = -s.turn_step, s.turn_step
    if s.holding:
        hold(p.held, step)


@part
def hold(held, step):
    """Take what is held out of the QP: no gradient, no coupling, and so no step."""
    for i in range(len(held)):
        if held[i]:
            step.gradient[i] = 0.0
            for j in range(len(held)):
                step.hessian[max(i, j), min(i, j)] = 0.0
            step.hessian[i, i] = 1.0


@kernel
def fit_frame(p, state, step, targets, t, q_before, velocity_weight, lower, upper, iterations):
    """Improve the pose in ``state``. Returns (cost, iterations, solved)."""
    cost = evaluate(p, state, targets, t, q_before, velocity_weight)
    damping, stiffness = p.settings.damping, p.settings.stiffness
    fresh, small = True, 0.0
    for done in range(1, iterations + 1):
        if fresh:
            remember(state, step)
            linearise(p, state, step, targets, t, q_before, velocity_weight, lower, upper)
            for i in range(len(step.diagonal)):
                step.diagonal[i] = step.hessian[i, i]
        else:
            for i in range(len(step.diagonal)):
                step.hessian[i, i] = step.diagonal[i]
        if not damped_factor(step, damping) or not solve_step(
            p.tree, state.contacts, p.held, step, stiffness
        ):
            withdraw(state, step)
            return cost, done, False
        advance(state, step, lower, upper)
        if fresh:
            # Against what following the human costs: a penalty would make any gain look small.
            gain, penalty = expected_gain(state.contacts, step, stiffness)
            small = p.settings.tolerance * (cost - penalty)
            if gain < small:  # the last step is not worth another look
                return cost - gain, done, True
        trial = evaluate(p, state, targets, t, q_before, velocity_weight)
        if trial < cost:
            finished = cost - trial < small
            cost = trial
            damping = max(0.2 * damping, 1e-7)
            fresh = True
            if finished:
                return cost, done, True
        else:
            withdraw(state, step)
            longest = np.abs(step.v).max()
            if longest < 1e-5 or damping > 1e5:
                return cost, done, True
            damping = max(8.0 * damping, 1e-3)
            evaluate(
                p, state, targets, t, q_before, velocity_weight
            )  # the step needs the contacts of its start
            fresh = False
    return cost, iterations, True


@kernel
def fit_first(p, state, step, targets, t, seeds, limbs):
    """Fit one frame without memory of any other; the best pose stays in ``state``. Returns (cost, solved).

    First from every seed; then from the best pose with one limb at a time taken from each seed, because the limbs
    fall into wrong basins independently of each other. ``limbs[j]`` is the limb of joint j, −1 for the trunk. A pose
    that fits well ends the search: with nine in ten clips the first seed's does.
    Of poses that fit almost alike, the one nearer to the pose of rest wins: a hip turned inside out may fit one frame
    and be a trap in the next.
    """
    best_q = np.zeros(len(state.q))
    best_root, best_quat = targets.root_pos[t].copy(), targets.root_quat[t].copy()
    seed = np.empty(len(state.q))
    best, solved, found = math.inf, False, False
    glance = max(p.settings.first_iterations // 12, 1)
    for limb in range(-1, limbs.max() + 1):
        if found:
            break
        start_q, start_root, start_quat = best_q.copy(), best_root.copy(), best_quat.copy()
        for k in range(len(seeds)):
            for j in range(len(seed)):
                seed[j] = seeds[k, j] if limb < 0 or limbs[j] == limb else start_q[j]
            state.root_pos[:], state.root_quat[:], state.q[:] = start_root, start_quat, seed
            cost, _, ok = fit_frame(p, state, step, targets, t, seed, 0.0, p.lower, p.upper, glance)
            if ok and cost < 3.0 * best:  # hopeless seeds are dropped after a few steps
                cost, _, ok = fit_frame(p, state, step, targets, t, seed, 0.0, p.lower, p.upper, 3 * glance)
            found = ok and cost < p.settings.good
            for j in range(len(seed)):
                cost += 0.5 * p.settings.prior * (state.q[j] - p.posture.rest[j]) ** 2
            if ok and (cost < best or found):
                best, solved = cost, True
                best_q[:], best_root[:], best_quat[:] = state.q, state.root_pos, state.root_quat
            if found:
                break
    state.q[:], state.root_pos[:], state.root_quat[:] = best_q, best_root, best_quat
    budget = p.settings.first_iterations
    best, _, ok = fit_frame(p, state, step, targets, t, best_q, 0.0, p.lower, p.upper, budget)
    return best, solved and ok


@part
def box_of_frame(p, targets, t, q_before, lower, upper):
    """Joint limits narrowed to what the motors, and the clip's own pace, can reach from the frame before."""
    for j in range(len(q_before)):
        reach = min(p.speed_step[j], targets.max_step[t])
        lower[j] = max(p.lower[j], q_before[j] - reach)
        upper[j] = min(p.upper[j], q_before[j] + reach)


@kernel
def fit_clip(p, targets, seeds, limbs, first, root_pos, root_quat, q, cost, iterations):
    """Fit frames ``first``… of a clip into the output arrays; frame 0 from the seeds, others from the one before.

    Returns the number of frames done: fewer than all means that the QP of that frame was degenerate and needs another
    solver.
    """
    frames, dofs = len(targets.pos), len(p.lower)
    state, step = new_state(p), new_step(p)
    lower, upper = np.empty(dofs), np.empty(dofs)
    weight, budget = p.posture.velocity_weight, p.settings.iterations
    for t in range(first, frames):
        if t == 0:
            cost[t], solved = fit_first(p, state, step, targets, t, seeds, limbs)
            iterations[t] = p.settings.first_iterations
        else:
            before = q[t - 1]
            box_of_frame(p, targets, t, before, lower, upper)
            start_frame(state, targets, t, lower, upper, root_pos, root_quat, q)
            cost[t], iterations[t], solved = fit_frame(
                p, state, step, targets, t, before, weight, lower, upper, budget
            )
        if not solved:
            return t
        for c in range(3):
            root_pos[t, c] = state.root_pos[c]
        for c in range(4):
            root_quat[t, c] = state.root_quat[c]
        for j in range(dofs):
            q[t, j] = state.q[j]
    return frames


@part
def start_frame(state, targets, t, lower, upper, root_pos, root_quat, q):
    """Where a frame's fit begins: the root goes along with its target, the joints go on half as far as they went.

    All of the way would save another tenth of the iterations, and throws limbs that turn back into wrong basins."""
    for c in range(3):
        state.root_pos[c] = root_pos[t - 1, c] + targets.root_pos[t, c] - targets.root_pos[t - 1, c]
    _carry(root_quat[t - 1], targets.root_quat[t - 1], targets.root_quat[t], state.root_quat)
    for j in range(len(state.q)):
        ahead = q[t - 1, j] + 0.5 * (q[t - 1, j] - q[t - 2, j]) if t > 1 else q[t - 1, j]
        state.q[j] = min(max(ahead, lower[j]), upper[j])


@part
def _carry(quat, before, after, out):
    """out = after · before⁻¹ · quat: the root turns along with its target."""
    w, x, y, z = before[0], -before[1], -before[2], -before[3]
    a, b, c, d = after[0], after[1], after[2], after[3]
    m0, m1 = a * w - b * x - c * y - d * z, a * x + b * w + c * z - d * y
    m2, m3 = a * y - b * z + c * w + d * x, a * z + b * y - c * x + d * w
    q0, q1, q2, q3 = quat[0], quat[1], quat[2], quat[3]
    out[0] = m0 * q0 - m1 * q1 - m2 * q2 - m3 * q3
    out[1] = m0 * q1 + m1 * q0 + m2 * q3 - m3 * q2
    out[2] = m0 * q2 - m1 * q3 + m2 * q0 + m3 * q1
    out[3] = m0 * q3 + m1 * q2 - m2 * q1 + m3 * q0
