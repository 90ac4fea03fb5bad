"""Which code made a result: what a job must do again after the program has changed."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def code_version(rooms: Sequence[str], *data: Path) -> str:
    """The package's version with a digest of the source files of some rooms, and of folders of data.

    Data inside of the rooms (the robots') does not count by itself: of a dozen robots, one is used.
    """
    digest = hashlib.sha256()
    files = [path for room in rooms for path in _sources(PACKAGE / room)]
    files += [path for folder in data for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return f"{version('understudy')}+{digest.hexdigest()[:12]}"


def _sources(room: Path) -> list[Path]:
    return [room] if room.is_file() else sorted(p for p in room.rglob("*.py") if "data" not in p.parts)
