"""Rotations of single poses, inlined into the kernels.

``understudy.rotations`` is the reference that they are tested against.
"""

import math

import numpy as np

from understudy.kinematics.kernels.jit import kernel, part


@kernel
def turn_about(a, axis, i, angle, out, k):
    """out[k] = a[0] R, where R turns by ``angle`` about the unit ``axis[i]`` (Rodrigues)."""
    c, s = math.cos(angle), math.sin(angle)
    x, y, z = axis[i, 0], axis[i, 1], axis[i, 2]
    t = 1.0 - c
    r00, r01, r02 = c + x * x * t, x * y * t - z * s, x * z * t + y * s
    r10, r11, r12 = y * x * t + z * s, c + y * y * t, y * z * t - x * s
    r20, r21, r22 = z * x * t - y * s, z * y * t + x * s, c + z * z * t
    for r in range(3):
        u, v, w = a[0, r, 0], a[0, r, 1], a[0, r, 2]
        out[k, r, 0] = u * r00 + v * r10 + w * r20
        out[k, r, 1] = u * r01 + v * r11 + w * r21
        out[k, r, 2] = u * r02 + v * r12 + w * r22


@kernel
def matmul3(a, i, b, j, out, k):
    """out[k] = a[i] b[j] for stacks of 3×3 matrices. Indices instead of views: a view costs a reference count."""
    for r in range(3):
        x, y, z = a[i, r, 0], a[i, r, 1], a[i, r, 2]
        out[k, r, 0] = x * b[j, 0, 0] + y * b[j, 1, 0] + z * b[j, 2, 0]
        out[k, r, 1] = x * b[j, 0, 1] + y * b[j, 1, 1] + z * b[j, 2, 1]
        out[k, r, 2] = x * b[j, 0, 2] + y * b[j, 1, 2] + z * b[j, 2, 2]


@part
def transform(pos, rot, i, v, j, out, k):
    """out[k] = pos[i] + rot[i] v[j]: a point of a link, in the world."""
    x, y, z = v[j, 0], v[j, 1], v[j, 2]
    for c in range(3):
        out[k, c] = pos[i, c] + rot[i, c, 0] * x + rot[i, c, 1] * y + rot[i, c, 2] * z


@kernel
def quat_to_rot(q, out):
    """Unit quaternion wxyz → matrix."""
    w, x, y, z = q[0], q[1], q[2], q[3]
    out[0, 0] = 1 - 2 * (y * y + z * z)
    out[0, 1] = 2 * (x * y - w * z)
    out[0, 2] = 2 * (x * z + w * y)
    out[1, 0] = 2 * (x * y + w * z)
    out[1, 1] = 1 - 2 * (x * x + z * z)
    out[1, 2] = 2 * (y * z - w * x)
    out[2, 0] = 2 * (x * z - w * y)
    out[2, 1] = 2 * (y * z + w * x)
    out[2, 2] = 1 - 2 * (x * x + y * y)


@kernel
def rot_to_quat(m, out):
    """Matrix → unit quaternion wxyz, by the largest component (Shepperd)."""
    t = m[0, 0] + m[1, 1] + m[2, 2]
    if t > m[0, 0] and t > m[1, 1] and t > m[2, 2]:
        out[0] = 1 + t
        out[1] = m[2, 1] - m[1, 2]
        out[2] = m[0, 2] - m[2, 0]
        out[3] = m[1, 0] - m[0, 1]
    else:
        i = 0
        if m[1, 1] > m[0, 0]:
            i = 1
        if m[2, 2] > m[i, i]:
            i = 2
        j, k = (i + 1) % 3, (i + 2) % 3
        out[0] = m[k, j] - m[j, k]
        out[1 + i] = 1 + m[i, i] - m[j, j] - m[k, k]
        out[1 + j] = m[j, i] + m[i, j]
        out[1 + k] = m[k, i] + m[i, k]
    n = 1.0 / math.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2 + out[3] ** 2)
    for i in range(4):
        out[i] *= n


@part
def integrate_quat(q, w, at, out):
    """out = exp(w) q for the world-frame rotation vector (rad) that stands in ``w`` from index ``at`` on."""
    x, y, z = w[at], w[at + 1], w[at + 2]
    angle = math.sqrt(x * x + y * y + z * z)
    s = 0.5 - angle * angle / 48.0 if angle < 1e-4 else math.sin(0.5 * angle) / angle
    a, b, c, d = math.cos(0.5 * angle), s * x, s * y, s * z
    q0, q1, q2, q3 = q[0], q[1], q[2], q[3]
    out[0] = a * q0 - b * q1 - c * q2 - d * q3
    out[1] = a * q1 + b * q0 + c * q3 - d * q2
    out[2] = a * q2 - b * q3 + c * q0 + d * q1
    out[3] = a * q3 + b * q2 - c * q1 + d * q0
    n = 1.0 / math.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2 + out[3] ** 2)
    for i in range(4):
        out[i] *= n


@part
def rotation_error(a, b, k, out):
    """out[k] = log(a[k] b[k]ᵀ), the world-frame rotation vector (rad) that turns ``b[k]`` into ``a[k]``."""
    m00 = a[k, 0, 0] * b[k, 0, 0] + a[k, 0, 1] * b[k, 0, 1] + a[k, 0, 2] * b[k, 0, 2]
    m01 = a[k, 0, 0] * b[k, 1, 0] + a[k, 0, 1] * b[k, 1, 1] + a[k, 0, 2] * b[k, 1, 2]
    m02 = a[k, 0, 0] * b[k, 2, 0] + a[k, 0, 1] * b[k, 2, 1] + a[k, 0, 2] * b[k, 2, 2]
    m10 = a[k, 1, 0] * b[k, 0, 0] + a[k, 1, 1] * b[k, 0, 1] + a[k, 1, 2] * b[k, 0, 2]
    m11 = a[k, 1, 0] * b[k, 1, 0] + a[k, 1, 1] * b[k, 1, 1] + a[k, 1, 2] * b[k, 1, 2]
    m12 = a[k, 1, 0] * b[k, 2, 0] + a[k, 1, 1] * b[k, 2, 1] + a[k, 1, 2] * b[k, 2, 2]
    m20 = a[k, 2, 0] * b[k, 0, 0] + a[k, 2, 1] * b[k, 0, 1] + a[k, 2, 2] * b[k, 0, 2]
    m21 = a[k, 2, 0] * b[k, 1, 0] + a[k, 2, 1] * b[k, 1, 1] + a[k, 2, 2] * b[k, 1, 2]
    m22 = a[k, 2, 0] * b[k, 2, 0] + a[k, 2, 1] * b[k, 2, 1] + a[k, 2, 2] * b[k, 2, 2]
    x, y, z = m21 - m12, m02 - m20, m10 - m01
    s2 = x * x + y * y + z * z  # (2 sin)²
    c = 0.5 * (m00 + m11 + m22 - 1.0)
    if s2 > 1e-8 and c > -0.99:
        s = 0.5 * math.sqrt(s2)
        f = 0.5 * math.atan2(s, c) / s
        out[k, 0], out[k, 1], out[k, 2] = f * x, f * y, f * z
    elif c > 0:
        out[k, 0], out[k, 1], out[k, 2] = 0.5 * x, 0.5 * y, 0.5 * z
    else:  # near a half turn the antisymmetric part fades; the quaternion keeps the axis
        m, q = np.empty((3, 3)), np.empty(4)
        m[0, 0], m[0, 1], m[0, 2] = m00, m01, m02
        m[1, 0], m[1, 1], m[1, 2] = m10, m11, m12
        m[2, 0], m[2, 1], m[2, 2] = m20, m21, m22
        rot_to_quat(m, q)
        sign = 1.0 if q[0] >= 0 else -1.0
        n = math.sqrt(q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
        f = sign * 2.0 * math.atan2(n, abs(q[0])) / n
        out[k, 0], out[k, 1], out[k, 2] = f * q[1], f * q[2], f * q[3]
