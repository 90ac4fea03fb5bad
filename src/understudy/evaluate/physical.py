"""What a performed motion is worth: how near a simulated robot came to its reference, and what it took.

Everything is over the frames that were performed: of a robot that fell, those until its fall. Its errors count until
then, and its success is 0. Pooled, each clip counts once, as an episode does in mjlab's evaluation, and a clip of
which nothing was performed (``REFUSED``) is in the denominators of success all the same.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from understudy.errors import ShapeError
from understudy.evaluate import physical_contact as contact
from understudy.evaluate import physical_tracking as tracking
from understudy.evaluate.classes import COMPLEXITIES
from understudy.evaluate.metric import Metric
from understudy.motion.types import RobotMotion
from understudy.robots.robot import Robot

GREATEST = ("peak_force",)
"""The worst of a clip, which pools to the worst of all."""
REFUSED: Mapping[str, float] = MappingProxyType(
    dict.fromkeys(("success", "success_half_metre", "finished", "performed"), 0.0)
)
"""The row of a clip that could not even be begun."""
FARTHEST = 0.5
"""A robot whose root comes less far (m) than this has no cost of transport."""
CALLED = {
    **tracking.CALLED,
    "saturation": ("Torque saturation", "%"),
    "energy": ("Energy", "J"),
    "power": ("Power", "W/kg"),
    "cost_of_transport": ("Cost of transport", ""),
    **contact.CALLED,
}
"""Label and unit of every metric, in the order of ``metrics``."""


@runtime_checkable
class Performance(Protocol):
    """A simulated motion beside what was asked for, as ``physics.Rollout`` is one.

    ``achieved`` starts with the first frame of ``reference``, at the same rate, and ends with it, or before if the
    robot fell at ``fell_at`` (s). Over each step from a frame to the next: ``saturation``, the share of the time in
    which each motor was at its limit; ``work`` that it put in (J); ``ground_force`` on each foot (N), a mean.
    """

    @property
    def reference(self) -> RobotMotion: ...
    @property
    def achieved(self) -> RobotMotion: ...
    @property
    def feet(self) -> tuple[str, ...]: ...
    @property
    def saturation(self) -> Float[np.ndarray, "step dof"]: ...
    @property
    def work(self) -> Float[np.ndarray, "step dof"]: ...
    @property
    def ground_force(self) -> Float[np.ndarray, "step foot 3"]: ...
    @property
    def fell_at(self) -> float | None: ...


def metrics(performance: Performance, robot: Robot) -> tuple[Metric, ...]:
    """All physical metrics of a performance, in the order of ``CALLED``.

    Raises ShapeError for arrays that do not fit or are not finite, SkeletonMismatch for another robot's motion, and
    LimitError where the performance has another rate than its reference, or more frames.
    """
    p = performance
    _check(p, robot)
    pair = tracking.Pair.of(robot, p.reference, p.achieved, p.fell_at is not None)
    footing = contact.Footing.of(robot, pair.fps, pair.achieved, pair.reference, p.ground_force)
    return (
        *tracking.success(pair),
        *tracking.errors(pair),
        *effort(p, robot),
        *contact.metrics(robot, footing),
    )


def measure(performance: Performance, robot: Robot) -> dict[str, float]:
    """The values of ``metrics`` by key, in the units of ``CALLED``; what the clip offers nothing to measure of is left
    out. Raises like ``metrics``.
    """
    return {m.key: m.value for m in metrics(performance, robot) if m.value is not None}


def pooled(
    rows: Sequence[Mapping[str, float]], classes: Sequence[str] | None = None
) -> dict[str, dict[str, float]]:
    """Rows of ``measure`` together: under ``all``, and under each class, one for each row.

    ``clips`` is how many rows there are. Each metric is the mean over the rows that have it, the greatest force the
    greatest of all. Raises ShapeError for classes that do not fit the rows.
    """
    if classes is not None and len(classes) != len(rows):
        raise ShapeError(f"{len(rows)} rows need as many classes; got {len(classes)}.")
    groups = {"all": list(rows)}
    known = () if classes is None else dict.fromkeys((*COMPLEXITIES, *classes))
    for name in known:
        groups[name] = [row for row, its in zip(rows, classes or (), strict=True) if its == name]
    return {name: _together(some) for name, some in groups.items() if some}


def _together(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    together = {"clips": float(len(rows))}
    for key in CALLED:
        values = [row[key] for row in rows if key in row]
        if values:
            together[key] = max(values) if key in GREATEST else float(np.mean(values))
    return together


def effort(performance: Performance, robot: Robot) -> list[Metric]:
    """What the motors gave.

    ``saturation``: share of the time in which a motor is at its torque limit, averaged over motors; the note names
    the worst. ``energy``: the work (J) that the motors put in, each over those control steps in which it did more
    driving than braking; what braking takes is not given back. ``power``: that per second and kilogram of the robot.
    ``cost_of_transport``: that per metre of the root's way over the floor and newton of weight, where it came at least
    0.5 m from where it began.
    """
    work = np.asarray(performance.work, np.float64)
    steps, root = len(work), performance.achieved.root_pos[:, :2].astype(np.float64)
    if not steps:
        why = "nothing was performed after the first frame"
        return [
            Metric(key, *_called(key, None), "lower", why)
            for key in ("saturation", "energy", "power", "cost_of_transport")
        ]
    share = performance.saturation.mean(axis=0)
    worst = int(share.argmax())
    note = f"most: {robot.joints[worst]}, {100 * share[worst]:.2g} %" if share[worst] > 0 else "never"
    energy, mass = float(np.maximum(work, 0.0).sum()), float(robot.model.body_mass.sum())
    way = float(np.linalg.norm(np.diff(root, axis=0), axis=1).sum())
    went = float(np.linalg.norm(root - root[0], axis=1).max()) >= FARTHEST
    seconds = steps / performance.achieved.fps
    return [
        Metric("saturation", *_called("saturation", 100.0 * float(share.mean())), "lower", note, steps),
        Metric("energy", *_called("energy", energy), "lower", "motors' positive work", steps),
        Metric("power", *_called("power", energy / seconds / mass), "lower", "positive work", steps),
        Metric(
            "cost_of_transport",
            *_called("cost_of_transport", energy / (contact.weight(robot) * way) if went else None),
            "lower",
            f"over {way:.2f} m" if went else f"it comes less than {FARTHEST:g} m far",
            steps if went else 0,
        ),
    ]


def _called(key: str, value: float | None) -> tuple[str, float | None, str]:
    label, unit = CALLED[key]
    return label, value, unit


def _check(p: Performance, robot: Robot) -> None:
    """Raise ShapeError for arrays that do not fit the frames, the joints or the feet, or are not finite."""
    steps, dof, feet = p.achieved.frames - 1, len(robot.joints), len(robot.feet)
    if p.feet != tuple(robot.feet):
        raise ShapeError(f"The performance has feet {p.feet}, and {robot.name!r} has {tuple(robot.feet)}.")
    for name, shape in (
        ("saturation", (steps, dof)),
        ("work", (steps, dof)),
        ("ground_force", (steps, feet, 3)),
    ):
        given = np.asarray(getattr(p, name))
        if given.shape != shape or not np.isfinite(given).all():
            raise ShapeError(
                f"{name} of a performance of {steps + 1} frames needs finite values of the shape {shape}; got "
                f"{given.shape}."
            )
