"""World orientations of all landmarks from their places: bones, hinges, upright trunks and level soles.

Canonical frames (x forward, y left, z up in the T-pose). Places come from ``completion_points``.
"""

import numpy as np
from jaxtyping import Float

from understudy.motion.calibrate import ANKLE, BALL, HAND
from understudy.motion.calibrate_pose import UP, swing
from understudy.motion.completion_points import Seen
from understudy.motion.completion_twist import twisted
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import angle, stature, unit
from understudy.rotations import quat_about, quat_apply, quat_conj, quat_from_axes, quat_mul, quat_slerp

Frames = dict[str, Float[np.ndarray, "time 4"]]

FORWARD, LEFT = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
NOISY = 0.14
"""Sine of the bend (8°) that a straight limb may show by the error of its points."""
FOOT_SHOWS_KNEE = 0.05
"""What the direction of a foot says about the turn of its leg, relative to a knee bent by a right angle."""
LEG_PRIOR, ARM_PRIOR = 1e-2, 3e-4
"""What a limb's usual turn counts, a second, relative to the same: knees look forward again a quarter of a second after
they were last seen to bend elsewhere; arms keep their turn for more than a second."""
TRUNK_TRUST, HEAD_TRUST = 0.5, 3.0
"""Seconds of plain standing that weigh as much as the points' own up."""
STEEPEST = 0.7
"""How far, as a sine, the line from the ankle to the ball of a flat foot may decline."""
LIFTED = 0.04
"""Height over its lowest (m) at which an ankle, whose foot is not seen, hardly says any more that the foot is flat."""


def trunk_frames(seen: Seen, fps: float) -> Frames:
    """Pelvis, spine, chest, neck, head and collars."""
    p = seen.pos
    hips, shoulders = seen.middle("hip"), seen.middle("shoulder")
    across = {part: unit(p[f"left_{part}"] - p[f"right_{part}"]) for part in ("hip", "shoulder")}
    # A chest that was only put on the straight line tells nothing about a bent trunk.
    bend = p["chest"] if "chest" not in seen.how else None
    low = shoulders - hips if bend is None else bend - hips
    high = shoulders - hips if bend is None else shoulders - bend
    upright = _upright(seen)
    # Hips are one bone and their line is exact; shoulders go up and down on the ribs, and the trunk's line leads.
    pelvis = quat_from_axes(np.cross(across["hip"], unit(low)), across["hip"])
    chest = _zy(unit(high), across["shoulder"])
    pelvis, chest = (_uprighted(f, upright, fps, TRUNK_TRUST) for f in (pelvis, chest))
    half = np.full(len(pelvis), 0.5)
    out = {"pelvis": pelvis, "spine": quat_slerp(pelvis, chest, half), "chest": chest, "neck": chest}
    head = _head(seen, chest)
    if head is not None:
        out["head"] = _uprighted(head, upright, fps, HEAD_TRUST)
        out["neck"] = quat_slerp(chest, out["head"], half)
    out.setdefault("head", chest)
    return out | {f"{side}_collar": chest for side in SIDES}


def _head(seen: Seen, chest: np.ndarray) -> np.ndarray | None:
    p = seen.pos
    if all(name in p for name in ("nose", "left_ear", "right_ear")):
        left = unit(p["left_ear"] - p["right_ear"])
        ahead = p["nose"] - 0.5 * (p["left_ear"] + p["right_ear"])
        return quat_from_axes(unit(ahead - left * (ahead * left).sum(-1, keepdims=True)), left)
    if "head_top" in p:
        return swing(chest, UP, unit(p["head_top"] - p["neck"]))
    return None


def leg_frames(seen: Seen, side: str, pelvis: Float[np.ndarray, "time 4"], fps: float) -> Frames:
    """Thigh, shin, foot and toes (landmarks ``hip``, ``knee``, ``ankle``, ``toe``)."""
    p = seen.pos
    hip, knee, ankle = (p[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    thigh, shin = unit(knee - hip), unit(ankle - knee)
    evidence = _hinge(thigh, shin) * _least(seen, side, "hip", "knee", "ankle")
    foot = _foot_direction(seen, side)
    if foot is not None:
        evidence = evidence + FOOT_SHOWS_KNEE * np.cross(-shin, foot)
    upper = twisted(pelvis, -UP, thigh, LEFT, evidence, fps, LEG_PRIOR, half_turn=False)
    lower = swing(upper, -UP, shin)
    sole = _unseen_foot(lower, ankle) if foot is None else _foot(seen, side, foot, lower)
    return {f"{side}_hip": upper, f"{side}_knee": lower, f"{side}_ankle": sole, f"{side}_toe": sole}


def arm_frames(seen: Seen, side: str, chest: Float[np.ndarray, "time 4"], fps: float) -> Frames:
    """Upper arm, forearm and hand (landmarks ``shoulder``, ``elbow``, ``wrist``, ``hand``)."""
    p, along = seen.pos, (1.0 if side == "left" else -1.0) * LEFT
    shoulder, elbow, wrist = (p[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist"))
    upper, fore = unit(elbow - shoulder), unit(wrist - elbow)
    # In the T-pose the left forearm flexes forward about −z, the right one about +z.
    evidence = -along[1] * _hinge(upper, fore) * _least(seen, side, "shoulder", "elbow", "wrist")
    above = twisted(chest, along, upper, UP, evidence, fps, ARM_PRIOR)
    below = swing(above, along, fore)
    hand = _hand(seen, side, below, along, fps)
    return {f"{side}_shoulder": above, f"{side}_elbow": below, f"{side}_wrist": hand, f"{side}_hand": hand}


def ends(seen: Seen, frames: Frames) -> Seen:
    """The balls of the feet and the knuckles, put by proportion where no point told of them."""
    pos, sure, how = dict(seen.pos), dict(seen.confidence), dict(seen.how)
    size = stature(pos)
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        fore = np.median(np.linalg.norm(pos[f"{side}_wrist"] - pos[f"{side}_elbow"], axis=-1))
        for name, start, way in (
            ("toe", "ankle", size * np.array([BALL, 0.0, -ANKLE])),
            ("hand", "wrist", HAND * fore * sign * LEFT),
        ):
            if f"{side}_{name}" not in pos:
                frame = frames[f"{side}_{start}"]
                pos[f"{side}_{name}"] = pos[f"{side}_{start}"] + _turned(frame, way)
                sure[f"{side}_{name}"] = np.zeros(len(frame))
                how[f"{side}_{name}"] = "by proportion: it is never seen"
    return Seen(pos, sure, how)


def _turned(frame: np.ndarray, v: np.ndarray) -> np.ndarray:
    return quat_apply(frame, np.broadcast_to(v, (len(frame), 3)))


def _zy(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The frame with this z axis and the y axis nearest to ``y``."""
    x = unit(np.cross(y, z))
    return quat_from_axes(x, np.cross(z, x))


def _hinge(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The axis about which a limb bends (time, 3), as long as it is to be believed: the square of the bend's sine,
    less where the error of points could have bent it."""
    n = np.cross(upper, lower)
    square = (n * n).sum(-1, keepdims=True)
    return unit(n) * square * square / (square + NOISY**2)


def _least(seen: Seen, side: str, *parts: str) -> np.ndarray:
    """The least confidence of some points (time, 1)."""
    return np.min([seen.confidence[f"{side}_{part}"] for part in parts], axis=0)[:, None]


def _upright(seen: Seen) -> Float[np.ndarray, "time"]:
    """How much each frame is plain standing or walking."""
    p = seen.pos
    up = np.broadcast_to(UP, p["pelvis"].shape)
    trunk = angle(seen.middle("shoulder") - seen.middle("hip"), up)
    legs = np.mean([angle(p[f"{s}_hip"] - p[f"{s}_knee"], up) for s in SIDES], axis=0)
    return np.exp(-((trunk / 12.0) ** 2) - (legs / 25.0) ** 2)


def _uprighted(frame: np.ndarray, upright: np.ndarray, fps: float, trust: float) -> np.ndarray:
    """Frames pitched by one constant angle, such that z is up on average while the body stands."""
    up = quat_apply(quat_conj(frame), np.broadcast_to(UP, (len(frame), 3)))
    mean = (upright[:, None] * up).sum(0) / fps + trust * UP
    pitch = np.array([mean[0], 0.0, mean[2]])
    return quat_mul(frame, quat_from_axes(unit(np.cross(LEFT, pitch)), LEFT))


def _foot_direction(seen: Seen, side: str) -> np.ndarray | None:
    """From the heel to the toes (time, 3), if they are seen; from the ankle where there is no heel."""
    tip = next((n for n in (f"{side}_toe_tip", f"{side}_toe") if n in seen and n not in seen.how), None)
    if tip is None:
        return None
    start = f"{side}_heel" if f"{side}_heel" in seen else f"{side}_ankle"
    end = seen.pos[tip]
    if f"{side}_small_toe" in seen:
        end = 0.5 * (end + seen.pos[f"{side}_small_toe"])
    return unit(end - seen.pos[start])


def _foot(seen: Seen, side: str, direction: np.ndarray, shin: np.ndarray) -> np.ndarray:
    """The foot along its direction, its side to side axis across the toes if two are seen, else the knee's."""
    left = _turned(shin, LEFT)
    if f"{side}_small_toe" in seen and f"{side}_toe_tip" in seen:
        outward = unit(seen.pos[f"{side}_small_toe"] - seen.pos[f"{side}_toe_tip"])
        left = unit(left + (outward if side == "left" else -outward))
    foot = quat_from_axes(direction, left - direction * (left * direction).sum(-1, keepdims=True))
    return (
        foot if f"{side}_heel" in seen else quat_mul(foot, quat_about("y", np.array(-_decline(seen, side))))
    )


def _decline(seen: Seen, side: str) -> float:
    """By what angle the line from the ankle to the toes declines in a flat foot (rad): by how much higher the ankle
    comes to lie when both are lowest."""
    ankle, toe = seen.pos[f"{side}_ankle"], seen.pos[f"{side}_toe"]
    drop = np.percentile(ankle[:, 2], 5) - np.percentile(toe[:, 2], 5)
    length = np.median(np.linalg.norm(toe - ankle, axis=-1))
    return float(np.arcsin(np.clip(drop / max(length, 1e-6), 0.0, STEEPEST)))


def _unseen_foot(shin: np.ndarray, ankle: np.ndarray) -> np.ndarray:
    """A foot of which nothing is seen: flat on the floor while its ankle is low, square to its shin in the air."""
    ahead = _turned(shin, FORWARD) * [1.0, 1.0, 0.0]
    flat = quat_from_axes(unit(ahead), np.cross(UP, unit(ahead)))
    height = ankle[:, 2] - np.percentile(ankle[:, 2], 5)
    return quat_slerp(shin, flat, np.exp(-np.square(np.maximum(height, 0.0) / LIFTED)))


def _hand(seen: Seen, side: str, forearm: np.ndarray, along: np.ndarray, fps: float) -> np.ndarray:
    """Along the knuckles and across the palm; in line with the forearm where no finger is seen."""
    p = seen.pos
    if f"{side}_hand" not in p:
        return forearm
    reach = p[f"{side}_hand"] - p[f"{side}_wrist"]
    bone = unit(reach)
    if f"{side}_index" in p and f"{side}_pinky" in p:
        thumbward = p[f"{side}_index"] - p[f"{side}_pinky"]
    elif f"{side}_thumb" in p:
        thumbward = p[f"{side}_thumb"] - p[f"{side}_wrist"]
    else:
        return swing(forearm, along, bone)
    size = max(float(np.median(np.linalg.norm(reach, axis=-1))), 1e-6)
    across = (thumbward - bone * (thumbward * bone).sum(-1, keepdims=True)) / size
    across = across * np.minimum(np.linalg.norm(across, axis=-1, keepdims=True), 1.0)
    return twisted(
        forearm, along, bone, FORWARD, across * _least(seen, side, "wrist", "hand"), fps, ARM_PRIOR
    )
