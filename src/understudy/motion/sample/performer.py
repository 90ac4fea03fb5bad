"""From a score to a performance: the pelvis follows the feet, analytic legs reach them, the arms swing."""

import numpy as np
from jaxtyping import Float

from understudy.motion.sample.body import (
    HALF_STANCE,
    HIP_HEIGHT,
    PELVIS_HEIGHT,
    SHANK,
    THIGH,
    standard_skeleton,
)
from understudy.motion.sample.feet import FootPath, foot_path
from understudy.motion.sample.score import Score, Times
from understudy.motion.types import HumanMotion, Origin
from understudy.rotations import quat_about, quat_apply, quat_from_axes, quat_mul

GRID = 240.0
"""Least rate (Hz) at which the score is evaluated; the filters below need it finer than most frame rates."""
FOLLOW = 0.20
"""How many seconds (one standard deviation) the pelvis smooths over the path of the feet."""
SWAY = 0.42
"""Share of the way to the standing foot by which the pelvis sways over it."""
REACH = 0.995
"""The straightest a leg gets, as a share of its length: people do not lock their knees."""
ARM_SWING = 0.55
"""Arm swing (rad) for each metre by which the opposite foot is ahead."""
RELAXED = {"flex": 0.02, "abduct": 0.13, "twist": 0.10, "elbow": 0.30, "pronate": 0.0, "wrist": 0.0}
"""The arms of a person who stands at ease (rad)."""

Vectors = Float[np.ndarray, "time 3"]
Quats = Float[np.ndarray, "time 4"]


def perform(score: Score, fps: float, name: str) -> HumanMotion:
    """Draw the clip that a score describes, from 0 to ``score.time`` s.

    The tracks ``left_contact`` and ``right_contact`` (time,) are true where that foot stands on the floor.
    """
    fine = int(np.ceil(GRID / fps))
    frames = round(score.time * fps) + 1
    t = np.arange((frames - 1) * fine + 1) / (fps * fine)
    feet = {side: foot_path(score.steps, side, t) for side in ("left", "right")}
    pos, quat = _Body(score, t, feet).pose()
    return HumanMotion(
        standard_skeleton(),
        fps,
        pos[::fine],
        quat[::fine],
        {f"{side}_contact": foot.loaded[::fine] for side, foot in feet.items()},
        Origin(source=f"understudy sample: {name}", licence="CC0-1.0", texts=(name.replace("_", " "),)),
    )


class _Body:
    """One evaluation of a score on a fine grid of times."""

    def __init__(self, score: Score, t: Times, feet: dict[str, FootPath]):
        self.score, self.t, self.feet = score, t, feet
        self.rate = 1.0 / (t[1] - t[0]) if len(t) > 1 else GRID
        left, right = feet["left"], feet["right"]
        self.heading = self._blur(0.5 * (left.yaw + right.yaw), FOLLOW)
        forward = np.stack([np.cos(self.heading), np.sin(self.heading)], axis=-1)
        self.stride = self._blur(((left.ankle - right.ankle)[:, :2] * forward).sum(-1), 0.03)
        # +1 where only the left foot stands, −1 where only the right one does.
        self.support = self._blur(left.loaded.astype(float) - right.loaded.astype(float), 0.09)

    def pose(self) -> tuple[np.ndarray, np.ndarray]:
        """World positions and orientations of all joints, on the grid."""
        skeleton = standard_skeleton()
        quats: dict[str, Quats] = {"pelvis": self._pelvis_quat()}
        root = self._pelvis_pos(quats["pelvis"])
        for side in ("left", "right"):
            quats |= self._leg(side, root, quats["pelvis"])
        quats |= self._trunk(quats["pelvis"])
        for side in ("left", "right"):
            quats |= self._arm(side, quats["chest"])
        pos = np.empty((len(self.t), len(skeleton.joints), 3))
        quat = np.empty((len(self.t), len(skeleton.joints), 4))
        for j, (joint, parent) in enumerate(zip(skeleton.joints, skeleton.parents, strict=True)):
            # The ends of the limbs carry no rotation of their own.
            quat[:, j] = quats.get(joint, quat[:, parent])
            pos[:, j] = (
                root if parent < 0 else pos[:, parent] + quat_apply(quat[:, parent], skeleton.offsets[j])
            )
        return pos, quat

    def _channel(self, name: str) -> Times:
        return self.score.channel(name, self.t)

    def _pelvis_quat(self) -> Quats:
        yaw = self.heading - 0.12 * self.stride + self._channel("pelvis_yaw")
        pitch = 0.03 + self._channel("pelvis_pitch")
        roll = 0.05 * self.support
        return quat_mul(quat_about("z", yaw), quat_mul(quat_about("y", pitch), quat_about("x", roll)))

    def _pelvis_pos(self, pelvis: Quats) -> Vectors:
        left, right = self.feet["left"].ankle[:, :2], self.feet["right"].ankle[:, :2]
        middle = np.stack([self._blur(0.5 * (left + right)[:, i], FOLLOW) for i in range(2)], axis=-1)
        forward = np.stack([np.cos(self.heading), np.sin(self.heading)], axis=-1)
        sideways = np.stack([-forward[:, 1], forward[:, 0]], axis=-1)
        width = np.abs(((left - right) * sideways).sum(-1))
        idle = 0.004 * np.sin(2 * np.pi * 0.23 * self.t)
        sway = SWAY * self.support * 0.5 * self._blur(width, 0.1) + idle
        shift = self._channel("pelvis_forward")
        xy = middle + sideways * sway[:, None] + forward * shift[:, None]
        height = self._reachable(xy, pelvis) - self._channel("pelvis_drop")
        return np.concatenate([xy, height[:, None]], axis=-1)

    def _reachable(self, xy: np.ndarray, pelvis: Quats) -> Times:
        """The greatest pelvis height at which no leg is longer than REACH, smoothed from below.

        This is what makes the pelvis bob: it sinks where the feet are far apart.
        """
        height = np.full(len(self.t), PELVIS_HEIGHT)
        for side, sign in (("left", 1.0), ("right", -1.0)):
            hip = quat_apply(pelvis, np.array([0.0, sign * HALF_STANCE, HIP_HEIGHT - PELVIS_HEIGHT]))
            ankle = self.feet[side].ankle
            across = ((xy + hip[:, :2] - ankle[:, :2]) ** 2).sum(-1)
            reach = np.sqrt(np.maximum((REACH * (THIGH + SHANK)) ** 2 - across, 0.01))
            height = np.minimum(height, ankle[:, 2] + reach - hip[:, 2])
        # A moving minimum as wide as the filter that follows keeps the smoothed curve below the limit.
        sigma = 0.06
        half = int(3 * sigma * self.rate) + 1
        padded = np.pad(height, half, mode="edge")
        lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).min(-1)
        return self._blur(lowest, sigma)

    def _leg(self, side: str, root: Vectors, pelvis: Quats) -> dict[str, Quats]:
        """Thigh, shank, foot and toes. The knee bends in the plane that holds the leg and the foot's
        direction."""
        foot = self.feet[side]
        sign = 1.0 if side == "left" else -1.0
        hip = root + quat_apply(pelvis, np.array([0.0, sign * HALF_STANCE, HIP_HEIGHT - PELVIS_HEIGHT]))
        up = hip - foot.ankle
        length = np.linalg.norm(up, axis=-1, keepdims=True)
        up = up / length
        towards = np.stack([np.cos(foot.yaw), np.sin(foot.yaw), np.zeros_like(foot.yaw)], axis=-1)
        hinge = np.cross(up, towards)
        hinge /= np.linalg.norm(hinge, axis=-1, keepdims=True)
        out = np.cross(hinge, up)
        along = (THIGH**2 - SHANK**2 + length**2) / (2 * length)
        knee = hip - up * along + out * np.sqrt(np.maximum(THIGH**2 - along**2, 0.0))
        thigh = quat_from_axes(np.cross(hinge, hip - knee), hinge)
        shank = quat_from_axes(np.cross(hinge, knee - foot.ankle), hinge)
        toe = quat_mul(foot.quat, quat_about("y", -foot.bend))
        return {f"{side}_hip": thigh, f"{side}_knee": shank, f"{side}_ankle": foot.quat, f"{side}_toe": toe}

    def _trunk(self, pelvis: Quats) -> dict[str, Quats]:
        """Spine and chest share lean and twist; neck and head bring the gaze back to the front."""
        breath = 0.008 * np.sin(2 * np.pi * 0.25 * self.t)
        lean = 0.01 + breath + self._channel("lean")
        twist = 0.26 * self.stride + self._channel("twist")
        side = -0.06 * self.support + self._channel("side")
        half = quat_mul(
            quat_about("z", twist / 2), quat_mul(quat_about("y", lean / 2), quat_about("x", side / 2))
        )
        spine = quat_mul(pelvis, half)
        chest = quat_mul(spine, half)
        pelvis_pitch = 0.03 + self._channel("pelvis_pitch")
        yaw = -0.5 * (twist - 0.12 * self.stride + self._channel("pelvis_yaw")) + 0.5 * self._channel("gaze")
        pitch = -0.45 * (lean + pelvis_pitch)
        bow = quat_mul(quat_about("z", yaw), quat_about("y", pitch))
        neck = quat_mul(chest, bow)
        return {"spine": spine, "chest": chest, "neck": neck, "head": quat_mul(neck, bow)}

    def _arm(self, side: str, chest: Quats) -> dict[str, Quats]:
        """From the hanging arm: twisted about its own axis, lifted sideways, swung forwards; then elbow and
        hand."""
        swing = (-1.0 if side == "left" else 1.0) * ARM_SWING * self._delayed_stride()
        angle = {name: rest + self._channel(f"{side}_{name}") for name, rest in RELAXED.items()}
        flex = angle["flex"] + swing
        elbow = angle["elbow"] + 0.5 * swing
        shoulder = quat_mul(
            quat_about("y", -flex),
            quat_mul(quat_about("x", angle["abduct"] - np.pi / 2), quat_about("y", angle["twist"])),
        )
        local = {
            "collar": quat_about("x", 0.15 * (angle["abduct"] - RELAXED["abduct"])),
            "shoulder": shoulder,
            "elbow": quat_about("z", -elbow),
            "wrist": quat_mul(quat_about("y", angle["pronate"]), quat_about("x", angle["wrist"])),
        }
        quats, parent = {}, chest
        for name, q in local.items():
            parent = quat_mul(parent, q if side == "left" else q * np.array([1.0, -1.0, 1.0, -1.0]))
            quats[f"{side}_{name}"] = parent
        return quats | {f"{side}_hand": parent}

    def _delayed_stride(self) -> Times:
        """The stride a moment ago: arms are pendulums and come a little later than the legs."""
        return np.interp(self.t - 0.05, self.t, self._blur(self.stride, 0.05))

    def _blur(self, x: Times, sigma: float) -> Times:
        """A Gaussian filter of ``sigma`` seconds, cut at three of them; the ends are held."""
        half = int(3 * sigma * self.rate)
        kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / (sigma * self.rate)) ** 2)
        return np.convolve(np.pad(x, half, mode="edge"), kernel / kernel.sum(), mode="valid")
