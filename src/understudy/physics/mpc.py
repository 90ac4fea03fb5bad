"""Refinement without training: a simulated robot performs a motion under sampling-based predictive control.

What comes out is what the simulator did, so it is feasible by construction: torques within their limits, feet that the
floor carries. Where the robot falls, there is time for second thoughts: it goes back a little and plans more carefully.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from understudy import robots
from understudy.errors import LimitError
from understudy.motion.types import RobotMotion
from understudy.physics.gains import Gains
from understudy.physics.health import FAULTS
from understudy.physics.mujoco_cpu import MujocoCpu
from understudy.physics.planner import PlanConfig, Planner
from understudy.physics.references import Reference, reference
from understudy.physics.rollout import TAKEN, Rollout, of_steps
from understudy.physics.settings import as_plain
from understudy.physics.simulator import PhysicsConfig, State
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply

DROP, TILT = 0.3, 1.2
"""A root this far (m) below its reference, or tilted this far (rad) from it, has fallen."""
STEP, SUBSTEPS, GIVE = 0.002, 10, 0.005
"""The performance is one simulation only, so it can afford short physics steps (s), and with them a hard floor. With
MuJoCo's usual one, feet that stand creep by 3 cm/s, and sink in by 2 cm as they land."""
BACK = 0.8
"""Seconds by which the first retry starts before the fall; the second goes back twice as far, and so on."""


@dataclass(frozen=True)
class RefineConfig:
    """Everything that can be chosen about ``refine``. Raises LimitError for what cannot be."""

    plan: PlanConfig = field(default_factory=PlanConfig)
    stiffness: float = 3.0
    """The tracking gains times this factor; their damping times its square root."""
    cutoff: float | None = 4.0
    """The reference is low-passed at so many Hz; None follows every tremor."""
    retries: int = 3
    """How often, in a clip, the robot may go back before a fall; each time it plans with more iterations."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise LimitError(f"A clip cannot be tried again {self.retries} times; give 0 or more.")
        if self.cutoff is not None and not self.cutoff > 0:
            raise LimitError(f"The cutoff is a frequency in Hz above zero, or None; got {self.cutoff}.")
        if not self.stiffness > 0:
            raise LimitError(f"The stiffness is a factor above zero; got {self.stiffness}.")
        if self.seed < 0:
            raise LimitError(f"A seed is a whole number that is not negative; got {self.seed}.")


def check_feet(robot: Robot) -> None:
    """Raise LimitError for a robot that nothing can be refined for."""
    if robot.fixed_base or not robot.feet:
        raise LimitError(
            f"{robot.name!r} does not stand on feet of its own, so it cannot be kept from falling."
        )


def refine(
    motion: RobotMotion,
    robot: Robot | None = None,
    config: RefineConfig = RefineConfig(),
    watch: Callable[[int, int], None] | None = None,
) -> Rollout:
    """What a simulated robot makes of a motion; the same seed gives the same, to the bit.

    The reference is the motion at the control rate, low-passed and set on the floor; the robot starts in its first
    pose, moving as it does. A robot that falls in spite of all retries ends its rollout there; the one that came
    furthest is returned. ``watch`` is told after each control step how many are done, and of how many; the first
    number goes back where the robot does. Raises LimitError for a robot without feet or with a fixed base, and for a
    clip that stands above the floor or below it; SkeletonMismatch for another robot's motion.
    """
    robot = robots.load(motion.robot) if robot is None else robot
    check_feet(robot)
    gains = Gains.of(robot).scaled(config.stiffness)
    physics = PhysicsConfig(timestep=STEP, substeps=SUBSTEPS, give=GIVE, gains=gains)
    ref = reference(robot, motion, 1.0 / (physics.timestep * physics.substeps), config.cutoff)
    return _Performance(robot, ref, physics, gains, config).run(watch)


class _Performance:
    """One robot on its way through a reference, with a memory of how it got there."""

    def __init__(
        self, robot: Robot, ref: Reference, physics: PhysicsConfig, gains: Gains, config: RefineConfig
    ):
        self._robot, self._ref, self._config = robot, ref, config
        self._origin = ref.motion.origin.after("refine", **asdict(config), physics=as_plain(robot, physics))
        self._engine = MujocoCpu(robot, 1, physics, threads=1)
        self._planner = Planner(robot, ref, config.plan, gains, self._engine.dt, config.seed)
        self._feet = [robot.body_index(foot.body) for foot in robot.feet.values()]
        self._engine.reset([0], State(ref.qpos[:1], ref.qvel[:1]))
        self._states = [self._engine.state()]
        self._plans: list[np.ndarray] = []  # one for each time of planning
        self._actions: list[np.ndarray] = []
        self._seen: list[tuple[np.ndarray, ...]] = []  # as of_steps has it

    def run(self, watch: Callable[[int, int], None] | None) -> Rollout:
        """To the end, or to the last fall."""
        c, replan = self._config, self._config.plan.replan
        step, tries, furthest, fall, last = 0, 0, None, -1, len(self._ref) - 1
        while step < last:
            if step % replan == 0:
                self._plan(step, 1 + tries if step <= fall else 1)
            self._do(self._planner.targets[step % replan])
            step += 1
            if watch is not None:
                watch(step, last)
            if not self._fallen(step):
                continue
            if furthest is None or furthest.achieved.frames <= step:
                furthest = self._rollout(tries, step * self._engine.dt)
            if tries == c.retries:
                return furthest
            tries, fall = tries + 1, max(fall, step)
            step = self._go_back(max(0, step - round(tries * BACK / self._engine.dt)) // replan * replan)
        return self._rollout(tries)

    def _plan(self, step: int, effort: int) -> None:
        self._plans.append(self._planner.knots)
        self._planner.plan(self._states[-1], step, effort)

    def _do(self, targets: np.ndarray) -> None:
        seen = self._engine.step(targets[None])
        self._states.append(self._engine.state())
        self._actions.append(targets)
        taken = [getattr(seen, name)[0].copy() for name in TAKEN]
        self._seen.append((*taken, seen.ground_force[0, self._feet]))

    def _go_back(self, step: int) -> int:
        del self._states[step + 1 :], self._actions[step:], self._seen[step:]
        del self._plans[step // self._config.plan.replan + 1 :]
        self._planner.knots = self._plans.pop()
        self._engine.reset([0], self._states[-1])
        return step

    def _fallen(self, step: int) -> bool:
        """Whether the root is far below where it should be, or tilted far from how it should be, or all is lost."""
        seen, wanted = self._engine.readings, self._ref.seen
        up = np.array([0.0, 0.0, 1.0], np.float32)
        low = seen.root_pos[0, 2] < wanted.root_pos[step, 2] - DROP
        upright = quat_apply(seen.root_quat[0], up) @ quat_apply(wanted.root_quat[step], up)
        return bool(low or upright < np.cos(TILT) or seen.fault[0])

    def _rollout(self, retries: int, fell_at: float | None = None) -> Rollout:
        qpos = np.concatenate([state.qpos for state in self._states])
        done = of_steps(self._robot, self._ref.motion, self._origin, qpos, self._actions, self._seen)
        contacts = done.contacts if self._actions else self._ref.stance[:1]
        fault = int(self._engine.readings.fault[0])
        why = FAULTS[fault] if fault else None
        return replace(done, contacts=contacts, fell_at=fell_at, retries=retries, fault=why)
