"""The two modes of LiveIK behind one contract: what follows a human, control step by control step."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from understudy.kinematics.kernels.live_arrays import LivePose
from understudy.motion.types import HumanFrame, Skeleton
from understudy.retarget.live.commands import Commands
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.control import HELD, Control
from understudy.retarget.live.limbs import ROOT
from understudy.retarget.live.problem import LiveProblem
from understudy.retarget.live.whole import WholeControl
from understudy.retarget.live.whole_config import WholeConfig
from understudy.retarget.live.whole_goals import WholeGoal, WholeGoals
from understudy.robots.robot import Robot

SETTLE = 150
"""Control steps from the home stance to the first frame, at most."""
_USABLE = 0.93
"""The part of a joint's speed that a whole body plans with: what holds standing feet, after that, needs some more."""


@runtime_checkable
class Follower(Protocol):
    """Moves ``pose`` after a human. Frames are those that a ``Reader`` has read."""

    problem: LiveProblem
    pose: LivePose

    def fit(self, skeleton: Skeleton) -> None:
        """Stand at home and get ready for a human. Raises SkeletonMismatch for one that cannot be followed."""
        ...

    def start(self, human: HumanFrame) -> None:
        """Aim at the first frame, and be where a robot at home begins with it; no joint moves."""
        ...

    def aim(self, human: HumanFrame) -> None:
        """Aim at a further frame."""
        ...

    def settle(self) -> None:
        """Go to where the first frame has the robot, in a bounded number of control steps."""
        ...

    def pace(self, seconds: float, count: int) -> None:
        """The next ``count`` control steps are those of one frame and take so long together."""
        ...

    def advance(self) -> Int[np.ndarray, "limb"]:
        """One control step; how each limb's α was chosen (``CERTIFIED``, …)."""
        ...


def follower(robot: Robot, config: LiveIKConfig | WholeConfig) -> Follower:
    """That of a configuration's kind. Raises LimitError for a robot that has not got what moves."""
    return Whole(robot, config) if isinstance(config, WholeConfig) else Upper(robot, config)


class Pace:
    """How far a problem's columns may go in a control step: bounds of Δq follow the time that it takes, whatever ``dt``
    they were stated for, so that speeds are kept however many control steps a frame is given."""

    def __init__(self, problem: LiveProblem, usable: float = 1.0):
        self._most, self._jump = problem.joints.most, usable * problem.config.jump
        self._speed: Float[np.ndarray, "tangent"] = usable * problem.joints.most / problem.config.dt

    def take(self, seconds: float, count: int) -> None:
        """The next ``count`` control steps are those of one frame and take so long together."""
        self._most[:] = self._speed * seconds / count
        self._most[ROOT:] = np.minimum(self._most[ROOT:], self._jump / count)


class Upper:
    """Waist and arms; the root stands where the home stance has it."""

    def __init__(self, robot: Robot, config: LiveIKConfig):
        self.problem = LiveProblem.build(robot, config)
        self._control, self._pace = Control(self.problem), Pace(self.problem)
        self._goal, self._human = self.problem.goal(), None
        self.pose = self.problem.pose(robot.home)

    def fit(self, skeleton: Skeleton) -> None:
        self._commands = Commands.fit(skeleton, self.problem.robot)
        self.pose = self.problem.pose(self.problem.robot.home)

    def start(self, human: HumanFrame) -> None:
        self.aim(human)

    def aim(self, human: HumanFrame) -> None:
        self._human = human
        self._commands.fill(human, self.problem, self.pose, self._goal)

    def settle(self) -> None:
        self.pace(self.problem.config.dt, 1)
        for _ in range(SETTLE):
            before = self.pose.q.copy()
            self.advance()
            if np.abs(self.pose.q - before).max() < self.problem.config.least_step:
                break

    def pace(self, seconds: float, count: int) -> None:
        self._pace.take(seconds, count)

    def advance(self) -> Int[np.ndarray, "limb"]:
        assert self._human is not None
        # Arms hang on shoulders, and these have moved with the waist.
        self._commands.fill(self._human, self.problem, self.pose, self._goal)
        return self._control.step(self.pose, self._goal).code


class Whole:
    """The whole robot, with its root."""

    def __init__(self, robot: Robot, config: WholeConfig):
        self._control = WholeControl(robot, config)
        self.problem = self._control.problem
        self._goals = WholeGoals(robot, self._control.tasks, config.ground)
        self._pace = Pace(self.problem, _USABLE)
        self._goal: WholeGoal | None = None
        self.pose = self.problem.pose(robot.home)

    def fit(self, skeleton: Skeleton) -> None:
        self._goals.fit(skeleton)
        self.pose = self.problem.pose(self.problem.robot.home)

    def start(self, human: HumanFrame) -> None:
        self.aim(human)
        assert self._goal is not None
        self.pose = self._control.home(self._goal, self.pose.q)

    def aim(self, human: HumanFrame) -> None:
        self._goal = self._goals.step(human)

    def settle(self) -> None:
        assert self._goal is not None
        self.pace(self.problem.config.dt, 1)
        self._control.settle(self.pose, self._goal, SETTLE)

    def pace(self, seconds: float, count: int) -> None:
        self._pace.take(seconds, count)

    def advance(self) -> Int[np.ndarray, "limb"]:
        assert self._goal is not None
        pose = self.pose
        before = pose.root_pos.copy(), pose.root_quat.copy(), pose.q.copy()
        code = self._control.step(pose, self._goal).code
        if (np.abs(pose.q - before[2]) > self.problem.joints.most[ROOT:] / _USABLE).any():
            # Feet could be held only by joints faster than they may be: they are let go, and the next step is free.
            pose.root_pos[:], pose.root_quat[:], pose.q[:] = before
            self._control.feet.planted[:] = False
            code = np.full_like(code, HELD)
        return code
