"""Which motions are worth keeping: the human-side and robot-side filters of NMR's data pipeline (CEPR).

Step 1 looks at the human before retargeting, with PHUMA's quantities and thresholds: foot contact, jerk of the root,
height of the pelvis, and how far pelvis and lower spine are from over the feet. Step 2 looks at the robot after it:
joint speed, self-intersection, floating. Every quantity is a series over the frames of the whole clip, so that pieces
of it can be judged without new edges.

Sources: Zhao et al., NMR (arXiv 2603.22201), section IV, steps 1 and 2; Lee et al., PHUMA (2025).

Deviations. PHUMA scores contact by the vertices of heels and toes, here the landmarks of toes and ankles stand for
them, at the heights where they dwell in this clip. NMR takes MuJoCo's contacts between all geometry for
self-intersection, here the robot's primitives count, without neighbours and harmless pairs, and without hands.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.signal import butter, sosfiltfilt

from understudy.curate.support import distance_to_hull
from understudy.evaluate import metrics_joint as joint
from understudy.evaluate.metrics_contact import sole_heights
from understudy.evaluate.stance import ANKLE_TOP, TOE_TOP, rest_level, speed
from understudy.evaluate.tracks import HumanTracks, RobotTracks
from understudy.motion import sample_every
from understudy.motion.landmarks import SIDES
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.robots.robot import Robot

RATE = 30.0
"""Humans are judged at no more than this frame rate (1/s): jerk at another rate is another number."""
CUTOFF = 3.0
"""The root's path is low-passed at this frequency (Hz) before its jerk is taken, as PHUMA does."""
ORDER = 4
CONTACT_BAND = 0.025
"""A toe or ankle within this distance (m) of the height it dwells at rests on the floor."""


@dataclass(frozen=True)
class HumanLimits:
    """What a human clip must keep to, in metres and seconds; the defaults are PHUMA's."""

    contact: float = 0.6
    """The share of frames with a foot on the floor must be above this."""
    root_jerk: float = 50.0
    """The mean jerk of the pelvis must be below this, m/s³."""
    pelvis_lowest: float = 0.6
    """The pelvis must stay above this height over the floor, m."""
    pelvis_highest: float = 1.5
    """And below this one, m."""
    pelvis_to_support: float = 0.06
    """Mean horizontal distance of the pelvis from the base of support, to be below this, m."""
    spine_to_support: float = 0.11
    """The same for the joint above the pelvis, m."""


@dataclass(frozen=True)
class RobotLimits:
    """What a robot clip must keep to; the defaults are NMR's."""

    speed: float = 1.0
    """No joint may ever be faster than this multiple of its motor's top speed."""
    self_collision: float = 0.05
    """At most this share of frames may have parts of the robot inside each other."""
    floating: float = 0.10
    """The mean height of the lower sole over the floor, z = 0, may be at most this, m."""


@dataclass(frozen=True)
class FilterConfig:
    """Limits for both kinds of motion, and how clips are cut."""

    human: HumanLimits = field(default_factory=HumanLimits)
    robot: RobotLimits = field(default_factory=RobotLimits)
    shortest: float = 1.0
    """Clips and pieces shorter than this are dropped, s."""
    chunk: float = 4.0
    """Length of a piece, s."""
    overlap: float = 0.5
    """What a piece shares with the next one, s."""


@dataclass(frozen=True)
class Finding:
    """One quantity of a clip (SI units, shares as fractions) and, if it is beyond its limit, what is wrong."""

    name: str
    value: float
    wrong: str = ""


Judge = Callable[[float, float], list[Finding]]
"""From the beginning and the end of a piece (s, on the clip's clock) to what was found in it."""


def pieces(duration: float, config: FilterConfig = FilterConfig()) -> list[tuple[float, float]]:
    """Beginnings and ends (s) of the pieces of a clip, overlapping; what is too short for a piece of its own stays
    with the one before."""
    step, found, start = config.chunk - config.overlap, [], 0.0
    while True:
        end = start + config.chunk
        if end + config.shortest - config.overlap > duration + 1e-9:
            return [*found, (start, duration)]
        found.append((start, end))
        start += step


def inspect(motion: HumanMotion | RobotMotion, robot: Robot | None, config: FilterConfig) -> Judge:
    """Measure a clip once; the result judges any part of it. ``robot`` is needed for a robot's motion.

    Raises SkeletonMismatch for a body without feet or without one of the landmarks that are looked at.
    """
    if isinstance(motion, HumanMotion):
        return _human_judge(motion, config)
    if robot is None:
        raise TypeError("a robot's motion is judged on its robot")
    return _robot_judge(motion, robot, config)


def _human_judge(motion: HumanMotion, config: FilterConfig) -> Judge:
    human = HumanTracks.of(sample_every(motion, RATE) if motion.fps > RATE else motion)
    limits, fps = config.human, human.fps
    pelvis = human.at("pelvis")
    feet = np.stack([human.at(f"{s}_{part}")[:, :2] for s in SIDES for part in ("ankle", "toe")], axis=1)
    contact = _contact(human)
    height = pelvis[:, 2] - human.floor
    jerk = np.linalg.norm(np.diff(lowpassed(pelvis, fps), n=3, axis=0), axis=-1) * fps**3
    pelvis_away = distance_to_hull(pelvis[:, :2], feet)
    spine_away = distance_to_hull(human.at("spine" if "spine" in human else "chest")[:, :2], feet)

    def judge(start: float, end: float) -> list[Finding]:
        a, b = _frames(start, end, fps, len(pelvis))
        part, jerks = slice(a, b), jerk[a : max(b - 3, a)]
        return [
            _long_enough(start, end, config),
            _above("foot_contact", contact[part].mean(), limits.contact, "foot contact"),
            _below("root_jerk", jerks.mean() if len(jerks) else 0.0, limits.root_jerk, "root jerk in m/s³"),
            _above("pelvis_lowest", height[part].min(), limits.pelvis_lowest, "lowest pelvis in m"),
            _below("pelvis_highest", height[part].max(), limits.pelvis_highest, "highest pelvis in m"),
            _below(
                "pelvis_to_support",
                pelvis_away[part].mean(),
                limits.pelvis_to_support,
                "pelvis off support in m",
            ),
            _below(
                "spine_to_support", spine_away[part].mean(), limits.spine_to_support, "spine off support in m"
            ),
        ]

    return judge


def _robot_judge(motion: RobotMotion, robot: Robot, config: FilterConfig) -> Judge:
    tracks = RobotTracks.of(robot, motion)
    limits, fps = config.robot, motion.fps
    ratio = joint.speed_ratio(tracks.joint_pos, fps, robot.velocity_limit).max(axis=1)
    collides = tracks.clearances.nearest < 0
    soles = list(sole_heights(tracks).values())

    def judge(start: float, end: float) -> list[Finding]:
        a, b = _frames(start, end, fps, motion.frames)
        fastest = ratio[a + 1 : b].max() if b > a + 1 else 0.0
        found = [
            _long_enough(start, end, config),
            _at_most(
                "max_speed_ratio", fastest, limits.speed, "joint speed over motor's", joint.SPEED_TOLERANCE
            ),
            _at_most("self_collision", collides[a:b].mean(), limits.self_collision, "self-collision share"),
        ]
        if soles:  # a robot without feet cannot float
            height = np.min(soles, axis=0)[a:b].mean()
            found.append(_at_most("floating", height, limits.floating, "mean height of the lower sole in m"))
        return found

    return judge


def lowpassed(path: Float[np.ndarray, "time 3"], fps: float) -> Float[np.ndarray, "time 3"]:
    """A path after a zero-phase fourth-order Butterworth filter at 3 Hz; as it is, where it is too short for one."""
    if len(path) <= 3 * (ORDER + 1) or fps <= 2 * CUTOFF:
        return path
    return sosfiltfilt(butter(ORDER, CUTOFF, fs=fps, output="sos"), path, axis=0)


def _contact(human: HumanTracks) -> Float[np.ndarray, "time"]:
    """One where a toe or an ankle is at the height at which it dwells on the floor, else zero."""
    rests = np.zeros(len(human.pos))
    for part, top in (("toe", TOE_TOP), ("ankle", ANKLE_TOP)):
        paths = [human.at(f"{side}_{part}") for side in SIDES]
        heights = [path[:, 2] - human.floor for path in paths]
        level = rest_level(np.concatenate(heights), np.concatenate([speed(p, human.fps) for p in paths]), top)
        for height in heights:
            rests = np.maximum(rests, np.abs(height - level) <= CONTACT_BAND)
    return rests


def _frames(start: float, end: float, fps: float, count: int) -> tuple[int, int]:
    """The frames between two instants, both included, as a half-open range; at least one frame."""
    first = min(round(start * fps), count - 1)
    return first, max(first + 1, min(round(end * fps) + 1, count))


def _long_enough(start: float, end: float, config: FilterConfig) -> Finding:
    return _at_least("duration", end - start, config.shortest, "length in s")


def _above(name: str, value: float, limit: float, what: str) -> Finding:
    return Finding(name, float(value), "" if value > limit else f"{what} ≤ {limit:g}")


def _below(name: str, value: float, limit: float, what: str) -> Finding:
    return Finding(name, float(value), "" if value < limit else f"{what} ≥ {limit:g}")


def _at_most(name: str, value: float, limit: float, what: str, slack: float = 0.0) -> Finding:
    return Finding(name, float(value), "" if value <= limit + slack else f"{what} > {limit:g}")


def _at_least(name: str, value: float, limit: float, what: str) -> Finding:
    return Finding(name, float(value), "" if value >= limit - 1e-6 else f"{what} < {limit:g}")
