"""LeRobot datasets: a folder of many clips ("episodes") as parquet tables, version 3.0, and 2.x for reading.

Written and understood here is one feature, ``observation.state``, whose columns are named in ``meta/info.json``:
``root_pos_x`` … ``root_pos_z`` (m), ``root_quat_w`` … ``root_quat_z`` (unit, world frame, z up) and one column a joint
(rad) under the joint's own name. Other columns and other features of a dataset, videos among them, are left alone.
``lerobot_write`` lays a dataset out.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import FormatError, LimitError
from understudy.motion.formats.doors import existing_file, robot_motion, robot_only
from understudy.motion.formats.lerobot_write import ROOT, STATE, write_episodes
from understudy.motion.types import HumanMotion, Origin, RobotMotion

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["episodes", "read", "recognises", "write", "write_episodes"]

_PLACE = re.compile(r"\{(\w+)(?::0?(\d{1,2})d)?\}")
"""The fields of a path template, such as ``{episode_index:06d}``."""

LONGEST_PATH = 250
"""Characters of a path below the dataset; file systems end at 255 for one name."""


def recognises(path: Path) -> bool:
    """A folder with LeRobot's description."""
    return (path / "meta" / "info.json").is_file()


def episodes(path: str | Path) -> int:
    """How many clips a dataset holds."""
    return _count(_info(Path(path)), "total_episodes", Path(path))


def read(
    path: str | Path,
    *,
    clip: int = 0,
    joints: Sequence[str] | None = None,
    robot: str | None = None,
) -> RobotMotion:
    """Read one episode, ``clip``, counted from 0.

    ``joints`` chooses columns of the state by name (all but the root's, if not given); ``robot`` overrules the
    dataset's ``robot_type``. Raises FormatError, and LimitError for an episode that the dataset lacks.
    """
    folder = Path(path)
    info = _info(folder)
    total = _count(info, "total_episodes", folder)
    if not 0 <= clip < total:
        raise LimitError(f"{folder} holds the episodes 0 to {total - 1}; there is no {clip}.")
    file, texts = _whereabouts(folder, info, clip)
    names = _state_names(folder, info)
    state = _state(file, clip, len(names))
    if missing := [name for name in ROOT if name not in names]:
        raise FormatError(
            folder,
            f"{STATE!r} lacks the column {missing[0]!r}: a motion needs the root's position and orientation as columns "
            f"{ROOT[0]} … {ROOT[-1]}. Found: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}.",
        )
    chosen = [name for name in names if name not in ROOT] if joints is None else list(joints)
    if unknown := [name for name in chosen if name not in names]:
        raise FormatError(folder, f"{STATE!r} has no column for the joint {unknown[0]!r}.")
    columns = state[:, [names.index(name) for name in (*ROOT, *chosen)]]
    robot = robot or (info["robot_type"] if isinstance(info.get("robot_type"), str) else None)
    return robot_motion(
        folder,
        robot=robot,
        joints=tuple(chosen),
        fps=_number(info, "fps", folder),
        root_pos=columns[:, :3],
        root_quat=columns[:, 3:7],
        joint_pos=columns[:, 7:],
        origin=Origin(source=f"{folder.name}, episode {clip}", texts=texts),
    )


def write(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a robot motion as a new dataset of one episode; ``write_episodes`` takes several."""
    write_episodes([robot_only(motion, path)], path)


def _info(folder: Path) -> dict[str, Any]:
    path = existing_file(folder / "meta" / "info.json")
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(path, f"this is not the JSON text of a dataset ({error}).") from error
    if not isinstance(info, dict):
        raise FormatError(path, "a dataset's description is a JSON object.")
    version = info.get("codebase_version")
    if version not in ("v2.0", "v2.1", "v3.0"):
        raise FormatError(path, f"the dataset has version {version!r}; read are v2.0, v2.1 and v3.0.")
    return info


def _number(info: dict[str, Any], key: str, folder: Path) -> float:
    value = info.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise FormatError(
            folder / "meta" / "info.json", f"{key!r} must be a positive number; found {value!r}."
        )
    return float(value)


def _count(info: dict[str, Any], key: str, folder: Path) -> int:
    return int(_number(info, key, folder))


def _state_names(folder: Path, info: dict[str, Any]) -> list[str]:
    """The names of the state's columns, which datasets keep as a list or as lists in a dictionary."""
    path = folder / "meta" / "info.json"
    features = info.get("features")
    feature = features.get(STATE) if isinstance(features, dict) else None
    if not isinstance(feature, dict):
        found = ", ".join(map(str, features)) if isinstance(features, dict) else "none"
        raise FormatError(path, f"the dataset has no feature {STATE!r}; found: {found}.")
    names = feature.get("names")
    if isinstance(names, dict):
        names = [name for group in names.values() if isinstance(group, list) for name in group]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise FormatError(path, f"the columns of {STATE!r} have no names.")
    if len(set(names)) != len(names):
        raise FormatError(path, f"{STATE!r} names a column twice.")
    return names


def _whereabouts(folder: Path, info: dict[str, Any], episode: int) -> tuple[Path, tuple[str, ...]]:
    """The file that holds an episode, and the episode's tasks in words."""
    if info["codebase_version"] != "v3.0":
        chunk = episode // _count(info, "chunks_size", folder)
        return _place(folder, info, episode_chunk=chunk, episode_index=episode), ()
    columns = ["episode_index", "tasks", "data/chunk_index", "data/file_index"]
    for path in sorted((folder / "meta" / "episodes").glob("*/*.parquet")):
        table = _rows(path, episode, columns)
        if table.num_rows:
            row = table.slice(0, 1).to_pylist()[0]
            chunk, file = row["data/chunk_index"], row["data/file_index"]
            if not (isinstance(chunk, int) and isinstance(file, int)):
                raise FormatError(path, f"the file of episode {episode} is not a number.")
            tasks = row["tasks"] if isinstance(row["tasks"], list) else []
            words = tuple(task for task in tasks if isinstance(task, str))
            return _place(folder, info, chunk_index=chunk, file_index=file), words
    raise FormatError(folder / "meta" / "episodes", f"no table lists episode {episode}.")


def _place(folder: Path, info: dict[str, Any], **values: int) -> Path:
    """The data file that the dataset's path template makes of these numbers; never one outside the folder."""
    template = info.get("data_path")
    if not isinstance(template, str):
        raise FormatError(folder / "meta" / "info.json", "the entry 'data_path' is missing.")

    def number(field: re.Match[str]) -> str:
        if field[1] not in values:
            raise FormatError(folder, f"the data path {template!r} asks for {field[1]!r}.")
        return str(values[field[1]]).zfill(int(field[2] or 0))

    below = _PLACE.sub(number, template)
    path = folder / below
    if len(below) > LONGEST_PATH or "\0" in below or folder.resolve() not in path.resolve().parents:
        raise FormatError(folder, f"the data path {template!r} leads out of the dataset.")
    return existing_file(path)


def _rows(path: Path, episode: int, columns: list[str]) -> "pa.Table":
    """The rows of one episode, in the order of the first column. Raises FormatError for what is not such a table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        one = [("episode_index", "==", episode)]
        return pq.read_table(existing_file(path), columns=columns, filters=one).sort_by(columns[0])
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        # pyarrow has no one error for damaged files; these are the ones that damage provokes.
        raise FormatError(
            path, f"this is not a whole parquet table with {', '.join(columns)} ({error})."
        ) from error


def _state(path: Path, episode: int, width: int) -> np.ndarray:
    """The state over one episode, (time, column)."""
    import pyarrow as pa

    table = _rows(path, episode, ["frame_index", STATE])
    if not table.num_rows:
        raise FormatError(path, f"there are no frames of episode {episode}.")
    column = table.column(STATE).combine_chunks()
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)):
        raise FormatError(path, f"{STATE!r} holds no lists of numbers but {kind}.")
    flat = column.flatten()
    if not (pa.types.is_floating(flat.type) or pa.types.is_integer(flat.type)):
        raise FormatError(path, f"{STATE!r} holds lists of {flat.type}, not of numbers.")
    values = flat.to_numpy(zero_copy_only=False).astype(np.float64)
    if len(values) != table.num_rows * width:
        raise FormatError(path, f"a frame of {STATE!r} should have {width} numbers, as its names say.")
    return values.reshape(-1, width)
