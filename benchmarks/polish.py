"""How fast a motion that is nearly right becomes SequenceFit's: from its own result, and from frame-ik's.

python -m benchmarks.polish --clips quick
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import tyro  # noqa: E402

from benchmarks import clips  # noqa: E402
from benchmarks.pages import table  # noqa: E402
from understudy import retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Options:
    """Time ``SequenceFit.polish``; prints a table."""

    clips: str = "quick"
    """`full` (the test split), `quick`, or a file with one clip a line."""
    fps: float = 30.0
    corpus: Path | None = None
    """The unpacked corpus."""


def main(options: Options) -> int:
    """Measure and print. Returns the exit code."""
    corpus, g1 = clips.corpus_folder(options.corpus), robots.load("unitree_g1")
    fit = retarget.SequenceFit(g1)
    starts = {"sequence-fit": fit, "frame-ik": retarget.FrameIK(g1)}
    frames, spent, steps = 0, dict.fromkeys(starts, 0.0), dict.fromkeys(starts, 0)
    names = clips.names(options.clips, corpus)
    warm = clips.read(corpus, names[0], options.fps)
    fit.polish(warm, starts["frame-ik"]([warm])[0])  # compiles
    for name in names:
        human = clips.read(corpus, name, options.fps)
        for start, method in starts.items():
            [motion] = method([human])
            begin = time.process_time()
            made = fit.polish(human, motion)
            spent[start] += time.process_time() - begin
            steps[start] += made.origin.history[-1]["steps"]
        frames += human.frames
    rows = [
        (f"`{s}`", f"{frames:,}", f"{frames / spent[s]:,.0f}", f"{steps[s] / len(names):.1f}") for s in starts
    ]
    print(table(("start", "frames", "frames/s", "steps a clip"), rows))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
