"""PHUMA's retargeting, by its published description: the baseline for optimisers that see a whole clip at once.

PhySINK, the retargeting of PHUMA (Lee et al. 2025), moves all joints and the root of a chunk together, by Adam, until
key points, link directions, joint ranges, motor speeds, contacts and smoothness cost little together. Everything is
soft, nothing keeps bodies apart, the root keeps the human's orientation; those failures are part of it.

Deviations from the original, whose numbers are kept otherwise:

- The human at the robot's size comes from ``landmark_targets`` and the robot's own lengths, not from a body model
  whose shape was fitted to the robot; with exact lengths there are no link scales to optimise.
- How much a sole touches the floor is counted on the robot's sole as that body carries it, not on a mesh's vertices.
- Chunks are joined to a whole clip, faded into each other; the original leaves them as clips, of up to 4.5 s.
- No clip is rejected, any frame rate is taken, the low-pass is off, all chunks are optimised in one batch.
- Joints that begin at zero begin at the nearest end of their range where that leaves zero out.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from scipy.signal import butter, sosfiltfilt

from understudy.errors import LimitError
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.retarget.phuma_costs import Batch, Body, PhumaWeights, costs, filled
from understudy.retarget.phuma_goals import Goals, goals_of, joined, spans
from understudy.robots.robot import Robot
from understudy.rotations import quat_continuous, quat_normalize

GROUNDS = ("auto", "flat", "none")
ORDER = 4
"""Of the Butterworth filter, applied forwards and backwards."""

Progress = Callable[[int, int, float], None]
"""Called after every iteration with the iterations done and to be done, over all batches, and the mean cost of a chunk
of the batch before the step."""


@dataclass(frozen=True)
class PhumaLikeConfig:
    """Everything that can be chosen about PhumaLike; the numbers are the original's where it has any."""

    weights: PhumaWeights = field(default_factory=PhumaWeights)
    iterations: int = 3001
    """Steps of Adam. A thousand find the pose to centimetres; contacts go on getting better for thousands."""
    rate: float = 0.005
    """Adam's learning rate: how far (rad, m) a joint or the root moves in one step at most, about."""
    chunk: float = 4.0
    """Longest chunk, s."""
    overlap: float = 0.5
    """What neighbouring chunks share, s."""
    lowpass_hz: float | None = None
    """Cut-off for joints and the root's orientation; half of it is used for the root's position. The original filters
    at 6 Hz. ``None``, the default, leaves the optimiser's result as it is: the filter moves feet that the costs have
    put on the floor, and comparisons filter all methods alike, or none."""
    ground: str = "auto"
    """Where the source's floor is: ``auto``, ``flat`` or ``none``, as for FrameIK."""
    batch_frames: int = 4096
    """Chunks are optimised together up to so many frames, for speed's sake; more are taken in turn, for memory's. The
    result does not depend on it."""


class PhumaLike:
    """A ``Retargeter``; see the module. Joints may leave their ranges by a little: that only costs."""

    def __init__(
        self, robot: Robot, config: PhumaLikeConfig = PhumaLikeConfig(), progress: Progress | None = None
    ):
        if config.ground not in GROUNDS:
            raise LimitError(f"ground must be one of {', '.join(GROUNDS)}; got {config.ground!r}.")
        if config.iterations < 0 or not config.rate > 0:
            raise LimitError("PhumaLike needs iterations of 0 or more and a rate above zero.")
        if not config.chunk > config.overlap >= 0:
            raise LimitError("Chunks must be longer than what they share, and share no less than nothing.")
        if config.lowpass_hz is not None and not config.lowpass_hz > 0:
            raise LimitError(f"A low-pass has a cut-off above zero, or is None; got {config.lowpass_hz}.")
        self.robot = robot
        self.config = config
        self.progress = progress
        self._body = Body.of(robot)

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]:
        goals = [goals_of(motion, self.robot, self.config.ground) for motion in motions]
        cuts = [self._cuts(motion) for motion in motions]
        chunks = [goal.cut(*span) for goal, cut in zip(goals, cuts, strict=True) for span in cut]
        fitted = iter(self._optimise(chunks))
        return [
            self._motion(motion, goal, cut, [next(fitted) for _ in cut])
            for motion, goal, cut in zip(motions, goals, cuts, strict=True)
        ]

    def _cuts(self, motion: HumanMotion) -> list[tuple[int, int]]:
        longest = max(2, int(self.config.chunk * motion.fps + 1e-6))
        overlap = min(max(1, round(self.config.overlap * motion.fps)), longest - 1)
        return spans(motion.frames, longest, overlap)

    def _optimise(self, chunks: list[Goals]) -> list[Float[np.ndarray, "time column"]]:
        """Root position (m) and joints (rad) of every chunk, side by side."""
        batches = list(_batches(chunks, self.config.batch_frames))
        out: list[np.ndarray] = []
        with one_thread():
            for k, batch in enumerate(batches):
                moving = self._fit(Batch.of(batch), len(batch), k, len(batches))
                rows = np.cumsum([0, *(filled(len(chunk.root_pos)) for chunk in batch)])
                out += [moving[a : a + len(c.root_pos)].copy() for a, c in zip(rows[:-1], batch, strict=True)]
        return out

    def _fit(self, batch: Batch, chunks: int, turn: int, turns: int) -> Float[np.ndarray, "time column"]:
        """Adam, from joints at zero and the root where the human's is; ``turn`` of ``turns`` is for progress."""
        c, body = self.config, self._body
        start = torch.zeros(len(body.free)).clamp(body.chain.lower, body.chain.upper)
        joint_pos = start.repeat(len(batch.root_pos), 1).requires_grad_()
        root_pos = batch.root_pos.clone().requires_grad_()
        adam = torch.optim.Adam([joint_pos, root_pos], lr=c.rate, foreach=False, fused=False)
        for i in range(c.iterations):
            adam.zero_grad()
            cost = torch.stack(list(costs(body, batch, root_pos, joint_pos, c.weights).values())).sum()
            cost.backward()
            if joint_pos.grad is not None:
                joint_pos.grad *= body.free
            adam.step()
            if self.progress is not None:
                self.progress(
                    turn * c.iterations + i + 1, turns * c.iterations, float(cost.detach()) / chunks
                )
        return torch.cat([root_pos, joint_pos], dim=-1).detach().numpy()

    def _motion(
        self, human: HumanMotion, goal: Goals, cuts: list[tuple[int, int]], parts: list[np.ndarray]
    ) -> RobotMotion:
        """The clip from its chunks, filtered if asked for."""
        track = joined(parts, cuts)
        root_pos, joint_pos, root_quat = track[:, :3], track[:, 3:], goal.root_quat
        if (cutoff := self.config.lowpass_hz) is not None:
            root_pos = _lowpass(root_pos, 0.5 * cutoff, human.fps)
            joint_pos = _lowpass(joint_pos, cutoff, human.fps)
            root_quat = quat_normalize(_lowpass(quat_continuous(root_quat), cutoff, human.fps))
        origin = human.origin.after(
            "retarget.phuma_like",
            robot=self.robot.name,
            configuration=asdict(self.config),
            scale=round(goal.scale, 4),
            floor_shift_m=round(goal.shift, 4),
            chunks=len(cuts),
        )
        return RobotMotion(
            self.robot.name, self.robot.joints, human.fps, root_pos, root_quat, joint_pos, {}, origin
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: sums then always run in one order. The setting of before returns afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(chunks: list[Goals], most: int) -> Iterator[list[Goals]]:
    """Chunks in order, together up to ``most`` frames; one that is longer goes alone."""
    batch: list[Goals] = []
    frames = 0
    for chunk in chunks:
        rows = filled(len(chunk.root_pos))
        if batch and frames + rows > most:
            yield batch
            batch, frames = [], 0
        batch.append(chunk)
        frames += rows
    if batch:
        yield batch


def _lowpass(values: Float[np.ndarray, "time n"], cutoff: float, fps: float) -> Float[np.ndarray, "time n"]:
    """A zero-phase Butterworth filter. What is too short to filter, or too slow to hold the cut-off (Hz), comes back
    as it was."""
    if 2.0 * cutoff >= fps or len(values) < 2:
        return values
    sections = butter(ORDER, cutoff, fs=fps, output="sos")
    return sosfiltfilt(
        sections, values.astype(np.float64), axis=0, padlen=min(3 * (ORDER + 1), len(values) - 1)
    )
