"""``understudy learn pairs``: humans, and the robot that follows, for a network to learn from."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from understudy.cli.console import err, out, print_json, quiet_stdout
from understudy.cli.job import LINE_EVERY, REASONS, duration
from understudy.errors import LimitError

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from understudy.pipelines.pairs import Line, PairsSummary

Kinds = Literal["plain", "mirror", "warp", "proportions", "mixed", "random"]


@dataclass(frozen=True)
class MakePairs:
    """Make pairs of a human and the robot that follows: what a neural retargeter learns from.

    Every clip as it is and mirrored, then variations: at another pace, by another body, somebody's trunk and arms on
    another's legs, random arms. Each is fitted by sequence-fit and judged frame by frame. Run the same command again
    after an interruption: what is done is not done again. The exit code is 1 if a clip or a pair failed.
    """

    data: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Human motions. In the corpus with its index test clips and all their other forms are left out, and some takes
    are kept for validation."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Where the pairs go."""
    hours: float = 8.0
    """About so many hours of motion in all."""
    robot: str = "unitree_g1"
    """A name from `understudy robots list`, or a robot folder."""
    kinds: tuple[Kinds, ...] = ("plain", "mirror", "warp", "proportions", "mixed", "random")
    """Which kinds: of plain and mirror at most one pair a clip; the others share equally what those leave over."""
    licence: Literal["permissive", "all"] = "permissive"
    """Of the corpus: only what may train weights that are given away, or everything that may be learnt from."""
    split: Literal["training", "validation"] = "training"
    """Which takes."""
    seed: int = 0
    """Another seed makes other variations."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Processes; each reads all clips for itself."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        from understudy.pipelines.pairs import PairsConfig, make_pairs

        if self.workers < 1:
            raise LimitError(f"--workers must be 1 or more; got {self.workers}.")
        robot = str(Path(self.robot).absolute()) if Path(self.robot).is_dir() else self.robot
        config = PairsConfig(self.data, robot, self.hours, self.kinds, self.licence, self.split, self.seed)
        with quiet_stdout(self.json), _watched() as watch:
            made = make_pairs(config, self.out, workers=self.workers, planned=watch.plan, told=watch.see)
        if self.json:
            print_json(_facts(made, self.out))
        else:
            _show(made, self.out)
            err().print(f"{len(made.lines) - made.kept:,} made in this run, {made.kept:,} were there before.")
        return 1 if made.failed or made.refused else 0


@dataclass(frozen=True)
class ShowPairs:
    """Tell what a folder of pairs holds: hours and good frames of each kind, and what failed."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """What `understudy learn pairs` has made, or is making."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        from understudy.pipelines.pairs import pairs_in

        made = pairs_in(self.folder)
        if self.json:
            print_json(_facts(made, self.folder))
        else:
            _show(made, self.folder)
        return 0


class _Watch:
    """What the progress line tells: ``412 of 2,400 pairs, 530 frames/s, 21 min left``."""

    def __init__(self, progress: "Progress"):
        self._progress, self._task = progress, progress.add_task("reading clips", total=None)
        self._begin = self._last = time.monotonic()
        self._total = self._done = self._frames = self._failed = 0

    def plan(self, pairs: int) -> None:
        """How many pairs there are to make."""
        self._begin, self._total = time.monotonic(), pairs
        self._progress.update(self._task, total=pairs, description="")

    def see(self, line: "Line") -> None:
        """Count one pair."""
        self._done += 1
        self._frames += line.frames
        self._failed += line.file is None
        self._progress.update(self._task, advance=1, description=self._words())
        console = self._progress.console
        if not console.is_terminal and time.monotonic() - self._last > LINE_EVERY:
            self._last = time.monotonic()
            words = f"pairs: {self._done:,} of {self._total:,}, {self._words()}"
            console.print(words, markup=False, soft_wrap=True)

    def _words(self) -> str:
        taken = time.monotonic() - self._begin
        parts = [f"{self._frames / taken:,.0f} frames/s"] if taken > 0 else []
        if 3 <= self._done < self._total:
            parts.append(f"{duration((self._total - self._done) * taken / self._done)} left")
        if self._failed:
            parts.append(f"{self._failed} failed")
        return ", ".join(parts)


@contextmanager
def _watched() -> Iterator[_Watch]:
    """A bar on stderr; a line a minute where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = err()
    columns = (TextColumn("pairs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    words = TextColumn("{task.description}")
    with Progress(
        *columns, words, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield _Watch(progress)


def _show(made: "PairsSummary", folder: Path) -> None:
    """Hours by kind, what failed and why."""
    from rich.table import Table

    table = Table(title=f"Pairs in {folder}", title_justify="left")
    for name in ("kind", "pairs", "hours", "good frames"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind, (count, hours, good) in made.by_kind().items():
        table.add_row(kind, f"{count:,}", f"{hours:.2f}", f"{100.0 * good:.1f} %")
    out().print(table)
    if made.refused:
        out().print(_reasons("Clips that cannot be read", made.refused))
    if made.failed:
        failed = [(f"{line.kind} {line.number}", line.error or "") for line in made.failed]
        out().print(_reasons("Pairs that failed", failed))


def _reasons(title: str, rows: "tuple[tuple[str, str], ...] | list[tuple[str, str]]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{title}: {len(rows)}", title_justify="left")
    table.add_column("what", overflow="fold")
    table.add_column("why", overflow="fold")
    for what, why in rows[:REASONS]:
        table.add_row(escape(what), escape(why))
    if len(rows) > REASONS:
        table.add_row("", f"… and {len(rows) - REASONS} more")
    return table


def _facts(made: "PairsSummary", folder: Path) -> dict[str, Any]:
    """The same for machines."""
    kinds = {
        kind: {"pairs": count, "hours": hours, "good_frames": good}
        for kind, (count, hours, good) in made.by_kind().items()
    }
    return {
        "out": str(folder),
        "kinds": kinds,
        "failed": [asdict(line) for line in made.failed],
        "refused": [{"clip": clip, "why": why} for clip, why in made.refused],
    }
