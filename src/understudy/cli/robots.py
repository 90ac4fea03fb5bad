"""``understudy robots``: which robots there are, what is known of one, and how another one is taken on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from understudy.cli.console import out, print_json

if TYPE_CHECKING:
    from understudy.robots import Robot


@dataclass(frozen=True)
class List:
    """List the robots that come with the package."""

    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of a table."""

    def run(self) -> int:
        from understudy import robots

        names = list(robots.names())
        if self.json:
            print_json({"robots": names})
        else:
            out().print("\n".join(names))
        return 0


@dataclass(frozen=True)
class Show:
    """Show a robot: its joints with their limits, its landmarks, its feet."""

    robot: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """A name from `understudy robots list`, or a robot folder."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        from understudy import robots
        from understudy.robots.describe import describe

        facts = describe(robots.load(self.robot))
        if self.json:
            print_json(facts)
        else:
            _print(facts)
        return 0


@dataclass(frozen=True)
class ImportGmr:
    """Turn one of GMR's tables (a source and a robot, matched) into a preset for the method gmr-like."""

    table: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TABLE.json")]
    """One of the files in GMR's folder ik_configs."""
    out: Path
    """The preset, .json or .toml."""
    robot: str = "unitree_g1"
    """A name from `understudy robots list`, or a robot folder."""

    def run(self) -> int:
        from understudy import robots
        from understudy.retarget.gmr_table import import_gmr, write_table

        table = import_gmr(self.table, robots.load(self.robot))
        write_table(table, self.out)
        out().print(
            f"{self.out}: {len(table.bones)} bones, {len(table.stages)} stages", markup=False, soft_wrap=True
        )
        return 0


@dataclass(frozen=True)
class Onboard:
    """Write a robot folder from the model file of a humanoid (MJCF or URDF), without a hand edit."""

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """The model file, .xml or .urdf, beside its meshes."""
    name: str
    """What the robot is to be called."""
    out: Path | None = None
    """The folder to make; by default NAME in the current folder."""
    licence: str | None = None
    """A line for NOTICE: whose figures these are, under which licence. A licence file beside the model is found."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of words."""

    def run(self) -> int:
        from understudy import robots

        made = robots.onboard(self.model, self.name, self.out, self.licence)
        doubts = [asdict(doubt) for doubt in made.doubts]
        if self.json:
            print_json({"folder": str(made.folder), "doubts": doubts})
            return 0
        robot = robots.load(made.folder)
        console = out()
        parts = ", ".join(part for part in ("legs" * bool(robot.feet), "arms" * _has_arms(robot)) if part)
        size = f"{len(robot.joints)} joints, {robot.height:.2f} m, {robot.model.body_mass.sum():.1f} kg"
        console.print(f"{made.folder}: {size}, {parts}", markup=False, soft_wrap=True)
        _tell(doubts)
        console.print(f"Look at it: understudy robots doctor {made.folder}", markup=False, soft_wrap=True)
        return 0


@dataclass(frozen=True)
class Doctor:
    """Explain what is doubtful about a robot and what to write to settle it, and draw the robot.

    Exit code 1 if something makes results wrong.
    """

    robot: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """A name from `understudy robots list`, or a robot folder."""
    picture: Path | None = None
    """Where the picture goes (.png); by default NAME_doctor.png in the current folder."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of words."""

    def run(self) -> int:
        from understudy import robots
        from understudy.robots.doctor import examine
        from understudy.view.examination import write_picture

        robot = robots.load(self.robot)
        found = examine(robot)
        path = self.picture or Path(f"{robot.name}_doctor.png")
        write_picture(path, robot)
        if self.json:
            print_json({**asdict(found), "healthy": found.healthy, "picture": str(path)})
        else:
            out().print(f"{robot.name}: checked {', '.join(found.checks)}", markup=False, soft_wrap=True)
            _tell([asdict(finding) for finding in found.findings])
            out().print(f"Picture: {path}", markup=False, soft_wrap=True)
        return 0 if found.healthy else 1


@dataclass(frozen=True)
class Robots:
    """What robots there are; taking on another one."""

    what: (
        Annotated[List, tyro.conf.subcommand("list")]
        | Annotated[Show, tyro.conf.subcommand("show")]
        | Annotated[Onboard, tyro.conf.subcommand("onboard")]
        | Annotated[Doctor, tyro.conf.subcommand("doctor")]
        | Annotated[ImportGmr, tyro.conf.subcommand("import-gmr")]
    )

    def run(self) -> int:
        return self.what.run()


def _has_arms(robot: "Robot") -> bool:
    return "left_shoulder" in robot.landmarks.names


def _tell(findings: Sequence[dict[str, str]]) -> None:
    """Findings or doubts in words, each with the line that settles it."""
    console = out()
    if not findings:
        console.print("Nothing is doubtful.")
    for finding in findings:
        mark = finding.get("severity", "doubt")
        console.print(f"{mark}: {finding['about']}: {finding['says']}", markup=False, soft_wrap=True)
        console.print(f"    {finding['settle']}", markup=False, soft_wrap=True, style="dim")


def _print(facts: dict[str, Any]) -> None:
    from rich.table import Table

    console = out()
    size = f"{facts['height_m']:.2f} m, {facts['mass_kg']:.1f} kg, {facts['dof']} joints, {facts['bodies']} bodies"
    console.print(f"{facts['name']}: {size}")
    joints = Table()
    joints.add_column("joint")
    for name in ("from rad", "to rad", "rad/s", "N m"):
        joints.add_column(name, justify="right")
    for joint in facts["joints"]:
        keys = ("lower_rad", "upper_rad", "velocity_limit_rad_s", "effort_limit_nm")
        joints.add_row(joint["name"], *(f"{joint[key]:.3g}" for key in keys))
    console.print(joints)
    marks = Table("landmark", "body")
    for name, place in facts["landmarks"].items():
        marks.add_row(name, place["body"])
    console.print(marks)
    if facts["notice"]:
        console.print(facts["notice"].strip(), markup=False)
