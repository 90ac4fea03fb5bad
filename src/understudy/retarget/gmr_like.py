"""GMR's algorithm, line by line: the baseline that frame-by-frame retargeting is measured against.

General Motion Retargeting (GMR, Ze et al. 2025) scales a human about its root, turns each bone's frame into a body's,
and follows the frames by differential inverse kinematics in two stages, starting each frame from the last. It has no
contacts, no floor, no collisions and no bound on speed; its failures are part of it and are reproduced here.

GMR needs a table for each source and robot. With none given, ``landmark_table`` serves every skeleton.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError, UnknownName
from understudy.kinematics.frame_tasks import FrameTasks, Pose, StepRule, solve_clip
from understudy.kinematics.tree import Tree
from understudy.motion.info import describe
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.retarget.floor import floor_under
from understudy.retarget.gmr_table import GmrTable, check, landmark_table
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_mul, quat_normalize

GROUNDS = ("auto", "flat", "none")
TOES = ("ToeBase", "Toe")


@dataclass(frozen=True)
class GmrLikeConfig:
    """Everything that can be chosen about GmrLike; the numbers are GMR's own."""

    table: GmrTable | None = None
    """What follows what; ``None`` is ``landmark_table`` of the robot."""
    human_height: float | None = 1.75
    """The human's height (m), which sets the scale. GMR takes 1.75 for every BVH file; ``None`` measures the skeleton,
    which on short bodies drives soles into the floor."""
    ground: str = "none"
    """Where the source's floor is: ``none`` (its z = 0, as in GMR), ``auto`` or ``flat`` as for FrameIK."""
    damping: float = 0.5
    """Weight on the square of every step (m and rad alike)."""
    least: float = 1e-3
    """A stage goes on while a step lowers the stacked, unweighted error (m and rad) by more than this."""
    most: int = 11
    """At most this many steps a stage."""
    gain: float = 0.95
    """The part of its way to a limit that a joint may go in one step."""


@dataclass(frozen=True)
class GmrTargets:
    """World targets (m, wxyz) of the bodies that follow ``bones``."""

    bones: tuple[str, ...]
    pos: Float[np.ndarray, "time bone 3"]
    quat: Float[np.ndarray, "time bone 4"]


class GmrLike:
    """A ``Retargeter``; see the module. Raises FormatError or UnknownName for a table that does not fit the robot."""

    def __init__(self, robot: Robot, config: GmrLikeConfig = GmrLikeConfig()):
        if config.ground not in GROUNDS:
            raise LimitError(f"ground must be one of {', '.join(GROUNDS)}; got {config.ground!r}.")
        if config.human_height is not None and not config.human_height > 0:
            raise LimitError(f"A human height is in metres and above zero; got {config.human_height}.")
        self.robot = robot
        self.config = config
        self.table = landmark_table(robot) if config.table is None else config.table
        check(self.table, robot, self.table.source)
        self._tree = Tree.from_robot(robot)
        self._stages = _stages(self.table, robot, self._tree)
        self._range = _joint_range(self.table, robot)

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]:
        return [self._retarget(motion) for motion in motions]

    def targets(self, human: HumanMotion) -> GmrTargets:
        """What the robot's bodies are asked to follow. Raises UnknownName for a bone that the skeleton lacks."""
        c = self.config
        height = describe(human).stature if c.human_height is None else c.human_height
        if not height > 0:
            raise LimitError(f"Skeleton {human.skeleton.name!r} has no size; give the human's height.")
        floor = 0.0 if c.ground == "none" else floor_under(human, describe(human).leg_length, c.ground)
        return scaled_targets(human, self.table, height, floor)

    def follow(self, targets: GmrTargets, fps: float) -> RobotMotion:
        """The robot's motion for targets, bones in the table's order, from the model's zero pose on."""
        c, start = self.config, self.robot.model.qpos0
        fit = solve_clip(
            self._tree.arrays(),
            self._stages,
            targets.pos,
            targets.quat,
            *self._range,
            Pose(start[:3], start[3:7], start[7:]),
            StepRule(c.damping, c.least, c.most, c.gain),
        )
        return RobotMotion(
            self.robot.name, self.robot.joints, fps, fit.root_pos, fit.root_quat, self._inside(fit.joint_pos)
        )

    def _inside(self, q: np.ndarray) -> np.ndarray:
        """Joints in single precision, which must not round past the hardware's limit."""
        return np.clip(q.astype(np.float32), self.robot.lower, self.robot.upper)

    def _retarget(self, human: HumanMotion) -> RobotMotion:
        motion = self.follow(self.targets(human), human.fps)
        configuration = json.loads(json.dumps(asdict(replace(self.config, table=self.table))))
        origin = human.origin.after("retarget.gmr_like", robot=self.robot.name, configuration=configuration)
        return replace(motion, origin=origin)


def scaled_targets(human: HumanMotion, table: GmrTable, height: float, floor: float = 0.0) -> GmrTargets:
    """The human at the robot's size, in the robot's frames, for a human of ``height`` over a floor at ``floor`` (m).

    root' = s_root · root and p' = root' + s_bone · (p − root); then each frame is turned by its bone's offset, and
    shifted along its own new axes.
    """
    bones = table.bones
    frames = [_bone(human, table.follows, name) for name in (table.human_root, *bones)]
    level = np.array([0.0, 0.0, floor])
    root = frames[0][0] - level
    size = height / table.human_height
    pos, quat = np.empty((human.frames, len(bones), 3)), np.empty((human.frames, len(bones), 4))
    for k, (name, (place, turn)) in enumerate(zip(bones, frames[1:], strict=True)):
        offset = table.offset[name]
        away = table.scale[name] * (place - level - root)
        quat[:, k] = quat_mul(quat_normalize(turn), np.array(offset.quat))
        shift = quat_apply(quat[:, k], np.array(offset.pos))
        pos[:, k] = size * (table.scale[table.human_root] * root + away) + shift
    return GmrTargets(bones, pos, quat)


def _bone(human: HumanMotion, follows: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """World positions and orientations of a landmark or joint over a clip, in double precision.

    ``…FootMod`` is what GMR calls a foot's position with its toes' orientation, in sources whose feet lie otherwise.
    """
    if follows == "landmarks":
        pos, quat = human.landmarks()
        k = human.skeleton.landmarks.index(name)
        return pos[:, k].astype(float), quat[:, k].astype(float)
    joints = human.skeleton.joints
    place = turn = name
    if name not in joints and name.endswith("FootMod"):
        place = name.removesuffix("Mod")
        side = name.removesuffix("FootMod")
        turn = next((side + toe for toe in TOES if side + toe in joints), side + TOES[0])
    for joint in (place, turn):
        if joint not in joints:
            raise UnknownName("joint", joint, joints)
    pos, quat = human.pos[:, joints.index(place)], human.quat[:, joints.index(turn)]
    return pos.astype(float), quat.astype(float)


def _stages(table: GmrTable, robot: Robot, tree: Tree) -> list[FrameTasks]:
    """The table's stages for the solver; targets are in the order of ``table.bones``."""
    out = []
    for stage in table.stages:
        points = [table.points.get(match.body) for match in stage.values()]
        bodies = [m.body if p is None else p.body for m, p in zip(stage.values(), points, strict=True)]
        out.append(
            FrameTasks(
                np.array([tree.body_link[robot.body_index(body)] for body in bodies], np.int64),
                np.array([(0.0, 0.0, 0.0) if p is None else p.pos for p in points]),
                np.array([table.bones.index(bone) for bone in stage], np.int64),
                np.array([match.position for match in stage.values()]),
                np.array([match.rotation for match in stage.values()]),
            )
        )
    return out


def _joint_range(table: GmrTable, robot: Robot) -> tuple[np.ndarray, np.ndarray]:
    lower, upper = robot.lower.astype(float), robot.upper.astype(float)
    for joint, (least, most) in table.joint_range.items():
        j = robot.joints.index(joint)
        lower[j], upper[j] = least, most
    return lower, upper
