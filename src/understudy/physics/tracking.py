"""Many robots that follow many clips at once: what learning steps, and what policies are evaluated in.

A robot is put into a frame of a clip. What it is shown is the next frame, the one in which its step ends; what it is
paid for, and by what it fails, is that same frame once the step has ended. Whoever fails, reaches the end of its clip
or has had its time starts anew, somewhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from understudy.errors import LimitError, ShapeError, UnknownName
from understudy.physics.clips_at_rate import ClipsAtRate
from understudy.physics.gains import Gains
from understudy.physics.moment import Moment, Parts
from understudy.physics.observations import assemble, terms
from understudy.physics.randomize import Spread, Velocities, uniform
from understudy.physics.sampling import StartSampler
from understudy.physics.simulator import Simulator, State, as_torch
from understudy.physics.tasks import TrackingTask
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_conj, quat_from_rotvec, quat_mul

Seen = Mapping[str, Float[Tensor, "robot some"]]
"""``actor`` and ``critic``."""


@dataclass(frozen=True, eq=False)
class Step:
    """What a control step has brought. Robots that are done have been put somewhere else already: ``seen`` is there,
    everything else before.
    """

    seen: Seen
    reward: Float[Tensor, "robot"]
    failed: Bool[Tensor, "robot"]
    """Lost its reference, or had a fault."""
    over: Bool[Tensor, "robot"]
    """Not failed, but at the end of its clip or of its time: what would have come has its value still."""
    terms: Mapping[str, Float[Tensor, "robot"]]
    """What each row of the reward table paid."""
    causes: Mapping[str, Bool[Tensor, "robot"]]
    """Which rows of the termination table were reached, and ``fault``: the simulation diverged, or the action was not
    made of numbers. A fault pays nothing."""

    @property
    def done(self) -> Bool[Tensor, "robot"]:
        return self.failed | self.over


class Tracking:
    """One tracking task on one simulator. Everything random follows from ``seed``.

    ``clip`` and ``frame`` are what each robot is shown now: the frame is the one its next step ends in. Set
    ``iteration`` as training goes on, for the schedule of σ.

    Raises UnknownName for bodies that the robot lacks, LimitError for clips at another rate than that of control, with
    other bodies than the task's, or on another device than the simulator.
    """

    def __init__(self, simulator: Simulator, clips: ClipsAtRate, task: TrackingTask, seed: int = 0):
        config = simulator.config
        self.dt = config.timestep * config.substeps
        if abs(clips.rate * self.dt - 1.0) > 1e-6:
            raise LimitError(
                f"The clips have {clips.rate:g} frames a second, and a control step takes {self.dt:g} s. Make the "
                f"clips with rate={1.0 / self.dt:g}."
            )
        if clips.bodies != task.bodies:
            raise LimitError(
                f"The clips were made with {len(clips.bodies)} bodies, {', '.join(clips.bodies)}, and the task tracks "
                "others, or in another order. Make the clips with the task's bodies."
            )
        self.readings = as_torch(simulator.readings)
        like = self.readings.joint_pos
        if clips.qpos.device != like.device:
            raise LimitError(
                f"The clips are on {str(clips.qpos.device)!r} and the simulator on {str(like.device)!r}. Make "
                "the clips with the simulator's device."
            )
        self.simulator, self.clips, self.task, self.iteration = simulator, clips, task, 0
        self._numpy = isinstance(simulator.readings.time, np.ndarray)
        self.sampler = StartSampler(clips, task.starts)
        self._random = torch.Generator(like.device).manual_seed(seed)
        robot, count, dofs = simulator.robot, simulator.count, len(simulator.robot.joints)
        self.parts = _parts(robot, task, like)
        self._terms = terms(task.actor, task.critic)
        self._rows = torch.arange(count, device=like.device)
        off = uniform((task.encoder_error,) * dofs, count, self._random, like)
        self.home = like.new_tensor(robot.home[7:]) + off
        gains = config.gains or Gains.of(robot)
        self.action_scale = like.new_tensor(task.action_effort * robot.effort_limit / gains.stiffness)
        self.clip = torch.zeros(count, dtype=torch.long, device=like.device)
        self.frame = torch.ones_like(self.clip)
        self._steps_left = torch.zeros_like(self.clip)
        self._push_in = torch.zeros_like(self.clip)
        self._action, self._last_action = like.new_zeros(count, dofs), like.new_zeros(count, dofs)
        self.reset()

    @property
    def count(self) -> int:
        return self.simulator.count

    def reset(
        self,
        rows: Int[Tensor, "reset"] | None = None,
        clips: Int[Tensor, "reset"] | None = None,
        frames: Int[Tensor, "reset"] | None = None,
    ) -> Seen:
        """Put some robots, or all, into frames of clips: drawn as the task says, or as told. Returns what all see.

        Raises LimitError for clips and frames that do not exist, or a frame that none follows.
        """
        rows = self._rows if rows is None else rows
        if clips is None:
            clips, drawn = self.sampler.draw(len(rows), self._random)
            frames = drawn if frames is None else frames
        frames = torch.zeros_like(clips) if frames is None else frames
        self._check(clips, frames)
        self._place(rows, clips, frames)
        return self._see()

    def step(self, action: Float[Tensor, "robot dof"]) -> Step:
        """One control step under targets of home + scale · action. Raises ShapeError for actions that do not fit."""
        if action.shape != self._action.shape:
            raise ShapeError(
                f"Actions need the shape {tuple(self._action.shape)}; got {tuple(action.shape)}."
            )
        self._last_action, self._action = self._action, action.detach().to(self._action, copy=True)
        self.simulator.step(self._native(self.home + self.action_scale * self._action))
        moment = self._moment()
        fault = self.readings.fault > 0
        causes = {name: row.reached(moment) for name, row in self.task.terminations.items()}
        causes["fault"] = fault
        failed = torch.stack(list(causes.values())).any(0)
        progress = self.task.schedule.progress(self.iteration)
        paid = {
            name: (self.dt * row.value(moment, progress)).masked_fill(fault, 0.0)
            for name, row in self.task.rewards.items()
        }
        self.sampler.note(self.clip[failed], self.frame[failed])
        self.frame += 1
        self._steps_left -= 1
        over = ~failed & ((self.frame >= self.clips.frames[self.clip]) | (self._steps_left <= 0))
        done = (failed | over).nonzero().flatten()
        if len(done):
            self._place(done, *self.sampler.draw(len(done), self._random))
        self._push()
        reward = torch.stack(list(paid.values())).sum(0)
        return Step(self._see(), reward, failed, over, paid, causes)

    def _moment(self) -> Moment:
        at = self.clips.first[self.clip] + self.frame
        return Moment(
            self.parts,
            self.readings,
            self.clips.tracked.at(at),
            self.clips.qpos[at, 7:],
            self.clips.qvel[at, 6:],
            self.home,
            self._action,
            self._last_action,
        )

    def _see(self) -> Seen:
        moment = self._moment()
        known = {term: term(moment) for term in self._terms}
        actor = assemble(self.task.actor, known, self._random)
        critic = actor if self.task.critic is None else assemble(self.task.critic, known)
        return {"actor": actor, "critic": critic}

    def _place(
        self, rows: Int[Tensor, "reset"], clips: Int[Tensor, "reset"], frames: Int[Tensor, "reset"]
    ) -> None:
        at = self.clips.first[clips] + frames
        qpos, qvel = self.clips.qpos[at], self.clips.qvel[at]
        if self.task.spread is not None:
            self._spread(qpos, qvel, self.task.spread)
        self.simulator.reset(self._native(rows), State(self._native(qpos), self._native(qvel)))
        self.clip[rows], self.frame[rows] = clips.clone(), frames + 1  # they may be our own
        self._steps_left[rows] = round(self.task.episode_seconds / self.dt)
        self._action[rows] = 0.0
        self._last_action[rows] = 0.0
        self._push_in[rows] = self._until_push(len(rows))

    def _spread(
        self, qpos: Float[Tensor, "reset qpos"], qvel: Float[Tensor, "reset qvel"], spread: Spread
    ) -> None:
        """Move states from their references, in place. Joints stay within the soft limits, or where they were."""
        n = len(qpos)
        qpos[:, :3] += uniform(spread.position, n, self._random, qpos)
        qpos[:, 3:7] = quat_mul(
            quat_from_rotvec(uniform(spread.rotation, n, self._random, qpos)), qpos[:, 3:7]
        )
        _hurry(qpos, qvel, spread.velocity, self._random)
        joints = qpos[:, 7:]
        lower, upper = torch.minimum(joints, self.parts.lower), torch.maximum(joints, self.parts.upper)
        off = uniform((spread.joints,) * joints.shape[1], n, self._random, qpos)
        qpos[:, 7:] = (joints + off).clamp(lower, upper)

    def _push(self) -> None:
        """Change the velocity of those whose turn it is. A simulator pushes no robot that has a fault."""
        if self.task.pushes is None:
            return
        self._push_in -= 1
        rows = ((self._push_in <= 0) & (self.readings.fault == 0)).nonzero().flatten()
        if not len(rows):
            return
        native = self._native(rows)
        state = self.simulator.state(native)
        qpos = torch.as_tensor(state.qpos)
        qvel = torch.as_tensor(state.qvel).clone()
        _hurry(qpos, qvel, self.task.pushes.velocity, self._random)
        self.simulator.reset(native, State(state.qpos, self._native(qvel), state.warmstart))
        self._push_in[rows] = self._until_push(len(rows))

    def _until_push(self, count: int) -> Int[Tensor, "robot"]:
        if self.task.pushes is None:
            return self._push_in.new_zeros(count)
        low, high = (round(seconds / self.dt) for seconds in self.task.pushes.seconds)
        return torch.randint(low, high + 1, (count,), generator=self._random, device=self.home.device)

    def _native(self, tensor: Tensor) -> Tensor | np.ndarray:
        """As the simulator takes it."""
        return tensor.numpy() if self._numpy else tensor

    def _check(self, clips: Int[Tensor, "reset"], frames: Int[Tensor, "reset"]) -> None:
        if len(clips) and (int(clips.min()) < 0 or int(clips.max()) >= len(self.clips)):
            raise LimitError(
                f"There are {len(self.clips)} clips; got {int(clips.min())} to {int(clips.max())}."
            )
        wrong = (frames < 0) | (frames > self.clips.frames[clips] - 2)
        if wrong.any():
            i = int(wrong.nonzero()[0, 0])
            raise LimitError(
                f"Clip {int(clips[i])} has {int(self.clips.frames[clips[i]])} frames, and an episode starts before the "
                f"last; got frame {int(frames[i])}."
            )


def _parts(robot: Robot, task: TrackingTask, like: Tensor) -> Parts:
    """Raises UnknownName for bodies that the robot lacks, and for an anchor or end that is not tracked."""
    for name in (task.anchor, *task.ends):
        if name not in task.bodies:
            raise UnknownName("tracked body", name, task.bodies)
    may_touch = {robot.body_index(name) for name in task.may_touch}

    def indices(values: list[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=like.device)

    middle, half = 0.5 * (robot.lower + robot.upper), 0.5 * (robot.upper - robot.lower)
    return Parts(
        indices([robot.body_index(name) for name in task.bodies]),
        task.bodies.index(task.anchor),
        indices([task.bodies.index(name) for name in task.ends]),
        indices([b for b in range(len(robot.bodies)) if b not in may_touch]),
        like.new_tensor(middle - task.soft_range * half),
        like.new_tensor(middle + task.soft_range * half),
    )


def _hurry(qpos: Tensor, qvel: Tensor, velocities: Velocities, generator: torch.Generator) -> None:
    """Add to roots' velocities, in place."""
    quat = qpos[:, 3:7]
    qvel[:, :3] += uniform(velocities.linear, len(qvel), generator, qvel)
    qvel[:, 3:6] += quat_apply(quat_conj(quat), uniform(velocities.angular, len(qvel), generator, qvel))
