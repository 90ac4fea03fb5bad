"""How fast the CPU engine and the tracking task on it step, beside MuJoCo's own rollout in the same run.

python -m benchmarks.physics
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import functools  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import mujoco  # noqa: E402
import numpy as np  # noqa: E402
import tyro  # noqa: E402
from mujoco.rollout import Rollout  # noqa: E402

from benchmarks.pages import number, table  # noqa: E402
from understudy import retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.motion import RobotMotion, sample  # noqa: E402
from understudy.physics import Gains, MujocoCpu, PhysicsConfig, State  # noqa: E402
from understudy.physics.clips_at_rate import ClipsAtRate  # noqa: E402
from understudy.physics.tasks import beyond_mimic, cepr  # noqa: E402
from understudy.physics.tracking import Tracking  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

SECONDS = 0.4
"""Simulated in one run: long enough to settle on the floor."""
TASKS = {"beyond_mimic": beyond_mimic, "cepr": cepr}
SAMPLES = ("stand", "walk", "turn", "squat", "punch")
"""What is tracked: samples of the package, retargeted by FrameIK."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Time the stepping of many robots, and the G1's tracking tasks; writes physics.md and physics.json."""

    robot: str = "unitree_g1"
    counts: tuple[int, ...] = (16, 64, 256, 1024)
    threads: tuple[int, ...] = (1, 2)
    repeats: int = 9
    """Runs of both by turns."""
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    robot = robots.load(options.robot)
    rows = [
        row
        for case in ("standing", "lying")
        for count in options.counts
        for threads in options.threads
        for row in [_timed(robot, case, count, threads, options.repeats)]
    ]
    tracking = [
        _tracked(name, count, threads, options.repeats)
        for name in TASKS
        for count in options.counts
        for threads in options.threads
    ]
    counts, threads = (" ".join(map(str, some)) for some in (options.counts, options.threads))
    facts = machine.facts(f"python -m benchmarks.physics --counts {counts} --threads {threads}")
    facts["processor"] = facts["processor"].replace("; one thread", "")
    facts["load of the machine at the end"] = f"{os.getloadavg()[0]:.1f}"
    document = {"facts": facts, "rows": rows, "tracking": tracking}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "physics.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "physics.md").write_text(page(document), encoding="utf-8")
    print(options.out / "physics.md")
    return 0


def _timed(robot: Robot, case: str, count: int, threads: int, repeats: int) -> dict[str, Any]:
    """Both from the same states under the same targets, by turns."""
    gains = Gains.stiff(robot) if case == "standing" else Gains.of(robot)
    engine = MujocoCpu(robot, count, PhysicsConfig(gains=gains), threads=threads)
    targets = np.tile(robot.home[7:].astype(np.float64), (count, 1))
    targets += np.random.default_rng(0).normal(0.0, 0.02, targets.shape)
    start = _settled(engine, targets, 0.1 if case == "standing" else 3.0)
    steps = round(SECONDS / engine.dt)
    ours = _engine(engine, start, targets, steps)
    raw = _rollout(engine, start, targets, steps, threads)
    figures = _by_turns({"engine": ours, "raw": raw}, repeats, count * steps)
    faults = int((engine.readings.fault > 0).sum())
    return {"case": case, "robots": count, "threads": threads, **figures, "faults": faults}


def _tracked(name: str, count: int, threads: int, repeats: int) -> dict[str, Any]:
    """A whole task under the action zero, and bare stepping from where its robots are, to where they are sent.

    torch has one thread: its pieces are so small that a second one costs more than it brings.
    """
    import torch

    robot, task = robots.load("unitree_g1"), TASKS[name]()
    clips = ClipsAtRate.of(robot, _clips(), task.bodies)
    engine = MujocoCpu(robot, count, threads=threads)
    env = Tracking(engine, clips, task)
    action = torch.zeros(count, len(robot.joints))
    steps = round(SECONDS / engine.dt)

    def ours() -> None:
        for _ in range(steps):
            env.step(action)

    ours()
    raw = _rollout(engine, engine.state(), env.home.numpy().astype(np.float64), steps, threads)
    figures = _by_turns({"env": ours, "raw": raw}, repeats, count * steps)
    return {"task": name, "robots": count, "threads": threads, **figures}


@functools.cache
def _clips() -> list[RobotMotion]:
    humans = [sample.motion(name, fps=50.0) for name in SAMPLES]
    return retarget.FrameIK(robots.load("unitree_g1"))(humans)


def _by_turns(runs: Mapping[str, Callable[[], None]], repeats: int, done: int) -> dict[str, float]:
    """Figures of the runs, each of which does as many steps; ``extra`` is the first one's processor time beside the
    second's.
    """
    wall: dict[str, list[float]] = {who: [] for who in runs}
    processor: dict[str, list[float]] = {who: [] for who in runs}
    for _ in range(repeats):
        for who, run in runs.items():
            begin, used = time.perf_counter(), time.process_time()
            run()
            wall[who].append(time.perf_counter() - begin)
            processor[who].append(time.process_time() - used)
    one, other = (np.array(times) for times in processor.values())
    return {
        **{f"{who}_most": done / min(times) for who, times in wall.items()},
        **{f"{who}_median": done / float(np.median(times)) for who, times in wall.items()},
        **{f"{who}_cpu_us": 1e6 / done * float(np.median(times)) for who, times in processor.items()},
        "extra": float(np.median(one / other)) - 1.0,
    }


def _settled(engine: MujocoCpu, targets: np.ndarray, seconds: float) -> State:
    for _ in range(round(seconds / engine.dt)):
        engine.step(targets)
    return engine.state()


def _engine(engine: MujocoCpu, start: State, targets: np.ndarray, steps: int) -> Callable[[], None]:
    def run() -> None:
        engine.reset(np.arange(engine.count), start)
        for _ in range(steps):
            engine.step(targets)

    return run


def _rollout(
    engine: MujocoCpu, start: State, targets: np.ndarray, steps: int, threads: int
) -> Callable[[], None]:
    """What mujoco.rollout costs for the same: four physics steps a call, its states handed to the next one.

    It gives states and sensors, the floor's forces among them, and neither bodies' poses nor velocities nor torques.
    """
    model, substeps = engine.models[0], engine.config.substeps
    pool = Rollout(nthread=threads if threads > 1 else 0)
    data = [mujoco.MjData(model) for _ in range(threads)]
    control = np.repeat(targets[:, None], substeps, axis=1)
    size = mujoco.mj_stateSize(model, int(mujoco.mjtState.mjSTATE_FULLPHYSICS))
    states = np.empty((engine.count, substeps, size))
    sensors = np.empty((engine.count, substeps, model.nsensordata))
    first = np.concatenate([np.zeros((engine.count, 1)), start.qpos, start.qvel], axis=1)
    models = [model] * engine.count

    def run() -> None:
        now = first.copy()
        for _ in range(steps):
            pool.rollout(
                models,
                data,
                now,
                control,
                nstep=substeps,
                skip_checks=True,
                control_spec=int(mujoco.mjtState.mjSTATE_CTRL),
                state=states,
                sensordata=sensors,
            )
            now[:] = states[:, -1]

    return run


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    head = (
        "robots",
        "threads",
        "engine, median",
        "engine, fastest",
        "rollout, median",
        "rollout, fastest",
        "engine, µs",
        "rollout, µs",
        "extra, %",
    )
    parts = [
        "# Speed of the CPU engine",
        "Control steps a second over all robots; one is four physics steps of 5 ms. `mujoco.rollout` steps the same "
        "model from the same states under the same targets, by turns with the engine, and hands its states on from one "
        "control step to the next: that is the bare stepping. The engine also gives poses and velocities of all "
        "bodies, the centre of mass, torques, work and faults, and keeps where the contact solver ended, which "
        "`mujoco.rollout` cannot. µs are processor time of all threads for one control step of one robot, which other "
        "work on the machine disturbs less; the last column is by how much the engine's is more, the median over "
        "neighbouring runs.",
        table(("", ""), document["facts"].items()),
    ]
    titles = {
        "standing": "Standing, on both feet, with stiff gains",
        "lying": "Lying, fallen with the tracking gains",
    }
    for case, title in titles.items():
        rows = [
            (
                str(r["robots"]),
                str(r["threads"]),
                *(f"{r[k]:,.0f}" for k in ("engine_median", "engine_most", "raw_median", "raw_most")),
                *(number(r[k]) for k in ("engine_cpu_us", "raw_cpu_us")),
                f"{100 * r['extra']:.0f}",
            )
            for r in document["rows"]
            if r["case"] == case
        ]
        parts += [f"## {title}", table(head, rows)]
    rows = [
        (
            r["task"],
            str(r["robots"]),
            str(r["threads"]),
            *(f"{r[k]:,.0f}" for k in ("env_median", "env_most", "raw_median", "raw_most")),
            *(number(r[k]) for k in ("env_cpu_us", "raw_cpu_us")),
            f"{100 * r['extra']:.0f}",
        )
        for r in document["tracking"]
    ]
    head = ("task", *(name.replace("engine", "task") for name in head))
    parts += [
        "## Tracking tasks of the G1",
        "The whole environment: targets, stepping, rewards, terminations, resets, pushes and observations, while the "
        f"action is zero and robots follow {', '.join(SAMPLES)} with the tracking gains until they fail. "
        "`mujoco.rollout` starts from the states in which they are and sends them to the same targets.",
        table(head, rows),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
