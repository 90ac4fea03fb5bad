"""How a bone is turned about itself, where only points are seen: from hinges while they bend, carried over time
where they are straight.

The turn is a unit complex number z over time, relative to a reference frame that swings with the bone. Evidence pulls
z to what a frame shows, weighted by how well it shows it; continuity ties z to its neighbours *after* the bone's own
swing has been taken out (parallel transport), so that a straight arm that circles is not twisted by the circling; a
faint prior pulls to the reference. All of it is one linear least-squares problem on complex numbers, so there is no
branch to choose, no half turn to jump over, and no direction of time.
"""

import numpy as np
from jaxtyping import Complex, Float

from understudy.motion.calibrate_pose import swing
from understudy.motion.posture import unit
from understudy.rotations import quat_apply, quat_between, quat_conj, quat_from_rotvec, quat_mul

CONTINUITY = 6e-4
"""Seconds: squared ratio of a point's usual error, seen as an angle from the next joint (0.05 rad), to how fast limbs
turn about themselves (2 rad per square root of a second)."""


def twisted(
    parent: Float[np.ndarray, "time 4"],
    axis: Float[np.ndarray, "3"],
    bone: Float[np.ndarray, "time 3"],
    second: Float[np.ndarray, "3"],
    evidence: Float[np.ndarray, "time 3"],
    fps: float,
    prior: float,
    *,
    half_turn: bool = True,
) -> Float[np.ndarray, "time 4"]:
    """World frames whose ``axis`` lies along ``bone`` and whose ``second`` axis follows the evidence.

    ``parent`` are the frames whose smallest swing onto the bone is the reference. ``evidence`` are world vectors where
    ``second`` should point, their lengths the weights (1 for a right angle; zero for none), ``prior`` the weight of
    the reference (1/s): unseen, a turn is remembered for √(CONTINUITY / prior) seconds. Without ``half_turn``,
    evidence of more than a quarter turn from the reference is believed less and less, as of a joint that cannot.
    """
    reference = swing(parent, axis, unit(bone))
    seen = quat_apply(quat_conj(reference), evidence)
    pull = seen @ second + 1j * (seen @ np.cross(axis, second))
    weight = np.abs(pull)
    # Where the bone points against its place in the T-pose, the smallest swing is any, and the reference says nothing.
    plain = 0.5 + 0.5 * (quat_apply(parent, np.broadcast_to(axis, bone.shape)) * unit(bone)).sum(-1)
    if not half_turn:
        doubt = 1.0 - (0.5 + 0.5 * pull.real / np.maximum(weight, 1e-12)) ** 2
        pull, weight = (1.0 - plain * doubt) * pull, (1.0 - plain * doubt) * weight
    rest = prior / fps * plain**2
    step = _transport(reference, axis, unit(bone))
    turn = _solve(pull + rest, weight + rest + 1e-9, step, CONTINUITY * fps)
    return quat_mul(reference, quat_from_rotvec(np.angle(turn)[:, None] * axis))


def _transport(reference: np.ndarray, axis: np.ndarray, bone: np.ndarray) -> Complex[np.ndarray, "step"]:
    """By what turn a frame carried along without twist leaves the reference from each frame to the next."""
    carried = quat_mul(quat_between(bone[:-1], bone[1:]), reference[:-1])
    turn = quat_mul(quat_conj(reference[1:]), carried)
    return np.exp(2j * np.arctan2(turn[:, 1:] @ axis, turn[:, 0]))


def _solve(
    pull: Complex[np.ndarray, "time"],
    weight: Float[np.ndarray, "time"],
    step: Complex[np.ndarray, "step"],
    tie: float,
) -> Complex[np.ndarray, "time"]:
    """The z that minimises Σ |√weight z − pull/√weight|² + tie Σ |z₊ − step z|²: one tridiagonal system."""
    along = np.concatenate([[1.0], np.cumprod(step)])  # in the carried frame neighbours are tied directly
    right = pull / along
    count = len(right)
    diagonal = weight.astype(np.float64).copy()
    if count > 1:
        diagonal[:-1] += tie
        diagonal[1:] += tie
    for t in range(1, count):
        share = tie / diagonal[t - 1]
        diagonal[t] -= share * tie
        right[t] += share * right[t - 1]
    out = np.empty_like(right)
    out[-1] = right[-1] / diagonal[-1]
    for t in range(count - 2, -1, -1):
        out[t] = (right[t] + tie * out[t + 1]) / diagonal[t]
    return out * along
