"""Motions performed by a policy, or by the motors alone; and performances done over again, to the bit."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from understudy import robots
from understudy.errors import LimitError
from understudy.motion import sample_every
from understudy.motion.types import Origin, RobotMotion
from understudy.physics.clips_at_rate import ClipsAtRate
from understudy.physics.health import FAULTS
from understudy.physics.mujoco_cpu import MujocoCpu
from understudy.physics.policies import Policy
from understudy.physics.references import velocities
from understudy.physics.rollout import TAKEN, Rollout, of_steps
from understudy.physics.settings import as_plain, from_plain
from understudy.physics.simulator import PhysicsConfig, Readings, Simulator, State
from understudy.physics.tasks import TrackingTask, beyond_mimic
from understudy.physics.tracking import Tracking
from understudy.robots.robot import Robot

Act = Callable[[Float[Tensor, "robot seen"]], Float[Tensor, "robot dof"]]
"""What the task's actor sees → its actions."""


class Recorder:
    """A simulator that remembers what its robots do: for each step the targets, the states that it led to, and what it
    took. A tracking task puts robots elsewhere as soon as they are done; what is remembered is from before that.
    """

    def __init__(self, simulator: Simulator):
        self._simulator = simulator
        self.robot, self.config, self.count = simulator.robot, simulator.config, simulator.count
        self.readings = simulator.readings
        self._feet = [self.robot.body_index(foot.body) for foot in self.robot.feet.values()]
        self.clear()

    def clear(self) -> None:
        """Forget all steps."""
        self.targets: list[np.ndarray] = []
        self.qpos: list[np.ndarray] = []
        self.taken: list[tuple[np.ndarray, ...]] = []
        self.faults: list[np.ndarray] = []

    def reset(self, which: Int[Any, "reset"] | Sequence[int], state: State) -> None:
        """As ``Simulator.reset``."""
        self._simulator.reset(which, state)

    def state(self, which: Int[Any, "some"] | Sequence[int] | None = None) -> State:
        """As ``Simulator.state``."""
        return self._simulator.state(which)

    def step(self, targets: Float[Any, "robot dof"]) -> Readings:
        """As ``Simulator.step``."""
        seen = self._simulator.step(targets)
        self.targets.append(_copied(targets))
        self.qpos.append(_copied(self._simulator.state().qpos))
        taken = [_copied(getattr(seen, name)) for name in TAKEN]
        self.taken.append((*taken, _copied(seen.ground_force[:, self._feet])))
        self.faults.append(_copied(seen.fault))
        return seen

    def rollout(self, row: int, steps: int, start: State, reference: RobotMotion, origin: Origin) -> Rollout:
        """What one robot did in its first steps, from a state on; whether it fell is left to say."""
        qpos = np.stack([_copied(start.qpos[row]), *(each[row] for each in self.qpos[:steps])])
        actions = [each[row] for each in self.targets[:steps]]
        taken = [tuple(values[row] for values in each) for each in self.taken[:steps]]
        fault = int(self.faults[steps - 1][row]) if steps else 0
        done = of_steps(self.robot, reference, origin, qpos, actions, taken)
        return replace(done, fault=FAULTS[fault] if fault else None)


def perform(
    motions: Sequence[RobotMotion],
    robot: Robot | None = None,
    policy: Policy | Act | None = None,
    task: TrackingTask | None = None,
    seed: int = 0,
    episodes: int = 1,
    physics: PhysicsConfig | None = None,
    engine: Callable[[Robot, int, PhysicsConfig], Simulator] = MujocoCpu,
) -> list[Rollout]:
    """What a policy makes of motions, each from its beginning, in the tracking environment.

    Without a policy the motors alone follow the reference: their targets are the joints of the frame in which each
    step ends. A ``Policy`` from a file brings its own observations, home, gains and scale of actions; any other
    function gets what the ``task``'s actor sees. The task is ``beyond_mimic().undisturbed()`` if not given; with one
    that is disturbed, each of the ``episodes`` of a motion goes differently. A performance ends with its motion, or
    where the task's terminations count it as failed (``fell_at``). All motions are performed at once; the rollouts
    come in the order of the motions, the episodes of each together.

    Raises LimitError for no motions and what the task refuses, and what ``Policy.fit`` raises.
    """
    if not motions or episodes < 1:
        raise LimitError(
            f"At least one motion and one episode are needed; got {len(motions)} and {episodes}."
        )
    if not 0 <= seed < 2**63:
        raise LimitError(f"A seed is a whole number from 0 to 2⁶³ − 1; got {seed}.")
    robot = robots.load(motions[0].robot) if robot is None else robot
    task, physics = task or beyond_mimic().undisturbed(), physics or PhysicsConfig()
    if isinstance(policy, Policy):
        fitted = policy.fit(robot, task)
        robot, task, act, scale = fitted.robot, fitted.task, fitted.act, fitted.action_scale
        physics = replace(physics, gains=fitted.gains)
    else:
        act, scale = policy, None
    rate = 1.0 / (physics.timestep * physics.substeps)
    recorder = Recorder(engine(robot, len(motions) * episodes, physics))
    device = torch.as_tensor(recorder.readings.joint_pos).device
    clips = ClipsAtRate.of(robot, motions, task.bodies, rate, device)
    task = replace(task, episode_seconds=float(clips.frames.max()) / rate)
    env = Tracking(recorder, clips, task, seed)
    if scale is not None:
        env.action_scale[:] = env.action_scale.new_tensor(scale)
    which = torch.arange(len(motions)).repeat_interleave(episodes)
    start, ends = _run(env, recorder, which.to(env.clip), act or _motors_alone(env))
    references = [replace(sample_every(motion, rate), tracks={}) for motion in motions]
    name = policy.name if isinstance(policy, Policy) else "motors alone" if policy is None else "a function"
    told = {"policy": name, "seed": seed, "physics": as_plain(robot, physics)}
    rollouts = []
    for row, (steps, failed) in enumerate(ends):
        reference = references[row // episodes]
        begun = {"qpos": _copied(start.qpos[row]).tolist(), "qvel": _copied(start.qvel[row]).tolist()}
        origin = reference.origin.after("perform", **told, episode=row % episodes, begun=begun)
        rollout = recorder.rollout(row, steps, start, reference, origin)
        rollouts.append(replace(rollout, fell_at=steps / rate if failed else None))
    return rollouts


def replay(rollout: Rollout, robot: Robot | None = None) -> Rollout:
    """The performance over again: the same actions, from the same state, in the same simulator.

    Where nothing has been changed since, every number is the same to the bit, which proves that the motion is what
    the CPU engine does under these targets. The rollout's history tells the physics, and of ``perform`` also the first
    state; what ``refine`` made begins as its reference does. Robots that were pushed do not repeat themselves, nor do
    those of another engine to the bit. Raises LimitError for a motion that neither made.
    """
    robot = robots.load(rollout.achieved.robot) if robot is None else robot
    physics, start = _told(rollout, robot)
    recorder = Recorder(MujocoCpu(robot, 1, physics, threads=1))
    recorder.reset([0], start)
    for targets in rollout.actions:
        recorder.step(targets[None])
    again = recorder.rollout(0, len(rollout.actions), start, rollout.reference, rollout.achieved.origin)
    return replace(again, fell_at=rollout.fell_at, retries=rollout.retries)


def _run(
    env: Tracking, recorder: Recorder, clips: Int[Tensor, "robot"], act: Act
) -> tuple[State, list[tuple[int, bool]]]:
    """Let every robot follow its clip from the first frame until it is done. Returns the states in which they began,
    and for each how many steps it was under way and whether it failed.
    """
    seen = env.reset(clips=clips, frames=torch.zeros_like(clips))
    start = recorder.state()
    recorder.clear()
    ends: list[tuple[int, bool] | None] = [None] * env.count
    while any(end is None for end in ends):
        with torch.no_grad():
            step = env.step(act(seen["actor"]))
        for row in (step.failed | step.over).nonzero().flatten().tolist():
            ends[row] = ends[row] or (len(recorder.targets), bool(step.failed[row]))
        seen = step.seen
    return start, [end for end in ends if end is not None]


def _motors_alone(env: Tracking) -> Act:
    """Actions that send the joints to the frame in which the step ends."""

    def act(_seen: Float[Tensor, "robot seen"]) -> Float[Tensor, "robot dof"]:
        wanted = env.clips.qpos[env.clips.first[env.clip] + env.frame, 7:]
        return (wanted - env.home) / env.action_scale

    return act


def _told(rollout: Rollout, robot: Robot) -> tuple[PhysicsConfig, State]:
    """The physics and the first state of a rollout, from the history of what it achieved."""
    made = [e for e in rollout.achieved.origin.history if e["arrow"] in ("perform", "refine")]
    if not made:
        raise LimitError(
            "Only what physics.perform or physics.refine made can be replayed; nothing says how this began."
        )
    told = made[-1]
    try:
        if told["arrow"] == "perform":
            qpos, qvel = (np.array([told["begun"][name]], np.float64) for name in ("qpos", "qvel"))
        else:
            qpos = rollout.reference.qpos.astype(np.float64)
            qvel = velocities(qpos, rollout.reference.fps)
        return from_plain(robot, told["physics"]), State(qpos[:1], qvel[:1])
    except (KeyError, TypeError, ValueError) as error:
        raise LimitError(f"The rollout's history does not say how it began: {error!r}.") from error


def _copied(values: Any) -> np.ndarray:
    """An array of its own, from an engine's array or tensor."""
    return values.cpu().numpy().copy() if isinstance(values, Tensor) else np.array(values)
