"""Damage for files: to their bytes, as by broken discs and cut downloads, and to their entries, as by other people's
programs, which write whole files with something in them that is not what it should be.
"""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from understudy.motion.formats.torch_file import read_torch

ODD = (
    None,
    True,
    -1,
    0,
    3,
    1e308,
    float("nan"),
    float("inf"),
    10**30,
    "",
    "x",
    "nan",
    [],
    {},
    [[1.0]],
    [None, "y"],
)
"""What stands where something else should be."""
ODD_WORDS = ("nan", "inf", "1e999", "1e30", "-5", "", "x", "0", "99999999999", "é", "{", "}")


def spoil(path: Path, rng: np.random.Generator) -> None:
    """Rewrite a sound file as a whole one with one odd thing in it; what has no entries loses some bytes."""
    suffix = path.suffix
    if suffix == ".npz":
        with np.load(path) as archive:
            record = spoilt(dict(archive), rng)
        np.savez(path, **record if isinstance(record, dict) else {"arr_0": np.array(record, dtype=object)})
    elif suffix == ".npy":
        array = np.load(path, allow_pickle=True)
        np.save(path, np.array(spoilt(array[()] if array.shape == () else array, rng), dtype=None))
    elif suffix == ".pkl":
        path.write_bytes(pickle.dumps(spoilt(pickle.loads(path.read_bytes()), rng)))
    elif suffix in (".pt", ".motion"):
        import torch

        torch.save(_tensors(spoilt(read_torch(path), rng)), path)
    elif suffix == ".json":
        path.write_text(json.dumps(spoilt(json.loads(path.read_text()), rng)))
    elif suffix in (".csv", ".txt", ".bvh", ".amc", ".asf"):
        path.write_text(spoilt_text(path.read_text(), rng))
    else:
        path.write_bytes(damaged(path.read_bytes(), rng))


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut, doubled, overwritten, shuffled or spiked with the words that parsers dislike."""
    out = bytearray(data)
    kind = rng.integers(6)
    a, b = sorted(rng.integers(0, len(out) + 1, 2))
    if kind == 0:
        return bytes(out[:a])
    if kind == 1:
        return bytes(out[:a] + out[b:])
    if kind == 2:
        return bytes(out[:b] + out[a:])
    if kind == 3:
        for at in rng.integers(0, len(out), rng.integers(1, 20)):
            out[at] = rng.integers(256)
        return bytes(out)
    if kind == 4:
        words = [
            b"nan",
            b"1e999",
            b"-",
            b"\x00" * 64,
            b"CHANNELS 9",
            b"ROOT x",
            b"c__builtin__\neval\n",
            b",",
            b"[{",
        ]
        return bytes(out[:a] + words[rng.integers(len(words))] + out[a:])
    return bytes(out[:a]) + rng.bytes(rng.integers(1, 200)) + bytes(out[b:])


def odd_array(a: np.ndarray, rng: np.random.Generator) -> Any:
    """An array of the wrong length, shape, type or content."""
    spiked = a.astype(np.float64) if a.dtype.kind in "iufb" else a.astype("U8")
    if spiked.size and spiked.dtype.kind == "f":
        spiked.flat[rng.integers(spiked.size)] = rng.choice([np.nan, np.inf, -np.inf, 1e300, 1e12, -1.0, 0.0])
    changes: list[Callable[[], Any]] = [
        lambda: a[:0] if a.ndim else a.reshape(1),
        lambda: a[: len(a) // 2] if a.ndim else a.reshape(1, 1),
        lambda: a[..., :-1] if a.ndim else np.zeros(0),
        lambda: a[None],
        lambda: a.ravel(),
        lambda: a.T,
        lambda: np.concatenate([a, a]) if a.ndim else np.array([a, a]),
        lambda: np.zeros_like(a),
        lambda: np.full(a.shape, -1e9),
        lambda: np.full(a.shape, np.nan),
        lambda: a.astype("U4"),
        lambda: spiked,
        lambda: spiked,
        lambda: a.astype(np.int8) if a.dtype.kind in "iufb" else np.zeros(a.shape),
        lambda: a.astype(np.complex64) if a.dtype.kind in "iufb" else np.ones(a.shape, bool),
        lambda: a.astype(np.float16) * 1000 if a.dtype.kind in "iufb" else np.array("x"),
        lambda: np.array(ODD[rng.integers(10)]),
    ]
    with np.errstate(all="ignore"):
        return changes[rng.integers(len(changes))]()


def spoilt(tree: Any, rng: np.random.Generator) -> Any:
    """A copy of nested containers and arrays in which one thing is odd, missing or there twice."""
    if isinstance(tree, np.ndarray) and rng.random() < 0.9:
        return odd_array(tree, rng)
    if isinstance(tree, dict) and tree and rng.random() < 0.9:
        key = list(tree)[rng.integers(len(tree))]
        if rng.random() < 0.15:
            return {k: v for k, v in tree.items() if k != key}
        return {**tree, key: spoilt(tree[key], rng)}
    if isinstance(tree, list) and tree and rng.random() < 0.9:
        k = int(rng.integers(len(tree)))
        middle = [[], [tree[k], tree[k]], [spoilt(tree[k], rng)]][min(2, rng.integers(8))]
        return [*tree[:k], *middle, *tree[k + 1 :]]
    return ODD[rng.integers(len(ODD))]


def spoilt_text(text: str, rng: np.random.Generator) -> str:
    """A text in which one line is missing or there twice, or one of its words is odd."""
    lines = text.splitlines()
    k = int(rng.integers(min(len(lines), 12) if rng.random() < 0.3 else len(lines)))
    comma = "," if "," in lines[k] else " "
    words = lines[k].split(comma)
    at = int(rng.integers(len(words)))
    kind = rng.integers(6)
    if kind < 3:
        words[at] = ODD_WORDS[rng.integers(len(ODD_WORDS))]
    elif kind == 3:
        del words[at]
    lines[k : k + 1] = [[comma.join(words)], [], [lines[k], lines[k]]][max(0, kind - 3)]
    return "\n".join(lines) + "\n"


def _tensors(tree: Any) -> Any:
    """The arrays of numbers in nested containers as tensors."""
    import torch

    if isinstance(tree, dict):
        return {key: _tensors(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_tensors(value) for value in tree]
    return torch.tensor(tree) if isinstance(tree, np.ndarray) and tree.dtype.kind in "iufbc" else tree
