"""Rotations of single poses, inlined into the kernels.

``understudy.rotations`` is the reference that they are tested against.
"""

import math

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def rotation_about(axis, angle, out):
    """Rodrigues: the matrix that turns by ``angle`` about the unit ``axis``."""
    c, s = math.cos(angle), math.sin(angle)
    x, y, z = axis[0], axis[1], axis[2]
    k = 1.0 - c
    out[0, 0] = c + x * x * k
    out[0, 1] = x * y * k - z * s
    out[0, 2] = x * z * k + y * s
    out[1, 0] = y * x * k + z * s
    out[1, 1] = c + y * y * k
    out[1, 2] = y * z * k - x * s
    out[2, 0] = z * x * k - y * s
    out[2, 1] = z * y * k + x * s
    out[2, 2] = c + z * z * k


@njit(cache=True, error_model="numpy")
def matmul3(a, b, out):
    """out = a b for 3×3 matrices; ``out`` must be neither."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@njit(cache=True, error_model="numpy")
def matvec3(a, v, out):
    """out = a v; ``out`` must not be v."""
    for i in range(3):
        out[i] = a[i, 0] * v[0] + a[i, 1] * v[1] + a[i, 2] * v[2]


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
def integrate_quat(q, w, out):
    """out = exp(w) q for a world-frame rotation vector w (rad)."""
    angle = math.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    s = 0.5 - angle * angle / 48.0 if angle < 1e-4 else math.sin(0.5 * angle) / angle
    a, b, c, d = math.cos(0.5 * angle), s * w[0], s * w[1], s * w[2]
    q0, q1, q2, q3 = q[0], q[1], q[2], q[3]
    out[0] = a * q0 - b * q1 - c * q2 - d * q3
    out[1] = a * q1 + b * q0 + c * q3 - d * q2
    out[2] = a * q2 - b * q3 + c * q0 + d * q1
    out[3] = a * q3 + b * q2 - c * q1 + d * q0
    n = 1.0 / math.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2 + out[3] ** 2)
    for i in range(4):
        out[i] *= n


@njit(cache=True, error_model="numpy")
def rotation_error(a, b, out):
    """out = log(a bᵀ), the world-frame rotation vector (rad) that turns ``b`` into ``a``."""
    m = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            m[i, j] = a[i, 0] * b[j, 0] + a[i, 1] * b[j, 1] + a[i, 2] * b[j, 2]
    x, y, z = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    s2 = x * x + y * y + z * z  # (2 sin)²
    c = 0.5 * (m[0, 0] + m[1, 1] + m[2, 2] - 1.0)
    if s2 > 1e-8 and c > -0.99:
        s = 0.5 * math.sqrt(s2)
        k = 0.5 * math.atan2(s, c) / s
        out[0], out[1], out[2] = k * x, k * y, k * z
    elif c > 0:
        out[0], out[1], out[2] = 0.5 * x, 0.5 * y, 0.5 * z
    else:  # near a half turn the antisymmetric part fades; the quaternion keeps the axis
        q = np.empty(4)
        rot_to_quat(m, q)
        sign = 1.0 if q[0] >= 0 else -1.0
        n = math.sqrt(q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
        k = sign * 2.0 * math.atan2(n, abs(q[0])) / n
        out[0], out[1], out[2] = k * q[1], k * q[2], k * q[3]
