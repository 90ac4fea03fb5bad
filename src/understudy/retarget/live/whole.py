"""``whole`` mode: legs, waist, arms and head as limbs that share a floating base, standing on feet that do not move.

The base is decided first, by consensus (``live_whole_votes``), then every limb follows from where the base has gone.
Legs of standing feet take up the base's motion; the centre of mass stays over the feet.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from understudy.errors import LimitError
from understudy.kinematics.collision import Capsules
from understudy.kinematics.kernels.live_arrays import LiveJoints, LiveLimbs, LivePose, LiveTasks
from understudy.kinematics.kernels.live_whole import whole_step
from understudy.kinematics.kernels.live_whole_arrays import WholeBody, WholeFeet, WholeSettings, WholeVotes
from understudy.kinematics.poses import landmark_tracks, posed
from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import SIDES
from understudy.retarget.lengths import RobotLengths
from understudy.retarget.live.balance import Masses, half_width, soles
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.limbs import ROOT, Limb, between, column_values, limb_arrays
from understudy.retarget.live.problem import LiveProblem
from understudy.retarget.live.shapes import Shapes
from understudy.retarget.live.whole_config import WholeConfig
from understudy.retarget.live.whole_goals import WholeGoal
from understudy.robots.robot import Robot
from understudy.rotations import quat_from_matrix, quat_to_matrix

_FIRM, _FAR = 100.0, 50.0
"""By how much more turns weigh, and how much farther away feet may land, where legs have fewer than six joints."""
_EDGES = 64
"""Room for the edges of a support polygon."""
_DEFAULT = WholeConfig()


@dataclass(frozen=True)
class WholeTaken:
    """What a step did: α and code (``CERTIFIED``, …) of the base and then of the parts, the rounds that the votes took
    (−1 where they did not end), how far off a standing foot is (m, rad), and how far inside the support polygon the
    centre of mass is (m; infinite where none is kept)."""

    alpha: Float[np.ndarray, "limb"]
    code: Int[np.ndarray, "limb"]
    rounds: int
    foot_error: float
    inside: float


class WholeControl:
    """Steps a whole robot towards a goal. Feet keep their state between steps; ``reset`` forgets it."""

    def __init__(self, robot: Robot, config: WholeConfig = _DEFAULT):
        self.robot, self.config = robot, config
        self.problem, self.parts = _problem(robot, config)
        self.tasks = self.problem.tasks
        self._body = _body(robot, config, self.parts, self.tasks)
        self._few = _short(self.parts)
        self._settings = _settings(robot, config, short=self._few)
        self._calm = self.problem.settings._replace(limit_weight=config.leg_limit_weight)
        self._close = self.problem.barriers._replace(wide=self.problem.barriers.reach.copy())
        self._hard = self.problem.joints._replace(
            lower=column_values(robot.lower, -np.inf), upper=column_values(robot.upper, np.inf)
        )
        self._aim, self._spare = self.problem.goal(), self.problem.goal()
        self._height = RobotLengths.of(robot).ankle_height
        n = int(self.problem.limb_arrays.count[:, 0].max())
        rows = len(self.problem.barriers.pair) + _EDGES
        self._qp = self.problem.workspace()._replace(rows=np.zeros((rows, n)), b=np.zeros(rows))
        wider = rows + 2 * n
        self._base = self.problem.workspace()._replace(rows=np.zeros((wider, n)), b=np.zeros(wider))
        p = len(self.parts)
        self._votes = WholeVotes(
            np.zeros((p, n, n)),
            np.zeros((p, n)),
            np.zeros((p, n)),
            np.zeros((p, n)),
            np.zeros((p, n), np.int64),
        )
        self._path, self._trial = self.problem.path(), self.problem.pose(robot.home)
        self.feet = _feet()

    def pose(self, goal: WholeGoal) -> LivePose:
        """A pose to start from: the home stance with its pelvis at the goal, then as near to the goal as it comes."""
        pose = self.home(goal, self.robot.home[7:])
        self.settle(pose, goal, 100)
        return pose

    def home(self, goal: WholeGoal, joints: Float[np.ndarray, "dof"]) -> LivePose:
        """Joints as they are, the pelvis where the goal has it, and feet that nothing holds."""
        self.feet = _feet()
        k, tasks = self.tasks.index("pelvis"), self.problem.task_arrays
        level = np.concatenate([np.zeros(3), [1.0, 0.0, 0.0, 0.0], joints.astype(np.float64)])
        rest, i = self.problem.pose(level), tasks.link[k]
        turn = goal.tasks.rot[k] @ (rest.rot[i] @ tasks.rot[k]).T
        place = goal.tasks.pos[k] - turn @ (rest.pos[i] + rest.rot[i] @ tasks.point[k])
        return self.problem.pose(np.concatenate([place, quat_from_matrix(turn), level[7:]]))

    def settle(self, pose: LivePose, goal: WholeGoal, most: int) -> None:
        """Go as near to a goal as a body comes whose feet nothing holds, in so many control steps at most; feet that
        are wanted on the floor and came there will stand."""
        free, settings = WholeGoal(goal.tasks, np.zeros(2, np.bool_)), self._settings._replace(balance=False)
        self._ask_of_legs(goal.planted)
        for _ in range(most):
            before = pose.q.copy(), pose.root_pos.copy()
            self._step(pose, free, settings)
            far = max(np.abs(pose.q - before[0]).max(), np.abs(pose.root_pos - before[1]).max())
            if far < self.config.live.least_step:
                break

    def step(self, pose: LivePose, goal: WholeGoal) -> WholeTaken:
        """Move ``pose`` in place by one control step."""
        self._ask_of_legs(goal.planted)
        return self._step(pose, goal, self._settings)

    def _step(self, pose: LivePose, goal: WholeGoal, settings: WholeSettings) -> WholeTaken:
        p, count = self.problem, 1 + len(self.parts)
        alpha, code, told = np.zeros(count), np.zeros(count, np.int64), np.zeros(3)
        whole_step(
            p.tree, p.limb_arrays, p.task_arrays, p.barriers, self._close, p.joints, self._hard,
            p.settings, self._calm, self._body,
            settings, goal.tasks, goal.planted, self._height, self._aim, self._spare, self.feet, pose, self._trial,
            self._qp, self._base, self._path, self._votes, alpha, code, told,
        )  # fmt: skip
        return WholeTaken(alpha, code, int(told[0]), float(told[1]), float(told[2]))

    def _ask_of_legs(self, planted: Bool[np.ndarray, "2"]) -> None:
        """A foot that is to stand lands flat and in its place, whatever that does to its knee."""
        c, tasks = self.config, self.problem.task_arrays
        firm = _FIRM if self._few else 1.0
        for side, stands in zip(SIDES, planted, strict=True):
            knee, ankle = self.tasks.index(f"{side}_knee"), self.tasks.index(f"{side}_ankle")
            turn = firm * (c.landing_turn_weight if stands else c.foot_turn_weight)
            tasks.position[knee] = tasks.certified_position[knee] = 0.0 if stands else c.knee_weight
            tasks.rotation[ankle] = tasks.certified_rotation[ankle] = turn


def _problem(robot: Robot, config: WholeConfig) -> tuple[LiveProblem, tuple[Limb, ...]]:
    """The arrays, with limbs as ``WholeBody`` has them, and the parts. Raises LimitError for a robot that cannot."""
    if robot.fixed_base or not robot.feet:
        why = "its base is fixed" if robot.fixed_base else "it has no feet"
        raise LimitError(
            f"{robot.name!r} has no whole-body mode: {why}. Use LiveIKConfig(), the upper body's."
        )
    if config.hands not in ("body", "world"):
        raise LimitError(f"hands is 'body' or 'world'; got {config.hands!r}.")
    parts, base = _parts(robot), _base(robot)
    trunk = ("pelvis",) if any(part.name == "waist" for part in parts) else ("pelvis", "chest")
    legs = tuple(c for part in parts[:2] for c in part.columns)
    limbs = (
        Limb("base", base + legs, trunk),
        *(Limb(f"{part.name} and base", base + part.columns, part.landmarks) for part in parts),
        *parts,
    )
    names = tuple(dict.fromkeys(name for limb in limbs for name in limb.landmarks))
    kept = _shapes(robot, config.live)
    arrays = limb_arrays(robot, limbs, names, kept)
    start = LiveProblem.of(robot, config.live, parts[-1:])
    problem = replace(
        start,
        limbs=limbs,
        tasks=names,
        shapes=kept,
        limb_arrays=arrays._replace(share=_shares(arrays, len(parts), len(kept.pair))),
        task_arrays=_tasks(robot, names, config),
        barriers=kept.arrays(),
        joints=_joints(robot, config, start.joints, base, legs),
    )
    return problem, parts


def _base(robot: Robot) -> tuple[int, ...]:
    """The root's directions, and the joints between it and the pelvis, for robots that have their waist there."""
    tree, marks = Tree.from_robot(robot), robot.landmarks
    link, columns = int(tree.body_link[marks.carriers[marks.index("pelvis")]]), []
    while link > 0:
        if tree.dof[link] >= 0:
            columns.append(ROOT + int(tree.dof[link]))
        link = int(tree.parents[link])
    return (*range(ROOT), *reversed(columns))


def _parts(robot: Robot) -> tuple[Limb, ...]:
    """Both legs, waist, both arms and head, of those that have joints."""
    tree = Tree.from_robot(robot)
    legs = [
        Limb(
            f"{side}_leg",
            between(robot, tree, "pelvis", f"{side}_ankle"),
            (f"{side}_knee", f"{side}_ankle"),
        )
        for side in SIDES
    ]
    waist = Limb("waist", between(robot, tree, "pelvis", "chest"), ("chest",))
    arms = [
        Limb(
            f"{side}_arm",
            between(robot, tree, "chest", f"{side}_hand"),
            (f"{side}_elbow", f"{side}_hand"),
        )
        for side in SIDES
    ]
    head = Limb("head", between(robot, tree, "chest", "head"), ("head",))
    return (*legs, *(limb for limb in (waist, *arms, head) if limb.columns))


def _shapes(robot: Robot, live: LiveIKConfig) -> Shapes:
    """All pairs of capsules that count as self-collision, but for the two hands, whose contacts are meant."""
    capsules = Capsules.from_robot(robot, hands=True)
    bodies = capsules.bodies
    rows = [
        k
        for k, (a, b) in enumerate(capsules.pairs)
        if not {bodies[a], bodies[b]} <= robot.hands and capsules.rest[k] > 0.0
    ]
    pair = capsules.pairs[rows]
    kept = capsules.arrays(live.margin).margin[rows]
    reach = capsules.radius[pair].sum(-1) + kept
    return Shapes(
        capsules, pair, reach, reach + live.buffer * (kept / live.margin if live.margin > 0.0 else 1.0)
    )


def _shares(arrays: LiveLimbs, parts: int, pairs: int) -> Float[np.ndarray, "limb pair"]:
    """In one step the base moves, and then each part: these share the way to a barrier."""
    movers, who = np.zeros(pairs), [0, *range(1 + parts, 1 + 2 * parts)]
    for k in who:
        movers[arrays.pairs[k, : arrays.count[k, 3]]] += 1.0
    share = np.zeros_like(arrays.share)
    for k in range(len(share)):
        own = arrays.pairs[k, : arrays.count[k, 3]]
        share[k, : len(own)] = 1.0 / np.maximum(movers[own], 1.0)
    return share


def _tasks(robot: Robot, names: tuple[str, ...], config: WholeConfig) -> LiveTasks:
    live, tree, marks = config.live, Tree.from_robot(robot), robot.landmarks
    weights = {
        "pelvis": (config.pelvis_weight, config.pelvis_turn_weight),
        "ankle": (config.foot_weight, config.foot_turn_weight),
        "chest": (0.0, live.torso_weight),
        "knee": (config.knee_weight, 0.0),
        "elbow": (live.elbow_weight, config.elbow_turn_weight),
        "hand": (live.hand_weight, live.hand_turn_weight),
        "head": (0.0, config.head_turn_weight),
    }
    rows = [marks.index(name) for name in names]
    chosen = np.array([weights[name.rpartition("_")[2]] for name in names])
    position, rotation = np.ascontiguousarray(chosen[:, 0]), np.ascontiguousarray(chosen[:, 1])
    return LiveTasks(
        tree.body_link[marks.carriers[rows]].astype(np.int64),
        np.ascontiguousarray(marks.pos[rows], np.float64),
        np.ascontiguousarray(quat_to_matrix(marks.quat[rows].astype(np.float64))),
        position,
        rotation,
        position.copy(),
        rotation.copy(),
    )


def _joints(
    robot: Robot, config: WholeConfig, joints: LiveJoints, base: tuple[int, ...], legs: tuple[int, ...]
) -> LiveJoints:
    """Bounds with bent knees and the base's own; its damping is not the limbs' business, who all have it."""
    lower, upper, most, damping = (
        a.copy() for a in (joints.lower, joints.upper, joints.most, joints.damping)
    )
    most[:3], most[3:ROOT] = config.root_step, config.root_turn
    damping[list(base)], damping[list(legs)] = 0.0, config.leg_damping
    for column, straight in _knees(robot).items():
        if joints.rest[column] >= straight:
            lower[column] = max(lower[column], straight + config.knee)
        else:
            upper[column] = min(upper[column], straight - config.knee)
    return joints._replace(lower=lower, upper=upper, most=most, damping=damping)


def _knees(robot: Robot) -> dict[int, float]:
    """The columns of the knees, and the angle (rad) at which a leg is longest."""
    tree, marks = Tree.from_robot(robot), robot.landmarks
    found = {}
    for side in SIDES:
        dof = int(tree.dof[tree.body_link[marks.carriers[marks.index(f"{side}_knee")]]])
        angles = np.linspace(robot.lower[dof], robot.upper[dof], 201)
        lengths = []
        for angle in angles:
            bent = robot.home[7:].copy()
            bent[dof] = angle
            place, _ = landmark_tracks(robot, posed(robot, bent))
            hip, ankle = (place[0, marks.index(f"{side}_{part}")] for part in ("hip", "ankle"))
            lengths.append(np.linalg.norm(ankle - hip))
        found[ROOT + dof] = float(angles[int(np.argmax(lengths))])
    return found


def _body(robot: Robot, config: WholeConfig, parts: tuple[Limb, ...], tasks: tuple[str, ...]) -> WholeBody:
    masses, base, tree, marks = Masses.of(robot), _base(robot), Tree.from_robot(robot), robot.landmarks
    hips = [marks.index(f"{side}_hip") for side in SIDES]
    z, left, right = len(base), len(parts[0].columns), len(parts[1].columns)
    return WholeBody(
        z,
        len(parts),
        np.array([0, 1]),
        np.array([[z, z + left], [z + left, z + left + right]]),
        np.array([tasks.index(f"{side}_ankle") for side in SIDES]),
        tree.body_link[marks.carriers[hips]].astype(np.int64),
        np.ascontiguousarray(marks.pos[hips], np.float64),
        config.reach * RobotLengths.of(robot).size,
        tasks.index("pelvis"),
        np.array([name.endswith(("elbow", "hand")) for name in tasks]),
        np.ascontiguousarray(soles(robot)),
        masses.part,
        masses.centre,
        np.full(z, config.base_damping),
    )


def _short(parts: tuple[Limb, ...]) -> bool:
    """Whether legs have fewer joints than a foot has directions."""
    return any(len(part.columns) < 6 for part in parts[:2])


def _settings(robot: Robot, config: WholeConfig, *, short: bool) -> WholeSettings:
    return WholeSettings(
        config.balance,
        config.hands == "body",
        config.balance_margin * half_width(robot),
        config.balance_reserve * half_width(robot),
        config.balance_gamma,
        config.recover,
        config.stride,
        config.step * RobotLengths.of(robot).size if config.balance else np.inf,
        config.stride_turn,
        config.landed * (_FAR if short else 1.0),
        config.landed_turn,
        config.hold,
    )


def _feet() -> WholeFeet:
    """Feet in the air."""
    level = np.tile(np.eye(3), (2, 1, 1))
    return WholeFeet(
        np.zeros(2, np.bool_), np.zeros((2, 3)), level, np.zeros((_EDGES, 3)), np.zeros(1, np.int64)
    )
