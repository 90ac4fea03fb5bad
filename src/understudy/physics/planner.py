"""The plan of a predictive controller, and how it gets better by trying.

A plan is what joint targets are off their feedforward, at a few knots ahead. Courses around it are simulated, and it
moves to their mean, weighted by exp(−cost) (MPPI: Williams et al., 2017), with less noise in each further iteration
(as in DIAL-MPC: Xue et al., 2024).
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from understudy.errors import LimitError
from understudy.physics.costs import Cost, CostWeights
from understudy.physics.feedforward import feedforward
from understudy.physics.gains import Gains
from understudy.physics.mujoco_cpu import MujocoCpu
from understudy.physics.references import Reference
from understudy.physics.simulator import PhysicsConfig, State
from understudy.robots.robot import Robot

FIRST = 4
"""The first plan starts from nothing, and takes so many times the iterations."""
NARROWEST = 0.2
"""Of the noise, this much is left where the plan could not be better."""


@dataclass(frozen=True)
class PlanConfig:
    """How courses are tried. Raises LimitError for numbers that make no plan."""

    samples: int = 24
    """Courses simulated at once …"""
    iterations: int = 3
    """… and how often, for each plan."""
    horizon: float = 0.4
    """Seconds that a plan looks ahead."""
    knots: int = 4
    """Instants between which targets change linearly; the first is now, the last the horizon."""
    replan: int = 2
    """Control steps (of 0.02 s) from plan to plan."""
    substeps: int = 2
    """Physics steps in a control step while trying: fewer than in the performance itself, and a softer floor."""
    noise: float = 0.2
    """How much targets vary, as the share of a joint's torque limit that its stiffness makes of it …"""
    calm: float = 8.0
    """… where the plan costs this or more. Where it costs less they vary less, as errors do: courses far around a good
    plan are all worse than it, and teach nothing."""
    anneal: float = 0.6
    """What each further iteration leaves of the noise."""
    temperature: float = 0.3
    """Of the weights exp(−cost / (temperature · spread)); less listens to fewer courses."""
    feedforward: bool = True
    """Start from the torques of inverse dynamics; else from the reference's joint positions alone."""
    costs: CostWeights = field(default_factory=CostWeights)
    threads: int | None = None
    """None: as many as there are cores. Changes no result."""

    def __post_init__(self) -> None:
        counts = (self.samples - 2, self.iterations, self.knots - 1, self.replan, self.substeps)
        shares = (self.horizon, self.noise, self.calm, self.anneal, self.temperature)
        if min(counts) < 1 or not all(share > 0 for share in shares):
            raise LimitError(
                "A plan needs at least 3 samples, 1 iteration, 2 knots, 1 step between plans and 1 substep, and a "
                f"positive horizon, noise, calm, anneal and temperature; got {self}."
            )


class Planner:
    """Plans for one robot and one reference. ``targets`` are those of the next ``replan`` control steps (rad).

    ``knots`` is the plan; set it back together with the state to plan anew from an earlier moment.
    """

    def __init__(self, robot: Robot, ref: Reference, config: PlanConfig, gains: Gains, dt: float, seed: int):
        c = config
        short = dt / c.substeps
        physics = PhysicsConfig(short, c.substeps, give=max(PhysicsConfig.give, 2.0 * short), gains=gains)
        self._engine = MujocoCpu(robot, c.samples, physics, threads=c.threads)
        self._steps = max(c.replan, round(c.horizon / dt))
        self._cost = Cost(robot, ref, c.costs, self._steps, c.samples)
        self._config, self._rng, self._last = c, np.random.default_rng(seed), len(ref) - 1
        self._moves = _carrying(robot)
        self._noise = (c.noise * robot.effort_limit / np.maximum(gains.stiffness, 1.0))[self._moves]
        self._best = c.calm  # what the best course cost when it was last tried
        at = np.linspace(0.0, self._steps - 1.0, c.knots)
        self._spread = _hats(np.arange(self._steps, dtype=np.float64), at)
        self._shift = _hats(np.minimum(at + c.replan, at[-1]), at)
        self._base = self._followed(robot, ref, gains)
        self.knots: Float[np.ndarray, "knot moved"] = np.zeros((c.knots, len(self._moves)))
        self.targets: Float[np.ndarray, "step dof"] = self._base[: c.replan]

    def plan(self, state: State, step: int, effort: int = 1) -> None:
        """Move the plan on to ``step``, and towards what costs least from ``state`` on.

        ``effort`` multiplies the iterations.
        """
        c = self._config
        iterations = c.iterations * (effort if step else max(effort, FIRST))
        self.knots = self._shift @ self.knots if step else 0.0 * self.knots
        for i in range(iterations):
            width = np.sqrt(np.clip(self._best / c.calm, NARROWEST**2, 1.0))
            noise = self._noise * width * c.anneal ** (i * c.iterations / iterations)
            tries = self.knots + noise * self._rng.standard_normal((c.samples, *self.knots.shape))
            tries[0], tries[1] = self.knots, 0.0
            better = self._costs(state, step, tries)
            self._best = float(better.min())
            better = better - self._best
            # The median keeps the temperature sane where a few courses cost beyond all measure.
            weights = np.exp(-better / (c.temperature * min(better.std(), np.median(better)) + 1e-9))
            self.knots = np.tensordot(weights / weights.sum(), tries, 1)
        self.targets = self._targets(step, self.knots[None])[: c.replan, 0]

    def _followed(self, robot: Robot, ref: Reference, gains: Gains) -> Float[np.ndarray, "time dof"]:
        """Targets that make up for the joints' damping and, with feedforward, for the load on them."""
        ahead = np.minimum(np.arange(len(ref)) + 1, self._last)
        torque = gains.damping * ref.qvel[:, 6:]
        if self._config.feedforward:
            torque = torque + feedforward(robot, self._engine.models[0], ref)
        return (ref.qpos[:, 7:] + torque / np.maximum(gains.stiffness, 1.0))[ahead]

    def _targets(
        self, step: int, knots: Float[np.ndarray, "try knot moved"]
    ) -> Float[np.ndarray, "step try dof"]:
        frames = np.minimum(step + np.arange(self._steps), self._last)
        targets = np.repeat(self._base[frames][:, None], len(knots), axis=1)
        targets[:, :, self._moves] += np.einsum("sk,nkj->snj", self._spread, knots)
        return targets

    def _costs(
        self, state: State, step: int, knots: Float[np.ndarray, "try knot moved"]
    ) -> Float[np.ndarray, "try"]:
        self._engine.reset(np.arange(len(knots)), state)
        for k, targets in enumerate(self._targets(step, knots)):
            self._cost.record(k, self._engine.step(targets))
        return self._cost.total(np.minimum(step + 1 + np.arange(self._steps), self._last))


def _hats(at: Float[np.ndarray, "time"], knots: Float[np.ndarray, "knot"]) -> Float[np.ndarray, "time knot"]:
    """How much of each knot there is at each instant: linear interpolation as a matrix."""
    return np.stack([np.interp(at, knots, unit) for unit in np.eye(len(knots))], axis=1)


def _carrying(robot: Robot) -> Int[np.ndarray, "moved"]:
    """Joints that decide about balance: those of the legs, and whatever moves a third of the robot's mass."""
    model = robot.model
    legs = set()
    for foot in robot.feet.values():
        body = int(model.body(foot.body).id)
        while body > 1:
            legs.add(body)
            body = int(model.body_parentid[body])
    heavy = model.body_subtreemass > model.body_subtreemass[1] / 3.0
    return np.array([j for j, body in enumerate(model.jnt_bodyid[1:]) if int(body) in legs or heavy[body]])
