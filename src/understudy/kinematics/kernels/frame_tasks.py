"""Errors and normal equations of frame tasks: whole poses as SE(3) logarithms in the frame's own axes.

e = log(T_frame⁻¹ T_target) is the body twist that leads from a frame to its target in one unit of time: a velocity (m),
then a rotation vector (rad). It changes with the frame's body twist ξ as de = −J_l⁻¹(e) ξ, where J_l is the left
Jacobian of SE(3) (Barfoot and Furgale, 2014; Solà et al., 2018, eq. 179–180).

The tangent is that of ``normal_equations``: root velocity and angular velocity in the world, then joint rates.
"""

import math

import numpy as np

from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.jit import kernel
from understudy.kinematics.kernels.normal_equations import accumulate, joint_motion
from understudy.kinematics.kernels.spatial import integrate_quat, rotation_error, transform


@kernel
def errors(tree, task, target_pos, target_rot, root_pos, root_quat, q, pos, rot, e):
    """Fill the link poses ``pos``, ``rot`` and the errors ``e`` (task, 6); returns the norm of all errors stacked."""
    forward(tree, root_pos, root_quat, q, pos, rot)
    n = len(task.link)
    place, turn, turned = np.empty((n, 3)), np.empty((n, 3, 3)), np.empty((n, 3))
    v, w, p = np.empty(3), np.empty(3), np.empty(3)
    inverse = np.empty((3, 3))
    square = 0.0
    for k in range(n):
        i = task.link[k]
        transform(pos, rot, i, task.point, k, place, k)
        turn[k] = rot[i]
        rotation_error(target_rot, turn, k, turned)
        for c in range(3):
            v[c] = target_pos[k, c] - place[k, c]
        for c in range(3):
            w[c] = turn[k, 0, c] * turned[k, 0] + turn[k, 1, c] * turned[k, 1] + turn[k, 2, c] * turned[k, 2]
            p[c] = turn[k, 0, c] * v[0] + turn[k, 1, c] * v[1] + turn[k, 2, c] * v[2]
        rotation_jacobian_inverse(w, inverse)
        for c in range(3):
            e[k, c] = inverse[c, 0] * p[0] + inverse[c, 1] * p[1] + inverse[c, 2] * p[2]
            e[k, 3 + c] = w[c]
            square += e[k, c] ** 2 + w[c] ** 2
    return math.sqrt(square)


@kernel
def rotation_jacobian_inverse(w, out):
    """The inverse left Jacobian of SO(3) at the rotation vector ``w``: I − ½[w] + c [w]²."""
    square = w[0] * w[0] + w[1] * w[1] + w[2] * w[2]
    angle = math.sqrt(square)
    if square < 1e-4:
        c = 1.0 / 12.0 + square / 720.0
    else:
        c = (1.0 - 0.5 * angle * math.cos(0.5 * angle) / math.sin(0.5 * angle)) / square
    for a in range(3):
        for b in range(3):
            out[a, b] = c * w[a] * w[b]
        out[a, a] += 1.0 - c * square
    out[0, 1] += 0.5 * w[2]
    out[0, 2] -= 0.5 * w[1]
    out[1, 0] -= 0.5 * w[2]
    out[1, 2] += 0.5 * w[0]
    out[2, 0] += 0.5 * w[1]
    out[2, 1] -= 0.5 * w[0]


@kernel
def _skew(v, out):
    """out = [v], with [v] u = v × u."""
    out[:] = 0.0
    out[0, 1], out[0, 2], out[1, 2] = -v[2], v[1], -v[0]
    out[1, 0], out[2, 0], out[2, 1] = v[2], -v[1], v[0]


@kernel
def _product(a, b, out):
    """out = a b for small square matrices."""
    n = len(a)
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(n):
                s += a[i, k] * b[k, j]
            out[i, j] = s


@kernel
def _coupling(e, out):
    """The block Q of the left Jacobian of SE(3) at ``e``, with which a rotation moves the translation."""
    v, w, vw, wv = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    wvw, vww, wwv = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    _skew(e[:3], v)
    _skew(e[3:], w)
    _product(v, w, vw)
    _product(w, v, wv)
    _product(wv, w, wvw)
    _product(vw, w, vww)
    _product(w, wv, wwv)
    left, right = np.empty((3, 3)), np.empty((3, 3))
    _product(wvw, w, right)
    _product(w, wvw, left)
    square = e[3] * e[3] + e[4] * e[4] + e[5] * e[5]
    if square < 1e-2:  # below, the closed forms cancel
        b = 1.0 / 6.0 - square / 120.0 + square * square / 5040.0
        c = 1.0 / 24.0 - square / 720.0 + square * square / 40320.0
        d = 1.0 / 120.0 - square / 2520.0 + square * square / 120960.0
    else:
        angle = math.sqrt(square)
        sine, cosine = math.sin(angle), math.cos(angle)
        b = (angle - sine) / (square * angle)
        c = (cosine - 1.0 + 0.5 * square) / (square * square)
        d = (2.0 * angle - 3.0 * sine + angle * cosine) / (2.0 * square * square * angle)
    for i in range(3):
        for j in range(3):
            out[i, j] = (
                0.5 * v[i, j]
                + b * (wv[i, j] + vw[i, j] + wvw[i, j])
                + c * (wwv[i, j] + vww[i, j] - 3.0 * wvw[i, j])
                + d * (left[i, j] + right[i, j])
            )


@kernel
def left_jacobian_inverse(e, out):
    """The inverse left Jacobian of SE(3) at ``e`` (6,), translation first → (6, 6)."""
    inverse, q = np.empty((3, 3)), np.empty((3, 3))
    half, corner = np.empty((3, 3)), np.empty((3, 3))
    rotation_jacobian_inverse(e[3:], inverse)
    _coupling(e, q)
    _product(inverse, q, half)
    _product(half, inverse, corner)
    for a in range(3):
        for b in range(3):
            out[a, b] = out[3 + a, 3 + b] = inverse[a, b]
            out[a, 3 + b] = -corner[a, b]
            out[3 + a, b] = 0.0


@kernel
def _body_twist(pos, rot, i, point, k, origin, out):
    """The map from a twist about the root's origin in the world to the body twist at a point of link i: (6, 6)."""
    place = np.empty((1, 3))
    transform(pos, rot, i, point, k, place, 0)
    x, y, z = place[0, 0] - origin[0], place[0, 1] - origin[1], place[0, 2] - origin[2]
    for a in range(3):
        r0, r1, r2 = rot[i, 0, a], rot[i, 1, a], rot[i, 2, a]
        out[a, 0] = out[3 + a, 3] = r0
        out[a, 1] = out[3 + a, 4] = r1
        out[a, 2] = out[3 + a, 5] = r2
        # Row a of Rᵀ against ω × x.
        out[a, 3] = r2 * y - r1 * z
        out[a, 4] = r0 * z - r2 * x
        out[a, 5] = r1 * x - r0 * y
        out[3 + a, 0] = out[3 + a, 1] = out[3 + a, 2] = 0.0


@kernel
def linearise(tree, task, pos, rot, e, damping, hessian, gradient):
    """The QP of one step: JᵀW²J + (damping + Σ ‖W e‖²) I (lower triangle), and JᵀW²e.

    ``pos``, ``rot`` and ``e`` are those that ``errors`` has filled; ``damping`` is the part of it that always acts.
    """
    links = len(tree.parents)
    wrench, stiffness = np.zeros((links, 6)), np.zeros((links, 6, 6))
    motion = np.empty((len(tree.dof_link), 6))
    rate, twist, turned = np.empty((6, 6)), np.empty((6, 6)), np.empty((6, 6))
    for k in range(len(task.link)):
        i = task.link[k]
        left_jacobian_inverse(e[k], rate)
        _body_twist(pos, rot, i, task.point, k, pos[0], twist)
        _product(rate, twist, turned)
        for a in range(6):
            weight = task.position[k] if a < 3 else task.rotation[k]
            square = weight * weight
            damping += square * e[k, a] * e[k, a]
            for b in range(6):
                wrench[i, b] -= square * turned[a, b] * e[k, a]
                for c in range(b, 6):
                    stiffness[i, b, c] += square * turned[a, b] * turned[a, c]
    joint_motion(tree, pos, rot, pos[0], motion)
    accumulate(tree, motion, wrench, stiffness, hessian, gradient)
    for a in range(len(gradient)):
        hessian[a, a] += damping


@kernel
def advance(step, root_pos, root_quat, q):
    """Move a pose along a tangent vector, in place."""
    for c in range(3):
        root_pos[c] += step[c]
    integrate_quat(root_quat, step, 3, root_quat)
    for j in range(len(q)):
        q[j] += step[6 + j]
