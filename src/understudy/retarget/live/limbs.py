"""What is solved as one: the joints of an arm or of the waist, or of all of them, and what they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.kinematics.kernels.live_arrays import LiveLimbs, LiveTasks
from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import SIDES
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.shapes import Shapes
from understudy.robots.robot import Robot
from understudy.rotations import quat_to_matrix

ROOT = 6
"""Tangent directions of the root; joint j is direction 6 + j."""


@dataclass(frozen=True)
class Limb:
    """Tangent directions (``columns``) that are solved together for the tasks of these landmarks."""

    name: str
    columns: tuple[int, ...]
    landmarks: tuple[str, ...]


def upper_limbs(robot: Robot, config: LiveIKConfig) -> tuple[Limb, ...]:
    """The limbs of ``upper`` mode, trunk first. Raises LimitError for an unknown division and a robot without arms."""
    marks, tree = robot.landmarks.names, Tree.from_robot(robot)
    arms = []
    for side in SIDES:
        wanted = tuple(f"{side}_{part}" for part in ("elbow", "hand"))
        if not {*wanted, "chest"} <= set(marks):
            raise LimitError(
                f"LiveIK needs landmarks chest, elbows and hands; {robot.name!r} lacks some of them."
            )
        arms.append(Limb(f"{side}_arm", between(robot, tree, "chest", f"{side}_hand"), wanted))
    trunk = between(robot, tree, "pelvis", "chest") if config.waist else ()
    waist = (Limb("waist", trunk, ("chest",)),) if trunk else ()
    if config.limbs == "distributed":
        return (*waist, *arms)
    if config.limbs == "monolithic":
        every = (*waist, *arms)
        columns = tuple(c for limb in every for c in limb.columns)
        return (Limb("upper body", columns, tuple(n for limb in every for n in limb.landmarks)),)
    raise LimitError(f"limbs is 'distributed' or 'monolithic'; got {config.limbs!r}.")


def between(robot: Robot, tree: Tree, near: str, far: str) -> tuple[int, ...]:
    """Columns of the joints between two landmarks' links, the nearest first."""
    marks = robot.landmarks
    stop, link = (int(tree.body_link[marks.carriers[marks.index(name)]]) for name in (near, far))
    columns = []
    while link not in (stop, -1):
        if tree.dof[link] >= 0:
            columns.append(ROOT + int(tree.dof[link]))
        link = int(tree.parents[link])
    return tuple(reversed(columns))


def task_arrays(
    robot: Robot, limbs: Sequence[Limb], config: LiveIKConfig
) -> tuple[tuple[str, ...], LiveTasks]:
    """Landmarks of all limbs with what their errors cost. V and the QP weigh alike: then Eq. 13–15 judge by what the QP
    minimises."""
    tree, marks = Tree.from_robot(robot), robot.landmarks
    names = tuple(name for limb in limbs for name in limb.landmarks)
    rows = [marks.index(name) for name in names]
    position = {"hand": config.hand_weight, "elbow": config.elbow_weight}
    rotation = {"hand": config.hand_turn_weight, "chest": config.torso_weight}
    w_pos = np.array([position.get(name.rpartition("_")[2], 0.0) for name in names])
    w_rot = np.array([rotation.get(name.rpartition("_")[2], 0.0) for name in names])
    return names, LiveTasks(
        tree.body_link[marks.carriers[rows]].astype(np.int64),
        np.ascontiguousarray(marks.pos[rows], np.float64),
        np.ascontiguousarray(quat_to_matrix(marks.quat[rows].astype(np.float64))),
        w_pos,
        w_rot,
        w_pos.copy(),
        w_rot.copy(),
    )


def limb_arrays(robot: Robot, limbs: Sequence[Limb], names: tuple[str, ...], shapes: Shapes) -> LiveLimbs:
    """The limbs for the kernels. A pair of shapes that several limbs move belongs to each of them, in equal parts."""
    tree = Tree.from_robot(robot)
    n, count = len(tree.parents), len(limbs)
    moves = [np.array([[_moved(tree, c, i) for i in range(n)] for c in limb.columns]) for limb in limbs]
    link = shapes.capsules.link[shapes.pair]
    # A pair that moves as one is no business of the limb.
    own = [np.flatnonzero((m[:, link[:, 0]] != m[:, link[:, 1]]).any(axis=0)) for m in moves]
    movers = np.zeros(len(shapes.pair))
    for rows in own:
        movers[rows] += 1.0
    width = max(len(limb.columns) for limb in limbs)
    tasks = [[names.index(name) for name in limb.landmarks] for limb in limbs]
    lever = np.zeros((count, width))
    mask = np.zeros((count, width, n), np.bool_)
    for k, limb in enumerate(limbs):
        mask[k, : len(limb.columns)] = moves[k]
        lever[k, : len(limb.columns)] = [_lever(tree, shapes, c) for c in limb.columns]
    links = [np.flatnonzero(m.any(axis=0)) for m in moves]
    return LiveLimbs(
        np.array([[len(limbs[k].columns), len(links[k]), len(tasks[k]), len(own[k])] for k in range(count)]),
        _padded([limb.columns for limb in limbs]),
        _padded(links),
        mask,
        _padded(tasks),
        _padded(own),
        _padded([1.0 / movers[rows] for rows in own], np.float64),
        lever,
    )


def _moved(tree: Tree, column: int, link: int) -> bool:
    """Whether a link moves with a tangent direction."""
    while link > 0:
        if tree.dof[link] == column - ROOT:
            return True
        link = int(tree.parents[link])
    return column < ROOT


def _lever(tree: Tree, shapes: Shapes, column: int) -> float:
    """No point of a shape is ever farther (m) from the column's axis, in any pose; 1 for directions of travel."""
    if column < 3:
        return 1.0
    far = np.zeros(len(tree.parents))
    longest = 0.0
    c = shapes.capsules
    for i in range(len(tree.parents)):
        turns = tree.dof[i] == column - ROOT
        if i and not turns and _moved(tree, column, i):
            far[i] = (
                far[tree.parents[i]]
                + float(np.linalg.norm(tree.pos[i]))
                + 2.0 * float(np.linalg.norm(tree.anchor[i]))
            )
        elif turns:
            far[i] = float(np.linalg.norm(tree.anchor[i]))
        if _moved(tree, column, i):
            ends = np.concatenate([c.start[c.link == i], c.end[c.link == i]])
            longest = max([longest, *(far[i] + np.linalg.norm(ends, axis=-1))])
    return longest


def _padded(rows: Sequence[Sequence[int] | np.ndarray], kind: type = np.int64) -> np.ndarray:
    out = np.zeros((len(rows), max(len(row) for row in rows)), kind)
    for k, row in enumerate(rows):
        out[k, : len(row)] = row
    return out


def column_values(joints: Float[np.ndarray, "dof"], root: float) -> Float[np.ndarray, "tangent"]:
    """Values of the joints behind one for all of the root's directions."""
    return np.concatenate([np.full(ROOT, root), np.asarray(joints, np.float64)])
