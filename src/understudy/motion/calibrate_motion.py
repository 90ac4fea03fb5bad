"""Landmark frames from motion alone, for skeletons whose rest pose is no human pose.

What is rigid is read off exactly: the bones, the line between the hips, the knuckles. What remains of each frame is one
angle about such a line, and that is where the body tends: pelvis, chest and head are upright while the body
stands, knees bend backward and elbows forward about hinges that are fixed in both bones, collars are at ease while the arms
hang. Nothing here depends on how the joints' own frames lie in the bones.
"""

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.calibrate_pose import UP, hand_axes, swing
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import Points, angle, middle, points_of, unit
from understudy.rotations import quat_apply, quat_conj, quat_from_axes, quat_mean, quat_mul

Frames = dict[str, np.ndarray]

BENT = 0.25
"""Sine of the flexion from which a hinge's axis counts as visible; below, noise turns it."""
NEUTRAL = 0.05
"""What a frame counts that shows no hinge but a limb in line with the body, relative to a fully bent one."""


class _Clip:
    """A clip seen from its carriers. ``upright`` (time,) says how much each frame is plain standing or walking."""

    def __init__(self, biped: Biped, pos: np.ndarray, quat: np.ndarray):
        self.biped, self.pos, self.quat = biped, pos, quat
        self.p: Points = points_of(biped, pos)
        up = np.broadcast_to(UP, (len(pos), 3))
        self.up = up
        trunk = angle(middle(self.p, "shoulder") - middle(self.p, "hip"), up)
        legs = np.mean([angle(self.p[f"{s}_hip"] - self.p[f"{s}_knee"], up) for s in SIDES], axis=0)
        self.upright = np.exp(-((trunk / 12.0) ** 2) - (legs / 25.0) ** 2)

    def seen(self, name: str, v: np.ndarray) -> np.ndarray:
        """World vectors (time, 3) in the frame of a landmark's joint."""
        return quat_apply(quat_conj(self.quat[:, self.biped.joints[name]]), v)

    def bone(self, a: str, b: str) -> np.ndarray:
        return unit(self.p[b] - self.p[a])

    def fixed(self, name: str, v: np.ndarray) -> np.ndarray:
        """The mean direction of world vectors in a landmark's joint."""
        return unit(self.seen(name, v).mean(0))

    def world(self, name: str, frame: np.ndarray) -> np.ndarray:
        """A landmark-in-carrier rotation over time, in the world (time, 4)."""
        return quat_mul(self.quat[:, self.biped.joints[name]], np.broadcast_to(frame, (len(self.pos), 4)))


def frames_from_motion(
    biped: Biped, pos: Float[np.ndarray, "time joint 3"], quat: Float[np.ndarray, "time joint 4"], fps: float
) -> tuple[Frames, str]:
    """Landmark-in-carrier rotations, and a remark on what the clip does not show (empty if it shows all)."""
    clip = _Clip(biped, pos, quat)
    weak = []
    frames = _trunk(clip)
    if clip.upright.sum() / fps < 0.2:
        weak.append("an upright trunk")
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        leg, knee_seen = _leg(clip, side, frames["pelvis"])
        arm, elbow_seen = _arm(clip, side, sign, frames["chest"])
        frames |= leg | arm
        weak += [f"a bent {side} knee"] * (not knee_seen) + [f"a bent {side} elbow"] * (not elbow_seen)
    return frames, f", which never shows {', '.join(weak)}: neutral there" if weak else ""


def _yz(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The frame with this y axis and the z axis nearest to ``z``."""
    return quat_from_axes(unit(np.cross(y, z)), y)


def _zy(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The frame with this z axis and the y axis nearest to ``y``."""
    return quat_from_axes(unit(np.cross(y, z)), np.cross(z, np.cross(y, z)))


def _trunk(clip: _Clip) -> Frames:
    p = clip.p
    hips = unit(p["left_hip"] - p["right_hip"])
    shoulders = unit(p["left_shoulder"] - p["right_shoulder"])
    trunk = unit(middle(p, "shoulder") - middle(p, "hip"))
    # In a clip that never stands, the trunk's own line has to say where up is.
    w = clip.upright[:, None]
    up = w * clip.up + 1e-3 * trunk

    def frame(name: str, left: np.ndarray) -> np.ndarray:
        return _yz(clip.fixed(name, left), unit(clip.seen(name, up).sum(0)))

    out = {"pelvis": frame("pelvis", hips), "chest": frame("chest", _ribs(clip, shoulders))}
    chest_left = quat_apply(clip.world("chest", out["chest"]), np.broadcast_to([0.0, 1.0, 0.0], hips.shape))
    for name, left in (("spine", hips + shoulders), ("neck", chest_left), ("head", chest_left)):
        if name in clip.biped.joints:
            out[name] = frame(name, (w + 1e-3) * left)
    return out


def _ribs(clip: _Clip, shoulders: np.ndarray) -> np.ndarray:
    """From right to left across the rib cage: the collars' joints if they lie apart, else the shoulders."""
    left, right = clip.p.get("left_collar"), clip.p.get("right_collar")
    if left is None or right is None:
        return shoulders
    apart = np.linalg.norm(left - right, axis=-1)
    wide = np.linalg.norm(clip.p["left_shoulder"] - clip.p["right_shoulder"], axis=-1)
    return unit(left - right) if np.median(apart / wide) > 0.05 else shoulders


def _hinge(upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, bool]:
    """The axis about which a limb bends (time, 3), as long as the sine of the bend, and whether it is ever seen."""
    n = np.cross(upper, lower)
    bend = np.linalg.norm(n, axis=-1, keepdims=True)
    n = np.where(bend > BENT, n, 0.0)
    return n, float((bend > BENT).mean()) > 0.02


def _leg(clip: _Clip, side: str, pelvis: np.ndarray) -> tuple[Frames, bool]:
    hip, knee, ankle = f"{side}_hip", f"{side}_knee", f"{side}_ankle"
    thigh, shin = clip.bone(hip, knee), clip.bone(knee, ankle)
    n, seen = _hinge(thigh, shin)
    left = quat_apply(clip.world("pelvis", pelvis), np.broadcast_to([0.0, 1.0, 0.0], thigh.shape))
    n = n + NEUTRAL * (clip.upright[:, None] + 1e-3) * left
    out = {
        hip: _zy(-clip.fixed(hip, thigh), clip.seen(hip, n).sum(0)),
        knee: _zy(-clip.fixed(knee, shin), clip.seen(knee, n).sum(0)),
    }
    return out | _foot(clip, side, out[knee]), seen


def _foot(clip: _Clip, side: str, shin: np.ndarray) -> Frames:
    """A first guess: the foot's side-to-side axis from the knee, its pitch from the heights of ankle and ball."""
    knee, ankle, toe = f"{side}_knee", f"{side}_ankle", f"{side}_toe"
    left = quat_apply(clip.world(knee, shin), np.broadcast_to([0.0, 1.0, 0.0], clip.up.shape))
    tip = clip.p.get(f"{side}_tip")
    y = clip.fixed(ankle, left)
    if tip is None:
        standing = clip.seen(ankle, (clip.upright[:, None] + 1e-3) * clip.up).sum(0)
        return {ankle: _yz(y, standing)}
    bone = clip.seen(ankle, tip - clip.p[ankle]).mean(0)
    length = np.linalg.norm(bone)
    drop = np.percentile(clip.p[ankle][:, 2], 5) - np.percentile(tip[:, 2], 5)
    drop = float(np.clip(drop / length, 0.0, 0.8))
    side_axis = unit(y - unit(bone) * (y @ unit(bone)))
    normal = np.cross(unit(bone), side_axis)
    # Turned about the side axis so that the bone declines by what the two heights say.
    z = np.sqrt(1.0 - drop**2) * normal - drop * unit(bone)
    out = {ankle: _yz(side_axis, z)}
    if toe in clip.biped.joints:
        foot = clip.world(ankle, out[ankle])
        in_toe = quat_mul(quat_conj(clip.quat[:, clip.biped.joints[toe]]), foot)
        out[toe] = quat_mean(in_toe, clip.upright + 1e-3)
    return out


def _arm(clip: _Clip, side: str, sign: float, chest: np.ndarray) -> tuple[Frames, bool]:
    shoulder, elbow, wrist = f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"
    along = np.array([0.0, sign, 0.0])
    upper, fore = clip.bone(shoulder, elbow), clip.bone(elbow, wrist)
    n, seen = _hinge(upper, fore)
    # In the T-pose the left forearm flexes forward about −z, the right one about +z.
    ribs = clip.world("chest", chest)
    hang = quat_apply(swing(ribs, along, upper), clip.up)
    straight = quat_apply(swing(swing(ribs, along, upper), along, fore), clip.up)
    up_upper, up_fore = NEUTRAL * hang - sign * n, NEUTRAL * straight - sign * n
    out = {
        shoulder: _yz(sign * clip.fixed(shoulder, upper), clip.seen(shoulder, up_upper).sum(0)),
        elbow: _yz(sign * clip.fixed(elbow, fore), clip.seen(elbow, up_fore).sum(0)),
    }
    out[wrist] = _hand(clip, side, sign, out[elbow])
    collar = f"{side}_collar"
    if collar in clip.biped.joints:
        hanging = np.clip(-upper[:, 2], 0.0, 1.0) * clip.upright + 1e-4
        in_collar = quat_mul(quat_conj(clip.quat[:, clip.biped.joints[collar]]), ribs)
        out[collar] = quat_mean(in_collar, hanging)
    return out, seen


def _hand(clip: _Clip, side: str, sign: float, forearm: np.ndarray) -> np.ndarray:
    """From the knuckles and the thumb if there are any; else in line with the forearm on average."""
    wrist, elbow = f"{side}_wrist", f"{side}_elbow"
    fingers, thumbward = hand_axes(clip.biped, clip.pos, side)
    y = sign * clip.fixed(wrist, fingers if fingers is not None else clip.bone(elbow, wrist))
    if thumbward is not None:
        x = clip.fixed(wrist, thumbward)
        return quat_from_axes(unit(x - y * (x @ y)), y)
    up = quat_apply(clip.world(elbow, forearm), clip.up)
    return _yz(y, clip.fixed(wrist, up))
