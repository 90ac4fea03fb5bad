"""NMR: retargeting learned as a mapping between distributions of motion (Zhao et al., arXiv 2603.22201).

A network that has seen hours of pairs gives whole clips at once, several times as fast as a fit, and without a
fit's valleys. What it gives is nearly right everywhere and exactly right nowhere: ``repair`` hands it to SequenceFit
for the fewest steps that certify. See ``docs/methods/nmr.md``.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from understudy import motion
from understudy.errors import LimitError
from understudy.learn.tracks import body_size, human_tracks
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.retarget.floor import floor_under
from understudy.retarget.landmark_problem import GROUNDS
from understudy.retarget.nmr_files import load_nmr
from understudy.retarget.nmr_network import STRIDE
from understudy.retarget.nmr_rates import at_frames, lowpass
from understudy.retarget.nmr_running import FPS, Pose, Tracks, run
from understudy.retarget.sequence_fit import SequenceFit, SequenceFitConfig
from understudy.robots.robot import Robot


@dataclass(frozen=True)
class NMRConfig:
    """Everything that can be chosen about a neural retargeting."""

    checkpoint: str = ""
    """A file, or the name of a shipped one; the robot's own if empty."""
    ground: str = "auto"
    """Where the floor is: found by the feet, the lowest level of the clip, or the file's own zero."""
    heal: bool = True
    """Take gaps, spikes and tremble out of the human first, as SequenceFit does; else the network is on its own."""
    repair: bool = False
    """Let SequenceFit finish what the network began."""
    chunk: int = 128
    """Frames that the network sees at a time."""
    overlap: int = 32
    """Frames that neighbouring chunks share, and blend over."""
    batch: int = 4
    """Chunks given to the network side by side. More are faster on long clips and slower on single short ones:
    batches are always whole, so that a clip becomes the same in any company."""
    smooth_hz: float | None = None
    """A low-pass over the result, Hz; the released code of NMR has one of 5 Hz."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the products inside the transformer; running sums and all else keep single precision, and with ``repair``
    these do too."""
    device: str = "cpu"
    """Where the network runs, as torch names it."""


class NMR:
    """A ``Retargeter``. Raises CheckpointError for a file that is no network for this robot, LimitError for options
    that cannot be."""

    def __init__(self, robot: Robot, config: NMRConfig = NMRConfig()):
        c = config
        if c.ground not in GROUNDS:
            raise LimitError(f"ground must be one of {', '.join(GROUNDS)}; got {c.ground!r}.")
        if c.chunk % STRIDE or not 0 < 2 * c.overlap <= c.chunk or c.batch < 1:
            raise LimitError(
                f"Chunks are multiples of {STRIDE} frames, of which at most half overlap, and one at least is done "
                f"at a time; got chunk={c.chunk}, overlap={c.overlap}, batch={c.batch}."
            )
        self.robot, self.config = robot, config
        self.model = load_nmr(robot, c.checkpoint).to(c.device).eval()
        if c.precision == "bfloat16" and not c.repair:  # a fit may make more of a difference than there was
            self.model.network.halve_tokens()
        self._fit = SequenceFit(robot, SequenceFitConfig(ground=c.ground)) if c.repair else None

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]:
        c = self.config
        seen = [self._seen(human) for human in motions]
        poses = run(self.model, [tracks for tracks, _ in seen], c.chunk, c.overlap, c.batch)
        return [
            self._finished(human, tracks, floor, pose)
            for human, (tracks, floor), pose in zip(motions, seen, poses, strict=True)
        ]

    def _seen(self, human: HumanMotion) -> tuple[Tracks, float]:
        """What the network is given of a clip, and the height of its floor (m)."""
        if self.config.heal:
            human = motion.steady(motion.heal(human)[0])
        pos, quat = human_tracks(motion.resample(human, FPS))
        size = body_size(pos)
        floor = floor_under(human, size, self.config.ground)
        pos[..., 2] -= floor
        return Tracks(pos, quat, size), floor

    def _finished(self, human: HumanMotion, tracks: Tracks, floor: float, pose: Pose) -> RobotMotion:
        """The motion at the clip's own frames, within the joints' range."""
        c, robot = self.config, self.robot
        origin = human.origin.after(
            "retarget.nmr",
            robot=robot.name,
            configuration=asdict(c),
            scale=round(self.model.robot.size / tracks.size, 4),
            floor_shift_m=round(-floor, 4),
        )
        made = RobotMotion(robot.name, robot.joints, FPS, *pose, {}, origin)
        made = at_frames(made, human.fps, human.frames)
        if c.smooth_hz is not None:
            made = lowpass(made, c.smooth_hz)
        made = replace(made, joint_pos=np.clip(made.joint_pos, robot.lower, robot.upper))
        return made if self._fit is None else self._fit.polish(human, made, rough=True)
