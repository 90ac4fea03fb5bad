"""GMR's tables: which bone each body follows, how strongly, and how bones lie in a source's skeleton.

GMR keeps one table for every pair of a source and a robot. ``import_gmr`` turns such a file into a preset of ours;
``landmark_table`` is the one table that serves every source, because landmarks already say how bones lie.

A preset holds only what acts. GMR's files repeat the offsets in their second table, and it never reads them there.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError, UnknownName
from understudy.motion.files import atomic_path
from understudy.motion.landmarks import SIDES
from understudy.retarget.gmr_models import MODELS, GmrModel, Point, Range
from understudy.robots.robot import Robot
from understudy.rotations import quat_conj, quat_mul, quat_normalize

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

Y_UP = np.array([0.5, 0.5, 0.5, 0.5])
"""Turns axes y up, z forward, x left, in which the tables' skeletons rest, into ours: z up, x forward, y left."""
G1_HEIGHT = 1.32
"""Height (m) of the robot that ``landmark_table``'s scales were made for."""
LIMBS = {
    "hip": ((0, 10), (10, 5)),
    "knee": ((0, 10), (10, 5)),
    "ankle": ((50, 10), (50, 10)),
    "shoulder": ((0, 100), (5, 100)),
    "elbow": ((0, 10), (10, 5)),
    "wrist": ((0, 10), (10, 5)),
}
"""Position (1/m) and rotation weight (1/rad) of each stage, as GMR has them for LAFAN1 and Nokov on the G1."""
TRUNK = {"pelvis": ((0, 10), (100, 5)), "chest": ((0, 100), (0, 10))}
ARM = ("shoulder", "elbow", "wrist")


@dataclass(frozen=True)
class Match:
    """A body that follows a bone. Errors are multiplied by the weights (1/m, 1/rad) before they are squared."""

    body: str
    position: float
    rotation: float


@dataclass(frozen=True)
class Offset:
    """How a body lies in its bone: first the rotation (wxyz), then a shift along the body's own axes (m)."""

    pos: tuple[float, float, float]
    quat: tuple[float, float, float, float]


@dataclass(frozen=True)
class GmrTable:
    """A source and a robot, matched.

    ``follows`` says what bones are: ``"joints"`` of the source's skeleton, by name, or ``"landmarks"``. ``scale`` is
    each bone's, for a human of ``human_height`` (m): the root's about the world's origin, the others' about the root.
    ``stages`` are solved one after the other in every frame. ``points`` are bodies that the robot's model lacks,
    ``joint_range`` (rad) those joints whose range is not the hardware's.
    """

    robot: str
    source: str
    follows: str
    human_root: str
    human_height: float
    scale: Mapping[str, float]
    offset: Mapping[str, Offset]
    stages: tuple[Mapping[str, Match], ...]
    points: Mapping[str, Point] = field(default_factory=dict)
    joint_range: Mapping[str, Range] = field(default_factory=dict)

    @property
    def bones(self) -> tuple[str, ...]:
        """Every bone that some body follows."""
        return tuple(dict.fromkeys(bone for stage in self.stages for bone in stage))


def landmark_table(robot: Robot) -> GmrTable:
    """The table for any skeleton: GMR's weights and scales, with landmarks for bones.

    Bodies are the ones that carry the robot's landmarks. Where a landmark lies on its body gives the rotation offset,
    so that the T-pose of every human is the robot's; as in GMR, it is the body's origin that follows the position.
    For robots of another height the G1's scales are changed in proportion, where GMR has them tuned by hand.
    """
    marks, taller = robot.landmarks, robot.height / G1_HEIGHT
    weights = TRUNK | {f"{side}_{part}": w for part, w in LIMBS.items() for side in SIDES}
    weights = {name: w for name, w in weights.items() if name in marks.names}
    turn = {name: quat_conj(marks.quat[marks.index(name)].astype(float)) for name in weights}
    body = {name: robot.bodies[marks.carriers[marks.index(name)]] for name in weights}
    model = MODELS.get(robot.name, GmrModel())
    return GmrTable(
        robot=robot.name,
        source="landmarks",
        follows="landmarks",
        human_root="pelvis",
        human_height=1.8,
        scale={name: taller * (0.75 if name.split("_")[-1] in ARM else 0.9) for name in weights},
        offset={name: Offset((0.0, 0.0, 0.0), _four(turn[name])) for name in weights},
        stages=tuple(
            {name: Match(body[name], float(w[k][0]), float(w[k][1])) for name, w in weights.items()}
            for k in range(2)
        ),
        joint_range=dict(model.joint_range),
    )


def import_gmr(path: str | Path, robot: Robot) -> GmrTable:
    """Read one of GMR's own JSON tables for a robot. Raises FormatError and UnknownName.

    Offsets are turned from the axes of the source's file, in which the tables are written, to those that skeletons
    have here: all joint frames rest along the world's axes. GMR's height of the ground is taken off the shifts.
    """
    path = Path(path)
    data = _parsed(path)
    try:
        first, second = data["ik_match_table1"], data["ik_match_table2"]
        used = [t for t, k in ((first, 1), (second, 2)) if data[f"use_ik_match_table{k}"]]
        if data.get("robot_initial_qpos"):
            raise FormatError(path, "tables that set robot_initial_qpos are not supported.")
        lifted = np.array([0.0, 0.0, data["ground_height"]])
        offset = {
            bone: Offset(
                _three(np.array(pos) - lifted), _four(quat_mul(Y_UP, quat_normalize(np.array(quat))))
            )
            for bone, _, _, pos, quat in (row for row in first.values() if row[1] or row[2])
        }
        model = MODELS.get(robot.name, GmrModel())
        stages = tuple(
            {
                bone: Match(body, float(position), float(rotation))
                for body, (bone, position, rotation, _, _) in table.items()
                if position or rotation
            }
            for table in used
        )
        named = {match.body for stage in stages for match in stage.values()}
        table = GmrTable(
            robot=robot.name,
            source=path.name,
            follows="joints",
            human_root=data["human_root_name"],
            human_height=float(data["human_height_assumption"]),
            scale={bone: float(s) for bone, s in data["human_scale_table"].items()},
            offset=offset,
            stages=stages,
            points={name: point for name, point in model.points.items() if name in named},
            joint_range=dict(model.joint_range),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(path, f"this is no table of GMR's ({type(error).__name__}: {error}).") from error
    check(table, robot, path)
    return table


def check(table: GmrTable, robot: Robot, where: str | Path) -> None:
    """Raise FormatError or UnknownName unless a table is complete and fits a robot."""
    if table.robot != robot.name:
        raise FormatError(where, f"this table is for {table.robot!r}, not for {robot.name!r}.")
    if table.follows not in ("joints", "landmarks"):
        raise FormatError(where, f"`follows` must be joints or landmarks; got {table.follows!r}.")
    if not table.stages or not all(table.stages):
        raise FormatError(where, "a stage has no body that follows anything.")
    for bone in (table.human_root, *table.bones):
        if bone not in table.scale:
            raise FormatError(where, f"the bone {bone!r} has no scale.")
    for bone in table.bones:
        if bone not in table.offset:
            raise FormatError(
                where, f"the bone {bone!r} has no offset in the first table, the only one that is used."
            )
    for body in {match.body for stage in table.stages for match in stage.values()} - set(table.points):
        robot.body_index(body)
    for point in table.points.values():
        robot.body_index(point.body)
    for joint in table.joint_range:
        if joint not in robot.joints:
            raise UnknownName("joint", joint, robot.joints)


def write_table(table: GmrTable, path: str | Path) -> None:
    """Write a preset, as JSON or TOML by the file's ending. Raises FormatError for any other."""
    path = Path(path)
    data = asdict(table)
    for k, stage in enumerate(data.pop("stages"), start=1):
        data[f"stage{k}"] = stage
    with_ending = {".json": lambda: json.dumps(data, indent=1), ".toml": lambda: "\n".join(_toml(data))}
    if path.suffix not in with_ending:
        raise FormatError(path, "a preset is written as .json or .toml.")
    with atomic_path(path) as temporary:
        temporary.write_text(with_ending[path.suffix]() + "\n", encoding="utf-8")


def read_table(path: str | Path, robot: Robot) -> GmrTable:
    """Read a preset that ``write_table`` wrote. Raises FormatError and UnknownName."""
    path = Path(path)
    data = _parsed(path)
    try:
        table = GmrTable(
            stages=tuple(
                {bone: Match(**match) for bone, match in data.pop(key).items()}
                for key in sorted(k for k in data if k.startswith("stage"))
            ),
            offset={b: Offset(_three(o["pos"]), _four(o["quat"])) for b, o in data.pop("offset").items()},
            points={b: Point(p["body"], _three(p["pos"])) for b, p in data.pop("points").items()},
            joint_range={j: (float(lo), float(hi)) for j, (lo, hi) in data.pop("joint_range").items()},
            **data,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(path, f"this is no preset ({type(error).__name__}: {error}).") from error
    check(table, robot, path)
    return table


def _parsed(path: Path) -> dict[str, Any]:
    """A JSON or TOML file's top level."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise FormatError(path, str(error)) from error
    if not isinstance(data, dict):
        raise FormatError(path, "the file holds no table.")
    return data


def _toml(data: Mapping[str, Any], above: tuple[str, ...] = ()) -> list[str]:
    """A nested mapping as lines of TOML, whose strings, numbers and lists are JSON's."""
    lines = [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in data.items() if not isinstance(v, Mapping)]
    if above and (lines or not data):
        lines.insert(0, f"\n[{'.'.join(json.dumps(name) for name in above)}]")
    for key, value in data.items():
        if isinstance(value, Mapping):
            lines += _toml(value, (*above, key))
    return lines


def _three(v: Any) -> tuple[float, float, float]:
    x, y, z = (float(c) for c in v)
    return x, y, z


def _four(q: Any) -> tuple[float, float, float, float]:
    w, x, y, z = (float(c) for c in q)
    return w, x, y, z
