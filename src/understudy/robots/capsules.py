"""Capsules around a convex hull: few, close-fitting, and mirrored where the body is.

A collision capsule is the cheapest solid whose distance to another is exact and smooth. Fitted here by
least squares on two kinds of excess, both of them exact for convex solids:

- protrusion: how far a point of the hull's surface lies outside the nearest capsule;
- bulge: how far a capsule reaches beyond the hull in a direction u, which is the difference of the two
  support functions, h_capsule(u) − h_hull(u) with h(u) = max u·x. The largest over all u is the one-sided
  Hausdorff distance.

All lengths are metres, in the frame of the vertices.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.spatial import ConvexHull

from understudy.errors import ShapeError

_MIRROR = np.array([1.0, -1.0, 1.0])  # left and right swap across the plane y = 0


@dataclass(frozen=True, eq=False)
class Capsules:
    """Segments with a radius; a sphere is a capsule whose two ends coincide."""

    start: Float[np.ndarray, "capsule 3"]
    end: Float[np.ndarray, "capsule 3"]
    radius: Float[np.ndarray, "capsule"]

    def __len__(self) -> int:
        return len(self.radius)

    def mirrored(self) -> "Capsules":
        """The same capsules on the other side of the plane y = 0."""
        return Capsules(self.start * _MIRROR, self.end * _MIRROR, self.radius)

    def distance(self, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "point"]:
        """Signed distance to the union, negative inside."""
        return _to_segments(self, points)[0].min(axis=1)

    def bulge(self, vertices: Float[np.ndarray, "vertex 3"]) -> Float[np.ndarray, "capsule"]:
        """How far each capsule reaches beyond the convex hull of ``vertices``; 0 where it stays inside."""
        u = _normals(ConvexHull(vertices), 2000)
        return np.maximum(_excess(self, u, support(vertices, u))[0].max(axis=1), 0.0)

    def surface(self, per_capsule: int) -> Float[np.ndarray, "point 3"]:
        """Evenly spread points of the union's surface: so many a capsule, less those inside another one."""
        axis = self.end - self.start
        length = np.linalg.norm(axis, axis=1)
        frame = _frames(axis / np.maximum(length, 1e-12)[:, None])
        ball = directions(per_capsule)
        # A slice of given height has the same area on a sphere as on a cylinder of the same radius.
        height = ball[:, 2] * (2 * self.radius + length)[:, None] / 2
        across = np.linalg.norm(ball[:, :2], axis=1) + 1e-12
        over = np.maximum(np.abs(height) - length[:, None] / 2, 0.0)
        ring = np.sqrt(np.maximum(self.radius[:, None] ** 2 - over**2, 0.0)) / across
        local = np.stack([ball[:, 0] * ring, ball[:, 1] * ring, height], axis=-1)
        points = np.einsum("kij,kpj->kpi", frame, local) + ((self.start + self.end) / 2)[:, None]
        points = points.reshape(-1, 3)
        return points[self.distance(points) > -1e-6]


def directions(count: int) -> Float[np.ndarray, "direction 3"]:
    """Unit vectors spread evenly over the sphere (Fibonacci lattice)."""
    i = np.arange(count) + 0.5
    z = 1 - 2 * i / count
    turn = np.pi * (1 + 5**0.5) * i
    across = np.sqrt(1 - z * z)
    return np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)


def support(vertices: Float[np.ndarray, "vertex 3"], u: Float[np.ndarray, "direction 3"]) -> np.ndarray:
    """h(u) = max u·x over the vertices, (direction,)."""
    return (u @ vertices.T).max(axis=1)


def outside(points: Float[np.ndarray, "point 3"], vertices: Float[np.ndarray, "vertex 3"]) -> np.ndarray:
    """Distance (point,) to the convex hull of ``vertices``, 0 inside. Exact above facets, and elsewhere up to
    the spread of directions.
    """
    u = _normals(ConvexHull(vertices), 2000)
    return np.maximum((points @ u.T - support(vertices, u)).max(axis=1), 0.0)


def fit(
    vertices: Float[np.ndarray, "vertex 3"],
    count: int,
    symmetric: bool = False,
    floor: float | None = None,
    avoid: Float[np.ndarray, "obstacle 3"] | None = None,
    gap: float = 0.002,
    tightness: float = 1.0,
    seed: int = 0,
) -> Capsules:
    """The ``count`` capsules that fit the convex hull of ``vertices`` best.

    ``symmetric`` makes the set its own mirror image across y = 0. ``floor`` is the height of a sole: every
    capsule then lies flat and touches the plane z = floor from above, so that contact with the ground
    happens at the sole's height. ``avoid`` are points from which the capsules keep ``gap`` away: the
    surfaces of neighbours in poses without contact. ``tightness`` weighs bulge against protrusion: above 1
    the capsules shrink, below 1 they swallow more of the hull.
    """
    vertices = np.asarray(vertices, dtype=float)
    if count < 1 or vertices.ndim != 2 or vertices.shape[1] != 3 or len(vertices) < 4:
        raise ShapeError(
            f"Fitting needs a count of at least 1 and vertices (n ≥ 4, 3); got {count}, {vertices.shape}."
        )
    hull = ConvexHull(vertices)
    vertices = vertices[hull.vertices]
    rng = np.random.default_rng(seed)
    points = np.concatenate([_on_surface(hull, 500, rng), rng.permutation(vertices)[:300]])
    u = directions(400)
    problem = _Problem(
        points, u, support(vertices, u), tightness, np.zeros((0, 3)) if avoid is None else avoid, gap
    )
    layouts = _layouts(count, symmetric, floor)
    starts = [problem.improve(layout, problem.start(layout, rng), 15) for layout in layouts for _ in range(8)]
    best = sorted(starts, key=lambda found: found[0])[:3]
    finished = [problem.improve(layout, free, 200) for _, layout, free in best]
    _, layout, free = min(finished, key=lambda found: found[0])
    return _capsules(layout(free))


@dataclass(frozen=True, eq=False)
class _Layout:
    """Start, end, radius of every capsule as an affine map of the free parameters."""

    matrix: np.ndarray
    shift: np.ndarray

    def __call__(self, free: np.ndarray) -> np.ndarray:
        return self.matrix @ free + self.shift


@dataclass(frozen=True, eq=False)
class _Problem:
    points: np.ndarray
    directions: np.ndarray
    support: np.ndarray
    tightness: float
    obstacles: np.ndarray
    gap: float

    def start(self, layout: _Layout, rng: np.random.Generator) -> np.ndarray:
        """Free parameters of a random start: ends at points of the surface, pulled halfway to the centre."""
        count, centre = len(layout.shift) // 7, self.points.mean(axis=0)
        radius = np.linalg.norm(self.points - centre, axis=1).mean() / 2
        ends = centre + (rng.permutation(self.points)[: 2 * count] - centre) / 2
        full = np.concatenate([ends.reshape(count, 6), np.full((count, 1), radius)], axis=1).ravel()
        return np.linalg.lstsq(layout.matrix, full - layout.shift, rcond=None)[0]

    def improve(self, layout: _Layout, free: np.ndarray, steps: int) -> tuple[float, _Layout, np.ndarray]:
        """Cost, layout and free parameters after at most so many steps of least squares."""
        found = least_squares(
            lambda z: self._residuals(layout(z))[0],
            free,
            jac=lambda z: self._residuals(layout(z))[1] @ layout.matrix,  # pyright: ignore[reportArgumentType]
            max_nfev=steps,
            xtol=1e-6,
        )
        return float(found.cost), layout, found.x

    def _residuals(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Protrusion, bulge, nearness to obstacles and negative radii, with the Jacobian."""
        capsules = _capsules(x)
        out, d_out = _nearest(capsules, self.points)
        near, d_near = _nearest(capsules, self.obstacles)
        excess, d_excess = _bulge_rows(capsules, self.directions, self.support)
        parts = [
            (out, d_out, 1 / np.sqrt(len(out))),
            (excess, d_excess, np.sqrt(self.tightness / len(excess))),
            (self.gap - near, -d_near, 10 / np.sqrt(max(len(near), 1))),
            (1e-3 - capsules.radius, -np.eye(x.size)[6::7], 1.0),
        ]
        residual = np.concatenate([np.maximum(r, 0.0) * w for r, _, w in parts])
        jacobian = np.concatenate([(r > 0)[:, None] * j * w for r, j, w in parts])
        return residual, jacobian


def _nearest(capsules: Capsules, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance of points to the nearest capsule, with its derivative (point, parameter)."""
    distance, share, normal = _to_segments(capsules, points)
    rows, nearest = np.arange(len(points)), distance.argmin(axis=1)
    t, n = share[rows, nearest][:, None], normal[rows, nearest]
    jacobian = np.zeros((len(points), len(capsules), 7))
    jacobian[rows, nearest] = np.concatenate([(t - 1) * n, -t * n, np.full_like(t, -1.0)], axis=1)
    return distance[rows, nearest], jacobian.reshape(len(points), 7 * len(capsules))


def _bulge_rows(capsules: Capsules, u: np.ndarray, hull: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Excess of every capsule in every direction, flat, with its derivative (row, parameter)."""
    excess, at_end = _excess(capsules, u, hull)
    jacobian = np.zeros((*excess.shape, len(capsules), 7))
    each = np.arange(len(capsules))
    jacobian[each, :, each, 0:3] = np.where(at_end[..., None], 0.0, u)
    jacobian[each, :, each, 3:6] = np.where(at_end[..., None], u, 0.0)
    jacobian[each, :, each, 6] = 1.0
    return excess.ravel(), jacobian.reshape(excess.size, 7 * len(capsules))


def _capsules(x: np.ndarray) -> Capsules:
    x = x.reshape(-1, 7)
    return Capsules(x[:, 0:3], x[:, 3:6], x[:, 6])


def _to_segments(capsules: Capsules, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signed distance (point, capsule), how far along the axis (0 to 1), and the outward normal."""
    axis = capsules.end - capsules.start
    offset = points[:, None] - capsules.start
    share = (offset * axis).sum(-1) / np.maximum((axis * axis).sum(-1), 1e-12)
    share = np.clip(share, 0.0, 1.0)
    offset = offset - share[..., None] * axis
    length = np.linalg.norm(offset, axis=-1)
    return length - capsules.radius, share, offset / np.maximum(length, 1e-12)[..., None]


def _excess(capsules: Capsules, u: np.ndarray, hull: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """h_capsule(u) − h_hull(u) (capsule, direction), and whether the end reaches farther than the start."""
    start, end = capsules.start @ u.T, capsules.end @ u.T
    return np.maximum(start, end) + capsules.radius[:, None] - hull, end > start


def _layouts(count: int, symmetric: bool, floor: float | None) -> list[_Layout]:
    """All mixtures of mirrored pairs, crosswise and lengthwise capsules; or just free ones."""
    if not symmetric:
        return [_layout(["free"] * count, floor)]
    kinds = []
    for pairs, across in product(range(count // 2 + 1), range(count + 1)):
        along = count - 2 * pairs - across
        if along >= 0:
            kinds.append(["pair"] * pairs + ["across"] * across + ["along"] * along)
    return [_layout(k, floor) for k in kinds]


def _layout(kinds: list[str], floor: float | None) -> _Layout:
    blocks = [_block(kind) for kind in kinds]
    rows, columns = sum(len(b) for b in blocks), sum(b.shape[1] for b in blocks)
    matrix, r, c = np.zeros((rows, columns)), 0, 0
    for block in blocks:
        matrix[r : r + len(block), c : c + block.shape[1]] = block
        r, c = r + len(block), c + block.shape[1]
    shift = np.zeros(rows)
    if floor is not None:
        for capsule in range(rows // 7):
            for height in (7 * capsule + 2, 7 * capsule + 5):
                matrix[height] = matrix[7 * capsule + 6]
                shift[height] = floor
        matrix = matrix[:, np.abs(matrix).max(axis=0) > 0]
    return _Layout(matrix, shift)


def _block(kind: str) -> np.ndarray:
    """Parameters of one capsule (or of a mirrored pair) from its free ones."""
    eye = np.eye(7)
    if kind == "free":
        return eye
    if kind == "pair":
        return np.concatenate([eye, np.diag([1.0, -1, 1, 1, -1, 1, 1])])
    if kind == "along":  # in the plane y = 0
        return np.delete(eye, [1, 4], axis=1)
    across = np.zeros((7, 4))  # from one side to the other: the end mirrors the start
    across[[0, 1, 2, 6], [0, 1, 2, 3]] = 1.0
    across[[3, 4, 5], [0, 1, 2]] = _MIRROR
    return across


def _on_surface(hull: ConvexHull, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points drawn evenly by area from the facets of a hull."""
    a, b, c = (hull.points[hull.simplices[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    facet = rng.choice(len(area), size=count, p=area / area.sum())
    u, v = rng.random((2, count, 1))
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    return a[facet] + u * (b[facet] - a[facet]) + v * (c[facet] - a[facet])


def _normals(hull: ConvexHull, count: int) -> np.ndarray:
    """So many directions all around, and the normals of the hull's largest facets."""
    a, b, c = (hull.points[hull.simplices[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    large = np.argsort(-area)[: count // 4]
    return np.concatenate([directions(count), hull.equations[large, :3]])


def _frames(z: np.ndarray) -> np.ndarray:
    """Rotation matrices (n, 3, 3) whose third column is ``z``; a null vector gives the identity's."""
    z = np.where(np.linalg.norm(z, axis=1, keepdims=True) > 0.5, z, [0.0, 0.0, 1.0])
    helper = np.where(np.abs(z[:, :1]) < 0.9, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    x = np.cross(helper, z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=-1)
