"""T-pose, home stance and soles of a whole figure."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.robots.onboarding import sole as soles
from understudy.robots.onboarding import stance
from understudy.robots.onboarding.figure import Figure
from understudy.robots.onboarding.joints import Joints
from understudy.robots.onboarding.mechanism import Mechanism
from understudy.robots.onboarding.shapes import hull
from understudy.robots.robot import Doubt

_FLAT = 0.75  # a hand has a palm if it is thinner one way than this share of the other
_CLOSE = 0.02  # rad by which a T-pose may miss


@dataclass(frozen=True, eq=False)
class Stances:
    """Joint angles of the T-pose and, by how far the arms are spread, of possible home stances; soles, by side: the
    body, and corners in its frame."""

    t_pose: Float[np.ndarray, "dof"]
    homes: list[Float[np.ndarray, "dof"]]
    soles: dict[str, tuple[int, Float[np.ndarray, "corner 3"]]]
    doubts: tuple[Doubt, ...]


SPREADS = (0.15, 0.25, 0.4, 0.6)


def stances(figure: Figure) -> Stances:
    """Solve all limbs, one after the other."""
    m = figure.mechanism
    rest = stance.neutral(m)
    tee, homes, found, doubts = rest.copy(), [rest.copy() for _ in SPREADS], {}, []
    for side, joints, sign in zip(("left", "right"), figure.legs or (), (1.0, -1.0), strict=False):
        straight = stance.pose(m, joints, stance.t_pose(sign, None, False), rest, False)
        foot = _sole(m, joints, straight.q)
        ankle = joints.bend is None or joints.bend != joints.limb.hinges[-1]
        normal = foot[1] if foot is not None and ankle else None  # without an ankle the sole lies as it lies
        solved = stance.pose(m, joints, stance.t_pose(sign, normal, False), rest, False)
        doubts += _misses(m, joints, solved, f"{side} leg")
        tee[list(joints.limb.hinges)] = solved.angles
        foot = _sole(m, joints, solved.q)
        if foot is None:
            doubts.append(_no_sole(m, joints, side))
            foot = _made_up_sole(m, joints, solved.q)
            normal = foot[1] if ankle else None
        found[side] = (joints.end, foot[0])
        bent = stance.pose(m, joints, stance.home(sign, normal, False, 0.0), rest, True)
        for home in homes:
            home[list(joints.limb.hinges)] = bent.angles
    for side, joints, sign in zip(("left", "right"), figure.arms or (), (1.0, -1.0), strict=False):
        solved = stance.pose(m, joints, stance.t_pose(sign, None, True), rest, False)
        solved = _palm_down(m, joints, solved, sign)
        doubts += _misses(m, joints, solved, f"{side} arm")
        tee[list(joints.limb.hinges)] = solved.angles
        for home, spread in zip(homes, SPREADS, strict=True):
            hung = stance.pose(m, joints, stance.home(sign, None, True, spread), rest, True)
            home[list(joints.limb.hinges)] = hung.angles
    return Stances(tee, homes, _evened(m, found, tee), tuple(doubts))


def _sole(m: Mechanism, joints: Joints, q: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Corners and normal of a sole in the foot's frame."""
    frames = m.forward(q)
    bodies = [k for k in m.subtree(joints.end) if m.links[k] == joints.end]
    found = soles.find(m.cloud(frames, bodies))
    if found is None:
        return None
    corners, normal = found
    return frames.local(joints.end, corners), frames.mat[joints.end].T @ normal


def _made_up_sole(m: Mechanism, joints: Joints, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners and normal of a sole below the ankle with a person's proportions to the leg, in the foot's frame."""
    frames = m.forward(q)
    hip, knee, ankle = joints.places(frames)
    leg = float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    corners = np.array([[x, y, -0.09] for x, y in ((-0.06, -0.05), (0.2, -0.05), (0.2, 0.05), (-0.06, 0.05))])
    return frames.local(joints.end, ankle + leg * corners), -frames.mat[joints.end][2]


def _evened(
    m: Mechanism, found: dict[str, tuple[int, np.ndarray]], tee: np.ndarray
) -> dict[str, tuple[int, np.ndarray]]:
    """Soles whose right one is the image of the left one, where they nearly are."""
    if set(found) != {"left", "right"}:
        return found
    frames = m.forward(tee)
    world = {side: frames.point(body, corners) for side, (body, corners) in found.items()}
    image = world["left"] * (1.0, -1.0, 1.0)
    near = np.abs(
        np.stack([image.min(0) - world["right"].min(0), image.max(0) - world["right"].max(0)])
    ).max()
    if near > 0.05 * np.ptp(image, axis=0).max():
        return found
    body = found["right"][0]
    return {"left": found["left"], "right": (body, frames.local(body, image[::-1]))}


def _palm_down(m: Mechanism, joints: Joints, solved: stance.Solved, sign: float) -> stance.Solved:
    """Turn the wrist so that a flat hand lies level and a bent one points along the arm; others stay as they are."""
    if joints.bend is None:
        return solved
    beyond = [h for h in joints.limb.hinges if h > joints.bend]
    frames = m.forward(solved.q)
    along = frames.point(joints.end, joints.tip) - frames.point(joints.end, joints.tail)
    along = along / max(float(np.linalg.norm(along)), 1e-9)
    palm = _palm(m.cloud(frames, m.subtree(joints.end)), along)
    tilted = palm is not None and abs(palm[2]) < np.cos(np.radians(15))
    bent = sign * along[1] < np.cos(np.radians(25))
    if not beyond or not (tilted or bent):
        return solved
    local = frames.mat[joints.end].T
    wish = stance.hand(sign, local @ palm if palm is not None and tilted else None, local @ along)
    return stance.pose(m, joints, wish, solved.q, False, only=tuple(beyond))


def _palm(cloud: np.ndarray, along: np.ndarray) -> np.ndarray | None:
    """The direction in which a hand is thin, if it clearly is."""
    found = hull(cloud)
    if found is None:
        return None
    one = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.9 else [1.0, 0.0, 0.0])
    one = one / np.linalg.norm(one)
    turn = np.linspace(0, np.pi, 36, endpoint=False)[:, None]
    across = np.cos(turn) * one + np.sin(turn) * np.cross(along, one)
    width = np.ptp(cloud[found.vertices] @ across.T, axis=0)
    return across[int(np.argmin(width))] if width.min() < _FLAT * width.max() else None


def _misses(m: Mechanism, joints: Joints, solved: stance.Solved, limb: str) -> list[Doubt]:
    """Doubts about a T-pose that is not reached, or that lies outside the ranges."""
    doubts, hinges = [], [m.hinges[h] for h in joints.limb.hinges]
    if solved.miss > _CLOSE:
        doubts.append(
            Doubt(
                f"T-pose of the {limb}",
                f"no joint angles bring the {limb} into the T-pose; the nearest miss it by "
                f"{np.degrees(solved.miss):.0f}°. Orientations of its landmarks are off by as much.",
                f"{hinges[0].name} = {solved.angles[0]:.4f}  # under [t_pose]; likewise the limb's other joints",
            )
        )
    for hinge, angle in zip(hinges, solved.angles, strict=True):
        beyond = max(hinge.lower - angle, angle - hinge.upper)
        if beyond > np.radians(3):
            doubts.append(
                Doubt(
                    f"T-pose of the {limb}",
                    f"{hinge.name} would have to be at {angle:.2f} rad, {np.degrees(beyond):.0f}° outside its range. "
                    "The pose serves calibration only, so this is harmless if the picture shows a T-pose.",
                    f"{hinge.name} = {angle:.4f}  # under [t_pose], where the limb is straight and in place",
                )
            )
    return doubts


def _no_sole(m: Mechanism, joints: Joints, side: str) -> Doubt:
    return Doubt(
        f"{side} sole",
        f"{m.bodies[joints.end].name} has no shape with a flat underside; a person's sole, as long as the leg "
        "asks for, stands in.",
        f"sole = [[-0.05, -0.03, -0.05], [0.1, -0.03, -0.05], [0.1, 0.03, -0.05]]  # under [feet.{side}]",
    )
