"""What the software renderer draws behind the bodies: a tiled floor with their shadow, and the sky."""

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFilter

from understudy.view.camera import Camera, focal

GAMMA = 2.0
"""Light adds up in linear colours, which are sRGB values to this power; two, because its root is quick."""
SKY = np.array([250, 251, 252], np.float32) / 255
TILES = np.array([[0.870, 0.885, 0.905], [0.805, 0.825, 0.850]], np.float32)
DARKEST = 0.62
"""The share of light that a full shadow takes away."""
HAZE = (7.0, 20.0)
"""The floor fades into the sky between these distances (m)."""
SPAN, CELLS = 7.0, 384
"""Side (m) of the square of floor that carries the shadow, around the camera's target, and its resolution."""


def floor(camera: Camera, size: tuple[int, int], shade: Image.Image) -> Float[np.ndarray, "height width 3"]:
    """Linear colours of the floor z = 0 and the sky; ``shade`` comes from ``shadow``."""
    width, height = size
    f = focal(camera.fovy, height)
    right, up, back = camera.axes.T
    x = (np.arange(width) + 0.5 - width / 2) / f
    y = (height / 2 - np.arange(height) - 0.5) / f
    # The camera is upright, so a whole row of pixels falls equally fast and meets the floor at one depth.
    fall = back[2] - y * up[2]
    rows = np.flatnonzero(fall > 1e-4)
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = SKY**GAMMA
    if camera.eye[2] <= 0 or not len(rows):
        return picture
    depth = (camera.eye[2] / fall[rows])[:, None]
    ahead = (y[rows, None] * up - back)[:, None, :2]
    ground = (camera.eye[:2] + depth[..., None] * (x[:, None] * right[:2] + ahead)).astype(np.float32)
    # A tile's edge is blurred over the length of a pixel on the floor.
    blur = (depth / f * (1 + depth / camera.eye[2])).astype(np.float32)
    parity = _square_wave(ground[..., 0], blur) * _square_wave(ground[..., 1], blur)
    bright = (1 - DARKEST * _cast(shade, camera, x, y[rows], 1 / f))[..., None]
    light, dark = TILES**GAMMA
    fade = np.clip((depth - HAZE[0]) / (HAZE[1] - HAZE[0]), 0, 1).astype(np.float32)[..., None]
    tiles = ((light + dark) / 2 + parity[..., None] * ((light - dark) / 2)) * bright
    picture[rows] = tiles * (1 - fade) + SKY**GAMMA * fade
    return picture


def shadow(
    spines: Float[np.ndarray, "shape 2 3"],
    radius: Float[np.ndarray, "shape"],
    camera: Camera,
    light: Float[np.ndarray, "3"],
) -> Image.Image:
    """How dark the floor around the camera's target is, under capsules (m, world) in a slanting
    light."""
    canvas = Image.new("L", (CELLS, CELLS))
    pen = ImageDraw.Draw(canvas)
    scale = CELLS / SPAN
    fallen = spines[..., :2] - light[:2] * (np.maximum(spines[..., 2:], 0) / light[2])
    ends = ((fallen - camera.target[:2] + SPAN / 2) * scale).tolist()
    for ((x0, y0), (x1, y1)), w in zip(ends, (radius * scale).tolist(), strict=True):
        pen.line((x0, y0, x1, y1), fill=255, width=max(int(2 * w), 1))
        pen.ellipse((x0 - w, y0 - w, x0 + w, y0 + w), fill=255)
        pen.ellipse((x1 - w, y1 - w, x1 + w, y1 + w), fill=255)
    return canvas.filter(ImageFilter.GaussianBlur(2.2))


def _square_wave(x: np.ndarray, blur: np.ndarray) -> np.ndarray:
    """±1 in turn for every unit of x, averaged over a window ``blur`` wide."""
    half = np.clip(blur, 1e-4, 1.0) / 2

    def triangle(u: np.ndarray) -> np.ndarray:
        return np.abs(u - 2 * np.floor(u / 2) - 1)

    return (triangle(x - half) - triangle(x + half)) / (2 * half)


def _cast(
    shade: Image.Image, camera: Camera, x: np.ndarray, y: np.ndarray, step: float
) -> Float[np.ndarray, "row column"]:
    """The shade as the camera sees it on the floor, at rays ``x`` (right) and ``y`` (up, all below the
    horizon).

    Floor and picture are two planes, so one is a projective map of the other, which Pillow applies at once.
    """
    right, up, back = camera.axes.T
    # Cell coordinates times how fast the ray falls are linear in x and y; so is the fall itself.
    start = camera.eye[:2] - camera.target[:2] + SPAN / 2
    scale = CELLS / SPAN
    by_x = scale * camera.eye[2] * right[:2]
    by_y = scale * (camera.eye[2] * up[:2] - start * up[2])
    constant = scale * (start * back[2] - camera.eye[2] * back[:2])
    # Pillow begins at the corner of its first pixel; here that is the lowest row, where rays fall steepest.
    corner = np.array([x[0] - step / 2, y[-1] - step / 2])
    fall = back[2] - corner[1] * up[2]
    rows = [
        (by_x[i] * step, by_y[i] * step, constant[i] + by_x[i] * corner[0] + by_y[i] * corner[1])
        for i in (0, 1)
    ]
    coefficients = [c / fall for row in rows for c in row] + [0.0, -up[2] * step / fall]
    seen = shade.transform(
        (len(x), len(y)), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(seen, np.float32)[::-1] / 255
