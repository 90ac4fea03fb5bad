"""MIRROR's slow baseline: the whole nonlinear IK in every control step, to convergence or for so many iterations.

Sequential quadratic programming on F of Eq. 19 under true barriers and joint limits: each QP is ``LiveProblem``'s, at
the last iterate and at α = 1, in a trust region that F and broken barriers decide on.
Global is the problem, not the search: it descends from where the robot is and ends in that basin.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.kinematics.kernels import live_daqp
from understudy.kinematics.kernels.live_arrays import LiveGoal, LivePose
from understudy.kinematics.kernels.live_assembly import copy_pose
from understudy.retarget.live.control import CERTIFIED, HELD, Taken
from understudy.retarget.live.limbs import ROOT
from understudy.retarget.live.problem import LimbQP, LiveProblem

ITERATIONS = 60
"""At most. Two steps out of three converge, in six iterations on average (``benchmarks.live_escape``)."""
CONVERGED = 1e-5
"""rad: an iteration that moves no joint further is the last."""
PENALTY = 1e4
"""What 1 m² of broken barrier costs. Multipliers of barriers are below 100 where a hand is 5 cm from its target."""
NOTHING = 1e-8
"""Of cost that an iteration may expect to gain, below which it is the last: 14 µm of a hand."""
ENOUGH = 0.1
"""The part of what an iteration's QP expects that has to come true; else its bounds are narrowed."""


@dataclass(frozen=True)
class _Iterate:
    pose: LivePose
    qp: LimbQP
    cost: float
    """F and ``broken``."""
    broken: float
    """The penalty on broken barriers."""


class GlobalSqp:
    """``step`` as ``Control`` has it. What a step moves is not bounded: motors' speeds are not asked.

    Raises LimitError unless the problem has all joints in one limb (``limbs="monolithic"``). Take γ = 1 and brake = 1:
    their parts of the way are meant for single steps.
    """

    def __init__(self, problem: LiveProblem):
        if len(problem.limbs) != 1:
            raise LimitError(
                f"The global SQP solves for all joints at once; got {len(problem.limbs)} limbs. "
                "Take limbs='monolithic'."
            )
        self.problem = problem
        self.iterations = 0
        """Of the last step."""
        self._room = problem.workspace()
        self._columns = np.array(problem.limbs[0].columns) - ROOT

    def step(self, pose: LivePose, goal: LiveGoal) -> Taken:
        """Move ``pose`` in place to the solution; where not even a short step helps, it stays."""
        first = now = self._at(pose, goal)
        radius = float(now.qp.upper.max(initial=CONVERGED))
        for self.iterations in range(1, ITERATIONS + 1):
            qp = now.qp
            low, high = np.maximum(qp.lower, -radius), np.minimum(qp.upper, radius)
            v = live_daqp.solve(qp.hessian, qp.gradient, qp.rows, qp.b, np.minimum(low, high), high)
            if v is None:  # broken barriers that the radius is too small to mend
                break
            far = float(np.abs(v).max())
            expected = now.broken - float(qp.gradient @ v + 0.5 * v @ qp.hessian @ v)
            there = self._at(self._moved(now.pose, now.pose.q[self._columns] + v), goal)
            if far < CONVERGED or expected < NOTHING:
                break
            if now.cost - there.cost >= ENOUGH * expected:
                now, radius = there, 2.0 * radius
            else:
                radius = 0.3 * far
        copy_pose(now.pose, pose)
        moved = now.cost < first.cost
        return Taken(np.array([float(moved)]), np.array([CERTIFIED if moved else HELD]))

    def _moved(self, pose: LivePose, q: Float[np.ndarray, "n"]) -> LivePose:
        joints, c = pose.q.copy(), self._columns + ROOT
        joints[self._columns] = np.clip(q, self.problem.joints.lower[c], self.problem.joints.upper[c])
        return self.problem.pose(np.concatenate([pose.root_pos, pose.root_quat, joints]))

    def _at(self, pose: LivePose, goal: LiveGoal) -> _Iterate:
        """What a pose costs, and the QP there."""
        problem, c = self.problem, self._columns + ROOT
        joints, q = problem.joints, pose.q[self._columns]
        qp = problem.assemble(0, pose, goal, self._room)
        margin = np.minimum(problem.config.limit_margin, 0.25 * (joints.upper[c] - joints.lower[c]))
        beyond = np.maximum(np.maximum(joints.lower[c] + margin - q, q - joints.upper[c] + margin), 0.0)
        cost = 0.5 * float(qp.certified @ qp.error**2 + joints.pull[c] @ (q - joints.rest[c]) ** 2)
        cost += 0.5 * problem.config.limit_weight * float(beyond @ beyond)
        broken = PENALTY * float(np.maximum(-problem.barrier_values(pose), 0.0).sum())
        return _Iterate(pose, qp, cost + broken, broken)
