"""The numbers of an Acclaim motion file, checked against its skeleton."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats.asf import Asf
from understudy.motion.formats.doors import LARGEST
from understudy.motion.formats.number_rows import numbers_in


def read_amc(path: Path, asf: Asf) -> dict[str, np.ndarray]:
    """The channels (time, dof) of the root and of each bone that turns, as written.

    Raises FormatError with the line if a frame lacks a bone, repeats one, or has too many or too few numbers.
    """
    width = {"root": 6, **{bone.name: len(bone.dof) for bone in asf.bones if bone.dof}}
    lines = path.read_text(encoding="latin-1").splitlines()
    told = [line for line in lines if line.strip() and line.lstrip()[0] not in "#:"]
    return _by_period(told, width) or _line_by_line(path, asf, lines, width)


def _by_period(lines: Sequence[str], width: Mapping[str, int]) -> dict[str, np.ndarray] | None:
    """The channels of a file that has the same bones in the same order in every frame, as nearly all have.

    None if it has not, or if anything is wrong: reading it line by line will tell.
    """
    period = 1 + len(width)
    frames = len(lines) // period
    if not frames or len(lines) % period or not all(line.strip().isdecimal() for line in lines[::period]):
        return None
    out: dict[str, np.ndarray] = {}
    for place in range(1, period):
        words = " ".join(lines[place::period]).split()
        name = words[0]
        step = 1 + width.get(name, 0)
        if name not in width or name in out or len(words) != step * frames or set(words[::step]) != {name}:
            return None
        del words[::step]
        try:
            out[name] = np.array(words, np.float64).reshape(frames, step - 1)
        except ValueError:
            return None
        if not (np.abs(out[name]) < LARGEST).all():
            return None
    return out


def _line_by_line(
    path: Path, asf: Asf, text: Sequence[str], width: Mapping[str, int]
) -> dict[str, np.ndarray]:
    values: dict[str, list[list[str]]] = {name: [] for name in width}
    lines: dict[str, list[int]] = {name: [] for name in width}
    frames = 0
    for number, line in enumerate(text, start=1):
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        name = words[0]
        if len(words) == 1 and name.isdecimal():
            frames += 1
            continue
        if name not in width or len(words) - 1 != width[name]:
            expected = f"{width[name]} numbers" if name in width else "no bone of this name that turns"
            problem = f"{name} has {len(words) - 1} numbers; the skeleton {asf.path.name} has {expected}."
            raise FormatError(path, problem, number)
        if len(values[name]) != frames - 1:
            raise FormatError(path, f"{name} is missing or repeated before this line.", number)
        values[name].append(words[1:])
        lines[name].append(number)
    if not frames:
        raise FormatError(path, "the file has no frames.")
    for name, rows in values.items():
        if len(rows) != frames:
            problem = f"{name} is in {len(rows)} of {frames} frames; every frame needs every bone."
            raise FormatError(path, problem)
    return {name: numbers_in(path, rows, lines[name]) for name, rows in values.items()}
