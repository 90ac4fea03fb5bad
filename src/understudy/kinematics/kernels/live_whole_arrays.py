"""What a whole body has beyond its limbs: the base that they share, its feet, and its mass.

The base's directions (the root's six, and the joints between the root and the pelvis, where a robot has its waist
there) come first in every limb that has them. Limb 0 is the base with both legs.
"""

from typing import NamedTuple

import numpy as np


class WholeBody(NamedTuple):
    """What stays the same from step to step."""

    base: int  # how many directions the base has
    parts: int  # limbs 1 to parts have the base and their own joints, the parts after them only their own
    leg: np.ndarray  # (2,) int64: which part is which leg
    first: np.ndarray  # (2, 2) int64: where each leg's columns begin and end in limb 0
    ankle: np.ndarray  # (2,) int64: each ankle's task
    hip: np.ndarray  # (2,) int64: the links that begin the legs
    hip_point: np.ndarray  # (2, 3) m, in the link's frame
    reach: float  # m: how far from its hip an ankle may be
    pelvis: int  # its task
    carried: np.ndarray  # (task,) bool: what goes along with a pelvis that is off its target
    sole: np.ndarray  # (2, corner, 3) m, in the frame of the ankle's link
    mass: np.ndarray  # (link,) of the whole
    centre: np.ndarray  # (link, 3) m, in the link's frame
    damping: np.ndarray  # (base,) what a step of the base costs


class WholeSettings(NamedTuple):
    """The constants of a whole step; ``WholeConfig`` explains them."""

    balance: bool
    carry: bool
    margin: float
    reserve: float
    gamma: float
    recover: float
    stride: float
    step: float
    turn: float
    landed: float
    landed_turn: float
    hold: float


class WholeFeet(NamedTuple):
    """Which feet stand, and where; rewritten in every step."""

    planted: np.ndarray  # (2,) bool
    pos: np.ndarray  # (2, 3) m: where the ankles of standing feet are held
    rot: np.ndarray  # (2, 3, 3)
    edges: (
        np.ndarray
    )  # (edge, 3): inside is where x · edge[:2] ≥ edge[2], for every edge of the support polygon
    count: np.ndarray  # (1,) int64: how many edges; none where nothing is to be balanced


class WholeVotes(NamedTuple):
    """The quadratics of all limbs over the base and themselves, and which of their joints rest on their box."""

    hessian: np.ndarray  # (part, column, column)
    gradient: np.ndarray  # (part, column)
    lower: np.ndarray  # (part, column)
    upper: np.ndarray  # (part, column)
    resting: np.ndarray  # (part, column) int64: −1 on the lower bound, 1 on the upper, 0 free
