"""One pair: a clip or a variation of it, fitted to the robot and judged frame by frame.

Everything depends on the sources, the seed, the kind and the number alone, so that a job that was broken off goes on
with the pairs that it would have made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Bool

from understudy import motion
from understudy.errors import UnderstudyError
from understudy.learn.tracks import body_size, human_tracks
from understudy.motion import HumanMotion, RobotMotion
from understudy.pipelines.pairs_body import from_parts, on_landmarks, parts_of, upright
from understudy.pipelines.pairs_file import Pair
from understudy.pipelines.pairs_random import random_upper, standing_legs
from understudy.pipelines.pairs_sources import Licence, Split, sources
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
LONGEST = 14.0
"""Clips are cut into pieces of at most this length (s); stretched by ``warp`` they stay below 20 s."""
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


@dataclass(frozen=True)
class Library:
    """The clips that pairs are made of, in pieces, on bodies of landmarks. ``refused`` has the files that cannot be
    read, with the reason."""

    pieces: tuple[HumanMotion, ...]
    refused: tuple[tuple[str, str], ...]

    @cached_property
    def durations(self) -> np.ndarray:
        """Seconds of each piece."""
        return np.array([piece.frames / piece.fps for piece in self.pieces])

    @cached_property
    def standing(self) -> tuple[int, ...]:
        """Pieces whose legs can carry another trunk: somebody is on the feet all through."""
        return tuple(k for k, piece in enumerate(self.pieces) if upright(piece))


@lru_cache(maxsize=2)
def library(data: Path, licence: Licence, split: Split) -> Library:
    """Read all clips of a split. Raises UnderstudyError if there are none that can be read."""
    pieces: list[HumanMotion] = []
    refused: list[tuple[str, str]] = []
    for source in sources(data, licence, split):
        try:
            clip = source.read()
        except UnderstudyError as error:
            refused.append((source.id, " ".join(str(error).split())))
            continue
        origin = motion.Origin(source.id, clip.origin.licence or source.licence)
        pieces += _cut(replace(on_landmarks(clip), origin=origin))
    if not pieces:
        raise UnderstudyError(f"None of the {len(refused)} clips in {data} can be read: {refused[0][1]}")
    return Library(tuple(pieces), tuple(refused))


def _cut(clip: HumanMotion) -> list[HumanMotion]:
    """Pieces of equal length, none longer than ``LONGEST``."""
    count = max(1, int(np.ceil(clip.duration / LONGEST)))
    edges = np.linspace(0, clip.frames, count + 1).round().astype(int)
    return [
        motion.trim(clip, a / clip.fps, (b - 1) / clip.fps) for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]


def human_for(item: Item, clips: Library, seed: int) -> HumanMotion:
    """The human of a pair, at ``FPS``."""
    rng = np.random.default_rng([seed, KINDS.index(item.kind), item.number])
    piece = _turn_of(item, clips, seed)
    made = _VARIATIONS[item.kind](piece, clips, rng)
    return made if made.fps == FPS else motion.sample_every(made, FPS)


def _turn_of(item: Item, clips: Library, seed: int) -> HumanMotion:
    """Every piece has its turn before any has it again; in another order each time."""
    around, place = divmod(item.number, len(clips.pieces))
    order = np.random.default_rng([seed, KINDS.index(item.kind), around, 1]).permutation(len(clips.pieces))
    return clips.pieces[order[place]]


Variation = Callable[[HumanMotion, Library, np.random.Generator], HumanMotion]


def _maybe_mirrored(clip: HumanMotion, rng: np.random.Generator) -> HumanMotion:
    return motion.mirror(clip) if rng.random() < 0.5 else clip


def _mixed(piece: HumanMotion, clips: Library, rng: np.random.Generator) -> HumanMotion:
    lower = piece if upright(piece) else _standing(clips, rng, 0.0)
    longer = [clip for clip in clips.pieces if clip.frames / clip.fps >= lower.frames / lower.fps]
    upper = longer[int(rng.integers(len(longer)))]
    made = mix(*(_maybe_mirrored(_at(clip, lower.fps), rng) for clip in (lower, upper)), rng)
    return proportions(made, rng) if rng.random() < 0.5 else made


def _random(piece: HumanMotion, clips: Library, rng: np.random.Generator) -> HumanMotion:
    if rng.random() < STANDING:
        frames = round(RANDOM_LASTS * FPS)
        body = motion.sample_every(piece, FPS)
        below = standing_legs(body, frames, rng)
    else:
        body = _maybe_mirrored(motion.sample_every(_standing(clips, rng, SHORTEST_LEGS), FPS), rng)
        frames, below = body.frames, parts_of(body)
    made = from_parts(FPS, {**below, **random_upper(body, frames, clips.pieces, rng)}, body)
    return proportions(made, rng) if rng.random() < 0.7 else made


def _standing(clips: Library, rng: np.random.Generator, least: float) -> HumanMotion:
    """A piece on whose legs another trunk can stand, of at least so many seconds if there is one."""
    able = [clips.pieces[k] for k in clips.standing] or list(clips.pieces)
    long = [piece for piece in able if piece.duration >= least] or able
    return long[int(rng.integers(len(long)))]


def _at(clip: HumanMotion, fps: float) -> HumanMotion:
    return clip if clip.fps == fps else motion.sample_every(clip, fps)


_VARIATIONS: dict[Kind, Variation] = {
    "plain": lambda piece, clips, rng: piece,
    "mirror": lambda piece, clips, rng: motion.mirror(piece),
    "warp": lambda piece, clips, rng: warp(_maybe_mirrored(piece, rng), rng),
    "proportions": lambda piece, clips, rng: proportions(_maybe_mirrored(piece, rng), rng),
    "mixed": _mixed,
    "random": _random,
}


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

