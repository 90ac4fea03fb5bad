"""Pictures of the comparison: every metric by clip, and the worst moments of each method."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from understudy import motion, view
from understudy.evaluate.benchmark import ClipResult, Outcome
from understudy.evaluate.classes import COMPLEXITIES
from understudy.motion import HumanMotion
from understudy.protocols import Retargeter
from understudy.view.pictures import FAINT, INK, PAPER, text

COLOURS = ("#2f7f79", "#d6603e", "#7a5195", "#34597f", "#c8a23c", "#5b5b5b")
LOGARITHMIC = 30.0
"""A metric whose positive values span more than this factor is drawn on a logarithmic axis."""
AROUND = 0.5
"""Time (s) shown before and after a worst moment."""
MOST_BYTES = 200_000


def every_metric(outcome: Outcome, path: Path) -> Path:
    """A small frame for every metric: clips from left to right, by complexity and then by key-point error."""
    results = [r for r in outcome.results if "raw" in r.blocks]
    values = {(r.clip, r.method): {m["key"]: m["value"] for m in r.blocks["raw"].metrics} for r in results}
    metrics = {m["key"]: (m["label"], m["unit"]) for r in results for m in r.blocks["raw"].metrics}
    kinds = {r.clip: r.complexity for r in outcome.results}

    def place(clip: str) -> tuple[int, float]:
        errors = [v.get("keypoint_error") for (c, _), v in values.items() if c == clip]
        return COMPLEXITIES.index(kinds[clip]), min((e for e in errors if e is not None), default=np.inf)

    clips = sorted(kinds, key=place)
    columns = 4
    rows = -(-len(metrics) // columns)
    with matplotlib.rc_context({"font.size": 7, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(12, 1.45 * rows + 0.5), layout="constrained", dpi=85)
        cells = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
        for cell in cells[len(metrics) :]:
            cell.axis("off")
        for cell, (key, (label, unit)) in zip(cells, metrics.items(), strict=False):
            _draw(cell, [[values.get((c, m), {}).get(key) for c in clips] for m in outcome.methods])
            cell.set_title(f"{label} ({unit})", fontsize=7.5)
            for border in np.flatnonzero(np.diff([COMPLEXITIES.index(kinds[c]) for c in clips])):
                cell.axvline(border + 0.5, color="#d9dde2", linewidth=0.8, zorder=0)
        for method, colour in zip(outcome.methods, _colours(len(outcome.methods)), strict=True):
            cells[0].plot([], [], ".", color=colour, label=method)
        figure.legend(
            *cells[0].get_legend_handles_labels(), loc="outside upper center", ncols=6, frameon=False
        )
        figure.supxlabel(
            f"clips: {', '.join(dict.fromkeys(kinds[c] for c in clips))}, each by key-point error"
        )
        figure.savefig(path)
    return _small(Image.open(path).convert("RGB"), path)


def _draw(cell: Axes, values: Sequence[Sequence[float | None]]) -> None:
    """One dot a clip and method; zeros lie on the lower edge of a logarithmic axis."""
    arrays = [np.array([np.nan if v is None else v for v in row], dtype=float) for row in values]
    positive = np.concatenate(arrays)
    positive = positive[positive > 0]
    if len(positive) and positive.max() > LOGARITHMIC * positive.min():
        cell.set_yscale("symlog", linthresh=float(np.quantile(positive, 0.05)))
    for row, colour in zip(arrays, _colours(len(arrays)), strict=True):
        cell.plot(np.arange(len(row)), row, ".", color=colour, markersize=3, alpha=0.8)
    cell.set_ylim(bottom=0, top=None if len(positive) else 1)
    cell.set_xticks([])


def _colours(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def worst_three(results: Sequence[ClipResult]) -> list[ClipResult]:
    """The three clips with the worst moments, worst first."""
    judged = [r for r in results if r.worst is not None]
    return sorted(judged, key=lambda r: -r.worst.severity if r.worst else 0.0)[:3]


def worst_moments(
    name: str, method: Retargeter, worst: Sequence[ClipResult], humans: Mapping[str, HumanMotion], out: Path
) -> Path:
    """Draw a second around each worst moment, human over robot, one row a clip."""
    sheets = []
    with tempfile.TemporaryDirectory() as folder:
        for k, result in enumerate(worst):
            assert result.worst is not None
            human = humans[result.clip]
            [made] = method([human])
            begin = max(0.0, result.worst.time - AROUND)
            window = {"start": begin, "end": result.worst.time + AROUND}
            path = Path(folder) / f"{k}.png"
            view.sheet(
                path,
                motion.trim(human, **window),
                motion.trim(made, **window),
                columns=7,
                rows=1,
                cell=(150, 170),
                robot=method.robot,
            )
            w = result.worst
            quantity, unit = w.what.removesuffix(f"_{w.what.rsplit('_', 1)[-1]}"), w.what.rsplit("_", 1)[-1]
            title = f"{result.clip}   {w.time:.2f} s: {quantity.replace('_', ' ')} {w.value:.3g} {unit}"
            sheets.append((title, Image.open(path).convert("RGB")))
    return _small(_stacked(sheets), out / f"retarget_worst_{name}.png")


def _stacked(sheets: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Sheets below each other, each under its title."""
    line = 26
    width = max((sheet.width for _, sheet in sheets), default=400)
    page = Image.new("RGB", (width, sum(sheet.height + line for _, sheet in sheets) or line), PAPER)
    pen, y = ImageDraw.Draw(page), 0
    for title, sheet in sheets:
        text(pen, (8, y + line / 2), title, size=14, ink=INK, anchor="lm")
        page.paste(sheet, (0, y + line))
        y += sheet.height + line
    if not sheets:
        text(pen, (8, line / 2), "no motion was made", size=14, ink=FAINT, anchor="lm")
    return page


def _small(picture: Image.Image, path: Path) -> Path:
    """Save a PNG below ``MOST_BYTES``: with fewer colours, then smaller, until it fits."""
    for colours, scale in ((256, 1.0), (64, 1.0), (32, 1.0), (32, 0.8), (24, 0.65), (16, 0.5)):
        size = (round(picture.width * scale), round(picture.height * scale))
        some = picture if scale == 1.0 else picture.resize(size, Image.Resampling.LANCZOS)
        some.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size < MOST_BYTES:
            break
    return path
