"""What the kernels work on: plain arrays in named groups."""

from typing import NamedTuple

import numpy as np

from understudy.kinematics.kernels.jit import kernel

_MAX_ROWS = 256  # contacts of one pose; far more than a body ever has


class TreeArrays(NamedTuple):
    """A ``Tree`` as the numba kernels take it: float64, rotations as matrices."""

    parents: np.ndarray  # (link,) int64
    dof: np.ndarray  # (link,) int64, -1 where rigid
    pos: np.ndarray  # (link, 3)
    rot: np.ndarray  # (link, 3, 3)
    axis: np.ndarray  # (link, 3)
    anchor: np.ndarray  # (link, 3)
    dof_link: np.ndarray  # (dof,) int64: the link that each joint moves


class LandmarkArrays(NamedTuple):
    """Landmarks on links."""

    link: np.ndarray  # (landmark,) int64
    pos: np.ndarray  # (landmark, 3) m
    rot: np.ndarray  # (landmark, 3, 3)


class CapsuleArrays(NamedTuple):
    """Capsules on links, and the pairs that may collide."""

    link: np.ndarray  # (capsule,) int64
    start: np.ndarray  # (capsule, 3) m
    end: np.ndarray  # (capsule, 3) m
    radius: np.ndarray  # (capsule,) m
    bound: np.ndarray  # (capsule,) radius of the sphere about the middle that holds all of it, m
    pairs: np.ndarray  # (pair, 2) int64
    margin: np.ndarray  # (pair,) m kept between the two
    far: np.ndarray  # (pair,) m between middles beyond which the margin is kept for sure


class TaskArrays(NamedTuple):
    """Weights of the landmark tasks; zero switches one off."""

    position: np.ndarray  # (landmark, 3) 1/m²
    rotation: np.ndarray  # (landmark,) 1/rad²
    bone: np.ndarray  # (landmark,) 1/m²
    bone_vector: np.ndarray  # (landmark, 3) m: the bone that begins here, in the landmark's frame


class PostureArrays(NamedTuple):
    """Diagonal terms on the joints."""

    rest: np.ndarray  # (dof,) rad
    rest_weight: np.ndarray  # (dof,)
    velocity_weight: float  # on the step from the frame before
    limit_margin: float  # rad: how near to a limit costs nothing
    limit_weight: float


class Settings(NamedTuple):
    """How the solver runs."""

    iterations: int
    first_iterations: int
    tolerance: float  # relative fall of F below which a frame has converged
    good: float  # cost below which a first frame needs no other seeds
    prior: float  # 1/rad²: what distance from the pose of rest costs when basins are compared
    damping: float
    stiffness: float  # ρ, 1/m²
    floor: float  # m, height of the floor
    floor_on: bool
    holding: bool  # whether anything is held
    reach: float  # m: nearer pairs become constraint rows
    root_step: float  # m an iteration
    turn_step: float  # rad an iteration


class Near(NamedTuple):
    """The pairs that can touch while no capsule has moved far, about the root, from where the list found it."""

    pair: np.ndarray  # (pair,) int64
    count: np.ndarray  # (1,) int64; below zero before the first list
    middle: np.ndarray  # (capsule, 3) m, about the root


class Contacts(NamedTuple):
    """Two points that must not come nearer: on two links, or on one link and the floor (link −1)."""

    count: np.ndarray  # (1,) int64: how many there are
    distance: np.ndarray  # (contact,) m beyond the margin
    normal: np.ndarray  # (contact, 3) the way in which the first point gets away
    first: np.ndarray  # (contact, 3) m
    second: np.ndarray  # (contact, 3) m
    first_link: np.ndarray  # (contact,) int64
    second_link: np.ndarray  # (contact,) int64


class State(NamedTuple):
    """Everything that follows from one pose."""

    root_pos: np.ndarray
    root_quat: np.ndarray
    q: np.ndarray
    pos: np.ndarray
    rot: np.ndarray
    mark_pos: np.ndarray
    mark_rot: np.ndarray
    r_pos: np.ndarray
    r_rot: np.ndarray
    r_bone: np.ndarray
    start: np.ndarray
    end: np.ndarray
    near: Near
    contacts: Contacts


class Step(NamedTuple):
    """The QP of one iteration, and the pose that it starts from."""

    root_pos: np.ndarray
    root_quat: np.ndarray
    q: np.ndarray
    motion: np.ndarray
    twist: np.ndarray  # (link, 6) motion of every link under v
    rate: np.ndarray  # (contact,) m: what v does to its distance
    chosen: np.ndarray  # (contact,) whether it has a row
    rows: np.ndarray
    count: np.ndarray  # (1,) int64: rows in use
    wrench: np.ndarray
    stiffness: np.ndarray
    hessian: np.ndarray
    diagonal: np.ndarray  # of the Hessian without damping
    gradient: np.ndarray
    low: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    b: np.ndarray
    v: np.ndarray


class Problem(NamedTuple):
    """What stays the same over a clip."""

    tree: TreeArrays
    landmarks: LandmarkArrays
    capsules: CapsuleArrays
    task: TaskArrays
    posture: PostureArrays
    settings: Settings
    lower: np.ndarray  # (dof,) rad
    upper: np.ndarray  # (dof,) rad
    speed_step: np.ndarray  # (dof,) rad a frame
    held: np.ndarray  # (6 + dof,) bool: what stays where it is


class Targets(NamedTuple):
    """What changes from frame to frame."""

    pos: np.ndarray  # (time, landmark, 3)
    rot: np.ndarray  # (time, landmark, 3, 3)
    bone: np.ndarray  # (time, landmark, 3)
    root_pos: np.ndarray  # (time, 3): where the root would be if the pelvis were exactly on its target
    root_quat: np.ndarray  # (time, 4)
    max_step: np.ndarray  # (time,) rad: the most any joint may move into this frame


class Course(NamedTuple):
    """What a whole clip is held to beyond the targets of its frames."""

    gain: np.ndarray  # (time, landmark, 3): factors on the weights of position, rotation and bone
    knee: np.ndarray  # (3,) m, rad, m: larger errors count in proportion
    rest: np.ndarray  # (time, dof) rad
    smoothness: np.ndarray  # (6 + dof,) weights on second differences: root path, root turn, joints
    bend: np.ndarray  # (time, 6 + dof) m, rad: the second differences wanted, of t and the two before
    most_step: np.ndarray  # (time, dof) rad: the most a joint may move into a frame
    most_bend: np.ndarray  # (dof,) rad: the most a joint's second difference may be
    support: np.ndarray  # (time, 3) m: middle and radius of the disc that the centre of mass should be above
    balance: np.ndarray  # (time,) 1/m²: what it costs to be beyond; zero where nothing is asked
    mass: np.ndarray  # (link,) each link's share of the whole mass
    centre: np.ndarray  # (link, 3) m: its centre of mass
    contact_stiffness: float  # 1/m²
    limit_stiffness: float  # 1/rad²
    speed_stiffness: float  # 1/rad²


@kernel
def new_contacts(most):
    """Room for so many contacts."""
    return Contacts(
        np.zeros(1, np.int64),
        np.zeros(most),
        np.zeros((most, 3)),
        np.zeros((most, 3)),
        np.zeros((most, 3)),
        np.zeros(most, np.int64),
        np.zeros(most, np.int64),
    )


@kernel
def new_near(capsules):
    """Room for all pairs."""
    return Near(np.zeros(len(capsules.pairs), np.int64), np.full(1, -1), np.zeros((len(capsules.link), 3)))


@kernel
def new_state(p):
    """Room for one pose of a problem's robot."""
    links, dofs, marks, capsules = (
        len(p.tree.parents),
        len(p.lower),
        len(p.landmarks.link),
        len(p.capsules.link),
    )
    return State(
        np.zeros(3),
        np.zeros(4),
        np.zeros(dofs),
        np.zeros((links, 3)),
        np.zeros((links, 3, 3)),
        np.zeros((marks, 3)),
        np.zeros((marks, 3, 3)),
        np.zeros((marks, 3)),
        np.zeros((marks, 3)),
        np.zeros((marks, 3)),
        np.zeros((capsules, 3)),
        np.zeros((capsules, 3)),
        new_near(p.capsules),
        new_contacts(_MAX_ROWS),
    )


@kernel
def new_step(p):
    """Room for one QP."""
    links, dofs = len(p.tree.parents), len(p.lower)
    n = 6 + dofs
    return Step(
        np.zeros(3),
        np.zeros(4),
        np.zeros(dofs),
        np.zeros((dofs, 6)),
        np.zeros((links, 6)),
        np.zeros(_MAX_ROWS),
        np.zeros(_MAX_ROWS, np.bool_),
        np.zeros((_MAX_ROWS, n)),
        np.zeros(1, np.int64),
        np.zeros((links, 6)),
        np.zeros((links, 6, 6)),
        np.zeros((n, n)),
        np.zeros(n),
        np.zeros(n),
        np.zeros((n, n)),
        np.zeros(n),
        np.zeros(n),
        np.zeros(_MAX_ROWS),
        np.zeros(n),
    )
