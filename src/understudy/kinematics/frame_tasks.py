"""Differential inverse kinematics on frame tasks: a clip solved frame by frame, each from where the last one ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import daqp
import numpy as np
from jaxtyping import Float, Int

from understudy.errors import SolverFailed
from understudy.kinematics.kernels import frame_tasks as kernels
from understudy.kinematics.tree import TreeArrays
from understudy.rotations import quat_normalize, quat_to_matrix


class FrameTasks(NamedTuple):
    """Points of links whose poses are asked for, and what a mistake costs: its square weighs with the weight's."""

    link: np.ndarray  # (task,) int64
    point: np.ndarray  # (task, 3) m, in the link's frame
    target: np.ndarray  # (task,) int64: which of the targets is meant
    position: np.ndarray  # (task,) 1/m
    rotation: np.ndarray  # (task,) 1/rad


@dataclass(frozen=True)
class StepRule:
    """How a stage is iterated. ``damping`` always acts on every direction; a stage ends when a step lowers the norm of
    all errors (m and rad, stacked, without weights) by ``least`` or less, or after ``most`` steps; a joint goes at most
    the part ``gain`` of its way to a limit in one step."""

    damping: float
    least: float
    most: int
    gain: float


@dataclass(frozen=True)
class FrameFit:
    """Poses of a clip, and how many steps each frame took."""

    root_pos: Float[np.ndarray, "time 3"]
    root_quat: Float[np.ndarray, "time 4"]
    joint_pos: Float[np.ndarray, "time dof"]
    steps: Int[np.ndarray, "time"]


@dataclass(frozen=True)
class Pose:
    """Where a clip starts from: root position (m), root quaternion (wxyz) and joints (rad)."""

    root_pos: Float[np.ndarray, "3"]
    root_quat: Float[np.ndarray, "4"]
    joint_pos: Float[np.ndarray, "dof"]


def solve_clip(
    tree: TreeArrays,
    stages: Sequence[FrameTasks],
    target_pos: Float[np.ndarray, "time target 3"],
    target_quat: Float[np.ndarray, "time target 4"],
    lower: Float[np.ndarray, "dof"],
    upper: Float[np.ndarray, "dof"],
    start: Pose,
    rule: StepRule,
) -> FrameFit:
    """Follow the targets (world, m, wxyz) through all stages in every frame. Joint limits (rad) are the only bound.

    Each step solves  min ½ ‖W (J v + e)‖² + ½ (damping + Σ ‖W e‖²) ‖v‖²  with DAQP, as mink's frame tasks do with a
    Levenberg–Marquardt damping of 1. Raises SolverFailed where DAQP finds no step.
    """
    frames, dofs = len(target_pos), len(lower)
    target_rot = quat_to_matrix(quat_normalize(target_quat))
    pose = start.root_pos.astype(float), start.root_quat.astype(float), start.joint_pos.astype(float)
    fit = FrameFit(
        np.empty((frames, 3)), np.empty((frames, 4)), np.empty((frames, dofs)), np.zeros(frames, np.int64)
    )
    for t in range(frames):
        for tasks in stages:
            goal = target_pos[t, tasks.target], target_rot[t, tasks.target]
            fit.steps[t] += _solve_stage(tree, tasks, *goal, lower, upper, pose, rule)
        fit.root_pos[t], fit.root_quat[t], fit.joint_pos[t] = pose
    return fit


def _solve_stage(tree, tasks, goal_pos, goal_rot, lower, upper, pose, rule: StepRule) -> int:
    """Steps of one stage, made to ``pose`` in place; returns their number."""
    links, n = len(tree.parents), 6 + len(lower)
    pos, rot, e = np.empty((links, 3)), np.empty((links, 3, 3)), np.empty((len(tasks.link), 6))
    hessian, gradient = np.empty((n, n)), np.empty(n)
    root_pos, root_quat, q = pose
    now = kernels.errors(tree, tasks, goal_pos, goal_rot, root_pos, root_quat, q, pos, rot, e)
    for step in range(1, rule.most + 1):
        kernels.linearise(tree, tasks, pos, rot, e, rule.damping, hessian, gradient)
        kernels.advance(_step(hessian, gradient, lower, upper, q, rule.gain), root_pos, root_quat, q)
        before = now
        now = kernels.errors(tree, tasks, goal_pos, goal_rot, root_pos, root_quat, q, pos, rot, e)
        if not before - now > rule.least:
            return step
    return rule.most


def _step(hessian, gradient, lower, upper, q, gain: float) -> np.ndarray:
    n = len(gradient)
    least, most = np.full(n, -1e30), np.full(n, 1e30)
    least[6:], most[6:] = gain * (lower - q), gain * (upper - q)
    x, _, flag, _ = daqp.solve(
        np.tril(hessian) + np.tril(hessian, -1).T,
        gradient.copy(),
        np.empty((0, n)),
        most,
        least,
        np.zeros(n, np.int32),
    )
    if flag < 1:
        raise SolverFailed(f"DAQP found no step of differential inverse kinematics (exit flag {flag}).")
    return x
