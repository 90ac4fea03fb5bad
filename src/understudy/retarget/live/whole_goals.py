"""What a streamed human asks of a whole robot, frame by frame, from nothing but the frames so far.

Limb bones keep the human's direction and take the robot's length, as in ``retarget.targets``; paths are scaled by the
ratio of leg lengths. A foot that stands is asked for once, flat and level, where it came down.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from understudy.errors import LimitError, SkeletonMismatch
from understudy.evaluate.stance import FULL_SIZE
from understudy.kinematics.kernels.live_arrays import LiveGoal
from understudy.kinematics.poses import landmark_tracks, posed
from understudy.motion.landmarks import LANDMARKS, SIDES
from understudy.motion.types import HumanFrame, Skeleton
from understudy.retarget.floor import THICKNESS
from understudy.retarget.lengths import LEG, RobotLengths, sole_offsets
from understudy.retarget.live.footholds import Foothold
from understudy.retarget.live.levels import Levels
from understudy.retarget.live.planting import Touch
from understudy.retarget.live.reading import at_rest
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_conj, quat_to_matrix

_SIDED = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
_NEEDED = ("pelvis", "chest", *(f"{side}_{part}" for part in _SIDED for side in SIDES))
_LEAP, _RUN = 0.3, 10.0
"""m, m/s: hips that move by more than 0.3 m and what a sprinter runs did not walk there."""
_THICK = 0.06
"""m: with a floor at z = 0, whatever feet rest on farther away from it is something else."""


@dataclass(frozen=True)
class WholeGoal:
    """Where the tasks are to be, and which feet (left, right) are to stand where their ankles are asked for."""

    tasks: LiveGoal
    planted: Bool[np.ndarray, "2"]


@dataclass
class WholeGoals:
    """Turns frames into goals. ``tasks`` are the names of the control's landmarks; ``ground`` is where the floor is:
    ``auto`` or ``flat``, where feet rest as far as has been seen; ``none``, the source's z = 0. Remembers feet, floor
    and how far the human has been carried about."""

    robot: Robot
    tasks: tuple[str, ...]
    ground: str = "auto"
    _skeleton: Skeleton | None = None
    _scale: float = 0.0
    _leg: float = 0.0
    _touch: Touch = field(default_factory=Touch)
    _levels: Levels = field(default_factory=Levels)
    _time: float = 0.0
    _seconds: float = 0.0
    _hips: Float[np.ndarray, "3"] | None = None
    _carried: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))

    def __post_init__(self) -> None:
        if self.ground not in ("auto", "flat", "none"):
            raise LimitError(f"ground is 'auto', 'flat' or 'none'; got {self.ground!r}.")
        place, _ = landmark_tracks(self.robot, posed(self.robot, self.robot.t_pose))
        self._mine = dict(zip(self.robot.landmarks.names, place[0].astype(np.float64), strict=True))
        self._lengths = RobotLengths.of(self.robot)
        self._holds = [self._hold(side) for side in SIDES]

    def _hold(self, side: str) -> Foothold:
        """A foot that rolls over its toe landmark, or over its middle where the robot has none."""
        sole, mine = sole_offsets(self.robot, side).astype(np.float64), self._mine
        toe = mine.get(f"{side}_toe", mine[f"{side}_ankle"]) - mine[f"{side}_ankle"]
        return Foothold(toe, sole, self._lengths.ankle_height)

    def fit(self, skeleton: Skeleton) -> None:
        """Get ready for a human. Raises SkeletonMismatch for one that lacks what is followed."""
        missing = sorted(set(_NEEDED) - set(skeleton.landmarks.names), key=LANDMARKS.index)
        if missing:
            raise SkeletonMismatch(
                f"Skeleton {skeleton.name!r} lacks landmarks that a whole body follows: {', '.join(missing)}."
            )
        self._skeleton, self._leg = skeleton, _leg(at_rest(skeleton), skeleton.name)
        self._scale = self._lengths.size / self._leg
        self._touch, self._levels, self._hips = Touch(), Levels(), None
        self._carried = np.zeros(3)
        for hold in self._holds:
            hold.reset()

    def step(self, frame: HumanFrame) -> WholeGoal:
        """The goal of one frame, a pose at a known time (``Reader``). Raises as ``fit`` does."""
        if frame.skeleton is not self._skeleton:
            self.fit(frame.skeleton)
        names = frame.skeleton.landmarks.names
        place, turn = frame.skeleton.landmarks.world(
            frame.pos.astype(np.float64), frame.quat.astype(np.float64)
        )
        self._seconds, self._time = max(frame.time - self._time, 0.0), frame.time
        place = place + self._carry(place[[names.index("left_hip"), names.index("right_hip")]].mean(0))
        at, by = dict(zip(names, place, strict=True)), dict(zip(names, turn, strict=True))
        standing = self._standing(at, by, frame.time)
        pos, quat = self._body(at, by)
        for k, side in enumerate(SIDES):
            pos[f"{side}_ankle"], quat[f"{side}_ankle"] = self._foot(k, at, by, pos, bool(standing[k]))
        rot = np.ascontiguousarray(quat_to_matrix(np.stack([quat[name] for name in self.tasks])))
        return WholeGoal(LiveGoal(np.stack([pos[name] for name in self.tasks]), rot), standing.copy())

    def _carry(self, hips: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
        """What is added to places (m): whoever is suddenly elsewhere, faster than anybody runs, was carried there, or
        lost and found; their path goes on from where it was."""
        if self._hips is not None:
            leap = hips + self._carried - self._hips
            if np.linalg.norm(leap) > _LEAP + _RUN * self._seconds:
                self._carried = self._carried - leap
        self._hips = hips + self._carried
        return self._carried

    def _standing(
        self, at: dict[str, np.ndarray], by: dict[str, np.ndarray], time: float
    ) -> Bool[np.ndarray, "2"]:
        """Which feet stand, by the heights at which feet have rested so far."""
        feet = np.array([[at[f"{side}_ankle"], at[f"{side}_toe"]] for side in SIDES])
        turn = quat_conj(np.stack([by[f"{side}_ankle"] for side in SIDES]))
        arch = -float(quat_apply(turn, feet[:, 1] - feet[:, 0])[:, 2].mean())
        size = min(1.0, self._leg / FULL_SIZE)
        self._touch.level = self._levels.step(feet, arch, self._seconds, size).copy()
        return self._touch.step(feet, time, size) & self._on_floor

    @property
    def _found(self) -> float:
        """How high the ground is that feet have found, m."""
        assert self._levels.rest is not None
        return float(self._levels.rest[0]) - THICKNESS["ankle"] * self._leg

    @property
    def _on_floor(self) -> bool:
        """Whether what feet rest on is the floor."""
        return self.ground != "none" or abs(self._found) < _THICK * min(1.0, self._leg / FULL_SIZE)

    @property
    def _floor(self) -> float:
        """The height of the floor in the human's world, m."""
        return 0.0 if self.ground == "none" else self._found

    @property
    def _thicker(self) -> float:
        """What the robot is thicker between ankle and sole than the scaled human, m."""
        return self._lengths.ankle_height - self._scale * THICKNESS["ankle"] * self._leg

    def _body(
        self, at: dict[str, np.ndarray], by: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Pelvis, trunk and arms: on the robot's own pelvis and shoulders, every bone in the human's direction."""
        mine, quat = self._mine, dict(by)
        hips = 0.5 * (at["left_hip"] + at["right_hip"])
        pelvis = self._scale * (hips - [0.0, 0.0, self._floor])
        pelvis[2] += self._thicker
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
        side, quat = SIDES[k], by[f"{SIDES[k]}_ankle"]
        hip = pos["pelvis"] + quat_apply(by["pelvis"], self._lengths.hips[side])
        pos[f"{side}_knee"] = hip + self._bone(side, "hip", "knee", at)
        ankle = pos[f"{side}_knee"] + self._bone(side, "knee", "ankle", at)
        ankle[2] = self._scale * (at[f"{side}_ankle"][2] - self._floor)
        ankle[2] += quat_apply(quat, np.array([0.0, 0.0, self._thicker]))[2]
        ball = bool(self._levels.balls[k]) and self._on_floor
        return self._holds[k].place(ankle, quat, flat=stands, ball=ball, seconds=self._seconds)


def _leg(at: dict[str, np.ndarray], name: str) -> float:
    """Thigh and shank of a human, both sides averaged (m). Raises SkeletonMismatch where they have no length."""
    length = 0.5 * float(sum(np.linalg.norm(at[b] - at[a]) for a, b in LEG.items()))
    if length < 0.01:
        raise SkeletonMismatch(f"The legs of skeleton {name!r} have no length.")
    return length
