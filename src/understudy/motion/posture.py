"""Questions about single poses of a body: is it upright, is it a T-pose, which way does it face, how tall is
it.

Everywhere here ``points`` maps landmark names to positions (..., 3) with z up; the unit does not matter.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.landmarks import SIDES

Points = Mapping[str, Float[np.ndarray, "*batch 3"]]

JOINTS_PER_STATURE = 0.845
"""Thigh, shin and the way from the hips to the head joint, laid end to end, as a part of the standing height
(the rest is the ankle's height and the skull). Between 0.84 and 0.85 on bodies whose soles and head tops are
known."""


def points_of(biped: Biped, pos: Float[np.ndarray, "*batch joint 3"]) -> dict[str, np.ndarray]:
    """The landmarks that have a joint of their own, and the foot tips as ``left_tip`` and ``right_tip``."""
    out = {name: pos[..., j, :] for name, j in biped.joints.items()}
    for side in SIDES:
        tip = biped.joints.get(f"{side}_toe", biped.ends.get(f"{side}_toe"))
        if tip is not None:
            out[f"{side}_tip"] = pos[..., tip, :]
    return out


def unit(v: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Directions; what is too short to have one becomes zero."""
    size = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.where(size > 1e-12, v, 0.0) / np.maximum(size, 1e-12)


def middle(points: Points, part: str) -> np.ndarray:
    return 0.5 * (points[f"left_{part}"] + points[f"right_{part}"])


def across(points: Points) -> np.ndarray:
    """The direction from right to left (..., 3), horizontal, from hips and shoulders."""
    v = unit(points["left_hip"] - points["right_hip"]) + unit(
        points["left_shoulder"] - points["right_shoulder"]
    )
    return unit(v * [1.0, 1.0, 0.0])


def stature(points: Points) -> float:
    """Standing height, from bone lengths, in the unit of the points."""
    # From between the hips, because the pelvis's own joint may lie above or below them.
    way = [middle(points, "hip")] + [points[n] for n in ("spine", "chest", "neck", "head") if n in points]
    trunk = sum(np.median(np.linalg.norm(a - b, axis=-1)) for a, b in pairwise(way))
    return float((leg_length(points) + trunk) / JOINTS_PER_STATURE)


def leg_length(points: Points) -> float:
    """Hip to knee to ankle along the bones, the medians of a clip, both legs averaged, in the unit of the points."""
    bones = [
        points[f"{side}_{a}"] - points[f"{side}_{b}"]
        for side in SIDES
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    lengths = np.linalg.norm(bones, axis=-1).reshape(len(bones), -1)
    return float(np.median(lengths, axis=1).sum() / len(SIDES))


def angle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Between two directions (..., 3), in degrees (...)."""
    return np.asarray(np.degrees(np.arccos(np.clip((unit(u) * unit(v)).sum(-1), -1.0, 1.0))))


def is_human_like(points: Points) -> bool:
    """Whether one pose (3,) each is that of a standing human: T-pose, A-pose or arms down, feet forward."""
    up = np.array([0.0, 0.0, 1.0])
    left = across(points)
    forward = np.cross(left, up)
    trunk = middle(points, "shoulder") - middle(points, "hip")
    if angle(trunk, up) > 30 or abs(points["left_hip"] - points["right_hip"])[2] > 0.3 * np.linalg.norm(
        trunk
    ):
        return False
    if angle(points["head"] - middle(points, "shoulder"), up) > 60:
        return False
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        thigh = points[f"{side}_knee"] - points[f"{side}_hip"]
        shin = points[f"{side}_ankle"] - points[f"{side}_knee"]
        arm = points[f"{side}_elbow"] - points[f"{side}_shoulder"]
        forearm = points[f"{side}_wrist"] - points[f"{side}_elbow"]
        if max(angle(thigh, -up), angle(shin, -up)) > 35 or angle(arm, forearm) > 60:
            return False
        if angle(arm, up) < 60 or (sign * arm @ left < -0.2 * np.linalg.norm(arm)):
            return False
        tip = points.get(f"{side}_tip")
        if tip is not None:
            foot = unit(tip - points[f"{side}_ankle"])
            if abs(foot[2]) > 0.9 or foot @ forward < 0.1:
                return False
    return True


def t_pose_error(points: Points) -> Float[np.ndarray, "*batch"]:
    """The largest angle (degrees) by which a limb or the trunk leaves the T-pose, for each pose."""
    up = np.broadcast_to([0.0, 0.0, 1.0], points["pelvis"].shape)
    left = across(points)
    errors = [angle(middle(points, "shoulder") - middle(points, "hip"), up)]
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        for a, b, way in (
            ("hip", "knee", -up),
            ("knee", "ankle", -up),
            ("shoulder", "elbow", sign * left),
            ("elbow", "wrist", sign * left),
        ):
            errors.append(angle(points[f"{side}_{b}"] - points[f"{side}_{a}"], way))
    return np.asarray(np.max(errors, axis=0))
