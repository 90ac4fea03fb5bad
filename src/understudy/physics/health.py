"""What goes wrong in a simulation: gains that cannot hold, and robots that fall out of the batch, with the reason."""

from dataclasses import dataclass

import mujoco
import numpy as np

from understudy.errors import LimitError
from understudy.physics.simulator import Readings

FINE, BAD_STATE, BAD_TARGET, UNSTEADY, RUNAWAY = range(5)
FAULTS = (
    "fine",
    "the state it was put into has entries that are not numbers, or absurd",
    "a joint target is not a number, or absurd",
    "accelerations are not numbers, or beyond all bounds: the simulation diverged",
    "something moves faster than any robot can: the simulation diverged",
)
"""What the numbers in ``Readings.fault`` mean."""

POSITION = 1e6  # m or rad, of a state or a target
ACCELERATION = 1e9  # rad/s² or m/s²; MuJoCo itself gives up at 1e10
SPEED = 1e3  # rad/s or m/s

_MARGIN = 1e-6


@dataclass(frozen=True)
class Fault:
    """A robot of the batch that stands still until its next reset, since when (s) and why."""

    row: int
    time: float
    reason: str


def faults(readings: Readings) -> list[Fault]:
    """The robots that have one."""
    rows = [i for i, fault in enumerate(readings.fault.tolist()) if fault]
    return [Fault(i, float(readings.time[i]), FAULTS[int(readings.fault[i])]) for i in rows]


def check_gains(model: mujoco.MjModel, stances: np.ndarray) -> None:
    """Raises LimitError where the joints' PD control would make the simulation swing up by itself.

    The physics step is linearised about each stance (a qpos of ``model``), free of contacts: velocities of
    (M + h D)⁻¹ (M v − h K q), then positions q + h v. No eigenvalue may lie outside of the unit circle. With torque
    limits such a simulation does not explode: its joints buzz, which is harder to notice.
    """
    data, h = mujoco.MjData(model), model.opt.timestep
    stiffness = model.actuator_gainprm[:, 0]
    damping = model.dof_damping.copy()
    first = model.nv - model.nu
    damping[first:] -= model.actuator_biasprm[:, 2]
    for stance in stances:
        data.qpos[:] = stance
        mujoco.mj_forward(model, data)
        inertia = _inertia(model, data)
        step = np.linalg.inv(inertia + h * np.diag(damping))
        to_velocity = np.hstack([-h * step[:, first:] * stiffness, step @ inertia])
        to_joints = np.hstack([np.eye(model.nu), np.zeros((model.nu, model.nv))]) + h * to_velocity[first:]
        values, vectors = np.linalg.eig(np.vstack([to_joints, to_velocity]))
        worst = int(np.abs(values).argmax())
        if abs(values[worst]) > 1.0 + _MARGIN:
            joint = model.actuator(int(np.abs(vectors[: model.nu, worst]).argmax())).name
            raise LimitError(
                f"The gains are unstable at a time step of {h:g} s: joint {joint!r} would swing up by a factor of "
                f"{abs(values[worst]):.3g} each step. Lower its stiffness, or shorten the time step."
            )


def _inertia(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    """The joint-space inertia matrix, column by column."""
    columns = np.zeros((model.nv, model.nv))
    for column, unit in zip(columns, np.eye(model.nv), strict=True):
        mujoco.mj_mulM(model, data, column, unit)
    return columns
