"""Which way is up and which way is forward, and so which limb is left: the root frame that a robot folder needs.

Up is what the file says unless the arms hang below the legs. Forward is where feet point, knees bend away from and
elbows bend to; where these are missing or disagree, the names of the sides and the file's own x axis have a voice.
"""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.robots.onboarding.joints import Joints
from understudy.robots.onboarding.mechanism import Mechanism

_LEFT = re.compile(r"(^|[_\-. ])(l|left)([_\-. ]|$)|left|^L[A-Z]", re.IGNORECASE)
_RIGHT = re.compile(r"(^|[_\-. ])(r|right)([_\-. ]|$)|right|^R[A-Z]", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Heading:
    """``root`` has x forward, y left, z up as its columns, in the file's root frame. ``votes`` are the signs by
    witness, positive for the chosen way."""

    root: Float[np.ndarray, "3 3"]
    votes: dict[str, float]

    @property
    def disputed(self) -> bool:
        """Whether a witness of weight spoke against the choice."""
        votes = [vote for name, vote in self.votes.items() if name != "the file's x axis"]
        return -sum(v for v in votes if v < 0) > 0.35 * sum(v for v in votes if v > 0)


def find(m: Mechanism, legs: tuple[Joints, Joints] | None, arms: tuple[Joints, Joints] | None) -> Heading:
    """The heading from the limbs of a mechanism whose z axis is up."""
    rest = m.forward(np.zeros(len(m.hinges)))
    pair = legs or arms
    assert pair is not None
    up = np.array([0.0, 0.0, 1.0])
    across = rest.point(pair[0].upper, pair[0].root) - rest.point(pair[1].upper, pair[1].root)
    across = across - up * (up @ across)
    forward = np.cross(across / np.linalg.norm(across), up)
    votes = {"the file's x axis": 0.4 * float(np.sign(forward[0]) if abs(forward[0]) > 0.1 else 0.0)}
    for joints in legs or ():
        votes["feet"] = votes.get("feet", 0.0) + 0.75 * float(forward @ _foot(m, joints))
        if joints.sure:
            knee = np.cross(_flexing(m, joints), up)
            votes["knees"] = votes.get("knees", 0.0) + 0.5 * float(forward @ knee)
    for joints in arms or ():
        if joints.sure:
            votes["elbows"] = votes.get("elbows", 0.0) + 0.3 * _elbow(m, joints, forward)
    votes["names"] = _names(m, pair)
    sign = 1.0 if sum(votes.values()) >= 0 else -1.0
    return Heading(_snapped(sign * forward, up), {name: sign * vote for name, vote in votes.items() if vote})


def uprighted(up: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """A root frame whose z axis is ``up``, turned as little as can be."""
    up = _nearest_axis(up / np.linalg.norm(up))
    z = np.array([0.0, 0.0, 1.0])
    if up @ z > 1 - 1e-9:
        return np.eye(3)
    side = np.cross(z, up)
    side = side / np.linalg.norm(side) if np.linalg.norm(side) > 1e-9 else np.array([1.0, 0.0, 0.0])
    forward = np.cross(side, z)
    return np.stack([np.cross(side, up), side, up], axis=1) @ np.stack([forward, side, z], axis=1).T


def _snapped(forward: np.ndarray, up: np.ndarray) -> np.ndarray:
    forward = _nearest_axis(forward)
    return np.stack([forward, np.cross(up, forward), up], axis=1)


def _nearest_axis(direction: np.ndarray) -> np.ndarray:
    """The axis of the frame within 7° of a direction, else the direction itself."""
    k = int(np.argmax(np.abs(direction)))
    axis = np.sign(direction[k]) * np.eye(3)[k]
    return axis if axis @ direction > np.cos(np.radians(7)) else direction


def _flexing(m: Mechanism, joints: Joints) -> np.ndarray:
    """The axis of the bend at rest, signed so that a positive turn bends the limb."""
    assert joints.bend is not None
    hinge = m.hinges[joints.bend]
    rest = m.forward(np.zeros(len(m.hinges)))
    return joints.flexes * rest.vector(hinge.body, hinge.axis)


def _foot(m: Mechanism, joints: Joints) -> np.ndarray:
    """From the ankle to the middle of the foot, as a share of the foot's length."""
    rest = m.forward(np.zeros(len(m.hinges)))
    cloud = m.cloud(rest, m.subtree(joints.end))
    if not len(cloud):
        return np.zeros(3)  # no shape, no witness
    ankle = rest.point(joints.end, joints.tail)
    low = cloud[cloud[:, 2] <= cloud[:, 2].min() + 0.4 * np.ptp(cloud[:, 2])]
    size = np.ptp(low[:, :2], axis=0)
    shift = (low.min(0) + low.max(0)) / 2 - ankle
    shift[2] = 0.0
    share = shift / max(float(size.max()), 1e-6)
    return np.clip(6 * share, -1.0, 1.0) if np.linalg.norm(share) > 0.08 else np.zeros(3)


def _elbow(m: Mechanism, joints: Joints, forward: np.ndarray) -> float:
    """+1 if bending the elbow carries the hand forward, with the arm as it is at rest."""
    rest = m.forward(np.zeros(len(m.hinges)))
    _, middle, tail = joints.places(rest)
    moved = np.cross(_flexing(m, joints), (tail - middle) / max(float(np.linalg.norm(tail - middle)), 1e-9))
    return float(np.clip(moved @ forward, -1.0, 1.0))


def _names(m: Mechanism, pair: tuple[Joints, Joints]) -> float:
    """+1 where the first limb is called left, −1 where it is called right."""
    score = 0
    for joints, sign in zip(pair, (1, -1), strict=True):
        for h in joints.limb.hinges:
            for name in (m.hinges[h].name, m.bodies[m.hinges[h].body].name):
                score += sign * (bool(_LEFT.search(name)) - bool(_RIGHT.search(name)))
    return float(np.sign(score))
