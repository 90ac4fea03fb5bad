"""joblib's files, read without joblib: a pickle with the bytes of its arrays in between, compressed or not."""

import bz2
import lzma
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats.pickle_machine import Read, Refused, StandIn, names, run
from understudy.motion.formats.unpickle import NUMPY, array_of, check_kind, size_of

LARGEST = 2 << 30
"""Bytes that a compressed file may unfold to."""
LARGEST_DICTIONARY = 1 << 28
"""Bytes that lzma may want for itself."""
CHUNK = 1 << 24

COMPRESSIONS = {
    b"\x78": lambda: zlib.decompressobj(),
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"BZh": bz2.BZ2Decompressor,
    b"\x5d\x00": lambda: lzma.LZMADecompressor(memlimit=LARGEST_DICTIONARY),
    b"\xfd7zXZ": lambda: lzma.LZMADecompressor(memlimit=LARGEST_DICTIONARY),
}
"""How a compressed file begins, and what takes it apart."""
OLD, LZ4 = b"ZF0x", b"\x04\x22\x4d\x18"


def read_joblib(path: Path) -> Any:
    """The plain content of a file of ``joblib.dump``, or of any pickle: containers, texts, numbers and numpy arrays.

    Nothing in it is run. Raises FormatError for damaged files, for anything else inside, for the layout of joblib
    before 0.10 and for lz4.
    """
    return run(content(path), path, {**NUMPY, **JOBLIB})


def content(path: Path) -> bytes:
    """The bytes of a file, unfolded if it is compressed. Raises FormatError if that fails."""
    data = path.read_bytes()
    if data.startswith((OLD, LZ4)):
        kind = "joblib before 0.10 wrote" if data.startswith(OLD) else "lz4 compressed"
        raise FormatError(
            path, f"this reader does not know what {kind}. Load the file with joblib and dump it anew."
        )
    for begin, make in COMPRESSIONS.items():
        if data.startswith(begin):
            return _unfolded(data, make(), path)
    return data


def _unfolded(data: bytes, machine: Any, path: Path) -> bytes:
    parts, size = [], 0
    try:
        while not machine.eof:
            # What is left over waits inside lzma and bz2, and beside zlib.
            part = machine.decompress(data, CHUNK)
            data = getattr(machine, "unconsumed_tail", b"")
            size += len(part)
            if not part and not data:
                raise FormatError(path, "the compressed file was cut short.")
            if size > LARGEST:
                raise FormatError(path, f"the compressed file unfolds to more than {LARGEST >> 30} GB.")
            parts.append(part)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, MemoryError) as error:
        raise FormatError(path, f"the compressed file is damaged ({error}).") from error
    return b"".join(parts)


class _WrappedArray(StandIn):
    """joblib's stand-in for an array: what it is in the pickle, and after that its bytes in the file."""

    array: np.ndarray | None = None

    def build(self, state: Any, read: Read) -> None:
        if not isinstance(state, dict):
            raise Refused("an array without a description")
        check_kind(state.get("subclass"))
        if state.get("numpy_array_alignment_bytes") is not None:
            read(read(1)[0])
        dtype, shape, order = state.get("dtype"), state.get("shape"), state.get("order")
        self.array = array_of(read(size_of(dtype, shape)), dtype, shape, "F" if order == "F" else "C")

    def value(self) -> Any:
        if self.array is None:
            raise Refused("an array without content")
        return self.array


JOBLIB = names({"joblib.numpy_pickle.NumpyArrayWrapper": _WrappedArray})
