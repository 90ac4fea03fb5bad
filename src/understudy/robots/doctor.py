"""What is doubtful about a robot folder, in words, and the line of robot.toml (or robot.xml) that settles each thing.

Onboarding leaves the doubts that only the source file could tell in ``robot.doubts``. Everything else is looked at
anew, so that the doctor serves folders made by hand as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

from understudy.robots import doctor_figures as figures
from understudy.robots import doctor_poses as poses
from understudy.robots.finding import Finding
from understudy.robots.robot import Doubt, Robot

CHECKS: dict[str, Callable[[Robot], list[Finding]]] = {
    "joint limits": figures.limits,
    "left and right": figures.sides,
    "masses": figures.masses,
    "soles and stance": poses.soles,
    "T-pose and landmarks": poses.t_pose,
    "contacts": poses.contacts,
    "reach": poses.reach,
}


@dataclass(frozen=True)
class Diagnosis:
    """The findings, and the names of all checks that were made."""

    robot: str
    checks: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found that makes results wrong."""
        return all(finding.severity != "fault" for finding in self.findings)


def examine(robot: Robot) -> Diagnosis:
    """Check a robot: limits, sides, masses, soles, T-pose, contacts, reach."""
    findings = [_of(doubt) for doubt in robot.doubts]
    for check in CHECKS.values():
        findings += check(robot)
    return Diagnosis(robot.name, tuple(CHECKS), tuple(findings))


def _of(doubt: Doubt) -> Finding:
    return Finding("doubt", doubt.about, doubt.says, doubt.settle)
