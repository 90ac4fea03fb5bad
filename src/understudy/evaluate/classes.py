"""What kind of clip it is: how much of the body moves, and how long. Judged on the human alone, by stated rules."""

import numpy as np
from jaxtyping import Float

from understudy.evaluate.tracks import HumanTracks
from understudy.motion.landmarks import SIDES
from understudy.motion.types import HumanMotion
from understudy.rotations import quat_yaw

COMPLEXITIES = ("ULOM", "WBPM", "WBCM")
LENGTHS = ("S", "M", "L")

PLANTED = 0.12
"""Feet are planted while no ankle leaves its usual place by more than this, in leg lengths (about 10 cm)."""
FACING = np.deg2rad(30.0)
"""… and no foot turns from its usual heading by more than this (rad)."""
UPRIGHT = np.deg2rad(35.0)
"""Locomotion keeps the trunk, from the hips' middle to the shoulders' middle, within this of the vertical (rad)."""
LOWEST, HIGHEST = 0.85, 1.12
"""Locomotion keeps the height of the hips over the floor within these multiples of its own median."""
PACE = 0.35
"""Locomotion covers at least this much ground, in leg lengths a second, …"""
TURNING = np.deg2rad(20.0)
"""… or turns by at least this much a second (rad/s). Both are averages of the clip, over strides of half a second."""
MOST = 0.95
"""Share of the frames in which the upright trunk, the hips' height and the low hands are asked for."""
_PACE = (
    f"{PACE:g} leg lengths or {np.rad2deg(TURNING):.0f}° a second on average, over strides of half a second"
)
_POSTURE = (
    f"in {100 * MOST:g} % of the frames the trunk is within {np.rad2deg(UPRIGHT):.0f}° of the vertical, the hips are "
    f"{LOWEST:g} to {HIGHEST:g} times as high as usual and the wrists lower than the shoulders"
)
RULES = (
    f"ULOM: feet planted throughout; no ankle leaves the median of its path by more than {PLANTED:g} leg lengths, "
    f"and no foot turns from its median heading by more than {np.rad2deg(FACING):.0f}°.",
    f"WBPM, locomotion: not ULOM; {_POSTURE}; and the clip goes somewhere: {_PACE}.",
    "WBCM: everything else.",
    "Length: S below 250 frames, M to 1,000, L above, at the frame rate of the table.",
)
"""The rules in words, for the tables."""


def length_class(frames: int) -> str:
    """S below 250 frames, M to 1,000, L above."""
    return "S" if frames < 250 else "M" if frames <= 1000 else "L"


def complexity(human: HumanMotion) -> str:
    """ULOM, WBPM or WBCM, by ``RULES``. Raises SkeletonMismatch for a body without arms or legs."""
    tracks = HumanTracks.of(human)
    leg = tracks.leg
    if all(_planted(tracks, f"{side}_ankle", leg) for side in SIDES):
        return "ULOM"
    return "WBPM" if _composed(tracks) and _goes_somewhere(tracks, leg) else "WBCM"


def _planted(tracks: HumanTracks, ankle: str, leg: float) -> bool:
    """Whether a foot stays where it is."""
    path, heading = tracks.at(ankle), np.unwrap(quat_yaw(tracks.turn(ankle)))
    away = np.linalg.norm(path - np.median(path, axis=0), axis=-1).max()
    turned = np.abs(heading - np.median(heading)).max()
    return bool(away < PLANTED * leg and turned < FACING)


def _middle(tracks: HumanTracks, part: str) -> Float[np.ndarray, "time 3"]:
    return 0.5 * (tracks.at(f"left_{part}") + tracks.at(f"right_{part}"))


def _composed(tracks: HumanTracks) -> bool:
    """Whether the body is upright, neither crouched nor in the air, its hands low, nearly always."""
    hips, shoulders = _middle(tracks, "hip"), _middle(tracks, "shoulder")
    trunk = shoulders - hips
    upright = trunk[:, 2] > np.cos(UPRIGHT) * np.linalg.norm(trunk, axis=-1)
    height = (hips[:, 2] - tracks.floor) / max(float(np.median(hips[:, 2]) - tracks.floor), 1e-6)
    level = (height > LOWEST) & (height < HIGHEST)
    low = np.all([tracks.at(f"{s}_wrist")[:, 2] < tracks.at(f"{s}_shoulder")[:, 2] for s in SIDES], axis=0)
    return bool((upright & level & low).mean() >= MOST)


def _goes_somewhere(tracks: HumanTracks, leg: float) -> bool:
    """Whether the hips cover ground or turn; strides of half a second leave swaying out."""
    stride = max(1, round(0.5 * tracks.fps))
    path, heading = _middle(tracks, "hip")[::stride, :2], np.unwrap(quat_yaw(tracks.turn("pelvis"))[::stride])
    if len(path) < 2:
        return False
    seconds = (len(path) - 1) * stride / tracks.fps
    way = float(np.linalg.norm(np.diff(path, axis=0), axis=-1).sum())
    turned = float(np.abs(np.diff(heading)).sum())
    return bool(way > PACE * leg * seconds or turned > TURNING * seconds)
