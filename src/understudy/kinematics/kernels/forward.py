"""Forward kinematics of one pose and of a clip."""

import numpy as np

from understudy.kinematics.kernels.jit import kernel, part
from understudy.kinematics.kernels.spatial import matmul3, quat_to_rot, rot_to_quat, transform, turn_about


@part
def forward(tree, root_pos, root_quat, q, pos, rot):
    """Fill the world positions ``pos`` (link, 3) and rotations ``rot`` (link, 3, 3) of all links."""
    turned = np.empty((1, 3, 3))
    for c in range(3):
        pos[0, c] = root_pos[c]
    quat_to_rot(root_quat, rot[0])
    for i in range(1, len(tree.parents)):
        p = tree.parents[i]
        transform(pos, rot, p, tree.pos, i, pos, i)
        if tree.dof[i] < 0:
            matmul3(rot, p, tree.rot, i, rot, i)
            continue
        matmul3(rot, p, tree.rot, i, turned, 0)
        turn_about(turned, tree.axis, i, q[tree.dof[i]], rot, i)
        x, y, z = tree.anchor[i, 0], tree.anchor[i, 1], tree.anchor[i, 2]
        if x != 0.0 or y != 0.0 or z != 0.0:  # turning about a point that is not the link's origin moves it
            for c in range(3):
                pos[i, c] += (
                    (turned[0, c, 0] - rot[i, c, 0]) * x
                    + (turned[0, c, 1] - rot[i, c, 1]) * y
                    + (turned[0, c, 2] - rot[i, c, 2]) * z
                )


@kernel
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
