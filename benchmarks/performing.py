"""What a simulated robot makes of a motion, as a row of numbers; rows are kept from run to run."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from understudy import evaluate, motion
from understudy.errors import UnderstudyError
from understudy.evaluate.benchmark import code_digest
from understudy.evaluate.physical import REFUSED, measure
from understudy.motion import HumanMotion, RobotMotion
from understudy.physics import RefineConfig, Rollout, refine
from understudy.robots.robot import Robot

KINEMATIC = (
    "keypoint_error_world",
    "flat_skating",
    "stance_float",
    "floor_depth_max",
    "self_collision",
    "jerk_mean",
)
"""Metrics of the motion alone, measured before and after against the same human."""


class Kept:
    """Rows in a file, one a line, under a key, for one version of the code."""

    def __init__(self, path: Path, version: str):
        self.version, self._path = version, path
        self._rows: dict[str, dict[str, Any]] = {}
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            # What follows the last line end was being written when a run was killed.
            path.write_text(text := text[: text.rfind("\n") + 1], encoding="utf-8")
            for line in text.splitlines():
                found = json.loads(line)
                if found["version"] == version:
                    self._rows[found["key"]] = found["row"]

    def get(self, key: str) -> dict[str, Any] | None:
        return self._rows.get(key)

    def put(self, key: str, row: dict[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"version": self.version, "key": key, "row": row}) + "\n")


def version(robot: Robot, config: RefineConfig) -> str:
    """Changes with whatever changes a result."""
    package = machine.ROOT / "src" / "understudy" / "physics"
    parts = (machine.digest(), code_digest([package]), robot.name, repr(config))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def performed(robot: Robot, input_: RobotMotion, human: HumanMotion, config: RefineConfig) -> dict[str, Any]:
    """How far the robot came, what it had to change, and the motion before and after."""
    began = time.process_time()
    rollout = refine(input_, robot, config)
    spent = time.process_time() - began
    before, after = _compared(rollout, input_, human)
    return {
        "seconds": human.duration,
        "processor": spent,
        "retries": rollout.retries,
        "fell_at": rollout.fell_at,
        "physical": measure(rollout, robot),
        "change": _change(before, after),
        "before": _kinematic(before, human, robot),
        "after": _kinematic(after, human, robot),
    }


def refused(human: HumanMotion, error: UnderstudyError) -> dict[str, Any]:
    """The row of a clip that could not be begun: it counts as one that fell at once."""
    counts = {"seconds": human.duration, "processor": 0.0, "retries": 0, "fell_at": 0.0}
    return {**counts, "refused": str(error), "physical": dict(REFUSED)}


def _compared(rollout: Rollout, input_: RobotMotion, human: HumanMotion) -> tuple[RobotMotion, RobotMotion]:
    """Input and performance over the same frames, as far as the robot came, at the human's rate."""
    end = min(rollout.achieved.duration, human.duration)
    after = motion.sample_every(rollout.achieved, human.fps)
    frames = min(after.frames, input_.frames, 1 + int(end * human.fps + 1e-6))
    last = (frames - 1) / human.fps
    return motion.trim(input_, 0.0, last), motion.trim(after, 0.0, last)


def _change(before: RobotMotion, after: RobotMotion) -> dict[str, float]:
    joints = np.abs(after.joint_pos.astype(np.float64) - before.joint_pos)
    root = np.linalg.norm(after.root_pos.astype(np.float64) - before.root_pos, axis=1)
    return {
        "joint_mean": float(joints.mean()),
        "joint_max": float(joints.max()),
        "root_mean": float(root.mean()),
        "root_max": float(root.max()),
    }


def _kinematic(made: RobotMotion, human: HumanMotion, robot: Robot) -> dict[str, float | None]:
    found = evaluate.report(made, motion.trim(human, 0.0, made.duration), robot)
    return {m.key: m.value for m in found.metrics if m.key in KINEMATIC}
