"""Landmark frames from motion alone, for skeletons whose rest pose is no human pose.

What is rigid is read off exactly: the bones, the line between the hips, the knuckles. What remains of each
frame is one angle about such a line, and that is where the body tends: pelvis, chest and head are upright
while the body stands, knees bend backward and elbows forward about hinges that are fixed in both bones,
collars are at ease while the arms hang. Nothing here depends on how the joints' own frames lie in the bones.
"""

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.calibrate_pose import UP, hand_axes, swing
from understudy.motion.landmarks import SIDES, TRUNK
from understudy.motion.posture import Points, angle, middle, points_of, unit
from understudy.rotations import quat_apply, quat_conj, quat_from_axes, quat_mean, quat_mul, quat_normalize

Frames = dict[str, np.ndarray]

BENT = 0.25
"""Sine of the flexion from which a hinge's axis counts as visible; below, noise turns it."""
NEUTRAL = 0.05
"""What a frame counts that shows no hinge but a limb in line with the body, relative to a fully bent one."""

TRUNK_TRUST, HEAD_TRUST, HINGE_TRUST = 0.5, 3.0, 0.3
"""Seconds of plain evidence from the motion that weigh as much as a reference pose. Heads are trusted longer,
for people look down for whole clips."""

STEEPEST = 0.5
"""How far, as a sine, the line from the ankle to the ball of a flat foot may decline; dancers' feet point
down more."""
SIDEWAYS = 0.35
"""How far, as a sine, the thumb must stand off the fingers to tell which way the palm looks."""

TWISTING = 30.0
"""How much a bone whose hinge wanders, as a forearm's does that also turns the hand, stays with its reference
pose."""

LEFT = np.array([0.0, 1.0, 0.0])


class _Clip:
    """A clip seen from its carriers. ``upright`` (time,) says how much each frame is plain standing or
    walking."""

    def __init__(self, biped: Biped, pos: np.ndarray, quat: np.ndarray, fps: float):
        self.biped, self.pos, self.quat, self.fps = biped, pos, quat, fps
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
    biped: Biped,
    pos: Float[np.ndarray, "time joint 3"],
    quat: Float[np.ndarray, "time joint 4"],
    fps: float,
    reference: Frames | None = None,
) -> tuple[Frames, str]:
    """Landmark-in-carrier rotations, and a remark on what the clip does not show (empty if it shows all).

    ``reference`` holds the frames that a reference pose has shown. The motion then only corrects what a
    reference pose cannot know: how far the trunk's joints are bent in ordinary standing, and about which axes
    the hinges turn.
    """
    clip = _Clip(biped, pos, quat, fps)
    weak = []
    frames = dict(reference or {}) | _trunk(clip, reference)
    if clip.upright.sum() / fps < 0.2:
        weak.append("an upright trunk")
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        leg, knee_seen = _leg(clip, side, frames["pelvis"], reference)
        arm, elbow_seen = _arm(clip, side, sign, frames["chest"], reference)
        frames |= leg | arm
        weak += [f"a bent {side} knee"] * (not knee_seen) + [f"a bent {side} elbow"] * (not elbow_seen)
        if reference is None:
            frames |= _foot(clip, side, leg[f"{side}_knee"])
            frames |= _hand_and_collar(clip, side, sign, frames)
    return frames, f" (the motion never shows {', '.join(weak)})" if weak else ""


def _yz(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The frame with this y axis and the z axis nearest to ``z``."""
    return quat_from_axes(unit(np.cross(y, z)), y)


def _zy(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The frame with this z axis and the y axis nearest to ``y``."""
    return quat_from_axes(unit(np.cross(y, z)), np.cross(z, np.cross(y, z)))


def _trunk(clip: _Clip, reference: Frames | None) -> Frames:
    if reference is not None:
        return {name: _straightened(clip, name, reference[name]) for name in TRUNK if name in reference}
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
    chest_left = quat_apply(clip.world("chest", out["chest"]), np.broadcast_to(LEFT, hips.shape))
    for name, left in (("spine", hips + shoulders), ("neck", chest_left), ("head", chest_left)):
        if name in clip.biped.joints:
            out[name] = frame(name, (w + 1e-3) * left)
    return out


def _straightened(clip: _Clip, name: str, frame: np.ndarray) -> np.ndarray:
    """A trunk frame of a reference pose, pitched to how its joint is held in upright frames."""
    seconds = HEAD_TRUST if name in ("neck", "head") else TRUNK_TRUST
    seen = clip.seen(name, clip.upright[:, None] * clip.up).sum(0) / clip.fps
    up = seen + seconds * quat_apply(frame, UP)
    return _yz(quat_apply(frame, LEFT), up)


def _ribs(clip: _Clip, shoulders: np.ndarray) -> np.ndarray:
    """From right to left across the rib cage: the collars' joints if they lie apart, else the shoulders."""
    left, right = clip.p.get("left_collar"), clip.p.get("right_collar")
    if left is None or right is None:
        return shoulders
    apart = np.linalg.norm(left - right, axis=-1)
    wide = np.linalg.norm(clip.p["left_shoulder"] - clip.p["right_shoulder"], axis=-1)
    return unit(left - right) if np.median(apart / wide) > 0.05 else shoulders


def _hinge(upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, bool]:
    """The axis about which a limb bends (time, 3), as long as the sine of the bend, and whether it is ever
    seen."""
    n = np.cross(upper, lower)
    bend = np.linalg.norm(n, axis=-1, keepdims=True)
    n = np.where(bend > BENT, n, 0.0)
    return n, float((bend > BENT).mean()) > 0.02


def _leg(clip: _Clip, side: str, pelvis: np.ndarray, reference: Frames | None) -> tuple[Frames, bool]:
    hip, knee, ankle = f"{side}_hip", f"{side}_knee", f"{side}_ankle"
    thigh, shin = clip.bone(hip, knee), clip.bone(knee, ankle)
    n, seen = _hinge(thigh, shin)
    left = quat_apply(clip.world("pelvis", pelvis), np.broadcast_to(LEFT, thigh.shape))
    neutral = NEUTRAL * (clip.upright[:, None] + 1e-3) * left
    out = {}
    for name, bone in ((hip, thigh), (knee, shin)):
        y = clip.seen(name, n + neutral * (reference is None)).sum(0) / clip.fps
        if reference is not None:
            y = y + HINGE_TRUST * quat_apply(reference[name], LEFT)
        out[name] = _zy(-clip.fixed(name, bone), y)
    return out, seen


def _foot(clip: _Clip, side: str, shin: np.ndarray) -> Frames:
    """A first guess: the foot's side-to-side axis from the knee, its pitch from the heights of ankle and
    ball."""
    knee, ankle, toe = f"{side}_knee", f"{side}_ankle", f"{side}_toe"
    left = quat_apply(clip.world(knee, shin), np.broadcast_to(LEFT, clip.up.shape))
    tip = clip.p.get(f"{side}_tip")
    w = clip.upright[:, None] + 1e-3
    y = clip.fixed(ankle, w * left)
    if tip is None:
        return {ankle: _yz(y, clip.seen(ankle, w * clip.up).sum(0))}
    bone = clip.seen(ankle, tip - clip.p[ankle]).mean(0)
    length = np.linalg.norm(bone)
    drop = np.percentile(clip.p[ankle][:, 2], 5) - np.percentile(tip[:, 2], 5)
    drop = float(np.clip(drop / length, 0.0, STEEPEST))
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


def _arm(
    clip: _Clip, side: str, sign: float, chest: np.ndarray, reference: Frames | None
) -> tuple[Frames, bool]:
    shoulder, elbow, wrist = f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"
    along = sign * LEFT
    upper, fore = clip.bone(shoulder, elbow), clip.bone(elbow, wrist)
    n, seen = _hinge(upper, fore)
    hanging = swing(clip.world("chest", chest), along, upper)
    straight = swing(hanging, along, fore)
    # In the T-pose the left forearm flexes forward about −z, the right one about +z.
    up = -sign * n
    if reference is None:
        return {
            name: _yz(
                sign * clip.fixed(name, bone),
                clip.seen(name, up + NEUTRAL * quat_apply(neutral, clip.up)).sum(0),
            )
            for name, bone, neutral in ((shoulder, upper, hanging), (elbow, fore, straight))
        }, seen
    z = clip.seen(shoulder, up).sum(0) / clip.fps + HINGE_TRUST * quat_apply(reference[shoulder], UP)
    out = {shoulder: _yz(sign * clip.fixed(shoulder, upper), z)}
    # One axis in both bones: what turned the upper arm's frame about its bone turns the forearm's likewise.
    turned = quat_mul(reference[elbow], _twist(quat_mul(quat_conj(reference[shoulder]), out[shoulder])))
    axes = clip.seen(elbow, up) / clip.fps
    trust = HINGE_TRUST + TWISTING * _spread(axes)
    out[elbow] = _yz(sign * clip.fixed(elbow, fore), axes.sum(0) + trust * quat_apply(turned, UP))
    return out, seen


def _twist(rotation: np.ndarray) -> np.ndarray:
    """The part of a rotation that turns about y."""
    return quat_normalize(rotation * np.array([1.0, 0.0, 1.0, 0.0]))


def _spread(axes: np.ndarray) -> float:
    """By how much vectors (time, 3) fail to point one way: the length that is lost when they are added."""
    return float(np.linalg.norm(axes, axis=-1).sum() - np.linalg.norm(axes.sum(0)))


def _hand_and_collar(clip: _Clip, side: str, sign: float, frames: Frames) -> Frames:
    out = {f"{side}_wrist": _hand(clip, side, sign, frames[f"{side}_elbow"])}
    collar = f"{side}_collar"
    if collar in clip.biped.joints:
        upper = clip.bone(f"{side}_shoulder", f"{side}_elbow")
        hanging = np.clip(-upper[:, 2], 0.0, 1.0) * clip.upright + 1e-4
        ribs = clip.world("chest", frames["chest"])
        in_collar = quat_mul(quat_conj(clip.quat[:, clip.biped.joints[collar]]), ribs)
        out[collar] = quat_mean(in_collar, hanging)
    return out


def _hand(clip: _Clip, side: str, sign: float, forearm: np.ndarray) -> np.ndarray:
    """From the knuckles and the thumb if there are any; else in line with the forearm on average."""
    wrist, elbow = f"{side}_wrist", f"{side}_elbow"
    fingers, thumbward = hand_axes(clip.biped, clip.pos, side)
    y = sign * clip.fixed(wrist, fingers if fingers is not None else clip.bone(elbow, wrist))
    if thumbward is not None:
        x = clip.seen(wrist, thumbward).mean(0)
        x = x - y * (x @ y)
        if np.linalg.norm(x) > SIDEWAYS:
            return quat_from_axes(unit(x), y)
    up = quat_apply(clip.world(elbow, forearm), clip.up)
    return _yz(y, clip.fixed(wrist, up))
