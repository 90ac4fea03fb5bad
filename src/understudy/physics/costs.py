"""What a simulated course costs: how far it strays from its reference, and whether it will stay upright.

Every term is a squared distance in units of a tolerance, so that one means "as far off as is still all right".
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.physics.references import Reference
from understudy.physics.simulator import Readings
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply

GRAVITY = 9.81
FAILED = 1e4
"""What a course costs that cannot be simulated to its end."""


@dataclass(frozen=True)
class CostWeights:
    """How much each term counts; zero leaves it out. Lengths over several points are root mean squares."""

    joints: float = 1.0
    """Joint positions; tolerance 0.2 rad."""
    root_pos: float = 1.0
    """The root's position; 0.1 m."""
    root_rot: float = 1.0
    """Its orientation; 0.2 rad."""
    torso_rot: float = 1.0
    """The torso's orientation; 0.2 rad. Without it the upper body is thrown about to keep the balance."""
    root_vel: float = 1.0
    """Its velocities; 0.5 m/s and 1.5 rad/s."""
    points: float = 1.0
    """Positions of feet and hands; 0.1 m."""
    soles: float = 1.0
    """Orientations of the feet; 0.3 rad."""
    capture: float = 4.0
    """The capture point, com + com velocity · √(height / g), where the reference has it; 0.1 m."""
    support: float = 4.0
    """The same as seen from the standing feet; 0.1 m."""
    contact: float = 1.0
    """Feet that stand where they should swing, or the other way round."""
    slip: float = 1.0
    """Horizontal speed of the soles that the floor carries; 0.3 m/s."""
    effort: float = 0.5
    """Torques, as shares of their limits."""


_OF_BODIES = ("body_pos", "body_quat", "body_lin_vel", "body_ang_vel", "ground_force")
_READ = (*_OF_BODIES, "joint_pos", "com_pos", "com_vel", "torque")


class Cost:
    """Costs of many courses at once: ``record`` every step, then ask for their ``total``."""

    def __init__(self, robot: Robot, ref: Reference, weights: CostWeights, horizon: int, count: int):
        feet = [robot.body_index(foot.body) for foot in robot.feet.values()]
        points = feet + sorted(robot.body_index(b) for b in robot.hands)
        self._rows = np.array([0, _torso(robot), *points])  # the bodies that are looked at
        self._feet = slice(2, 2 + len(feet))
        self._soles = np.array([foot.sole.mean(axis=0) for foot in robot.feet.values()], np.float32)
        self._weights, self._ref = weights, ref
        self._limit = robot.effort_limit.astype(np.float32)
        self._want = {name: self._picked(name, getattr(ref.seen, name)) for name in _READ}
        self._want["capture"] = _capture(self._want["com_pos"], self._want["com_vel"])
        self._got = {
            name: np.zeros((horizon, count, *self._want[name].shape[1:]), np.float32) for name in _READ
        }
        self._failed = np.zeros(count, bool)

    def record(self, step: int, seen: Readings) -> None:
        """What the courses look like ``step`` steps after their start."""
        for name, values in self._got.items():
            values[step] = self._picked(name, getattr(seen, name))
        self._failed[:] = seen.fault != 0

    def total(self, frames: np.ndarray) -> Float[np.ndarray, "count"]:
        """Mean over the steps, which should have been the reference's ``frames``."""
        total = sum(getattr(self._weights, name) * term for name, term in self.terms(frames).items())
        return np.where(self._failed, FAILED, np.mean(total, axis=0))

    def terms(self, frames: np.ndarray) -> dict[str, Float[np.ndarray, "step count"]]:
        """Those with a weight, without it."""
        got = self._got
        want = {name: values[frames][:, None] for name, values in self._want.items()}
        stance = self._ref.stance[frames][:, None].astype(np.float32)
        off = got["body_pos"] - want["body_pos"]
        aligned = (got["body_quat"] * want["body_quat"]).sum(-1)
        turned = 4.0 * (1.0 - np.minimum(aligned * aligned, 1.0))  # about the angle's square
        slow = _square(got["body_lin_vel"][:, :, 0] - want["body_lin_vel"][:, :, 0])
        spin = _square(got["body_ang_vel"][:, :, 0] - want["body_ang_vel"][:, :, 0])
        capture = _capture(got["com_pos"], got["com_vel"])
        feet = self._feet
        shares = (stance + 1e-3) / (stance + 1e-3).sum(-1, keepdims=True)
        base = (got["body_pos"][:, :, feet, :2] * shares[..., None]).sum(2)
        wanted_base = (want["body_pos"][:, :, feet, :2] * shares[..., None]).sum(2)
        touching = got["ground_force"][:, :, feet, 2] > 10.0
        arm = quat_apply(got["body_quat"][:, :, feet], self._soles)
        skid = got["body_lin_vel"][:, :, feet] + np.cross(got["body_ang_vel"][:, :, feet], arm)
        return {
            "joints": _mean_square(got["joint_pos"] - want["joint_pos"]) / 0.2**2,
            "root_pos": _square(off[:, :, 0]) / 0.1**2,
            "root_rot": turned[:, :, 0] / 0.2**2,
            "torso_rot": turned[:, :, 1] / 0.2**2,
            "root_vel": slow / 0.5**2 + spin / 1.5**2,
            "points": _square(off[:, :, 2:]).mean(-1) / 0.1**2,
            "soles": turned[:, :, feet].mean(-1) / 0.3**2,
            "capture": _square(capture - want["capture"]) / 0.1**2,
            "support": _square(capture - base - want["capture"] + wanted_base) / 0.1**2,
            "contact": np.abs(touching - stance).mean(-1),
            "slip": (touching * _square(skid[..., :2])).mean(-1) / 0.3**2,
            "effort": _mean_square(got["torque"] / self._limit),
        }

    def _picked(self, name: str, values: np.ndarray) -> np.ndarray:
        return values[:, self._rows] if name in _OF_BODIES else values


def _torso(robot: Robot) -> int:
    """Row of the body that carries the chest; the root, where the robot names none."""
    marks = robot.landmarks
    return int(marks.carriers[marks.names.index("chest")]) if "chest" in marks.names else 0


def _capture(com: np.ndarray, vel: np.ndarray) -> np.ndarray:
    """Where a foot would have to be for the robot to come to rest over it (m): the capture point of the linear
    inverted pendulum (Pratt et al., 2006).
    """
    return com[..., :2] + vel[..., :2] * np.sqrt(np.maximum(com[..., 2:], 0.1) / GRAVITY)


def _square(vectors: np.ndarray) -> np.ndarray:
    return (vectors * vectors).sum(-1)


def _mean_square(values: np.ndarray) -> np.ndarray:
    return (values * values).mean(-1)
