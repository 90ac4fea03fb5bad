"""New clips from old ones, for humans and robots alike: resample, trim and join.

Nothing is changed in place. Tracks are carried along, and every operation writes itself into
``origin.history``.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError, SkeletonMismatch
from understudy.motion.blending import (
    Arrays,
    Motion,
    arrays_of,
    concatenated,
    minimum_jerk,
    mixed,
    rows,
    with_arrays,
)
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.rotations import quat_about, quat_apply, quat_mul, quat_yaw

FASTEST = 10_000.0
"""Frame rates (1/s) above this are mistakes."""


def resample(motion: Motion, fps: float) -> Motion:
    """The same clip at another frame rate, its first and last frames exactly kept.

    The result has round(duration · fps) + 1 frames, evenly spread from the first instant to the last. Where
    duration · fps is not a whole number this spacing is not exactly 1/fps; the clip then carries its true
    rate, (frames − 1) / duration, so that time is never stretched.
    """
    _check_rate(fps)
    if fps == motion.fps:
        return motion
    origin = motion.origin.after("resample", fps=fps)
    if motion.frames == 1:
        return replace(motion, fps=fps, origin=origin)
    intervals = max(1, round(motion.duration * fps))
    at = np.arange(intervals + 1) * ((motion.frames - 1) / intervals)
    true = intervals / motion.duration
    fps = fps if abs(true - fps) < 1e-9 * fps else true
    return replace(_at(motion, at), fps=fps, origin=origin)


def sample_every(motion: Motion, fps: float) -> Motion:
    """The clip at the exact instants k / fps, dropping what remains after the last one (less than 1 / fps).

    For formats whose frame rate is fixed; ``resample`` keeps both ends instead.
    """
    _check_rate(fps)
    if fps == motion.fps:
        return motion
    at = np.arange(int(motion.duration * fps + 1e-6) + 1) * (motion.fps / fps)
    at = np.minimum(at, motion.frames - 1)
    return replace(_at(motion, at), fps=fps, origin=motion.origin.after("sample_every", fps=fps))


def trim(motion: Motion, start: float = 0.0, end: float | None = None) -> Motion:
    """The frames between two instants (s), both included; an ``end`` beyond the clip means the clip's own
    end.

    Raises LimitError if nothing lies between them.
    """
    last = motion.duration if end is None else min(end, motion.duration)
    first_frame, last_frame = np.ceil(start * motion.fps - 1e-6), np.floor(last * motion.fps + 1e-6)
    if not 0 <= first_frame <= last_frame:  # false for NaN, too
        until = "the end" if end is None else f"{end:g} s"
        raise LimitError(
            f"Nothing lies between {start:g} s and {until}: the clip runs from 0 to {motion.duration:.3f} s."
        )
    clip = with_arrays(motion, rows(arrays_of(motion), slice(int(first_frame), int(last_frame) + 1)))
    # The instants of the frames that were kept, so that the clip can be laid over its source again.
    origin = motion.origin.after(
        "trim", start=float(first_frame / motion.fps), end=float(last_frame / motion.fps)
    )
    return replace(clip, origin=origin)


def join(first: Motion, second: Motion, blend: float = 0.3) -> Motion:
    """One clip after the other, the second turned about z and moved over the floor to where the first one is.

    Over ``blend`` seconds the end of the first clip fades into the beginning of the second, so the result is
    ``blend`` shorter than both together; heading and place agree in the middle of that overlap. With
    ``blend`` 0 the second clip follows one frame later, standing where the first one ended. The frame rate is
    the first clip's, and only tracks of both clips remain. Feet may slide during the overlap. Raises
    SkeletonMismatch for different bodies and LimitError if the overlap is longer than a clip.
    """
    _check_same_body(first, second)
    second = sample_every(second, first.fps)
    shorter = min(first.duration, second.duration)
    if not 0 <= blend * first.fps < min(first.frames, second.frames) + 0.5:
        raise LimitError(f"A blend of {blend:g} s does not fit; the shorter clip lasts {shorter:.3f} s.")
    overlap = min(round(blend * first.fps), first.frames, second.frames)
    a, b = arrays_of(first), arrays_of(second)
    middle = overlap // 2
    meeting = first.frames - max(1, overlap - middle)
    b = _placed_like(first, b, min(middle, second.frames - 1), a, meeting)
    kept = first.frames - overlap
    weight = minimum_jerk(np.arange(1, overlap + 1) / (overlap + 1))
    overlapped = mixed(first, rows(a, slice(kept, None)), rows(b, slice(0, overlap)), weight)
    result = concatenated([rows(a, slice(0, kept)), overlapped, rows(b, slice(overlap, None))])
    origin = first.origin.after("join", following=second.origin.source, blend=blend)
    return replace(with_arrays(first, result), origin=origin)


def _check_rate(fps: float) -> None:
    if not 0 < fps <= FASTEST:  # false for NaN, too
        raise LimitError(f"fps must be a positive number, at most {FASTEST:g}; got {fps}.")


def _placed_like(
    motion: HumanMotion | RobotMotion, b: Arrays, frame_b: int, a: Arrays, frame_a: int
) -> Arrays:
    """``b`` turned about z and shifted over the floor so that its root at ``frame_b`` stands like a's at
    ``frame_a``."""
    if isinstance(motion, HumanMotion):
        names, root = ("pos", "quat"), np.s_[:, 0]
    else:
        names, root = ("root_pos", "root_quat"), np.s_[:]
    pos, quat = (b[n].astype(np.float64) for n in names)
    goal_pos, goal_quat = (a[n][root][frame_a].astype(np.float64) for n in names)
    turn = quat_about("z", quat_yaw(goal_quat) - quat_yaw(quat[root][frame_b]))
    centre = pos[root][frame_b] * np.array([1.0, 1.0, 0.0])
    moved = quat_apply(turn, pos - centre) + goal_pos * np.array([1.0, 1.0, 0.0])
    return b | {names[0]: moved.astype(np.float32), names[1]: quat_mul(turn, quat).astype(np.float32)}


def _check_same_body(first: HumanMotion | RobotMotion, second: HumanMotion | RobotMotion) -> None:
    if isinstance(first, HumanMotion) and isinstance(second, HumanMotion):
        a, b = first.skeleton, second.skeleton
        same = a.joints == b.joints and np.array_equal(a.parents, b.parents)
        if not (same and np.allclose(a.offsets, b.offsets, atol=1e-3)):
            raise SkeletonMismatch(
                f"The skeletons {a.name!r} and {b.name!r} are not the same body; cannot join."
            )
    elif isinstance(first, RobotMotion) and isinstance(second, RobotMotion):
        if first.robot != second.robot or first.joints != second.joints:
            raise SkeletonMismatch(
                f"Cannot join motions of {first.robot!r} and {second.robot!r}: not one robot."
            )
    else:
        raise SkeletonMismatch("Cannot join a human's motion and a robot's.")


def _at(motion: Motion, at: Float[np.ndarray, "time"]) -> Motion:
    """The clip at fractional frame numbers, which lie inside it; whole numbers give exact copies."""
    near = np.round(at)
    at = np.where(np.abs(at - near) < 1e-6, near, at)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, motion.frames - 1)
    arrays = arrays_of(motion)
    return with_arrays(motion, mixed(motion, rows(arrays, below), rows(arrays, above), at - below))
