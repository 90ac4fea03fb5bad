"""What physics made of a motion: the simulated states beside those that were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from understudy.motion.types import Origin, RobotMotion
from understudy.robots.robot import Robot

CARRIED = 1.0
"""Newtons from which on the floor carries a foot."""
TAKEN = ("torque", "saturation", "work")
"""Of ``simulator.Readings``, what a rollout keeps of each step, beside the floor's forces on the feet."""


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
    fault: str | None = None
    """Why the simulation could not go on (one of ``health.FAULTS``), where that, and no fall, is what ``fell_at``
    tells of."""

    @property
    def finished(self) -> bool:
        return self.fell_at is None


def of_steps(
    robot: Robot,
    reference: RobotMotion,
    origin: Origin,
    qpos: Float[np.ndarray, "time qpos"],
    actions: Sequence[Float[np.ndarray, "dof"]],
    taken: Sequence[tuple[np.ndarray, ...]],
) -> Rollout:
    """A rollout, as of one that finished, from what one robot did step by step.

    ``taken`` has for each step what ``TAKEN`` names, and the floor's forces (N) on the feet.
    """
    dof, feet = len(robot.joints), tuple(robot.feet)
    torque, saturation, work, force = (
        np.array([step[i] for step in taken]).reshape(len(taken), *shape)
        for i, shape in enumerate([(dof,)] * len(TAKEN) + [(len(feet), 3)])
    )
    # Forces are zero after a reset, so the first frame has the contacts of the second.
    carried = (force**2).sum(-1) > CARRIED**2
    achieved = replace(
        reference,
        root_pos=qpos[:, :3],
        root_quat=qpos[:, 3:7],
        joint_pos=qpos[:, 7:],
        tracks={},
        origin=origin,
    )
    return Rollout(
        reference,
        achieved,
        np.array(actions).reshape(len(actions), dof),
        np.concatenate([carried[:1], carried]) if len(carried) else np.zeros((1, len(feet)), bool),
        feet,
        torque,
        saturation,
        work,
        force,
    )
