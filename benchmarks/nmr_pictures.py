"""Pictures for ``benchmarks.nmr``, in the style of the report's figures."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from benchmarks import nmr_measures
from benchmarks.pictures import COLOURS
from understudy.evaluate.corruption import wrong_frames as corrupt
from understudy.motion import HumanMotion, RobotMotion, trim
from understudy.protocols import Retargeter
from understudy.robots.robot import Robot
from understudy.view import pictures as drawing
from understudy.view.pictures import PAPER, cast, choose_renderer, strip, text
from understudy.view.plots import AXES, BAD, FAINT, INK, PLAIN
from understudy.view.scene import compose

STYLE: dict[Any, Any] = AXES | {"legend.frameon": False, "legend.fontsize": 8, "lines.linewidth": 1.4}
RED = (200, 50, 60)
"""``BAD``, as pixels have it."""
CELL = (96, 150)
"""Size of one body's picture, pixels."""
MOMENTS = 9
"""Pictures of a rising arm."""
BAD_FRAMES = 4
"""Length of the run of wrong frames that is drawn, t+2 to t+5 as in the paper."""


def arm_raise(
    found: Mapping[str, Any],
    human: HumanMotion,
    made: Mapping[str, RobotMotion],
    robot: Robot,
    path: Path,
) -> None:
    """A joint against time by all methods, under pictures of the human and of them."""
    window = {"start": nmr_measures.ARM.start, "end": nmr_measures.ARM.end}
    actors = {name: trim(motion, **window) for name, motion in {"human": human, **made}.items()}
    frames = np.linspace(0, actors["human"].frames - 1, MOMENTS).round().astype(int)
    times = [f"{window['start'] + f / human.fps:.2f} s" for f in frames]
    strips = film(actors, frames.tolist(), times, robot)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(strips.width / 100, 3.2), layout="constrained", dpi=100)
        axes = figure.subplots()
        for (name, curve), colour in zip(found["curves"].items(), _colours(found["curves"]), strict=True):
            at = found["start"] + np.arange(len(curve)) / found["fps"]
            axes.plot(
                at, np.degrees(curve), color=colour, label=name, lw=2.4 if name.startswith("nmr") else 1.3
            )
        for limit in found["range"]:
            if (
                min(map(min, found["curves"].values())) - 0.3
                < limit
                < max(map(max, found["curves"].values())) + 0.3
            ):
                axes.axhline(np.degrees(limit), color=FAINT, ls=":", lw=1)
        axes.set_xlabel("time, s")
        axes.set_ylabel("right shoulder roll, °")
        axes.legend(loc="best", ncols=2)
        _save(_below(strips, figure), path)


def wrong_frames(
    human: HumanMotion, methods: Mapping[str, Retargeter], robot: Robot, path: Path
) -> dict[str, Any]:
    """Eight successive frames, t to t+7, of which some are wrong, and what each method makes of them."""
    spoilt = corrupt(human, np.random.default_rng(0))
    edges = np.diff(np.concatenate([[0], spoilt.frames.astype(int), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    first = int(next((s for s, e in zip(starts, ends, strict=True) if e - s == BAD_FRAMES), starts[0]))
    bad = int(ends[starts == first][0]) - first
    actors = {"human": spoilt.motion, **{n: method([spoilt.motion])[0] for n, method in methods.items()}}
    shown = list(range(first - 2, first + BAD_FRAMES + 2))
    names = [f"t+{k}" if k else "t" for k in range(len(shown))]
    _save(film(actors, shown, names, robot, marked=range(2, 2 + bad)), path)
    return {"clip": nmr_measures.FAULTY, "frame": first, "bad": bad}


def look_ahead(found: Mapping[str, Any], path: Path) -> None:
    """Key-point error and jerk against the time that may be waited, with the whole clips at once as lines."""
    at = [1e3 * row["ahead"] for row in found["rows"]]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.2), layout="constrained", dpi=100)
        panels = figure.subplots(1, 2)
        for axes, key, label in zip(
            panels, ("keypoint_error", "jerk_mean"), ("key points, cm", "jerk, mean, rad/s³"), strict=True
        ):
            axes.plot(at, [row[key] for row in found["rows"]], color=PLAIN, marker="o", ms=4, label="stream")
            for (name, told), style in zip(found["batch"].items(), ("-", "--"), strict=True):
                axes.axhline(told[key], color=INK, lw=1, ls=style, label=name)
            axes.set_xlabel("look-ahead, ms")
            axes.set_ylabel(label)
            axes.set_ylim(bottom=0)
            axes.legend(loc="lower right")
        _save(_below(None, figure), path)


def film(
    actors: Mapping[str, HumanMotion | RobotMotion],
    frames: Sequence[int],
    titles: Sequence[str],
    robot: Robot,
    marked: Collection[int] = (),
) -> Image.Image:
    """Some moments from left to right, a row for each actor under its name; marked columns in red."""
    renderer, _ = choose_renderer(None)
    scene = compose(
        cast(list(actors.values()), robot, meshes=renderer != "software"),
        max(motion.fps for motion in actors.values()),
    )
    rows = strip(scene, frames, CELL, renderer)
    width, height = CELL
    line, top = 17, 20
    page = Image.new("RGB", (len(frames) * width, top + len(rows) * (height + line)), PAPER)
    pen = ImageDraw.Draw(page)
    for k, title in enumerate(titles):
        text(pen, ((k + 0.5) * width, top / 2), title, size=12, ink=RED if k in marked else drawing.FAINT)
    for i, (name, row) in enumerate(zip(actors, rows, strict=True)):
        y = top + i * (height + line)
        for k, picture in enumerate(row):
            page.paste(Image.fromarray(picture), (k * width, y + line))
        text(pen, (6, y + line / 2), name, size=12, ink=drawing.INK, anchor="lm")
    for k in marked:
        pen.rectangle(
            (k * width, top + line, (k + 1) * width - 1, top + line + height - 1), outline=RED, width=2
        )
    return page


def _below(strips: Image.Image | None, figure: Figure) -> Image.Image:
    """A figure as a picture, under another picture of the same width."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    if strips is None:
        return drawn
    # Few colours for the bodies alone: lines keep theirs.
    strips = strips.quantize(96, dither=Image.Dither.NONE).convert("RGB")
    page = Image.new("RGB", (strips.width, strips.height + drawn.height), PAPER)
    page.paste(strips, (0, 0))
    page.paste(drawn, (0, strips.height))
    return page


def _save(picture: Image.Image, path: Path) -> None:
    picture.save(path, optimize=True)


def _colours(names: Collection[str]) -> list[str]:
    """The reference methods first, as in ``benchmarks.pictures``; NMR in the colour of the report."""
    return [BAD if n == "nmr" else COLOURS[k % len(COLOURS)] for k, n in enumerate(names)]
