"""Everything measured on one robot motion: the numbers, the verdict, the curves."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from understudy.evaluate import metrics_contact as contact
from understudy.evaluate import metrics_joint as joint
from understudy.evaluate import metrics_pose as pose
from understudy.evaluate.certificate import Certificate, assumed_of, judge
from understudy.evaluate.metric import Metric
from understudy.evaluate.reference import Build, build_reference
from understudy.evaluate.scope import Scope, scope_of
from understudy.evaluate.stance import Stance, detect
from understudy.evaluate.tracks import HumanTracks, RobotTracks, align
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.robots import load
from understudy.robots.robot import Robot

SERIES = {
    "keypoint_error": "keypoint_error_m",
    "keypoint_error_world": "keypoint_error_world_m",
    "orientation_error": "orientation_error_rad",
    "joint_jumps": "max_joint_step_rad",
    "max_speed_ratio": "max_joint_speed_ratio",
    "near_limit_0.05": "limit_margin_rad",
    "self_collision": "self_collision_depth_m",
    "floor_penetration": "lowest_point_m",
}
"""Which metric's per-frame series is reported under which name; the unit ends the name."""


@dataclass(frozen=True, eq=False)
class Report:
    """What ``report`` found; ``series`` are arrays over the robot's frames, named with their unit.

    ``remarks`` are sentences on what was not measured, and the certificate's own.
    """

    robot: str
    clip: str
    fps: float
    frames: int
    duration: float
    metrics: tuple[Metric, ...]
    certificate: Certificate
    series: dict[str, np.ndarray]
    remarks: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> Metric:
        """The metric of a key. Raises KeyError."""
        for metric in self.metrics:
            if metric.key == key:
                return metric
        raise KeyError(key)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold; a number that is not finite becomes None."""
        return {
            "robot": self.robot,
            "clip": self.clip,
            "fps": self.fps,
            "frames": self.frames,
            "duration": self.duration,
            "metrics": [metric.to_dict() for metric in self.metrics],
            "certificate": self.certificate.to_dict(),
            "series": {name: _plain(values) for name, values in self.series.items()},
            "remarks": list(self.remarks),
        }


def report(motion: RobotMotion, human: HumanMotion | None = None, robot: Robot | None = None) -> Report:
    """Measure a robot motion, alone or against the human clip it was made from.

    The human is taken at the robot's frame times (``tracks.align``); without one, everything that compares or
    that needs to know when a foot stands is left out. What the robot has not got (legs, arms, a base that moves) has
    metrics without values, whose notes say why. ``robot`` is loaded by the motion's own name if not
    given. Raises ShapeError for values that are not finite, SkeletonMismatch for a body that does not fit,
    and LimitError if the two clips do not cover the same time.
    """
    robot = load(motion.robot) if robot is None else robot
    performed = RobotTracks.of(robot, motion)
    source = None if human is None else align(motion, human)
    bound = joint.stated_bound(motion.origin.history)
    certificate = judge(motion, performed, source, assumed_of(motion, human))
    stance, left_out = None, ()
    if source is None:
        metrics = [*_joint_metrics(performed, None, bound), *_contact_metrics(performed)]
    else:
        scope = scope_of(robot, source.names, motion.origin.history)
        stance, left_out = None if scope.feet else detect(source), scope.reasons
        metrics = _compared(performed, source, stance, scope, bound)
    return Report(
        robot.name,
        motion.origin.source or (human.origin.source if human is not None else ""),
        motion.fps,
        motion.frames,
        motion.duration,
        tuple(metrics),
        certificate,
        _series(metrics, performed, stance),
        (*left_out, *certificate.remarks),
    )


def _compared(
    robot: RobotTracks, human: HumanTracks, stance: Stance | None, scope: Scope, bound: float | None
) -> list[Metric]:
    """Everything, where there is a human to compare with; no stance where soles are out of scope."""
    seen = human.from_the_pelvis() if scope.held else human
    ankle_level = 0.0 if stance is None else stance.ankle_level
    reference = build_reference(Build.of(robot.robot), seen, ankle_level, scope)
    return [
        pose.keypoint_error(robot, reference, seen, scope),
        pose.keypoint_error_world(robot, reference, scope),
        pose.orientation(robot, seen, scope),
        *_joint_metrics(robot, human, bound),
        *_contact_metrics(robot),
        contact.under_floor_alone(robot, human),
        *(
            contact.not_measured(contact.STANDING, scope.feet)
            if stance is None
            else _stance_metrics(robot, human, stance, reference.scale)
        ),
    ]


def _joint_metrics(robot: RobotTracks, human: HumanTracks | None, bound: float | None) -> list[Metric]:
    body, q, fps = robot.robot, robot.joint_pos, robot.fps
    margin = joint.limit_margin(q, body.lower, body.upper)
    return [
        joint.jumps(q, fps),
        *([] if human is None else [joint.unexplained_jumps(q, human.quat, fps)]),
        joint.fastest_joint(q, fps, body.joints),
        *joint.above_motor_speed(q, fps, body.velocity_limit, body.joints),
        joint.outside_range(margin),
        *joint.near_limits(margin),
        joint.at_solver_bound(margin, bound),
        *joint.jerk(q, fps),
    ]


def _contact_metrics(robot: RobotTracks) -> list[Metric]:
    return [*contact.self_collision(robot), *contact.under_floor(robot)]


def _stance_metrics(robot: RobotTracks, human: HumanTracks, stance: Stance, scale: float) -> list[Metric]:
    return [
        contact.sole_error(robot, stance),
        contact.stance_float(robot, stance),
        *contact.flat_skating(robot, human, stance, scale),
        *contact.toe_skating(robot, human, stance, scale),
    ]


def _series(metrics: list[Metric], robot: RobotTracks, stance: Stance | None) -> dict[str, np.ndarray]:
    """The curves worth drawing: those behind the metrics, the soles' heights, and when the human stands."""
    curves = {SERIES[m.key]: m.series for m in metrics if m.key in SERIES and m.series is not None}
    for side, height in contact.sole_heights(robot).items():
        curves[f"{side}_sole_height_m"] = height
        if stance is not None:
            curves[f"{side}_stance"] = stance.any[side]
            curves[f"{side}_flat_stance"] = stance.flat[side]
    return curves


def _plain(values: np.ndarray) -> list[float | int | None]:
    """Numbers to six decimals (a micrometre is beyond any of them); truth values as 0 and 1."""
    if values.dtype == bool:
        return values.astype(int).tolist()
    return [v if np.isfinite(v) else None for v in values.astype(float).round(6).tolist()]
