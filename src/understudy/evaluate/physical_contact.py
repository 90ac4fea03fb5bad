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
from understudy.evaluate.metrics_contact import NO_FEET, floor_give, foot_speed
from understudy.evaluate.stance import speed
from understudy.robots.robot import Robot

CARRYING = 0.05
"""Share of the robot's weight from which on the floor carries a foot: less is a scuff."""
LEVEL = 0.001
"""Points of a sole this much (m) higher than its lowest one carry, too."""
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
Soles = Mapping[str, Float[np.ndarray, "time corner 3"]]


@dataclass(frozen=True, eq=False)
class Footing:
    """The soles of a performance and of its reference over the same frames, and what the floor gave the feet.

    ``soles`` are corners (m) by foot; ``load`` is the vertical force in each control step, in robot's weights, its
    columns in the order of the soles; ``give`` is how far (m) from the floor is still on it.
    """

    fps: float
    soles: Soles
    reference: Soles
    load: Float[np.ndarray, "step foot"]
    give: float

    @classmethod
    def of(
        cls, robot: Robot, fps: float, soles: Soles, reference: Soles, force: Float[np.ndarray, "step foot 3"]
    ) -> "Footing":
        """The footing of a robot; ``force`` is what the floor gave each foot (N)."""
        return cls(fps, soles, reference, force[..., 2].astype(np.float64) / weight(robot), floor_give(robot))

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

    Of each carried foot the points of the sole that stay lowest through the step are followed, where they are within
    5 mm of the floor at its beginning and at its end (less on small robots): of a foot that rolls from heel to toe,
    each point counts only while the foot stands on it, so that rolling is no slip. A foot just landing was still in
    the air when its step began, and is not counted.
    """
    speeds = [_slip(c, footing.fps, footing.give) for c in footing.soles.values()]
    counted = [v[on & np.isfinite(v)] for v, on in zip(speeds, footing.carried.T, strict=True)]
    return _mean(
        "slip",
        100.0 * np.concatenate(counted),
        "points of the sole that the floor carries",
        "no foot is carried",
    )


def _slip(corners: Float[np.ndarray, "time corner 3"], fps: float, give: float) -> Float[np.ndarray, "step"]:
    """Mean speed (m/s) of a sole's lowest points over each step; NaN where they are not on the floor throughout."""
    highest = np.maximum(corners[:-1, :, 2], corners[1:, :, 2])
    lowest = highest.min(axis=1, keepdims=True)
    way = np.linalg.norm(np.diff(corners[..., :2], axis=0), axis=-1)
    on = highest <= lowest + LEVEL
    mean = (way * on).sum(axis=1) / on.sum(axis=1)
    return np.where(lowest[:, 0] <= give, fps * mean, np.nan)


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
