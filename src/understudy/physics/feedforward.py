"""Torques that a motion needs: inverse dynamics, with the floor's share of them put on the feet that stand."""

import mujoco
import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from understudy.physics.references import Reference
from understudy.robots.robot import Robot

EASE = 0.04
"""Seconds over which load passes from foot to foot (standard deviation)."""
LEVER = 0.05
"""Metres: a foot gives this much torque as easily as one newton of force."""
SLACK = 0.01
"""What a standing foot leaves to others, as a share; one that does not stand leaves nearly all."""


def feedforward(robot: Robot, model: mujoco.MjModel, ref: Reference) -> Float[np.ndarray, "time dof"]:
    """Joint torques (Nm), within the effort limits, under which the robot would follow the reference.

    No foot pulls at the root, so the root's own dynamics say what the floor gives: a wrench on each foot, the smallest
    that add up (ridge regression, feet weighted by how much they stand). What the feet cannot give is missing.
    """
    fps, frames = ref.motion.fps, len(ref)
    acc = np.gradient(ref.qvel, 1.0 / fps, axis=0) if frames > 1 else np.zeros_like(ref.qvel)
    carries = gaussian_filter1d(ref.stance.astype(np.float64), EASE * fps, axis=0, mode="nearest")
    data = mujoco.MjData(model)
    bodies = [model.body(foot.body).id for foot in robot.feet.values()]
    soles = [foot.sole.mean(axis=0) for foot in robot.feet.values()]
    jacobian = np.zeros((6 * len(bodies), model.nv))
    ease = np.tile([1.0, 1.0, 1.0, LEVER, LEVER, LEVER], len(bodies))
    torques = np.zeros((frames, model.nu))
    disabled = model.opt.disableflags
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
    for k in range(frames):
        data.qpos[:], data.qvel[:], data.qacc[:] = ref.qpos[k], ref.qvel[k], acc[k]
        mujoco.mj_inverse(model, data)
        for i, (body, sole) in enumerate(zip(bodies, soles, strict=True)):
            at = data.xpos[body] + data.xmat[body].reshape(3, 3) @ sole
            mujoco.mj_jac(model, data, jacobian[6 * i : 6 * i + 3], jacobian[6 * i + 3 : 6 * i + 6], at, body)
        scale = ease * np.repeat(carries[k], 6)
        onto_root = jacobian[:, :6].T * scale
        gram = onto_root @ onto_root.T + SLACK * np.diag([1.0, 1.0, 1.0, LEVER, LEVER, LEVER]) ** 2
        wrench = scale * (onto_root.T @ np.linalg.solve(gram, data.qfrc_inverse[:6]))
        torques[k] = (data.qfrc_inverse - jacobian.T @ wrench)[6:]
    model.opt.disableflags = disabled
    return np.clip(torques, -robot.effort_limit, robot.effort_limit)
