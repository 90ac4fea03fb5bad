"""ProtoMotions' packaged library (.pt): many clips of one robot end to end, as a torch file of one dict.

``gts``, ``grs`` (xyzw), ``gvs``, ``gavs`` hold the bodies and ``dps``, ``dvs`` the joints of all clips, as in a
``.motion`` file; ``motion_num_frames`` and ``length_starts`` say which frames are whose, ``motion_dt`` the step (s),
``motion_files`` the names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError, UnderstudyError
from understudy.motion.bodies import BodyTracks
from understudy.motion.formats.doors import (
    existing_file,
    named_joints,
    numbers_of,
    robot_motion,
    robot_only,
)
from understudy.motion.formats.libraries import chosen
from understudy.motion.formats.protomotions import LABELS, robot_state, root_of
from understudy.motion.formats.torch_file import entries, read_torch
from understudy.motion.formats.torch_write import write_torch
from understudy.motion.formats.tracking import needed_bodies
from understudy.motion.formats.unpickle import entry
from understudy.motion.types import HumanMotion, Origin, RobotMotion
from understudy.rotations import xyzw_to_wxyz

ENTRIES = {
    "gts": "rigid_body_pos",
    "grs": "rigid_body_rot",
    "gvs": "rigid_body_vel",
    "gavs": "rigid_body_ang_vel",
    "dps": "dof_pos",
    "dvs": "dof_vel",
    "contacts": "rigid_body_contacts",
}
"""The library's names, and those of a single file."""


def recognises(path: Path) -> bool:
    """A torch file with the poses of bodies and joints under the library's names."""
    return {"gts", "grs", "dps"} <= entries(path, LABELS)


def read(
    path: str | Path,
    *,
    clip: int | str | None = None,
    joints: Sequence[str] | None = None,
    robot: str | None = None,
) -> RobotMotion:
    """Read one clip: ``clip`` is its number from 0, or its name. ``joints`` and ``robot`` as for a single file."""
    path = existing_file(path)
    record = read_torch(path, LABELS)
    counts, starts = (_whole(record, key, path) for key in ("motion_num_frames", "length_starts"))
    steps = numbers_of(entry(record, "motion_dt", path), "motion_dt", path, ())
    if not len(counts) == len(starts) == len(steps) > 0:
        raise FormatError(path, "its lists of clips are empty or of unequal length.")
    names = _names(record, len(counts))
    k = chosen(clip, names, path)
    joint_pos, pos, quat = (_frames(record, key, path, starts[k], counts[k]) for key in ("dps", "gts", "grs"))
    joint_pos = numbers_of(joint_pos, "dps", path, (None,))
    if not steps[k] > 0:
        raise FormatError(path, f"clip {names[k]!r} has a step of {steps[k]:g} s.")
    return robot_motion(
        path,
        robot=robot,
        joints=named_joints(joints, joint_pos.shape[1], path),
        fps=_rate(steps[k]),
        root_pos=root_of(pos, "gts", path, 3),
        root_quat=xyzw_to_wxyz(root_of(quat, "grs", path, 4)),
        joint_pos=joint_pos,
        origin=Origin(source=f"{path.name}: {names[k]}"),
    )


def write(motion: HumanMotion | RobotMotion, path: str | Path, *, bodies: BodyTracks | None = None) -> None:
    """Write a library of one clip, with the poses of its ``bodies`` (``kinematics.body_tracks``)."""
    write_library([robot_only(motion, path)], path, [needed_bodies(bodies, path)])


def write_library(
    motions: Sequence[RobotMotion],
    path: str | Path,
    bodies: Sequence[BodyTracks],
    *,
    names: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
) -> None:
    """Write a library of clips of one robot, each at its own rate.

    ``names`` are kept as the clips' files; ``weights`` (1) say how often each is to be trained on.
    """
    if not motions or len({motion.joints for motion in motions}) > 1:
        raise UnderstudyError(f"Cannot write {path}: a library holds one or more clips of the same joints.")
    names = names or [Path(m.origin.source or f"clip_{k}").stem + ".motion" for k, m in enumerate(motions)]
    weights = weights or [1.0] * len(motions)
    if not len(motions) == len(bodies) == len(names) == len(weights):
        raise UnderstudyError(f"Cannot write {path}: every clip needs its bodies, a name and a weight.")
    states = [robot_state(motion, found, path) for motion, found in zip(motions, bodies, strict=True)]
    counts = np.array([motion.frames for motion in motions], np.int64)
    record: dict[str, Any] = {
        name: np.concatenate([state[single] for state in states]) for name, single in ENTRIES.items()
    }
    record |= {
        "length_starts": np.cumsum(counts) - counts,
        "motion_lengths": np.array([motion.duration for motion in motions], np.float32),
        "motion_dt": np.array([1.0 / motion.fps for motion in motions], np.float32),
        "motion_num_frames": counts,
        "motion_weights": np.array(weights, np.float32),
        "motion_files": tuple(names),
    }
    write_torch(record, path)


def _whole(record: Any, key: str, path: Path) -> list[int]:
    """A list of whole numbers. Raises FormatError for anything else."""
    array = entry(record, key, path)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise FormatError(
            path, f"{key!r} must be a list of whole numbers; found {array.dtype} {array.shape}."
        )
    return array.tolist()


def _frames(record: Any, key: str, path: Path, start: int, count: int) -> np.ndarray:
    """One clip's rows of an array. Raises FormatError if they are not all there."""
    array = entry(record, key, path)
    if array.ndim == 0 or count < 1 or not 0 <= start <= len(array) - count:
        raise FormatError(
            path, f"frames {start} to {start + count - 1} lie outside of {key!r} {array.shape}."
        )
    return array[start : start + count]


def _names(record: dict[str, Any], count: int) -> list[str]:
    files = record.get("motion_files")
    if isinstance(files, list | tuple) and len(files) == count:
        return [str(name) for name in files]
    return [f"clip_{k}" for k in range(count)]


def _rate(step: float) -> float:
    """Frames a second. The step is stored in single precision, which blurs whole rates."""
    rate = 1.0 / step
    return float(round(rate)) if abs(rate - round(rate)) < 1e-5 * rate else rate
