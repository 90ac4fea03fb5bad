"""``understudy learn nmr``: a neural retargeter from a folder of pairs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from understudy.cli.console import err, out
from understudy.cli.job import LINE_EVERY
from understudy.errors import LimitError

if TYPE_CHECKING:
    from understudy.retarget.nmr_train import NMRTraining

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
Folder = Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
Count = Annotated[int, tyro.conf.arg(metavar="N")]
Number = Annotated[float | None, tyro.conf.arg(metavar="X")]


@dataclass(frozen=True)
class TrainNMR:
    """Train a neural retargeter on pairs: a checkpoint that `understudy retarget --method nmr` takes.

    The folder gets best.safetensors and last.safetensors (averaged weights), log.jsonl, and what going on after an
    interruption needs (--resume). The second stage of the paper is the same with --start and a learning rate of 1e-5 on
    pairs that physics refined.
    """

    data: Folder
    """Pairs, as `understudy learn pairs` makes them."""
    out: Folder
    """Where the checkpoints go."""
    validation: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Pairs to choose the best weights by; without them, the pairs of one clip in twenty of --data are kept back."""
    size: Literal["tiny", "small", "medium", "base"] = "small"
    """Of the network."""
    features: Literal["anchored", "paper"] = "anchored"
    """What it sees and makes: relative to the human, which cannot drift, or as the paper has it."""
    skip: Annotated[bool, tyro.conf.FlagCreatePairsOff] = True
    """Let each frame also reach the last layers directly; the paper's network has no such path."""
    symmetric: Annotated[bool, tyro.conf.FlagCreatePairsOff] = True
    """Tie the weights so that a mirrored human gives the mirrored robot."""
    faults: Annotated[bool, tyro.conf.FlagCreatePairsOff] = True
    """Put faults of capture on half of the windows."""
    steps: Count = 20_000
    """Of the optimiser."""
    batch: Count = 128
    """Windows in a step."""
    window: Count = 96
    """Frames in a window, a multiple of four."""
    learning_rate: Number = None
    """At its peak; by default 2e-4, and 1e-5 with --start."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of matrix products."""
    hours: Number = None
    """Learn from the first so many hours of pairs."""
    kinds: tuple[str, ...] = ()
    """Learn from these kinds of pairs; all if none is named."""
    start: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Begin with the weights of a checkpoint."""
    resume: Flag = False
    """Go on with what is in --out."""
    minutes: Number = None
    """Stop after so long; --resume goes on."""
    threads: Count = 0
    """Of the processor; torch's own choice if 0."""
    device: str = "cpu"
    """Where to train: cpu, cuda."""
    seed: int = 0

    def run(self) -> int:
        from understudy.retarget.nmr_train import train_nmr

        made = train_nmr(
            self.data,
            self.validation,
            self.out,
            self._training(),
            start=self.start,
            resume=self.resume,
            kinds=self.kinds or None,
            hours=self.hours,
            progress=_watch(self.steps),
        )
        told = ", ".join(f"{name} {value:.4g}" for name, value in made.validation.items())
        out().print(
            f"{self.out}: {made.step:,} of {self.steps:,} steps. {told}", markup=False, soft_wrap=True
        )
        return 0

    def _training(self) -> "NMRTraining":
        from understudy.learn.faults import FaultConfig
        from understudy.learn.loop import LoopConfig
        from understudy.learn.windows import WindowConfig
        from understudy.retarget.nmr_model import NMRModelConfig
        from understudy.retarget.nmr_network import STRIDE, network_config
        from understudy.retarget.nmr_train import NMRTraining

        if self.window < STRIDE or self.window % STRIDE:
            raise LimitError(f"--window must be a multiple of {STRIDE}; got {self.window}.")
        if min(self.steps, self.batch) < 1:
            raise LimitError(f"--steps and --batch must be 1 or more; got {self.steps} and {self.batch}.")
        rate = self.learning_rate or (2e-4 if self.start is None else 1e-5)
        return NMRTraining(
            NMRModelConfig(self.features, network_config(self.size, skip=self.skip), self.symmetric),
            WindowConfig(self.window, self.batch, faults=FaultConfig() if self.faults else None),
            LoopConfig(
                self.steps,
                rate,
                warmup=min(500, self.steps // 10),
                precision=self.precision,
                validate_every=max(1, min(1000, self.steps // 10)),
                best="points_cm",
                minutes=self.minutes,
                seed=self.seed,
                device=self.device,
            ),
            threads=self.threads,
        )


def _watch(steps: int) -> Callable[[int, dict[str, float]], None]:
    """A line whenever the log gets one, at most every few seconds, with the time that is left."""
    import time

    begin, first, last = time.monotonic(), None, 0.0

    def tell(step: int, metrics: dict[str, float]) -> None:
        nonlocal first, last
        now = time.monotonic()
        first = (step, now) if first is None else first
        if now - last < min(LINE_EVERY, 10.0) and "points_cm" not in metrics:
            return
        last = now
        done, spent = step - first[0], now - first[1]
        left = f", {(steps - step) * spent / done / 60.0:.0f} min left" if done else ""
        named = (
            "total",
            "points_cm",
            "soles_cm",
            "deep_mm",
            "joints_deg",
            "jumps_pct",
            "limits_pct",
            "bend_ratio",
        )
        values = ", ".join(f"{name} {metrics[name]:.3g}" for name in named if name in metrics)
        minutes = (now - begin) / 60.0
        err().print(
            f"step {step:,} of {steps:,}, {minutes:.1f} min{left}: {values}", markup=False, soft_wrap=True
        )

    return tell
