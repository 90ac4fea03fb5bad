"""Hessian and gradient of landmark tasks without Jacobians.

A landmark's weighted residual is a wrench on the link that carries it, and its weight a 6×6 stiffness. Summing both up
the tree, as composite-rigid-body and Newton–Euler recursions do, gives JᵀWr and JᵀWJ in O(links · depth). All moments
are taken about the root's origin, which keeps the numbers small wherever in the world the body is.

The tangent is (root velocity in the world, root angular velocity in the world, joint rates).
"""

import numpy as np

from understudy.kinematics.kernels.jit import part
from understudy.kinematics.kernels.spatial import matmul3, rotation_error, transform


@part
def place_landmarks(landmarks, pos, rot, out_pos, out_rot):
    """World poses of the landmarks from those of the links."""
    for k in range(len(landmarks.link)):
        i = landmarks.link[k]
        transform(pos, rot, i, landmarks.pos, k, out_pos, k)
        matmul3(rot, i, landmarks.rot, k, out_rot, k)


@part
def residuals(task, target_pos, target_rot, target_bone, mark_pos, mark_rot, r_pos, r_rot, r_bone):
    """Residuals of all tasks and the cost ½ Σ w ‖r‖²: position (m), orientation (rad) and bone vector (m)."""
    cost = 0.0
    for k in range(len(task.rotation)):
        if task.rotation[k] > 0.0:
            rotation_error(mark_rot, target_rot, k, r_rot)
        for c in range(3):
            r_pos[k, c] = mark_pos[k, c] - target_pos[k, c]
            cost += task.position[k, c] * r_pos[k, c] ** 2
            if task.rotation[k] > 0.0:
                cost += task.rotation[k] * r_rot[k, c] ** 2
            if task.bone[k] > 0.0:
                r_bone[k, c] = (
                    mark_rot[k, c, 0] * task.bone_vector[k, 0]
                    + mark_rot[k, c, 1] * task.bone_vector[k, 1]
                    + mark_rot[k, c, 2] * task.bone_vector[k, 2]
                    - target_bone[k, c]
                )
                cost += task.bone[k] * r_bone[k, c] ** 2
    return 0.5 * cost


@part
def _add_stiffness(stiffness, x, w):
    """Add the stiffness of a point at ``x`` (about the root) with axis weights ``w``: [W, -WX; XᵀWᵀ.., XᵀWX]."""
    # ω × x = X̃ ω with X̃ = −[x]×; rows of X̃:
    #   (0, x2, −x1), (−x2, 0, x0), (x1, −x0, 0)
    a0, a1, a2 = x[0], x[1], x[2]
    for c in range(3):
        stiffness[c, c] += w[c]
    stiffness[0, 4] += w[0] * a2
    stiffness[0, 5] -= w[0] * a1
    stiffness[1, 3] -= w[1] * a2
    stiffness[1, 5] += w[1] * a0
    stiffness[2, 3] += w[2] * a1
    stiffness[2, 4] -= w[2] * a0
    _add_angular(stiffness, x, w)


@part
def _add_angular(stiffness, x, w):
    """Only the angular block of ``_add_stiffness``: a vector that turns with its link but does not move with it."""
    a0, a1, a2 = x[0], x[1], x[2]
    stiffness[3, 3] += w[1] * a2 * a2 + w[2] * a1 * a1
    stiffness[4, 4] += w[0] * a2 * a2 + w[2] * a0 * a0
    stiffness[5, 5] += w[0] * a1 * a1 + w[1] * a0 * a0
    stiffness[3, 4] -= w[2] * a0 * a1
    stiffness[3, 5] -= w[1] * a0 * a2
    stiffness[4, 5] -= w[0] * a1 * a2


@part
def _add_force(wrench, x, f):
    """Add a force f at x, as (f, x × f)."""
    wrench[0] += f[0]
    wrench[1] += f[1]
    wrench[2] += f[2]
    wrench[3] += x[1] * f[2] - x[2] * f[1]
    wrench[4] += x[2] * f[0] - x[0] * f[2]
    wrench[5] += x[0] * f[1] - x[1] * f[0]


@part
def gather(task, landmarks, origin, mark_pos, r_pos, r_rot, r_bone, target_bone, wrench, stiffness):
    """Each task's wrench and stiffness, on the link that carries its landmark."""
    wrench[:] = 0.0
    stiffness[:] = 0.0
    x, f, w = np.empty(3), np.empty(3), np.empty(3)
    for k in range(len(landmarks.link)):
        i = landmarks.link[k]
        p = task.position[k]
        if p[0] > 0.0 or p[1] > 0.0 or p[2] > 0.0:
            for c in range(3):
                x[c] = mark_pos[k, c] - origin[c]
                f[c] = p[c] * r_pos[k, c]
            _add_force(wrench[i], x, f)
            _add_stiffness(stiffness[i], x, p)
        if task.rotation[k] > 0.0:
            for c in range(3):
                wrench[i, 3 + c] += task.rotation[k] * r_rot[k, c]
                stiffness[i, 3 + c, 3 + c] += task.rotation[k]
        if task.bone[k] > 0.0:  # a vector that turns with its link and has no place: a moment, and no force
            for c in range(3):
                x[c] = r_bone[k, c] + target_bone[k, c]
                f[c] = task.bone[k] * r_bone[k, c]
                w[c] = task.bone[k]
            wrench[i, 3] += x[1] * f[2] - x[2] * f[1]
            wrench[i, 4] += x[2] * f[0] - x[0] * f[2]
            wrench[i, 5] += x[0] * f[1] - x[1] * f[0]
            _add_angular(stiffness[i], x, w)


@part
def joint_motion(tree, pos, rot, origin, motion):
    """The screw (linear at the root's origin, angular) that each joint moves its subtree with, (dof, 6)."""
    for j in range(len(tree.dof_link)):
        i = tree.dof_link[j]
        x, y, z = tree.axis[i, 0], tree.axis[i, 1], tree.axis[i, 2]
        u, v, w = tree.anchor[i, 0], tree.anchor[i, 1], tree.anchor[i, 2]
        ax = rot[i, 0, 0] * x + rot[i, 0, 1] * y + rot[i, 0, 2] * z
        ay = rot[i, 1, 0] * x + rot[i, 1, 1] * y + rot[i, 1, 2] * z
        az = rot[i, 2, 0] * x + rot[i, 2, 1] * y + rot[i, 2, 2] * z
        px = pos[i, 0] - origin[0] + rot[i, 0, 0] * u + rot[i, 0, 1] * v + rot[i, 0, 2] * w
        py = pos[i, 1] - origin[1] + rot[i, 1, 0] * u + rot[i, 1, 1] * v + rot[i, 1, 2] * w
        pz = pos[i, 2] - origin[2] + rot[i, 2, 0] * u + rot[i, 2, 1] * v + rot[i, 2, 2] * w
        motion[j, 0] = py * az - pz * ay
        motion[j, 1] = pz * ax - px * az
        motion[j, 2] = px * ay - py * ax
        motion[j, 3], motion[j, 4], motion[j, 5] = ax, ay, az


@part
def accumulate(tree, motion, wrench, stiffness, hessian, gradient):
    """Sum wrenches and stiffnesses up the tree and read off the lower triangle of the Hessian and the gradient."""
    n = len(tree.parents)
    for i in range(n - 1, 0, -1):
        p = tree.parents[i]
        for a in range(6):
            wrench[p, a] += wrench[i, a]
            for b in range(a, 6):  # upper triangle: stiffnesses are symmetric
                stiffness[p, a, b] += stiffness[i, a, b]
    hessian[:] = 0.0
    for a in range(6):
        gradient[a] = wrench[0, a]
        for b in range(a, 6):
            hessian[b, a] = stiffness[0, a, b]
    f = np.empty(6)
    for j in range(len(motion)):
        i = tree.dof_link[j]
        k = stiffness[i]
        s = motion[j]
        g = 0.0
        for a in range(6):
            g += s[a] * wrench[i, a]
            v = 0.0
            for b in range(6):
                v += (k[a, b] if a <= b else k[b, a]) * s[b]
            f[a] = v
        gradient[6 + j] = g
        for a in range(6):
            hessian[6 + j, a] = f[a]
        while i > 0:
            d = tree.dof[i]
            if d >= 0:
                m = motion[d]
                v = m[0] * f[0] + m[1] * f[1] + m[2] * f[2] + m[3] * f[3] + m[4] * f[4] + m[5] * f[5]
                hessian[6 + max(j, d), 6 + min(j, d)] = v
            i = tree.parents[i]
