"""What a whole clip is held to, beyond where its landmarks should be: locks, balance, smooth paths, bounded joints."""

import numpy as np
from jaxtyping import Bool, Float

from understudy.kinematics.kernels.arrays import LandmarkArrays, Targets
from understudy.kinematics.kernels.forward import forward_clip
from understudy.kinematics.sequence import Trajectory
from understudy.kinematics.tree import Tree
from understudy.retarget.contacts import PLACES
from understudy.retarget.lengths import sole_offsets
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply

SLOW = 0.25
"""Leg lengths a second: balance is asked for of a body whose pelvis moves slower than about this."""
TURN, PATH = 4.0, 40.0
"""How much more the root's acceleration costs than a joint's: turning (per rad²) and moving (per m²)."""


def smoothness(weight: float, fps: float, dofs: int) -> Float[np.ndarray, "tangent"]:
    """Weights on squared second differences that make an acceleration cost ``weight`` (s⁴/rad²) at any frame rate."""
    return weight * fps**4 * np.concatenate([np.full(3, PATH), np.full(3, TURN), np.ones(dofs)])


def masses(robot: Robot, tree: Tree) -> tuple[Float[np.ndarray, "link"], Float[np.ndarray, "link 3"]]:
    """Each link's share of the whole mass, and its centre of mass in the link's frame (m)."""
    model = robot.model
    share, centre = np.zeros(len(tree.parents)), np.zeros((len(tree.parents), 3))
    share[tree.body_link] = model.body_mass[1:] / model.body_mass[1:].sum()
    centre[tree.body_link] = model.body_ipos[1:]
    return share, centre


def support(
    robot: Robot,
    soles: Float[np.ndarray, "time sole 3"],
    hold: Float[np.ndarray, "time sole"],
    pelvis: Float[np.ndarray, "time 3"],
    fps: float,
    leg: float,
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time"]]:
    """A disc on the floor under the standing feet (middle x, y and radius, m), and how much it is to be heeded, 0..1.

    It is heeded while a foot is held and the pelvis is slow: a person who walks or falls is rightly out of balance.
    """
    disc, heed = np.zeros((len(hold), 3)), np.zeros(len(hold))
    if not robot.feet:
        return disc, heed
    whole = np.maximum(hold.sum(axis=1, keepdims=True), 1e-9)
    share = hold / whole
    middle = (share[..., None] * soles[..., :2]).sum(axis=1)
    spread = np.sqrt((share * ((soles[..., :2] - middle[:, None]) ** 2).sum(-1)).sum(axis=1))
    extent = np.mean([np.ptp(sole_offsets(robot, side)[:, :2], axis=0).mean() for side in robot.feet])
    disc[:, :2], disc[:, 2] = middle, spread + 0.5 * extent
    speed = np.linalg.norm(np.gradient(pelvis[:, :2], axis=0), axis=-1) * fps if len(pelvis) > 1 else heed
    return disc, hold.max(axis=1) / (1.0 + (speed / (SLOW * leg)) ** 4)


def lock_to_floor(
    names: tuple[str, ...],
    landmarks: LandmarkArrays,
    tree: Tree,
    targets: Targets,
    touching: dict[str, Bool[np.ndarray, "time"]],
    start: Trajectory,
) -> dict[int, Bool[np.ndarray, "time"]]:
    """Where hands, knees and trunk rest on the floor: rows of the landmarks that stay in place, and when.

    Each is to stay where ``start`` has it on average over the contact; that is written to ``targets.pos``. A part that
    the robot has no landmark for is left alone.
    """
    rows = {}
    for part, touches in touching.items():
        name = next((name for name in PLACES[part] if name in names), None)
        if name is None or not touches.any():
            continue
        k = names.index(name)
        pos, quat = forward_clip(
            tree.arrays(), start.root_pos, start.root_quat, start.q, landmarks.link[k : k + 1]
        )
        path = pos[:, 0] + quat_apply(quat[:, 0], landmarks.pos[k])
        edges = np.flatnonzero(np.diff(np.concatenate([[False], touches, [False]]).astype(np.int8)))
        for a, b in edges.reshape(-1, 2):
            targets.pos[a:b, k] = path[a:b].mean(axis=0)
        rows[k] = touches
    return rows
