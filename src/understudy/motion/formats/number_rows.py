"""Tables of numbers in text files, read fast, with the line of the first damage named."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError
from understudy.motion.formats.doors import LARGEST


def number_rows(path: Path, columns: int) -> Float[np.ndarray, "row column"]:
    """Every line as numbers between commas or spaces; empty lines are skipped. Raises FormatError with the line."""
    rows, lines = [], []
    for number, text in enumerate(path.read_text(encoding="latin-1").splitlines(), start=1):
        words = text.replace(",", " ").split()
        if not words:
            continue
        if len(words) != columns:
            raise FormatError(path, f"{len(words)} numbers in a line; this format has {columns}.", number)
        rows.append(words)
        lines.append(number)
    if not rows:
        raise FormatError(path, "the file has no numbers.")
    return numbers_in(path, rows, lines)


def numbers_in(
    path: Path, rows: Sequence[Sequence[str]], lines: Sequence[int]
) -> Float[np.ndarray, "row column"]:
    """Words, as many in each row, as finite numbers of usable size; ``lines`` are where the rows stand in the file."""
    try:
        out = np.array(rows, dtype=np.float64)
        bad = ~(np.abs(out) < LARGEST).all(axis=1)
    except ValueError:
        out = np.zeros((0, 0))
        bad = np.array([not all(_is_number(word) for word in row) for row in rows])
    if bad.any():
        first = int(np.argmax(bad))
        wrong = next((w for w in rows[first] if not _is_number(w) or not abs(float(w)) < LARGEST), "")
        raise FormatError(path, f"{wrong[:40]!r} is no usable number.", lines[first])
    return out


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
