"""Whether a limb that has been moved breaks a barrier.

Shapes are placed once for a limb and then, at each trial pose, those that it moves. How far the ends of a shape have
really gone tells which pairs cannot have met, and most need no distance.
"""

from typing import NamedTuple

import numpy as np

from understudy.kinematics.kernels.capsules import segment_distance
from understudy.kinematics.kernels.jit import part
from understudy.kinematics.kernels.live_assembly import place_shapes
from understudy.kinematics.kernels.spatial import transform

_NEARLY = 0.9
_STILL = 1e-9
"""m², by which a true barrier may fall short: rounding."""


class LiveEnds(NamedTuple):
    """World ends of all shapes: where the limb is, and at a trial pose of it."""

    start: np.ndarray  # (shape, 3) m
    end: np.ndarray  # (shape, 3) m
    trial_start: np.ndarray  # (shape, 3) m
    trial_end: np.ndarray  # (shape, 3) m
    way: np.ndarray  # (shape,) m: no point of the shape has gone farther to the trial pose
    moved: np.ndarray  # (shape,) int64: which the limb moves
    count: np.ndarray  # (2,) int64: how many of them; the pair that was last found broken, looked at first
    near: np.ndarray  # (2, 3) m, scratch


@part
def place_ends(limbs, k, barriers, pose):
    """The ends of all shapes for limb k at a pose."""
    n = len(barriers.link)
    ends = LiveEnds(
        np.empty((n, 3)), np.empty((n, 3)), np.empty((n, 3)), np.empty((n, 3)), np.zeros(n), np.empty(n, np.int64),
        np.zeros(2, np.int64), np.empty((2, 3)),
    )  # fmt: skip
    place_shapes(barriers, pose, ends.start, ends.end)
    for s in range(n):
        for c in range(3):
            ends.trial_start[s, c], ends.trial_end[s, c] = ends.start[s, c], ends.end[s, c]
        for a in range(limbs.count[k, 0]):
            if limbs.moves[k, a, barriers.link[s]]:
                ends.moved[ends.count[0]] = s
                ends.count[0] += 1
                break
    return ends


@part
def move_ends(barriers, trial, ends):
    """Place the limb's shapes at the trial pose. A point between two ends goes no farther than one of them."""
    for m in range(ends.count[0]):
        s = ends.moved[m]
        i = barriers.link[s]
        transform(trial.pos, trial.rot, i, barriers.start, s, ends.trial_start, s)
        transform(trial.pos, trial.rot, i, barriers.end, s, ends.trial_end, s)
        first = second = 0.0
        for c in range(3):
            first += (ends.trial_start[s, c] - ends.start[s, c]) ** 2
            second += (ends.trial_end[s, c] - ends.end[s, c]) ** 2
        ends.way[s] = np.sqrt(max(first, second))


@part
def safe(limbs, k, barriers, qp, trial, depth, ends):
    """Whether no barrier is broken at the trial pose. Where some are broken before, the deepest (``depth``, m, below
    zero) may not become deeper, and others come near to its depth: what leaves one body may have to brush another."""
    move_ends(barriers, trial, ends)
    total, first = limbs.count[k, 3], ends.count[1]
    x1, x2 = ends.near[0], ends.near[1]
    for i in range(total):
        m = i + first if i + first < total else i + first - total
        p = limbs.pairs[k, m]
        a, b = barriers.pair[p, 0], barriers.pair[p, 1]
        if qp.gap[m] > ends.way[a] + ends.way[b]:
            continue
        allowed = barriers.reach[p] + min(qp.gap[m], _NEARLY * depth)
        apart = segment_distance(ends.trial_start, ends.trial_end, a, b, x1, x2)
        if apart * apart < allowed * allowed - _STILL:
            ends.count[1] = m
            return False
    return True
