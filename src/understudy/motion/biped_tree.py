"""The names of limbs in the conventions in use, and a skeleton as a tree that can be asked about itself."""

import re
from collections.abc import Sequence

import numpy as np

# The three joints of a limb from the trunk outwards, as the conventions call them once sides and prefixes are
# gone. The same word means different joints in different rows ("leg", "hip", "arm", "shoulder"), hence whole
# rows.
LEGS = (
    ("upleg", "leg", "foot"),  # MotionBuilder, Mixamo, LAFAN1, Rokoko, Vicon, OptiTrack
    ("upperleg", "lowerleg", "foot"),  # Unity, Bandai-Namco, Xsens, VRM
    ("thigh", "calf", "foot"),  # 3ds Max Biped, Unreal, Character Creator
    ("thigh", "shin", "foot"),  # Daz, Poser, Blender
    ("thighbend", "shin", "foot"),  # Daz Genesis
    ("leg", "shin", "foot"),  # SOMA
    ("hip", "knee", "ankle"),  # 3ds Max mocap, Xsens BVH, SMPL, Kinect
    ("hip", "knee", "foot"),
    ("thigh", "knee", "ankle"),
    ("leg", "knee", "ankle"),  # MikuMikuDance in English
    ("femur", "tibia", "foot"),  # Acclaim
)
ARMS = (
    ("arm", "forearm", "hand"),
    ("upperarm", "lowerarm", "hand"),
    ("upperarm", "forearm", "hand"),
    ("shldr", "forearm", "hand"),
    ("shldrbend", "forearmbend", "hand"),
    ("shoulder", "elbow", "wrist"),
    ("shoulder", "elbow", "hand"),
    ("humerus", "radius", "wrist"),
    ("humerus", "radius", "hand"),
    ("arm", "elbow", "wrist"),
)
TOES = ("toebase", "toe", "toes", "toe0", "ball", "foot", "metatarsals")
HEADS = ("head",)

_SIDE_WORDS = {"l": "left", "left": "left", "r": "right", "right": "right"}
_CENTRE_WORDS = {"c", "center", "centre"}
_VOCABULARY = {w for row in LEGS + ARMS for w in row} | set(TOES) | {"collar", "clavicle", "hand"}


class Tree:
    """A skeleton with the questions asked about it. ``segment`` is each joint's median distance to its
    parent."""

    def __init__(self, joints: Sequence[str], parents: np.ndarray, pos: np.ndarray):
        self.joints = tuple(joints)
        self.parents = np.asarray(parents)
        self.pos = np.asarray(pos, np.float64)
        up = np.maximum(self.parents, 0)
        self.segment = np.median(np.linalg.norm(self.pos - self.pos[:, up], axis=-1), axis=0)
        self.children: list[list[int]] = [[] for _ in joints]
        for child, parent in enumerate(self.parents):
            if parent >= 0:
                self.children[parent].append(child)
        self.reach = np.zeros(len(self.joints))
        for j in range(len(self.joints) - 1, 0, -1):
            p = self.parents[j]
            self.reach[p] = max(self.reach[p], self.reach[j] + self.segment[j])
        # The way from a root that stays at the origin to the body that walks away from it is no part of the body.
        trunk = 0
        while len(self.children[trunk]) == 1:
            trunk = self.children[trunk][0]
        self.size = float(self.reach[trunk])
        self.words = bare_names(self.joints)

    def path(self, j: int) -> list[int]:
        """From the root down to ``j``, both included."""
        out = [j]
        while self.parents[out[-1]] >= 0:
            out.append(int(self.parents[out[-1]]))
        return out[::-1]

    def below(self, j: int) -> list[int]:
        """Everything that hangs on ``j``, parents first, without ``j`` itself."""
        out: list[int] = []
        for child in self.children[j]:
            out += [child, *self.below(child)]
        return out

    def between(self, top: int, bottom: int) -> list[int]:
        """The joints strictly between two joints of one chain."""
        path = self.path(bottom)
        return path[path.index(top) + 1 : -1] if top in path else []

    def meet(self, a: int, b: int) -> int:
        """The last joint that carries both."""
        common = [x for x, y in zip(self.path(a), self.path(b), strict=False) if x == y]
        return common[-1]

    def farthest(self, j: int) -> list[int]:
        """The chain from ``j`` to the leaf that lies farthest along the bones, ``j`` included."""
        chain = [j]
        while self.children[chain[-1]]:
            chain.append(max(self.children[chain[-1]], key=lambda c: self.reach[c] + self.segment[c]))
        return chain

    def mean_distance(self, a: int, b: int) -> float:
        return float(np.median(np.linalg.norm(self.pos[:, a] - self.pos[:, b], axis=-1)))


def bare_names(joints: Sequence[str]) -> list[tuple[str, str]]:
    """Each name as (side, rest): namespaces, shared prefixes and suffixes, case and separators removed."""
    words = [
        [w.lower() for w in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name.split(":")[-1])]
        for name in joints
    ]
    for end in (0, -1):
        while True:
            edge = [w[end] for w in words if len(w) > 1]
            shared = max(set(edge), key=edge.count, default="")
            if edge.count(shared) < max(4, 0.7 * len(words)) or shared in _SIDE_WORDS:
                break
            words = [w[1:] if end == 0 else w[:-1] if len(w) > 1 and w[end] == shared else w for w in words]
    return [_side_and_rest(w) for w in words]


def _side_and_rest(words: list[str]) -> tuple[str, str]:
    side = next((_SIDE_WORDS[w] for w in words if w in _SIDE_WORDS), "")
    rest = "".join(w for w in words if w not in _SIDE_WORDS and w not in _CENTRE_WORDS)
    if side:
        return side, rest
    for prefix in ("left", "right", "l", "r"):
        bare = rest.removeprefix(prefix)
        if bare != rest and bare in _VOCABULARY:
            return _SIDE_WORDS[prefix], bare
    return "", rest
