"""Small made-up humanoids of capsules and boxes, as model files, with the oddities of real ones."""

from dataclasses import dataclass

import numpy as np

FORWARD = {"x": np.eye(3), "-x": np.diag([-1.0, -1, 1]), "y": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])}
AXES = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}


@dataclass(frozen=True)
class Made:
    """What the robot is like. Orders of joints are axes from the trunk outwards, in a frame with x forward."""

    forward: str = "x"
    hip: str = "zxy"
    ankle: str = "yx"
    waist: str = "z"
    neck: str = "zy"
    shoulder: str = "yxz"
    wrist: str = "zxy"
    elbow_bent: float = 0.0
    legs: bool = True
    arms: bool = True
    one_body: bool = False
    fingers: int = 0
    toes: bool = False
    floating: bool = True
    names: bool = True
    extras: str = ""
    tail: str = ""


def mjcf(made: Made = Made()) -> str:
    """The model file of a humanoid of about 1.4 m."""
    turn = FORWARD[made.forward]
    lines = [f'<mujoco model="made"><compiler angle="radian"/><worldbody>{made.extras}']
    free = "<freejoint/>" if made.floating else ""
    lines.append(f'<body name="base" pos="0 0 0.8">{free}' + _box(turn, (0, 0, 0.02), (0.08, 0.1, 0.06), 6.0))
    if made.legs:
        lines += [_leg(made, turn, side) for side in (1, -1)]
    lines.append(_upper(made, turn))
    lines.append("</body></worldbody>" + made.tail + "</mujoco>")
    return "\n".join(lines)


def _name(made: Made, side: int, part: str) -> str:
    if not made.names:
        return f"{part.encode().hex()}{'a' if side > 0 else 'b'}"
    return f"{'left' if side > 0 else 'right'}_{part}"


def _joint(turn: np.ndarray, name: str, axis, lower: float, upper: float) -> str:
    x, y, z = turn @ np.array(axis, float)
    return f'<joint name="{name}" axis="{x:g} {y:g} {z:g}" range="{lower:.3f} {upper:.3f}"/>'


def _box(turn, pos, half, mass) -> str:
    p, h = turn @ np.array(pos, float), np.abs(turn @ np.array(half, float))
    return f'<geom type="box" pos="{_row(p)}" size="{_row(h)}" mass="{mass}"/>'


def _rod(turn, end, radius, mass, start=(0, 0, 0)) -> str:
    a, b = turn @ np.array(start, float), turn @ np.array(end, float)
    return f'<geom type="capsule" fromto="{_row(a)} {_row(b)}" size="{radius}" mass="{mass}"/>'


def _row(values) -> str:
    return " ".join(f"{v:.5f}" for v in values)


def _chain(made: Made, turn, side: int, part: str, axes: str, first, limits, filling: str) -> tuple[str, str]:
    """Opening and closing of one body a hinge (or one body for all), the first at ``first`` in its parent."""
    pos, opening, closing = turn @ np.array(first, float), "", ""
    for k, axis in enumerate(axes):
        joint = _joint(turn, _name(made, side, f"{part}_{axis}{k}"), AXES[axis], *limits)
        if k == 0 or not made.one_body:
            opening += f'<body name="{_name(made, side, f"{part}{k}_link")}" pos="{_row(pos)}">'
            closing += "</body>"
            opening += (
                '<inertial pos="0 0 0" mass="0.3" diaginertia="0.001 0.001 0.001"/>'
                if k < len(axes) - 1 and not made.one_body
                else ""
            )
            pos = np.zeros(3)
        opening += joint
    return opening + filling, closing


def _leg(made: Made, turn, side: int) -> str:
    hip, hip_end = _chain(
        made,
        turn,
        side,
        "hip",
        made.hip,
        (0, 0.1 * side, -0.06),
        (-1.8, 1.8),
        _rod(turn, (0, 0, -0.33), 0.05, 3.0),
    )
    knee, knee_end = _chain(
        made, turn, side, "knee", "y", (0, 0, -0.35), (-0.05, 2.4), _rod(turn, (0, 0, -0.3), 0.04, 2.0)
    )
    foot = _box(turn, (0.04, 0, -0.04), (0.1, 0.04, 0.02), 0.7)
    ankle, ankle_end = _chain(made, turn, side, "ankle", made.ankle, (0, 0, -0.33), (-0.9, 0.9), foot)
    toes = ""
    if made.toes:
        joint = _joint(turn, _name(made, side, "toes"), (0, 1, 0), -0.8, 0.8)
        p = turn @ np.array([0.14, 0, -0.05])
        box = _box(turn, (0.03, 0, 0), (0.03, 0.04, 0.01), 0.1)
        toes = f'<body name="{_name(made, side, "toe_link")}" pos="{_row(p)}">{joint}{box}</body>'
    return hip + knee + ankle + toes + ankle_end + knee_end + hip_end


def _upper(made: Made, turn) -> str:
    torso = _box(turn, (0, 0, 0.2), (0.07, 0.13, 0.16), 12.0)
    waist, waist_end = _trunk(made, turn, "waist", made.waist, (0, 0, 0.1), torso)
    head = _box(turn, (0.02, 0, 0.1), (0.08, 0.07, 0.09), 2.0)
    neck, neck_end = _trunk(made, turn, "neck", made.neck, (0, 0, 0.38), head)
    arms = "".join(_arm(made, turn, side) for side in (1, -1)) if made.arms else ""
    return waist + neck + neck_end + arms + waist_end


def _trunk(made: Made, turn, part: str, axes: str, first, filling: str) -> tuple[str, str]:
    if not axes:
        p = turn @ np.array(first, float)
        return f'<body name="{part}_link" pos="{_row(p)}">{filling}', "</body>"
    pos, opening, closing = turn @ np.array(first, float), "", ""
    for k, axis in enumerate(axes):
        last = k == len(axes) - 1
        own = filling if last else '<inertial pos="0 0 0" mass="0.2" diaginertia="0.001 0.001 0.001"/>'
        joint = _joint(turn, f"{part}_{axis}{k}", AXES[axis], -1.0, 1.0)
        opening += f'<body name="{part}{k}_link" pos="{_row(pos)}">{joint}{own}'
        closing, pos = closing + "</body>", np.zeros(3)
    return opening, closing


def _arm(made: Made, turn, side: int) -> str:
    upper, upper_end = _chain(
        made,
        turn,
        side,
        "shoulder",
        made.shoulder,
        (0, 0.18 * side, 0.32),
        (-2.9, 2.9),
        _rod(turn, (0, 0, -0.2), 0.035, 1.2),
    )
    c, s = np.cos(made.elbow_bent), np.sin(made.elbow_bent)
    fore = np.array([s, 0, -c])
    rod = _rod(turn, 0.18 * fore, 0.03, 0.8) + (
        "" if made.wrist else _box(turn, 0.24 * fore, (0.03, 0.015, 0.05), 0.2)
    )
    elbow, elbow_end = _chain(
        made, turn, side, "elbow", "y", (0, 0, -0.22), (made.elbow_bent - 2.4, made.elbow_bent + 0.05), rod
    )
    if not made.wrist:
        return upper + elbow + elbow_end + upper_end
    hand = _box(turn, 0.07 * fore, (0.04, 0.012, 0.05), 0.3)
    wrist, wrist_end = _chain(made, turn, side, "wrist", made.wrist, 0.2 * fore, (-1.5, 1.5), hand)
    fingers = ""
    for k in range(made.fingers):
        p = turn @ (0.13 * fore + np.array([0.02 * (k - made.fingers / 2), 0, 0]))
        joint = _joint(turn, _name(made, side, f"finger{k}"), (0, 1, 0), 0.0, 1.2)
        rod = _rod(turn, 0.04 * fore, 0.006, 0.01)
        fingers += f'<body name="{_name(made, side, f"finger{k}_link")}" pos="{_row(p)}">{joint}{rod}</body>'
    return upper + elbow + wrist + fingers + wrist_end + elbow_end + upper_end
