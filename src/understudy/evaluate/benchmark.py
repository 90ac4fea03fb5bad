"""Methods side by side on the same clips: run, measure, remember. Methods come in as arguments; none is known here.

Every clip × method ends in one ``ClipResult``, also where the method refused or broke. Results are kept as JSON
lines under a key that holds everything they depend on, so that a run can be interrupted and taken up again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from understudy.errors import FormatError, LimitError, UnderstudyError
from understudy.evaluate.classes import complexity, length_class
from understudy.evaluate.lowpass import filtered
from understudy.evaluate.metrics_joint import JUMP, landmark_turns
from understudy.evaluate.reports import Report, report
from understudy.evaluate.tracks import align
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.protocols import Retargeter

VERSION = 1
"""Raised whenever the meaning of a stored result changes."""
BLOCKS = ("raw", "filtered")
"""``raw`` is what the method made; ``filtered`` the same after the one low-pass (``lowpass``)."""
BREAKS = (UnderstudyError, ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)
"""What a method may break with; the clip then counts as failed and the run goes on."""
SEVERITY = {
    "keypoint_error_m": 0.10,
    "max_joint_step_rad": 0.5,
    "self_collision_depth_m": 0.02,
    "floor_depth_m": 0.02,
}
"""Per-frame quantities that a worst moment is judged by, each with the amount that weighs one."""


@dataclass(frozen=True)
class Clip:
    """A clip by the name it has in tables, read when it is needed."""

    name: str
    load: Callable[[], HumanMotion]


@dataclass(frozen=True)
class Moment:
    """The worst moment of a clip: ``value`` (in the unit that ends ``what``) is ``severity`` times what weighs one."""

    frame: int
    time: float
    what: str
    value: float
    severity: float


@dataclass(frozen=True)
class Block:
    """What was measured on one motion: metrics as plain values, and which checks of the certificate failed."""

    metrics: tuple[Mapping[str, Any], ...]
    passed: bool
    failing: tuple[str, ...]


@dataclass(frozen=True)
class ClipResult:
    """One clip × method. ``error`` is empty unless the method made no motion, and then there are no blocks.

    ``seconds`` (wall) and ``cpu_seconds`` are those of the method alone, without reading or measuring. ``frames`` and
    ``fps`` are the human's, as it was given to the method.
    """

    key: str
    clip: str
    method: str
    frames: int
    fps: float
    complexity: str
    length: str
    seconds: float
    cpu_seconds: float
    error: str = ""
    blocks: Mapping[str, Block] = field(default_factory=dict)
    worst: Moment | None = None

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> "ClipResult":
        """Read what ``to_json`` wrote."""
        told = json.loads(line)
        blocks = {
            name: Block(tuple(b["metrics"]), b["passed"], tuple(b["failing"]))
            for name, b in told["blocks"].items()
        }
        worst = None if told["worst"] is None else Moment(**told["worst"])
        return cls(**{**told, "blocks": blocks, "worst": worst})


@dataclass(frozen=True)
class Unread:
    """A clip that could not be read: no method's fault, and yet part of what was asked."""

    clip: str
    error: str


@dataclass(frozen=True)
class Outcome:
    """Everything a run found; ``results`` in the order of clips, then methods."""

    results: tuple[ClipResult, ...]
    unread: tuple[Unread, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """In the order in which they were given."""
        return tuple(dict.fromkeys(r.method for r in self.results))

    def of(self, method: str) -> list[ClipResult]:
        """The results of one method."""
        return [r for r in self.results if r.method == method]


class Results:
    """Results on disk, one JSON line each; what was interrupted in the middle of a line is ignored."""

    def __init__(self, path: Path):
        self.path = path
        self._known: dict[str, ClipResult] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.endswith("\n"):
                    self._remember(line)

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> ClipResult:
        return self._known[key]

    def add(self, result: ClipResult) -> None:
        """Append a result to the file."""
        self._known[result.key] = result
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = self.path.is_file() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(("\n" if torn and self.path.stat().st_size else "") + result.to_json() + "\n")

    def _remember(self, line: str) -> None:
        try:
            told = json.loads(line)
        except json.JSONDecodeError:
            return  # a line that a later run has closed after an interruption
        if set(told) == {f.name for f in fields(ClipResult)}:
            result = ClipResult.from_json(line)
            self._known[result.key] = result


def run(
    clips: Iterable[Clip],
    methods: Mapping[str, Retargeter],
    *,
    store: Results | None = None,
    force: bool = False,
    version: str = "",
    told: Callable[[ClipResult | Unread], None] | None = None,
) -> Outcome:
    """Retarget every clip by every method and measure what came out.

    ``version`` stands for the code that makes and measures motions (``code_digest``). Results that ``store`` has under
    the same key are taken from it unless ``force``. ``told`` is called with every result.
    """
    results: list[ClipResult] = []
    unread: list[Unread] = []
    for clip in clips:
        try:
            human = clip.load()
        except (UnderstudyError, OSError) as error:
            unread.append(Unread(clip.name, str(error).replace("\n", " ")))
            if told is not None:
                told(unread[-1])
            continue
        content = human_hash(human)
        for name, method in methods.items():
            key = result_key(content, name, method, version)
            if store is not None and key in store and not force:
                result = replace(store[key], clip=clip.name)  # the same numbers may have two names
            else:
                result = measure(clip.name, human, name, method, key)
                if store is not None:
                    store.add(result)
            results.append(result)
            if told is not None:
                told(result)
    return Outcome(tuple(results), tuple(unread))


def measure(clip: str, human: HumanMotion, name: str, method: Retargeter, key: str = "") -> ClipResult:
    """Retarget one clip and measure it; a method that breaks gives a result with an ``error``."""
    wall, cpu = time.perf_counter(), time.process_time()
    error, blocks, worst, motion = "", {}, None, None
    try:
        [motion] = method([human])
    except BREAKS as problem:
        error = _said(problem)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if motion is not None:
        try:
            blocks, worst = _judged(motion, human, method)
        except UnderstudyError as problem:
            error = _said(problem)
    kind, length = complexity(human), length_class(human.frames)
    return ClipResult(key, clip, name, human.frames, human.fps, kind, length, wall, cpu, error, blocks, worst)


def _said(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}".replace("\n", " ")


def _judged(motion: RobotMotion, human: HumanMotion, method: Retargeter) -> tuple[dict[str, Block], Moment]:
    """The blocks of one motion and its worst moment. Raises LimitError for another length or frame rate."""
    if motion.frames != human.frames or not np.isclose(motion.fps, human.fps):
        raise LimitError(
            f"The motion has {motion.frames} frames at {motion.fps:g} fps, "
            f"the human {human.frames} at {human.fps:g}."
        )
    raw = report(motion, human, method.robot)
    blocks = {"raw": _block(raw), **_filtered(motion, human, method)}
    return blocks, worst_moment(raw, _excused(motion, human))


def _filtered(motion: RobotMotion, human: HumanMotion, method: Retargeter) -> dict[str, Block]:
    """The block after the low-pass; nothing for a clip that is too short to be filtered."""
    try:
        smooth = filtered(motion)
    except LimitError:
        return {}
    return {"filtered": _block(report(smooth, human, method.robot))}


def _block(measured: Report) -> Block:
    verdict = measured.certificate
    failing = tuple(check.name for check in verdict.checks if not check.passed)
    return Block(tuple(metric.to_dict() for metric in measured.metrics), verdict.passed, failing)


def _excused(motion: RobotMotion, human: HumanMotion) -> Bool[np.ndarray, "time"]:
    """Frames in which the human itself jumps."""
    return np.asarray(landmark_turns(align(motion, human).quat) > JUMP)


def worst_moment(measured: Report, excused: Bool[np.ndarray, "time"]) -> Moment:
    """The frame in which some quantity of ``SEVERITY`` is worst for its weight; steps do not count where excused."""
    found = Moment(0, 0.0, "nothing", 0.0, 0.0)
    for what, weighs_one in SEVERITY.items():
        source = "lowest_point_m" if what == "floor_depth_m" else what
        if source not in measured.series:
            continue
        values = measured.series[source]
        values = np.maximum(-values, 0.0) if what == "floor_depth_m" else values
        values = np.where(excused, 0.0, values) if what == "max_joint_step_rad" else values
        frame = int(values.argmax())
        severity = float(values[frame]) / weighs_one
        if severity > found.severity:
            found = Moment(frame, frame / measured.fps, what, float(values[frame]), severity)
    return found


def human_hash(human: HumanMotion) -> str:
    """SHA-256 of a clip's numbers: body, frame rate and poses; where it came from does not count."""
    body, marks = human.skeleton, human.skeleton.landmarks
    digest = hashlib.sha256(repr((body.joints, marks.names, float(human.fps), human.frames)).encode())
    for array in (body.parents, body.offsets, marks.carriers, marks.pos, marks.quat, human.pos, human.quat):
        digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return digest.hexdigest()


def result_key(content: str, name: str, method: Retargeter, version: str) -> str:
    """What a result depends on, as a hash: clip, method, its configuration, robot, code."""
    facts = (VERSION, content, name, configuration_of(method), method.robot.name, version)
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def configuration_of(method: Retargeter) -> Any:
    """A method's ``config`` as plain values, or None."""
    config = getattr(method, "config", None)
    return asdict(config) if is_dataclass(config) and not isinstance(config, type) else config


def code_digest(folders: Sequence[Path]) -> str:
    """Twelve digits that change whenever a file below these folders (or one of these files) does."""
    digest = hashlib.sha256()
    for path in sorted(_files(folders)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if not folder.exists():
            raise FormatError(folder, "there is no such file or folder to take the digest of.")
        for path in [folder] if folder.is_file() else folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
