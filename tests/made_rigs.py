"""The skeletons that formats are written for, hung on the landmarks of a known motion: one body under many names.

A joint moves with a landmark, ``place`` (m) away from it and ``turn``-ed in its frame. So every rig plays the same
motion exactly, and what a reader makes of it can be compared with where it came from.
"""

from dataclasses import dataclass

import numpy as np

from understudy.motion import HumanMotion
from understudy.motion.formats.kimodo_bodies import SMPLX, SOMA, Body
from understudy.rotations import quat_about, quat_apply, quat_conj, quat_mul

SIDES = (("left", 1.0), ("right", -1.0))
STILL = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Part:
    """A joint: the one it hangs on, the landmark that it moves with, and where it is in that landmark's frame."""

    parent: str | None
    landmark: str
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn: tuple[float, ...] = STILL


Rig = dict[str, Part]


def posed(human: HumanMotion, rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """World positions (time, joint, 3) and rotations (time, joint, 4) of all joints."""
    pos, quat = (v.astype(np.float64) for v in human.landmarks())
    rows = [human.skeleton.landmarks.index(part.landmark) for part in rig.values()]
    pos, quat = pos[:, rows], quat[:, rows]
    places, turns = (np.array([getattr(part, key) for part in rig.values()]) for key in ("place", "turn"))
    return pos + quat_apply(quat, places), quat_mul(quat, turns)


def parents(rig: Rig) -> list[int]:
    """The row of each joint's parent, -1 for the root."""
    names = list(rig)
    return [-1 if part.parent is None else names.index(part.parent) for part in rig.values()]


def local(rig: Rig, quat: np.ndarray) -> np.ndarray:
    """Each joint's rotation in its parent's frame; the root's in the world."""
    out = quat.copy()
    for j, p in enumerate(parents(rig)):
        if p >= 0:
            out[:, j] = quat_mul(quat_conj(quat[:, p]), quat[:, j])
    return out


def offsets(rig: Rig, pos: np.ndarray, quat: np.ndarray) -> np.ndarray:
    """Where each joint is in its parent's frame (joint, 3); zero for the root. The same in every frame."""
    out = np.zeros((len(rig), 3))
    for j, p in enumerate(parents(rig)):
        if p >= 0:
            seen = quat_apply(quat_conj(quat[:, p]), pos[:, j] - pos[:, p])
            assert np.ptp(seen, axis=0).max() < 1e-5, f"the bone to {list(rig)[j]} is not rigid"
            out[j] = seen[0]
    return out


def smpl() -> Rig:
    """SMPL's 24 joints; SMPL-H and SMPL-X share the first 22."""
    rig = {
        "pelvis": Part(None, "pelvis"),
        "left_hip": Part("pelvis", "left_hip"),
        "right_hip": Part("pelvis", "right_hip"),
        "spine1": Part("pelvis", "spine"),
        "left_knee": Part("left_hip", "left_knee"),
        "right_knee": Part("right_hip", "right_knee"),
        "spine2": Part("spine1", "spine", (0.0, 0.0, 0.1)),
        "left_ankle": Part("left_knee", "left_ankle"),
        "right_ankle": Part("right_knee", "right_ankle"),
        "spine3": Part("spine2", "chest"),
        "left_foot": Part("left_ankle", "left_toe"),
        "right_foot": Part("right_ankle", "right_toe"),
        "neck": Part("spine3", "neck"),
        "left_collar": Part("spine3", "left_collar"),
        "right_collar": Part("spine3", "right_collar"),
        "head": Part("neck", "head"),
    }
    above = "collar"
    for part in ("shoulder", "elbow", "wrist", "hand"):
        rig |= {f"{side}_{part}": Part(f"{side}_{above}", f"{side}_{part}") for side, _ in SIDES}
        above = part
    return rig


def kimodo_smplx() -> Rig:
    """The 22 joints of Kimodo's SMPL-X body."""
    return {name: part for name, part in smpl().items() if name in SMPLX.joints}


def soma() -> Rig:
    """SOMA's 77 joints; fingers, jaw and eyes are still."""
    marks = {
        "Hips": "pelvis", "Spine1": "spine", "Chest": "chest", "Neck1": "neck", "Head": "head",
    }  # fmt: skip
    places = {
        "Spine2": ("spine", (0.0, 0.0, 0.1)),
        "Neck2": ("neck", (0.005, 0.0, 0.05)),
        "HeadEnd": ("head", (0.0, 0.0, 0.17)),
        "Jaw": ("head", (0.03, 0.0, 0.0)),
        "LeftEye": ("head", (0.08, 0.03, 0.06)),
        "RightEye": ("head", (0.08, -0.03, 0.06)),
    }
    for side, sign in SIDES:
        cap = side.capitalize()
        for joint, part in (
            *(("Shoulder", "collar"), ("Arm", "shoulder"), ("ForeArm", "elbow"), ("Hand", "wrist")),
            *(("Leg", "hip"), ("Shin", "knee"), ("Foot", "ankle"), ("ToeBase", "toe")),
        ):
            marks[f"{cap}{joint}"] = f"{side}_{part}"
        places[f"{cap}ToeEnd"] = (f"{side}_toe", (0.07, 0.0, -0.015))
        for k, finger in enumerate(("Thumb", "Index", "Middle", "Ring", "Pinky")):
            for n, joint in enumerate(("1", "2", "3", "4", "End")):
                place = (0.04 - 0.02 * k, sign * (0.05 + 0.025 * n), 0.0)
                places[f"{cap}Hand{finger}{joint}"] = (f"{side}_wrist", place)
    return _rig(SOMA, {**{joint: (mark, (0.0, 0.0, 0.0)) for joint, mark in marks.items()}, **places})


def _rig(body: Body, places: dict[str, tuple[str, tuple[float, float, float]]]) -> Rig:
    return {
        joint: Part(None if p < 0 else body.joints[p], *places[joint])
        for joint, p in zip(body.joints, body.parents, strict=True)
    }


def cmu() -> Rig:
    """The bones of the CMU set, whose legs stand 20° apart at rest, and the ends of the last ones."""
    rig = {"root": Part(None, "pelvis")}
    for side, sign in SIDES:
        s, apart = side[0], tuple(quat_about("x", np.radians(-20.0 * sign)))
        rig |= {
            f"{s}hipjoint": Part("root", "pelvis"),
            f"{s}femur": Part(f"{s}hipjoint", f"{side}_hip", turn=apart),
            f"{s}tibia": Part(f"{s}femur", f"{side}_knee", turn=apart),
            f"{s}foot": Part(f"{s}tibia", f"{side}_ankle", turn=apart),
            f"{s}toes": Part(f"{s}foot", f"{side}_toe", turn=apart),
            f"{s}toes_end": Part(f"{s}toes", f"{side}_toe", (0.07, 0.0, -0.015), apart),
        }
    rig |= {
        "lowerback": Part("root", "pelvis"),
        "upperback": Part("lowerback", "spine"),
        "thorax": Part("upperback", "chest"),
        "lowerneck": Part("thorax", "neck"),
        "upperneck": Part("lowerneck", "neck", (0.005, 0.0, 0.05)),
        "head": Part("upperneck", "head"),
        "head_end": Part("head", "head", (0.0, 0.0, 0.17)),
    }
    for side, sign in SIDES:
        s = side[0]
        rig |= {
            f"{s}clavicle": Part("thorax", f"{side}_collar"),
            f"{s}humerus": Part(f"{s}clavicle", f"{side}_shoulder"),
            f"{s}radius": Part(f"{s}humerus", f"{side}_elbow"),
            f"{s}wrist": Part(f"{s}radius", f"{side}_elbow", (0.0, 0.18 * sign, 0.0)),
            f"{s}hand": Part(f"{s}wrist", f"{side}_wrist"),
            f"{s}fingers": Part(f"{s}hand", f"{side}_hand"),
            f"{s}fingers_end": Part(f"{s}fingers", f"{side}_hand", (0.0, 0.09 * sign, 0.0)),
            f"{s}thumb": Part(f"{s}wrist", f"{side}_wrist"),
            f"{s}thumb_end": Part(f"{s}thumb", f"{side}_wrist", (0.05, 0.05 * sign, 0.0)),
        }
    return rig


def deepmimic() -> Rig:
    """DeepMimic's humanoid, whose arms hang at rest, in the order of its columns."""
    rig = {
        "root": Part(None, "pelvis"),
        "chest": Part("root", "chest"),
        "neck": Part("chest", "head"),
    }
    for side, sign in reversed(SIDES):
        hanging = tuple(quat_about("x", np.radians(90.0 * sign)))
        above = "root"
        for part in ("hip", "knee", "ankle"):
            rig[f"{side}_{part}"] = Part(above, f"{side}_{part}")
            above = f"{side}_{part}"
        rig[f"{side}_shoulder"] = Part("chest", f"{side}_shoulder", turn=hanging)
        rig[f"{side}_elbow"] = Part(f"{side}_shoulder", f"{side}_elbow", turn=hanging)
    return rig
