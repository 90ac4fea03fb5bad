"""What a clip says about itself, in a few lines of Markdown."""

import json
from collections.abc import Mapping
from typing import Any

from understudy.motion.types import HumanMotion, RobotMotion
from understudy.view.machine import title


def about(motion: HumanMotion | RobotMotion) -> str:
    """Body, length, source, licence, history and certificate of a clip, as Markdown."""
    who = f"human ({motion.skeleton.name})" if isinstance(motion, HumanMotion) else title(motion.robot)
    lines = [f"**{who}**", f"{motion.frames} frames, {motion.fps:g} fps, {motion.duration:.2f} s"]
    origin = motion.origin
    if origin.source:
        lines.append(f"Source: {origin.source}")
    if origin.licence:
        lines.append(f"Licence: {origin.licence}")
    lines += [f"“{words}”" for words in origin.texts]
    if origin.history:
        lines.append("Made by: " + " → ".join(str(step.get("arrow", "?")) for step in origin.history))
    text = "  \n".join(lines)
    return text if origin.certificate is None else f"{text}\n\n{_verdict(origin.certificate)}"


def number(value: Any, digits: int = 3) -> str:
    """A number with a few significant digits and without an exponent where it can be read without; a dash for
    none."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return str(int(value))
    if abs(value) < 0.5e-4:
        return "≈ 0"
    return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def settings(step: Mapping[str, Any]) -> str:
    """The configuration of one arrow of a history as one line."""
    return ", ".join(
        f"{key} = {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in step.items()
        if key != "arrow"
    )


def _verdict(certificate: Mapping[str, Any]) -> str:
    checks = certificate.get("checks", ())
    head = "✓ **certificate passed**" if certificate.get("passed") else "✗ **certificate failed**"
    rows = [
        f"| {'✓' if c.get('passed') else '✗'} {c.get('label') or c.get('name')} "
        f"| {number(c.get('value'))} | {number(c.get('threshold'))} {c.get('unit', '')} |"
        for c in checks
    ]
    remarks = [f"- {words}" for words in certificate.get("remarks", ())]
    table = [head, "", "| check | value | at most |", "|---|---|---|", *rows]
    return "\n".join([*table, "", *remarks] if remarks else table)
