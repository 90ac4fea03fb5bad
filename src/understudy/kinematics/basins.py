"""Start a whole-clip fit in the right valleys.

Limbs fall into wrong basins independently of each other, and which one a frame falls into depends on where its solver
starts. So a clip is solved frame by frame several times over, forwards, backwards, and forgetting the past every few
frames; then each limb takes the cheapest path through its candidates, where changing over costs what the joints move.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from understudy.kinematics.clip_fit import fit_clip
from understudy.kinematics.kernels import basins as kernels
from understudy.kinematics.kernels.arrays import Course, Problem, Targets
from understudy.kinematics.sequence import Trajectory


def candidates(
    problem: Problem,
    targets: Targets,
    seeds: Float[np.ndarray, "seed dof"],
    restarts: Sequence[Float[np.ndarray, "dof"]],
    stride: int,
    limbs: Int[np.ndarray, "dof"],
) -> list[Trajectory]:
    """Solutions of a clip: forwards, backwards, and restarted every ``stride`` frames from each of ``restarts``."""
    forwards = fit_clip(problem, targets, seeds, limbs)
    found = [Trajectory(forwards.root_pos, forwards.root_quat, forwards.joint_pos)]
    backwards = fit_clip(problem, reverse(targets), seeds, limbs)
    found.append(
        Trajectory(
            *(
                np.ascontiguousarray(a[::-1])
                for a in (backwards.root_pos, backwards.root_quat, backwards.joint_pos)
            )
        )
    )
    for seed in restarts:
        one = Trajectory(
            *(np.empty_like(a) for a in (forwards.root_pos, forwards.root_quat, forwards.joint_pos))
        )
        kernels.fit_restarting(problem, targets, seed, stride, one.root_pos, one.root_quat, one.q)
        found.append(one)
    return found


def reverse(targets: Targets) -> Targets:
    """The same targets with time running backwards."""
    turned = Targets(*(np.ascontiguousarray(array[::-1]) for array in targets))
    # The step into a frame is the step out of it when time runs backwards.
    return turned._replace(max_step=np.roll(turned.max_step, 1))


def choose(
    problem: Problem,
    targets: Targets,
    course: Course,
    found: Sequence[Trajectory],
    limbs: Int[np.ndarray, "dof"],
    flip: float,
    rate: float,
) -> tuple[Trajectory, Int[np.ndarray, "limb time"]]:
    """Put a trajectory together from the cheapest path of each limb, and of the trunk; and the paths.

    ``flip`` (1/rad²) is what a change-over costs, ``rate`` the weight of a frame's cost (what a frame lasts).
    """
    groups = 2 + int(limbs.max())
    frames = len(targets.pos)
    costs = np.empty((len(found), frames, groups))
    for k, one in enumerate(found):
        kernels.limb_costs(problem, targets, course, limbs, one.root_pos, one.root_quat, one.q, costs[k])
    poses = np.stack([one.q for one in found])
    paths = np.empty((groups, frames), np.int64)
    q, at = np.empty_like(found[0].q), np.arange(frames)
    for group in range(groups):
        joints = np.flatnonzero(limbs == group - 1)
        kernels.cheapest_path(rate * costs[:, :, group], poses, joints, flip, paths[group])
        q[:, joints] = poses[paths[group][:, None], at[:, None], joints]
    root_pos = np.stack([one.root_pos for one in found])[paths[0], at]
    root_quat = np.stack([one.root_quat for one in found])[paths[0], at]
    return Trajectory(root_pos, root_quat, q), paths
