"""Tracking tasks as tables: what is seen, what is paid for, when it is over.

``beyond_mimic`` is the standard task, with which references are evaluated; ``cepr`` that of NMR's experts (arXiv
2603.22201, Tables I and II, Eq. 6), which says nothing else and is therefore the standard one in all else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from understudy.errors import LimitError
from understudy.physics import observations as see
from understudy.physics import rewards as pay
from understudy.physics import terminations as end
from understudy.physics.observations import Observation
from understudy.physics.randomize import Pushes, Spread
from understudy.physics.rewards import Reward, Sigma
from understudy.physics.sampling import Starts
from understudy.physics.terminations import Termination

SIDES = ("left", "right")
G1_BODIES = (
    "pelvis",
    *(f"{side}_{part}_link" for side in SIDES for part in ("hip_roll", "knee", "ankle_roll")),
    "torso_link",
    *(f"{side}_{part}_link" for side in SIDES for part in ("shoulder_roll", "elbow", "wrist_yaw")),
)
"""The fourteen of BeyondMimic and mjlab; NMR does not name its own."""
G1_ENDS = tuple(f"{side}_{part}_link" for part in ("ankle_roll", "wrist_yaw") for side in SIDES)


@dataclass(frozen=True)
class Schedule:
    """Eq. 6 of NMR: every σ goes in a line from its start at iteration ``first`` to its end at ``last``.

    The paper gives neither; before and after, σ stays where it is.
    """

    first: int = 0
    last: int = 30_000

    def __post_init__(self) -> None:
        if self.last <= self.first:
            raise LimitError(f"A schedule ends after it begins; got {self.first} and {self.last}.")

    def progress(self, iteration: int) -> float:
        return min(max((iteration - self.first) / (self.last - self.first), 0.0), 1.0)


@dataclass(frozen=True)
class TrackingTask:
    """A tracking task. Rewards are per second: a step pays its rows' sum times its length."""

    actor: Mapping[str, Observation]
    critic: Mapping[str, Observation] | None
    """None for a critic that sees what the actor sees, noise and all."""
    rewards: Mapping[str, Reward]
    terminations: Mapping[str, Termination]
    schedule: Schedule = field(default_factory=Schedule)
    bodies: tuple[str, ...] = G1_BODIES
    anchor: str = "torso_link"
    ends: tuple[str, ...] = G1_ENDS
    """Among ``bodies``."""
    may_touch: tuple[str, ...] = G1_ENDS
    """What the floor may push without a penalty."""
    episode_seconds: float = 10.0
    action_effort: float = 0.25
    """Share of the effort limit that an action of 1 asks of a motor at home: it is so scaled by the stiffness."""
    soft_range: float = 0.9
    """Share of each joint's range, about its middle, between the soft limits."""
    starts: Starts = field(default_factory=Starts)
    spread: Spread | None = field(default_factory=Spread)
    """None to begin exactly in the reference's state."""
    pushes: Pushes | None = field(default_factory=Pushes)
    encoder_error: float = 0.01
    """Each joint of each robot is off by up to so much (rad), in what is seen of it and where it is sent."""

    def undisturbed(self) -> "TrackingTask":
        """The same task from the beginning of clips, without noise, pushes and other differences: to evaluate."""
        return replace(
            self,
            actor={name: replace(row, noise=0.0) for name, row in self.actor.items()},
            starts=replace(self.starts, at="beginning"),
            spread=None,
            pushes=None,
            encoder_error=0.0,
        )


TERMINATIONS = {
    "anchor_height": Termination(end.anchor_height, 0.25),
    "anchor_tilt": Termination(end.anchor_tilt, 0.8),
    "ends_height": Termination(end.ends_height, 0.25),
}


def beyond_mimic(state_estimation: bool = True) -> TrackingTask:
    """The task of BeyondMimic and mjlab: 160 numbers for the actor, 286 for the critic.

    Without state estimation the actor sees neither the anchor's position nor the root's linear velocity: 154.
    """
    critic = {
        "reference_joint_pos": Observation(see.reference_joint_pos),
        "reference_joint_vel": Observation(see.reference_joint_vel),
        "anchor_pos": Observation(see.anchor_pos),
        "anchor_axes": Observation(see.anchor_axes),
        "body_pos": Observation(see.body_pos_from_anchor),
        "body_axes": Observation(see.body_axes_from_anchor),
        "root_lin_vel": Observation(see.root_lin_vel),
        "root_ang_vel": Observation(see.root_ang_vel),
        "joint_pos": Observation(see.joint_pos),
        "joint_vel": Observation(see.joint_vel),
        "last_action": Observation(see.last_action),
    }
    noise = {
        "anchor_pos": 0.25,
        "anchor_axes": 0.05,
        "root_lin_vel": 0.5,
        "root_ang_vel": 0.2,
        "joint_pos": 0.01,
        "joint_vel": 0.5,
    }
    unseen = {"body_pos", "body_axes"} | (set() if state_estimation else {"anchor_pos", "root_lin_vel"})
    actor = {
        name: replace(row, noise=noise.get(name, 0.0)) for name, row in critic.items() if name not in unseen
    }
    rewards = {
        "anchor_pos": Reward(pay.anchor_pos, 0.5, Sigma(0.3, 0.3)),
        "anchor_quat": Reward(pay.anchor_quat, 0.5, Sigma(0.4, 0.4)),
        "body_pos": Reward(pay.body_pos, 1.0, Sigma(0.3, 0.3)),
        "body_quat": Reward(pay.body_quat, 1.0, Sigma(0.4, 0.4)),
        "body_lin_vel": Reward(pay.body_lin_vel, 1.0, Sigma(1.0, 1.0)),
        "body_ang_vel": Reward(pay.body_ang_vel, 1.0, Sigma(3.14, 3.14)),
        "action_rate": Reward(pay.action_rate, -0.1),
        "joint_limits": Reward(pay.joint_limits, -10.0),
        "undesired_contacts": Reward(pay.undesired_contacts, -0.1),
    }
    return TrackingTask(actor, critic, rewards, TERMINATIONS)


def cepr(schedule: Schedule | None = None, tightening: float = 0.5) -> TrackingTask:
    """The task of NMR's experts: 509 numbers for actor and critic alike, in the order of Table I.

    Open in the paper, and so ours: each σ begins as BeyondMimic's, the anchor's velocity as the bodies', and ends at
    ``tightening`` times that. Positions are the clips' own in the world, as the table says.
    """
    actor = {
        "reference_joint_pos": Observation(see.reference_joint_pos),
        "reference_joint_vel": Observation(see.reference_joint_vel),
        "reference_body_pos": Observation(see.reference_body_pos),
        "reference_body_lin_vel": Observation(see.reference_body_lin_vel),
        "reference_body_quat": Observation(see.reference_body_quat),
        "reference_body_ang_vel": Observation(see.reference_body_ang_vel),
        "body_pos": Observation(see.body_pos),
        "body_lin_vel": Observation(see.body_lin_vel),
        "body_quat": Observation(see.body_quat),
        "body_ang_vel": Observation(see.body_ang_vel),
        "joint_pos": Observation(see.joint_pos),
        "joint_vel": Observation(see.joint_vel),
        "last_action": Observation(see.last_action),
    }

    def tightened(sigma: float) -> Sigma:
        return Sigma(sigma, tightening * sigma)

    rewards = {
        "anchor_pos": Reward(pay.anchor_pos, 1.0, tightened(0.3)),
        "anchor_quat": Reward(pay.anchor_quat, 1.0, tightened(0.4)),
        "anchor_lin_vel": Reward(pay.anchor_lin_vel, 1.0, tightened(1.0)),
        "body_pos": Reward(pay.body_pos, 1.0, tightened(0.3)),
        "body_quat": Reward(pay.body_quat, 1.0, tightened(0.4)),
        "body_lin_vel": Reward(pay.body_lin_vel, 1.0, tightened(1.0)),
        "body_ang_vel": Reward(pay.body_ang_vel, 1.0, tightened(3.14)),
        "action_rate": Reward(pay.action_rate, -0.1),
        "undesired_contacts": Reward(pay.undesired_contacts, -0.1),
    }
    return TrackingTask(actor, None, rewards, TERMINATIONS, schedule or Schedule())
