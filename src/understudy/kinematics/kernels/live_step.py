"""One control step: limb by limb, the QP, its whole path over α, the choice, and the move.

Limbs go one after the other, each from where those before it have gone. So a step of the trunk does not surprise the
arms, and what one arm leaves of the space between them is the other's.
"""

from understudy.kinematics.kernels.jit import kernel
from understudy.kinematics.kernels.live_assembly import assemble, copy_limb, copy_pose, place_all
from understudy.kinematics.kernels.live_choice import choose
from understudy.kinematics.kernels.live_path import walk


@kernel
def live_step(
    tree, limbs, tasks, barriers, joints, settings, goal, pose, trial, qp, path, step, alpha, code, solved
):
    """Move ``pose`` by one control step, by exact paths.

    ``alpha``, ``code`` and ``solved`` (limb,) say which α was taken, how it was chosen, and how the path ended.
    """
    place_all(tree, pose)
    copy_pose(pose, trial)
    for k in range(len(limbs.count)):
        assemble(tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp)
        solved[k] = walk(qp, path)
        code[k], alpha[k] = choose(
            tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp, path, True, trial, step
        )
        copy_limb(limbs, k, trial, pose)
