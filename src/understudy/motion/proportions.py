"""A mean adult, for motions whose own body is not at hand.

Clips of SMPL parameters describe a person by coefficients that mean something only together with the licensed model.
Without that model the motion is put on this body. Its lengths are published anthropometry, as parts of the stature:

- heights of ankle, knee, hip and shoulder, and the foot: Drillis & Contini, Body Segment Parameters (1966), as in
  Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1;
- upper arm, forearm and hand from joint centre to joint centre: de Leva, J. Biomech. 29 (1996), mean of both sexes;
- stature: about the mean of both sexes in the CAESAR survey, the people that SMPL was made of.

Anthropometry knows no joints called ``spine2`` or ``collar``; the trunk's joints stand at the heights of the
vertebrae that they bend about, and the root a little above the hips, where the models have theirs. The zero pose of
the models is no perfect T-pose, and motions are turned from it; its limbs lie as theirs do to the degree.
"""

import numpy as np
from jaxtyping import Float

from understudy.motion.landmarks import SIDES

STATURE = 1.70
"""Metres."""

TRUNK = {
    "pelvis": (0.000, 0.550),
    "spine1": (-0.005, 0.610),
    "spine2": (-0.005, 0.690),
    "spine3": (0.000, 0.725),
    "neck": (-0.015, 0.835),
    "head": (0.000, 0.877),
}
"""Forward of the hips and above the floor, as parts of the stature."""
HIP = 0.530
THIGH, SHIN = 0.245, 0.246
HIPS_APART, SHOULDERS_APART = 0.095, 0.205
"""Joint centre to joint centre."""
COLLAR = (-0.005, 0.045, 0.805)
SHOULDER_HEIGHT = 0.818
UPPER_ARM, FOREARM, PALM = 0.160, 0.153, 0.048
"""The palm reaches from the wrist to the middle of the knuckles."""
BALL_AHEAD, BALL_BELOW, TOES_OUT = 0.072, 0.028, 10.0
"""From the ankle to the ball of the foot; degrees that feet point outwards."""

THIGH_OUT, SHIN_IN, SHIN_BACK = 5.0, 2.0, 6.0
ARM_DOWN, ARM_BACK, FOREARM_UP = 3.0, 6.0, 2.0
"""Degrees by which the limbs leave the T-pose in the models' zero pose."""


def mean_adult() -> dict[str, Float[np.ndarray, "3"]]:
    """Where each joint of SMPL is in the zero pose: x forward, y left, z up (m), the origin at the root joint."""
    rest = {name: np.array([ahead, 0.0, height]) for name, (ahead, height) in TRUNK.items()}
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        mirror = np.array([1.0, sign, 1.0])
        rest |= {f"{side}_{part}": mirror * place for part, place in {**_leg(), **_arm()}.items()}
    return {name: STATURE * (place - rest["pelvis"]) for name, place in rest.items()}


def _leg() -> dict[str, np.ndarray]:
    """The left leg."""
    out, inward, back, toes = np.radians([THIGH_OUT, SHIN_IN, SHIN_BACK, TOES_OUT])
    hip = np.array([0.0, 0.5 * HIPS_APART, HIP])
    knee = hip + THIGH * np.array([0.0, np.sin(out), -np.cos(out)])
    ankle = knee + SHIN * _unit(-np.tan(back), -np.tan(inward), -1.0)
    ball = ankle + np.array([BALL_AHEAD * np.cos(toes), BALL_AHEAD * np.sin(toes), -BALL_BELOW])
    return {"hip": hip, "knee": knee, "ankle": ankle, "foot": ball}


def _arm() -> dict[str, np.ndarray]:
    """The left arm."""
    down, back, up = np.tan(np.radians([ARM_DOWN, ARM_BACK, FOREARM_UP]))
    shoulder = np.array([TRUNK["neck"][0], 0.5 * SHOULDERS_APART, SHOULDER_HEIGHT])
    elbow = shoulder + UPPER_ARM * _unit(-back, 1.0, -down)
    wrist = elbow + FOREARM * _unit(0.0, 1.0, up)
    return {
        "collar": np.array(COLLAR),
        "shoulder": shoulder,
        "elbow": elbow,
        "wrist": wrist,
        "hand": wrist + PALM * _unit(0.0, 1.0, 0.0),
    }


def _unit(x: float, y: float, z: float) -> np.ndarray:
    v = np.array([x, y, z])
    return v / np.linalg.norm(v)
