"""Arrays of 3-D keypoints, from pose estimators: an npz with named entries, or one bare npy array.

npz entries: ``keypoints`` (time, point, 3), or (time, point, 4) with the confidence last; optional ``confidence``
(time, point) in [0, 1], ``fps``, ``layout``, ``up`` and ``unit``. A bare npy holds ``keypoints`` alone. NaN is a gap.
"""

from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import FormatError, LimitError, UnknownName
from understudy.motion.formats.doors import (
    NOT_NUMPY,
    existing_file,
    need,
    number_of,
    numbers_of,
    read_npz,
    read_npz_names,
    text_of,
)
from understudy.motion.formats.keypoint_body import check_options, motion_of_points
from understudy.motion.formats.keypoint_layouts import LAYOUTS, fitting
from understudy.motion.types import HumanMotion, Origin


def recognises(path: Path) -> bool:
    """An npz with the entry ``keypoints``, or an npy of as many points as a layout has."""
    if path.suffix.lower() == ".npz":
        return "keypoints" in read_npz_names(path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except NOT_NUMPY:
        return False
    return isinstance(array, np.ndarray) and array.ndim == 3 and bool(fitting(array.shape[1]))


def read(
    path: str | Path,
    *,
    layout: str | None = None,
    fps: float | None = None,
    up: str | None = None,
    unit: float | None = None,
) -> HumanMotion:
    """Read keypoints and complete the orientations (``motion.completion``).

    ``layout`` says what the points are (``keypoint_layouts.LAYOUTS``), ``fps`` how many frames a second are (1/s), and
    neither can be known from numbers alone: they must be given here or in the file. ``up`` (the vertical axis, "x" to
    "-z") and ``unit`` (m) are settled from the body where they are not given. Raises FormatError.
    """
    check_options(fps, up, unit)
    path = existing_file(path)
    arrays = read_npz(path) if path.suffix.lower() == ".npz" else {"keypoints": _npy(path)}
    pos, confidence = _points(arrays, path)
    layout = _layout(arrays, layout, pos.shape[1], path)
    if fps is None and "fps" not in arrays:
        raise FormatError(
            path, "the file does not say its frame rate. Give it with the option 'fps' (--source-fps)."
        )
    rate = number_of(arrays["fps"], "fps", path) if fps is None else float(fps)
    if up is None and "up" in arrays:
        up = text_of(arrays["up"], "up", path)
    if unit is None and "unit" in arrays:
        unit = number_of(arrays["unit"], "unit", path)
    try:
        check_options(rate, up, unit)
    except LimitError as error:
        raise FormatError(path, f"an entry makes no sense: {error}") from error
    inferred = {"fps": f"{rate:g}: {'the file says so' if fps is None else 'as given'}"}
    origin = Origin(source=path.name, inferred=inferred)
    origin = origin.after("read", format="keypoints", layout=layout, fps=rate, up=up, unit=unit)
    return motion_of_points(path, layout, pos, confidence, rate, origin, up=up, unit=unit)


def _npy(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except NOT_NUMPY as error:
        raise FormatError(path, f"this is not a plain npy array ({error}).") from error
    if not isinstance(array, np.ndarray):
        raise FormatError(path, "this is an archive, not an npy array; let it end in .npz.")
    return array


def _points(arrays: dict[str, Any], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Positions (time, point, 3) and confidences (time, point), 1 where none are given."""
    raw = np.asarray(need(arrays, "keypoints", path))
    if raw.ndim == 3 and raw.shape[-1] == 2:
        raise FormatError(
            path,
            "these are 2-D points of an image; a motion needs 3-D ones. Lift them first (MediaPipe's world "
            "landmarks, VideoPose3D, MotionBERT, …).",
        )
    if raw.ndim == 4:
        raise FormatError(
            path, f"keypoints of shape {raw.shape}: several people? Save one person, (time, point, 3)."
        )
    columns = 4 if raw.ndim == 3 and raw.shape[-1] == 4 else 3
    with np.errstate(invalid="ignore"):  # damaged bytes may be NaNs that signal
        values = numbers_of(raw, "keypoints", path, (None, columns))
    if len(values) == 0:
        raise FormatError(path, "there is no frame in the keypoints.")
    pos = values[..., :3]
    if "confidence" in arrays:
        confidence = numbers_of(arrays["confidence"], "confidence", path, (pos.shape[1],))
        if len(confidence) != len(pos):
            raise FormatError(path, f"confidence has {len(confidence)} frames and keypoints {len(pos)}.")
    else:
        confidence = values[..., 3] if columns == 4 else np.ones(pos.shape[:2])
    return pos, np.nan_to_num(confidence, nan=0.0)


def _layout(arrays: dict[str, Any], given: str | None, count: int, path: Path) -> str:
    layout = given
    if layout is None and "layout" in arrays:
        layout = text_of(arrays["layout"], "layout", path)
    if layout is None:
        fits = fitting(count)
        hint = (
            f"{count} points would fit {' or '.join(fits)}" if fits else f"no known layout has {count} points"
        )
        raise FormatError(
            path,
            f"the file does not say what its points are; {hint}. Give the option 'layout' (--layout): one of "
            f"{', '.join(LAYOUTS)}.",
        )
    if layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    if len(LAYOUTS[layout].points) != count:
        raise FormatError(path, f"{layout} has {len(LAYOUTS[layout].points)} points; the file has {count}.")
    return layout
