"""A film, or a sheet of moments, of a performance with the ghost of what was asked for."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from understudy.motion.files import atomic_path
from understudy.motion.types import RobotMotion
from understudy.robots.robot import Robot
from understudy.view.film import Progress, check_sheet, check_size, write_film
from understudy.view.pictures import FAINT, INK, PAPER, Drawn, choose_renderer, text
from understudy.view.rollout_stage import pictures, stage

LEGEND = (
    "{robot} in a simulation · blue: what was asked for · arrows: the floor's forces · {seconds:.2f} s{end}"
)


def rollout_video(
    path: str | Path,
    performed: RobotMotion,
    wanted: RobotMotion,
    *,
    fps: float = 20,
    size: tuple[int, int] = (640, 480),
    renderer: str | None = None,
    robot: Robot | None = None,
    progress: Progress | None = None,
) -> Drawn:
    """Write an mp4 (H.264). ``performed`` and ``wanted`` are as in ``stage``; the rest is as in ``view.video``."""
    check_size(size)
    name, note = choose_renderer(renderer)
    staged = stage(performed, wanted, robot, meshes=name != "software").at(fps)
    count = staged.scene.frames
    drawn = pictures(staged, range(count), size, name, letter=0.034, words=True)
    write_film(path, drawn, count, fps, size, progress)
    return Drawn(Path(path), name, note)


def rollout_sheet(
    path: str | Path,
    performed: RobotMotion,
    wanted: RobotMotion,
    *,
    columns: int = 6,
    rows: int = 2,
    cell: tuple[int, int] = (240, 300),
    renderer: str | None = None,
    robot: Robot | None = None,
) -> Drawn:
    """Write a picture of ``columns × rows`` moments, evenly spread over the performance; its suffix says which kind."""
    check_sheet(path, columns, rows)
    name, note = choose_renderer(renderer)
    staged = stage(performed, wanted, robot, meshes=name != "software")
    scene = staged.scene
    moments = np.rint(np.linspace(0, scene.frames - 1, columns * rows)).astype(int)
    (width, height), gap, line = cell, 3, 26
    page = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) + line), PAPER)
    cut = scene.frames < wanted.frames
    end = f", then it fell; {wanted.duration:.2f} s were asked for" if cut else ""
    legend = LEGEND.format(robot=scene.actors[0].label, seconds=performed.duration, end=end)
    text(ImageDraw.Draw(page), (10, line / 2), legend, size=14, ink=INK if cut else FAINT, anchor="lm")
    for i, picture in enumerate(pictures(staged, moments.tolist(), cell, name, letter=0.05, words=False)):
        row, column = divmod(i, columns)
        page.paste(Image.fromarray(picture), (column * (width + gap), line + row * (height + gap)))
    with atomic_path(path) as temporary:
        page.save(temporary)
    return Drawn(Path(path), name, note)
