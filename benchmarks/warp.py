"""How fast the GPU engine and the tracking task on it step, beside mjlab's own environment where it is installed.

python -m benchmarks.warp
"""

import dataclasses
import importlib.metadata
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import tyro

from benchmarks import machine
from benchmarks.pages import number, table
from understudy import kinematics, motion, retarget, robots
from understudy.errors import LimitError, UnderstudyError
from understudy.motion import RobotMotion, sample
from understudy.physics import ClipsAtRate, Gains, PhysicsConfig, Tracking, beyond_mimic, cepr, engine
from understudy.robots.robot import Robot

TASKS = {"beyond_mimic": beyond_mimic, "cepr": cepr}
SAMPLES = ("stand", "walk", "turn", "squat", "punch")
"""What is tracked: samples of the package, retargeted by FrameIK."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Time the G1 on MuJoCo Warp; writes warp.md and warp.json. On a GPU, unless told."""

    counts: tuple[int, ...] = (1024, 4096, 8192)
    """Robots."""
    device: str = "cuda"
    steps: int = 100
    """Control steps of one run."""
    repeats: int = 5
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise LimitError(
            f"This benchmark needs a CUDA device, and torch {torch.__version__} sees none. Run it where there is one, "
            "after `make physics TORCH=cuda`; `--device cpu --counts 16` shows that it runs, and nothing about a GPU. "
            "The CPU engine has its own: python -m benchmarks.physics."
        )
    robot = robots.load("unitree_g1")
    motions = retarget.FrameIK(robot)([sample.motion(name, fps=50.0) for name in SAMPLES])
    rows = []
    for count in options.counts:
        for name, prepare in _runs(robot, motions, count, options.device):
            rows.append({"what": name, "robots": count, **_timed(prepare(), count, options)})
            print(f"{count} robots, {name}: {rows[-1]['median']:,.0f} control steps/s", file=sys.stderr)
    facts = machine.facts("python -m benchmarks.warp")
    facts["device"] = (
        torch.cuda.get_device_name(options.device) if options.device.startswith("cuda") else "the processor"
    )
    facts["libraries"] += "".join(
        f", {name} {_version(name)}" for name in ("mujoco-warp", "warp-lang", "mjlab")
    )
    document = {"facts": facts, "rows": rows}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "warp.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "warp.md").write_text(page(document), encoding="utf-8")
    print(options.out / "warp.md")
    return 0


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _runs(
    robot: Robot, motions: Sequence[RobotMotion], count: int, device: str
) -> list[tuple[str, Callable[[], Callable[[], object]]]]:
    """Names, and what builds a control step of them. Only one is kept at a time."""
    runs = [
        ("engine, standing", lambda: _engine(robot, count, device, Gains.stiff(robot), 0.1)),
        ("engine, lying", lambda: _engine(robot, count, device, Gains.of(robot), 3.0)),
        *(
            (f"task {name}", lambda task=task: _task(robot, motions, task(), count, device))
            for name, task in TASKS.items()
        ),
    ]
    if importlib.util.find_spec("mjlab") is not None:
        runs.append(("mjlab's tracking task", lambda: _mjlab(robot, motions, count, device)))
    return runs


def _engine(robot: Robot, count: int, device: str, gains: Gains, seconds: float) -> Callable[[], object]:
    """Robots that have had so long to settle, or to fall."""
    simulator = engine(robot, count, PhysicsConfig(gains=gains), "warp", device)
    like = simulator.readings.joint_pos
    random = torch.Generator(like.device).manual_seed(0)
    targets = like.new_tensor(robot.home[7:]) + 0.02 * torch.randn(
        like.shape, generator=random, device=like.device
    )
    for _ in range(round(seconds / simulator.dt)):
        simulator.step(targets)
    return lambda: simulator.step(targets)


def _task(
    robot: Robot, motions: Sequence[RobotMotion], task: Any, count: int, device: str
) -> Callable[[], object]:
    simulator = engine(robot, count, kind="warp", device=device)
    there = simulator.readings.time.device
    env = Tracking(simulator, ClipsAtRate.of(robot, motions, task.bodies, device=there), task)
    action = torch.zeros(count, len(robot.joints), device=there)
    return lambda: env.step(action)


def _mjlab(robot: Robot, motions: Sequence[RobotMotion], count: int, device: str) -> Callable[[], object]:
    """mjlab's own environment for the G1 on flat ground, on the longest of the clips, under the action zero."""
    from mjlab.envs import ManagerBasedRlEnv
    from mjlab.tasks.tracking.config.g1.env_cfgs import unitree_g1_flat_tracking_env_cfg

    longest = max(motions, key=lambda clip: clip.duration)
    file = Path(tempfile.mkdtemp()) / "clip.npz"
    motion.save(longest, file, format="mjlab-npz", bodies=kinematics.body_tracks(robot, longest))
    config = unitree_g1_flat_tracking_env_cfg()
    config.scene.num_envs = count
    config.commands["motion"].motion_file = str(file)
    env = ManagerBasedRlEnv(config, device=device)
    env.reset()
    action = torch.zeros(count, len(robot.joints), device=env.device)
    return lambda: env.step(action)


def _timed(step: Callable[[], object], count: int, options: Options) -> dict[str, float | None]:
    """Control steps a second of all robots together, and the device's memory (GiB), other programs' included."""
    on_gpu = options.device.startswith("cuda")
    for _ in range(options.steps // 5):
        step()
    rates = []
    for _ in range(options.repeats):
        if on_gpu:
            torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(options.steps):
            step()
        if on_gpu:
            torch.cuda.synchronize()
        rates.append(count * options.steps / (time.perf_counter() - begin))
    free, total = torch.cuda.mem_get_info(options.device) if on_gpu else (None, None)
    memory = None if free is None else (total - free) / 2**30
    return {"median": statistics.median(rates), "most": max(rates), "memory": memory}


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    rows = [
        (
            r["what"],
            f"{r['robots']:,}",
            *(f"{r[key]:,.0f}" for key in ("median", "most")),
            number(r["memory"]),
        )
        for r in document["rows"]
    ]
    parts = [
        "# Speed of the GPU engine",
        "The G1 on MuJoCo Warp: control steps a second over all robots, each four physics steps of 5 ms. The engine is "
        "timed with stiff gains on both feet and, with the tracking gains, after it has fallen; tasks with "
        "observations, rewards, terminations, resets and pushes, under the action zero, so that robots keep falling "
        "and starting anew. mjlab's environment has collision geometry of its own and one clip where ours has "
        f"{len(SAMPLES)}; its settings of the solver are the same. Memory is the device's, of all programs.",
        table(("", ""), document["facts"].items()),
        table(("what", "robots", "median", "fastest", "memory, GiB"), rows),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
