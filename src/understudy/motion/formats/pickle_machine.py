"""The one machine that runs pickles here, and what it cannot be made to do.

A pickle is a program: its opcodes push values, look names up and call what they found. This machine keeps the opcodes
for plain containers, texts and numbers. Names are looked up in a table that the caller gives, never in a module; only
what stands in that table can be called, and only the stand-ins that it makes take a state. What comes out is rebuilt
from dicts, lists, tuples, texts, numbers and arrays, so nothing else can be left inside.
"""

import io
import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from understudy.errors import FormatError

DEEPEST = 64
"""Containers nested deeper than this are damage, or an attack on the stack."""
UNUSED = b"".join(
    (
        *(pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX, pickle.EXT1, pickle.EXT2, pickle.EXT4),
        *(pickle.NEXT_BUFFER, pickle.READONLY_BUFFER, pickle.EMPTY_SET, pickle.FROZENSET, pickle.ADDITEMS),
    )
)
"""Opcodes that no file of numbers needs."""

# What each opcode does in the standard library, by its number.
_ORIGINAL: dict[int, Any] = dict(pickle._Unpickler.dispatch)

Refused = pickle.UnpicklingError
"""Raised inside the machine; ``run`` turns it into a FormatError that names the file."""
Read = Callable[[int], bytes]


@dataclass(frozen=True)
class Name:
    """A name that a pickle may use: how it is spelled, and what a call of it makes (None if it is only mentioned)."""

    text: str
    make: Callable[..., Any] | None = None


Names = Mapping[str, Name]


def names(table: Mapping[str, Callable[..., Any] | None]) -> Names:
    """The table of names from ``module.name`` and what a call of each makes."""
    return {text: Name(text, make) for text, make in table.items()}


class StandIn:
    """What a name makes, until its state is known: ``build`` takes the state (and may read raw bytes that follow in
    the file), ``value`` is what goes into the result."""

    def build(self, _state: Any, _read: Read) -> None:
        raise Refused(f"a {type(self).__name__} with a state of its own")

    def value(self) -> Any:
        raise Refused(f"a bare {type(self).__name__}")


class _Machine(pickle._Unpickler):
    stack: list[Any]

    def __init__(self, data: bytes, table: Names, persistent: Callable[[Any], Any] | None):
        stream = io.BytesIO(data)
        # Python 2 had one type for texts and bytes; latin-1 keeps every byte of either.
        super().__init__(stream, encoding="latin1")
        self._raw, self._table, self._persistent = stream.read, table, persistent

    def find_class(self, module: str, name: str) -> Name:
        text = f"{module}.{name}"
        if text not in self._table:
            raise Refused(f"it asks for {text}")
        return self._table[text]

    def persistent_load(self, pid: Any) -> Any:
        if self._persistent is None:
            raise Refused("it refers to objects outside of it")
        return self._persistent(pid)

    def load_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack[-1]
        if not (isinstance(function, Name) and function.make and isinstance(arguments, tuple)):
            raise Refused("it calls what is no function")
        self.stack[-1] = function.make(*arguments)

    def load_build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, StandIn):
            raise Refused(f"it changes a {type(target).__name__}")
        target.build(state, self._raw)

    def load_setitem(self) -> None:
        _check_keys(self.stack[-2:-1])
        _ORIGINAL[pickle.SETITEM[0]](self)

    def load_setitems(self) -> None:
        _check_keys(self.stack[::2])
        _ORIGINAL[pickle.SETITEMS[0]](self)

    def load_dict(self) -> None:
        _check_keys(self.stack[::2])
        _ORIGINAL[pickle.DICT[0]](self)

    dispatch: ClassVar[dict[int, Any]] = {
        **{opcode: step for opcode, step in _ORIGINAL.items() if opcode not in UNUSED},
        pickle.REDUCE[0]: load_reduce,
        pickle.NEWOBJ[0]: load_reduce,
        pickle.BUILD[0]: load_build,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.DICT[0]: load_dict,
        # The original allocates what the file merely claims.
        pickle.BYTEARRAY8[0]: _ORIGINAL[pickle.BINBYTES8[0]],
    }


def _check_keys(keys: list[Any]) -> None:
    """Texts and numbers only: hashing nested tuples can take forever."""
    for key in keys:
        if not (key is None or isinstance(key, str | bytes | int | float)):
            raise Refused(f"a dict with a {type(key).__name__} for a key")


def ordered(pairs: Any = ()) -> dict[Any, Any]:
    """collections.OrderedDict, which older pickles fill with a list of pairs."""
    pairs = [tuple(pair) for pair in pairs]
    _check_keys([pair[0] for pair in pairs])
    return dict(pairs)


def run(
    data: bytes,
    path: Path,
    table: Names,
    *,
    persistent: Callable[[Any], Any] | None = None,
    finish: bool = True,
) -> Any:
    """What a pickle holds: dicts, lists, tuples, texts, numbers and arrays.

    ``table`` says which names it may use, ``persistent`` answers its references to objects outside of it. Without
    ``finish``, stand-ins stay as they are (see ``plain``). Raises FormatError for damaged files and for anything else
    inside, naming what it asked for.
    """
    try:
        value = _Machine(data, table, persistent).load()
        return plain(value) if finish else value
    except Refused as error:
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
        struct.error,
    ) as error:
        # The machine meets damage with whatever its opcodes happen to stumble over.
        raise FormatError(
            path, f"this is not a whole pickle file ({type(error).__name__}: {error})."
        ) from error


def plain(value: Any) -> Any:
    """The value rebuilt from plain things alone, every stand-in replaced by what it stands for. Parts that are shared
    stay shared. Raises ``Refused`` for anything odd."""
    return _plain(value, {}, 0)


def _plain(value: Any, done: dict[int, Any], depth: int) -> Any:
    if value is None or isinstance(
        value, bool | int | float | complex | str | bytes | np.generic | np.ndarray
    ):
        return value
    if depth > DEEPEST:
        raise Refused(f"containers nested more than {DEEPEST} deep")
    if id(value) not in done:
        if isinstance(value, StandIn):
            made = value.value()
        elif isinstance(value, dict):
            made = {key: _plain(item, done, depth + 1) for key, item in value.items()}
        elif isinstance(value, list):
            made = [_plain(item, done, depth + 1) for item in value]
        elif isinstance(value, tuple):
            made = tuple(_plain(item, done, depth + 1) for item in value)
        else:
            raise Refused(f"a {value.text if isinstance(value, Name) else type(value).__name__}")
        done[id(value)] = made
    return done[id(value)]
