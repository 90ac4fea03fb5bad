"""Feet that stand are asked to stand still: flat, level with the floor, in one place, for as long as the human's do.

Captured feet tremble, slide and sink by millimetres to centimetres while they stand. A robot would repeat that, so
each stance is replaced by one placement, and what that changes is faded out before and after.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from understudy.rotations import (
    quat_about,
    quat_apply,
    quat_conj,
    quat_from_rotvec,
    quat_mul,
    quat_to_rotvec,
    quat_yaw,
)

WINDOW = 0.1
"""Seconds over which speeds are measured: longer than marker noise, shorter than a step."""
SLOW = 0.25
"""Leg lengths a second below which a foot stands."""
LOW = 0.07
"""Leg lengths above its resting height that a standing foot may be."""
FLAT = 0.85
"""Cosine of the angle to the vertical beyond which a foot does not stand: someone lies, or does a handstand."""
SHORTEST = 0.12
"""A stance lasts at least so long, s."""
SPLIT = 0.05
"""A foot that moves farther than this (leg lengths) while it stands has been set down anew."""
FADE = 0.15
"""Seconds before and after a stance over which its correction is faded."""


@dataclass(frozen=True)
class Foot:
    """One foot of the human, at the robot's size, and where the robot's is asked to be: positions m, world frame."""

    ankle: Float[np.ndarray, "time 3"]
    ball: Float[np.ndarray, "time 3"]
    target_pos: Float[np.ndarray, "time 3"]
    target_quat: Float[np.ndarray, "time 4"]


def plant(foot: Foot, fps: float, leg: float, level: float) -> Foot:
    """The foot with every stance held still.

    ``leg`` is the leg length (m), ``level`` the height of the robot's ankle when its sole lies on the floor (m). A
    stance near the floor is put on it; one that is clearly higher, on a step or a box, keeps its mean height.
    """
    frames, runs = len(foot.ankle), list(_stances(foot, fps, leg))
    heading = quat_yaw(foot.target_quat)
    weight, yaw, place = np.zeros((frames, 1)), heading.copy(), foot.target_pos.copy()
    for k, (a, b) in enumerate(runs):
        # Fades end half-way to the neighbouring stances, so that no two overlap.
        before = min(round(FADE * fps), (a - (runs[k - 1][1] if k else 0)) // 2)
        after = min(round(FADE * fps), ((runs[k + 1][0] if k + 1 < len(runs) else frames) - b) // 2)
        near = slice(a - before, b + after)
        weight[near, 0] = np.concatenate([_rise(before), np.ones(b - a), _rise(after)[::-1]])
        yaw[near] = np.angle(np.exp(1j * heading[a:b]).sum())
        place[near] = foot.target_pos[a:b].mean(axis=0)
        if abs(place[a, 2] - level) < LOW * leg:
            place[near, 2] = level
    flat = quat_to_rotvec(quat_mul(quat_about("z", yaw), quat_conj(foot.target_quat)))
    quat = quat_mul(quat_from_rotvec(weight * flat), foot.target_quat)
    return Foot(foot.ankle, foot.ball, foot.target_pos + weight * (place - foot.target_pos), quat)


def _rise(frames: int) -> Float[np.ndarray, "time"]:
    """From just above 0 to just below 1, smoothly."""
    u = (np.arange(frames) + 1.0) / (frames + 1.0)
    return u * u * (3.0 - 2.0 * u)


def _stances(foot: Foot, fps: float, leg: float) -> Iterator[tuple[int, int]]:
    """First frame and frame after the last of every stance, in order."""
    up = quat_apply(foot.target_quat, np.array([0.0, 0.0, 1.0]))[:, 2]
    standing = _is_standing(foot.ankle, fps, leg) & _is_standing(foot.ball, fps, leg) & (up > FLAT)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], standing, [False]]).astype(np.int8)))
    for a, b in edges.reshape(-1, 2):
        yield from _split(foot.ankle, int(a), int(b), max(2, round(SHORTEST * fps)), SPLIT * leg)


def _is_standing(point: Float[np.ndarray, "time 3"], fps: float, leg: float) -> Bool[np.ndarray, "time"]:
    """Whether a point of the foot is slow, and as low as where it usually rests."""
    half = max(1, round(0.5 * WINDOW * fps))
    at = np.arange(len(point))
    ahead, behind = np.minimum(at + half, len(point) - 1), np.maximum(at - half, 0)
    way = np.linalg.norm(point[ahead] - point[behind], axis=-1)
    slow = way * fps < SLOW * leg * np.maximum(ahead - behind, 1)
    if not slow.any():
        return slow
    rest = np.quantile(point[slow, 2], 0.2)
    return slow & (point[:, 2] < rest + LOW * leg)


def _split(
    point: Float[np.ndarray, "time 3"], a: int, b: int, shortest: int, reach: float
) -> Iterator[tuple[int, int]]:
    """Cut a stance in two, again and again, where the foot does not stay in one place, with room to step over."""
    if b - a < shortest:
        return
    away = np.linalg.norm(point[a:b, :2] - np.median(point[a:b, :2], axis=0), axis=-1)
    if away.max() <= reach:
        yield a, b
        return
    middle, room = (a + b) // 2, shortest // 2 + 1
    yield from _split(point, a, middle - room, shortest, reach)
    yield from _split(point, middle + room, b, shortest, reach)
