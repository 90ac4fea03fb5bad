"""What the kernels of live inverse kinematics work on: limbs, tasks, barriers, and the QP of one limb.

The tangent is that of ``normal_equations``: root velocity and angular velocity in the world, then joint rates.
"""

from typing import NamedTuple

import numpy as np

NONE, LINEAR, TRUE = 0, 1, 2
"""Certificates: none at all, on the linear prediction (Eq. 13–15), on forward kinematics at the candidate."""

CERTIFIED, ARRIVED, FALLBACK, HELD = 0, 1, 2, 3
"""How a step was chosen: certified; the goal is reached and stays so; none certified, and the safe step of the least
error taken; none certified, and the limb stays."""


class LiveLimbs(NamedTuple):
    """Parts of the body that are solved one by one. Rows are padded; ``count`` says how much of them is meant."""

    count: np.ndarray  # (limb, 4) int64: columns, links, tasks, pairs
    columns: np.ndarray  # (limb, column) int64: tangent directions, 0–5 the root's, 6 + dof the joints'
    links: np.ndarray  # (limb, link) int64: what moves with them, parents first
    moves: np.ndarray  # (limb, column, link of the tree) bool
    tasks: np.ndarray  # (limb, task) int64
    pairs: np.ndarray  # (limb, pair) int64
    share: np.ndarray  # (limb, pair): the part of the way to a barrier that is this limb's to use up
    lever: (
        np.ndarray
    )  # (limb, column) m (1 for directions of travel): no point moves more for a unit of the column


class LiveTasks(NamedTuple):
    """Points of links that have a target; zero weights switch a part off."""

    link: np.ndarray  # (task,) int64
    point: np.ndarray  # (task, 3) m, in the link's frame
    rot: np.ndarray  # (task, 3, 3), in the link's frame
    position: np.ndarray  # (task,) W_x, 1/m²
    rotation: np.ndarray  # (task,) W_x, 1/rad²
    certified_position: np.ndarray  # (task,) W, 1/m²
    certified_rotation: np.ndarray  # (task,) W, 1/rad²


class LiveBarriers(NamedTuple):
    """Capsules on links (spheres have no length), and the pairs of them that are kept apart."""

    link: np.ndarray  # (shape,) int64
    start: np.ndarray  # (shape, 3) m, in the link's frame
    end: np.ndarray  # (shape, 3) m
    pair: np.ndarray  # (pair, 2) int64
    reach: np.ndarray  # (pair,) m: ρ, both radii and the margin
    wide: np.ndarray  # (pair,) m: ρ and the buffer, which rows keep


class LiveJoints(NamedTuple):
    """Along the whole tangent."""

    lower: np.ndarray  # (tangent,) rad, −∞ for the root
    upper: np.ndarray  # (tangent,)
    most: np.ndarray  # (tangent,) m, rad: the most that a step may move
    damping: np.ndarray  # (tangent,) W_q
    rest: np.ndarray  # (tangent,) rad: q_ref, unused for the root
    pull: np.ndarray  # (tangent,) what the distance from it costs


class LiveSettings(NamedTuple):
    """The constants of a step; ``LiveIKConfig`` explains them."""

    gamma: float
    brake: float
    limit_margin: float
    limit_weight: float
    certificate: int
    eta: float
    eta_objective: float
    least_step: float
    arrived: float


class LivePose(NamedTuple):
    """A pose, and the links' places that follow from it."""

    root_pos: np.ndarray
    root_quat: np.ndarray
    q: np.ndarray
    pos: np.ndarray  # (link, 3)
    rot: np.ndarray  # (link, 3, 3)


class LiveGoal(NamedTuple):
    """Where the tasks are to be, in the world."""

    pos: np.ndarray  # (task, 3) m
    rot: np.ndarray  # (task, 3, 3)


class LiveQP(NamedTuple):
    """One limb's family of QPs over α, padded:

    min ½ vᵀ hessian v + α gradientᵀ v   s.t.   rows v ≥ b,   lower ≤ v ≤ upper
    """

    size: np.ndarray  # (3,) int64: columns, task rows, barrier rows
    screw: (
        np.ndarray
    )  # (column, 6) how each column moves its links: velocity at the root's origin, angular velocity
    jacobian: np.ndarray  # (task row, column)
    error: np.ndarray  # (task row,) e, m and rad
    weight: np.ndarray  # (task row,) W_x
    certified: np.ndarray  # (task row,) W
    hessian: np.ndarray  # (column, column)
    gradient: np.ndarray  # (column,)
    rows: np.ndarray  # (barrier row, column)
    b: np.ndarray  # (barrier row,)
    lower: np.ndarray  # (column,)
    upper: np.ndarray  # (column,)
    h: np.ndarray  # (pair,) m²: barriers of all the limb's pairs where it is now
    gap: np.ndarray  # (pair,) m: the same as distances


class LivePath(NamedTuple):
    """Points of Δq(α) in rising order of α, padded; between points of an exact path lie straight lines."""

    count: np.ndarray  # (1,) int64
    alpha: np.ndarray  # (point,)
    step: np.ndarray  # (point, column)
