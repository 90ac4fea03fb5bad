"""How faithfully a robot motion follows the human: positions of key points and orientations of landmarks."""

import numpy as np

from understudy.evaluate.metric import Metric, unmeasured
from understudy.evaluate.reference import (
    KEYPOINTS,
    Reference,
    heading_apart,
    orientation_error,
    oriented,
    relative_error,
    world_error,
)
from understudy.evaluate.scope import Scope
from understudy.evaluate.tracks import HumanTracks, RobotTracks

MISALIGNED = np.pi / 6
"""A robot that faces away from the human by more than this (rad) throughout has other axes in its file."""


def keypoint_error(robot: RobotTracks, reference: Reference, human: HumanTracks, scope: Scope) -> Metric:
    """Mean distance (cm) of knees, ankles, elbows and wrists from the reference, seen from the pelvis.

    Only limbs in ``scope`` count. The note warns where the two clips disagree about which way is forward, for then
    nothing compared means much.
    """
    key, label, unit = "keypoint_error", "Key points", "cm"
    if not reference.names:
        return unmeasured(key, label, unit, f"{scope.legs} and {scope.arms}")
    error = relative_error(robot, reference)
    parts = dict.fromkeys(name.split("_")[-1] + "s" for name in KEYPOINTS if name in reference.names)
    note = f"{', '.join(parts)}; the human's bone directions at the robot's segment lengths"
    note += ", the human seen from its own pelvis" if scope.held else ""
    apart = heading_apart(robot, human)
    if abs(apart) > MISALIGNED:
        note = (
            f"the robot faces {np.rad2deg(apart):+.0f}° away from the human throughout: turn one of the clips"
        )
    return Metric(key, label, 100 * float(error.mean()), unit, "lower", note, len(error), error.mean(axis=1))


def keypoint_error_world(robot: RobotTracks, reference: Reference, scope: Scope) -> Metric:
    """The same (cm) in the world, with the human's path scaled by the leg length ratio."""
    key, label, unit = "keypoint_error_world", "Key points, world", "cm"
    if scope.path:
        return unmeasured(key, label, unit, scope.path)
    error = world_error(robot, reference)
    note = f"path scaled by {reference.scale:.3f}, the ratio of leg lengths; mean horizontal offset removed"
    return Metric(key, label, 100 * float(error.mean()), unit, "lower", note, len(error), error.mean(axis=1))


def orientation(robot: RobotTracks, human: HumanTracks, scope: Scope) -> Metric:
    """Mean angle (degrees) between the landmark frames of robot and human; the series is in rad."""
    key, label, unit = "orientation_error", "Orientation", "deg"
    if not oriented(robot, human, scope):
        return unmeasured(key, label, unit, "no landmark of both bodies can move")
    error = orientation_error(robot, human, scope)
    trunk = "chest and limbs" if scope.held else "pelvis, chest and limbs"
    return Metric(
        key,
        label,
        float(np.rad2deg(error.mean())),
        unit,
        "lower",
        f"mean over {error.shape[1]} landmarks of {trunk}",
        len(error),
        error.mean(axis=1),
    )
