"""The loop around MuJoCo, compiled: rows of a batch go through one scratch simulation after another.

MuJoCo's own functions are called by address, with Python's lock released, so a thread spends its time in them. A step
is ``mj_step`` without its checks: those reset a simulation that went wrong and write to a log; here it is told apart.
"""

from pathlib import Path
from typing import NamedTuple

import llvmlite.binding as llvm
import mujoco
import numpy as np
from numba import njit, types

from understudy.errors import UnderstudyError
from understudy.physics.health import (
    ACCELERATION,
    BAD_STATE,
    BAD_TARGET,
    FINE,
    POSITION,
    RUNAWAY,
    SPEED,
    UNSTEADY,
)


def _library() -> str:
    """MuJoCo's shared library, the one that its Python bindings have loaded already."""
    folder = Path(mujoco.__file__).parent
    found = [
        p for pattern in ("libmujoco*.so*", "libmujoco*.dylib", "mujoco.dll") for p in folder.glob(pattern)
    ]
    if len(found) != 1:
        raise UnderstudyError(
            f"{folder} holds {len(found)} libraries of MuJoCo and needs one; reinstall mujoco."
        )
    return str(found[0])


llvm.load_library_permanently(_library())
_OF_MODEL_AND_DATA = types.void(types.intp, types.intp)
mj_forward = types.ExternalFunction("mj_forward", _OF_MODEL_AND_DATA)
mj_implicit = types.ExternalFunction("mj_implicit", _OF_MODEL_AND_DATA)
mj_kinematics = types.ExternalFunction("mj_kinematics", _OF_MODEL_AND_DATA)
mj_comPos = types.ExternalFunction("mj_comPos", _OF_MODEL_AND_DATA)
mj_comVel = types.ExternalFunction("mj_comVel", _OF_MODEL_AND_DATA)
mj_subtreeVel = types.ExternalFunction("mj_subtreeVel", _OF_MODEL_AND_DATA)

kernel = njit(cache=True, nogil=True, error_model="numpy")


class Scratch(NamedTuple):
    """One ``MjData``: its address, and views of its memory."""

    address: int
    qpos: np.ndarray
    qvel: np.ndarray
    qacc: np.ndarray
    warmstart: np.ndarray
    ctrl: np.ndarray
    motor: np.ndarray  # (dof,) Nm
    sensors: np.ndarray
    xpos: np.ndarray  # (1 + body, 3), as all of the bodies' here
    xquat: np.ndarray
    cvel: np.ndarray  # angular, then linear at the robot's centre of mass
    com: np.ndarray  # of each body and all that it carries
    com_vel: np.ndarray

    @classmethod
    def of(cls, data: mujoco.MjData) -> "Scratch":
        """Views of ``data``, which must outlive them."""
        return cls(
            data._address,
            data.qpos,
            data.qvel,
            data.qacc,
            data.qacc_warmstart,
            data.ctrl,
            data.actuator_force,
            data.sensordata,
            data.xpos,
            data.xquat,
            data.cvel,
            data.subtree_com,
            data.subtree_linvel,
        )


class Constants(NamedTuple):
    """What no row changes."""

    models: np.ndarray  # (1,) or (robot,) addresses
    limit: np.ndarray  # (dof,) Nm
    skip_pos: int  # leading entries of qpos and qvel that the model of a fixed base lacks, else 0
    skip_vel: int
    timestep: float  # s
    substeps: int


class Rows(NamedTuple):
    """States, as in ``simulator.State``; float64."""

    qpos: np.ndarray
    qvel: np.ndarray
    warmstart: np.ndarray


class Outputs(NamedTuple):
    """The arrays of ``simulator.Readings``, in their order."""

    time: np.ndarray
    joint_pos: np.ndarray
    joint_vel: np.ndarray
    body_pos: np.ndarray
    body_quat: np.ndarray
    body_lin_vel: np.ndarray
    body_ang_vel: np.ndarray
    com_pos: np.ndarray
    com_vel: np.ndarray
    torque: np.ndarray
    saturation: np.ndarray
    work: np.ndarray
    ground_force: np.ndarray
    self_contacts: np.ndarray
    self_force: np.ndarray
    fault: np.ndarray


@kernel
def advance(
    constants: Constants,
    scratch: Scratch,
    rows: Rows,
    targets: np.ndarray,
    out: Outputs,
    start: int,
    stop: int,
):
    """One control step of the robots from ``start`` up to ``stop``."""
    for i in range(start, stop):
        if out.fault[i] != FINE:
            continue
        if not _below(targets[i], POSITION):
            out.fault[i] = BAD_TARGET
            continue
        _load(constants, scratch, rows, i)
        scratch.ctrl[:] = targets[i]
        _clear(out, i)
        fault = _substeps(constants, scratch, out, i)
        if fault != FINE:
            _clear(out, i)
            out.fault[i] = fault
            continue
        _store(constants, scratch, rows, i)
        dt = constants.timestep * constants.substeps
        out.time[i] = dt * (np.round(out.time[i] / dt) + 1.0)  # a sum of many would drift
        _observe(constants, scratch, out, i)


@kernel
def observe(constants: Constants, scratch: Scratch, rows: Rows, out: Outputs, which: np.ndarray):
    """Read the robots ``which`` just after a reset. One whose state is bad keeps its last readings."""
    for i in which:
        _clear(out, i)
        out.time[i] = 0.0
        if not (_below(rows.qpos[i], POSITION) and _below(rows.qvel[i], SPEED)):
            out.fault[i] = BAD_STATE
            continue
        out.fault[i] = FINE
        _load(constants, scratch, rows, i)
        _observe(constants, scratch, out, i)


@kernel
def _below(values, bound):
    """Whether all are numbers, and within a bound."""
    within = True
    for value in values:
        within &= abs(value) <= bound  # false for what is not a number, too
    return within


@kernel
def _load(constants, scratch, rows, i):
    scratch.qpos[:] = rows.qpos[i, constants.skip_pos :]
    scratch.qvel[:] = rows.qvel[i, constants.skip_vel :]
    scratch.warmstart[:] = rows.warmstart[i, constants.skip_vel :]


@kernel
def _store(constants, scratch, rows, i):
    rows.qpos[i, constants.skip_pos :] = scratch.qpos
    rows.qvel[i, constants.skip_vel :] = scratch.qvel
    rows.warmstart[i, constants.skip_vel :] = scratch.warmstart


@kernel
def _clear(out, i):
    out.torque[i] = 0.0
    out.saturation[i] = 0.0
    out.work[i] = 0.0
    out.ground_force[i] = 0.0
    out.self_contacts[i] = 0
    out.self_force[i] = 0.0


@kernel
def _substeps(constants, scratch, out, i):
    model, share = constants.models[i % len(constants.models)], 1.0 / constants.substeps
    dofs = len(constants.limit)
    first = len(scratch.qpos) - dofs
    before = np.empty(dofs)
    for _ in range(constants.substeps):
        mj_forward(model, scratch.address)
        if not _below(scratch.qacc, ACCELERATION):
            return UNSTEADY
        before[:] = scratch.qpos[first:]
        _forces(constants, scratch, out, i, share)
        mj_implicit(model, scratch.address)
        if not _below(scratch.qvel, SPEED):
            return RUNAWAY
        for j in range(dofs):
            out.work[i, j] += scratch.motor[j] * (scratch.qpos[first + j] - before[j])
    return FINE


@kernel
def _forces(constants, scratch, out, i, share):
    for j in range(len(constants.limit)):
        out.torque[i, j] += share * scratch.motor[j]
        if abs(scratch.motor[j]) >= constants.limit[j]:
            out.saturation[i, j] += share
    bodies = out.ground_force.shape[1]
    for b in range(bodies):
        for k in range(3):  # the sensor has what the body does to the floor
            out.ground_force[i, b, k] -= share * scratch.sensors[3 * b + k]
    found = scratch.sensors[3 * bodies]
    x, y, z = (
        scratch.sensors[3 * bodies + 1],
        scratch.sensors[3 * bodies + 2],
        scratch.sensors[3 * bodies + 3],
    )
    out.self_contacts[i] = max(out.self_contacts[i], int(found))
    out.self_force[i] = max(out.self_force[i], np.sqrt(x * x + y * y + z * z))


@kernel
def _observe(constants, scratch, out, i):
    """Poses and velocities of the state that the scratch holds now."""
    model = constants.models[i % len(constants.models)]
    mj_kinematics(model, scratch.address)
    mj_comPos(model, scratch.address)
    mj_comVel(model, scratch.address)
    mj_subtreeVel(model, scratch.address)
    dofs = len(constants.limit)
    out.joint_pos[i] = scratch.qpos[len(scratch.qpos) - dofs :]
    out.joint_vel[i] = scratch.qvel[len(scratch.qvel) - dofs :]
    out.body_pos[i] = scratch.xpos[1:]
    out.body_quat[i] = scratch.xquat[1:]
    out.com_pos[i] = scratch.com[1]
    out.com_vel[i] = scratch.com_vel[1]
    for b in range(1, len(scratch.xpos)):
        wx, wy, wz, vx, vy, vz = scratch.cvel[b]
        ax, ay, az = scratch.xpos[b] - scratch.com[1]
        out.body_ang_vel[i, b - 1] = scratch.cvel[b, :3]
        out.body_lin_vel[i, b - 1, 0] = vx + wy * az - wz * ay
        out.body_lin_vel[i, b - 1, 1] = vy + wz * ax - wx * az
        out.body_lin_vel[i, b - 1, 2] = vz + wx * ay - wy * ax
