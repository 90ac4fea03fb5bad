"""What a streamed human asks of a whole robot, frame by frame, from nothing but the frames so far.

Limb bones keep the human's direction and take the robot's length, as in ``retarget.targets``; paths are scaled by the
ratio of leg lengths. A foot that stands is asked for once, flat and level, where it came down.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from understudy.errors import SkeletonMismatch
from understudy.kinematics.kernels.live_arrays import LiveGoal
from understudy.kinematics.poses import landmark_tracks, posed
from understudy.motion.landmarks import LANDMARKS, SIDES
from understudy.motion.types import HumanFrame
from understudy.retarget.lengths import RobotLengths, sole_offsets
from understudy.retarget.live.planting import Touch
from understudy.robots.robot import Robot
from understudy.rotations import quat_about, quat_apply, quat_to_matrix, quat_yaw

_SIDED = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
_NEEDED = ("pelvis", "chest", *(f"{side}_{part}" for part in _SIDED for side in SIDES))


@dataclass(frozen=True)
class WholeGoal:
    """Where the tasks are to be, and which feet (left, right) are to stand where their ankles are asked for."""

    tasks: LiveGoal
    planted: Bool[np.ndarray, "2"]


@dataclass
class WholeGoals:
    """Turns frames into goals. ``tasks`` are the names of the control's landmarks; remembers feet, floor and size."""

    robot: Robot
    tasks: tuple[str, ...]
    _touch: Touch = field(default_factory=Touch)
    _scale: float = 0.0
    _stood: Bool[np.ndarray, "2"] = field(default_factory=lambda: np.zeros(2, np.bool_))
    _at: Float[np.ndarray, "2 3"] = field(default_factory=lambda: np.zeros((2, 3)))
    _yaw: Float[np.ndarray, "2"] = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        place, _ = landmark_tracks(self.robot, posed(self.robot, self.robot.t_pose))
        self._mine = dict(zip(self.robot.landmarks.names, place[0].astype(np.float64), strict=True))
        self._lengths = RobotLengths.of(self.robot)
        self._soles = [sole_offsets(self.robot, side).astype(np.float64) for side in SIDES]

    def reset(self) -> None:
        """Forget the human."""
        self._touch, self._scale, self._stood = Touch(), 0.0, np.zeros(2, np.bool_)

    def step(self, frame: HumanFrame) -> WholeGoal:
        """The goal of one frame. Raises SkeletonMismatch for a human that lacks what is followed."""
        names = frame.skeleton.landmarks.names
        missing = sorted(set(_NEEDED) - set(names), key=LANDMARKS.index)
        if missing:
            raise SkeletonMismatch(
                f"Skeleton {frame.skeleton.name!r} lacks landmarks that a whole body follows: {', '.join(missing)}."
            )
        place, turn = frame.skeleton.landmarks.world(
            frame.pos.astype(np.float64), frame.quat.astype(np.float64)
        )
        at, by = dict(zip(names, place, strict=True)), dict(zip(names, turn, strict=True))
        if self._scale == 0.0:
            self._scale = self._lengths.size / _leg(at)
        feet = np.array([[at[f"{side}_ankle"], at[f"{side}_toe"]] for side in SIDES])
        size = min(1.0, self._lengths.size / self._scale / 0.6)
        standing = self._touch.step(feet, frame.time, size)
        pos, quat = self._body(at, by)
        for k, side in enumerate(SIDES):
            pos[f"{side}_ankle"], quat[f"{side}_ankle"] = self._foot(k, at, by, pos, bool(standing[k]))
        rot = np.ascontiguousarray(quat_to_matrix(np.stack([quat[name] for name in self.tasks])))
        return WholeGoal(LiveGoal(np.stack([pos[name] for name in self.tasks]), rot), standing.copy())

    def _body(
        self, at: dict[str, np.ndarray], by: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Pelvis, trunk and arms: on the robot's own pelvis and shoulders, every bone in the human's direction."""
        mine, quat = self._mine, dict(by)
        hips = 0.5 * (at["left_hip"] + at["right_hip"])
        pelvis = self._scale * (hips - [0.0, 0.0, self._touch.level[0]])
        pelvis[2] += self._lengths.ankle_height
        pos = {"pelvis": pelvis}
        spine = pelvis + quat_apply(by["pelvis"], mine["spine"] - mine["pelvis"])
        pos["chest"] = spine + quat_apply(by["chest"], mine["chest"] - mine["spine"])
        pos["head"] = spine + quat_apply(by["chest"], mine["head"] - mine["spine"])
        quat.setdefault("head", by["chest"])
        for side in SIDES:
            shoulder = spine + quat_apply(by["chest"], mine[f"{side}_shoulder"] - mine["spine"])
            elbow = shoulder + self._bone(side, "shoulder", "elbow", at)
            wrist = elbow + self._bone(side, "elbow", "wrist", at)
            quat.setdefault(f"{side}_hand", by[f"{side}_wrist"])
            pos[f"{side}_elbow"] = elbow
            beyond = mine[f"{side}_hand"] - mine[f"{side}_wrist"]
            pos[f"{side}_hand"] = wrist + quat_apply(by[f"{side}_wrist"], beyond)
        return pos, quat

    def _bone(self, side: str, start: str, end: str, at: dict[str, np.ndarray]) -> Float[np.ndarray, "3"]:
        """A limb bone along the human's, as long as the robot's (m)."""
        way = at[f"{side}_{end}"] - at[f"{side}_{start}"]
        length = float(np.linalg.norm(self._lengths.bones[f"{side}_{start}"]))
        return way * (length / max(float(np.linalg.norm(way)), 1e-6))

    def _foot(
        self,
        k: int,
        at: dict[str, np.ndarray],
        by: dict[str, np.ndarray],
        pos: dict[str, np.ndarray],
        stands: bool,
    ) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "4"]]:
        """One ankle: under the robot's leg as the human's is, nowhere with its sole under the floor."""
        side, height = SIDES[k], self._lengths.ankle_height
        hip = pos["pelvis"] + quat_apply(by["pelvis"], self._lengths.hips[side])
        ankle = hip + self._bone(side, "hip", "knee", at) + self._bone(side, "knee", "ankle", at)
        ankle[2] = height + self._scale * (at[f"{side}_ankle"][2] - self._touch.level[0])
        quat = by[f"{side}_ankle"]
        if stands:
            if not self._stood[k]:
                self._at[k], self._yaw[k] = ankle, float(quat_yaw(quat))
            self._stood[k] = True
            return np.array([*self._at[k, :2], height]), quat_about("z", np.asarray(self._yaw[k]))
        self._stood[k] = False
        lowest = ankle[2] + float(quat_apply(quat, self._soles[k])[:, 2].min())
        ankle[2] -= min(lowest, 0.0)
        return ankle, quat


def _leg(at: dict[str, np.ndarray]) -> float:
    """Thigh and shank of a human, both sides averaged (m). Raises SkeletonMismatch where they have no length."""
    bones = [
        (f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    length = 0.5 * float(sum(np.linalg.norm(at[b] - at[a]) for a, b in bones))
    if length < 0.01:
        raise SkeletonMismatch("The legs of this human have no length.")
    return length
