"""What can go wrong at a door, each with a message that says what was given, what exists, and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class UnderstudyError(Exception):
    """Any failure that a user can act on. The command line prints it as one paragraph and exits with code 2."""


class UnknownName(UnderstudyError):
    """A name that is in no list; the message offers the nearest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        known = sorted(known)
        near = get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(known)}.")


class FormatError(UnderstudyError):
    """A file that is not what it claims to be, or that does not say enough to be read."""

    def __init__(self, path: str | Path, problem: str, line: int | None = None):
        where = f"{path}, line {line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {problem}")


class SkeletonMismatch(UnderstudyError):
    """Two motions or bodies that should fit each other and do not."""


class ShapeError(UnderstudyError):
    """Arrays whose shapes or values a type cannot accept."""


class LimitError(UnderstudyError):
    """A request outside what a robot, a clip or an option allows."""


class SolverFailed(UnderstudyError):
    """A solver that could not produce a usable result."""


class MissingExtra(UnderstudyError):
    """An optional dependency that is needed now; the message names the pip line."""

    def __init__(self, package: str, purpose: str, install: str):
        super().__init__(f"{purpose} needs the package {package!r}. Install it with: {install}")


class CheckpointError(UnderstudyError):
    """A file of weights that cannot be used: not one, damaged, or made for something else."""

    def __init__(self, path: str | Path, problem: str):
        super().__init__(f"{path}: {problem}")
