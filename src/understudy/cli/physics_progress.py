"""How far a refining job is, as one sees it: clips, and of one that is performed in this process its seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.cli.console import err
from understudy.cli.job import LINE_EVERY

if TYPE_CHECKING:
    from understudy.pipelines import Outcome


class Bar:
    """What the progress line tells: clips, and of a job in this process seconds simulated and retries."""

    def __init__(self, show: Callable[[int, str], None]):
        self._show = show
        self._clip, self._step, self._back, self._wrong = "", 0, 0, 0

    def begin(self, clip: Path) -> None:
        """The name of the only clip."""
        self._clip = f"{clip.name}: "

    def watch(self, done: int, total: int) -> None:
        """``refine``'s own progress, in control steps."""
        from understudy.physics.mpc import STEP, SUBSTEPS

        dt = STEP * SUBSTEPS
        self._back += done <= self._step
        self._step = done
        tries = f", {self._back} {'retry' if self._back == 1 else 'retries'}" if self._back else ""
        self._show(0, f"{self._clip}{done * dt:.1f} of {total * dt:.1f} s{tries}{self._wrongs()}")

    def see(self, outcome: "Outcome") -> None:
        """A clip is through, and another one begins."""
        self._step = self._back = 0
        self._wrong += any(entry.status in ("failed", "dropped") for entry in outcome.entries)
        self._show(1, f"{outcome.task.id}{self._wrongs()}")

    def _wrongs(self) -> str:
        return f", {self._wrong} not finished" if self._wrong else ""


@contextmanager
def bar(total: int) -> "Iterator[Bar]":
    """A bar on stderr; a line a minute where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = err()
    columns = (TextColumn("refine"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns,
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=total)
        last, done = time.monotonic(), 0

        def show(advance: int, words: str) -> None:
            nonlocal last, done
            done += advance
            progress.update(task, advance=advance, description=words)
            if not console.is_terminal and time.monotonic() - last > LINE_EVERY:
                last = time.monotonic()
                console.print(f"refine: {done:,} of {total:,} clips, {words}", markup=False, soft_wrap=True)

        yield Bar(show)
