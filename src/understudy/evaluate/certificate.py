"""The verdict on one robot motion: named checks with thresholds, each with its worst frame.

A certificate belongs to exactly the numbers it was made on: it carries a hash of them, and ``belongs_to``
tells.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.evaluate import metrics_joint as joint
from understudy.evaluate.metrics_contact import UNDER_FLOOR, floor_give, no_floor
from understudy.evaluate.remarks import about_source
from understudy.evaluate.tracks import HumanTracks, RobotTracks, align, finite_frames
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.robots import load
from understudy.robots.robot import Robot
from understudy.rotations import quat_angle

VERSION = 2
"""Raised whenever a check, a threshold or the hash changes meaning. Since 2 there are remarks, a fixed base has a check
of its own in the floor's place, and robots below 1.3 m are held to less than 5 mm under the floor."""

DEEPEST_OVERLAP = 0.001
"""Deepest overlap of two primitives (m) that passes: a solver that keeps bodies apart holds them so to within
its own tolerance, and resampling a motion adds a little."""
AWAY = 0.0001
"""How far (m) a point of a fixed base, or one a metre from its root, may be from home: what rounding and a low-pass
do to numbers that are all the same."""


@dataclass(frozen=True)
class Check:
    """One property of a motion, which passes while its worst ``value`` does not exceed ``threshold``.

    Both are in ``unit``. ``worst_frame`` and ``worst_time`` (s) say when, ``where`` which joint, body or
    pair; None and empty where nothing was measured, and then ``value`` is None and the check has not passed.
    """

    name: str
    label: str
    threshold: float
    unit: str
    value: float | None
    passed: bool
    worst_frame: int | None
    worst_time: float | None
    where: str = ""


@dataclass(frozen=True)
class Certificate:
    """All checks of one motion, and the hash of the arrays they were made on.

    ``remarks`` are sentences to read the verdict with: what was not checked and why, and what was assumed about the
    body of the person that the motion was made from.
    """

    robot: str
    checks: tuple[Check, ...]
    motion_hash: str
    version: int = VERSION
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as kept in ``origin.certificate``."""
        return {
            "version": self.version,
            "passed": self.passed,
            "robot": self.robot,
            "motion_hash": self.motion_hash,
            "checks": [asdict(check) for check in self.checks],
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Certificate":
        """Read what ``to_dict`` wrote; certificates of version 1 have no remarks."""
        checks = tuple(Check(**check) for check in stored["checks"])
        remarks = tuple(stored.get("remarks", ()))
        return cls(stored["robot"], checks, stored["motion_hash"], stored["version"], remarks)

    def belongs_to(self, motion: RobotMotion) -> bool:
        """Whether the motion still holds exactly the numbers that were certified."""
        return self.motion_hash == motion_hash(motion)


def motion_hash(motion: RobotMotion) -> str:
    """SHA-256 of the robot's name, the joint names, the frame rate and the arrays, in hexadecimal."""
    digest = hashlib.sha256(repr((motion.robot, motion.joints, float(motion.fps), motion.frames)).encode())
    for array in (motion.root_pos, motion.root_quat, motion.joint_pos):
        digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return digest.hexdigest()


def attach(motion: RobotMotion, certificate: Certificate) -> RobotMotion:
    """The same motion with the certificate in its origin. Raises LimitError if it is another motion's."""
    if not certificate.belongs_to(motion):
        raise LimitError(
            f"The certificate was made on another motion: its hash begins {certificate.motion_hash[:8]}, "
            f"the motion's {motion_hash(motion)[:8]}. Certify this motion again."
        )
    return replace(motion, origin=replace(motion.origin, certificate=certificate.to_dict()))


def certify(motion: RobotMotion, human: HumanMotion | None = None, robot: Robot | None = None) -> Certificate:
    """Check a robot motion: finite numbers, joint limits, motor speed, jumps, self-collision, floor.

    With ``human``, the clip it was made from, a jump counts only if the human did not make it; without, every
    joint step above 0.5 rad counts. A robot on a fixed base is checked for staying there instead of for the floor.
    ``robot`` is loaded by the motion's own name if not given. A motion with values that are not finite fails every
    check, because nothing else can be measured on it. Raises SkeletonMismatch if the robot is another one, and
    LimitError if the human clip does not cover the same time.
    """
    robot = load(motion.robot) if robot is None else robot
    assumed = assumed_of(motion, human)
    finite = ~finite_frames(motion)
    if finite.any():
        checks = (_finite(finite, motion.fps), *_unmeasured(robot, human is not None))
        return Certificate(robot.name, checks, motion_hash(motion), remarks=_remarks(robot, assumed))
    source = None if human is None else align(motion, human)
    return judge(motion, RobotTracks.of(robot, motion), source, assumed)


def judge(
    motion: RobotMotion, robot: RobotTracks, human: HumanTracks | None, assumed: Mapping[str, str]
) -> Certificate:
    """The certificate of a motion whose kinematics have been computed already; see ``assumed_of``."""
    checks = (
        _finite(np.zeros(motion.frames, dtype=bool), motion.fps),
        _joint_limits(robot),
        _motor_speed(robot),
        _jumps(robot, human),
        _self_collision(robot),
        _fixed_base(motion, robot.robot) if robot.robot.fixed_base else _floor(robot),
    )
    return Certificate(robot.robot.name, checks, motion_hash(motion), remarks=_remarks(robot.robot, assumed))


def assumed_of(motion: RobotMotion, human: HumanMotion | None) -> Mapping[str, str]:
    """What a reader inferred about the source: a robot motion made here has it from its human."""
    return {**motion.origin.inferred, **({} if human is None else human.origin.inferred)}


def _remarks(robot: Robot, assumed: Mapping[str, str]) -> tuple[str, ...]:
    unchecked = f"{why}: the floor is not checked" if (why := no_floor(robot)) else ""
    return (*([unchecked] if unchecked else []), *about_source(assumed))


LABELS = {
    "finite": ("Finite numbers", 0.0, "frames"),
    "joint_limits": ("Inside the joint range", joint.RANGE_TOLERANCE, "rad beyond"),
    "motor_speed": ("Within motor speed", 1 + joint.SPEED_TOLERANCE, "× motor"),
    "jumps": ("No unexplained jump", joint.JUMP, "rad a step"),
    "self_collision": ("No self-collision", 1e3 * DEEPEST_OVERLAP, "mm deep"),
    "floor": ("Above the floor", 1e3 * UNDER_FLOOR, "mm under"),
    "fixed_base": ("Base at home", 1e3 * AWAY, "mm away"),
}
"""What each check is called, the most it lets pass, and in which unit. The last two stand in for each other."""


def _check(
    name: str,
    worst: Float[np.ndarray, "time"],
    fps: float,
    where: str,
    *,
    label: str = "",
    threshold: float | None = None,
) -> Check:
    """A check over its per-frame quantity, in the check's unit."""
    title, usual, unit = LABELS[name]
    threshold = usual if threshold is None else threshold
    frame = int(worst.argmax())
    value = float(worst[frame])
    return Check(name, label or title, threshold, unit, value, value <= threshold, frame, frame / fps, where)


def _finite(bad: np.ndarray, fps: float) -> Check:
    title, threshold, unit = LABELS["finite"]
    frame = int(bad.argmax()) if bad.any() else None
    count = float(bad.sum())
    return Check(
        "finite", title, threshold, unit, count, not bad.any(), frame, None if frame is None else frame / fps
    )


def _joint_limits(robot: RobotTracks) -> Check:
    body = robot.robot
    beyond = np.maximum(-joint.limit_margin(robot.joint_pos, body.lower, body.upper), 0.0)
    return _check("joint_limits", beyond.max(axis=1), robot.fps, _name(body.joints, beyond))


def _motor_speed(robot: RobotTracks) -> Check:
    ratio = joint.speed_ratio(robot.joint_pos, robot.fps, robot.robot.velocity_limit)
    return _check("motor_speed", ratio.max(axis=1), robot.fps, _name(robot.robot.joints, ratio))


def _jumps(robot: RobotTracks, human: HumanTracks | None) -> Check:
    steps = joint.joint_steps(robot.joint_pos)
    if human is None:
        return _check(
            "jumps", steps.max(axis=1), robot.fps, _name(robot.robot.joints, steps), label="No jump"
        )
    # A step is excused only where the human's own landmarks jump; elsewhere the largest one is the value,
    # jump or not.
    steps = steps * (joint.landmark_turns(human.quat) <= joint.JUMP)[:, None]
    return _check("jumps", steps.max(axis=1), robot.fps, _name(robot.robot.joints, steps))


def _self_collision(robot: RobotTracks) -> Check:
    depth = 1e3 * np.maximum(-robot.clearances.nearest, 0.0)
    pair = " and ".join(robot.clearances.pair_names(int(depth.argmax()))) if depth.max() > 0 else ""
    return _check("self_collision", depth, robot.fps, pair)


def _floor(robot: RobotTracks) -> Check:
    under = 1e3 * np.maximum(-robot.clearances.lowest, 0.0)
    where = _name(robot.clearances.capsules.bodies, under)
    return _check("floor", under.max(axis=1), robot.fps, where, threshold=1e3 * floor_give(robot.robot))


def _fixed_base(motion: RobotMotion, robot: Robot) -> Check:
    """How far the root is from home; a turn counts by what it does at one metre."""
    moved = np.linalg.norm(motion.root_pos.astype(np.float64) - robot.home[:3], axis=1)
    turned = quat_angle(motion.root_quat.astype(np.float64), robot.home[None, 3:7].astype(np.float64))
    return _check("fixed_base", 1e3 * (moved + turned), motion.fps, robot.bodies[0])


def _unmeasured(robot: Robot, with_human: bool) -> list[Check]:
    checks = []
    names = [name for name in LABELS if name not in ("finite", "floor" if robot.fixed_base else "fixed_base")]
    for name in names:
        title, threshold, unit = LABELS[name]
        threshold = 1e3 * floor_give(robot) if name == "floor" else threshold
        label = "No jump" if name == "jumps" and not with_human else title
        checks.append(
            Check(
                name, label, threshold, unit, None, False, None, None, "not measured: values are not finite"
            )
        )
    return checks


def _name(names: tuple[str, ...], values: Float[np.ndarray, "time n"]) -> str:
    """Which column holds the largest value; nothing where all are zero."""
    return names[int(values.argmax()) % values.shape[1]] if values.max() > 0 else ""
