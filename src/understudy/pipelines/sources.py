"""Which files of a folder are motions, which look like some and are none, and which are nobody's."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from understudy.errors import UnderstudyError
from understudy.motion import dataset, formats
from understudy.motion.dataset import Entry
from understudy.motion.formats.registry import FOLDER, FORMATS, suffixes

NO_MOTION = {
    "_stagei.npz": "AMASS's fit of a body shape and marker places; its motions end in _stageii.npz or _poses.npz",
    "shape.npz": "AMASS's body shape of a person; there is no motion in it",
}
"""Endings of files that lie beside motions and hold none, and what they are."""


@dataclass(frozen=True)
class Found:
    """What a folder holds, all paths below it and sorted.

    ``clips`` are taken for motions by their ending; ``refused`` are not, with the reason; ``aside`` counts the other
    files by their ending; ``entries`` has what the folder's manifest, if there is one, says of a clip.
    """

    folder: Path
    clips: tuple[Path, ...]
    refused: Mapping[Path, str]
    aside: Mapping[str, int]
    entries: Mapping[Path, Entry]


def find(folder: str | Path, out: str | Path | None = None, holds: tuple[str, ...] = ("human",)) -> Found:
    """Search a folder and those below it, hidden ones left out, for motions of humans, robots or both.

    A folder with a manifest holds what its manifest says. The folder ``out``, where results go, is not searched, so
    that the results of an earlier run are not sources. Raises UnderstudyError if nothing is found.
    """
    folder = Path(folder)
    wanted = suffixes(*holds, "either")
    clips, refused, aside, entries = [], {}, Counter(), {}
    if dataset.is_dataset(folder) and not _same(folder, out):
        for entry in dataset.read(folder):
            if entry.status == "done" and entry.path is not None:
                clips.append(Path(entry.path))
                entries[Path(entry.path)] = entry
    else:
        for path in _files(folder, None if out is None or _same(folder, out) else Path(out), holds):
            relative = path.relative_to(folder)
            why = next((why for ending, why in NO_MOTION.items() if path.name.endswith(ending)), None)
            if why is not None:
                refused[relative] = why
            elif path.is_dir() or path.suffix.lower() in wanted:
                clips.append(relative)
            else:
                aside[path.suffix.lower() or "no ending"] += 1
    if not clips:
        raise UnderstudyError(f"The folder {folder} holds no motion ({', '.join(wanted)}).")
    return Found(folder, tuple(sorted(clips)), refused, dict(sorted(aside.items())), entries)


def _files(folder: Path, without: Path | None, holds: tuple[str, ...]) -> Iterator[Path]:
    """Every file below a folder; a folder that is a motion itself is given whole."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if not path.is_dir():
            yield path
        elif not _same(path, without):
            if is_motion_folder(path, holds):
                yield path
            else:
                yield from _files(path, without, holds)


def refusal(path: Path) -> str | None:
    """Why a file that a search came upon is no motion, by what is inside; None if a reader takes it for its own.

    An ending that only one format has (.txt) is not enough: that format's module must recognise the file, too.
    """
    try:
        name = formats.detect(path)
    except UnderstudyError as error:
        return str(error).removeprefix(str(path)).lstrip(":, ")
    module = import_module(f"{formats.__name__}.{FORMATS[name].module}")
    recognises = getattr(module, "recognises", None)
    if recognises is None or recognises(path):
        return None
    return f"it ends like {name}, and is none"


def is_motion_folder(folder: Path, holds: tuple[str, ...]) -> bool:
    """Whether a folder is itself one motion, in a format that is a folder of files."""
    if not any(FOLDER in f.suffixes and f.holds in (*holds, "either") for f in FORMATS.values()):
        return False
    try:
        formats.detect(folder)
    except UnderstudyError:
        return False
    return True


def results_of(found: Found, suffix: str) -> tuple[dict[Path, Path], dict[Path, str]]:
    """The file that each clip becomes, both paths below their folders, and what is refused, with the reasons.

    A result is named like its clip. Of files that differ in their endings alone only those count that a reader knows
    (``walk.json`` beside ``walk.bvh`` may be anything); where that leaves several, their results keep the endings in
    their names, too.
    """
    same: dict[Path, list[Path]] = {}
    for clip in found.clips:
        same.setdefault(clip.with_suffix(suffix), []).append(clip)
    results, refused = {}, dict(found.refused)
    for target, group in same.items():
        reasons = {clip: refusal(found.folder / clip) for clip in group} if len(group) > 1 else {}
        refused |= {clip: why for clip, why in reasons.items() if why is not None}
        known = [clip for clip in group if clip not in refused]
        alone = len(known) == 1
        results |= {clip: target if alone else clip.with_name(clip.name + suffix) for clip in known}
    return dict(sorted(results.items())), dict(sorted(refused.items()))


def _same(one: Path, other: str | Path | None) -> bool:
    return other is not None and one.resolve() == Path(other).resolve()
