"""Which capsules may touch: neighbours whose shapes overlap by construction, found by trying poses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from understudy.robots.capsules import Capsules
from understudy.robots.onboarding.mechanism import Mechanism
from understudy.robots.onboarding.stance import ranges

POSES = 400
OFTEN = 0.4
"""Shapes that overlap in more than this share of random poses are neighbours, not colliding limbs."""
GAP = 0.002
"""Distance (m) kept between capsules where the robot simply stands."""
_SHRINK = 0.4


@dataclass(frozen=True, eq=False)
class Shapes:
    """Capsules of all bodies, each in its body's frame."""

    body: Int[np.ndarray, "capsule"]
    capsules: Capsules

    def distances(
        self, m: Mechanism, q: Float[np.ndarray, "pose dof"], pairs: Int[np.ndarray, "pair 2"]
    ) -> Float[np.ndarray, "pose pair"]:
        """Signed distances between capsules (m), negative where they overlap."""
        frames = m.forward(q)
        mat, pos = frames.mat[:, self.body], frames.pos[:, self.body]
        start = pos + (mat @ self.capsules.start[..., None])[..., 0]
        end = pos + (mat @ self.capsules.end[..., None])[..., 0]
        a, b = pairs.T
        gap = _segments(start[:, a], end[:, a], start[:, b], end[:, b])
        return gap - self.capsules.radius[a] - self.capsules.radius[b]


def settle(
    m: Mechanism,
    shapes: Shapes,
    stances: Float[np.ndarray, "stance dof"],
    twins: Mapping[int, int],
    height: float,
    seed: int = 0,
) -> tuple[Shapes, list[tuple[int, int]]]:
    """Capsules that do not touch where the robot simply stands, and the pairs of bodies whose contacts are harmless.

    Links near each other in the tree that touch in a stance, or in many random poses, are harmless pairs. Capsules of
    links far from each other (two thighs, arm and hip) shrink instead, so that their collisions are still seen.
    ``twins`` are bodies that mirror each other, of which both or none are harmless; ``height`` (m) says what is near.
    """
    pairs = _candidates(m, shapes)
    if not len(pairs):
        return shapes, []
    near = {
        (x, y): _near(m, x, y, 0.08 * height)
        for x, y in {tuple(map(int, shapes.body[pair])) for pair in pairs}
    }
    far = np.array([not near[int(shapes.body[a]), int(shapes.body[b])] for a, b in pairs])
    for _ in range(3):
        standing = shapes.distances(m, stances, pairs).min(axis=0)
        touching = far & (standing < GAP)
        if not touching.any():
            break
        shapes = _shrunk(shapes, pairs[touching], standing[touching])
    lower, upper = ranges(m)
    rng = np.random.default_rng(seed)
    random = shapes.distances(m, rng.uniform(lower, upper, (POSES, len(lower))), pairs)
    standing = shapes.distances(m, stances, pairs).min(axis=0)
    harmless = (standing < GAP / 2) | (((random < 0).mean(axis=0) > OFTEN) & ~far)
    both = {**twins, **{b: a for a, b in twins.items()}}
    bodies = {(int(shapes.body[a]), int(shapes.body[b])) for a, b in pairs[harmless]}
    bodies |= {(both.get(a, a), both.get(b, b)) for a, b in bodies}
    return shapes, sorted({(min(pair), max(pair)) for pair in bodies})


def _candidates(m: Mechanism, shapes: Shapes) -> Int[np.ndarray, "pair 2"]:
    """Pairs of capsules on two bodies that are not neighbours in the tree."""
    found = []
    for a in range(len(shapes.body)):
        for b in range(a + 1, len(shapes.body)):
            x, y = int(shapes.body[a]), int(shapes.body[b])
            if x != y and m.bodies[x].parent != y and m.bodies[y].parent != x:
                found.append((a, b))
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _near(m: Mechanism, one: int, two: int, reach: float) -> bool:
    """Whether at most two hinges lie between two bodies, or hinges that lie close together."""

    def above(body: int) -> set[int]:
        found = set()
        while body > 0:
            found |= set(m.hinges_of(body))
            body = m.bodies[body].parent
        return found

    between = sorted(above(one) ^ above(two))
    if len(between) <= 2:
        return True
    rest = m.forward(np.zeros(len(m.hinges)))
    anchors = np.array([rest.point(m.hinges[h].body, m.hinges[h].anchor) for h in between])
    return bool(np.linalg.norm(anchors[:, None] - anchors, axis=-1).max() < reach)


def _shrunk(shapes: Shapes, pairs: np.ndarray, distance: np.ndarray) -> Shapes:
    """Radii reduced by what is missing, each side half, and by no more than a share of the radius."""
    radius, least = shapes.capsules.radius.copy(), (1 - _SHRINK) * shapes.capsules.radius
    for (a, b), d in zip(pairs, distance, strict=True):
        for k in (a, b):
            radius[k] = min(radius[k], max(shapes.capsules.radius[k] - (GAP - d) / 2 - 5e-4, least[k]))
    return replace(shapes, capsules=replace(shapes.capsules, radius=radius))


def _segments(p: np.ndarray, p2: np.ndarray, r: np.ndarray, r2: np.ndarray) -> np.ndarray:
    """Distances between segments, over any leading dimensions."""
    u, v, w = p2 - p, r2 - r, p - r
    a, b, c = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    d, e = (u * w).sum(-1), (v * w).sum(-1)
    tiny = 1e-12
    s = np.clip(np.where(a * c - b * b > tiny, (b * e - c * d) / np.maximum(a * c - b * b, tiny), 0.0), 0, 1)
    t = np.clip(np.where(c > tiny, (b * s + e) / np.maximum(c, tiny), 0.0), 0, 1)
    s = np.clip(np.where(a > tiny, (b * t - d) / np.maximum(a, tiny), 0.0), 0, 1)
    t = np.clip(np.where(c > tiny, (b * s + e) / np.maximum(c, tiny), 0.0), 0, 1)
    return np.linalg.norm(w + s[..., None] * u - t[..., None] * v, axis=-1)
