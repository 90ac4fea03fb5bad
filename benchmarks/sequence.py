"""How a method's time and memory grow with the length of a clip, and how fast it is on each class of clip.

python -m benchmarks.sequence --methods frame-ik --hour
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated, Any  # noqa: E402

import matplotlib  # noqa: E402
import numpy as np  # noqa: E402
import tyro  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from benchmarks import clips  # noqa: E402
from benchmarks.pages import number, table  # noqa: E402
from benchmarks.pictures import COLOURS  # noqa: E402
from understudy import motion, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError, UnknownName  # noqa: E402
from understudy.evaluate import benchmark, pooling  # noqa: E402
from understudy.evaluate.classes import COMPLEXITIES, LENGTHS, RULES  # noqa: E402
from understudy.motion import HumanMotion  # noqa: E402

ONE_BODY = "permissive/cmu_daz/"
"""Clips of the test split that begin so are of one body and can be joined: walks, runs, kicks, jumps, chores."""
LENGTHS_S = (10.0, 20.0, 60.0, 120.0, 300.0, 600.0)
HOUR = 3600.0
REPEATED_S = 60.0
"""Clips up to this long (s) are run several times, and the fastest run counts."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Time methods against the length of a clip, and by class of clip; writes sequence.md, .json and .png."""

    methods: tuple[str, ...] = ("sequence-fit", "frame-ik")
    clips: str = "full"
    """For the table by class: `full` (the test split), `quick`, or a file with one clip a line."""
    fps: float = 30.0
    hour: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """An hour at last, too."""
    repeats: int = 3
    robot: str = "unitree_g1"
    corpus: Path | None = None
    out: Path = Path("docs/results")
    cache: Path = Path("out/benchmarks/retarget.jsonl")
    """Results of clips that were measured before, shared with benchmarks.retarget."""


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    corpus, robot = clips.corpus_folder(options.corpus), robots.load(options.robot)
    for name in options.methods:
        if name not in retarget.METHODS:
            raise UnknownName("method", name, retarget.METHODS)
    methods = {name: retarget.METHODS[name](robot) for name in options.methods}
    short = medley(corpus, options.fps)
    for method in methods.values():
        method([motion.trim(short, 0.0, 2.0)])  # compiles
    rows = []
    for seconds in (*LENGTHS_S, *([HOUR] if options.hour else [])):
        human = lasting(short, seconds)
        for name, method in methods.items():
            print(f"{name}  {seconds:g} s", file=sys.stderr)
            runs = options.repeats if seconds <= REPEATED_S else 1
            row = {"method": name, "seconds": seconds, "frames": human.frames, **timed(method, human, runs)}
            rows.append({**row, "memory_mib": _memory(name, human, corpus, options)})
    outcome = benchmark.run(
        clips.chosen(options.clips, corpus, options.fps),
        methods,
        store=benchmark.Results(options.cache),
        version=machine.digest(),
    )
    document = {
        "facts": machine.facts(_command(options)),
        "fps": options.fps,
        "medley_seconds": short.duration,
        "rows": rows,
        "growth": {name: growth([r for r in rows if r["method"] == name]) for name in methods},
        "classes": by_class(outcome),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "sequence.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draw(document, options.out / "sequence.png")
    (options.out / "sequence.md").write_text(page(document), encoding="utf-8")
    print(options.out / "sequence.md")
    return 0


def medley(corpus: Path, fps: float) -> HumanMotion:
    """The clips of the test split that are of one body, one after the other."""
    parts = [
        clips.read(corpus, name, fps) for name in clips.names("full", corpus) if name.startswith(ONE_BODY)
    ]
    if not parts:
        raise UnderstudyError(f"No clip of the test split begins with {ONE_BODY!r}.")
    whole = parts[0]
    for part in parts[1:]:
        whole = motion.join(whole, part)
    return whole


def lasting(human: HumanMotion, seconds: float) -> HumanMotion:
    """A clip cut to, or repeated for, so many seconds; each repetition starts where the one before ended.

    The body walks away meanwhile; a doubled clip is turned round by the joining only as far as it turns itself.
    """
    while human.duration < seconds:
        human = motion.join(human, human)
    return motion.trim(human, 0.0, seconds - 0.5 / human.fps)


def timed(method: Any, human: HumanMotion, runs: int) -> dict[str, float]:
    """Seconds of the fastest of so many calls, by the processor and by the clock on the wall."""
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        method([human])
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"cpu": min(cpus), "wall": min(walls)}


def _memory(method: str, human: HumanMotion, corpus: Path, options: Options) -> dict[str, float] | None:
    """Peak memory (MiB) of a fresh process before and after the call; the clip comes to it as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve() / "long.npz"  # absolute, so that it need not lie in the corpus
        motion.save(human, path)
        return machine.memory_of(method, options.robot, corpus, str(path), options.fps)


def growth(rows: Sequence[Mapping[str, Any]]) -> float:
    """The exponent p of time ~ frames^p, by least squares on logarithms: 1 is linear."""
    frames, cpu = (np.log([float(r[key]) for r in rows]) for key in ("frames", "cpu"))
    return float(np.polyfit(frames, cpu, 1)[0])


def by_class(outcome: benchmark.Outcome) -> list[dict[str, Any]]:
    """Speeds of each method on each class of clips: complexity, length, and all."""
    rows = []
    for name in outcome.methods:
        results = outcome.of(name)
        kinds = {
            **pooling.groups(results, "complexity", COMPLEXITIES),
            **pooling.groups(results, "length", LENGTHS),
            "all": results,
        }
        for kind, some in kinds.items():
            if fast := pooling.speed(some):
                made = [r for r in some if not r.error]
                slowest = min(r.frames / r.cpu_seconds for r in made)
                counts = {"clips": len(made), "frames": sum(r.frames for r in made), "slowest_clip": slowest}
                rows.append({"method": name, "class": kind, **counts, **dataclasses.asdict(fast)})
    return rows


def draw(document: Mapping[str, Any], path: Path) -> None:
    """Processor time over length, both logarithmic, with a line of slope 1 through each method's first point."""
    with matplotlib.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(5.2, 3.4), layout="constrained", dpi=110)
        cell = figure.subplots()
        for (name, exponent), colour in zip(document["growth"].items(), COLOURS, strict=False):
            own = [r for r in document["rows"] if r["method"] == name]
            frames, cpu = (np.array([r[key] for r in own], dtype=float) for key in ("frames", "cpu"))
            cell.loglog(frames, cpu, "o", color=colour, markersize=4, label=f"{name}: frames^{exponent:.2f}")
            cell.loglog(frames, cpu[0] * frames / frames[0], "-", color=colour, linewidth=0.8, alpha=0.6)
        cell.set_xlabel(f"frames of the clip, at {document['fps']:g} a second")
        cell.set_ylabel("processor time, s")
        cell.legend(frameon=False)
        figure.savefig(path)


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    fitted = ", ".join(f"`{name}` frames^{p:.2f}" for name, p in document["growth"].items())
    words = (
        f"One clip of growing length at {document['fps']:g} frames a second: the Daz clips of the test split joined "
        f"({document['medley_seconds']:.0f} s) and repeated. One thread, everything compiled, the method alone; the "
        f"fastest of several calls up to {REPEATED_S:g} s, one call above. Memory: what the call adds to the peak of a "
        "fresh process that has read the clip; it includes libraries, compiled kernels and the result. "
        f"Fitted over all lengths, processor time grows as {fitted}; the lines in the plot have slope 1."
    )
    lengths = [
        (
            f"`{r['method']}`",
            _duration(r["seconds"]),
            f"{r['frames']:,}",
            number(r["cpu"]),
            number(r["frames"] / r["cpu"]),
            number(r["frames"] / r["wall"]),
            number(1e6 * r["cpu"] / r["frames"]),
            number(m["peak"] - m["before"]) if (m := r["memory_mib"]) else "–",
        )
        for r in document["rows"]
    ]
    head = (
        "method",
        "length",
        "frames",
        "processor s",
        "frames/s",
        "by the wall",
        "µs a frame",
        "memory, MiB",
    )
    classes = [
        (
            f"`{r['method']}`",
            r["class"],
            str(r["clips"]),
            f"{r['frames']:,}",
            number(r["per_cpu_second"]),
            number(r["slowest_clip"]),
            number(r["per_second"]),
        )
        for r in document["classes"]
    ]
    class_head = ("method", "class", "clips", "frames", "frames/s", "slowest clip", "by the wall")
    parts = (
        "# Speed and memory against length",
        words,
        table(("", ""), document["facts"].items()),
        table(head, lengths),
        "![Processor time over length](sequence.png)",
        "## By class of clip",
        "Clips of the test split, each a call of its own; frames a second of processor time.",
        table(class_head, classes),
        "\n".join(f"- {rule}" for rule in RULES),
    )
    return "\n\n".join(parts) + "\n"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if seconds < 60:
        return f"{seconds:g} s"
    return f"{minutes:g} min" if minutes < 60 else f"{math.floor(minutes / 60)} h"


def _command(options: Options) -> str:
    """The command that makes the same page; folders of this machine are left out."""
    listed = options.clips if options.clips in ("full", "quick") else "LIST"
    hour = " --hour" if options.hour else ""
    return f"python -m benchmarks.sequence --methods {' '.join(options.methods)} --clips {listed}{hour}"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
