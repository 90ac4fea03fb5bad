"""Pairs of a human and a robot at volume: what a neural retargeter learns from.

A job makes pairs out of a folder of clips: each clip as it is and mirrored, and variations of clips, in an order in
which every beginning of the folder is already a mixture of all kinds. The folder has ``pairs.json`` (what was asked
for, and the robot), ``pairs.jsonl`` (one line for each pair or failure, in the order in which they were made) and one
npz file a pair. A job that is run again goes on where it was.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.errors import FormatError, LimitError, UnderstudyError, UnknownName
from understudy.learn.pair_file import VERSION, save_pair
from understudy.motion.files import atomic_path
from understudy.pipelines.dataset import FAILURES
from understudy.pipelines.pairs_folder import (
    ABOUT,
    INDEX,
    Line,
    locked,
    read_about,
    read_index,
    row,
    write_index,
)
from understudy.pipelines.pairs_library import Library, library
from understudy.pipelines.pairs_making import (
    FPS,
    KINDS,
    ONCE,
    RANDOM_LASTS,
    Item,
    Kind,
    fitter,
    human_for,
    pair_of,
)
from understudy.pipelines.pairs_sources import Licence, Split
from understudy.pipelines.workers import run_all

if TYPE_CHECKING:
    from understudy.retarget import SequenceFit

DIED = "its worker process died: out of memory, or a crash in compiled code"


@dataclass(frozen=True)
class PairsConfig:
    """Which pairs a folder holds. ``data`` is a corpus with its index, or any folder of human motions."""

    data: Path
    robot: str = "unitree_g1"
    hours: float = 8.0
    """About so many hours of motion. Of ``plain`` and ``mirror`` there is at most one pair a clip; what they leave over
    goes to the other kinds in equal parts."""
    kinds: tuple[Kind, ...] = KINDS
    licence: Licence = "permissive"
    """Of a corpus: only what may train weights that are given away, or all that may be learnt from at all."""
    split: Split = "training"
    seed: int = 0

    def check(self) -> None:
        """Raise UnknownName or LimitError for what cannot be done with any data."""
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise UnknownName("kind of pair", unknown[0], KINDS)
        if not self.kinds or len(set(self.kinds)) != len(self.kinds):
            raise LimitError("Name at least one kind of pair, and each kind once.")
        if not 0.0 < self.hours < 10_000.0:
            raise LimitError(f"Hours of pairs lie between 0 and 10,000; got {self.hours:g}.")


@dataclass(frozen=True)
class PairsSummary:
    """All pairs of a folder, how many were there before (``kept``), and the clips that could not be read, with why."""

    lines: tuple[Line, ...]
    kept: int
    refused: tuple[tuple[str, str], ...]

    @property
    def failed(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.file is None)

    def by_kind(self) -> Mapping[str, tuple[int, float, float]]:
        """For each kind the number of pairs, their hours, and the share of frames that are good."""
        told = {}
        for kind in KINDS:
            lines = [line for line in self.lines if line.kind == kind and line.file is not None]
            frames = sum(line.frames for line in lines)
            if lines:
                told[kind] = (
                    len(lines),
                    frames / FPS / 3600.0,
                    sum(line.ok_frames for line in lines) / frames,
                )
        return told


def plan(clips: Library, config: PairsConfig) -> list[Item]:
    """Which pairs to make, in what order: all kinds advance together."""
    seconds, whole, pieces = config.hours * 3600.0, float(clips.durations.sum()), len(clips.pieces)
    once = [kind for kind in config.kinds if kind in ONCE]
    each_once = min(whole, seconds / len(config.kinds))
    each_other = (seconds - each_once * len(once)) / max(1, len(config.kinds) - len(once))
    counts: dict[Kind, int] = {}
    for kind in config.kinds:
        share, lasts = (each_once if kind in ONCE else each_other), whole / pieces
        wanted = math.ceil(share / (RANDOM_LASTS if kind == "random" else lasts))
        counts[kind] = min(wanted, pieces) if kind in ONCE else wanted
    items = [
        ((number + 0.5) / counts[kind], KINDS.index(kind), Item(kind, number))
        for kind in config.kinds
        for number in range(counts[kind])
    ]
    return [item for _, _, item in sorted(items, key=lambda entry: entry[:2])]


def make_pairs(
    config: PairsConfig,
    out: Path,
    *,
    workers: int | None = 1,
    planned: Callable[[int], None] | None = None,
    told: Callable[[Line], None] | None = None,
) -> PairsSummary:
    """Make all pairs that are not there yet. ``planned`` hears how many they are, ``told`` of each as it is written.

    Raises UnderstudyError for data without clips, and for a folder that holds pairs of another configuration, that
    another process is writing into, or that lies among the data.
    """
    config.check()
    if out.resolve().is_relative_to(config.data.resolve()):
        raise UnderstudyError(
            f"{out} lies in {config.data}, where its pairs would be taken for clips. Give another."
        )
    clips = library(config.data.absolute(), config.licence, config.split)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        _describe(config, clips, out)
        lines = _made_before(out)
        kept = len(lines)
        known = {(line.kind, line.number) for line in lines}
        todo = [item for item in plan(clips, config) if (item.kind, item.number) not in known]
        if planned is not None:
            planned(len(todo))
        work = _Work(
            config.data.absolute(), config.robot, config.licence, config.split, config.seed, out.absolute()
        )
        with (out / INDEX).open("a", encoding="utf-8") as index:
            for line in run_all(work.make, todo, workers=workers, died=work.died):
                index.write(row(line))
                index.flush()
                lines.append(line)
                if told is not None:
                    told(line)
    return PairsSummary(tuple(lines), kept, clips.refused)


@dataclass(frozen=True)
class _Work:
    """What all pairs of a job share; its methods run in the workers."""

    data: Path
    robot: str
    licence: Licence
    split: Split
    seed: int
    out: Path

    def make(self, item: Item) -> Line:
        """One pair, from the clips to the file; whatever fails becomes a line."""
        try:
            human = human_for(item, library(self.data, self.licence, self.split), self.seed)
            pair = pair_of(human, _fitter(self.robot), {**asdict(item), "seed": self.seed})
            save_pair(pair, self.out / f"{item.name}.npz")
        except FAILURES as error:
            said = " ".join(str(error).split())
            known = isinstance(error, UnderstudyError)
            return Line(item.kind, item.number, error=said if known else f"{type(error).__name__}: {said}")
        meta, good = pair.meta, int(pair.human_ok.sum())
        told = (pair.frames, good, meta["size"], meta["fps"], meta["source"], meta["licence"])
        return Line(item.kind, item.number, f"{item.name}.npz", *told)

    def died(self, item: Item) -> Line:
        """The line of a pair that took its worker with it."""
        return Line(item.kind, item.number, error=DIED)


@lru_cache(maxsize=2)
def _fitter(robot: str) -> "SequenceFit":
    from understudy import robots

    return fitter(robots.load(robot))


def _describe(config: PairsConfig, clips: Library, out: Path) -> None:
    """Write ``pairs.json``, or see that the folder's own says the same. The number of hours may change."""
    from understudy import robots
    from understudy.pipelines.pairs_robot import robot_layout
    from understudy.pipelines.pairs_tree import robot_tree

    robot = robots.load(config.robot)
    same = {
        "version": VERSION,
        "robot": robot_layout(robot).to_json(),
        "tree": robot_tree(robot),
        "licence": config.licence,
        "split": config.split,
        "seed": config.seed,
        "fps": FPS,
        "clips": sorted({piece.origin.source for piece in clips.pieces}),
    }
    path = out / ABOUT
    if path.exists():
        there = read_about(path)
        different = sorted(key for key, value in same.items() if there.get(key) != value)
        if different:
            raise UnderstudyError(
                f"{out} holds pairs that were made otherwise; they differ in {', '.join(different)}. Give another "
                "folder with --out, or the options that it was begun with."
            )
    with atomic_path(path) as temporary:
        asked = {**same, "hours": config.hours, "kinds": list(config.kinds)}
        temporary.write_text(json.dumps(asked, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def pairs_in(folder: Path) -> PairsSummary:
    """What a folder of pairs holds by now; a job may still be writing into it. Raises FormatError if it is none."""
    if not (folder / INDEX).is_file():
        raise FormatError(
            folder, f"no folder of pairs: it has no {INDEX}. `understudy learn pairs` makes one."
        )
    lines = read_index(folder)
    return PairsSummary(tuple(lines), len(lines), ())


def _made_before(out: Path) -> list[Line]:
    """The pairs of an earlier run, from an index that is put in order: without failures, which are tried again, and
    without lines whose file has gone."""
    path = out / INDEX
    if not path.exists():
        return []
    there = {
        (line.kind, line.number): line
        for line in read_index(out)
        if line.file is not None and (out / line.file).is_file()
    }
    write_index(out, there.values())
    return list(there.values())
