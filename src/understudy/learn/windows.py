"""Batches of windows from a folder of pairs: everything in memory, windows cut as they are asked for.

Which windows a step sees depends on the seed and the step alone, so that a run that was broken off goes on as if it had
not been.
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from understudy.errors import FormatError
from understudy.learn.attitudes import turned_over
from understudy.learn.faults import FaultConfig, spoil
from understudy.learn.pair_file import ARRAYS, load_pair


@dataclass(frozen=True)
class Pairs:
    """All clips of a folder, one after the other."""

    arrays: dict[str, Float[np.ndarray, "frame ..."]]
    """By the names of ``ARRAYS``; world frame, metres, quaternions wxyz, joints in rad."""
    ok: Bool[np.ndarray, "frame"]
    """Frames whose robot pose is good enough to learn from."""
    clip: Int[np.ndarray, "frame"]
    """Which clip a frame belongs to."""
    size: Float[np.ndarray, "frame"]
    """Leg length of the human, m."""
    kinds: tuple[str, ...]
    """How each clip was made."""
    fps: float
    robot_size: float
    """Leg length of the robot, m."""

    @property
    def hours(self) -> float:
        return len(self.ok) / self.fps / 3600.0

    def starts(self, frames: int, good: float) -> Int[np.ndarray, "window"]:
        """The first frames of all windows that lie in one clip and are good for the given share at least."""
        count = len(self.ok) - frames + 1
        if count <= 0:
            return np.zeros(0, np.int64)
        total = np.concatenate([[0], np.cumsum(self.ok)])
        enough = total[frames:] - total[:count] >= good * frames
        return np.flatnonzero(enough & (self.clip[:count] == self.clip[frames - 1 :]))


def kept_back(sources: Iterable[str]) -> set[str]:
    """The clips whose pairs are for validation alone: one in twenty, one at least, by their names."""
    clips = sorted(set(sources), key=lambda source: zlib.crc32(source.encode()))
    return set(clips[: max(1, len(clips) // 20)])


def load_pairs(
    folder: Path,
    kinds: tuple[str, ...] | None = None,
    hours: float | None = None,
    part: Literal["all", "learnt", "kept back"] = "all",
) -> Pairs:
    """Read a folder of pairs; ``kinds`` keeps some variations only, ``hours`` the first so many, ``part`` those of the
    clips that are ``kept_back``, or of the others.

    Raises FormatError for a folder without pairs or with a file that is none.
    """
    index = folder / "pairs.jsonl"
    if not index.is_file():
        raise FormatError(
            folder, "no folder of pairs: it has no pairs.jsonl. `understudy learn pairs` makes one."
        )
    rows = [row for row in _rows(index) if kinds is None or row["kind"] in kinds]
    if part != "all":
        back = kept_back(row["source"] for row in rows)
        if len({row["source"] for row in rows}) < 2:
            raise FormatError(
                folder, "its pairs are of one clip, and none can be kept back; name pairs to validate with."
            )
        rows = [row for row in rows if (row["source"] in back) == (part == "kept back")]
    parts, ok, sizes, names, frames, fps = {name: [] for name in ARRAYS}, [], [], [], 0, 30.0
    for row in rows:
        pair = load_pair(folder / row["file"])
        for name in ARRAYS:
            parts[name].append(getattr(pair, name))
        ok.append(pair.human_ok)
        sizes.append(row["size"])
        names.append(row["kind"])
        frames += len(ok[-1])
        fps = float(row.get("fps", fps))
        if hours is not None and frames >= hours * 3600.0 * fps:
            break
    if not ok:
        raise FormatError(folder, "it has no pairs" + ("." if kinds is None else f" of kind {kinds}."))
    counts = [len(part) for part in ok]
    return Pairs(
        {name: np.concatenate(part) for name, part in parts.items()},
        np.concatenate(ok),
        np.repeat(np.arange(len(counts)), counts),
        np.repeat(np.asarray(sizes, np.float32), counts),
        tuple(names),
        fps,
        _robot_size(folder / "pairs.json"),
    )


def _rows(index: Path) -> list[dict[str, Any]]:
    """The lines of pairs that have a file, without the half of a line that a killed job leaves."""
    rows = []
    for text in index.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(text)
        except ValueError:
            continue
        if isinstance(row, dict) and {"file", "kind", "size", "source"} <= row.keys() and row["file"]:
            rows.append(row)
    return rows


def _robot_size(path: Path) -> float:
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["robot"]["size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(path, f"it does not tell which robot the pairs are of ({error}).") from error


@dataclass(frozen=True)
class WindowConfig:
    """How windows are cut and spoilt."""

    frames: int = 96
    """Length of a window."""
    batch: int = 128
    """Windows in a batch."""
    good: float = 0.9
    """The least share of frames that must be good; the others count for nothing."""
    faults: FaultConfig | None = field(default_factory=FaultConfig)
    """What is done to the human side; None for nothing."""
    spoilt: float = 0.5
    """The share of windows that faults may come to at all."""
    over: float = 0.06
    """The share of windows that are turned over in the air, where faults may come to any."""


class Windows:
    """Batches by their number: ``windows(step)`` is a dict of tensors, each (batch, time, …), with ``ok`` (batch, time)
    and ``size`` (batch)."""

    def __init__(self, pairs: Pairs, config: WindowConfig, seed: int = 0):
        self.pairs, self.config, self.seed = pairs, config, seed
        self.starts = pairs.starts(config.frames, config.good)
        if not len(self.starts):
            raise FormatError(
                Path("pairs"), f"no pair has {config.frames} frames in a row that can be learnt from."
            )

    def __call__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, step])
        return self.cut(
            rng.choice(self.starts, self.config.batch),
            torch.Generator().manual_seed(int(rng.integers(2**62))),
        )

    def cut(self, starts: Int[np.ndarray, "batch"], generator: torch.Generator | None) -> dict[str, Tensor]:
        """The windows that start at given frames; spoilt if there is a generator to draw faults from."""
        at = starts[:, None] + np.arange(self.config.frames)
        batch = {name: torch.from_numpy(values[at]) for name, values in self.pairs.arrays.items()}
        batch["ok"] = torch.from_numpy(self.pairs.ok[at])
        batch["size"] = torch.from_numpy(self.pairs.size[starts])
        faults, count = self.config.faults, round(self.config.spoilt * len(starts))
        if generator is None or faults is None:
            return batch
        batch = turned_over(batch, self.pairs.robot_size / batch["size"], self.config.over, generator)
        if count:
            pos, quat = spoil(batch["human_pos"][:count], batch["human_quat"][:count], generator, faults)
            batch["human_pos"][:count], batch["human_quat"][:count] = pos, quat
        return batch
