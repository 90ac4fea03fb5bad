"""SMPL, SMPL-H and SMPL-X parameters in an npz: AMASS and what follows it.

AMASS writes ``trans`` and either ``poses`` (all joints side by side) or ``root_orient`` and ``pose_body``, z up;
others write ``transl``, ``global_orient`` and ``body_pose``, y up. Fingers, jaw and eyes are not read.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, LimitError
from understudy.motion.body_model import BODY_JOINTS, SMPL
from understudy.motion.formats.doors import (
    existing_file,
    need,
    number_of,
    numbers_of,
    read_npz,
    read_npz_names,
)
from understudy.motion.formats.smpl_pose import SmplClip, body_motion, check_up
from understudy.motion.types import HumanMotion, Origin

RATES = ("mocap_framerate", "mocap_frame_rate", "fps")
"""The names that the frame rate goes by."""
ROOTS = {"root_orient": "z", "global_orient": "y"}
"""The names of the root's rotation, with the vertical axis of the files that use them."""
ENTRIES = {
    *RATES,
    *ROOTS,
    *("trans", "transl", "poses", "pose_body", "body_pose", "betas", "gender", "surface_model_type"),
}
WIDTHS = {72: "smpl", 156: "smplh", 165: "smplx"}
"""The model of a pose, by its numbers a frame. Poses of 66 are the joints that all three have."""
SHAPE = {"betas", "num_betas", "gender"}
"""All that AMASS keeps in a file about a person alone."""


def recognises(path: Path) -> bool:
    """Parameters of a body in motion; and what AMASS keeps beside them, so that it can be refused with a reason."""
    names = read_npz_names(path)
    moving = names & {"trans", "transl"} and names & {"poses", *ROOTS}
    return bool(moving) or _motionless(path, names)


def read(
    path: str | Path,
    *,
    fps: float | None = None,
    up: str | None = None,
    body_model: str | Path | None = None,
) -> HumanMotion:
    """Read a clip. ``fps`` is its true frame rate (1/s) and ``up`` its vertical axis, y or z, where the file says
    otherwise or nothing; ``body_model`` is the user's own SMPL, SMPL-H or SMPL-X model (.npz), which gives the body
    its shape.

    Raises FormatError, LimitError for options that fit no file, and SkeletonMismatch for a model of another kind.
    """
    path = existing_file(path)
    check_up(up)
    names = read_npz_names(path)
    if _motionless(path, names):
        raise FormatError(
            path,
            "this holds a person's shape and markers and no motion. AMASS keeps the motion in the files that "
            "end in _stageii.npz (or _poses.npz).",
        )
    arrays = read_npz(path, ENTRIES)
    clip, why = _clip(arrays, path, up)
    rate, said = _rate(arrays, path, fps)
    origin = Origin(source=path.name, inferred={"up": why, "fps": said})
    origin = origin.after(
        "read", format="smpl-npz", fps=fps, up=up, body_model=body_model and str(body_model)
    )
    return body_motion(path, clip, rate, body_model=body_model, origin=origin)


def _motionless(path: Path, names: frozenset[str]) -> bool:
    """What AMASS keeps about a person beside the motion: the shape, and the stage of fitting that finds it."""
    if path.name.endswith("_stagei.npz") or path.name == "shape.npz":
        return True
    return "betas" in names and names <= SHAPE


def _clip(arrays: dict[str, np.ndarray], path: Path, up: str | None) -> tuple[SmplClip, str]:
    """What the file holds, and why its vertical axis is what it is."""
    poses, key = _poses(arrays, path)
    moved = "trans" if "trans" in arrays else "transl"
    trans = numbers_of(need(arrays, moved, path), moved, path, (3,))
    if len(trans) != len(poses) or not len(poses):
        raise FormatError(path, f"{len(trans)} frames of {moved}, but {len(poses)} of {key}.")
    width = poses.shape[1]
    kind = _text(arrays.get("surface_model_type"))
    if kind not in WIDTHS.values():
        kind = WIDTHS.get(width, "smplh" if key == "poses" else "smplx")
    axis = ROOTS.get(key, "z")
    why = f"{up}: as given" if up else f"{axis}: the rule for files with {key!r}"
    rotvec = np.zeros((len(poses), len(SMPL), 3))
    count = len(SMPL) if width == 72 else BODY_JOINTS
    rotvec[:, :count] = poses[:, : 3 * count].reshape(len(poses), count, 3)
    return SmplClip(kind, up or axis, trans, rotvec, _betas(arrays), _text(arrays.get("gender"))), why


def _betas(arrays: dict[str, np.ndarray]) -> Float[np.ndarray, "beta"]:
    """The shape coefficients, of the first frame where they are repeated for each; none if there are none."""
    betas = arrays.get("betas")
    if betas is None or betas.dtype.kind not in "iuf" or betas.size == 0 or betas.ndim > 2:
        return np.zeros(0)
    return np.atleast_2d(betas)[0].astype(np.float64)


def _poses(arrays: dict[str, np.ndarray], path: Path) -> tuple[Float[np.ndarray, "time number"], str]:
    """The root's and the body's rotation vectors side by side, and the entry that they were found by."""
    for key in ROOTS:
        body = next((name for name in ("pose_body", "body_pose") if name in arrays), None)
        if key in arrays and body:
            root = numbers_of(_flat(arrays[key]), key, path, (3,))
            rest = numbers_of(_flat(arrays[body]), body, path, (None,))
            if len(root) != len(rest) or rest.shape[1] not in (63, 69):
                raise FormatError(
                    path,
                    f"{body!r} must be (time, 63) or (time, 69) with {len(root)} frames; found {rest.shape}.",
                )
            return np.concatenate([root, rest], axis=1), key
    poses = numbers_of(_flat(need(arrays, "poses", path)), "poses", path, (None,))
    if poses.shape[1] not in (3 * BODY_JOINTS, *WIDTHS):
        raise FormatError(
            path,
            f"poses of {poses.shape[1]} numbers are of no known body; SMPL has 72, SMPL-H 156, SMPL-X 165.",
        )
    return poses, "poses"


def _flat(array: np.ndarray) -> np.ndarray:
    """Rotation vectors (time, joint, 3) side by side; the two ways of writing mean the same."""
    return array.reshape(len(array), -1) if array.ndim == 3 else array


def _rate(arrays: dict[str, np.ndarray], path: Path, fps: float | None) -> tuple[float, str]:
    if fps is not None:
        if not (np.isfinite(fps) and fps > 0):
            raise LimitError(f"fps must be a positive number of frames a second; got {fps}.")
        return float(fps), f"{fps:g}: as given"
    found = {key: number_of(arrays[key], key, path) for key in RATES if key in arrays}
    if not found:
        raise FormatError(
            path, "the file does not say its frame rate. Give it with the option 'fps' (--source-fps)."
        )
    key, rate = next(iter(found.items()))
    if not (np.isfinite(rate) and 1 <= rate <= 2000) or any(other != rate for other in found.values()):
        stated = ", ".join(f"{k} = {v:g}" for k, v in found.items())
        raise FormatError(
            path, f"{stated} is no usable frame rate. Give it with the option 'fps' (--source-fps)."
        )
    return rate, f"{rate:g}: the file's {key}"


def _text(value: np.ndarray | None) -> str:
    """A word stored as a text or as bytes; empty if there is none."""
    if value is None or value.size != 1 or value.dtype.kind not in "US":
        return ""
    word = value.reshape(())[()]
    return (word.decode("latin-1") if isinstance(word, bytes) else str(word)).lower()
