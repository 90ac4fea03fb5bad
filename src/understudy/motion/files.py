"""Writing files so that a failure leaves nothing half-written behind."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy.errors import UnderstudyError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place if the block succeeds and is removed if it fails.

    The temporary name keeps the suffix, because many writers choose their format by it. An existing target is
    replaced in one step, so a reader sees the old file or the new one and never a mixture. Raises
    UnderstudyError if the folder does not exist or cannot be written to, or if the target is a folder.
    """
    target = Path(path)
    folder = target.parent
    check_target(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=folder)
    except OSError as error:
        raise UnderstudyError(
            f"Cannot write {target}: the folder {folder} refuses ({error.strerror})."
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only the owner may read; a result should have ordinary permissions.
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_target(path: str | Path) -> None:
    """Raise UnderstudyError if a file cannot be at ``path``: it is a folder, or its own folder does not exist."""
    target = Path(path)
    folder = target.parent
    if target.is_dir():
        raise UnderstudyError(f"Cannot write to {target}: it is a folder. Give the name of a file.")
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UnderstudyError(
            f"Cannot write {target}: {folder} {what}. Create that folder or choose another one."
        )


def _umask() -> int:
    """The process's file creation mask; the system only tells it by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
