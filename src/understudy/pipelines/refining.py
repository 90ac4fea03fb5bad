"""The recipe of a refining job: a simulated robot performs a motion, and what that changed is measured."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import UnderstudyError
from understudy.motion import sample_every, trim
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.physics.mpc import RefineConfig, check_feet, refine
from understudy.physics.rollout_files import as_motion, save_rollout
from understudy.pipelines.certifying import CertifyClip, Change
from understudy.pipelines.dataset import Made
from understudy.pipelines.retargeting import columns, told
from understudy.pipelines.version import code_version

if TYPE_CHECKING:
    from understudy.evaluate.reports import Report
    from understudy.physics.rollout import Rollout
    from understudy.robots.robot import Robot

ROOMS = ("motion", "robots", "kinematics", "evaluate", "physics", "rotations.py")
COMPARED = {
    "flat_skating": "skating",
    "stance_float": "float",
    "floor_depth_max": "penetration",
    "self_collision": "self_collision",
}
"""The metrics that are told before and after, and their names here."""
FELL = "_fell"
"""Behind the name of a file that holds a performance up to a fall."""


@dataclass(frozen=True, eq=False)
class Refined:
    """A performance as a clip with its certificate, the rollout behind it, and what was measured, in SI units.

    ``why`` says how it ended before its time; None where it did not.
    """

    motion: RobotMotion
    rollout: "Rollout"
    metrics: Mapping[str, float | None]
    why: str | None


@dataclass(frozen=True)
class RefineClip:
    """Let a simulated robot perform a robot's motion (``physics.refine``).

    ``fallen`` says for each source where the performance of a robot that fell goes; the job's own file is only made
    of what was finished. ``watch`` is as in ``refine``, and can only be in a job of one process. ``robot``,
    ``format`` and ``reading`` are as in ``CertifyClip``.
    """

    config: RefineConfig = field(default_factory=RefineConfig)
    robot: str | None = None
    format: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    fallen: Mapping[Path, Path] = field(default_factory=dict)
    watch: Callable[[int, int], None] | None = None

    def check(self) -> None:
        """Raise UnknownName or LimitError for what cannot be done with any clip, before a worker is started."""
        from understudy import robots

        CertifyClip(self.robot, self.format).check()
        if self.robot is not None:
            check_feet(robots.load(self.robot))

    def configuration(self) -> Mapping[str, Any]:
        """All that decides about the result: not the number of threads, nor where files go."""
        config = asdict(self.config)
        del config["plan"]["threads"]
        options = {key: told(value) for key, value in self.reading.items()}
        return {"config": config, "robot": self.robot, "format": self.format, "reading": options}

    def version(self) -> str:
        """The package's version with a digest of the code that simulates and measures, and of the robots."""
        from understudy.robots.registry import DATA

        own = DATA if self.robot is None else DATA / self.robot
        return code_version(ROOMS, own if own.is_dir() else Path(str(self.robot)))

    def __call__(self, source: Path) -> list[Made]:
        """Drops a performance that ended in a fall, and keeps it at its place in ``fallen``.

        Raises UnderstudyError for whatever cannot be read or performed.
        """
        place = self.fallen.get(source)
        try:
            refined = self.refined(source)
        except UnderstudyError:
            _forget(place)
            raise
        _forget(place)
        why = refined.why
        if why is not None and place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            save_rollout(refined.rollout, place)
            why = f"{why}; until then: {place.name}"
        return [Made(refined.motion, refined.metrics, why, anew=True)]

    def refined(self, source: str | Path) -> Refined:
        """One clip, read, performed and measured."""
        from understudy import evaluate, robots

        motion = CertifyClip(self.robot, self.format, self.reading).read(source)
        if isinstance(motion, HumanMotion):
            raise UnderstudyError(
                f"{source}: it holds a human's motion, and refinement begins with a robot's. "
                "`understudy retarget` makes one of it."
            )
        robot = robots.load(motion.robot if self.robot is None else self.robot)
        rollout = refine(motion, robot, self.config, self.watch)
        before, after = _compared(motion, rollout, robot)
        performed = evaluate.attach(as_motion(rollout, robot), after.certificate)
        metrics = tracking(rollout) | changes(motion, rollout) | _told_twice(before, after)
        return Refined(performed, rollout, metrics, ending(rollout))


def tracking(rollout: "Rollout") -> dict[str, float]:
    """How far the robot was from its low-passed reference (m, rad), how much of it was performed, how often it went
    back."""
    done = rollout.achieved.frames
    wanted, achieved = rollout.reference, rollout.achieved
    root = np.linalg.norm(achieved.root_pos - wanted.root_pos[:done], axis=1)
    joints = np.abs(achieved.joint_pos - wanted.joint_pos[:done])
    return {
        "root_error": float(root.mean()),
        "root_error_max": float(root.max()),
        "joint_error": float(joints.mean()),
        "performed": done / wanted.frames,
        "retries": float(rollout.retries),
    }


def changes(motion: RobotMotion, rollout: "Rollout") -> dict[str, float]:
    """How far the performance is from the file it was made from, at the same instants (m, rad)."""
    change = Change.between(_source(motion, rollout), rollout.achieved)
    return {
        "joint_change": change.joint_mean,
        "joint_change_max": change.joint_most,
        "root_change": change.root_mean,
        "root_change_max": change.root_most,
    }


def ending(rollout: "Rollout") -> str | None:
    """How a performance ended before its time; None where it did not."""
    if rollout.fell_at is None:
        return None
    when = f"at {rollout.fell_at:.2f} of {rollout.reference.duration:.2f} s"
    return (
        f"the robot fell {when}"
        if rollout.fault is None
        else f"the simulation broke off {when} ({rollout.fault})"
    )


def _forget(place: Path | None) -> None:
    """Remove what an earlier run has left of a fall."""
    if place is not None:
        place.unlink(missing_ok=True)


def _source(motion: RobotMotion, rollout: "Rollout") -> RobotMotion:
    """The given motion at the performance's frames."""
    fps, frames = rollout.achieved.fps, rollout.achieved.frames
    return trim(replace(sample_every(motion, fps), tracks={}), 0.0, (frames - 1) / fps)


def _compared(motion: RobotMotion, rollout: "Rollout", robot: "Robot") -> "tuple[Report, Report]":
    """Reports before and after; a foot stands where it does in the motion before."""
    from understudy import evaluate, kinematics

    before = _source(motion, rollout)
    stands = kinematics.human_of(robot, before)
    return evaluate.report(before, stands, robot), evaluate.report(rollout.achieved, stands, robot)


def _told_twice(before: "Report", after: "Report") -> dict[str, float | None]:
    then, now = columns(before), columns(after)
    pairs = {f"{name}_before": then.get(key) for key, name in COMPARED.items()}
    return pairs | {f"{name}_after": now.get(key) for key, name in COMPARED.items()}
