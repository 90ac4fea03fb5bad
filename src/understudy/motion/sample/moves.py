"""The moves. Each is a frozen configuration with ``write(score)``, which appends itself and advances the
time.

Durations in seconds, lengths in metres, angles in radians. Every move starts and ends standing at ease.
"""

from dataclasses import dataclass
from math import cos, pi, sin

from understudy.motion.sample.body import HALF_STANCE
from understudy.motion.sample.feet import TOE_OUT
from understudy.motion.sample.score import Pulse, Score, Step

RIGHT_FIRST = ("right", "left")


@dataclass(frozen=True)
class Stand:
    """Stand at ease, breathing."""

    duration: float = 1.0

    def write(self, score: Score) -> None:
        score.time += self.duration


@dataclass(frozen=True)
class Walk:
    """Walk forwards, optionally along an arc: ``steps`` steps of ``step_time`` s at ``speed`` m/s in full
    stride, changing the heading by ``turn`` rad on the way. The first step is a half one and the last one
    closes the feet.
    """

    speed: float = 1.15
    steps: int = 7
    step_time: float = 0.54
    turn: float = 0.0

    def write(self, score: Score) -> None:
        length = self.speed * self.step_time
        begin = score.time + 0.25
        vigour = min(1.0, length / 0.6)
        for k in range(self.steps):
            closing = k == self.steps - 1
            ahead = 0.0 if closing else (0.5 if k == 0 else 1.0) * length
            score.yaw += self.turn / self.steps
            score.x += ahead * cos(score.yaw)
            score.y += ahead * sin(score.yaw)
            start = begin + k * self.step_time
            end_share = 0.5 if k in (0, self.steps - 1) else 1.0
            _step(
                score,
                RIGHT_FIRST[k % 2],
                start,
                start + 0.76 * self.step_time,
                roll_off=vigour * (0.22 if k == 0 else 0.62),
                strike=0.30 * vigour * end_share * (0.3 if closing else 1.0),
                lift=0.045 + 0.015 * vigour,
                half_width=0.85 * HALF_STANCE,
            )
        score.time = begin + self.steps * self.step_time + 0.15


@dataclass(frozen=True)
class Turn:
    """Turn on the spot by ``angle`` rad (positive to the left) in pairs of small steps."""

    angle: float = pi / 2
    pairs: int = 2
    step_time: float = 0.44

    def write(self, score: Score) -> None:
        begin = score.time + 0.2
        inner_first = ("left", "right") if self.angle > 0 else ("right", "left")
        for k in range(2 * self.pairs):
            if k % 2 == 0:
                score.yaw += self.angle / self.pairs
            start = begin + k * self.step_time
            _step(score, inner_first[k % 2], start, start + 0.8 * self.step_time, roll_off=0.12, lift=0.05)
        score.time = begin + 2 * self.pairs * self.step_time + 0.1


@dataclass(frozen=True)
class Wave:
    """Raise a hand beside the head and wave it ``count`` times at ``frequency`` Hz."""

    count: int = 3
    frequency: float = 1.7
    amplitude: float = 0.38
    side: str = "right"

    def write(self, score: Score) -> None:
        full = 0.7
        leave = full + self.count / self.frequency
        times = (0.0, full, leave, leave + 0.7)
        for name, value in (("abduct", 1.15), ("flex", 0.30), ("twist", -1.45), ("elbow", 1.25)):
            score.pulse(f"{self.side}_{name}", value, *times)
        now = score.time
        for name, share in (("elbow", 1.0), ("wrist", 0.35)):
            score.pulses.append(
                Pulse(
                    f"{self.side}_{name}",
                    now + full - 0.2,
                    now + full + 0.15,
                    now + leave - 0.15,
                    now + leave + 0.2,
                    share * self.amplitude,
                    self.frequency,
                )
            )
        score.pulse("side", 0.05 if self.side == "right" else -0.05, *times)
        score.time += times[-1] + 0.1


@dataclass(frozen=True)
class Squat:
    """Sink by ``depth`` m with the arms held out in front, stay for ``hold`` s, and rise; ``duration``
    without hold."""

    depth: float = 0.36
    duration: float = 2.0
    hold: float = 0.1

    def write(self, score: Score) -> None:
        half = 0.5 * self.duration
        times = (0.0, half, half + self.hold, self.duration + self.hold)
        share = self.depth / 0.40
        for channel, value in (
            ("pelvis_drop", self.depth),
            ("pelvis_forward", -0.16 * share),
            ("pelvis_pitch", 0.42 * share),
            ("lean", 0.16 * share),
        ):
            score.pulse(channel, value, *times)
        for side in ("left", "right"):
            score.pulse(f"{side}_flex", 1.75 * share, *times)
            score.pulse(f"{side}_elbow", -0.10, *times)
        score.time += times[-1] + 0.15


@dataclass(frozen=True)
class Reach:
    """Reach forwards with one hand to shoulder height (``height`` rad of shoulder flexion), lean in, and
    return."""

    height: float = 1.65
    lean: float = 0.20
    duration: float = 1.7
    side: str = "right"

    def write(self, score: Score) -> None:
        full, leave = 0.42 * self.duration, 0.58 * self.duration
        times = (0.0, full, leave, self.duration)
        toward = 1.0 if self.side == "right" else -1.0
        score.pulse(f"{self.side}_flex", self.height, *times)
        score.pulse(f"{self.side}_abduct", -0.10, *times)
        score.pulse(f"{self.side}_elbow", -0.18, *times)
        score.pulse(f"{self.side}_pronate", 0.9, *times)
        score.pulse("lean", self.lean, *times)
        score.pulse("pelvis_pitch", 0.3 * self.lean, *times)
        score.pulse("pelvis_forward", 0.03, *times)
        score.pulse("twist", 0.30 * toward, *times)
        score.time += self.duration + 0.1


@dataclass(frozen=True)
class Punch:
    """Step into a guard with the left foot ahead, punch ``count`` times (right, left, …), and step back.

    ``strike_time`` is how long a fist takes from the guard to full reach.
    """

    count: int = 2
    strike_time: float = 0.20
    stance: float = 0.26

    def write(self, score: Score) -> None:
        x, y = score.x, score.y
        score.x, score.y = x + self.stance * cos(score.yaw), y + self.stance * sin(score.yaw)
        _step(score, "left", score.time + 0.1, score.time + 0.5, roll_off=0.12, strike=0.08)
        score.x, score.y = x, y
        first, beat = 0.65, 2 * self.strike_time + 0.25
        relax = first + self.count * beat
        times = (0.05, 0.55, relax, relax + 0.55)
        for side in ("left", "right"):
            for name, value in (("flex", 0.62), ("abduct", 0.12), ("elbow", 1.75), ("twist", 0.18)):
                score.pulse(f"{side}_{name}", value, *times)
        score.pulse("pelvis_drop", 0.05, *times)
        score.pulse("lean", 0.08, *times)
        for k in range(self.count):
            self._strike(score, RIGHT_FIRST[k % 2], first + k * beat)
        back = score.time + relax
        _step(score, "left", back, back + 0.42, roll_off=0.10, half_width=HALF_STANCE)
        score.time += times[-1] + 0.1

    def _strike(self, score: Score, side: str, start: float) -> None:
        reach = start + self.strike_time
        times = (start, reach, reach + 0.05, reach + 0.05 + self.strike_time)
        toward = 1.0 if side == "right" else -1.0
        score.pulse(f"{side}_flex", 0.88, *times)
        score.pulse(f"{side}_elbow", -1.92, *times)
        score.pulse(f"{side}_twist", -0.18, *times)
        score.pulse(f"{side}_pronate", 1.1, *times)
        score.pulse("twist", 0.45 * toward, *times)
        score.pulse("pelvis_yaw", 0.18 * toward, *times)
        score.pulse("pelvis_forward", 0.03, *times)


def _step(
    score: Score,
    side: str,
    start: float,
    end: float,
    *,
    roll_off: float = 0.0,
    strike: float = 0.0,
    lift: float = 0.05,
    half_width: float = HALF_STANCE,
) -> None:
    """Step to the place of that foot beside the score's present position."""
    sign = 1.0 if side == "left" else -1.0
    x = score.x - sign * half_width * sin(score.yaw)
    y = score.y + sign * half_width * cos(score.yaw)
    score.steps.append(Step(side, start, end, x, y, score.yaw + sign * TOE_OUT, roll_off, strike, lift))


Move = Stand | Walk | Turn | Wave | Squat | Reach | Punch
