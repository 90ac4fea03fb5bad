"""What a simulator is: many copies of one robot that are put into states, driven by joint targets, and read.

Every engine keeps this contract, so whatever is written against it runs on any of them. Arrays have one row per robot;
those of the CPU engine are numpy's, those of a GPU engine tensors of torch. World frame: z up, metres, floor at z = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Bool, Float, Int

from understudy.errors import LimitError
from understudy.physics.gains import Gains
from understudy.robots.robot import Robot

Array: TypeAlias = Any  # a numpy array or a torch tensor, by engine


@dataclass(frozen=True, eq=False)
class PhysicsConfig:
    """One control step is ``substeps`` physics steps under one target for every joint.

    The floor's friction holds for whatever touches it; bodies of the robot touch each other without friction.
    """

    timestep: float = 0.005
    """Seconds of a physics step."""
    substeps: int = 4
    friction: float = 0.6
    """Coulomb's coefficient between the floor and the robot."""
    give: float = 0.02
    """Seconds in which the floor, and bodies that meet, push back what has sunk in (MuJoCo's solref); at least two
    physics steps. At 0.02 a running foot sinks in by centimetres."""
    self_collision: bool = True
    """Neighbours in the tree and the robot's harmless contacts never collide."""
    gains: Gains | None = None
    """Of the joints' PD control; ``Gains.of`` the robot where None."""

    def __post_init__(self) -> None:
        if not (self.timestep > 0 and self.substeps >= 1 and self.friction >= 0):
            raise LimitError(
                "A time step is positive, there is at least one in a control step, and friction is not negative; got "
                f"{self.timestep} s, {self.substeps} and {self.friction}."
            )
        if not self.give >= 2 * self.timestep * (1 - 1e-9):
            raise LimitError(
                f"A floor gives for at least two time steps; got {self.give} s and steps of {self.timestep} s."
            )


@dataclass(frozen=True, eq=False)
class State:
    """All that decides what happens next: a simulation that is put back into its state repeats itself to the bit.

    In MuJoCo's own convention. ``qpos`` is root position (m), root quaternion wxyz, joints (rad), as in
    ``RobotMotion.qpos``. ``qvel`` is the velocity of the root's origin (m/s, world frame), the angular velocity of
    the root (rad/s, **in the root's own frame**), joint rates (rad/s). ``warmstart`` are the accelerations from which
    the contact solver starts; without them it starts anew, and ends where it would have ended but for its tolerance.
    """

    qpos: Float[Array, "robot qpos"]
    qvel: Float[Array, "robot qvel"]
    warmstart: Float[Array, "robot qvel"] | None = None

    def __len__(self) -> int:
        return len(self.qpos)


@dataclass(frozen=True, eq=False)
class Readings:
    """What one sees of the robots, rewritten in place by every reset and step. Single precision, world frame.

    Poses and velocities are those at the end of the control step. Forces and torques are means over it, so that times
    the step's length they are impulses; they are those that held at the beginning of each physics step, and zero
    after a reset. Row 0 of the bodies is the root.
    """

    time: Float[Array, "robot"]
    """Seconds since the reset."""
    joint_pos: Float[Array, "robot dof"]
    joint_vel: Float[Array, "robot dof"]
    body_pos: Float[Array, "robot body 3"]
    """Origins of the bodies, in the order of ``Robot.bodies``."""
    body_quat: Float[Array, "robot body 4"]
    body_lin_vel: Float[Array, "robot body 3"]
    """Velocities of those origins (m/s)."""
    body_ang_vel: Float[Array, "robot body 3"]
    com_pos: Float[Array, "robot 3"]
    """Centre of mass of the whole robot."""
    com_vel: Float[Array, "robot 3"]
    torque: Float[Array, "robot dof"]
    """What the motors give (Nm), never above the robot's effort limits."""
    saturation: Float[Array, "robot dof"]
    """Share of the physics steps in which a motor was at its limit."""
    work: Float[Array, "robot dof"]
    """What each motor put into the robot during the control step (J); negative where it braked."""
    ground_force: Float[Array, "robot body 3"]
    """From the floor on each body (N)."""
    self_contacts: Int[Array, "robot"]
    """The most points, in any physics step, at which the robot touched itself …"""
    self_force: Float[Array, "robot"]
    """… and the strongest of their forces (N)."""
    fault: Int[Array, "robot"]
    """0, or why this robot stands still until its next reset: a row of ``health.FAULTS``."""

    @property
    def root_pos(self) -> Float[Array, "robot 3"]:
        return self.body_pos[:, 0]

    @property
    def root_quat(self) -> Float[Array, "robot 4"]:
        return self.body_quat[:, 0]

    @property
    def root_lin_vel(self) -> Float[Array, "robot 3"]:
        return self.body_lin_vel[:, 0]

    @property
    def root_ang_vel(self) -> Float[Array, "robot 3"]:
        return self.body_ang_vel[:, 0]

    def touching(self, newtons: float = 1.0) -> Bool[Array, "robot body"]:
        """Bodies that the floor pushes with more than so much."""
        return (self.ground_force**2).sum(-1) > newtons**2


@runtime_checkable
class Simulator(Protocol):
    """``count`` robots that know nothing of each other."""

    robot: Robot
    config: PhysicsConfig
    count: int
    readings: Readings

    def reset(self, which: Int[Array, "reset"] | Sequence[int], state: State) -> None:
        """Put the robots in the rows ``which`` into states, one for each or one for all, and clear their faults."""
        ...

    def step(self, targets: Float[Array, "robot dof"]) -> Readings:
        """One control step under joint targets (rad); returns ``readings``. Robots with a fault stand still."""
        ...

    def state(self, which: Int[Array, "some"] | Sequence[int] | None = None) -> State:
        """A copy of the states of some robots, or of all."""
        ...


def as_torch(readings: Readings) -> Readings:
    """The same memory as tensors: what a later step writes into the readings, the tensors show."""
    import torch

    return Readings(
        **{field.name: torch.as_tensor(getattr(readings, field.name)) for field in fields(Readings)}
    )
