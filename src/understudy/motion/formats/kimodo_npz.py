"""Kimodo's npz: joint positions and rotation matrices of a generated clip, a human's or a Unitree G1's.

30 frames a second, metres, y up, facing z. The number of joints says whose body it is: 77 or 30 SOMA, 22 SMPL-X,
34 G1. Fields that Kimodo derives from the others (smooth root, heading) are not read.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, ShapeError, SkeletonMismatch
from understudy.motion.biped import find_landmarks
from understudy.motion.calibrate import calibrate
from understudy.motion.formats.bvh_settle import to_world_axes, to_world_quat
from understudy.motion.formats.doors import (
    LARGEST,
    existing_file,
    need,
    number_of,
    numbers_of,
    read_npz,
    read_npz_names,
    robot_motion,
)
from understudy.motion.formats.kimodo_bodies import G1, G1_ROWS, HINGES, HUMANS, Body
from understudy.motion.types import HumanMotion, Origin, RobotMotion, Skeleton
from understudy.rotations import (
    quat_about,
    quat_angle,
    quat_apply,
    quat_conj,
    quat_continuous,
    quat_from_matrix,
    quat_mul,
)

FPS = 30.0
SKEWED = 1e-2
"""How far a rotation matrix may be from orthonormal before it is damage."""
APART = 0.02
"""How far (m) a bone may change its length or place in its parent's frame, before positions and rotations are of
different clips."""
TALL = (0.3, 4.0)
"""From the lowest to the highest joint of a body at rest (m); anything else is no human in metres."""
CONTACTS = ("left_heel", "left_toe", "right_heel", "right_toe")
"""Columns of the track ``foot_contacts``."""


def recognises(path: Path) -> bool:
    """An archive of posed joints and their rotations."""
    names = read_npz_names(path)
    return "posed_joints" in names and bool(names & {"global_rot_mats", "local_rot_mats"})


def read(path: str | Path, *, fps: float | None = None) -> HumanMotion | RobotMotion:
    """Read a clip: a HumanMotion of a SOMA or SMPL-X body, a RobotMotion of a G1.

    ``fps`` overrides the rate (30, or the entry ``fps`` where a tool has added one). The prompts of a ``meta.json``
    in the same folder become ``origin.texts``, foot contacts the track ``foot_contacts`` (time, 4) in the order of
    ``CONTACTS``. Raises FormatError.
    """
    path = existing_file(path)
    arrays = read_npz(path)
    pos = numbers_of(need(arrays, "posed_joints", path), "posed_joints", path, (None, 3))
    rows = pos.shape[1]
    if rows not in HUMANS and rows != G1_ROWS:
        bodies = ", ".join(f"{n} ({body.name})" for n, body in sorted(HUMANS.items()))
        raise FormatError(path, f"{rows} joints are no body of Kimodo's. Known: {bodies}, {G1_ROWS} (G1).")
    parents = np.array(HUMANS[rows].parents if rows in HUMANS else _g1_parents())
    quat = _rotations(arrays, parents, pos, path)
    pos, quat = to_world_axes(pos, "y"), to_world_quat(quat, "y")
    rate, inferred = _rate(arrays, fps, path)
    texts, said = _texts(path.with_name("meta.json"))
    origin = Origin(source=path.name, texts=texts, inferred=inferred | said)
    origin = origin.after("read", format="kimodo-npz", fps=fps)
    try:
        tracks = _contacts(arrays, path)
        if rows == G1_ROWS:
            return _robot(path, pos, quat, rate, tracks, origin)
        return _human(path, HUMANS[rows], pos, quat, rate, tracks, origin)
    except (ShapeError, SkeletonMismatch) as error:
        raise FormatError(path, str(error)) from error


def _g1_parents() -> list[int]:
    """Parents of all rows of a G1; ends of feet and hands hang on the row before them."""
    parents = [-1, *range(G1_ROWS - 1)]
    for hinge in HINGES:
        parents[hinge.row] = hinge.parent
    return parents


def _rotations(
    arrays: dict[str, np.ndarray], parents: np.ndarray, pos: np.ndarray, path: Path
) -> Float[np.ndarray, "time joint 4"]:
    """World rotations in the file's axes, from the global matrices or, without them, from the local ones."""
    key = "global_rot_mats" if "global_rot_mats" in arrays else "local_rot_mats"
    matrices = numbers_of(need(arrays, key, path), key, path, (len(parents), 3, 3))
    if len(matrices) != len(pos):
        raise FormatError(path, f"{key} has {len(matrices)} frames and posed_joints has {len(pos)}.")
    if not (np.abs(pos) < LARGEST).all():  # false for NaN, too
        raise FormatError(path, "posed_joints holds values that are no positions (NaN, infinite or huge).")
    # Comparisons are false for NaN, too; the bound on the entries keeps the product finite.
    if not ((np.abs(matrices) < 2).all() and _skew(matrices) < SKEWED):
        raise FormatError(path, f"{key} holds matrices that are not rotations.")
    quat = quat_from_matrix(matrices)
    if key == "local_rot_mats":
        for j, parent in enumerate(parents):
            if parent >= 0:
                quat[:, j] = quat_mul(quat[:, parent], quat[:, j])
    return quat_continuous(quat)


def _skew(matrices: np.ndarray) -> float:
    """The largest entry by which M Mᵀ leaves the identity; infinite if one of them mirrors."""
    off = np.abs(np.einsum("...ij,...kj->...ik", matrices, matrices) - np.eye(3)).max(initial=0.0)
    return float(off) if (np.linalg.det(matrices) > 0).all() else np.inf


def _human(
    path: Path,
    body: Body,
    pos: np.ndarray,
    quat: np.ndarray,
    fps: float,
    tracks: dict[str, np.ndarray],
    origin: Origin,
) -> HumanMotion:
    parents = np.array(body.parents)
    local = quat_apply(quat_conj(quat[:, parents]), pos - pos[:, parents])
    offsets = np.median(local, axis=0)
    offsets[0] = 0.0
    moved = np.abs(local[:, 1:] - offsets[1:]).max(initial=0.0)
    if moved > APART:
        raise FormatError(
            path, f"positions and rotations do not belong together: bones move by {100 * moved:.1f} cm."
        )
    rest = offsets.copy()
    for j, parent in enumerate(parents[1:], start=1):
        rest[j] += rest[parent]
    height = float(np.ptp(rest[:, 2]))
    if not TALL[0] < height < TALL[1]:
        raise FormatError(path, f"from its feet to its head the body measures {height:.3g} m: not in metres?")
    biped = find_landmarks(body.joints, parents, pos)
    found = calibrate(biped, body.joints, rest, pos, quat, fps)
    inferred = {
        **origin.inferred,
        "body": f"{body.name}, by their number",
        "landmarks": f"{biped.how}; {found.how}",
        "placed": "; ".join(f"{name}: {how}" for name, how in found.placed.items()),
    }
    skeleton = Skeleton(body.name, body.joints, parents, offsets.astype(np.float32), found.landmarks)
    return HumanMotion(skeleton, fps, pos, quat, tracks, replace(origin, inferred=inferred))


def _robot(
    path: Path,
    pos: np.ndarray,
    quat: np.ndarray,
    fps: float,
    tracks: dict[str, np.ndarray],
    origin: Origin,
) -> RobotMotion:
    """Hinge angles, each taken in the frame that the hinges before it have made, so that what is no rotation about
    a hinge (a network made it) does not add up along a limb."""
    made = {0: quat[:, 0]}
    angles, left = [], np.zeros(len(quat))
    for hinge in HINGES:
        zero = quat_mul(made[hinge.parent], hinge.rest())
        turn = quat_mul(quat_conj(zero), quat[:, hinge.row])
        angle = 2.0 * np.arctan2(turn[:, 1 + "xyz".index(hinge.axis)], turn[:, 0])
        angle = np.unwrap((angle + np.pi) % (2 * np.pi) - np.pi)
        made[hinge.row] = quat_mul(zero, quat_about(hinge.axis, angle))
        left = np.maximum(left, quat_angle(made[hinge.row], quat[:, hinge.row]))
        angles.append(angle)
    said = (
        f"rotations projected on the hinges; up to {np.degrees(left.max()):.1f}° of them are about no hinge"
    )
    motion = robot_motion(
        path,
        robot=G1,
        joints=tuple(hinge.joint for hinge in HINGES),
        fps=fps,
        root_pos=pos[:, 0],
        root_quat=quat[:, 0],
        joint_pos=np.stack(angles, axis=-1),
        origin=replace(origin, inferred={**origin.inferred, "joints": said}),
    )
    return replace(motion, tracks=tracks)


def _rate(arrays: dict[str, np.ndarray], fps: float | None, path: Path) -> tuple[float, dict[str, str]]:
    if fps is not None:
        return float(fps), {"fps": f"{fps:g}: as given"}
    if "fps" in arrays:
        rate = number_of(arrays["fps"], "fps", path)
        return rate, {"fps": f"{rate:g}: the file's entry"}
    return FPS, {"fps": "30: Kimodo's rate, which the file does not repeat"}


def _contacts(arrays: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    if "foot_contacts" not in arrays:
        return {}
    values = np.asarray(arrays["foot_contacts"])
    kind = values.astype(np.float64) if values.dtype == np.bool_ else values
    contacts = numbers_of(kind, "foot_contacts", path, (4,))
    if not ((contacts >= 0) & (contacts <= 1)).all():  # false for NaN, too
        raise FormatError(path, "foot_contacts must lie between 0 and 1.")
    return {"foot_contacts": contacts.astype(np.float32)}


def _texts(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """The prompts in the file that Kimodo's demo writes beside each motion, if there is one."""
    if not path.is_file():
        return (), {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        texts = record["texts"] if "texts" in record else [record["text"]]
        return tuple(str(text) for text in texts), {"texts": f"from {path.name} in the same folder"}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return (), {"texts": f"none: {path.name} in the same folder holds no prompts"}
