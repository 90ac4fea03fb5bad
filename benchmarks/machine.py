"""On what, by what and when: the facts that a table of results needs beside it, and the memory that a method takes."""

import dataclasses
import datetime
import functools
import importlib.metadata
import multiprocessing
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def one_thread() -> None:
    """Hold every numerical library to one thread. Call before they are imported."""
    os.environ.update(dict.fromkeys(THREADS, "1"))


@functools.cache
def digest() -> str:
    """Changes with the code that makes and measures motions, and with the robots' data; taken once a run."""
    from understudy.evaluate.benchmark import code_digest

    package = ROOT / "src" / "understudy"
    rooms = ("motion", "robots", "kinematics", "evaluate", "retarget", "rotations.py")
    return code_digest([package / room for room in rooms])


def digest_with(weights: Path) -> str:
    """The same for what a network makes: with the code that runs it, and its weights."""
    from understudy.evaluate.benchmark import code_digest

    learnt = ROOT / "src" / "understudy" / "learn"
    return f"{digest()} {code_digest([*sorted(learnt.glob('*.py')), weights])}"


def facts(command: str) -> dict[str, str]:
    """Versions, hardware, date and command, as a table has them."""
    versions = ("numpy", "scipy", "numba", "mujoco", "torch", "daqp")
    return {
        "understudy": f"{importlib.metadata.version('understudy')}, commit {_commit()}, code {digest()}",
        "libraries": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in versions),
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "processor": f"{_processor()}; one thread",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
    }


def command(program: str, options: Any, **said: str) -> str:
    """The command that makes the same page: ``options`` (a dataclass) as far as they differ from the standard ones.

    Files and folders of this machine are left out; ``said`` has the words for options that are told otherwise."""
    words, standard = [f"python -m benchmarks.{program}"], type(options)()
    for name in (field.name for field in dataclasses.fields(options)):
        value = getattr(options, name)
        if isinstance(value, Path) or value == getattr(standard, name):
            continue
        values = value if isinstance(value, tuple) else (value,)
        text = " ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values)
        words.append(f"--{name.replace('_', '-')} {said.get(name, text)}")
    return " ".join(words)


def _commit() -> str:
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.processor() or 'unknown'}, {os.cpu_count()} logical cores"


def peak_memory() -> float:
    """The most memory this process has held so far (MiB)."""
    status = Path("/proc/self/status")
    if (
        status.is_file()
    ):  # the process's own: getrusage would include what its parent held when it was started
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)


def memory_of(method: str, robot: str, corpus: Path, clip: str, fps: float) -> dict[str, float] | None:
    """Peak memory (MiB) of a fresh process: with the clip read (``before``) and after retargeting it (``peak``).

    The second includes the package, its libraries and the compiled kernels. None if the process failed.
    """
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=_memory, args=(queue, method, robot, corpus, clip, fps))
    child.start()
    child.join()
    return queue.get() if child.exitcode == 0 else None


def _memory(queue, method: str, robot: str, corpus: Path, clip: str, fps: float) -> None:
    from benchmarks.clips import read
    from understudy import retarget, robots

    human = read(corpus, clip, fps)
    before = peak_memory()
    retarget.METHODS[method](robots.load(robot))([human])
    queue.put({"before": before, "peak": peak_memory()})
