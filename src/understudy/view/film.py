"""A film, or a sheet of moments, of a human and the robot that plays the same part."""

from collections.abc import Callable, Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from understudy.errors import LimitError
from understudy.motion.files import atomic_path
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.robots.robot import Robot
from understudy.view.pictures import (
    FAINT,
    INK,
    PAPER,
    Drawn,
    cast,
    choose_renderer,
    clock,
    shots,
    strip,
    text,
)
from understudy.view.scene import Scene, compose

Progress = Callable[[int, int], None]
"""Called with the number of frames that are done and the number of all frames."""


def video(
    path: str | Path,
    human: HumanMotion | None,
    robot_motion: RobotMotion | None,
    *,
    fps: float = 30,
    size: tuple[int, int] = (960, 540),
    renderer: str | None = None,
    robot: Robot | None = None,
    progress: Progress | None = None,
) -> Drawn:
    """Write an mp4 (H.264) of the human, on the left, and the robot, on the right, by one clock.

    Either may be None. ``size`` is (width, height) in pixels, both even. ``renderer`` is ``"egl"``,
    ``"osmesa"`` or ``"software"``; None takes the best one that works. Nothing is left at ``path`` if
    anything fails. Raises LimitError for an odd size or nothing to draw.
    """
    check_size(size)
    name, note = choose_renderer(renderer)
    scene = compose(cast([human, robot_motion], robot, meshes=name != "software"), fps)
    write_film(path, shots(scene, size, name), scene.frames, fps, size, progress)
    return Drawn(Path(path), name, note)


def write_film(
    path: str | Path,
    pictures: Iterable[UInt8[np.ndarray, "height width 3"]],
    count: int,
    fps: float,
    size: tuple[int, int],
    progress: Progress | None = None,
) -> None:
    """Write ``count`` pictures of one size as an mp4 (H.264). Nothing is left at ``path`` if anything fails."""
    with atomic_path(path) as temporary:
        writer = imageio_ffmpeg.write_frames(
            str(temporary),
            size,
            fps=fps,  # pyright: ignore[reportArgumentType]  # written with two decimals
            codec="libx264",
            pix_fmt_in="rgb24",
            pix_fmt_out="yuv420p",
            macro_block_size=2,
            output_params=["-crf", "20", "-preset", "veryfast", "-movflags", "+faststart", "-f", "mp4"],
        )
        writer.send(None)
        try:
            for done, picture in enumerate(pictures, start=1):
                writer.send(np.ascontiguousarray(picture))
                if progress is not None:
                    progress(done, count)
        finally:
            writer.close()


def check_size(size: tuple[int, int]) -> None:
    """Raise LimitError for what no film can be as large as."""
    if any(side < 2 or side % 2 for side in size):
        raise LimitError(
            f"A video's width and height must be even numbers of pixels; got {size[0]} x {size[1]}."
        )


def check_sheet(path: str | Path, columns: int, rows: int) -> None:
    """Raise LimitError for a sheet of no moments, or a file that does not say which kind of picture it is to be."""
    if columns < 1 or rows < 1:
        raise LimitError(f"A sheet needs at least one column and one row; got {columns} x {rows}.")
    if Path(path).suffix.lower() not in Image.registered_extensions():
        raise LimitError(f"{path} does not say which kind of picture it is to be; end it in .png or .jpg.")


def sheet(
    path: str | Path,
    human: HumanMotion | None,
    robot_motion: RobotMotion | None,
    *,
    columns: int = 6,
    rows: int = 2,
    cell: tuple[int, int] = (220, 250),
    renderer: str | None = None,
    robot: Robot | None = None,
) -> Drawn:
    """Write a picture (PNG or whatever the suffix says) of ``columns × rows`` moments, evenly spread over the
    clip.

    Under every time stamp stands the human above the robot, at one scale and from one side. ``cell`` is the
    size of one body's picture in pixels. Raises LimitError when there is nothing to draw.
    """
    check_sheet(path, columns, rows)
    name, note = choose_renderer(renderer)
    actors = cast([human, robot_motion], robot, meshes=name != "software")
    scene = compose(actors, max(a.fps for a in actors))
    moments = np.rint(np.linspace(0, scene.frames - 1, columns * rows)).astype(int)
    page = _page(scene, moments.reshape(rows, columns), strip(scene, moments.tolist(), cell, name), cell)
    with atomic_path(path) as temporary:
        page.save(temporary)
    return Drawn(Path(path), name, note)


def _page(
    scene: Scene, moments: np.ndarray, portraits: list[list[np.ndarray]], cell: tuple[int, int]
) -> Image.Image:
    """Lay the portraits out: time stamps above, names on the left, human over robot."""
    rows, columns = moments.shape
    width, height = cell
    letter = max(height * 0.062, 10)
    left, stamp, gap, edge = round(2.4 * letter), round(2.0 * letter), 3, round(letter)
    block = stamp + len(portraits) * (height + gap)
    page = Image.new("RGB", (left + columns * (width + gap) - gap + edge, rows * block + edge), PAPER)
    pen = ImageDraw.Draw(page)
    for row in range(rows):
        for column in range(columns):
            x, y = left + column * (width + gap), row * block
            seconds = moments[row, column] / scene.fps
            text(pen, (x + width / 2, y + stamp * 0.55), clock(seconds), size=letter * 0.9, ink=FAINT)
            for actor, pictures in enumerate(portraits):
                picture = Image.fromarray(pictures[row * columns + column])
                page.paste(picture, (x, y + stamp + actor * (height + gap)))
        for index, actor in enumerate(scene.actors):
            middle = row * block + stamp + index * (height + gap) + height / 2
            _sideways(page, (left / 2, middle), actor.label, letter)
    return page


def _sideways(page: Image.Image, middle: tuple[float, float], words: str, letter: float) -> None:
    """Write upwards along the edge of the page."""
    label = Image.new("RGB", (round(letter * max(len(words), 1)), round(letter * 2)), PAPER)
    text(ImageDraw.Draw(label), (label.width / 2, label.height / 2), words, size=letter, ink=INK)
    label = label.rotate(90, expand=True)
    page.paste(label, (round(middle[0] - label.width / 2), round(middle[1] - label.height / 2)))
