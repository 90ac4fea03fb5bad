"""``understudy retarget``: human motion in, certified robot motion out, for one clip or a folder of them."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from understudy.cli.console import (
    certificate_table,
    complain,
    err,
    out,
    print_json,
    progress_bar,
    quiet_stdout,
)
from understudy.cli.inputs import Job, plan
from understudy.cli.options import Inputs, Metres, Rate, Reading, Seconds, expect, load_any
from understudy.errors import UnderstudyError, UnknownName

if TYPE_CHECKING:
    from understudy.protocols import Retargeter


@dataclass(frozen=True)
class Retarget:
    """Turn human motions into motions of a robot, each with a certificate.

    Files, glob patterns and folders; a folder is searched, and its structure is kept below --out. A clip that
    fails does not stop the others; the exit code then is 1.
    """

    files: Inputs
    """Human motions."""
    out: Path
    """A file (.npz) for one clip, or a folder."""
    robot: str = "unitree_g1"
    """A name from `understudy robots list`, or a robot folder."""
    method: str = "frame-ik"
    """How to retarget."""
    reading: Reading = field(default_factory=Reading)
    start: Seconds = None
    """Begin here (s)."""
    end: Seconds = None
    """End here (s)."""
    fps: Rate = None
    """Resample the human to this frame rate first; the robot moves at it, too."""
    human_height: Metres = None
    """The person's height in metres, where the file's skeleton has another; the clip is scaled to it."""
    ground: Literal["auto", "flat", "none"] = "auto"
    """Where the floor is: found by the feet, the lowest level of the clip, or the file's own zero."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        with quiet_stdout(self.json):
            jobs = plan(self.files, self.out, ".npz")
            retargeter = self._retargeter()
            results = self._all(jobs, retargeter)
        failed = sum("error" in result for result in results)
        if self.json:
            print_json({"robot": self.robot, "method": self.method, "failed": failed, "results": results})
        elif len(jobs) == 1 and not failed:
            _print_one(results[0])
        elif len(jobs) > 1:
            _print_all(results)
        if failed and len(jobs) == 1:
            complain(results[0]["error"])
            return 2
        return 1 if failed else 0

    def _retargeter(self) -> "Retargeter":
        from understudy import retarget, robots

        if self.method not in retarget.METHODS:
            raise UnknownName("method", self.method, retarget.METHODS)
        return retarget.METHODS[self.method](robots.load(self.robot), ground=self.ground)

    def _all(self, jobs: list[Job], retargeter: "Retargeter") -> list[dict[str, Any]]:
        """Do every job; a failure becomes an ``error`` in its result."""
        results = []
        with progress_bar() as bar:
            task = bar.add_task("retarget", total=len(jobs))
            for job in jobs:
                bar.update(task, description=job.source.name)
                begin = time.perf_counter()
                result: dict[str, Any] = {"source": str(job.source)}
                try:
                    result |= self._one(job, retargeter)
                except (UnderstudyError, OSError) as error:
                    result["error"] = str(error)
                results.append(result | {"seconds": time.perf_counter() - begin})
                bar.advance(task)
        return results

    def _one(self, job: Job, retargeter: "Retargeter") -> dict[str, Any]:
        """Retarget, certify and save one clip."""
        from understudy import evaluate, motion
        from understudy.motion.types import HumanMotion

        clip = load_any(job.source, reading=self.reading, start=self.start, end=self.end)
        human = expect(clip, HumanMotion, job.source)
        if self.fps is not None:
            human = motion.sample_every(human, self.fps)
        if self.human_height is not None:
            human = motion.scale_to_height(human, self.human_height)
        [robot_motion] = retargeter([human])
        certificate = evaluate.certify(robot_motion, human, retargeter.robot)
        self._folder_for(job.target)
        motion.save(evaluate.attach(robot_motion, certificate), job.target)
        return {
            "out": str(job.target),
            "frames": robot_motion.frames,
            "fps": robot_motion.fps,
            "duration": robot_motion.duration,
            "certificate": certificate.to_dict(),
        }

    def _folder_for(self, target: Path) -> None:
        """Create the folders below --out as results need them; for a single file its folder must exist."""
        if target != self.out:
            make_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Create a folder and those above it. Raises UnderstudyError if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnderstudyError(f"Cannot create the folder {folder} ({error.strerror}).") from error


def _print_one(result: dict[str, Any]) -> None:
    out().print(certificate_table(result["certificate"]))
    out().print(
        f"{result['out']}: {result['frames']} frames, {result['duration']:.2f} s at {result['fps']:g} fps, "
        f"made in {result['seconds']:.2f} s",
        markup=False,
        soft_wrap=True,
    )


def _print_all(results: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    folder = os.path.commonpath([os.path.dirname(os.path.abspath(result["source"])) for result in results])
    table = Table(title=escape(f"Clips in {folder}"), title_justify="left")
    table.add_column("clip", overflow="fold")
    for name in ("frames", "fps", "made in s"):
        table.add_column(name, justify="right")
    table.add_column("certificate", overflow="fold")
    for result in results:
        name = os.path.relpath(result["source"], folder)
        if "error" in result:
            # The row begins with the name already.
            problem = result["error"].removeprefix(f"{result['source']}").removeprefix(": ").lstrip(", ")
            table.add_row(escape(name), "-", "-", "-", f"[red]failed:[/] {escape(problem)}")
            continue
        failing = [check["label"] for check in result["certificate"]["checks"] if not check["passed"]]
        verdict = "[green]passed[/]" if not failing else f"[red]not passed:[/] {escape(', '.join(failing))}"
        table.add_row(
            escape(name), str(result["frames"]), f"{result['fps']:g}", f"{result['seconds']:.2f}", verdict
        )
    out().print(table)
    done = [result for result in results if "error" not in result]
    passed = sum(result["certificate"]["passed"] for result in done)
    err().print(f"{len(done)} of {len(results)} clips retargeted, {passed} with a passed certificate")
