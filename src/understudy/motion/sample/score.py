"""A score: what a performer is asked to do and when, before any joint moves.

Everything is a function of continuous time with two continuous derivatives, so that moves written one after
another join without a seam and any frame rate can be drawn from the same score.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from understudy.motion.blending import minimum_jerk

Times = Float[np.ndarray, "time"]


def glide(u: np.ndarray, ramp: float = 0.4) -> np.ndarray:
    """0 → 1 like ``minimum_jerk``, but at constant speed between two ramps: a lower peak velocity."""
    u = np.clip(u, 0.0, 1.0)
    near = np.minimum(u, 1.0 - u)
    w = np.minimum(near / ramp, 1.0)
    # The velocity climbs as 3w² − 2w³; its integral over the whole way is 1 − ramp.
    way = (ramp * (w**3 - 0.5 * w**4) + np.maximum(near - ramp, 0.0)) / (1.0 - ramp)
    return np.where(u <= 0.5, way, 1.0 - way)


@dataclass(frozen=True)
class Pulse:
    """A channel goes to ``value`` and back: up over [start, full], down over [leave, end] (s).

    With a ``frequency`` (Hz) the value swings as a sine that starts at ``full``, and the ramps are its
    envelope.
    """

    channel: str
    start: float
    full: float
    leave: float
    end: float
    value: float
    frequency: float = 0.0

    def at(self, t: Times) -> Times:
        up = minimum_jerk((t - self.start) / (self.full - self.start))
        down = minimum_jerk((t - self.leave) / (self.end - self.leave))
        shape = self.value * up * (1.0 - down)
        if self.frequency:
            shape = shape * np.sin(2.0 * np.pi * self.frequency * (t - self.full))
        return shape


@dataclass(frozen=True)
class Step:
    """One foot leaves the floor at ``start`` and lands at ``end`` (s), on the place (x, y in m, yaw in rad).

    ``roll_off`` is how far the heel has risen about the ball of the foot when it leaves, ``strike`` how far
    the toes point up when the heel lands (rad); ``lift`` is the extra height of the swing (m).
    """

    side: str
    start: float
    end: float
    x: float
    y: float
    yaw: float
    roll_off: float = 0.0
    strike: float = 0.0
    lift: float = 0.05


@dataclass
class Score:
    """Steps and pulses on a growing timeline. ``time`` is where the next move begins; ``x``, ``y``, ``yaw``
    say where the performer will then be standing, with parallel feet.
    """

    time: float = 0.0
    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    steps: list[Step] = field(default_factory=list)
    pulses: list[Pulse] = field(default_factory=list)

    def channel(self, name: str, t: Times) -> Times:
        """The sum of all pulses on a channel."""
        return sum((p.at(t) for p in self.pulses if p.channel == name), np.zeros_like(t))

    def pulse(self, channel: str, value: float, start: float, full: float, leave: float, end: float) -> None:
        """Add a pulse; times count from the start of the present move."""
        now = self.time
        self.pulses.append(Pulse(channel, now + start, now + full, now + leave, now + end, value))
