"""The model that is simulated: a robot's tree, inertias, motors and collision primitives, above a floor.

It is built anew from the robot's compiled model, so that it needs no file and carries nothing that is only there to be
seen. MuJoCo's settings are those of mjlab's tracking task, but for what changes no result and costs time.
"""

import mujoco
import numpy as np

from understudy.errors import LimitError, ShapeError
from understudy.physics.gains import Gains
from understudy.physics.simulator import PhysicsConfig
from understudy.robots.robot import Robot

COLLISION_GROUP = 3  # the MJCF convention for geometry that collides and is not shown
FLOOR = "floor"
SELF_SENSOR = "self_contact"
_DATA = mujoco.mjtConDataField


def compile_model(robot: Robot, config: PhysicsConfig) -> mujoco.MjModel:
    """The physics of a robot: actuators in the order of its joints, then a sensor of the floor's force for every body
    and one of the robot's contacts with itself.

    Raises LimitError for what would be lost: equality constraints, tendons, collision meshes.
    """
    _refuse(robot)
    spec = mujoco.MjSpec()
    spec.modelname = robot.name
    spec.compiler.degree = False
    _options(spec, config)
    bodies = {0: spec.worldbody}
    for b in range(1, robot.model.nbody):
        bodies[b] = _body(robot, b, bodies[int(robot.model.body_parentid[b])], config)
    spec.worldbody.add_geom(
        name=FLOOR,
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.0, 0.0, 0.05],
        condim=3,
        friction=[config.friction, 0.005, 0.0001],
        solref=[config.give, 1.0],
        priority=1,  # so that friction and give are the floor's alone, and there is no friction between bodies
        contype=1,
        conaffinity=1,
    )
    _exclude(spec, robot)
    _motors(spec, robot, config.gains or Gains.of(robot))
    _sensors(spec, robot)
    return spec.compile()


def _refuse(robot: Robot) -> None:
    m = robot.model
    if m.neq or m.ntendon:
        raise LimitError(
            f"The model of {robot.name!r} has {m.neq} equality constraints and {m.ntendon} tendons, which the physics "
            "does not know. Describe coupled joints as one, or leave the couplings out."
        )
    for g in np.flatnonzero(m.geom_group == COLLISION_GROUP):
        if m.geom_type[g] == mujoco.mjtGeom.mjGEOM_MESH:
            raise LimitError(
                f"Collision geom {m.geom(g).name!r} of {robot.name!r} is a mesh; fit capsules to it first."
            )


def _options(spec: mujoco.MjSpec, config: PhysicsConfig) -> None:
    option = spec.option
    option.timestep = config.timestep
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.iterations, option.ls_iterations = 10, 20
    # A body has a handful of primitives and a robot is one island: looking for either costs an eighth of the time.
    disable = mujoco.mjtDisableBit
    option.disableflags |= int(disable.mjDSBL_MIDPHASE) | int(disable.mjDSBL_ISLAND)


def _body(robot: Robot, b: int, parent: mujoco.MjsBody, config: PhysicsConfig) -> mujoco.MjsBody:
    m = robot.model
    pos, quat = m.body_pos[b], m.body_quat[b]
    if b == 1:
        pos, quat = robot.home[:3], robot.home[3:7]
    body = parent.add_body(
        name=m.body(b).name,
        pos=pos,
        quat=quat,
        explicitinertial=True,
        mass=m.body_mass[b],
        ipos=m.body_ipos[b],
        iquat=m.body_iquat[b],
        inertia=m.body_inertia[b],
    )
    for j in range(m.body_jntadr[b], m.body_jntadr[b] + m.body_jntnum[b]):
        if b > 1:
            _joint(robot, j, body)
        elif not robot.fixed_base:
            body.add_freejoint(name=m.joint(j).name)
    for g in range(m.body_geomadr[b], m.body_geomadr[b] + m.body_geomnum[b]):
        if m.geom_group[g] == COLLISION_GROUP:
            body.add_geom(
                name=m.geom(g).name,
                type=int(m.geom_type[g]),
                size=m.geom_size[g],
                pos=m.geom_pos[g],
                quat=m.geom_quat[g],
                condim=1,
                solref=[config.give, 1.0],
                contype=int(config.self_collision),
                conaffinity=1,
                group=COLLISION_GROUP,
            )
    return body


def _joint(robot: Robot, j: int, body: mujoco.MjsBody) -> None:
    m = robot.model
    dof = m.jnt_dofadr[j]
    body.add_joint(
        name=m.joint(j).name,
        type=int(m.jnt_type[j]),
        pos=m.jnt_pos[j],
        axis=m.jnt_axis[j],
        range=m.jnt_range[j],
        limited=True,
        armature=m.dof_armature[dof],
        damping=m.dof_damping[dof],
        frictionloss=m.dof_frictionloss[dof],
        stiffness=m.jnt_stiffness[j],
        springref=m.qpos_spring[m.jnt_qposadr[j]],
    )


def _exclude(spec: mujoco.MjSpec, robot: Robot) -> None:
    """Neighbours, what the model excludes, and what the robot calls harmless."""
    m = robot.model
    pairs = {frozenset((m.body(b).name, m.body(m.body_parentid[b]).name)) for b in range(2, m.nbody)}
    pairs |= {frozenset((m.body(s >> 16).name, m.body(s & 0xFFFF).name)) for s in m.exclude_signature}
    for pair in sorted(sorted(pair) for pair in pairs | robot.harmless_contacts):
        spec.add_exclude(bodyname1=pair[0], bodyname2=pair[-1])


def _motors(spec: mujoco.MjSpec, robot: Robot, gains: Gains) -> None:
    if len(gains.stiffness) != len(robot.joints):
        raise ShapeError(
            f"{robot.name!r} has {len(robot.joints)} joints; got gains of {len(gains.stiffness)}."
        )
    for i, joint in enumerate(robot.joints):
        limit = float(robot.effort_limit[i])
        spec.add_actuator(
            name=joint,
            target=joint,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            gaintype=mujoco.mjtGain.mjGAIN_FIXED,
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            gainprm=[gains.stiffness[i], *[0.0] * 9],
            biasprm=[0.0, -gains.stiffness[i], -gains.damping[i], *[0.0] * 7],
            forcelimited=True,
            forcerange=[-limit, limit],
        )


def _sensors(spec: mujoco.MjSpec, robot: Robot) -> None:
    found, force = (1 << int(bit) for bit in (_DATA.mjCONDATA_FOUND, _DATA.mjCONDATA_FORCE))
    strongest, net = 2, 3  # how several contacts become one row
    for body in robot.bodies:
        spec.add_sensor(
            name=f"{FLOOR}_{body}",
            type=mujoco.mjtSensor.mjSENS_CONTACT,
            objtype=mujoco.mjtObj.mjOBJ_BODY,
            objname=body,
            reftype=mujoco.mjtObj.mjOBJ_GEOM,
            refname=FLOOR,
            intprm=[force, net, 1],
        )
    spec.add_sensor(
        name=SELF_SENSOR,
        type=mujoco.mjtSensor.mjSENS_CONTACT,
        objtype=mujoco.mjtObj.mjOBJ_XBODY,
        objname=robot.bodies[0],
        reftype=mujoco.mjtObj.mjOBJ_XBODY,
        refname=robot.bodies[0],
        intprm=[found | force, strongest, 1],
    )
