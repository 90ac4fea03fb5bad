"""Left and right of a robot, found from its geometry: which joint answers to which, and with which sign.

Reflection across the plane y = 0 maps an axis of rotation a, a pseudovector, to −M a with M = diag(1, −1,
1). Two joints answer to each other if, in the zero pose, one's axis lies on the other's image, up to a sign; that
sign is the one with which the joint position carries over. Where on its axis a hinge is anchored does not matter, and
names play no part, so any convention for left and right does.
"""

from typing import NamedTuple

import mujoco
import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from understudy.errors import LimitError


class Mirror(NamedTuple):
    """Joint positions of the mirrored robot: ``sign * joint_pos[..., order]``."""

    order: Int[np.ndarray, "dof"]
    sign: Float[np.ndarray, "dof"]


def find(model: mujoco.MjModel) -> Mirror:
    """The mirror of a robot that is symmetric in its zero pose. Raises LimitError, naming the joint, if it
    is not.
    """
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    mujoco.mj_kinematics(model, data)
    anchor, axis = data.xanchor[1:], data.xaxis[1:]
    image = anchor * (1.0, -1.0, 1.0)
    # A hinge's axis reflects as a pseudovector, the direction of a slide as a vector.
    hinge = model.jnt_type[1:] == mujoco.mjtJoint.mjJNT_HINGE
    turned = np.where(hinge[:, None], axis * (-1.0, 1.0, -1.0), axis * (1.0, -1.0, 1.0))
    offset = image[:, None] - anchor
    along = turned @ axis.T
    beside = offset - (offset * axis).sum(-1, keepdims=True) * axis
    apart = np.where(hinge, np.linalg.norm(beside, axis=-1), np.linalg.norm(offset, axis=-1))
    # Of several hinges on one line, the one with the nearer anchor is meant.
    doubt = 0.1 * np.linalg.norm(offset, axis=-1)
    order = linear_sum_assignment(apart + doubt + 1.0 - np.abs(along) + (hinge[:, None] != hinge))[1]
    each = np.arange(len(order))
    bad = (apart[each, order] > 0.01) | (np.abs(along[each, order]) < 0.99) | (order[order] != each)
    if bad.any():
        name = model.joint(1 + int(np.argmax(bad))).name
        raise LimitError(f"The robot is not symmetric: joint {name!r} has no counterpart on the other side.")
    return Mirror(order, np.sign(along[each, order]).astype(np.float32))
