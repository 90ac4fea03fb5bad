"""Which real clips, and how they are read: lists, the corpus folder, true frame rates."""

import csv
import os
from functools import cache, partial
from pathlib import Path

from understudy import motion
from understudy.errors import UnderstudyError
from understudy.evaluate.benchmark import Clip
from understudy.motion import HumanMotion

QUICK = (
    "permissive/cmu_daz/03/03_02.bvh",
    "permissive/cmu_daz/05/05_08.bvh",
    "permissive/cmu_daz/09/09_04.bvh",
    "permissive/cmu_daz/13/13_09.bvh",
    "permissive/cmu_daz/13/13_39.bvh",
    "permissive/cmu_daz/14/14_32.bvh",
    "permissive/cmu_iclone/006/006_01.bvh",
    "permissive/cmu_rnn_indian/94_08.bvh",
    "permissive/cmu_rnn_martial/135_05.bvh",
    "permissive/cmu_rnn_salsa/60_10.bvh",
    "noncommercial/bandai_namco/ds1/dataset-1_bow_tired_001.bvh",
    "noncommercial/bandai_namco/ds1/dataset-1_run_happy_001.bvh",
    "noncommercial/bandai_namco/ds1/dataset-1_walk-back_angry_001.bvh",
    "noncommercial/bandai_namco/ds2/dataset-2_wave-right-hand_elderly_001.bvh",
)
"""Fourteen clips of the test split, for quick runs: every source that reads today, every class, every length."""


def corpus_folder(given: Path | None = None) -> Path:
    """The unpacked corpus: as given, else where UNDERSTUDY_CORPUS points, else the user's cache.

    Raises UnderstudyError if there is none.
    """
    home = Path.home() / ".cache" / "understudy" / "corpus"
    folder = given or Path(os.environ.get("UNDERSTUDY_CORPUS", home))
    if not (folder / "index.csv").is_file():
        raise UnderstudyError(f"There is no corpus in {folder}: no index.csv. Give its folder with --corpus.")
    return folder


def names(which: str, corpus: Path) -> list[str]:
    """``full``: the test split. ``quick``: ``QUICK``. Else a file with one clip a line, in its last column."""
    if which == "quick":
        return list(QUICK)
    path = corpus / "test_clips.txt" if which == "full" else Path(which)
    if not path.is_file():
        raise UnderstudyError(f"{which!r} is neither 'quick' nor 'full' nor a file with one clip a line.")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[-1].strip() for line in lines if line.strip() and not line.startswith("#")]


def chosen(which: str, corpus: Path, fps: float) -> list[Clip]:
    """The clips of a list, to be read at ``fps`` frames a second (their own rate, if that is lower)."""
    return [Clip(name, partial(read, corpus, name, fps)) for name in names(which, corpus)]


def read(corpus: Path, name: str, fps: float) -> HumanMotion:
    """One clip of the corpus, told its true frame rate where its header lies. Raises UnderstudyError."""
    options = {}
    if (row := _index(corpus).get(name)) and name.endswith(".bvh"):
        stated, true = 1.0 / float(row["frame_time"]), float(row["true_fps"])
        if abs(stated - true) > 0.02 * true:
            options["fps"] = true
    clip = motion.load(corpus / name, **options)
    if not isinstance(clip, HumanMotion):
        raise UnderstudyError(f"{name} holds a robot's motion.")
    return motion.sample_every(clip, fps) if clip.fps > fps else clip


@cache
def _index(corpus: Path) -> dict[str, dict[str, str]]:
    with (corpus / "index.csv").open(newline="", encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file)}
