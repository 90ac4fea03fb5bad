"""Many clips into one number: pooled over frames, with its denominator, by class, and as a ratio to one method.

Every metric carries what it is an average over; pooling weighs with that, so that a long clip counts for its length.
The greatest values of clips pool to the greatest of all. A clip that a method failed has no errors in centimetres, but
its frames are in the denominator of every share of frames (%), and there they count as bad.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from understudy.evaluate.benchmark import ClipResult

GREATEST = ("max_joint_speed", "max_speed_ratio", "self_collision_max", "floor_depth_max")
"""Metrics that are the worst of a clip; they pool to the worst of all."""
QUANTILES = ("jerk_p99",)
"""Quantiles cannot be pooled; the mean of the clips' own is given, weighted like a mean."""
COMPARISONS = ("flat_skating_human", "toe_skating_human", "at_solver_bound")
"""Not the robot's own, or not stated by every method; a failed clip is not charged here."""


@dataclass(frozen=True)
class Pooled:
    """A metric over many clips: ``over`` is its denominator in ``unit``'s terms, ``clips`` how many clips had it."""

    key: str
    label: str
    unit: str
    value: float | None
    over: int
    clips: int


@dataclass(frozen=True)
class Counts:
    """Clips and frames that were asked for, made, and made with every check of the certificate passed."""

    clips: int
    made: int
    passed: int
    frames: int
    frames_made: int


def counts(results: Sequence[ClipResult], block: str = "raw") -> Counts:
    """Count clips and frames of one method; failed clips are in the denominators."""
    made = [r for r in results if not r.error]
    passed = sum(r.blocks[block].passed for r in made if block in r.blocks)
    return Counts(
        len(results), len(made), passed, sum(r.frames for r in results), sum(r.frames for r in made)
    )


def pool(results: Sequence[ClipResult], block: str = "raw", *, charge: bool = True) -> dict[str, Pooled]:
    """Every metric of one method's results, keyed by metric, in the order in which reports have them.

    With ``charge``, shares of frames count the frames of failed clips as bad.
    """
    rows = [(r, metric) for r in results if block in r.blocks for metric in r.blocks[block].metrics]
    lost = sum(r.frames for r in results if r.error) if charge else 0
    failed = sum(bool(r.error) for r in results) if charge else 0
    pooled = {}
    for key in dict.fromkeys(metric["key"] for _, metric in rows):
        own = [m for _, m in rows if m["key"] == key]
        values = [(m["value"], m["over"]) for m in own if m["value"] is not None and m["over"] > 0]
        clips = len(values)
        # What no clip had a value of, the robot has not got; then failed clips have no share in it either.
        if values and own[0]["unit"] == "%" and key not in COMPARISONS and failed:
            clips += failed
            values.append((100.0, lost))
        value, over = _together(key, values)
        pooled[key] = Pooled(key, own[0]["label"], own[0]["unit"], value, over, clips)
    return pooled


def _together(key: str, values: Sequence[tuple[float, int]]) -> tuple[float | None, int]:
    if not values:
        return None, 0
    numbers, weights = (np.array(v, dtype=np.float64) for v in zip(*values, strict=True))
    over = int(weights.sum())
    if key in GREATEST:
        return float(numbers.max()), over
    return float((numbers * weights).sum() / over), over


def ratios(
    results: Sequence[ClipResult], reference: Sequence[ClipResult], block: str = "raw"
) -> dict[str, float | None]:
    """Each pooled metric of one method as a multiple of another's, over the clips that both made.

    None where the other's value is zero or there is none.
    """
    shared = _made(results, block) & _made(reference, block)
    mine, theirs = (
        pool([r for r in some if r.clip in shared], block, charge=False) for some in (results, reference)
    )
    return {key: _ratio(p.value, theirs[key].value if key in theirs else None) for key, p in mine.items()}


def _made(results: Iterable[ClipResult], block: str) -> set[str]:
    return {r.clip for r in results if block in r.blocks}


def _ratio(value: float | None, of: float | None) -> float | None:
    return None if value is None or not of else value / of


def groups(
    results: Sequence[ClipResult], attribute: str, order: Sequence[str]
) -> dict[str, list[ClipResult]]:
    """Results by a class (``"complexity"``, ``"length"``), in the given order, without empty classes."""
    found = {name: [r for r in results if getattr(r, attribute) == name] for name in order}
    return {name: some for name, some in found.items() if some}


@dataclass(frozen=True)
class Speed:
    """How fast a method was: frames over the time spent on the clips that it made.

    ``per_cpu_second`` divides by the time that the process computed, ``per_second`` by the clock on the wall, which on
    a busy machine is longer. ``p50_ms`` and ``p99_ms`` are quantiles over frames, where every frame of a clip counts
    with the mean of that clip: bursts inside a clip do not show.
    """

    per_cpu_second: float
    per_second: float
    p50_ms: float
    p99_ms: float


def speed(results: Iterable[ClipResult]) -> Speed | None:
    """The speed over all clips that were made; None if there are none."""
    made = [r for r in results if not r.error]
    frames = np.array([r.frames for r in made])
    cpu, wall = (np.array([getattr(r, name) for r in made]) for name in ("cpu_seconds", "seconds"))
    if not len(made) or cpu.sum() <= 0 or wall.sum() <= 0:
        return None
    each = np.repeat(1e3 * cpu / frames, frames)
    p50, p99 = np.quantile(each, [0.5, 0.99])
    return Speed(float(frames.sum() / cpu.sum()), float(frames.sum() / wall.sum()), float(p50), float(p99))


def by_method(results: Iterable[ClipResult]) -> Mapping[str, list[ClipResult]]:
    """Results keyed by method, in the order of their first appearance."""
    found: dict[str, list[ClipResult]] = {}
    for result in results:
        found.setdefault(result.method, []).append(result)
    return found
