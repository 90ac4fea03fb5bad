"""A model file, MJCF or URDF, compiled by MuJoCo whatever state its meshes are in.

What a robot folder has no use for is dealt with here: meshes that are missing, of a format that MuJoCo does not read
or too large for it; textures that are missing; visual geoms that MuJoCo would leave out of a URDF.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from understudy.errors import FormatError
from understudy.robots.onboarding.mesh_files import readable
from understudy.robots.robot import Doubt

_SPEC: Any = mujoco.MjSpec  # its type stubs leave out from_file and from_string
_NUMBERS = (
    *(
        "body_pos",
        "body_quat",
        "body_ipos",
        "body_iquat",
        "body_mass",
        "body_inertia",
        "geom_pos",
        "geom_quat",
    ),
    *("geom_size", "jnt_pos", "jnt_axis", "jnt_range", "mesh_vert"),
)
_LARGEST = 1e4  # m, kg or kg m²
_PLACEHOLDER = (
    1000.0  # no motor of a humanoid is that fast (rad/s) or that strong (Nm): a limit nobody filled in
)


@dataclass(frozen=True, eq=False)
class Source:
    """What a file says: the compiled ``model``; of a URDF also each joint's ``speed`` (rad/s) and ``effort`` (Nm).

    ``coupled`` are joints that the file ties to others, and to which. ``welds`` says whether bodies without a joint are
    mere frames of a URDF, to be merged into their parents.
    """

    path: Path
    model: mujoco.MjModel
    speed: dict[str, float]
    effort: dict[str, float]
    coupled: dict[str, str]
    welds: bool
    doubts: tuple[Doubt, ...]


def read(path: Path) -> Source:
    """Compile a model file. Raises FormatError for one that cannot be read."""
    if not path.is_file():
        raise FormatError(
            path, "there is no such file; give a robot's model file, MJCF (.xml) or URDF (.urdf)."
        )
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, UnicodeDecodeError, ValueError, LookupError) as error:
        line = error.position[0] if isinstance(error, ET.ParseError) else None
        raise FormatError(path, f"it is not XML ({error}); a model is MJCF or URDF.", line) from error
    if root.tag == "mujoco":
        return _read_mjcf(path)
    if root.tag == "robot":
        return _read_urdf(path, root)
    raise FormatError(path, f"its first tag is <{root.tag}>; a model has <mujoco> (MJCF) or <robot> (URDF).")


def _read_mjcf(path: Path) -> Source:
    try:
        spec = _SPEC.from_file(str(path))
    except ValueError as error:
        raise FormatError(path, f"MuJoCo cannot read it: {error}") from error
    folder = path.parent / spec.meshdir
    spec.meshdir = ""
    lost, assets = [], {}
    for mesh in list(spec.meshes):
        if not mesh.file:
            continue
        mesh.name = mesh.name or Path(mesh.file).stem  # the name that MuJoCo gives it by the file
        file = folder / mesh.file if (folder / mesh.file).is_file() else path.parent / mesh.file
        name, content = readable(file)
        if content is not None:
            assets[name] = content
            mesh.file = name
        elif name:
            mesh.file = name
        else:
            lost.append(mesh.file)
            for geom in [g for g in spec.geoms if g.meshname == mesh.name]:
                spec.delete(geom)
            spec.delete(mesh)
    for skin in list(spec.skins):
        spec.delete(skin)
    for texture in spec.textures:
        if texture.file or any(texture.cubefiles):
            texture.file, texture.builtin = "", mujoco.mjtBuiltin.mjBUILTIN_FLAT
            texture.cubefiles = [""] * len(texture.cubefiles)
            texture.width = texture.height = 8
    spec.assets = {**spec.assets, **assets}
    _forgive(spec)
    model = _compile(path, spec)
    return Source(path, model, {}, {}, _coupled(model), False, _doubts(lost, model))


def _read_urdf(path: Path, root: ET.Element) -> Source:
    if any("xacro" in tag for tag in (element.tag for element in root.iter())):
        raise FormatError(path, "it is a xacro macro file; expand it first: xacro robot.xacro > robot.urdf")
    lost, assets = [], {}
    for parent in list(root.iter()):
        for shape in [c for c in parent if c.tag in ("visual", "collision")]:
            for mesh in shape.iter("mesh"):
                name, content = readable(_resolve(path, mesh.get("filename", "")))
                if content is not None:
                    assets[name] = content
                if name:
                    mesh.set("filename", name)
                else:
                    lost.append(mesh.get("filename", ""))
                    parent.remove(shape)
                    break
    for old in root.findall("mujoco"):
        root.remove(old)
    flags = {"discardvisual": "false", "fusestatic": "false", "strippath": "false", "balanceinertia": "true"}
    ET.SubElement(ET.SubElement(root, "mujoco"), "compiler", flags)
    try:
        spec = _SPEC.from_string(ET.tostring(root, encoding="unicode"), assets=assets)
    except ValueError as error:
        raise FormatError(path, f"MuJoCo cannot read it: {error}") from error
    _forgive(spec)
    model = _compile(path, spec)
    limits = {j.get("name", ""): j.find("limit") for j in root.iter("joint")}
    coupled = {
        j.get("name", ""): mimic.get("joint", "")
        for j in root.iter("joint")
        if (mimic := j.find("mimic")) is not None
    }
    return Source(
        path,
        model,
        _numbers(limits, "velocity"),
        _numbers(limits, "effort"),
        {**_coupled(model), **coupled},
        True,
        _doubts(lost, model),
    )


def _resolve(path: Path, name: str) -> Path:
    """The file that a URDF means: ``package://name/rest`` is looked for in the folders above the URDF."""
    bare = name.removeprefix("file://")
    if not bare.startswith("package://"):
        return Path(bare) if Path(bare).is_absolute() else path.parent / bare
    package, _, rest = bare.removeprefix("package://").partition("/")
    for folder in path.resolve().parents:
        for file in (folder / package / rest, folder / rest):
            if file.is_file():
                return file
    return path.parent / rest


def _forgive(spec: mujoco.MjSpec) -> None:
    """Accept links whose inertia nobody filled in; whether the masses are plausible is asked later."""
    spec.compiler.boundmass = max(spec.compiler.boundmass, 1e-4)
    spec.compiler.boundinertia = max(spec.compiler.boundinertia, 1e-8)
    spec.compiler.balanceinertia = True


def _compile(path: Path, spec: mujoco.MjSpec) -> mujoco.MjModel:
    for key in list(spec.keys):
        spec.delete(key)
    try:
        model = spec.compile()
    except ValueError as error:  # MuJoCo's own report
        raise FormatError(path, f"MuJoCo cannot compile it: {error}") from error
    for field in _NUMBERS:
        values = getattr(model, field)
        if not (np.abs(values) < _LARGEST).all():  # nan too
            raise FormatError(
                path, f"a number ({field} of the compiled model) is not finite or beyond all measure."
            )
    return model


def _coupled(model: mujoco.MjModel) -> dict[str, str]:
    """Joints that an equality ties to another one."""
    ties = range(model.neq)
    return {
        model.joint(model.eq_obj1id[i]).name: model.joint(model.eq_obj2id[i]).name
        for i in ties
        if model.eq_type[i] == mujoco.mjtEq.mjEQ_JOINT and model.eq_obj2id[i] >= 0
    }


def _numbers(limits: dict[str, ET.Element | None], key: str) -> dict[str, float]:
    """One attribute of every joint's limit, where it is a number that a motor can have."""
    found = {}
    for name, limit in limits.items():
        try:
            value = float(limit.get(key, "nan")) if limit is not None else float("nan")
        except ValueError:
            continue
        if 0 < value < _PLACEHOLDER:
            found[name] = value
    return found


def _doubts(lost: list[str], model: mujoco.MjModel) -> tuple[Doubt, ...]:
    doubts = []
    if lost:
        some = ", ".join(sorted(set(lost))[:3])
        doubts.append(
            Doubt(
                "meshes",
                f"{len(set(lost))} mesh files were not found beside the model ({some}, …); links that have no other "
                "shape have none here, so that soles, height and collisions may be wrong.",
                "# put the meshes where the model file says and onboard again",
            )
        )
    loops = [
        i for i in range(model.neq) if model.eq_type[i] in (mujoco.mjtEq.mjEQ_CONNECT, mujoco.mjtEq.mjEQ_WELD)
    ]
    if loops:
        doubts.append(
            Doubt(
                "closed loops",
                f"the file closes {len(loops)} loops (parallel linkages) by constraints. A robot folder is a tree: the "
                "joints on the way to hands and feet stay, as if each had a motor of its own, and the rods are frozen.",
                "# nothing to write: check that the ranges of the remaining joints are those that the linkage allows",
            )
        )
    return tuple(doubts)
