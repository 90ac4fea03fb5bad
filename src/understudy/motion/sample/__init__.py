"""Human motion without a file: a synthetic person of 1.75 m who walks, turns, waves, squats, reaches and
punches.

Made for the demo, the examples and the tests: planted feet, constant bones, smooth at every frame rate, and
free of any licence.
"""

from collections.abc import Sequence
from math import inf, pi

from understudy.errors import LimitError, UnknownName
from understudy.motion.sample.body import standard_skeleton
from understudy.motion.sample.moves import Move, Punch, Reach, Squat, Stand, Turn, Walk, Wave
from understudy.motion.sample.performer import perform
from understudy.motion.sample.score import Score
from understudy.motion.types import HumanMotion

__all__ = [
    "NAMES",
    "Punch",
    "Reach",
    "Squat",
    "Stand",
    "Turn",
    "Walk",
    "Wave",
    "compose",
    "demo",
    "motion",
    "standard_skeleton",
]

_MOVES: dict[str, Move] = {
    "stand": Stand(3.0),
    "walk": Walk(),
    "turn": Turn(),
    "wave": Wave(),
    "squat": Squat(),
    "reach": Reach(),
    "punch": Punch(),
}
NAMES = tuple(_MOVES)
"""What ``motion`` can perform."""


def motion(name: str, *, fps: float = 60.0) -> HumanMotion:
    """One move between two moments of standing. Raises UnknownName."""
    if name not in _MOVES:
        raise UnknownName("sample motion", name, NAMES)
    return compose((Stand(0.3), _MOVES[name], Stand(0.3)), fps=fps, name=name)


def demo(*, fps: float = 60.0) -> HumanMotion:
    """All moves in about fourteen seconds: walk, turn, wave, squat, reach, punch."""
    moves = (Stand(0.2), Walk(steps=4), Turn(pi / 2), Wave(count=2), Squat(), Reach(), Punch(), Stand(0.3))
    return compose(moves, fps=fps, name="demo")


def compose(moves: Sequence[Move], *, fps: float = 60.0, name: str = "composition") -> HumanMotion:
    """Perform moves one after another, joined smoothly. The person starts at the origin, facing x."""
    if not 0 < fps < inf:
        raise LimitError(f"fps must be positive; got {fps}.")
    score = Score()
    for move in moves:
        move.write(score)
    return perform(score, fps, name)
