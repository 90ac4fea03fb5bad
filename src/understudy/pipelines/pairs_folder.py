"""A folder of pairs as jobs write it: what describes it, its index, and a lock."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from understudy.errors import FormatError, UnderstudyError
from understudy.motion.files import atomic_path
from understudy.pipelines.pairs_making import FPS, Kind

ABOUT, INDEX, LOCK = "pairs.json", "pairs.jsonl", ".pairs.lock"


@dataclass(frozen=True)
class Line:
    """What became of one pair: a line of ``pairs.jsonl``. Without a ``file`` it failed, and ``error`` says why."""

    kind: Kind
    number: int
    file: str | None = None
    frames: int = 0
    ok_frames: int = 0
    size: float = 0.0
    fps: float = FPS
    source: str = ""
    licence: str = ""
    error: str | None = None


def read_about(path: Path) -> dict[str, Any]:
    """What describes a folder. Raises FormatError."""
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(path, f"not what describes a folder of pairs: {error}") from error
    if not isinstance(there, dict):
        raise FormatError(path, "not what describes a folder of pairs.")
    return there


def read_index(folder: Path) -> list[Line]:
    """The index, without the half of a line that a killed job leaves."""
    lines = []
    for text in (folder / INDEX).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            lines.append(Line(**json.loads(text)))
        except (ValueError, TypeError):
            continue
    return lines


def write_index(out: Path, lines: Iterable[Line]) -> None:
    """The index anew, whole or not at all."""
    with atomic_path(out / INDEX) as temporary:
        temporary.write_text("".join(map(row, lines)), encoding="utf-8")


def row(line: Line) -> str:
    """A line of the index as text."""
    return json.dumps(asdict(line), ensure_ascii=False) + "\n"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """No other process writes into a folder meanwhile. Raises UnderstudyError if one does."""
    with (out / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UnderstudyError(f"Another process is writing into {out} at this moment.") from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield
