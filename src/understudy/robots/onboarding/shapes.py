"""Points spread evenly over the surfaces of a compiled model's geoms: all that onboarding knows of their shape."""

import mujoco
import numpy as np
from jaxtyping import Float
from scipy.spatial import ConvexHull, QhullError

_GEOM = mujoco.mjtGeom


def body_points(
    model: mujoco.MjModel, body: int, count: int, rng: np.random.Generator
) -> Float[np.ndarray, "point 3"]:
    """About ``count`` points on the geoms that one sees of a body, in its frame; none for a body without geoms.

    Geoms that take no part in contacts are what one sees. A body that has none shows what it collides with.
    """
    geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == body and _is_solid(model, g)]
    seen = [g for g in geoms if model.geom_contype[g] == 0 and model.geom_conaffinity[g] == 0]
    seen = [g for g in seen if model.geom_rgba[g, 3] > 0] or geoms
    triangles = [_placed(model, g, geom_triangles(model, g)) for g in seen]
    if not triangles:
        return np.zeros((0, 3))
    every = np.concatenate(triangles)
    corners = np.concatenate([_corners(t) for t in triangles])
    return np.concatenate([sample(every, count, rng), corners])


def sample(
    triangles: Float[np.ndarray, "triangle 3 3"], count: int, rng: np.random.Generator
) -> Float[np.ndarray, "point 3"]:
    """Points drawn evenly by area."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if area.sum() <= 0:
        return a[:count]
    k = rng.choice(len(area), size=count, p=area / area.sum())
    u, v = rng.random((2, count, 1))
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    return a[k] + u * (b[k] - a[k]) + v * (c[k] - a[k])


def geom_triangles(model: mujoco.MjModel, geom: int) -> Float[np.ndarray, "triangle 3 3"]:
    """The surface of a mesh or primitive, in the geom's frame."""
    kind, size = model.geom_type[geom], model.geom_size[geom]
    if kind == _GEOM.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        v, f = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
        vertices = model.mesh_vert[v : v + model.mesh_vertnum[mesh]].astype(float)
        return vertices[model.mesh_face[f : f + model.mesh_facenum[mesh]]]
    if kind == _GEOM.mjGEOM_BOX:
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
        return _hull_triangles(corners * size)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], axis=1)
    if kind == _GEOM.mjGEOM_CYLINDER:
        half = np.array([0, 0, size[1]])
        return _hull_triangles(np.concatenate([size[0] * ring + half, size[0] * ring - half]))
    tilt = np.linspace(-np.pi / 2, np.pi / 2, 13)[1:-1]
    ball = np.concatenate([ring * np.cos(t) + (0, 0, np.sin(t)) for t in tilt] + [[[0, 0, 1], [0, 0, -1]]])
    if kind == _GEOM.mjGEOM_CAPSULE:
        shift = np.where(ball[:, 2:] >= 0, 1.0, -1.0) * np.array([0, 0, size[1]])
        return _hull_triangles(np.concatenate([size[0] * ball + shift]))
    return _hull_triangles(ball * (size if kind == _GEOM.mjGEOM_ELLIPSOID else size[0]))


def hull(points: Float[np.ndarray, "point 3"]) -> ConvexHull | None:
    """The convex hull, or None for points that span no volume."""
    if len(points) < 4 or np.ptp(points, axis=0).max() < 1e-5:
        return None
    try:
        return ConvexHull(points)
    except QhullError:
        return None


def _is_solid(model: mujoco.MjModel, geom: int) -> bool:
    return model.geom_type[geom] not in (_GEOM.mjGEOM_PLANE, _GEOM.mjGEOM_HFIELD, _GEOM.mjGEOM_SDF)


def _hull_triangles(points: np.ndarray) -> np.ndarray:
    found = ConvexHull(points)
    return points[found.simplices]


def _placed(model: mujoco.MjModel, geom: int, triangles: np.ndarray) -> np.ndarray:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, model.geom_quat[geom])
    return triangles @ matrix.reshape(3, 3).T + model.geom_pos[geom]


def _corners(triangles: np.ndarray) -> np.ndarray:
    """Where the surface reaches farthest: the vertices of its hull, at most some two hundred."""
    points = triangles.reshape(-1, 3)
    found = hull(points)
    corners = points if found is None else points[found.vertices]
    return corners[:: max(1, len(corners) // 200)]
