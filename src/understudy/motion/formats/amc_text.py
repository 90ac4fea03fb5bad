"""The numbers of an Acclaim motion file, checked against its skeleton."""

from pathlib import Path

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats.asf import Asf
from understudy.motion.formats.number_rows import numbers_in


def read_amc(path: Path, asf: Asf) -> dict[str, np.ndarray]:
    """The channels (time, dof) of the root and of each bone that turns, as written.

    Raises FormatError with the line if a frame lacks a bone, repeats one, or has too many or too few numbers.
    """
    width = {"root": 6, **{bone.name: len(bone.dof) for bone in asf.bones if bone.dof}}
    values: dict[str, list[list[str]]] = {name: [] for name in width}
    lines: dict[str, list[int]] = {name: [] for name in width}
    frames = 0
    for number, text in enumerate(path.read_text(encoding="latin-1").splitlines(), start=1):
        words = text.split()
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
            raise FormatError(
                path, f"{name} is in {len(rows)} of {frames} frames; every frame needs every bone."
            )
    return {name: numbers_in(path, rows, lines[name]) for name, rows in values.items()}
