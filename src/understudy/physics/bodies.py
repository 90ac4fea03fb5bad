"""Where some bodies are and how they move: of robots or of their references."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Bodies:
    """World frame, m, rad, s; one row for each robot, or each frame of a clip."""

    pos: Float[Tensor, "row body 3"]
    quat: Float[Tensor, "row body 4"]
    lin_vel: Float[Tensor, "row body 3"]
    ang_vel: Float[Tensor, "row body 3"]

    def at(self, rows: Int[Tensor, "some"]) -> "Bodies":
        """A copy of some rows."""
        return Bodies(self.pos[rows], self.quat[rows], self.lin_vel[rows], self.ang_vel[rows])
