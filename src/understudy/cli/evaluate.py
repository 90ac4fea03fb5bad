"""``understudy evaluate``: what a robot motion is worth, in numbers and with a verdict."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from understudy.cli.console import certificate_table, err, metric_table, out, print_json, quiet_stdout
from understudy.cli.options import Name, Reading, expect, load_any
from understudy.cli.view import note


@dataclass(frozen=True)
class Evaluate:
    """Measure a robot motion against the human motion it was made from."""

    motion: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ROBOT_MOTION")]
    """The robot's motion."""
    against: str
    """The human's motion."""
    reading: Reading = field(default_factory=Reading)
    format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of the robot's motion, where its name does not settle it."""
    robot: Name = None
    """The robot whose joints a file without names holds."""
    html: Path | None = None
    """Write the report as a page, too."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        with quiet_stdout(self.json):
            from understudy import evaluate
            from understudy.motion.files import check_target
            from understudy.motion.types import HumanMotion, RobotMotion

            if self.html is not None:
                check_target(self.html)
            robot_motion = expect(
                load_any(self.motion, format=self.format, robot=self.robot), RobotMotion, self.motion
            )
            human = expect(load_any(self.against, reading=self.reading), HumanMotion, self.against)
            report = evaluate.report(robot_motion, human).to_dict()
            if self.html is not None:
                from understudy import view

                note(view.write_report(self.html, report, human, robot_motion))
        if self.json:
            print_json(report)
            return 0
        out().print(metric_table(report))
        out().print(certificate_table(report["certificate"]))
        if self.html is not None:
            err().print(f"report: {self.html}", markup=False, soft_wrap=True)
        return 0
