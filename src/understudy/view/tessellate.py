"""Shapes as triangles, for viewers that draw nothing else."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from understudy.view.scene import Mesh, Shape

ROUND = 20
"""Corners of a circle."""


def tessellate(shape: Shape) -> Mesh:
    """The surface of a shape in its own frame (m), triangles counter-clockwise seen from outside."""
    if shape.mesh is not None:
        return shape.mesh
    if shape.kind == "box":
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
        # Every triangle has corners of its own, so that viewers which smooth normals keep the edges sharp.
        return Mesh(
            (corners * np.asarray(shape.size, np.float32))[_BOX].reshape(-1, 3), np.arange(36).reshape(12, 3)
        )
    radius, half = shape.size[:2]
    if shape.kind == "ellipsoid":
        ball = _turned(*_arc(1.0, 0.0))
        return Mesh(ball.vertices * np.asarray(shape.size, np.float32), ball.faces)
    if shape.kind == "capsule":
        return _turned(*_arc(radius, half))
    # The rims are doubled for the same reason.
    return _turned(np.array([0, radius, radius, radius, radius, 0]), np.array([-half] * 3 + [half] * 3))


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes of one frame as one."""
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + start for m, start in zip(meshes, starts, strict=True)]).astype(np.int32),
    )


def _arc(radius: float, half: float) -> tuple[Float[np.ndarray, "ring"], Float[np.ndarray, "ring"]]:
    """Distances from the z axis and heights of a capsule's outline, from the lower pole to the upper one."""
    quarter = np.linspace(0, np.pi / 2, ROUND // 4 + 1)
    # A ball has one equator; a capsule has two, which begin and end its straight wall.
    lower = -quarter[:0:-1] if half == 0 else -quarter[::-1]
    angle = np.concatenate([lower, quarter])
    shift = np.repeat([-half, half], [len(lower), len(quarter)])
    return radius * np.cos(angle), radius * np.sin(angle) + shift


def _turned(distance: Float[np.ndarray, "ring"], height: Float[np.ndarray, "ring"]) -> Mesh:
    """The surface of an outline, from axis to axis, turned about the z axis."""
    turn = np.arange(ROUND) * (2 * np.pi / ROUND)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    flat = distance[:, None, None] * circle
    rings = np.concatenate([flat, np.broadcast_to(height[:, None, None], (*flat.shape[:2], 1))], axis=2)
    i, j = np.arange(len(distance) - 1)[:, None], np.arange(ROUND)[None]
    a, b = i * ROUND + j, i * ROUND + (j + 1) % ROUND
    quads = np.stack([a, b, b + ROUND, a + ROUND], axis=-1).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return Mesh(rings.reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


_BOX: Int[np.ndarray, "12 3"] = np.array(
    [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ],
    np.int32,
)  # fmt: skip
