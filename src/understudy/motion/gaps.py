"""Ways across gaps: what a joint did in frames that are not trusted, from the trusted ones on both sides.

Values are local rotations, (time, joint, 4), or local places, (time, joint, 3). Both are handled as vectors from the
trusted frame before the gap (rad in that frame's axes; m), and the two nearest frames on either side give a cubic.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from understudy.rotations import quat_conj, quat_from_rotvec, quat_mul, quat_to_rotvec

Values = Float[np.ndarray, "time joint dim"]
Frames = Int[np.ndarray, "entry"]

FURTHEST = 2
"""Frames over which a speed is carried on where a gap has one side only; beyond, the pose is held."""
WINDS, HALFWAY = 1.0, np.deg2rad(165.0)
"""Turns (rad) that may as well have been made the other way round: from one frame to the next, and across a gap."""


@dataclass(frozen=True)
class Trust:
    """For each frame and joint, the last trusted frame before it (-1: none) and the first after it (time: none)."""

    before: Int[np.ndarray, "time joint"]
    after: Int[np.ndarray, "time joint"]


def trust(trusted: Bool[np.ndarray, "time joint"]) -> Trust:
    """Look up the trusted neighbours of every frame once, for many gaps."""
    frames = len(trusted)
    own = np.arange(frames)[:, None]
    before, after = np.full(trusted.shape, -1), np.full(trusted.shape, frames)
    before[1:] = np.maximum.accumulate(np.where(trusted, own, -1), axis=0)[:-1]
    after[:-1] = np.minimum.accumulate(np.where(trusted, own, frames)[::-1], axis=0)[::-1][1:]
    return Trust(before, after)


@dataclass(frozen=True)
class Gaps:
    """Gaps of single joints, each with three trusted frames before it and three after it, in order of time.

    ``times`` are their frame numbers counted from the first frame of the gap, ``points`` their values as vectors from
    ``base``. Beyond the ends of the clip, where nothing is ``known``, frames are made up that go on evenly.
    """

    base: Float[np.ndarray, "entry dim"]
    times: Float[np.ndarray, "entry 6"]
    points: Float[np.ndarray, "entry 6 3"]
    known: Bool[np.ndarray, "entry 6"]


def gaps(values: Values, near: Trust, first: Frames, last: Frames, joint: Frames) -> Gaps:
    """The surroundings of the gaps from frame ``first`` to frame ``last`` of ``joint``, one each."""
    frames = len(values)
    b1, a1 = near.before[first, joint], near.after[last, joint]
    b2 = near.before[np.maximum(b1, 0), joint]
    b3 = near.before[np.maximum(b2, 0), joint]
    a2 = near.after[np.minimum(a1, frames - 1), joint]
    a3 = near.after[np.minimum(a2, frames - 1), joint]
    at = np.stack([b3, b2, b1, a1, a2, a3], axis=1)
    known = (at >= 0) & (at < frames)
    base = values[np.clip(np.where(known[:, 2], b1, a1), 0, frames - 1), joint]
    points = vector(base[:, None], values[np.clip(at, 0, frames - 1), joint[:, None]])
    times = (at - first[:, None]).astype(np.float64)
    if values.shape[-1] == 4:
        _unwind(times, points)
    if not known.all():
        for side, beyond in (((3, 2, 1, 0), np.full(len(at), -1.0)), ((2, 3, 4, 5), last - first + 1.0)):
            _carry_on(times, points, known, side, beyond)
    return Gaps(base, times, points, known)


def _unwind(times: np.ndarray, points: np.ndarray) -> None:
    """Let rotation vectors go on past half a turn where the joint did, in place."""
    points[:, 0] = unwound(points[:, 0], points[:, 1])
    # Across the gap the shorter way is the likely one, unless both are about as long: then the speed decides.
    reach = (times[:, 3] - times[:, 2]) / np.maximum(times[:, 2] - times[:, 1], 1.0)
    points[:, 3] = unwound(points[:, 3], -reach[:, None] * points[:, 1], HALFWAY)
    points[:, 4] = unwound(points[:, 4], points[:, 3])
    points[:, 5] = unwound(points[:, 5], points[:, 4])


def _carry_on(
    times: np.ndarray, points: np.ndarray, known: np.ndarray, side: tuple[int, ...], beyond: np.ndarray
) -> None:
    """Make up what the clip does not have on one side of its gaps, in place: evenly on, from the last two frames.

    ``side`` names the nearest frame on the other side and then those on this one, outwards; ``beyond`` is the frame
    next to the gap, for gaps that have nothing on this side.
    """
    outwards = 1.0 if side[1] > side[0] else -1.0
    behind = side[0] - int(outwards)
    for last, k in pairwise(side):
        lost = ~known[:, k]
        span = times[lost, last] - times[lost, behind]
        speed = (points[lost, last] - points[lost, behind]) / np.where(span == 0, np.inf, span)[:, None]
        times[lost, k] = np.where(last == side[0], beyond[lost], times[lost, last] + outwards)
        reach = np.clip(times[lost, k] - times[lost, last], -FURTHEST, FURTHEST)
        points[lost, k] = points[lost, last] + reach[:, None] * speed
        behind = last


def across(gap: Gaps, at: Float[np.ndarray, "entry n"]) -> Float[np.ndarray, "entry n 3"]:
    """The cubic through the two nearest frames on either side, at times counted from the first frame of the gap."""
    weights = np.ones((*at.shape, 4))
    for i in range(4):
        for k in range(4):
            if k != i:
                own, other = gap.times[:, 1 + i, None], gap.times[:, 1 + k, None]
                weights[..., i] *= (at - other) / (own - other)
    return weights @ gap.points[:, 1:5]


def bend(gap: Gaps) -> Float[np.ndarray, "entry"]:
    """The strongest acceleration (rad or m per frame²) on either side of the gap and on the way across it.

    Large where the joint is lively, and where what lies on the two sides does not belong to one motion.
    """
    t, x = gap.times, gap.points
    sides = [_parabola(t[:, i : i + 3], x[:, i : i + 3]) for i in (0, 3)]
    way = [_cubic(t[:, 1:5], x[:, 1:5], t[:, i]) for i in (2, 3)]
    return np.max([*sides, *way], axis=0)


def _parabola(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Size of the second derivative of the parabola through three points."""
    speed = np.diff(x, axis=1) / np.diff(t, axis=1)[..., None]
    return length(speed[:, 1] - speed[:, 0]) * 2.0 / (t[:, 2] - t[:, 0])


def _cubic(t: np.ndarray, x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Size of the second derivative at a time, of the cubic through four points."""
    total = np.zeros_like(x[:, 0])
    for i in range(4):
        others = np.delete(t, i, axis=1)
        weight = (6 * at - 2 * others.sum(axis=1)) / np.prod(t[:, i, None] - others, axis=1)
        total += weight[:, None] * x[:, i]
    return length(total)


def vector(base: np.ndarray, value: np.ndarray) -> np.ndarray:
    """From one value to another: a rotation vector in the first one's axes (rad), or a difference (m)."""
    return quat_to_rotvec(quat_mul(quat_conj(base), value)) if base.shape[-1] == 4 else value - base


def moved(base: np.ndarray, by: np.ndarray) -> np.ndarray:
    """The inverse of ``vector``: the value that lies so far from ``base``."""
    return quat_mul(base, quat_from_rotvec(by)) if base.shape[-1] == 4 else base + by


def unwound(turn: np.ndarray, towards: np.ndarray, above: float = WINDS) -> np.ndarray:
    """Of the two rotation vectors that mean the same turn, one the shorter way and one the longer, the nearer one.

    Turns of less than ``above`` (rad) stay as they are.
    """
    angle = length(turn)[..., None]
    other = turn * (1.0 - 2 * np.pi / np.maximum(angle, 1e-9))
    nearer = length(other - towards) < length(turn - towards)
    return np.where((angle > above) & nearer[..., None], other, turn)


def length(v: np.ndarray) -> np.ndarray:
    """Euclidean, over the last axis."""
    return np.sqrt(np.einsum("...i,...i", v, v))
