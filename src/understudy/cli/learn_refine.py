"""``understudy learn refine-pairs``: pairs whose robot side a simulated robot has performed."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from understudy.cli.console import err, quiet_stdout
from understudy.cli.job import LINE_EVERY, duration
from understudy.cli.learn_pairs import ShowPairs
from understudy.errors import LimitError

if TYPE_CHECKING:
    from understudy.pipelines.pairs import Line
    from understudy.pipelines.pairs_physics import PhysicsPairsConfig

Folder = Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
Kinds = Literal["plain", "mirror", "warp", "proportions", "mixed", "random"]


@dataclass(frozen=True)
class RefinePairs:
    """Let a simulated robot perform pairs: the second stage of NMR learns from what it really did.

    The new folder is like the given one, and `understudy learn nmr --data FOLDER --start best.safetensors` takes it.
    Kinds take turns, so every beginning of the folder is a mixture. Of a robot that fell the time up to half a second
    before is kept, if it is two seconds at least. Frames in which it was far from what was asked for, beyond a joint's
    range, or failed a check of the certificate do not count as good. Run the same command again after an interruption:
    what is done is not done again. About five seconds of one core for a second of motion. The exit code is 1 if a pair
    could not be read or simulated; a fall is no failure.
    """

    data: Folder
    """Pairs, as `understudy learn pairs` makes them."""
    out: Folder
    """Where the new pairs go."""
    minutes: Annotated[float | None, tyro.conf.arg(metavar="M")] = None
    """Begin no further pair after so long."""
    pairs: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """The first N pairs of the order, those that are there already included."""
    kinds: tuple[Kinds, ...] = ("plain", "mixed", "warp", "mirror")
    """Which kinds of pairs."""
    seed: int = 0
    """Of the simulated robot's plans; the same seed gives the same performances, to the bit."""
    samples: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Courses simulated at once for each plan; more is steadier and slower."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Processes, one core each."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        from understudy.pipelines.pairs_physics import refine_pairs

        for name, value in (("minutes", self.minutes), ("pairs", self.pairs), ("workers", self.workers)):
            if value is not None and not value > 0:
                raise LimitError(f"--{name} must be above zero; got {value:g}.")
        watch = _Watch()
        with quiet_stdout(self.json):
            made = refine_pairs(
                self._config(),
                self.out,
                minutes=self.minutes,
                pairs=self.pairs,
                workers=self.workers,
                planned=watch.plan,
                told=watch.see,
            )
        ShowPairs(self.out, self.json).run()
        if not self.json:
            err().print(f"{len(made.lines) - made.kept:,} made in this run, {made.kept:,} were there before.")
        return 1 if any(not line.frames for line in made.failed) else 0

    def _config(self) -> "PhysicsPairsConfig":
        from understudy.physics import RefineConfig
        from understudy.pipelines.pairs_physics import PhysicsPairsConfig

        config = RefineConfig(seed=self.seed)
        if self.samples is not None:
            config = replace(config, plan=replace(config.plan, samples=self.samples))
        return PhysicsPairsConfig(self.data, self.kinds, config)


class _Watch:
    """A line for a pair, since one takes most of a minute: ``12 of 2,401 pairs, 6 frames/s, 31 h left, 1 fell``.
    Where nobody watches, one a minute at most."""

    def __init__(self) -> None:
        self._begin = self._last = time.monotonic()
        self._total = self._done = self._frames = self._fell = self._failed = 0

    def plan(self, pairs: int) -> None:
        """How many pairs there are to perform."""
        self._total = pairs

    def see(self, line: "Line") -> None:
        """Count one pair."""
        self._done += 1
        self._frames += line.frames
        self._fell += line.file is None and line.frames > 0
        self._failed += not line.frames
        now = time.monotonic()
        if err().is_terminal or now - self._last > LINE_EVERY:
            self._last = now
            err().print(self._words(now - self._begin), markup=False, soft_wrap=True)

    def _words(self, taken: float) -> str:
        left = (self._total - self._done) * taken / self._done
        parts = [
            f"{self._done:,} of {self._total:,} pairs",
            f"{self._frames / max(taken, 1e-9):,.0f} frames/s",
            f"{duration(left)} left",
        ]
        parts += [f"{self._fell} fell early"] if self._fell else []
        parts += [f"{self._failed} failed"] if self._failed else []
        return ", ".join(parts)
