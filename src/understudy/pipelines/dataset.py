"""Any arrow over a folder of clips: worker processes, a manifest that survives every interruption, resume.

A *recipe* says what is done to one clip. The job hands clips to workers, and writes down what became of each as soon
as it is told. A clip whose source, configuration and code are those of its row, and whose file is still there, is not
made again. A clip that fails says so in its row, and the next run tries it again.
"""

import hashlib
import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from understudy.errors import UnderstudyError
from understudy.motion import dataset, save
from understudy.motion.dataset import Entry, Manifest, Rows
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.pipelines.sources import refusal
from understudy.pipelines.workers import run_all

FAILURES = (
    UnderstudyError,
    OSError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a clip may fail with while the job goes on. Only the first two are expected; others are named in the row."""
DIED = "its worker process died: out of memory, or a crash in compiled code"


@dataclass(frozen=True)
class Task:
    """One source clip, and the file to be made of it.

    ``about`` is the clip's entry in the manifest of the dataset it comes from: its split goes on to the result, its
    texts and licence where the file has none, and its metrics where the clip stays whole. ``found`` tells that a
    search came upon the file: if no reader knows it, it is refused, and nothing has failed.
    """

    id: str
    source: Path
    target: Path
    about: Entry | None = None
    found: bool = True


@dataclass(frozen=True)
class Made:
    """What a recipe made of a clip, or of a piece of it: a motion to keep, or the reason why there is none.

    ``metrics`` in SI units; those that are not finite numbers are left out of the manifest. ``anew`` tells that what
    was measured on the source does not hold for the result.
    """

    motion: HumanMotion | RobotMotion
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    dropped: str | None = None
    piece: int | None = None
    anew: bool = False


@runtime_checkable
class Recipe(Protocol):
    """What is done to one clip. It travels to workers, so it holds plain values and makes the rest when called."""

    def configuration(self) -> Mapping[str, Any]:
        """Everything that the result depends on besides the clip and the code, as values that JSON can hold."""
        ...

    def version(self) -> str:
        """Stands for the code, and for data that comes with it."""
        ...

    def __call__(self, source: Path) -> Sequence[Made]: ...


@dataclass(frozen=True)
class Outcome:
    """What became of one task. ``kept`` tells that nothing had to be done; ``seconds`` is a worker's time."""

    task: Task
    entries: tuple[Entry, ...]
    kept: bool
    seconds: float


@dataclass(frozen=True)
class Summary:
    """What a job did: its entries sorted by ``id``, how many tasks needed nothing, and how long it took (s).

    ``frames`` are those worked on in this run.
    """

    entries: tuple[Entry, ...]
    kept: int
    frames: int
    seconds: float

    @property
    def counts(self) -> Mapping[str, int]:
        """Entries by status."""
        return Counter(entry.status for entry in self.entries)


def run(
    tasks: Sequence[Task],
    recipe: Recipe,
    out: str | Path | None,
    *,
    workers: int | None = 1,
    cluster: str | None = None,
    force: bool = False,
    refused: Mapping[str, str] | None = None,
    told: Callable[[Outcome], None] | None = None,
) -> Summary:
    """Do every task, into the dataset ``out``, which is made if it is not there; all targets are below it.

    Without ``out`` nothing is written, and the summary is all there is. ``refused`` are files that are known not to be
    motions, with their reasons, for the manifest. ``force`` makes again what is up to date. ``workers`` and
    ``cluster`` are those of ``run_all``. ``told`` is called with every outcome. Raises UnderstudyError if another
    process is writing into the folder. After an interruption everything that ``told`` has heard of is in the manifest.
    """
    begin = time.perf_counter()
    # Workers of a cluster may stand in another folder.
    tasks = [replace(t, source=t.source.absolute(), target=t.target.absolute()) for t in tasks]
    folder = None if out is None else _folder(out)
    plan = _Plan(recipe, folder, _json(recipe.configuration()), recipe.version())
    rows: Rows = {source: (Entry(source, source, "refused", why),) for source, why in (refused or {}).items()}
    kept = frames = 0
    with nullcontext() if folder is None else Manifest(folder) as manifest:
        if manifest is not None:
            _clear_leftovers(manifest.folder, tasks)
            for source, entries in rows.items():
                manifest.put(source, entries)
        known = {} if manifest is None or force else manifest.rows
        work = ((task, known.get(task.id, ())) for task in tasks)
        for outcome in run_all(plan.perform, work, workers=workers, cluster=cluster, died=plan.died):
            rows[outcome.task.id] = outcome.entries
            if manifest is not None:
                _put(manifest, outcome)
            kept += outcome.kept
            frames += 0 if outcome.kept else sum(e.frames or 0 for e in outcome.entries)
            if told is not None:
                told(outcome)
    entries = sorted((entry for row in rows.values() for entry in row), key=lambda entry: entry.id)
    return Summary(tuple(entries), kept, frames, time.perf_counter() - begin)


def _put(manifest: Manifest, outcome: Outcome) -> None:
    """Write an outcome down, and remove files that no row has any more: pieces of another cut, results of a clip that
    now fails."""
    before = manifest.rows.get(outcome.task.id, ())
    if outcome.entries == before:
        return
    manifest.put(outcome.task.id, outcome.entries)
    for path in {e.path for e in before if e.path} - {e.path for e in outcome.entries}:
        (manifest.folder / path).unlink(missing_ok=True)


@dataclass(frozen=True)
class _Plan:
    """What all tasks of a job share; its methods run in the workers."""

    recipe: Recipe
    out: Path | None
    configuration: str
    version: str

    def perform(self, work: tuple[Task, tuple[Entry, ...]]) -> Outcome:
        """One task, from the source file to the entries; whatever fails becomes an entry."""
        begin = time.perf_counter()
        task, known = work
        content = ""
        try:
            content = content_hash(task.source)
            if self._up_to_date(known, content):
                return Outcome(task, known, True, time.perf_counter() - begin)
            entries = self._make(task, content)
        except FAILURES as error:
            entries = (self._failed(task, "failed", _said(error, task.source), content),)
        return Outcome(task, entries, False, time.perf_counter() - begin)

    def died(self, work: tuple[Task, tuple[Entry, ...]]) -> Outcome:
        """The outcome of a task that took its worker with it."""
        return Outcome(work[0], (self._failed(work[0], "failed", DIED, ""),), False, 0.0)

    def _up_to_date(self, known: tuple[Entry, ...], content: str) -> bool:
        now = (content, self.configuration, self.version)
        return bool(known) and all(
            (entry.content, entry.configuration, entry.version) == now
            and entry.status in ("done", "dropped")
            and (entry.path is None or self.out is None or _size(self.out / entry.path) == entry.bytes)
            for entry in known
        )

    def _make(self, task: Task, content: str) -> tuple[Entry, ...]:
        # An empty file was meant to be a motion; it fails where it is read.
        if task.found and _size(task.source) != 0 and (why := refusal(task.source)) is not None:
            return (self._failed(task, "refused", why, content),)
        return tuple(self._entry(task, made, content) for made in self.recipe(task.source))

    def _entry(self, task: Task, made: Made, content: str) -> Entry:
        """Save what was made, unless it was dropped, and describe it."""
        motion, about = made.motion, task.about or Entry("", "", "done")
        metrics = {k: float(v) for k, v in made.metrics.items() if v is not None and math.isfinite(v)}
        piece = "" if made.piece is None else f"#{made.piece:04d}"
        target = task.target.with_stem(f"{task.target.stem}{piece.replace('#', '_')}")
        path = size = None
        if made.dropped is None and self.out is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            save(motion, target)
            path, size = target.relative_to(self.out).as_posix(), _size(target)
        human = isinstance(motion, HumanMotion)
        return replace(
            self._blank(task, "done" if made.dropped is None else "dropped", content),
            id=f"{task.id}{piece}",
            reason=made.dropped,
            path=path,
            bytes=size,
            kind="human" if human else "robot",
            body=motion.skeleton.name if isinstance(motion, HumanMotion) else motion.robot,
            fps=float(motion.fps),
            frames=motion.frames,
            duration=float(motion.duration),
            texts=tuple(motion.origin.texts) or about.texts,
            licence=motion.origin.licence or about.licence,
            metrics=({} if made.anew or made.piece is not None else dict(about.metrics)) | metrics,
            **_verdict(motion),
        )

    def _failed(self, task: Task, status: dataset.Status, reason: str, content: str) -> Entry:
        return replace(self._blank(task, status, content), reason=reason)

    def _blank(self, task: Task, status: dataset.Status, content: str) -> Entry:
        parent = Path(os.path.relpath(task.source, self.out or Path.cwd())).as_posix()
        return Entry(
            task.id,
            task.id,
            status,
            split=task.about.split if task.about else "",
            parents=(parent,),
            content=content,
            configuration=self.configuration,
            version=self.version,
        )


def content_hash(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    digest = hashlib.sha256()
    files: Iterable[Path] = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode())
        if file.is_file():
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def _verdict(motion: HumanMotion | RobotMotion) -> dict[str, Any]:
    """What the certificate says, as columns: the worst finding is the one farthest beyond what is allowed."""
    certificate = motion.origin.certificate
    if certificate is None:
        return {}
    checks = certificate["checks"]
    severities = [_severity(check) for check in checks]
    severity = max(severities)
    worst = checks[severities.index(severity)]
    value = "not measured" if worst["value"] is None else f"{worst['value']:.4g} {worst['unit']}"
    when = "" if worst["worst_time"] is None else f" at {worst['worst_time']:.2f} s"
    where = f" ({worst['where']})" if worst["where"] else ""
    return {
        "passed": certificate["passed"],
        "failing": tuple(check["label"] for check in checks if not check["passed"]),
        "worst": f"{worst['label']}: {value}{when}{where}",
        "severity": severity if math.isfinite(severity) else None,
    }


def _severity(check: Mapping[str, Any]) -> float:
    value, threshold = check["value"], check["threshold"]
    if value is None:
        return math.inf
    return value / threshold if threshold else (math.inf if value else 0.0)


def _said(error: BaseException, source: Path) -> str:
    """A failure in one line, without the path that its row has already."""
    expected = isinstance(error, UnderstudyError | OSError)
    text = " ".join(str(error).split())
    text = text.removeprefix(str(source)).removeprefix(": ").removeprefix(", ")
    return text if expected else f"{type(error).__name__}: {text}"


def _folder(out: str | Path) -> Path:
    out = Path(out).absolute()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnderstudyError(f"Cannot create the folder {out} ({error.strerror}).") from error
    return out


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _clear_leftovers(out: Path, tasks: Sequence[Task]) -> None:
    """Remove temporary files that a killed run has left beside the results of these tasks."""
    stems = {(task.target.parent, task.target.stem) for task in tasks}
    for path in out.rglob(".*-????????.npz"):
        stem = path.name[1:].rpartition("-")[0]
        if any((path.parent, shorter) in stems for shorter in (stem, stem.rpartition("_")[0])):
            path.unlink(missing_ok=True)
