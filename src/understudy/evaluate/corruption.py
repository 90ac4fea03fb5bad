"""Human motion with the faults of real capture, each made on purpose, and what they did to the robot's motion.

A corruption is a function of a clip and a random generator. It gives the spoilt clip, says which frames it spoilt, and
how the world was moved, so that the robot motion made from it can be moved back and compared with the one made from
the clean clip.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from understudy.errors import ShapeError
from understudy.kinematics.poses import landmark_tracks
from understudy.motion.landmarks import SIDES
from understudy.motion.types import HumanMotion, RobotMotion, Skeleton
from understudy.robots.robot import Robot
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_conj, quat_from_rotvec, quat_mul

LIMBS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
BENT = ("shoulder", "elbow", "hip", "knee")
SPIKE = np.deg2rad(90.0)
"""Angle (rad) that a limb is thrown by in a spike."""
EVERY = 0.5
"""Time (s) between two faults of a kind that comes in moments."""
DROPPED = 0.05
"""Share of joints, and of frames, that are dropped."""
NOISE_POS, NOISE_ROT = 0.01, np.deg2rad(3.0)
"""Standard deviations of jitter: position (m) and orientation (rad, along each axis)."""
FLOOR = 0.10
"""Height (m) that the floor is off by."""
RECOVERED = np.deg2rad(2.0)
"""A joint within this (rad) of the clean motion has recovered."""


@dataclass(frozen=True)
class Spoilt:
    """A corrupted clip; ``frames`` are those that differ from the clean one in more than where the world is.

    ``yaw`` (rad, about the world's z axis) and ``rise`` (m) are how the world was moved.
    """

    motion: HumanMotion
    frames: Bool[np.ndarray, "time"]
    yaw: float = 0.0
    rise: float = 0.0


Corruption = Callable[[HumanMotion, np.random.Generator], Spoilt]


def spikes(human: HumanMotion, rng: np.random.Generator) -> Spoilt:
    """Single frames, half a second apart, in which one limb is thrown by 90° about a random axis."""
    pos, quat, hit = *_copies(human), np.zeros(human.frames, dtype=bool)
    for t in _moments(human, rng, 1):
        joint = _carrier(human.skeleton, str(rng.choice(LIMBS)))
        _turn_below(human.skeleton, pos, quat, t, joint, SPIKE * _direction(rng))
        hit[t] = True
    return Spoilt(_with(human, pos, quat, "spikes"), hit)


def wrong_frames(human: HumanMotion, rng: np.random.Generator) -> Spoilt:
    """Runs of two to five frames, half a second apart, in which all limbs are thrown by up to 90°."""
    pos, quat, hit = *_copies(human), np.zeros(human.frames, dtype=bool)
    for start in _moments(human, rng, 5):
        for t in range(start, start + int(rng.integers(2, 6))):
            for part in BENT:
                for side in SIDES:
                    turn = rng.uniform(0, SPIKE) * _direction(rng)
                    _turn_below(
                        human.skeleton, pos, quat, t, _carrier(human.skeleton, f"{side}_{part}"), turn
                    )
            hit[t] = True
    return Spoilt(_with(human, pos, quat, "wrong_frames"), hit)


def dropped_joints(human: HumanMotion, rng: np.random.Generator) -> Spoilt:
    """One joint in twenty is lost in a frame: it is not turned against its parent, and what hangs on it follows."""
    lost = rng.random((human.frames, len(human.skeleton.joints))) < DROPPED
    lost[:, 0] = False
    parents, pos, quat = human.skeleton.parents, *_copies(human)
    for j, parent in enumerate(parents):
        if j == 0:
            continue
        turn = quat_conj(human.quat[:, parent].astype(np.float64))
        local = quat_mul(turn, human.quat[:, j].astype(np.float64))
        local[lost[:, j]] = (1.0, 0.0, 0.0, 0.0)
        bone = quat_apply(turn, (human.pos[:, j] - human.pos[:, parent]).astype(np.float64))
        pos[:, j] = pos[:, parent] + quat_apply(quat[:, parent], bone)
        quat[:, j] = quat_mul(quat[:, parent], local)
    return Spoilt(_with(human, pos, quat, "dropped_joints"), np.asarray(lost.any(axis=1)))


def jitter(human: HumanMotion, rng: np.random.Generator) -> Spoilt:
    """Every joint of every frame trembles: 1 cm and 3° of Gaussian noise along each axis."""
    pos, quat = _copies(human)
    pos += rng.normal(0.0, NOISE_POS, pos.shape)
    quat = quat_mul(quat_from_rotvec(rng.normal(0.0, NOISE_ROT, pos.shape)), quat)
    return Spoilt(_with(human, pos, quat, "jitter"), np.ones(human.frames, dtype=bool))


def floor_offset(human: HumanMotion, rng: np.random.Generator) -> Spoilt:  # noqa: ARG001
    """The whole clip is lifted by 10 cm."""
    pos, quat = _copies(human)
    pos[..., 2] += FLOOR
    return Spoilt(_with(human, pos, quat, "floor_offset"), np.zeros(human.frames, dtype=bool), rise=FLOOR)


def turned_round(human: HumanMotion, rng: np.random.Generator) -> Spoilt:  # noqa: ARG001
    """The whole clip faces the other way: 180° about the world's z axis."""
    pos, quat = _copies(human)
    half = quat_about("z", np.pi)
    moved = _with(human, quat_apply(half, pos), quat_mul(half, quat), "turned_round")
    return Spoilt(moved, np.zeros(human.frames, dtype=bool), yaw=float(np.pi))


def swapped_sides(human: HumanMotion, rng: np.random.Generator) -> Spoilt:
    """Runs of three frames, half a second apart, in which left and right limbs have changed places."""
    pos, quat, hit = *_copies(human), np.zeros(human.frames, dtype=bool)
    marks = human.skeleton.landmarks
    turns = quat_mul(quat[:, marks.carriers], marks.quat.astype(np.float64))
    for start in _moments(human, rng, 3):
        hit[start : start + 3] = True
    for k, name in enumerate(marks.names):
        side, _, part = name.partition("_")
        other = f"{SIDES[1 - SIDES.index(side)]}_{part}" if side in SIDES else name
        if other == name or other not in marks.names:
            continue
        # Through the landmark frames, whose axes mean the same on both sides.
        j, i = marks.carriers[k], marks.index(other)
        pos[hit, j] = human.pos[hit][:, marks.carriers[i]]
        quat[hit, j] = quat_mul(turns[hit, i], quat_conj(marks.quat[k].astype(np.float64)))
    return Spoilt(_with(human, pos, quat, "swapped_sides"), hit)


def dropped_frames(human: HumanMotion, rng: np.random.Generator) -> Spoilt:
    """One frame in twenty is lost, and the last good one shown instead."""
    lost = rng.random(human.frames) < DROPPED
    lost[0] = False
    shown = np.maximum.accumulate(np.where(lost, 0, np.arange(human.frames)))
    return Spoilt(_with(human, human.pos[shown], human.quat[shown], "dropped_frames"), lost)


CORRUPTIONS: dict[str, Corruption] = {
    "spikes": spikes,
    "wrong-frames": wrong_frames,
    "dropped-joints": dropped_joints,
    "jitter": jitter,
    "floor-offset": floor_offset,
    "turned-round": turned_round,
    "swapped-sides": swapped_sides,
    "dropped-frames": dropped_frames,
}
"""The suite, by the names that tables have."""


@dataclass(frozen=True)
class Deviation:
    """How far a robot motion is from the clean one, the move of the world undone; joints in degrees, points in cm.

    Points are the robot's landmarks. ``mean`` runs over all frames, ``sound`` over those that the corruption left
    alone (None if there are none), ``worst`` is the largest of all. ``rise_cm`` is the mean height by which the motion
    is off; the points are compared without it. ``recovery`` is the most frames that passed after a fault before every
    joint was within 2° of the clean motion again, if it ever was (None without such frames).
    """

    joints_mean: float
    joints_sound: float | None
    joints_worst: float
    points_mean: float
    points_sound: float | None
    points_worst: float
    root_turn_worst: float
    rise_cm: float
    peak_speed: float
    clean_peak_speed: float
    recovery: int | None


def deviation(robot: Robot, clean: RobotMotion, made: RobotMotion, spoilt: Spoilt) -> Deviation:
    """Compare what became of a corrupted clip with the clean motion. A fixed base never follows a moved world.

    Raises ShapeError for unequal lengths.
    """
    if clean.frames != made.frames:
        raise ShapeError(f"The clean motion has {clean.frames} frames and the other one {made.frames}.")
    back = made if robot.fixed_base else moved_back(made, spoilt)
    joints = np.rad2deg(np.abs(back.joint_pos.astype(np.float64) - clean.joint_pos))
    (ours, _), (theirs, _) = landmark_tracks(robot, back), landmark_tracks(robot, clean)
    rise = float((back.root_pos[:, 2] - clean.root_pos[:, 2]).mean())
    points = 100 * np.linalg.norm(ours - theirs - [0.0, 0.0, rise], axis=-1)
    turn = np.rad2deg(quat_angle(back.root_quat.astype(np.float64), clean.root_quat.astype(np.float64)))
    sound = ~spoilt.frames
    return Deviation(
        float(joints.mean()),
        float(joints[sound].mean()) if sound.any() else None,
        float(joints.max()),
        float(points.mean()),
        float(points[sound].mean()) if sound.any() else None,
        float(points.max()),
        float(turn.max()),
        100 * rise,
        _peak_speed(made),
        _peak_speed(clean),
        recovery(joints.max(axis=1) <= np.rad2deg(RECOVERED), spoilt.frames),
    )


def moved_back(made: RobotMotion, spoilt: Spoilt) -> RobotMotion:
    """The motion in the clean clip's world again: heading undone; a rise is left, because the floor should be found."""
    back = quat_about("z", -spoilt.yaw)
    return replace(
        made,
        root_pos=quat_apply(back, made.root_pos.astype(np.float64)),
        root_quat=quat_mul(back, made.root_quat.astype(np.float64)),
    )


def recovery(near: Bool[np.ndarray, "time"], faulty: Bool[np.ndarray, "time"]) -> int | None:
    """The most frames between the end of a fault and the first frame near the clean motion.

    Time until the next fault, or the end of the clip, counts where that comes first. None without a sound frame
    after a fault.
    """
    ends = np.flatnonzero(faulty[:-1] & ~faulty[1:]) + 1
    waits = []
    for end in ends:
        following = np.flatnonzero(faulty[end:] | near[end:])
        waits.append(int(following[0]) if len(following) else len(near) - int(end))
    return max(waits, default=None)


def _peak_speed(motion: RobotMotion) -> float:
    """The fastest joint (rad/s)."""
    return float(np.abs(np.diff(motion.joint_pos, axis=0)).max(initial=0.0)) * motion.fps


def _copies(
    human: HumanMotion,
) -> tuple[Float[np.ndarray, "time joint 3"], Float[np.ndarray, "time joint 4"]]:
    return human.pos.astype(np.float64), human.quat.astype(np.float64)


def _with(human: HumanMotion, pos: np.ndarray, quat: np.ndarray, what: str) -> HumanMotion:
    return replace(human, pos=pos, quat=quat, origin=human.origin.after(f"corrupt.{what}"))


def _moments(human: HumanMotion, rng: np.random.Generator, longest: int) -> Sequence[int]:
    """Frames at which faults begin: about half a second apart, the first frame and the last ones spared."""
    apart = max(round(EVERY * human.fps), longest + 2)
    starts: Int[np.ndarray, "n"] = np.arange(1, max(human.frames - apart, 1), apart)
    return (starts + rng.integers(0, apart - longest, len(starts))).tolist()


def _carrier(skeleton: Skeleton, landmark: str) -> int:
    return int(skeleton.landmarks.carriers[skeleton.landmarks.index(landmark)])


def _direction(rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    v = rng.normal(size=3)
    return v / np.linalg.norm(v)


def _turn_below(
    skeleton: Skeleton, pos: np.ndarray, quat: np.ndarray, t: int, joint: int, rotvec: Float[np.ndarray, "3"]
) -> None:
    """Turn a joint and all below it about the joint's own place, in one frame, in place."""
    below = np.zeros(len(skeleton.joints), dtype=bool)
    below[joint] = True
    for j, parent in enumerate(skeleton.parents):
        below[j] |= parent >= 0 and below[parent]
    turn = quat_from_rotvec(rotvec)
    pos[t, below] = pos[t, joint] + quat_apply(turn, pos[t, below] - pos[t, joint])
    quat[t, below] = quat_mul(turn, quat[t, below])
