"""Torch's files (.pt, .motion) written with numpy alone, so that ``torch.load(weights_only=True)`` reads them."""

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import UnderstudyError
from understudy.motion.files import atomic_path
from understudy.motion.formats.torch_file import STORAGES

KINDS = {np.dtype(code): name for name, code in STORAGES.items() if code != "bfloat16"}
"""torch's name for a run of numbers, by numpy's type of them."""
CALL = {"tensor": b"ctorch._utils\n_rebuild_tensor_v2\n", "hooks": b"ccollections\nOrderedDict\n)R"}


def write_torch(record: dict[str, Any], path: str | Path) -> None:
    """Write a dict of arrays, numbers, texts, None, and lists, tuples and dicts of them; arrays become CPU tensors.

    Raises UnderstudyError for anything else. A failure leaves no file behind.
    """
    arrays: list[np.ndarray] = []
    program = b"\x80\x02" + _spelled(record, arrays) + b"."
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        entries = {"data.pkl": program, "byteorder": b"little"}
        entries |= {f"data/{k}": _little(array).tobytes() for k, array in enumerate(arrays)}
        for name, content in (entries | {"version": b"3\n"}).items():
            # Without a date of its own, equal content makes equal files.
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)


def _spelled(value: Any, arrays: list[np.ndarray]) -> bytes:
    """The opcodes (pickle protocol 2) that push a value; arrays are set aside and referred to by their number."""
    match value:
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            size = value.bit_length() // 8 + 1
            return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            text = value.encode("utf-8")
            return b"X" + struct.pack("<I", len(text)) + text
        case list():
            return b"](" + b"".join(_spelled(item, arrays) for item in value) + b"e"
        case tuple():
            return b"(" + b"".join(_spelled(item, arrays) for item in value) + b"t"
        case dict():
            pairs = (_spelled(part, arrays) for pair in value.items() for part in pair)
            return b"}(" + b"".join(pairs) + b"u"
        case np.ndarray() if value.dtype in KINDS:
            return _tensor(value, arrays)
    raise UnderstudyError(f"A torch file holds tensors, texts and numbers, not a {type(value).__name__}.")


def _tensor(array: np.ndarray, arrays: list[np.ndarray]) -> bytes:
    """A call that rebuilds a tensor: its run of numbers, offset, shape, strides, no gradient and no hooks."""
    array = np.asarray(array, order="C")
    kind = b"ctorch\n" + KINDS[array.dtype].encode() + b"\n"
    key, strides = str(len(arrays)), tuple(step // array.itemsize for step in array.strides)
    arrays.append(array)
    storage = b"(" + _spelled("storage", arrays) + kind
    storage += b"".join(_spelled(part, arrays) for part in (key, "cpu", array.size)) + b"tQ"
    rest = b"".join(_spelled(part, arrays) for part in (0, array.shape, strides, False))
    return CALL["tensor"] + b"(" + storage + rest + CALL["hooks"] + b"tR"


def _little(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
