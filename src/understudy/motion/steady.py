"""A clip that does not tremble: white noise of the capture is taken out, the body's own motion is left.

What a joint does is split into octaves of frequency by Whittaker's smoother, each octave keeping its phase. In each
one the noise of the capture is as strong as its width tells, so whatever is not stronger than that around a frame is
noise there and goes, and what is far stronger is motion and stays (Wiener's gain, from the local energy). A kick in
the middle of a quiet stance keeps its edge, and the stance is quiet.
"""

from dataclasses import replace
from functools import lru_cache
from math import comb

import numpy as np
from jaxtyping import Float

from understudy.motion.gaps import Values, length
from understudy.motion.jumps import SAMPLES, median
from understudy.motion.local import Bones, Turns, local_poses, world_poses
from understudy.motion.types import HumanMotion
from understudy.rotations import quat_continuous, quat_normalize

PerJoint = Float[np.ndarray, "joint"]

SHORTEST = 24
"""Frames below which noise cannot be told from motion."""
DIFFERENCES = 5
"""Order of the differences in time that leave noise and hardly any motion."""
TREMBLE_TURN = (np.deg2rad(0.4), np.deg2rad(0.6))
"""Noise (rad, along each axis) of most joints in a trembling clip: the first, plus the second times (30 / fps)^1.5.

Clean captures stay below 0.64° at 30 frames a second, and below 0.15° at 120.
"""
TREMBLE_PLACE = (0.002, 0.0025)
"""The same for places (m); clean captures stay below 3 mm and 0.9 mm."""
GAUSS = 0.6745
"""Median of the size of a normal variable of unit deviation."""
ALONE = 4.0
"""A joint trembles for itself with so many times that noise; in a trembling clip, with its inverse."""
DOUBT = 1.7
"""How much stronger than expected noise may be around a frame, by chance."""
SLOWEST = 1.0
"""Frequency (Hz) below which everything is motion."""
STRETCH = 128
"""Frames smoothed at a time."""
FIXED = 0.002
"""A bone that is mostly within this (m) of one place is rigid."""


def steady(human: HumanMotion) -> HumanMotion:
    """The clip with the trembling of its joints taken out; the same object if it does not tremble.

    World orientations and places are judged and smoothed each by itself. Rigid bones stay rigid; where bones tremble,
    too, the places of their ends are smoothed in the world.
    """
    if human.frames < SHORTEST:
        return human
    turn, place = noise(human.quat), noise(human.pos)
    scale = (30.0 / human.fps) ** 1.5
    turning = _trembling(turn, TREMBLE_TURN[0] + TREMBLE_TURN[1] * scale)
    moving = _trembling(place, TREMBLE_PLACE[0] + TREMBLE_PLACE[1] * scale)
    if not (turning.any() or moving.any()):
        return human
    quat, pos = quat_continuous(human.quat.astype(np.float64)), human.pos.astype(np.float64)
    slowest = 2 * np.pi * SLOWEST / human.fps
    # A quaternion moves by half the angle.
    quat[:, turning] = quat_normalize(_calmed(quat[:, turning], turn[turning] / 2, slowest))
    pos[:, moving] = _calmed(pos[:, moving], place[moving], slowest)
    pos = _on_rigid_bones(human, pos, quat)
    origin = human.origin.after(
        "motion.steady",
        joints=int((turning | moving).sum()),
        noise_deg=round(float(np.rad2deg(np.median(turn))), 3),
        noise_mm=round(float(1000 * np.median(place)), 3),
    )
    return replace(human, pos=pos, quat=quat, origin=origin)


def noise(values: Values) -> PerJoint:
    """Standard deviation (rad or m) of the white noise along each of three axes, of orientations or of places.

    From the differences of fifth order of at most ``SAMPLES`` moments; robust against faults of a moment.
    """
    weights = np.array([comb(DIFFERENCES, k) * (-1.0) ** k for k in range(DIFFERENCES + 1)])
    first = np.linspace(0, len(values) - len(weights), min(SAMPLES, len(values) - DIFFERENCES)).astype(int)
    moments = values[first[:, None] + np.arange(len(weights))].astype(np.float64)
    if values.shape[-1] == 4:
        moments *= 2 * np.where(np.einsum("ntji,nji->ntj", moments, moments[:, 0]) < 0, -1, 1)[..., None]
    left = np.abs(np.einsum("t,ntji->nji", weights, moments)) / np.linalg.norm(weights)
    return length(np.median(left, axis=0) / GAUSS) / np.sqrt(3.0)


def _trembling(strength: PerJoint, least: float) -> np.ndarray:
    """Which joints to calm: in a clip of which most tremble, all but the quiet ones; else those that stand out."""
    return strength > (least / ALONE if np.median(strength) > least else least * ALONE)


def _calmed(values: Values, strength: PerJoint, slowest: float) -> Values:
    """The motion in values with so much white noise (along each of three axes); octaves down to ``slowest`` (rad per
    frame) are looked at.
    """
    kept, above, calmed = np.ones_like(_FREQUENCIES), values, np.zeros_like(values)
    octave = 2.0
    while octave > slowest:
        stiffness = octave**-6.0
        below, passed = (
            _smoothed(values, stiffness),
            1 / (1 + stiffness * (2 * np.sin(_FREQUENCIES / 2)) ** 6),
        )
        band, share = above - below, float(np.mean((kept - passed) ** 2))
        energy = _around(np.einsum("tji,tji->tj", band, band), max(1, round(np.pi / octave)))
        gain = np.maximum(0.0, 1.0 - DOUBT * 3 * share * strength**2 / np.maximum(energy, 1e-30))
        calmed += gain[..., None] * band
        above, kept, octave = below, passed, octave / 2
    return calmed + above


_FREQUENCIES = (np.arange(2048) + 0.5) * np.pi / 2048


def _smoothed(values: Values, stiffness: float) -> Values:
    """Whittaker's smoother: nearest to the values, with ``stiffness`` times its squared third differences.

    A frame feels nothing from far away, so long clips are smoothed in stretches that see enough of their surroundings;
    all see as many frames, so one matrix does for all.
    """
    frames = len(values)
    margin = 4 + int(np.ceil(8 * stiffness ** (1 / 6)))
    window = min(frames, STRETCH + 2 * margin)
    smoother = _smoother(window, stiffness)
    columns = values.reshape(frames, -1).astype(np.float32)
    result = np.empty(columns.shape)
    for start in range(0, frames, STRETCH):
        end = min(start + STRETCH, frames)
        left = min(max(start - margin, 0), frames - window)
        result[start:end] = smoother[start - left : end - left] @ columns[left : left + window]
    return result.reshape(values.shape)


@lru_cache(maxsize=32)
def _smoother(window: int, stiffness: float) -> Float[np.ndarray, "window window"]:
    third = np.diff(np.eye(window), 3, axis=0)
    # Single precision is exact to a thousandth of a millimetre, and twice as quick.
    return np.linalg.inv(np.eye(window) + stiffness * third.T @ third).astype(np.float32)


def _around(energy: Float[np.ndarray, "time joint"], reach: int) -> Float[np.ndarray, "time joint"]:
    """Mean over so many frames on both sides, as far as there are any."""
    total = np.concatenate([np.zeros((1, energy.shape[1])), np.cumsum(energy, axis=0)])
    at = np.arange(len(energy))
    first, last = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(energy))
    return (total[last] - total[first]) / (last - first)[:, None]


def _on_rigid_bones(human: HumanMotion, pos: Bones, quat: Turns) -> Bones:
    """Places once more, for joints on rigid bones: from the parent's, along the bone."""
    given, _ = local_poses(human)
    typical = median(given)
    rigid = median(length(given - typical)) < FIXED
    rigid[0] = False
    bones, turns = local_poses(replace(human, pos=pos, quat=quat))
    bones[:, rigid] = typical[rigid]
    placed, _ = world_poses(human.skeleton, bones, turns)
    return placed
