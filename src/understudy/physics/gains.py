"""How stiffly the joints follow their targets: torque = stiffness · (target − position) − damping · velocity."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.robots.robot import Robot

HERTZ, RATIO = 10.0, 2.0
"""Natural frequency and damping ratio of a motor's own inertia under its gains, in the tracking tasks of BeyondMimic
and mjlab: soft enough for a policy to work through, far too soft to stand by themselves."""


@dataclass(frozen=True, eq=False)
class Gains:
    """Per joint, in the robot's order: stiffness in Nm/rad, damping in Nms/rad. Raises LimitError for gains that
    are not finite, or negative and so a source of energy.
    """

    stiffness: Float[np.ndarray, "dof"]
    damping: Float[np.ndarray, "dof"]

    def __post_init__(self) -> None:
        for name, values in (("stiffness", self.stiffness), ("damping", self.damping)):
            if not np.isfinite(values).all() or (values < 0).any():
                raise LimitError(f"The {name} of a joint is a finite number and not negative; got {values}.")

    @classmethod
    def of(cls, robot: Robot) -> "Gains":
        """Those of the position actuators in the robot's model, else those that its motors' inertia suggests.

        Raises LimitError for a joint that has neither.
        """
        m = robot.model
        stiffness, damping = np.zeros(m.njnt), np.zeros(m.njnt)
        for i in np.flatnonzero(m.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT):
            joint, square = m.actuator_trnid[i, 0], m.actuator_gear[i, 0] ** 2
            if m.actuator_biastype[i] == mujoco.mjtBias.mjBIAS_AFFINE and m.actuator_biasprm[i, 1] < 0:
                stiffness[joint] = -m.actuator_biasprm[i, 1] * square
                damping[joint] = -m.actuator_biasprm[i, 2] * square
        if (stiffness[1:] > 0).all():
            return cls(stiffness[1:], damping[1:])
        return cls.from_armature(robot)

    @classmethod
    def from_armature(cls, robot: Robot, hertz: float = HERTZ, ratio: float = RATIO) -> "Gains":
        """Gains that give each motor's reflected inertia (kg m²) a natural frequency and a damping ratio.

        k = I ω², d = 2 ζ I ω. Raises LimitError for a joint whose inertia the model does not know.
        """
        inertia = robot.model.dof_armature[6:]
        if len(missing := np.flatnonzero(inertia <= 0)):
            raise LimitError(
                f"Joint {robot.joints[missing[0]]!r} of {robot.name!r} has neither a position actuator nor an "
                "armature, so its gains cannot be known. Add one of them to the model file, or give gains."
            )
        omega = 2.0 * np.pi * hertz
        return cls(inertia * omega**2, 2.0 * ratio * inertia * omega)

    @classmethod
    def stiff(cls, robot: Robot) -> "Gains":
        """Ten times the stiffness of ``of``, twice the damping: the G1 stands with them, holding one pose."""
        return cls.of(robot).scaled(10.0, 2.0)

    def scaled(self, stiffness: float = 1.0, damping: float | None = None) -> "Gains":
        """The same gains times a factor; the damping by its square root unless told, which keeps the ratio."""
        return Gains(
            self.stiffness * stiffness, self.damping * (np.sqrt(stiffness) if damping is None else damping)
        )
