"""Pairs whose robot side a simulated robot has performed: the second stage of NMR, made from a folder of the first.

A job takes pairs one after the other, every kind in turn, lets the robot perform them (``physics.refine``), and writes
a folder of the same layout. A fall costs the end of a pair or all of it. A job that is run again goes on where it was.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.errors import FormatError, LimitError, UnderstudyError, UnknownName
from understudy.learn.pair_file import load_pair, save_pair
from understudy.motion.files import atomic_path
from understudy.physics.mpc import RefineConfig, check_feet, refine
from understudy.pipelines.dataset import FAILURES
from understudy.pipelines.pairs import DIED, PairsSummary, pairs_in
from understudy.pipelines.pairs_folder import ABOUT, INDEX, Line, locked, read_about, row, write_index
from understudy.pipelines.pairs_making import FPS, KINDS, Kind
from understudy.pipelines.pairs_physics_making import (
    ASTRAY,
    BEYOND,
    MARGIN,
    SHORTEST,
    STAGE,
    asked_for,
    frames_kept,
    physical_pair,
)
from understudy.pipelines.refining import ending
from understudy.pipelines.workers import run_all

if TYPE_CHECKING:
    from understudy.robots.robot import Robot

USUAL: tuple[Kind, ...] = ("plain", "mixed", "warp", "mirror")
"""What a robot is asked to perform: motions of people. ``random`` arms are none, and other ``proportions`` change the
human rather than the robot."""
KEPT = ("version", "robot", "tree", "fps", "licence", "split")
"""Of the given folder's ``pairs.json``, what holds for the new one as well; the rest goes into ``of``."""


@dataclass(frozen=True)
class PhysicsPairsConfig:
    """Which pairs of a folder are performed, and how. ``data`` is what ``make_pairs`` has made, or is making."""

    data: Path
    kinds: tuple[Kind, ...] = USUAL
    refine: RefineConfig = field(default_factory=RefineConfig)
    """Every pair is performed on one thread with the same seed, whoever is beside it."""

    def check(self) -> None:
        """Raise UnknownName or LimitError for what cannot be done with any pairs."""
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise UnknownName("kind of pair", unknown[0], KINDS)
        if not self.kinds or len(set(self.kinds)) != len(self.kinds):
            raise LimitError("Name at least one kind of pair, and each kind once.")


def plan(lines: Sequence[Line], kinds: Sequence[Kind]) -> list[Line]:
    """Which pairs are performed, in what order: the kinds take turns. Pairs shorter than ``SHORTEST`` are left out."""
    long = [line for line in lines if line.file is not None and line.frames >= SHORTEST * line.fps]
    queues = [sorted((x for x in long if x.kind == kind), key=lambda x: x.number) for kind in kinds]
    return [line for turn in zip_longest(*queues) for line in turn if line is not None]


def refine_pairs(
    config: PhysicsPairsConfig,
    out: Path,
    *,
    minutes: float | None = None,
    pairs: int | None = None,
    workers: int | None = 1,
    planned: Callable[[int], None] | None = None,
    told: Callable[[Line], None] | None = None,
) -> PairsSummary:
    """Perform the pairs that are not performed yet, ``pairs`` of the plan at most; begin none after ``minutes``.

    ``planned`` hears how many they are, ``told`` of each as it is written. A line that has no file but frames tells of
    a robot that fell too early; it is not asked again. What failed otherwise is. Raises UnderstudyError for a folder
    without pairs or of a robot that this package does not have, and for an ``out`` that holds other pairs or that
    another process is writing into.
    """
    config.check()
    asked = plan(pairs_in(config.data).lines, config.kinds)[:pairs]
    if not asked:
        raise UnderstudyError(
            f"{config.data} holds no pair of kind {', '.join(config.kinds)} that lasts {SHORTEST:g} s or longer."
        )
    about = _about(config)
    robot = _same_robot(about, config.data)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        _describe(about, out)
        lines = _done_before(out)
        kept, known = len(lines), {(line.kind, line.number) for line in lines}
        todo = [line for line in asked if (line.kind, line.number) not in known]
        if planned is not None:
            planned(len(todo))
        one_thread = replace(config.refine, plan=replace(config.refine.plan, threads=1))
        work = _Work(config.data.absolute(), robot.name, one_thread, out.absolute())
        with (out / INDEX).open("a", encoding="utf-8") as index:
            for line in run_all(work.make, _until(todo, minutes), workers=workers, died=work.died):
                index.write(row(line))
                index.flush()
                lines.append(line)
                if told is not None:
                    told(line)
    return PairsSummary(tuple(lines), kept, ())


@dataclass(frozen=True)
class _Work:
    """What all pairs of a job share; its methods run in the workers."""

    data: Path
    robot: str
    refine: RefineConfig
    out: Path

    def make(self, given: Line) -> Line:
        """One pair, from file to file; whatever fails becomes a line."""
        try:
            return self._performed(given)
        except FAILURES as error:
            said = " ".join(str(error).split())
            known = isinstance(error, UnderstudyError)
            return self._failed(given, said if known else f"{type(error).__name__}: {said}")

    def _performed(self, given: Line) -> Line:
        assert given.file is not None
        robot, pair = _robot(self.robot), load_pair(self.data / given.file)
        rollout = refine(asked_for(pair, robot), robot, self.refine)
        if not frames_kept(rollout, given.fps):
            done = int(rollout.achieved.duration * given.fps) + 1
            return replace(self._failed(given, f"{ending(rollout)}; too early for a pair"), frames=done)
        made = physical_pair(pair, rollout, robot)
        save_pair(made, self.out / given.file)
        return replace(given, frames=made.frames, ok_frames=int(made.human_ok.sum()))

    def _failed(self, given: Line, why: str) -> Line:
        return replace(given, file=None, frames=0, ok_frames=0, error=why)

    def died(self, given: Line) -> Line:
        """The line of a pair that took its worker with it."""
        return self._failed(given, DIED)


@lru_cache(maxsize=2)
def _robot(name: str) -> "Robot":
    from understudy import robots

    return robots.load(name)


def _until(todo: Sequence[Line], minutes: float | None) -> Iterator[Line]:
    """What is begun before the time is up; a pair at least."""
    end = None if minutes is None else time.monotonic() + 60.0 * minutes
    for number, line in enumerate(todo):
        if number and end is not None and time.monotonic() > end:
            return
        yield line


def _about(config: PhysicsPairsConfig) -> dict[str, Any]:
    """What ``pairs.json`` of the new folder says: all that decides about its pairs."""
    given = read_about(config.data / ABOUT)
    options = asdict(config.refine)
    del options["plan"]["threads"]
    kept = {"margin_s": MARGIN, "shortest_s": SHORTEST, "astray_m": ASTRAY, "beyond_rad": BEYOND}
    about = {name: given[name] for name in KEPT if name in given}
    # What a larger order changes of the given folder changes none of its pairs.
    of = {name: value for name, value in given.items() if name not in (*KEPT, "hours", "kinds")}
    return about | {"fps": FPS, "stage": STAGE, "of": of, "refine": options, "filter": kept}


def _same_robot(about: dict[str, Any], data: Path) -> "Robot":
    """The robot of the pairs. Raises UnderstudyError if it is another one by now, or stands on no feet."""
    from understudy.pipelines.pairs_robot import robot_layout

    told = about.get("robot")
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise FormatError(data / ABOUT, "it does not tell which robot the pairs are of.")
    robot = _robot(told["name"])
    check_feet(robot)
    if robot_layout(robot).to_json() != told:
        raise UnderstudyError(
            f"The pairs in {data} were made for another {robot.name!r} than this package has. Make them anew with "
            "`understudy learn pairs`."
        )
    return robot


def _describe(about: dict[str, Any], out: Path) -> None:
    """Write ``pairs.json``, or see that the folder's own says the same."""
    path, text = out / ABOUT, json.dumps(about, ensure_ascii=False, indent=1)
    if path.exists():
        there, same = read_about(path), json.loads(text)
        different = sorted(name for name in there.keys() | same.keys() if there.get(name) != same.get(name))
        if different:
            raise UnderstudyError(
                f"{out} holds pairs that were made otherwise; they differ in {', '.join(different)}. Give another "
                "folder with --out, or the options that it was begun with."
            )
        return
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _done_before(out: Path) -> list[Line]:
    """What an earlier run has finished, from an index that is put in order: pairs whose files are there, and robots
    that fell. Other failures are tried again."""
    path = out / INDEX
    if not path.exists():
        return []
    done = {
        (line.kind, line.number): line
        for line in pairs_in(out).lines
        if line.frames and (line.file is None or (out / line.file).is_file())
    }
    write_index(out, done.values())
    return list(done.values())
