"""What every metric reads: a human and a robot at the same instants, as plain arrays, computed once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from understudy.errors import LimitError, ShapeError, SkeletonMismatch
from understudy.kinematics import Clearances, body_tracks, clearances
from understudy.motion import posture
from understudy.motion.bodies import BodyTracks
from understudy.motion.floor import floor_height
from understudy.motion.landmarks import SIDES
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.robots.robot import Robot
from understudy.rotations import quat_about, quat_apply, quat_mul, quat_slerp, quat_yaw


@dataclass(frozen=True)
class HumanTracks:
    """World poses of a human's landmarks at the robot's frame times, in the human's own size.

    ``pos`` in metres, z up; ``quat`` wxyz; ``fps`` is the robot's frame rate; ``floor`` the height (m) of the
    floor under the human, judged on the whole clip; NaN for a body without feet, which stands nowhere.
    """

    names: tuple[str, ...]
    fps: float
    pos: Float[np.ndarray, "time landmark 3"]
    quat: Float[np.ndarray, "time landmark 4"]
    floor: float

    @classmethod
    def of(cls, human: HumanMotion) -> "HumanTracks":
        """A clip at its own frame times."""
        names = human.skeleton.landmarks.names
        pos, quat = (a.astype(np.float64) for a in human.landmarks())
        stands = any(name.endswith(("_toe", "_ankle")) for name in names)
        return cls(names, human.fps, pos, quat, floor_height(human) if stands else float("nan"))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def at(self, name: str) -> Float[np.ndarray, "time 3"]:
        """Path of one landmark (m). Raises SkeletonMismatch if the skeleton does not have it."""
        return self.pos[:, self._row(name)]

    def turn(self, name: str) -> Float[np.ndarray, "time 4"]:
        """Orientation of one landmark. Raises SkeletonMismatch if the skeleton does not have it."""
        return self.quat[:, self._row(name)]

    @cached_property
    def leg(self) -> float:
        """Hip to knee to ankle (m): the median over the clip, both legs averaged. Raises SkeletonMismatch."""
        points = {f"{s}_{p}": self.at(f"{s}_{p}") for s in SIDES for p in ("hip", "knee", "ankle")}
        length = posture.leg_length(points)
        if not length > 0:
            raise SkeletonMismatch("The human's legs have no length; nothing can be compared with them.")
        return length

    def from_the_pelvis(self) -> "HumanTracks":
        """The same body as it sees itself: never turning round; as upright, and as high, as it is."""
        ahead = quat_about("z", -quat_yaw(self.turn("pelvis")))[:, None]
        away = self.at("pelvis")[:, None] * np.array([1.0, 1.0, 0.0])
        return replace(self, pos=quat_apply(ahead, self.pos - away), quat=quat_mul(ahead, self.quat))

    def _row(self, name: str) -> int:
        return _row("skeleton", self.names, name)


@dataclass(frozen=True, eq=False)
class RobotTracks:
    """A robot motion with everything that follows from it.

    ``joint_pos`` in rad; ``pos`` and ``quat`` are the world poses of the landmarks ``names``; ``soles`` holds
    the corners of each sole (m), keyed by side; ``clearances`` the distances between the robot's primitives
    and to the floor, z = 0.
    """

    robot: Robot
    fps: float
    joint_pos: Float[np.ndarray, "time dof"]
    names: tuple[str, ...]
    pos: Float[np.ndarray, "time landmark 3"]
    quat: Float[np.ndarray, "time landmark 4"]
    soles: Mapping[str, Float[np.ndarray, "time corner 3"]]
    clearances: Clearances

    @classmethod
    def of(cls, robot: Robot, motion: RobotMotion) -> "RobotTracks":
        """Run the kinematics.

        Raises ShapeError for values that are not finite and SkeletonMismatch for the joints of another robot.
        """
        check_finite(motion)
        bodies = body_tracks(robot, motion)
        pos, quat = robot.landmarks.world(bodies.pos, bodies.quat)
        soles = sole_corners(robot, bodies)
        joint_pos = motion.joint_pos.astype(np.float64)
        names = robot.landmarks.names
        return cls(robot, motion.fps, joint_pos, names, pos, quat, soles, clearances(robot, motion))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def at(self, name: str) -> Float[np.ndarray, "time 3"]:
        """Path of one landmark (m). Raises SkeletonMismatch if the robot does not have it."""
        return self.pos[:, _row("robot", self.names, name)]

    def turn(self, name: str) -> Float[np.ndarray, "time 4"]:
        """Orientation of one landmark. Raises SkeletonMismatch if the robot does not have it."""
        return self.quat[:, _row("robot", self.names, name)]

    @property
    def frames(self) -> int:
        return len(self.joint_pos)


def _row(body: str, names: tuple[str, ...], name: str) -> int:
    if name not in names:
        raise SkeletonMismatch(
            f"The {body} has no landmark {name!r}, which this measure needs. It has: {', '.join(names)}."
        )
    return names.index(name)


def check_finite(motion: RobotMotion) -> None:
    """Raise ShapeError if a value is NaN or infinite: arrays can be written to after a motion was made."""
    bad = ~finite_frames(motion)
    if bad.any():
        raise ShapeError(
            f"The robot motion holds values that are not finite (NaN or infinity) in {bad.sum()} of "
            f"{motion.frames} frames, first in frame {int(bad.argmax())}. Nothing can be measured on it."
        )


def finite_frames(motion: RobotMotion) -> Bool[np.ndarray, "time"]:
    """Whether all numbers of a frame are finite."""
    return np.asarray(np.isfinite(motion.qpos).all(axis=1))


def align(motion: RobotMotion, human: HumanMotion) -> HumanTracks:
    """The human's landmarks at the instants of the robot's frames.

    Robot frame i is the human's time ``start + i / motion.fps``. Where both clips last equally long (to one
    robot frame), ``start`` is 0. Otherwise the history of the robot motion has it: the ``start`` of every
    arrow (s) that the human clip has not been through, added up. Between human frames, positions are linear
    and orientations spherical. Raises LimitError if the two clips do not cover the same time, and
    SkeletonMismatch for a skeleton without a pelvis.
    """
    if "pelvis" not in human.skeleton.landmarks.names:
        raise SkeletonMismatch(
            f"Skeleton {human.skeleton.name!r} has no pelvis landmark; a robot cannot be compared with it."
        )
    start = _start(motion, human)
    whole = HumanTracks.of(human)
    if start == 0.0 and human.frames == motion.frames and np.isclose(human.fps, motion.fps, rtol=1e-6):
        return whole
    where = np.clip((start + np.arange(motion.frames) / motion.fps) * human.fps, 0, human.frames - 1)
    before = np.minimum(where.astype(np.int64), max(human.frames - 2, 0))
    after = np.minimum(before + 1, human.frames - 1)
    part = (where - before)[:, None]
    pos = whole.pos[before] * (1 - part[..., None]) + whole.pos[after] * part[..., None]
    quat = quat_slerp(whole.quat[before], whole.quat[after], part)
    return HumanTracks(whole.names, motion.fps, pos, quat, whole.floor)


def _start(motion: RobotMotion, human: HumanMotion) -> float:
    """The second of the human clip at which the robot motion begins. Raises LimitError if it has no place."""
    slack = 1.0 / motion.fps + 1e-6
    if abs(human.duration - motion.duration) <= slack:
        return 0.0
    cuts = [e for e in _arrows_since(human, motion) if not (e.get("start") is None and e.get("end") is None)]
    start = sum(float(e.get("start") or 0.0) for e in cuts)
    lengths = (
        f"The robot motion lasts {motion.duration:.3f} s ({motion.frames} frames at {motion.fps:g} fps) and "
        f"the human clip {human.duration:.3f} s ({human.frames} frames at {human.fps:g} fps)"
    )
    if not cuts:
        raise LimitError(
            f"{lengths}, and the robot motion does not record which part of its source it came from. "
            "Give the clip that it was made from, cut to the same start and end."
        )
    if start + motion.duration > human.duration + slack:
        raise LimitError(
            f"{lengths}, which is too short: the robot motion began at second {start:.3f} of its source. "
            "Give the whole clip that it was made from, or exactly that part of it."
        )
    return start


def _arrows_since(human: HumanMotion, motion: RobotMotion) -> list[Mapping[str, Any]]:
    """The robot motion's history after the part that it shares with the human clip's own."""
    before, all_of_it = ([_told(e) for e in m.origin.history] for m in (human, motion))
    shared = len(before) if all_of_it[: len(before)] == before else 0
    return list(motion.origin.history[shared:])


def _told(entry: Mapping[str, Any]) -> str:
    """An entry of a history as text: what went through a file has lists where there were tuples."""
    return json.dumps(entry, sort_keys=True, default=str)


def sole_corners(robot: Robot, bodies: BodyTracks) -> dict[str, Float[np.ndarray, "time corner 3"]]:
    """World positions (m) of the corners of each sole."""
    corners = {}
    for side, foot in robot.feet.items():
        body = bodies.names.index(foot.body)
        turn = bodies.quat[:, None, body]
        corners[side] = bodies.pos[:, None, body] + quat_apply(turn, np.asarray(foot.sole, turn.dtype)[None])
    return corners
