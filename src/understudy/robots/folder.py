"""A robot folder, read and checked: a model file that MuJoCo compiles, ``robot.toml`` and ``NOTICE``.

Everything that the model can say comes from the compiled model. ``robot.toml`` adds the rest; a key that
nobody reads, a name that does not exist and a number that is not finite are errors, so that a typing
mistake cannot pass for a setting.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from understudy.errors import FormatError
from understudy.motion.landmarks import LANDMARKS, Landmarks
from understudy.robots.robot import Doubt, Foot, Robot
from understudy.rotations import quat_conj

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

NEEDED = {"model", "height", "hands", "harmless_contacts", "t_pose", "velocity_limit", "landmarks"}
KEYS = NEEDED | {"feet", "fixed_base", "doubts"}
SIDES = {"left", "right"}


def read(folder: Path) -> Robot:
    """The robot of a folder; the folder's name is the robot's. Raises FormatError, which names the file."""
    path = folder / "robot.toml"
    try:
        text = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise FormatError(path, str(error)) from error
    _keys(path, "the top level", text, KEYS, NEEDED)
    model = _compile(folder / text["model"])
    joints, bodies = (
        _joints(folder / text["model"], model),
        _names(model, mujoco.mjtObj.mjOBJ_BODY, model.nbody)[1:],
    )
    t_pose = np.array([text["t_pose"].get(j, 0.0) for j in joints])
    _known(path, "t_pose", "joint", text["t_pose"], joints)
    _finite(path, "t_pose", t_pose, (len(joints),))
    _known(path, "hands", "body", text["hands"], bodies)
    for pair in text["harmless_contacts"]:
        _known(path, "harmless_contacts", "body", pair, bodies)
    return Robot(
        name=folder.name,
        model=model,
        joints=joints,
        bodies=bodies,
        lower=model.jnt_range[1:, 0].astype(np.float32),
        upper=model.jnt_range[1:, 1].astype(np.float32),
        velocity_limit=_velocity_limit(path, text["velocity_limit"], joints),
        effort_limit=_effort_limit(folder / text["model"], model),
        home=_home(folder / text["model"], model),
        t_pose=t_pose.astype(np.float32),
        height=float(_finite(path, "height", text["height"], ())),
        landmarks=_landmarks(path, text["landmarks"], model, bodies, t_pose),
        feet=_feet(path, text.get("feet", {}), bodies),
        hands=frozenset(text["hands"]),
        harmless_contacts=frozenset(frozenset(pair) for pair in text["harmless_contacts"]),
        notice=(folder / "NOTICE").read_text(encoding="utf-8"),
        fixed_base=_flag(path, "fixed_base", text.get("fixed_base", False)),
        doubts=tuple(_doubt(path, doubt) for doubt in text.get("doubts", [])),
    )


def _compile(path: Path) -> mujoco.MjModel:
    try:
        return mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:  # MuJoCo's own report of a bad or missing model file
        raise FormatError(path, str(error)) from error


def _names(model: mujoco.MjModel, kind: mujoco.mjtObj, count: int) -> tuple[str, ...]:
    return tuple(mujoco.mj_id2name(model, kind, i) for i in range(count))


def _joints(path: Path, model: mujoco.MjModel) -> tuple[str, ...]:
    free, hinge, slide = mujoco.mjtJoint.mjJNT_FREE, mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE
    names = _names(model, mujoco.mjtObj.mjOBJ_JOINT, model.njnt)
    if model.njnt == 0 or model.jnt_type[0] != free or not np.isin(model.jnt_type[1:], (hinge, slide)).all():
        raise FormatError(
            path, "a robot needs one floating base (free joint) first, then hinges and slides only."
        )
    for name, limited, (lower, upper) in zip(
        names[1:], model.jnt_limited[1:], model.jnt_range[1:], strict=True
    ):
        if not limited or not np.isfinite((lower, upper)).all() or lower >= upper:
            raise FormatError(path, f"joint {name!r} needs a finite range.")
    return names[1:]


def _home(path: Path, model: mujoco.MjModel) -> np.ndarray:
    if "home" not in _names(model, mujoco.mjtObj.mjOBJ_KEY, model.nkey):
        raise FormatError(
            path, "the model needs a keyframe named 'home': the pose in which the robot stands by itself."
        )
    return model.key("home").qpos.astype(np.float32)


def _effort_limit(path: Path, model: mujoco.MjModel) -> np.ndarray:
    """Largest torque (Nm) or force (N) at each joint, from its motor and gear or its own bound."""
    limit = np.where(model.jnt_actfrclimited, np.abs(model.jnt_actfrcrange).max(axis=1), np.inf)
    for i in np.flatnonzero(model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT):
        if model.actuator_forcelimited[i]:
            joint = model.actuator_trnid[i, 0]
            torque = np.abs(model.actuator_forcerange[i]).max() * abs(model.actuator_gear[i, 0])
            limit[joint] = min(limit[joint], torque)
    for joint in range(1, model.njnt):
        if not np.isfinite(limit[joint]):
            raise FormatError(path, f"joint {model.joint(joint).name!r} has no motor with a forcerange.")
    return limit[1:].astype(np.float32)


def _velocity_limit(path: Path, patterns: Mapping[str, float], joints: Sequence[str]) -> np.ndarray:
    limit = np.zeros(len(joints), dtype=np.float32)
    for i, joint in enumerate(joints):
        hits = [value for pattern, value in patterns.items() if re.fullmatch(pattern, joint)]
        if len(hits) != 1:
            raise FormatError(
                path, f"joint {joint!r} matches {len(hits)} patterns of [velocity_limit] and needs one."
            )
        limit[i] = _finite(path, "velocity_limit", hits[0], ())
    if (limit <= 0).any():
        raise FormatError(path, "a speed in [velocity_limit] is not positive.")
    return limit


def _feet(path: Path, feet: Mapping[str, Any], bodies: Sequence[str]) -> dict[str, Foot]:
    """Both feet, or none for a robot without legs."""
    if feet:
        _keys(path, "[feet]", feet, SIDES, SIDES)
    return {side: _foot(path, side, foot, bodies) for side, foot in feet.items()}


def _flag(path: Path, key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise FormatError(path, f"{key} is true or false; got {value!r}.")
    return value


def _doubt(path: Path, doubt: Any) -> Doubt:
    words = {"about", "says", "settle"}
    if not isinstance(doubt, Mapping) or not all(isinstance(value, str) for value in doubt.values()):
        raise FormatError(path, f"each of [[doubts]] is a table of words; got {doubt!r}.")
    _keys(path, "one of [[doubts]]", doubt, words, words)
    return Doubt(**doubt)


def _foot(path: Path, side: str, foot: Mapping[str, Any], bodies: Sequence[str]) -> Foot:
    where = f"[feet.{side}]"
    _keys(path, where, foot, {"body", "sole"}, {"body", "sole"})
    _known(path, where, "body", [foot["body"]], bodies)
    sole = _finite(path, where, foot["sole"], (len(foot["sole"]), 3))
    if len(sole) < 3:
        raise FormatError(path, f"{where} needs at least three corners.")
    return Foot(foot["body"], sole.astype(np.float32))


def _landmarks(
    path: Path, table: Mapping[str, Any], model: mujoco.MjModel, bodies: Sequence[str], t_pose: np.ndarray
) -> Landmarks:
    """Landmarks whose frames equal the world's when the root stands upright at the origin in the T-pose."""
    _known(path, "[landmarks]", "landmark", table, LANDMARKS)
    names = tuple(name for name in LANDMARKS if name in table)
    for name in names:
        _keys(path, f"landmark {name!r}", table[name], {"body", "pos"}, {"body", "pos"})
        _known(path, f"landmark {name!r}", "body", [table[name]["body"]], bodies)
    pos = [_finite(path, f"landmark {name!r}", table[name]["pos"], (3,)) for name in names]
    carriers = np.array([bodies.index(table[name]["body"]) for name in names])
    data = mujoco.MjData(model)
    data.qpos[:7] = (0, 0, 0, 1, 0, 0, 0)
    data.qpos[7:] = t_pose
    mujoco.mj_kinematics(model, data)
    quat = quat_conj(data.xquat[1:][carriers])
    return Landmarks(names, carriers, np.array(pos, dtype=np.float32), quat.astype(np.float32))


def _keys(path: Path, where: str, given: Mapping[str, Any], known: set[str], needed: set[str]) -> None:
    if extra := sorted(set(given) - known):
        raise FormatError(
            path, f"{where} has the unknown key {extra[0]!r}; known: {', '.join(sorted(known))}."
        )
    if missing := sorted(needed - set(given)):
        raise FormatError(path, f"{where} lacks the key {missing[0]!r}.")


def _known(path: Path, where: str, kind: str, given: Any, known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise FormatError(path, f"{where} names the {kind} {name!r}, which does not exist.")


def _finite(path: Path, where: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if array.shape != shape or not np.isfinite(array).all():
        raise FormatError(path, f"{where} needs finite numbers of shape {shape}; got {value!r}.")
    return array
