"""Acclaim motion (.amc) on its skeleton (.asf), as the CMU set has it.

An AMC holds angles alone, without a frame rate; the bones are in an ASF file. Each bone becomes a joint where it
starts, and each last bone one more where it ends.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, LimitError, UnderstudyError
from understudy.motion.formats.acclaim_body import CMU_UNIT, AcclaimBody, acclaim_motion
from understudy.motion.formats.amc_text import read_amc
from understudy.motion.formats.asf import Asf, read_asf, turns
from understudy.motion.formats.bvh_settle import WORLD_AXES
from understudy.motion.formats.doors import existing_file
from understudy.motion.types import HumanMotion, Origin
from understudy.rotations import quat_conj, quat_mul

CMU_RATES = {"60": 60.0, "61": 60.0}
"""Frames a second of those CMU subjects that were not taken at 120."""
CMU_RATE = 120.0


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
    body = _body(asf)
    pos, quat = _local(asf, channels, body)
    options = {"skeleton": skeleton and str(skeleton), "fps": fps, "unit": unit, "up": up}
    origin = Origin(source=path.name, inferred=inferred | {"skeleton": found})
    origin = origin.after("read", format="amc", **options)
    return acclaim_motion(path, body, pos, quat, rate, unit=unit, stated_unit=asf.unit, up=up, origin=origin)


def _check_options(fps: float | None, unit: float | None, up: str | None) -> None:
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise LimitError(f"fps must be a positive number of frames a second; got {fps}.")
    if unit is not None and not (np.isfinite(unit) and unit > 0):
        raise LimitError(f"unit is the length of one unit of the files in metres, above zero; got {unit}.")
    if up is not None and up not in WORLD_AXES:
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


def _body(asf: Asf) -> AcclaimBody:
    """The root, the bones, and the ends of the last bones."""
    names = ["root", *(bone.name for bone in asf.bones)]
    parents = [-1, *(p + 1 for p in asf.parents)]
    reach = [np.zeros(3), *(bone.direction * bone.length for bone in asf.bones)]
    offsets = [np.zeros(3), *(reach[p] for p in parents[1:])]
    for j in sorted(set(range(1, len(names))) - set(parents)):
        if reach[j].any() and f"{names[j]}_end" not in names:
            names.append(f"{names[j]}_end")
            parents.append(j)
            offsets.append(reach[j])
    return AcclaimBody(asf.path.stem, tuple(names), np.array(parents, np.int64), np.array(offsets))


def _local(
    asf: Asf, channels: dict[str, np.ndarray], body: AcclaimBody
) -> tuple[Float[np.ndarray, "time joint 3"], Float[np.ndarray, "time joint 4"]]:
    """Local positions (file units) and rotations. A bone turns about its own tilted axes: C M C⁻¹."""
    root = channels["root"]
    pos = np.repeat(body.offsets[None], len(root), axis=0)
    quat = np.zeros((*pos.shape[:2], 4))
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
