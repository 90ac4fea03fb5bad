"""Five thousand damaged files of every format: each loads or is refused in a paragraph of ours, never otherwise.

Half of the damage is done to bytes and half to entries (``spoiling``). Pickles that try to run code are refused behind
every door that opens pickles.
"""

import io
import shutil
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import attacks
from made_files import KINDS, kimodo_g1
from spoiling import damaged, spoil

from understudy import motion, robots
from understudy.errors import UnderstudyError
from understudy.kinematics import clips
from understudy.motion import formats, sample
from understudy.motion.formats.registry import FOLDER, FORMATS
from understudy.motion.types import HumanMotion, RobotMotion

EACH = 152
"""Damaged files of each kind of file."""
ROBOT_FORMATS = [n for n, f in FORMATS.items() if f.holds != "human" and formats.can(n, "write")]
SOURCES = [
    *(f"human {kind}" for kind in KINDS),
    *(f"robot {name}" for name in ROBOT_FORMATS),
    "robot kimodo-npz",
]


@dataclass(frozen=True)
class Original:
    """A sound file (or a folder), what it is, and what its reader must be told."""

    path: Path
    format: str
    options: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def stepping(g1):
    """A quarter of a second of the G1 lifting its knee."""
    home = np.tile(g1.home, (8, 1))
    home[:, 7 + g1.joints.index("left_knee_joint")] += np.linspace(0.0, 0.3, 8)
    return RobotMotion(g1.name, g1.joints, 30.0, home[:, :3], home[:, 3:7], home[:, 7:])


def original(source: str, folder: Path, g1, stepping) -> Original:
    holds, _, name = source.partition(" ")
    if holds == "human":
        kind = KINDS[name]
        walk = motion.trim(sample.motion("walk", fps=kind.fps), 1.0, 1.0 + 7 / kind.fps)
        return Original(kind.write(walk, folder), kind.format, kind.options)
    if name == "kimodo-npz":
        return Original(kimodo_g1(stepping, g1, folder), name)
    suffix = FORMATS[name].suffixes[0]
    path = folder / ("clip" if suffix == FOLDER else f"clip{suffix}")
    clips.save(stepping, path, format=name)
    whose = {"joints": g1.joints, "robot": g1.name}
    return Original(path, name, {k: v for k, v in whose.items() if k in formats.options(name)})


def test_there_are_as_many_as_promised():
    assert EACH * len(SOURCES) >= 5000


@pytest.mark.parametrize("source", SOURCES)
def test_a_damaged_file_is_loaded_or_refused_never_worse(source, g1, stepping, tmp_path):
    (tmp_path / "sound").mkdir()
    whole = original(source, tmp_path / "sound", g1, stepping)
    rng, refused, loaded = np.random.default_rng(len(source) * 1000 + SOURCES.index(source)), [], 0
    work = tmp_path / "work"
    path = work / whole.path.name
    for k in range(EACH):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(whole.path.parent, work)
        harm(path, rng, entries=k % 2 == 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                clip = load(path, whole, k)
        except UnderstudyError as error:
            refused.append(str(error))
        else:
            loaded += 1
            assert clip.frames > 0
            if isinstance(clip, HumanMotion):
                assert np.isfinite(clip.landmarks()[0]).all()
    assert len(refused) > EACH // 8
    assert all(message.strip() for message in refused)


def harm(path: Path, rng: np.random.Generator, *, entries: bool) -> None:
    """Damage a file, one of those beside it that it needs, or one of those in a folder."""
    files = sorted(p for p in path.parent.rglob("*") if p.is_file())
    victim = files[rng.integers(len(files))]
    if entries:
        spoil(victim, rng)
    elif rng.random() < 0.02:
        victim.unlink()
    else:
        victim.write_bytes(damaged(victim.read_bytes(), rng))


def load(path: Path, whole: Original, k: int) -> HumanMotion | RobotMotion:
    """Through one of the doors: the format named or found out, options given or not, with or without a robot's help."""
    named = whole.format if k % 3 else None
    if whole.options.keys() & {"joints", "robot"} and k % 4 < 2:
        return clips.load(path, format=named, robot="unitree_g1")
    return motion.load(path, format=named, **(whole.options if k % 5 else {}))


def boxed(pickled: bytes) -> bytes:
    """An .npy file of one object."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    return header.getvalue() + pickled


def zipped(name: str, content: bytes, **others: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for entry, data in ({name: content} | others).items():
            archive.writestr(entry, data)
    return file.getvalue()


def torch_file(pickled: bytes) -> bytes:
    return zipped("archive/data.pkl", pickled, **{"archive/byteorder": b"little", "archive/version": b"3\n"})


DOORS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "pickle": (".pkl", bytes),
    "compressed pickle": (".pkl", zlib.compress),
    "npy object": (".npy", boxed),
    "npz entry": (".npz", lambda pickled: zipped("poses.npy", boxed(pickled))),
    "torch": (".pt", torch_file),
    "ProtoMotions": (".motion", torch_file),
}
"""How a pickle may come: the ending of the file, and what becomes of it there."""


@pytest.mark.parametrize("door", DOORS)
def test_a_pickle_that_runs_code_is_refused_at_every_door(door, g1, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suffix, wrapped = DOORS[door]
    canary = tmp_path / "canary"
    names = [None, *(name for name, format in FORMATS.items() if suffix in format.suffixes)]
    for what, pickled in attacks(canary).items():
        path = tmp_path / f"trap{suffix}"
        path.write_bytes(wrapped(pickled))
        for name in names:
            with pytest.raises(UnderstudyError):
                clips.load(path, format=name, robot=g1.name)
            assert not canary.exists(), (what, name)
