"""``understudy curate``: which motions of a dataset are worth keeping, and what it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from understudy.cli.console import err, out, print_json
from understudy.cli.inputs import Plan, plan
from understudy.cli.job import Job, duration, run_job
from understudy.cli.options import Metres, Reading
from understudy.errors import UnderstudyError

if TYPE_CHECKING:
    from rich.table import Table

    from understudy.curate import FilterConfig, Statistics
    from understudy.motion.dataset import Entry
    from understudy.view.overview import Bars, Histogram

Folder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
Number = Annotated[float | None, tyro.conf.arg(metavar="X")]
MOST_BARS = 8
DRAWN = {
    "duration": ("Length", "s", 1.0),
    "keypoint_error": ("Key points", "cm", 100.0),
    "orientation_error": ("Orientation", "°", 57.29577951308232),
    "max_speed_ratio": ("Fastest joint", "× motor", 1.0),
    "near_limit_0_05": ("Within 0.05 rad of a limit", "% of frames", 100.0),
    "self_collision": ("Self-collision", "% of frames", 100.0),
    "floor_penetration": ("Under the floor", "% of frames", 100.0),
    "sole_height_error": ("Sole height in flat stance", "mm", 1000.0),
    "flat_skating": ("Skating, flat foot", "cm/s", 100.0),
    "foot_contact": ("Foot contact", "share of frames", 1.0),
    "root_jerk": ("Root jerk", "m/s³", 1.0),
    "pelvis_to_support": ("Pelvis off support", "cm", 100.0),
}
"""The metrics that are drawn where a dataset has them: title, unit, and the factor from SI units."""


@dataclass(frozen=True)
class Filter:
    """Keep the motions that are fit for training, and say why the others are not.

    Humans are judged by foot contact, jerk, balance and pelvis height; robots by joint speed, self-collision and
    floating. What is kept is written into the folder --out, with a manifest that has the reasons, too; without --out
    nothing is written. Nothing in FOLDER is ever changed.
    """

    folder: Folder
    """A dataset, or any folder of motions."""
    out: Path | None = None
    """The folder for what is kept."""
    where: str | None = None
    """Only clips whose row in the manifest of FOLDER meets this condition: "self_collision < 0.01 and fps >= 30"."""
    chunks: Flag = False
    """Cut every clip into pieces of 4 s that share 0.5 s, and judge each by itself."""
    no_checks: Flag = False
    """Keep whatever --where selects."""
    min_contact: Number = None
    """Human: least share of frames with a foot on the floor (0.6)."""
    max_jerk: Number = None
    """Human: mean jerk of the pelvis, m/s³ (50)."""
    pelvis_height: Annotated[tuple[float, float] | None, tyro.conf.arg(metavar="LOW HIGH")] = None
    """Human: the pelvis stays between these heights over the floor, m (0.6 1.5)."""
    max_off_support: Metres = None
    """Human: mean distance of the pelvis from over the feet, m (0.06); 0.05 m more for the lower spine."""
    max_self_collision: Number = None
    """Robot: share of frames with self-collision (0.05)."""
    max_floating: Metres = None
    """Robot: mean height of the lower sole, m (0.10)."""
    reading: Reading = field(default_factory=Reading)
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Processes; one for each core if not given."""
    force: Flag = False
    """Judge again what is up to date."""
    cluster: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Run on Ray: the address of a cluster, or `local`."""
    json: Flag = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        from understudy.pipelines.filtering import FilterClip

        if not self.folder.is_dir():
            raise UnderstudyError(f"{self.folder} is not a folder.")
        if self.out is not None and self.out.resolve() == self.folder.resolve():
            raise UnderstudyError(
                "--out is the folder itself, and nothing in it may be changed; name another one."
            )
        made = plan((str(self.folder),), self.out, ".npz", ("human", "robot"))
        if self.where is not None:
            made = _selected(made, self.folder, self.where)
        recipe = FilterClip(self._limits(), self.chunks, not self.no_checks, self.reading.given())
        job = Job("curate", self.out, self.workers, self.cluster, self.force, self.json)
        return run_job(job, made, recipe, {"folder": str(self.folder), "where": self.where})

    def _limits(self) -> "FilterConfig":
        from understudy.curate import FilterConfig

        limits = FilterConfig()
        low, high = self.pelvis_height or (None, None)
        spine = None if self.max_off_support is None else self.max_off_support + 0.05
        human = _given(
            contact=self.min_contact,
            root_jerk=self.max_jerk,
            pelvis_lowest=low,
            pelvis_highest=high,
            pelvis_to_support=self.max_off_support,
            spine_to_support=spine,
        )
        robot = _given(self_collision=self.max_self_collision, floating=self.max_floating)
        return replace(limits, human=replace(limits.human, **human), robot=replace(limits.robot, **robot))


@dataclass(frozen=True)
class Stats:
    """Say what a dataset holds: hours, bodies, rates, licences, texts, metrics, and why clips are missing."""

    folder: Folder
    """A dataset: a folder with a manifest."""
    out: Path | None = None
    """A picture to draw (.png)."""
    where: str | None = None
    """Only rows that meet this condition."""
    json: Flag = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        from understudy import curate
        from understudy.motion import dataset

        entries = dataset.read(self.folder)
        if self.where is not None:
            entries = dataset.from_table(curate.select(dataset.to_table(entries), self.where))
        found = curate.describe(entries)
        if self.out is not None:
            from understudy.view.overview import overview

            overview(self.out, _headline(self.folder, found), _panels(entries, found))
        if self.json:
            print_json({"folder": str(self.folder), **found.to_dict()})
            return 0
        _print(self.folder, found)
        if self.out is not None:
            err().print(f"picture: {self.out}", markup=False, soft_wrap=True)
        return 0


@dataclass(frozen=True)
class Curate:
    """Fewer and better motions out of many."""

    what: Annotated[Filter, tyro.conf.subcommand("filter")] | Annotated[Stats, tyro.conf.subcommand("stats")]

    def run(self) -> int:
        return self.what.run()


def _given(**options: float | None) -> dict[str, float]:
    return {name: value for name, value in options.items() if value is not None}


def _selected(made: Plan, folder: Path, where: str) -> Plan:
    """The tasks whose rows meet a condition. Raises UnderstudyError where there is no manifest, or nothing left."""
    from understudy import curate
    from understudy.motion import dataset

    paths = set(curate.select(dataset.table(folder), where)["path"].to_pylist())
    tasks = tuple(task for task in made.tasks if task.id in paths)
    if not tasks:
        raise UnderstudyError(f"No clip in {folder} meets the condition {where!r}.")
    return replace(made, tasks=tasks)


def _headline(folder: Path, found: "Statistics") -> str:
    frames = f"{found.frames:,} frames"
    return f"{folder.resolve().name}: {found.clips:,} clips, {duration(found.seconds)}, {frames}"


def _print(folder: Path, found: "Statistics") -> None:
    out().print(_headline(folder, found), markup=False, soft_wrap=True)
    facts = [", ".join(f"{count:,} {status}" for status, count in found.statuses.items())]
    if found.certified:
        facts.append(f"{found.passed:,} of {found.certified:,} certificates passed")
    facts.append(f"{found.captioned:,} clips with texts")
    if found.words:
        facts.append("words: " + ", ".join(f"{word} {count}" for word, count in found.words.items()))
    for fact in facts:
        out().print(fact, markup=False, soft_wrap=True)
    out().print(_group_table(found))
    if found.metrics:
        out().print(_metric_table(found))
    if any(found.reasons.values()):
        out().print(_reason_table(found.reasons))


def _group_table(found: "Statistics") -> "Table":
    table = _table("What it holds", "", "", "clips", "time")
    for column, shares in found.groups.items():
        for i, (name, share) in enumerate(list(shares.items())[:MOST_BARS]):
            first = column if i == 0 else ""
            table.add_row(first, _plain(name or "not said"), f"{share.clips:,}", duration(share.seconds))
        if len(shares) > MOST_BARS:
            table.add_row("", f"… and {len(shares) - MOST_BARS} more", "", "")
    return table


def _metric_table(found: "Statistics") -> "Table":
    names = ("clips", "least", "5 %", "median", "95 %", "most")
    table = _table("Metrics over clips, in SI units; shares of frames as fractions", "metric", *names)
    for name, spread in found.metrics.items():
        numbers = (spread.least, spread.low, spread.middle, spread.high, spread.most)
        table.add_row(name, f"{spread.clips:,}", *(f"{number:.4g}" for number in numbers))
    return table


def _reason_table(reasons: Mapping[str, Mapping[str, int]]) -> "Table":
    table = _table("Why clips are missing", "", "reason", "clips")
    for status, counts in reasons.items():
        for i, (reason, count) in enumerate(list(counts.items())[: 2 * MOST_BARS]):
            table.add_row(status if i == 0 else "", _plain(reason), f"{count:,}")
        if len(counts) > 2 * MOST_BARS:
            table.add_row("", f"… and {len(counts) - 2 * MOST_BARS} more", "")
    return table


def _table(title: str, *columns: str) -> "Table":
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for i, name in enumerate(columns):
        words = name in ("", "metric", "reason")
        table.add_column(name, justify="left" if words else "right", overflow="fold", no_wrap=i == 0)
    return table


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _panels(entries: "list[Entry]", found: "Statistics") -> "list[Bars | Histogram]":
    """Groups with more than one member, every drawn metric that there is, and the reasons."""
    from understudy.curate.filters import HumanLimits, RobotLimits
    from understudy.curate.statistics import metrics_of
    from understudy.view.overview import Bars, Histogram

    human, robot = HumanLimits(), RobotLimits()
    limits = {
        "max_speed_ratio": robot.speed,
        "self_collision": robot.self_collision,
        "foot_contact": human.contact,
        "root_jerk": human.root_jerk,
        "pelvis_to_support": human.pelvis_to_support,
    }
    panels: list[Bars | Histogram] = []
    for column in ("body", "fps", "licence", "split"):
        shares = list(found.groups[column].items())[:MOST_BARS]
        if len(shares) > 1 or column == "body":
            panels.append(Bars(column, {name or "not said": s.seconds / 60 for name, s in shares}, "minutes"))
    if found.words:
        panels.append(Bars("words of the texts", dict(list(found.words.items())[:MOST_BARS]), "clips"))
    values = metrics_of([entry for entry in entries if entry.status == "done"])
    for name, (title, unit, factor) in DRAWN.items():
        if name in values:
            limit = factor * limits[name] if name in limits else None
            panels.append(Histogram(title, [factor * value for value in values[name]], unit, limit))
    for status, counts in found.reasons.items():
        if counts:
            panels.append(Bars(f"why {status}", dict(list(counts.items())[:MOST_BARS]), "clips", bad=True))
    return panels
