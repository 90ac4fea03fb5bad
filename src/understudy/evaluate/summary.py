"""What a benchmark found, as one document of plain values: pooled, by class, as ratios, and clip by clip."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from understudy.evaluate.benchmark import BLOCKS, ClipResult, Outcome
from understudy.evaluate.classes import COMPLEXITIES, LENGTHS, RULES
from understudy.evaluate.pooling import Pooled, counts, groups, pool, ratios, speed

VERSION = 1
"""Raised whenever the document's shape changes."""


def summary(outcome: Outcome, reference: str) -> dict[str, Any]:
    """The document of a run.

    ``methods`` holds, for each method, its ``counts``, ``speed``, ``failed`` clips, and by block its metrics over
    ``all`` clips, by ``complexity`` and by ``length``, with ``ratios`` to the method ``reference`` on the clips that
    both made (empty if it did not run). ``clips`` has the raw values of every clip × method with their denominators.
    """
    other = outcome.of(reference)
    return {
        "version": VERSION,
        "reference": reference if other else None,
        "rules": list(RULES),
        "asked": len({r.clip for r in outcome.results}) + len(outcome.unread),
        "unread": [asdict(clip) for clip in outcome.unread],
        "methods": {name: _method(outcome.of(name), other) for name in outcome.methods},
        "clips": [_clip(result) for result in outcome.results],
    }


def _method(results: Sequence[ClipResult], other: Sequence[ClipResult]) -> dict[str, Any]:
    fast = speed(results)
    return {
        "counts": asdict(counts(results)),
        "speed": None if fast is None else asdict(fast),
        "failed": [{"clip": r.clip, "error": r.error} for r in results if r.error],
        "blocks": {block: _block(results, other, block) for block in BLOCKS},
    }


def _block(results: Sequence[ClipResult], other: Sequence[ClipResult], block: str) -> dict[str, Any]:
    return {
        "measured": sum(block in r.blocks for r in results),
        "passed": counts(results, block).passed,
        "all": _plain(pool(results, block)),
        "ratios": ratios(results, other, block) if other else {},
        **{
            kind: {
                name: {"counts": asdict(counts(some, block)), "metrics": _plain(pool(some, block))}
                for name, some in groups(results, kind, order).items()
            }
            for kind, order in (("complexity", COMPLEXITIES), ("length", LENGTHS))
        },
    }


def _plain(pooled: dict[str, Pooled]) -> dict[str, Any]:
    return {key: {k: v for k, v in asdict(p).items() if k != "key"} for key, p in pooled.items()}


def _clip(result: ClipResult) -> dict[str, Any]:
    raw = result.blocks.get("raw")
    return {
        "clip": result.clip,
        "method": result.method,
        "frames": result.frames,
        "fps": result.fps,
        "complexity": result.complexity,
        "length": result.length,
        "cpu_seconds": _short(result.cpu_seconds),
        "error": result.error,
        "failing": None if raw is None else list(raw.failing),
        "values": {} if raw is None else {m["key"]: [_short(m["value"]), m["over"]] for m in raw.metrics},
    }


def _short(value: float | None) -> float | None:
    """To five digits, which is more than any of them is worth."""
    return None if value is None else float(f"{value:.5g}")
