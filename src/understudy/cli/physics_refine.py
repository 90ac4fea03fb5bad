"""``understudy physics refine``: motion in, motion that a simulated robot has performed out."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from understudy.cli.console import complain, err, out, print_json, quiet_stdout
from understudy.cli.inputs import Plan, plan
from understudy.cli.job import duration
from understudy.cli.options import Inputs, Name, Reading
from understudy.cli.physics_progress import bar
from understudy.errors import LimitError, UnderstudyError

if TYPE_CHECKING:
    from rich.table import Table

    from understudy.motion.dataset import Entry
    from understudy.physics import RefineConfig
    from understudy.pipelines import Outcome
    from understudy.pipelines.refining import RefineClip, Refined

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
Count = Annotated[int | None, tyro.conf.arg(metavar="N")]
Number = Annotated[float | None, tyro.conf.arg(metavar="X")]
ROWS = 40
"""Clips in the table on the screen; the report has all."""
MOST = {
    "root_error": "root cm",
    "joint_change": "joints rad",
    "skating": "skating cm/s",
    "retries": "retries",
    "seconds": "s",
}
"""The columns of that table, and what they are called there; the report has more."""


@dataclass(frozen=True)
class Refine:
    """Let a simulated robot perform motions, so that they are feasible: torques within the motors' limits, feet that
    the floor carries. No training, no graphics card.

    One file makes one file; several files, patterns and folders make a dataset with a manifest and a report. What the
    robot did before a fall is kept in NAME_fell.npz; such a clip counts as not done, and the exit code then is 1. Run
    the same command again after an interruption: what is done is not done again.
    """

    files: Inputs
    """Motions of robots, in any format."""
    out: Path
    """A file (.npz) for one clip, or a folder."""
    seed: int = 0
    """The same seed gives the same performance, to the bit."""
    samples: Count = None
    """Courses simulated at once for each plan; more is steadier and slower."""
    iterations: Count = None
    """How often each plan is bettered."""
    retries: Count = None
    """How often, in a clip, the robot may go back before a fall and plan more carefully."""
    cutoff: Annotated[float | None, tyro.conf.arg(metavar="HZ")] = None
    """The reference is low-passed at so many Hz; 0 follows every tremor."""
    stiffness: Number = None
    """The robot's tracking gains times this factor."""
    robot: Name = None
    """The robot whose joints a file without names holds: a name or a robot folder."""
    format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of the files, where their names do not settle it."""
    reading: Reading = field(default_factory=Reading)
    video: Flag = False
    """Write a film beside each result, too: the performance, and as a ghost what was asked for."""
    workers: Count = None
    """Clips side by side, each on one core; by default as many as there are cores. One clip alone uses all cores."""
    force: Flag = False
    """Make again what is up to date."""
    json: Flag = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        if self.workers is not None and self.workers < 1:
            raise LimitError(f"--workers must be 1 or more; got {self.workers}.")
        with quiet_stdout(self.json):
            made = plan(self.files, self.out, ".npz", ("robot",))
            recipe = self._recipe(made)
            recipe.check()
        return self._one(recipe, made) if made.single else self._many(recipe, made)

    def _recipe(self, made: Plan) -> "RefineClip":
        from understudy.pipelines.refining import FELL, RefineClip

        targets = {task.target.absolute() for task in made.tasks}
        fallen = {}
        for task in made.tasks:
            place = task.target.with_stem(task.target.stem + FELL).absolute()
            if place in targets:
                raise UnderstudyError(
                    f"{place} is the name of a result, and of another one should it fall; rename."
                )
            fallen[task.source.absolute()] = place
        robot = str(Path(self.robot).absolute()) if self.robot and Path(self.robot).is_dir() else self.robot
        return RefineClip(refine_config(self), robot, self.format, self.reading.given(), fallen)

    def _one(self, recipe: "RefineClip", made: Plan) -> int:
        """One clip into one file, or into the one of a fall."""
        from understudy import motion
        from understudy.physics import rollout_files
        from understudy.pipelines.refining_report import clips_told

        [task] = made.tasks
        begin = time.perf_counter()
        with quiet_stdout(self.json), bar(1) as told:
            told.begin(task.source)
            refined = replace(recipe, watch=told.watch).refined(task.source)
        target = task.target if refined.why is None else recipe.fallen[task.source.absolute()]
        if refined.why is None:
            motion.save(refined.motion, target)
            recipe.fallen[task.source.absolute()].unlink(missing_ok=True)
        else:
            rollout_files.save_rollout(refined.rollout, target)
        entry = _entry(task.id, refined, target)
        [clip] = clips_told([entry], {task.id: time.perf_counter() - begin})
        self._film([clip], Path())
        if self.json:
            print_json(clip)
        else:
            out().print(_one_table(clip))
            err().print(f"motion: {target}", markup=False, soft_wrap=True)
        if refined.why is not None:
            complain(f"{task.source}: {refined.why}. What it did until then is in {target}.")
        return 0 if refined.why is None else 1

    def _many(self, recipe: "RefineClip", made: Plan) -> int:
        from understudy import pipelines
        from understudy.motion import dataset
        from understudy.pipelines import refining_report

        workers = _workers(self.workers, len(made.tasks))
        threads = None if workers == 1 else 1
        recipe = replace(
            recipe, config=replace(recipe.config, plan=replace(recipe.config.plan, threads=threads))
        )
        falls = {
            task.id: recipe.fallen[task.source.absolute()].relative_to(self.out.absolute()).as_posix()
            for task in made.tasks
        }
        taken: dict[str, float] = {}
        earlier, interrupted, begin = refining_report.read(self.out), False, time.perf_counter()
        with quiet_stdout(self.json), bar(len(made.tasks)) as told:
            if workers == 1:
                recipe = replace(recipe, watch=told.watch)

            def tell(outcome: "Outcome") -> None:
                if not outcome.kept:
                    taken.update({entry.id: outcome.seconds for entry in outcome.entries})
                told.see(outcome)

            try:
                summary = pipelines.run(
                    made.tasks,
                    recipe,
                    self.out,
                    workers=workers,
                    force=self.force,
                    refused=made.refused,
                    told=tell,
                )
                entries = summary.entries
            except KeyboardInterrupt:
                interrupted = True
                known = dataset.read(self.out) if dataset.is_dataset(self.out) else ()
                entries = [entry for entry in known if entry.id in falls or entry.id in made.refused]
        clips = refining_report.clips_told(entries, taken, earlier)
        for clip in clips:
            if clip["outcome"] == "fell" and (self.out / falls[clip["clip"]]).is_file():
                clip["file"] = falls[clip["clip"]]
        refining_report.write(self.out, clips, recipe.configuration())
        if not interrupted:
            self._film(clips, self.out)
        self._tell(clips, interrupted, time.perf_counter() - begin)
        if interrupted:
            complain(f"interrupted after {len(taken)} clips; the same command goes on from here.")
            return 130
        return 1 if any(clip["outcome"] in ("fell", "failed") for clip in clips) else 0

    def _tell(self, clips: list[dict[str, Any]], interrupted: bool, seconds: float) -> None:
        """The tables, or the document, of a job."""
        from understudy.pipelines import refining_report

        found = refining_report.totals(clips)
        if self.json:
            print_json({"out": str(self.out), **found, "interrupted": interrupted, "clips": clips})
            return
        out().print(_table(clips))
        for clip in clips:
            if clip["reason"]:
                out().print(f"{clip['clip']}: {clip['reason']}", markup=False, soft_wrap=True)
        counts = ", ".join(f"{found[name]} {name}" for name in ("finished", "fell", "failed", "refused"))
        words = f"{len(clips)} clips: {counts}; {duration(seconds)}. {self.out / refining_report.MARKDOWN}"
        err().print(words, markup=False, soft_wrap=True)

    def _film(self, clips: list[dict[str, Any]], folder: Path) -> None:
        """A film beside each performance that has none, or an older one."""
        from understudy import robots
        from understudy.cli.physics_play import film
        from understudy.physics import rollout_files

        if not self.video:
            return
        robot = None if self.robot is None else robots.load(self.robot)
        for clip in clips:
            if clip["file"] is None:
                continue
            source = folder / clip["file"]
            path = source.with_suffix(".mp4")
            if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
                film(path, rollout_files.load_rollout(source), robot)


def refine_config(options: "Refine") -> "RefineConfig":
    """The library's own configuration but for what was said. Raises LimitError for numbers that make no plan."""
    from understudy.physics import RefineConfig

    config = RefineConfig(seed=options.seed)
    plans = {name: getattr(options, name) for name in ("samples", "iterations")}
    said = {name: getattr(options, name) for name in ("retries", "stiffness")}
    config = replace(
        config,
        plan=replace(config.plan, **{k: v for k, v in plans.items() if v is not None}),
        **{k: v for k, v in said.items() if v is not None},
    )
    return config if options.cutoff is None else replace(config, cutoff=options.cutoff or None)


def _one_table(clip: dict[str, Any]) -> "Table":
    """The numbers of one clip, one a row."""
    from rich.markup import escape
    from rich.table import Table

    from understudy.pipelines.refining_report import HEADINGS, cells

    table = Table(title=f"{escape(clip['clip'])}: {_coloured(clip['outcome'])}", title_justify="left")
    table.add_column("")
    table.add_column("value", justify="right")
    for key, value in cells(clip).items():
        table.add_row(HEADINGS[key], value)
    return table


def _table(clips: list[dict[str, Any]]) -> "Table":
    """What matters most of each clip, those that did not finish first."""
    from rich.markup import escape
    from rich.table import Table

    from understudy.pipelines.refining_report import cells

    ranked = sorted(clips, key=lambda clip: (clip["outcome"] == "finished", -(clip.get("root_error") or 0.0)))
    shown = ranked[:ROWS]
    title = f"{len(shown)} of {len(clips)} clips, worst first" if len(clips) > len(shown) else None
    table = Table(title=title, title_justify="left")
    table.add_column("clip", overflow="fold")
    table.add_column("outcome")
    for name in MOST.values():
        table.add_column(name, justify="right", no_wrap=True)
    for clip in shown:
        told = cells(clip)
        table.add_row(escape(clip["clip"]), _coloured(clip["outcome"]), *(told[name] for name in MOST))
    return table


def _coloured(outcome: str) -> str:
    return f"[{'green' if outcome == 'finished' else 'red'}]{outcome}[/]"


def _entry(name: str, refined: "Refined", target: Path) -> "Entry":
    """The row that a job would have written."""
    from understudy.motion.dataset import Entry

    certificate = refined.motion.origin.certificate
    return Entry(
        name,
        name,
        "done" if refined.why is None else "dropped",
        refined.why,
        str(target),
        duration=refined.motion.duration,
        passed=None if certificate is None else bool(certificate["passed"]),
        metrics={key: value for key, value in refined.metrics.items() if value is not None},
    )


def _workers(wanted: int | None, tasks: int) -> int:
    from joblib import cpu_count

    return wanted if wanted is not None else max(1, min(cpu_count(), tasks))
