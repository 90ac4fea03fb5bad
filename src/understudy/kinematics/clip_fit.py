"""Fit a clip of robot poses to landmark targets: the kernels' front door, and their fallback."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import daqp
import numpy as np
from jaxtyping import Float, Int

from understudy.errors import SolverFailed
from understudy.kinematics.kernels import arrays, fit
from understudy.kinematics.kernels import step as fit_step
from understudy.kinematics.kernels.arrays import LandmarkArrays, Problem, Targets
from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot
from understudy.rotations import quat_normalize, quat_to_matrix

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClipFit:
    """Poses of a clip. ``cost`` is what the solver could not remove, ``iterations`` what it took,
    ``fallbacks`` the number of frames that needed the second solver."""

    root_pos: Float[np.ndarray, "time 3"]
    root_quat: Float[np.ndarray, "time 4"]
    joint_pos: Float[np.ndarray, "time dof"]
    cost: Float[np.ndarray, "time"]
    iterations: Int[np.ndarray, "time"]
    fallbacks: int


def landmark_arrays(robot: Robot, tree: Tree) -> LandmarkArrays:
    """A robot's landmarks for the kernels, all of them, in the robot's order."""
    marks = robot.landmarks
    return LandmarkArrays(
        tree.body_link[marks.carriers].astype(np.int64),
        np.ascontiguousarray(marks.pos, np.float64),
        np.ascontiguousarray(quat_to_matrix(quat_normalize(marks.quat.astype(np.float64)))),
    )


def limbs_of(robot: Robot, tree: Tree) -> Int[np.ndarray, "dof"]:
    """Which limb each joint belongs to: the arms and legs that end in wrist and ankle landmarks; −1 for the trunk."""
    marks = landmark_arrays(robot, tree).link
    ends = [f"{side}_{part}" for part in ("ankle", "wrist") for side in SIDES]
    chains = [
        _joints_above(tree, int(marks[robot.landmarks.index(e)])) for e in ends if e in robot.landmarks.names
    ]
    limbs = np.full(len(tree.lower), -1, np.int64)
    for k, chain in enumerate(chains):
        shared = set().union(*(other for other in chains if other is not chain))
        limbs[sorted(chain - shared)] = k
    return limbs


def _joints_above(tree: Tree, link: int) -> set[int]:
    joints = set()
    while link > 0:
        if tree.dof[link] >= 0:
            joints.add(int(tree.dof[link]))
        link = int(tree.parents[link])
    return joints


def fit_clip(
    problem: Problem, targets: Targets, seeds: Float[np.ndarray, "seed dof"], limbs: Int[np.ndarray, "dof"]
) -> ClipFit:
    """Solve a clip frame by frame; the first frame from every seed, limb by limb (``limbs_of``), the best kept.

    A frame whose QP the kernels' own solver finds degenerate is solved with DAQP. Raises SolverFailed where that
    fails too.
    """
    announce_compilation()
    frames, dofs = len(targets.pos), len(problem.lower)
    root_pos, root_quat, q = np.empty((frames, 3)), np.empty((frames, 4)), np.empty((frames, dofs))
    cost, iterations = np.empty(frames), np.zeros(frames, np.int64)
    done, fallbacks = 0, 0
    while done < frames:
        done = fit.fit_clip(problem, targets, seeds, limbs, done, root_pos, root_quat, q, cost, iterations)
        if done < frames:
            _solve_frame_with_daqp(problem, targets, seeds, done, root_pos, root_quat, q, cost, iterations)
            done, fallbacks = done + 1, fallbacks + 1
    return ClipFit(root_pos, root_quat, q, cost, iterations, fallbacks)


def announce_compilation() -> None:
    """Say once that the kernels are being compiled, when no cached compilation exists."""
    kernel = fit.fit_clip
    cache = kernel.stats.cache_path
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    if not kernel.signatures and not (cache and any(Path(cache).glob(f"fit.fit_clip*.{python}*.nbi"))):
        log.warning("Compiling the solver's kernels for this machine, once; this takes a minute or two.")


def _solve_frame_with_daqp(p: Problem, targets, seeds, t, root_pos, root_quat, q, cost, iterations) -> None:
    """One frame by the same Levenberg–Marquardt loop, its QPs solved by DAQP with the slacks as variables."""
    state, step = arrays.new_state(p), arrays.new_step(p)
    lower, upper = p.lower.copy(), p.upper.copy()
    before, weight, budget = seeds[0], 0.0, p.settings.first_iterations
    if t > 0:
        before, weight, budget = q[t - 1], p.posture.velocity_weight, p.settings.iterations
        fit.box_of_frame(p, targets, t, before, lower, upper)
    state.root_pos[:], state.root_quat[:], state.q[:] = targets.root_pos[t], targets.root_quat[t], before
    now = fit.evaluate(p, state, targets, t, before, weight)
    damping = max(p.settings.damping, 1e-4)
    for k in range(budget):
        fit_step.remember(state, step)
        fit.linearise(p, state, step, targets, t, before, weight, lower, upper)
        diagonal = np.diag(step.hessian).copy()
        np.fill_diagonal(step.hessian, diagonal + damping * (diagonal + 0.1))
        step.count[0], step.chosen[:], step.rate[:] = 0, False, 0.0
        fit_step.choose_rows(p.tree, state.contacts, p.held, step, np.inf)
        step.v[:] = _daqp(step, 1.0 / p.settings.stiffness)
        iterations[t] = k + 1
        fit_step.advance(state, step, lower, upper)
        trial = fit.evaluate(p, state, targets, t, before, weight)
        if trial < now:
            now, damping = trial, 0.2 * damping
            continue
        fit_step.withdraw(state, step)
        fit.evaluate(p, state, targets, t, before, weight)
        if damping > 1e5:
            break
        damping = max(8.0 * damping, 1e-3)
    root_pos[t], root_quat[t], q[t], cost[t] = state.root_pos, state.root_quat, state.q, now


def _daqp(step, softness: float) -> np.ndarray:
    n, m = len(step.gradient), int(step.count[0])
    hessian = np.zeros((n + m, n + m))
    hessian[:n, :n] = np.tril(step.hessian) + np.tril(step.hessian, -1).T
    # The slacks are scaled by √softness, so that their part of the Hessian is the identity.
    hessian[n:, n:] = np.eye(m)
    constraints = np.hstack([step.rows[:m], np.sqrt(softness) * np.eye(m)])
    big = np.full(m, 1e30)
    x, _, flag, _ = daqp.solve(
        hessian,
        np.concatenate([step.gradient, np.zeros(m)]),
        np.ascontiguousarray(constraints),
        np.concatenate([step.upper, big, big]),
        np.concatenate([step.lower, -big, step.b[:m]]),
        np.zeros(n + 2 * m, np.int32),
    )
    if flag < 1:
        raise SolverFailed(f"Neither QP solver found a step (DAQP's exit flag is {flag}).")
    return x[:n]
