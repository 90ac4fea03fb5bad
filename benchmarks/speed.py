"""How fast frame-ik is on one core, how long it takes to start, and a mink loop of GMR's tasks in the same run.

python -m benchmarks.speed
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import importlib.metadata  # noqa: E402
import importlib.util  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator, Mapping  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import tyro  # noqa: E402

from benchmarks.clips import QUICK, corpus_folder, read  # noqa: E402
from benchmarks.pages import number, table  # noqa: E402
from understudy import motion, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.kinematics.kernels import fit  # noqa: E402
from understudy.motion import HumanMotion, sample  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

REFERENCES = ("front_flip", "roundoff_back_flip", "moonkick_twist")
"""Acrobatic clips at 120 frames a second for which GMR's own targets and results are at hand."""
START = """
import json, time
t0 = time.perf_counter()
from understudy import retarget, robots
from understudy.motion import sample
t1 = time.perf_counter()
robot = robots.load({robot!r})
method = retarget.FrameIK(robot)
t2 = time.perf_counter()
human = sample.motion("wave", fps=30.0)
t3 = time.perf_counter()
method([human])
t4 = time.perf_counter()
method([human])
t5 = time.perf_counter()
print(json.dumps({{"import": t1 - t0, "robot": t2 - t1, "first": t4 - t3, "second": t5 - t4}}))
"""
"""Start-up, measured in a process of its own."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Time frame-ik, warm and cold; writes speed.md and speed.json."""

    robot: str = "unitree_g1"
    repeats: int = 5
    """Runs of each clip; the fastest counts, because whatever else the machine does can only slow it down."""
    start: bool = True
    """Time the start-up, too, which compiles everything once."""
    corpus: Path | None = None
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    robot = robots.load(options.robot)
    rows = [_timed("demo, built in", sample.demo(fps=30.0), robot, options.repeats)]
    notes = []
    try:
        reference = corpus_folder(options.corpus) / "gmr_reference"
        files = _sources(reference)
    except UnderstudyError as missing:
        files, reference = {}, None
        notes.append(f"Without real clips: {missing}")
    rival = importlib.util.find_spec("mink") is not None
    if not rival:
        notes.append('Without mink, which is not installed: `pip install -e ".[bench]"`.')
    for name, path in files.items():
        human = motion.load(path)
        assert isinstance(human, HumanMotion)
        for every in (1, 4):  # at 30 frames a second neighbouring frames differ more, and take more steps
            slower = motion.sample_every(human, human.fps / every)
            rows.append(_timed(f"{name}, {slower.fps:g} fps", slower, robot, options.repeats))
            if rival and reference is not None:
                rows.append(_rival(name, reference, robot, options.repeats, every))
    split = _test_split(robot, options) if reference is not None else []
    versions = f", mink {importlib.metadata.version('mink')}" if rival else ""
    facts = machine.facts("python -m benchmarks.speed")
    facts["libraries"] += versions
    document = {
        "facts": facts,
        "start": _start(options.robot) if options.start else {},
        "rows": rows,
        "split": split,
        "notes": notes,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "speed.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "speed.md").write_text(page(document), encoding="utf-8")
    print(options.out / "speed.md")
    return 0


def _sources(reference: Path) -> dict[str, Path]:
    """The motion capture file of every reference archive that is there."""
    found = {}
    for name in REFERENCES:
        with np.load(reference / f"{name}.npz", allow_pickle=False) as archive:
            paths = sorted(reference.parent.rglob(str(archive["clip"])))
        if paths:
            found[name] = paths[0]
    return found


def _timed(clip: str, human: HumanMotion, robot: Robot, repeats: int) -> dict[str, Any]:
    """frame-ik with its whole set of constraints on one clip: whole calls, then frame by frame."""
    method = retarget.FrameIK(robot)
    method([human])
    walls, cpus, frames = [], [], np.full(human.frames, np.inf)
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        method([human])
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        with stepwise(human.frames) as each:
            method([human])
        frames = np.minimum(frames, each)
    return _row(clip, "frame-ik", human.frames, min(walls), min(cpus), frames)


def _rival(name: str, reference: Path, robot: Robot, repeats: int, every: int) -> dict[str, Any]:
    """The mink loop on every so many frames of the same clip; where that is all of them, how far it is from the
    results that the method itself recorded."""
    from benchmarks.mink_loop import MinkLoop, Targets, read_stages

    targets = Targets.load(reference / f"{name}.npz").every(every)
    ranges = json.loads((reference / "g1_joint_ranges_used.json").read_text(encoding="utf-8"))
    loop = MinkLoop(robot.model, read_stages(reference / "bvh_nokov_to_g1.json"), ranges)
    walls, cpus, frames = [], [], np.full(len(targets.pos), np.inf)
    qpos = np.empty((len(targets.pos), robot.model.nq))
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        qpos, each = loop(targets)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        frames = np.minimum(frames, each)
    row = _row(name, "mink loop", len(qpos), min(walls), min(cpus), frames)
    if every == 1 and targets.recorded is not None:
        row["from_recorded_deg"] = float(np.rad2deg(np.abs(qpos[:, 7:] - targets.recorded[:, 7:]).max()))
    return row


def _test_split(robot: Robot, options: Options) -> list[dict[str, Any]]:
    """Both on the quick list of the test split at 30 frames a second, frames a second of processor time.

    The loop of mink has the targets and tables of ``gmr-like``. Its first clip is run once more, to warm it up.
    """
    if importlib.util.find_spec("mink") is None:
        return []
    from benchmarks.mink_loop import MinkLoop, Targets

    corpus, baseline, method = corpus_folder(options.corpus), retarget.GmrLike(robot), retarget.FrameIK(robot)
    stages = [{m.body: (m.position, m.rotation) for m in s.values()} for s in baseline.table.stages]
    body_of = {bone: match.body for stage in baseline.table.stages for bone, match in stage.items()}
    loop = MinkLoop(robot.model, stages, baseline.table.joint_range)
    rows = []
    for name in QUICK:
        human = read(corpus, name, 30.0)
        goals = baseline.targets(human)
        targets = Targets(tuple(body_of[bone] for bone in goals.bones), goals.pos, goals.quat)
        times = {"frame-ik": np.inf, "mink loop": np.inf}
        for repeat in range(options.repeats):
            for who, job in (
                ("frame-ik", lambda h=human: method([h])),
                ("mink loop", lambda t=targets: loop(t)),
            ):
                if who == "mink loop" and repeat > 1:
                    continue  # seconds, where the other takes milliseconds
                begin = time.process_time()
                job()
                times[who] = min(times[who], time.process_time() - begin)
        rows.append(
            {"clip": name, "frames": human.frames, **{who: human.frames / t for who, t in times.items()}}
        )
    return rows


def _row(clip: str, who: str, frames: int, wall: float, cpu: float, each: np.ndarray) -> dict[str, Any]:
    p50, p99 = np.quantile(each, [0.5, 0.99])
    return {
        "clip": clip,
        "who": who,
        "frames": frames,
        "per_cpu_second": frames / cpu,
        "per_second": frames / wall,
        "first_ms": 1e3 * float(each[0]),
        "p50_ms": 1e3 * float(p50),
        "p99_ms": 1e3 * float(p99),
        "most_ms": 1e3 * float(each[1:].max()),
    }


class _Stepwise:
    """Stands in for the solver's kernel: calls it once a frame and adds up the seconds of every frame."""

    def __init__(self, kernel: Any, frames: int):
        self._kernel, self.seconds = kernel, np.zeros(frames)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)

    def __call__(
        self, problem: Any, targets: Any, seeds: Any, limbs: Any, first: int, *outputs: np.ndarray
    ) -> int:
        for t in range(first, len(targets.pos)):
            part = type(targets)(*(a[: t + 1] for a in targets))
            some = [a[: t + 1] for a in outputs]
            begin = time.perf_counter()
            self._kernel(problem, part, seeds, limbs, t + 1, *some)
            between = time.perf_counter()
            done = self._kernel(problem, part, seeds, limbs, t, *some)
            self.seconds[t] += max(time.perf_counter() - between - (between - begin), 0.0)
            if done == t:  # this frame needs the other solver
                return t
        return len(targets.pos)


@contextmanager
def stepwise(frames: int) -> Iterator[np.ndarray]:
    """While this lasts, the solver's kernel is called once a frame, and the seconds that it takes are added up.

    Handing the arrays over costs about as much as a frame does, so the time of a call that solves nothing is
    taken off.
    """
    kernel = fit.fit_clip
    fit.fit_clip = _Stepwise(kernel, frames)
    try:
        yield fit.fit_clip.seconds
    finally:
        fit.fit_clip = kernel


def _start(robot: str) -> dict[str, dict[str, float]]:
    """Seconds of a first start, with nothing compiled, and of a second one, with everything in the cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        program = [sys.executable, "-c", START.format(robot=robot)]
        told = [
            subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        ]
    return {name: json.loads(text) for name, text in zip(("cold", "cached"), told, strict=True)}


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    columns = ("per_cpu_second", "per_second", "p50_ms", "p99_ms", "most_ms", "first_ms")
    rows = [
        (
            r["clip"].partition(",")[0] if r["who"] != "frame-ik" else r["clip"],
            r["who"],
            str(r["frames"]),
            *(number(r[c]) for c in columns),
        )
        for r in document["rows"]
    ]
    head = (
        "clip",
        "who",
        "frames",
        "frames/s of processor time",
        "frames/s",
        "p50 ms",
        "p99 ms",
        "longest ms",
        "first ms",
    )
    parts = [
        "# Speed of frame-ik",
        "One thread, everything compiled, nothing read or measured; of several runs the fastest counts, for clips and "
        "for single frames. frames/s is that of whole calls, with all there is to prepare; the milliseconds are the "
        "solver's alone. The first frame stands apart, because `frame-ik` solves it from several starts. `frame-ik` "
        "keeps every constraint: joint limits, motor speed, self-collision, floor.",
        table(("", ""), document["facts"].items()),
        table(head, rows),
        *_mink_words(document["rows"]),
        *_split_words(document["split"]),
        *_start_words(document["start"]),
        *document["notes"],
    ]
    return "\n\n".join(parts) + "\n"


def _split_words(rows: list[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    whole = {
        who: sum(r["frames"] for r in rows) / sum(r["frames"] / r[who] for r in rows)
        for who in ("frame-ik", "mink loop")
    }
    table_rows = [
        (
            r["clip"],
            str(r["frames"]),
            number(r["frame-ik"]),
            number(r["mink loop"]),
            number(r["frame-ik"] / r["mink loop"]),
        )
        for r in [*rows, {"clip": "all", "frames": sum(r["frames"] for r in rows), **whole}]
    ]
    return [
        "## Clips of the test split",
        "The quick list at 30 frames a second, each clip a call of its own; frames a second of processor time. Here "
        "the mink loop has the targets and the table of `gmr-like`.",
        table(("clip", "frames", "frame-ik", "mink loop", "times"), table_rows),
    ]


def _start_words(start: Mapping[str, Mapping[str, float]]) -> list[str]:
    if not start:
        return []
    head = ("", "import", "robot and solver made", "first clip", "second clip")
    return [
        "## Start-up",
        "In a fresh process, with nothing compiled and then with the compiled kernels in the cache; in seconds.",
        table(
            head, [(name, *(f"{seconds:.2f}" for seconds in times.values())) for name, times in start.items()]
        ),
    ]


def _mink_words(rows: list[Mapping[str, Any]]) -> list[str]:
    far = [r["from_recorded_deg"] for r in rows if "from_recorded_deg" in r]
    if not far:
        return []
    return [
        "The mink loop has GMR's own targets and tables for the same clips (14 frame tasks, two stages, joint limits, "
        "no collisions, no motor speeds) and solves its QPs with DAQP; its joints are within "
        f"{max(far):.2g}° of those that GMR recorded, so it is the same computation. Making the targets is not in its "
        "time, and it is in that of `frame-ik`."
    ]


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
