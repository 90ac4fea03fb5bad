"""From motions to pictures: who plays, which renderer draws, and what is written on the picture."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from understudy.errors import LimitError, UnderstudyError, UnknownName
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.robots.robot import Robot
from understudy.view.camera import Camera, follow, portrait, portrait_distance
from understudy.view.contacts import side_colour
from understudy.view.human import human_actor
from understudy.view.machine import robot_actor
from understudy.view.offscreen import GLRenderer, working_backend
from understudy.view.scene import Actor, Scene, Shape
from understudy.view.software import SoftwareRenderer

RENDERERS = ("egl", "osmesa", "software")
NICER = (
    "Pictures are drawn in software, plainly: no OpenGL works on this machine. The system package libegl1 or "
    "libosmesa6 (apt-get install libosmesa6) makes them nicer."
)
SMALL = 0.5
"""Who is less than this part as tall as another one is shown at a scale of its own, where each has a picture."""
DOT = 0.014
"""Radius of the mark of a contact, as a share of the picture's height."""
INK, FAINT, PAPER = (38, 43, 51), (120, 128, 138), (255, 255, 255)


@runtime_checkable
class Renderer(Protocol):
    """Draws a fixed list of shapes at changing poses."""

    size: tuple[int, int]

    def draw(
        self,
        pos: Float[np.ndarray, "shape 3"],
        quat: Float[np.ndarray, "shape 4"],
        camera: Camera,
        shown: Bool[np.ndarray, "shape"] | None = None,
    ) -> UInt8[np.ndarray, "height width 3"]: ...

    def close(self) -> None: ...

    def __enter__(self) -> "Renderer": ...

    def __exit__(self, *_: object) -> None: ...


class Drawn(NamedTuple):
    """A written file, the renderer that drew it, and one line for the user where something would make it
    nicer."""

    path: Path
    renderer: str
    note: str | None


def choose_renderer(wanted: str | None) -> tuple[str, str | None]:
    """The renderer to use and a note for the user: the one wanted, or the best one that works on this
    machine.

    Raises UnknownName, or UnderstudyError when the one wanted does not work here.
    """
    if wanted is not None and wanted not in RENDERERS:
        raise UnknownName("renderer", wanted, RENDERERS)
    if wanted == "software":
        return wanted, None
    backend = working_backend()
    if wanted is not None and backend != wanted:
        works = f"{backend!r} and 'software' do" if backend else "'software' does"
        raise UnderstudyError(f"The renderer {wanted!r} does not work on this machine; {works}.")
    if backend is None:
        return "software", NICER
    return backend, None


def open_renderer(name: str, shapes: tuple[Shape, ...], size: tuple[int, int]) -> Renderer:
    """A renderer for these shapes; ``name`` comes from ``choose_renderer``."""
    return SoftwareRenderer(shapes, size) if name == "software" else GLRenderer(shapes, size, name)


def cast(
    motions: Sequence[HumanMotion | RobotMotion | None], robot: Robot | None = None, *, meshes: bool = False
) -> list[Actor]:
    """The actors of some clips, each in its own world and on its own clock; None stands for nobody.

    ``robot`` saves the look-up by name; ``meshes`` asks for the robot's meshes where they are installed.
    Raises LimitError when nobody is there.
    """
    actors = [
        human_actor(m) if isinstance(m, HumanMotion) else robot_actor(m, robot, meshes=meshes)
        for m in motions
        if m is not None
    ]
    if not actors:
        raise LimitError("There is nothing to show: give a human motion, a robot motion, or both.")
    return actors


def shots(
    scene: Scene, size: tuple[int, int], renderer: str
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Every frame of a scene as a captioned picture."""
    cameras = follow(scene, size)
    pos, quat = scene.pos, scene.quat
    with open_renderer(renderer, scene.shapes, size) as draw:
        for frame, camera in enumerate(cameras):
            picture = draw.draw(pos[frame], quat[frame], camera)
            yield _captioned(picture, scene, frame, camera, letter=0.034)


def stills(
    scene: Scene, frames: Sequence[int], size: tuple[int, int], renderer: str
) -> list[UInt8[np.ndarray, "height width 3"]]:
    """Pictures of some frames of a scene, with captions that can be read when they are shown small."""
    cameras = follow(scene, size)
    pos, quat = scene.pos, scene.quat
    with open_renderer(renderer, scene.shapes, size) as draw:
        return [
            _captioned(draw.draw(pos[f], quat[f], cameras[f]), scene, f, cameras[f], letter=0.058)
            for f in frames
        ]


def strip(
    scene: Scene, frames: Sequence[int], size: tuple[int, int], renderer: str
) -> list[list[np.ndarray]]:
    """Portraits of every actor at some frames, all at one scale and from one side, so that poses compare.

    Who is much smaller than another, as a tabletop robot is, is shown at a scale of its own.
    """
    tall = [float((a.pos[..., 2] + a.bounds()[1]).max()) for a in scene.actors]
    small = [own < SMALL * max(tall) for own in tall]
    pos, quat = scene.pos, scene.quat
    rows = []
    with open_renderer(renderer, scene.shapes, size) as draw:
        for i, actor in enumerate(scene.actors):
            peers = [k for k in range(len(tall)) if k == i or not (small[i] or small[k])]
            height = 0.47 * min(max(tall[k] for k in peers), 2.4)
            distance = max(portrait_distance(scene.actors[k], scene.view, height, size) for k in peers)
            cameras = [portrait(actor, f, scene.view, distance, height) for f in frames]
            mask = scene.mask(i)
            row = []
            for f, camera in zip(frames, cameras, strict=True):
                image = Image.fromarray(draw.draw(pos[f], quat[f], camera, mask))
                _mark(ImageDraw.Draw(image), actor, f, camera)
                row.append(np.asarray(image))
            rows.append(row)
    return rows


def text(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    words: str,
    *,
    size: float,
    ink: tuple[int, int, int] = INK,
    anchor: str = "mm",
) -> None:
    """Write at a point; ``size`` in pixels, ``anchor`` as Pillow names them."""
    pen.text(at, words, fill=ink, font=ImageFont.load_default(size), anchor=anchor)


def apart(middles: Float[np.ndarray, "n"], widths: Sequence[float], gap: float) -> list[float]:
    """Middles of words on a line, in the order given, moved no more than it takes to keep them ``gap`` apart."""
    placed = [float(x) for x in middles]
    for k in range(1, len(placed)):
        lack = placed[k - 1] + 0.5 * (widths[k - 1] + widths[k]) + gap - placed[k]
        if lack > 0:
            placed = [x - lack / 2 for x in placed[:k]] + [x + lack / 2 for x in placed[k:]]
    return placed


def clock(seconds: float) -> str:
    """A time stamp: ``3.25 s``, and ``1:03.25`` from a minute on."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    return f"{int(seconds // 60)}:{seconds % 60:05.2f}"


def _mark(pen: ImageDraw.ImageDraw, actor: Actor, frame: int, camera: Camera) -> None:
    """A dot on every part of a body that touches the floor, in the colour of its side."""
    width, height = pen.im.size
    radius = max(DOT * height, 2.5)
    for name, point in () if actor.marks is None else actor.marks.now(frame):
        (x, y), _ = camera.project(point.astype(np.float64), (width, height))
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(box, fill=side_colour(name), outline=PAPER, width=max(1, round(radius / 3)))


def _captioned(picture: np.ndarray, scene: Scene, frame: int, camera: Camera, *, letter: float) -> np.ndarray:
    """Write names and time on a picture, in letters of a share of its height."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for actor in scene.actors:
        _mark(pen, actor, frame, camera)
    width, height = image.size
    size = max(height * letter, 9)
    names = [actor.label for actor in scene.actors]
    roots = np.array([actor.root[frame] for actor in scene.actors], np.float64)
    wide = [pen.textlength(name, font=ImageFont.load_default(size)) for name in names]
    under = np.clip(camera.project(roots, (width, height))[0][:, 0], 0.1 * width, 0.9 * width)
    for x, name in zip(apart(under, wide, 0.5 * size), names, strict=True):
        text(pen, (x, height - 1.3 * size), name, size=size)
    text(pen, (width - size, 1.3 * size), clock(frame / scene.fps), size=size, ink=FAINT, anchor="rm")
    return np.asarray(image)
