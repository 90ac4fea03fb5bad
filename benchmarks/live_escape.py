"""What MIRROR's continuation can and cannot do: its theory (Eq. 15–16, 21–28, Proposition 1) put to the test.

python -m benchmarks.live_escape

States are those of closed loops on the trials of ``benchmarks.live_trials``, on the paper's problem.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import tyro  # noqa: E402

from benchmarks import live_escape_page, live_escape_pictures  # noqa: E402
from benchmarks.live_escape_page import ALPHAS  # noqa: E402
from benchmarks.live_ik import PAPER, TOUCHING, Row, by, closed_loop  # noqa: E402
from benchmarks.live_trials import PROTOCOL, Space, Trial, trials  # noqa: E402
from understudy import robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.kinematics.kernels import live_daqp  # noqa: E402
from understudy.kinematics.kernels.live_arrays import LiveGoal, LivePath, LivePose  # noqa: E402
from understudy.kinematics.kernels.live_assembly import copy_pose  # noqa: E402
from understudy.kinematics.kernels.live_choice import choose_limb  # noqa: E402
from understudy.motion.landmarks import SIDES  # noqa: E402
from understudy.retarget.live.admm import Admm, misfit  # noqa: E402
from understudy.retarget.live.control import CERTIFIED, Control, exact_path  # noqa: E402
from understudy.retarget.live.global_sqp import ITERATIONS, GlobalSqp  # noqa: E402
from understudy.retarget.live.limbs import ROOT, Limb  # noqa: E402
from understudy.retarget.live.problem import Candidates, LimbQP, LiveProblem, Solver  # noqa: E402
from understudy.retarget.live.single import single  # noqa: E402

EVERY = 6
"""Of the control steps of a trial, one in so many is a state."""
TRUE = replace(PAPER, certificate="true", eta=1e-5, eta_objective=1e-5)
SAMPLES = 300
"""Random increments drawn at a state."""


@dataclass(frozen=True)
class Options:
    """Run all experiments; writes live_escape.md, .png and .json."""

    trials: int = 24
    out: Path = Path("docs/results")


@dataclass(frozen=True)
class State:
    """Where a robot is and what it is asked for."""

    qpos: np.ndarray
    hands: np.ndarray


class Judge:
    """A problem's candidates at a state, one by one: which are certified by forward kinematics (Eq. 15 and 21)."""

    def __init__(self, problem: LiveProblem):
        self.problem = problem
        self._room, self._goal = problem.workspace(), problem.goal()
        self._spare, self._trial = problem.pose(problem.robot.home), problem.pose(problem.robot.home)
        self._hands = [problem.tasks.index(f"{side}_hand") for side in SIDES]

    def place(self, state: State) -> tuple[LivePose, LiveGoal]:
        """The state as pose and goal; the goal is the judge's own."""
        self._goal.pos[self._hands] = state.hands
        return self.problem.pose(state.qpos), self._goal

    def qp(self, state: State, limb: int) -> LimbQP:
        pose, goal = self.place(state)
        return self.problem.assemble(limb, pose, goal, self._room)

    def certified(self, state: State, limb: int, steps: np.ndarray) -> np.ndarray:
        """Whether each step of one limb is."""
        p, (pose, goal) = self.problem, self.place(state)
        p.assemble(limb, pose, goal, self._room)
        copy_pose(pose, self._trial)
        out, one = np.zeros(steps.shape[1]), np.ones(1, np.int64)
        codes = []
        for step in steps:
            copy_pose(pose, self._spare)
            path = LivePath(one, np.ones(1), np.ascontiguousarray(step[None]))
            codes.append(choose_limb(
                p.tree, p.limb_arrays, limb, p.task_arrays, p.barriers, p.joints, p.settings, goal, self._spare,
                self._room, path, False, self._trial, out,
            )[0])  # fmt: skip
        return np.array(codes) == CERTIFIED


def states(problem: LiveProblem, made: Sequence[Trial]) -> list[State]:
    """Of exact paths under the true certificate."""
    found, hands = [], [problem.tasks.index(f"{side}_hand") for side in SIDES]
    for trial in made:
        control, pose, goal = Control(problem), problem.pose(trial.qpos), problem.goal()
        for t, targets in enumerate(trial.targets):
            goal.pos[hands] = targets
            if t % EVERY == EVERY - 1:
                found.append(State(np.concatenate([pose.root_pos, pose.root_quat, pose.q]), targets.copy()))
            control.step(pose, goal)
    return found


def along(path: Candidates, alphas: np.ndarray) -> np.ndarray:
    """Δq at these α."""
    return np.stack([np.interp(alphas, path.alpha, column) for column in path.step.T], axis=-1)


def escaping(judge: Judge, at: Sequence[State]) -> np.ndarray:
    """(state, limb, α): which α escape with a certificate (Eq. 23)."""
    limbs = range(len(judge.problem.limbs))
    return np.array(
        [[judge.certified(s, k, along(exact_path(judge.qp(s, k)), ALPHAS)) for k in limbs] for s in at]
    )


def shortened(judge: Judge, at: Sequence[State]) -> np.ndarray:
    """The same of α Δq(1), the full step made shorter, for α as a line search tries it."""
    limbs = range(len(judge.problem.limbs))
    full = [[exact_path(judge.qp(s, k)).step[-1] for k in limbs] for s in at]
    return np.array(
        [
            [judge.certified(s, k, ALPHAS[:, None] * v) for k, v in zip(limbs, row, strict=True)]
            for s, row in zip(at, full, strict=True)
        ]
    )


def standing(judge: Judge, at: Sequence[State]) -> dict[str, list[list[bool]]]:
    """(state, limb): whether V > ε_V, so that there is something to escape to; and whether the global SQP, from the
    same pose, gets rid of a tenth of V."""
    config = replace(PAPER, limbs="monolithic", gamma=1.0)
    solver, limbs = GlobalSqp(LiveProblem.build(judge.problem.robot, config)), range(len(judge.problem.limbs))
    far, better = [], []
    for state in at:
        now = [_value(judge.qp(state, k)) for k in limbs]
        pose, goal = judge.place(state)
        solver.step(pose, goal)
        there = State(np.concatenate([pose.root_pos, pose.root_quat, pose.q]), state.hands)
        then = [_value(judge.qp(there, k)) for k in limbs]
        far.append([v > judge.problem.config.arrived for v in now])
        better.append([b < 0.9 * a for a, b in zip(now, then, strict=True)])
    return {"far": far, "better": better}


def _value(qp: LimbQP) -> float:
    return 0.5 * float(qp.certified @ qp.error**2)


def chosen(space: Space, made: Sequence[Trial]) -> list[dict[str, Any]]:
    """Shares of steps that were certified, and certified at α < 1, in closed loop."""
    rows = (
        Row("exact path, linear certificate, η = 0.0005", replace(PAPER, certificate="linear")),
        Row("exact path, linear certificate, η = 0.005", replace(PAPER, certificate="linear", eta=5e-3)),
        Row("ADMM, K = 256, linear certificate, η = 0.0005", replace(PAPER, certificate="linear"), by(Admm)),
        Row("ADMM, K = 256, true certificate", TRUE, by(Admm)),
        Row("exact path, true certificate", TRUE),
        Row("one QP an arm", PAPER, by(lambda: single)),
    )
    found = []
    for row in rows:
        problem = LiveProblem.build(space.problem.robot, row.config)
        runs = [closed_loop(row, problem, space, trial) for trial in made]
        code, alpha = (
            np.concatenate([getattr(run, name).ravel() for run in runs]) for name in ("code", "alpha")
        )
        good = code == CERTIFIED
        found.append({
            "name": row.name,
            "certified": float(good.mean()),
            "below_one": float((good & (alpha < 1.0 - 1e-9)).mean()),
            "processor_ms": float(1e3 * np.median(np.concatenate([run.processor for run in runs]))),
            "final_mm": float(1e3 * np.mean([run.error[-1] for run in runs])),
        })  # fmt: skip
    return found


def whole(space: Space, made: Sequence[Trial]) -> dict[str, Any]:
    """The global SQP on the same trials."""
    problem = LiveProblem.build(space.problem.robot, replace(PAPER, limbs="monolithic", gamma=1.0))
    hands = [problem.tasks.index(f"{side}_hand") for side in SIDES]
    solver, error, spent, count, broken, farthest, deepest = GlobalSqp(problem), [], [], [], 0, [], 0.0
    for trial in made:
        pose, goal, least = problem.pose(trial.qpos), problem.goal(), np.inf
        for targets in trial.targets:
            goal.pos[hands] = targets
            begin, before = time.thread_time(), pose.q.copy()
            solver.step(pose, goal)
            spent.append(time.thread_time() - begin)
            count.append(solver.iterations)
            farthest.append(np.abs(pose.q - before).max())
            apart = np.sqrt(problem.barrier_values(pose) + problem.barriers.reach**2) - problem.barriers.reach
            least = min(least, float(apart.min()))
            error.append([np.linalg.norm(space.hand(pose, s) - targets[s]) for s in range(len(SIDES))])
        broken += least < -TOUCHING
        deepest = max(deepest, -1e3 * least)
    errors = 1e3 * np.array(error).reshape(len(made), -1, len(SIDES))
    return {
        "processor_ms": float(1e3 * np.median(spent)),
        "iterations": [float(np.mean(count)), float(np.mean(np.array(count) == ITERATIONS))],
        "error_mm": float(errors.mean()),
        "final_mm": float(errors[:, -1].mean()),
        "broken": int(broken),
        "deepest_mm": deepest,
        "trials": len(made),
        "over_step": float((np.array(farthest) > problem.config.step).mean()),
    }


def elbows() -> dict[str, Any]:
    """Proposition 1 on two joints of the G1, shoulder pitch and elbow: the elbow bends either way past straight."""
    robot = robots.load("unitree_g1")
    joints = [robot.joints.index(f"left_{name}_joint") for name in ("shoulder_pitch", "elbow")]
    limb = Limb("left_arm", tuple(ROOT + j for j in joints), ("left_hand",))
    config = replace(TRUE, elbow_weight=0.0, hand_turn_weight=0.0)
    problem = LiveProblem.of(robot, config, (limb,))
    home = robot.home.astype(np.float64)
    home[7 + robot.joints.index("left_shoulder_roll_joint")] = 0.35

    def at(pair: np.ndarray) -> LivePose:
        qpos = home.copy()
        qpos[[7 + j for j in joints]] = pair
        return problem.pose(qpos)

    goal, wanted = problem.goal(), at(np.array([-0.9, 0.95]))
    link = problem.task_arrays.link[0]
    goal.pos[0] = wanted.pos[link] + wanted.rot[link] @ problem.task_arrays.point[0]
    pitch, bend = np.linspace(-1.65, 0.8, 29), np.linspace(-0.4, 2.06, 26)
    room, starts = problem.workspace(), np.stack(np.meshgrid(pitch, bend), axis=-1)
    cost, safe = np.zeros(starts.shape[:2]), np.zeros(starts.shape[:2], bool)
    for index in np.ndindex(cost.shape):
        qp = problem.assemble(0, at(starts[index]), goal, room)
        cost[index] = _value(qp)
        safe[index] = problem.barrier_values(at(starts[index])).min() >= 0.0
    random = np.random.default_rng(1)

    def drawn(qp: LimbQP, limb: int) -> Candidates:
        alpha = np.sort(random.uniform(size=256))
        return Candidates(alpha, along(exact_path(qp, limb), alpha))

    solvers: dict[str, tuple[LiveProblem, Solver | None]] = {
        "one QP, α = 1": (problem, single),
        "all α, true certificate": (problem, None),
        "256 α at random, true certificate": (problem, drawn),
        "all α, no certificate": (LiveProblem.of(robot, replace(config, certificate="none"), (limb,)), None),
    }
    found: dict[str, Any] = {
        "pitch": pitch.tolist(),
        "bend": bend.tolist(),
        "cost": cost.tolist(),
        "safe": safe.tolist(),
        "ends": {},
    }
    for name, (of, solver) in solvers.items():
        ends = np.zeros((*cost.shape, 2))
        for index in zip(*np.nonzero(safe), strict=True):
            control, pose = Control(of, solver), at(starts[index])
            for _ in range(40):
                control.step(pose, goal)
            ends[index] = pose.q[joints]
        found["ends"][name] = ends.tolist()
    return found


def solving_times(judges: dict[str, Judge], at: Sequence[State]) -> list[dict[str, Any]]:
    """Seconds of one candidate, and of all of them: C(m) of Eq. 26, from the QPs of these states."""
    found = []
    for name, judge in judges.items():
        qps = [judge.qp(s, 0) for s in at[:60]]
        admm = Admm()
        row: dict[str, Any] = {"name": name, "columns": len(qps[0].gradient)}
        for solver, run in {
            "daqp": lambda qp: live_daqp.solve(qp.hessian, qp.gradient, qp.rows, qp.b, qp.lower, qp.upper),
            "admm": lambda qp, admm=admm: admm(qp, 0),
            "path": exact_path,
        }.items():
            spent = []
            for qp in [qps[0], *qps]:
                begin = time.thread_time()
                run(qp)
                spent.append(time.thread_time() - begin)
            row[solver] = float(np.median(spent[1:])) / (257 if solver == "admm" else 1)
        found.append(row)
    return found


def volumes(judge: Judge, at: Sequence[State]) -> list[dict[str, float]]:
    """Lemma 3 at states that have an escaping Δq*: the ball about it, what uniform increments hit, and what α does."""
    random, found = np.random.default_rng(3), []
    for state in at:
        qp = judge.qp(state, 0)
        n = len(qp.gradient)
        on_path = along(exact_path(qp), ALPHAS)
        hits = judge.certified(state, 0, on_path)
        if not hits.any():
            continue
        best, around = on_path[np.flatnonzero(hits)[-1]], random.normal(size=(24, n))
        around /= np.linalg.norm(around, axis=-1, keepdims=True)
        outer = float(np.linalg.norm(np.maximum(-qp.lower, qp.upper)))
        radius = outer
        while radius > 1e-4 * outer and not judge.certified(state, 0, best + radius * around).all():
            radius *= 0.7
        inside = random.uniform(qp.lower, qp.upper, (SAMPLES, n))
        kept = (inside @ qp.rows.T >= qp.b).all(-1) if len(qp.b) else np.ones(SAMPLES, bool)
        found.append({
            "columns": n,
            "bound": float((radius / outer) ** n),
            "ratio": radius / outer,
            "uniform": float((kept & judge.certified(state, 0, inside)).mean()),
            "path": float(hits.mean()),
        })  # fmt: skip
    return found


def convergence(judge: Judge, at: Sequence[State]) -> list[dict[str, float]]:
    """What ADMM has left after so many iterations, from zero."""
    qps = [judge.qp(s, k) for s in at[::4] for k in range(2)]
    found = []
    for rho in (50.0, 5.0, 1.0):
        for iterations in (10, 50, 200, 1000):
            left = [misfit(qp, Admm(16, iterations=iterations, rho=rho)(qp, 0)) for qp in qps]
            apart, broken = (np.concatenate([getattr(m, n) for m in left]) for n in ("apart", "broken"))
            found.append({
                "rho": rho, "iterations": iterations,
                "apart": [float(np.quantile(apart, q)) for q in (0.5, 0.9, 1.0)],
                "broken": [float(np.quantile(broken, q)) for q in (0.5, 0.9, 1.0)],
            })  # fmt: skip
    return found


def warm(problem: LiveProblem, made: Sequence[Trial]) -> dict[str, Any]:
    """The same of the paper's 50 iterations at K = 256, each step from the last one's iterates."""
    hands, room = [problem.tasks.index(f"{side}_hand") for side in SIDES], problem.workspace()
    left = []
    for trial in made:
        solver, control, pose, goal = Admm(), Control(problem), problem.pose(trial.qpos), problem.goal()
        for targets in trial.targets:
            goal.pos[hands] = targets
            for k in range(len(problem.limbs)):
                qp = problem.assemble(k, pose, goal, room)
                left.append(misfit(qp, solver(qp, k)))
            control.step(pose, goal)
    apart, broken = (np.concatenate([getattr(m, n) for m in left]) for n in ("apart", "broken"))
    return {
        "apart": [float(np.quantile(apart, q)) for q in (0.5, 0.9, 1.0)],
        "broken": [float(np.quantile(broken, q)) for q in (0.5, 0.9, 1.0)],
        "feasible": float((broken < 1e-6).mean()),
    }


def main(options: Options) -> int:
    """Run, and write page and picture. Returns the exit code."""
    robot = robots.load("unitree_g1")
    space = Space(LiveProblem.build(robot, PROTOCOL))
    made = trials(space, range(options.trials))
    arm = Judge(LiveProblem.build(robot, TRUE))
    both = Judge(LiveProblem.build(robot, replace(TRUE, limbs="monolithic")))
    at = states(arm.problem, made)
    document = {
        "facts": machine.facts("python -m benchmarks.live_escape")
        | {"load of the machine": f"{os.getloadavg()[0]:.1f}"},
        "trials": options.trials,
        "chosen": chosen(space, made),
        "whole": whole(space, made),
        "escape": {
            "arm": escaping(arm, at).tolist(),
            "both": escaping(both, at).tolist(),
            "shortened": shortened(arm, at).tolist(),
        }
        | standing(arm, at),
        "elbows": elbows(),
        "times": solving_times({"one arm": arm, "both arms": both}, at),
        "volumes": volumes(arm, at[::4]) + volumes(both, at[::4]),
        "convergence": convergence(arm, at),
        "warm": warm(arm.problem, made[:4]),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    document = live_escape_page.summarised(document)
    live_escape_pictures.draw(document, options.out / "live_escape.png")
    (options.out / "live_escape.md").write_text(live_escape_page.page(document), encoding="utf-8")
    kept = live_escape_page.without_maps(document)
    (options.out / "live_escape.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(options.out / "live_escape.md")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
