"""From steps to feet: where each ankle is and how the foot is pitched, at every instant.

A foot that carries weight rolls without sliding: after the strike it turns about the rear edge of the heel,
then it lies flat, then the heel rises about the ball while the toes stay on the floor. A swing blends from
the roll about the old ball to the roll about the new heel, so that leaving and landing are smooth as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from understudy.motion.blending import minimum_jerk
from understudy.motion.sample.body import ANKLE_HEIGHT, BALL, HALF_STANCE, HEEL
from understudy.motion.sample.score import Step, Times, glide
from understudy.rotations import quat_about, quat_apply, quat_mul

FLAT_AFTER = 0.12
"""Seconds from the strike of the heel until the sole lies flat."""
ROLL_BEFORE = 0.24
"""Seconds that the heel takes to rise before the foot leaves the floor."""
TOE_OUT = 0.10
"""How far a relaxed foot points outwards (rad)."""

Place = tuple[float, float, float]


@dataclass(frozen=True)
class FootPath:
    """One foot over time. ``pitch`` (rad) is positive with the toes up; ``bend`` raises the toes against the
    foot; ``loaded`` says when the foot stands on the floor.
    """

    ankle: Float[np.ndarray, "time 3"]
    yaw: Float[np.ndarray, "time"]
    pitch: Float[np.ndarray, "time"]
    bend: Float[np.ndarray, "time"]
    loaded: Bool[np.ndarray, "time"]

    @property
    def quat(self) -> Float[np.ndarray, "time 4"]:
        """World orientation of the foot."""
        return quat_mul(quat_about("z", self.yaw), quat_about("y", -self.pitch))


def first_place(side: str) -> Place:
    """Where a foot stands before its first step: ankle x, y (m) and yaw (rad)."""
    sign = 1.0 if side == "left" else -1.0
    return 0.0, sign * HALF_STANCE, sign * TOE_OUT


def foot_path(steps: Sequence[Step], side: str, t: Times) -> FootPath:
    """The path of one foot through its own steps, which must not overlap in time."""
    own = sorted((s for s in steps if s.side == side), key=lambda s: s.start)
    pitch = _pitch(own, t)
    place = first_place(side)
    yaw = np.full_like(t, place[2])
    ankle = _roll(place, pitch, BALL)
    bend = np.maximum(-pitch, 0.0)
    loaded = np.ones(len(t), bool)
    for step in own:
        target = (step.x, step.y, step.yaw)
        u = (t - step.start) / (step.end - step.start)
        swing, after = (u > 0) & (u < 1), u >= 1
        s = glide(u)
        old, new = _roll(place, pitch, BALL), _roll(target, pitch, HEEL)
        path = old + s[:, None] * (new - old)
        path[:, 2] += step.lift * 64.0 * (np.clip(u, 0, 1) * (1 - np.clip(u, 0, 1))) ** 3
        ankle[swing] = path[swing]
        landed = np.where((pitch > 0)[:, None], new, _roll(target, pitch, BALL))
        ankle[after] = landed[after]
        bend[swing] *= 1.0 - minimum_jerk(2.0 * u[swing])
        yaw += (step.yaw - place[2]) * s
        loaded &= ~swing
        place = target
    return FootPath(ankle, yaw, pitch, bend, loaded)


def _pitch(steps: Sequence[Step], t: Times) -> Times:
    """Toes-up angle: down to −roll_off before each lift, across to +strike in the air, back to zero after
    landing."""
    pitch = np.zeros_like(t)
    for step in steps:
        pitch -= step.roll_off * minimum_jerk((t - step.start + ROLL_BEFORE) / ROLL_BEFORE)
        pitch += (step.roll_off + step.strike) * minimum_jerk((t - step.start) / (step.end - step.start))
        pitch -= step.strike * minimum_jerk((t - step.end) / FLAT_AFTER)
    return pitch


def _roll(place: Place, pitch: Times, pivot: np.ndarray) -> Float[np.ndarray, "time 3"]:
    """The ankle while the foot turns by ``pitch`` about ``pivot`` (ankle frame), which stays where it lies
    when flat."""
    x, y, yaw = place
    heading = quat_about("z", np.asarray(yaw))
    fixed = np.array([x, y, ANKLE_HEIGHT]) + quat_apply(heading, pivot)
    return fixed - quat_apply(quat_mul(heading, quat_about("y", -pitch)), pivot)
