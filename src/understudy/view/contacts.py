"""Where bodies touch the floor, as their clips say: tracks named ``contact_left_toe`` and so on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from understudy import kinematics
from understudy.motion.landmarks import SIDES
from understudy.motion.types import HumanMotion, RobotMotion, Tracks
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply

PREFIX = "contact_"
"""What the names of such tracks begin with; ``understudy retarget`` reads and writes them."""
LEFT, RIGHT, MIDDLE = "#2f7f79", "#7a5195", "#34597f"
"""The colours of a body's sides, in pictures as in curves."""
HEEL = (-0.25, 0.0, -0.25)
"""Where a human's heel is in the ankle's frame (x forward, z up), in lengths from ankle to toe."""
FLESH = {
    "left_hand": ("left_hand", "left_wrist"),
    "right_hand": ("right_hand", "right_wrist"),
    "back": ("chest",),
}
"""The landmarks, the first that a body has, of contacts that are not called like one."""

Paths = Mapping[str, Float[np.ndarray, "time 3"]]


@dataclass(frozen=True, eq=False)
class Marks:
    """Points of a body (m, world) that touch the floor in some frames."""

    names: tuple[str, ...]
    pos: Float[np.ndarray, "time mark 3"]
    touching: Bool[np.ndarray, "time mark"]

    def rows(self, rows: Int[np.ndarray, "moment"]) -> "Marks":
        """The marks at some frames."""
        return Marks(self.names, self.pos[rows], self.touching[rows])

    def moved(self, offset: Float[np.ndarray, "time 3"]) -> "Marks":
        """The marks of a body that is shifted by an offset for every frame (m)."""
        return Marks(self.names, self.pos + offset[:, None], self.touching)

    def now(self, frame: int) -> list[tuple[str, Float[np.ndarray, "3"]]]:
        """What touches the floor at a frame, and where."""
        on = np.flatnonzero(self.touching[frame])
        return [(self.names[i], self.pos[frame, i]) for i in on]


def touching(tracks: Tracks) -> dict[str, Bool[np.ndarray, "time"]]:
    """The contacts that a clip carries, by name; a number of at least one half means contact."""
    return {
        key.removeprefix(PREFIX): np.asarray(values, float) >= 0.5
        for key, values in tracks.items()
        if key.startswith(PREFIX) and np.ndim(values) == 1 and np.asarray(values).dtype.kind in "biuf"
    }


def side_colour(name: str) -> str:
    """The colour of a contact by the side that it is on."""
    return LEFT if name.startswith("left_") else RIGHT if name.startswith("right_") else MIDDLE


def human_marks(motion: HumanMotion) -> Marks | None:
    """The contacts of a human, where the mannequin has them; None if the clip carries none."""
    if not (found := touching(motion.tracks)):
        return None
    pos, quat = motion.landmarks()
    at = {name: pos[:, i] for i, name in enumerate(motion.skeleton.landmarks.names)}
    heels = {}
    for side in SIDES:
        if f"{side}_ankle" in at and f"{side}_toe" in at:
            turn = quat[:, motion.skeleton.landmarks.index(f"{side}_ankle")]
            length = float(np.median(np.linalg.norm(at[f"{side}_toe"] - at[f"{side}_ankle"], axis=-1)))
            heels[f"{side}_heel"] = at[f"{side}_ankle"] + quat_apply(
                turn, length * np.array(HEEL, np.float32)
            )
    return _marks(found, at | heels)


def robot_marks(motion: RobotMotion, robot: Robot) -> Marks | None:
    """The contacts of a robot: toes and heels in the middle of the front and of the back of its soles; None if the
    clip carries none."""
    if not (found := touching(motion.tracks)):
        return None
    bodies = kinematics.body_tracks(robot, motion)
    pos, quat = robot.landmarks.world(bodies.pos, bodies.quat)
    at = {name: pos[:, i] for i, name in enumerate(robot.landmarks.names)}
    for side, foot in robot.feet.items():
        body = robot.body_index(foot.body)
        corners = bodies.pos[:, body, None] + quat_apply(bodies.quat[:, body, None], foot.sole)
        ahead = quat_apply(quat[0, robot.landmarks.index(f"{side}_ankle")], np.array([1.0, 0.0, 0.0]))
        along = corners[0] @ ahead
        front = along > along.mean()
        at |= {f"{side}_toe": corners[:, front].mean(axis=1), f"{side}_heel": corners[:, ~front].mean(axis=1)}
    return _marks(found, at)


def _marks(found: Mapping[str, Bool[np.ndarray, "time"]], at: Paths) -> Marks | None:
    """The contacts that the body has a place for."""
    places = {name: next((p for p in FLESH.get(name, (name,)) if p in at), None) for name in found}
    names = tuple(name for name, place in places.items() if place is not None)
    if not names:
        return None
    pos = np.stack([at[place] for place in places.values() if place is not None], axis=1)
    return Marks(names, pos.astype(np.float32), np.stack([found[name] for name in names], axis=1))
