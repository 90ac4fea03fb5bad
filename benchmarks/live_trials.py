"""Trials for live inverse kinematics, after MIRROR's Table I: both hands of the G1 follow moving targets for 50 control
steps, near and across the barriers that keep them off trunk, head, thighs and each other.

A trial starts in a random safe pose of the arms. Each hand's target then passes through two waypoints and comes to
rest. A waypoint is a place that the hand has in another safe pose, moved straight towards the nearest part of the body
until it is near the barrier or has crossed it. Straight ways between waypoints may cut through the body, no deeper than
``DEEPEST``: operators are thinner than their robots there.

How long and deep the ways are was set so that the paper's baseline, one QP for each arm with the paper's rows, breaks
barriers in most trials. A trial knows joints, limits and capsules, and no solver; each has a seed of its own, so that
any one can be had alone. Constants of ``LiveIKConfig`` were tuned on seeds below ``HELD_OUT``; published are others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.kinematics.kernels.live_arrays import LivePose
from understudy.motion.landmarks import SIDES
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.problem import LiveProblem

STEPS = 50
LEGS = (24, 18)
"""Control steps of the two ways; the target rests for what remains of the ``STEPS``."""
COUNT = 250
HELD_OUT = 1000
"""The first seed of trials that nothing was tuned on."""
WAYPOINT_DEPTH = (-0.02, 0.03)
"""How far (m) beyond its barrier the first waypoint of a hand lies; below zero, before it."""
FINAL_DEPTH = (-0.03, 0.01)
"""The same of where the target comes to rest."""
NEAR = 0.08
"""Poses whose hand is within this of its barrier (m) give waypoints."""
WAY = (0.10, 0.30)
"""Length of one way, m."""
DEEPEST = 0.04
"""No target is deeper than this inside a barrier, m."""
ROOM = 0.01
"""What a start has at least to every barrier, m; in proportion less to those whose margin is less than the full one."""
POSES = 2000
"""Safe poses that starts and waypoints are taken from."""
TRIES = 60
"""Waypoints drawn before the whole trial is drawn anew."""
INNER = 0.75
"""Starts and waypoints are drawn from this part of the joint ranges."""


@dataclass(frozen=True)
class Trial:
    """Where the robot starts, and where its hands are wanted after each step (m, world): left, right."""

    qpos: Float[np.ndarray, "qpos"]
    targets: Float[np.ndarray, "step hand 3"]


PROTOCOL = LiveIKConfig(waist=False, elbow_weight=0.0, hand_turn_weight=0.0)
"""What trials are about: the arms move, and hands have places to be at. Solvers choose the rest of the constants."""


def trials(space: "Space", seeds: Sequence[int] = range(HELD_OUT, HELD_OUT + COUNT)) -> list[Trial]:
    """One trial for each seed."""
    return [_trial(space, np.random.default_rng([7, seed])) for seed in seeds]


class Space:
    """Safe poses of the arms, drawn once for all trials, and how deep a hand's target is inside barriers."""

    def __init__(self, of: LiveProblem):
        robot, capsules = of.robot, of.shapes.capsules
        self.problem = of
        self.home = robot.home.astype(np.float64)
        self.columns = np.flatnonzero(of.moving()) - 6
        self.hands = [of.tasks.index(f"{side}_hand") for side in SIDES]
        arm_links = {int(i) for row in of.limb_arrays.links for i in row}
        self.body = [k for k in sorted(set(of.shapes.pair.ravel())) if int(capsules.link[k]) not in arm_links]
        still, links = of.pose(self.home), capsules.link[self.body]
        self.start, self.end = (
            np.array([still.pos[i] + still.rot[i] @ p for i, p in zip(links, ends[self.body], strict=True)])
            for ends in (capsules.start, capsules.end)
        )
        of_hands = [body in robot.hands for body in capsules.bodies]
        self.keep = capsules.radius[self.body] + capsules.radius[of_hands].max() + of.config.margin
        self.safe = self._safe_poses(np.random.default_rng(7))
        poses = [of.pose(qpos) for qpos in self.safe]
        self.places = np.array([[self.hand(pose, side) for side in range(len(SIDES))] for pose in poses])
        depths = np.array([[self.depth(point)[0] for point in row] for row in self.places])
        self.near = [np.flatnonzero(depths[:, side] > -NEAR) for side in range(len(SIDES))]

    def _safe_poses(self, random: np.random.Generator) -> Float[np.ndarray, "pose qpos"]:
        """Poses of the arms with room to every barrier."""
        robot, shapes, reach = self.problem.robot, self.problem.shapes, self.problem.barriers.reach
        margin = reach - shapes.capsules.radius[shapes.pair].sum(-1)
        room = ROOM * margin / self.problem.config.margin
        lower, upper = (a.astype(np.float64)[self.columns] for a in (robot.lower, robot.upper))
        inset = 0.5 * (1.0 - INNER) * (upper - lower)
        found = []
        while len(found) < POSES:
            qpos = self.home.copy()
            qpos[7 + self.columns] = random.uniform(lower + inset, upper - inset)
            h = self.problem.barrier_values(self.problem.pose(qpos))
            if (np.sqrt(h + reach * reach) - reach > room).all():
                found.append(qpos)
        return np.array(found)

    def hand(self, pose: LivePose, side: int) -> Float[np.ndarray, "3"]:
        """Where a hand is, m, world."""
        tasks, k = self.problem.task_arrays, self.hands[side]
        return pose.pos[tasks.link[k]] + pose.rot[tasks.link[k]] @ tasks.point[k]

    def depth(self, point: Float[np.ndarray, "3"]) -> tuple[float, Float[np.ndarray, "3"]]:
        """How far inside its barrier a hand at this point would be (m), and the way out."""
        along = self.end - self.start
        square = np.maximum((along * along).sum(-1), 1e-12)
        s = np.clip(((point - self.start) * along).sum(-1) / square, 0.0, 1.0)
        away = point - (self.start + s[:, None] * along)
        distance = np.linalg.norm(away, axis=-1)
        k = int(np.argmin(distance - self.keep))
        return float(self.keep[k] - distance[k]), away[k] / max(distance[k], 1e-9)


def _trial(space: Space, random: np.random.Generator) -> Trial:
    while True:
        start = random.integers(POSES)
        ways = []
        for side in range(len(SIDES)):
            points = [space.places[start, side]]
            for depths in (WAYPOINT_DEPTH, FINAL_DEPTH):
                points += _waypoint(space, points[-1], side, depths, random)
            ways.append(points)
        if all(len(points) == 3 for points in ways):
            return Trial(space.safe[start], np.stack([_through(points) for points in ways], axis=1))


def _waypoint(
    space: Space,
    start: Float[np.ndarray, "3"],
    side: int,
    depths: tuple[float, float],
    random: np.random.Generator,
) -> list[Float[np.ndarray, "3"]]:
    """Where a hand is sent next; none where a start is too far from the body to find one."""
    for _ in range(TRIES):
        point = space.places[random.choice(space.near[side]), side]
        depth, out = space.depth(point)
        point = point + (depth - random.uniform(*depths)) * out
        # Moved, the point may be nearer to another part of the body than to the one it was moved towards.
        if not WAY[0] < np.linalg.norm(point - start) < WAY[1] or space.depth(point)[0] > depths[1]:
            continue
        between = start + np.linspace(0.0, 1.0, 12)[:, None] * (point - start)
        if max(space.depth(p)[0] for p in between) < DEEPEST:
            return [point]
    return []


def _through(points: list[Float[np.ndarray, "3"]]) -> Float[np.ndarray, "step 3"]:
    """One hand's targets, from where the hand is through the waypoints to rest at the last."""
    legs = [_leg(a, b, n) for a, b, n in zip(points, points[1:], LEGS, strict=False)]
    return np.concatenate([*legs, np.tile(points[-1], (STEPS - sum(LEGS), 1))])


def _leg(a: Float[np.ndarray, "3"], b: Float[np.ndarray, "3"], steps: int) -> Float[np.ndarray, "step 3"]:
    """From a to b with the least jerk, a left out."""
    t = np.arange(1, steps + 1)[:, None] / steps
    return a + (b - a) * (10 * t**3 - 15 * t**4 + 6 * t**5)
