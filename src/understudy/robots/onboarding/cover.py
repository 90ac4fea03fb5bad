"""Primitives for every body of a figure: fitted in the T-pose on the left and in the middle, mirrored to the right."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.robots.capsules import Capsules
from understudy.robots.onboarding.contacts import Shapes
from understudy.robots.onboarding.figure import Figure
from understudy.robots.onboarding.mechanism import Frames, Mechanism
from understudy.robots.onboarding.primitives import Solid, fit_capsules, foot_capsules, joined, parts, solid

_LARGE = 0.3  # of the robot's height: a trunk with shoulders, neck and head in one link deserves more parts
_BULGE = 0.018  # of the robot's height: a trunk's capsule that reaches farther beyond the link is made two
_SMALL = 0.02  # of the robot's height: what is smaller is covered by its neighbours
_MIRROR = np.array([1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Cover:
    """What one sees and what touches, by body and in its frame."""

    seen: dict[int, list[Solid]]
    touching: Shapes
    twins: dict[int, int]


def cover(
    figure: Figure,
    t_pose: Float[np.ndarray, "dof"],
    soles: dict[str, tuple[int, Float[np.ndarray, "corner 3"]]],
    height: float,
) -> Cover:
    """Fit everything. ``height`` (m) sets what counts as small."""
    m = figure.mechanism
    frames = m.forward(t_pose)
    twins = _twins(m, figure)
    feet = {body: frames.point(body, corners) for body, corners in soles.values()}
    seen: dict[int, list[Solid]] = {}
    touching: dict[int, Capsules] = {}
    for k, body in enumerate(m.bodies):
        cloud = frames.point(k, body.points)
        left = twins.get(k)
        if not len(cloud) or (left in seen and _alike(cloud, frames.point(left, m.bodies[left].points))):
            continue  # nothing to see, or done as the image of its twin
        middle = k not in twins and k not in twins.values() and _even(cloud)
        large = float(np.ptp(cloud, axis=0).max()) > _LARGE * height
        most, worth = (4, 0.92) if middle and large else (3, 0.85)
        fine = parts(cloud, most, middle, worth)
        seen[k] = [s for piece in fine if (s := solid(piece)) is not None]
        coarse = fine if middle else parts(cloud, 2, False, 0.75)
        touching[k] = _capsules(cloud, coarse, middle, height, feet.get(k))
    for right, left in twins.items():
        if right not in seen and left in seen:
            seen[right] = [s.mirrored() for s in seen[left]]
            touching[right] = touching[left].mirrored()
    _leave_out_covered(m, frames, touching, twins, set(feet), height)
    shapes = [_local(frames, k, c) for k, c in touching.items()]
    return Cover(
        {k: [_placed(frames, k, s) for s in solids] for k, solids in seen.items()},
        Shapes(
            np.concatenate([np.full(len(c), k) for k, c in touching.items()]).astype(np.int64),
            Capsules(*(np.concatenate([getattr(c, f) for c in shapes]) for f in ("start", "end", "radius"))),
        ),
        twins,
    )


def _leave_out_covered(
    m: Mechanism,
    frames: Frames,
    touching: dict[int, Capsules],
    twins: dict[int, int],
    feet: set[int],
    height: float,
) -> None:
    """Drop the capsules of links that lie within their neighbours', small ones first; both of a pair or none."""
    size = {k: float(np.ptp(frames.point(k, m.bodies[k].points), axis=0).max()) for k in touching}
    for k in sorted(touching, key=lambda k: size[k]):
        right = next((r for r, left in twins.items() if left == k), None)
        if k in twins or k in feet or size[k] > 0.12 * height:
            continue
        around = [o for o in _neighbours(m, k) if o in touching and len(touching[o])]
        cloud = frames.point(k, m.bodies[k].points)
        if around and (joined([touching[o] for o in around]).distance(cloud) < 0.006 * height).mean() > 0.92:
            touching[k] = joined([])
            if right in touching:
                touching[right] = joined([])


def _neighbours(m: Mechanism, k: int) -> list[int]:
    """Parent and children of a body, and theirs."""
    ring = {k}
    for _ in range(2):
        ring |= {m.bodies[o].parent for o in ring if o > 0} | {
            o for o, body in enumerate(m.bodies) if body.parent in ring
        }
    return sorted(ring - {k, -1})


def _capsules(
    cloud: np.ndarray, pieces: list[np.ndarray], middle: bool, height: float, sole: np.ndarray | None
) -> Capsules:
    """Capsules of one body, in the root's frame."""
    if np.ptp(cloud, axis=0).max() < _SMALL * height:
        return joined([])
    if sole is None:
        found = [fit_capsules(piece, _BULGE * height, middle) for piece in pieces]
        return joined(found)
    level, top = float(sole[:, 2].mean()), float(cloud[:, 2].max())
    lying = foot_capsules(sole, min(top - level, 0.03 * height))
    above = cloud[cloud[:, 2] > level + 1.6 * float(lying.radius.max())]
    upper = (
        fit_capsules(above, np.inf, False)
        if len(above) and np.ptp(above, axis=0).max() > _SMALL * height
        else joined([])
    )
    if len(upper):  # nothing of a foot may reach below its sole
        low = np.minimum(upper.start[:, 2], upper.end[:, 2]) - upper.radius - level
        upper = Capsules(
            upper.start, upper.end, np.maximum(upper.radius + np.minimum(low - 0.002, 0.0), 1e-3)
        )
    return joined([lying, upper])


def _twins(m: Mechanism, figure: Figure) -> dict[int, int]:
    """For each body of a right limb its counterpart of the left one."""
    twins: dict[int, int] = {}
    for pair in (figure.anatomy.legs, figure.anatomy.arms):
        if pair is None:
            continue
        trees = [m.subtree(m.links[m.hinges[limb.hinges[0]].body]) for limb in (pair.one, pair.other)]
        if len(trees[0]) != len(trees[1]):
            trees = [[m.hinges[h].body for h in limb.hinges] for limb in (pair.one, pair.other)]
        twins |= dict(zip(trees[1], trees[0], strict=True))
    return twins


def _alike(cloud: np.ndarray, other: np.ndarray) -> bool:
    """Whether a cloud is nearly the image of another."""
    if not len(other):
        return False
    image = other * _MIRROR
    apart = np.abs(np.stack([image.min(0) - cloud.min(0), image.max(0) - cloud.max(0)])).max()
    return bool(apart < 0.1 * np.ptp(image, axis=0).max())


def _even(cloud: np.ndarray) -> bool:
    return bool(abs(cloud[:, 1].min() + cloud[:, 1].max()) < 0.1 * np.ptp(cloud[:, 1]))


def _local(frames: Frames, k: int, c: Capsules) -> Capsules:
    return Capsules(frames.local(k, c.start), frames.local(k, c.end), c.radius)


def _placed(frames: Frames, k: int, s: Solid) -> Solid:
    return Solid(s.kind, s.size, frames.local(k, s.pos), frames.mat[k].T @ s.mat)
