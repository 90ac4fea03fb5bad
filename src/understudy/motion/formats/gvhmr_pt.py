"""GVHMR's results (``hmr4d_results.pt``): a body seen in a video, as SMPL-X parameters in a torch file.

``smpl_params_global`` holds ``body_pose`` (time, 63), ``global_orient`` (time, 3) rad, ``transl`` (time, 3) m and
``betas`` (time, 10), upright by the gravity that it found: y up. The rate is the video's, which the file does not say
(GVHMR resamples what it is given to 30).
"""

from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError, LimitError
from understudy.motion.body_model import BODY_JOINTS, SMPL
from understudy.motion.formats.doors import existing_file, numbers_of
from understudy.motion.formats.smpl_pose import SmplClip, body_motion
from understudy.motion.formats.torch_file import entries, read_torch
from understudy.motion.formats.unpickle import entry
from understudy.motion.types import HumanMotion, Origin

GLOBAL = "smpl_params_global"


def recognises(path: Path) -> bool:
    """A torch file with a body in the world's frame."""
    return GLOBAL in entries(path)


def read(path: str | Path, *, fps: float | None = None, body_model: str | Path | None = None) -> HumanMotion:
    """Read a clip. ``fps`` is the frame rate (1/s) of the video; ``body_model`` the user's own SMPL-X model (.npz),
    which gives the body its shape.

    Raises FormatError for damaged files and where ``fps`` is missing, LimitError for a rate that is none, and
    SkeletonMismatch for a model of another kind.
    """
    path = existing_file(path)
    if fps is None:
        raise FormatError(
            path,
            "the file does not say the frame rate of its video. Give it with the option 'fps' (--source-fps); GVHMR "
            "works at 30 unless told otherwise.",
        )
    if not (np.isfinite(fps) and fps > 0):
        raise LimitError(f"fps must be a positive number of frames a second; got {fps}.")
    record = read_torch(path)
    clip = _clip(record.get(GLOBAL) if isinstance(record, dict) else record, path)
    origin = Origin(source=path.name, inferred={"up": "y: GVHMR's rule", "fps": f"{fps:g}: as given"})
    origin = origin.after("read", format="gvhmr-pt", fps=fps, body_model=body_model and str(body_model))
    return body_motion(path, clip, float(fps), body_model=body_model, origin=origin)


def _clip(body: Any, path: Path) -> SmplClip:
    widths = {"global_orient": 3, "body_pose": 3 * (BODY_JOINTS - 1), "transl": 3, "betas": None}
    arrays = {key: numbers_of(entry(body, key, path), key, path, (width,)) for key, width in widths.items()}
    lengths = {key: len(array) for key, array in arrays.items() if key != "betas"}
    if len(set(lengths.values())) > 1 or not len(arrays["betas"]) or not all(lengths.values()):
        said = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
        raise FormatError(path, f"its arrays do not fit each other: {said}.")
    turns = np.concatenate([arrays["global_orient"], arrays["body_pose"]], axis=1)
    rotvec = np.zeros((len(turns), len(SMPL), 3))
    rotvec[:, :BODY_JOINTS] = turns.reshape(len(turns), BODY_JOINTS, 3)
    # One person has one shape; GVHMR guesses it anew in every frame.
    return SmplClip("smplx", "y", arrays["transl"], rotvec, np.median(arrays["betas"], axis=0))
