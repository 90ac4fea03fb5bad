"""A robot body: a compiled MuJoCo model, plus the few things that a model file cannot say."""

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float

from understudy.motion.landmarks import Landmarks


@dataclass(frozen=True)
class Foot:
    """Where a robot stands: the body that carries the sole, and the corners of the sole in that body's frame (m)."""

    body: str
    sole: Float[np.ndarray, "corner 3"]


@dataclass(frozen=True, eq=False)
class Robot:
    """Names and limits come from the compiled ``model``; landmarks, feet, motor speeds and intended contacts from
    ``robot.toml``.

    Joint arrays follow ``joints``, the model's own (depth-first) order without the floating base. ``home`` is a whole
    qpos: root position, root quaternion wxyz, joints. ``t_pose`` are the joint positions (rad) in which the robot
    stands like the canonical T-pose of ``motion.landmarks``; in it, every landmark frame equals the world frame.
    ``harmless_contacts`` are pairs of bodies whose primitives overlap by construction; ``hands`` are bodies left out of
    self-collision counts.
    """

    name: str
    model: mujoco.MjModel
    joints: tuple[str, ...]
    bodies: tuple[str, ...]
    lower: Float[np.ndarray, "dof"]
    upper: Float[np.ndarray, "dof"]
    velocity_limit: Float[np.ndarray, "dof"]
    effort_limit: Float[np.ndarray, "dof"]
    home: Float[np.ndarray, "7+dof"]
    t_pose: Float[np.ndarray, "dof"]
    height: float
    landmarks: Landmarks
    feet: Mapping[str, Foot]
    hands: frozenset[str]
    harmless_contacts: frozenset[frozenset[str]]
    notice: str

    def body_index(self, name: str) -> int:
        """Index into ``bodies``, which leaves out MuJoCo's world body."""
        return self.bodies.index(name)
