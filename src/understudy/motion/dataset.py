"""A dataset: a folder of motions with a ``manifest.parquet``, one row a clip, kept while a job is still running.

A job appends what it has done to a journal beside the manifest, and now and then folds the journal into it; a
killed job loses nothing that it had told. Rows are sorted by ``id`` and hold no times of day and no durations of
work, so that the same inputs give the same manifest however often the job was interrupted.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Literal

from understudy.errors import FormatError, UnderstudyError
from understudy.motion.files import atomic_path

if TYPE_CHECKING:
    import pyarrow

MANIFEST = "manifest.parquet"
JOURNAL = "manifest.journal"
LOCK = ".manifest.lock"
VERSION = 1
"""Raised whenever a column changes its meaning."""
SYNC_EVERY = 1.0
"""Seconds after which the journal is forced onto the disk: what a power cut may cost. A kill costs nothing."""
FOLD_EVERY = 30.0
"""Least number of seconds between two foldings; they also take no more than a twentieth of the time."""

Status = Literal["done", "dropped", "failed", "refused"]


@dataclass(frozen=True)
class Entry:
    """One row: a clip of the dataset, or why there is none.

    ``id`` is unique: the path of the source below the folder it was found in, with ``#0003`` behind it for a piece of
    a clip. ``path`` is the motion file below the dataset's folder, ``parents`` the files it was made from, relative
    to that folder, too. ``content`` (SHA-256 of the source file), ``configuration`` (JSON) and ``version`` (of the
    code) are all that a row depends on. ``passed`` and ``failing`` repeat the certificate, ``worst`` says its worst
    finding in words and ``severity`` in multiples of what is allowed. ``metrics`` are finite numbers in SI units,
    shares of frames as fractions; what was not measured is not among them. In the table each is a column.
    """

    id: str
    source: str
    status: Status
    reason: str | None = None
    path: str | None = None
    kind: Literal["human", "robot"] | None = None
    body: str | None = None
    fps: float | None = None
    frames: int | None = None
    duration: float | None = None
    texts: tuple[str, ...] = ()
    licence: str = ""
    split: str = ""
    parents: tuple[str, ...] = ()
    content: str = ""
    configuration: str = ""
    version: str = ""
    bytes: int | None = None
    passed: bool | None = None
    failing: tuple[str, ...] = ()
    worst: str | None = None
    severity: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Plain values; reading them back gives the same entry to the last bit."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_record(cls, told: Mapping[str, Any]) -> "Entry":
        """Read what ``to_record`` gave, or JSON or parquet made of it."""
        lists = {name: tuple(told[name] or ()) for name in ("texts", "parents", "failing")}
        return cls(**{**told, **lists, "metrics": dict(told["metrics"])})


OWN_COLUMNS = tuple(f.name for f in fields(Entry) if f.name != "metrics")
"""The columns that every manifest has; all others are metrics."""
Rows = dict[str, tuple[Entry, ...]]
"""The entries of each source."""


def read(folder: str | Path) -> list[Entry]:
    """All entries of a dataset, sorted by ``id``; also of one that a job is writing at this moment.

    Raises UnderstudyError for a folder without a manifest, FormatError for a damaged one.
    """
    return _sorted(_rows(_existing(folder)))


def table(folder: str | Path) -> "pyarrow.Table":
    """The same as a table: the columns of ``Entry``, then one column for each metric. Raises like ``read``."""
    return to_table(read(folder))


def is_dataset(folder: str | Path) -> bool:
    """Whether a folder has a manifest, or the journal of its first job."""
    return any((Path(folder) / name).is_file() for name in (MANIFEST, JOURNAL))


def to_table(entries: Iterable[Entry]) -> "pyarrow.Table":
    """Entries as a table, in the order given. Metrics of the same name as a column are refused."""
    import pyarrow as pa

    entries = list(entries)
    metrics = sorted({key for entry in entries for key in entry.metrics})
    if taken := set(metrics) & set(OWN_COLUMNS):
        raise UnderstudyError(f"Metrics cannot be named like columns of the manifest: {', '.join(taken)}.")
    columns = {name: [getattr(entry, name) for entry in entries] for name in OWN_COLUMNS}
    columns |= {key: [entry.metrics.get(key) for entry in entries] for key in metrics}
    return pa.table(columns, schema=_schema(metrics))


def from_table(rows: "pyarrow.Table") -> list[Entry]:
    """The entries of a table that ``to_table`` made."""
    metrics = [name for name in rows.column_names if name not in OWN_COLUMNS]
    found = []
    for record in rows.to_pylist():
        measured = {key: value for key in metrics if (value := record.pop(key)) is not None}
        found.append(Entry.from_record(record | {"metrics": measured}))
    return found


class Manifest:
    """The manifest of a folder, open for one writer: ``with Manifest(folder) as manifest: manifest.put(...)``.

    Entering takes the folder's lock, which the system frees however the process ends, and finishes what an earlier
    process left in the journal. Raises UnderstudyError if another process holds the lock.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def __enter__(self) -> "Manifest":
        with ExitStack() as held:
            held.enter_context(_locked(self.folder))
            self.rows: Rows = _rows(self.folder)
            self._journal = held.enter_context((self.folder / JOURNAL).open("a", encoding="utf-8"))
            self._synced = time.monotonic()
            self.fold()
            self._held = held.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            self.fold()
            (self.folder / JOURNAL).unlink()

    def put(self, source: str, entries: Sequence[Entry]) -> None:
        """These are now all entries of a source. The journal has them when this returns."""
        self.rows[source] = tuple(entries)
        line = json.dumps(
            {"source": source, "entries": [e.to_record() for e in entries]},
            ensure_ascii=False,
            allow_nan=False,
        )
        self._journal.write(line + "\n")
        self._journal.flush()
        now = time.monotonic()
        if now - self._synced > SYNC_EVERY:
            os.fsync(self._journal.fileno())
            self._synced = now
        if now > self._next_fold:
            self.fold()

    def fold(self) -> None:
        """Write the manifest whole, and empty the journal."""
        begin = time.monotonic()
        write(self.folder, _sorted(self.rows))
        self._journal.truncate(0)
        now = time.monotonic()
        self._next_fold = now + max(FOLD_EVERY, 20 * (now - begin))


def write(folder: Path, entries: Sequence[Entry]) -> None:
    """Write a manifest in one step: a reader sees the old one or the new one."""
    from pyarrow import parquet

    with atomic_path(folder / MANIFEST) as temporary:
        parquet.write_table(to_table(entries), temporary, compression="zstd")
        with temporary.open("rb") as file:
            os.fsync(file.fileno())


def _sorted(rows: Rows) -> list[Entry]:
    return sorted((entry for entries in rows.values() for entry in entries), key=lambda entry: entry.id)


def _rows(folder: Path) -> Rows:
    """What manifest and journal say together. The journal is read first: if it is folded in between, the manifest
    already has what was in it."""
    told = _told(folder / JOURNAL)
    rows: Rows = {}
    for entry in _stored(folder / MANIFEST):
        rows[entry.source] = (*rows.get(entry.source, ()), entry)
    return rows | told


def _told(path: Path) -> Rows:
    """The entries of a journal. A last line that was cut short says nothing; damage elsewhere is an error."""
    if not path.is_file():
        return {}
    rows: Rows = {}
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            told = json.loads(line)
            rows[told["source"]] = tuple(Entry.from_record(record) for record in told["entries"])
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(path, f"not a line of a journal ({error}).", number) from error
    return rows


def _stored(path: Path) -> list[Entry]:
    if not path.is_file():
        return []
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise FormatError(path, f"not a parquet file that can be read ({error}).") from error
    version = (rows.schema.metadata or {}).get(b"understudy", b"").decode(errors="replace")
    if version != str(VERSION):
        what = f"has version {version} of the manifest" if version else "is no manifest of this program"
        raise FormatError(path, f"the file {what}; this program reads version {VERSION}.")
    metrics = [name for name in rows.column_names if name not in OWN_COLUMNS]
    if not rows.schema.equals(_schema(metrics)):
        raise FormatError(path, "the columns are not those of a manifest; was it written by another program?")
    return from_table(rows)


def _schema(metrics: Sequence[str]) -> "pyarrow.Schema":
    import pyarrow as pa

    texts = pa.list_(pa.string())
    kinds: dict[str, Any] = {"texts": texts, "parents": texts, "failing": texts, "passed": pa.bool_()}
    kinds |= dict.fromkeys(("frames", "bytes"), pa.int64())
    kinds |= dict.fromkeys(("fps", "duration", "severity"), pa.float64())
    columns = [(name, kinds.get(name, pa.string())) for name in OWN_COLUMNS]
    return pa.schema(
        [*columns, *((key, pa.float64()) for key in metrics)], metadata={"understudy": str(VERSION)}
    )


def _existing(folder: str | Path) -> Path:
    folder = Path(folder)
    if not is_dataset(folder):
        what = "has no manifest" if folder.is_dir() else "is not a folder"
        raise UnderstudyError(
            f"{folder} {what}. A dataset is a folder with a {MANIFEST}; `understudy retarget FOLDER --out DATASET` "
            "makes one."
        )
    return folder


def _locked(folder: Path) -> IO[str]:
    """The lock file of a folder, locked. It stays behind: removing it would let two processes lock two files."""
    import fcntl

    path = folder / LOCK
    try:
        lock = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise UnderstudyError(f"Cannot write into {folder} ({error.strerror}).") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise UnderstudyError(
            f"{holder} is writing into {folder} at this moment. Wait until it has finished, or stop it; what it has "
            "done so far will be kept."
        ) from error
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {os.uname().nodename}")
    lock.flush()
    return lock
