"""robot.toml: what a model cannot say, with a remark on how each thing was found."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.robots.onboarding.mechanism import Mechanism
from understudy.robots.onboarding.write_xml import number
from understudy.robots.robot import Doubt


@dataclass(frozen=True, eq=False)
class Facts:
    """What was found; bodies and joints by index, positions in the frame of their body (m)."""

    height: float
    hands: Sequence[int]
    harmless: Sequence[tuple[int, int]]
    t_pose: Float[np.ndarray, "dof"]
    soles: dict[str, tuple[int, Float[np.ndarray, "corner 3"]]]
    landmarks: dict[str, tuple[int, Float[np.ndarray, "3"]]]
    fixed_base: bool
    doubts: Sequence[Doubt]


def robot_toml(title: str, m: Mechanism, facts: Facts) -> str:
    """The text of a robot.toml that ``robots.folder`` reads."""
    names = [body.name for body in m.bodies]
    lines = [
        f"# What robot.xml cannot say about {title}. Units: m, rad, s. Positions are in the frame of the named body.",
        "# Written by `understudy robots onboard`. Every line may be changed by hand; the doctor says what that did.",
        "",
        'model = "robot.xml"',
        "",
        *_build(facts, names),
        *_motion(m, facts),
        *_feet(facts, names),
        "# Limbs: joint centres, the points nearest to the axes that meet there. Trunk: waist and neck where there are",
        "# hinges, else the heights that a person's joints have between hips and crown.",
        "[landmarks]",
    ]
    for name, (body, pos) in facts.landmarks.items():
        lines.append(f"{name} = {{ body = {_text(names[body])}, pos = {_point(pos)} }}")
    lines.append("")
    for doubt in facts.doubts:
        words = ((key, _text(getattr(doubt, key))) for key in ("about", "says", "settle"))
        lines += ["[[doubts]]", *[f"{key} = {value}" for key, value in words], ""]
    return "\n".join(lines)


def _build(facts: Facts, names: Sequence[str]) -> list[str]:
    """Height, base, hands and harmless contacts."""
    fixed = [
        "# The robot stands on a fixed base: its root stays where the keyframe home has it.",
        "fixed_base = true",
        "",
    ]
    return [
        "# Sole to crown in the T-pose." if facts.soles else "# The lowest link to the crown in the T-pose.",
        f"height = {number(round(facts.height, 3))}",
        "",
        *(fixed if facts.fixed_base else []),
        "# The outermost links of the arms: their contacts with the robot itself are the hands' business.",
        f"hands = {_list([names[k] for k in facts.hands])}",
        "",
        "# Bodies whose shapes touch where the robot simply stands, or overlap in many random poses.",
        "harmless_contacts = [",
        *[f"  {_list([names[a], names[b]])}," for a, b in facts.harmless],
        "]",
        "",
    ]


def _motion(m: Mechanism, facts: Facts) -> list[str]:
    """T-pose and motor speeds."""
    angles = zip(m.hinges, facts.t_pose, strict=True)
    return [
        "# Solved: limbs on a line, arms out and legs down, elbows ready to bend forward, soles level. Others at 0.",
        "[t_pose]",
        *[f"{_key(h.name)} = {number(round(q, 5))}" for h, q in angles if abs(q) > 5e-5],
        "",
        "# Motor speeds: the file's, and a careful guess where it has none (see doubts).",
        "[velocity_limit]",
        *_speeds(m),
        "",
    ]


def _feet(facts: Facts, names: Sequence[str]) -> list[str]:
    lines = []
    for side, (body, sole) in facts.soles.items():
        lines += ["# The largest flat patch under the foot, heel to toe.", f"[feet.{side}]"]
        lines += [f"body = {_text(names[body])}", "sole = [", *[f"  {_point(c)}," for c in sole], "]", ""]
    return lines


def _speeds(m: Mechanism) -> list[str]:
    """One line a speed, its joints as alternatives of a regular expression."""
    by_speed: dict[str, list[str]] = {}
    for hinge in m.hinges:
        by_speed.setdefault(number(hinge.speed), []).append(hinge.name)
    if len(by_speed) == 1:
        return [f"'.*' = {_float(next(iter(by_speed)))}"]
    return [
        f"{_text('|'.join(_plain(n) for n in joints))} = {_float(speed)}"
        for speed, joints in by_speed.items()
    ]


def _plain(name: str) -> str:
    """A name as a regular expression that matches nothing else."""
    return "".join(c if c.isalnum() or c in "_-" else f"[{c}]" if c not in "^]\\" else f"\\{c}" for c in name)


def _float(value: str) -> str:
    return value if "." in value or "e" in value else f"{value}.0"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _text(name)


def _list(names: Sequence[str]) -> str:
    return "[" + ", ".join(_text(name) for name in names) + "]"


def _point(pos: Float[np.ndarray, "3"]) -> str:
    return "[" + ", ".join(f"{v + 0.0:.4f}" if abs(v) >= 5e-5 else "0.0" for v in pos) + "]"
