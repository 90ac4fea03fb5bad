"""The rival of the speed table: GMR's frame tasks in a loop of mink, its QPs solved by DAQP.

The loop is that of the published method: per frame two stages of weighted frame tasks, each repeated while the summed
error still falls by more than a thousandth, at most ten times after the first step. mink is a development
dependency (extra ``bench``).
"""

import copy
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mink  # pyright: ignore[reportMissingImports]
import mujoco
import numpy as np
from jaxtyping import Float

DAMPING, FALL, MOST = 0.5, 1e-3, 10
"""What a joint step costs, the fall of the error that is worth another step, and how often at most."""


@dataclass(frozen=True)
class Targets:
    """World targets of robot bodies over a clip, already scaled and offset, and what that method made of them."""

    bodies: tuple[str, ...]
    pos: Float[np.ndarray, "time body 3"]
    quat: Float[np.ndarray, "time body 4"]
    recorded: Float[np.ndarray, "time qpos"] | None = None

    @classmethod
    def load(cls, path: Path) -> "Targets":
        """Read one of the reference archives."""
        with np.load(path, allow_pickle=False) as z:
            return cls(tuple(z["tgt_robot_body"].tolist()), z["tgt_pos"], z["tgt_quat"], z["qpos"])

    def every(self, step: int) -> "Targets":
        """Only every so many frames."""
        recorded = None if self.recorded is None else self.recorded[::step]
        return Targets(self.bodies, self.pos[::step], self.quat[::step], recorded)


Stage = Mapping[str, tuple[float, float]]
"""Position and rotation weight of every robot body that follows something."""


def read_stages(tables: Path) -> list[Stage]:
    """The two stages of a configuration of that method: weights are its columns two and three."""
    config = json.loads(tables.read_text(encoding="utf-8"))
    return [
        {body: (row[1], row[2]) for body, row in config[name].items()}
        for name in ("ik_match_table1", "ik_match_table2")
    ]


class MinkLoop:
    """Solves clips frame by frame; ``ranges`` are the method's joint ranges (rad)."""

    def __init__(self, model: mujoco.MjModel, stages: Sequence[Stage], ranges: Mapping[str, Sequence[float]]):
        self._model = _narrowed(model, ranges)
        self._stages = [_tasks(stage) for stage in stages]
        self._limits = [mink.ConfigurationLimit(self._model)]

    def __call__(self, targets: Targets) -> tuple[Float[np.ndarray, "time qpos"], Float[np.ndarray, "time"]]:
        """The poses of a clip, from all joints at zero, and the seconds of every frame."""
        here = mink.Configuration(
            self._model, np.array([0, 0, 0.793, 1, 0, 0, 0, *[0.0] * (self._model.nq - 7)])
        )
        frames = len(targets.pos)
        qpos, seconds = np.empty((frames, self._model.nq)), np.empty(frames)
        for t in range(frames):
            begin = time.perf_counter()
            for stage in self._stages:
                self._aim(stage, targets, t)
                self._settle(here, list(stage.values()))
            seconds[t] = time.perf_counter() - begin
            qpos[t] = here.q
        return qpos, seconds

    def _aim(self, stage: dict[str, mink.FrameTask], targets: Targets, t: int) -> None:
        for k, body in enumerate(targets.bodies):
            if body in stage:
                goal = mink.SE3.from_rotation_and_translation(mink.SO3(targets.quat[t, k]), targets.pos[t, k])
                stage[body].set_target(goal)

    def _settle(self, here: mink.Configuration, tasks: list[mink.FrameTask]) -> None:
        step = self._model.opt.timestep
        before = _error(here, tasks)
        for _ in range(1 + MOST):
            velocity = mink.solve_ik(here, tasks, step, "daqp", damping=DAMPING, limits=self._limits)
            here.integrate_inplace(velocity, step)
            after = _error(here, tasks)
            if before - after <= FALL:
                return
            before = after


def _error(here: mink.Configuration, tasks: list[mink.FrameTask]) -> float:
    return float(np.linalg.norm(np.concatenate([task.compute_error(here) for task in tasks])))


def _tasks(stage: Stage) -> dict[str, mink.FrameTask]:
    return {
        body: mink.FrameTask(
            frame_name=body,
            frame_type="body",
            position_cost=position,
            orientation_cost=rotation,
            lm_damping=1.0,
        )
        for body, (position, rotation) in stage.items()
        if position or rotation
    }


def _narrowed(model: mujoco.MjModel, ranges: Mapping[str, Sequence[float]]) -> mujoco.MjModel:
    """A copy of the model with that method's joint ranges (rad)."""
    narrow = copy.deepcopy(model)
    for name, (low, high) in ranges.items():
        joint = mujoco.mj_name2id(narrow, mujoco.mjtObj.mjOBJ_JOINT, name)
        if joint >= 0:
            narrow.jnt_range[joint] = low, high
    return narrow
