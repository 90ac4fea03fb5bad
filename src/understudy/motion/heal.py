"""A clip without the faults of its capture: what was wrong is led smoothly from the frames before to those after."""

from dataclasses import replace

import numpy as np

from understudy.motion.faults import Faults, faults_in
from understudy.motion.gaps import Values, across, gaps, moved, trust
from understudy.motion.local import local_poses, world_poses
from understudy.motion.types import HumanMotion, Skeleton


def heal(human: HumanMotion) -> tuple[HumanMotion, Faults]:
    """The clip with its faults replaced, and which joints in which frames they were (``faults.find_faults``).

    Local rotations and places of faulty joints follow a cubic through the two good frames before and the two after;
    what hangs on them follows. Everything else keeps its value to the last bit, and a clip without faults is given
    back as it is. The new clip remembers in ``tracks["healed"]``, (time, joint), what was replaced.
    """
    bones, turns = local_poses(human)
    wrong = faults_in(human, bones, turns)
    if not wrong.any():
        return human, wrong
    rows = np.flatnonzero(wrong.any(axis=1))
    bones, turns = bridged(bones, wrong)[rows], bridged(turns, wrong)[rows]
    below = carried(human.skeleton, wrong[rows])
    pos, quat = human.pos.copy(), human.quat.copy()
    new_pos, new_quat = world_poses(human.skeleton, bones, turns)
    pos[rows] = np.where(below[..., None], new_pos, pos[rows])
    quat[rows] = np.where(below[..., None], new_quat, quat[rows])
    origin = human.origin.after("motion.heal", frames=len(rows), joints=int(wrong.sum()))
    tracks = {**human.tracks, "healed": wrong | np.asarray(human.tracks.get("healed", False), dtype=bool)}
    return replace(human, pos=pos, quat=quat, tracks=tracks, origin=origin), wrong


def bridged(values: Values, wrong: Faults) -> Values:
    """Local rotations or places, the wrong ones replaced by the way across them."""
    frame, joint = np.nonzero(wrong)
    gap = gaps(values, trust(~wrong), frame, frame, joint)
    healed = values.copy()
    healed[frame, joint] = moved(gap.base, across(gap, np.zeros((len(frame), 1)))[:, 0])
    return healed


def carried(skeleton: Skeleton, wrong: Faults) -> Faults:
    """Wrong joints and all that hang on them."""
    below = wrong.copy()
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            below[:, joint] |= below[:, parent]
    return below
