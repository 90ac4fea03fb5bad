"""Fit a whole clip at once: Levenberg–Marquardt on the true cost, each step one banded Cholesky factorisation.

Penalties stand for the constraints and stiffen from stage to stage, so that the path finds its way first and its
exactness after. Frames are damped one by one: where a step makes things worse, only that stretch is held back.

Long clips are solved in windows. Each begins with two frames that the window before has settled and ends with frames
that the next one settles, so that no seam shows and time and memory grow with the clip alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from threadpoolctl import ThreadpoolController

from understudy.errors import SolverFailed
from understudy.kinematics.kernels import sequence as kernels
from understudy.kinematics.kernels.arrays import Course, Problem, Targets

_NEIGHBOURS = 8
"""Frames to each side over which a frame's own success is judged: what smoothness makes one frame share with others."""
_LONGEST = 0.5
"""No entry of a step is longer than this (m or rad)."""
_ROWS = 48
"""Contacts for which each frame has room; half of it is for those that are broken already."""
_ROUNDS = 3
"""How often a step may find that it breaks other constraints than it reckoned with."""
_STIFFER = (4.0, 16.0)
"""Factors on the last stage's contact stiffness, for windows in which contacts stay broken."""
_NOTHING = 1e-5
"""A frame that costs less than this is as good as free: a joint of weight 5 that is 2 mrad off."""
_FROZEN = 1e12
"""Damping under which a frame does not move."""
_LEFT = 0.0005
"""How much of the margin (m) a contact may take up for good."""
TIED = 2
"""Frames before a window that its first ones depend on, and after it that depend on its last."""


TOLERANCE = 1e-3
"""A stage ends when a step lowers the cost by less than this part of it."""


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


def windows(fps: float) -> dict[str, int]:
    """Windows of twenty seconds that look two seconds ahead, in frames, for ``fit_sequence``."""
    return {"window": round(20.0 * fps), "overlap": round(2.0 * fps)}


def fit_sequence(
    problem: Problem,
    targets: Targets,
    course: Course,
    start: Trajectory,
    stages: Sequence[Stage],
    *,
    tolerance: float = TOLERANCE,
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
        fixed = min(done, TIED)
        part = slice(done - fixed, end)
        fitted, took = fit_window(problem, *cut(targets, course, part), made[part], fixed, stages, tolerance)
        made.put(part, fitted)
        done, steps = (frames if end == frames else end - overlap), max(steps, took)
    return made, steps


def cut(targets: Targets, course: Course, part: slice) -> tuple[Targets, Course]:
    """Both for some of the frames."""
    over_time = ("gain", "rest", "bend", "most_step", "support", "balance")
    fewer = {name: getattr(course, name)[part] for name in over_time}
    return Targets(*(array[part] for array in targets)), course._replace(**fewer)


def fit_window(
    problem: Problem,
    targets: Targets,
    course: Course,
    start: Trajectory,
    fixed: int,
    stages: Sequence[Stage],
    tolerance: float,
    kept: int = 0,
) -> tuple[Trajectory, int]:
    """Improve one window through all stages; its first ``fixed`` frames and last ``kept`` ones stay.

    Returns the trajectory, and the steps taken.
    """
    here, window, steps = start, _Window(problem, targets, course, start, fixed, kept), 0
    with _blas().limit(limits=1, user_api="blas"):
        for k, stage in enumerate((*stages, *_stiffer(stages[-1]))):
            if k >= len(stages) and not window.broken():
                break
            window.harden(stage)
            here, took = _descend(window, here, stage.iterations, tolerance)
            steps += took
    return here, steps


@cache
def _blas() -> ThreadpoolController:
    """LAPACK's threads: narrow bands keep one busy, and several wait for each other ten times longer than they work."""
    import scipy.linalg  # noqa: F401  (what is not loaded cannot be limited)

    return ThreadpoolController()


def _descend(
    window: "_Window", here: Trajectory, iterations: int, tolerance: float
) -> tuple[Trajectory, int]:
    """Levenberg–Marquardt with a damping of its own for every frame."""
    damping, last = np.full(len(here.q) - window.fixed, 1e-3), len(here.q) - window.fixed - window.kept
    cost = window.assemble(here)
    window.accept()
    for done in range(1, iterations + 1):
        damping[last:] = _FROZEN
        trial = window.moved(here, window.step(here, damping))
        trial_cost = window.assemble(trial)
        worse = _worse(cost, trial_cost)[window.fixed :]
        gain = cost.sum() - trial_cost.sum()
        if gain >= 0.0:
            here, cost = trial, trial_cost
            window.accept()
            if gain < tolerance * (cost.sum() + _NOTHING * len(cost)):
                return here, done
            damping = np.clip(np.where(worse, 4.0 * damping, 0.2 * damping), 1e-7, 1e7)
        else:
            if damping[:last].min() > 1e5:
                return here, done
            back = worse | (not worse.any())
            damping = np.where(back, np.maximum(10.0 * damping, 1e-3), damping)
    return here, iterations


class _Equations(NamedTuple):
    """The normal equations at one trajectory, without its constraints, and the contacts near it."""

    band: Float[np.ndarray, "size width"]
    gradient: Float[np.ndarray, "size"]
    walls: kernels.Walls

    @classmethod
    def room(cls, frames: int, fixed: int, n: int) -> "_Equations":
        size, rows = (frames - fixed) * n, _ROWS * frames
        walls = kernels.Walls(np.zeros(frames + 1, np.int64), np.zeros(rows), np.zeros((rows, n)))
        return cls(np.empty((size, 2 * n + 1)), np.empty(size), walls)


class _Window:
    """The normal equations of one window, where it is and where it tries to go, in memory that all steps share."""

    def __init__(
        self, problem: Problem, targets: Targets, course: Course, start: Trajectory, fixed: int, kept: int
    ):
        self.problem, self.targets, self.course = problem, targets, course
        self.fixed, self.kept = fixed, kept
        self.n = 6 + start.q.shape[1]
        self.here, self.there = (_Equations.room(len(start.q), fixed, self.n) for _ in range(2))
        # Steps need not be exact, for the true cost decides; single precision makes them in half the time.
        self.work = np.empty(self.here.band.shape, np.float32)
        self.slope = np.empty_like(self.here.gradient)

    def harden(self, stage: Stage) -> None:
        """Set the stiffness of all penalties."""
        self.course = self.course._replace(
            contact_stiffness=stage.contact, limit_stiffness=stage.limit, speed_stiffness=stage.speed
        )

    def assemble(self, at: Trajectory) -> Float[np.ndarray, "time"]:
        """Each frame's share of the cost of a trajectory, whose equations are kept aside until it is accepted."""
        cost, (band, gradient, walls) = np.empty(len(at.q)), self.there
        kernels.assemble(
            self.problem,
            self.targets,
            self.course,
            at.root_pos,
            at.root_quat,
            at.q,
            self.fixed,
            walls,
            band,
            gradient,
            cost,
        )
        return cost

    def accept(self) -> None:
        """Go on from the trajectory that was assembled last."""
        self.here, self.there = self.there, self.here

    def step(self, at: Trajectory, damping: Float[np.ndarray, "time"]) -> Float[np.ndarray, "size"]:
        """The damped step from the accepted trajectory ``at``.

        Solved again while it breaks other constraints than it reckoned with.
        """
        step, known = np.zeros(len(self.slope)), -1
        for _ in range(_ROUNDS):
            broken = self._reckon(at, damping, step, self.work)
            if broken == known:
                break
            known, found = broken, _solve(self.work, self.slope)
            if found is None:
                double = np.empty_like(self.here.band)
                self._reckon(at, damping, step, double)
                found = _solve(double, self.slope)
            if found is None:
                raise SolverFailed("The normal equations of the clip are not positive definite.")
            step = found
        return step

    def _reckon(self, at: Trajectory, damping: np.ndarray, step: np.ndarray, band: np.ndarray) -> int:
        """The damped equations with the constraints that ``step`` would break, and a number that tells them apart."""
        kernels.damp(self.here.band, self.here.gradient, damping, self.n, band, self.slope)
        walls = self.here.walls
        return kernels.penalise(self.problem, self.course, at.q, self.fixed, walls, step, band, self.slope)

    def moved(self, at: Trajectory, step: Float[np.ndarray, "size"]) -> Trajectory:
        """The trajectory a step further."""
        return Trajectory(*kernels.advance(step, self.fixed, _LONGEST, at.root_pos, at.root_quat, at.q))

    def broken(self) -> bool:
        """Whether a contact of the accepted trajectory is deeper than its penalty should leave it."""
        walls = self.here.walls
        return bool((walls.distance[: walls.begin[-1]] < -_LEFT).any())


def _stiffer(stage: Stage) -> tuple[Stage, ...]:
    """Stages for what the last one left broken."""
    return tuple(replace(stage, contact=k * stage.contact) for k in _STIFFER)


def _solve(band: Float[np.ndarray, "size width"], gradient: Float[np.ndarray, "size"]) -> np.ndarray | None:
    """−H⁻¹ g by banded Cholesky in the band's own precision, None where H is not positive definite in it; ``band`` is
    overwritten."""
    from scipy.linalg import get_lapack_funcs

    factorise, substitute = get_lapack_funcs(("pbtrf", "pbtrs"), (band,))
    factor, info = factorise(band.T, lower=1, overwrite_ab=1)
    if info:
        return None
    step, _ = substitute(factor, -gradient.astype(band.dtype), lower=1, overwrite_b=1)
    return step.astype(np.float64)


def _worse(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Frames about which the cost has risen."""
    sums = np.concatenate([[0.0], np.cumsum(after - before)])
    at = np.arange(len(before))
    return sums[np.minimum(at + _NEIGHBOURS + 1, len(before))] - sums[np.maximum(at - _NEIGHBOURS, 0)] > 0.0
