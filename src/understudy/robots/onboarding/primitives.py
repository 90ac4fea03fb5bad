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
_TIGHT = 1.5  # a capsule beyond its link makes false contacts, a link beyond its capsule misses real ones: rather that


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
    points: Float[np.ndarray, "point 3"], most: int, symmetric: bool = False, worth: float = 0.88
) -> list[Float[np.ndarray, "part 3"]]:
    """About so many nearly convex pieces of a cloud; a cut is made if it shrinks the volume of the convex hulls to less
    than ``worth``. ``symmetric`` cuts across x and z, or takes off both sides at once."""
    pieces = [points]
    while len(pieces) < most:
        gains = [_best_cut(piece, symmetric and _straddles(piece), worth) for piece in pieces]
        k = int(np.argmax([gain for gain, _ in gains]))
        if not gains[k][1]:
            break
        piece = pieces.pop(k)
        pieces += [piece[mask] for mask in gains[k][1]]
    return pieces


def fit_capsules(points: Float[np.ndarray, "point 3"], tolerance: float, symmetric: bool) -> Capsules:
    """One capsule around a convex piece, or two side by side if one would bulge by more than ``tolerance`` (m).

    Of a ``symmetric`` body the pieces on the left are fitted with their images, and those on the right left out.
    """
    if symmetric and not _straddles(points):
        if points[:, 1].mean() < 0:
            return joined([])
        side = fit_capsules(points, tolerance, False)
        return joined([side, side.mirrored()])
    vertices = _vertices(points)
    if vertices is None:
        return joined([])
    one = capsules.fit(vertices, 1, symmetric, tightness=_TIGHT)
    bulge = float(one.bulge(vertices).max())
    if bulge < tolerance:
        return one
    if symmetric:
        half = _vertices(points[points[:, 1] >= 0])
        halves = [] if half is None else [capsules.fit(half, 1, tightness=_TIGHT)]
        halves += [side.mirrored() for side in halves]
    else:
        mat, low, high = _snug_box(vertices)
        axis = int(np.argsort(high - low)[1])
        below = points @ mat[:, axis] < (low + high)[axis] / 2
        found = [_vertices(points[side]) for side in (below, ~below)]
        halves = [capsules.fit(half, 1, tightness=_TIGHT) for half in found if half is not None]
    two = joined(halves)
    return two if len(two) == 2 and float(two.bulge(vertices).max()) < 0.8 * bulge else one


def _straddles(points: np.ndarray) -> bool:
    """Whether a cloud lies on both sides of the plane y = 0, about evenly."""
    return bool(
        points[:, 1].min() < 0 < points[:, 1].max()
        and abs(np.median(points[:, 1])) < 0.2 * np.ptp(points[:, 1])
    )


def _vertices(points: np.ndarray) -> np.ndarray | None:
    """At most some 150 vertices of the convex hull; None for points without volume."""
    found = hull(points)
    if found is None:
        return None
    every = points[found.vertices]
    few = every[:: max(1, len(every) // 150)]
    return few if hull(few) is not None else every


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


def _best_cut(points: np.ndarray, symmetric: bool, worth: float) -> tuple[float, list[np.ndarray]]:
    """How much hull volume the best cut saves, and the points of its pieces; none if no cut is worth it."""
    whole = hull(points)
    if whole is None:
        return 0.0, []
    best, masks = 0.0, []
    share = np.linspace(0.1, 0.9, 9)
    cuts = [[h < c, h >= c] for h in points.T[[0, 2]] for c in np.quantile(h, share)]
    if symmetric:
        y = points[:, 1]
        cuts += [[np.abs(y) <= c, y > c, y < -c] for c in np.quantile(np.abs(y), share[2:])]
    else:
        cuts += [[points[:, 1] < c, points[:, 1] >= c] for c in np.quantile(points[:, 1], share)]
    for cut in cuts:
        if min(mask.sum() for mask in cut) < 0.04 * len(points):
            continue
        pieces = [hull(points[mask]) for mask in cut]
        volume = sum(piece.volume for piece in pieces if piece is not None)
        if volume < worth * whole.volume and whole.volume - volume > best:
            best, masks = whole.volume - volume, cut
    return best, masks


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
    return (points @ normals[:, :3].T + normals[:, 3]).max(axis=1) <= 1e-9


def _inside(kind: str, half: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Whether points lie in a solid with these half extents, the long axis of round ones being z."""
    if kind == "box":
        return np.abs(x / half).max(axis=1) <= 1
    if kind == "ellipsoid":
        return np.linalg.norm(x / half, axis=1) <= 1
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
