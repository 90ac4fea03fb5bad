"""Motions as arrays that a network maps one to the other. Everything here is torch: float32, any batch, any device,
differentiable, no loop over frames.

    anchor = anchor_of(pos, quat, size)                  # human landmark tracks, see ``learn.tracks``
    x = encode_human(pos, quat, anchor)                  # (*batch, time, layout_of_human().width)
    y = encode_robot(root_pos, root_quat, joint_pos, body_pos, anchor, robot)
    root_pos, root_quat, joint_pos = decode_robot(y, anchor, robot)

``robot`` is a ``RobotLayout``; ``layout_of_human(kind)`` and ``layout_of_robot(robot, kind)`` name the columns. Lengths
are in leg lengths of whom they belong to, velocities in leg lengths a frame, angles in rad, orientations six numbers:
the frame's x axis, then its y axis. The *heading* of a frame is the yaw of the human's hips.

**anchored** (the default) hangs each frame of the robot on the same frame of the human; nothing is added up over time,
so nothing drifts, and features do not change when the floor is turned or walked along.

==============  ======  =============================================================================================
human           columns
==============  ======  =============================================================================================
heading_rate         1  how far the heading turned into this frame
velocity             2  of the middle between the hips along the floor, in the heading frame
height               1  of that middle over the floor
root_turn            6  the pelvis in the heading frame
places              66  the 22 other landmarks from that middle, in the heading frame
velocities          66  of the same, less that of the middle
turns              132  orientations of the same
==============  ======  =============================================================================================

==============  ======  =============================================================================================
robot           columns
==============  ======  =============================================================================================
root                 3  the robot's pelvis landmark from the human's middle between the hips, that one's path scaled
                        by the ratio of sizes; in the human's heading frame
root_turn            6  the robot's pelvis landmark in the frame of the human's pelvis
joint_pos          dof  joint positions
places       3(body−1)  the other bodies from the root, in the root's frame; for losses, not decoded
velocities      3 body  of all bodies in the world (zero for a foot that stands), in the root's frame; for losses
==============  ======  =============================================================================================

**paper** is Eq. 7 and 8 of NMR (arXiv 2603.22201): velocity along the floor (2), root orientation (6), places along
the floor from the root and heights over it, velocities, and for the robot its joints; all in the frame that the human
faces in the first frame. Decoding adds the velocities up and reads the height of the root among the places. Where
this differs from the released code: heights are over the floor, which tracks know, and not over the lowest point of a
clip; lengths are divided by the size where the code brings all humans to one body; all 23 landmarks are there, not the
22 joints of SMPL; and robot and human share one first heading, since only the human's is known when it counts.
"""

from understudy.learn.features_human import Anchor, anchor_of, encode_human
from understudy.learn.features_layout import KINDS, Layout, RobotLayout, layout_of_human, layout_of_robot
from understudy.learn.features_robot import Pose, decode_robot, encode_robot

__all__ = [
    "KINDS",
    "Anchor",
    "Layout",
    "Pose",
    "RobotLayout",
    "anchor_of",
    "decode_robot",
    "encode_human",
    "encode_robot",
    "layout_of_human",
    "layout_of_robot",
]
