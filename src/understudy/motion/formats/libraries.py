"""Files of several clips, and which of them is meant."""

from collections.abc import Sequence
from pathlib import Path

from understudy.errors import FormatError

SHOWN = 10


def chosen(clip: int | str | None, names: Sequence[str], path: Path) -> int:
    """The place of a clip among those of a file: by its name (or the stem of it, where the names are those of files),
    or by its number from 0. A file of one clip needs no choice.

    Raises FormatError, showing the first names, if none was chosen among several, or one that is not there.
    """
    shown = ", ".join(repr(name) for name in names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    if clip is None and len(names) == 1:
        return 0
    if clip is None:
        raise FormatError(
            path,
            f"the file holds {len(names)} clips. Choose one with the option 'clip', by number or by name: {shown}.",
        )
    for known in (names, [Path(name).stem for name in names]):
        if str(clip) in known:
            return known.index(str(clip))
    if str(clip).isdecimal() and int(clip) < len(names):
        return int(clip)
    raise FormatError(path, f"there is no clip {clip!r} among its {len(names)}: {shown}.")
