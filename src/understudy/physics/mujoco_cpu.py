"""The CPU engine: MuJoCo's C library on threads.

Nothing about a robot lives outside its row: every thread has one scratch simulation, into which rows are loaded and
from which they are stored. So results do not depend on the number of threads, nor on the other robots.
"""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from itertools import count as counter
from pathlib import Path

import mujoco
import numpy as np
from jaxtyping import Float, Int

from understudy.errors import LimitError, ShapeError
from understudy.physics import stepping
from understudy.physics.health import check_gains
from understudy.physics.model import compile_model
from understudy.physics.simulator import PhysicsConfig, Readings, State
from understudy.robots.robot import Robot

log = logging.getLogger(__name__)

GRABS = 8
"""Pieces of a batch for each thread: few enough to cost nothing, enough for none to wait long for another."""


class MujocoCpu:
    """``count`` robots on ``threads`` threads, as ``simulator.Simulator`` describes. They begin in the home stance.

    ``models`` is what is simulated: one model for all, or with ``own_models`` one for each robot, whose masses,
    frictions and gains may then differ. Whoever changes them calls ``mujoco.mj_setConst`` where MuJoCo says so.

    Raises LimitError for gains that are unstable and robots that cannot be simulated.
    """

    def __init__(
        self,
        robot: Robot,
        count: int,
        config: PhysicsConfig | None = None,
        *,
        threads: int | None = None,
        own_models: bool = False,
    ):
        config = config or PhysicsConfig()
        threads = (os.cpu_count() or 1) if threads is None else threads
        if count < 1 or threads < 1:
            raise LimitError(f"At least one robot and one thread are needed; got {count} and {threads}.")
        self.robot, self.config, self.count = robot, config, count
        model = compile_model(robot, config)
        self._skip = 7 if robot.fixed_base else 0
        stances = [robot.home[self._skip :], np.concatenate([robot.home[self._skip : 7], robot.t_pose])]
        check_gains(model, np.array(stances))
        self.models = (model, *(copy(model) for _ in range(count - 1 if own_models else 0)))
        self.readings = _readings(robot, count)
        self._rows = stepping.Rows(
            np.tile(robot.home.astype(np.float64), (count, 1)),
            np.zeros((count, 6 + len(robot.joints))),
            np.zeros((count, 6 + len(robot.joints))),
        )
        self._constants = stepping.Constants(
            np.array([m._address for m in self.models]),
            np.asarray(robot.effort_limit, np.float64),
            self._skip,
            6 if robot.fixed_base else 0,
            config.timestep,
            config.substeps,
        )
        self._data = [mujoco.MjData(model) for _ in range(min(threads, count))]
        self._scratch = [stepping.Scratch.of(data) for data in self._data]
        self._out = stepping.Outputs(*(getattr(self.readings, name) for name in stepping.Outputs._fields))
        self._targets = np.zeros((count, len(robot.joints)))
        _announce_compilation()
        self._pool = ThreadPoolExecutor(len(self._data) - 1) if len(self._data) > 1 else None
        self._observe(np.arange(count))

    @property
    def dt(self) -> float:
        """Seconds of a control step."""
        return self.config.timestep * self.config.substeps

    def reset(self, which: Int[np.ndarray, "reset"] | Sequence[int], state: State) -> None:
        """Put the robots in the rows ``which`` into states, one for each or one for all, and clear their faults.

        Raises ShapeError for states that do not fit, LimitError for rows that do not exist. A state that is not made
        of numbers is that robot's fault, and no error.
        """
        rows = self._checked(which)
        for name, given, held in (
            ("qpos", state.qpos, self._rows.qpos),
            ("qvel", state.qvel, self._rows.qvel),
            ("warmstart", 0.0 if state.warmstart is None else state.warmstart, self._rows.warmstart),
        ):
            given = np.asarray(given, np.float64)
            if given.ndim and given.shape not in ((len(rows), held.shape[1]), (1, held.shape[1])):
                raise ShapeError(
                    f"{name} of {len(rows)} robots needs the shape {(len(rows), held.shape[1])}, or one row; "
                    f"got {given.shape}."
                )
            held[rows] = given
        if self.robot.fixed_base:
            self._rows.qpos[rows, :7], self._rows.qvel[rows, :6] = self.robot.home[:7], 0.0
        self._observe(rows)

    def step(self, targets: Float[np.ndarray, "robot dof"]) -> Readings:
        """One control step under joint targets (rad); returns ``readings``. Robots with a fault stand still."""
        if np.shape(targets) != self._targets.shape:
            raise ShapeError(f"targets need the shape {self._targets.shape}; got {np.shape(targets)}.")
        self._targets[:] = targets
        threads = len(self._scratch)
        piece = -(-self.count // (threads * GRABS)) if threads > 1 else self.count
        starts = counter(0, piece)
        if self._pool is None:
            self._work(0, starts, piece)
        else:
            others = [self._pool.submit(self._work, i, starts, piece) for i in range(1, threads)]
            self._work(0, starts, piece)
            for other in others:
                other.result()
        return self.readings

    def state(self, which: Int[np.ndarray, "some"] | Sequence[int] | None = None) -> State:
        """A copy of the states of some robots, or of all; exact, in double precision."""
        rows = np.arange(self.count) if which is None else self._checked(which)
        return State(self._rows.qpos[rows], self._rows.qvel[rows], self._rows.warmstart[rows])

    def _work(self, thread: int, starts: Iterator[int], piece: int) -> None:
        """Take pieces of the batch until none is left."""
        for start in starts:
            if start >= self.count:
                return
            stop = min(start + piece, self.count)
            stepping.advance(
                self._constants, self._scratch[thread], self._rows, self._targets, self._out, start, stop
            )

    def _observe(self, rows: Int[np.ndarray, "some"]) -> None:
        stepping.observe(self._constants, self._scratch[0], self._rows, self._out, rows)

    def _checked(self, which: Int[np.ndarray, "some"] | Sequence[int]) -> Int[np.ndarray, "some"]:
        rows = np.asarray(which, np.int64).reshape(-1)
        if len(rows) and (rows.min() < 0 or rows.max() >= self.count):
            raise LimitError(f"Rows lie between 0 and {self.count - 1}; got {rows.min()} to {rows.max()}.")
        return rows


def _announce_compilation() -> None:
    """Say once that the loop is being compiled, when no cached compilation exists."""
    kernel = stepping.advance
    cache = kernel.stats.cache_path
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    if not kernel.signatures and not (cache and any(Path(cache).glob(f"stepping.advance*.{python}*.nbi"))):
        log.warning("Compiling the simulator's loop for this machine, once; this takes some ten seconds.")


def _readings(robot: Robot, count: int) -> Readings:
    dofs, bodies = len(robot.joints), len(robot.bodies)

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros((count, *shape), np.float32)

    return Readings(
        time=zeros(),
        joint_pos=zeros(dofs),
        joint_vel=zeros(dofs),
        body_pos=zeros(bodies, 3),
        body_quat=zeros(bodies, 4),
        body_lin_vel=zeros(bodies, 3),
        body_ang_vel=zeros(bodies, 3),
        com_pos=zeros(3),
        com_vel=zeros(3),
        torque=zeros(dofs),
        saturation=zeros(dofs),
        work=zeros(dofs),
        ground_force=zeros(bodies, 3),
        self_contacts=np.zeros(count, np.int32),
        self_force=zeros(),
        fault=np.zeros(count, np.int32),
    )
