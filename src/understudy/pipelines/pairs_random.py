"""People who never were: arms and trunk on paths between poses drawn at random, over legs that stand and squat.

A corpus knows few of the places that hands can be in. Here poses are drawn from everywhere in the range of an arm, half
of them from the corpus with something added, half by direction of the upper arm, twist and bend of the elbow.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from understudy.motion import HumanMotion
from understudy.motion.blending import minimum_jerk
from understudy.pipelines.pairs_body import leg_length
from understudy.rotations import (
    quat_about,
    quat_apply,
    quat_between,
    quat_conj,
    quat_from_axes,
    quat_from_rotvec,
    quat_mul,
    quat_slerp,
)

Parts = dict[str, tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 4"]]]
Pose = dict[str, Float[np.ndarray, "4"]]

MOVE = (0.5, 2.0)
"""Seconds from one pose to the next."""
HOLD = 0.3
"""The longest time (s) that a pose is kept."""
ADDED = 0.2
"""Standard deviation of what is added to every joint of a pose of the corpus, rad."""
FROM_CORPUS = 0.5
"""The share of arm poses that come from the corpus."""
ELBOW, TWIST, FOREARM, WRIST = 2.4, 1.3, 1.2, 0.5
"""Largest bend of the elbow, twists of upper arm and forearm, standard deviation of the wrist's turn; rad."""
CLEAR = 0.16
"""Hands and elbows are drawn at least this far (m) from the axis of the trunk."""
SOLE = 0.10
"""Height of the ankle over the sole, in leg lengths."""
STRAIGHT = 0.985
"""The largest distance from hip to ankle, in leg lengths."""


def random_upper(
    body: HumanMotion, frames: int, bank: Sequence[HumanMotion], rng: np.random.Generator
) -> Parts:
    """Trunk, head and both arms of a body on random paths: places and turns in the frame of what they hang on."""
    offsets = dict(zip(body.skeleton.joints, body.skeleton.offsets.astype(np.float64), strict=True))
    groups: list[tuple[list[str], Callable[[], Pose]]] = []
    trunk = [name for name in ("spine", "chest") if name in offsets]
    groups.append((trunk, lambda: _of_corpus(trunk, bank, rng, 0.5 * ADDED)))
    head = [name for name in ("neck", "head") if name in offsets]
    groups.append((head, lambda: _of_corpus(head, bank, rng, 0.5 * ADDED)))
    for side in ("left", "right"):
        arm = [
            n
            for n in (f"{side}_{p}" for p in ("collar", "shoulder", "elbow", "wrist", "hand"))
            if n in offsets
        ]
        groups.append((arm, lambda arm=arm, side=side: _arm(side, arm, offsets, bank, rng)))
    parts: Parts = {}
    for names, draw in groups:
        for name, turn in _path(names, draw, frames, body.fps, rng).items():
            parts[name] = (np.tile(offsets[name], (frames, 1)), turn)
    return parts


def _path(
    names: list[str], draw: Callable[[], Pose], frames: int, fps: float, rng: np.random.Generator
) -> dict[str, Float[np.ndarray, "time 4"]]:
    """From pose to pose with minimum jerk, resting a little in each."""
    turns = {name: np.empty((frames, 4)) for name in names}
    here, done = draw(), 0
    while done < frames:
        there = draw()
        count = max(2, round(rng.uniform(*MOVE) * fps))
        rest = round(rng.uniform(0.0, HOLD) * fps)
        u = minimum_jerk(np.arange(1, count + rest + 1) / count)[: frames - done]
        for name in names:
            turns[name][done : done + len(u)] = quat_slerp(here[name], there[name], u)
        here, done = there, done + len(u)
    return turns


def _of_corpus(names: list[str], bank: Sequence[HumanMotion], rng: np.random.Generator, added: float) -> Pose:
    """Turns of some joints from one frame of one clip, each turned a little further."""
    clip = bank[int(rng.integers(len(bank)))]
    frame = int(rng.integers(clip.frames))
    joints, parents = clip.skeleton.joints, clip.skeleton.parents
    pose: Pose = {}
    for name in names:
        further = quat_from_rotvec(rng.normal(0.0, added, 3))
        if name not in joints:
            pose[name] = further
            continue
        k = joints.index(name)
        quat = clip.quat[frame].astype(np.float64)
        pose[name] = quat_mul(quat_mul(quat_conj(quat[parents[k]]), quat[k]), further)
    return pose


def _arm(
    side: str,
    names: list[str],
    offsets: dict[str, np.ndarray],
    bank: Sequence[HumanMotion],
    rng: np.random.Generator,
) -> Pose:
    """A pose of one arm that does not go through the trunk; the last one drawn if none of ten is clear of it."""
    pose: Pose = {}
    for _ in range(10):
        from_corpus = rng.random() < FROM_CORPUS
        pose = _of_corpus(names, bank, rng, ADDED) if from_corpus else _drawn_arm(side, names, bank, rng)
        if _clear(names, pose, offsets):
            break
    return pose


def _drawn_arm(side: str, names: list[str], bank: Sequence[HumanMotion], rng: np.random.Generator) -> Pose:
    """Any direction of the upper arm that a shoulder allows, any twist and any bend. In the T-pose a left arm points to
    +y and its elbow bends about −z; a right one is its mirror."""
    out = 1.0 if side == "left" else -1.0
    pose = _of_corpus(names, bank, rng, 0.05)
    while True:
        way = rng.normal(size=3)
        way /= np.linalg.norm(way)
        inward, back = -out * way[1], -way[0]
        if inward < 0.45 and back < 0.6 - 0.3 * max(way[2], 0.0) and not (inward > 0.0 and back > 0.2):
            break
    along = np.array([0.0, out, 0.0])
    twist = quat_from_rotvec(along * rng.uniform(-TWIST, TWIST))
    pose[f"{side}_shoulder"] = quat_mul(quat_between(along, way), twist)
    bend = quat_about("z", np.asarray(-out * ELBOW * rng.random()))
    pose[f"{side}_elbow"] = quat_mul(bend, quat_from_rotvec(along * rng.uniform(-FOREARM, FOREARM)))
    pose[f"{side}_wrist"] = quat_from_rotvec(rng.normal(0.0, WRIST, 3) * np.array([1.0, 0.3, 0.7]))
    return pose


def _clear(names: list[str], pose: Pose, offsets: dict[str, np.ndarray]) -> bool:
    """Whether elbow and hand keep away from the trunk, seen from an upright chest."""
    place, turn = np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    for name in names:
        place = place + quat_apply(turn, offsets[name])
        turn = quat_mul(turn, pose[name])
        beside = np.hypot(place[0], place[1])
        if name.endswith(("elbow", "wrist", "hand")) and beside < CLEAR and place[2] < 0.25:
            return False
    return True


def standing_legs(body: HumanMotion, frames: int, rng: np.random.Generator) -> Parts:
    """Pelvis and legs of a body whose feet stay where they are while it leans, turns, and squats down to half a leg."""
    offsets = dict(zip(body.skeleton.joints, body.skeleton.offsets.astype(np.float64), strict=True))
    leg = leg_length(body)
    foot, facing = _feet(offsets, leg, rng)
    place, turn = _pelvis_path(frames, body.fps, leg, rng)
    hips = {side: quat_apply(turn, offsets[f"{side}_hip"]) for side in foot}
    # As high as both legs can carry it.
    away = np.stack([np.hypot(*(place + hips[s] - foot[s])[:, :2].T) for s in foot])
    reach = np.sqrt(np.maximum((STRAIGHT * leg) ** 2 - away**2, (0.3 * leg) ** 2))
    most = np.min([reach[i] + foot[s][2] - hips[s][:, 2] for i, s in enumerate(foot)], axis=0)
    place[:, 2] = -0.01 * np.logaddexp(-place[:, 2] / 0.01, -most / 0.01)
    parts: Parts = {"pelvis": (place, turn)}
    for side in foot:
        parts |= _leg(side, place + hips[side], turn, foot[side], facing[side], offsets)
    return parts


def _feet(
    offsets: dict[str, np.ndarray], leg: float, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Where the ankles stand, and which way the feet face."""
    place, facing = {}, {}
    for side, out in (("left", 1.0), ("right", -1.0)):
        across = offsets[f"{side}_hip"][1] + out * rng.uniform(-0.02, 0.22) * leg
        place[side] = np.array([rng.uniform(-0.18, 0.18) * leg, across, SOLE * leg])
        facing[side] = quat_about("z", np.asarray(out * rng.uniform(-0.1, 0.6)))
    return place, facing


def _pelvis_path(
    frames: int, fps: float, leg: float, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 4"]]:
    """Half the poses stand, the others are as low as they like; the lower, the further the trunk leans forward."""

    def draw() -> np.ndarray:
        high = rng.uniform(0.93, 1.05) if rng.random() < 0.5 else rng.uniform(0.5, 1.0)
        lean = rng.uniform(-0.1, 0.25) + 0.6 * (1.0 - min(high, 1.0))
        x, y = rng.normal(0.0, 0.05, 2) - np.array([0.15 * (1.0 - min(high, 1.0)), 0.0])
        return np.array(
            [x * leg, y * leg, (high + SOLE) * leg, rng.normal(0.0, 0.06), lean, rng.normal(0.0, 0.25)]
        )

    path, here, done = np.empty((frames, 6)), draw(), 0
    while done < frames:
        there = draw()
        count = max(2, round(rng.uniform(*MOVE) * fps))
        u = minimum_jerk(np.arange(1, count + 1) / count)[: frames - done]
        path[done : done + len(u)] = here + u[:, None] * (there - here)
        here, done = there, done + len(u)
    roll, pitch, yaw = (quat_about(axis, path[:, 3 + i]) for i, axis in enumerate("xyz"))
    return path[:, :3].copy(), quat_mul(yaw, quat_mul(pitch, roll))


def _leg(
    side: str,
    hip: Float[np.ndarray, "time 3"],
    pelvis: Float[np.ndarray, "time 4"],
    ankle: Float[np.ndarray, "3"],
    facing: Float[np.ndarray, "4"],
    offsets: dict[str, np.ndarray],
) -> Parts:
    """Thigh and shin from a hip to an ankle, the knee over the foot."""
    thigh, shin = (float(np.linalg.norm(offsets[f"{side}_{part}"])) for part in ("knee", "ankle"))
    way = ankle - hip
    far = np.minimum(np.linalg.norm(way, axis=-1), 0.999 * (thigh + shin))
    down = way / np.linalg.norm(way, axis=-1, keepdims=True)
    ahead = quat_apply(facing, np.array([1.0, 0.0, 0.0]))
    ahead = ahead - (down @ ahead)[:, None] * down
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    cosine = np.clip((thigh**2 + far**2 - shin**2) / (2.0 * thigh * far), -1.0, 1.0)
    sine = np.sqrt(1.0 - cosine**2)
    bone = thigh * (cosine[:, None] * down + sine[:, None] * ahead)
    left = np.cross(-down, ahead)
    frames = [_hinge(left, -bone), _hinge(left, bone - far[:, None] * down)]
    foot = np.broadcast_to(facing, pelvis.shape)
    still = np.zeros((len(hip), 3))
    parts: Parts = {
        f"{side}_hip": (still + offsets[f"{side}_hip"], quat_mul(quat_conj(pelvis), frames[0])),
        f"{side}_knee": (still - [0.0, 0.0, thigh], quat_mul(quat_conj(frames[0]), frames[1])),
        f"{side}_ankle": (still - [0.0, 0.0, shin], quat_mul(quat_conj(frames[1]), foot)),
    }
    if f"{side}_toe" in offsets:
        parts[f"{side}_toe"] = (still + offsets[f"{side}_toe"], np.tile([1.0, 0.0, 0.0, 0.0], (len(hip), 1)))
    return parts


def _hinge(left: Float[np.ndarray, "time 3"], up: Float[np.ndarray, "time 3"]) -> Float[np.ndarray, "time 4"]:
    """The frame of a bone that hangs below its joint and turns about ``left``."""
    z = up / np.linalg.norm(up, axis=-1, keepdims=True)
    return quat_from_axes(np.cross(left, z), left)
