"""Jumps in and out again: moments at which one joint is not where the frames on both sides say.

A run of frames is a fault if it leaves the smooth way across it too suddenly to be believed, and comes back as
suddenly. What is believed follows the joint's acceleration in the trusted frames around, so that a kick may be as
sudden as kicks are.
"""

import numpy as np
from jaxtyping import Bool, Float

from understudy.motion.gaps import (
    Frames,
    Gaps,
    Trust,
    Values,
    across,
    bend,
    gaps,
    length,
    trust,
    unwound,
    vector,
)
from understudy.rotations import quat_continuous

Faults = Bool[np.ndarray, "time joint"]
PerJoint = Float[np.ndarray, "joint"]

LONGEST = 6
"""Frames that a fault lasts at most."""
TIMES = 2.0
"""How many times the acceleration (per frame²) in the frames around it a jump must be, beside the least amount."""
AROUND = 3
"""Trusted frames on either side that a run is judged by."""
ROUNDS = 4
"""Times that a clip is looked through; what one round finds is not trusted in the next."""
SAMPLES = 300
"""Frames from which a median is taken."""
WIDEST = 2 * LONGEST
"""Frames between trusted ones across which nothing is judged any more."""
LOOSELY = 0.3
"""How much of what an acceleration could do in a gap is believed of a frame that is suspected already."""


def jumps(values: Values, wrong: Faults, least: float) -> Faults:
    """Runs of up to six frames that no smooth way leads into and out of; ``least`` is the smallest jump (rad or m).

    Frames known to be ``wrong`` are not trusted and not reported again. What lies between two faults can look like
    one itself, so the clearest come first, and the others are judged without them.
    """
    rough = _roughness(values)
    usual = median(rough)
    sharp = rough > np.maximum(0.8 * least, TIMES * usual)
    # What comes out of calm is sharper by far than what went before.
    sudden = rough > least + 0.8 * TIMES * np.concatenate([rough[:1], rough[:-1]])
    found = np.zeros_like(wrong)
    for _ in range(ROUNDS):
        known = wrong | found
        edges = sharp & ~known
        edges[3:] &= sudden[3:] | known[:-3] | known[1:-2] | known[2:-1]
        first, last, joint, score = _runs(values, trust(~known), edges, usual, least)
        if not len(first):
            break
        found |= _clearest(wrong.shape, first, last, joint, score)
    return found


def astray(values: Values, wrong: Faults, suspect: Faults, least: float) -> Faults:
    """Which suspected values lie off the way across all that is wrong or suspected; far less is needed than alone."""
    near = trust(~(suspect | wrong))
    frame, joint = np.nonzero(suspect & ~wrong)
    gap = gaps(values, near, frame, frame, joint)
    way = across(gap, np.zeros((len(frame), 1)))[:, 0]
    off = length(unwound(vector(gap.base, values[frame, joint]), way) - way)
    span = gap.times[:, 3] - gap.times[:, 2]
    bad = (
        gap.known[:, 2:4].all(axis=1)
        & (span <= WIDEST)
        & (off > least + bend(gap) * np.maximum(LOOSELY * span**2 / 8, 0.5))
    )
    found = np.zeros_like(wrong)
    found[frame[bad], joint[bad]] = True
    return found


def median(values: np.ndarray) -> np.ndarray:
    """Over time; of at most about ``SAMPLES`` frames, which is as good and quicker."""
    return np.median(values[:: max(1, len(values) // SAMPLES)], axis=0)


def _roughness(values: Values) -> Float[np.ndarray, "time joint"]:
    """Size of the second difference (rad or m per frame²) that ends at each frame."""
    rough = np.zeros(values.shape[:2])
    if values.shape[-1] == 4:
        q = values
        if (np.einsum("tji,tji->tj", q[1:], q[:-1]) < 0).any():
            q = quat_continuous(q)
        second = q[2:] - 2 * q[1:-1] + q[:-2]
        # What points off the sphere is no turn.
        second -= np.einsum("tji,tji->tj", second, q[1:-1])[..., None] * q[1:-1]
        rough[2:] = 2 * length(second)
    else:
        rough[2:] = length(values[2:] - 2 * values[1:-1] + values[:-2])
    rough[1] = rough[2]
    return rough


def _runs(
    values: Values, near: Trust, edges: Faults, usual: PerJoint, least: float
) -> tuple[Frames, Frames, Frames, Float[np.ndarray, "entry"]]:
    """From every frame that may be the first of a fault, the run that the frames around it disown most clearly.

    First frame, last frame, joint, and how many times the jump is what would still be believed; more than once.
    """
    first, joint = np.nonzero(edges)
    score, last = np.zeros(len(first)), first.copy()
    for count in range(1, LONGEST + 1):
        fits = np.flatnonzero(first + count < len(values))
        if not len(fits):
            break
        start, j = first[fits], joint[fits]
        gap = gaps(values, near, start, start + count - 1, j)
        run = start[:, None] + np.arange(count)
        jump = _jump(gap, vector(gap.base[:, None], values[run, j[:, None]]))
        ratio = jump / (least + TIMES * np.maximum(bend(gap), usual[j]))
        # Next to the ends of the clip no more than a spike is believed.
        judged = gap.known[:, 1:5] if count > 1 else gap.known[:, 2:4]
        ratio[~judged.all(axis=1) | (gap.times[:, 3] - gap.times[:, 2] > LONGEST + 2)] = 0.0
        better = ratio > np.maximum(1.0, score[fits])
        score[fits[better]], last[fits[better]] = ratio[better], start[better] + count - 1
    found = score > 1.0
    return first[found], last[found], joint[found], score[found]


def _jump(gap: Gaps, there: Float[np.ndarray, "entry n 3"]) -> Float[np.ndarray, "entry"]:
    """How suddenly what was recorded in a gap leaves the way across it, and comes back: the least of all signs of it.

    These are the distances of the first and the last frame from the way, and from going evenly on from before and from
    after. A longer run must also stop as suddenly as it began: what swings out and back is a movement.
    """
    way = across(gap, np.tile(np.arange(float(there.shape[1])), (len(there), 1)))
    there = unwound(there, way)
    off = there - way
    t, x = gap.times[..., None], gap.points
    before = (x[:, 2] - x[:, 1]) / (t[:, 2] - t[:, 1])
    after = (x[:, 4] - x[:, 3]) / (t[:, 4] - t[:, 3])
    signs = [
        off[:, 0],
        off[:, -1],
        there[:, 0] - x[:, 2] + t[:, 2] * before,
        there[:, -1] - x[:, 3] + (t[:, 3] - there.shape[1] + 1) * after,
    ]
    if there.shape[1] > 2:
        signs += [off[:, 1] - 2 * off[:, 0], off[:, -2] - 2 * off[:, -1]]
    return np.min([length(sign) for sign in signs], axis=0)


def _clearest(
    shape: tuple[int, ...], first: Frames, last: Frames, joint: Frames, score: Float[np.ndarray, "entry"]
) -> Faults:
    """The frames of those runs that overlap no clearer run, nor the frames that it is judged by."""
    steps = np.arange(-AROUND, LONGEST + AROUND)
    run = first[:, None] + steps
    within = run <= last[:, None] + AROUND
    column = np.broadcast_to(joint[:, None], run.shape)
    around = np.clip(run, 0, shape[0] - 1)
    best, found = np.zeros(shape), np.zeros(shape, dtype=bool)
    np.maximum.at(best, (around[within], column[within]), np.broadcast_to(score[:, None], run.shape)[within])
    kept = np.where(within, best[around, column], 0.0).max(axis=1) <= score
    inside = (run <= last[:, None]) & (steps >= 0) & kept[:, None]
    found[run[inside], column[inside]] = True
    return found
