"""Which of several solutions each limb should take in each frame: their costs, and the cheapest path through them."""

import math

import numpy as np

from understudy.kinematics.kernels.arrays import new_state, new_step
from understudy.kinematics.kernels.capsules import list_near, pair_contacts, place_capsules
from understudy.kinematics.kernels.fit import box_of_frame, fit_frame, start_frame
from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.jit import kernel, part
from understudy.kinematics.kernels.normal_equations import place_landmarks, residuals


@kernel
def fit_restarting(p, targets, seed, stride, root_pos, root_quat, q):
    """Fit frame by frame, forgetting the past every ``stride`` frames: there the joints start from ``seed``."""
    frames, dofs = len(targets.pos), len(p.lower)
    state, step = new_state(p), new_step(p)
    lower, upper = np.empty(dofs), np.empty(dofs)
    weight, budget = p.posture.velocity_weight, p.settings.iterations
    for t in range(frames):
        if t % stride == 0:
            state.root_pos[:], state.root_quat[:], state.q[:] = (
                targets.root_pos[t],
                targets.root_quat[t],
                seed,
            )
            fit_frame(p, state, step, targets, t, seed, 0.0, p.lower, p.upper, 2 * budget)
        else:
            box_of_frame(p, targets, t, q[t - 1], lower, upper)
            start_frame(state, targets, t, lower, upper, root_pos, root_quat, q)
            fit_frame(p, state, step, targets, t, q[t - 1], weight, lower, upper, budget)
        root_pos[t], root_quat[t], q[t] = state.root_pos, state.root_quat, state.q


@kernel
def limb_costs(p, targets, course, limbs, root_pos, root_quat, q, out):
    """What each limb of each pose costs: out[t, 1 + limb]; out[t, 0] is the trunk's, whose joints have ``limbs`` −1.

    A landmark's errors are its limb's own; a contact is charged to both that touch.
    """
    state = new_state(p)
    link_limb = np.zeros(len(p.tree.parents), np.int64)
    for i in range(1, len(link_limb)):
        d = p.tree.dof[i]
        link_limb[i] = 1 + limbs[d] if d >= 0 else link_limb[p.tree.parents[i]]
    pose = p.posture
    for t in range(len(q)):
        out[t] = 0.0
        forward(p.tree, root_pos[t], root_quat[t], q[t], state.pos, state.rot)
        place_landmarks(p.landmarks, state.pos, state.rot, state.mark_pos, state.mark_rot)
        residuals(
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
        for k in range(len(p.landmarks.link)):
            limb = link_limb[p.landmarks.link[k]]
            for c in range(3):
                out[t, limb] += 0.5 * course.gain[t, k, 0] * p.task.position[k, c] * state.r_pos[k, c] ** 2
                if p.task.rotation[k] > 0.0:
                    out[t, limb] += 0.5 * course.gain[t, k, 1] * p.task.rotation[k] * state.r_rot[k, c] ** 2
                if p.task.bone[k] > 0.0:
                    out[t, limb] += 0.5 * course.gain[t, k, 2] * p.task.bone[k] * state.r_bone[k, c] ** 2
        for j in range(q.shape[1]):
            margin = min(pose.limit_margin, 0.25 * (p.upper[j] - p.lower[j]))
            near = max(q[t, j] - p.upper[j] + margin, 0.0) + min(q[t, j] - p.lower[j] - margin, 0.0)
            away = q[t, j] - course.rest[t, j]
            out[t, 1 + limbs[j]] += 0.5 * (pose.limit_weight * near * near + p.settings.prior * away * away)
        place_capsules(p.capsules, state.pos, state.rot, state.start, state.end)
        list_near(p.capsules, state.start, state.end, root_pos[t], 0.0, state.near)
        pair_contacts(p.capsules, state.near, state.start, state.end, 0.0, state.contacts)
        for k in range(state.contacts.count[0]):
            deep = 0.5 * course.contact_stiffness * state.contacts.distance[k] ** 2
            out[t, link_limb[state.contacts.first_link[k]]] += deep
            out[t, link_limb[state.contacts.second_link[k]]] += deep


@kernel
def cheapest_path(cost, q, joints, flip, path):
    """The cheapest choice of a candidate for every frame (Viterbi): ``cost`` (candidate, time), and between frames
    ``flip`` times the squared way that ``joints`` of ``q`` (candidate, time, dof) move. Writes ``path`` (time,)."""
    candidates, frames = cost.shape
    best, before = cost[:, 0].copy(), np.empty(candidates)
    came = np.zeros((frames, candidates), np.int64)
    for t in range(1, frames):
        before[:] = best
        for c in range(candidates):
            best[c] = math.inf
            for b in range(candidates):
                way = _way(q, joints, b, c, t)
                total = before[b] + flip * way
                if total < best[c]:
                    best[c] = total
                    came[t, c] = b
            best[c] += cost[c, t]
    at = int(np.argmin(best))
    for t in range(frames - 1, -1, -1):
        path[t] = at
        at = came[t, at]


@part
def _way(q, joints, b, c, t):
    way = 0.0
    for k in range(len(joints)):
        way += (q[c, t, joints[k]] - q[b, t - 1, joints[k]]) ** 2
    return way
