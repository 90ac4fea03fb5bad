"""A robot body: a compiled MuJoCo model, plus the few things that a model file cannot say."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np
from jaxtyping import Float

from understudy.errors import UnknownName
from understudy.motion.landmarks import Landmarks
from understudy.robots.mirror import Mirror, find


@dataclass(frozen=True)
class Foot:
    """Where a robot stands: a body, and the corners of its sole in that body's frame (m)."""

    body: str
    sole: Float[np.ndarray, "corner 3"]


@dataclass(frozen=True)
class Doubt:
    """What could not be decided from a model file: what it is about, in words, and the line of ``robot.toml``
    that settles it.
    """

    about: str
    says: str
    settle: str


@dataclass(frozen=True, eq=False)
class Robot:
    """Names and limits come from the compiled ``model``; landmarks, feet, motor speeds and harmless
    contacts from ``robot.toml``.

    Joint arrays follow ``joints``, the model's own (depth-first) order without the floating base. ``home``
    is a whole qpos: root position, root quaternion wxyz, joints. ``t_pose`` are the joint positions (rad)
    in which the robot stands like the canonical T-pose of ``motion.landmarks``; in it, every landmark frame
    equals the world frame. It serves calibration and may lie outside the joint ranges. A robot with a
    ``fixed_base`` keeps the free joint in its model, which says where it stands, and never moves it from
    ``home``; a robot without legs has no ``feet``. ``harmless_contacts`` are pairs of bodies whose primitives
    touch by construction and never by fault; ``hands`` are bodies left out of self-collision counts. Geoms
    of group 2 are what one sees, geoms of group 3 (named ``…_collision``) what touches; ``height`` is sole to
    crown (m), ``notice`` whose figures these are, ``doubts`` what could not be decided when it was onboarded.
    """

    name: str
    model: mujoco.MjModel
    joints: tuple[str, ...]
    bodies: tuple[str, ...]
    lower: Float[np.ndarray, "dof"]
    upper: Float[np.ndarray, "dof"]
    velocity_limit: Float[np.ndarray, "dof"]
    effort_limit: Float[np.ndarray, "dof"]
    home: Float[np.ndarray, "qpos"]
    t_pose: Float[np.ndarray, "dof"]
    height: float
    landmarks: Landmarks
    feet: Mapping[str, Foot]
    hands: frozenset[str]
    harmless_contacts: frozenset[frozenset[str]]
    notice: str
    fixed_base: bool = False
    doubts: tuple[Doubt, ...] = ()

    def body_index(self, name: str) -> int:
        """Index into ``bodies``, which leaves out MuJoCo's world body. Raises UnknownName."""
        if name not in self.bodies:
            raise UnknownName("body", name, self.bodies)
        return self.bodies.index(name)

    @cached_property
    def mirror(self) -> Mirror:
        """Left and right exchanged. Raises LimitError for a robot that is not symmetric."""
        return find(self.model)
