"""What a verdict has to be read with: what was assumed about the source's body."""

from collections.abc import Mapping

MADE_UP = "proportion"
"""The word by which readers say that a point was not seen but put where it is in most people."""


def about_source(inferred: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences on what ``origin.inferred`` says was assumed about the body; nothing for a body that was all there.

    A body that is no measurement of the person (a mean one), points placed by proportion, orientations completed from
    points, and gaps that were bridged.
    """
    said = []
    if "mean" in inferred.get("body", "").split():
        said.append(f"source's body assumed: {inferred['body']}")
    if points := _made_up(inferred.get("placed", "")):
        said.append(f"source's points placed by proportion: {', '.join(points)}")
    if inferred.get("orientations", "").startswith("completed"):
        said.append(f"source's orientations {inferred['orientations']}")
    if (gaps := inferred.get("gaps", "")) and not gaps.startswith("0.0 %"):
        said.append(f"source's gaps: {gaps}")
    return tuple(said)


def _made_up(placed: str) -> list[str]:
    """The landmarks among ``name: how; name: how`` that were placed by proportion."""
    entries = [entry.partition(": ") for entry in placed.split("; ")]
    return [name for name, _, how in entries if MADE_UP in how]
