"""One pair: a clip or a variation of it, fitted to the robot and judged frame by frame.

Everything depends on the sources, the seed, the kind and the number alone, so that a job that was broken off goes on
with the pairs that it would have made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Bool

from understudy import motion
from understudy.learn.pair_file import Pair
from understudy.learn.tracks import body_size, human_tracks
from understudy.motion import HumanMotion, RobotMotion
from understudy.pipelines.pairs_body import from_parts, parts_of, upright
from understudy.pipelines.pairs_library import Library
from understudy.pipelines.pairs_random import random_upper, standing_legs
from understudy.pipelines.pairs_variations import mix, proportions, warp

if TYPE_CHECKING:
    from understudy.retarget import SequenceFit
    from understudy.robots.robot import Robot

Kind = Literal["plain", "mirror", "warp", "proportions", "mixed", "random"]
KINDS: tuple[Kind, ...] = ("plain", "mirror", "warp", "proportions", "mixed", "random")
ONCE: tuple[Kind, ...] = ("plain", "mirror")
"""Kinds of which there is one pair for each clip; of the others there are as many as are asked for."""

FPS = 30.0
"""Frames a second of all pairs."""
RANDOM_LASTS = 12.0
"""Seconds of a pair of kind ``random``."""
STANDING = 0.45
"""The share of those that stand in one place; the others have the legs of a clip."""
SHORTEST_LEGS = 4.0
"""Clips shorter than this (s) lend their legs to nobody's random arms."""
AROUND = 0.2
"""Frames nearer than this (s) to a bad one are not learnt from either."""


@dataclass(frozen=True)
class Item:
    """Which pair: the ``number``-th of its kind."""

    kind: Kind
    number: int

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number:05d}"


def human_for(item: Item, clips: Library, seed: int) -> HumanMotion:
    """The human of a pair, at ``FPS``."""
    rng = np.random.default_rng([seed, KINDS.index(item.kind), item.number])
    piece = _turn_of(item, clips, seed)
    return motion.sample_every(_varied(item.kind, piece, clips, rng), FPS)


def _turn_of(item: Item, clips: Library, seed: int) -> HumanMotion:
    """Every piece has its turn before any has it again; in another order each time."""
    around, place = divmod(item.number, len(clips.pieces))
    order = np.random.default_rng([seed, KINDS.index(item.kind), around, 1]).permutation(len(clips.pieces))
    return clips.pieces[order[place]]


def _varied(kind: Kind, piece: HumanMotion, clips: Library, rng: np.random.Generator) -> HumanMotion:
    match kind:
        case "plain":
            return piece
        case "mirror":
            return motion.mirror(piece)
        case "warp":
            return warp(_either_side(piece, rng), rng)
        case "proportions":
            return proportions(_either_side(piece, rng), rng)
        case "mixed":
            return _mixed(piece, clips, rng)
        case "random":
            return _random(piece, clips, rng)


def _either_side(clip: HumanMotion, rng: np.random.Generator) -> HumanMotion:
    return motion.mirror(clip) if rng.random() < 0.5 else clip


def _mixed(piece: HumanMotion, clips: Library, rng: np.random.Generator) -> HumanMotion:
    """The legs of a piece, or of another one if they do not stand, under the trunk and arms of one that is as long."""
    lower = piece if upright(piece) else clips.standing_piece(rng, 0.0)
    longer = [clip for clip in clips.pieces if clip.frames / clip.fps >= lower.frames / lower.fps]
    upper = motion.sample_every(longer[int(rng.integers(len(longer)))], lower.fps)
    made = mix(_either_side(lower, rng), _either_side(upper, rng), rng)
    return proportions(made, rng) if rng.random() < 0.5 else made


def _random(piece: HumanMotion, clips: Library, rng: np.random.Generator) -> HumanMotion:
    """Random arms and trunk over legs that stand in one place, or over those of a clip."""
    if rng.random() < STANDING:
        body, frames = motion.sample_every(piece, FPS), round(RANDOM_LASTS * FPS)
        below = standing_legs(body, frames, rng)
    else:
        body = _either_side(motion.sample_every(clips.standing_piece(rng, SHORTEST_LEGS), FPS), rng)
        frames, below = body.frames, parts_of(body)
    made = from_parts(FPS, {**below, **random_upper(body, frames, clips.pieces, rng)}, body)
    return proportions(made, rng) if rng.random() < 0.7 else made


def fitter(robot: "Robot") -> "SequenceFit":
    """The teacher. Humans are healed before it sees them, so that they can be kept as it saw them."""
    from understudy.retarget import SequenceFit, SequenceFitConfig

    return SequenceFit(robot, SequenceFitConfig(heal=False))


def pair_of(human: HumanMotion, fit: "SequenceFit", about: Mapping[str, Any]) -> Pair:
    """Fit the robot to a human; ``about`` goes into the pair's ``meta`` with what is found out here.

    Raises UnderstudyError for a body that cannot be followed.
    """
    from understudy.kinematics import body_tracks

    human = motion.steady(motion.heal(human)[0])
    [made] = fit([human])
    told = made.origin.history[-1]
    pos, quat = human_tracks(human, told["floor_shift_m"])
    size = body_size(pos)
    ok = good_frames(made, human, fit.robot)
    meta = {
        **about,
        "source": human.origin.source,
        "licence": human.origin.licence,
        "robot": fit.robot.name,
        "fps": human.fps,
        "size": round(size, 5),
        "scale": told["scale"],
        "floor_shift_m": told["floor_shift_m"],
        "stage": "kinematic",
        "history": [dict(entry) for entry in human.origin.history],
    }
    bodies = body_tracks(fit.robot, made).pos
    arrays = (made.root_pos, made.root_quat, made.joint_pos, bodies.astype(np.float32))
    return Pair(pos, quat, *arrays, ok, meta)


def good_frames(made: RobotMotion, human: HumanMotion, robot: "Robot") -> Bool[np.ndarray, "time"]:
    """Frames of which the certificate of ``evaluate`` has nothing bad to say, nor of any within ``AROUND``."""
    from understudy.evaluate import certificate, metrics_contact, metrics_joint
    from understudy.evaluate.tracks import RobotTracks

    tracks = RobotTracks.of(robot, made)
    q, body = tracks.joint_pos, tracks.robot
    turns = human.landmarks()[1].astype(np.float64)
    bad = metrics_joint.limit_margin(q, body.lower, body.upper).min(axis=1) < -metrics_joint.RANGE_TOLERANCE
    speed = metrics_joint.speed_ratio(q, made.fps, body.velocity_limit).max(axis=1)
    bad |= speed > 1.0 + metrics_joint.SPEED_TOLERANCE
    bad |= metrics_joint.unexplained(q, turns)
    bad |= tracks.clearances.nearest < -certificate.DEEPEST_OVERLAP
    if not metrics_contact.no_floor(robot):
        bad |= tracks.clearances.lowest.min(axis=1) < -metrics_contact.floor_give(robot)
    return ~_spread(bad, round(AROUND * made.fps))


def _spread(bad: Bool[np.ndarray, "time"], frames: int) -> Bool[np.ndarray, "time"]:
    counts = np.convolve(bad.astype(int), np.ones(2 * frames + 1, dtype=int))
    return counts[frames : frames + len(bad)] > 0
