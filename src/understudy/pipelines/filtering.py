"""The recipe of a filtering job: measure a clip or its pieces, keep what is within the limits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.curate.filters import FilterConfig, inspect, pieces
from understudy.motion import load, trim
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.pipelines.dataset import Made
from understudy.pipelines.version import code_version

if TYPE_CHECKING:
    from understudy.robots.robot import Robot

ROOMS = ("motion", "robots", "kinematics", "evaluate", "curate", "rotations.py")


@dataclass(frozen=True)
class FilterClip:
    """Keep a motion that is within the limits, whole or cut into pieces.

    ``checks`` off keeps everything, for a job that only cuts. ``reading`` are options of the file readers. A motion
    that is kept whole keeps its origin and its certificate; a piece of a robot's motion is certified anew, alone.
    """

    config: FilterConfig = field(default_factory=FilterConfig)
    chunks: bool = False
    checks: bool = True
    reading: Mapping[str, Any] = field(default_factory=dict)

    def configuration(self) -> Mapping[str, Any]:
        """All fields."""
        return {**asdict(self), "reading": {key: str(value) for key, value in self.reading.items()}}

    def version(self) -> str:
        """The package's version with a digest of the code that measures."""
        return code_version(ROOMS)

    def __call__(self, source: Path) -> list[Made]:
        """Raises UnderstudyError for whatever cannot be read or measured."""
        from understudy import robots

        motion = load(source, **self.reading)
        robot = robots.load(motion.robot) if isinstance(motion, RobotMotion) else None
        judge = inspect(motion, robot, self.config)
        if not self.chunks:
            return [self._made(motion, judge(0.0, motion.duration))]
        made = []
        for number, (start, end) in enumerate(pieces(motion.duration, self.config)):
            piece = _certified(trim(motion, start, end), robot)
            made.append(self._made(piece, judge(start, end), number))
        return made

    def _made(self, motion: HumanMotion | RobotMotion, findings: list, piece: int | None = None) -> Made:
        wrong = "; ".join(finding.wrong for finding in findings if finding.wrong) if self.checks else ""
        metrics = {f.name: f.value for f in findings if f.name != "duration"}
        return Made(motion, metrics, wrong or None, piece)


def _certified(motion: HumanMotion | RobotMotion, robot: "Robot | None") -> HumanMotion | RobotMotion:
    from understudy import evaluate

    if isinstance(motion, HumanMotion):
        return motion
    return evaluate.attach(motion, evaluate.certify(motion, robot=robot))
