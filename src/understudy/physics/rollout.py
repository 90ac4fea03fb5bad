"""What physics made of a motion: the simulated states beside those that were asked for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from understudy.motion.types import RobotMotion


@dataclass(frozen=True, eq=False)
class Rollout:
    """A motion that was simulated, at the simulator's control rate.

    ``reference`` is what was asked for, whole; ``achieved`` what the simulation did, from the first frame on: as many
    frames as the reference, or fewer if the robot fell. ``actions`` are the joint targets (rad) that led from each
    frame of ``achieved`` to the next. ``contacts`` says for every achieved frame which feet the floor carried, in the
    order of ``feet``; ``fell_at`` is the instant (s) at which the robot counted as fallen, None if it finished.

    What it cost, over each control step from a frame to the next, as in ``simulator.Readings``: mean ``torque`` (Nm),
    share of the time at its limit (``saturation``), ``work`` put in (J), and the mean force of the floor on each foot
    (N).
    """

    reference: RobotMotion
    achieved: RobotMotion
    actions: Float[np.ndarray, "step dof"]
    contacts: Bool[np.ndarray, "time foot"]
    feet: tuple[str, ...]
    torque: Float[np.ndarray, "step dof"]
    saturation: Float[np.ndarray, "step dof"]
    work: Float[np.ndarray, "step dof"]
    ground_force: Float[np.ndarray, "step foot 3"]
    fell_at: float | None = None
    retries: int = 0
    """How often the robot went back before a fall."""

    @property
    def finished(self) -> bool:
        return self.fell_at is None
