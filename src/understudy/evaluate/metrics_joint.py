"""What the joints do: jumps, speed against the motors, distance from the limits, jerk.

Velocity is the difference of neighbouring frames times the frame rate; what belongs to the step from frame t
− 1 to frame t is filed under frame t, and frame 0 has none. Percentages are of all frames.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from understudy.evaluate.metric import Metric, frame_share
from understudy.rotations import quat_angle

JUMP = 0.5
"""A joint step or a turn of a human landmark beyond this (rad) is a jump, as in NMR's joint jump ratio."""
NEAR_LIMIT = (0.05, 0.10)
"""Distances from the hardware limit (rad) within which a frame counts as near it; the first is NMR's."""
RANGE_TOLERANCE = 1e-4
"""A joint is outside its range when beyond it by more than this (rad), which float32 cannot round away."""
SPEED_TOLERANCE = 1e-4
"""The same for speed, as a share of the motor's: a step solved for exactly the top speed is not above it."""


def joint_steps(joint_pos: Float[np.ndarray, "time dof"]) -> Float[np.ndarray, "time dof"]:
    """Absolute joint step (rad) from the frame before; zero in frame 0."""
    return np.abs(np.diff(joint_pos, axis=0, prepend=joint_pos[:1]))


def landmark_turns(quat: Float[np.ndarray, "time landmark 4"]) -> Float[np.ndarray, "time"]:
    """The largest turn (rad) of any landmark in the world since the frame before; zero in frame 0."""
    turns = np.zeros(len(quat))
    turns[1:] = quat_angle(quat[:-1], quat[1:]).max(axis=1)
    return turns


def jumps(joint_pos: Float[np.ndarray, "time dof"], fps: float) -> Metric:
    """Frames whose largest joint step exceeds 0.5 rad (NMR's joint jump); the series is that step (rad)."""
    steps = joint_steps(joint_pos).max(axis=1)
    note = f"a joint stepped more than {JUMP} rad at {fps:g} fps, i.e. faster than {JUMP * fps:.3g} rad/s"
    return frame_share("joint_jumps", "Joint jumps", steps > JUMP, note, steps)


def unexplained(
    joint_pos: Float[np.ndarray, "time dof"], human_quat: Float[np.ndarray, "time landmark 4"]
) -> Bool[np.ndarray, "time"]:
    """Frames with a joint step above 0.5 rad although no landmark of the human turned by as much."""
    return (joint_steps(joint_pos).max(axis=1) > JUMP) & (landmark_turns(human_quat) <= JUMP)


def unexplained_jumps(
    joint_pos: Float[np.ndarray, "time dof"], human_quat: Float[np.ndarray, "time landmark 4"], fps: float
) -> Metric:
    """Jumps that the human did not make."""
    note = (
        f"joint step above {JUMP} rad at {fps:g} fps while no human landmark turned by more than {JUMP} rad"
    )
    return frame_share("unexplained_jumps", "Unexplained jumps", unexplained(joint_pos, human_quat), note)


def fastest_joint(joint_pos: Float[np.ndarray, "time dof"], fps: float, joints: Sequence[str]) -> Metric:
    """The highest joint speed of the clip (rad/s)."""
    rate = joint_steps(joint_pos) * fps
    frame, joint = divmod(int(rate.argmax()), rate.shape[1])
    note = f"{joints[joint]} in frame {frame}, at {fps:g} fps"
    return Metric("max_joint_speed", "Fastest joint", float(rate.max()), "rad/s", "lower", note, len(rate))


def speed_ratio(
    joint_pos: Float[np.ndarray, "time dof"], fps: float, velocity_limit: Float[np.ndarray, "dof"]
) -> Float[np.ndarray, "time dof"]:
    """Joint speed as a multiple of the motor's top speed."""
    return joint_steps(joint_pos) * fps / velocity_limit


def above_motor_speed(
    joint_pos: Float[np.ndarray, "time dof"],
    fps: float,
    velocity_limit: Float[np.ndarray, "dof"],
    joints: Sequence[str],
) -> tuple[Metric, Metric]:
    """Frames with a joint above its motor's top speed, and the worst ratio, whose series is the ratio."""
    ratio = speed_ratio(joint_pos, fps, velocity_limit)
    worst = ratio.max(axis=1)
    note = f"frame difference × {fps:g} fps against the motor's top speed"
    share = frame_share("above_motor_speed", "Above motor speed", worst > 1 + SPEED_TOLERANCE, note)
    frame, joint = divmod(int(ratio.argmax()), ratio.shape[1])
    where = f"{joints[joint]} in frame {frame}"
    return share, Metric(
        "max_speed_ratio",
        "Worst speed ratio",
        float(worst.max()),
        "× motor",
        "lower",
        where,
        len(ratio),
        worst,
    )


def limit_margin(
    joint_pos: Float[np.ndarray, "time dof"], lower: Float[np.ndarray, "dof"], upper: Float[np.ndarray, "dof"]
) -> Float[np.ndarray, "time dof"]:
    """Distance (rad) of each joint from the nearer end of its range; negative outside."""
    return np.minimum(joint_pos - lower, upper - joint_pos)


def near_limits(margin: Float[np.ndarray, "time dof"]) -> list[Metric]:
    """Frames with a joint within 0.05 rad (NMR) and within 0.10 rad of a hardware limit, or beyond it."""
    least = margin.min(axis=1)
    return [
        frame_share(
            f"near_limit_{m:.2f}", f"Within {m:.2f} rad of a limit", least < m, "of the hardware range", least
        )
        for m in NEAR_LIMIT
    ]


def outside_range(margin: Float[np.ndarray, "time dof"]) -> Metric:
    """Frames with a joint outside its hardware range."""
    return frame_share("outside_range", "Outside the joint range", margin.min(axis=1) < -RANGE_TOLERANCE)


def at_solver_bound(margin: Float[np.ndarray, "time dof"], bound: float | None) -> Metric:
    """Frames with a joint within the solver's own margin, ``bound`` rad inside the hardware range.

    A solver that keeps a margin is never near a hardware limit, however often it is stuck at its own.
    """
    key, label = "at_solver_bound", "Inside the solver's own margin"
    if bound is None:
        return Metric(key, label, None, "%", "lower", "the file states no limit margin of a solver")
    return frame_share(
        key,
        label,
        margin.min(axis=1) < bound + 1e-3,
        f"{bound:g} rad inside the hardware range, to within 0.001 rad",
    )


def stated_bound(history: Sequence[Mapping[str, Any]]) -> float | None:
    """The ``limit_margin`` (rad) in the configuration of the latest arrow that has one."""
    for entry in reversed(history):
        margin = entry.get("limit_margin", entry.get("configuration", {}).get("limit_margin"))
        if margin is not None:
            return float(margin)
    return None


def jerk(joint_pos: Float[np.ndarray, "time dof"], fps: float) -> tuple[Metric, Metric]:
    """Mean and 99th percentile of the absolute joint jerk (rad/s³), over all joints and frames."""
    third = np.abs(np.diff(joint_pos, n=3, axis=0)) * fps**3
    if not third.size:
        empty = "needs four frames"
        return (
            Metric("jerk_mean", "Joint jerk, mean", None, "rad/s³", "lower", empty),
            Metric("jerk_p99", "Joint jerk, p99", None, "rad/s³", "lower", empty),
        )
    note = f"third differences at {fps:g} fps; compare only at equal frame rates"
    return (
        Metric("jerk_mean", "Joint jerk, mean", float(third.mean()), "rad/s³", "lower", note, third.size),
        Metric(
            "jerk_p99",
            "Joint jerk, p99",
            float(np.percentile(third, 99)),
            "rad/s³",
            "lower",
            note,
            third.size,
        ),
    )
