"""The recipe of a certifying job: read a robot's motion, repair it if that is asked for, measure it, certify it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.motion.types import HumanMotion, RobotMotion
from understudy.pipelines.dataset import Made
from understudy.pipelines.retargeting import columns, robot_version, told

if TYPE_CHECKING:
    from understudy.evaluate.reports import Report
    from understudy.robots.robot import Robot


@dataclass(frozen=True)
class Change:
    """How far a repair moved a motion: joints and the root's turn in rad, the root's place in m.

    ``joint`` is the joint that moved most, at ``time`` (s).
    """

    joint_mean: float
    joint_most: float
    joint: str
    time: float
    root_mean: float
    root_most: float
    turn_most: float

    @classmethod
    def between(cls, before: RobotMotion, after: RobotMotion) -> "Change":
        """Of two motions of one robot, frame by frame."""
        from understudy.rotations import quat_angle

        joints = np.abs(after.joint_pos.astype(np.float64) - before.joint_pos)
        frame, joint = np.unravel_index(int(joints.argmax()), joints.shape)
        root = np.linalg.norm(after.root_pos.astype(np.float64) - before.root_pos, axis=1)
        turn = quat_angle(after.root_quat.astype(np.float64), before.root_quat.astype(np.float64))
        return cls(
            float(joints.mean()),
            float(joints.max()),
            before.joints[joint],
            float(frame / before.fps),
            float(root.mean()),
            float(root.max()),
            float(turn.max()),
        )


@dataclass(frozen=True, eq=False)
class Judged:
    """A motion with its certificate attached, and its report; of a repaired one also the report before the repair,
    and what the repair changed."""

    motion: RobotMotion
    report: "Report"
    before: "Report | None" = None
    change: Change | None = None


@dataclass(frozen=True)
class CertifyClip:
    """Give a robot's motion its certificate; with ``repair``, make it pass first (``retarget.repair``).

    ``robot`` names the joints of a file without names, ``format`` the format where a file's name does not settle it,
    and ``reading`` are options of the file readers.
    """

    robot: str | None = None
    format: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    repair: bool = False

    def check(self) -> None:
        """Raise UnknownName for what cannot be done with any clip, before a worker is started."""
        from understudy import robots
        from understudy.errors import UnknownName
        from understudy.motion.formats.registry import FORMATS

        if self.robot is not None:
            robots.load(self.robot)
        if self.format is not None and self.format not in FORMATS:
            raise UnknownName("format", self.format, FORMATS)

    def configuration(self) -> Mapping[str, Any]:
        """The fields; a file among the reader's options stands with the hash of its contents."""
        return {**asdict(self), "reading": {key: told(value) for key, value in self.reading.items()}}

    def version(self) -> str:
        """The package's version with a digest of its code, and of the robot's folder, or of all robots'."""
        return robot_version(self.robot)

    def __call__(self, source: Path) -> list[Made]:
        """Drops a human's motion. Raises UnderstudyError for whatever cannot be read, measured or repaired."""
        motion = self.read(source)
        if isinstance(motion, HumanMotion):
            return [Made(motion, dropped="it is a human's motion")]
        judged = self.judge(motion)
        metrics = columns(judged.report)
        if judged.change is not None:
            metrics |= {"joint_change": judged.change.joint_mean, "root_shift": judged.change.root_mean}
        return [Made(judged.motion, metrics, anew=self.repair)]

    def read(self, source: str | Path) -> HumanMotion | RobotMotion:
        """A motion of any format."""
        from understudy.kinematics import clips

        return clips.load(source, format=self.format, robot=self.robot, **self.reading)

    def judge(self, motion: RobotMotion, human: HumanMotion | None = None) -> Judged:
        """Measure and certify one motion, against the human that it was made from if there is one."""
        from understudy import evaluate, retarget, robots

        robot: Robot = robots.load(motion.robot if self.robot is None else self.robot)
        report = evaluate.report(motion, human, robot)
        if not self.repair:
            return Judged(evaluate.attach(motion, report.certificate), report)
        repaired = retarget.repair(motion, robot)
        after = evaluate.report(repaired, human, robot)
        certified = evaluate.attach(repaired, after.certificate)
        return Judged(certified, after, report, Change.between(motion, repaired))
