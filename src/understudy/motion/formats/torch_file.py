"""torch's files (.pt, .motion) with numpy alone: a zip archive of one pickle and the raw numbers of its tensors.

Reading runs nothing: the pickle may ask for tensors of numbers and plain containers, and every tensor is checked to lie
within the numbers that are there before one of them is touched.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats.pickle_machine import Name, Names, Refused, StandIn, names, run
from understudy.motion.formats.unpickle import MOST_AXES, NUMPY

BFLOAT16 = "bfloat16"
STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
"""torch's names for runs of numbers, and numpy's for the numbers."""
LEGACY = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
"""The number that torch's files began with before they were archives."""
WIDEST = 1 << 24
"""Elements of a tensor that is wider than its numbers, because an axis repeats them (``Tensor.expand``)."""


def read_torch(path: Path, also: Mapping[str, Callable[..., Any] | None] | None = None) -> Any:
    """What a torch file holds: dicts, lists, tuples, texts, numbers, and tensors as (read-only) numpy arrays.

    bfloat16 becomes float32. ``also`` names further things that this file may hold, and what makes a plain value of
    them. Raises FormatError for damaged files and for anything else inside.
    """
    with _Archive(path) as archive:
        return run(archive.bytes("data.pkl"), path, _table(also), persistent=archive.storage)


def entries(path: Path, also: Mapping[str, Callable[..., Any] | None] | None = None) -> frozenset[str]:
    """The keys of the dict that a torch file holds, its numbers unread; none if it holds something else.

    Raises FormatError as ``read_torch`` does.
    """
    with _Archive(path) as archive:
        found = run(archive.bytes("data.pkl"), path, _table(also), persistent=archive.storage, finish=False)
    return frozenset(map(str, found)) if isinstance(found, dict) else frozenset()


class _Archive:
    """An open torch file. Raises FormatError for whatever is none."""

    def __init__(self, path: Path):
        self.path, self._open = path, {}
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise FormatError(path, _no_archive(path)) from error
        self._infos = {info.filename: info for info in self._zip.infolist()}
        roots = [name.removesuffix("data.pkl") for name in self._infos if name.endswith("/data.pkl")]
        if len(roots) != 1:
            self._zip.close()
            raise FormatError(path, "this zip archive is no torch file: it holds no data.pkl.")
        self._root = roots[0]
        # Numbers that lie on top of each other would be read once for every name.
        if sum(info.file_size for info in self._infos.values()) > path.stat().st_size:
            self._zip.close()
            raise FormatError(path, "the archive claims to hold more than its own size.")

    def __enter__(self) -> "_Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def bytes(self, name: str) -> bytes:
        """One entry of the archive. Raises FormatError if it is missing, compressed or damaged."""
        info = self._infos.get(self._root + name)
        if info is None:
            raise FormatError(self.path, f"the torch file lacks its entry {name!r}.")
        if info.compress_type != zipfile.ZIP_STORED:
            raise FormatError(self.path, "torch does not compress its files, but this one is.")
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise FormatError(self.path, f"the torch file is damaged ({error}).") from error

    def byte_order(self) -> Literal["<", ">"]:
        """How numpy names the order of the bytes in every number."""
        known = f"{self._root}byteorder" in self._infos
        return ">" if known and self.bytes("byteorder") == b"big" else "<"

    def storage(self, reference: Any) -> "_Storage":
        """The run of numbers that a pickle refers to: ("storage", type, key, device, count)."""
        _kind, kind, key, _device, count = reference
        code = STORAGES.get(kind.text.removeprefix("torch.")) if isinstance(kind, Name) else None
        if code is None or not isinstance(key, str) or not isinstance(count, int):
            raise Refused("a tensor of an unusual kind")
        if (key, code) not in self._open:
            self._open[key, code] = _Storage(self, key, code, count)
        return self._open[key, code]


class _Storage(StandIn):
    """A run of numbers, read when first asked for."""

    def __init__(self, archive: _Archive, key: str, code: str, count: int):
        self._archive, self._key, self._code, self.count = archive, key, code, count
        self._numbers: np.ndarray | None = None

    def numbers(self) -> np.ndarray:
        if self._numbers is None:
            data = self._archive.bytes(f"data/{self._key}")
            dtype = np.dtype("u2" if self._code == BFLOAT16 else self._code)
            if len(data) != self.count * dtype.itemsize:
                raise Refused(f"{self.count} numbers in {len(data)} bytes")
            order = self._archive.byte_order()
            found = np.frombuffer(data, dtype.newbyteorder(order)).astype(dtype, copy=False)
            # A bfloat16 is the upper half of a float32.
            self._numbers = (found.astype("u4") << 16).view("f4") if self._code == BFLOAT16 else found
        return self._numbers


class _Tensor(StandIn):
    """A view into a run of numbers: where it begins, and the steps along its axes."""

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any):
        whole = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or not all(isinstance(n, int) and n >= 0 for n in whole):
            raise Refused("a tensor of an unusual kind")
        if len(shape) != len(strides) or len(shape) > MOST_AXES:
            raise Refused("a tensor whose shape and strides do not fit")
        self._storage, self._offset, self._shape, self._strides = (
            storage,
            offset,
            tuple(shape),
            tuple(strides),
        )

    def value(self) -> np.ndarray:
        count = math.prod(self._shape)
        steps = zip(self._shape, self._strides, strict=True)
        last = self._offset + sum((size - 1) * step for size, step in steps) if count else 0
        if last >= max(self._storage.count, 1) or (count > self._storage.count and count > WIDEST):
            raise Refused(f"a tensor {self._shape} outside of its {self._storage.count} numbers")
        numbers = self._storage.numbers()
        if not count:
            return np.zeros(self._shape, numbers.dtype)
        strides = [step * numbers.itemsize for step in self._strides]
        return np.lib.stride_tricks.as_strided(numbers[self._offset :], self._shape, strides, writeable=False)


def _no_archive(path: Path) -> str:
    with path.open("rb") as file:
        begin = file.read(64)
    if begin.startswith(b"\x80") and LEGACY in begin:
        return (
            "this is a torch file of the old kind, which is a chain of pickles. In an environment that you trust it "
            "in, write it anew: torch.save(torch.load(file, weights_only=True), file)."
        )
    return "this is no torch file: it is not a zip archive (or it was cut short)."


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _size(sizes: Any = ()) -> tuple:
    return tuple(sizes)


TORCH: Names = names(
    {
        "torch._utils._rebuild_tensor_v2": _Tensor,
        "torch._utils._rebuild_parameter": _parameter,
        "torch.Size": _size,
        **{f"torch.{name}": None for name in STORAGES},
    }
)
"""The names that tensors are built from."""


def _table(also: Mapping[str, Callable[..., Any] | None] | None) -> Names:
    return {**NUMPY, **TORCH, **names(also or {})}
