"""Pickles from strangers, read without running anything that is in them.

A pickle is a program. This reader knows the few names that numpy arrays and numpy numbers are built from,
refuses every other one before it is looked up, and checks that only plain containers, texts and numbers come
out.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError


def _plain_codec(text: str, encoding: str) -> bytes:
    """What pickles of protocol 2 and below use to spell bytes: the text in latin-1, and nothing else."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes spelled in the encoding {encoding!r}")
    return text.encode("latin-1")


def _array_shell(kind: type, shape: tuple[int, ...], _code: bytes) -> np.ndarray:
    """The empty array that numpy's pickles fill afterwards; never a subclass."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError("an array of another class than numpy.ndarray")
    # The type code is a placeholder; the state that follows brings the array's own.
    return np.ndarray(shape, np.int8)


def _plain_dtype(*arguments: Any) -> np.dtype:
    dtype = np.dtype(*arguments)
    if dtype.hasobject:
        raise pickle.UnpicklingError("an array of Python objects")
    return dtype


def _number(dtype: np.dtype, data: bytes | str | None = None) -> Any:
    if isinstance(data, str):  # Python 2 had one type for texts and bytes
        data = data.encode("latin-1")
    if not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(data, bytes):
        raise pickle.UnpicklingError("a numpy number of an unusual kind")
    return np.frombuffer(data, dtype, count=1)[0]


def _array_from_buffer(buffer: Any, dtype: np.dtype, shape: tuple, order: str) -> np.ndarray:
    """Protocol 5 keeps an array's bytes in one buffer."""
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise pickle.UnpicklingError("an array of Python objects")
    return np.frombuffer(buffer, dtype).reshape(shape, order="F" if order == "F" else "C")


_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _plain_dtype,
    ("_codecs", "encode"): _plain_codec,
    ("collections", "OrderedDict"): dict,
    **{
        (f"numpy.{core}.{module}", name): value
        for core in ("core", "_core")  # numpy 1 and numpy 2
        for module, name, value in (
            ("multiarray", "_reconstruct", _array_shell),
            ("multiarray", "scalar", _number),
            ("numeric", "_frombuffer", _array_from_buffer),
        )
    },
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def read_pickle(path: Path) -> Any:
    """The plain content of a pickle file: dicts, lists, tuples, texts, numbers and numpy arrays.

    Raises FormatError for damaged files and for anything else inside, naming what it asked for.
    """
    try:
        value = _Reader(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise FormatError(
            path,
            f"this pickle is damaged or holds more than numpy arrays and plain containers ({error}). "
            "Pickles can run code, so nothing else is admitted.",
        ) from error
    except (
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        MemoryError,
        RecursionError,
        AssertionError,
        ImportError,
        SystemError,
    ) as error:
        # The unpickler meets damage with whatever its opcodes happen to stumble over.
        raise FormatError(
            path, f"this is not a whole pickle file ({type(error).__name__}: {error})."
        ) from error
    odd = _first_odd(value)
    if odd is not None:
        raise FormatError(path, f"this pickle holds a {odd}; only arrays and plain containers are admitted.")
    return value


def _first_odd(value: Any) -> str | None:
    """The type of the first thing inside that is not plain, if any. Shared and circular parts are visited
    once."""
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if item is None or isinstance(item, bool | int | float | complex | str | bytes | np.generic):
            continue
        if isinstance(item, np.ndarray):
            if item.dtype.hasobject:
                return "numpy array of objects"
        elif id(item) not in seen:
            seen.add(id(item))
            if isinstance(item, dict):
                waiting += [*item.keys(), *item.values()]
            elif isinstance(item, list | tuple | set | frozenset):
                waiting += item
            else:
                return type(item).__name__
    return None
