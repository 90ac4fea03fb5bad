"""Rotations, once. Quaternions are unit, ordered wxyz, and world-from-local.

Every function works on numpy arrays and on torch tensors alike, over any leading batch dimensions, and
returns the kind and precision it was given. torch is never imported: a tensor brings its own namespace along.
"""

import sys
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor; the functions below are generic over both

IDENTITY = np.array([1.0, 0.0, 0.0, 0.0], dtype=np.float32)


def _stack(parts: list[Array]) -> Array:
    first = parts[0]
    if isinstance(first, np.ndarray):
        # np.stack would do; for the short arrays of a clip it takes several times as long.
        out = np.empty((*first.shape, len(parts)), first.dtype)
        for i, part in enumerate(parts):
            if part.shape != first.shape or part.dtype != first.dtype:
                break
            out[..., i] = part
        else:
            return out
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(p, torch.Tensor) for p in parts):
        return torch.stack(torch.broadcast_tensors(*parts), dim=-1)
    return np.stack(np.broadcast_arrays(*parts), axis=-1)


def _xp(x: Array) -> Any:
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(x, torch.Tensor) else np


def _tiny(x: Array) -> float:
    return float(_xp(x).finfo(x.dtype).tiny)


def _eps(x: Array) -> float:
    return float(_xp(x).finfo(x.dtype).eps)


def _norm(x: Array) -> Array:
    xp = _xp(x)
    # torch's own norm has gradient zero at zero, where the root of a sum has none.
    return (x * x).sum(-1) ** 0.5 if xp is np else xp.linalg.vector_norm(x, dim=-1)


def cross(a: Array, b: Array) -> Array:
    """Vector product over the last axis, with broadcasting: (..., 3) × (..., 3) → (..., 3)."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return _stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def quat_normalize(q: Array) -> Array:
    """Scale to unit length, (..., 4) → (..., 4)."""
    return q / (_norm(q)[..., None] + _tiny(q))


def quat_conj(q: Array) -> Array:
    """The inverse rotation of a unit quaternion, (..., 4) → (..., 4)."""
    return _stack([q[..., 0], -q[..., 1], -q[..., 2], -q[..., 3]])


def quat_mul(a: Array, b: Array) -> Array:
    """Hamilton product: first ``b``, then ``a``; (..., 4) × (..., 4) → (..., 4)."""
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    return _stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ]
    )


def quat_apply(q: Array, v: Array) -> Array:
    """Rotate vectors: (..., 4) on (..., 3) → (..., 3)."""
    w, u = q[..., :1], q[..., 1:]
    t = 2.0 * cross(u, v)
    return v + w * t + cross(u, t)


def quat_to_matrix(q: Array) -> Array:
    """(..., 4) → (..., 3, 3)."""
    w, x, y, z = (q[..., i] for i in range(4))
    x2, y2, z2 = 2 * x, 2 * y, 2 * z
    xx, yy, zz, xy, xz, yz = x * x2, y * y2, z * z2, x * y2, x * z2, y * z2
    wx, wy, wz = w * x2, w * y2, w * z2
    entries = [
        1 - (yy + zz),
        xy - wz,
        xz + wy,
        xy + wz,
        1 - (xx + zz),
        yz - wx,
        xz - wy,
        yz + wx,
        1 - (xx + yy),
    ]
    return _stack(entries).reshape(*q.shape[:-1], 3, 3)


def quat_from_matrix(m: Array) -> Array:
    """(..., 3, 3) rotation matrices → (..., 4), w ≥ 0; by the largest component, so no angle is weak."""
    xp = _xp(m)
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    d21 = m[..., 2, 1] - m[..., 1, 2]
    d02 = m[..., 0, 2] - m[..., 2, 0]
    d10 = m[..., 1, 0] - m[..., 0, 1]
    s01 = m[..., 0, 1] + m[..., 1, 0]
    s02 = m[..., 0, 2] + m[..., 2, 0]
    s12 = m[..., 1, 2] + m[..., 2, 1]
    # Each row is the quaternion times four times one of its own components.
    candidates = xp.stack(
        [
            _stack([1 + m00 + m11 + m22, d21, d02, d10]),
            _stack([d21, 1 + m00 - m11 - m22, s01, s02]),
            _stack([d02, s01, 1 - m00 + m11 - m22, s12]),
            _stack([d10, s02, s12, 1 - m00 - m11 + m22]),
        ],
        -2,
    )
    pivots = _stack([candidates[..., i, i] for i in range(4)])
    best = pivots.argmax(-1)
    if xp is np:
        q = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    else:
        index = best[..., None, None].expand(*best.shape, 1, 4)
        q = candidates.gather(-2, index)[..., 0, :]
    return quat_positive(quat_normalize(q))


def quat_positive(q: Array) -> Array:
    """The one of ±q with w ≥ 0."""
    return _xp(q).where(q[..., :1] < 0, -q, q)


def quat_from_rotvec(r: Array) -> Array:
    """Exponential map: rotation vectors (..., 3) rad → (..., 4)."""
    xp = _xp(r)
    square = (r * r).sum(-1)
    small = square < 1e-8  # there the series is exact to the last digit, and has derivatives at zero
    angle = xp.where(small, 1.0, square) ** 0.5
    w = xp.where(small, 1.0 - square / 8, xp.cos(0.5 * angle))
    scale = xp.where(small, 0.5 - square / 48, xp.sin(0.5 * angle) / angle)
    return _stack([w, *(scale * r[..., i] for i in range(3))])


def quat_to_rotvec(q: Array) -> Array:
    """Logarithm: (..., 4) → rotation vectors (..., 3) rad, angle in [0, π]."""
    xp = _xp(q)
    q = quat_positive(q)
    square = (q[..., 1:] * q[..., 1:]).sum(-1)
    small = square < 1e-12
    sine = xp.where(small, 1.0, square) ** 0.5
    scale = xp.where(small, 2.0, 2.0 * xp.arctan2(sine, q[..., 0]) / sine)
    return q[..., 1:] * scale[..., None]


def rotvec_jacobian_inverse(r: Array) -> Array:
    """How log R moves with a world-frame angular velocity ω of R: d(log R)/dt = J⁻¹(r) ω at r = log R.

    (..., 3) rad → (..., 3, 3); the inverse left Jacobian of SO(3). Smooth up to, but not at, a full turn.
    """
    xp = _xp(r)
    square = (r * r).sum(-1)
    small = square < 1e-2  # below, the closed form cancels; the series is exact to eleven digits
    angle = xp.where(small, 1.0, square) ** 0.5
    series = 1 / 12 + square / 720 + square * square / 30240
    c = xp.where(small, series, 1 / angle**2 - 0.5 / (angle * xp.tan(0.5 * angle)))
    x, y, z = (r[..., i] for i in range(3))
    xx, yy, zz, xy, xz, yz = c * x * x, c * y * y, c * z * z, c * x * y, c * x * z, c * y * z
    x, y, z = 0.5 * x, 0.5 * y, 0.5 * z
    entries = [1 - yy - zz, xy + z, xz - y, xy - z, 1 - xx - zz, yz + x, xz + y, yz - x, 1 - xx - yy]
    return _stack(entries).reshape(*r.shape[:-1], 3, 3)


def quat_angle(a: Array, b: Array) -> Array:
    """The angle between two orientations, (..., 4) × (..., 4) → (...) rad in [0, π]."""
    d = quat_mul(quat_conj(a), b)
    return 2.0 * _xp(d).arctan2(_norm(d[..., 1:]), abs(d[..., 0]))


def quat_slerp(a: Array, b: Array, t: Array) -> Array:
    """The shorter way from a (t = 0) to b (t = 1); ``t`` broadcasts against the batch."""
    step = quat_to_rotvec(quat_mul(quat_conj(a), b))
    return quat_mul(a, quat_from_rotvec(step * t[..., None]))


def quat_about(axis: str, angle: Array) -> Array:
    """Rotation by ``angle`` (...) rad about one of the axes ``"x"``, ``"y"``, ``"z"`` → (..., 4)."""
    xp = _xp(angle)
    c, s = xp.cos(0.5 * angle), xp.sin(0.5 * angle)
    zero = 0.0 * c
    return _stack([c, *(s if axis.lower() == a else zero for a in "xyz")])


def quat_from_euler(order: str, angles: Array) -> Array:
    """Intrinsic Euler angles, applied in the order written, e.g. ``"zxy"``: (..., 3) rad → (..., 4)."""
    q = quat_about(order[0], angles[..., 0])
    for i, axis in enumerate(order[1:], start=1):
        q = quat_mul(q, quat_about(axis, angles[..., i]))
    return q


def quat_to_euler(order: str, q: Array) -> Array:
    """Intrinsic Euler angles over three different axes: (..., 4) → (..., 3) rad, middle in [−π/2, π/2]."""
    xp = _xp(q)
    i, j, k = ("xyz".index(a) for a in order.lower())
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    m = quat_to_matrix(q)
    cosine = (m[..., i, i] * m[..., i, i] + m[..., i, j] * m[..., i, j]) ** 0.5
    middle = xp.arctan2(sign * m[..., i, k], cosine)
    # In gimbal lock only the sum or difference of the outer angles is known: the last is then zero. The first
    # is read after undoing the last, from entries that never vanish together.
    last = xp.where(cosine < 16 * _eps(q), 0.0, xp.arctan2(-sign * m[..., i, j], m[..., i, i]))
    c, s = xp.cos(last), sign * xp.sin(last)
    first = xp.arctan2(
        sign * (c * m[..., k, j] + s * m[..., k, i]),
        c * m[..., j, j] + s * m[..., j, i],
    )
    return _stack([first, middle, last])


def quat_between(u: Array, v: Array) -> Array:
    """The smallest rotation that turns direction ``u`` into ``v``: (..., 3) × (..., 3) → (..., 4)."""
    xp = _xp(u)
    u = u / (_norm(u)[..., None] + _tiny(u))
    v = v / (_norm(v)[..., None] + _tiny(v))
    w = 1.0 + (u * v).sum(-1)
    axis = cross(u, v)
    # Opposite directions: any axis across u turns one into the other.
    least = _stack([abs(u[..., 0]) < 0.6, abs(u[..., 0]) >= 0.6, u[..., 0] != u[..., 0]]) * (1.0 + 0.0 * u)
    across = cross(u, least)
    opposite = (w < 8 * _eps(w))[..., None]
    xyz = xp.where(opposite, across, axis)
    w = xp.where(opposite[..., 0], 0.0 * w, w)
    return quat_normalize(_stack([w, xyz[..., 0], xyz[..., 1], xyz[..., 2]]))


def quat_yaw(q: Array) -> Array:
    """Heading: the angle (...) rad about z of the rotated x axis; of the rotated z axis if x is upright."""
    xp = _xp(q)
    ex = quat_apply(q, q[..., 1:] * 0.0 + _like(q, [1.0, 0.0, 0.0]))
    ez = quat_apply(q, q[..., 1:] * 0.0 + _like(q, [0.0, 0.0, 1.0]))
    steep = abs(ex[..., 2]) > 0.99
    up = ex[..., 2] > 0
    x = xp.where(steep, xp.where(up, -ez[..., 0], ez[..., 0]), ex[..., 0])
    y = xp.where(steep, xp.where(up, -ez[..., 1], ez[..., 1]), ex[..., 1])
    return xp.arctan2(y, x)


def _like(q: Array, values: list[float]) -> Array:
    xp = _xp(q)
    return np.asarray(values, q.dtype) if xp is np else xp.tensor(values, dtype=q.dtype, device=q.device)


def quat_from_axes(x: Array, y: Array) -> Array:
    """The frame whose x axis is ``x`` and whose y axis is nearest ``y``: (..., 3) × (..., 3) → (..., 4)."""
    x = x / (_norm(x)[..., None] + _tiny(x))
    z = cross(x, y)
    z = z / (_norm(z)[..., None] + _tiny(z))
    y = cross(z, x)
    return quat_from_matrix(_xp(x).stack([x, y, z], -1))


def quat_mean(q: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The orientation nearest to all of (n, 4), signs ignored → (4,). Markley et al., 2007."""
    w = np.ones(len(q)) if weights is None else weights
    scatter = np.einsum("n,ni,nj->ij", w, q.astype(np.float64), q.astype(np.float64))
    return quat_positive(np.linalg.eigh(scatter)[1][:, -1]).astype(q.dtype)


def quat_continuous(q: np.ndarray) -> np.ndarray:
    """Flip signs along the first axis so that neighbours lie on one half of the sphere, (time, ..., 4)."""
    flip = np.where((q[1:] * q[:-1]).sum(-1) < 0, -1.0, 1.0)
    sign = (
        np.concatenate([np.ones_like(flip[:1]), np.cumprod(flip, axis=0)])
        if len(q) > 1
        else np.ones(q.shape[:-1])
    )
    return (q * sign[..., None]).astype(q.dtype)


def wxyz_to_xyzw(q: Array) -> Array:
    """Our order to the order of scipy, ROS and Isaac Gym."""
    return q[..., [1, 2, 3, 0]]


def xyzw_to_wxyz(q: Array) -> Array:
    """The order of scipy, ROS and Isaac Gym to ours."""
    return q[..., [3, 0, 1, 2]]
