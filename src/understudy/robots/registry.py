"""Robots by name, or by the path of a robot folder."""

from functools import cache
from pathlib import Path

from understudy.errors import UnknownName
from understudy.robots import folder
from understudy.robots.robot import Robot

DATA = Path(__file__).parent / "data"


def names() -> tuple[str, ...]:
    """The robots that come with the package."""
    return tuple(sorted(path.parent.name for path in DATA.glob("*/robot.toml")))


def load(name: str | Path) -> Robot:
    """A robot of the package, or the one described in a folder. The same robot is read once and shared.

    Raises UnknownName, which offers the nearest name, and FormatError for a folder with a fault.
    """
    if str(name) in names():
        return _read(DATA / str(name))
    if (Path(name) / "robot.toml").is_file():
        return _read(Path(name).resolve())
    raise UnknownName("robot", str(name), names())


@cache
def _read(path: Path) -> Robot:
    return folder.read(path)
