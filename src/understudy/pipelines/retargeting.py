"""The recipe of a retargeting job: read, cut, resample, retarget, measure, certify."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.errors import LimitError, UnknownName
from understudy.pipelines.dataset import Made, content_hash
from understudy.pipelines.version import code_version

if TYPE_CHECKING:
    from understudy.evaluate.metric import Metric
    from understudy.evaluate.reports import Report
    from understudy.motion.types import HumanMotion
    from understudy.protocols import Retargeter

TO_SI = {"%": 0.01, "mm": 0.001, "cm": 0.01, "cm/s": 0.01, "deg": 0.017453292519943295}
"""What a value in these units is multiplied by for the manifest; all others are in SI units already."""
ROOMS = ("motion", "robots", "kinematics", "learn", "evaluate", "retarget", "rotations.py")
"""The code that makes and measures motions."""


@dataclass(frozen=True)
class RetargetClip:
    """Turn one clip, of a human or of another robot, into a certified motion of a robot.

    ``parts`` is what moves, as in ``SequenceFitConfig``. ``source_robot`` names the joints of a robot's file without
    names. ``reading`` are options of the file readers, as in ``motion.load``; ``start`` and ``end`` (s) cut the clip,
    ``fps`` resamples it, ``human_height`` (m) scales it. ``checkpoint`` (a file, or a shipped one's name) and
    ``repair`` are for methods that are networks.
    """

    robot: str = "unitree_g1"
    method: str = "sequence-fit"
    ground: str = "auto"
    parts: str = "whole"
    source_robot: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    start: float | None = None
    end: float | None = None
    fps: float | None = None
    human_height: float | None = None
    checkpoint: str | None = None
    repair: bool = False

    def check(self) -> None:
        """Raise UnknownName, LimitError or CheckpointError for what cannot be done with any clip, before a worker is
        started."""
        from understudy import retarget, robots

        if self.method not in retarget.METHODS:
            raise UnknownName("method", self.method, retarget.METHODS)
        takes = inspect.signature(retarget.METHODS[self.method]).parameters
        if self.parts != "whole" and "parts" not in takes:
            raise LimitError(
                f"The method {self.method!r} moves the whole robot; it cannot do the {self.parts} part."
            )
        asked = [
            f"--{name}" for name in ("checkpoint", "repair") if getattr(self, name) and name not in takes
        ]
        if asked:
            raise LimitError(
                f"{' and '.join(asked)} are for networks, and the method {self.method!r} is none."
            )
        for robot in {self.robot, self.source_robot or self.robot}:
            robots.load(robot)
        if self.method in retarget.LEARNED:
            self.retargeter()  # weights that are missing or of another robot

    def configuration(self) -> Mapping[str, Any]:
        """The fields; a file among the reader's options (a body model) stands with the hash of its contents."""
        file = self.checkpoint and Path(self.checkpoint)
        weights = told(file) if file and file.is_file() else self.checkpoint
        reading = {key: told(value) for key, value in self.reading.items()}
        return {**asdict(self), "reading": reading, "checkpoint": weights}

    def version(self) -> str:
        """The package's version with a digest of its code and of the robot's folder."""
        return robot_version(self.robot)

    def __call__(self, source: Path) -> list[Made]:
        """Raises UnderstudyError for whatever cannot be read or retargeted."""
        from understudy import evaluate

        human = self.read(source)
        retargeter = self.retargeter()
        [motion] = retargeter([human])
        report = evaluate.report(motion, human, retargeter.robot)
        certified = evaluate.attach(motion, report.certificate)
        return [Made(certified, columns(report))]

    def read(self, source: Path) -> "HumanMotion":
        """The clip as it will be retargeted; a robot's motion as its landmarks show it."""
        from understudy import kinematics, motion, robots
        from understudy.kinematics import clips

        bounds = {
            key: value for key, value in (("start", self.start), ("end", self.end)) if value is not None
        }
        clip = clips.load(source, robot=self.source_robot, **bounds, **self.reading)
        if not isinstance(clip, motion.HumanMotion):
            clip = kinematics.human_of(robots.load(self.source_robot or clip.robot), clip)
        if self.fps is not None:
            clip = motion.sample_every(clip, self.fps)
        return clip if self.human_height is None else motion.scale_to_height(clip, self.human_height)

    def retargeter(self) -> "Retargeter":
        """Made once in each process."""
        from understudy import retarget

        chosen = {"parts": self.parts, "checkpoint": self.checkpoint, "repair": self.repair}
        options = {name: value for name, value in chosen.items() if value and value != "whole"}
        return _retargeter(retarget.METHODS[self.method], self.robot, ground=self.ground, **options)


@lru_cache(maxsize=4)
def _retargeter(method: "Callable[..., Retargeter]", robot: str, **options: str | bool) -> "Retargeter":
    from understudy import robots

    return method(robots.load(robot), **options)


def told(option: Any) -> Any:
    """A reader's option as a configuration tells it: a file by its name and the hash of its contents."""
    if isinstance(option, Path):
        return {"file": option.name, "sha256": content_hash(option)}
    return option


def robot_version(robot: str | None) -> str:
    """The package's version with a digest of ``ROOMS`` and of the robot's folder, or of all robots'."""
    from understudy.robots.registry import DATA

    if robot is None:
        return code_version(ROOMS, DATA)
    own = DATA / robot
    return code_version(ROOMS, own if own.is_dir() else Path(robot))


def columns(report: "Report") -> dict[str, float | None]:
    """The metrics as columns of a manifest, in SI units; a key without dots can stand in a condition."""
    return {metric.key.replace(".", "_"): _si(metric) for metric in report.metrics}


def _si(metric: "Metric") -> float | None:
    return None if metric.value is None else metric.value * TO_SI.get(metric.unit, 1.0)
