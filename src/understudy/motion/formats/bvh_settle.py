"""What a BVH file leaves open, settled from its own skeleton and motion: up axis, unit, root position, first
frame.

Each function returns its conclusion with a sentence that says why.
"""

import numpy as np
from jaxtyping import Float

from understudy.motion.biped import Biped
from understudy.motion.posture import is_human_like, middle, points_of, stature, t_pose_error, unit

UNITS = {"m": 1.0, "cm": 0.01, "inch": 0.0254, "mm": 0.001, "Acclaim unit": 0.0254 / 0.45}
"""Metres in each unit that motion files come in. Acclaim skeletons are written in inches divided by 0.45, and
the exports of the CMU set to 3ds Max and MotionBuilder kept that."""

HUMAN_STATURE = (1.3, 2.1)
ODD_STATURE = (0.7, 2.7)
ASSUMED_STATURE = 1.7

T_POSE = 25.0
"""Degrees by which the limbs of a leading T-pose may be off."""
JUMP = 0.05
"""How far a joint must jump, as a part of the standing height, when a leading T-pose ends."""
IMPOSSIBLE = 6.0
"""Standing heights a second that no joint of a body moves from rest within one frame."""

# World axes (x forward, y left, z up) as columns of the file's axes. All are cyclic, hence rotations; with y
# up, a body that faces the file's z and has its left at x comes out facing x with its left at y.
WORLD_AXES = {"x": [1, 2, 0], "y": [2, 0, 1], "z": [0, 1, 2]}


def to_world_axes(v: Float[np.ndarray, "*batch 3"], up: str) -> Float[np.ndarray, "*batch 3"]:
    return v[..., WORLD_AXES[up]]


def to_world_quat(q: Float[np.ndarray, "*batch 4"], up: str) -> Float[np.ndarray, "*batch 4"]:
    """The same rotation about world axes: C q C⁻¹, where C is the change of axes."""
    return q[..., [0, *(1 + a for a in WORLD_AXES[up])]]


def settle_up(
    biped: Biped, rest: Float[np.ndarray, "joint 3"], pos: Float[np.ndarray, "time joint 3"]
) -> tuple[str, str]:
    """The axis along which the rest pose stands; the motion decides if the rest pose is no human pose."""
    standing = [a for a in "xyz" if is_human_like(points_of(biped, to_world_axes(rest, a)))]
    p = points_of(biped, pos)
    feet = middle(p, "ankle")
    body = p["head"] - feet
    mean = unit(body).mean(0)
    main = "xyz"[int(np.abs(mean).argmax())]
    if standing and standing[0] == main:
        return main, f"{main}: the rest pose and the motion stand along it"
    if not standing:
        if np.abs(mean).max() > 0.3:
            return main, f"{main}: from the feet to the head the motion points along it"
        return (
            "y",
            "y: assumed, for the rest pose is not that of a human and the motion does not stand upright",
        )
    # A body that lies along an axis for a whole clip is rarer than one that stands on a floor at zero.
    floor = np.percentile(feet[:, "xyz".index(main)], 5)
    size = np.median(np.linalg.norm(body, axis=-1))
    if np.abs(mean).max() > 0.9 and abs(floor) < 0.15 * size:
        return (
            main,
            f"{main}: the motion stands along it, feet at zero, though the rest pose says {standing[0]}",
        )
    return standing[0], f"{standing[0]}: the rest pose stands along it"


def settle_unit(biped: Biped, pos: Float[np.ndarray, "time joint 3"]) -> tuple[float, str]:
    """Metres per unit of the file, such that the body is as tall as a human."""
    height = stature(points_of(biped, pos))
    # Children and giants come in the two units that people use; an odd unit needs a usual body to be
    # believed.
    for (low, high), names in ((HUMAN_STATURE, tuple(UNITS)), (ODD_STATURE, ("m", "cm"))):
        for name in names:
            metres = UNITS[name]
            if low <= height * metres <= high:
                return metres, f"{name}: the body is {height * metres:.2f} m tall then"
    metres = ASSUMED_STATURE / height
    return metres, (
        f"{100 * metres:.4g} cm: no usual unit gives a human height, so the body is taken to be "
        f"{ASSUMED_STATURE} m tall; give the unit if it is not"
    )


def settle_translations(
    biped: Biped,
    joints: list[int],
    carriers: list[int],
    offsets: Float[np.ndarray, "joint 3"],
    local: Float[np.ndarray, "time joint 3"],
    pos: Float[np.ndarray, "time joint 3"],
    up: str,
) -> tuple[list[int], str]:
    """Which joints' position channels are meant relative to their OFFSET instead of replacing it.

    ``carriers`` are the joints that move the whole body (the root, and what hangs on it up to the pelvis).
    For them the floor decides: their feet should touch the ground near zero. The other joints have bones of
    nearly constant length, so their channels repeat the OFFSET or are nearly zero.
    """
    axis = "xyz".index(up)
    feet = np.min([pos[:, j, axis] for n, j in biped.joints.items() if n.endswith(("ankle", "toe"))], axis=0)
    floor = np.percentile(feet, 2)
    size = stature(points_of(biped, pos))
    relative, said = [], "the position channels replace the OFFSET"
    for j in joints:
        length = np.linalg.norm(offsets[j])
        if j in carriers:
            shifted = floor + offsets[j, axis]
            if abs(offsets[j, axis]) > 0.1 * size and abs(shifted) < abs(floor) - 0.05 * size:
                relative.append(j)
                said = "relative to the root's OFFSET: only then are the feet near the floor"
                floor = shifted
        elif length > 0.01 * size and np.median(np.linalg.norm(local[:, j], axis=-1)) < 0.2 * length:
            relative.append(j)
    return relative, said


SMEAR = 8
"""At most so many frames after a leading T-pose may be the smeared jump out of it."""
SMEARED = 0.01
"""The least joint step, as a part of the standing height, that belongs to such a jump."""


def settle_first_frame(
    biped: Biped, pos: Float[np.ndarray, "time joint 3"], up: str, fps: float
) -> tuple[int, str]:
    """How many leading frames are a T-pose that is no part of the motion: it is left by a jump, not by
    moving."""
    world = to_world_axes(pos[:60], up)
    p = points_of(biped, world)
    shape = np.stack([v - p["pelvis"] for v in p.values()], axis=1)
    if len(shape) < 3:
        return 0, "the first: the clip is too short to tell"
    step = np.abs(shape[1:] - shape[:-1]).max(axis=(1, 2)) / stature(p)
    still = int(np.argmax(step > 1e-3)) if (step > 1e-3).any() else len(step)
    error = float(t_pose_error({k: v[0] for k, v in p.items()}))
    if error < T_POSE and still < len(step) and step[still] > JUMP:
        after = np.median(step[still + 1 :]) if still + 1 < len(step) else 0.0
        if step[still] < 5 * after and step[still] * fps < IMPOSSIBLE:
            return 0, "1: a T-pose, which the body leaves by moving"
        count = still + 1
        # Filters and resamplers smear the jump over a few frames; they go with it.
        while count < min(len(step), still + SMEAR) and step[count] > max(5 * after, SMEARED):
            count += 1
        what = "a T-pose" if count == 1 else f"a T-pose and the jump out of it, {count} frames,"
        return count, f"{count + 1}: {what} before the motion dropped"
    return 0, "1: the motion starts at once"
