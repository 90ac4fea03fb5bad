"""Simple solids in place of meshes: capsules for contacts, and boxes, cylinders, ellipsoids or capsules for the eye.

A link's surface points are cut into nearly convex parts, and every part gets the one solid that fits it best.
Coordinates are those of the points.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import ConvexHull

from understudy.robots import capsules
from understudy.robots.capsules import Capsules
from understudy.robots.onboarding.shapes import hull

_MIRROR = np.array([1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Solid:
    """``kind`` and ``size`` as in MuJoCo; ``pos`` and the columns of ``mat`` place it."""

    kind: str
    size: tuple[float, ...]
    pos: Float[np.ndarray, "3"]
    mat: Float[np.ndarray, "3 3"]

    def mirrored(self) -> "Solid":
        """The image across y = 0: solids have mirror planes of their own, so turning one axis round makes the frame
        right-handed again."""
        flipped = _MIRROR[:, None] * self.mat
        flipped[:, 1] *= -1
        return Solid(self.kind, self.size, self.pos * _MIRROR, flipped)


def parts(
    points: Float[np.ndarray, "point 3"], most: int, symmetric: bool = False, worth: float = 0.85
) -> list[Float[np.ndarray, "part 3"]]:
    """At most so many nearly convex pieces of a cloud. ``symmetric`` cuts only across x and z; a cut is made if it
    shrinks the volume of the convex hulls to less than ``worth``."""
    pieces = [points]
    while len(pieces) < most:
        gains = [_best_cut(piece, symmetric, worth) for piece in pieces]
        k = int(np.argmax([gain for gain, _ in gains]))
        mask = gains[k][1]
        if mask is None:
            break
        piece = pieces.pop(k)
        pieces += [piece[mask], piece[~mask]]
    return pieces


def fit_capsules(points: Float[np.ndarray, "point 3"], tolerance: float, symmetric: bool) -> Capsules | None:
    """One capsule around a convex piece, or two if one bulges by more than ``tolerance`` (m). None for a piece without
    volume."""
    found = hull(points)
    if found is None:
        return None
    vertices = points[found.vertices]
    vertices = vertices[:: max(1, len(vertices) // 150)]
    if hull(vertices) is None:
        vertices = points[found.vertices]
    one = capsules.fit(vertices, 1, symmetric)
    half = hull(points[points[:, 1] >= 0])
    if not symmetric or half is None or float(one.bulge(vertices).max()) < tolerance:
        return one
    left = capsules.fit(half.points[half.vertices], 1)
    return joined([left, left.mirrored()])


def joined(found: list[Capsules]) -> Capsules:
    """Several sets of capsules as one."""
    if not found:
        return Capsules(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    return Capsules(*(np.concatenate([getattr(c, f) for c in found]) for f in ("start", "end", "radius")))


def foot_capsules(sole: Float[np.ndarray, "corner 3"], top: float) -> Capsules:
    """Capsules that lie on a level sole, along the foot: one, or two side by side. ``top`` is how far the foot's upper
    face is above the sole (m)."""
    low, high = sole.min(axis=0), sole.max(axis=0)
    width, length = high[1] - low[1], high[0] - low[0]
    radius = float(np.clip(min(0.5 * top, 0.35 * width), 0.1 * width, 0.2 * length))
    middle = (low[1] + high[1]) / 2
    sides = [0.0] if width < 2.6 * radius else [width / 2 - radius, radius - width / 2]
    rows = [(low[0] + radius, high[0] - radius, middle + side) for side in sides]
    z = float(sole[:, 2].mean()) + radius
    return Capsules(
        np.array([[a, y, z] for a, _, y in rows]),
        np.array([[b, y, z] for _, b, y in rows]),
        np.full(len(rows), radius),
    )


def solid(points: Float[np.ndarray, "point 3"], seed: int = 0) -> Solid | None:
    """The solid that shares most volume with the convex hull of a piece."""
    found = hull(points)
    if found is None:
        return None
    mat, low, high = _snug_box(points[found.vertices])
    centre, half = mat @ ((low + high) / 2), (high - low) / 2
    rng = np.random.default_rng(seed)
    trial = rng.uniform(-1.15, 1.15, (3000, 3)) * half
    inside = _inside_hull(found, trial @ mat.T + centre)
    options = [("box", half * 0.97), ("ellipsoid", half * 1.08)]
    options += [(kind, np.roll(half, 2 - k)) for k in range(3) for kind in ("cylinder", "capsule")]
    best, share = None, -1.0
    for n, (kind, size) in enumerate(options):
        k = 2 if n < 2 else (n - 2) // 2
        turned = np.roll(np.arange(3), 2 - k)
        within = _inside(kind, size, trial[:, turned])
        overlap = float((within & inside).sum() / max((within | inside).sum(), 1))
        if overlap > share:
            best, share = Solid(kind, _size(kind, size), centre, mat[:, turned]), overlap
    return best


def _best_cut(points: np.ndarray, symmetric: bool, worth: float) -> tuple[float, np.ndarray | None]:
    """How much hull volume the best plane saves, and which points lie below it; None if no cut is worth it."""
    whole = hull(points)
    if whole is None:
        return 0.0, None
    axes = np.eye(3)[[0, 2]] if symmetric else np.eye(3)
    best, mask = 0.0, None
    for axis in axes:
        height = points @ axis
        for cut in np.quantile(height, np.linspace(0.1, 0.9, 9)):
            below = height < cut
            volume = 0.0
            for side in (below, ~below):
                piece = hull(points[side])
                volume += piece.volume if piece is not None else 0.0
                if side.sum() < 0.05 * len(points):
                    volume = np.inf
            if volume < worth * whole.volume and whole.volume - volume > best:
                best, mask = whole.volume - volume, below
    return best, mask


def _snug_box(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axes and extents of a small box around points: the frame's own axes or the principal ones."""
    options = [np.eye(3)]
    axes = np.linalg.svd(vertices - vertices.mean(axis=0))[2].T
    options.append(axes if np.linalg.det(axes) > 0 else axes * (1.0, 1.0, -1.0))
    sizes = [np.prod(np.ptp(vertices @ mat, axis=0)) for mat in options]
    mat = options[0] if sizes[0] < 1.1 * sizes[1] else options[1]
    local = vertices @ mat
    return mat, local.min(axis=0), local.max(axis=0)


def _inside_hull(found: ConvexHull, points: np.ndarray) -> np.ndarray:
    normals = np.unique(np.round(found.equations, 4), axis=0)
    return (points @ normals[:, :3].T + normals[:, 3] <= 1e-9).all(axis=1)


def _inside(kind: str, half: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Whether points lie in a solid with these half extents, the long axis of round ones being z."""
    if kind == "box":
        return (np.abs(x) <= half).all(axis=1)
    if kind == "ellipsoid":
        return ((x / half) ** 2).sum(axis=1) <= 1
    radius = (half[0] + half[1]) / 2
    across, along = np.linalg.norm(x[:, :2], axis=1), np.abs(x[:, 2])
    if kind == "cylinder":
        return (across <= radius) & (along <= half[2])
    return np.hypot(across, np.maximum(along - max(half[2] - radius, 0.0), 0.0)) <= radius


def _size(kind: str, half: np.ndarray) -> tuple[float, ...]:
    if kind in ("box", "ellipsoid"):
        return tuple(map(float, half))
    radius = float(half[0] + half[1]) / 2
    return radius, float(half[2]) if kind == "cylinder" else max(float(half[2]) - radius, 1e-3)
