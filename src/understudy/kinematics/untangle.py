"""A way out where limbs have passed through each other: put them apart and let the fit come from the right side.

Two capsules whose axes have crossed push each other further through. No penalty, however stiff, undoes that, because
the nearest way out is the wrong one. At rest the limbs are on their own sides.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from understudy.kinematics.kernels.arrays import Course, Problem, Targets
from understudy.kinematics.kernels.capsules import clip_clearances
from understudy.kinematics.sequence import TIED, TOLERANCE, Stage, Trajectory, cut, fit_window

TOUCH = 0.0005
"""Bodies that overlap by more than this (m) are tangled."""
AROUND = 12
"""Frames before and after a tangle over which limbs are led to rest and back."""
ROOM = 45
"""Frames before and after a tangle that are fitted again; all others stay."""
TRIES = 2


def untangle(
    problem: Problem,
    targets: Targets,
    course: Course,
    made: Trajectory,
    rest: Float[np.ndarray, "dof"],
    limbs: Int[np.ndarray, "dof"],
    stages: Sequence[Stage],
) -> tuple[Trajectory, int]:
    """The trajectory, fitted again from a start at ``rest`` where bodies overlap; and in how many frames they still do.

    Only the limbs that touch are led to rest (``limbs[j]`` is joint j's, −1 the trunk's, which stays).
    """
    tangled, pair = _tangled(problem, made)
    for k in range(TRIES):
        if not tangled.any():
            break
        start = _led_to_rest(problem, made, tangled, pair, rest, limbs, AROUND * (k + 1))
        again = made.copy()
        for a, b in _stretches(tangled, ROOM):
            fixed, kept = min(a, TIED), min(len(tangled) - b, TIED)
            part = slice(a - fixed, b + kept)
            fitted, _ = fit_window(
                problem, *cut(targets, course, part), start[part], fixed, stages, TOLERANCE, kept
            )
            again.put(part, fitted)
        still, where = _tangled(problem, again)
        if still.sum() < tangled.sum():
            made, tangled, pair = again, still, where
    return made, int(tangled.sum())


def _stretches(marked: Bool[np.ndarray, "time"], room: int) -> list[tuple[int, int]]:
    """First frame and frame after the last of every stretch within ``room`` of a marked frame."""
    edges = np.concatenate([[0], np.cumsum(marked)])
    at = np.arange(len(marked))
    near = edges[np.minimum(at + room + 1, len(marked))] > edges[np.maximum(at - room, 0)]
    ends = np.flatnonzero(np.diff(np.concatenate([[False], near, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in ends.reshape(-1, 2)]


def _tangled(problem: Problem, at: Trajectory) -> tuple[Bool[np.ndarray, "time"], Int[np.ndarray, "time"]]:
    """Frames in which bodies overlap, and the pair that does so most."""
    if not len(problem.capsules.pairs):
        return np.zeros(len(at.q), dtype=bool), np.zeros(len(at.q), np.int64)
    nearest, pair, _ = clip_clearances(problem.tree, problem.capsules, at.root_pos, at.root_quat, at.q)
    return nearest < -TOUCH, pair


def _led_to_rest(
    problem: Problem,
    made: Trajectory,
    tangled: Bool[np.ndarray, "time"],
    pair: Int[np.ndarray, "time"],
    rest: Float[np.ndarray, "dof"],
    limbs: Int[np.ndarray, "dof"],
    around: int,
) -> Trajectory:
    """The trajectory with the limbs that touch at rest, smoothly before and after, in the frames that are tangled."""
    weight = np.zeros((len(made.q), 2 + int(limbs.max())))
    links = problem.capsules.link[problem.capsules.pairs[pair[tangled]]]
    away = np.abs(np.arange(len(made.q))[:, None] - np.flatnonzero(tangled))
    bump = 0.5 + 0.5 * np.cos(np.pi * np.clip(away - around / 2, 0, around) / around)
    for column, touching in zip(bump.T, links, strict=True):
        for link in touching:
            limb = _limb(problem, int(link), limbs)
            weight[:, limb + 1] = np.maximum(weight[:, limb + 1], column)
    weight[:, 0] = 0.0
    w = weight[:, limbs + 1]
    return Trajectory(made.root_pos, made.root_quat, (1.0 - w) * made.q + w * rest)


def _limb(problem: Problem, link: int, limbs: Int[np.ndarray, "dof"]) -> int:
    """The limb that a link belongs to; −1 for the trunk."""
    tree = problem.tree
    while link > 0 and tree.dof[link] < 0:
        link = int(tree.parents[link])
    return int(limbs[tree.dof[link]]) if link > 0 else -1
