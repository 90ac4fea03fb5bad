"""Which clips a command line means: files, patterns and folders, and where each result goes."""

import glob
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from understudy.errors import UnderstudyError
from understudy.motion.files import check_target
from understudy.pipelines.dataset import Task
from understudy.pipelines.sources import find, is_motion_folder, results_of

FILE_SUFFIXES = (".npz", ".bvh", ".csv", ".pkl", ".json", ".txt")
"""An ``out`` that ends so is meant to be a file."""


@dataclass(frozen=True)
class Plan:
    """What is to be made of what. ``single`` is one file of one file; everything else goes into a folder.

    ``refused`` are files of the folders that are no motions, by their ``id``, with the reason; ``aside`` counts by
    ending what was not looked at.
    """

    tasks: tuple[Task, ...]
    single: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    aside: Mapping[str, int] = field(default_factory=dict)


def plan(files: Sequence[str], out: Path | None, suffix: str, holds: tuple[str, ...] = ("human",)) -> Plan:
    """The tasks for these files, glob patterns and folders, which are searched for motions of ``holds``.

    One file and an ``out`` that ends in ``suffix`` make one file. Anything else makes a folder ``out``, in
    which the structure below each given folder (or the fixed part of a pattern) is kept. Without ``out`` nothing is
    to be written, and targets are only names. Raises UnderstudyError if nothing is found, if two clips would be
    written to one file, or one over its source.
    """
    if not files:
        raise UnderstudyError("No motion was given: name files, patterns or folders.")
    single = len(files) == 1 and not _is_folder(files[0], holds) and not _is_pattern(files[0])
    if out is None:
        return replace(_into_folder(files, Path("nowhere"), suffix, holds), single=single)
    if single and out.suffix.lower() == suffix and not out.is_dir():
        check_target(out)
        source = Path(files[0])
        made = Plan((Task(source.name, source, out, found=False),), single=True)
    else:
        _check_folder(out, suffix, single)
        made = _into_folder(files, out, suffix, holds)
    for task in made.tasks:
        refuse_overwriting(task.source, task.target)
    return made


def refuse_overwriting(source: Path, target: Path) -> None:
    """Raise UnderstudyError if a result would take the place of what it is made from."""
    if target.exists() and source.exists() and target.samefile(source):
        raise UnderstudyError(f"{source} would be overwritten by its own result; choose another name.")


def _check_folder(out: Path, suffix: str, single: bool) -> None:
    if out.is_dir() or not (out.is_file() or out.suffix.lower() in FILE_SUFFIXES):
        return
    if single:
        raise UnderstudyError(
            f"Results are {suffix} files, and {out} is none: give such a file or a folder with --out. "
            "`understudy motion convert` makes other formats of it."
        )
    raise UnderstudyError(f"Several motions do not fit into the one file {out}; give a folder with --out.")


def _into_folder(files: Sequence[str], out: Path, suffix: str, holds: tuple[str, ...]) -> Plan:
    tasks: dict[Path, Task] = {}
    refused: dict[str, str] = {}
    aside: Counter[str] = Counter()
    for given in files:
        for task in _named(given, out, suffix) if not _is_folder(given, holds) else ():
            _add(tasks, task)
        if _is_folder(given, holds):
            found = find(given, out, holds)
            results, no_motions = results_of(found, suffix)
            for clip, result in results.items():
                about = found.entries.get(clip)
                _add(tasks, Task(clip.as_posix(), found.folder / clip, out / result, about))
            refused |= {path.as_posix(): why for path, why in no_motions.items()}
            aside.update(found.aside)
    ids = Counter(task.id for task in tasks.values())
    twice = next((name for name, count in ids.items() if count > 1), None)
    if twice is not None:
        raise UnderstudyError(f"{twice!r} is in two of the folders; retarget them into folders of their own.")
    return Plan(tuple(tasks.values()), refused=refused, aside=dict(aside))


def _add(tasks: dict[Path, Task], task: Task) -> None:
    other = tasks.setdefault(task.target, task)
    if other.source != task.source:
        raise UnderstudyError(f"{other.source} and {task.source} would both be written to {task.target}.")


def _is_pattern(given: str) -> bool:
    return glob.has_magic(given) and not Path(given).exists()


def _is_folder(given: str, holds: tuple[str, ...]) -> bool:
    """A folder of clips, not one that is a clip itself."""
    return Path(given).is_dir() and not is_motion_folder(Path(given), holds)


def _named(given: str, out: Path, suffix: str) -> list[Task]:
    """The files that a word means, each with its path below the folder that was named."""
    if not _is_pattern(given):
        path = Path(given)
        return [Task(path.name, path, out / Path(path.name).with_suffix(suffix), found=False)]
    parts = Path(given).parts
    fixed = Path(*[p for i, p in enumerate(parts) if not any(map(glob.has_magic, parts[: i + 1]))])
    paths = sorted(Path(path) for path in glob.glob(given, recursive=True))
    tasks = [
        Task(path.relative_to(fixed).as_posix(), path, out / path.relative_to(fixed).with_suffix(suffix))
        for path in paths
        if path.is_file()
    ]
    if not tasks:
        raise UnderstudyError(f"No file matches {given!r}.")
    return tasks


def make_folder(folder: Path) -> None:
    """Create a folder and those above it. Raises UnderstudyError if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnderstudyError(f"Cannot create the folder {folder} ({error.strerror}).") from error
