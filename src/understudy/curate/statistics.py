"""What a dataset holds: how much, of whom, under which licence, how good, and what became of the rest."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from understudy.motion.dataset import Entry

QUANTILES = (0.05, 0.5, 0.95)
GROUPED_BY = ("kind", "body", "fps", "licence", "split")
WORDS = 15
"""How many of the most frequent words of the texts are given."""


@dataclass(frozen=True)
class Share:
    """How many clips of a group there are, and how long they last together (s)."""

    clips: int
    seconds: float


@dataclass(frozen=True)
class Spread:
    """How one metric is distributed over clips: how many have it, extremes, and the 5th, 50th and 95th percentile."""

    clips: int
    least: float
    low: float
    middle: float
    high: float
    most: float


@dataclass(frozen=True)
class Statistics:
    """``describe`` of a dataset. ``statuses`` counts all rows; everything else is about the clips that are there.

    ``groups`` has the shares of each value of a column; an empty text is a value, too. ``certified`` and ``passed``
    count certificates; ``captioned`` the clips with texts, ``words`` the most frequent words in them; ``reasons`` why
    rows were dropped, refused or have failed, by status.
    """

    statuses: Mapping[str, int]
    clips: int
    frames: int
    seconds: float
    groups: Mapping[str, Mapping[str, Share]]
    certified: int
    passed: int
    captioned: int
    words: Mapping[str, int]
    metrics: Mapping[str, Spread]
    reasons: Mapping[str, Mapping[str, int]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def describe(entries: Sequence[Entry]) -> Statistics:
    """Count and measure the entries of a manifest."""
    done = [entry for entry in entries if entry.status == "done"]
    words = Counter(
        word for e in done for text in e.texts for word in set(re.findall(r"[^\W\d_]{3,}", text.lower()))
    )
    return Statistics(
        dict(Counter(entry.status for entry in entries)),
        len(done),
        sum(entry.frames or 0 for entry in done),
        sum(entry.duration or 0.0 for entry in done),
        {column: _shares(done, column) for column in GROUPED_BY},
        sum(entry.passed is not None for entry in done),
        sum(bool(entry.passed) for entry in done),
        sum(bool(entry.texts) for entry in done),
        dict(words.most_common(WORDS)),
        {name: _spread(values) for name, values in metrics_of(done).items()},
        {
            status: reasons_of([e for e in entries if e.status == status])
            for status in ("failed", "refused", "dropped")
        },
    )


def metrics_of(entries: Sequence[Entry]) -> dict[str, list[float]]:
    """The values of each metric over the entries that have it, with the lengths of the clips (s) as ``duration``."""
    found: dict[str, list[float]] = {"duration": [e.duration for e in entries if e.duration is not None]}
    for entry in entries:
        for name, value in entry.metrics.items():
            if name != "duration":
                found.setdefault(name, []).append(value)
    return {name: values for name, values in found.items() if values}


def reasons_of(entries: Sequence[Entry]) -> dict[str, int]:
    """How often each reason was given, the most frequent first; a dropped clip may have several."""
    counts: Counter[str] = Counter()
    for entry in entries:
        reason = entry.reason or "no reason given"
        counts.update(reason.split("; ") if entry.status == "dropped" else [reason])
    return dict(counts.most_common())


def _shares(entries: Sequence[Entry], column: str) -> dict[str, Share]:
    clips: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    for entry in entries:
        value = getattr(entry, column)
        name = f"{value:g}" if isinstance(value, float) else str(value or "")
        clips[name] += 1
        seconds[name] = seconds.get(name, 0.0) + (entry.duration or 0.0)
    return {name: Share(clips[name], seconds[name]) for name in sorted(clips, key=lambda n: (-seconds[n], n))}


def _spread(values: Sequence[float]) -> Spread:
    low, middle, high = np.quantile(values, QUANTILES)
    return Spread(len(values), min(values), float(low), float(middle), float(high), max(values))
