"""What the GPU engine does around MuJoCo Warp, as kernels: the twin of ``stepping``, one thread for each robot.

A robot in ``trouble`` is parked in its home stance, well above the floor and at rest, where it costs nothing and spoils
nothing; what it was before is kept.
"""

import mujoco
import warp as wp  # pyright: ignore[reportMissingImports]

from understudy.physics import health

FINE = wp.constant(health.FINE)
BAD_STATE = wp.constant(health.BAD_STATE)
BAD_TARGET = wp.constant(health.BAD_TARGET)
UNSTEADY = wp.constant(health.UNSTEADY)
RUNAWAY = wp.constant(health.RUNAWAY)
POSITION = wp.constant(health.POSITION)
ACCELERATION = wp.constant(health.ACCELERATION)
SPEED = wp.constant(health.SPEED)
CAPSULE = wp.constant(int(mujoco.mjtGeom.mjGEOM_CAPSULE))
UPRIGHT = wp.constant(1e-6)  # what single precision cannot tell from a capsule that stands on its end
PARKED = wp.constant(100.0)  # m above where home is


kernel = wp.kernel(enable_backward=False)


@wp.struct
class Rows:
    """States between control steps, as in ``simulator.State``, and the stance in which robots are parked."""

    qpos: wp.array2d[float]
    qvel: wp.array2d[float]
    warmstart: wp.array2d[float]
    home: wp.array[float]


@wp.struct
class Scratch:
    """The arrays of MuJoCo Warp's data in which a control step runs; for a fixed base without the root's entries."""

    qpos: wp.array2d[float]
    qvel: wp.array2d[float]
    qacc: wp.array2d[float]
    warmstart: wp.array2d[float]
    ctrl: wp.array2d[float]
    motor: wp.array2d[float]  # Nm
    overflow: wp.array[int]
    geom_xmat: wp.array2d[wp.mat33]
    xpos: wp.array2d[wp.vec3]
    xquat: wp.array2d[wp.quat]  # wxyz all the same
    cvel: wp.array2d[wp.spatial_vector]  # angular, then linear at the robot's centre of mass
    com: wp.array2d[wp.vec3]
    com_vel: wp.array2d[wp.vec3]


@wp.struct
class Contacts:
    """Those of all robots in one list, of which the first ``count`` are true."""

    count: wp.array[int]
    robot: wp.array[int]
    geom: wp.array[wp.vec2i]
    frame: wp.array[wp.mat33]  # in rows: the normal, then two tangents
    force: wp.array[wp.spatial_vector]  # on the second geom by the first, world frame


@wp.struct
class Step:
    """What one control step remembers."""

    targets: wp.array2d[float]
    chosen: wp.array[int]  # whom a reset is about
    trouble: wp.array[int]  # a fault, or −1 for whom nobody looks at
    before: wp.array2d[float]  # rad, joints at the beginning of a physics step
    touches: wp.array[int]  # of a robot with itself, in this physics step
    overflow: wp.array[int]  # (1,) what there was no room for, of all robots


@wp.struct
class Constants:
    """What no step changes."""

    limit: wp.array[float]  # Nm
    body: wp.array[int]  # of each geom
    kind: wp.array[int]  # of each geom
    floor: int  # geom
    timestep: float  # s
    substeps: int
    curable: int  # bits of overflow that more room cures


@wp.struct
class Seen:
    """The arrays of ``simulator.Readings``."""

    time: wp.array[float]
    joint_pos: wp.array2d[float]
    joint_vel: wp.array2d[float]
    body_pos: wp.array2d[wp.vec3]
    body_quat: wp.array2d[wp.quat]
    body_lin_vel: wp.array2d[wp.vec3]
    body_ang_vel: wp.array2d[wp.vec3]
    com_pos: wp.array[wp.vec3]
    com_vel: wp.array[wp.vec3]
    torque: wp.array2d[float]
    saturation: wp.array2d[float]
    work: wp.array2d[float]
    ground_force: wp.array2d[wp.vec3]
    self_contacts: wp.array[int]
    self_force: wp.array[float]
    fault: wp.array[int]


@wp.func
def below(values: wp.array2d[float], i: int, bound: float) -> bool:
    """Whether all of a row are numbers, and within a bound."""
    for j in range(values.shape[1]):  # noqa: SIM110 (Warp knows no all)
        if not (wp.abs(values[i, j]) <= bound):  # so what is not a number is not within
            return False
    return True


@wp.func
def clear(seen: Seen, i: int):
    """Nothing acts on this robot."""
    for j in range(seen.torque.shape[1]):
        seen.torque[i, j] = 0.0
        seen.saturation[i, j] = 0.0
        seen.work[i, j] = 0.0
    for b in range(seen.ground_force.shape[1]):
        seen.ground_force[i, b] = wp.vec3(0.0, 0.0, 0.0)
    seen.self_contacts[i] = 0
    seen.self_force[i] = 0.0


@wp.func
def load(rows: Rows, scratch: Scratch, i: int):
    """A robot's own state into the scratch."""
    skip = rows.qpos.shape[1] - scratch.qpos.shape[1]
    for j in range(scratch.qpos.shape[1]):
        scratch.qpos[i, j] = rows.qpos[i, skip + j]
    skip = rows.qvel.shape[1] - scratch.qvel.shape[1]
    for j in range(scratch.qvel.shape[1]):
        scratch.qvel[i, j] = rows.qvel[i, skip + j]
        scratch.warmstart[i, j] = rows.warmstart[i, skip + j]


@wp.func
def park(rows: Rows, scratch: Scratch, i: int):
    """Home, at rest, above everything."""
    skip = rows.qpos.shape[1] - scratch.qpos.shape[1]
    for j in range(scratch.qpos.shape[1]):
        scratch.qpos[i, j] = rows.home[skip + j]
    if skip == 0:
        scratch.qpos[i, 2] = rows.home[2] + PARKED
    for j in range(scratch.qvel.shape[1]):
        scratch.qvel[i, j] = 0.0
        scratch.warmstart[i, j] = 0.0
    skip = rows.home.shape[0] - scratch.ctrl.shape[1]
    for j in range(scratch.ctrl.shape[1]):
        scratch.ctrl[i, j] = rows.home[skip + j]


@kernel
def admit(rows: Rows, scratch: Scratch, step: Step, seen: Seen):
    """Robots that were put into new states; nobody looks at the others now."""
    i = wp.tid()
    trouble = -1
    if step.chosen[i] != 0:
        clear(seen, i)
        seen.time[i] = 0.0
        trouble = FINE
        if not (below(rows.qpos, i, POSITION) and below(rows.qvel, i, SPEED)):
            trouble = BAD_STATE
        seen.fault[i] = trouble
    step.trouble[i] = trouble
    if trouble == FINE:
        load(rows, scratch, i)
    else:
        park(rows, scratch, i)


@kernel
def begin(rows: Rows, scratch: Scratch, step: Step, seen: Seen):
    """A control step: who has a fault, or a target that makes no sense, stays out of it."""
    i = wp.tid()
    trouble = seen.fault[i]
    if trouble == FINE and not below(step.targets, i, POSITION):
        trouble = BAD_TARGET
    step.trouble[i] = trouble
    scratch.overflow[i] = 0
    if i == 0:
        step.overflow[0] = 0
    if trouble != FINE:
        park(rows, scratch, i)
        return
    clear(seen, i)
    load(rows, scratch, i)
    for j in range(scratch.ctrl.shape[1]):
        scratch.ctrl[i, j] = step.targets[i, j]


@kernel
def align(contacts: Contacts, constants: Constants, scratch: Scratch):
    """Turn the friction pyramid of a capsule on the floor along the capsule, as MuJoCo's C library does.

    MuJoCo Warp does so only for those that are less than 60° steep.
    """
    c = wp.tid()
    if c >= contacts.count[0]:
        return
    geom = contacts.geom[c][1]
    if contacts.geom[c][0] != constants.floor or constants.kind[geom] != CAPSULE:
        return
    normal = contacts.frame[c][0]
    turn = scratch.geom_xmat[contacts.robot[c], geom]
    axis = wp.vec3(turn[0, 2], turn[1, 2], turn[2, 2])
    along = axis - wp.dot(axis, normal) * normal
    if wp.length(along) < UPRIGHT:
        along = wp.vec3(1.0, 0.0, 0.0)
    along = wp.normalize(along)
    contacts.frame[c] = wp.matrix_from_rows(normal, along, wp.cross(normal, along))


@kernel
def touch(contacts: Contacts, constants: Constants, step: Step, seen: Seen):
    """One contact, if there are so many."""
    c = wp.tid()
    if c >= contacts.count[0]:
        return
    i = contacts.robot[c]
    if step.trouble[i] != FINE:
        return
    first, second = contacts.geom[c][0], contacts.geom[c][1]
    force = wp.spatial_top(contacts.force[c])
    share = 1.0 / float(constants.substeps)
    if first == constants.floor:
        wp.atomic_add(seen.ground_force, i, constants.body[second] - 1, share * force)
    elif second == constants.floor:
        wp.atomic_add(seen.ground_force, i, constants.body[first] - 1, -share * force)
    else:
        wp.atomic_add(step.touches, i, 1)
        wp.atomic_max(seen.self_force, i, wp.length(force))


@kernel
def measure(constants: Constants, scratch: Scratch, step: Step, seen: Seen):
    """Forces of a physics step, before it moves anything."""
    i = wp.tid()
    touches = step.touches[i]
    step.touches[i] = 0
    if step.trouble[i] != FINE:
        return
    seen.self_contacts[i] = wp.max(seen.self_contacts[i], touches)
    if not below(scratch.qacc, i, ACCELERATION):
        step.trouble[i] = UNSTEADY
        return
    share = 1.0 / float(constants.substeps)
    first = scratch.qpos.shape[1] - constants.limit.shape[0]
    for j in range(constants.limit.shape[0]):
        step.before[i, j] = scratch.qpos[i, first + j]
        seen.torque[i, j] += share * scratch.motor[i, j]
        if wp.abs(scratch.motor[i, j]) >= constants.limit[j]:
            seen.saturation[i, j] += share


@kernel
def moved(rows: Rows, constants: Constants, scratch: Scratch, step: Step, seen: Seen):
    """What a physics step has done; who came into trouble is parked for the rest of the control step."""
    i = wp.tid()
    if step.trouble[i] == FINE and not below(scratch.qvel, i, SPEED):
        step.trouble[i] = RUNAWAY
    if step.trouble[i] != FINE:
        park(rows, scratch, i)
        return
    first = scratch.qpos.shape[1] - constants.limit.shape[0]
    for j in range(constants.limit.shape[0]):
        seen.work[i, j] += scratch.motor[i, j] * (scratch.qpos[i, first + j] - step.before[i, j])


@kernel
def spill(constants: Constants, scratch: Scratch, step: Step):
    """Whether anything found no room."""
    i = wp.tid()
    if (scratch.overflow[i] & constants.curable) != 0:
        wp.atomic_or(step.overflow, 0, scratch.overflow[i])


@kernel
def finish(rows: Rows, constants: Constants, scratch: Scratch, step: Step, seen: Seen):
    """The end of a control step, unless it must be done again."""
    i = wp.tid()
    if step.overflow[0] != 0:
        step.trouble[i] = -1
        return
    trouble = step.trouble[i]
    if trouble != FINE:
        if trouble >= UNSTEADY:  # it had begun to move
            clear(seen, i)
        seen.fault[i] = trouble
        return
    skip = rows.qpos.shape[1] - scratch.qpos.shape[1]
    for j in range(scratch.qpos.shape[1]):
        rows.qpos[i, skip + j] = scratch.qpos[i, j]
    skip = rows.qvel.shape[1] - scratch.qvel.shape[1]
    for j in range(scratch.qvel.shape[1]):
        rows.qvel[i, skip + j] = scratch.qvel[i, j]
        rows.warmstart[i, skip + j] = scratch.warmstart[i, j]
    dt = constants.timestep * float(constants.substeps)
    seen.time[i] = dt * (wp.round(seen.time[i] / dt) + 1.0)  # a sum of many would drift


@kernel
def observe(scratch: Scratch, step: Step, seen: Seen):
    """Poses and velocities of the robots that are looked at, one thread for each body."""
    i, b = wp.tid()
    if step.trouble[i] != FINE:
        return
    centre = scratch.com[i, 1]
    turning = wp.spatial_top(scratch.cvel[i, b + 1])
    at = scratch.xpos[i, b + 1]
    seen.body_pos[i, b] = at
    seen.body_quat[i, b] = scratch.xquat[i, b + 1]
    seen.body_ang_vel[i, b] = turning
    seen.body_lin_vel[i, b] = wp.spatial_bottom(scratch.cvel[i, b + 1]) + wp.cross(turning, at - centre)
    if b > 0:
        return
    seen.com_pos[i] = centre
    seen.com_vel[i] = scratch.com_vel[i, 1]
    dofs = seen.joint_pos.shape[1]
    first_pos, first_vel = scratch.qpos.shape[1] - dofs, scratch.qvel.shape[1] - dofs
    for j in range(dofs):
        seen.joint_pos[i, j] = scratch.qpos[i, first_pos + j]
        seen.joint_vel[i, j] = scratch.qvel[i, first_vel + j]
