"""The body is found under any names, and under none; left is left; what is no human is refused."""

from dataclasses import replace

import numpy as np
import pytest

from understudy.errors import SkeletonMismatch
from understudy.motion import LANDMARKS, sample
from understudy.motion.biped import find_landmarks

CONVENTIONS = {
    "Mixamo": (
        "mixamorig:Hips mixamorig:Spine mixamorig:Spine2 mixamorig:Neck mixamorig:Head "
        "mixamorig:{S}UpLeg mixamorig:{S}Leg mixamorig:{S}Foot mixamorig:{S}ToeBase "
        "mixamorig:{S}Shoulder mixamorig:{S}Arm mixamorig:{S}ForeArm mixamorig:{S}Hand "
        "mixamorig:{S}HandMiddle1"
    ),
    "LAFAN1": (
        "Hips Spine Spine2 Neck Head {S}UpLeg {S}Leg {S}Foot {S}Toe {S}Shoulder {S}Arm {S}ForeArm "
        "{S}Hand {S}HandEnd"
    ),
    "SOMA": (
        "Hips Spine1 Chest Neck1 Head {S}Leg {S}Shin {S}Foot {S}ToeBase {S}Shoulder {S}Arm "
        "{S}ForeArm {S}Hand {S}HandMiddle2"
    ),
    "3ds Max Biped": (
        "Bip01|Bip01 Spine|Bip01 Spine1|Bip01 Neck|Bip01 Head|Bip01 {L} Thigh|Bip01 {L} Calf|"
        "Bip01 {L} Foot|Bip01 {L} Toe0|Bip01 {L} Clavicle|Bip01 {L} UpperArm|Bip01 {L} Forearm|"
        "Bip01 {L} Hand|Bip01 {L} Finger2"
    ),
    "Unreal": (
        "pelvis spine_01 spine_03 neck_01 head thigh_{l} calf_{l} foot_{l} ball_{l} clavicle_{l} "
        "upperarm_{l} lowerarm_{l} hand_{l} middle_01_{l}"
    ),
    "Blender": (
        "hips spine chest neck head thigh.{L} shin.{L} foot.{L} toe.{L} shoulder.{L} upper_arm.{L} "
        "forearm.{L} hand.{L} f_middle.01.{L}"
    ),
    "VRM": (
        "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_Neck J_Bip_C_Head J_Bip_{L}_UpperLeg "
        "J_Bip_{L}_LowerLeg J_Bip_{L}_Foot J_Bip_{L}_ToeBase J_Bip_{L}_Shoulder J_Bip_{L}_UpperArm "
        "J_Bip_{L}_LowerArm J_Bip_{L}_Hand J_Bip_{L}_Middle1"
    ),
    "SMPL": (
        "Pelvis Spine1 Spine3 Neck Head {L}_Hip {L}_Knee {L}_Ankle {L}_Foot {L}_Collar "
        "{L}_Shoulder {L}_Elbow {L}_Wrist {L}_Hand"
    ),
    "SMPL-X": (
        "pelvis spine1 spine3 neck head {s}_hip {s}_knee {s}_ankle {s}_foot {s}_collar "
        "{s}_shoulder {s}_elbow {s}_wrist {s}_middle1"
    ),
    "Xsens": (
        "Pelvis L5 T8 Neck Head {S}UpperLeg {S}LowerLeg {S}Foot {S}Toe {S}Shoulder {S}UpperArm "
        "{S}ForeArm {S}Hand {S}Finger"
    ),
    "Daz Genesis": (
        "hip abdomen chest neck head {l}ThighBend {l}Shin {l}Foot {l}Toe {l}Collar {l}ShldrBend "
        "{l}ForearmBend {l}Hand {l}Mid1"
    ),
    "Acclaim": (
        "root lowerback thorax lowerneck head {l}femur {l}tibia {l}foot {l}toes {l}clavicle "
        "{l}humerus {l}radius {l}wrist {l}fingers"
    ),
    "none": ("a b c d e {l}1 {l}2 {l}3 {l}4 {l}5 {l}6 {l}7 {l}8 {l}9"),
}
PARTS = ("hip", "knee", "ankle", "toe", "collar", "shoulder", "elbow", "wrist", "hand")


def renamed(skeleton, convention):
    """The standard person's joints under the names of a convention; its ends become End Sites."""
    pattern = CONVENTIONS[convention]
    words = pattern.split("|" if "|" in pattern else None)
    names = dict(zip(LANDMARKS[:5], words, strict=False))
    for side in ("left", "right"):
        fills = {"S": side.title(), "s": side, "L": side[0].upper(), "l": side[0]}
        names |= {f"{side}_{part}": word.format(**fills) for part, word in zip(PARTS, words[5:], strict=True)}
    parents = skeleton.parents
    return [
        names.get(n) or f"{names[skeleton.joints[parents[j]]]}_end{j}" for j, n in enumerate(skeleton.joints)
    ]


@pytest.fixture(scope="module")
def person():
    return sample.motion("walk", fps=20.0)


def found(person, names):
    return find_landmarks(names, person.skeleton.parents, person.pos)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_leads_to_the_same_joints(convention, person):
    biped = found(person, renamed(person.skeleton, convention))
    own = {n: person.skeleton.joints.index(n) for n in LANDMARKS if not n.endswith("hand")}
    if convention == "none":
        own.pop("head")
        biped.joints.pop("head")
    assert biped.joints == own
    assert biped.warning == ""
    assert biped.how.startswith("by name" if convention != "none" else "by the shape")


def test_names_that_contradict_the_geometry_give_way_to_the_shape(person):
    names = renamed(person.skeleton, "Mixamo")
    knee, toe = (names.index("mixamorig:LeftLeg"), names.index("mixamorig:LeftToeBase"))
    names[knee], names[toe] = names[toe], names[knee]
    biped = found(person, names)
    assert biped.how.startswith("by the shape")
    assert biped.joints["left_knee"] == person.skeleton.joints.index("left_knee")


def test_swapped_sides_are_put_right_and_reported(person):
    names = [
        n.replace("left", "#").replace("right", "left").replace("#", "right") for n in person.skeleton.joints
    ]
    biped = found(person, names)
    assert biped.joints["left_knee"] == person.skeleton.joints.index("left_knee")
    assert "swapped" in biped.warning


def test_a_mirrored_file_is_reported(person):
    biped = found(replace(person, pos=person.pos * [1, -1, 1]), person.skeleton.joints)
    assert "mirrored" in biped.warning


def test_sides_are_found_in_any_axes_and_at_any_size(person):
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    names = renamed(person.skeleton, "none")
    biped = found(replace(person, pos=40.0 * person.pos @ turn.T), names)
    assert biped.joints["left_knee"] == person.skeleton.joints.index("left_knee")
    assert biped.joints["right_elbow"] == person.skeleton.joints.index("right_elbow")


def test_missing_joints_are_left_to_geometry(person):
    keep = [
        j
        for j, n in enumerate(person.skeleton.joints)
        if not any(word in n for word in ("neck", "spine", "collar", "toe", "hand", "finger", "heel", "top"))
    ]
    place = {}
    for new, old in enumerate(keep):
        place[old] = new
    parents = []
    for old in keep:
        p = person.skeleton.parents[old]
        while p >= 0 and p not in place:
            p = person.skeleton.parents[p]
        parents.append(place.get(p, -1))
    names = [person.skeleton.joints[j] for j in keep]
    biped = find_landmarks(names, np.array(parents), person.pos[:, keep])
    assert not {"spine", "neck", "left_collar", "left_toe"} & set(biped.joints)
    assert names[biped.joints["chest"]] == "chest"


def test_helper_joints_do_not_confuse(person):
    skeleton = person.skeleton
    names = [*skeleton.joints, "left_knee_twist", "LeftHipHelper", "left_elbow_share"]
    carriers = [skeleton.joints.index(n) for n in ("left_hip", "pelvis", "left_shoulder")]
    pos = np.concatenate([person.pos, person.pos[:, carriers]], axis=1)
    biped = find_landmarks(names, np.append(skeleton.parents, carriers), pos)
    assert biped.joints["left_hip"] == skeleton.joints.index("left_hip")
    assert biped.joints["left_toe"] == skeleton.joints.index("left_toe")


@pytest.mark.parametrize("legs", [0, 1])
def test_what_is_no_human_is_refused(legs, person):
    drop = (
        ["knee", "ankle", "toe", "heel"]
        if legs == 0
        else ["right_knee", "right_ankle", "right_toe", "right_heel"]
    )
    keep = [j for j, n in enumerate(person.skeleton.joints) if not any(word in n for word in drop)]
    place = {old: new for new, old in enumerate(keep)}
    parents = np.array([place.get(int(person.skeleton.parents[j]), -1) for j in keep])
    with pytest.raises(SkeletonMismatch, match="No human body"):
        find_landmarks([person.skeleton.joints[j] for j in keep], parents, person.pos[:, keep])
