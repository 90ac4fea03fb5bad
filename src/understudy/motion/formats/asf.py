"""Acclaim skeletons (.asf), as text: bones, how they turn, and how they hang together.

A bone's direction is given in the world of the rest pose. Its degrees of freedom turn it about axes that are tilted
by ``axis`` against that world, the first one listed first, each about a fixed axis.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats.doors import LARGEST, existing_file
from understudy.rotations import quat_about, quat_mul

TURNS = ("rx", "ry", "rz")
MOST_BONES = 1000
INCH = 0.0254


@dataclass
class Bone:
    """A bone as read; ``direction`` unit, ``length`` in the file's units, angles in radians. Built up line by line."""

    name: str = ""
    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: np.ndarray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0, 0.0]))
    dof: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Asf:
    """A skeleton. ``bones`` come parents first and ``parents`` are their indices, -1 for those on the root.

    ``unit`` is the length of one unit in metres by the file's own word; ``order`` the root's channels, ``axis``
    (4,) its tilt; ``degrees`` tells the unit of all angles; ``name`` is what the file calls the body.
    """

    path: Path
    name: str
    unit: float
    degrees: bool
    order: tuple[str, ...]
    axis: np.ndarray
    bones: tuple[Bone, ...]
    parents: tuple[int, ...]


@dataclass(frozen=True)
class _Line:
    number: int
    words: tuple[str, ...]


def read_asf(path: str | Path) -> Asf:
    """Read a skeleton. Raises FormatError with the line."""
    path = existing_file(path)
    sections = _sections(path)
    for name in (":root", ":bonedata", ":hierarchy"):
        if name not in sections:
            raise FormatError(path, f"the section {name} is missing; this is no Acclaim skeleton.")
    units = {line.words[0]: line for line in sections.get(":units", [])}
    degrees = "angle" not in units or not units["angle"].words[-1].startswith("rad")
    scale = _numbers(path, units["length"], 1)[0] if "length" in units else 1.0
    if not 1e-6 < scale < 1e6:
        raise FormatError(path, f"a unit of length of {scale:g} is that of no body.", units["length"].number)
    root = {line.words[0]: line for line in sections[":root"]}
    order = tuple(word.lower() for word in root["order"].words[1:]) if "order" in root else ()
    if sorted(order) != ["rx", "ry", "rz", "tx", "ty", "tz"]:
        raise FormatError(path, "the root's order must name TX TY TZ RX RY RZ, in any order.")
    tilt = np.zeros(3)
    if "orientation" in root:
        tilt = np.array(_numbers(path, root["orientation"], 3))
    axes = "".join(root["axis"].words[1:]) if "axis" in root else "xyz"
    turn = _rotation(axes, tilt, degrees, path, root["axis"].number if "axis" in root else None)
    bones, parents = _tree(path, _bones(path, sections[":bonedata"], degrees), sections[":hierarchy"])
    name = " ".join(word for line in sections.get(":name", [])[:1] for word in line.words)
    return Asf(path, name, INCH / scale, degrees, order, turn, bones, parents)


def turns(axes: str, angles: np.ndarray) -> np.ndarray:
    """Rotations about the fixed axes of the parent, the first one first: (..., axis) rad → (..., 4)."""
    quat = quat_about(axes[0], angles[..., 0])
    for k, axis in enumerate(axes[1:], start=1):
        quat = quat_mul(quat_about(axis, angles[..., k]), quat)
    return quat


def _sections(path: Path) -> dict[str, list[_Line]]:
    """The lines under each ``:keyword``; words behind the keyword count as its first line."""
    out: dict[str, list[_Line]] = {}
    current: list[_Line] = []
    for number, text in enumerate(path.read_text(encoding="latin-1").splitlines(), start=1):
        words = tuple(text.split("#")[0].replace("(", " ").replace(")", " ").split())
        if not words:
            continue
        if words[0].startswith(":"):
            current = out.setdefault(words[0].lower(), [])
            words = words[1:]
        if words:
            current.append(_Line(number, words))
    return out


def _bones(path: Path, lines: list[_Line], degrees: bool) -> dict[str, Bone]:
    out: dict[str, Bone] = {}
    bone = Bone()
    for line in lines:
        word = line.words[0].lower()
        if word == "begin":
            bone = Bone(line=line.number)
        elif word == "name" and len(line.words) > 1:
            bone.name = line.words[1]
        elif word == "direction":
            bone.direction = np.array(_numbers(path, line, 3))
        elif word == "length":
            bone.length = _numbers(path, line, 1)[0]
        elif word == "axis":
            axes = line.words[4] if len(line.words) > 4 else "xyz"
            bone.axis = _rotation(axes, np.array(_numbers(path, line, 3)), degrees, path, line.number)
        elif word == "dof":
            bone.dof = tuple(w.lower() for w in line.words[1:])
            if any(w not in TURNS for w in bone.dof):
                problem = f"bones that do more than turn ({' '.join(line.words)}) are not supported."
                raise FormatError(path, problem, line.number)
        elif word == "end":
            _close(path, bone, out)
    return out


def _close(path: Path, bone: Bone, bones: dict[str, Bone]) -> None:
    """Add a finished bone. Its direction is unit up to rounding, and some writers forget to make it so."""
    size = np.linalg.norm(bone.direction)
    if not bone.name or bone.name in bones or bone.name == "root" or len(bones) >= MOST_BONES:
        raise FormatError(path, f"the bone {bone.name!r} has no name of its own.", bone.line)
    if not (size > 0.1 or bone.length == 0.0):
        raise FormatError(path, f"the bone {bone.name!r} has no direction.", bone.line)
    bone.direction = bone.direction / size if size > 0.1 else bone.direction
    bones[bone.name] = bone


def _tree(path: Path, bones: dict[str, Bone], lines: list[_Line]) -> tuple[tuple[Bone, ...], tuple[int, ...]]:
    """All bones that hang on the root, parents first."""
    children: dict[str, list[str]] = {}
    hung: set[str] = set()
    for line in lines:
        parent, *rest = line.words
        if parent.lower() in ("begin", "end"):
            continue
        for child in rest:
            if child not in bones or child in hung or (parent != "root" and parent not in bones):
                problem = (
                    f"{parent} cannot carry {child}: unknown bones, or one that hangs elsewhere already."
                )
                raise FormatError(path, problem, line.number)
            hung.add(child)
            children.setdefault(parent, []).append(child)
    order: list[str] = []
    waiting = ["root"]
    while waiting:
        name = waiting.pop()
        order += [name] * (name != "root")
        waiting += reversed(children.get(name, []))
    above = {child: parent for parent, below in children.items() for child in below}
    parents = [order.index(above[name]) if above[name] != "root" else -1 for name in order]
    if not order:
        raise FormatError(path, "no bone hangs on the root.")
    return tuple(bones[name] for name in order), tuple(parents)


def _rotation(
    axes: str, angles: np.ndarray, degrees: bool, path: Path, line: int | None = None
) -> np.ndarray:
    if sorted(axes.lower()) != ["x", "y", "z"]:
        raise FormatError(path, f"{axes!r} is no order of axes; XYZ is one.", line)
    return turns(axes.lower(), np.radians(angles) if degrees else angles)


def _numbers(path: Path, line: _Line, count: int) -> list[float]:
    try:
        values = [float(word) for word in line.words[1 : 1 + count]]
    except ValueError:
        values = []
    if len(values) != count or not all(abs(v) < LARGEST for v in values):
        raise FormatError(
            path, f"{line.words[0]} needs {count} numbers; found {' '.join(line.words[1:])!r}.", line.number
        )
    return values
