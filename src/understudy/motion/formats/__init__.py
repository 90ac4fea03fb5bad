"""Files in and out: one module per format, found by name, by suffix or by what is inside.

``registry`` lists the formats and says what a module offers. Modules are imported when first needed.
"""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from understudy.errors import FormatError, UnderstudyError, UnknownName
from understudy.motion.formats.doors import existing, existing_file, read_npz_names
from understudy.motion.formats.registry import (
    FOLDER,
    FORMATS,
    OUT_OF_SCOPE,
    ending_in,
    suffix_of,
    suffixes,
)
from understudy.motion.ops import trim
from understudy.motion.types import HumanMotion, RobotMotion

BARE_CSV = (
    "a .csv of bare numbers does not say its quaternion order. Name the format with the option 'format' (on the "
    "command line, --from): 'unitree-csv' (xyzw) or 'kimodo-csv' (wxyz)."
)


def load(
    path: str | Path,
    *,
    format: str | None = None,
    start: float | None = None,
    end: float | None = None,
    **options: Any,
) -> HumanMotion | RobotMotion:
    """Read one clip, or the part of it between ``start`` and ``end`` (s, on the file's own clock).

    The format is taken from the suffix and, for npz archives, from the entries inside, unless ``format``
    names it. ``options`` are the keyword arguments of that format's reader (``unit``, ``up``, ``fps``,
    ``joints``, ``robot``; see ``options``). Raises UnderstudyError or FormatError, naming the file, for
    anything that is not a whole and finite motion, and LimitError if nothing lies between the two instants.
    """
    path = existing(path)
    name = detect(path) if format is None else format
    reader = _function(name, "read")
    bounds = {key: value for key, value in (("start", start), ("end", end)) if value is not None}
    if bounds and "start" in _keywords(reader):
        # This reader looks at the whole clip before it cuts.
        return _call(reader, name, (path,), {**bounds, **options})
    motion = _call(reader, name, (path,), options)
    return trim(motion, start or 0.0, end) if bounds else motion


def save(
    motion: HumanMotion | RobotMotion, path: str | Path, *, format: str | None = None, **options: Any
) -> None:
    """Write one clip. The suffix chooses the format (.npz is the project's own) unless ``format`` names it.

    ``options`` are the keyword arguments of that format's writer. A failure leaves no file behind.
    """
    path = Path(path)
    name = by_suffix(path) if format is None else format
    _call(_function(name, "write"), name, (motion, path), options)


def detect(path: str | Path) -> str:
    """The name of a file's format, from its suffix or its contents. Raises FormatError if they do not say."""
    path = existing(path)
    suffix = suffix_of(path)
    candidates = ending_in(suffix)
    if suffix == FOLDER and not any(_recognises(name, path) for name in candidates):
        raise UnderstudyError(
            f"{path} is a folder; one motion is needed here, a file or a folder of a known format."
        )
    if not candidates:
        unknown = f"no format ends in {suffix!r}. Known endings: {_endings()}; or name the format."
        raise FormatError(path, OUT_OF_SCOPE.get(suffix, unknown))
    if len(candidates) == 1:
        return candidates[0]
    if suffix != FOLDER:
        existing_file(path)
    for name in candidates:
        if _recognises(name, path):
            return name
    raise FormatError(path, _nobodys(path, suffix, candidates))


def can(name: str, verb: str) -> bool:
    """Whether a format can be read (``verb="read"``) or written (``"write"``). Raises UnknownName."""
    return _optional(name, verb) is not None


def options(name: str, verb: str = "read") -> tuple[str, ...]:
    """The options that a format's reader (or writer, ``verb="write"``) takes. Raises UnknownName."""
    return _keywords(_function(name, verb))


def by_suffix(path: Path) -> str:
    """The format to write: the first whose files end so, where that leaves no doubt about the numbers inside.

    Raises UnderstudyError, naming what is known.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        raise UnderstudyError(f"Cannot write {path}: {BARE_CSV.replace('--from', '--as')}")
    for name in ending_in(suffix):
        if can(name, "write"):
            return name
    raise UnderstudyError(f"Cannot write {path}: no format ends in {suffix!r}. Known endings: {_endings()}.")


def _module(name: str) -> ModuleType:
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    return import_module(f"{__name__}.{FORMATS[name].module}")


def _function(name: str, verb: str) -> Callable[..., Any]:
    # One module may hold several formats of one shape; its functions then carry the format's first word.
    found = _optional(name, verb)
    if found is None:
        raise UnderstudyError(
            f"The format {name!r} can be read but not written. Formats to write: {_writable()}."
        )
    return found


def _optional(name: str, verb: str) -> Callable[..., Any] | None:
    module = _module(name)
    return getattr(module, verb, None) or getattr(module, f"{verb}_{name.partition('-')[0]}", None)


def _recognises(name: str, path: Path) -> bool:
    """Whether a file is of this format. A module without the function makes no claims: its format must be named."""
    claim = _optional(name, "recognises")
    return claim is not None and claim(path)


def _nobodys(path: Path, suffix: str, candidates: tuple[str, ...]) -> str:
    """Why no format claimed the file."""
    if suffix == ".csv":
        return BARE_CSV
    entries = f" (entries: {', '.join(sorted(read_npz_names(path))) or 'none'})" if suffix == ".npz" else ""
    return f"it is none of the formats that end so{entries}: {', '.join(candidates)}. Name one if you know better."


def _writable() -> str:
    return ", ".join(name for name in FORMATS if can(name, "write"))


def _keywords(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY)


def _call(function: Callable[..., Any], name: str, arguments: tuple, given: dict[str, Any]) -> Any:
    known = _keywords(function)
    for option in given:
        if option not in known:
            if not known:
                raise UnderstudyError(f"The format {name!r} takes no options here; {option!r} was given.")
            raise UnknownName(f"option of the format {name!r}", option, known)
    return function(*arguments, **given)


def _endings() -> str:
    return ", ".join(suffixes("human", "robot", "either"))
