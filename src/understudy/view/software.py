"""Pictures without OpenGL: every shape is met by the rays of its own part of the picture, in numpy.

The nearest hit wins (a depth buffer), and light falls by Lambert's law from one side and from the sky. Bodies
are drawn at twice the resolution and averaged, so that edges are smooth; the floor is ``ground.py``.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from understudy.rotations import quat_to_matrix
from understudy.view.camera import Camera, focal
from understudy.view.ground import GAMMA, floor, shadow
from understudy.view.intersect import HIT
from understudy.view.scene import Shape

OVERSAMPLING = 2
LIGHT = (-0.45, 0.35, 0.82)
"""Direction towards the light: to the camera's right, level towards it, up."""
_UP = np.array([0, 0, 1], np.float32)


class SoftwareRenderer:
    """Draws shapes in numpy. Meshes are drawn as capsules of their size."""

    def __init__(self, shapes: tuple[Shape, ...], size: tuple[int, int]):
        self.size = size
        self._width, self._height = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING
        self._solids = [_without_mesh(shape) for shape in shapes]
        self._colours = np.array([s.colour for s in shapes], np.float32).reshape(-1, 3) ** GAMMA
        placed = [_placement(shape) for shape in shapes]
        self._offset = np.array([offset for offset, _ in placed], np.float32).reshape(-1, 3)
        self._turn = np.array([turn for _, turn in placed], np.float32).reshape(-1, 3, 3)
        spines = [_spine(solid) for solid in self._solids]
        self._axis = np.array([axis for axis, _, _ in spines], np.float32).reshape(-1, 3)
        self._thickness = np.array([thickness for _, thickness, _ in spines], np.float32)
        self._bound = np.array([bound for _, _, bound in spines], np.float32)

    def draw(
        self,
        pos: Float[np.ndarray, "shape 3"],
        quat: Float[np.ndarray, "shape 4"],
        camera: Camera,
        shown: Bool[np.ndarray, "shape"] | None = None,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture of the shapes at these world poses; ``shown`` leaves some of them out."""
        drawn = np.arange(len(self._solids)) if shown is None else np.flatnonzero(shown)
        frames = quat_to_matrix(np.asarray(quat, np.float32)[drawn])
        places = np.asarray(pos, np.float32)[drawn] + np.einsum("nij,nj->ni", frames, self._offset[drawn])
        frames = frames @ self._turn[drawn]
        reach = np.einsum("nij,nj->ni", frames, self._axis[drawn])
        spines = np.stack([places - reach, places + reach], axis=1)
        light = _light(camera)
        shade = shadow(spines, self._thickness[drawn], camera, light)
        picture = floor(camera, self.size, shade)
        self._draw_bodies(picture, drawn, places, frames, spines, camera, light)
        return (np.clip(picture, 0, 1) ** (1 / GAMMA) * 255 + 0.5).astype(np.uint8)

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> "SoftwareRenderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _draw_bodies(
        self,
        picture: Float[np.ndarray, "height width 3"],
        drawn: Int[np.ndarray, "drawn"],
        places: Float[np.ndarray, "drawn 3"],
        frames: Float[np.ndarray, "drawn 3 3"],
        spines: Float[np.ndarray, "drawn 2 3"],
        camera: Camera,
        light: Float[np.ndarray, "3"],
    ) -> None:
        """Paint the bodies over the picture, which holds linear colours."""
        depth = np.full((self._height, self._width), np.inf, np.float32)
        shaded = np.zeros((self._height, self._width, 3), np.float32)
        boxes = self._boxes(spines, self._bound[drawn], camera)
        to_local = frames.swapaxes(1, 2)
        axes = to_local @ camera.axes.astype(np.float32)
        origins = np.einsum("nij,nj->ni", to_local, camera.eye.astype(np.float32) - places)
        lights, ups = to_local @ light, to_local @ _UP
        f = focal(camera.fovy, self._height)
        x = (np.arange(self._width, dtype=np.float32) + 0.5 - self._width / 2) / f
        y = (self._height / 2 - np.arange(self._height, dtype=np.float32) - 0.5) / f
        visible = np.flatnonzero((boxes[:, 0] < boxes[:, 1]) & (boxes[:, 2] < boxes[:, 3]))
        for n in visible:
            left, right, top, bottom = boxes[n]
            # Rays have length one along the view axis, so the ray parameter is the depth.
            across, up, back = axes[n].T
            rays = x[left:right, None] * across + (y[top:bottom, None, None] * up - back)
            solid = self._solids[drawn[n]]
            rows, columns, t, normal = HIT[solid.kind](rays, origins[n], solid.size)
            rows, columns = rows + top, columns + left
            nearer = t < depth[rows, columns]
            rows, columns = rows[nearer], columns[nearer]
            depth[rows, columns] = t[nearer]
            shaded[rows, columns] = _shade(normal[nearer], lights[n], ups[n], self._colours[drawn[n]])
        if len(visible):
            self._blend(picture, shaded, depth < np.inf, boxes[visible])

    def _blend(self, picture: np.ndarray, shaded: np.ndarray, hit: np.ndarray, boxes: np.ndarray) -> None:
        """Average the oversampled bodies onto the part of the picture that they can touch."""
        n = OVERSAMPLING
        left, top = boxes[:, 0].min() // n, boxes[:, 2].min() // n
        right, bottom = -(-boxes[:, 1].max() // n), -(-boxes[:, 3].max() // n)
        fine = np.s_[top * n : bottom * n, left * n : right * n]
        colour, cover = _mean_of_blocks(shaded[fine]), _mean_of_blocks(hit[fine].astype(np.float32))
        part = picture[top:bottom, left:right]
        part *= (1 - cover)[..., None]
        part += colour

    def _boxes(
        self, spines: Float[np.ndarray, "drawn 2 3"], radius: Float[np.ndarray, "drawn"], camera: Camera
    ) -> Int[np.ndarray, "drawn 4"]:
        """Columns and rows (from, to, from, to) that hold a capsule; none for one that reaches the camera."""
        size = np.array([self._width, self._height])
        pixels, depth = camera.project(spines, (self._width, self._height))
        radius = radius[:, None]
        ahead = np.all(depth > 1.05 * radius, axis=1)
        # Towards the corner of the picture a ball looks longer than it is wide.
        f = focal(camera.fovy, self._height)
        slant = np.sqrt(1 + (np.linalg.norm(size) / 2 / f) ** 2)
        half = f * radius / np.sqrt(np.maximum(depth**2 - radius**2, 1e-6)) * slant + 1
        low = np.floor((pixels - half[..., None]).min(axis=1))
        high = np.ceil((pixels + half[..., None]).max(axis=1))
        low, high = np.clip(low, 0, size), np.clip(high, 0, size)
        box = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1).astype(int)
        return np.where(ahead[:, None], box, 0)


def _without_mesh(shape: Shape) -> Shape:
    """A mesh becomes a capsule of the same length and mean thickness; anything else stays what it is."""
    if shape.mesh is None:
        return shape
    thin, middle, long = sorted(shape.size)
    radius = (thin + middle) / 2
    return Shape("capsule", (radius, max(long - radius, 0.0), 0.0), shape.colour)


def _placement(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Where the solid is in the shape's frame: a mesh's capsule lies along the longest side of its box."""
    if shape.mesh is None:
        return np.zeros(3), np.eye(3)
    long = int(np.argmax(shape.size))
    return np.asarray(shape.centre), np.roll(np.eye(3), long - 2, axis=0)


def _spine(solid: Shape) -> tuple[np.ndarray, float, float]:
    """A segment through the middle, from −axis to +axis in the solid's frame, the mean thickness around it,
    and the radius of a capsule around it that holds the solid (m)."""
    if solid.kind in ("capsule", "cylinder"):
        return np.array([0, 0, solid.size[1]]), solid.size[0], solid.size[0]
    long = int(np.argmax(solid.size))
    others = [s for i, s in enumerate(solid.size) if i != long]
    if solid.kind == "ellipsoid":
        half, bound = max(solid.size[long] - max(others), 0.0), max(others)
    else:
        half, bound = solid.size[long], float(np.hypot(others[0], others[1]))
    return half * np.eye(3)[long], float(np.mean(others)), bound


def _light(camera: Camera) -> Float[np.ndarray, "3"]:
    """The unit vector towards the light in the world: over the left shoulder of whoever looks."""
    right, _, back = camera.axes.T
    level = back * [1, 1, 0] / np.linalg.norm(back[:2])
    light = LIGHT[0] * right + LIGHT[1] * level + LIGHT[2] * _UP
    return (light / np.linalg.norm(light)).astype(np.float32)


def _shade(
    normal: Float[np.ndarray, "hit 3"], light: np.ndarray, up: np.ndarray, colour: np.ndarray
) -> Float[np.ndarray, "hit 3"]:
    """Linear colour under one lamp and a sky that is brighter than the floor; all in one frame."""
    lamp = np.maximum(normal @ light, 0)
    gloss = 0.09 * lamp**24
    return (0.70 * lamp + 0.37 + 0.15 * (normal @ up))[:, None] * colour + gloss[:, None]


def _mean_of_blocks(fine: np.ndarray) -> np.ndarray:
    """Mean over blocks of OVERSAMPLING × OVERSAMPLING pixels."""
    n = OVERSAMPLING
    total = fine[::n, ::n].copy()
    for i, j in [(i, j) for i in range(n) for j in range(n)][1:]:
        total += fine[i::n, j::n]
    return total / np.float32(n * n)
