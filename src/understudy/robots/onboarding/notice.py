"""NOTICE: whose figures a robot folder holds, and under which licence, as far as the files beside the model say."""

import re
from pathlib import Path

from understudy.robots.robot import Doubt

_KINDS = (
    ("Apache-2.0", r"Apache License\s+Version 2\.0"),
    ("BSD-3-Clause", r"BSD 3-Clause|Neither the name of"),
    ("BSD-2-Clause", r"BSD 2-Clause|Redistributions in binary form"),
    ("MIT", r"MIT License|Permission is hereby granted, free of charge"),
    ("MPL-2.0", r"Mozilla Public License Version 2\.0"),
    ("GPL-3.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 3"),
    ("GPL-2.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 2"),
    ("CC-BY-4.0", r"Creative Commons Attribution 4\.0|Attribution 4\.0 International"),
)
_SHORT = 4000
"""Characters up to which a licence is given in full, as short ones ask to be."""


def notice(title: str, model: Path, licence: str | None) -> tuple[str, tuple[Doubt, ...]]:
    """The text of a NOTICE, and a doubt where no licence is known."""
    lines = [
        f"{title}, model for understudy.",
        "",
        f"Kinematic tree, joint ranges, masses, inertias and motor limits: figures of {model.name}.",
    ]
    file = _licence_file(model)
    if licence:
        lines.append(f"  {licence}")
    if file is not None:
        text = file.read_text(encoding="utf-8", errors="replace")
        kind = next((name for name, pattern in _KINDS if re.search(pattern, text)), "see the text below")
        lines.append(f"  Licence of the source, by the file {file.name} beside it: {kind}.")
        lines += [f"  {line}" for line in _copyrights(text)]
    lines += [
        "Collision and visual primitives, landmarks and soles: fitted by understudy to the shapes of the links. No",
        "mesh and no text of the source is included.",
    ]
    if file is not None and len(text) <= _SHORT:
        lines += [
            "",
            f"{kind}, the source's licence:",
            *[f"  {line}".rstrip() for line in text.strip().splitlines()],
        ]
    if file is None and not licence:
        lines.insert(3, "  No licence was found beside the model: find out before you hand this folder on.")
        return "\n".join(lines) + "\n", (_unknown(),)
    return "\n".join(lines) + "\n", ()


def _licence_file(model: Path) -> Path | None:
    """The nearest licence file in the model's folder or one of three above it."""
    for folder in list(model.resolve().parents)[:4]:
        found = sorted(
            f for f in folder.glob("*") if f.is_file() and re.match(r"(?i)(licen[cs]e|copying)", f.name)
        )
        if found:
            return found[0]
        if (folder / ".git").exists():
            return None
    return None


def _copyrights(text: str) -> list[str]:
    found = [
        line.strip() for line in text.splitlines() if re.match(r"\s*copyright\b.*\d{4}", line, re.IGNORECASE)
    ]
    return [line for line in found if "[yyyy]" not in line][:3]


def _unknown() -> Doubt:
    return Doubt(
        "licence",
        "no licence file lies beside the model, and none was given by --licence; NOTICE says so.",
        "# write the licence and whose it is into NOTICE",
    )
