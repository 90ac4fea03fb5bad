"""numpy's .npy files: what they hold by their header, plain arrays, and the one object that ``numpy.save`` boxes."""

from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError
from understudy.motion.formats.doors import NOT_NUMPY
from understudy.motion.formats.pickle_machine import Read, Refused, names, plain, run
from understudy.motion.formats.unpickle import NUMPY, NumpyArray, NumpyType


def npy_header(path: Path) -> tuple[tuple[int, ...], np.dtype, int] | None:
    """Shape and type of an .npy file and where its content begins; None for whatever is not one."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read(file)
            return shape, dtype, file.tell()
    except NOT_NUMPY:
        return None


def read_npy(path: Path) -> np.ndarray:
    """A plain array. Raises FormatError for whatever is not one."""
    try:
        array = np.load(path, allow_pickle=False)
    except NOT_NUMPY as error:
        raise FormatError(path, f"this is not a whole array of numbers ({error}).") from error
    if not isinstance(array, np.ndarray):
        raise FormatError(path, "this is an archive, not an .npy array; let it end in .npz.")
    return array


def read_npy_object(path: Path) -> Any:
    """The one Python object that ``numpy.save`` has put into a file, as far as it is plain containers and arrays.

    Nothing in the file is run. Raises FormatError.
    """
    header = npy_header(path)
    if header is None or not header[1].hasobject:
        raise FormatError(path, "this is no .npy file with an object in it.")
    return run(path.read_bytes()[header[2] :], path, BOXED)


class _AnyType(NumpyType):
    """A dtype, or that of Python objects."""

    def __init__(self, code: Any, *more: Any):
        self.boxes = code == "O8"
        super().__init__("i8" if self.boxes else code, *more)

    def build(self, state: Any, read: Read) -> None:
        if not self.boxes:
            super().build(state, read)


class _Box(NumpyArray):
    """An array; or, if it is one of Python objects, the only one in it."""

    boxed: list[Any] | None = None
    content: Any = None

    def build(self, state: Any, read: Read) -> None:
        *_, shape, dtype, _fortran, data = state
        if not (isinstance(dtype, _AnyType) and dtype.boxes):
            super().build(state, read)
        elif shape == () and isinstance(data, list) and len(data) == 1:
            self.boxed = data
        else:
            raise Refused("an array of several objects")

    def value(self) -> Any:
        if self.boxed is None:
            return super().value()
        if self.content is None:
            self.content = plain(self.boxed[0])
        return self.content


BOXED = {
    **NUMPY,
    **names(
        {
            "numpy.dtype": _AnyType,
            "numpy.core.multiarray._reconstruct": _Box,
            "numpy._core.multiarray._reconstruct": _Box,
        }
    ),
}
