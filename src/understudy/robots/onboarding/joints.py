"""Where a limb bends: its elbow or knee, and the centres of the joints on either side.

Only the elbow changes the distance between shoulder and wrist, and only the knee that between hip and ankle: a turn
about an axis through a point leaves distances from it alone. So the bending hinge is the one whose axis passes far from
both centres, where a centre is the point nearest to the axes on its side.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.robots.onboarding.limbs import Limb
from understudy.robots.onboarding.mechanism import Frames, Mechanism

FOREARM = 0.65
"""Elbow to wrist over elbow to the tip of the hand, where no hinge tells; a person's share is 0.58 with the fingers
stretched, and robots' hands are shorter."""
_MEETING = 0.06  # axes belong to one centre if they pass it within this share of the limb's length


@dataclass(frozen=True, eq=False)
class Joints:
    """A limb's joint centres, each in the frame of the body that carries it (m).

    ``upper`` carries ``root`` (shoulder or hip) and lies before the ``bend``; ``lower`` carries ``middle`` (elbow or
    knee); ``end`` carries ``tail`` (wrist or ankle) and ``tip``, the far end of the hand. ``bend`` is the index of the
    hinge between upper and lower, or None for a limb that cannot bend. ``straight`` is its angle at which the limb is
    longest, ``flexes`` the sign in which it bends from there, ``sure`` whether its range decides that.
    """

    limb: Limb
    is_arm: bool
    bend: int | None
    upper: int
    lower: int
    end: int
    root: Float[np.ndarray, "3"]
    middle: Float[np.ndarray, "3"]
    tail: Float[np.ndarray, "3"]
    tip: Float[np.ndarray, "3"]
    straight: float
    flexes: float
    sure: bool

    def places(self, frames: Frames) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Root, middle and tail in a pose, each (*batch, 3)."""
        return (
            frames.point(self.upper, self.root),
            frames.point(self.lower, self.middle),
            frames.point(self.end, self.tail),
        )


def measure(m: Mechanism, limb: Limb, arm: bool) -> Joints:
    """The joints of one limb, at rest."""
    rest = m.forward(np.zeros(len(m.hinges)))
    lines = [_line(m, rest, h) for h in limb.hinges]
    far = _far_end(m, rest, limb, lines[0][0])
    length = float(np.linalg.norm(far - lines[0][0]))
    best = max(range(1, len(lines)), key=lambda k: _bend_score(lines, k, far, length))
    if _bend_score(lines, best, far, length) < 0.05 * length:
        return _rigid(rest, limb, lines, far, arm)
    root = meeting(lines[:best][::-1], lines[best - 1][0], length)
    middle = _on_line(lines[best], root)
    bulk = m.cloud(rest, m.subtree(limb.end))
    if len(bulk):
        centre = _on_line(lines[best], (bulk.min(0) + bulk.max(0)) / 2)
        if np.linalg.norm(centre - middle) > 0.07 * length:  # the limb runs beside its root's axes
            middle = centre
    axis = lines[best][1]
    root = root - axis * (axis @ (root - middle))
    tip = _far_end(m, rest, limb, middle)
    last = len(lines) if arm else _before_toes(lines, best, length)
    end = m.hinges[limb.hinges[last - 1]].body
    after = lines[best + 1 : last]
    if arm:
        guess = middle + FOREARM * (tip - middle)
        tail = meeting(after, guess, length) if after else guess
    else:
        guess = after[0][0] if after else far
        tail = meeting(after, guess, length) if after else guess
    tail = tail - axis * (axis @ (tail - middle))  # the limb bends in one plane
    bend = limb.hinges[best]
    lower = m.hinges[bend].body
    upper = m.links[m.bodies[lower].parent] if m.hinges[limb.hinges[best - 1]].body != lower else lower
    straight, flexes, sure = _flexion(m, bend, rest, root, tail)
    return Joints(
        limb,
        arm,
        bend,
        upper,
        lower,
        end,
        rest.local(upper, root),
        rest.local(lower, middle),
        rest.local(end, tail),
        rest.local(end, tip),
        straight,
        flexes,
        sure,
    )


def _rigid(rest: Frames, limb: Limb, lines: list, far: np.ndarray, arm: bool) -> Joints:
    """A limb without elbow or knee: the middle lies halfway."""
    root = meeting(lines[::-1], lines[-1][0], float(np.linalg.norm(far - lines[0][0])))
    end = limb.end
    root, middle, tail, tip = (
        rest.local(end, root + share * (far - root)) for share in (0.0, 0.45, 0.8, 1.0)
    )
    return Joints(limb, arm, None, end, end, end, root, middle, tail, tip, 0.0, 1.0, False)


def _line(m: Mechanism, frames: Frames, hinge: int) -> tuple[np.ndarray, np.ndarray]:
    """A point and the direction of a hinge's axis in the root's frame."""
    h = m.hinges[hinge]
    return frames.point(h.body, h.anchor), frames.vector(h.body, h.axis)


def _bend_score(lines: list, k: int, far: np.ndarray, length: float) -> float:
    """How far (m) hinge k passes from the centres of the hinges before and after it, less what those spread."""
    before, after = lines[:k][::-1], lines[k + 1 :]
    root = meeting(before, before[0][0], length)
    tail = meeting(after, far, length) if after else far
    spread = [_distance(before[0], root), *([_distance(after[0], tail)] if after else [])]
    missed = [_distance(line, root) for line in before[:3]]
    # A hinge that has an elbow on its inner side sees axes there which do not meet.
    return min(_distance(lines[k], root), _distance(lines[k], tail)) - sum(spread) - 0.5 * max(missed)


def meeting(lines: list, guess: np.ndarray, length: float) -> np.ndarray:
    """The point nearest to the axes, taken in order while they meet; along free directions, nearest to ``guess``."""
    found = guess
    for count in range(1, min(len(lines), 3) + 1):
        matrix, right = 1e-3 * np.eye(3), 1e-3 * guess
        for point, axis in lines[:count]:
            across = np.eye(3) - np.outer(axis, axis)
            matrix, right = matrix + across, right + across @ point
        candidate = np.linalg.solve(matrix, right)
        if count > 1 and max(_distance(line, candidate) for line in lines[:count]) > _MEETING * length:
            break
        found = candidate
    return found


def _distance(line: tuple[np.ndarray, np.ndarray], point: np.ndarray) -> float:
    return float(np.linalg.norm(np.cross(point - line[0], line[1])))


def _on_line(line: tuple[np.ndarray, np.ndarray], point: np.ndarray) -> np.ndarray:
    return line[0] + line[1] * (line[1] @ (point - line[0]))


def _far_end(m: Mechanism, rest: Frames, limb: Limb, start: np.ndarray) -> np.ndarray:
    """The end of the last link, and of what is welded to it, seen from ``start``: as far as its farthest points, in
    their mean direction."""
    cloud = m.cloud(rest, m.subtree(limb.end))
    if not len(cloud):
        return rest.pos[limb.end]
    reach = np.linalg.norm(cloud - start, axis=1)
    mean = cloud[reach >= np.quantile(reach, 0.9)].mean(axis=0) - start
    return start + mean / np.linalg.norm(mean) * float(np.quantile(reach, 0.995))


def _before_toes(lines: list, bend: int, length: float) -> int:
    """How many hinges of a leg come before its toes: a hinge of the toes is parallel to the knee and lies beyond the
    ankle, which has bent that way already."""
    for k in range(bend + 2, len(lines)):
        parallel = abs(lines[k][1] @ lines[bend][1]) > 0.9
        if parallel and _distance(lines[k], lines[bend + 1][0]) > _MEETING * length:
            return k
    return len(lines)


def _flexion(
    m: Mechanism, bend: int, rest: Frames, root: np.ndarray, tail: np.ndarray
) -> tuple[float, float, bool]:
    """The angle at which the limb is longest, the sign in which it bends, and whether the range decides the sign."""
    point, axis = _line(m, rest, bend)
    a, b = root - point, tail - point
    a, b = a - axis * (axis @ a), b - axis * (axis @ b)
    # Turning b by θ about the axis, |a − b| is greatest where b points against a.
    straight = float(np.arctan2(axis @ np.cross(b, -a), b @ -a))
    hinge = m.hinges[bend]
    if not np.isfinite((hinge.lower, hinge.upper)).all():
        return straight, (-1.0 if straight > 0 else 1.0), False
    middle = (hinge.lower + hinge.upper) / 2
    straight += 2 * np.pi * np.round((middle - straight) / (2 * np.pi))
    above, below = hinge.upper - straight, straight - hinge.lower
    sure = max(above, below) > 1.4 * max(min(above, below), 0.3)
    return straight, (1.0 if above > below else -1.0), bool(sure)
