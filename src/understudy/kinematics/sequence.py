"""Fit a whole clip at once: Levenberg–Marquardt on the true cost, each step one banded Cholesky factorisation.

Penalties stand for the constraints and stiffen from stage to stage, so that the path finds its way first and its
exactness after. Frames are damped one by one: where a step makes things worse, only that stretch is held back.

Long clips are solved in windows. Each begins with two frames that the window before has settled and ends with frames
that the next one settles, so that no seam shows and time and memory grow with the clip alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import SolverFailed
from understudy.kinematics.kernels import sequence as kernels
from understudy.kinematics.kernels.arrays import Course, Problem, Targets

_NEIGHBOURS = 8
"""Frames to each side over which a frame's own success is judged: what smoothness makes one frame share with others."""
_LONGEST = 0.5
"""No entry of a step is longer than this (m or rad)."""
_ROWS = 24
"""Contacts near a step for which there is room, a frame."""
_ROUNDS = 4
"""How often a step may find that it breaks other constraints than it reckoned with."""
_TIED = 2
"""Frames before a window that its first ones depend on."""


@dataclass(frozen=True)
class Stage:
    """How stiff the penalties are (contacts 1/m², limits and speeds 1/rad²), and for how many steps at most."""

    contact: float
    limit: float
    speed: float
    iterations: int


@dataclass(frozen=True)
class Trajectory:
    """Poses of a clip: root position m, root orientation, joints rad; float64."""

    root_pos: Float[np.ndarray, "time 3"]
    root_quat: Float[np.ndarray, "time 4"]
    q: Float[np.ndarray, "time dof"]

    def __getitem__(self, frames: slice) -> "Trajectory":
        """Some of the frames, as views."""
        return Trajectory(self.root_pos[frames], self.root_quat[frames], self.q[frames])

    def copy(self) -> "Trajectory":
        """The same poses in arrays of their own."""
        return Trajectory(self.root_pos.copy(), self.root_quat.copy(), self.q.copy())

    def put(self, frames: slice, other: "Trajectory") -> None:
        """Overwrite some of the frames."""
        self.root_pos[frames], self.root_quat[frames], self.q[frames] = (
            other.root_pos,
            other.root_quat,
            other.q,
        )


def fit_sequence(
    problem: Problem,
    targets: Targets,
    course: Course,
    start: Trajectory,
    stages: Sequence[Stage],
    *,
    tolerance: float = 1e-3,
    window: int = 600,
    overlap: int = 60,
) -> tuple[Trajectory, int]:
    """Improve a trajectory of any length; the result, and the most steps that a window took.

    ``window`` and ``overlap`` count frames: each window is solved that far beyond what it keeps. A stage ends when a
    step lowers the cost by less than ``tolerance`` of it. Raises SolverFailed where the normal equations are singular.
    """
    made, frames, steps, done = start.copy(), len(start.q), 0, 0
    while done < frames:
        # A short rest joins the last window.
        end = frames if frames - done <= window + overlap else done + window + overlap
        fixed = min(done, _TIED)
        part = slice(done - fixed, end)
        fitted, took = fit_window(
            problem, _cut(targets, part), _cut_course(course, part), made[part], fixed, stages, tolerance
        )
        made.put(part, fitted)
        done, steps = (frames if end == frames else end - overlap), max(steps, took)
    return made, steps


def _cut(targets: Targets, part: slice) -> Targets:
    return Targets(*(array[part] for array in targets))


def _cut_course(course: Course, part: slice) -> Course:
    return course._replace(gain=course.gain[part], rest=course.rest[part], most_step=course.most_step[part])


def fit_window(
    problem: Problem,
    targets: Targets,
    course: Course,
    start: Trajectory,
    fixed: int,
    stages: Sequence[Stage],
    tolerance: float,
    log=None,
) -> tuple[Trajectory, int]:
    """Improve one window through all stages; its first ``fixed`` frames stay. The trajectory, and the steps taken."""
    frames, dofs = start.q.shape
    n = 6 + dofs
    size = (frames - fixed) * n
    here, trial = start.copy(), start.copy()
    band, work = np.empty((size, 2 * n + 1)), np.empty((size, 2 * n + 1))
    gradient, slope, step = np.empty(size), np.empty(size), np.zeros(size)
    cost, trial_cost = np.zeros(frames), np.zeros(frames)
    rows = _ROWS * frames
    walls = kernels.Walls(np.zeros(frames + 1, np.int64), np.zeros(rows), np.zeros((rows, n)))
    damping = np.full(frames - fixed, 1e-3)
    steps = 0
    for stage in stages:
        course = course._replace(
            contact_stiffness=stage.contact, limit_stiffness=stage.limit, speed_stiffness=stage.speed
        )

        def assemble(at: Trajectory, cost: np.ndarray, course: Course = course) -> float:
            return kernels.assemble(
                problem, targets, course, at.root_pos, at.root_quat, at.q, fixed, walls, band, gradient, cost
            )

        total = assemble(here, cost)
        for _ in range(stage.iterations):
            steps += 1
            step[:] = 0.0
            broken = -1
            rounds=0
            for _ in range(_ROUNDS):
                kernels.damp(band, gradient, damping, n, work, slope)
                before, broken = broken, kernels.penalise(problem, course, here.q, fixed, walls, step, work, slope)
                if broken == before:
                    break
                rounds+=1
                step = _solve(work, slope)
            kernels.advance(
                step,
                fixed,
                _LONGEST,
                here.root_pos,
                here.root_quat,
                here.q,
                trial.root_pos,
                trial.root_quat,
                trial.q,
            )
            new = assemble(trial, trial_cost)
            worse = _worse(cost, trial_cost)[fixed:]
            if log is not None:
                log(stage, total, new, damping, worse, np.abs(step).max(), rounds)
            if new < total:
                here, trial, cost, trial_cost = trial, here, trial_cost, cost
                finished, total = total - new < tolerance * total, new
                damping = np.clip(np.where(worse, 4.0 * damping, 0.2 * damping), 1e-7, 1e7)
                if finished:
                    break
            else:
                if damping.min() > 1e5:
                    break
                back = worse | (not worse.any())
                damping = np.where(back, np.maximum(10.0 * damping, 1e-3), damping)
                assemble(here, cost)
    return here, steps


def _solve(band: Float[np.ndarray, "size width"], gradient: Float[np.ndarray, "size"]) -> np.ndarray:
    """−H⁻¹ g by banded Cholesky; ``band`` is overwritten."""
    from scipy.linalg import get_lapack_funcs

    factorise, substitute = get_lapack_funcs(("pbtrf", "pbtrs"), (band,))
    factor, info = factorise(band.T, lower=1, overwrite_ab=1)
    if info:
        raise SolverFailed("The normal equations of the clip are not positive definite.")
    step, _ = substitute(factor, -gradient, lower=1, overwrite_b=1)
    return step


def _worse(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Frames about which the cost has risen."""
    sums = np.concatenate([[0.0], np.cumsum(after - before)])
    at = np.arange(len(before))
    return sums[np.minimum(at + _NEIGHBOURS + 1, len(before))] - sums[np.maximum(at - _NEIGHBOURS, 0)] > 0.0
