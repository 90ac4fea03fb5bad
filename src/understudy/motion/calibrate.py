"""Landmark frames: for each landmark the rotation, fixed in its carrier, that is the world's axes in the
T-pose.

Two kinds of evidence. A *reference pose* in which the body stands like a human (the rest pose, or a T-pose at
the start of the clip) shows every frame at once. The *motion* shows them over time: bones and hinges are
fixed in their carriers, and people mostly stand upright on flat soles. Where the rest pose is no human pose
(bone-aligned exports) the motion is all there is; elsewhere it corrects the trunk's pitch, the axes of knees
and elbows and the level of the soles.

World frame z up, metres. ``quat`` values are wxyz; results are landmark-in-carrier.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.calibrate_motion import frames_from_motion
from understudy.motion.calibrate_pose import frames_from_pose
from understudy.motion.calibrate_sole import level_feet
from understudy.motion.conventions import known_frames
from understudy.motion.landmarks import LANDMARKS, SIDES, Landmarks
from understudy.motion.posture import is_human_like, middle, points_of, stature, t_pose_error
from understudy.rotations import quat_apply, quat_conj

HAND = 0.36
"""From the wrist to the middle of the knuckles, as a part of the forearm."""
SPINE = 0.22
"""From the pelvis to the lumbar joint, as a part of the way to the shoulders."""
BALL = 0.075
"""From below the ankle to the ball of the foot, as a part of the standing height."""
ANKLE = 0.040
"""From the ball of the foot up to the ankle, as a part of the standing height."""

POSE_TRUST, GUESS_TRUST = 0.3, 0.05
"""Seconds of flat stance that weigh as much as a sole seen in a reference pose, and as one that was only
guessed."""
T_POSE = 15.0
"""Degrees by which the limbs may leave the T-pose in a first frame that is to be one."""

Frames = dict[str, np.ndarray]


@dataclass(frozen=True)
class Calibration:
    """The landmarks, and how they were found: the source of their frames, and which have no joint of their
    own."""

    landmarks: Landmarks
    how: str
    placed: dict[str, str]


def calibrate(
    biped: Biped,
    joints: tuple[str, ...],
    rest: Float[np.ndarray, "joint 3"],
    pos: Float[np.ndarray, "time joint 3"],
    quat: Float[np.ndarray, "time joint 4"],
    fps: float,
    first: int = 0,
) -> Calibration:
    """Place all landmarks on a body. ``first`` is the number of leading T-pose frames that are no motion."""
    frames, how, trust = _frames(biped, joints, rest, pos, quat, fps, first)
    moving = slice(first, None) if first < len(pos) else slice(None)
    frames, soles = level_feet(biped, frames, pos[moving], quat[moving], fps, trust)
    for name, other in (("spine", "pelvis"), ("neck", "chest")):
        frames.setdefault(name, frames[other])
    carriers, places, placed = _places(biped, frames, pos, quat)
    for side in SIDES:
        frames.setdefault(f"{side}_collar", frames["chest"])
        frames.setdefault(f"{side}_toe", frames[f"{side}_ankle"])
        frames[f"{side}_hand"] = frames[f"{side}_wrist"]
    landmarks = Landmarks(
        LANDMARKS,
        np.array([carriers[n] for n in LANDMARKS], dtype=np.int64),
        np.array([places[n] for n in LANDMARKS], dtype=np.float32),
        np.array([frames[n] for n in LANDMARKS], dtype=np.float32),
    )
    return Calibration(landmarks, f"{how}; {soles}", placed)


def _frames(
    biped: Biped,
    joints: tuple[str, ...],
    rest: np.ndarray,
    pos: np.ndarray,
    quat: np.ndarray,
    fps: float,
    first: int,
) -> tuple[Frames, str, float]:
    """The frames, where they come from, and how many seconds of stance outweigh what they say about the
    soles."""
    known = known_frames(biped, joints, rest)
    if known is not None:
        return known[0], f"frames known for the {known[1]} skeleton", POSE_TRUST
    moving = slice(first, None) if first < len(pos) else slice(None)
    still = np.zeros((len(rest), 4))
    still[:, 0] = 1.0
    reference, source = None, "frames from the motion"
    if is_human_like(points_of(biped, rest)):
        reference, source = frames_from_pose(biped, rest, still), "frames from the rest pose and the motion"
    elif first or t_pose_error(points_of(biped, pos[0])) < T_POSE:
        reference = frames_from_pose(biped, pos[0], quat[0])
        source = "frames from the T-pose in the first frame and the motion"
    frames, weak = frames_from_motion(biped, pos[moving], quat[moving], fps, reference)
    return frames, source + weak, GUESS_TRUST if reference is None else POSE_TRUST


def _places(
    biped: Biped, frames: Frames, pos: np.ndarray, quat: np.ndarray
) -> tuple[dict[str, int], dict[str, np.ndarray], dict[str, str]]:
    """Carrier, position in the carrier (m), and a word on how, for each landmark; joints of their own come
    first."""
    carriers = dict(biped.joints)
    places: dict[str, np.ndarray] = {name: np.zeros(3) for name in carriers}
    placed: dict[str, str] = {}
    p = points_of(biped, pos)
    size = stature(p)

    def fixed(name: str, carrier: str, point: np.ndarray, how: str) -> None:
        """A point (time, 3) that stays nearly still in a carrier, held there at its mean."""
        j = biped.joints[carrier]
        carriers[name] = j
        places[name] = quat_apply(quat_conj(quat[:, j]), point - pos[:, j]).mean(0)
        placed[name] = how

    if biped.joints["chest"] == biped.joints["pelvis"]:
        point = p["pelvis"] + 0.6 * (middle(p, "shoulder") - p["pelvis"])
        fixed("chest", "pelvis", point, "carried by the pelvis")
    if "spine" not in carriers:
        point = p["pelvis"] + SPINE * (middle(p, "shoulder") - p["pelvis"])
        fixed("spine", "pelvis", point, "carried by the pelvis")
    if "neck" not in carriers:
        shoulders = middle(p, "shoulder")
        fixed("neck", "chest", shoulders + 0.3 * (p["head"] - shoulders), "carried by the chest")
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        if f"{side}_collar" not in carriers:
            shoulders = middle(p, "shoulder")
            point = shoulders + 0.15 * (p[f"{side}_shoulder"] - shoulders)
            fixed(f"{side}_collar", "chest", point, "carried by the chest")
        if f"{side}_toe" not in carriers:
            carriers[f"{side}_toe"] = biped.joints[f"{side}_ankle"]
            places[f"{side}_toe"], placed[f"{side}_toe"] = _ball(biped, side, frames, pos, quat, size)
        carriers[f"{side}_hand"] = biped.joints[f"{side}_wrist"]
        places[f"{side}_hand"], placed[f"{side}_hand"] = _knuckles(biped, side, sign, frames, pos, quat)
    return carriers, places, placed


def _in_carrier(pos: np.ndarray, quat: np.ndarray, carrier: int, joint: int) -> np.ndarray:
    return quat_apply(quat_conj(quat[:, carrier]), pos[:, joint] - pos[:, carrier]).mean(0)


def _ball(
    biped: Biped, side: str, frames: Frames, pos: np.ndarray, quat: np.ndarray, size: float
) -> tuple[np.ndarray, str]:
    """The ball of a foot without a toe joint: at the end of the foot's bone, or ahead of the ankle and below
    it."""
    ankle = biped.joints[f"{side}_ankle"]
    frame = frames[f"{side}_ankle"]
    by_proportion = quat_apply(frame, np.array([BALL, 0.0, -ANKLE]) * size)
    end = biped.ends.get(f"{side}_toe")
    if end is None:
        return by_proportion, "by proportion, carried by the ankle"
    tip = _in_carrier(pos, quat, ankle, end)
    ahead = quat_apply(quat_conj(frame), tip)[0]
    if ahead < 0.04 * size:
        return by_proportion, "by proportion, carried by the ankle"
    if ahead > 1.4 * BALL * size:
        return 0.72 * tip, "on the way to the tip of the foot, carried by the ankle"
    return tip, "the end of the foot's bone, carried by the ankle"


def _knuckles(
    biped: Biped, side: str, sign: float, frames: Frames, pos: np.ndarray, quat: np.ndarray
) -> tuple[np.ndarray, str]:
    """The middle finger's base if there is one; else a usual distance along the hand."""
    wrist = biped.joints[f"{side}_wrist"]
    forearm = np.median(np.linalg.norm(pos[:, wrist] - pos[:, biped.joints[f"{side}_elbow"]], axis=-1))
    middle_finger = biped.fingers.get(f"{side}_middle", ())
    if middle_finger:
        reach = [np.median(np.linalg.norm(pos[:, j] - pos[:, wrist], axis=-1)) for j in middle_finger]
        best = int(np.argmin(np.abs(np.array(reach) - HAND * forearm)))
        if 0.5 < reach[best] / (HAND * forearm) < 1.7:
            return _in_carrier(pos, quat, wrist, middle_finger[best]), "the base of the middle finger"
    along = quat_apply(frames[f"{side}_wrist"], np.array([0.0, sign, 0.0]))
    return HAND * forearm * along, "along the hand, by proportion"
