"""What stands on stage: shapes, where each of them is over time, and how two actors share one floor.

Nothing here knows a renderer. World frame: z up, metres; the floor is z = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from understudy.view.contacts import Marks

Colour = tuple[float, float, float]
Kind = Literal["capsule", "cylinder", "ellipsoid", "box", "mesh"]

AZIMUTH = 0.42
"""Angle (rad about z) between the way the actors face and the way to the camera: a three-quarter view."""
GAP = 0.10
"""Free space (m) between actors side by side."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh in the frame of its shape (m)."""

    vertices: Float[np.ndarray, "vertex 3"]
    faces: Int[np.ndarray, "face 3"]


@dataclass(frozen=True)
class Shape:
    """A rigid, single-coloured solid.

    ``size`` (m) is (radius, half length, 0) for a capsule or a cylinder, both along z and the capsule's caps
    not counted in its length; the half axes of an ellipsoid; the half edges of a box, or of the box around a
    mesh, which is centred at ``centre`` in the shape's frame. ``colour`` is sRGB in [0, 1].
    """

    kind: Kind
    size: tuple[float, float, float]
    colour: Colour
    mesh: Mesh | None = None
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def reach(self) -> float:
        """Radius (m) of a ball around the shape's own origin that holds the shape."""
        if self.kind == "capsule":
            return self.size[0] + self.size[1]
        if self.kind == "cylinder":
            return float(np.hypot(self.size[0], self.size[1]))
        half = float(max(self.size)) if self.kind == "ellipsoid" else float(np.linalg.norm(self.size))
        return half + float(np.linalg.norm(self.centre))


@dataclass(frozen=True, eq=False)
class Actor:
    """A body and its motion as shapes: ``pos``/``quat`` are the shapes' world poses, ``root`` the pelvis (m),
    ``heading`` its unwrapped yaw (rad). Shapes with the same number in ``carriers`` move as one. ``marks`` are its
    contacts with the floor, where the clip tells."""

    label: str
    fps: float
    shapes: tuple[Shape, ...]
    pos: Float[np.ndarray, "time shape 3"]
    quat: Float[np.ndarray, "time shape 4"]
    root: Float[np.ndarray, "time 3"]
    heading: Float[np.ndarray, "time"]
    carriers: Int[np.ndarray, "shape"]
    marks: Marks | None = None

    @property
    def frames(self) -> int:
        return len(self.pos)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return (self.frames - 1) / self.fps

    def rows(self, seconds: Float[np.ndarray, "moment"]) -> Int[np.ndarray, "moment"]:
        """The frames nearest to some moments, the first or last one outside of the clip."""
        return np.clip(np.rint(np.asarray(seconds) * self.fps).astype(int), 0, self.frames - 1)

    def at(self, seconds: Float[np.ndarray, "moment"], fps: float) -> "Actor":
        """The frames nearest to some moments, played at ``fps``; before the start and after the end the actor
        waits."""
        rows = self.rows(seconds)
        return replace(
            self,
            fps=fps,
            pos=self.pos[rows],
            quat=self.quat[rows],
            root=self.root[rows],
            heading=self.heading[rows],
            marks=None if self.marks is None else self.marks.rows(rows),
        )

    def moved(self, offset: Float[np.ndarray, "*time 3"]) -> "Actor":
        """The same, shifted by one offset or by one for every frame (m)."""
        offset = np.broadcast_to(np.asarray(offset, np.float32), self.root.shape)
        marks = None if self.marks is None else self.marks.moved(offset)
        return replace(self, pos=self.pos + offset[:, None], root=self.root + offset, marks=marks)

    def bounds(self) -> tuple[Float[np.ndarray, "time shape 3"], Float[np.ndarray, "shape"]]:
        """Balls that hold the actor: centres (m) and radii (m)."""
        return self.pos, np.array([s.reach for s in self.shapes], np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """Actors with one clock on one floor; ``view`` is the direction (rad about z) from them to the camera."""

    actors: tuple[Actor, ...]
    fps: float
    view: float

    @property
    def frames(self) -> int:
        return self.actors[0].frames

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(shape for actor in self.actors for shape in actor.shapes)

    @property
    def pos(self) -> Float[np.ndarray, "time shape 3"]:
        return np.concatenate([a.pos for a in self.actors], axis=1)

    @property
    def quat(self) -> Float[np.ndarray, "time shape 4"]:
        return np.concatenate([a.quat for a in self.actors], axis=1)

    def mask(self, index: int) -> Bool[np.ndarray, "shape"]:
        """Which of ``shapes`` belong to the actor with this index."""
        owner = np.repeat(np.arange(len(self.actors)), [len(a.shapes) for a in self.actors])
        return owner == index


def compose(actors: Sequence[Actor], fps: float) -> Scene:
    """Put actors side by side on one floor, first one on the left as seen by the camera, all on one clock.

    The camera stands before them, a little to the right. Everyone starts equally far from it, and the
    sideways gap is the smallest one that keeps the bodies apart in every frame. Heights are left as they
    are, so that a foot under the floor shows.
    """
    duration = max(a.duration for a in actors)
    seconds = np.arange(int(np.floor(duration * fps + 1e-6)) + 1) / fps
    timed = [a.at(seconds, fps) for a in actors]
    view = mean_heading(np.concatenate([a.heading for a in timed])) - AZIMUTH
    right = np.array([-np.sin(view), np.cos(view), 0.0])
    placed: list[Actor] = []
    for actor in timed:
        actor = actor.moved(-actor.root[0] * [1, 1, 0])
        if placed:
            gap = np.max(_edge(placed[-1], right) + _edge(actor, -right)) + GAP
            actor = actor.moved(right * gap)
        placed.append(actor)
    middle = np.mean([a.root[0] * [1, 1, 0] for a in placed], axis=0)
    return Scene(tuple(a.moved(-middle) for a in placed), fps, view)


def mean_heading(heading: Float[np.ndarray, "*any"]) -> float:
    """The mean direction (rad) of headings (rad)."""
    return float(np.arctan2(np.sin(heading).mean(), np.cos(heading).mean()))


def _edge(actor: Actor, direction: np.ndarray) -> np.ndarray:
    """How far (m) the actor reaches in a horizontal direction, measured from the world's origin, for every
    frame."""
    centre, radius = actor.bounds()
    return (centre @ direction + radius).max(axis=1)
