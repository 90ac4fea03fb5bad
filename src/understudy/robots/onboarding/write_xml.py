"""robot.xml: tree, ranges, inertias and motors as numbers, and fitted primitives; nothing copied from the source."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np
from jaxtyping import Float

from understudy.robots.capsules import Capsules
from understudy.robots.onboarding.mechanism import Hinge, Mechanism
from understudy.robots.onboarding.primitives import Solid
from understudy.rotations import quat_from_matrix

STIFF = 20 * np.pi
"""Natural frequency (rad/s) that a motor's gains give to its reflected inertia: 10 Hz, with a damping ratio of 2."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """All that goes into the file beside the mechanism: by body, what one sees and what touches; the small bodies,
    which are drawn darker; pairs of bodies that may touch; the home pose as a whole qpos."""

    seen: dict[int, list[Solid]]
    small: frozenset[int]
    touching: dict[int, Capsules]
    harmless: Sequence[tuple[int, int]]
    home: Float[np.ndarray, "qpos"]


def robot_xml(name: str, m: Mechanism, drawing: Drawing) -> str:
    """The text of a model file that MuJoCo compiles and ``robots.folder`` reads."""
    lines = [
        f"<mujoco model={quoteattr(name)}>",
        "  <!-- Written by `understudy robots onboard`. Tree, ranges, inertias and motors are figures of the source",
        "       (see NOTICE). Group 2 is what one sees, group 3 what touches: primitives fitted to the links. -->",
        '  <compiler angle="radian" autolimits="true" balanceinertia="true"/>',
        "",
        "  <default>",
        '    <default class="visual">',
        '      <geom group="2" contype="0" conaffinity="0" density="0" material="silver"/>',
        "    </default>",
        '    <default class="collision">',
        '      <geom type="capsule" group="3" rgba="0.2 0.6 0.2 0.3" density="0"/>',
        "    </default>",
        "  </default>",
        "",
        "  <asset>",
        '    <material name="silver" rgba="0.80 0.81 0.82 1" specular="0.6" shininess="0.7"/>',
        '    <material name="grey" rgba="0.42 0.43 0.45 1" specular="0.5" shininess="0.6"/>',
        "  </asset>",
        "",
        "  <worldbody>",
        *_body(m, drawing, 0, "    "),
        "  </worldbody>",
        "",
        "  <actuator>",
        *[f"    {_motor(hinge)}" for hinge in m.hinges],
        "  </actuator>",
    ]
    if drawing.harmless:
        lines += ["", "  <!-- As in harmless_contacts of robot.toml. -->", "  <contact>"]
        for a, b in drawing.harmless:
            lines.append(
                f"    <exclude body1={quoteattr(m.bodies[a].name)} body2={quoteattr(m.bodies[b].name)}/>"
            )
        lines.append("  </contact>")
    lines += [
        "",
        "  <keyframe>",
        f'    <key name="home" qpos="{_row(drawing.home)}"/>',
        "  </keyframe>",
        "</mujoco>",
        "",
    ]
    return "\n".join(lines)


def number(value: float) -> str:
    """Six significant digits, and no negative zero."""
    return f"{float(value) + 0.0:.6g}" if abs(value) > 1e-9 else "0"


def _row(values: Sequence[float] | np.ndarray) -> str:
    return " ".join(number(v) for v in values)


def _fitted(values: Sequence[float] | np.ndarray) -> str:
    """Numbers of a fitted shape: a tenth of a millimetre is more than the fit is good for."""
    return " ".join(number(round(float(v), 4)) for v in values)


def _body(m: Mechanism, drawing: Drawing, k: int, indent: str) -> list[str]:
    body = m.bodies[k]
    place = f' pos="{_row(body.pos)}"' if np.abs(body.pos).max() > 1e-9 else ""
    if np.abs(body.mat - np.eye(3)).max() > 1e-9:
        place += f' quat="{_row(quat_from_matrix(body.mat))}"'
    if k == 0:
        place = f' pos="{_row(drawing.home[:3])}"'
    lines = [f"{indent}<body name={quoteattr(body.name)}{place}>"]
    inner = indent + "  "
    if body.mass > 0:
        i = body.inertia
        full = _row([i[0, 0], i[1, 1], i[2, 2], i[0, 1], i[0, 2], i[1, 2]])
        lines.append(
            f'{inner}<inertial pos="{_row(body.com)}" mass="{number(body.mass)}" fullinertia="{full}"/>'
        )
    if k == 0:
        lines.append(f'{inner}<freejoint name="floating_base_joint"/>')
    lines += [f"{inner}{_joint(m.hinges[j])}" for j in m.hinges_of(k)]
    material = ' material="grey"' if k in drawing.small else ""
    for solid in drawing.seen.get(k, []):
        turn = (
            f' quat="{_fitted(quat_from_matrix(solid.mat))}"'
            if np.abs(solid.mat - np.eye(3)).max() > 1e-3
            else ""
        )
        size = _fitted(np.maximum(solid.size, 2e-4))
        lines.append(
            f'{inner}<geom class="visual" type="{solid.kind}" size="{size}" '
            f'pos="{_fitted(solid.pos)}"{turn}{material}/>'
        )
    if k in drawing.touching:
        lines += [f"{inner}{line}" for line in _capsules(body.name, drawing.touching[k])]
    for child, other in enumerate(m.bodies):
        if other.parent == k and child > 0:
            lines += _body(m, drawing, child, inner)
    return [*lines, f"{indent}</body>"]


def _joint(hinge: Hinge) -> str:
    anchor = f' pos="{_row(hinge.anchor)}"' if np.abs(hinge.anchor).max() > 1e-9 else ""
    extra = "".join(
        f' {key}="{number(value)}"'
        for key, value in (
            ("armature", hinge.armature),
            ("damping", hinge.damping),
            ("frictionloss", hinge.friction),
        )
        if value > 0
    )
    limits = f'range="{number(hinge.lower)} {number(hinge.upper)}"'
    return f'<joint name={quoteattr(hinge.name)}{anchor} axis="{_row(hinge.axis)}" {limits}{extra}/>'


def _motor(hinge: Hinge) -> str:
    name = quoteattr(hinge.name)
    kp, kv = hinge.armature * STIFF**2, 4 * hinge.armature * STIFF
    force = f'forcerange="{number(-hinge.effort)} {number(hinge.effort)}"'
    return f'<position name={name} joint={name} kp="{number(kp)}" kv="{number(kv)}" {force}/>'


def _capsules(body: str, capsules: Capsules) -> list[str]:
    lines = []
    for n, (start, end, radius) in enumerate(zip(capsules.start, capsules.end, capsules.radius, strict=True)):
        label = quoteattr(f"{body}_{n + 1}_collision")
        if np.linalg.norm(end - start) < 1e-3:
            shape = f'type="sphere" size="{_fitted([radius])}" pos="{_fitted((start + end) / 2)}"'
        else:
            shape = f'size="{_fitted([radius])}" fromto="{_fitted(start)} {_fitted(end)}"'
        lines.append(f'<geom class="collision" name={label} {shape}/>')
    return lines
