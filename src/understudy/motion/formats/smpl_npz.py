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
    *("trans", "transl", "poses", "pose_body", "body_pose", "pose_hand", "betas", "gender"),
    "surface_model_type",
}
WIDTHS = {66: "smplh", 72: "smpl", 156: "smplh", 165: "smplx"}
"""The model of a pose, by its numbers a frame; 66 are the joints that all have."""


def recognises(path: Path) -> bool:
    """Parameters of a body in motion; and what AMASS keeps beside them, so that it can be refused with a reason."""
    names = read_npz_names(path)
    moving = names & {"trans", "transl"} and names & {"poses", *ROOTS}
    return bool(moving) or _stage_one(path, names)


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
    if _stage_one(path, names):
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


def _stage_one(path: Path, names: frozenset[str]) -> bool:
    if path.name.endswith("_stagei.npz") or path.name == "shape.npz":
        return True
    return "betas" in names and not names & {"poses", "posed_joints", *ROOTS} and bool(names & {"gender"})


def _clip(arrays: dict[str, np.ndarray], path: Path, up: str | None) -> tuple[SmplClip, str]:
    poses, key = _poses(arrays, path)
    trans = numbers_of(need(arrays, "trans" if "trans" in arrays else "transl", path), "trans", path, (3,))
    if len(trans) != len(poses) or not len(poses):
        raise FormatError(path, f"{len(trans)} frames of translation, but {len(poses)} of {key}.")
    kind = WIDTHS.get(poses.shape[1], "smplh")
    if "surface_model_type" in arrays or (key != "poses" and poses.shape[1] == 66):
        kind = _text(arrays.get("surface_model_type")) or kind
    kind = kind if kind in WIDTHS.values() else "smplx"
    axis = ROOTS.get(key, "z")
    why = f"{up}: as given" if up else f"{axis}: the rule for files with {key!r}"
    betas = np.zeros(0)
    if "betas" in arrays and arrays["betas"].dtype.kind in "iuf":
        # Some tools repeat the shape for every frame.
        betas = np.atleast_2d(arrays["betas"])[0].astype(np.float64)
    rotvec = np.zeros((len(poses), len(SMPL), 3))
    read = 24 if kind == "smpl" and poses.shape[1] == 72 else BODY_JOINTS
    rotvec[:, :read] = poses[:, : 3 * read].reshape(len(poses), read, 3)
    return SmplClip(kind, up or axis, trans, rotvec, betas, _text(arrays.get("gender"))), why


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
    if poses.shape[1] not in WIDTHS:
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
