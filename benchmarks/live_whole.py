"""Live inverse kinematics of whole bodies, in closed loop on the made-up sample clips: no corpus is needed.

python -m benchmarks.live_whole

A row is a robot, a move and whether the robot balances. Beside it stands what ``FrameIK`` makes of the same clip.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import tyro  # noqa: E402

from benchmarks.pages import table  # noqa: E402
from understudy import robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.evaluate import report  # noqa: E402
from understudy.motion import sample  # noqa: E402
from understudy.motion.types import HumanFrame, HumanMotion, RobotMotion  # noqa: E402
from understudy.retarget import FrameIK  # noqa: E402
from understudy.retarget.live.control import FALLBACK  # noqa: E402
from understudy.retarget.live.whole import WholeConfig, WholeControl  # noqa: E402
from understudy.retarget.live.whole_goals import WholeGoals  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

ROBOTS = ("unitree_g1", "booster_t1")
MOVES = (("stand", True), ("squat", True), ("reach", True), ("walk", False), ("walk", True))
"""Samples, and whether the centre of mass is kept over the feet."""
FPS = 50.0
"""Frames, and control steps, a second."""
REPEATS = 3
"""Runs of every clip; the least time of each step counts: other work on the machine disturbs that one least."""


@dataclass(frozen=True)
class Options:
    """Follow the sample clips with whole robots; writes live_whole.md and live_whole.json."""

    robots: tuple[str, ...] = ROBOTS
    out: Path = Path("docs/results")


@dataclass(frozen=True)
class Run:
    """What closed loop made of a clip: the motion; by step processor seconds, how far off a standing foot is (m, rad),
    and the codes of base and limbs (step, limb)."""

    motion: RobotMotion
    seconds: np.ndarray
    foot: np.ndarray
    code: np.ndarray


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    rows = [
        row
        for name in options.robots
        for robot in [robots.load(name)]
        for move, balance in MOVES
        for row in [measure(robot, move, balance)]
    ]
    facts = machine.facts("python -m benchmarks.live_whole")
    facts["load of the machine at the end"] = f"{os.getloadavg()[0]:.1f}"
    document = {"facts": facts, "fps": FPS, "rows": rows}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "live_whole.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "live_whole.md").write_text(page(document), encoding="utf-8")
    print(options.out / "live_whole.md")
    return 0


def measure(robot: Robot, move: str, balance: bool) -> dict[str, Any]:
    """A row of the table."""
    human = sample.motion(move, fps=FPS)
    runs = [closed_loop(robot, human, WholeConfig(balance=balance)) for _ in range(REPEATS)]
    ms = 1e3 * np.min([run.seconds for run in runs], axis=0)
    [reference] = FrameIK(robot)([human])
    travel = [np.linalg.norm(m.root_pos[-1, :2] - m.root_pos[0, :2]) for m in (runs[0].motion, reference)]
    return {
        "robot": robot.name,
        "move": move,
        "balance": balance,
        "steps": human.frames,
        "ms": [float(np.quantile(ms, q)) for q in (0.5, 0.99)],
        "keypoints_cm": _keypoints(runs[0].motion, human, robot),
        "frame_ik_cm": _keypoints(reference, human, robot),
        "travel_m": [float(v) for v in travel],
        "foot_um": 1e6 * float(runs[0].foot.max()),
        "fallback": float((runs[0].code >= FALLBACK).mean()),
    }


def closed_loop(robot: Robot, human: HumanMotion, config: WholeConfig) -> Run:
    """Follow a clip frame by frame; the robot is where it was sent."""
    control = WholeControl(robot, config)
    goals, pose = WholeGoals(robot, control.tasks), None
    qpos, seconds, foot, code = [], [], [], []
    for t in range(human.frames):
        goal = goals.step(HumanFrame(human.skeleton, t / human.fps, human.pos[t], human.quat[t]))
        pose = control.pose(goal) if pose is None else pose
        begin = time.thread_time()
        taken = control.step(pose, goal)
        seconds.append(time.thread_time() - begin)
        qpos.append(np.concatenate([pose.root_pos, pose.root_quat, pose.q]))
        foot.append(taken.foot_error)
        code.append(taken.code)
    q = np.array(qpos)
    motion = RobotMotion(robot.name, robot.joints, human.fps, q[:, :3], q[:, 3:7], q[:, 7:])
    return Run(motion, np.array(seconds), np.array(foot), np.array(code))


def _keypoints(motion: RobotMotion, human: HumanMotion, robot: Robot) -> float:
    """Mean error of key points about the pelvis, cm, as ``evaluate.report`` has it."""
    [value] = [
        m["value"] for m in report(motion, human, robot).to_dict()["metrics"] if m["key"] == "keypoint_error"
    ]
    return value


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    head = (
        *("", "ms", "p99", "p99 / median", "key points, cm", "FrameIK's", "way, m", "FrameIK's"),
        *("feet off, µm", "fallbacks, %"),
    )
    rows = [
        (
            f"{r['robot']}, {r['move']}" + ("" if r["balance"] else ", unbalanced"),
            *(f"{v:.2f}" for v in r["ms"]),
            f"{r['ms'][1] / r['ms'][0]:.1f}",
            f"{r['keypoints_cm']:.2f}",
            f"{r['frame_ik_cm']:.2f}",
            *(f"{v:.2f}" for v in r["travel_m"]),
            f"{r['foot_um']:.1f}",
            f"{100 * r['fallback']:.1f}",
        )
        for r in document["rows"]
    ]
    parts = [
        "# Live inverse kinematics of whole bodies",
        f"Sample clips of `understudy.motion.sample` at {document['fps']:g} control steps a second, in closed loop: "
        "legs, waist, arms and head follow, feet stand, and except where a row says unbalanced the centre of mass is "
        "kept over them. [The method](../methods/live_ik.md#whole-body) tells how.",
        table(("", ""), document["facts"].items()),
        f"ms are processor time of a control step with the call from Python: median and 99 % over the clip, each step "
        f"the least of {REPEATS} runs. Key points are `keypoint_error` of `evaluate.report`, about the pelvis, and way "
        "is how far the root got from start to end: a robot that balances steps when it can, later than the human. "
        "Feet off: the most that a standing foot was from where it came down (µm, µrad). Fallbacks: limb-steps for "
        "which no α was certified.",
        table(head, rows),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
