"""One limb's QP at a pose: task Jacobians, barrier gradients and the box (MIRROR, Eq. 5–10)."""

import math

import numpy as np

from understudy.kinematics.kernels.capsules import segment_distance
from understudy.kinematics.kernels.jit import kernel, part
from understudy.kinematics.kernels.spatial import (
    integrate_quat,
    matmul3,
    quat_to_rot,
    rotation_error,
    transform,
    turn_about,
)


@part
def place_link(tree, q, i, pos, rot, turned):
    """World pose of link i from its parent's; ``turned`` (1, 3, 3) is scratch."""
    p = tree.parents[i]
    transform(pos, rot, p, tree.pos, i, pos, i)
    if tree.dof[i] < 0:
        matmul3(rot, p, tree.rot, i, rot, i)
        return
    matmul3(rot, p, tree.rot, i, turned, 0)
    turn_about(turned, tree.axis, i, q[tree.dof[i]], rot, i)
    x, y, z = tree.anchor[i, 0], tree.anchor[i, 1], tree.anchor[i, 2]
    if x != 0.0 or y != 0.0 or z != 0.0:
        for c in range(3):
            pos[i, c] += (
                (turned[0, c, 0] - rot[i, c, 0]) * x
                + (turned[0, c, 1] - rot[i, c, 1]) * y
                + (turned[0, c, 2] - rot[i, c, 2]) * z
            )


@kernel
def place_all(tree, pose):
    """All links' places from the pose's root and joints."""
    turned = np.empty((1, 3, 3))
    for c in range(3):
        pose.pos[0, c] = pose.root_pos[c]
    quat_to_rot(pose.root_quat, pose.rot[0])
    for i in range(1, len(tree.parents)):
        place_link(tree, pose.q, i, pose.pos, pose.rot, turned)


@part
def move_limb(tree, limbs, k, pose, step, joints, out):
    """``out`` = ``pose`` with limb k moved by its step; of the others' places ``out`` keeps what it has.

    Joints stay inside their limits to the last digit.
    """
    turn = np.zeros(3)
    turning = False
    for a in range(limbs.count[k, 0]):
        c = limbs.columns[k, a]
        if c < 3:
            out.root_pos[c] = pose.root_pos[c] + step[a]
        elif c < 6:
            turn[c - 3] = step[a]
            turning = True
        else:
            out.q[c - 6] = min(max(pose.q[c - 6] + step[a], joints.lower[c]), joints.upper[c])
    if turning:
        integrate_quat(pose.root_quat, turn, 0, out.root_quat)
    turned = np.empty((1, 3, 3))
    for m in range(limbs.count[k, 1]):
        i = limbs.links[k, m]
        if i == 0:
            for c in range(3):
                out.pos[0, c] = out.root_pos[c]
            quat_to_rot(out.root_quat, out.rot[0])
        else:
            place_link(tree, out.q, i, out.pos, out.rot, turned)


@part
def copy_limb(limbs, k, pose, out):
    """``out``'s limb k, its joints and places, as those of ``pose``."""
    for a in range(limbs.count[k, 0]):
        c = limbs.columns[k, a]
        if c < 3:
            out.root_pos[c] = pose.root_pos[c]
        elif c < 6:
            for d in range(4):
                out.root_quat[d] = pose.root_quat[d]
        else:
            out.q[c - 6] = pose.q[c - 6]
    for m in range(limbs.count[k, 1]):
        i = limbs.links[k, m]
        for c in range(3):
            out.pos[i, c] = pose.pos[i, c]
            for d in range(3):
                out.rot[i, c, d] = pose.rot[i, c, d]


@kernel
def copy_pose(pose, out):
    """``out`` = ``pose``, all of it."""
    for c in range(3):
        out.root_pos[c] = pose.root_pos[c]
    for c in range(4):
        out.root_quat[c] = pose.root_quat[c]
    for j in range(len(pose.q)):
        out.q[j] = pose.q[j]
    for i in range(len(pose.pos)):
        for c in range(3):
            out.pos[i, c] = pose.pos[i, c]
            for d in range(3):
                out.rot[i, c, d] = pose.rot[i, c, d]


@part
def screws(tree, limbs, k, pose, screw):
    """How each column of limb k moves what it moves: velocity at the root's origin, angular velocity."""
    pos, rot = pose.pos, pose.rot
    for a in range(limbs.count[k, 0]):
        c = limbs.columns[k, a]
        for d in range(6):
            screw[a, d] = 0.0
        if c < 6:
            screw[a, c] = 1.0
            continue
        i = tree.dof_link[c - 6]
        x, y, z = tree.axis[i, 0], tree.axis[i, 1], tree.axis[i, 2]
        u, v, w = tree.anchor[i, 0], tree.anchor[i, 1], tree.anchor[i, 2]
        for d in range(3):
            screw[a, 3 + d] = rot[i, d, 0] * x + rot[i, d, 1] * y + rot[i, d, 2] * z
        ax, ay, az = screw[a, 3], screw[a, 4], screw[a, 5]
        px = pos[i, 0] - pos[0, 0] + rot[i, 0, 0] * u + rot[i, 0, 1] * v + rot[i, 0, 2] * w
        py = pos[i, 1] - pos[0, 1] + rot[i, 1, 0] * u + rot[i, 1, 1] * v + rot[i, 1, 2] * w
        pz = pos[i, 2] - pos[0, 2] + rot[i, 2, 0] * u + rot[i, 2, 1] * v + rot[i, 2, 2] * w
        screw[a, 0] = py * az - pz * ay
        screw[a, 1] = pz * ax - px * az
        screw[a, 2] = px * ay - py * ax


@part
def task_errors(limbs, k, tasks, goal, pose, error, weight, certified):
    """Errors e = x_d − x of limb k's tasks (m, then rad), their weights; returns their number."""
    place, turn, turned = np.empty((1, 3)), np.empty((1, 3, 3)), np.empty((1, 3))
    wanted = np.empty((1, 3, 3))
    r = 0
    for m in range(limbs.count[k, 2]):
        t = limbs.tasks[k, m]
        i = tasks.link[t]
        if tasks.position[t] > 0.0 or tasks.certified_position[t] > 0.0:
            transform(pose.pos, pose.rot, i, tasks.point, t, place, 0)
            for c in range(3):
                error[r + c] = goal.pos[t, c] - place[0, c]
                weight[r + c], certified[r + c] = tasks.position[t], tasks.certified_position[t]
            r += 3
        if tasks.rotation[t] > 0.0 or tasks.certified_rotation[t] > 0.0:
            matmul3(pose.rot, i, tasks.rot, t, turn, 0)
            for c in range(3):
                for d in range(3):
                    wanted[0, c, d] = goal.rot[t, c, d]
            rotation_error(wanted, turn, 0, turned)
            for c in range(3):
                error[r + c] = turned[0, c]
                weight[r + c], certified[r + c] = tasks.rotation[t], tasks.certified_rotation[t]
            r += 3
    return r


@part
def task_jacobian(limbs, k, tasks, pose, screw, jacobian):
    """The derivative of what ``task_errors`` measures, along the limb's columns."""
    place = np.empty((1, 3))
    r = 0
    for m in range(limbs.count[k, 2]):
        t = limbs.tasks[k, m]
        i = tasks.link[t]
        if tasks.position[t] > 0.0 or tasks.certified_position[t] > 0.0:
            transform(pose.pos, pose.rot, i, tasks.point, t, place, 0)
            x, y, z = place[0, 0] - pose.pos[0, 0], place[0, 1] - pose.pos[0, 1], place[0, 2] - pose.pos[0, 2]
            for a in range(limbs.count[k, 0]):
                on = 1.0 if limbs.moves[k, a, i] else 0.0
                jacobian[r, a] = on * (screw[a, 0] + screw[a, 4] * z - screw[a, 5] * y)
                jacobian[r + 1, a] = on * (screw[a, 1] + screw[a, 5] * x - screw[a, 3] * z)
                jacobian[r + 2, a] = on * (screw[a, 2] + screw[a, 3] * y - screw[a, 4] * x)
            r += 3
        if tasks.rotation[t] > 0.0 or tasks.certified_rotation[t] > 0.0:
            for a in range(limbs.count[k, 0]):
                on = 1.0 if limbs.moves[k, a, i] else 0.0
                for c in range(3):
                    jacobian[r + c, a] = on * screw[a, 3 + c]
            r += 3


@part
def beyond_margin(joints, c, settings, q):
    """How far (rad, signed) the joint of direction c is beyond its limits less their margin; the margin is at most a
    quarter of the range."""
    margin = min(settings.limit_margin, 0.25 * (joints.upper[c] - joints.lower[c]))
    low, high = joints.lower[c] + margin - q[c - 6], q[c - 6] - joints.upper[c] + margin
    return high if high > 0.0 else (-low if low > 0.0 else 0.0)


@part
def posture(limbs, k, joints, settings, q):
    """What the limb's joints cost beside their tasks: ½ pull ‖q − q_ref‖², and coming near to limits."""
    s = 0.0
    for a in range(limbs.count[k, 0]):
        c = limbs.columns[k, a]
        if c >= 6:
            s += joints.pull[c] * (q[c - 6] - joints.rest[c]) ** 2
            s += settings.limit_weight * beyond_margin(joints, c, settings, q) ** 2
    return 0.5 * s


@part
def normal_equations(limbs, k, joints, settings, q, qp):
    """hessian = JᵀW_xJ + W_q + that of ``posture``, gradient = −JᵀW_x e + that of ``posture``: Eq. 7 at α = 1."""
    n, r = qp.size[0], qp.size[1]
    for a in range(n):
        g = 0.0
        for i in range(r):
            g -= qp.jacobian[i, a] * qp.weight[i] * qp.error[i]
        for b in range(a + 1):
            s = 0.0
            for i in range(r):
                s += qp.jacobian[i, a] * qp.weight[i] * qp.jacobian[i, b]
            qp.hessian[a, b] = qp.hessian[b, a] = s
        c = limbs.columns[k, a]
        qp.hessian[a, a] += joints.damping[c]
        if c >= 6:
            qp.hessian[a, a] += joints.pull[c]
            g -= joints.pull[c] * (joints.rest[c] - q[c - 6])
            over = beyond_margin(joints, c, settings, q)
            if over != 0.0:
                qp.hessian[a, a] += settings.limit_weight
                g += settings.limit_weight * over
        qp.gradient[a] = g


@part
def box(limbs, k, joints, brake, q, qp):
    """Step and joint limits (Eq. 9–10); a step uses up at most the part ``brake`` of the way to a joint's limit."""
    for a in range(qp.size[0]):
        c = limbs.columns[k, a]
        most = joints.most[c]
        qp.lower[a], qp.upper[a] = -most, most
        if c >= 6:
            down, up = joints.lower[c] - q[c - 6], joints.upper[c] - q[c - 6]
            # A joint beyond its limit comes back, as fast as a step allows.
            qp.lower[a] = min(max(-most, brake * down if down < 0.0 else down), most)
            qp.upper[a] = max(min(most, brake * up if up > 0.0 else up), -most)


@part
def place_shapes(barriers, pose, start, end):
    """World ends of all shapes."""
    for i in range(len(barriers.link)):
        transform(pose.pos, pose.rot, barriers.link[i], barriers.start, i, start, i)
        transform(pose.pos, pose.rot, barriers.link[i], barriers.end, i, end, i)


@part
def barrier(barriers, p, pose, start, end, x1, x2):
    """h of pair p (m²): squared distance of the axes less ρ² (Eq. 5), and their nearest points. ``start`` and ``end``
    (2, 3) are scratch."""
    for side in range(2):
        i = barriers.pair[p, side]
        transform(pose.pos, pose.rot, barriers.link[i], barriers.start, i, start, side)
        transform(pose.pos, pose.rot, barriers.link[i], barriers.end, i, end, side)
    apart = segment_distance(start, end, 0, 1, x1, x2)
    return apart * apart - barriers.reach[p] * barriers.reach[p]


@part
def barrier_rows(limbs, k, barriers, settings, pose, qp):
    """∇hᵀ v ≥ −γ share h (Eq. 6 and 8) for the pairs that the box does not keep apart by itself."""
    start, end = np.empty((len(barriers.link), 3)), np.empty((len(barriers.link), 3))
    x1, x2, f = np.empty(3), np.empty(3), np.empty(6)
    place_shapes(barriers, pose, start, end)
    n, count, screw, moves = qp.size[0], 0, qp.screw, limbs.moves
    for m in range(limbs.count[k, 3]):
        p = limbs.pairs[k, m]
        i, j = barriers.pair[p, 0], barriers.pair[p, 1]
        apart = segment_distance(start, end, i, j, x1, x2)
        h = apart * apart - barriers.reach[p] * barriers.reach[p]
        qp.h[m], qp.gap[m] = h, apart - barriers.reach[p]
        # The nearest points' own motion along the axes changes the distance in second order only. Both lie on one line
        # along the normal: one moment serves both, and what moves both cancels.
        for c in range(3):
            f[c] = 2.0 * (x1[c] - x2[c])
        x, y, z = x1[0] - pose.pos[0, 0], x1[1] - pose.pos[0, 1], x1[2] - pose.pos[0, 2]
        f[3], f[4], f[5] = y * f[2] - z * f[1], z * f[0] - x * f[2], x * f[1] - y * f[0]
        first, second = barriers.link[i], barriers.link[j]
        least = 0.0
        for a in range(n):
            slope = 0.0
            if moves[k, a, first] != moves[k, a, second]:
                for c in range(6):
                    slope += f[c] * screw[a, c]
                slope = slope if moves[k, a, first] else -slope
            qp.rows[count, a] = slope
            least += min(slope * qp.lower[a], slope * qp.upper[a])
        kept = apart * apart - barriers.wide[p] * barriers.wide[p]
        b = -settings.gamma * kept * (limbs.share[k, m] if kept > 0.0 else 1.0)
        if least < b:
            qp.b[count] = b
            count += 1
    qp.size[2] = count


@part
def assemble(tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp):
    """Limb k's QP at a pose."""
    qp.size[0] = limbs.count[k, 0]
    screws(tree, limbs, k, pose, qp.screw)
    qp.size[1] = task_errors(limbs, k, tasks, goal, pose, qp.error, qp.weight, qp.certified)
    task_jacobian(limbs, k, tasks, pose, qp.screw, qp.jacobian)
    normal_equations(limbs, k, joints, settings, pose.q, qp)
    box(limbs, k, joints, settings.brake, pose.q, qp)
    barrier_rows(limbs, k, barriers, settings, pose, qp)


@kernel
def assemble_limb(tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp):
    """``assemble`` for callers from outside."""
    assemble(tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp)


@kernel
def all_barriers(barriers, pose, out):
    """h of every pair (m²), whichever limb moves it."""
    start, end, x1, x2 = np.empty((2, 3)), np.empty((2, 3)), np.empty(3), np.empty(3)
    for p in range(len(barriers.pair)):
        out[p] = barrier(barriers, p, pose, start, end, x1, x2)


@part
def half_square(error, weight, count):
    """½ eᵀ W e."""
    s = 0.0
    for i in range(count):
        s += weight[i] * error[i] * error[i]
    return 0.5 * s


@part
def length(v, count):
    """‖v‖ of the first ``count`` entries."""
    s = 0.0
    for i in range(count):
        s += v[i] * v[i]
    return math.sqrt(s)
