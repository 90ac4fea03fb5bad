"""Files in and out: one module per format, found by name, by suffix or by what is inside.

Every format module offers ``read(path, *, ...)`` and ``write(motion, path, *, ...)``; their keyword arguments
are the format's options. Modules are imported when first needed.
"""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from understudy.errors import FormatError, UnderstudyError, UnknownName
from understudy.motion.formats.doors import existing_file, read_npz
from understudy.motion.ops import trim
from understudy.motion.types import HumanMotion, RobotMotion

FORMATS = {
    "bvh": "bvh",
    "native": "native",
    "mjlab-npz": "mjlab_npz",
    "gmr-pkl": "gmr_pkl",
    "unitree-csv": "robot_csv",
    "kimodo-csv": "robot_csv",
}
"""Format name → module in this package."""

SUFFIXES = {"bvh": ".bvh", "native": ".npz", "mjlab-npz": ".npz", "gmr-pkl": ".pkl"}
CSV_CHOICE = (
    "A bare .csv does not say its quaternion order. Name the format with the option 'format' (on the command "
    "line, --from or --as): 'unitree-csv' (xyzw) or 'kimodo-csv' (wxyz)."
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
    path = existing_file(path)
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
    name = _by_suffix(path) if format is None else format
    _call(_function(name, "write"), name, (motion, path), options)


def detect(path: str | Path) -> str:
    """The name of a file's format, from its suffix or its entries. Raises FormatError if they do not say."""
    path = existing_file(path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        raise FormatError(path, CSV_CHOICE)
    if suffix == ".npz":
        return _detect_npz(path)
    if suffix in (".bvh", ".pkl"):
        return {".bvh": "bvh", ".pkl": "gmr-pkl"}[suffix]
    raise FormatError(path, f"no format ends in {suffix!r}. Known endings: {_endings()}; or name the format.")


def options(name: str, verb: str = "read") -> tuple[str, ...]:
    """The options that a format's reader (or writer, ``verb="write"``) takes. Raises UnknownName."""
    return _keywords(_function(name, verb))


def _function(name: str, verb: str) -> Callable[..., Any]:
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    module = import_module(f"{__name__}.{FORMATS[name]}")
    # One module may hold several formats of one shape; its functions then carry the format's first word.
    return getattr(module, verb, None) or getattr(module, f"{verb}_{name.partition('-')[0]}")


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


def _by_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        raise UnderstudyError(f"Cannot write {path}. {CSV_CHOICE}")
    for name, own in SUFFIXES.items():
        if suffix == own:
            return name
    raise UnderstudyError(f"Cannot write {path}: no format ends in {suffix!r}. Known endings: {_endings()}.")


def _endings() -> str:
    return ", ".join(sorted({*SUFFIXES.values(), ".csv"}))


def _detect_npz(path: Path) -> str:
    entries = read_npz(path)
    if "format" in entries:
        return "native"
    if {"joint_pos", "body_pos_w", "body_quat_w"} <= entries.keys():
        return "mjlab-npz"
    raise FormatError(
        path,
        f"no known npz format has these entries: {', '.join(sorted(entries)) or 'none'}. "
        "Known are the project's own (entry 'format') and mjlab's (joint_pos, body_pos_w, body_quat_w).",
    )
