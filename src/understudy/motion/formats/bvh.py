"""BVH as the world writes it, in and out.

A BVH file says neither its unit nor its axes, and often not even its frame rate truthfully. The reader
settles what is open from the body itself and says in ``origin.inferred`` what it concluded and why; each
conclusion has an option that overrides it. End Sites become joints named ``<joint>_end``, so that head tops,
toes and fingertips are known; End Sites of length zero say nothing and are dropped.
"""

from pathlib import Path

import numpy as np

from understudy.errors import FormatError, LimitError, SkeletonMismatch, UnderstudyError
from understudy.motion.biped import Biped, find_landmarks
from understudy.motion.calibrate import calibrate
from understudy.motion.files import atomic_path
from understudy.motion.formats import bvh_pose as pose
from understudy.motion.formats import bvh_settle as settle
from understudy.motion.formats import bvh_write
from understudy.motion.formats.bvh_text import BvhText, parse
from understudy.motion.types import HumanMotion, Origin, RobotMotion, Skeleton

SLOWEST, FASTEST = 1.0, 2000.0
"""Frame rates outside of this are mistakes."""
SAMPLES = 200
"""Poses that are looked at to find the body."""


def read(
    path: str | Path,
    *,
    unit: float | None = None,
    up: str | None = None,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
) -> HumanMotion:
    """Read a BVH file into the world frame: z up, metres; a body facing +z of a y-up file faces x.

    ``unit`` is the length of one unit of the file in metres, ``up`` its vertical axis ("x", "y" or "z"),
    ``fps`` its true frame rate (1/s); each is settled from the file if it is not given. ``start`` and ``end``
    (s, on the file's own clock) cut the clip, after its landmarks have been settled from the whole of it.
    Without ``start``, leading frames that are a T-pose and no motion are dropped; ``start=0`` keeps them.

    Raises FormatError, with the line where there is one, and LimitError for options that fit no file.
    """
    _check_options(unit, up, fps)
    options = {"unit": unit, "up": up, "fps": fps, "start": start, "end": end}
    text = parse(path)
    rate, inferred = _rate(text, fps)
    joints = pose.informative(text.joints)
    names = tuple(j.name for j in joints)
    parents, offsets = pose.parents_of(joints), pose.offsets_of(joints)
    moving = pose.translated(joints)
    if not offsets[1:].any() and len(moving) < 2:
        raise FormatError(text.path, "every bone has length zero; there is no body in this file.", 1)
    turns = pose.local_quat(text, joints)
    shifts = pose.local_pos(text, joints)
    pos, quat = pose.world_poses(parents, shifts, turns)
    biped = _find(text, names, parents, pos)
    rest = pose.rest_positions(parents, offsets)
    up, inferred["up"] = (up, f"{up}: as given") if up else settle.settle_up(biped, rest, _sample(pos))
    scale, inferred["unit"] = (
        (unit, f"{unit:g} m: as given") if unit else settle.settle_unit(biped, _sample(pos))
    )
    carriers = [j for j in moving if j in _ancestors(parents, biped.joints["pelvis"])]
    relative, inferred["root position"] = settle.settle_translations(
        biped, moving, carriers, offsets, shifts, pos, up
    )
    if relative:
        pos, quat = pose.world_poses(parents, pose.local_pos(text, joints, relative), turns)
    first, inferred["first frame"] = settle.settle_first_frame(biped, pos, up, rate)

    rest, offsets = (scale * settle.to_world_axes(v, up) for v in (rest, offsets))
    pos, quat = scale * settle.to_world_axes(pos, up), settle.to_world_quat(quat, up)
    found = calibrate(biped, names, rest, pos, quat, rate, first)
    inferred["landmarks"] = f"{biped.how}; {found.how}"
    inferred["placed"] = "; ".join(f"{name}: {how}" for name, how in found.placed.items())
    inferred |= {"sides": biped.warning} if biped.warning else {}
    inferred |= {"names": f"repeated names were numbered: {', '.join(text.renamed)}"} if text.renamed else {}
    offsets[0] = 0.0
    skeleton = Skeleton(text.path.stem, names, parents, offsets.astype(np.float32), found.landmarks)
    cut, inferred["first frame"] = _cut(text, len(pos), rate, first, start, end, inferred["first frame"])
    origin = Origin(source=text.path.name, inferred=inferred).after("read", format="bvh", **options)
    return HumanMotion(skeleton, rate, pos[cut], quat[cut], origin=origin)


def write(motion: HumanMotion | RobotMotion, path: str | Path) -> None:
    """Write a BVH file with y up, in centimetres, angles in the order Z X Y, joints depth first.

    Poses and frame rate survive; landmarks, tracks and origin do not, for BVH has no place for them. Joints
    other than the root get position channels only if their place in the parent's frame changes.
    """
    if not isinstance(motion, HumanMotion):
        raise UnderstudyError(
            f"Cannot write {path}: BVH holds human motion, and this is a robot's. Use .npz."
        )
    lines = bvh_write.lines(motion)
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _check_options(unit: float | None, up: str | None, fps: float | None) -> None:
    if unit is not None and not (np.isfinite(unit) and unit > 0):
        raise LimitError(f"unit is the length of one unit of the file in metres, above zero; got {unit}.")
    if up is not None and up not in settle.WORLD_AXES:
        raise LimitError(f"up must be one of 'x', 'y', 'z'; got {up!r}.")
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise LimitError(f"fps must be a positive number of frames a second; got {fps}.")


def _rate(text: BvhText, fps: float | None) -> tuple[float, dict[str, str]]:
    """Frames a second; whole, if a whole rate could have been written with these digits."""
    if fps is not None:
        return float(fps), {"fps": f"{fps:g}: as given"}
    time = text.frame_time
    if not (np.isfinite(time) and 1 / FASTEST <= time <= 1 / SLOWEST):
        problem = f"a frame time of {time:g} s is not that of a motion; give the true rate with --source-fps."
        raise FormatError(text.path, problem, text.frame_time_line)
    rate = 1.0 / time
    if abs(1.0 / round(rate) - time) <= text.frame_time_step:
        rate = float(round(rate))
    return rate, {"fps": f"{rate:g}: the file's frame time is {time:g} s"}


def _find(text: BvhText, names: tuple[str, ...], parents: np.ndarray, pos: np.ndarray) -> Biped:
    try:
        return find_landmarks(names, parents, _sample(pos))
    except SkeletonMismatch as error:
        raise FormatError(text.path, str(error)) from error


def _sample(pos: np.ndarray) -> np.ndarray:
    return pos[np.unique(np.linspace(0, len(pos) - 1, SAMPLES).astype(int))]


def _ancestors(parents: np.ndarray, joint: int) -> set[int]:
    out = {joint}
    while parents[joint] >= 0:
        joint = int(parents[joint])
        out.add(joint)
    return out


def _cut(
    text: BvhText, frames: int, rate: float, first: int, start: float | None, end: float | None, said: str
) -> tuple[slice, str]:
    """The frames to keep. Times are on the file's own clock, where frame 0 is at 0 s."""
    begin = first if start is None else round(start * rate)
    stop = frames if end is None else min(frames, round(end * rate) + 1)
    if begin < 0 or begin >= stop:
        raise LimitError(
            f"{text.path}: nothing lies between start {start} s and end {end} s; "
            f"the file lasts {(frames - 1) / rate:.3f} s."
        )
    return slice(begin, stop), said if start is None else f"{begin + 1}: as given"
