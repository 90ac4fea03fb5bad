"""What the robot touches: itself, and the floor, through it, over it and along it.

Stance always comes from the human (``stance.detect``). The floor is z = 0. Depths and heights are in metres
here and in millimetres in the values. What a robot has not got, soles or a way to the floor, is not measured.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from understudy.evaluate.metric import Metric, average, frame_share, unmeasured
from understudy.evaluate.stance import Stance
from understudy.evaluate.tracks import HumanTracks, RobotTracks
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot

UNDER_FLOOR, FULL_SIZE = 0.005, 1.3
"""A body deeper than this (m) is under the floor; less is within the give of a rubber sole. A robot that is lower than
``FULL_SIZE`` (m) has smaller soles, and is allowed less in proportion."""
Paths = Mapping[str, Float[np.ndarray, "time 3"]]
NO_STANCE = "the human never stands flat on a foot in this clip"
NO_FEET = "the robot has no feet"
NO_PAIRS = "no two primitives of the robot can meet"
CALLED = {
    "self_collision": ("Self-collision", "%"),
    "self_collision_depth": ("Its mean depth", "mm"),
    "self_collision_max": ("Its greatest depth", "mm"),
    "floor_penetration": ("Under the floor", "%"),
    "floor_depth_max": ("Deepest", "mm"),
    "feet_depth": ("Feet under the floor", "mm"),
    "floor_penetration_alone": ("Under the floor, human above", "%"),
    "sole_height_error": ("Sole height in flat stance", "mm"),
    "stance_float": ("Float in stance", "mm"),
    "flat_skating": ("Skating, flat foot", "cm/s"),
    "flat_skating_human": ("— scaled human", "cm/s"),
    "toe_skating": ("Skating, on the toes", "cm/s"),
    "toe_skating_human": ("— scaled human", "cm/s"),
}
"""Label and unit of every metric here."""
COLLIDING, UNDER, STANDING = tuple(CALLED)[:3], tuple(CALLED)[3:6], tuple(CALLED)[7:]
"""Those of the robot with itself, of the robot and the floor, and those that need to know when a foot stands."""
PER_METRE = {"mm": 1e3, "cm/s": 100}


def not_measured(keys: Sequence[str], why: str) -> list[Metric]:
    """These metrics without values."""
    return [unmeasured(key, *CALLED[key], why) for key in keys]


def floor_give(robot: Robot) -> float:
    """How deep (m) under the floor is still on it: 5 mm, and less for robots below 1.3 m."""
    return UNDER_FLOOR * min(1.0, robot.height / FULL_SIZE)


def no_floor(robot: Robot) -> str:
    """Why a robot's distance from the floor says nothing about its motion; empty where it does."""
    return "the base is fixed" if robot.fixed_base else ""


def self_collision(robot: RobotTracks) -> list[Metric]:
    """Frames in which two primitives overlap, the mean depth in those, and the deepest.

    Neighbours in the tree, hands and pairs that overlap by construction are left out. The first series is the
    depth (m).
    """
    if not len(robot.clearances.capsules.pairs):
        return not_measured(COLLIDING, NO_PAIRS)
    depth = np.maximum(-robot.clearances.nearest, 0.0)
    hit = depth > 0
    note = "primitives; without neighbours in the tree, hands and pairs that overlap by construction"
    worst = int(depth.argmax())
    pair = " and ".join(robot.clearances.pair_names(worst))
    where = f"{pair} in frame {worst}" if hit.any() else "no collision"
    return [
        _share("self_collision", hit, note, depth),
        _mean("self_collision_depth", depth[hit], "over colliding frames", "no collision"),
        _greatest("self_collision_max", float(depth.max()), where, len(depth)),
    ]


def under_floor(robot: RobotTracks) -> list[Metric]:
    """Frames with a body more than ``floor_give`` under the floor, the deepest, and the mean depth of the soles."""
    if why := no_floor(robot.robot):
        return not_measured(UNDER, why)
    lowest, give = robot.clearances.lowest, floor_give(robot.robot)
    low = lowest.min(axis=1)
    frame, capsule = divmod(int(lowest.argmin()), lowest.shape[1])
    below = f"a body more than {give * 1e3:.2g} mm under the floor"
    body = robot.clearances.capsules.bodies[capsule]
    where = f"{body} in frame {frame}" if low.min() < 0 else "nothing under the floor"
    return [
        _share("floor_penetration", low < -give, below, low),
        _greatest("floor_depth_max", max(0.0, -float(low.min())), where, len(low)),
        *_feet_depth(robot),
    ]


def _feet_depth(robot: RobotTracks) -> list[Metric]:
    if not robot.soles:
        return not_measured(("feet_depth",), NO_FEET)
    soles = np.concatenate([np.maximum(-c[:, :, 2].min(axis=1), 0) for c in robot.soles.values()])
    return [_mean("feet_depth", soles, "mean over both feet and all frames", "")]


def under_floor_alone(robot: RobotTracks, human: HumanTracks) -> Metric:
    """Frames under the floor in which no landmark of the human is itself below its own floor."""
    if why := no_floor(robot.robot) or ("the human has no feet" if np.isnan(human.floor) else ""):
        return unmeasured("floor_penetration_alone", *CALLED["floor_penetration_alone"], why)
    under = robot.clearances.lowest.min(axis=1) < -floor_give(robot.robot)
    alone = under & (human.pos[:, :, 2].min(axis=1) >= human.floor)
    note = "of all frames, counting only those where no landmark of the human is under its own floor"
    return _share("floor_penetration_alone", alone, note)


def sole_heights(robot: RobotTracks) -> dict[str, Float[np.ndarray, "time"]]:
    """Height (m) of the lowest corner of each sole, negative under the floor; empty for a robot without feet."""
    return {side: corners[:, :, 2].min(axis=1) for side, corners in robot.soles.items()}


def sole_error(robot: RobotTracks, stance: Stance) -> Metric:
    """How far the sole's corners are from the floor in flat stance (mm): floating, sinking, tilting."""
    away = np.concatenate([np.abs(robot.soles[s][stance.flat[s], :, 2]).mean(axis=1) for s in SIDES])
    return _mean(
        "sole_height_error", away, "distance of the sole's corners from the floor, feet flat", NO_STANCE
    )


def stance_float(robot: RobotTracks, stance: Stance) -> Metric:
    """How far the sole's lowest corner hovers over the floor while the human's foot stands (mm)."""
    heights = sole_heights(robot)
    gap = np.concatenate([np.maximum(heights[s][stance.any[s]], 0) for s in SIDES])
    note = "lowest corner of the sole above the floor while the human's toe or heel rests on it"
    return _mean("stance_float", gap, note, "no stance in this clip")


def flat_skating(
    robot: RobotTracks, human: HumanTracks, stance: Stance, scale: float
) -> tuple[Metric, Metric]:
    """Horizontal speed (cm/s) of the foot in flat stance: the robot's, and the human's at the robot's size.

    The robot's sole is followed by the mean of its corners, the human's by the middle between ankle and toe.
    """
    robot_path = {s: robot.soles[s].mean(axis=1) for s in SIDES}
    human_path = {s: scale * 0.5 * (human.at(f"{s}_ankle") + human.at(_toe(human, s))) for s in SIDES}
    return _skating("flat_skating", robot_path, human_path, stance.flat, robot.fps)


def toe_skating(
    robot: RobotTracks, human: HumanTracks, stance: Stance, scale: float
) -> tuple[Metric, Metric]:
    """The same of the ball of the foot while only the toes rest on the floor (heel up)."""
    only = {s: stance.toe[s] & ~stance.heel[s] for s in SIDES}
    robot_path = {s: robot.at(_toe(robot, s)) for s in SIDES}
    human_path = {s: scale * human.at(_toe(human, s)) for s in SIDES}
    return _skating("toe_skating", robot_path, human_path, only, robot.fps)


def foot_speed(path: Float[np.ndarray, "time 3"], fps: float) -> Float[np.ndarray, "time"]:
    """Horizontal speed (m/s) from the frame before; zero in frame 0."""
    return np.linalg.norm(np.diff(path[:, :2], axis=0, prepend=path[:1, :2]), axis=-1) * fps


def _skating(
    key: str, robot: Paths, human: Paths, stands: Mapping[str, Bool[np.ndarray, "time"]], fps: float
) -> tuple[Metric, Metric]:
    """Mean horizontal speeds over the steps that begin and end in stance."""
    note = f"horizontal frame differences × {fps:g} fps, jitter included"
    empty = "no such stance in this clip"

    def slip(paths: Paths) -> np.ndarray:
        return np.concatenate([foot_speed(paths[s], fps)[1:][stands[s][1:] & stands[s][:-1]] for s in SIDES])

    return _mean(key, slip(robot), note, empty), _mean(f"{key}_human", slip(human), note, empty)


def _toe(tracks: HumanTracks | RobotTracks, side: str) -> str:
    return f"{side}_toe" if f"{side}_toe" in tracks else f"{side}_ankle"


def _share(key: str, frames: Bool[np.ndarray, "time"], note: str, series: np.ndarray | None = None) -> Metric:
    return frame_share(key, CALLED[key][0], frames, note, series)


def _mean(key: str, values: Float[np.ndarray, "n"], note: str, empty: str) -> Metric:
    """The mean of lengths (m) or speeds (m/s) in the metric's own unit."""
    label, unit = CALLED[key]
    return average(key, label, values, PER_METRE[unit], unit, note, empty)


def _greatest(key: str, value: float, note: str, over: int) -> Metric:
    label, unit = CALLED[key]
    return Metric(key, label, PER_METRE[unit] * value, unit, "lower", note, over)
