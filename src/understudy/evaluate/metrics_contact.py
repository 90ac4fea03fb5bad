"""What the robot touches: itself, and the floor, through it, over it and along it.

Stance always comes from the human (``stance.detect``). The floor is z = 0. Depths and heights are in metres
here and in millimetres in the values.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from understudy.evaluate.metric import Metric, average, frame_share
from understudy.evaluate.stance import Stance
from understudy.evaluate.tracks import HumanTracks, RobotTracks
from understudy.motion.landmarks import SIDES

UNDER_FLOOR = 0.005
"""A body deeper than this (m) is under the floor; less is within the give of a rubber sole."""
Paths = Mapping[str, Float[np.ndarray, "time 3"]]
NO_STANCE = "the human never stands flat on a foot in this clip"


def self_collision(robot: RobotTracks) -> list[Metric]:
    """Frames in which two primitives overlap, the mean depth in those, and the deepest.

    Neighbours in the tree, hands and pairs that overlap by construction are left out. The first series is the
    depth (m).
    """
    depth = np.maximum(-robot.clearances.nearest, 0.0)
    hit = depth > 0
    note = "primitives; without neighbours in the tree, hands and pairs that overlap by construction"
    worst = int(depth.argmax())
    where = (
        f"{' and '.join(robot.clearances.pair_names(worst))} in frame {worst}"
        if hit.any()
        else "no collision"
    )
    return [
        frame_share("self_collision", "Self-collision", hit, note, depth),
        average(
            "self_collision_depth",
            "Its mean depth",
            depth[hit],
            1e3,
            "mm",
            "over colliding frames",
            "no collision",
        ),
        Metric(
            "self_collision_max",
            "Its greatest depth",
            1e3 * float(depth.max()),
            "mm",
            "lower",
            where,
            len(depth),
        ),
    ]


def under_floor(robot: RobotTracks) -> list[Metric]:
    """Frames with a body more than 5 mm under the floor, the deepest, and the mean depth of the soles."""
    lowest = robot.clearances.lowest
    low = lowest.min(axis=1)
    frame, capsule = divmod(int(lowest.argmin()), lowest.shape[1])
    below = f"a body more than {UNDER_FLOOR * 1e3:g} mm under the floor"
    soles = np.concatenate([np.maximum(-c[:, :, 2].min(axis=1), 0) for c in robot.soles.values()])
    where = (
        f"{robot.clearances.capsules.bodies[capsule]} in frame {frame}"
        if low.min() < 0
        else "nothing under the floor"
    )
    return [
        frame_share("floor_penetration", "Under the floor", low < -UNDER_FLOOR, below, low),
        Metric(
            "floor_depth_max", "Deepest", 1e3 * max(0.0, -float(low.min())), "mm", "lower", where, len(low)
        ),
        average(
            "feet_depth", "Feet under the floor", soles, 1e3, "mm", "mean over both feet and all frames", ""
        ),
    ]


def under_floor_alone(robot: RobotTracks, human: HumanTracks) -> Metric:
    """Frames under the floor in which no landmark of the human is itself below its own floor."""
    under = robot.clearances.lowest.min(axis=1) < -UNDER_FLOOR
    alone = under & (human.pos[:, :, 2].min(axis=1) >= human.floor)
    note = "of all frames, counting only those where no landmark of the human is under its own floor"
    return frame_share("floor_penetration_alone", "Under the floor, human above", alone, note)


def sole_heights(robot: RobotTracks) -> dict[str, Float[np.ndarray, "time"]]:
    """Height (m) of the lowest corner of each sole; negative under the floor."""
    return {side: corners[:, :, 2].min(axis=1) for side, corners in robot.soles.items()}


def sole_error(robot: RobotTracks, stance: Stance) -> Metric:
    """How far the sole's corners are from the floor in flat stance (mm): floating, sinking, tilting."""
    away = np.concatenate([np.abs(robot.soles[s][stance.flat[s], :, 2]).mean(axis=1) for s in SIDES])
    note = "distance of the sole's corners from the floor, feet flat"
    return average("sole_height_error", "Sole height in flat stance", away, 1e3, "mm", note, NO_STANCE)


def stance_float(robot: RobotTracks, stance: Stance) -> Metric:
    """How far the sole's lowest corner hovers over the floor while the human's foot stands (mm)."""
    heights = sole_heights(robot)
    gap = np.concatenate([np.maximum(heights[s][stance.any[s]], 0) for s in SIDES])
    note = "lowest corner of the sole above the floor while the human's toe or heel rests on it"
    return average("stance_float", "Float in stance", gap, 1e3, "mm", note, "no stance in this clip")


def flat_skating(
    robot: RobotTracks, human: HumanTracks, stance: Stance, scale: float
) -> tuple[Metric, Metric]:
    """Horizontal speed (cm/s) of the foot in flat stance: the robot's, and the human's at the robot's size.

    The robot's sole is followed by the mean of its corners, the human's by the middle between ankle and toe.
    """
    robot_path = {s: robot.soles[s].mean(axis=1) for s in SIDES}
    human_path = {s: scale * 0.5 * (human.at(f"{s}_ankle") + human.at(_toe(human, s))) for s in SIDES}
    return _skating("flat_skating", "Skating, flat foot", robot_path, human_path, stance.flat, robot.fps)


def toe_skating(
    robot: RobotTracks, human: HumanTracks, stance: Stance, scale: float
) -> tuple[Metric, Metric]:
    """The same of the ball of the foot while only the toes rest on the floor (heel up)."""
    only = {s: stance.toe[s] & ~stance.heel[s] for s in SIDES}
    robot_path = {s: robot.at(_toe(robot, s)) for s in SIDES}
    human_path = {s: scale * human.at(_toe(human, s)) for s in SIDES}
    return _skating("toe_skating", "Skating, on the toes", robot_path, human_path, only, robot.fps)


def foot_speed(path: Float[np.ndarray, "time 3"], fps: float) -> Float[np.ndarray, "time"]:
    """Horizontal speed (m/s) from the frame before; zero in frame 0."""
    return np.linalg.norm(np.diff(path[:, :2], axis=0, prepend=path[:1, :2]), axis=-1) * fps


def _skating(
    key: str,
    label: str,
    robot: Paths,
    human: Paths,
    stands: Mapping[str, Bool[np.ndarray, "time"]],
    fps: float,
) -> tuple[Metric, Metric]:
    """Mean horizontal speeds over the steps that begin and end in stance."""
    note = f"horizontal frame differences × {fps:g} fps, jitter included"
    empty = "no such stance in this clip"

    def slip(paths: Paths) -> np.ndarray:
        return np.concatenate([foot_speed(paths[s], fps)[1:][stands[s][1:] & stands[s][:-1]] for s in SIDES])

    return (
        average(key, label, slip(robot), 100, "cm/s", note, empty),
        average(f"{key}_human", "— scaled human", slip(human), 100, "cm/s", note, empty),
    )


def _toe(tracks: HumanTracks | RobotTracks, side: str) -> str:
    return f"{side}_toe" if f"{side}_toe" in tracks else f"{side}_ankle"
