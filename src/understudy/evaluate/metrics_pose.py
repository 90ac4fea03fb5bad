"""How faithfully a robot motion follows the human: positions of key points and orientations of landmarks."""

import numpy as np

from understudy.evaluate.metric import Metric
from understudy.evaluate.reference import (
    Reference,
    heading_apart,
    orientation_error,
    relative_error,
    world_error,
)
from understudy.evaluate.tracks import HumanTracks, RobotTracks

MISALIGNED = np.pi / 6
"""A robot that faces away from the human by more than this (rad) throughout has other axes in its file."""


def keypoint_error(robot: RobotTracks, reference: Reference, human: HumanTracks) -> Metric:
    """Mean distance (cm) of knees, ankles, elbows and wrists from the reference, seen from the pelvis.

    The note warns where the two clips disagree about which way is forward, for then nothing compared means
    much.
    """
    error = relative_error(robot, reference)
    note = "knees, ankles, elbows, wrists; the human's bone directions at the robot's segment lengths"
    apart = heading_apart(robot, human)
    if abs(apart) > MISALIGNED:
        note = (
            f"the robot faces {np.rad2deg(apart):+.0f}° away from the human throughout: turn one of the clips"
        )
    return Metric(
        "keypoint_error",
        "Key points",
        100 * float(error.mean()),
        "cm",
        "lower",
        note,
        len(error),
        error.mean(axis=1),
    )


def keypoint_error_world(robot: RobotTracks, reference: Reference) -> Metric:
    """The same (cm) in the world, with the human's path scaled by the leg length ratio."""
    error = world_error(robot, reference)
    note = f"path scaled by {reference.scale:.3f}, the ratio of leg lengths; mean horizontal offset removed"
    return Metric(
        "keypoint_error_world",
        "Key points, world",
        100 * float(error.mean()),
        "cm",
        "lower",
        note,
        len(error),
        error.mean(axis=1),
    )


def orientation(robot: RobotTracks, human: HumanTracks) -> Metric:
    """Mean angle (degrees) between the landmark frames of robot and human; the series is in rad."""
    error = orientation_error(robot, human)
    return Metric(
        "orientation_error",
        "Orientation",
        float(np.rad2deg(error.mean())),
        "deg",
        "lower",
        f"mean over {error.shape[1]} landmarks of pelvis, chest and limbs",
        len(error),
        error.mean(axis=1),
    )
