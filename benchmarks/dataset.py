"""A thousand real clips as one job: rate with one and with two workers, memory, a kill in the middle, and a resume.

python -m benchmarks.dataset
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tyro

from benchmarks import machine
from benchmarks.clips import corpus_folder
from benchmarks.pages import number, table
from understudy.errors import UnderstudyError
from understudy.motion import dataset

SOURCES = (
    "permissive/cmu_daz",
    "permissive/cmu_iclone",
    "permissive/cmu_rnn_indian",
    "permissive/cmu_rnn_martial",
    "noncommercial/bandai_namco",
)
"""All CMU clips in BVH whose headers tell their true frame rate, then as many of Bandai-Namco's as are wanted."""
AMASS = 40 * 3600 * 30
"""Frames of AMASS, 40 hours at 30 frames a second."""
SAMPLE_EVERY = 0.2


@dataclasses.dataclass(frozen=True)
class Options:
    """Time the dataset job; writes dataset.md and dataset.json."""

    clips: int = 1200
    """How many clips of the corpus; all of CMU's come first."""
    fps: float = 30.0
    """Frame rate to resample to; most of CMU's clips have 120."""
    method: str = "frame-ik"
    workers: tuple[int, ...] = (1, 2)
    """Runs to compare; the last one is also killed and resumed."""
    corpus: Path | None = None
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns 1 if the resumed manifest differs."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="understudy-dataset-") as scratch:
        folder = Path(scratch) / "clips"
        count = link_clips(corpus_folder(options.corpus), folder, options.clips)
        print(f"{count} clips", flush=True)
        warm_up(folder, Path(scratch), options)
        rows = [run(folder, Path(scratch) / f"with-{n}", n, options) for n in options.workers]
        killed = kill_and_resume(folder, Path(scratch) / "killed", rows[-1], options)
        manifests = {
            p.parent.name: p.read_bytes() for p in sorted(Path(scratch).glob(f"*/{dataset.MANIFEST}"))
        }
        manifests.pop("warm", None)
        killed["identical"] = len(set(manifests.values())) == 1
    facts = machine.facts("python -m benchmarks.dataset")
    facts["processor"] = facts["processor"].replace("one thread", "one thread a worker")
    facts["load before"] = f"{load:.1f} other processes at work"
    document = {"facts": facts, "clips": count, "fps": options.fps, "method": options.method}
    document |= {"runs": rows, "killed": killed}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "dataset.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "dataset.md").write_text(page(document), encoding="utf-8")
    print(page(document))
    return 0 if killed["identical"] else 1


def link_clips(corpus: Path, folder: Path, most: int) -> int:
    """A folder of links to the clips, in the corpus's own folders; Bandai-Namco's are taken evenly from all."""
    sources = {name: sorted((corpus / name).rglob("*.bvh")) for name in SOURCES}
    chosen = [path for name in SOURCES[:-1] for path in sources[name]][:most]
    others, wanted = sources[SOURCES[-1]], most - len(chosen)
    chosen += [others[i * len(others) // wanted] for i in range(min(wanted, len(others)))]
    for path in chosen:
        link = folder / path.relative_to(corpus)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    return len(chosen)


def command(folder: Path, out: Path, workers: int, options: Options) -> list[str]:
    """The job as it would be typed."""
    words = [
        sys.executable,
        "-m",
        "understudy.cli.main",
        "retarget",
        str(folder),
        "--out",
        str(out),
        "--json",
    ]
    return [*words, "--fps", f"{options.fps:g}", "--method", options.method, "--workers", str(workers)]


def warm_up(folder: Path, scratch: Path, options: Options) -> None:
    """Compile whatever is not compiled, on one clip."""
    clip = next(folder.rglob("*.bvh"))
    words = command(folder, scratch / "warm", 1, options)
    words[words.index(str(folder))] = str(clip)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def run(folder: Path, out: Path, workers: int, options: Options) -> dict[str, Any]:
    """One whole job, timed from outside, its memory watched."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command(folder, out, workers, options), stdout=told)
        peak = watch(process)
        told.seek(0)
        result = json.load(told)
    seconds = time.perf_counter() - begin
    done = [row for row in result["results"] if row["status"] == "done"]
    row = {
        "workers": workers,
        "clips": len(done),
        "failed": result["failed"],
        "certified": sum(bool(row["passed"]) for row in done),
        "frames": sum(row["frames"] for row in done),
        "motion_s": sum(row["duration"] for row in done),
        "seconds": seconds,
        "job_seconds": result["seconds"],
        "per_second": sum(row["frames"] for row in done) / seconds,
        "sustained": sustained(out, done),
        "memory_mib": peak,
    }
    print({k: v for k, v in row.items() if k != "memory_mib"}, peak, flush=True)
    return row


def sustained(out: Path, rows: Sequence[dict[str, Any]]) -> float:
    """Frames a second from when a tenth of the clips were written until the last was: without starting and folding."""
    made = sorted(((out / row["path"]).stat().st_mtime, row["frames"]) for row in rows)
    first = len(made) // 10
    return sum(frames for _, frames in made[first + 1 :]) / (made[-1][0] - made[first][0])


def kill_and_resume(folder: Path, out: Path, whole: dict[str, Any], options: Options) -> dict[str, Any]:
    """Kill the job about half way, then run it again."""
    workers = whole["workers"]
    words = command(folder, out, workers, options)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    half = 0.5 * whole["clips"]
    while process.poll() is None and (not dataset.is_dataset(out) or len(dataset.read(out)) < half):
        time.sleep(SAMPLE_EVERY)
    process.send_signal(signal.SIGKILL)
    process.wait()
    rows, files = len(dataset.read(out)), len(list(out.rglob("[!.]*.npz")))
    result = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=False).stdout)
    return {"rows": rows, "files": files, "up_to_date": result["up_to_date"], "clips": whole["clips"]}


def watch(process: subprocess.Popen) -> dict[str, float]:
    """Wait for a process; the most memory (MiB) that it and any one of its workers held."""
    peaks = {"parent": 0.0, "worker": 0.0}
    while process.poll() is None:
        peaks["parent"] = max(peaks["parent"], memory(process.pid))
        for child in children(process.pid):
            peaks["worker"] = max(peaks["worker"], memory(child))
        time.sleep(SAMPLE_EVERY)
    return peaks


def children(pid: int) -> Iterator[int]:
    """The processes that a process has started, on Linux."""
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, tasks.read_text().split())
        except OSError:
            return


def memory(pid: int) -> float:
    """The most memory a process has held so far (MiB); zero if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return max((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), default=0.0)


def page(found: dict[str, Any]) -> str:
    """The results as Markdown."""
    runs, killed = found["runs"], found["killed"]
    parts = [
        "# A dataset as one job",
        f"`understudy retarget FOLDER --out DATASET --fps {found['fps']:g} --method {found['method']}` on "
        f"{found['clips']:,} clips of the corpus (CMU and Bandai-Namco, BVH), from start to exit: reading, resampling, "
        "retargeting, measuring, certifying, writing, and the manifest. The kernels are compiled before; one worker is "
        "the process itself.",
        table(("", ""), found["facts"].items()),
        table(HEAD, [_row(run, runs[0]) for run in runs]),
        "Sustained is the rate from when a tenth of the clips were written until the last was; the rest is starting "
        "processes and folding the manifest. "
        f"AMASS has 40 hours, {AMASS:,} frames at 30 frames a second. At the sustained rates it takes "
        + " and ".join(f"{AMASS / r['sustained'] / 60:.1f} minutes with {_count(r['workers'])}" for r in runs)
        + ". That is an extrapolation: AMASS's files are binary, and its clips are longer than these.",
        "## Killed and resumed",
        f"SIGKILL when about half was done: {killed['rows']:,} rows and {killed['files']:,} motion files were there. "
        f"The same command then found {killed['up_to_date']:,} of {killed['clips']:,} clips up to date and made the "
        f"rest. Its manifest is {'byte for byte that' if killed['identical'] else '**not** that'} of the runs that "
        "nobody interrupted.",
    ]
    return "\n\n".join(parts) + "\n"


HEAD = (
    "workers", "clips", "certified", "frames", "seconds", "frames/s", "sustained", "× one worker", "memory of a worker",
    "of the parent", "40 h of AMASS",
)  # fmt: skip


def _row(run: dict[str, Any], first: dict[str, Any]) -> Sequence[str]:
    memory = run["memory_mib"]
    own = memory["parent"] if run["workers"] == 1 else memory["worker"]
    return (
        str(run["workers"]),
        f"{run['clips']:,}",
        f"{run['certified']:,}",
        f"{run['frames']:,}",
        f"{run['seconds']:.1f}",
        f"{run['per_second']:,.0f}",
        f"{run['sustained']:,.0f}",
        number(run["sustained"] / first["sustained"]),
        f"{own:,.0f} MiB",
        "the same" if run["workers"] == 1 else f"{memory['parent']:,.0f} MiB",
        f"{AMASS / run['sustained'] / 60:.1f} min",
    )


def _count(workers: int) -> str:
    return "one worker" if workers == 1 else f"{workers} workers"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
