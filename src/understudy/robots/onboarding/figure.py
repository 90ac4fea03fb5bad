"""A mechanism understood: the root's frame put right, limbs named left and right, what is no limb frozen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from understudy.robots.onboarding import heading, limbs
from understudy.robots.onboarding.build import Built
from understudy.robots.onboarding.joints import Joints, measure
from understudy.robots.onboarding.limbs import Anatomy, Pair
from understudy.robots.onboarding.mechanism import Mechanism
from understudy.robots.onboarding.stance import neutral
from understudy.robots.robot import Doubt

Sides = tuple[Joints, Joints]
"""Left, right."""


@dataclass(frozen=True, eq=False)
class Figure:
    """The robot with x forward and z up in its root's frame."""

    mechanism: Mechanism
    anatomy: Anatomy
    legs: Sides | None
    arms: Sides | None
    doubts: tuple[Doubt, ...]


def figure(built: Built, welds: bool) -> Figure:
    """Find limbs and heading. Raises LimitError for what is no humanoid."""
    m, doubts = built.mechanism.turned(heading.uprighted(built.up)), []
    up = limbs.upward(m)
    m = m.turned(heading.uprighted(up))
    anatomy = limbs.find(m)
    if anatomy.still:
        doubts.append(_frozen([m.hinges[j].name for j in anatomy.still]))
        m = m.frozen(anatomy.still, neutral(m))
        m = m.fused() if welds else m
        anatomy = limbs.find(m)
    found = heading.find(m, _measured(m, anatomy.legs, False), _measured(m, anatomy.arms, True))
    m = m.turned(found.root)
    anatomy = limbs.find(m)
    anatomy = replace(anatomy, legs=_left_first(m, anatomy.legs), arms=_left_first(m, anatomy.arms))
    legs, arms = _measured(m, anatomy.legs, False), _measured(m, anatomy.arms, True)
    if np.abs(found.root - np.eye(3)).max() > 1e-9 or min(built.up[2], up[2]) < 1 - 1e-9:
        doubts.append(_turned(found.votes))
    if found.disputed:
        doubts.append(_disputed(found.votes))
    if anatomy.ambiguous:
        doubts.append(_ambiguous(legs is not None))
    return Figure(m, anatomy, legs, arms, (*doubts, *_bends(m, legs, "knee"), *_bends(m, arms, "elbow")))


def _measured(m: Mechanism, pair: Pair | None, arm: bool) -> Sides | None:
    return (measure(m, pair.one, arm), measure(m, pair.other, arm)) if pair else None


def _left_first(m: Mechanism, pair: Pair | None) -> Pair | None:
    if pair is None:
        return None
    rest = m.forward(neutral(m))
    y = [np.mean([rest.pos[m.hinges[h].body][1] for h in limb.hinges]) for limb in (pair.one, pair.other)]
    return pair if y[0] >= y[1] else Pair(pair.other, pair.one)


def _frozen(names: Sequence[str]) -> Doubt:
    some = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return Doubt(
        "frozen joints",
        f"{len(names)} joints lead neither to a hand nor to a foot nor along the trunk (fingers, rods of linkages, "
        f"wheels, ears) and were welded at zero, or as near to it as their range goes: {some}.",
        "# nothing to write: motions of this robot leave these joints out",
    )


def _turned(votes: dict[str, float]) -> Doubt:
    witnesses = ", ".join(name for name, vote in votes.items() if vote > 0)
    return Doubt(
        "root frame",
        "the root's frame in the file does not have x forward and z up, and was turned so that it has "
        f"(forward by {witnesses}). Root orientations of motions are those of the turned frame.",
        "# nothing to write: turn root orientations when you hand motions to the original model",
    )


def _disputed(votes: dict[str, float]) -> Doubt:
    yes = ", ".join(name for name, vote in votes.items() if vote > 0)
    no = ", ".join(name for name, vote in votes.items() if vote < 0)
    return Doubt(
        "forward",
        f"{yes} say that the robot faces where it now does, {no} that it faces backward. Look at the picture.",
        "# if it looks backward, turn the model's root by 180° about z and onboard again",
    )


def _ambiguous(legs: bool) -> Doubt:
    return Doubt(
        "limbs",
        f"mass, height and names hardly say which limbs are legs and which are arms; there "
        f"{'are' if legs else 'are no'} legs by now. Look at the picture.",
        "# rename the joints in the model (leg, arm) and onboard again",
    )


def _bends(m: Mechanism, sides: Sides | None, part: str) -> list[Doubt]:
    doubts = []
    for name, joints in zip(("left", "right"), sides or (), strict=False):
        if joints.bend is None:
            doubts.append(
                Doubt(
                    f"{name} {part}",
                    f"the {name} limb has no hinge that bends it; its {part} is a point on a rigid link.",
                    f"{name}_{part} = {{ body = {m.bodies[joints.end].name!r}, pos = [0.0, 0.0, 0.0] }}",
                )
            )
        elif not joints.sure:
            hinge = m.hinges[joints.bend]
            doubts.append(
                Doubt(
                    f"{name} {part}",
                    f"{hinge.name} bends nearly as far to one side as to the other; it is taken to bend "
                    f"{'up' if joints.flexes > 0 else 'down'} from {joints.straight:.2f} rad.",
                    f"{hinge.name} = {joints.straight:.4f}  # under [t_pose]: its angle where the limb is straight",
                )
            )
    return doubts
