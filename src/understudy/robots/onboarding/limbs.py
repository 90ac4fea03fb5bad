"""Which parts of a mechanism are trunk, legs, arms and head, from topology, masses and rest geometry.

Limbs come in pairs: two subtrees that hang on one link, with equally many hinges, about the same mass and the same
reach. What is left over is trunk. Names decide only where geometry cannot.
"""

import re
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.robots.onboarding.mechanism import Frames, Hinge, Mechanism

FEWEST, FEWEST_ALONE = 2, 3
"""Hinges of the shortest chain that counts as a limb: of a robot with arms and legs, and of one with either."""
ARM = 7
"""Hinges of an arm; what lies beyond belongs to a hand."""
_LEG_NAMES = re.compile(r"leg|hip|knee|ankle|foot|thigh|calf|shank|toe", re.IGNORECASE)
_ARM_NAMES = re.compile(r"arm|shoulder|elbow|wrist|hand|sho_", re.IGNORECASE)


@dataclass(frozen=True)
class Limb:
    """One arm or leg: ``trunk`` is the link it hangs on, ``hinges`` run outwards, ``end`` is the outermost link."""

    trunk: int
    hinges: tuple[int, ...]
    end: int


@dataclass(frozen=True)
class Pair:
    """Two limbs that mirror each other; which is left is not known yet."""

    one: Limb
    other: Limb


@dataclass(frozen=True)
class Anatomy:
    """``trunk``: the links between and around the limbs, root first. ``still``: hinges that belong to no limb and no
    trunk (fingers, rods of linkages, wheels) and are to be frozen."""

    legs: Pair | None
    arms: Pair | None
    trunk: tuple[int, ...]
    still: tuple[int, ...]
    ambiguous: bool


def find(mechanism: Mechanism) -> Anatomy:
    """The anatomy of a mechanism whose z axis is up. Raises LimitError for a robot without a pair of limbs, and for a
    four-legged one."""
    chosen, trunk = _candidates(mechanism)
    legs, arms, ambiguous = _named(mechanism, chosen)
    found = [_pair(mechanism, pair, arm=pair is arms) if pair else None for pair in (legs, arms)]
    used = {h for pair in found if pair for limb in (pair.one, pair.other) for h in limb.hinges}
    kept = _trunk_to(mechanism, trunk, [pair for pair in found if pair])
    used |= {h for link in kept for h in mechanism.hinges_of(link)}
    still = tuple(j for j in range(len(mechanism.hinges)) if j not in used)
    return Anatomy(found[0], found[1], kept, still, ambiguous)


def upward(mechanism: Mechanism) -> Float[np.ndarray, "3"]:
    """Which way is up: z, unless arms and legs say otherwise. Arms hang at the end of the trunk that the legs point
    away from. Raises LimitError as ``find`` does."""
    chosen, _ = _candidates(mechanism)
    z = np.array([0.0, 0.0, 1.0])
    if len(chosen) == 1:
        return z
    rest = mechanism.forward(np.zeros(len(mechanism.hinges)))
    legs, arms = (
        np.mean([rest.point(h.body, h.anchor) for k in pair for h in _first(mechanism, k)], axis=0)
        for pair in chosen
    )
    ends = np.mean([_middle(mechanism, rest, k) for k in chosen[0]], axis=0)
    trunk, thighs = arms - legs, legs - ends
    along = trunk @ thighs / max(float(np.linalg.norm(trunk) * np.linalg.norm(thighs)), 1e-9)
    upright = bool(trunk @ z > 0.5 * np.linalg.norm(trunk))
    alike = _weight(mechanism, chosen[1]) > 0.85 * _weight(mechanism, chosen[0])
    lying = not upright and (along < 0.9 or alike)  # a person in a file whose z is not up, or four legs
    if along < 0.5 or lying or np.linalg.norm(trunk) < 0.2 * np.linalg.norm(thighs):
        raise LimitError(
            "The two pairs of limbs hang behind each other, not above each other: four-legged robots cannot be "
            "taken on."
        )
    return z if upright else trunk / np.linalg.norm(trunk)


def _candidates(m: Mechanism) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """The one or two heaviest pairs of limbs, the heaviest first, and the links of the trunk."""
    pairs, trunk = _pairs(m)
    limbs = sorted((p for p in pairs if _count(m, p[0]) >= FEWEST), key=lambda pair: -_weight(m, pair))
    if not limbs or (len(limbs) == 1 and _count(m, limbs[0][0]) < FEWEST_ALONE):
        raise LimitError(
            "No pair of limbs was found: two chains of hinges on one link, alike in joints, mass and length. "
            "Only humanoids (with legs, arms or both) can be taken on."
        )
    return limbs[:2], trunk


def _pairs(m: Mechanism) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """First links of subtrees that answer to each other, and the trunk links between them."""
    rest = m.forward(np.zeros(len(m.hinges)))
    todo, pairs, trunk = [0], [], []
    while todo:
        link = todo.pop(0)
        trunk.append(link)
        children = m.children(link)
        scored = sorted(
            ((_unlike(m, rest, a, b), a, b) for a, b in combinations(children, 2)), key=lambda row: row[0]
        )
        taken: set[int] = set()
        for cost, a, b in scored:
            if cost < 0.5 and not taken & {a, b}:
                taken |= {a, b}
                pairs.append((a, b))
        todo += [child for child in children if child not in taken]
    return pairs, tuple(trunk)


def _unlike(m: Mechanism, rest, a: int, b: int) -> float:
    """How little two subtrees look like each other's image: 0 for a perfect pair, infinite for none."""
    if _count(m, a) != _count(m, b):
        return float("inf")
    mass = [m.mass(m.subtree(k)) + 1e-3 for k in (a, b)]
    reach = [_reach(m, rest, k) + 1e-3 for k in (a, b)]
    if np.linalg.norm(_middle(m, rest, a) - _middle(m, rest, b)) < 1e-3:
        return float("inf")
    return float(abs(np.log(mass[0] / mass[1])) + 2 * abs(np.log(reach[0] / reach[1])))


def _middle(m: Mechanism, rest: Frames, link: int) -> np.ndarray:
    """Somewhere in the middle of a subtree: the mean over its bodies of where their surface is, or their origin."""
    clouds = [(k, m.cloud(rest, [k])) for k in m.subtree(link)]
    return np.mean([cloud.mean(axis=0) if len(cloud) else rest.pos[k] for k, cloud in clouds], axis=0)


def _reach(m: Mechanism, rest, link: int) -> float:
    """Length along the longest chain of links beyond ``link``, independent of the pose."""
    children = m.children(link)
    own = max(
        (np.linalg.norm(rest.local(link, m.cloud(rest, m.members(link))), axis=1).max(initial=0.0)), 0.0
    )
    beyond = [np.linalg.norm(rest.pos[c] - rest.pos[link]) + _reach(m, rest, c) for c in children]
    return float(max([own, *beyond]))


def _count(m: Mechanism, link: int) -> int:
    inside = set(m.subtree(link))
    return sum(hinge.body in inside for hinge in m.hinges)


def _weight(m: Mechanism, pair: tuple[int, int]) -> float:
    return m.mass(m.subtree(pair[0])) + m.mass(m.subtree(pair[1]))


def _named(m: Mechanism, pairs: list[tuple[int, int]]):
    """Legs, arms, and whether names had to help: legs are heavier, hang lower and end lower."""
    if len(pairs) == 1:
        [pair] = pairs
        votes = [_down(m, pair), _by_name(m, pair)]
        leg = sum(votes) > 0 if any(votes) else True
        return (pair, None, votes[0] * votes[1] <= 0) if leg else (None, pair, votes[0] * votes[1] <= 0)
    one, two = pairs
    rest = m.forward(np.zeros(len(m.hinges)))
    height = [np.mean([rest.pos[k][2] for k in pair]) for pair in pairs]
    lowest = [m.cloud(rest, m.subtree(pair[0]))[:, 2].min(initial=np.inf) for pair in pairs]
    votes = [
        np.sign(_weight(m, one) - _weight(m, two)),
        np.sign(height[1] - height[0]),
        np.sign(lowest[1] - lowest[0]) if np.isfinite(lowest).all() else 0.0,
        0.5 * (_by_name(m, one) - _by_name(m, two)),
    ]
    score = float(np.sum(votes))
    return (one, two, abs(score) < 1.5) if score >= 0 else (two, one, abs(score) < 1.5)


def _down(m: Mechanism, pair: tuple[int, int]) -> float:
    """+1 for limbs that stand under the rest of the robot, −1 for limbs that hang above its lower end."""
    rest = m.forward(np.zeros(len(m.hinges)))
    limb = [k for link in pair for k in m.subtree(link)]
    others = m.cloud(rest, [k for k in range(len(m.bodies)) if k not in limb])
    own = m.cloud(rest, limb)
    if not len(own) or not len(others):
        return 0.0
    below = others[:, 2].min() - own[:, 2].min()
    return 1.0 if below > 0.25 * np.ptp(own[:, 2]) else -1.0


def _by_name(m: Mechanism, pair: tuple[int, int]) -> float:
    inside = {k for link in pair for k in m.subtree(link)}
    words = " ".join([m.bodies[k].name for k in inside] + [h.name for h in m.hinges if h.body in inside])
    return float(np.sign(len(_LEG_NAMES.findall(words)) - len(_ARM_NAMES.findall(words))))


def _first(m: Mechanism, link: int) -> list[Hinge]:
    return [m.hinges[h] for h in m.hinges_of(link)][:1]


def _pair(m: Mechanism, pair: tuple[int, int], arm: bool) -> Pair:
    paths = [_path(m, first, arm) for first in pair]
    shortest = min(len(path) for path in paths)
    limbs = [_limb(m, path[:shortest], ARM if arm else None) for path in paths]
    return Pair(*limbs)


def _limb(m: Mechanism, links: list[int], most: int | None) -> Limb:
    hinges = [h for link in links for h in m.hinges_of(link)][:most]
    return Limb(m.links[m.bodies[links[0]].parent], tuple(hinges), m.hinges[hinges[-1]].body)


def _path(m: Mechanism, first: int, arm: bool) -> list[int]:
    """The chain of links from the trunk to the hand or foot. At a fork it takes the branch that reaches farther; an
    arm ends where fingers begin: at a fork into like branches, or before a link that weighs next to nothing."""
    rest = m.forward(np.zeros(len(m.hinges)))
    whole, path = m.mass(m.subtree(first)), [first]
    while children := m.children(path[-1]):
        score = {c: _reach(m, rest, c) + np.linalg.norm(rest.pos[c] - rest.pos[path[-1]]) for c in children}
        best = max(children, key=lambda c: (score[c], m.mass(m.subtree(c))))
        hinges = sum(len(m.hinges_of(link)) for link in path)
        if arm and hinges >= 3:
            light = m.mass(m.subtree(best)) < 0.02 * whole
            fork = [c for c in children if m.mass(m.subtree(c)) > 0.3 * m.mass(m.subtree(best))]
            if light or len(fork) > 1:
                break
        path.append(best)
    return path


def _trunk_to(m: Mechanism, trunk: tuple[int, ...], limbs: list[Pair]) -> tuple[int, ...]:
    """Trunk links worth keeping: those on the way to a limb, and the head's chain: the one that ends farthest from
    where the limbs hang."""
    rest = m.forward(np.zeros(len(m.hinges)))
    needed = {0}
    for pair in limbs:
        needed |= set(_ancestors(m, pair.one.trunk))
    ends = [link for link in trunk if not [c for c in m.children(link) if c in trunk] and link not in needed]
    if ends:
        centre = np.mean([rest.pos[m.hinges[p.one.hinges[0]].body] for p in limbs], axis=0)
        head = max(
            ends,
            key=lambda link: np.linalg.norm(m.cloud(rest, m.subtree(link)) - centre, axis=1).max(initial=0.0),
        )
        needed |= set(_ancestors(m, head))
    return tuple(link for link in trunk if link in needed)


def _ancestors(m: Mechanism, link: int) -> list[int]:
    found = [link]
    while found[-1]:
        found.append(m.links[m.bodies[found[-1]].parent])
    return found
