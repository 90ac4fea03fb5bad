"""Actors as things of a viser page."""

from collections.abc import Iterator

import numpy as np
import viser
from jaxtyping import Float

from understudy.rotations import quat_apply, quat_conj, quat_mul
from understudy.view.contacts import Marks, side_colour
from understudy.view.scene import Actor, Colour, Mesh
from understudy.view.tessellate import joined, tessellate

STAGE = "/stage"
"""The frame of the page that is the scene's world; everything stands on it."""
AWAY = np.array([0.0, 0.0, -1000.0], np.float32)
"""Where points wait that are not to be seen: far under the floor (m)."""
LANDMARK_COLOUR = (30, 110, 200)


class Figure:
    """An actor's shapes, joined where they move as one: a frame for every carrier, a mesh for every colour.

    ``colour`` paints all of it, half transparent.
    """

    def __init__(self, server: viser.ViserServer, name: str, actor: Actor, colour: Colour | None = None):
        self.actor = actor
        self.leads = [int(np.argmax(actor.carriers == carrier)) for carrier in np.unique(actor.carriers)]
        """For every frame of the page, the shape whose pose it takes."""
        self._root = server.scene.add_frame(f"{STAGE}/{name}", show_axes=False)
        self.frames = []
        for lead in self.leads:
            path = f"{STAGE}/{name}/{lead}"
            self.frames.append(server.scene.add_frame(path, show_axes=False))
            for i, (own, mesh) in enumerate(_meshes(actor, lead, colour)):
                server.scene.add_mesh_simple(
                    f"{path}/{i}",
                    mesh.vertices,
                    mesh.faces,
                    color=np.rint(255 * np.array(own)).astype(np.uint8),
                    opacity=None if colour is None else 0.45,
                )

    @property
    def visible(self) -> bool:
        return self._root.visible

    def pose(self, frame: int) -> None:
        """Put everything where it is at a frame of the actor; what is not seen stays behind."""
        if self._root.visible:
            for thing, lead in zip(self.frames, self.leads, strict=True):
                thing.position = self.actor.pos[frame, lead]
                thing.wxyz = self.actor.quat[frame, lead]

    def show(self, visible: bool) -> None:
        """Switch it on or off."""
        self._root.visible = visible


class Landmarks:
    """The landmarks of an actor as points; ``path`` (m, world) is where they are in every frame."""

    def __init__(self, server: viser.ViserServer, name: str, path: Float[np.ndarray, "time landmark 3"]):
        self.path = path
        self._cloud = server.scene.add_point_cloud(
            f"{STAGE}/landmarks_{name}",
            path[0],
            LANDMARK_COLOUR,
            point_size=0.02,
            point_shape="circle",
            visible=False,
        )

    def pose(self, frame: int) -> None:
        """Put the points where they are at a frame; what is not seen stays behind."""
        if self._cloud.visible:
            self._cloud.points = self.path[frame]

    def show(self, visible: bool) -> None:
        """Switch them on or off."""
        self._cloud.visible = visible


class Contacts:
    """The contacts of an actor with the floor as points; only those of the frame are seen."""

    def __init__(self, server: viser.ViserServer, name: str, marks: Marks):
        self.marks = marks
        self._cloud = server.scene.add_point_cloud(
            f"{STAGE}/contacts_{name}",
            np.full_like(marks.pos[0], AWAY),
            np.array([_rgb(side_colour(mark)) for mark in marks.names], np.uint8),
            point_size=0.07,
            point_shape="circle",
        )

    @property
    def visible(self) -> bool:
        return self._cloud.visible

    def pose(self, frame: int) -> None:
        """Put the points of what touches the floor at a frame where it is, and the others out of sight."""
        if self._cloud.visible:
            on = self.marks.touching[frame][:, None]
            self._cloud.points = np.where(on, self.marks.pos[frame], AWAY)

    def show(self, visible: bool) -> None:
        """Switch them on or off."""
        self._cloud.visible = visible


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _meshes(actor: Actor, lead: int, colour: Colour | None) -> Iterator[tuple[Colour, Mesh]]:
    """What moves with the shape ``lead``, in its frame: one mesh for every colour."""
    together = np.flatnonzero(actor.carriers == actor.carriers[lead])
    to_lead = quat_conj(actor.quat[0, lead])
    by_colour: dict[Colour, list[Mesh]] = {}
    for row in together:
        mesh = tessellate(actor.shapes[row])
        turn = quat_mul(to_lead, actor.quat[0, row])
        offset = quat_apply(to_lead, actor.pos[0, row] - actor.pos[0, lead])
        moved = Mesh((quat_apply(turn, mesh.vertices) + offset).astype(np.float32), mesh.faces)
        by_colour.setdefault(colour or actor.shapes[row].colour, []).append(moved)
    for own, meshes in by_colour.items():
        yield own, joined(meshes)
