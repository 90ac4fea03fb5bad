"""``understudy robots``: which robots there are, and what is known of one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from understudy.cli.console import out, print_json


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
class Robots:
    """What robots there are."""

    what: (
        Annotated[List, tyro.conf.subcommand("list")]
        | Annotated[Show, tyro.conf.subcommand("show")]
        | Annotated[ImportGmr, tyro.conf.subcommand("import-gmr")]
    )

    def run(self) -> int:
        return self.what.run()


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
