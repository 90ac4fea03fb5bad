"""NMR on a stream: the same weights over a window that slides, with as much look-ahead as one can wait for.

Every frame runs the network over the last two seconds and answers for the instant ``look_ahead`` ago, so that what came
after it is known. Frames may come at any rate, and late: the window is cut anew, at the network's own rate, back from
the newest frame.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.evaluate.stance import FULL_SIZE
from understudy.learn.tracks import body_size, human_tracks
from understudy.motion.landmarks import LANDMARKS, SIDES
from understudy.motion.types import HumanFrame, HumanMotion, RobotFrame, Skeleton
from understudy.retarget.floor import THICKNESS
from understudy.retarget.live.levels import Levels
from understudy.retarget.live.reading import Clock, Reader, rest_pose
from understudy.retarget.nmr_files import load_nmr
from understudy.retarget.nmr_network import STRIDE
from understudy.retarget.nmr_running import FPS, Tracks, run
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_conj, quat_normalize

Track = tuple[float, Float[np.ndarray, "23 3"], Float[np.ndarray, "23 4"]]
"""A time (s) and the world poses of all landmarks (m, wxyz)."""

_LONGEST = 0.5
"""Most seconds of look-ahead."""
_FEET = [[LANDMARKS.index(f"{side}_{part}") for part in ("ankle", "toe")] for side in SIDES]


@dataclass(frozen=True)
class NMRLiveConfig:
    """Everything that can be chosen about a neural retargeting of a stream."""

    checkpoint: str = ""
    """A file, or the name of a shipped one; the robot's own if empty."""
    look_ahead: float = 0.2
    """Seconds that the robot is late, 0 to 0.5; what is known of them makes its motion better."""
    window: int = 64
    """Frames that the network sees, at 30 a second, look-ahead included."""
    ground: str = "auto"
    """Where the floor is: ``auto`` or ``flat``, where feet rest; ``none``, at the source's z = 0."""


class NMRLive:
    """A ``LiveRetargeter`` whose answers are ``delay`` seconds old. Raises CheckpointError for a file that is no
    network for this robot, LimitError for options that cannot be.

    Frames that are no pose repeat the one before; joints stay within their range, and from frame to frame within their
    motors' speed."""

    def __init__(self, robot: Robot, config: NMRLiveConfig = NMRLiveConfig()):
        c = config
        if not 0.0 <= c.look_ahead <= _LONGEST:
            raise LimitError(f"look_ahead lies between 0 and {_LONGEST:g} s; got {c.look_ahead:g}.")
        if c.window % STRIDE or c.window <= 2 * _LONGEST * FPS:
            least = STRIDE * (int(2 * _LONGEST * FPS) // STRIDE + 1)
            raise LimitError(f"window is a multiple of {STRIDE}, at least {least}; got {c.window}.")
        if c.ground not in ("auto", "flat", "none"):
            raise LimitError(f"ground is 'auto', 'flat' or 'none'; got {c.ground!r}.")
        self.robot, self.config, self.model = robot, config, load_nmr(robot, c.checkpoint)
        self._ahead = round(c.look_ahead * FPS)
        self.delay = self._ahead / FPS
        """Seconds between a frame and the answer that is for it."""
        self.idle = 1.0 / FPS
        """Seconds that a frame stands for whose time is no progress."""
        self.steps = 0
        """Runs of the network since the reset."""
        self._reader: Reader | None = None
        self._tracks: deque[Track] = deque()
        self._levels, self._size, self._floor = Levels(), 1.0, 0.0
        self._clock = Clock(self.idle)
        self._last: Float[np.ndarray, "qpos"] = robot.home.astype(np.float64)

    def reset(self, frame: HumanFrame) -> RobotFrame:
        """Start at a frame, as if it had been held until now. Raises SkeletonMismatch for a skeleton that lacks what
        the network must see."""
        self._reader = Reader.of(frame.skeleton)
        self._tracks.clear()
        self._clock.begin(float(frame.time))
        self._levels, self.steps = Levels(), 0
        self._size = body_size(_tracks(frame.skeleton, *rest_pose(frame.skeleton))[0])
        self._last = self.robot.home.astype(np.float64)
        if self._see(frame, self.idle):
            self._last = self._pose()
        return self._answer(frame)

    def step(self, frame: HumanFrame) -> RobotFrame:
        """Follow a frame. A frame of another skeleton is a reset."""
        if self._reader is None or frame.skeleton is not self._reader.skeleton:
            return self.reset(frame)
        seconds = self._clock.passed(float(frame.time))
        self._see(frame, seconds)
        if self._tracks:
            self._last = self._limited(self._pose(), seconds)
        return self._answer(frame)

    def _see(self, frame: HumanFrame, seconds: float) -> bool:
        """Take a frame in; False where it is no pose, and the one before stands for it."""
        assert self._reader is not None
        human = self._reader.read(frame, self._clock.now)
        if human is None:
            if self._tracks:
                self._keep(*self._tracks[-1][1:])
            return False
        [pos], [quat] = _tracks(human.skeleton, human.pos, human.quat)
        self._find_floor(pos, quat, seconds)
        self._keep(pos, quat)
        return True

    def _keep(self, pos: Float[np.ndarray, "23 3"], quat: Float[np.ndarray, "23 4"]) -> None:
        """Remember a pose for now, and forget those that no window reaches any more."""
        self._tracks.append((self._clock.now, pos, quat))
        while len(self._tracks) > 2 and self._tracks[1][0] < self._clock.now - self.config.window / FPS:
            self._tracks.popleft()

    def _find_floor(self, pos: np.ndarray, quat: np.ndarray, seconds: float) -> None:
        """Keep up with the height that feet rest at."""
        if self.config.ground == "none":
            return
        feet = pos[_FEET]
        turn = quat_conj(quat[[ankle for ankle, _ in _FEET]])
        arch = -float(quat_apply(turn, feet[:, 1] - feet[:, 0])[:, 2].mean())
        rest = self._levels.step(feet, arch, seconds, min(1.0, self._size / FULL_SIZE))
        self._floor = float(rest[0]) - THICKNESS["ankle"] * self._size

    def _pose(self) -> Float[np.ndarray, "qpos"]:
        """What the network says of the instant ``delay`` ago."""
        self.steps += 1
        count = self.config.window
        at = self._clock.now - np.arange(count - 1, -1, -1) / FPS
        pos, quat = _sampled(self._tracks, at)
        pos[..., 2] -= self._floor
        [made] = run(self.model, [Tracks(pos, quat, self._size)], count, 0, 1)
        t = count - 1 - self._ahead
        joints = np.clip(made[2][t], self.robot.lower, self.robot.upper)
        return np.concatenate([made[0][t], made[1][t], joints]).astype(np.float64)

    def _limited(self, qpos: Float[np.ndarray, "qpos"], seconds: float) -> Float[np.ndarray, "qpos"]:
        """No joint faster than its motor."""
        most = 0.999 * self.robot.velocity_limit * seconds
        joints = self._last[7:] + np.clip(qpos[7:] - self._last[7:], -most, most)
        return np.concatenate([qpos[:7], joints])

    def _answer(self, frame: HumanFrame) -> RobotFrame:
        return RobotFrame(self.robot.name, frame.time, self._last.astype(np.float32))


def _sampled(
    tracks: "deque[Track]", at: Float[np.ndarray, "time"]
) -> tuple[Float[np.ndarray, "time 23 3"], Float[np.ndarray, "time 23 4"]]:
    """Landmarks at given times (s); before the first frame and after the last, as in these."""
    times = np.array([time for time, _, _ in tracks])
    above = np.clip(np.searchsorted(times, at), 1, max(len(times) - 1, 1))
    below = above - 1
    above = np.minimum(above, len(times) - 1)
    gap = np.maximum(times[above] - times[below], 1e-9)
    weight = np.clip((at - times[below]) / gap, 0.0, 1.0)[:, None, None]
    pos, quat = np.stack([p for _, p, _ in tracks]), np.stack([q for _, _, q in tracks])
    near, far = quat[below], quat[above]
    far = np.where((near * far).sum(-1, keepdims=True) < 0.0, -far, far)
    return (1 - weight) * pos[below] + weight * pos[above], quat_normalize((1 - weight) * near + weight * far)


def _tracks(skeleton: Skeleton, pos: np.ndarray, quat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Landmark tracks of one frame."""
    tracks = human_tracks(HumanMotion(skeleton, FPS, pos[None], quat[None]))
    return tracks[0].astype(np.float64), tracks[1].astype(np.float64)
