"""Landmark frames from one pose in which the body stands like a human: T-pose, A-pose, arms down.

The trunk's frames are the upright frame in which the body faces, so that a body standing at ease bends
nowhere. A limb's frames start from that and follow its bones outwards by the smallest rotation each: lowering
the arms from the T-pose turns them about the forward axis, which leaves the palms at the thighs, as in life.
"""

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.landmarks import SIDES, TRUNK
from understudy.motion.posture import Points, across, angle, points_of, unit
from understudy.rotations import quat_apply, quat_between, quat_conj, quat_from_axes, quat_mul

UP = np.array([0.0, 0.0, 1.0])
SPREAD = 12.0
"""Degrees by which the shins may lean before the soles count as leaning with them, not as flat on the floor.
Acclaim bodies rest with the legs 20° apart, and so are their feet."""
Frames = dict[str, np.ndarray]


def frames_from_pose(
    biped: Biped, pos: Float[np.ndarray, "joint 3"], quat: Float[np.ndarray, "joint 4"]
) -> Frames:
    """Landmark-in-carrier rotations of all landmarks that have a joint of their own."""
    points = points_of(biped, pos)
    left = across(points)
    body = quat_from_axes(np.cross(left, UP), left)
    world: Frames = {name: body for name in TRUNK if name in biped.joints}
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        world |= _leg(points, side, body)
        world |= _arm(biped, pos, points, side, sign, body)
    return {name: quat_mul(quat_conj(quat[biped.joints[name]]), q) for name, q in world.items()}


def swing(frame: np.ndarray, axis: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The frame (..., 4) turned by the smallest rotation that brings its ``axis`` to a world direction (...,
    3)."""
    bone = quat_apply(quat_conj(frame), direction)
    return quat_mul(frame, quat_between(np.broadcast_to(axis, bone.shape), bone))


def _leg(points: Points, side: str, body: np.ndarray) -> Frames:
    hip, knee, ankle = (points[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    thigh = swing(body, -UP, knee - hip)
    out = {f"{side}_hip": thigh, f"{side}_knee": swing(thigh, -UP, ankle - knee)}
    tip = points.get(f"{side}_tip")
    heading = (
        quat_apply(body, np.array([1.0, 0.0, 0.0])) if tip is None else unit((tip - ankle) * [1.0, 1.0, 0.0])
    )
    sole_left = np.cross(UP, heading)
    if angle(ankle - knee, -UP) > SPREAD:
        sole_left = quat_apply(out[f"{side}_knee"], np.array([0.0, 1.0, 0.0]))
    foot = quat_from_axes(unit(heading - sole_left * (heading @ sole_left)), sole_left)
    out[f"{side}_ankle"] = foot
    if f"{side}_toe" in points:
        out[f"{side}_toe"] = foot
    return out


def _arm(biped: Biped, pos: np.ndarray, points: Points, side: str, sign: float, body: np.ndarray) -> Frames:
    shoulder, elbow, wrist = (points[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist"))
    along = np.array([0.0, sign, 0.0])
    upper = swing(body, along, elbow - shoulder)
    fore = swing(upper, along, wrist - elbow)
    out = {f"{side}_shoulder": upper, f"{side}_elbow": fore}
    if f"{side}_collar" in biped.joints:
        out[f"{side}_collar"] = body
    fingers, thumbward = hand_axes(biped, pos, side)
    hand = swing(fore, along, fingers) if fingers is not None else fore
    if thumbward is not None:
        y = sign * (fingers if fingers is not None else wrist - elbow)
        x = thumbward - unit(y) * (thumbward @ unit(y))
        hand = quat_from_axes(x, y)
    out[f"{side}_wrist"] = hand
    return out


def hand_axes(
    biped: Biped, pos: Float[np.ndarray, "*batch joint 3"], side: str
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The directions from the wrist to the knuckles and across the palm to the thumb's side (..., 3), if
    visible."""
    wrist = pos[..., biped.joints[f"{side}_wrist"], :]
    bases = [
        biped.fingers[key][0] for f in ("index", "middle", "pinky") if (key := f"{side}_{f}") in biped.fingers
    ]
    if not bases:
        bases = list(biped.fingers.get(f"{side}_hand", ()))[:1]
    fingers = unit(np.mean([pos[..., j, :] for j in bases], axis=0) - wrist) if bases else None
    index, pinky = biped.fingers.get(f"{side}_index"), biped.fingers.get(f"{side}_pinky")
    thumb = biped.fingers.get(f"{side}_thumb")
    if index and pinky:
        spread = pos[..., index[0], :] - pos[..., pinky[0], :]
        reach = np.linalg.norm(pos[..., index[0], :] - wrist, axis=-1)
        if np.all(np.linalg.norm(spread, axis=-1) > 0.15 * reach):
            return fingers, unit(spread)
        spread = pos[..., index[-1], :] - pos[..., pinky[-1], :]
        return fingers, unit(spread)
    if thumb:
        return fingers, unit(pos[..., thumb[-1], :] - wrist)
    return fingers, None
