"""Live inverse kinematics in closed loop, after MIRROR's Table I, on the trials of ``benchmarks.live_trials``.

python -m benchmarks.live_ik

A row is a configuration and a solver (``ROWS``). A solver of one's own is a function from a limb's QP to candidates
(``understudy.retarget.live.problem.Solver``) and one more ``Row``. With ``--rows`` the others stay as they were.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Mapping, Sequence  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Protocol  # noqa: E402

import numpy as np  # noqa: E402
import tyro  # noqa: E402

from benchmarks.live_trials import COUNT, HELD_OUT, PROTOCOL, STEPS, Space, Trial, trials  # noqa: E402
from benchmarks.pages import table  # noqa: E402
from understudy import robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.kinematics import clearances  # noqa: E402
from understudy.kinematics.kernels.live_arrays import LiveGoal, LivePose  # noqa: E402
from understudy.motion.landmarks import SIDES  # noqa: E402
from understudy.motion.types import RobotMotion  # noqa: E402
from understudy.retarget.live.admm import Admm  # noqa: E402
from understudy.retarget.live.config import LiveIKConfig  # noqa: E402
from understudy.retarget.live.control import ARRIVED, CERTIFIED, FALLBACK, HELD, Control, Taken  # noqa: E402
from understudy.retarget.live.global_sqp import GlobalSqp  # noqa: E402
from understudy.retarget.live.problem import LiveProblem, Solver  # noqa: E402
from understudy.retarget.live.single import grid, scaled, single  # noqa: E402

TOUCHING = 1e-6
"""m beyond a barrier or inside a body that count: rounding does not."""
SINGULAR = 0.03
"""m/rad: the least a hand's position changes with a unit of joint speed in its worst direction, below which its arm is
singular. At rest it is 0.1."""
LOCKED = 0.0035
"""rad from a limit within which a joint is at it."""
LOCKED_FOR = 5
"""Control steps for which a joint has been at a limit when the trial ends: then it is stuck there."""
REPEATS = 3
"""Runs of every trial; the least time of each step counts: other work on the machine disturbs that one least."""

PAPER = replace(
    PROTOCOL,
    posture=0.0,
    limit_weight=0.0,
    buffer=0.0,
    brake=1.0,
    certificate="none",
    eta=5e-4,
    eta_objective=0.0,
)
"""The paper's problem: no term but those of Eq. 7–10."""


class Stepper(Protocol):
    """``Control``, and what else moves a pose by one control step."""

    def step(self, pose: LivePose, goal: LiveGoal) -> Taken: ...


@dataclass(frozen=True)
class Row:
    """What is compared: constants, and what steps a pose towards a goal under them. ``make`` is called once for each
    trial, so that no warm start outlives it; ``Control`` alone walks exact paths, in one kernel. What is ``slow`` is
    timed in one run instead of ``REPEATS``."""

    name: str
    config: LiveIKConfig
    make: Callable[[LiveProblem], Stepper] = Control
    slow: bool = False


def by(solver: Callable[[], Solver]) -> Callable[[LiveProblem], Stepper]:
    """Control steps with a solver for each limb's QPs, made anew for each trial."""
    return lambda problem: Control(problem, solver())


ROWS = (
    Row("one QP, both arms (DAQP)", replace(PAPER, limbs="monolithic"), by(lambda: single)),
    Row("one QP an arm (DAQP)", PAPER, by(lambda: single)),
    Row("path, no certificate", PAPER),
    Row("path, linear certificate, η = 0.0005", replace(PAPER, certificate="linear")),
    Row("path, linear certificate, η = 0.005", replace(PAPER, certificate="linear", eta=5e-3)),
    Row("path, linear certificate, η = 0.01", replace(PAPER, certificate="linear", eta=1e-2)),
    Row("path, true certificate", replace(PAPER, certificate="true", eta=1e-5)),
    Row("path, true certificate, buffer", replace(PAPER, certificate="true", eta=1e-5, buffer=0.002)),
    Row("16 QPs an arm (DAQP), true certificate, buffer",
        replace(PAPER, certificate="true", eta=1e-5, buffer=0.002), by(lambda: grid(16))),
    Row("one QP an arm (DAQP), buffer", replace(PAPER, buffer=0.002), by(lambda: single)),
    Row("256 QPs an arm by ADMM, linear certificate",
        replace(PAPER, certificate="linear"), by(lambda: Admm(256)), slow=True),
    Row("256 QPs an arm by ADMM, true certificate, buffer",
        replace(PAPER, certificate="true", eta=1e-5, buffer=0.002), by(lambda: Admm(256)), slow=True),
    Row("global SQP, both arms", replace(PAPER, limbs="monolithic"), GlobalSqp, slow=True),
    Row("LiveIK, no certificate", replace(PROTOCOL, certificate="none")),
    Row("LiveIK, linear certificate", replace(PROTOCOL, certificate="linear")),
    Row("LiveIK", PROTOCOL),
    Row("LiveIK, Δq(1) shortened (DAQP)", PROTOCOL, by(lambda: scaled)),
    Row("LiveIK, both arms in one QP", replace(PROTOCOL, limbs="monolithic")),
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Run the trials; writes live_ik.md and live_ik.json."""

    trials: int = COUNT
    first: int = HELD_OUT
    """Seed of the first trial; 0 to 249 are those that constants were tuned on."""
    rows: tuple[str, ...] = ()
    """Only rows whose names contain one of these are run, and the others are kept from the last page; none for all."""
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    robot = robots.load("unitree_g1")
    space = Space(LiveProblem.build(robot, PROTOCOL))
    made = trials(space, range(options.first, options.first + options.trials))
    chosen = [row for row in ROWS if not options.rows or any(word in row.name for word in options.rows)]
    rows = {row["name"]: row for row in _measured(options)}
    rows |= {row.name: measure(row, space, made) for row in chosen}
    facts = machine.facts("python -m benchmarks.live_ik")
    facts["load of the machine at the end"] = f"{os.getloadavg()[0]:.1f}"
    document = {
        "facts": facts,
        "trials": len(made),
        "first": options.first,
        "rows": [rows[row.name] for row in ROWS if row.name in rows],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "live_ik.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "live_ik.md").write_text(page(document), encoding="utf-8")
    print(options.out / "live_ik.md")
    return 0


def _measured(options: Options) -> list[dict[str, Any]]:
    """Rows of the last page that are not run now, if it has as many trials."""
    path = options.out / "live_ik.json"
    if not options.rows or not path.is_file():
        return []
    document = json.loads(path.read_text(encoding="utf-8"))
    return (
        document["rows"] if (document["trials"], document["first"]) == (options.trials, options.first) else []
    )


@dataclass(frozen=True)
class Run:
    """One trial: poses after each step, errors of the hands (step, hand) in m, and for each limb-step α and code;
    processor and wall seconds of each step."""

    qpos: np.ndarray
    error: np.ndarray
    alpha: np.ndarray
    code: np.ndarray
    processor: np.ndarray
    wall: np.ndarray


def closed_loop(row: Row, problem: LiveProblem, space: Space, trial: Trial) -> Run:
    """Follow one trial's targets; the robot is where it was sent."""
    control, pose, goal = row.make(problem), problem.pose(trial.qpos), problem.goal()
    hands = [problem.tasks.index(f"{side}_hand") for side in SIDES]
    qpos, error, alpha, code = [], [], [], []
    processor, wall = np.zeros(STEPS), np.zeros(STEPS)
    for t, targets in enumerate(trial.targets):
        goal.pos[hands] = targets
        begin, used = time.perf_counter(), time.thread_time()
        taken = control.step(pose, goal)
        processor[t], wall[t] = time.thread_time() - used, time.perf_counter() - begin
        qpos.append(np.concatenate([pose.root_pos, pose.root_quat, pose.q]))
        error.append([np.linalg.norm(space.hand(pose, s) - targets[s]) for s in range(len(SIDES))])
        alpha.append(taken.alpha)
        code.append(taken.code)
    return Run(np.array(qpos), np.array(error), np.array(alpha), np.array(code), processor, wall)


def measure(row: Row, space: Space, made: Sequence[Trial]) -> dict[str, Any]:
    """A row of the table."""
    problem = LiveProblem.build(space.problem.robot, row.config)
    closed_loop(row, problem, space, made[0])  # compiles
    runs = [closed_loop(row, problem, space, trial) for trial in made]
    again = [
        [closed_loop(row, problem, space, trial) for trial in made]
        for _ in range(0 if row.slow else REPEATS - 1)
    ]
    faults = [_faults(space, run) for run in runs]
    error = 1e3 * np.array([run.error for run in runs])
    code, alpha = (np.concatenate([getattr(run, n).ravel() for run in runs]) for n in ("code", "alpha"))
    processor, wall = (
        1e3 * np.min([[getattr(run, n) for run in turn] for turn in (runs, *again)], axis=0)
        for n in ("processor", "wall")
    )
    return {
        "name": row.name,
        "code": machine.digest(),
        "configuration": dataclasses.asdict(row.config),
        "processor_ms": [float(np.quantile(processor, q)) for q in (0.5, 0.99)],
        "wall_ms": [float(np.quantile(wall, q)) for q in (0.5, 0.99)],
        "error_mm": [float(error.mean()), float(error.mean(axis=(1, 2)).std())],
        "final_mm": [float(error[:, -1].mean()), float(error[:, -1].mean(axis=-1).std())],
        "final_median_mm": float(np.median(error[:, -1])),
        **{
            key: int(sum(fault[key] for fault in faults)) for key in ("barrier", "body", "singular", "locked")
        },
        "deepest_mm": 1e3 * max(fault["deepest"] for fault in faults),
        **{
            name: float((code == value).mean())
            for name, value in (
                ("certified", CERTIFIED),
                ("arrived", ARRIVED),
                ("fallback", FALLBACK),
                ("held", HELD),
            )
        },
        "certified_below_one": float(((code == CERTIFIED) & (alpha < 1.0 - 1e-9)).mean()),
    }


def _faults(space: Space, run: Run) -> dict[str, Any]:
    """What went wrong in a trial, whatever solver ran it: barriers (h < 0), bodies, singular arms, locked joints."""
    problem, robot = space.problem, space.problem.robot
    reach, room, goal = problem.barriers.reach, problem.workspace(), problem.goal()
    radii = problem.shapes.capsules.radius[problem.shapes.pair].sum(-1)
    nearest, apart, least = np.inf, np.inf, np.inf
    for qpos in run.qpos:
        pose = problem.pose(qpos)
        distance = np.sqrt(problem.barrier_values(pose) + reach * reach)
        nearest, apart = min(nearest, (distance - reach).min()), min(apart, (distance - radii).min())
        for k in range(len(problem.limbs)):
            jacobian = problem.assemble(k, pose, goal, room).jacobian
            least = min(least, float(np.linalg.svd(jacobian, compute_uv=False)[-1]))
    q = run.qpos[-LOCKED_FOR:, 7 + space.columns]
    limits = (a.astype(np.float64)[space.columns] for a in (robot.lower, robot.upper))
    at = np.minimum(*(np.abs(q - limit) for limit in limits)) < LOCKED
    motion = RobotMotion(
        robot.name, robot.joints, 1.0 / problem.config.dt, run.qpos[:, :3], run.qpos[:, 3:7], run.qpos[:, 7:]
    )
    return {
        "barrier": bool(nearest < -TOUCHING),
        "deepest": float(max(-nearest, 0.0)),
        "body": bool(min(apart, clearances(robot, motion).nearest.min()) < -TOUCHING),
        "singular": least < SINGULAR,
        "locked": bool(at.all(axis=0).any()),
    }


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    n = document["trials"]
    head = (
        *("", "ms", "p99", "error, mm", "at the end, mm", "median"),
        *("barriers", "deepest, mm", "bodies", "singular", "locked"),
    )
    rows = [
        (
            r["name"],
            *(f"{v:.3f}" for v in r["processor_ms"]),
            *(f"{r[key][0]:.2f} ± {r[key][1]:.1f}" for key in ("error_mm", "final_mm")),
            f"{r['final_median_mm']:.2f}",
            str(r["barrier"]),
            f"{r['deepest_mm']:.2f}",
            *(str(r[key]) for key in ("body", "singular", "locked")),
        )
        for r in document["rows"]
    ]
    shares = ("certified", "certified_below_one", "arrived", "fallback", "held")
    taken = [(r["name"], *(f"{100 * r[key]:.2f}" for key in shares)) for r in document["rows"]]
    parts = [
        "# Live inverse kinematics",
        f"{n} trials of {STEPS} control steps (`benchmarks/live_trials.py`, seeds from {document['first']} on): "
        "both hands of the G1 follow targets near and across the barriers about trunk, head, thighs and arms. "
        f"Constants were tuned on seeds below {HELD_OUT}. Only the arms move. "
        "[The method](../methods/live_ik.md) tells what rows and columns mean.",
        table(("", ""), document["facts"].items()),
        "## Errors and faults",
        "ms are processor time of a whole control step of both arms: kinematics, gradients, solution, choice, and the "
        f"call from Python; median and 99 % over all steps, each the least of {REPEATS} runs. Errors are of both hands "
        f"over all steps, and in the last one, with the deviation over trials. Then trials out of {n}: that break "
        "a barrier (ρ with its margin) by more than a micrometre, and how deep at worst; in which the model's capsules "
        "touch without any margin, all but hand and hand; in which an arm was singular (least singular value below "
        f"{SINGULAR} m/rad); and that end with a joint at its limit.",
        table(head, rows),
        "## How steps were chosen",
        "Shares of all steps of a limb, in per cent: certified, and of all steps those certified at α < 1; where the "
        "goal is reached (V ≤ ε_V) and nothing needs certifying; by the fallback; and held still by it.",
        table(("", "certified", "certified at α < 1", "arrived", "fallback", "held"), taken),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
