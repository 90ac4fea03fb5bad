"""The text of a BVH file as a tree and a table of numbers; nothing is interpreted here."""

import warnings
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError
from understudy.motion.formats.doors import existing_file

Channel = tuple[str, int]
"""``("position" or "rotation", axis)`` with axis 0, 1, 2 for x, y, z."""

LARGEST = 1e9
"""Numbers beyond this are damage, not motion, in any unit."""

_CHANNELS: dict[str, Channel] = {
    f"{axis}{kind}": (kind, index) for index, axis in enumerate("xyz") for kind in ("position", "rotation")
}


@dataclass(frozen=True)
class BvhJoint:
    """One node as written. ``offset`` is in the file's own axes and unit; an End Site has no channels."""

    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: tuple[Channel, ...]
    is_end: bool


@dataclass(frozen=True)
class BvhText:
    """A parsed file. ``values`` has one row a frame and one column a channel, in the order of the joints."""

    path: Path
    joints: tuple[BvhJoint, ...]
    frame_time: float
    frame_time_step: float
    """The value of the last digit that the frame time was written with (s)."""
    frame_time_line: int
    values: Float[np.ndarray, "time channel"]
    renamed: tuple[str, ...]
    """What the reader had to rename, because two joints shared one name."""


def parse(path: str | Path) -> BvhText:
    """Read a BVH file's text. Raises FormatError with the line for anything that is not a whole BVH file."""
    path = existing_file(path)
    lines = _decode(path).splitlines()
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise FormatError(path, "the file holds nothing but blank lines.")
    if lines[first].strip().upper() != "HIERARCHY":
        raise FormatError(path, "a BVH file starts with the word HIERARCHY.", first + 1)
    motion = next((i for i, line in enumerate(lines) if line.strip().upper() == "MOTION"), None)
    if motion is None:
        raise FormatError(path, "there is no MOTION section; the file was cut short.", len(lines))
    tree = _Tree(path)
    for number, line in enumerate(lines[first + 1 : motion], start=first + 2):
        tree.read(line, number)
    joints, renamed = tree.finish(motion + 1)
    count, (frame_time, step), frame_time_line, body = _motion_header(path, lines, motion)
    values = _numbers(path, lines, body, count, sum(len(j.channels) for j in joints))
    return BvhText(path, joints, frame_time, step, frame_time_line, values, renamed)


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    if b"\0" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError(path, "this is a binary file; BVH is text.", 1)
    for encoding in ("utf-16",) if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig",):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    # Every byte is a letter in latin-1, so names survive; what is not BVH fails at its first line.
    return raw.decode("latin-1")


class _Tree:
    """Builds the joint list line by line; ``stack`` holds the open nodes."""

    def __init__(self, path: Path):
        self.path = path
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[tuple[float, float, float] | None] = []
        self.channels: list[tuple[Channel, ...]] = []
        self.ends: list[bool] = []
        self.stack: list[int] = []
        self.pending: int | None = None

    def read(self, line: str, number: int) -> None:
        text = line.strip()
        if text.endswith("{") and text != "{":
            self.read(text[:-1], number)
            text = "{"
        if not text:
            return
        word, _, rest = text.replace("\t", " ").partition(" ")
        kind = word.upper()
        if self.pending is not None and kind != "{":
            raise FormatError(self.path, f"expected '{{' after the joint's name, found {text!r}.", number)
        if kind in ("ROOT", "JOINT") or (kind == "END" and rest.strip().upper() == "SITE"):
            self._open(kind, rest.strip(), number)
        elif kind == "{":
            if self.pending is None:
                raise FormatError(self.path, "a '{' without a joint before it.", number)
            self.stack.append(self.pending)
            self.pending = None
        elif kind == "}":
            if not self.stack:
                raise FormatError(self.path, "one '}' too many.", number)
            if self.offsets[self.stack.pop()] is None:
                raise FormatError(self.path, "a joint ends here without an OFFSET.", number)
        elif kind in ("OFFSET", "CHANNELS") and self.stack:
            (self._offset if kind == "OFFSET" else self._channels)(rest.split(), number)
        else:
            raise FormatError(self.path, f"unexpected {text[:60]!r} in the hierarchy.", number)

    def _open(self, kind: str, name: str, number: int) -> None:
        if kind == "ROOT" and self.names:
            problem = "a second ROOT; files with several people must be split, one ROOT each."
            raise FormatError(self.path, problem, number)
        if kind != "ROOT" and not self.stack:
            raise FormatError(
                self.path, f"{kind} outside of any joint; the hierarchy starts with ROOT.", number
            )
        if kind != "END" and not name:
            raise FormatError(self.path, f"{kind} without a name.", number)
        parent = self.stack[-1] if self.stack else -1
        self.pending = len(self.names)
        self.names.append(f"{self.names[parent]}_end" if kind == "END" else name)
        self.parents.append(parent)
        self.offsets.append(None)
        self.channels.append(())
        self.ends.append(kind == "END")

    def _offset(self, words: list[str], number: int) -> None:
        numbers = [n for w in words if (n := _float(w)) is not None and _usable(n)]
        if len(words) != 3 or len(numbers) != 3:
            problem = f"OFFSET needs three finite numbers, found {' '.join(words)!r}."
            raise FormatError(self.path, problem, number)
        self.offsets[self.stack[-1]] = (numbers[0], numbers[1], numbers[2])

    def _channels(self, words: list[str], number: int) -> None:
        count = _float(words[0]) if words else None
        if count != len(words) - 1:
            problem = (
                f"CHANNELS announces {words[0] if words else 'nothing'} and names {max(len(words) - 1, 0)}."
            )
            raise FormatError(self.path, problem, number)
        unknown = [w for w in words[1:] if w.lower() not in _CHANNELS]
        if unknown:
            known = "Xposition, Yposition, Zposition, Xrotation, Yrotation, Zrotation"
            raise FormatError(self.path, f"unknown channel {unknown[0]!r}; known: {known}.", number)
        channels = tuple(_CHANNELS[w.lower()] for w in words[1:])
        if len(set(channels)) != len(channels):
            raise FormatError(self.path, "CHANNELS names the same channel twice.", number)
        if self.ends[self.stack[-1]]:
            raise FormatError(self.path, "an End Site has no channels.", number)
        self.channels[self.stack[-1]] = channels

    def finish(self, number: int) -> tuple[tuple[BvhJoint, ...], tuple[str, ...]]:
        if not self.names:
            raise FormatError(self.path, "the hierarchy has no ROOT.", number)
        if self.stack or self.pending is not None:
            open_name = self.names[self.stack[-1] if self.stack else -1]
            raise FormatError(self.path, f"the joint {open_name!r} is not closed before MOTION.", number)
        if not any(self.channels):
            raise FormatError(self.path, "no joint has channels.", number)
        names, renamed = _unique(self.names, self.ends)
        joints = tuple(
            BvhJoint(n, p, o or (0.0, 0.0, 0.0), c, e)
            for n, p, o, c, e in zip(names, self.parents, self.offsets, self.channels, self.ends, strict=True)
        )
        return joints, renamed


def _unique(names: list[str], ends: list[bool]) -> tuple[list[str], tuple[str, ...]]:
    """The names with every repetition numbered. Real joints keep their names before End Sites do."""
    taken: set[str] = set()
    out = list(names)
    renamed = []
    for i in sorted(range(len(names)), key=lambda i: (ends[i], i)):
        count = 2
        while out[i] in taken:
            out[i] = f"{names[i]}.{count}"
            count += 1
        taken.add(out[i])
        if out[i] != names[i] and not ends[i]:
            renamed.append(out[i])
    return out, tuple(renamed)


def _motion_header(path: Path, lines: list[str], motion: int) -> tuple[int, tuple[float, float], int, int]:
    """Announced frame count, frame time (s) with the value of its last digit, its line, and the index of the
    first line of numbers."""
    found: list[tuple[int, str]] = []
    at = motion + 1
    while len(found) < 2 and at < len(lines):
        if lines[at].strip():
            found.append((at + 1, lines[at].strip()))
        at += 1
    if len(found) < 2:
        raise FormatError(path, "the file ends before 'Frames:' and 'Frame Time:'.", len(lines))
    (frames_line, frames), (time_line, time) = found
    if not frames.lower().startswith("frames:"):
        raise FormatError(path, f"expected 'Frames: <count>', found {frames[:60]!r}.", frames_line)
    count = _float(frames.partition(":")[2])
    if count is None or count != count // 1 or not np.isfinite(count):
        raise FormatError(path, f"the number of frames is not a whole number: {frames[:60]!r}.", frames_line)
    if count <= 0:
        raise FormatError(
            path, f"the file announces {count:g} frames; there is no motion in it.", frames_line
        )
    label, _, seconds = time.partition(":")
    frame_time = _float(seconds)
    if "".join(label.lower().split()) != "frametime" or frame_time is None:
        raise FormatError(path, f"expected 'Frame Time: <seconds>', found {time[:60]!r}.", time_line)
    return int(count), (frame_time, _last_digit(seconds)), time_line, at


def _numbers(path: Path, lines: list[str], body: int, frames: int, columns: int) -> np.ndarray:
    """The table (time, channel), float64. Its size comes from the lines that are there, never from the
    header."""
    values = _plain_numbers(lines[body:])
    if len(values) == frames * columns and (np.abs(values) < LARGEST).all():
        return values.reshape(frames, columns)
    # Something is wrong; word by word it can be said what.
    rows = [(i, words) for i, line in enumerate(lines[body:], start=body + 1) if (words := line.split())]
    if not rows:
        raise FormatError(
            path, "there are no numbers after 'Frame Time:'; the file was cut short.", len(lines)
        )
    total = sum(len(words) for _, words in rows)
    wrapped = total == frames * columns
    if not wrapped:
        for line, words in rows:
            if len(words) != columns:
                problem = f"this frame has {len(words)} numbers; the hierarchy has {columns} channels."
                raise FormatError(path, problem, line)
        problem = (
            f"the header announces {frames} frames and the file holds {len(rows)}. "
            "If the rest is whole, correct the 'Frames:' line."
        )
        raise FormatError(path, problem, rows[-1][0])
    try:
        values = np.array([float(w) for _, words in rows for w in words])
    except ValueError:
        values = np.array([np.nan])
    if not (np.abs(values) < LARGEST).all():
        for line, words in rows:
            bad = next((w for w in words if not _usable(_float(w))), None)
            if bad is not None:
                raise FormatError(path, f"{bad[:40]!r} is not a finite number of usable size.", line)
    return values.reshape(frames, columns)


def _plain_numbers(lines: list[str]) -> np.ndarray:
    """All numbers of some lines, read by numpy in one go; none if anything else stands among them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(" ".join(lines), sep=" ")
        except (DeprecationWarning, ValueError, OverflowError):
            return np.empty(0)


def _usable(number: float | None) -> bool:
    return number is not None and abs(number) < LARGEST


def _last_digit(word: str) -> float:
    exponent = Decimal(word.strip()).as_tuple().exponent
    return 10.0**exponent if isinstance(exponent, int) else 0.0


def _float(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
