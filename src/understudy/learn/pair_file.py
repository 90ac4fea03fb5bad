"""One pair on disk: a human's landmarks, the robot's motion, and which frames are good; npz, without pickle."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from understudy.errors import FormatError, ShapeError
from understudy.motion.files import atomic_path
from understudy.motion.formats.doors import read_npz
from understudy.motion.landmarks import LANDMARKS

VERSION = 1
"""Raised whenever an array changes its meaning."""
ARRAYS = ("human_pos", "human_quat", "robot_root_pos", "robot_root_quat", "robot_joint_pos", "robot_body_pos")


@dataclass(frozen=True, eq=False)
class Pair:
    """A human and the robot that follows, frame by frame; world frame, z up, the floor at z = 0, quaternions wxyz.

    ``human_pos`` (m, at the human's own size) and ``human_quat`` are all of ``motion.LANDMARKS``, as the retargeter saw
    them: healed, quietened, lifted to the floor. Joints in rad, in the robot's order; ``robot_body_pos`` (m) are its
    bodies'. ``human_ok`` says which frames passed every check. ``meta`` says how the pair was made.
    """

    human_pos: Float[np.ndarray, "time 23 3"]
    human_quat: Float[np.ndarray, "time 23 4"]
    robot_root_pos: Float[np.ndarray, "time 3"]
    robot_root_quat: Float[np.ndarray, "time 4"]
    robot_joint_pos: Float[np.ndarray, "time dof"]
    robot_body_pos: Float[np.ndarray, "time body 3"]
    human_ok: Bool[np.ndarray, "time"]
    meta: Mapping[str, Any]

    def __post_init__(self) -> None:
        frames = self.human_ok.size
        tails = {"human_pos": (len(LANDMARKS), 3), "human_quat": (len(LANDMARKS), 4)}
        tails |= {"robot_root_pos": (3,), "robot_root_quat": (4,), "robot_joint_pos": (None,)}
        tails |= {"robot_body_pos": (None, 3)}
        for name, tail in tails.items():
            shape = getattr(self, name).shape
            fits = len(shape) == 1 + len(tail) and all(
                w in (None, g) for w, g in zip(tail, shape[1:], strict=True)
            )
            if self.human_ok.ndim != 1 or not fits or shape[0] != frames:
                raise ShapeError(
                    f"{name} has shape {shape}; a pair of {frames} frames needs {(frames, *tail)}."
                )
            if not np.isfinite(getattr(self, name)).all():
                raise ShapeError(f"{name} holds values that are not finite.")

    @property
    def frames(self) -> int:
        return len(self.human_ok)


def save_pair(pair: Pair, path: Path) -> None:
    """Write a pair; arrays as float32. The file appears whole or not at all."""
    arrays: dict[str, Any] = {name: getattr(pair, name).astype(np.float32) for name in ARRAYS}
    arrays |= {
        "human_ok": pair.human_ok,
        "version": np.array(VERSION),
        "meta": np.array(json.dumps(dict(pair.meta))),
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load_pair(path: Path) -> Pair:
    """Read what ``save_pair`` wrote. Raises FormatError for anything else."""
    stored = read_npz(path)
    missing = [name for name in ("version", *ARRAYS, "human_ok", "meta") if name not in stored]
    if missing:
        raise FormatError(path, f"not a pair of a human and a robot: it has no {missing[0]!r}.")
    version, text = stored["version"], stored["meta"]
    if version.shape != () or version.dtype.kind != "i" or int(version) != VERSION:
        raise FormatError(path, f"a pair of version {version}; this package reads version {VERSION}.")
    odd = [name for name in ARRAYS if stored[name].dtype.kind != "f"]
    if odd or stored["human_ok"].dtype.kind != "b" or text.dtype.kind != "U" or text.shape != ():
        raise FormatError(path, "not a pair of a human and a robot: an array has another type.")
    try:
        meta = json.loads(str(text))
        arrays = {name: stored[name].astype(np.float32) for name in ARRAYS}
        return Pair(**arrays, human_ok=stored["human_ok"], meta=dict(meta))
    except (ValueError, TypeError, ShapeError) as error:
        raise FormatError(path, f"not a pair of a human and a robot: {error}") from error
