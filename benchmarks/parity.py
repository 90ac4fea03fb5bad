"""Whether the two engines do the same: the G1 in the air and standing, and the CPU engine beside MuJoCo itself.

python -m benchmarks.parity
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import importlib.metadata  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import mujoco  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import tyro  # noqa: E402
from mujoco.rollout import rollout  # noqa: E402

from benchmarks.pages import number, table  # noqa: E402
from understudy import robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.physics import Gains, MujocoCpu, PhysicsConfig, State, engine  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

CASES = {  # metres above the floor, seconds, noise of the targets and most that joints may differ (rad)
    "in the air": (1.0, 0.2, 0.1, 0.02),
    "standing": (0.0, 1.0, 0.0, 0.05),
    "stumbling": (0.0, 1.0, 0.1, np.inf),
}
NUDGE = 1e-7
"""By so much (rad) the first states differ of two runs of the CPU engine, to see what simulations magnify."""
OFF = 0.02
"""Normal noise of the joints in the first state (rad)."""
COLUMNS = {
    "joints": "joints, rad",
    "joints_99": "joints, 99 % of robots",
    "joints_median": "joints, median robot",
    "nudged": "CPU engine, nudged: joints, rad",
    "nudged_median": "median robot",
    "height": "root's height, mm",
    "root": "root, mm",
    "floor": "floor's force, N",
    "floor_mean": "its mean over the time, N",
    "torque": "torques, Nm",
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Compare the engines from the same states under the same targets; writes parity.md and parity.json."""

    robots: int = 32
    """In each run."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    device: str | None = None
    """Of the engine on MuJoCo Warp; the GPU unless told, where there is one."""
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns 1 where the engines differ by more than they may, or a robot has a fault."""
    robot = robots.load("unitree_g1")
    config = PhysicsConfig(gains=Gains.stiff(robot))
    cpu, nudged = (MujocoCpu(robot, options.robots, config, threads=1) for _ in range(2))
    warp = engine(robot, options.robots, config, "warp", options.device)
    rows = [
        {"case": case, "seed": seed, **_compared(robot, (warp, cpu, nudged), case, seed)}
        for case in CASES
        for seed in options.seeds
    ]
    facts = machine.facts("python -m benchmarks.parity")
    versions = ("mujoco-warp", "warp-lang")
    facts["libraries"] += "".join(f", {name} {importlib.metadata.version(name)}" for name in versions)
    facts["MuJoCo Warp runs on"] = _where(warp.readings.time.device)
    document = {
        "facts": facts,
        "robots": options.robots,
        "rows": rows,
        "mujoco": {"mj_step": _beside_steps(cpu), "mujoco.rollout": _beside_rollout(cpu)},
        "repeated": _repeated(robot, warp),
        "single steps": _single_steps(robot, warp, cpu),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "parity.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "parity.md").write_text(page(document), encoding="utf-8")
    print(options.out / "parity.md")
    return int(any(not row["joints"] < CASES[row["case"]][3] or row["faults"] for row in rows))


def _where(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the same processor"


def _first(robot: Robot, count: int, lift: float, rng: np.random.Generator) -> State:
    """Near home, at rest, in numbers that single precision has, too."""
    qpos = np.tile(robot.home, (count, 1))
    qpos[:, 2] += np.float32(lift)
    qpos[:, 7:] += rng.normal(0.0, OFF, (count, len(robot.joints))).astype(np.float32)
    return State(qpos, np.zeros((count, 6 + len(robot.joints)), np.float32))


def _compared(robot: Robot, engines: tuple[Any, ...], case: str, seed: int) -> dict[str, float]:
    """Largest differences at the end, over robots and joints, of the first engine and the third from the second."""
    warp, cpu, nudged = engines
    lift, seconds, noise, _ = CASES[case]
    rng = np.random.default_rng(seed)
    first = _first(robot, cpu.count, lift, rng)
    forces = np.zeros((3, cpu.count, 3))
    steps = round(seconds / cpu.dt)
    for one in engines:
        one.reset(np.arange(cpu.count), first)
    moved = first.qpos.astype(np.float64)
    moved[:, 7:] += rng.normal(0.0, NUDGE, moved[:, 7:].shape)
    nudged.reset(np.arange(cpu.count), State(moved, first.qvel))
    for _ in range(steps):
        targets = robot.home[7:] + rng.normal(0.0, noise, (cpu.count, len(robot.joints))).astype(np.float32)
        for force, one in zip(forces, engines, strict=True):
            force += _numpy(one.step(targets).ground_force).sum(axis=1) / steps
    ours, theirs = warp.readings, cpu.readings

    def off(name: str) -> np.ndarray:
        return np.abs(_numpy(getattr(ours, name)) - getattr(theirs, name))

    joints, root = off("joint_pos").max(axis=1), off("body_pos")[:, 0]
    apart = np.abs(nudged.readings.joint_pos - theirs.joint_pos).max(axis=1)
    floor = np.abs(_numpy(ours.ground_force).sum(axis=1) - theirs.ground_force.sum(axis=1))
    return {
        "joints": float(joints.max()),
        "joints_99": float(np.quantile(joints, 0.99)),
        "joints_median": float(np.median(joints)),
        "nudged": float(apart.max()),
        "nudged_median": float(np.median(apart)),
        "height": 1e3 * float(root[:, 2].max()),
        "root": 1e3 * float(np.linalg.norm(root, axis=1).max()),
        "floor": float(floor.max()),
        "floor_mean": float(np.abs(forces[0] - forces[1]).max()),
        "torque": float(off("torque").max()),
        "faults": int((ours.fault > 0).sum()) + int((theirs.fault > 0).sum()),
    }


def _numpy(values: Any) -> np.ndarray:
    return values.cpu().numpy() if isinstance(values, torch.Tensor) else values


def _driven(cpu: MujocoCpu) -> tuple[np.ndarray, np.ndarray, State]:
    """First states, targets of a second that make robots step and stumble, and where the CPU engine ends."""
    rng = np.random.default_rng(0)
    first = _first(cpu.robot, cpu.count, 0.0, rng)
    targets = cpu.robot.home[7:] + rng.normal(0.0, 0.1, (50, cpu.count, len(cpu.robot.joints)))
    cpu.reset(np.arange(cpu.count), first)
    for asked in targets:
        cpu.step(asked)
    return np.asarray(first.qpos, np.float64), targets, cpu.state()


def _beside_steps(cpu: MujocoCpu) -> float:
    """The most by which positions and velocities after a second differ from those of mj_step."""
    first, targets, end = _driven(cpu)
    data, worst = mujoco.MjData(cpu.models[0]), 0.0
    for i in range(cpu.count):
        mujoco.mj_resetData(cpu.models[0], data)
        data.qpos[:] = first[i]
        for asked in targets:
            data.ctrl[:] = asked[i]
            mujoco.mj_step(cpu.models[0], data, nstep=cpu.config.substeps)
        worst = max(worst, np.abs(end.qpos[i] - data.qpos).max(), np.abs(end.qvel[i] - data.qvel).max())
    return float(worst)


def _beside_rollout(cpu: MujocoCpu) -> float:
    """The same against one call of mujoco.rollout."""
    first, targets, end = _driven(cpu)
    model = cpu.models[0]
    time, still = np.zeros((cpu.count, 1)), np.zeros((cpu.count, model.nv))
    control = np.repeat(targets.transpose(1, 0, 2), cpu.config.substeps, axis=1)
    states, _ = rollout(model, mujoco.MjData(model), np.concatenate([time, first, still], axis=1), control)
    return float(np.abs(states[:, -1, 1:] - np.concatenate([end.qpos, end.qvel], axis=1)).max())


def _repeated(robot: Robot, warp: Any) -> float:
    """The most by which joints differ when a second on the floor is simulated twice on MuJoCo Warp."""
    ends = []
    for _ in range(2):
        rng = np.random.default_rng(0)
        warp.reset(np.arange(warp.count), _first(robot, warp.count, 0.0, rng))
        for _ in range(50):
            warp.step(robot.home[7:] + rng.normal(0.0, 0.02, (warp.count, len(robot.joints))))
        ends.append(_numpy(warp.state().qpos))
    return float(np.abs(ends[0] - ends[1]).max())


def _single_steps(robot: Robot, warp: Any, cpu: MujocoCpu) -> dict[str, tuple[float, float, float]]:
    """Differences after one control step from the same state, while robots are thrown to the floor and lie there:
    median, 99 % and the most, over robots and moments."""
    rng = np.random.default_rng(0)
    first = _first(robot, cpu.count, 0.2, rng)
    turned = rng.normal(size=(cpu.count, 4))
    first.qpos[:, 3:7] = turned / np.linalg.norm(turned, axis=1, keepdims=True)
    first.qvel[:] = rng.normal(size=first.qvel.shape)
    cpu.reset(np.arange(cpu.count), first)
    off: dict[str, list[np.ndarray]] = {"joint_pos": [], "joint_vel": [], "ground_force": []}
    for _ in range(50):
        targets = robot.home[7:] + rng.normal(0.0, 0.1, (cpu.count, len(robot.joints))).astype(np.float32)
        state = cpu.state()
        single = State(*(np.asarray(values, np.float32) for values in vars(state).values()))
        for one in (warp, cpu):
            one.reset(np.arange(cpu.count), single)
            one.step(targets)
        for name, values in off.items():
            apart = np.abs(_numpy(getattr(warp.readings, name)) - getattr(cpu.readings, name))
            values.append(apart.reshape(cpu.count, -1).max(axis=1))
    return {name: _quantiles(np.concatenate(values)) for name, values in off.items()}


def _quantiles(values: np.ndarray) -> tuple[float, float, float]:
    return float(np.median(values)), float(np.quantile(values, 0.99)), float(values.max())


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    rows, count = document["rows"], document["robots"]
    parts = [
        "# Parity of the engines",
        f"{count} G1 with stiff gains on each engine, from the same states (joints off home by {OFF:g} rad, one sigma, "
        "at rest) under the same targets, for several seeds: MuJoCo Warp, in single precision, beside MuJoCo's C "
        "library, in double. Every figure is the largest difference over all robots, joints or axes at the end, "
        f"unless it says otherwise. Falling and stumbling magnify: beside it stand two runs of the CPU engine whose "
        f"first states differ by {NUDGE:g} rad, one sigma, which is what single precision can tell apart.",
        table(("", ""), document["facts"].items()),
    ]
    for case, (lift, seconds, noise, bound) in CASES.items():
        told = (
            f"targets off home by {noise:g} rad, drawn anew in each control step"
            if noise
            else "targets at home"
        )
        above = f"{lift:g} m above the floor, falling freely" if lift else "on the floor"
        parts += [
            f"## {case.capitalize()}",
            f"{seconds:g} s, {above}; {told}. "
            + (f"Joints may differ by {bound:g} rad." if bound < np.inf else "No bound is set."),
            table(
                ("seed", *COLUMNS.values(), "faults"),
                [
                    (str(r["seed"]), *(number(r[key]) for key in COLUMNS), str(r["faults"]))
                    for r in rows
                    if r["case"] == case
                ],
            ),
        ]
    named = {
        "joint_pos": "joints, rad",
        "joint_vel": "their rates, rad/s",
        "ground_force": "floor's forces, N",
    }
    parts += [
        "## Single steps, thrown and lying",
        f"{count} robots thrown onto the floor, simulated for a second by the CPU engine under targets that jump by "
        "0.1 rad; in each control step MuJoCo Warp starts from the same state. As it comes, it lays the friction "
        "pyramids of steep capsules differently; the engine lays them as the C library does.",
        table(
            ("", "median", "99 %", "most"),
            [(named[key], *map(number, values)) for key, values in document["single steps"].items()],
        ),
    ]
    beside = ", ".join(f"{value:g} from `{name}`" for name, value in document["mujoco"].items())
    parts += [
        "## The CPU engine beside MuJoCo",
        f"A second of {count} robots whose targets jump by 0.1 rad: positions and velocities differ by at most "
        f"{beside}.",
        "## Repetition",
        f"A second on the floor, simulated twice on MuJoCo Warp: states differ by at most {document['repeated']:g}.",
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
