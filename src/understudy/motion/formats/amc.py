"""Acclaim motion (.amc) on its skeleton (.asf), as the CMU set has it.

An AMC holds angles alone, without a frame rate; the bones are in an ASF file. Each bone becomes a joint where it
starts, and each last bone one more where it ends.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, LimitError, SkeletonMismatch, UnderstudyError
from understudy.motion.biped import Biped, find_landmarks
from understudy.motion.calibrate import calibrate
from understudy.motion.formats import bvh_settle as settle
from understudy.motion.formats.amc_text import read_amc
from understudy.motion.formats.asf import Asf, read_asf, turns
from understudy.motion.formats.bvh_pose import rest_positions, world_poses
from understudy.motion.formats.doors import existing_file
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import points_of, stature
from understudy.motion.types import HumanMotion, Origin, Skeleton
from understudy.rotations import quat_conj, quat_mul

CMU_RATES = {"60": 60.0, "61": 60.0}
"""Frames a second of those CMU subjects that were not taken at 120."""
CMU_RATE = 120.0
CMU_UNIT = 0.0254 / 0.45
SAMPLES = 200
"""Poses that are looked at to find the body."""


def read(
    path: str | Path,
    *,
    skeleton: str | Path | None = None,
    fps: float | None = None,
    unit: float | None = None,
    up: str | None = None,
) -> HumanMotion:
    """Read a clip into the world frame: z up, metres; a body facing +z of a y-up file faces x.

    ``skeleton`` is the .asf; without it, the one beside the clip with whose name the clip's begins (``07.asf`` for
    ``07_02.amc``), or the only one there. ``fps`` is the frame rate (1/s), which CMU's skeletons imply and others do
    not; ``unit`` the length of one unit in metres and ``up`` the vertical axis, if the files are wrong about them.

    Raises UnderstudyError if no skeleton is found, FormatError with the line, LimitError for impossible options.
    """
    path = existing_file(path)
    _check_options(fps, unit, up)
    asf, found = _skeleton(path, skeleton)
    rate, inferred = _rate(path, asf, fps)
    channels = read_amc(path, asf)
    names, parents, offsets = _joints(asf)
    shifts, quat = _local(asf, channels, offsets, len(names))
    pos, quat = world_poses(parents, shifts, quat)
    biped = _find(path, names, parents, pos)
    rest = rest_positions(parents, offsets)
    up, inferred["up"] = (up, f"{up}: as given") if up else settle.settle_up(biped, rest, _sample(pos))
    scale, inferred["unit"] = _unit(asf, biped, pos, unit)
    rest, offsets = (scale * settle.to_world_axes(v, up) for v in (rest, offsets))
    pos, quat = scale * settle.to_world_axes(pos, up), settle.to_world_quat(quat, up)
    known = calibrate(biped, names, rest, pos, quat, rate)
    inferred |= {"skeleton": found, "landmarks": f"{biped.how}; {known.how}"}
    inferred["placed"] = "; ".join(f"{name}: {how}" for name, how in known.placed.items())
    inferred |= {"sides": biped.warning} if biped.warning else {}
    body = Skeleton(asf.path.stem, names, parents, offsets.astype(np.float32), known.landmarks)
    options = {"skeleton": skeleton and str(skeleton), "fps": fps, "unit": unit, "up": up}
    origin = Origin(source=path.name, inferred=inferred).after("read", format="amc", **options)
    return HumanMotion(body, rate, pos, quat, origin=origin)


def _check_options(fps: float | None, unit: float | None, up: str | None) -> None:
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise LimitError(f"fps must be a positive number of frames a second; got {fps}.")
    if unit is not None and not (np.isfinite(unit) and unit > 0):
        raise LimitError(f"unit is the length of one unit of the files in metres, above zero; got {unit}.")
    if up is not None and up not in settle.WORLD_AXES:
        raise LimitError(f"up must be one of 'x', 'y', 'z'; got {up!r}.")


def _skeleton(path: Path, given: str | Path | None) -> tuple[Asf, str]:
    """The skeleton of a clip, and how it was found."""
    if given is not None:
        return read_asf(given), f"{Path(given).name}: as given"
    beside = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    same = [p for p in beside if _begins(path.stem, p.stem)]
    if same:
        best = max(same, key=lambda p: len(p.stem))
        return read_asf(best), f"{best.name}: the clip's name begins with its name"
    if len(beside) == 1:
        return read_asf(beside[0]), f"{beside[0].name}: the only one in the folder"
    there = (
        f"in its folder there are: {', '.join(p.name for p in beside)}" if beside else "its folder has none"
    )
    raise UnderstudyError(
        f"{path} needs the skeleton that it was recorded on, an .asf file; {there}. Give it with the option "
        "'skeleton' (--skeleton)."
    )


def _begins(stem: str, with_this: str) -> bool:
    """``07_02`` begins with ``07`` and ``walk3`` with ``walk``, but ``110_2`` not with ``11``."""
    rest = stem.removeprefix(with_this)
    return stem.startswith(with_this) and not (with_this[-1:].isdecimal() and rest[:1].isdecimal())


def _rate(path: Path, asf: Asf, fps: float | None) -> tuple[float, dict[str, str]]:
    if fps is not None:
        return float(fps), {"fps": f"{fps:g}: as given"}
    if asf.name.upper() != "VICON" or not np.isclose(asf.unit, CMU_UNIT):
        raise FormatError(
            path,
            "the format has no frame rate, and the skeleton is not CMU's, which would imply 120. Give the rate with "
            "the option 'fps' (--source-fps).",
        )
    rate = CMU_RATES.get(path.stem.split("_")[0], CMU_RATE)
    return rate, {
        "fps": f"{rate:g}: the CMU database's rate, for the skeleton is one of its; the file has none"
    }


def _joints(asf: Asf) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Names, parents and offsets (in the file's units) of the root, the bones, and the ends of the last bones."""
    names = ["root", *(bone.name for bone in asf.bones)]
    parents = [-1, *(p + 1 for p in asf.parents)]
    reach = [np.zeros(3), *(bone.direction * bone.length for bone in asf.bones)]
    offsets = [np.zeros(3), *(reach[p] for p in parents[1:])]
    for j in range(1, len(names)):
        if j not in parents[: len(asf.bones) + 1] and reach[j].any() and f"{names[j]}_end" not in names:
            names.append(f"{names[j]}_end")
            parents.append(j)
            offsets.append(reach[j])
    return tuple(names), np.array(parents, np.int64), np.array(offsets)


def _local(
    asf: Asf, channels: dict[str, np.ndarray], offsets: Float[np.ndarray, "joint 3"], joints: int
) -> tuple[Float[np.ndarray, "time joint 3"], Float[np.ndarray, "time joint 4"]]:
    """Local positions (file units) and rotations. A bone turns about its own tilted axes: C M C⁻¹."""
    root = channels["root"]
    pos = np.repeat(offsets[None], len(root), axis=0)
    quat = np.zeros((len(root), joints, 4))
    quat[..., 0] = 1.0
    pos[:, 0] = root[:, [asf.order.index(t) for t in ("tx", "ty", "tz")]]
    rotations = [(k, word[1]) for k, word in enumerate(asf.order) if word[0] == "r"]
    spun = turns("".join(axis for _, axis in rotations), _radians(asf, root[:, [k for k, _ in rotations]]))
    quat[:, 0] = quat_mul(spun, asf.axis)
    for j, bone in enumerate(asf.bones, start=1):
        if bone.dof:
            spun = turns("".join(word[1] for word in bone.dof), _radians(asf, channels[bone.name]))
            quat[:, j] = quat_mul(quat_mul(bone.axis, spun), quat_conj(bone.axis))
    return pos, quat


def _radians(asf: Asf, angles: np.ndarray) -> np.ndarray:
    return np.radians(angles) if asf.degrees else angles


def _find(path: Path, names: tuple[str, ...], parents: np.ndarray, pos: np.ndarray) -> Biped:
    """The body. Acclaim's forearm is two bones, the second of which twists: the hand bends where that one ends."""
    try:
        biped = find_landmarks(names, parents, _sample(pos))
    except SkeletonMismatch as error:
        raise FormatError(path, str(error)) from error
    wrists = {}
    for side in SIDES:
        hand = f"{side[0]}hand"
        if names[biped.joints[f"{side}_wrist"]] == f"{side[0]}wrist" and hand in names:
            wrists[f"{side}_wrist"] = names.index(hand)
    return replace(biped, joints=biped.joints | wrists)


def _unit(asf: Asf, biped: Biped, pos: np.ndarray, given: float | None) -> tuple[float, str]:
    if given is not None:
        return given, f"{given:g} m: as given"
    height = stature(points_of(biped, _sample(pos)))
    low, high = settle.HUMAN_STATURE
    if low <= height * asf.unit <= high:
        return (
            asf.unit,
            f"{100 * asf.unit:.4g} cm, as the skeleton says: the body is {height * asf.unit:.2f} m tall",
        )
    return settle.settle_unit(biped, _sample(pos))


def _sample(pos: np.ndarray) -> np.ndarray:
    return pos[np.unique(np.linspace(0, len(pos) - 1, SAMPLES).astype(int))]
