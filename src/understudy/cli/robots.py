"""``understudy robots``: which robots there are, and what is known of one."""

from dataclasses import dataclass
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

        facts = _facts(robots.load(self.robot))
        if self.json:
            print_json(facts)
        else:
            _print(facts)
        return 0


@dataclass(frozen=True)
class Robots:
    """What robots there are."""

    what: Annotated[List, tyro.conf.subcommand("list")] | Annotated[Show, tyro.conf.subcommand("show")]

    def run(self) -> int:
        return self.what.run()


def _facts(robot: Any) -> dict[str, Any]:
    columns = zip(
        robot.joints, robot.lower, robot.upper, robot.velocity_limit, robot.effort_limit, strict=True
    )
    return {
        "name": robot.name,
        "height": robot.height,
        "joints": [
            {"name": n, "lower": float(a), "upper": float(b), "velocity": float(v), "effort": float(e)}
            for n, a, b, v, e in columns
        ],
        "bodies": list(robot.bodies),
        "landmarks": {
            name: robot.bodies[carrier]
            for name, carrier in zip(robot.landmarks.names, robot.landmarks.carriers, strict=True)
        },
        "feet": {side: foot.body for side, foot in robot.feet.items()},
        "notice": robot.notice,
    }


def _print(facts: dict[str, Any]) -> None:
    from rich.table import Table

    console = out()
    size = f"{len(facts['joints'])} joints, {len(facts['bodies'])} bodies"
    console.print(f"{facts['name']}: {facts['height']:.2f} m, {size}")
    joints = Table()
    joints.add_column("joint")
    for name in ("from rad", "to rad", "rad/s", "N m"):
        joints.add_column(name, justify="right")
    for j in facts["joints"]:
        joints.add_row(j["name"], *(f"{j[key]:.3g}" for key in ("lower", "upper", "velocity", "effort")))
    console.print(joints)
    marks = Table("landmark", "body")
    for name, body in facts["landmarks"].items():
        marks.add_row(name, body)
    console.print(marks)
    if facts["notice"]:
        console.print(facts["notice"].strip(), markup=False)
