"""Where rays meet a solid: the geometry of the software renderer.

Each function takes a rectangle of rays in the solid's own frame (one ``origin`` (3,), directions (row,
column, 3) of any length) and its size, and returns, for the rays that hit, their rows, columns, the ray
parameter of the first hit in front, and the unit normal there.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

Size = tuple[float, float, float]
Hits = tuple[
    Int[np.ndarray, "hit"],
    Int[np.ndarray, "hit"],
    Float[np.ndarray, "hit"],
    Float[np.ndarray, "hit 3"],
]


def ellipsoid(rays: Float[np.ndarray, "row column 3"], origin: Float[np.ndarray, "3"], size: Size) -> Hits:
    """Half axes ``size``: a unit ball after dividing by them."""
    half = np.asarray(size, np.float32)
    o = origin / half
    d = rays / half
    a = _dot(d, d)
    b = d @ o
    disc = b * b - a * (o @ o - 1)
    rows, columns = np.nonzero(disc > 0)
    a, b, disc = a[rows, columns], b[rows, columns], disc[rows, columns]
    t = (-b - np.sqrt(disc)) / a
    normal = (o + t[:, None] * d[rows, columns]) / half
    return _front(rows, columns, t, _unit(normal))


def capsule(rays: Float[np.ndarray, "row column 3"], origin: Float[np.ndarray, "3"], size: Size) -> Hits:
    """``size[0]`` is the radius, ``size[1]`` half the distance between the centres of the caps, along z."""
    radius, half = np.float32(size[0]), np.float32(size[1])
    # A ray touches the capsule only if it comes near enough to its axis: the round wall first, ...
    a = rays[..., 0] ** 2 + rays[..., 1] ** 2
    b = rays[..., 0] * origin[0] + rays[..., 1] * origin[1]
    disc = b * b - a * (origin[0] ** 2 + origin[1] ** 2 - radius**2)
    rows, columns = np.nonzero(disc > 0)
    a, b, disc, d = a[rows, columns], b[rows, columns], disc[rows, columns], rays[rows, columns]
    t = (-b - np.sqrt(disc)) / np.maximum(a, 1e-12)
    z = origin[2] + t * d[:, 2]
    # ... and where it enters beyond the wall's ends, the cap on that side.
    beyond = np.abs(z) > half
    cap = np.sign(z[beyond]) * half
    dc = d[beyond]
    oz = origin[2] - cap
    ac = _dot(dc, dc)
    bc = dc[:, 0] * origin[0] + dc[:, 1] * origin[1] + dc[:, 2] * oz
    disc = bc * bc - ac * (origin[0] ** 2 + origin[1] ** 2 + oz * oz - radius**2)
    t[beyond] = np.where(disc > 0, (-bc - np.sqrt(np.maximum(disc, 0))) / ac, np.inf)
    hit = np.isfinite(t)
    rows, columns, t, d = rows[hit], columns[hit], t[hit], d[hit]
    normal = origin + t[:, None] * d
    normal[:, 2] -= np.clip(normal[:, 2], -half, half)
    return _front(rows, columns, t, _unit(normal))


def box(rays: Float[np.ndarray, "row column 3"], origin: Float[np.ndarray, "3"], size: Size) -> Hits:
    """Half edges ``size``: the last of the three slabs to be entered is the face that is hit."""
    half = np.asarray(size, np.float32)
    d = np.where(np.abs(rays) < 1e-9, np.float32(1e-9), rays)
    middle = -origin / d
    spread = np.abs(half / d)
    enter, leave = (middle - spread).max(axis=-1), (middle + spread).min(axis=-1)
    rows, columns = np.nonzero(enter < leave)
    face = (middle - spread)[rows, columns].argmax(axis=-1)
    normal = np.zeros((len(rows), 3), np.float32)
    each = np.arange(len(rows))
    normal[each, face] = -np.sign(d[rows, columns][each, face])
    return _front(rows, columns, enter[rows, columns], normal)


def cylinder(rays: Float[np.ndarray, "row column 3"], origin: Float[np.ndarray, "3"], size: Size) -> Hits:
    """``size[0]`` is the radius, ``size[1]`` half the length along z: what the round wall and the two lids
    share."""
    radius, half = np.float32(size[0]), np.float32(size[1])
    a = np.maximum(rays[..., 0] ** 2 + rays[..., 1] ** 2, 1e-12)
    b = rays[..., 0] * origin[0] + rays[..., 1] * origin[1]
    disc = b * b - a * (origin[0] ** 2 + origin[1] ** 2 - radius**2)
    root = np.sqrt(np.maximum(disc, 0))
    dz = np.where(np.abs(rays[..., 2]) < 1e-9, np.float32(1e-9), rays[..., 2])
    wall, lid = (-b - root) / a, -origin[2] / dz - np.abs(half / dz)
    leave = np.minimum((-b + root) / a, -origin[2] / dz + np.abs(half / dz))
    enter = np.maximum(wall, lid)
    rows, columns = np.nonzero((disc > 0) & (enter < leave))
    t = enter[rows, columns]
    normal = origin + t[:, None] * rays[rows, columns]
    on_lid = (lid > wall)[rows, columns]
    normal[:, 2] = 0
    normal[on_lid] = 0
    normal[on_lid, 2] = -np.sign(dz[rows, columns][on_lid])
    return _front(rows, columns, t, _unit(normal))


HIT: dict[str, Callable[[np.ndarray, np.ndarray, Size], Hits]] = {
    "capsule": capsule,
    "cylinder": cylinder,
    "ellipsoid": ellipsoid,
    "box": box,
}


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("...i,...i->...", a, b)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.sqrt(_dot(v, v)), 1e-12)[:, None]


def _front(rows: np.ndarray, columns: np.ndarray, t: np.ndarray, normal: np.ndarray) -> Hits:
    front = t > 0
    return rows[front], columns[front], t[front], normal[front].astype(np.float32, copy=False)
