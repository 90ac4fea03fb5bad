"""Tables of numbers as text: cells between commas, with or without a line of names above them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError
from understudy.motion.files import atomic_path
from understudy.motion.formats.doors import need

LONGEST_HEADER = 1 << 16
"""Characters looked at for the names of columns."""


class Table(NamedTuple):
    """The lines above the numbers that begin with #, the names of the columns (none without a header), the numbers, and
    the line that the first row of them stands in."""

    comments: tuple[str, ...]
    names: tuple[str, ...]
    numbers: Float[np.ndarray, "time column"]
    first: int

    def columns(self, names: tuple[str, ...], path: Path) -> Float[np.ndarray, "time column"]:
        """The columns of these names. Raises FormatError naming one that is missing, or there twice."""
        if len(set(self.names)) != len(self.names):
            raise FormatError(path, "two columns have one name.")
        at = {name: k for k, name in enumerate(self.names)}
        return self.numbers[:, [need(at, name, path) for name in names]]


def read_table(path: Path, *, header: bool) -> Table:
    """A whole table. Raises FormatError with the line that is not one of numbers."""
    lines = _lines(path)
    top = next((k for k, line in enumerate(lines) if not line.startswith("#")), len(lines))
    first = top + header
    while len(lines) > first and not lines[-1].strip():
        lines.pop()
    if len(lines) <= first:
        raise FormatError(path, "there is no frame in the file.")
    names = tuple(name.strip() for name in lines[top].split(",")) if header else ()
    width = len(lines[top].split(","))
    numbers = np.empty((len(lines) - first, width))
    for row, line in enumerate(lines[first:]):
        cells = line.split(",")
        if len(cells) != width:
            raise FormatError(
                path, f"{len(cells)} columns, where line {top + 1} has {width}.", first + row + 1
            )
        try:
            numbers[row] = [float(cell) for cell in cells]
        except ValueError as error:
            problem = str(error).split(":")[-1].strip()[:60]
            raise FormatError(path, f"not a number: {problem}.", first + row + 1) from error
        if not np.isfinite(numbers[row]).all():
            raise FormatError(path, "not a usable number (NaN or infinite).", first + row + 1)
    return Table(tuple(line[1:].strip() for line in lines[:top]), names, numbers, first + 1)


def header_of(path: Path) -> frozenset[str]:
    """The cells of the first line that is no comment; none if this is no text."""
    with path.open("rb") as file:
        begin = file.read(LONGEST_HEADER)
    try:
        lines = begin.decode(
            "utf-8-sig", errors="strict" if len(begin) < LONGEST_HEADER else "ignore"
        ).splitlines()
    except UnicodeDecodeError:
        return frozenset()
    line = next((line for line in lines if not line.startswith("#")), "")
    return frozenset(cell.strip() for cell in line.split(","))


def write_table(
    path: str | Path,
    numbers: Float[np.ndarray, "time column"],
    *,
    names: tuple[str, ...] = (),
    comments: tuple[str, ...] = (),
) -> None:
    """Write a table, nine digits a number."""
    above = [*(f"# {comment}" for comment in comments), *([",".join(names)] if names else [])]
    with atomic_path(path) as temporary:
        np.savetxt(temporary, numbers, fmt="%.9g", delimiter=",", header="\n".join(above), comments="")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(path, "this is not a text file.") from error
