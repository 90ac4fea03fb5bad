"""Formats that are folders: written whole or not at all, and never over anything."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy.errors import UnderstudyError


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder beside ``path`` that takes its name if the block succeeds and is removed if it fails.

    Raises UnderstudyError if something is at ``path`` already (an empty folder apart), or if its own folder is missing
    or refuses.
    """
    target = Path(path)
    if target.is_dir() and any(target.iterdir()):
        raise UnderstudyError(
            f"Cannot write {target}: this folder holds files already, and none of them is touched. "
            "Remove it or choose another name."
        )
    if target.exists() and not target.is_dir():
        raise UnderstudyError(f"Cannot write {target}: this format is a folder, and a file has that name.")
    if not target.parent.is_dir():
        raise UnderstudyError(
            f"Cannot write {target}: {target.parent} does not exist. Create that folder or choose another one."
        )
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise UnderstudyError(
            f"Cannot write {target}: {target.parent} refuses ({error.strerror})."
        ) from error
    try:
        yield temporary
        # mkdtemp makes folders that only the owner may enter; a result should be as open as its neighbours.
        temporary.chmod(target.parent.stat().st_mode & 0o777)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
