"""Pickles from strangers, read without running anything that is in them: plain containers and numpy arrays."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats.doors import need
from understudy.motion.formats.pickle_machine import Name, Read, Refused, StandIn, names, ordered, run

CODE = re.compile(r"[<>|=]?([biufcSU]\d{1,9}|\?)")
"""Types of plain numbers and texts, as numpy spells them."""
MOST_AXES = 32


def read_pickle(path: Path) -> Any:
    """The plain content of a pickle file: dicts, lists, tuples, texts, numbers and numpy arrays.

    Raises FormatError for damaged files and for anything else inside, naming what it asked for.
    """
    return run(path.read_bytes(), path, NUMPY)


def entry(record: Any, key: str, path: Path) -> np.ndarray:
    """An array of a dict that was read; numbers and lists of numbers become one. Raises FormatError if it has none."""
    if not isinstance(record, dict):
        raise FormatError(path, f"this format keeps a dict; found a {type(record).__name__}.")
    value = need(record, key, path)
    try:
        return np.asarray(value)
    except ValueError as error:
        raise FormatError(path, f"the entry {key!r} is no array of numbers ({error}).") from error


class NumpyType(StandIn):
    """A numpy dtype. Its pickle says the byte order apart."""

    def __init__(self, code: Any, *_: Any):
        if not (isinstance(code, str) and CODE.fullmatch(code)):
            raise Refused(f"an array of the type {str(code)[:20]!r}")
        self.dtype = np.dtype(code)

    def build(self, state: Any, _read: Read) -> None:
        _version, order, *fields = state
        if order not in ("<", ">", "|", "=") or any(fields[:3]):
            raise Refused("an array of records")
        self.dtype = self.dtype.newbyteorder(order)


class NumpyArray(StandIn):
    """A numpy array, which its pickle makes empty and fills afterwards; never a subclass."""

    array: np.ndarray | None = None

    def __init__(self, kind: Any, *_: Any):
        # Shape and type given here are placeholders; the state brings the array's own.
        check_kind(kind)

    def build(self, state: Any, _read: Read) -> None:
        shape, dtype, fortran, data = state[-4:]
        self.array = array_of(as_bytes(data), dtype, shape, "F" if fortran else "C")

    def value(self) -> Any:
        if self.array is None:
            raise Refused("an array without content")
        return self.array


def check_kind(kind: Any) -> None:
    """Raise ``Refused`` unless this is the class numpy.ndarray itself."""
    if not (isinstance(kind, Name) and kind.text == "numpy.ndarray"):
        raise Refused("an array of another class than numpy.ndarray")


def size_of(dtype: Any, shape: Any) -> int:
    """The bytes of an array, from its parts in a pickle. Raises ``Refused`` if they are none."""
    sound = isinstance(shape, tuple) and len(shape) <= MOST_AXES
    if not sound or not all(isinstance(n, int) and n >= 0 for n in shape) or not isinstance(dtype, NumpyType):
        raise Refused("an array of an unusual shape or type")
    return math.prod(shape) * dtype.dtype.itemsize


def array_of(data: bytes, dtype: Any, shape: Any, order: Any = "C") -> np.ndarray:
    """The array of these bytes, which must be exactly as many as its shape and type take."""
    if len(data) != size_of(dtype, shape) or order not in ("C", "F"):
        raise Refused(f"an array whose shape does not fit its {len(data)} bytes")
    return np.ndarray(shape, dtype.dtype, data, order=order)


def as_bytes(data: Any) -> bytes:
    """The bytes of an array; pickles of Python 2 hold them as text."""
    if isinstance(data, str):
        return data.encode("latin-1")
    if not isinstance(data, bytes):
        raise Refused("an array whose content is not bytes")
    return data


def _number(dtype: Any, data: Any = None) -> Any:
    return array_of(as_bytes(data), dtype, ())[()]


def _array_from_buffer(data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> np.ndarray:
    """Protocol 5 keeps an array's bytes in one buffer, with the axes in the order of memory."""
    if order == "K" and axes is not None:
        return array_of(as_bytes(data), dtype, shape).transpose(axes)
    return array_of(as_bytes(data), dtype, shape, order)


def _plain_codec(text: Any, encoding: Any) -> bytes:
    """What pickles of protocol 2 and below use to spell bytes: the text in latin-1, and nothing else."""
    if encoding not in ("latin1", "latin-1"):
        raise Refused(f"bytes spelled in the encoding {encoding!r}")
    return text.encode("latin-1")


NUMPY = names(
    {
        "numpy.ndarray": None,
        "numpy.dtype": NumpyType,
        "_codecs.encode": _plain_codec,
        "__builtin__.bytes": lambda: b"",  # how protocol 2 spells no bytes at all
        "collections.OrderedDict": ordered,
        **{
            f"numpy.{core}.{name}": make
            for core in ("core", "_core")  # numpy 1 and numpy 2
            for name, make in (
                ("multiarray._reconstruct", NumpyArray),
                ("multiarray.scalar", _number),
                ("numeric._frombuffer", _array_from_buffer),
            )
        },
    }
)
"""The names that numpy arrays and numpy numbers are built from."""
