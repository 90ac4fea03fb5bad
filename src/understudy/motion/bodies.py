"""Where every link of a robot is over time: what forward kinematics makes of a robot motion."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import ShapeError


@dataclass(frozen=True)
class BodyTracks:
    """World poses of a robot's bodies, parents before children; the first one is the root body.

    ``pos`` in metres, ``quat`` wxyz and unit, both in the world frame; the time axis is that of the motion.
    """

    names: tuple[str, ...]
    pos: Float[np.ndarray, "time body 3"]
    quat: Float[np.ndarray, "time body 4"]

    def __post_init__(self) -> None:
        n = len(self.names)
        if self.pos.ndim != 3 or self.pos.shape[1:] != (n, 3) or self.quat.shape != (len(self.pos), n, 4):
            raise ShapeError(
                f"{n} bodies need pos (time, {n}, 3) and quat (time, {n}, 4); "
                f"got {self.pos.shape} and {self.quat.shape}."
            )
