"""Where the landmarks are: joint centres of the limbs, and along the trunk the places a person's joints would have."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.motion.landmarks import LANDMARKS, mirrored
from understudy.robots.onboarding.joints import Joints, meeting
from understudy.robots.onboarding.limbs import Anatomy
from understudy.robots.onboarding.mechanism import Frames, Mechanism

Place = tuple[int, np.ndarray]
"""A body, and a point in the root's frame in the T-pose (m)."""
KNUCKLES = 0.5
"""Wrist to knuckles over wrist to the tip of the hand."""
BALL = 0.72
"""Heel to ball over the length of the foot, as in a human."""


@dataclass(frozen=True, eq=False)
class Trunk:
    """The links that carry legs and arms, the hinges between them and those of the neck, the outermost link of the
    head, and the crown's height (m)."""

    pelvis: int
    torso: int
    head: int
    waist: tuple[int, ...]
    neck: tuple[int, ...]
    crown: float


def trunk(m: Mechanism, anatomy: Anatomy, frames: Frames) -> Trunk:
    """The trunk between the limbs."""
    pelvis = anatomy.legs.one.trunk if anatomy.legs else None
    torso = anatomy.arms.one.trunk if anatomy.arms else None
    if pelvis is None:
        pelvis = 0
    if torso is None:
        torso = _heaviest(m, anatomy.trunk)
    between = _between(m, pelvis, torso)
    ends = [k for k in anatomy.trunk if k not in {*_up(m, pelvis), *_up(m, torso)}]
    head = ends[-1] if ends else torso
    neck = [h for k in _between(m, torso, head) for h in m.hinges_of(k)] if ends else []
    crown = _crown(m, anatomy, frames, (torso, head))
    waist = [h for k in between for h in m.hinges_of(k)]
    return Trunk(pelvis, torso, head, tuple(waist), tuple(neck), crown)


def _crown(m: Mechanism, anatomy: Anatomy, frames: Frames, upper: tuple[int, int]) -> float:
    """The highest point of the trunk (m); where torso and head have no shape, as far above the shoulders as a person's
    crown is."""
    top = m.cloud(frames, [b for link in {*upper} for b in m.members(link)])
    if len(top):
        return float(m.cloud(frames, [b for link in anatomy.trunk for b in m.members(link)])[:, 2].max())
    roots = [
        float(np.mean([frames.pos[m.hinges[limb.hinges[0]].body][2] for limb in (pair.one, pair.other)]))
        for pair in (anatomy.legs, anatomy.arms)
        if pair
    ]
    return roots[-1] + 0.55 * (roots[-1] - roots[0] if len(roots) == 2 else abs(roots[0]))


def places(
    m: Mechanism,
    frames: Frames,
    body: Trunk,
    legs: tuple[Joints, Joints] | None,
    arms: tuple[Joints, Joints] | None,
    soles: dict[str, Float[np.ndarray, "corner 3"]],
) -> dict[str, Place]:
    """Every landmark that the robot has, in the canonical order. Left and right are made each other's image where they
    nearly are."""
    found: dict[str, Place] = {}
    for side, joints in zip(("left", "right"), legs or (), strict=False):
        found |= _leg(frames, side, joints, soles.get(side))
    for side, joints in zip(("left", "right"), arms or (), strict=False):
        found |= _arm(frames, side, joints)
    found |= _trunk_places(m, frames, body, found)
    if arms:
        neck = found["neck"][1]
        for side in ("left", "right"):
            shoulder = found[f"{side}_shoulder"][1]
            found[f"{side}_collar"] = (body.torso, np.array([neck[0], 0.25 * shoulder[1], shoulder[2]]))
    return {name: _even(name, found) for name in LANDMARKS if name in found}


def _leg(frames: Frames, side: str, joints: Joints, sole: np.ndarray | None) -> dict[str, Place]:
    hip, knee, ankle = joints.places(frames)
    toe = np.array([ankle[0] + 0.1, ankle[1], ankle[2] - 0.02])
    if sole is not None:
        low, high = sole.min(axis=0), sole.max(axis=0)
        length = high[0] - low[0]
        toe = np.array([low[0] + BALL * length, ankle[1], low[2] + 0.06 * length])
    return {
        f"{side}_hip": (joints.upper, hip),
        f"{side}_knee": (joints.lower, knee),
        f"{side}_ankle": (joints.end, ankle),
        f"{side}_toe": (joints.end, toe),
    }


def _arm(frames: Frames, side: str, joints: Joints) -> dict[str, Place]:
    shoulder, elbow, wrist = joints.places(frames)
    tip = frames.point(joints.end, joints.tip)
    return {
        f"{side}_shoulder": (joints.upper, shoulder),
        f"{side}_elbow": (joints.lower, elbow),
        f"{side}_wrist": (joints.end, wrist),
        f"{side}_hand": (joints.end, wrist + KNUCKLES * (tip - wrist)),
    }


def _trunk_places(m: Mechanism, frames: Frames, body: Trunk, limbs: dict[str, Place]) -> dict[str, Place]:
    """Pelvis, spine, chest, neck and head, on the sagittal plane."""

    def middle(part: str) -> np.ndarray | None:
        if f"left_{part}" not in limbs:
            return None
        return (limbs[f"left_{part}"][1] + limbs[f"right_{part}"][1]) / 2

    def up(height: float) -> np.ndarray:
        return np.array([0.0, 0.0, height])

    hips, shoulders = middle("hip"), middle("shoulder")
    waist = _centre(m, frames, body.waist)
    if hips is None:
        assert shoulders is not None  # a figure has arms or legs
        above = body.crown - float(shoulders[2])
        low = waist if waist is not None else frames.pos[0] - up(0.25 * above)
        low = np.array([low[0], 0.0, min(low[2], shoulders[2] - 0.5 * above)])
        hips = low - up(0.3 * (shoulders[2] - low[2]))
    if shoulders is None:
        shoulders = hips + up(0.75 * (body.crown - hips[2]))
    rise = shoulders - hips
    spine = waist if waist is not None and 0 < waist[2] - hips[2] < 0.8 * rise[2] else hips + 0.3 * rise
    chest = spine + 0.5 * (shoulders - spine)
    neck = _centre(m, frames, body.neck)
    if neck is None or not shoulders[2] - 0.1 * rise[2] < neck[2] < body.crown:
        top = max(body.crown - shoulders[2], 0.1 * rise[2])
        neck = shoulders + up(min(0.12 * rise[2], 0.3 * top))
    head = neck + up(0.4 * max(body.crown - neck[2], 0.1 * rise[2]))
    return {
        "pelvis": (body.pelvis, hips),
        "spine": (body.torso, spine),
        "chest": (body.torso, chest),
        "neck": (body.head, neck),
        "head": (body.head, head),
    }


def _centre(m: Mechanism, frames: Frames, hinges: tuple[int, ...]) -> np.ndarray | None:
    """Where some hinges of the trunk meet, on the sagittal plane."""
    if not hinges:
        return None
    lines = [
        (
            frames.point(m.hinges[h].body, m.hinges[h].anchor),
            frames.vector(m.hinges[h].body, m.hinges[h].axis),
        )
        for h in hinges
    ]
    anchors = np.mean([point for point, _ in lines], axis=0)
    return meeting(lines, np.array([anchors[0], 0.0, anchors[2]]), np.inf) * (1.0, 0.0, 1.0)


def _even(name: str, found: dict[str, Place]) -> Place:
    """A place whose height and depth are the mean of both sides', if the sides nearly agree."""
    body, place = found[name]
    if name == mirrored(name):
        return body, place * (1.0, 0.0, 1.0)
    image = found[mirrored(name)][1] * (1.0, -1.0, 1.0)
    return body, (place + image) / 2 if np.linalg.norm(place - image) < 0.01 else place


def _heaviest(m: Mechanism, links: tuple[int, ...]) -> int:
    return max(links, key=lambda link: m.mass(m.members(link)))


def _up(m: Mechanism, link: int) -> list[int]:
    found = [link]
    while found[-1]:
        found.append(m.links[m.bodies[found[-1]].parent])
    return found


def _between(m: Mechanism, one: int, two: int) -> list[int]:
    """The links whose hinges lie between two links."""
    first, second = _up(m, one), _up(m, two)
    return sorted(set(first) ^ set(second))
