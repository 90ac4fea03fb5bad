"""What a human frame asks of the robot: command scaling (MIRROR, Eq. 2).

The human is seen from its own pelvis, turned ahead; the robot's root stays. A keypoint p_t of an arm is scaled about
the human's shoulder p_c and put on the robot's shoulder x_c, wherever that is now:  x_d = β_t (p_t − p_c) + x_c, with
β_t the ratio of the arms' lengths from the shoulder to that point. Arms hang on shoulders; scaled about the trunk
instead, as in the paper, hands of a robot with broader shoulders would always be too far in.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from understudy.errors import SkeletonMismatch
from understudy.kinematics.kernels.live_arrays import LiveGoal, LivePose
from understudy.kinematics.poses import landmark_tracks, posed
from understudy.motion.landmarks import LANDMARKS, SIDES
from understudy.motion.types import HumanFrame, Skeleton
from understudy.retarget.live.problem import LiveProblem
from understudy.retarget.live.reading import at_rest
from understudy.robots.robot import Robot
from understudy.rotations import quat_about, quat_apply, quat_mul, quat_to_matrix, quat_yaw

_NEEDED = (
    "pelvis",
    "chest",
    *(f"{side}_{part}" for part in ("shoulder", "elbow", "wrist") for side in SIDES),
)
_ARM = ("shoulder", "elbow", "wrist", "hand")


@dataclass(frozen=True)
class Commands:
    """A skeleton and a robot, fitted: ``scale`` (β) by task; ``hand_beyond`` is how far the hand is beyond the wrist in
    parts of the forearm, for skeletons without hands."""

    skeleton: Skeleton
    scale: dict[str, float]
    hand_beyond: float

    @classmethod
    def fit(cls, skeleton: Skeleton, robot: Robot) -> "Commands":
        """From both bodies' own lengths. Raises SkeletonMismatch for a skeleton without arms."""
        missing = sorted(set(_NEEDED) - set(skeleton.landmarks.names), key=LANDMARKS.index)
        if missing:
            raise SkeletonMismatch(
                f"Skeleton {skeleton.name!r} lacks landmarks that LiveIK follows: {', '.join(missing)}."
            )
        theirs, mine = at_rest(skeleton), _places(robot)
        beyond = _length(mine, ("wrist", "hand")) / max(_length(mine, ("elbow", "wrist")), 1e-3)
        if "left_hand" not in theirs:
            for side in SIDES:
                wrist, elbow = theirs[f"{side}_wrist"], theirs[f"{side}_elbow"]
                theirs[f"{side}_hand"] = wrist + beyond * (wrist - elbow)
        scale = {}
        for end in ("elbow", "hand"):
            parts = _ARM[: _ARM.index(end) + 1]
            length = _length(theirs, parts)
            if length < 0.01:
                raise SkeletonMismatch(f"The arms of skeleton {skeleton.name!r} have no length.")
            scale |= {f"{side}_{end}": _length(mine, parts) / length for side in SIDES}
        return cls(skeleton, scale, beyond)

    def fill(self, frame: HumanFrame, problem: LiveProblem, pose: LivePose, goal: LiveGoal) -> None:
        """Write to ``goal`` what a frame that ``Reader`` has read asks for."""
        place, turn = frame.skeleton.landmarks.world(frame.pos, frame.quat)
        names = frame.skeleton.landmarks.names
        ahead = quat_about("z", -quat_yaw(turn[names.index("pelvis")]))
        place, turn = quat_apply(ahead, place), quat_mul(ahead, turn)
        for k, task in enumerate(problem.tasks):
            side, _, part = task.rpartition("_")
            # A hand without an orientation of its own is turned as its wrist.
            goal.rot[k] = quat_to_matrix(turn[names.index(task if task in names else f"{side}_wrist")])
            if part == "chest":
                continue
            shoulder = names.index(f"{side}_shoulder")
            link, point = problem.mark(f"{side}_shoulder")
            anchor = pose.pos[link] + pose.rot[link] @ point
            goal.pos[k] = anchor + self.scale[task] * (self._point(task, place, names) - place[shoulder])

    def _point(
        self, task: str, place: Float[np.ndarray, "landmark 3"], names: tuple[str, ...]
    ) -> Float[np.ndarray, "3"]:
        if task in names:
            return place[names.index(task)]
        side = task.partition("_")[0]
        wrist, elbow = place[names.index(f"{side}_wrist")], place[names.index(f"{side}_elbow")]
        return wrist + self.hand_beyond * (wrist - elbow)


def _places(robot: Robot) -> dict[str, np.ndarray]:
    """The robot's landmarks in its T-pose, m."""
    place, _ = landmark_tracks(robot, posed(robot, robot.t_pose))
    return dict(zip(robot.landmarks.names, place[0].astype(np.float64), strict=True))


def _length(places: dict[str, np.ndarray], parts: tuple[str, ...]) -> float:
    """From part to part, both sides averaged, m."""
    ways = [
        np.linalg.norm(places[f"{side}_{b}"] - places[f"{side}_{a}"])
        for side in SIDES
        for a, b in pairwise(parts)
    ]
    return 0.5 * float(sum(ways))
