"""The constants of a whole body that is followed live."""

from dataclasses import dataclass

from understudy.retarget.live.config import LiveIKConfig

_LIVE = LiveIKConfig(elbow_weight=60.0, hand_turn_weight=1.0, margin=0.005, step=0.3, damping=0.1)


@dataclass(frozen=True)
class WholeConfig:
    """What a whole body has to choose beyond ``LiveIKConfig``, which holds for its arms and waist."""

    live: LiveIKConfig = _LIVE
    """Arms and waist, and all that is common. Elbows weigh thirty times what they do alone and hands' turns ten: a
    whole pose is to be alike. The margin is FrameIK's. Steps are longer, 15 rad/s, for legs that kick, and damped more,
    because captures tremble. The buffer is the limbs' alone: the base may come nearer by as much, and they give way
    after it, else a hand that hangs at a thigh would hold the body up."""
    hands: str = "body"
    """What hands are asked for when the pelvis cannot be where it is wanted: ``body``, the same pose about the robot's
    own shoulders; ``world``, the same places."""
    pelvis_weight: float = 500.0
    """W_x of the pelvis' position, 1/m²: five times a hand, so that hands bend the arm before they move the body."""
    pelvis_turn_weight: float = 30.0
    """W_x of the pelvis' orientation, 1/rad²."""
    foot_weight: float = 400.0
    """W_x of a swinging ankle's position, 1/m²: feet come down where they are meant to."""
    foot_turn_weight: float = 2.0
    """W_x of a swinging foot's orientation, 1/rad²."""
    landing_turn_weight: float = 20.0
    """The same for a foot that is to stand."""
    knee_weight: float = 60.0
    """W_x of a swinging leg's knee, 1/m²."""
    elbow_turn_weight: float = 0.3
    """W_x of the elbows' orientation, 1/rad²: an arm that hangs straight down could else twist as it likes."""
    head_turn_weight: float = 1.0
    """W_x of the head's orientation, 1/rad², for robots that can turn it."""
    base_damping: float = 0.5
    """W_q of the base, 1/m² and 1/rad²: a thousandth of what the pelvis' place costs."""
    leg_damping: float = 0.002
    """W_q of the legs, 1/rad². They carry the base with levers of some centimetres where knees are nearly straight: the
    arms' damping would hold it back by a fifth."""
    leg_limit_weight: float = 3.0
    """What legs near their limits cost, 1/rad², for the same reason."""
    root_step: float = 0.12
    """The most that the base travels along each axis in a step, m: 6 m/s at 50 Hz, what a running person needs at the
    size of a G1."""
    root_turn: float = 0.24
    """The most that it turns about each axis, rad: 12 rad/s at 50 Hz, two turns a second."""
    ground: str = "auto"
    """Where the floor is: ``auto`` and ``flat``, where the human's feet rest, as far as has been seen; ``none``, the
    source's z = 0."""
    balance: bool = False
    """Whether the centre of mass is kept inside the support polygon. People do not walk so: with it a robot steps when
    it can, later than they do; without it feet keep time, and whoever tracks the motion must balance."""
    balance_margin: float = 0.25
    """What the polygon is made smaller by, in parts of half a sole's width."""
    balance_reserve: float = 0.2
    """What the base keeps beyond that for its limbs, in the same parts."""
    balance_gamma: float = 0.5
    """γ of Eq. 6 for the centre of mass."""
    recover: float = 0.25
    """The part of the way back into a polygon that is asked for in one step."""
    stride: float = 0.06
    """A standing foot that is wanted farther away than this takes a step, m."""
    stride_turn: float = 0.35
    """Or one that is wanted turned by more than this, rad; both together count as their parts."""
    landed: float = 1e-3
    """A foot this near to where it is wanted has landed, m. From then on it stays exactly where it is."""
    landed_turn: float = 0.01
    """And turned no farther away than this, rad. Both are for feet with six joints above them. A foot with fewer cannot
    be put flat at every place: its turn then weighs a hundred times more, and it may land fifty times farther away."""
    hold: float = 1e-5
    """What a standing foot may be off in a step (m, rad); steps in which a leg cannot hold it are shortened."""
    knee: float = 0.08
    """Knees stay bent by this, rad: a straight leg cannot give way, and has no first-order motion along itself. Costs
    1 mm of a leg of 0.7 m."""
    step: float = 0.45
    """The longest step of a body that keeps its balance, from ankle to ankle, in lengths of a leg."""
    reach: float = 0.985
    """The pelvis comes down until no standing or landing ankle is farther than this from its hip, in lengths of a
    leg."""
