"""What every reader does first: make sure there is a file, and that its numbers can be a motion."""

import tokenize
import zipfile
import zlib
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError, ShapeError, SkeletonMismatch, UnderstudyError
from understudy.motion.types import HumanMotion, Origin, RobotMotion, Tracks

LARGEST = 1e9
"""Numbers in motions are metres and radians; larger ones are damage."""

NOT_NUMPY = (
    *(ValueError, EOFError, OSError, TypeError, AttributeError, MemoryError, OverflowError),
    *(SyntaxError, tokenize.TokenError),  # an array's header is a Python literal
)
"""What numpy raises for files that are damaged or are no arrays."""

LFS_POINTER = b"version https://git-lfs"
"""How the text begins that a clone without git-lfs leaves in a file's place."""


def existing(path: str | Path) -> Path:
    """The path of a readable file or folder. Raises UnderstudyError, and FormatError if a file is empty."""
    path = Path(path)
    return path if path.is_dir() else existing_file(path)


def existing_file(path: str | Path) -> Path:
    """The path of a readable file.

    Raises UnderstudyError if it is missing, a folder or unreadable, and FormatError if it is empty.
    """
    path = Path(path)
    if path.is_dir():
        raise UnderstudyError(f"{path} is a folder; one motion file is needed here.")
    if not path.exists():
        near = f" The folder {path.parent} does not exist either." if not path.parent.is_dir() else ""
        raise UnderstudyError(f"{path} does not exist.{near}")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise UnderstudyError(f"{path} cannot be read ({error.strerror}).") from error
    if empty:
        raise FormatError(path, "the file is empty.")
    return path


def read_npz(path: Path, only: Container[str] | None = None) -> dict[str, np.ndarray]:
    """All arrays of an npz archive, or ``only`` those named, never unpickling anything.

    Raises FormatError for whatever is not an archive of arrays; what is not asked for may be anything.
    """
    path = existing_file(path)
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            pointer = file.read(len(LFS_POINTER)) == LFS_POINTER
        if pointer:
            raise FormatError(
                path, "this is a pointer of git-lfs, not the file; `git lfs pull` fetches the file."
            )
        raise FormatError(path, "this is not an npz archive (or it was cut short).")
    try:
        # Opened here, because numpy leaves the file open when the archive is damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files if only is None or key in only}
    except (*NOT_NUMPY, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        # numpy and zipfile share no error for damaged archives; these are the ones that damage provokes.
        raise FormatError(
            path, f"the npz archive is damaged or holds more than plain arrays ({error})."
        ) from error


def read_npz_names(path: Path) -> frozenset[str]:
    """The names of the entries of an npz archive; none for whatever is not one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError):
        return frozenset()


def need(arrays: dict[str, Any], key: str, path: Path) -> Any:
    """An entry that the format demands. Raises FormatError naming what is there instead."""
    if key not in arrays:
        raise FormatError(
            path, f"the entry {key!r} is missing; found: {', '.join(sorted(map(str, arrays)))}."
        )
    return arrays[key]


def text_of(value: Any, key: str, path: Path) -> str:
    """A text stored as a zero-dimensional array."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "US":
        raise FormatError(path, f"the entry {key!r} must be one text; found {array.dtype} {array.shape}.")
    return str(array.reshape(())[()])


def texts_of(value: Any, key: str, path: Path) -> tuple[str, ...]:
    """A list of names stored as a one-dimensional array of texts."""
    array = np.asarray(value)
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise FormatError(
            path, f"the entry {key!r} must be a list of texts; found {array.dtype} {array.shape}."
        )
    return tuple(str(v) for v in array)


def number_of(value: Any, key: str, path: Path) -> float:
    """A number stored as a scalar or as an array of one."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf":
        raise FormatError(path, f"the entry {key!r} must be one number; found {array.dtype} {array.shape}.")
    return float(array.reshape(())[()])


def numbers_of(value: Any, key: str, path: Path, columns: tuple[int | None, ...]) -> np.ndarray:
    """A float array (time, *columns); None leaves a count free. Raises FormatError naming both shapes."""
    array = np.asarray(value)
    fits = array.ndim == len(columns) + 1 and all(
        want in (None, got) for want, got in zip(columns, array.shape[1:], strict=True)
    )
    if not fits or array.dtype.kind not in "iuf":
        want = ", ".join(["time", *("any" if c is None else str(c) for c in columns)])
        raise FormatError(
            path, f"{key!r} must be numbers of shape ({want}); found {array.dtype} {array.shape}."
        )
    return array.astype(np.float64)


def named_joints(joints: Sequence[str] | None, count: int, path: Path) -> tuple[str, ...]:
    """The joint names given for a file without names. Raises FormatError if there are none, or too few."""
    if joints is None:
        raise FormatError(
            path,
            f"the file holds {count} joint columns without names. Say what they are with the option 'joints' "
            "(names in the file's order; on the command line, --robot gives the robot's own order).",
        )
    if len(joints) != count:
        raise FormatError(
            path, f"the file holds {count} joint columns, but {len(joints)} joint names were given."
        )
    return tuple(joints)


def joints_of(
    given: Sequence[str] | None, inside: Sequence[str] | None, count: int, path: Path
) -> tuple[str, ...]:
    """The joint names of a file that may hold them: its own win, for they are in its own order.

    ``given`` names serve a file without any; beside names ``inside`` they must be the same joints in any order.
    Raises FormatError.
    """
    if inside is None:
        return named_joints(given, count, path)
    if len(inside) != count:
        raise FormatError(path, f"the file names {len(inside)} joints and holds {count} columns of them.")
    if given is not None and set(given) != set(inside):
        odd = sorted(set(given) ^ set(inside))
        raise FormatError(
            path, f"the joints named in the file are not those that were asked for; first: {odd[0]!r}."
        )
    return tuple(inside)


def robot_only(motion: HumanMotion | RobotMotion, path: str | Path) -> RobotMotion:
    """The motion to be written at ``path``, if it is a robot's. Raises UnderstudyError if it is a human's."""
    if isinstance(motion, RobotMotion):
        return motion
    raise UnderstudyError(f"Cannot write {path}: this format holds a robot's motion, not a human's.")


def in_order(motion: RobotMotion, joints: Sequence[str]) -> RobotMotion:
    """The same clip with its joint columns in another order. Raises SkeletonMismatch for other joints."""
    joints = tuple(joints)
    if joints == motion.joints:
        return motion
    if len(joints) != len(motion.joints) or set(joints) != set(motion.joints):
        odd = sorted(set(joints) ^ set(motion.joints))
        raise SkeletonMismatch(f"The motion's joints are not those of the order; first: {odd[0]!r}.")
    columns = [motion.joints.index(name) for name in joints]
    return replace(motion, joints=joints, joint_pos=motion.joint_pos[:, columns])


def robot_motion(
    path: Path,
    *,
    robot: str | None,
    joints: tuple[str, ...],
    fps: float,
    root_pos: np.ndarray,
    root_quat: np.ndarray,
    joint_pos: np.ndarray,
    lines: bool = False,
    origin: Origin | None = None,
    tracks: Tracks | None = None,
) -> RobotMotion:
    """A robot motion from a file's arrays, with the file named in every complaint.

    ``root_quat`` is already wxyz. With ``lines`` the rows are lines of text, and complaints name the line.
    """
    if not robot:
        raise FormatError(
            path,
            "the file does not say which robot moves. Name it with the option 'robot' (--robot).",
        )
    _check_numbers(path, root_pos, root_quat, joint_pos, lines)
    try:
        return RobotMotion(
            robot,
            joints,
            fps,
            root_pos,
            root_quat,
            joint_pos,
            tracks or {},
            origin or Origin(source=path.name),
        )
    except ShapeError as error:
        raise FormatError(path, str(error)) from error


def _check_numbers(
    path: Path, root_pos: np.ndarray, root_quat: np.ndarray, joint_pos: np.ndarray, lines: bool
) -> None:
    """Raise FormatError for arrays of unequal length, unusable numbers, or quaternions that are none."""
    row = "line" if lines else "frame"
    arrays = {"root position": root_pos, "root quaternion": root_quat, "joints": joint_pos}
    if len({len(array) for array in arrays.values()}) > 1:
        counts = ", ".join(f"{len(array)} of the {name}" for name, array in arrays.items())
        raise FormatError(path, f"its arrays have unequal numbers of frames: {counts}.")
    for name, array in arrays.items():
        # The comparison is false for NaN too; the bound keeps float32 from overflowing.
        bad = ~(np.abs(array) < LARGEST).all(axis=1)
        if bad.any():
            first = int(np.argmax(bad))
            where = None if not lines else first + 1
            raise FormatError(
                path,
                f"the {name} of {row} {first + lines} is not a usable number (NaN, infinite or huge).",
                where,
            )
    length = np.linalg.norm(root_quat, axis=1)
    off = np.abs(length - 1) > 1e-2
    if off.any():
        first = int(np.argmax(off))
        raise FormatError(
            path,
            f"the root quaternion of {row} {first + lines} has length {length[first]:.4g}, not 1: "
            "wrong columns, or another format.",
            first + 1 if lines else None,
        )
