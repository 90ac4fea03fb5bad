"""Which clips a command line means: files, patterns and folders, and where each result goes."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import UnderstudyError
from understudy.motion.files import check_target

HUMAN_SUFFIXES = (".bvh", ".npz")
"""What is picked up from folders. A file named by itself may end in anything."""
FILE_SUFFIXES = (".npz", ".bvh", ".csv", ".pkl", ".json", ".txt")
"""An ``out`` that ends so is meant to be a file."""


@dataclass(frozen=True)
class Job:
    """One clip to be made from another."""

    source: Path
    target: Path


def plan(files: Sequence[str], out: Path, suffix: str) -> list[Job]:
    """The jobs for these files, glob patterns and folders.

    One file and an ``out`` that ends in ``suffix`` make one file. Anything else makes a folder ``out``, in
    which the structure below each given folder (or the fixed part of a pattern) is kept. Raises
    UnderstudyError if nothing is found, if two clips would be written to one file, or one over its source.
    """
    jobs = _jobs(files, out, suffix)
    for job in jobs:
        refuse_overwriting(job.source, job.target)
    return jobs


def refuse_overwriting(source: Path, target: Path) -> None:
    """Raise UnderstudyError if a result would take the place of what it is made from."""
    if target.exists() and source.exists() and target.samefile(source):
        raise UnderstudyError(f"{source} would be overwritten by its own result; choose another name.")


def _jobs(files: Sequence[str], out: Path, suffix: str) -> list[Job]:
    if not files:
        raise UnderstudyError("No motion was given: name files, patterns or folders.")
    single = len(files) == 1 and not Path(files[0]).is_dir() and not _is_pattern(files[0])
    if single and out.suffix.lower() == suffix and not out.is_dir():
        check_target(out)
        return [Job(Path(files[0]), out)]
    if out.is_file() or (out.suffix.lower() in FILE_SUFFIXES and not out.is_dir()):
        if single:
            raise UnderstudyError(
                f"Results are {suffix} files, and {out} is none: give such a file or a folder with --out. "
                "`understudy motion convert` makes other formats of it."
            )
        raise UnderstudyError(
            f"Several motions do not fit into the one file {out}; give a folder with --out."
        )
    jobs: dict[Path, Path] = {}
    for given in files:
        for source, relative in _expand(given, out):
            target = out / relative.with_suffix(suffix)
            if jobs.setdefault(target, source) != source:
                raise UnderstudyError(f"{jobs[target]} and {source} would both be written to {target}.")
    return [Job(source, target) for target, source in jobs.items()]


def _is_pattern(given: str) -> bool:
    return glob.has_magic(given) and not Path(given).exists()


def _expand(given: str, out: Path) -> list[tuple[Path, Path]]:
    """The files that a word means, each with its path below the folder that was named."""
    if _is_pattern(given):
        parts = Path(given).parts
        fixed = Path(*[p for i, p in enumerate(parts) if not any(map(glob.has_magic, parts[: i + 1]))])
        found = sorted(Path(path) for path in glob.glob(given, recursive=True))
        result = [(path, path.relative_to(fixed)) for path in found if path.is_file()]
        if not result:
            raise UnderstudyError(f"No file matches {given!r}.")
        return result
    path = Path(given)
    if not path.is_dir():
        return [(path, Path(path.name))]
    # Results written into the folder by an earlier run are not sources.
    finished = out.resolve()
    result = [
        (found, found.relative_to(path))
        for found in sorted(path.rglob("*"))
        if found.suffix.lower() in HUMAN_SUFFIXES
        and found.is_file()
        and not any(part.startswith(".") for part in found.relative_to(path).parts)
        and (finished == path.resolve() or finished not in found.resolve().parents)
    ]
    if not result:
        raise UnderstudyError(f"The folder {path} holds no motion ({', '.join(HUMAN_SUFFIXES)}).")
    return result
