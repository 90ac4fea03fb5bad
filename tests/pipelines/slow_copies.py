"""A job to be interrupted: copies every clip of a folder, slowly. python slow_copies.py IN OUT WORKERS SECONDS"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from understudy import motion, pipelines


@dataclass(frozen=True)
class SlowCopy:
    """Reads a clip, waits, and gives it back with a figure."""

    seconds: float = 0.0
    code: str = "1"
    note: str = ""

    def configuration(self):
        return {"note": self.note}

    def version(self):
        return self.code

    def __call__(self, source):
        clip = motion.load(source)
        time.sleep(self.seconds)
        return [
            pipelines.Made(clip, {"height": float(clip.pos[0, 0, 2]), "nothing": None, "odd": float("nan")})
        ]


def tasks(folder, out):
    """One task for every clip of the folder."""
    results = pipelines.sources.results_of(pipelines.find(folder), ".npz")[0]
    return [pipelines.Task(c.as_posix(), folder / c, out / r) for c, r in results.items()]


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    recipe = SlowCopy(float(sys.argv[4]))
    pipelines.run(
        tasks(source, target),
        recipe,
        target,
        workers=int(sys.argv[3]),
        told=lambda o: print(o.task.id, flush=True),
    )
