"""Feet that stand are asked to stand still: the part of the robot's sole that carries stays in one place on the floor.

Captured feet tremble, slide and sink by millimetres to centimetres while they stand, and a robot would repeat that.
So every *episode*, an unbroken run of contact of toe or heel, is planned as what a rigid sole can do on a floor: it
lies flat, rolls over its front edge (heel up) or its rear edge (toe up), as far as the human's foot pitches, and turns
about the ball. Rolling decides how the ankle moves; only where the episode happens, and its heading, are the human's,
and they move no more than they must to stay near. Between episodes feet follow the human, and what the plan changed is
faded out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from understudy.rotations import (
    quat_about,
    quat_apply,
    quat_conj,
    quat_from_rotvec,
    quat_mul,
    quat_to_euler,
    quat_to_rotvec,
)

FADE = 0.15
"""Seconds before and after an episode over which what it changed is faded."""
FREE = 0.15
"""Seconds from lying flat until the sole pitches as much as the human's foot does."""
RELEASE = 0.07
"""Seconds before and after an episode over which the hold is let go."""
BRIDGE = 0.12
"""A foot that is off the floor for less than this (s), and comes back to its place, was not."""
SHORTEST = 0.10
"""Seconds: shorter episodes are none."""
REACH = 0.05
"""Leg lengths by which a standing foot may be away from where the human's is, along x and along y."""
TURN = 0.15
"""Radians by which it may be turned away."""
SETTLE = 0.10
"""Seconds over which a foot that must move while it stands begins and ends to do so."""
LOW = 0.12
"""Leg lengths: a foot that stands this much higher than the floor stands on something else."""
UPRIGHT = 0.35
"""Radians of roll within which a foot tells how high it stands; on its side, the ankle is higher."""
LEVEL = 0.6
"""Radians: a human's foot that is pitched more than this does not lie flat, whatever touches the floor."""
STEEP, ASLANT = 1.3, 0.9
"""Radians of pitch and of roll beyond which a foot does not stand on its sole: someone kneels or lies."""


@dataclass(frozen=True)
class Sole:
    """A robot's sole in the frame of its ankle landmark (m): all corners, and the points that it turns about."""

    corners: Float[np.ndarray, "corner 3"]
    front: Float[np.ndarray, "3"]
    ball: Float[np.ndarray, "3"]
    rear: Float[np.ndarray, "3"]

    @classmethod
    def of(cls, corners: Float[np.ndarray, "corner 3"], ball: float) -> "Sole":
        """From its corners; ``ball`` is how far the ball of the foot lies ahead of the ankle (m)."""
        x, bottom = corners[:, 0], corners[:, 2].min()
        ends = (
            np.array([end, corners[np.abs(x - end) < 1e-3, 1].mean(), bottom]) for end in (x.max(), x.min())
        )
        front, rear = ends
        return cls(corners, front, np.array([ball, 0.5 * (front[1] + rear[1]), bottom]), rear)


@dataclass(frozen=True)
class Footing:
    """Where a robot's ankle is asked to be (world, m, wxyz), and how firmly: ``hold`` is 1 in contact, else 0."""

    pos: Float[np.ndarray, "time 3"]
    quat: Float[np.ndarray, "time 4"]
    hold: Float[np.ndarray, "time"]


def plant(
    pos: Float[np.ndarray, "time 3"],
    quat: Float[np.ndarray, "time 4"],
    toe: Bool[np.ndarray, "time"],
    heel: Bool[np.ndarray, "time"],
    sole: Sole,
    fps: float,
    leg: float,
) -> Footing:
    """A foot whose contacts are kept: whatever part of the sole is on the floor stays where it is.

    ``pos`` and ``quat`` are the ankle as the human has it, at the robot's size; ``toe`` and ``heel`` when that part of
    the human's foot touches the floor; ``leg`` the robot's leg length (m). An episode near the floor is put on it; one
    that is clearly higher, on a step or a box, keeps its height. A foot that moves far while it stands slides after the
    human's, as little as it can.
    """
    yaw, roll, pitch = np.moveaxis(quat_to_euler("zxy", quat), -1, 0)
    stands = (toe | heel) & (np.abs(roll) < ASLANT) & (np.abs(pitch) < STEEP)
    runs = _episodes(stands, pos, round(BRIDGE * fps), max(2, round(SHORTEST * fps)), REACH * leg)
    if not runs:
        return Footing(pos, quat, np.zeros(len(pos)))
    at = np.flatnonzero(stands)
    seen = (pos[at, 0], pos[at, 1], np.unwrap(yaw[at]), pitch[at])
    x, y, yaw, pitch = (np.interp(np.arange(len(pos)), at, values) for values in seen)
    flat = stands & toe & heel & (np.abs(pitch) < LEVEL)
    for a, b in runs:
        yaw[a:b] = _calm(_least_moving(yaw[a:b], TURN), fps)
    pitch = _pitch(pitch, stands & toe, stands & heel, flat, fps)
    turn = quat_mul(quat_about("z", yaw), quat_about("y", pitch))
    planned = _rolled(turn, pitch, sole)
    for a, b in runs:
        for k, track in enumerate((x, y)):
            away = track[a:b] - planned[a:b, k]
            planned[a:b, k] += _calm(_least_moving(away, REACH * leg), fps)
    height, upright = pos[:, 2] + _lowest(quat, sole), np.abs(roll) < UPRIGHT
    for a, b in runs:
        seen = height[a:b][upright[a:b]]
        if len(seen) and _middle(seen) > LOW * leg:
            planned[a:b, 2] += _middle(seen)
    change = np.concatenate([planned - pos, quat_to_rotvec(quat_mul(turn, quat_conj(quat)))], axis=-1)
    change = _faded(change, runs, fps)
    turned = quat_mul(quat_from_rotvec(change[:, 3:]), quat)
    return Footing(pos + change[:, :3], turned, _hold(len(pos), runs, fps))


def _episodes(
    stands: Bool[np.ndarray, "time"],
    pos: Float[np.ndarray, "time 3"],
    bridge: int,
    shortest: int,
    reach: float,
) -> list[tuple[int, int]]:
    """First frame and frame after the last of every episode, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], stands, [False]]).astype(np.int8)))
    merged: list[tuple[int, int]] = []
    for a, b in edges.reshape(-1, 2).tolist():
        last = merged[-1][1] if merged else -bridge
        if a - last < bridge and np.linalg.norm(pos[a] - pos[last - 1]) < reach:
            merged[-1] = (merged[-1][0], b)
        else:
            merged.append((a, b))
    return [(a, b) for a, b in merged if b - a >= shortest]


def _pitch(
    pitch: Float[np.ndarray, "time"],
    toe: Bool[np.ndarray, "time"],
    heel: Bool[np.ndarray, "time"],
    flat: Bool[np.ndarray, "time"],
    fps: float,
) -> Float[np.ndarray, "time"]:
    """The sole's pitch (rad, heel up is positive): none where the foot is flat, the human's further away in time.

    On the toes the heel is not below the floor, on the heel not the toes; from one to the other the sole passes
    through lying flat.
    """
    pitch = np.where(toe & ~heel, np.maximum(pitch, 0.0), pitch)
    pitch = np.where(heel & ~toe, np.minimum(pitch, 0.0), pitch)
    still = flat | (pitch == 0.0)
    still[1:] |= pitch[1:] * pitch[:-1] < 0
    at = np.flatnonzero(still)
    if not len(at):
        return pitch
    now = np.arange(len(pitch))
    after = np.minimum(np.searchsorted(at, now), len(at) - 1)
    away = np.minimum(np.abs(now - at[after]), np.abs(now - at[np.maximum(after - 1, 0)]))
    return _smooth_step(away / (FREE * fps)) * pitch


def _rolled(
    turn: Float[np.ndarray, "time 4"], pitch: Float[np.ndarray, "time"], sole: Sole
) -> Float[np.ndarray, "time 3"]:
    """The way of the ankle (m) of a sole that rolls and turns on the floor without slipping, from the origin on."""
    lean = (pitch[1:] + pitch[:-1])[:, None]
    pivot = np.where(lean > 0, sole.front, np.where(lean < 0, sole.rear, sole.ball))
    pos = np.zeros((len(turn), 3))
    pos[1:] = np.cumsum(quat_apply(turn[:-1], pivot) - quat_apply(turn[1:], pivot), axis=0)
    pos[:, 2] = -_lowest(turn, sole)
    return pos


def _lowest(quat: Float[np.ndarray, "time 4"], sole: Sole) -> Float[np.ndarray, "time"]:
    """Height (m) of the sole's lowest corner over the ankle."""
    up = quat_apply(quat_conj(quat), np.array([0.0, 0.0, 1.0]))
    return (up @ sole.corners.T).min(axis=1)


def _least_moving(path: Float[np.ndarray, "time"], reach: float) -> Float[np.ndarray, "time"]:
    """The track that moves least of all that stay within ``reach`` of a path: still, until it would be left behind.

    A path that stays within twice the reach is answered by one constant, in its middle.
    """
    low, high = path - reach, path + reach
    floor, ceiling = np.maximum.accumulate(low), np.minimum.accumulate(high)
    together = int(np.searchsorted(floor - ceiling > 0, True))
    out = np.empty_like(path)
    if together == len(path):
        out[:] = min(max(_middle(path), floor[-1]), ceiling[-1])
        return out
    # It waits where it will be needed, then is drawn along by whichever bound reaches it.
    here = ceiling[together - 1] if low[together] > ceiling[together - 1] else floor[together - 1]
    out[:together] = here
    for k in range(together, len(path)):
        here = min(max(here, low[k]), high[k])
        out[k] = here
    return out


def _middle(values: Float[np.ndarray, "n"]) -> float:
    """The median, or the upper of the two (``np.median`` takes ten times as long on a stance)."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


def _calm(path: Float[np.ndarray, "time"], fps: float) -> Float[np.ndarray, "time"]:
    """Begins and ends of movement made gentle; what is constant stays so."""
    half = max(1, round(0.5 * SETTLE * fps))
    if path.min() == path.max():
        return path
    weights = np.hanning(2 * half + 3)[1:-1]
    padded = np.concatenate([np.full(half, path[0]), path, np.full(half, path[-1])])
    return np.convolve(padded, weights / weights.sum(), mode="valid")


def _faded(
    change: Float[np.ndarray, "time n"], runs: list[tuple[int, int]], fps: float
) -> Float[np.ndarray, "time n"]:
    """What episodes change, carried on smoothly before and after them until it is nothing, or the next one's."""
    frames, fade, reach = len(change), round(FADE * fps), max(1, round(fps / 30))
    out, nothing = np.zeros_like(change), np.zeros(change.shape[1])
    for a, b in runs:
        out[a:b] = change[a:b]
    for (_, a), (b, _) in zip([(0, 0), *runs], [*runs, (frames, frames)], strict=True):
        first = (change[a - 1], _slope(change, a - 1, -reach)) if a else None
        last = (change[b], _slope(change, b, reach)) if b < frames else None
        if first and last and b - a <= 2 * fade:
            out[a:b] = _bridge(*first, *last, b - a)
            continue
        if first:
            n = min(fade, frames - a)
            out[a : a + n] = _bridge(*first, nothing, nothing, n)
        if last:
            n = min(fade, b)
            out[b - n : b] = _bridge(nothing, nothing, *last, n)
    return out


def _slope(change: np.ndarray, at: int, inwards: int) -> np.ndarray:
    """Change a frame at the end of an episode, over so many frames of its own."""
    return (change[at + inwards] - change[at]) / inwards


def _bridge(p: np.ndarray, v: np.ndarray, q: np.ndarray, w: np.ndarray, frames: int) -> np.ndarray:
    """``frames`` points between p and q that leave with v and arrive with w (a frame): a cubic."""
    u = ((np.arange(frames) + 1.0) / (frames + 1.0))[:, None]
    v, w = v * (frames + 1), w * (frames + 1)
    s = u * u * (3 - 2 * u)
    return p + s * (q - p) + u * (1 - u) * ((1 - u) * v - u * w)


def _hold(frames: int, runs: list[tuple[int, int]], fps: float) -> Float[np.ndarray, "time"]:
    """1 in every episode, falling to 0 on both sides."""
    hold, most = np.zeros(frames), int(RELEASE * fps)
    edge = 1.0 - _smooth_step(np.arange(1, most + 1) / (RELEASE * fps))
    for a, b in runs:
        hold[a:b] = 1.0
        before, after = hold[max(0, a - most) : a], hold[b : b + most]
        np.maximum(before, edge[: len(before)][::-1], out=before)
        np.maximum(after, edge[: len(after)], out=after)
    return hold


def _smooth_step(u: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
    """From 0 at 0 to 1 at 1 and beyond, without corners."""
    u = np.clip(u, 0.0, 1.0)
    return u * u * (3.0 - 2.0 * u)
