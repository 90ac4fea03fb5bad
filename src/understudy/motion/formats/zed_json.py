"""Body tracking recordings of Stereolabs' ZED SDK, as its export samples write them.

One JSON object whose keys are time stamps (or a list) of frames; each has ``timestamp`` (ns) and ``body_list``, in some
programs inside ``bodies``. A body has ``id``, ``keypoint`` and ``keypoint_confidence`` (0 to 100); the number of
keypoints (18, 34, 38) is the body format. The SDK's own joint orientations are present only where body fitting was on,
so orientations are completed from the points in every case.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, UnderstudyError
from understudy.motion.formats.doors import existing_file
from understudy.motion.formats.keypoint_body import check_options, motion_of_points
from understudy.motion.formats.keypoint_layouts import LAYOUTS
from understudy.motion.types import HumanMotion, Origin

FORMATS = {len(layout.points): name for name, layout in LAYOUTS.items() if name.startswith("zed")}
MARKS = (b'"keypoint"', b'"body_list"')
"""What stands in every recording, and not in other JSON motions."""
LOST = 2.5
"""A pause of more than so many usual steps between frames is a gap, through which nothing was seen."""
ON_TIME = 0.02
"""A frame nearer than this share of a step to an even instant is taken as it is."""
SPARSE = 50
"""A recording with more than so many frames missing for each one present has damaged time stamps."""
NANO = 1e-9


def recognises(path: Path) -> bool:
    """A JSON text that speaks of keypoints of bodies."""
    with path.open("rb") as file:
        text = file.read(1 << 20)
    return any(mark in text for mark in MARKS)


def read(
    path: str | Path,
    *,
    person: int | None = None,
    fps: float | None = None,
    up: str | None = None,
    unit: float | None = None,
) -> HumanMotion:
    """Read one person of a recording: the one with this ``id``, else the one seen in most frames.

    Frames come when they come; they are resampled to the median rate, unless ``fps`` says that they are even. The
    coordinate system and unit of the recording are not stored: ``up`` ("x" to "-z") and ``unit`` (m) are settled from
    the body where they are not given, left-handed systems are seen and mirrored. Raises FormatError.
    """
    check_options(fps, up, unit)
    path = existing_file(path)
    frames = _frames(path)
    chosen, said = _person(frames, person, path)
    times, bodies = _of_person(frames, chosen)
    layout, pos, confidence = _arrays(bodies, path)
    inferred = {"person": said, "body": f"{layout}, by the number of keypoints"}
    if fps is None:
        rate, pos, confidence, inferred["fps"] = _even(times, pos, confidence, path)
    else:
        rate, inferred["fps"] = float(fps), f"{fps:g}: as given"
    origin = Origin(source=path.name, inferred=inferred)
    origin = origin.after("read", format="zed-json", person=chosen, fps=fps, up=up, unit=unit)
    return motion_of_points(path, layout, pos, confidence, rate, origin, up=up, unit=unit)


def _frames(path: Path) -> list[tuple[float | None, list[dict[str, Any]]]]:
    """Time stamps (ns) and bodies of all frames, in order of time."""
    try:
        record = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(path, f"this is not JSON ({error}).", getattr(error, "lineno", None)) from error
    items = list(record.values()) if isinstance(record, dict) else record
    if isinstance(record, dict) and ("body_list" in record or "bodies" in record):
        items = [record]
    if not isinstance(items, list):
        raise FormatError(path, "a recording is an object or a list of frames.")
    frames = []
    for item in items:
        if not isinstance(item, dict):
            raise FormatError(path, f"a frame is an object with a body_list; found a {type(item).__name__}.")
        inner = item["bodies"] if isinstance(item.get("bodies"), dict) else item
        bodies = inner.get("body_list", inner.get("bodies"))
        stamp = inner.get("timestamp", item.get("timestamp"))
        bodies = [b for b in bodies if isinstance(b, dict)] if isinstance(bodies, list) else []
        frames.append((_number(stamp), bodies))
    if any(stamp is not None for stamp, _ in frames):
        frames = sorted((f for f in frames if f[0] is not None), key=lambda f: f[0] or 0.0)
    return frames


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and -1e30 < value < 1e30
    return float(value) if usable else None


def _person(frames: list, wanted: int | None, path: Path) -> tuple[Any, str]:
    counts = Counter(_id(body) for _, bodies in frames for body in bodies)
    if not counts:
        raise FormatError(path, f"nobody is seen in {len(frames)} frames.")
    if wanted is None:
        most, times = counts.most_common(1)[0]
        return most, f"{most}: seen in {times} of {len(frames)} frames; {len(counts)} in all"
    if wanted not in counts:
        known = ", ".join(str(k) for k in counts)
        raise UnderstudyError(
            f"{path}: there is no person {wanted}. Give the option 'person' one of: {known}."
        )
    return wanted, f"{wanted}: as given"


def _id(body: dict[str, Any]) -> Any:
    number = _number(body.get("id"))
    return None if number is None else int(number)


def _of_person(frames: list, person: Any) -> tuple[list, list]:
    """Times and bodies (None where the person is not seen) from the first to the last frame with this person."""
    found = [
        (stamp, next((body for body in bodies if _id(body) == person), None)) for stamp, bodies in frames
    ]
    present = [k for k, (_, body) in enumerate(found) if body is not None]
    kept = found[present[0] : present[-1] + 1]
    return [stamp for stamp, _ in kept], [body for _, body in kept]


def _arrays(bodies: list, path: Path) -> tuple[str, np.ndarray, np.ndarray]:
    """The layout, positions (time, point, 3) with NaN for what is not seen, and confidences (time, point)."""
    counts = {len(b["keypoint"]) for b in bodies if b is not None and isinstance(b.get("keypoint"), list)}
    if len(counts) != 1 or not counts <= set(FORMATS):
        have = ", ".join(map(str, sorted(counts))) or "none"
        raise FormatError(path, f"bodies have {', '.join(map(str, FORMATS))} keypoints; found {have}.")
    count = counts.pop()
    pos = np.full((len(bodies), count, 3), np.nan)
    confidence = np.zeros((len(bodies), count))
    for t, body in enumerate(bodies):
        if body is None or not isinstance(body.get("keypoint"), list):
            continue
        pos[t] = [_vector(v) for v in body["keypoint"]]
        sure = body.get("keypoint_confidence")
        if isinstance(sure, list) and len(sure) == count:
            confidence[t] = [(_number(v) or 0.0) / 100.0 for v in sure]
        else:
            confidence[t] = 1.0
    # Programs that cannot write NaN write zeros.
    pos[(pos == 0.0).all(-1)] = np.nan
    return FORMATS[count], pos, np.nan_to_num(np.clip(confidence, 0.0, 1.0), nan=0.0)


def _vector(value: Any) -> list[float]:
    """Three numbers from a list or an object with x, y, z; NaN for anything else."""
    if isinstance(value, dict):
        value = [value.get(axis) for axis in "xyz"]
    if not isinstance(value, list) or len(value) != 3:
        return [np.nan] * 3
    numbers = [_number(v) for v in value]
    return [np.nan if v is None else v for v in numbers]


def _even(
    times: list[float | None],
    pos: Float[np.ndarray, "time point 3"],
    confidence: Float[np.ndarray, "time point"],
    path: Path,
) -> tuple[float, np.ndarray, np.ndarray, str]:
    """The frames at even times of the median rate, and a sentence on how even they were."""
    known = np.array([np.nan if t is None else t for t in times]) * NANO
    steps = np.diff(known)
    steps = steps[steps > 0]
    if np.isnan(known).any() or len(steps) == 0:
        raise FormatError(
            path, "the frames have no time stamps. Give their rate with the option 'fps' (--source-fps)."
        )
    rate = 1.0 / float(np.median(steps))
    rate = float(round(rate)) if abs(rate - round(rate)) < 0.02 * rate else rate
    clock = known - known[0]
    count = int(np.floor(clock[-1] * rate + 0.5)) + 1
    if not 1 <= rate <= 1000 or count > SPARSE * len(clock):
        raise FormatError(
            path, f"the time stamps say {rate:.3g} frames a second over {clock[-1]:.3g} s: damaged?"
        )
    grid = np.arange(count) / rate
    new, sure = _sampled(clock, grid, pos, confidence, 1.0 / rate)
    most = 1e3 * float(np.abs(np.diff(clock) - 1.0 / rate).max())
    return (
        rate,
        new,
        sure,
        f"{rate:g}: the median rate; frames were up to {most:.1f} ms off it and are resampled",
    )


def _sampled(
    clock: np.ndarray, grid: np.ndarray, pos: np.ndarray, confidence: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """The frames that lie on the grid, and straight lines between the two nearest elsewhere: not seen where either is
    not, or where they lie too far apart."""
    above = np.clip(np.searchsorted(clock, grid), 1, len(clock) - 1)
    below = above - 1
    span = clock[above] - clock[below]
    share = np.clip((grid - clock[below]) / np.maximum(span, NANO), 0.0, 1.0)
    share = np.where(
        share * span < ON_TIME * step, 0.0, np.where((1 - share) * span < ON_TIME * step, 1.0, share)
    )
    between = ((share > 0) & (share < 1))[:, None]
    near = np.where(share > 0.5, above, below)
    line = pos[below] + share[:, None, None] * (pos[above] - pos[below])
    sure = np.minimum(confidence[below], confidence[above]) * (span <= LOST * step)[:, None]
    return np.where(between[..., None], line, pos[near]), np.where(between, sure, confidence[near])
