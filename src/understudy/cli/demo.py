"""``understudy demo``: the whole way, from a built-in human motion to a robot motion with its proof."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from understudy.cli.console import certificate_table, err, metric_table, out, print_json, quiet_stdout
from understudy.cli.inputs import make_folder
from understudy.cli.view import film, note

if TYPE_CHECKING:
    from understudy.motion.types import HumanMotion, RobotMotion


@dataclass(frozen=True)
class Demo:
    """Retarget a built-in motion and write everything: human.npz, robot.npz, report.html, sheet.png,
    demo.mp4."""

    out: Path = Path("out/demo")
    """The folder for the results; it is created."""
    robot: str = "unitree_g1"
    """A name from `understudy robots list`, or a robot folder."""
    fps: float = 60.0
    """Frame rate of the motion."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print the report as one JSON document instead of tables."""

    def run(self) -> int:
        with quiet_stdout(self.json):
            report = self._make()
        if self.json:
            print_json(report)
            return 0
        console = out()
        console.print(metric_table(report))
        console.print(certificate_table(report["certificate"]))
        console.print(self._next(), markup=False, soft_wrap=True)
        return 0

    def _make(self) -> dict[str, Any]:
        """Make and write everything; returns the report."""
        from understudy import evaluate, motion, retarget, robots
        from understudy.motion import sample

        say = err().print
        robot = robots.load(self.robot)
        make_folder(self.out)
        human = sample.demo(fps=self.fps)
        say(f"A person walks, turns, waves, squats, reaches and punches: {human.duration:.1f} s.")
        say(f"Retargeting to {robot.name} (the first time ever also compiles, for a few minutes) ...")
        [robot_motion] = retarget.SequenceFit(robot)([human])
        say("Measuring ...")
        report = evaluate.report(robot_motion, human, robot)
        robot_motion = evaluate.attach(robot_motion, report.certificate)
        motion.save(human, self.out / "human.npz")
        motion.save(robot_motion, self.out / "robot.npz")
        self._draw(report.to_dict(), human, robot_motion)
        return report.to_dict()

    def _draw(self, report: dict[str, Any], human: "HumanMotion", robot_motion: "RobotMotion") -> None:
        from understudy import view

        say = err().print
        say("Drawing the report and the sheet ...")
        view.write_report(self.out / "report.html", report, human, robot_motion)
        view.sheet(self.out / "sheet.png", human, robot_motion)
        say("Filming ...")
        note(film(self.out / "demo.mp4", human, robot_motion))

    def _next(self) -> str:
        folder = self.out
        return (
            f"Written to {folder}: human.npz, robot.npz, report.html, sheet.png, demo.mp4.\n"
            "Try next:\n"
            f"  understudy view {folder}/human.npz {folder}/robot.npz\n"
            f"  understudy motion convert {folder}/robot.npz {folder}/mj.npz --as mjlab-npz --blend-home 1\n"
            f"  understudy retarget YOUR.bvh --robot {self.robot} --out {folder}/yours.npz"
        )
