"""The project's own file: a versioned npz without pickle, its entries named like the fields of the types."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError, ShapeError, UnknownName
from understudy.motion.files import atomic_path
from understudy.motion.formats.doors import (
    LARGEST,
    existing_file,
    need,
    number_of,
    read_npz,
    read_npz_names,
    text_of,
    texts_of,
)
from understudy.motion.landmarks import Landmarks
from understudy.motion.types import HumanMotion, Origin, RobotMotion, Skeleton

HUMAN = "understudy-human"
ROBOT = "understudy-robot"
VERSION = 1

Motion = HumanMotion | RobotMotion


def recognises(path: Path) -> bool:
    """An archive with the project's own mark."""
    return "format" in read_npz_names(path)


def write(motion: Motion, path: str | Path) -> None:
    """Write a clip with its tracks and its origin; reading it back gives the same clip to the last bit."""
    entries = _human_entries(motion) if isinstance(motion, HumanMotion) else _robot_entries(motion)
    tracks = {f"track_{name}": np.asarray(values) for name, values in motion.tracks.items()}
    for name, values in tracks.items():
        if values.dtype.hasobject:
            raise ShapeError(
                f"{name.removeprefix('track_')!r} holds Python objects; tracks must be plain arrays."
            )
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **entries, **tracks)  # pyright: ignore[reportArgumentType]


def read(path: str | Path) -> Motion:
    """Read what ``write`` wrote. Raises FormatError for anything else, and for versions from the future."""
    path = existing_file(path)
    arrays = read_npz(path)
    kind = text_of(need(arrays, "format", path), "format", path)
    if kind not in (HUMAN, ROBOT):
        raise FormatError(path, f"the format is {kind!r}; this reader knows {HUMAN!r} and {ROBOT!r}.")
    version = number_of(need(arrays, "version", path), "version", path)
    if version > VERSION:
        raise FormatError(
            path, f"the file has version {version:g}, and this program reads up to {VERSION}. Update it."
        )
    try:
        return _human(arrays, path) if kind == HUMAN else _robot(arrays, path)
    except (ShapeError, UnknownName, ValueError, TypeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(path, str(error)) from error


def _common(motion: Motion, kind: str) -> dict[str, Any]:
    return {
        "format": kind,
        "version": VERSION,
        "fps": np.float64(motion.fps),
        "origin": json.dumps(_origin_record(motion.origin), ensure_ascii=False),
    }


def _human_entries(motion: HumanMotion) -> dict[str, Any]:
    skeleton, landmarks = motion.skeleton, motion.skeleton.landmarks
    return {
        **_common(motion, HUMAN),
        "skeleton": skeleton.name,
        "joints": np.array(skeleton.joints, dtype=np.str_),
        "parents": skeleton.parents,
        "offsets": skeleton.offsets,
        "landmark_names": np.array(landmarks.names, dtype=np.str_),
        "landmark_carriers": landmarks.carriers,
        "landmark_pos": landmarks.pos,
        "landmark_quat": landmarks.quat,
        "pos": motion.pos,
        "quat": motion.quat,
    }


def _robot_entries(motion: RobotMotion) -> dict[str, Any]:
    return {
        **_common(motion, ROBOT),
        "robot": motion.robot,
        "joints": np.array(motion.joints, dtype=np.str_),
        "root_pos": motion.root_pos,
        "root_quat": motion.root_quat,
        "joint_pos": motion.joint_pos,
    }


def _human(arrays: dict[str, np.ndarray], path: Path) -> HumanMotion:
    def get(key: str) -> np.ndarray:
        return need(arrays, key, path)

    def numbers(key: str) -> np.ndarray:
        return _numbers(arrays, key, path)

    landmarks = Landmarks(
        texts_of(get("landmark_names"), "landmark_names", path),
        _numbers(arrays, "landmark_carriers", path, "iu"),
        numbers("landmark_pos"),
        numbers("landmark_quat"),
    )
    skeleton = Skeleton(
        text_of(get("skeleton"), "skeleton", path),
        texts_of(get("joints"), "joints", path),
        numbers("parents"),
        numbers("offsets"),
        landmarks,
    )
    fps = number_of(get("fps"), "fps", path)
    return HumanMotion(skeleton, fps, numbers("pos"), numbers("quat"), _tracks(arrays), _origin(arrays, path))


def _robot(arrays: dict[str, np.ndarray], path: Path) -> RobotMotion:
    def get(key: str) -> np.ndarray:
        return need(arrays, key, path)

    return RobotMotion(
        text_of(get("robot"), "robot", path),
        texts_of(get("joints"), "joints", path),
        number_of(get("fps"), "fps", path),
        _numbers(arrays, "root_pos", path),
        _numbers(arrays, "root_quat", path),
        _numbers(arrays, "joint_pos", path),
        _tracks(arrays),
        _origin(arrays, path),
    )


def _numbers(arrays: dict[str, np.ndarray], key: str, path: Path, kinds: str = "iuf") -> np.ndarray:
    """An entry of real numbers (of these ``kinds``) of a usable size; what shape they must have, the types know."""
    array = need(arrays, key, path)
    if array.dtype.kind not in kinds or float(np.abs(array).max(initial=0)) >= LARGEST:
        raise FormatError(
            path, f"the entry {key!r} holds no usable numbers ({array.dtype}, or infinite, or huge)."
        )
    # Half precision overflows where these numbers are squared.
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _tracks(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {k.removeprefix("track_"): v for k, v in arrays.items() if k.startswith("track_") and v.ndim}


def _origin_record(origin: Origin) -> dict[str, Any]:
    return {
        "source": origin.source,
        "licence": origin.licence,
        "texts": list(origin.texts),
        "inferred": dict(origin.inferred),
        "history": [dict(step) for step in origin.history],
        "certificate": None if origin.certificate is None else dict(origin.certificate),
    }


def _origin(arrays: dict[str, np.ndarray], path: Path) -> Origin:
    text = text_of(need(arrays, "origin", path), "origin", path)
    try:
        record = json.loads(text)
        certificate = record["certificate"]
        return Origin(
            str(record["source"]),
            str(record["licence"]),
            tuple(str(words) for words in record["texts"]),
            {str(key): str(why) for key, why in dict(record["inferred"]).items()},
            tuple({**step, "arrow": str(step["arrow"])} for step in record["history"]),
            None if certificate is None else dict(certificate) | {"passed": bool(certificate["passed"])},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(path, f"the origin is not the JSON text that was written ({error!r}).") from error
