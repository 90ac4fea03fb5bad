"""What else a clip could have been: mirrored, at another pace, by another body, with somebody else's arms.

Every variation takes clips on bodies of landmarks (``pairs_body.on_landmarks``) and gives one. Chance comes from the
generator that is handed in, so the same generator gives the same clip.
"""

from dataclasses import replace

import numpy as np

from understudy.motion import HumanMotion
from understudy.motion.blending import arrays_of, mixed, rows, with_arrays
from understudy.motion.local import local_poses, world_poses
from understudy.pipelines.pairs_body import LEGS, from_parts, leg_length, lowest, parts_of, skeleton_of
from understudy.rotations import quat_slerp

SLOWEST, FASTEST = 0.7, 1.4
"""Times the pace of the source."""
PACE_HOLDS = 1.5
"""Seconds between two paces that are drawn."""
SHORT, LONG = 0.85, 1.15
"""Times the lengths of the source's body."""
NEIGHBOURS = 0.05
"""Bones of one limb differ by up to this share from each other."""
TRUNK_SHARE = (0.6, 1.0)
"""How much of the bend of a mixed trunk is that of whom the arms belong to."""


def warp(human: HumanMotion, rng: np.random.Generator) -> HumanMotion:
    """The clip at a pace that changes smoothly between ``SLOWEST`` and ``FASTEST``."""
    knots = np.exp(
        rng.uniform(np.log(SLOWEST), np.log(FASTEST), 3 + int(human.duration / PACE_HOLDS / SLOWEST))
    )
    longest = int(human.frames / SLOWEST) + 1
    u = np.minimum(np.arange(longest) / human.fps / PACE_HOLDS, len(knots) - 1.001)
    before, part = u.astype(int), u % 1.0
    ease = part * part * (3.0 - 2.0 * part)
    pace = knots[before] + ease * (knots[before + 1] - knots[before])
    at = np.concatenate([[0.0], np.cumsum(0.5 * (pace[1:] + pace[:-1]))])
    at = at[at <= human.frames - 1]
    whole = np.minimum(at.astype(int), max(human.frames - 2, 0))
    arrays = arrays_of(human)
    ahead = np.minimum(whole + 1, human.frames - 1)
    made = with_arrays(human, mixed(human, rows(arrays, whole), rows(arrays, ahead), at - whole))
    return replace(made, origin=human.origin.after("warp"))


def proportions(human: HumanMotion, rng: np.random.Generator) -> HumanMotion:
    """The clip by a body with other lengths. Paths grow with the legs, and whatever is lowest is as high above the
    floor as before, at the new size."""
    factors = _drawn_proportions(rng)
    bones, turns = local_poses(human)
    scale = np.array([factors[name.split("_")[-1]] for name in human.skeleton.joints])
    bones *= scale[:, None]
    skeleton = skeleton_of(human.skeleton.joints, human.skeleton.offsets * scale[:, None].astype(np.float32))
    pos, quat = world_poses(skeleton, bones, turns)
    origin = human.origin.after("proportions", **{k: round(v, 4) for k, v in factors.items()})
    made = HumanMotion(skeleton, human.fps, pos, quat, {}, origin)
    lift = factors["pelvis"] * lowest(human) - lowest(made)
    pos[..., 2] += lift[:, None]
    return replace(made, pos=pos)


def _drawn_proportions(rng: np.random.Generator) -> dict[str, float]:
    """Factors of the bones that end in each landmark; the pelvis' is that of the path."""
    leg, trunk, arm, wide = rng.uniform(SHORT, LONG, 4)
    near = 1.0 + rng.uniform(-NEIGHBOURS, NEIGHBOURS, 6)
    return {
        "pelvis": leg,
        "hip": 0.5 * (leg + wide),
        "knee": leg * near[0],
        "ankle": leg * (2.0 - near[0]),
        "toe": leg * near[1],
        "spine": trunk * near[2],
        "chest": trunk * (2.0 - near[2]),
        "neck": trunk,
        "head": near[3],
        "collar": trunk,
        "shoulder": wide,
        "elbow": arm * near[4],
        "wrist": arm * (2.0 - near[4]),
        "hand": arm * near[5],
    }


def mix(lower: HumanMotion, upper: HumanMotion, rng: np.random.Generator) -> HumanMotion:
    """One clip's legs and path with another's trunk and arms, at the size of the first; as long as the shorter one."""
    frames = min(lower.frames, upper.frames)
    below, above = (parts_of(_window(clip, frames, rng)) for clip in (lower, upper))
    size = leg_length(lower) / leg_length(upper)
    parts = {name: part for name, part in below.items() if name == "pelvis" or name in LEGS}
    share = np.full(frames, rng.uniform(*TRUNK_SHARE))
    for name, (bone, turn) in above.items():
        if name in parts or name in LEGS:
            continue
        if name in ("spine", "chest") and name in below:
            turn = quat_slerp(below[name][1], turn, share)
        parts[name] = (size * bone, turn)
    made = from_parts(lower.fps, parts, lower)
    return replace(made, origin=lower.origin.after("mix", upper=upper.origin.source))


def _window(human: HumanMotion, frames: int, rng: np.random.Generator) -> HumanMotion:
    start = int(rng.integers(human.frames - frames + 1))
    return with_arrays(human, rows(arrays_of(human), slice(start, start + frames)))
