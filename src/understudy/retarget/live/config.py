"""The constants of live inverse kinematics: those that MIRROR leaves open, with the value taken and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LiveIKConfig:
    """Everything that can be chosen about ``LiveIK``. Equation numbers are MIRROR's (Li, Yang and Ames, 2026)."""

    dt: float = 0.02
    """Seconds a control step: 50 Hz, what humanoid controllers take commands at."""
    limbs: str = "distributed"
    """``distributed``: one QP for each arm, and one for the waist; ``monolithic``: both arms and waist in one."""
    waist: bool = True
    """Whether the waist moves; else only the arms do."""
    hand_weight: float = 100.0
    """W_x of the hands' positions, 1/m²: 1 cm of one hand costs 0.005, ten times the paper's η."""
    elbow_weight: float = 2.0
    """W_x of the elbows' positions, 1/m². Elbows choose among the poses of a redundant arm and do not hold up hands."""
    hand_turn_weight: float = 0.1
    """W_x of the hands' orientations, 1/rad²: 0.3 rad cost what 1 cm does."""
    torso_weight: float = 5.0
    """W_x of the chest's orientation, 1/rad²."""
    damping: float = 0.02
    """W_q, 1/rad²: 0.2 % of the Hessian where the arm moves well (a lever of 0.3 m), and its equal where a direction
    has a lever of 14 mm: that near a singularity steps are halved."""
    posture: float = 0.0
    """Weight on the distance from q_ref, the home stance, 1/rad². Keeps joints that no task needs off their limits.
    Eq. 7 has none; Eq. 19 has, and calls it W_q too."""
    limit_margin: float = 0.1
    """Joints nearer than this to a limit (rad) are pushed back. Eq. 10 lets them lean on it."""
    limit_weight: float = 20.0
    """What the square of that costs, 1/rad²: 0.02 rad inside the margin as much as 1 cm of a hand. Of 500 trials 6
    ended with a locked joint at 10, 2 at 20 and none at 40, hands 5.7, 6.0 and 6.6 mm off: beyond 20 it costs more than
    it gains."""
    gamma: float = 0.5
    """γ of Eq. 6: the part of the way to a barrier that one step may use up."""
    margin: float = 0.01
    """m in ρ = R + r + m (Eq. 5), m."""
    buffer: float = 0.002
    """What rows keep beyond the barrier, m: what a linearised row may lose in a step. Bodies that are near by
    construction have less of it, as they have of the margin. Zero is the paper's."""
    brake: float = 0.5
    """The part of the way to a joint's limit that one step may use up: a barrier, as Eq. 6 is one. One is Eq. 10."""
    step: float = 0.2
    """Bounds of Δq (Eq. 9), rad: 10 rad/s at 50 Hz, a quarter of what the G1's motors do without load. A motor's own
    speed limit holds where it is lower."""
    jump: float = 0.45
    """The most that a joint moves in one frame of the human, rad, however slow the source is: FrameIK's."""
    certificate: str = "true"
    """What selects α: ``none`` (the largest feasible α), ``linear`` (Eq. 13–15, the paper's), ``true`` (V, barriers
    and F of Eq. 21 by forward kinematics at the candidate)."""
    eta: float = 1e-5
    """η of Eq. 15, in units of V. The paper's 5·10⁻⁴ forbids all progress below an error of 3 mm of a hand."""
    eta_objective: float = 1e-5
    """η_F of Eq. 21."""
    least_step: float = 1e-4
    """ε_q, rad: a candidate that moves less, far from the goal, is no escape."""
    arrived: float = 2e-4
    """ε_V: 2 mm of a hand. Below, no progress is asked for but that V stays below: Eq. 15 could not be met."""
