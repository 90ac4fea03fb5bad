"""Which clips pairs may be made of: by licence, never those of the test split, and some takes kept for validation.

One take of a performance comes in several forms: on other skeletons, in other formats, mirrored, with a partner who
danced along. What is kept apart are takes, so no form of a test take is ever learnt from, and none of a validation take
is in training.
"""

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from understudy.errors import UnderstudyError
from understudy.motion import HumanMotion, load, sample_every
from understudy.pipelines.sources import find

Licence = Literal["permissive", "all"]
Split = Literal["training", "validation"]

INDEX = "index.csv"
PERMISSIVE = {"CMU": "", "MIT": "permissive_deepmimic"}
"""What may train weights that are given away: licences, and how the archive's name must begin."""
WITHOUT_NAMES = ("permissive_cmu_expmap",)
"""Clips of CMU that do not say which take they are: nobody can tell that they are no test clip in another form."""
NEVER = "GPL"
"""Licences with this word in them bind what is made of the files."""
HELD_BACK = 0.10
"""The share of takes that is kept for validation."""
RATE = 60.0
"""Frames a second that clips are read at: twice that of pairs, so that time can be stretched."""
_PARTNERS = {"61": "60"}
"""Subjects of CMU who dance with another, take by take."""
_SUFFIXES = (".bvh", ".txt", ".amc", ".npz")


@dataclass(frozen=True)
class Source:
    """One clip that pairs are made of. ``take`` is the same for all its forms; ``fps`` its true rate where its header
    states another."""

    path: Path
    id: str
    licence: str
    take: str
    fps: float | None = None

    def read(self) -> HumanMotion:
        """At ``RATE``, or its own rate if that is lower. Raises UnderstudyError."""
        clip = load(self.path) if self.fps is None else load(self.path, fps=self.fps)
        if not isinstance(clip, HumanMotion):
            raise UnderstudyError(f"{self.path} holds a robot's motion; pairs begin with a human's.")
        return sample_every(clip, RATE) if clip.fps > RATE else clip


def sources(folder: Path, licence: Licence = "permissive", split: Split = "training") -> list[Source]:
    """The clips of a folder that belong to a split, in the order of their names.

    A folder with an ``index.csv`` is a corpus whose index knows licences, takes and the test split; of any other
    folder every clip counts, whatever its licence. Raises UnderstudyError if nothing is left.
    """
    if not folder.is_dir():
        raise UnderstudyError(f"There is no folder {folder} to make pairs of.")
    known = _of_corpus(folder, licence) if (folder / INDEX).is_file() else _of_folder(folder)
    wanted = [source for source in known if held_back(source.take) == (split == "validation")]
    if not wanted:
        raise UnderstudyError(f"Of the {len(known)} clips in {folder} none is for {split}.")
    return sorted(wanted, key=lambda source: source.id)


def held_back(take: str) -> bool:
    """Whether a take is for validation: the same for every form of it, on every machine."""
    return hashlib.sha256(take.encode()).digest()[0] < 256 * HELD_BACK


def take_of(row: dict[str, str]) -> str:
    """What all forms of a recording share: the number of CMU, the partner's for a couple; else the name of the file
    without its folder, ending and mirror."""
    if row["cmu_id"]:
        subject, _, trial = row["cmu_id"].partition("_")
        return f"cmu {_PARTNERS.get(subject, subject)}_{trial}"
    return re.sub(r"_mirror$", "", Path(row["file"]).stem.lower())


def _of_corpus(folder: Path, licence: Licence) -> list[Source]:
    with (folder / INDEX).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tested = {take_of(row) for row in rows if row["split"] == "test"}
    return [
        Source(folder / row["file"], row["file"], row["licence"], take_of(row), _true_rate(row))
        for row in rows
        if _may(row, licence) and take_of(row) not in tested
    ]


def _may(row: dict[str, str], licence: Licence) -> bool:
    if not row["file"].endswith(_SUFFIXES) or row["split"] != "train" or NEVER in row["licence"]:
        return False
    if row["archive"].startswith(WITHOUT_NAMES):
        return False
    if licence == "all":
        return True
    archive = PERMISSIVE.get(row["licence"])
    return archive is not None and row["archive"].startswith(archive)


def _true_rate(row: dict[str, str]) -> float | None:
    """The rate to read a file at, where its header states one that is wrong by more than rounding."""
    if not row["file"].endswith(".bvh"):
        return None
    stated, true = 1.0 / float(row["frame_time"]), float(row["true_fps"])
    return true if abs(stated - true) > 0.02 * true else None


def _of_folder(folder: Path) -> list[Source]:
    found = find(folder)
    return [
        Source(
            folder / path,
            path.as_posix(),
            found.entries[path].licence if path in found.entries else "",
            re.sub(r"_mirror$", "", path.stem.lower()),
        )
        for path in found.clips
    ]
