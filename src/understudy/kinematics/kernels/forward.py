"""Forward kinematics of one pose and of a clip."""

import numpy as np
from numba import njit

from understudy.kinematics.kernels.spatial import matmul3, matvec3, quat_to_rot, rot_to_quat, rotation_about


@njit(cache=True, error_model="numpy")
def forward(tree, root_pos, root_quat, q, pos, rot):
    """Fill the world positions ``pos`` (link, 3) and rotations ``rot`` (link, 3, 3) of all links."""
    turned = np.empty((3, 3))
    turn = np.empty((3, 3))
    v = np.empty(3)
    pos[0] = root_pos
    quat_to_rot(root_quat, rot[0])
    for i in range(1, len(tree.parents)):
        p = tree.parents[i]
        matvec3(rot[p], tree.pos[i], v)
        for k in range(3):
            pos[i, k] = pos[p, k] + v[k]
        if tree.dof[i] < 0:
            matmul3(rot[p], tree.rot[i], rot[i])
            continue
        matmul3(rot[p], tree.rot[i], turned)
        rotation_about(tree.axis[i], q[tree.dof[i]], turn)
        matmul3(turned, turn, rot[i])
        a = tree.anchor[i]
        if (
            a[0] != 0.0 or a[1] != 0.0 or a[2] != 0.0
        ):  # turning about a point that is not the link's origin moves it
            for k in range(3):
                for j in range(3):
                    pos[i, k] += (turned[k, j] - rot[i, k, j]) * a[j]


@njit(cache=True, error_model="numpy")
def forward_clip(tree, root_pos, root_quat, q, links):
    """World poses (time, link, 3) and quaternions (time, link, 4) of the chosen ``links`` over a clip."""
    frames, n = len(root_pos), len(tree.parents)
    pos, rot = np.empty((n, 3)), np.empty((n, 3, 3))
    out_pos = np.empty((frames, len(links), 3))
    out_quat = np.empty((frames, len(links), 4))
    for t in range(frames):
        forward(tree, root_pos[t], root_quat[t], q[t], pos, rot)
        for k in range(len(links)):
            out_pos[t, k] = pos[links[k]]
            rot_to_quat(rot[links[k]], out_quat[t, k])
    return out_pos, out_quat
