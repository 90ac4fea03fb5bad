"""Fit a robot's pose, frame after frame, to landmark targets: Levenberg–Marquardt on the true cost, each step a QP.

    F(q) = ½ Σ w ‖residual‖² + ½ Σ posture + ½ ρ Σ max(0, margin − d)²    over the box of joint and speed limits

A step is taken only where F falls; the damping follows. Collisions and the floor are linearised as soft rows with the
same weight ρ that they have in F, so that a pose which cannot satisfy everything still has one best answer.
"""

import math

import numpy as np

from understudy.kinematics.kernels import qp
from understudy.kinematics.kernels.arrays import new_state, new_step
from understudy.kinematics.kernels.capsules import collision_rows, floor_rows, place_capsules
from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.jit import kernel
from understudy.kinematics.kernels.normal_equations import (
    accumulate,
    gather,
    joint_motion,
    place_landmarks,
    residuals,
)
from understudy.kinematics.kernels.spatial import integrate_quat


@kernel
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
    joint_motion(p.tree, state.pos, state.rot, state.root_pos, state.motion)
    s = p.settings
    place_capsules(p.capsules, state.pos, state.rot, state.start, state.end)
    count = collision_rows(
        p.tree,
        p.capsules,
        state.motion,
        state.root_pos,
        state.start,
        state.end,
        s.reach,
        state.rows,
        state.distance,
    )
    if s.floor_on:
        count = floor_rows(
            p.tree,
            p.capsules,
            state.motion,
            state.root_pos,
            state.start,
            state.end,
            s.floor,
            s.reach,
            state.rows,
            state.distance,
            count,
        )
    state.count[0] = count
    penalty = 0.0
    for k in range(count):
        penalty += min(state.distance[k], 0.0) ** 2
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


@kernel
def _past_margin(q, lower, upper, margin):
    """Signed distance past the edge of the joint's comfortable range, zero inside it."""
    margin = min(margin, 0.25 * (upper - lower))
    if q > upper - margin:
        return q - (upper - margin)
    if q < lower + margin:
        return q - (lower + margin)
    return 0.0


@kernel
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
    accumulate(p.tree, state.motion, step.wrench, step.stiffness, step.hessian, step.gradient)
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
    for k in range(state.count[0]):
        step.b[k] = -state.distance[k]


@kernel
def damped_factor(step, damping):
    """Cholesky factor of the damped Hessian; the damping is relative to each diagonal entry, with a floor."""
    n = len(step.gradient)
    for i in range(n):
        step.hessian[i, i] += damping * (step.hessian[i, i] + 0.1)
    return qp.cholesky(step.hessian, step.low)


@kernel
def advance(state, v, out, lower, upper):
    """out's pose = state's pose moved by the tangent step v, joints kept inside the box to the last digit."""
    for c in range(3):
        out.root_pos[c] = state.root_pos[c] + v[c]
    integrate_quat(state.root_quat, v[3:6], out.root_quat)
    for j in range(len(state.q)):
        out.q[j] = min(max(state.q[j] + v[6 + j], lower[j]), upper[j])


@kernel
def fit_frame(p, here, there, step, targets, t, q_before, velocity_weight, lower, upper, iterations):
    """Improve the pose in ``here``. Returns (state that holds the result, the other one, cost, iterations, solved)."""
    cost = evaluate(p, here, targets, t, q_before, velocity_weight)
    damping = p.settings.damping
    softness = 1.0 / p.settings.stiffness
    solved = True
    done = 0
    fresh = True
    diagonal = np.empty(len(step.gradient))
    while done < iterations:
        done += 1
        if fresh:
            linearise(p, here, step, targets, t, q_before, velocity_weight, lower, upper)
            for i in range(len(diagonal)):
                diagonal[i] = step.hessian[i, i]
        else:
            for i in range(len(diagonal)):
                step.hessian[i, i] = diagonal[i]
        ok = damped_factor(step, damping)
        if ok:
            ok = (
                qp.solve(
                    step.low,
                    step.gradient,
                    step.lower,
                    step.upper,
                    here.rows,
                    step.b,
                    here.count[0],
                    softness,
                    step.v,
                )
                == qp.SOLVED
            )
        if not ok:
            solved = False
            break
        advance(here, step.v, there, lower, upper)
        trial = evaluate(p, there, targets, t, q_before, velocity_weight)
        if trial < cost:
            small = cost - trial < p.settings.tolerance * cost
            here, there, cost = there, here, trial
            damping = max(0.2 * damping, 1e-7)
            fresh = True
            if small:
                break
        else:
            longest = 0.0
            for i in range(len(step.v)):
                longest = max(longest, abs(step.v[i]))
            if longest < 1e-5 or damping > 1e5:
                break
            damping = max(8.0 * damping, 1e-3)
            fresh = False
    return here, there, cost, done, solved


@kernel
def fit_first(p, here, there, step, targets, t, seeds, limbs):
    """Fit one frame without memory of any other, and keep the best pose in ``here``.

    First from every seed; then from the best pose with one limb at a time taken from each seed, because the limbs
    fall into wrong basins independently of each other. ``limbs[j]`` is the limb of joint j, −1 for the trunk.
    Of poses that fit almost alike, the one nearer to the pose of rest wins: a hip turned inside out may fit one frame
    and be a trap in the next.
    """
    best_q = np.zeros(len(here.q))
    best_root, best_quat = targets.root_pos[t].copy(), targets.root_quat[t].copy()
    seed = np.empty(len(here.q))
    best, solved = math.inf, False
    glance = max(p.settings.first_iterations // 12, 1)
    for limb in range(-1, limbs.max() + 1):
        start_q, start_root, start_quat = best_q.copy(), best_root.copy(), best_quat.copy()
        for k in range(len(seeds)):
            for j in range(len(seed)):
                seed[j] = seeds[k, j] if limb < 0 or limbs[j] == limb else start_q[j]
            here.root_pos[:], here.root_quat[:], here.q[:] = start_root, start_quat, seed
            here, there, cost, _, ok = fit_frame(
                p, here, there, step, targets, t, seed, 0.0, p.lower, p.upper, glance
            )
            if ok and cost < 3.0 * best:  # hopeless seeds are dropped after a few steps
                here, there, cost, _, ok = fit_frame(
                    p, here, there, step, targets, t, seed, 0.0, p.lower, p.upper, 3 * glance
                )
            for j in range(len(seed)):
                cost += 0.5 * p.settings.prior * (here.q[j] - p.posture.rest[j]) ** 2
            if ok and cost < best:
                best, solved = cost, True
                best_q[:], best_root[:], best_quat[:] = here.q, here.root_pos, here.root_quat
    here.q[:], here.root_pos[:], here.root_quat[:] = best_q, best_root, best_quat
    here, there, best, _, ok = fit_frame(
        p, here, there, step, targets, t, best_q, 0.0, p.lower, p.upper, p.settings.first_iterations
    )
    return here, there, best, solved and ok


@kernel
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
    frames = len(targets.pos)
    n, dofs, marks = len(p.tree.parents), len(p.lower), len(p.landmarks.link)
    here = new_state(n, dofs, marks, len(p.capsules.link))
    there = new_state(n, dofs, marks, len(p.capsules.link))
    step = new_step(n, dofs)
    lower, upper = np.empty(dofs), np.empty(dofs)
    for t in range(first, frames):
        if t == 0:
            here, there, cost[t], solved = fit_first(p, here, there, step, targets, t, seeds, limbs)
            iterations[t] = p.settings.first_iterations
        else:
            before = q[t - 1]
            box_of_frame(p, targets, t, before, lower, upper)
            for c in range(3):
                here.root_pos[c] = root_pos[t - 1, c] + targets.root_pos[t, c] - targets.root_pos[t - 1, c]
            _carry(root_quat[t - 1], targets.root_quat[t - 1], targets.root_quat[t], here.root_quat)
            here.q[:] = before
            here, there, cost[t], iterations[t], solved = fit_frame(
                p,
                here,
                there,
                step,
                targets,
                t,
                before,
                p.posture.velocity_weight,
                lower,
                upper,
                p.settings.iterations,
            )
        if not solved:
            return t
        root_pos[t], root_quat[t], q[t] = here.root_pos, here.root_quat, here.q
    return frames


@kernel
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
