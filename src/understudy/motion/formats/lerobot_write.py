"""A LeRobot dataset of version 3.0, laid out as ``lerobot`` 0.4 writes and reads it.

    meta/info.json                                 features, their names, frame rate, counts
    meta/stats.json                                what normalisation needs, over all frames
    meta/tasks.parquet                             every task in words and its number
    meta/episodes/chunk-000/file-000.parquet       one row an episode: where it lies, its tasks, its statistics
    data/chunk-000/file-000.parquet                the frames of as many episodes as fit into a file

``observation.state`` is the root's pose and the joints; ``action`` is what a position-controlled robot would be told
in that frame: the joints of the next one (the last frame repeats itself).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import SkeletonMismatch, UnderstudyError
from understudy.motion.formats.folders import atomic_folder
from understudy.motion.ops import sample_every
from understudy.motion.types import RobotMotion

if TYPE_CHECKING:
    import pyarrow as pa

STATE, ACTION = "observation.state", "action"
ROOT = (*(f"root_pos_{axis}" for axis in "xyz"), *(f"root_quat_{axis}" for axis in "wxyz"))
FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
CHUNK_SIZE = 1000
"""Files in a chunk."""
FILE_MEGABYTES = 100
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}

Frames = dict[str, np.ndarray]
"""One episode by feature: vectors (time, n) or numbers (time,)."""


def write_episodes(motions: Sequence[RobotMotion], path: str | Path) -> None:
    """Write motions of one robot as the episodes of a new dataset.

    LeRobot knows whole frame rates only: all clips are sampled at the first one's, rounded. A clip's task is the first
    of its texts, else the name of its source. Raises UnderstudyError if something is at ``path`` already, and
    SkeletonMismatch if the robots differ.
    """
    if not motions:
        raise UnderstudyError(f"Cannot write {path}: a dataset needs at least one motion.")
    first = motions[0]
    for motion in motions:
        if (motion.robot, motion.joints) != (first.robot, first.joints):
            raise SkeletonMismatch(
                f"Cannot write {path}: its motions are not all of {first.robot!r} and its joints."
            )
    fps = max(1, round(first.fps))
    tasks = list(dict.fromkeys(_task(motion) for motion in motions))
    episodes, start = [], 0
    for number, motion in enumerate(motions):
        episodes.append(_frames(sample_every(motion, float(fps)), number, start, tasks.index(_task(motion))))
        start += len(episodes[-1]["index"])
    with atomic_folder(path) as folder:
        places = _write_data(folder, episodes)
        _write_json(folder / "meta" / "info.json", _info(first, fps, len(episodes), start, len(tasks)))
        everything = {key: np.concatenate([episode[key] for episode in episodes]) for key in episodes[0]}
        _write_json(
            folder / "meta" / "stats.json", {key: _stats(values) for key, values in everything.items()}
        )
        _write_tasks(folder / "meta" / "tasks.parquet", tasks)
        rows = [
            _row(episode, tasks[episode["task_index"][0]], place)
            for episode, place in zip(episodes, places, strict=True)
        ]
        _write_rows(folder / "meta" / "episodes" / f"{_file(0)}.parquet", rows)


def _task(motion: RobotMotion) -> str:
    return next(iter(motion.origin.texts), "") or Path(motion.origin.source).stem or "motion"


def _frames(motion: RobotMotion, number: int, start: int, task: int) -> Frames:
    """What one episode holds, ``start`` frames after the beginning of the dataset."""
    index = np.arange(motion.frames)
    return {
        STATE: motion.qpos.astype(np.float32),
        ACTION: np.concatenate([motion.joint_pos[1:], motion.joint_pos[-1:]]).astype(np.float32),
        "timestamp": (index / motion.fps).astype(np.float32),
        "frame_index": index,
        "episode_index": np.full(motion.frames, number),
        "index": start + index,
        "task_index": np.full(motion.frames, task),
    }


def _info(motion: RobotMotion, fps: int, episodes: int, frames: int, tasks: int) -> dict[str, Any]:
    def vector(names: Sequence[str]) -> dict[str, Any]:
        return {"dtype": "float32", "shape": [len(names)], "names": list(names)}

    def number(dtype: str) -> dict[str, Any]:
        return {"dtype": dtype, "shape": [1], "names": None}

    counters = ("frame_index", "episode_index", "index", "task_index")
    return {
        "codebase_version": "v3.0",
        "robot_type": motion.robot,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": CHUNK_SIZE,
        "data_files_size_in_mb": FILE_MEGABYTES,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": f"0:{episodes}"},
        "data_path": f"data/{FILE}.parquet",
        "video_path": None,
        "features": {
            STATE: vector([*ROOT, *motion.joints]),
            ACTION: vector(motion.joints),
            "timestamp": number("float32"),
            **{name: number("int64") for name in counters},
        },
    }


def _write_data(folder: Path, episodes: Sequence[Frames]) -> list[int]:
    """Write all frames, and return for each episode the number of its file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    places, held, size = [], [[]], 0
    for episode in episodes:
        weight = sum(values.nbytes for values in episode.values())
        if held[-1] and size + weight > FILE_MEGABYTES * 2**20:
            held.append([])
            size = 0
        held[-1].append(episode)
        size += weight
        places.append(len(held) - 1)
    for number, group in enumerate(held):
        path = folder / "data" / f"{_file(number)}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.concat_tables([_table(episode) for episode in group]), path)
    return places


def _file(number: int) -> str:
    return FILE.format(chunk_index=number // CHUNK_SIZE, file_index=number % CHUNK_SIZE)


def _table(frames: Frames) -> "pa.Table":
    import pyarrow as pa

    return pa.table(
        {
            key: pa.array(values)
            if values.ndim == 1
            else pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
            for key, values in frames.items()
        }
    )


def _stats(values: np.ndarray) -> dict[str, list[float] | list[int]]:
    """Minimum, maximum, mean, deviation and quantiles of each column, and the number of frames."""
    columns = values.reshape(len(values), -1).astype(np.float64)
    stats = {
        "min": columns.min(0),
        "max": columns.max(0),
        "mean": columns.mean(0),
        "std": columns.std(0),
        **dict(zip(QUANTILES, np.quantile(columns, list(QUANTILES.values()), axis=0), strict=True)),
    }
    return {key: value.tolist() for key, value in stats.items()} | {"count": [len(values)]}


def _row(frames: Frames, task: str, file: int) -> dict[str, Any]:
    """One episode's line in the table of episodes."""
    return {
        "episode_index": int(frames["episode_index"][0]),
        "tasks": [task],
        "length": len(frames["index"]),
        "data/chunk_index": file // CHUNK_SIZE,
        "data/file_index": file % CHUNK_SIZE,
        "dataset_from_index": int(frames["index"][0]),
        "dataset_to_index": int(frames["index"][-1]) + 1,
        **{
            f"stats/{key}/{name}": stat
            for key, values in frames.items()
            for name, stat in _stats(values).items()
        },
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
    }


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def _write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """The table of tasks. LeRobot reads it with pandas and looks tasks up by their words, which are its index."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks)})
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy_kind, "metadata": None}
        for name, kind, numpy_kind in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    labels = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object"}
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [{**labels, "metadata": {"encoding": "UTF-8"}}],
        "columns": columns,
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), path)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4, ensure_ascii=False), encoding="utf-8")
