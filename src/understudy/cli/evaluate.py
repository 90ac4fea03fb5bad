"""``understudy evaluate``: what robot motions are worth, in numbers and with a verdict; and making them pass."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from understudy.cli.comparing import print_repair
from understudy.cli.console import certificate_table, err, metric_table, out, print_json, quiet_stdout
from understudy.cli.inputs import Plan, plan
from understudy.cli.job import Job, run_job
from understudy.cli.options import Inputs, Name, Reading, expect, load_any
from understudy.cli.view import note
from understudy.errors import UnderstudyError

if TYPE_CHECKING:
    from understudy.motion.types import HumanMotion
    from understudy.pipelines import CertifyClip
    from understudy.pipelines.certifying import Judged

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclass(frozen=True)
class Evaluate:
    """Measure and certify robot motions, alone or against the human motion they were made from; --repair makes
    them pass.

    One motion gives its metrics and its certificate. Several files, patterns and folders give a summary, and with
    --out a dataset. Nothing is written without --out.
    """

    files: Inputs
    """Motions of robots, in any format."""
    against: Annotated[str | None, tyro.conf.arg(metavar="HUMAN_MOTION")] = None
    """The human's motion; for one robot motion."""
    repair: Flag = False
    """Change the motion as little as it takes to pass its certificate, and compare before and after."""
    out: Path | None = None
    """A file (.npz) for the motion with its certificate, repaired if asked for; a folder for several."""
    reading: Reading = field(default_factory=Reading)
    format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of the robot's motion, where its name does not settle it."""
    robot: Name = None
    """The robot whose joints a file without names holds: a name or a robot folder."""
    html: Annotated[Path | None, tyro.conf.arg(metavar="FILE.html")] = None
    """Write the report as a page, too; for one robot motion."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Processes for many clips; one for each core if not given."""
    force: Flag = False
    """Do again what is up to date."""
    json: Flag = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        recipe = self._recipe()
        with quiet_stdout(self.json):
            made = plan(self.files, self.out, ".npz", ("robot",))
            recipe.check()
            judged = self._one(recipe, made) if made.single else None
        if judged is None:
            return self._many(recipe, made)
        told = _told(judged)
        if self.json:
            print_json(told | {"out": None if self.out is None else str(self.out)})
            return 0
        if judged.before is None:
            out().print(metric_table(told))
            out().print(certificate_table(told["certificate"]))
        else:
            print_repair(out(), told)
        self._say_what_is_written()
        return 0

    def _recipe(self) -> "CertifyClip":
        """With a human, the options for reading are about the human's file."""
        from understudy.pipelines import CertifyClip

        robot = self.robot
        if robot is not None and Path(robot).is_dir():
            robot = str(Path(robot).absolute())
        reading = self.reading.given() if self.against is None else {}
        return CertifyClip(robot, self.format, reading, self.repair)

    def _one(self, recipe: "CertifyClip", made: Plan) -> "Judged":
        """Judge one motion, and write what was asked for."""
        from understudy import motion
        from understudy.motion.files import check_target
        from understudy.motion.types import HumanMotion, RobotMotion

        if self.html is not None:
            check_target(self.html)
        [task] = made.tasks
        clip = expect(recipe.read(task.source), RobotMotion, task.source)
        human = None
        if self.against is not None:
            human = expect(load_any(self.against, reading=self.reading), HumanMotion, self.against)
        judged = recipe.judge(clip, human)
        if self.out is not None:
            motion.save(judged.motion, self.out)
        if self.html is not None:
            self._draw(self.html, judged, human)
        return judged

    def _draw(self, page: Path, judged: "Judged", human: "HumanMotion | None") -> None:
        from understudy import robots, view

        robot = robots.load(judged.motion.robot if self.robot is None else self.robot)
        note(view.write_report(page, judged.report.to_dict(), human, judged.motion, robot))

    def _many(self, recipe: "CertifyClip", made: Plan) -> int:
        for option, given in (("--against", self.against), ("--html", self.html)):
            if given is not None:
                raise UnderstudyError(f"{option} is about one motion; give one file, and a file with --out.")
        job = Job("evaluate", self.out, self.workers, None, self.force, self.json)
        return run_job(job, made, recipe, {"repair": self.repair})

    def _say_what_is_written(self) -> None:
        for what, path in (("motion", self.out), ("report", self.html)):
            if path is not None:
                err().print(f"{what}: {path}", markup=False, soft_wrap=True)
        if self.repair and self.out is None:
            err().print("The repaired motion was not written; --out FILE.npz keeps it.", soft_wrap=True)


def _told(judged: "Judged") -> dict[str, Any]:
    """The report; of a repaired motion both, and the change."""
    if judged.before is None or judged.change is None:
        return judged.report.to_dict()
    return {
        "before": judged.before.to_dict(),
        "after": judged.report.to_dict(),
        "change": asdict(judged.change),
    }
