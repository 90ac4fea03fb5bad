"""From a compiled model to a Mechanism: the robot alone, on a floating root, with hinges that have ranges.

Floors, lights, props and other top-level bodies stay behind; a base that slides and turns on joints of its own becomes
the floating root; a ball joint becomes three hinges; a slide is frozen. Every such change is a doubt in words.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from understudy.errors import FormatError
from understudy.robots.onboarding.mechanism import Body, Hinge, Mechanism
from understudy.robots.onboarding.shapes import body_points
from understudy.robots.onboarding.source import Source
from understudy.robots.robot import Doubt

POINTS = 1500
"""Points on the surface of one body."""
_JOINT = mujoco.mjtJoint
_NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Built:
    """The mechanism; whether the file gives it a base that moves; which way is up in the root's frame by the file's own
    account (gravity points down −z of its world)."""

    mechanism: Mechanism
    floating: bool
    up: np.ndarray
    doubts: tuple[Doubt, ...]


def build(source: Source) -> Built:
    """The robot of a file. Raises FormatError if the file has no jointed body."""
    model = source.model
    root = _root(source)
    base = _base_joints(model, root)
    inside = _subtree(model, root)
    rng = np.random.default_rng(0)
    index = {b: k for k, b in enumerate(inside)}
    bodies = tuple(
        _body(model, b, -1 if k == 0 else index[model.body_parentid[b]], rng) for k, b in enumerate(inside)
    )
    hinges, doubts = [], list(source.doubts)
    for b in inside:
        for j in _joints(model, b):
            if j not in base:
                hinges += _hinges(source, j, index[b])
    mechanism = Mechanism(bodies, tuple(hinges))
    sliding = [
        _name(model, j)
        for b in inside
        for j in _joints(model, b)
        if j not in base and _kind(model, j) == _JOINT.mjJNT_SLIDE
    ]
    if sliding:
        doubts.append(
            _doubt("slides", sliding, "slide; only hinges can follow a human, so they are frozen at zero")
        )
    balls = [
        _name(model, j) for b in inside for j in _joints(model, b) if _kind(model, j) == _JOINT.mjJNT_BALL
    ]
    if balls:
        doubts.append(
            _doubt("ball joints", balls, "are ball joints; each became three hinges about x, y and z")
        )
    others = [
        model.body(b).name
        for b in _children(model, 0)
        if root not in (0, b) and any(_joints(model, k) for k in _subtree(model, b))
    ]
    if others:
        doubts.append(_doubt("props", others, "stand beside the robot in the file and were left out"))
    if source.welds:
        mechanism = mechanism.fused()
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, model.body_quat[root])
    return Built(mechanism, bool(base), turn.reshape(3, 3)[2], tuple(doubts))


def _root(source: Source) -> int:
    """The top-level body that carries most joints; the world itself where the joints hang on it in several pieces."""
    model = source.model
    count = {b: sum(len(_joints(model, k)) for k in _subtree(model, b)) for b in _children(model, 0)}
    if not count or max(count.values()) == 0:
        raise FormatError(
            source.path, "the model has no joints: there is nothing that could move like a human."
        )
    best = max(count, key=lambda b: count[b])
    own = _joints(model, best)
    free = any(_kind(model, j) == _JOINT.mjJNT_FREE for j in own)
    alone = count[best] >= 0.6 * sum(count.values())
    turns_on_world = any(_kind(model, j) == _JOINT.mjJNT_HINGE for j in own) and not _base_joints(model, best)
    return best if free or (alone and not turns_on_world) else 0


def _base_joints(model: mujoco.MjModel, root: int) -> set[int]:
    """The joints that move the robot as a whole: a free joint, or slides with hinges on a chain of dummy bodies."""
    found, body = [], root
    while body:
        found += _joints(model, body)
        children = _children(model, body)
        if len(children) != 1 or model.body_mass[body] > 1e-3 or not _joints(model, body):
            break
        body = children[0]
    kinds = {int(_kind(model, j)) for j in found}
    if int(_JOINT.mjJNT_FREE) in kinds:
        return {j for j in found if _kind(model, j) == _JOINT.mjJNT_FREE}
    return set(found) if int(_JOINT.mjJNT_SLIDE) in kinds else set()


def _body(model: mujoco.MjModel, b: int, parent: int, rng: np.random.Generator) -> Body:
    turn, principal = np.zeros(9), np.zeros(9)
    mujoco.mju_quat2Mat(turn, model.body_quat[b])
    mujoco.mju_quat2Mat(principal, model.body_iquat[b])
    axes = principal.reshape(3, 3)
    return Body(
        model.body(b).name or f"body_{b}",
        parent,
        model.body_pos[b].copy() if parent >= 0 else np.zeros(3),
        turn.reshape(3, 3) if parent >= 0 else np.eye(3),
        float(model.body_mass[b]),
        model.body_ipos[b].copy(),
        axes @ np.diag(model.body_inertia[b]) @ axes.T,
        body_points(model, b, POINTS, rng),
    )


def _hinges(source: Source, j: int, body: int) -> list[Hinge]:
    """A hinge, three of them for a ball joint, none for a slide."""
    model, name = source.model, _name(source.model, j)
    if _kind(model, j) == _JOINT.mjJNT_SLIDE:
        return []
    dof = model.jnt_dofadr[j]
    ball = _kind(model, j) == _JOINT.mjJNT_BALL
    axes = np.eye(3) if ball else model.jnt_axis[j][None]
    if np.linalg.norm(axes[0]) < 1e-6:
        raise FormatError(source.path, f"joint {name!r} has no axis.")
    lower, upper = (-_NAN, _NAN)
    if model.jnt_limited[j]:
        lower, upper = map(float, model.jnt_range[j])
        if ball:
            lower, upper = -upper, upper
        if not (np.isfinite((lower, upper)).all() and lower < upper):
            lower, upper = _NAN, _NAN
    return [
        Hinge(
            f"{name}_{'xyz'[k]}" if ball else name,
            body,
            model.jnt_pos[j].copy(),
            axis / np.linalg.norm(axis),
            lower,
            upper,
            _effort(source, j),
            source.speed.get(name, _NAN),
            float(model.dof_armature[dof]) or _NAN,
            float(np.atleast_1d(model.dof_damping[dof])[0]),
            float(model.dof_frictionloss[dof]),
        )
        for k, axis in enumerate(axes)
    ]


def _effort(source: Source, j: int) -> float:
    """The largest torque by the joint's own bound, by its motor's force range, or by its motor's controls."""
    model, found = source.model, []
    if (named := source.effort.get(_name(model, j))) is not None:
        found.append(named)
    elif model.jnt_actfrclimited[j]:
        found.append(np.abs(model.jnt_actfrcrange[j]).max())
    for a in range(model.nu):
        if model.actuator_trntype[a] != mujoco.mjtTrn.mjTRN_JOINT or model.actuator_trnid[a, 0] != j:
            continue
        gear = abs(model.actuator_gear[a, 0])
        if model.actuator_forcelimited[a]:
            found.append(np.abs(model.actuator_forcerange[a]).max() * gear)
        torque = (
            model.actuator_gaintype[a] == mujoco.mjtGain.mjGAIN_FIXED and not model.actuator_biasprm[a].any()
        )
        if torque and model.actuator_ctrllimited[a]:
            found.append(np.abs(model.actuator_ctrlrange[a]).max() * abs(model.actuator_gainprm[a, 0]) * gear)
    found = [float(f) for f in found if f > 0]
    return min(found) if found else _NAN


def _subtree(model: mujoco.MjModel, root: int) -> list[int]:
    inside = {root}
    for b in range(root + 1, model.nbody):
        if model.body_parentid[b] in inside:
            inside.add(b)
    return sorted(inside)


def _children(model: mujoco.MjModel, body: int) -> list[int]:
    return [b for b in range(1, model.nbody) if model.body_parentid[b] == body]


def _joints(model: mujoco.MjModel, body: int) -> list[int]:
    return list(range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body]))


def _kind(model: mujoco.MjModel, joint: int) -> int:
    return int(model.jnt_type[joint])


def _name(model: mujoco.MjModel, joint: int) -> str:
    return model.joint(joint).name or f"joint_{joint}"


def _doubt(about: str, names: list[str], says: str) -> Doubt:
    some = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return Doubt(about, f"{some}: {says}.", "# nothing to write")
