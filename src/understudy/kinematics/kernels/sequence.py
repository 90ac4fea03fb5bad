"""The normal equations of a whole clip: a block for every frame, and bands that tie each frame to the two before it.

    F(x) = Σ_t frame(x_t) + ½ Σ_t w ‖x_t − 2 x_{t−1} + x_{t−2} − b_t‖² + ½ Σ ρ min(0, c(x))²

A frame costs what it does in ``fit.evaluate``, with two differences: every task has a gain of its own in every frame,
and errors larger than a knee count in proportion instead of squared (Huber). Differences of root orientations are
those of rotation vectors in the world. The Hessian is kept as LAPACK's lower bands: ``band[c, r − c]`` is entry (r, c).

What must not be (bodies nearer than their margin or under the floor, joints past their range, too fast, bending their
path too sharply) are constraints c ≥ 0 with stiff penalties. ``assemble`` leaves their curvature out; ``penalise`` adds
that of the constraints which a *step* would break, so that a step knows the walls that it runs into.
"""

import math
from typing import NamedTuple

import numpy as np

from understudy.kinematics.kernels.arrays import TaskArrays, new_state, new_step
from understudy.kinematics.kernels.capsules import (
    contact_row,
    floor_contacts,
    list_near,
    pair_contacts,
    place_capsules,
)
from understudy.kinematics.kernels.fit import hold
from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.jit import kernel, part
from understudy.kinematics.kernels.normal_equations import (
    accumulate,
    gather,
    joint_motion,
    place_landmarks,
    residuals,
)
from understudy.kinematics.kernels.spatial import integrate_quat, transform


class Walls(NamedTuple):
    """Contacts near a trajectory, frame after frame: row · step + distance ≥ 0 keeps one."""

    begin: np.ndarray  # (time + 1,) int64: where each frame's begin
    distance: np.ndarray  # (contact,) m beyond the margin
    row: np.ndarray  # (contact, 6 + dof)


@kernel
def assemble(p, targets, course, root_pos, root_quat, q, fixed, walls, band, gradient, cost):
    """The cost of a clip, or of a window of one, at a trajectory; gradient and Hessian without the constraints.

    The first ``fixed`` frames are given and no variables: they only tie the ones after them. ``cost[t]`` receives
    each frame's share, ``walls`` the contacts that a step could reach.
    """
    band[:] = 0.0
    gradient[:] = 0.0
    state, step = new_state(p), new_step(p)
    marks = len(p.landmarks.link)
    task = TaskArrays(np.zeros((marks, 3)), np.zeros(marks), np.zeros(marks), p.task.bone_vector)
    n = 6 + q.shape[1]
    cost[:] = 0.0
    walls.begin[: fixed + 1] = 0
    for t in range(fixed, len(q)):
        cost[t] = _frame(p, targets, course, task, t, root_pos, root_quat, q, state, step)
        cost[t] += _contacts(p, course, t, state, step, walls)
        at = (t - fixed) * n
        for j in range(n):
            gradient[at + j] = step.gradient[j]
            for i in range(j, n):
                band[at + j, i - j] = step.hessian[i, j]
    _tie(course, root_pos, root_quat, q, fixed, band, gradient, cost)
    total = 0.0
    for t in range(len(q)):
        total += cost[t]
    return total


@part
def _frame(p, targets, course, task, t, root_pos, root_quat, q, state, step):
    """One frame's cost; its Hessian and gradient stay in ``step``."""
    for c in range(3):
        state.root_pos[c] = root_pos[t, c]
    for c in range(4):
        state.root_quat[c] = root_quat[t, c]
    for j in range(q.shape[1]):
        state.q[j] = q[t, j]
    forward(p.tree, state.root_pos, state.root_quat, state.q, state.pos, state.rot)
    place_landmarks(p.landmarks, state.pos, state.rot, state.mark_pos, state.mark_rot)
    for k in range(len(task.bone)):
        for c in range(3):
            task.position[k, c] = p.task.position[k, c] * course.gain[t, k, 0]
        task.rotation[k] = p.task.rotation[k] * course.gain[t, k, 1]
        task.bone[k] = p.task.bone[k] * course.gain[t, k, 2]
    cost = residuals(
        task,
        targets.pos[t],
        targets.rot[t],
        targets.bone[t],
        state.mark_pos,
        state.mark_rot,
        state.r_pos,
        state.r_rot,
        state.r_bone,
    )
    cost += _soften(task, course, state)
    gather(
        task,
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
    cost += _posture(p, course, t, state.q, step)
    if course.balance[t] > 0.0:
        cost += _balance(p, course, t, state, step)
    if p.settings.holding:
        hold(p.held, step)
    return cost


@part
def _soften(task, course, state):
    """Lower the weights of errors beyond their knees to what Huber's loss gives them; the change of cost."""
    change = 0.0
    for k in range(len(task.bone)):
        if task.rotation[k] > 0.0:
            r = state.r_rot
            size, knee = math.sqrt(r[k, 0] ** 2 + r[k, 1] ** 2 + r[k, 2] ** 2), course.knee[1]
            if size > knee:
                change -= 0.5 * task.rotation[k] * (size - knee) ** 2
                task.rotation[k] *= knee / size
        if task.bone[k] > 0.0:
            r = state.r_bone
            size, knee = math.sqrt(r[k, 0] ** 2 + r[k, 1] ** 2 + r[k, 2] ** 2), course.knee[2]
            if size > knee:
                change -= 0.5 * task.bone[k] * (size - knee) ** 2
                task.bone[k] *= knee / size
        square = heaviest = 0.0
        for c in range(3):  # an axis without weight has no error
            if task.position[k, c] > 0.0:
                square += state.r_pos[k, c] ** 2
                heaviest = max(heaviest, task.position[k, c])
        size, knee = math.sqrt(square), course.knee[0]
        if size > knee:
            change -= 0.5 * heaviest * (size - knee) ** 2
            for c in range(3):
                task.position[k, c] *= knee / size
    return change


@part
def _balance(p, course, t, state, step):
    """The centre of mass beyond the disc of support."""
    tree, place = p.tree, np.empty((1, 3))
    links = len(tree.parents)
    mass, moment, row = np.empty(links), np.empty((links, 3)), np.empty(len(step.gradient))
    for i in range(links):
        transform(state.pos, state.rot, i, course.centre, i, place, 0)
        mass[i] = course.mass[i]
        for c in range(3):
            moment[i, c] = mass[i] * (place[0, c] - state.root_pos[c])
    for i in range(links - 1, 0, -1):
        mass[tree.parents[i]] += mass[i]
        for c in range(3):
            moment[tree.parents[i], c] += moment[i, c]
    x = state.root_pos[0] + moment[0, 0] - course.support[t, 0]
    y = state.root_pos[1] + moment[0, 1] - course.support[t, 1]
    away = math.sqrt(x * x + y * y)
    over = away - course.support[t, 2]
    if over <= 0.0:
        return 0.0
    x, y = x / away, y / away
    # A subtree that turns about a point moves its own moment; a root that turns, that of the whole body.
    z = moment[0, 2]
    row[0], row[1], row[2] = x, y, 0.0
    row[3], row[4], row[5] = -y * z, x * z, y * moment[0, 0] - x * moment[0, 1]
    for j in range(len(step.motion)):
        m, i = step.motion[j], tree.dof_link[j]
        a, b, c = moment[i, 0], moment[i, 1], moment[i, 2]
        row[6 + j] = x * (m[0] * mass[i] + m[4] * c - m[5] * b) + y * (m[1] * mass[i] + m[5] * a - m[3] * c)
    for i in range(len(row)):
        v = course.balance[t] * row[i]
        step.gradient[i] += v * over
        for j in range(i + 1):
            step.hessian[i, j] += v * row[j]
    return 0.5 * course.balance[t] * over * over


@part
def _posture(p, course, t, q, step):
    """Rest, comfort and the hard range of the joints."""
    cost, pose = 0.0, p.posture
    for j in range(len(q)):
        lower, upper = p.lower[j], p.upper[j]
        away = q[j] - course.rest[t, j]
        weight = pose.rest_weight[j]
        cost += weight * away * away
        slope, stiff = weight * away, weight
        margin = min(pose.limit_margin, 0.25 * (upper - lower))
        near = max(q[j] - upper + margin, 0.0) + min(q[j] - lower - margin, 0.0)
        if near != 0.0:
            cost += pose.limit_weight * near * near
            slope += pose.limit_weight * near
            stiff += pose.limit_weight
        past = max(q[j] - upper, 0.0) + min(q[j] - lower, 0.0)
        cost += course.limit_stiffness * past * past
        step.gradient[6 + j] += slope
        step.hessian[6 + j, 6 + j] += stiff
    return 0.5 * cost


@part
def _contacts(p, course, t, state, step, walls):
    """Penalties of pairs nearer than their margin and of what is under the floor; all near contacts become walls."""
    s, contacts = p.settings, state.contacts
    place_capsules(p.capsules, state.pos, state.rot, state.start, state.end)
    list_near(p.capsules, state.start, state.end, state.root_pos, s.reach, state.near)
    pair_contacts(p.capsules, state.near, state.start, state.end, s.reach, contacts)
    if s.floor_on:
        floor_contacts(p.capsules, state.start, state.end, s.floor, s.reach, contacts)
    cost, first = 0.0, walls.begin[t]
    row, room = first, len(walls.distance) // (len(walls.begin) - 1)
    for k in range(contacts.count[0]):
        d = contacts.distance[k]
        cost += min(d, 0.0) ** 2
        # Where a frame's room is short, what is broken comes before what is near.
        if row - first < room and (d < 0.0 or row - first < room // 2):
            walls.distance[row] = d
            contact_row(p.tree, step.motion, state.root_pos, contacts, k, walls.row, row)
            for i in range(len(p.held)):
                if p.held[i]:
                    walls.row[row, i] = 0.0
            row += 1
    walls.begin[t + 1] = row
    return 0.5 * course.contact_stiffness * cost


@part
def _tie(course, root_pos, root_quat, q, fixed, band, gradient, cost):
    """Smoothness over three frames, and the cost of joints that move or bend their path too fast."""
    frames, dofs = q.shape
    n = 6 + dofs
    turn, turn_before = np.zeros(3), np.zeros(3)
    for t in range(max(1, fixed), frames):
        here, before, first = (t - fixed) * n, (t - 1 - fixed) * n, (t - 2 - fixed) * n
        for j in range(dofs):
            moved, most = q[t, j] - q[t - 1, j], course.most_step[t, j]
            over = max(moved - most, 0.0) + min(moved + most, 0.0)
            cost[t] += 0.5 * course.speed_stiffness * over * over
        if t < 2:
            continue
        rotation_between(root_quat, t - 2, t - 1, turn_before)
        rotation_between(root_quat, t - 1, t, turn)
        for i in range(n):
            w = course.smoothness[i]
            if i < 3:
                a = root_pos[t, i] - 2.0 * root_pos[t - 1, i] + root_pos[t - 2, i]
            elif i < 6:
                a = turn[i - 3] - turn_before[i - 3]
            else:
                a = q[t, i - 6] - 2.0 * q[t - 1, i - 6] + q[t - 2, i - 6]
                most = course.most_bend[i - 6]
                over = max(a - most, 0.0) + min(a + most, 0.0)
                cost[t - 1] += 0.5 * course.speed_stiffness * over * over
            a -= course.bend[t, i]
            cost[t - 1] += 0.5 * w * a * a
            _bend(band, gradient, here + i, before + i, first + i, n, w, a)


@part
def _bend(band, gradient, here, before, first, n, w, a):
    """½ w a² for a second difference a of three variables; those with a negative index are given."""
    gradient[here] += w * a
    band[here, 0] += w
    if before >= 0:
        gradient[before] -= 2.0 * w * a
        band[before, 0] += 4.0 * w
        band[before, n] -= 2.0 * w
    if first >= 0:
        gradient[first] += w * a
        band[first, 0] += w
        band[first, n] -= 2.0 * w
        band[first, 2 * n] += w


@kernel
def penalise(p, course, q, fixed, walls, step, band, gradient):
    """Add the constraints that a step breaks, in the linear model, to Hessian and gradient; how many they are, as a
    number that changes when others are broken."""
    frames, dofs = q.shape
    n = 6 + dofs
    broken = 0
    stiffness = course.contact_stiffness
    for t in range(fixed, frames):
        at = (t - fixed) * n
        for k in range(walls.begin[t], walls.begin[t + 1]):
            d = walls.distance[k]
            after = d
            for i in range(n):
                after += walls.row[k, i] * step[at + i]
            if after >= 0.0:
                continue
            broken += 1 + 7 * k
            for j in range(n):
                a = stiffness * walls.row[k, j]
                if a == 0.0:
                    continue
                gradient[at + j] += a * d
                for i in range(j, n):
                    band[at + j, i - j] += a * walls.row[k, i]
        broken += _ranges(p, course, t, at, q, step, band, gradient)
    return broken + _paces(course, q, fixed, step, band, gradient)


@part
def _ranges(p, course, t, at, q, step, band, gradient):
    """Joints that would leave their range."""
    broken, w = 0, course.limit_stiffness
    for j in range(q.shape[1]):
        i = at + 6 + j
        after = q[t, j] + step[i]
        if after > p.upper[j] or after < p.lower[j]:
            broken += 1 + 5 * i
            gradient[i] += w * (q[t, j] - (p.upper[j] if after > p.upper[j] else p.lower[j]))
            band[i, 0] += w
    return broken


@part
def _paces(course, q, fixed, step, band, gradient):
    """Joints that would move too far in a frame, or bend their path too sharply."""
    frames, dofs = q.shape
    n = 6 + dofs
    broken, w = 0, course.speed_stiffness
    for t in range(max(1, fixed), frames):
        for j in range(dofs):
            here = (t - fixed) * n + 6 + j
            before, first = here - n, here - 2 * n
            v0, v1 = step[here], step[before] if before >= 0 else 0.0
            moved, most = q[t, j] - q[t - 1, j], course.most_step[t, j]
            after = moved + v0 - v1
            if after > most or after < -most:
                broken += 1 + 3 * here
                over = moved - most if after > most else moved + most
                gradient[here] += w * over
                band[here, 0] += w
                if before >= 0:
                    gradient[before] -= w * over
                    band[before, 0] += w
                    band[before, n] -= w
            if t < 2:
                continue
            v2 = step[first] if first >= 0 else 0.0
            bent, most = moved - q[t - 1, j] + q[t - 2, j], course.most_bend[j]
            after = bent + v0 - 2.0 * v1 + v2
            if after > most or after < -most:
                broken += 1 + 11 * here
                _bend(band, gradient, here, before, first, n, w, bent - most if after > most else bent + most)
    return broken


@part
def rotation_between(quat, a, b, out):
    """out = log(quat[b] quat[a]⁻¹), the world-frame rotation vector (rad) that leads from row a to row b."""
    w, x, y, z = quat[a, 0], -quat[a, 1], -quat[a, 2], -quat[a, 3]
    q0, q1, q2, q3 = quat[b, 0], quat[b, 1], quat[b, 2], quat[b, 3]
    d0, d1 = q0 * w - q1 * x - q2 * y - q3 * z, q0 * x + q1 * w + q2 * z - q3 * y
    d2, d3 = q0 * y - q1 * z + q2 * w + q3 * x, q0 * z + q1 * y - q2 * x + q3 * w
    sine = math.sqrt(d1 * d1 + d2 * d2 + d3 * d3)
    if d0 < 0.0:
        d0, d1, d2, d3 = -d0, -d1, -d2, -d3
    scale = 2.0 if sine < 1e-9 else 2.0 * math.atan2(sine, d0) / sine
    out[0], out[1], out[2] = scale * d1, scale * d2, scale * d3


@kernel
def damp(band, gradient, damping, n, work, slope):
    """Copy band and gradient, with each frame's damping on the diagonal, relative to each entry, with a floor."""
    for c in range(len(band)):
        slope[c] = gradient[c]
        for d in range(band.shape[1]):
            work[c, d] = band[c, d]
        work[c, 0] += damping[c // n] * (band[c, 0] + 0.1)


@kernel
def advance(step, fixed, most, root_pos, root_quat, q):
    """The trajectory moved by a tangent step (variables of one frame after those of another), no entry by more than
    ``most`` (m or rad): root positions, root orientations, joints."""
    frames, dofs = q.shape
    n = 6 + dofs
    v, turned = np.empty(6), np.empty(4)
    new_pos, new_quat, new_q = root_pos.copy(), root_quat.copy(), q.copy()
    for t in range(fixed, frames):
        at = (t - fixed) * n
        for c in range(6):
            v[c] = min(max(step[at + c], -most), most)
        for c in range(3):
            new_pos[t, c] += v[c]
        integrate_quat(root_quat[t], v, 3, turned)
        for c in range(4):
            new_quat[t, c] = turned[c]
        for j in range(dofs):
            new_q[t, j] += min(max(step[at + 6 + j], -most), most)
    return new_pos, new_quat, new_q
