"""Which number stands in which column of a feature array, and which column it becomes in a mirror."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from understudy.errors import ShapeError, UnknownName
from understudy.motion.landmarks import LANDMARKS, mirrored

KINDS = ("anchored", "paper")

OTHERS = LANDMARKS[1:]
"""All landmarks but the pelvis."""

Column = tuple[str, str, float]
"""A column's name, the name of the one that its mirror image is read from, and the sign that it takes."""


@dataclass(frozen=True)
class RobotLayout:
    """What features need to know of a robot, as plain numbers that travel in a file.

    ``joints`` and ``bodies`` are the robot's, in its order; ``bodies[0]`` is the root. In a mirror joint i takes
    ``joint_sign[i]`` times the value of joint ``joint_partner[i]``, and body i the place of ``body_partner[i]``.
    ``lower`` and ``upper`` (rad) bound the joints. ``size`` (m) is the length of its legs as ``body_size`` measures a
    human's; ``pelvis_pos`` (m) and ``pelvis_quat`` place the pelvis landmark, between the hips, in the root's frame.
    """

    name: str
    joints: tuple[str, ...]
    bodies: tuple[str, ...]
    joint_partner: tuple[int, ...]
    joint_sign: tuple[float, ...]
    body_partner: tuple[int, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    size: float
    pelvis_pos: tuple[float, float, float]
    pelvis_quat: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        dof, many = len(self.joints), len(self.bodies)
        each = (self.joint_partner, self.joint_sign, self.lower, self.upper)
        if any(len(values) != dof for values in each) or len(self.body_partner) != many or not many:
            raise ShapeError(
                f"The layout of {self.name!r} names {dof} joints and {many} bodies, and has partners, signs or limits "
                "for another number of them."
            )
        for partner in (self.joint_partner, self.body_partner):
            if any(not 0 <= p < len(partner) or partner[p] != i for i, p in enumerate(partner)):
                raise ShapeError(f"In the layout of {self.name!r} the partner of a partner is not the first.")
        numbers = (*self.joint_sign, *self.lower, *self.upper, *self.pelvis_pos, *self.pelvis_quat)
        if not all(math.isfinite(x) for x in numbers) or not 0 < self.size < math.inf:
            raise ShapeError(f"The layout of {self.name!r} needs finite numbers and a size above zero.")

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it; ``from_json`` gives back the same layout to the last bit."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "RobotLayout":
        """What ``to_json`` gave. Raises ShapeError for anything else."""
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in values]:
            raise ShapeError(f"The layout of a robot lacks {', '.join(missing)}.")
        kinds = {"name": str, "joints": str, "bodies": str, "joint_partner": int, "body_partner": int}
        read = {}
        for name in names:
            value, kind = values[name], kinds.get(name, (int, float))
            single = name in ("name", "size")
            parts = [value] if single else value
            if not isinstance(parts, list | tuple) or not all(isinstance(part, kind) for part in parts):
                raise ShapeError(f"The layout of a robot has something else than {name} in {name!r}.")
            read[name] = value if single else tuple(parts)
        if len(read["pelvis_pos"]) != 3 or len(read["pelvis_quat"]) != 4:
            raise ShapeError(
                "The layout of a robot needs three numbers in 'pelvis_pos', four in 'pelvis_quat'."
            )
        return cls(**read)


@dataclass(frozen=True)
class Layout:
    """The columns of a feature array: ``groups`` of neighbours, each by its name."""

    kind: str
    groups: tuple[tuple[str, tuple[Column, ...]], ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """A name for each, such as ``places.left_knee.z``."""
        return tuple(name for _, columns in self.groups for name, _, _ in columns)

    @property
    def width(self) -> int:
        return len(self.columns)

    @cached_property
    def slices(self) -> Mapping[str, slice]:
        """Where each group is."""
        ends = np.cumsum([len(columns) for _, columns in self.groups]).tolist()
        starts = [0, *ends[:-1]]
        return {g: slice(a, b) for (g, _), a, b in zip(self.groups, starts, ends, strict=True)}

    def __getitem__(self, group: str) -> slice:
        """Where a group is. Raises UnknownName."""
        if group not in self.slices:
            raise UnknownName("group of features", group, tuple(self.slices))
        return self.slices[group]

    @cached_property
    def mirror_index(self) -> Int[np.ndarray, "width"]:
        """The column that each one's mirror image is read from."""
        where = {name: i for i, name in enumerate(self.columns)}
        return np.array([where[other] for _, columns in self.groups for _, other, _ in columns], np.int64)

    @cached_property
    def mirror_sign(self) -> Float[np.ndarray, "width"]:
        """The sign that it takes."""
        return np.array([sign for _, columns in self.groups for _, _, sign in columns], np.float32)

    def mirror(self, features: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """The features of the same motion with left and right exchanged."""
        index = torch.as_tensor(self.mirror_index, device=features.device)
        return features[..., index] * features.new_tensor(self.mirror_sign)


def layout_of_human(kind: str = "anchored") -> Layout:
    """The columns of ``encode_human``. Raises UnknownName."""
    return _layout_of_human(_known(kind))


def layout_of_robot(robot: RobotLayout, kind: str = "anchored") -> Layout:
    """The columns of ``encode_robot``. Raises UnknownName."""
    return _layout_of_robot(robot, _known(kind))


@lru_cache
def _layout_of_human(kind: str) -> Layout:
    opposite = {name: mirrored(name) for name in LANDMARKS}
    others = {name: opposite[name] for name in OTHERS}
    if kind == "paper":
        groups = {
            "velocity": _planar("velocity"),
            "root_turn": _turns("root_turn", {"pelvis": "pelvis"}),
            "places": _vectors("places", opposite),
            "velocities": _vectors("velocities", opposite),
        }
    else:
        groups = {
            "heading_rate": (("heading_rate", "heading_rate", -1.0),),
            "velocity": _planar("velocity"),
            "height": (("height", "height", 1.0),),
            "root_turn": _turns("root_turn", {"pelvis": "pelvis"}),
            "places": _vectors("places", others),
            "velocities": _vectors("velocities", others),
            "turns": _turns("turns", others),
        }
    return Layout(kind, tuple(groups.items()))


@lru_cache
def _layout_of_robot(robot: RobotLayout, kind: str) -> Layout:
    bodies = {name: robot.bodies[p] for name, p in zip(robot.bodies, robot.body_partner, strict=True)}
    limbs = {name: bodies[name] for name in robot.bodies[1:]}
    turn = _turns("root_turn", {"pelvis": "pelvis"})
    joints = tuple(
        (f"joint_pos.{name}", f"joint_pos.{robot.joints[p]}", sign)
        for name, p, sign in zip(robot.joints, robot.joint_partner, robot.joint_sign, strict=True)
    )
    if kind == "paper":
        groups = {
            "velocity": _planar("velocity"),
            "root_turn": turn,
            "places": _vectors("places", bodies),
            "velocities": _vectors("velocities", bodies),
            "joint_pos": joints,
        }
    else:
        groups = {
            "root": _axes("root", "root"),
            "root_turn": turn,
            "joint_pos": joints,
            "places": _vectors("places", limbs),
            "velocities": _vectors("velocities", bodies),
        }
    return Layout(kind, tuple(groups.items()))


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise UnknownName("kind of features", kind, KINDS)
    return kind


def _axes(name: str, other: str) -> tuple[Column, ...]:
    """A vector's three columns; a mirror in the xz plane changes the sign of y."""
    return tuple((f"{name}.{a}", f"{other}.{a}", -1.0 if a == "y" else 1.0) for a in "xyz")


def _planar(name: str) -> tuple[Column, ...]:
    return _axes(name, name)[:2]


def _vectors(group: str, partners: Mapping[str, str]) -> tuple[Column, ...]:
    return _flat(_axes(f"{group}.{name}", f"{group}.{other}") for name, other in partners.items())


def _turns(group: str, partners: Mapping[str, str]) -> tuple[Column, ...]:
    """The first two columns of rotation matrices R; in a mirror M they become M R M, so an entry takes two signs."""
    pairs = [(column, row) for column in "xy" for row in "xyz"]
    return tuple(
        (f"{group}.{name}.{c}{r}", f"{group}.{other}.{c}{r}", -1.0 if (c == "y") != (r == "y") else 1.0)
        for name, other in partners.items()
        for c, r in pairs
    )


def _flat(parts: Iterable[Sequence[Column]]) -> tuple[Column, ...]:
    return tuple(column for part in parts for column in part)
