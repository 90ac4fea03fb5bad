"""A job over many clips as one sees it: a bar with rate and remaining time, a summary, an exit code."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.cli.console import complain, err, out, print_json, quiet_stdout
from understudy.cli.inputs import Plan
from understudy.errors import LimitError

if TYPE_CHECKING:
    from rich.table import Table

    from understudy.motion.dataset import Entry
    from understudy.pipelines import Outcome, Recipe, Summary

CLIPS_PER_WORKER = 8
"""A process takes two seconds to start; it should have so many clips to earn them."""
LINE_EVERY = 60.0
"""Seconds between two lines of progress where there is no terminal to draw a bar on."""
WORST, REASONS = 10, 20
"""Rows of the tables of the summary."""
SHOWN = {"keypoint_error": ("key points cm", 100.0), "joint_change": ("joints changed rad", 1.0)}
"""The metrics in the table of the worst clips, where any clip has them: heading, and the factor from SI units."""


@dataclass
class Watch:
    """What the progress line tells; counts of this run."""

    total: int
    begin: float = field(default_factory=time.monotonic)
    done: int = 0
    kept: int = 0
    failed: int = 0
    frames: int = 0

    def see(self, outcome: "Outcome") -> None:
        """Count one outcome."""
        self.done += 1
        self.kept += outcome.kept
        self.failed += any(entry.status == "failed" for entry in outcome.entries)
        if not outcome.kept:
            self.frames += sum(entry.frames or 0 for entry in outcome.entries)

    def words(self) -> str:
        """``5,210 frames/s, 3 min 12 s left, 2 failed``."""
        taken = time.monotonic() - self.begin
        made = self.done - self.kept
        parts = [f"{self.frames / taken:,.0f} frames/s"] if self.frames and taken > 0 else []
        if made >= 3 and self.done < self.total:
            parts.append(f"{duration((self.total - self.done) * taken / made)} left")
        if self.failed:
            parts.append(f"{self.failed} failed")
        return ", ".join(parts)


@dataclass(frozen=True)
class Job:
    """What the options of a verb say about its job: its name, where results go, who works, how it is told.

    Without ``out`` nothing is written.
    """

    verb: str
    out: Path | None
    workers: int | None = None
    cluster: str | None = None
    force: bool = False
    json: bool = False


def run_job(job: Job, plan: Plan, recipe: "Recipe", about: Mapping[str, Any]) -> int:
    """Run a job and tell about it; ``about`` heads the JSON document.

    The exit code is 0, or 1 if a clip failed, or 130 if the job was interrupted.
    """
    from understudy import pipelines

    workers = _workers(job, len(plan.tasks))
    seen: list[Entry] = []
    begin = time.perf_counter()
    interrupted = False
    with quiet_stdout(job.json), _progress(job.verb, len(plan.tasks)) as told:

        def tell(outcome: "Outcome") -> None:
            seen.extend(outcome.entries)
            told(outcome)

        try:
            summary = pipelines.run(
                plan.tasks,
                recipe,
                job.out,
                workers=workers,
                cluster=job.cluster,
                force=job.force,
                refused=plan.refused,
                told=tell,
            )
        except KeyboardInterrupt:
            interrupted = True
            summary = pipelines.Summary(tuple(seen), 0, 0, time.perf_counter() - begin)
    if job.json:
        print_json({**about, **_facts(summary, plan, job.out), "interrupted": interrupted})
    else:
        show(summary, plan, job.out)
    if interrupted:
        complain(f"interrupted after {len(seen)} clips; the same command goes on from here.")
        return 130
    return 1 if summary.counts["failed"] else 0


def _workers(job: Job, tasks: int) -> int | None:
    """As many as were asked for, else one for each core that has enough to do, or all there are in a cluster.

    Raises LimitError.
    """
    from joblib import cpu_count

    if job.workers is not None and job.workers < 1:
        raise LimitError(f"--workers must be 1 or more; got {job.workers}.")
    if job.workers is not None or job.cluster is not None:
        return job.workers
    return max(1, min(cpu_count(), tasks // CLIPS_PER_WORKER))


@contextmanager
def _progress(verb: str, total: int) -> "Iterator[Callable[[Outcome], None]]":
    """A bar on stderr; a line a minute where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console, watch = err(), Watch(total)
    columns = (
        TextColumn(verb),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        last = time.monotonic()

        def told(outcome: "Outcome") -> None:
            nonlocal last
            watch.see(outcome)
            bar.update(task, advance=1, description=watch.words())
            if not console.is_terminal and time.monotonic() - last > LINE_EVERY:
                last = time.monotonic()
                console.print(
                    f"{verb}: {watch.done:,} of {total:,} clips, {watch.words()}",
                    markup=False,
                    soft_wrap=True,
                )

        yield told


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 12 s``, ``2 h 5 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def show(summary: "Summary", plan: Plan, folder: Path | None) -> None:
    """The summary on stdout: the worst clips, why clips failed, and one closing line on stderr."""
    certified = [e for e in summary.entries if e.status == "done" and e.passed is not None]
    if certified:
        out().print(_worst_table(certified))
    for status, title in (("failed", "Failed"), ("refused", "Refused"), ("dropped", "Dropped")):
        rows = [entry for entry in summary.entries if entry.status == status]
        if rows:
            out().print(_reason_table(f"{title}: {len(rows)}", rows))
    err().print(_closing(summary, plan, folder), markup=False, soft_wrap=True)


def _worst_table(done: Sequence["Entry"]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    ranked = sorted(done, key=_badness, reverse=True)[:WORST]
    title = f"Worst of {len(done)} clips" if len(done) > WORST else "Clips, worst first"
    table = Table(title=title, title_justify="left")
    table.add_column("clip", overflow="fold")
    shown = {key: about for key, about in SHOWN.items() if any(key in entry.metrics for entry in done)}
    for name in ("frames", "fps", *(heading for heading, _ in shown.values())):
        table.add_column(name, justify="right")
    table.add_column("certificate", overflow="fold")
    for entry in ranked:
        values = [(entry.metrics.get(key), factor) for key, (_, factor) in shown.items()]
        verdict = "[green]passed[/]" if entry.passed else f"[red]not passed:[/] {escape(entry.worst or '')}"
        table.add_row(
            escape(entry.id),
            str(entry.frames),
            f"{entry.fps:g}",
            *("-" if value is None else f"{factor * value:.2g}" for value, factor in values),
            verdict,
        )
    return table


def _badness(entry: "Entry") -> tuple[int, float, float]:
    """Failed checks first, then how far beyond what is allowed, then how far from the human."""
    severity = entry.severity if entry.severity is not None and not entry.passed else 0.0
    return len(entry.failing), severity, entry.metrics.get("keypoint_error", 0.0)


def _reason_table(title: str, rows: Sequence["Entry"]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from understudy.curate.statistics import reasons_of

    table = Table(title=title, title_justify="left")
    for name in ("clips", "reason", "for example"):
        table.add_column(name, justify="right" if name == "clips" else "left", overflow="fold")
    reasons = reasons_of(rows)
    for reason, count in list(reasons.items())[:REASONS]:
        example = next(entry.id for entry in rows if reason in (entry.reason or ""))
        table.add_row(str(count), escape(reason), escape(example))
    if len(reasons) > REASONS:
        table.add_row("", f"… and {len(reasons) - REASONS} more reasons, in the manifest", "")
    return table


def _closing(summary: "Summary", plan: Plan, folder: Path | None) -> str:
    from understudy.motion.dataset import MANIFEST

    counts = summary.counts
    done = [entry for entry in summary.entries if entry.status == "done"]
    passed = sum(bool(entry.passed) for entry in done)
    parts = [f"{counts['done']} of {len(summary.entries)} clips done"]
    if any(entry.passed is not None for entry in done):
        parts[0] += f", {passed} with a passed certificate"
    parts += [f"{counts[status]} {status}" for status in ("failed", "refused", "dropped") if counts[status]]
    if summary.kept:
        parts.append(f"{summary.kept} were up to date")
    if summary.frames:
        rate = summary.frames / summary.seconds
        parts.append(f"{summary.frames:,} frames in {duration(summary.seconds)} ({rate:,.0f} frames/s)")
    if plan.aside:
        others = ", ".join(f"{count} {ending}" for ending, count in plan.aside.items())
        parts.append(f"not looked at: {others}")
    return "; ".join(parts) + ("." if folder is None else f". {folder / MANIFEST}")


def _facts(summary: "Summary", plan: Plan, folder: Path | None) -> dict[str, Any]:
    """The same for machines."""
    return {
        "out": None if folder is None else str(folder),
        **{status: summary.counts[status] for status in ("done", "failed", "refused", "dropped")},
        "up_to_date": summary.kept,
        "frames_made": summary.frames,
        "seconds": summary.seconds,
        "aside": dict(plan.aside),
        "results": [entry.to_record() for entry in summary.entries],
    }
