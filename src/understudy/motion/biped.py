"""Which joint of an unknown human skeleton is which part of the body.

Names first, over a small table of the conventions in use; then the shape of the tree, where names say nothing
or contradict the geometry. The trunk needs no names: the pelvis is where the legs meet and the chest where
the arms meet. Positions may be in any unit and any right-handed axes; only directions and proportions are
looked at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from understudy.errors import SkeletonMismatch
from understudy.motion.biped_tree import ARMS, HEADS, LEGS, TOES, Tree
from understudy.motion.landmarks import SIDES, mirrored


@dataclass(frozen=True)
class Biped:
    """The parts that were found.

    ``joints`` maps landmark names to joint indices, for those landmarks that have a joint of their own:
    always the pelvis, chest, head, hips, knees, ankles, shoulders, elbows and wrists; spine, neck, collars
    and toes if there are such joints. ``ends`` maps ``head``, ``left_toe``, … to the outermost joint of that
    limb, if it lies beyond the landmark. ``fingers`` maps ``left_thumb``, ``left_index``, ``left_middle``,
    ``left_pinky``, … to the joints of that finger from the palm outwards.
    """

    joints: dict[str, int]
    ends: dict[str, int] = field(default_factory=dict)
    fingers: dict[str, tuple[int, ...]] = field(default_factory=dict)
    how: str = "by name"
    warning: str = ""


def find_landmarks(
    joints: Sequence[str],
    parents: Int[np.ndarray, "joint"],
    pos: Float[np.ndarray, "time joint 3"],
) -> Biped:
    """Find the body in a skeleton, given some of its poses. Raises SkeletonMismatch if it is not a biped."""
    tree = Tree(joints, parents, pos)
    limbs = _limbs_by_name(tree)
    how = "by name"
    if limbs is None or _implausible(tree, limbs):
        reason = (
            "names unknown"
            if limbs is None
            else f"names contradict the geometry: {_implausible(tree, limbs)}"
        )
        limbs = _limbs_by_shape(tree)
        how = f"by the shape of the skeleton ({reason})"
        if limbs is None or _implausible(tree, limbs):
            raise SkeletonMismatch(
                "No human body was found in this skeleton: two legs and two arms of three joints each and a "
                f"trunk between them are needed ({reason}). Its joints: {', '.join(joints)}."
            )
    found, warning = _sided(tree, limbs, named=how == "by name")
    found |= _trunk(tree, found)
    found |= _collars(tree, found)
    found |= _toes(tree, found)
    return Biped(found, _ends(tree, found), _fingers(tree, found), how, warning)


def _limbs_by_name(tree: Tree) -> dict[str, int] | None:
    index: dict[tuple[str, str], int] = {}
    for j, key in enumerate(tree.words):
        index.setdefault(key, j)
    legs = _row(tree, index, LEGS, ("hip", "knee", "ankle"))
    arms = _row(tree, index, ARMS, ("shoulder", "elbow", "wrist"))
    return {**legs, **arms} if legs and arms else None


def _row(
    tree: Tree, index: dict[tuple[str, str], int], rows: Iterable[tuple[str, ...]], parts: tuple[str, ...]
) -> dict[str, int] | None:
    """The first row of a table of which all joints exist on both sides, each hanging on the one before."""
    for row in rows:
        found = {
            f"{s}_{p}": index[s, w] for s in SIDES for p, w in zip(parts, row, strict=True) if (s, w) in index
        }
        if len(found) < len(SIDES) * len(parts):
            continue
        chains = [[found[f"{s}_{p}"] for p in parts] for s in SIDES]
        if all(a in tree.path(b)[:-1] for chain in chains for a, b in pairwise(chain)):
            return found
    return None


def _implausible(tree: Tree, limbs: dict[str, int]) -> str:
    """Why these joints cannot be the limbs of a human, or an empty text."""
    for limb in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
        lengths = []
        for side in SIDES:
            a, b, c = (limbs[f"{side}_{p}"] for p in limb)
            upper, lower = tree.mean_distance(a, b), tree.mean_distance(b, c)
            if min(upper, lower) < 0.03 * tree.size or not 0.4 < upper / lower < 2.5:
                return f"the two bones of the {side} {limb[1]} measure {upper:.3g} and {lower:.3g}"
            lengths.append(upper + lower)
        if max(lengths) > 1.35 * min(lengths):
            return (
                f"the left and right {limb[0]}-{limb[2]} chains measure {lengths[0]:.3g} and {lengths[1]:.3g}"
            )
    legs = sum(tree.mean_distance(limbs[f"{s}_hip"], limbs[f"{s}_knee"]) for s in SIDES)
    arms = sum(tree.mean_distance(limbs[f"{s}_shoulder"], limbs[f"{s}_elbow"]) for s in SIDES)
    return "" if arms < 2.0 * legs else "the arms are longer than legs could carry"


def _limbs_by_shape(tree: Tree) -> dict[str, int] | None:
    """Two pairs of equal chains: the pair whose meeting point carries the other pair's is the legs."""
    pairs = []
    for joint, children in enumerate(tree.children):
        chains = {c: _limb(tree, joint, c) for c in children}
        whole = [(c, chain) for c, chain in chains.items() if chain is not None]
        for i, (_, a) in enumerate(whole):
            for _, b in whole[i + 1 :]:
                la, lb = _chain_length(tree, a), _chain_length(tree, b)
                if max(la, lb) < 1.15 * min(la, lb):
                    pairs.append((min(la, lb), joint, a, b))
    pairs.sort(key=lambda pair: -pair[0])
    for i, first in enumerate(pairs):
        for second in pairs[i + 1 :]:
            if set(first[2] + first[3]) & set(second[2] + second[3]):
                continue
            # Equal pairs on one joint are told apart by length, which the sorting has done.
            legs, arms = (second, first) if second[1] in tree.path(first[1])[:-1] else (first, second)
            parts = ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")
            return {
                f"{side}_{part}": joint
                for pair, names in zip((legs, arms), parts, strict=True)
                for side, chain in zip(SIDES, pair[2:], strict=True)
                for part, joint in zip(names, chain, strict=True)
            }
    return None


def _limb(tree: Tree, top: int, child: int) -> list[int] | None:
    """The three joints that bound the two long neighbouring bones of a branch, if it has such bones."""
    chain = [j for j in tree.farthest(child) if tree.segment[j] > 0.02 * tree.size or j == child]
    chain = [j for j in chain if not tree.joints[j].endswith("_end")]
    if any(len([c for c in tree.children[j] if tree.reach[c] > 0.3 * tree.size]) > 1 for j in chain):
        return None
    # Hands and feet are short; a collar can be as long as a forearm but comes before the arm.
    longest = max((tree.segment[j] for j in chain[1:]), default=0.0)
    long = [i for i in range(1, len(chain)) if tree.segment[chain[i]] > 0.6 * longest]
    if len(long) < 2 or long[-1] != long[-2] + 1 or top in chain:
        return None
    return chain[long[-1] - 2 : long[-1] + 1]


def _chain_length(tree: Tree, chain: list[int]) -> float:
    return sum(tree.mean_distance(a, b) for a, b in pairwise(chain))


def _sided(tree: Tree, limbs: dict[str, int], named: bool) -> tuple[dict[str, int], str]:
    """The limbs with left on the left: seen from a trunk that points up and feet that point forward."""
    legs, arms = _leftness(tree, limbs)
    if not named:
        wrong = {"hip": legs < 0, "knee": legs < 0, "ankle": legs < 0}
        return {mirrored(k) if wrong.get(k.split("_")[1], arms < 0) else k: v for k, v in limbs.items()}, ""
    if legs < -0.3 and arms < -0.3:
        return {mirrored(k): v for k, v in limbs.items()}, (
            "the joints called left lie on the right of a body whose feet and knees point forward; the names "
            "were swapped, or the file is mirrored, so left and right follow the geometry here"
        )
    if min(legs, arms) < -0.3:
        return limbs, "the names of arms and legs disagree about which side is left; check the file"
    if abs(legs) < 0.3:
        return limbs, "which way the feet point could not be seen, so left and right are as named"
    return limbs, ""


def _leftness(tree: Tree, limbs: dict[str, int]) -> tuple[float, float]:
    """How surely the hips and the shoulders called left are on the left, each from −1 (on the right) to 1."""
    p = {k: tree.pos[:, j] for k, j in limbs.items()}
    hips = 0.5 * (p["left_hip"] + p["right_hip"])
    trunk = 0.5 * (p["left_shoulder"] + p["right_shoulder"]) - hips
    forward = np.zeros_like(trunk)
    for side in SIDES:
        ankle = limbs[f"{side}_ankle"]
        tip = tree.farthest(ankle)[-1]
        forward += tree.pos[:, tip] - tree.pos[:, ankle]
        knee = p[f"{side}_knee"] - 0.5 * (p[f"{side}_hip"] + p[f"{side}_ankle"])
        forward += knee
    left = np.cross(trunk, forward)
    out = []
    for part in ("hip", "shoulder"):
        across = p[f"left_{part}"] - p[f"right_{part}"]
        size = np.linalg.norm(across, axis=-1) * np.linalg.norm(left, axis=-1)
        ok = size > 1e-12
        out.append(float(np.mean((across * left).sum(-1)[ok] / size[ok])) if ok.any() else 0.0)
    return out[0], out[1]


def _trunk(tree: Tree, found: dict[str, int]) -> dict[str, int]:
    """Pelvis, chest and head, and the spine and neck joints that lie between them."""
    pelvis = tree.meet(found["left_hip"], found["right_hip"])
    chest = tree.meet(found["left_shoulder"], found["right_shoulder"])
    out = {"pelvis": pelvis, "chest": chest, "head": _head(tree, chest, found)}
    base = tree.meet(pelvis, chest)
    middle = [j for j in tree.between(base, chest) if tree.mean_distance(pelvis, j) > 0.02 * tree.size]
    if middle:
        out["spine"] = middle[0]
    # Several exporters put a first neck joint of length zero into the chest; it is not where a neck bends.
    neck = [j for j in tree.between(chest, out["head"]) if tree.mean_distance(chest, j) > 0.03 * tree.size]
    if neck:
        out["neck"] = neck[0]
    return out


def _head(tree: Tree, chest: int, found: dict[str, int]) -> int:
    arms = {
        tree.path(found[f"{s}_shoulder"])[len(tree.path(chest))]
        for s in SIDES
        if found[f"{s}_shoulder"] != chest
    }
    branches = [c for c in tree.children[chest] if c not in arms]
    pool = [j for b in branches for j in (b, *tree.below(b))]
    named = [j for j in pool if tree.words[j] in {("", h) for h in HEADS}]
    if named:
        return named[0]
    if not branches:
        return chest
    # Up the neck to where the face branches off, or to the last joint before an end.
    head = max(branches, key=lambda b: tree.reach[b] + tree.segment[b])
    while len(tree.children[head]) == 1 and not tree.joints[tree.children[head][0]].endswith("_end"):
        head = tree.children[head][0]
    return head


def _collars(tree: Tree, found: dict[str, int]) -> dict[str, int]:
    out = {}
    for side in SIDES:
        between = tree.between(found["chest"], found[f"{side}_shoulder"])
        away = [j for j in between if tree.mean_distance(found["chest"], j) > 0.01 * tree.size]
        if between:
            out[f"{side}_collar"] = (away or between)[0]
    return out


def _toes(tree: Tree, found: dict[str, int]) -> dict[str, int]:
    out = {}
    for side in SIDES:
        ankle = found[f"{side}_ankle"]
        pool = [j for j in tree.below(ankle) if tree.children[j] or not tree.joints[j].endswith("_end")]
        named = [j for word in TOES for j in pool if tree.words[j][1] == word]
        toes = named or [j for j in tree.farthest(ankle)[1:2] if j in pool]
        if toes and tree.mean_distance(ankle, toes[0]) > 0.02 * tree.size:
            out[f"{side}_toe"] = toes[0]
    return out


def _ends(tree: Tree, found: dict[str, int]) -> dict[str, int]:
    out = {}
    starts = {"head": found["head"]} | {f"{s}_toe": found.get(f"{s}_toe", found[f"{s}_ankle"]) for s in SIDES}
    for name, joint in starts.items():
        tips = [j for j in tree.below(joint) if tree.mean_distance(joint, j) > 0.01 * tree.size]
        direct = [j for j in tips if tree.joints[j] == f"{tree.joints[joint]}_end"]
        if tips:
            out[name] = direct[0] if direct else max(tips, key=lambda j: tree.mean_distance(joint, j))
    return out


def _fingers(tree: Tree, found: dict[str, int]) -> dict[str, tuple[int, ...]]:
    out = {}
    for side in SIDES:
        wrist = found[f"{side}_wrist"]
        hand = [j for j in tree.below(wrist) if tree.mean_distance(wrist, j) > 1e-3 * tree.size]
        for finger, words in (
            ("thumb", ("thumb", "finger0")),
            ("index", ("index",)),
            ("middle", ("mid", "middle", "finger2")),
            ("pinky", ("pinky", "little")),
        ):
            joints = tuple(j for j in hand if any(w in tree.words[j][1] for w in words))
            if joints:
                out[f"{side}_{finger}"] = joints
        rest = tuple(j for j in hand if j not in out.get(f"{side}_thumb", ()))
        if rest:
            out[f"{side}_hand"] = rest
    return out
