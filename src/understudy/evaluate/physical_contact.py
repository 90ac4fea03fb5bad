"""What the floor did to a performed motion: slip where it carries the feet, impacts, and frames without a footing.

Stance is decided by forces alone: while the floor carries a foot, it stands. Forces are means over a control step,
from one frame to the next, so that times its length they are impulses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from understudy.evaluate.metric import Metric, unmeasured
from understudy.evaluate.metrics_contact import NO_FEET, foot_speed
from understudy.evaluate.stance import speed
from understudy.evaluate.tracks import sole_corners
from understudy.kinematics import Capsules
from understudy.motion.bodies import BodyTracks
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_conj, quat_mul, quat_to_rotvec

CARRYING = 0.05
"""Share of the robot's weight from which on the floor carries a foot: less is a scuff."""
TOUCHING, LEVEL = 0.002, 0.001
"""What is no higher than this (m) touches the floor; points this much higher than a foot's lowest carry it, too."""
FLAT = 0.01
"""A sole whose corners differ in height by no more than this (m) lies flat."""
LOW, SLOW = 0.03, 0.4
"""A foot of the reference that is lower (m) and slower (m/s) than this stands."""
AIRBORNE, LANDING = 0.1, 0.1
"""A foot lands if nothing carried it for so long (s) before; its impact is the greatest force so long after."""
CALLED = {
    "slip": ("Contact slip", "cm/s"),
    "skating": ("Skating, flat foot", "cm/s"),
    "float": ("Nothing carries", "%"),
    "peak_force": ("Greatest force on a foot", "× weight"),
    "landing_force": ("Force of a landing", "× weight"),
    "footfall_impulse": ("Impulse of a footfall", "s × weight"),
}
"""Label and unit of every metric here."""


@dataclass(frozen=True, eq=False)
class Footing:
    """The feet of a performance over its frames, beside those of its reference, and what the floor gave them.

    ``soles`` and ``reference`` are the corners (m) of the soles by foot. ``grips`` are the lowest points (m) of the
    spheres at the ends of a foot's collision capsules, what it really stands on; ``rolled`` is how far (m) each would
    have got by rolling alone. ``load`` is the vertical force in each control step, in the robot's weights, its columns
    in the order of the soles.
    """

    fps: float
    soles: Mapping[str, Float[np.ndarray, "time corner 3"]]
    reference: Mapping[str, Float[np.ndarray, "time corner 3"]]
    grips: Mapping[str, Float[np.ndarray, "time _ 3"]]
    rolled: Mapping[str, Float[np.ndarray, "step _ 2"]]
    load: Float[np.ndarray, "step foot"]

    @classmethod
    def of(
        cls,
        robot: Robot,
        fps: float,
        achieved: BodyTracks,
        reference: BodyTracks,
        force: Float[np.ndarray, "step foot 3"],
    ) -> "Footing":
        """The footing of a robot; ``force`` is what the floor gave each foot (N)."""
        capsules, grips, rolled = Capsules.from_robot(robot), {}, {}
        for side, foot in robot.feet.items():
            rows = [k for k, name in enumerate(capsules.bodies) if name == foot.body]
            body = robot.body_index(foot.body)
            quat, radius = achieved.quat[:, body], np.tile(capsules.radius[rows], 2)
            ends = quat_apply(quat[:, None], np.concatenate([capsules.start[rows], capsules.end[rows]])[None])
            turn = quat_to_rotvec(quat_mul(quat[1:], quat_conj(quat[:-1])))
            grips[side] = achieved.pos[:, body, None] + ends - radius[:, None] * [0.0, 0.0, 1.0]
            rolled[side] = radius[:, None] * np.stack([turn[:, 1], -turn[:, 0]], axis=1)[:, None]
        soles, wanted = sole_corners(robot, achieved), sole_corners(robot, reference)
        load = force[..., 2].astype(np.float64) / weight(robot)
        return cls(fps, soles, wanted, grips, rolled, load)

    @property
    def carried(self) -> Bool[np.ndarray, "step foot"]:
        return self.load > CARRYING


def weight(robot: Robot) -> float:
    """Of the whole robot (N)."""
    return float(robot.model.body_mass.sum() * np.linalg.norm(robot.model.opt.gravity))


def metrics(robot: Robot, footing: Footing) -> list[Metric]:
    """Everything here; without values for a robot without feet, or a performance of a single frame."""
    why = "" if robot.feet else NO_FEET
    why = why or ("" if len(footing.load) else "nothing was performed after the first frame")
    if why:
        return [unmeasured(key, *CALLED[key], why) for key in CALLED]
    return [slip(footing), skating(footing), floating(footing), *impulses(footing)]


def slip(footing: Footing) -> Metric:
    """How fast (cm/s) what stands on the floor moves along it: mean over the steps in which a foot is carried.

    Of each carried foot those ends of its capsules are followed that stay lowest through the step, touching the
    floor (to 2 mm) at its beginning and at its end, each at the point where it meets the floor: rolling, from heel to
    toe or over an edge, is no slip. A foot just landing was in the air when its step began, and is not counted.
    """
    speeds = [
        _slip(grips, rolled, footing.fps)
        for grips, rolled in zip(footing.grips.values(), footing.rolled.values(), strict=True)
    ]
    counted = [v[on & np.isfinite(v)] for v, on in zip(speeds, footing.carried.T, strict=True)]
    note = "where the floor meets the feet that it carries"
    return _mean("slip", 100.0 * np.concatenate(counted), note, "no foot is carried")


def _slip(
    grips: Float[np.ndarray, "time grip 3"], rolled: Float[np.ndarray, "step grip 2"], fps: float
) -> Float[np.ndarray, "step"]:
    """Mean speed (m/s) of a foot's lowest points over each step; NaN where they are not on the floor throughout, as
    those of a foot without capsules never are.
    """
    if not grips.shape[1]:
        return np.full(len(rolled), np.nan)
    highest = np.maximum(grips[:-1, :, 2], grips[1:, :, 2])
    lowest = highest.min(axis=1, keepdims=True)
    way = np.linalg.norm(np.diff(grips[..., :2], axis=0) - rolled, axis=-1)
    on = highest <= lowest + LEVEL
    return np.where(lowest[:, 0] <= TOUCHING, fps * (way * on).sum(axis=1) / on.sum(axis=1), np.nan)


def skating(footing: Footing) -> Metric:
    """Horizontal speed (cm/s) of the sole's middle from frame to frame, while the foot is carried and lies flat.

    The project's own measure of skating, with stance from forces instead of from a human.
    """
    counted = []
    for corners, on in zip(footing.soles.values(), footing.carried.T, strict=True):
        flat = np.ptp(corners[..., 2], axis=1) < FLAT
        counted.append(foot_speed(corners.mean(axis=1), footing.fps)[1:][on & flat[1:] & flat[:-1]])
    return _mean(
        "skating",
        100.0 * np.concatenate(counted),
        "middle of a flat, carried sole",
        "no foot is carried flat",
    )


def floating(footing: Footing) -> Metric:
    """Share of the steps in which the floor carries no foot, of those in which a foot of the reference stands.

    The reference stands on a sole lower than 3 cm and slower than 0.4 m/s at the step's beginning and at its end. A
    robot that lies on something else than its feet floats by this count.
    """
    stands = np.zeros(len(footing.load), dtype=bool)
    for corners in footing.reference.values():
        low = (corners[..., 2].min(axis=1) < LOW) & (speed(corners.mean(axis=1), footing.fps) < SLOW)
        stands |= low[1:] & low[:-1]
    alone = footing.load[stands].max(axis=1) <= CARRYING
    return _mean(
        "float", 100.0 * alone.astype(float), "of the steps in which the reference stands", "it never stands"
    )


def impulses(footing: Footing) -> list[Metric]:
    """What the floor gives the feet, in the robot's own weight.

    ``peak_force``: the greatest vertical force on one foot in a control step. ``landing_force``: the greatest in the
    first 0.1 s after a foot touches down that nothing carried for 0.1 s, averaged over landings.
    ``footfall_impulse``: the vertical force on a foot added up from touching down to lifting off, averaged over the
    footfalls that both begin and end within the performance; standing still on both feet gives half a second's weight
    a second.
    """
    before, after = (max(1, round(t * footing.fps)) for t in (AIRBORNE, LANDING))
    landings, footfalls = [], []
    for load, on in zip(footing.load.T, footing.carried.T, strict=True):
        edges = np.diff(on.astype(np.int8))
        downs, ups = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1) + 1
        landings += [load[d : d + after].max() for d in downs if d >= before and not on[d - before : d].any()]
        ends = np.searchsorted(ups, downs)
        footfalls += [
            load[d : ups[e]].sum() / footing.fps for d, e in zip(downs, ends, strict=True) if e < len(ups)
        ]
    label, unit = CALLED["peak_force"]
    steps = footing.load.size
    return [
        Metric(
            "peak_force", label, float(footing.load.max()), unit, "lower", "mean of a control step", steps
        ),
        _mean("landing_force", np.array(landings), "greatest of each landing", "no foot lands"),
        _mean(
            "footfall_impulse",
            np.array(footfalls),
            "from touching down to lifting off",
            "no whole footfall",
            None,
        ),
    ]


def _mean(
    key: str, values: Float[np.ndarray, "n"], note: str, empty: str, better: Literal["lower"] | None = "lower"
) -> Metric:
    label, unit = CALLED[key]
    if not len(values):
        return Metric(key, label, None, unit, better, empty)
    return Metric(key, label, float(values.mean()), unit, better, note, len(values))
