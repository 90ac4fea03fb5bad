"""One number with its name, unit, direction and denominator."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True, eq=False)
class Metric:
    """What was measured on one clip.

    ``value`` is in ``unit``, or None where the clip offers nothing to measure (no stance, no human), and
    ``note`` then says why. ``over`` is the number of frames (or steps, joints × frames, …) that the value is
    an average over: with it, values of several clips can be pooled. ``series`` is the per-frame quantity
    behind the value, where there is one.
    """

    key: str
    label: str
    value: float | None
    unit: str
    better: Literal["lower", "higher"] | None = "lower"
    note: str = ""
    over: int = 0
    series: np.ndarray | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the series."""
        return {
            "key": self.key,
            "label": self.label,
            "value": self.value,
            "unit": self.unit,
            "better": self.better,
            "note": self.note,
            "over": self.over,
        }


def frame_share(
    key: str, label: str, frames: Bool[np.ndarray, "time"], note: str = "", series: np.ndarray | None = None
) -> Metric:
    """The percentage of all frames of a clip in which something happens; the series is what was judged."""
    return Metric(key, label, 100.0 * float(frames.mean()), "%", "lower", note, len(frames), series)


def average(
    key: str, label: str, values: Float[np.ndarray, "n"], scale: float, unit: str, note: str, empty: str
) -> Metric:
    """The mean of ``values`` times ``scale``; None with the note ``empty`` where there are none."""
    if not len(values):
        return Metric(key, label, None, unit, "lower", empty)
    return Metric(key, label, scale * float(values.mean()), unit, "lower", note, len(values))


def unmeasured(key: str, label: str, unit: str, why: str) -> Metric:
    """A metric that means nothing on this robot, and why: None is no success."""
    return Metric(key, label, None, unit, "lower", f"{why}: not measured")
