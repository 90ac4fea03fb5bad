"""A robot clip as shapes: the geoms of its model, carried along by its bodies."""

from dataclasses import replace

import mujoco
import numpy as np

from understudy import kinematics
from understudy.motion.bodies import BodyTracks
from understudy.motion.types import RobotMotion
from understudy.robots import load
from understudy.robots.meshes import display_model
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_mul, quat_yaw
from understudy.view.contacts import robot_marks
from understudy.view.scene import Actor, Colour, Kind, Mesh, Shape

VISUAL, COLLISION = 2, 3
"""Geom groups: what a robot looks like, and what it collides with."""

SILVER: Colour = (0.72, 0.74, 0.77)

DETAIL = 0.005
"""Meshes are drawn with triangles of about this size (m)."""

_KINDS: dict[int, Kind] = {
    mujoco.mjtGeom.mjGEOM_CAPSULE: "capsule",
    mujoco.mjtGeom.mjGEOM_CYLINDER: "cylinder",
    mujoco.mjtGeom.mjGEOM_ELLIPSOID: "ellipsoid",
    mujoco.mjtGeom.mjGEOM_SPHERE: "ellipsoid",
    mujoco.mjtGeom.mjGEOM_BOX: "box",
    mujoco.mjtGeom.mjGEOM_MESH: "mesh",
}


def robot_actor(
    motion: RobotMotion, robot: Robot | None = None, *, meshes: bool = False, group: int = VISUAL
) -> Actor:
    """The shapes of one geom group, moving; with ``meshes``, the full display model where it is installed."""
    robot = load(motion.robot) if robot is None else robot
    model = display_model(robot) if meshes else robot.model
    actor = actor_of_model(model, kinematics.body_tracks(robot, motion), motion.fps, title(robot.name), group)
    return replace(actor, marks=robot_marks(motion, robot))


def actor_of_model(model: mujoco.MjModel, tracks: BodyTracks, fps: float, label: str, group: int) -> Actor:
    """Shapes of the model's geoms in ``group`` whose bodies are tracked, at the poses that the tracks say.

    A model without geoms in that group shows every geom it has, in silver: what is left are collision geoms,
    and their colours say nothing about the robot.
    """
    row = {name: i for i, name in enumerate(tracks.names)}
    body = [row.get(model.body(b).name) for b in model.geom_bodyid]
    drawn = [g for g in range(model.ngeom) if body[g] is not None and model.geom_type[g] in _KINDS]
    in_group = [g for g in drawn if model.geom_group[g] == group]
    drawn = in_group or drawn
    carriers = np.array([body[g] for g in drawn], int)
    quat = tracks.quat[:, carriers]
    offset = quat_apply(quat, model.geom_pos[drawn].astype(np.float32))
    return Actor(
        label=label,
        fps=fps,
        shapes=tuple(_shape(model, g, None if in_group else SILVER) for g in drawn),
        pos=(tracks.pos[:, carriers] + offset).astype(np.float32),
        quat=quat_mul(quat, model.geom_quat[drawn].astype(np.float32)).astype(np.float32),
        root=tracks.pos[:, 0],
        heading=np.unwrap(quat_yaw(tracks.quat[:, 0])),
        carriers=carriers,
    )


def title(name: str) -> str:
    """A robot's name as a caption: ``unitree_g1`` → ``Unitree G1``."""
    return " ".join(
        word.upper() if any(c.isdigit() for c in word) else word.capitalize() for word in name.split("_")
    )


def _shape(model: mujoco.MjModel, geom: int, colour: Colour | None) -> Shape:
    """One geom; without a ``colour``, in its own."""
    kind = _KINDS[mujoco.mjtGeom(model.geom_type[geom])]
    size = model.geom_size[geom]
    if colour is None:
        material = model.geom_matid[geom]
        rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]
        colour = _triple(rgba)
    if kind == "mesh":
        mesh = _mesh(model, model.geom_dataid[geom])
        low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
        return Shape(kind, _triple((high - low) / 2), colour, mesh, _triple((high + low) / 2))
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_SPHERE:
        size = np.full(3, size[0])
    return Shape(kind, _triple(size), colour)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _mesh(model: mujoco.MjModel, index: int) -> Mesh:
    v, f = model.mesh_vertadr[index], model.mesh_faceadr[index]
    return simplified(
        model.mesh_vert[v : v + model.mesh_vertnum[index]].astype(np.float32),
        model.mesh_face[f : f + model.mesh_facenum[index]].astype(np.int64),
    )


def simplified(vertices: np.ndarray, faces: np.ndarray, cell: float = DETAIL) -> Mesh:
    """Merge the vertices of each cell (m) of a grid into their mean, and drop the triangles that this
    flattens.

    Meshes of real robots count hundreds of thousands of triangles, far more than the pixels that they cover.
    """
    _, first, row = np.unique(
        np.floor(vertices / cell).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    row = row.reshape(-1)
    # The two sides of a thin wall share a cell, but must not become one: their normals would cancel.
    normals = _vertex_normals(vertices, faces)
    behind = np.einsum("vi,vi->v", normals, normals[first][row]) < 0
    _, row = np.unique(2 * row + behind, return_inverse=True)
    count = np.bincount(row)
    merged = np.stack([np.bincount(row, weights=vertices[:, i]) / count for i in range(3)], axis=1)
    kept = row[faces]
    kept = kept[(kept[:, 0] != kept[:, 1]) & (kept[:, 1] != kept[:, 2]) & (kept[:, 2] != kept[:, 0])]
    _, first = np.unique(np.sort(kept, axis=1), axis=0, return_index=True)
    return Mesh(merged.astype(np.float32), kept[np.sort(first)].astype(np.int32))


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Normals weighted by the areas of the triangles around each vertex, (vertex, 3), of any length."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    area = np.cross(b - a, c - a)
    corners = faces.ravel()
    return np.stack(
        [np.bincount(corners, np.repeat(area[:, i], 3), minlength=len(vertices)) for i in range(3)], axis=1
    )
