"""Pictures without OpenGL: every shape is met by the rays of its own part of the picture, in numpy.

The nearest hit wins (a depth buffer), light falls by Lambert's law from one side and from the sky, and the
bodies cast a soft shadow on a tiled floor. Shapes are drawn at twice the resolution and averaged, so that
edges are smooth.
"""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import map_coordinates

from understudy.rotations import quat_to_matrix
from understudy.view.camera import Camera, focal
from understudy.view.intersect import HIT
from understudy.view.scene import Shape

OVERSAMPLING = 2
LIGHT = np.array([-0.45, 0.35, 0.82], np.float32)  # towards it: to the camera's right, back to it, up
SKY = np.array([250, 251, 252], np.float32) / 255
TILES = np.array([[0.870, 0.885, 0.905], [0.805, 0.825, 0.850]], np.float32)
HAZE = (7.0, 20.0)  # the floor fades into the sky between these distances (m)
SHADOW_SPAN, SHADOW_PIXELS = 6.0, 320  # side of the square of floor that carries the shadow (m, pixels)


class SoftwareRenderer:
    """Draws shapes in numpy. Meshes are drawn as capsules of their size."""

    def __init__(self, shapes: tuple[Shape, ...], size: tuple[int, int]):
        self.size = size
        self._shapes = [_simple(shape) for shape in shapes]
        self._colours = np.array([s.colour for s in shapes], np.float32) ** 2.2
        self._width, self._height = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING

    def draw(
        self,
        pos: Float[np.ndarray, "shape 3"],
        quat: Float[np.ndarray, "shape 4"],
        camera: Camera,
        shown: Bool[np.ndarray, "shape"] | None = None,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture of the shapes at these world poses; ``shown`` leaves some of them out."""
        drawn = range(len(self._shapes)) if shown is None else np.flatnonzero(shown)
        rotation = quat_to_matrix(np.asarray(quat, np.float32))
        poses = [_pose(self._shapes[i], pos[i], rotation[i]) for i in drawn]
        light = _light(camera)
        floor = self._floor(camera, self._shadow(drawn, poses, camera, light))
        colour, cover = self._bodies(drawn, poses, camera, light)
        picture = floor * (1 - cover[..., None]) + colour
        return (np.clip(picture, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> "SoftwareRenderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bodies(
        self,
        drawn: range | np.ndarray,
        poses: list[tuple[np.ndarray, np.ndarray]],
        camera: Camera,
        light: np.ndarray,
    ) -> tuple[Float[np.ndarray, "height width 3"], Float[np.ndarray, "height width"]]:
        """Linear colour, multiplied by coverage, and coverage."""
        depth = np.full((self._height, self._width), np.inf, np.float32)
        shaded = np.zeros((self._height, self._width, 3), np.float32)
        axes = camera.axes.astype(np.float32)
        eye = camera.eye.astype(np.float32)
        f = focal(camera.fovy, self._height)
        for i, (p, r) in zip(drawn, poses, strict=True):
            shape = self._shapes[i]
            box = self._box(p, shape.reach, camera, f)
            if box is None:
                continue
            x0, x1, y0, y1 = box
            x = (np.arange(x0, x1, dtype=np.float32) + 0.5 - self._width / 2) / f
            y = (self._height / 2 - np.arange(y0, y1, dtype=np.float32) - 0.5) / f
            # Rays have length one along the view axis, so the ray parameter is the depth.
            to_local = r.T
            right, up, back = (to_local @ axes).T
            rays = x[None, :, None] * right + (y[:, None, None] * up - back)
            origin = to_local @ (eye - p)
            rows, columns, t, normal = HIT[shape.kind](rays, origin, shape.size)
            rows, columns = rows + y0, columns + x0
            nearer = t < depth[rows, columns]
            rows, columns = rows[nearer], columns[nearer]
            depth[rows, columns] = t[nearer]
            shaded[rows, columns] = _shade(normal[nearer], r.T @ light, to_local @ _UP, self._colours[i])
        cover = np.isfinite(depth).astype(np.float32)
        return _halve(shaded), _halve(cover)

    def _box(self, p: np.ndarray, reach: float, camera: Camera, f: float) -> tuple[int, int, int, int] | None:
        """The part of the picture that a ball can cover: x from, x to, y from, y to; None if it is out of
        view."""
        (x, y), depth = camera.project(p, (self._width, self._height))
        if depth <= reach * 1.05:
            return None
        # The outline of a ball is a little wider than its radius, since the eye sees it from nearby.
        radius = (
            f
            * reach
            / np.sqrt(depth**2 - reach**2)
            * (1 + 0.5 * (max(self._width, self._height) / f / 2) ** 2)
            + 1
        )
        x0, x1 = int(max(x - radius, 0)), int(min(x + radius + 1, self._width))
        y0, y1 = int(max(y - radius, 0)), int(min(y + radius + 1, self._height))
        return (x0, x1, y0, y1) if x0 < x1 and y0 < y1 else None

    def _floor(self, camera: Camera, shadow: np.ndarray) -> Float[np.ndarray, "height width 3"]:
        """Linear colours of the tiled floor and of the sky above it, in the picture's own resolution."""
        width, height = self.size
        f = focal(camera.fovy, height)
        x = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / f)[None, :, None]
        y = ((height / 2 - np.arange(height, dtype=np.float32) - 0.5) / f)[:, None, None]
        right, up, back = camera.axes.astype(np.float32).T
        rays = x * right + (y * up - back)
        t = camera.eye[2].astype(np.float32) / np.maximum(-rays[..., 2], 1e-4)
        ground = camera.eye[:2].astype(np.float32) + t[..., None] * rays[..., :2]
        # A tile's edge is blurred over the width of a pixel on the floor.
        blur = np.maximum(t / f * (1.0 + t / max(float(camera.eye[2]), 0.1)), 1e-4)
        parity = _square_wave(ground[..., 0], blur) * _square_wave(ground[..., 1], blur)
        light, dark = TILES**2.2
        colour = (light + dark) / 2 + parity[..., None] * (light - dark) / 2
        colour = (
            colour * (1 - 0.62 * _look_up(shadow, ground - camera.target[:2].astype(np.float32)))[..., None]
        )
        fade = np.clip((t - HAZE[0]) / (HAZE[1] - HAZE[0]), 0, 1)
        fade = np.where(rays[..., 2] < 0, fade, 1.0)[..., None]
        return colour * (1 - fade) + SKY**2.2 * fade

    def _shadow(
        self,
        drawn: range | np.ndarray,
        poses: list[tuple[np.ndarray, np.ndarray]],
        camera: Camera,
        light: np.ndarray,
    ) -> Float[np.ndarray, "pixel pixel"]:
        """How dark the floor is around the camera's target, in [0, 1]."""
        canvas = Image.new("L", (SHADOW_PIXELS, SHADOW_PIXELS))
        pen = ImageDraw.Draw(canvas)
        scale = SHADOW_PIXELS / SHADOW_SPAN
        for i, (p, r) in zip(drawn, poses, strict=True):
            ends, radius = _spine(self._shapes[i], p, r)
            ends = ends - light * np.maximum(ends[:, 2:], 0) / light[2]
            (x0, y0), (x1, y1) = (ends[:, :2] - camera.target[:2] + SHADOW_SPAN / 2) * scale
            w = radius * scale
            pen.line((x0, y0, x1, y1), fill=255, width=max(int(2 * w), 1))
            for x, y in ((x0, y0), (x1, y1)):
                pen.ellipse((x - w, y - w, x + w, y + w), fill=255)
        return np.asarray(canvas.filter(ImageFilter.GaussianBlur(2.2)), np.float32) / 255


_UP = np.array([0, 0, 1], np.float32)


def _simple(shape: Shape) -> Shape:
    """Meshes become a capsule of the same length and mean thickness; anything else stays what it is."""
    if shape.mesh is None:
        return shape
    order = np.argsort(shape.size)
    radius = float(np.mean([shape.size[order[0]], shape.size[order[1]]]))
    return Shape(
        "capsule",
        (radius, max(shape.size[order[2]] - radius, 0.0), 0.0),
        shape.colour,
        shape.mesh,
        shape.centre,
    )


def _pose(shape: Shape, p: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World position and rotation of what is drawn; a mesh's capsule lies along its longest side."""
    p, r = np.asarray(p, np.float32), np.asarray(r, np.float32)
    if shape.mesh is None:
        return p, r
    half = np.ptp(shape.mesh.vertices, axis=0)
    turn = np.roll(np.eye(3, dtype=np.float32), int(np.argmax(half)) - 2, axis=0)
    return p + r @ np.asarray(shape.centre, np.float32), r @ turn


def _light(camera: Camera) -> Float[np.ndarray, "3"]:
    """The unit vector towards the light in the world: over the left shoulder of whoever looks."""
    right, _, back = camera.axes.T
    forward = -back * [1, 1, 0]
    forward = forward / np.linalg.norm(forward)
    light = LIGHT[0] * right - LIGHT[1] * forward + LIGHT[2] * _UP
    return (light / np.linalg.norm(light)).astype(np.float32)


def _shade(normal: np.ndarray, light: np.ndarray, up: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Linear colour under one lamp and a brighter sky than floor; everything in the shape's frame."""
    lamp = np.maximum(normal @ light, 0)
    sky = 0.5 + 0.5 * (normal @ up)
    gloss = 0.10 * lamp**24
    return (0.70 * lamp + 0.22 + 0.30 * sky)[:, None] * colour + gloss[:, None]


def _spine(shape: Shape, p: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, float]:
    """A segment (2, 3) and a radius (m) that stand for the shape when it casts its shadow."""
    if shape.kind in ("capsule", "cylinder"):
        radius, half = shape.size[:2]
        axis = r[:, 2]
    else:
        long = int(np.argmax(shape.size))
        radius = float((np.sum(shape.size) - shape.size[long]) / 2)
        half = max(shape.size[long] - radius, 0.0)
        axis = r[:, long]
    return np.stack([p - half * axis, p + half * axis]), float(radius)


def _square_wave(x: np.ndarray, blur: np.ndarray) -> np.ndarray:
    """±1 in turn for every unit of x, averaged over a window ``blur`` wide."""
    half = np.clip(blur, 1e-4, 1.0) / 2

    def triangle(u: np.ndarray) -> np.ndarray:
        return np.abs(np.mod(u, 2.0) - 1.0)

    return (triangle(x - half) - triangle(x + half)) / (2 * half)


def _look_up(shadow: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Bilinear samples of the shadow at offsets (m) from its middle; zero outside."""
    at = (offset + SHADOW_SPAN / 2) * (SHADOW_PIXELS / SHADOW_SPAN) - 0.5
    inside = np.abs(offset).max(axis=-1) < SHADOW_SPAN / 2
    out = np.zeros(offset.shape[:-1], np.float32)
    out[inside] = map_coordinates(shadow, at[inside][:, ::-1].T, order=1, mode="constant")
    return out


def _halve(picture: np.ndarray) -> np.ndarray:
    """Mean over blocks of OVERSAMPLING × OVERSAMPLING pixels."""
    n = OVERSAMPLING
    return sum(picture[i::n, j::n] for i in range(n) for j in range(n)) / n**2
