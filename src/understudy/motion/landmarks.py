"""The hinge between bodies: anatomical landmarks, each a frame carried by one joint of a skeleton or link of a robot.

In the canonical T-pose (standing, arms out sideways, palms down, feet forward) every landmark frame equals the world
frame: x forward, y left, z up. A skeleton says where its landmarks are and a robot says where its landmarks are;
nothing else is needed to map one onto the other.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from understudy.errors import ShapeError, UnknownName
from understudy.rotations import quat_apply, quat_mul

SIDES = ("left", "right")
TRUNK = ("pelvis", "spine", "chest", "neck", "head")
LIMBS = ("hip", "knee", "ankle", "toe", "collar", "shoulder", "elbow", "wrist", "hand")
LANDMARKS = TRUNK + tuple(f"{side}_{part}" for part in LIMBS for side in SIDES)
"""All names, in the one order used by every array of landmarks. ``toe`` is the ball of the foot, where the toes bend;
``hand`` the middle of the knuckles; ``collar`` the inner end of the clavicle; ``spine`` the lumbar joint above the
pelvis; ``chest`` the joint that carries the rib cage and the collars."""

PARENT_OF = {
    "spine": "pelvis",
    "chest": "spine",
    "neck": "chest",
    "head": "neck",
    **{
        f"{side}_{part}": parent if parent in TRUNK else f"{side}_{parent}"
        for side in SIDES
        for part, parent in (
            ("hip", "pelvis"),
            ("knee", "hip"),
            ("ankle", "knee"),
            ("toe", "ankle"),
            ("collar", "chest"),
            ("shoulder", "collar"),
            ("elbow", "shoulder"),
            ("wrist", "elbow"),
            ("hand", "wrist"),
        )
    },
}
"""The landmark that each landmark hangs on; ``pelvis`` is the root."""


def mirrored(name: str) -> str:
    """The name on the other side of the body; trunk names are their own mirror."""
    if name.startswith("left_"):
        return "right_" + name[5:]
    if name.startswith("right_"):
        return "left_" + name[6:]
    return name


@dataclass(frozen=True)
class Landmarks:
    """Frames fixed to the joints of a skeleton or to the bodies of a robot.

    ``names`` is a subset of ``LANDMARKS`` in that order; ``carriers[i]`` is the index of the joint or body that
    landmark i moves with; ``pos`` (m) and ``quat`` place the landmark in its carrier's frame.
    """

    names: tuple[str, ...]
    carriers: Int[np.ndarray, "landmark"]
    pos: Float[np.ndarray, "landmark 3"]
    quat: Float[np.ndarray, "landmark 4"]

    def __post_init__(self) -> None:
        unknown = [n for n in self.names if n not in LANDMARKS]
        if unknown:
            raise UnknownName("landmark", unknown[0], LANDMARKS)
        if list(self.names) != sorted(set(self.names), key=LANDMARKS.index):
            raise ShapeError(
                f"Landmarks must be named once each, in the order of LANDMARKS; got {self.names}."
            )
        n = len(self.names)
        if self.carriers.shape != (n,) or self.pos.shape != (n, 3) or self.quat.shape != (n, 4):
            raise ShapeError(
                f"{n} landmarks need carriers ({n},), pos ({n}, 3) and quat ({n}, 4); "
                f"got {self.carriers.shape}, {self.pos.shape} and {self.quat.shape}."
            )

        if n and not (np.isfinite(self.pos).all() and np.abs((self.quat**2).sum(-1) - 1).max() < 1e-2):
            raise ShapeError("Landmarks need finite positions and unit quaternions.")
        if n and self.carriers.min() < 0:
            raise ShapeError("A landmark's carrier is the index of a joint or body, not below zero.")

    def index(self, name: str) -> int:
        """Row of a landmark. Raises UnknownName."""
        if name not in self.names:
            raise UnknownName("landmark", name, self.names)
        return self.names.index(name)

    def select(self, names: tuple[str, ...]) -> "Landmarks":
        """Only these, in the canonical order."""
        rows = [self.index(n) for n in sorted(names, key=LANDMARKS.index)]
        return Landmarks(
            tuple(self.names[r] for r in rows), self.carriers[rows], self.pos[rows], self.quat[rows]
        )

    def world(
        self, pos: Float[np.ndarray, "*batch carrier 3"], quat: Float[np.ndarray, "*batch carrier 4"]
    ) -> tuple[Float[np.ndarray, "*batch landmark 3"], Float[np.ndarray, "*batch landmark 4"]]:
        """World poses of the landmarks from the world poses of their carriers."""
        q = quat[..., self.carriers, :]
        return pos[..., self.carriers, :] + quat_apply(q, self.pos), quat_mul(q, self.quat)
