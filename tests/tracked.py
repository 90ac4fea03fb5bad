"""Made trackers: the points that a pose estimator would see on a body whose true orientations are known."""

import numpy as np

from understudy.motion import HumanMotion
from understudy.motion.formats.keypoint_layouts import LAYOUTS
from understudy.rotations import quat_angle, quat_apply

_LEFT = {
    "eye": ("head", (0.09, 0.03, 0.06)),
    "ear": ("head", (0.0, 0.075, 0.045)),
    "heel": ("left_ankle", (-0.05, 0.0, -0.06)),
    "toe_tip": ("left_ankle", (0.20, -0.02, -0.065)),
    "small_toe": ("left_ankle", (0.16, 0.05, -0.065)),
    "index": ("left_hand", (0.035, 0.0, 0.0)),
    "pinky": ("left_hand", (-0.035, 0.0, 0.0)),
    "thumb": ("left_hand", (0.06, -0.05, 0.0)),
}


def tracked(human: HumanMotion) -> dict[str, np.ndarray]:
    """All points by name (time, 3): the landmarks, and face, feet and fingers fixed to them."""
    names = human.skeleton.landmarks.names
    pos, quat = (dict(zip(names, np.moveaxis(v.astype(float), 1, 0), strict=True)) for v in human.landmarks())
    out = dict(pos)

    def fix(name, carrier, offset):
        out[name] = pos[carrier] + quat_apply(quat[carrier], np.broadcast_to(offset, pos[carrier].shape))

    fix("nose", "head", (0.10, 0.0, 0.03))
    fix("head_top", "head", (0.0, 0.0, 0.17))
    for part, (carrier, (x, y, z)) in _LEFT.items():
        fix(f"left_{part}", carrier, (x, y, z))
        fix(f"right_{part}", carrier.replace("left", "right"), (x, -y, z))
    return out


def keypoints(human: HumanMotion, layout: str) -> np.ndarray:
    """What a tracker of this layout sees (time, point, 3) in the world; NaN for points that nothing is made of."""
    points = tracked(human)
    gap = np.full((human.frames, 3), np.nan)
    return np.stack([points.get(name, gap) for name in LAYOUTS[layout].points], axis=1)


def errors(found: HumanMotion, truth: HumanMotion) -> dict[str, np.ndarray]:
    """Angles (degrees) between two motions' landmarks over time."""
    names = truth.skeleton.landmarks.names
    rows = [found.skeleton.landmarks.names.index(name) for name in names]
    apart = quat_angle(found.landmarks()[1][:, rows].astype(float), truth.landmarks()[1].astype(float))
    return dict(zip(names, np.degrees(apart).T, strict=True))
