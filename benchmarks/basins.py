"""Where one frame's fit ends, from many starts: frame-ik's two passes, the minima, the best of them.

The cost is frame-ik's own, F of ``docs/methods/frame_ik.md``, without its term on the frame before, and minima are
compared as frame-ik compares those of a first frame: with the squared distance from home added, because a hip turned
inside out may fit one frame best. ``benchmarks.non_convexity`` draws and counts with these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from understudy.kinematics import clip_fit
from understudy.kinematics.basins import reverse
from understudy.kinematics.kernels import arrays, fit
from understudy.kinematics.kernels.arrays import Problem, Targets
from understudy.motion import HumanMotion, RobotMotion
from understudy.retarget.frame_ik import FrameIKConfig, frame_settings
from understudy.retarget.landmark_problem import LandmarkProblem, PoseCosts
from understudy.robots.robot import Robot

APART = 0.3
"""Passes disagree where some joint differs by more than this, rad."""
SAME = 0.1
"""End poses with no joint further apart than this (rad) are one minimum."""
STEPS = 400


@dataclass(frozen=True, eq=False)
class Poses:
    """Poses of a robot's joints and root, with what each costs (F)."""

    joint_pos: Float[np.ndarray, "pose dof"]
    root_pos: Float[np.ndarray, "pose 3"]
    root_quat: Float[np.ndarray, "pose 4"]
    cost: Float[np.ndarray, "pose"]

    def rows(self, chosen: Int[np.ndarray, "some"] | Bool[np.ndarray, "pose"]) -> "Poses":
        """Some of them."""
        return Poses(self.joint_pos[chosen], self.root_pos[chosen], self.root_quat[chosen], self.cost[chosen])

    def cheapest(self) -> "Poses":
        """The one that costs least."""
        return self.rows(np.array([self.cost.argmin()]))


@dataclass(frozen=True)
class Given:
    """What of the fit stays: joint limits with the push away from them, collisions with the body and the floor.

    Without limits the pull to the home stance goes, too: it would tell apart poses whole turns away."""

    limits: bool = True
    bodies: bool = True

    def of(self, p: Problem) -> Problem:
        """The problem with the rest taken away, and solved to the last digits."""
        p = p._replace(settings=p.settings._replace(tolerance=1e-10))
        if not self.limits:
            far = np.full_like(p.lower, 50.0)
            none = np.zeros_like(p.posture.rest_weight)
            posture = p.posture._replace(limit_weight=0.0, rest_weight=none)
            p = p._replace(lower=-far, upper=far, posture=posture)
        if not self.bodies:
            c = p.capsules
            c = c._replace(pairs=c.pairs[:0], margin=c.margin[:0], far=c.far[:0])
            p = p._replace(capsules=c, settings=p.settings._replace(floor_on=False))
        return p


AS_IT_IS = Given()


@dataclass(frozen=True, eq=False)
class Task:
    """What one clip asks of frame-ik's solver: the fit that all clips share, the problem, its targets."""

    shared: LandmarkProblem
    problem: Problem
    targets: Targets

    @classmethod
    def of(cls, robot: Robot, human: HumanMotion) -> "Task":
        """With the targets, weights and limits that frame-ik itself uses."""
        c = FrameIKConfig()
        costs = PoseCosts(c.weights, c.margin, c.limit_margin, c.limit_weight, c.rest_weight)
        shared = LandmarkProblem(robot, costs, c.ground, c.parts, c.seed)
        targets = shared.targets(human, plant_feet=c.plant_feet)
        problem = shared.problem(targets.has_quat, human.fps, c.viscosity, frame_settings(c))
        return cls(shared, problem, shared.frames(targets, human, c.jump))

    def forward(self) -> Poses:
        """Frame-ik's own pass over the clip, a pose a frame."""
        return self._passed(self.targets)

    def backward(self) -> Poses:
        """The same from the last frame to the first."""
        return self._passed(reverse(self.targets)).rows(np.arange(len(self.targets.pos))[::-1])

    def _passed(self, targets: Targets) -> Poses:
        made = clip_fit.fit_clip(self.problem, targets, self.shared.seeds, self.shared.limbs)
        return Poses(made.joint_pos, made.root_pos, made.root_quat, made.cost)

    def settle(self, frame: int, starts: Poses, given: Given = AS_IT_IS) -> Poses:
        """The minima that starts run into; their costs have the distance from home in them, where limits are kept."""
        p = given.of(self.problem)
        state, step = arrays.new_state(p), arrays.new_step(p)
        ends = Poses(*(a.copy() for a in (starts.joint_pos, starts.root_pos, starts.root_quat, starts.cost)))
        for k in range(len(ends.cost)):
            q = np.clip(starts.joint_pos[k], p.lower, p.upper)
            state.q[:], state.root_pos[:], state.root_quat[:] = q, starts.root_pos[k], starts.root_quat[k]
            cost, _, _ = fit.fit_frame(p, state, step, self.targets, frame, q, 0.0, p.lower, p.upper, STEPS)
            ends.joint_pos[k], ends.root_pos[k], ends.root_quat[k] = state.q, state.root_pos, state.root_quat
            far = np.square(state.q - p.posture.rest).sum() if given.limits else 0.0
            ends.cost[k] = cost + 0.5 * p.settings.prior * far
        return ends

    def best(self, frame: int, starts: Poses, count: int, rng: np.random.Generator) -> Poses:
        """The cheapest minimum found: that of the starts, then one limb at a time from ``count`` poses at random, twice
        round, because limbs fall into wrong basins independently of each other."""
        ends = self.settle(frame, starts)
        best = ends.cheapest()
        for _ in range(2):
            for limb in range(self.shared.limbs.max() + 1):
                tries = best.rows(np.zeros(count, np.int64))
                moved = np.flatnonzero(self.shared.limbs == limb)
                low, high = self.problem.lower[moved], self.problem.upper[moved]
                tries.joint_pos[:, moved] = rng.uniform(low, high, (count, len(moved)))
                ends = joined([best, self.settle(frame, tries)])
                best = ends.cheapest()
        return best

    def grid(self, pose: Poses, over: tuple[int, int], count: int) -> Poses:
        """``count`` × ``count`` starts over the ranges of two joints of a limb, the limb's others at home, all else as
        in ``pose``, which is one."""
        q = np.repeat(pose.joint_pos, count * count, axis=0)
        limb = self.shared.limbs == self.shared.limbs[over[0]]
        q[:, limb] = self.shared.robot.home[7:][limb]
        axes = [np.linspace(self.problem.lower[j], self.problem.upper[j], count) for j in over]
        for j, values in zip(over, np.meshgrid(*axes, indexing="ij"), strict=True):
            q[:, j] = values.ravel()
        same = np.zeros(len(q), np.int64)
        return Poses(q, pose.root_pos[same], pose.root_quat[same], np.zeros(len(q)))


def poses_of(motion: RobotMotion, frames: Sequence[int] | Int[np.ndarray, "some"]) -> Poses:
    """Frames of a robot's clip as poses, not yet costed."""
    chosen = np.asarray(frames)
    joint_pos, root_pos, root_quat = (
        np.asarray(a[chosen], np.float64) for a in (motion.joint_pos, motion.root_pos, motion.root_quat)
    )
    return Poses(joint_pos, root_pos, root_quat, np.zeros(len(chosen)))


def joined(parts: Sequence[Poses]) -> Poses:
    """All poses of several groups, one after another."""
    return Poses(
        np.concatenate([p.joint_pos for p in parts]),
        np.concatenate([p.root_pos for p in parts]),
        np.concatenate([p.root_quat for p in parts]),
        np.concatenate([p.cost for p in parts]),
    )


def minima(ends: Poses, same: float = SAME) -> Int[np.ndarray, "pose"]:
    """Which minimum each end pose is: 0 for the cheapest, and so on. A minimum holds the poses with no joint further
    than ``same`` (rad, whole turns aside) from its cheapest."""
    label, found = np.full(len(ends.cost), -1), 0
    for k in np.argsort(ends.cost, kind="stable"):
        if label[k] < 0:
            apart = ends.joint_pos - ends.joint_pos[k]
            near = np.abs(apart - 2 * np.pi * np.round(apart / (2 * np.pi))).max(-1) <= same
            label[near & (label < 0)] = found
            found += 1
    return label


def levels(cost: Float[np.ndarray, "pose"], share: float = 0.02, amount: float = 0.005) -> int:
    """How many different costs there are, those within a share (and an amount) of a cheaper one counted with it: poses
    that only write the same angles differently cost the same."""
    count, base = 0, -np.inf
    for value in np.sort(cost):
        if value > base * (1 + share) + amount:
            count, base = count + 1, value
    return count
