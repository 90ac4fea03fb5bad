"""What of a robot is compared with what of a human, and words for the rest.

Not every robot has legs, not every one goes anywhere, and a method may hold some of it still on purpose. What is left
out of a comparison for such a reason has no value in a report, and the reason stands in its place: a foot that does
not exist never skates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.errors import SkeletonMismatch
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot

LEG = (("hip", "knee"), ("knee", "ankle"))
ARM = (("shoulder", "elbow"), ("elbow", "wrist"))
"""The bones of limbs, from the trunk outwards."""
Limb = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scope:
    """Why a part is not compared, in words; empty where it is.

    ``feet`` are soles and stance, ``path`` is where in the world the body goes. ``held`` tells that the root stands
    still at home by construction; the human is then seen from its own pelvis (``tracks.from_the_pelvis``).
    """

    legs: str = ""
    arms: str = ""
    feet: str = ""
    path: str = ""
    held: bool = False

    @property
    def limbs(self) -> tuple[Limb, ...]:
        """The limbs that are compared."""
        return tuple(limb for limb, why in ((LEG, self.legs), (ARM, self.arms)) if not why)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything that is left out, each reason once, with all that it leaves out."""
        parts = {
            "key points of the legs": self.legs,
            "key points of the arms": self.arms,
            "soles and stance": self.feet,
            "path": self.path,
        }
        left_out: dict[str, list[str]] = {}
        for part, why in parts.items():
            left_out.setdefault(why, []).append(part)
        left_out.pop("", None)
        return tuple(f"{why}: {', '.join(names)} not measured" for why, names in left_out.items())


def scope_of(robot: Robot, human: Sequence[str], history: Sequence[Mapping[str, Any]]) -> Scope:
    """What can be compared between a robot and a human with these landmarks.

    ``history`` is the robot motion's: what it says was held still is not held against it. Raises SkeletonMismatch for
    a body with half a limb.
    """
    ours = robot.landmarks.names
    parts = stated_parts(history)
    held = robot.fixed_base or parts == "upper"
    legs = _lack("leg", LEG, robot.name, ours, human)
    arms = _lack("arm", ARM, robot.name, ours, human)
    if parts == "upper":
        legs = legs or "the legs were held still"
    if parts == "lower":
        arms = arms or "the arms were held still"
    feet = "" if robot.feet else "the robot has no feet"
    still = "the base is fixed" if robot.fixed_base else "the root was held still" if held else ""
    return Scope(legs, arms, feet or still or legs, still or legs or feet, held)


def stated_parts(history: Sequence[Mapping[str, Any]]) -> str:
    """The ``parts`` of the body that the latest arrow with such a setting was to move; ``whole`` if none has it."""
    for entry in reversed(history):
        parts = entry.get("configuration", {}).get("parts")
        if parts is not None:
            return str(parts)
    return "whole"


def _lack(what: str, limb: Limb, robot: str, ours: Sequence[str], human: Sequence[str]) -> str:
    """Which of the two has no such limbs; empty if both have them."""
    if not _has(what, limb, f"Robot {robot!r}", ours):
        return f"the robot has no {what}s"
    return "" if _has(what, limb, "The human", human) else f"the human has no {what}s"


def _has(what: str, limb: Limb, who: str, names: Sequence[str]) -> bool:
    """Whether a body has these limbs. Raises SkeletonMismatch for one that has some landmarks of them only."""
    needed = dict.fromkeys(f"{side}_{part}" for side in SIDES for bone in limb for part in bone)
    missing = sorted(needed.keys() - set(names))
    if missing and len(missing) < len(needed):
        raise SkeletonMismatch(
            f"{who} has no landmark for: {', '.join(missing)}; half a {what} cannot be compared."
        )
    return not missing
