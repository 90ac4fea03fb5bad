"""The two poses that a robot folder needs: the canonical T-pose and a stance to begin from.

Each limb is solved by itself, from several starts. In the T-pose the joint centres of a limb lie on one line: out
sideways for an arm, straight down for a leg, elbows ready to bend forward and knees backward, soles level. It serves to
calibrate landmarks, so a joint may leave its range for it, at a price. The home stance never leaves a range.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.robots.onboarding.joints import Joints
from understudy.robots.onboarding.mechanism import Mechanism
from understudy.robots.onboarding.solve import least_squares

_OUTSIDE, _NEUTRAL, _TURN = 0.03, 0.006, 0.3  # what a radian costs against one of misalignment
KNEE = 0.35
"""How far knees are bent at home, rad."""
ELBOW = 0.5
"""How far elbows are bent at home, rad."""


@dataclass(frozen=True, eq=False)
class Solved:
    """Angles of one limb's hinges, the whole pose, and by how far bones, bend and sole miss their directions (rad)."""

    angles: Float[np.ndarray, "hinge"]
    q: Float[np.ndarray, "dof"]
    miss: float


def neutral(m: Mechanism) -> Float[np.ndarray, "dof"]:
    """Every joint at zero, or as near to it as its range goes."""
    lower, upper = ranges(m)
    return np.clip(np.zeros(len(m.hinges)), lower, upper)


def ranges(m: Mechanism) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits (dof,), ±π where a joint has none."""
    lower = np.array([h.lower if np.isfinite(h.lower) else -np.pi for h in m.hinges])
    upper = np.array([h.upper if np.isfinite(h.upper) else np.pi for h in m.hinges])
    return lower, upper


@dataclass(frozen=True, eq=False)
class Wish:
    """What a limb should look like: directions of its two bones and of the axis about which it bends, unit vectors in
    the root's frame; and directions in the frame of its end: the sole's normal, which should point down, the palm's,
    which should be upright either way, and the hand's, with the one it should have."""

    upper: Float[np.ndarray, "3"] | None = None
    lower: Float[np.ndarray, "3"] | None = None
    axis: Float[np.ndarray, "3"] | None = None
    sole: Float[np.ndarray, "3"] | None = None
    palm: Float[np.ndarray, "3"] | None = None
    fingers: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]] | None = None


def t_pose(side: float, sole: Float[np.ndarray, "3"] | None, arm: bool) -> Wish:
    """The T-pose of a limb on the left (side +1) or right (−1)."""
    if arm:
        out = np.array([0.0, side, 0.0])
        return Wish(out, out, np.array([0.0, 0.0, -side]))
    down = np.array([0.0, 0.0, -1.0])
    return Wish(down, down, np.array([0.0, 1.0, 0.0]), sole)


def hand(side: float, palm: Float[np.ndarray, "3"] | None, along: Float[np.ndarray, "3"]) -> Wish:
    """A hand of the T-pose: palm level, fingers out to the side."""
    return Wish(palm=palm, fingers=(along, np.array([0.0, side, 0.0])))


def home(side: float, sole: Float[np.ndarray, "3"] | None, arm: bool, spread: float) -> Wish:
    """A relaxed stance: knees a little bent and feet level; arms hanging, ``spread`` (rad) away from the body, elbows a
    little bent."""
    if arm:
        upper = np.array([0.0, side * np.sin(spread), -np.cos(spread)])
        bent = np.array([np.sin(ELBOW), side * np.sin(spread / 2), -np.cos(ELBOW)])
        return Wish(upper, bent / np.linalg.norm(bent), np.array([0.0, -1.0, 0.0]))
    upper = np.array([np.sin(KNEE / 2), 0.0, -np.cos(KNEE / 2)])
    lower = np.array([-np.sin(KNEE / 2), 0.0, -np.cos(KNEE / 2)])
    return Wish(upper, lower, np.array([0.0, 1.0, 0.0]), sole)


def pose(
    m: Mechanism,
    joints: Joints,
    wish: Wish,
    rest: Float[np.ndarray, "dof"],
    strict: bool,
    only: tuple[int, ...] | None = None,
) -> Solved:
    """Angles of a limb's hinges that come nearest to a wish, all other joints as in ``rest``. Ranges are kept if
    ``strict``, else leaving them has a price. ``only`` names the hinges that may move; by default those up to the
    elbow, or all of a leg: wrists would only bend to make up for millimetres."""
    if only is None:
        last = joints.limb.hinges[-1] if joints.bend is None or not joints.is_arm else joints.bend
        only = tuple(h for h in joints.limb.hinges if h <= last)
    hinges = list(only)
    lower, upper = (limit[hinges] for limit in ranges(m))
    middle = rest[hinges]

    def residual(angles: np.ndarray) -> np.ndarray:
        q = np.broadcast_to(rest, (len(angles), len(rest))).copy()
        q[:, hinges] = angles
        outside = np.maximum(angles - upper, 0) + np.maximum(lower - angles, 0)
        return np.concatenate(
            [_aims(m, joints, wish, q), _OUTSIDE * outside, _NEUTRAL * (angles - middle)], axis=-1
        )

    rng = np.random.default_rng(0)
    starts = rng.uniform(lower, upper, (14, len(hinges)))
    starts = np.concatenate([middle[None], (lower + upper)[None] / 2, starts])
    free = np.full(len(hinges), 2 * np.pi)
    found, _ = least_squares(residual, starts, *((lower, upper) if strict else (-free, free)))
    q = rest.copy()
    q[hinges] = found
    return Solved(q[list(joints.limb.hinges)], q, float(np.abs(_aims(m, joints, wish, q[None])).max()))


def _aims(m: Mechanism, joints: Joints, wish: Wish, q: np.ndarray) -> np.ndarray:
    """By how much bones, axis, sole and hand miss their directions, (batch, row)."""
    frames = m.forward(q)
    root, middle, tail = joints.places(frames)
    rows = []
    if wish.upper is not None:
        rows.append(_unit(middle - root) - wish.upper)
    if joints.bend is not None and wish.lower is not None:
        rows.append(_unit(tail - middle) - wish.lower)
    if joints.bend is not None and wish.axis is not None:
        hinge = m.hinges[joints.bend]
        rows.append(_TURN * (joints.flexes * frames.vector(hinge.body, hinge.axis) - wish.axis))
    if wish.sole is not None:
        rows.append(frames.vector(joints.end, wish.sole) - np.array([0.0, 0.0, -1.0]))
    if wish.palm is not None:
        rows.append(_TURN * frames.vector(joints.end, wish.palm)[..., :2])
    if wish.fingers is not None:
        rows.append(_TURN * (frames.vector(joints.end, wish.fingers[0]) - wish.fingers[1]))
    return np.concatenate(rows, axis=-1)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
