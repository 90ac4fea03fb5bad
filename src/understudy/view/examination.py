"""The doctor's picture: a robot at home and in its T-pose, as one sees it and as it collides, with its landmarks."""

from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from understudy.motion.files import atomic_path
from understudy.robots.robot import Robot
from understudy.view.camera import Camera
from understudy.view.pictures import FAINT, INK, PAPER, choose_renderer, open_renderer, text
from understudy.view.scene import Kind, Shape

CELL = (340, 360)
SEEN, TOUCHING = 2, 3
_KINDS: dict[int, Kind] = {
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "ellipsoid",
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): "ellipsoid",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
}
_AXES = ((214, 57, 57), (47, 158, 68), (34, 90, 200))


class Panel(NamedTuple):
    """One picture of the page: a pose (qpos), the geoms drawn, the side it is seen from (rad about z), whether
    landmarks are drawn over it."""

    title: str
    qpos: np.ndarray
    group: int
    azimuth: float
    landmarks: bool


def write_picture(path: Path, robot: Robot) -> None:
    """Write the page to ``path`` (png). Nothing is left there if anything fails."""
    t_pose = robot.home.astype(float).copy()
    t_pose[7:] = robot.t_pose
    t_pose[2] += robot.height * 0.02
    panels = [
        Panel("home", robot.home.astype(float), SEEN, 0.5, False),
        Panel("home, what touches", robot.home.astype(float), TOUCHING, 0.5, False),
        Panel("T-pose", t_pose, SEEN, 0.0, False),
        Panel("T-pose, landmarks (x red, y green, z blue)", t_pose, TOUCHING, 0.0, True),
        Panel("from its left", t_pose, TOUCHING, np.pi / 2, True),
    ]
    page = Image.new("RGB", (CELL[0] * len(panels), CELL[1] + 30), PAPER)
    pen = ImageDraw.Draw(page)
    for k, panel in enumerate(panels):
        page.paste(Image.fromarray(_drawn(robot, panel)), (k * CELL[0], 30))
        text(pen, ((k + 0.5) * CELL[0], 15), panel.title, size=14, ink=INK if k < 3 else FAINT)
    with atomic_path(path) as temporary:
        page.save(temporary)


def _drawn(robot: Robot, panel: Panel) -> np.ndarray:
    model = robot.model
    data = mujoco.MjData(model)
    data.qpos[:] = panel.qpos
    mujoco.mj_kinematics(model, data)
    geoms = np.flatnonzero((model.geom_group == panel.group) & np.isin(model.geom_type, list(_KINDS)))
    shapes = tuple(_shape(model, int(g)) for g in geoms)
    quat = np.zeros((len(geoms), 4))
    for k, g in enumerate(geoms):
        mujoco.mju_mat2Quat(quat[k], data.geom_xmat[g])
    camera = _camera(robot, panel)
    name, _ = choose_renderer(None)
    with open_renderer(name, shapes, CELL) as renderer:
        picture = Image.fromarray(renderer.draw(data.geom_xpos[geoms], quat, camera))
    if panel.landmarks:
        _draw_landmarks(ImageDraw.Draw(picture), robot, data, camera)
    return np.asarray(picture)


def _shape(model: mujoco.MjModel, g: int) -> Shape:
    size, kind = model.geom_size[g], _KINDS[int(model.geom_type[g])]
    if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_SPHERE:
        size = np.full(3, size[0])
    if kind in ("capsule", "cylinder"):
        size = np.array([size[0], size[1], 0.0])
    material = model.geom_matid[g]
    rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[g]
    colour = (0.45, 0.66, 0.47)
    if model.geom_group[g] == SEEN:
        colour = (float(rgba[0]), float(rgba[1]), float(rgba[2]))
    return Shape(kind, (float(size[0]), float(size[1]), float(size[2])), colour)


def _camera(robot: Robot, panel: Panel) -> Camera:
    target = np.array([panel.qpos[0], panel.qpos[1], 0.5 * robot.height + (panel.qpos[2] - robot.home[2])])
    if robot.fixed_base:
        target[2] = panel.qpos[2] + 0.2 * robot.height
    back = np.array([np.cos(panel.azimuth), np.sin(panel.azimuth), 0.12])
    return Camera(target + (3.8 if robot.fixed_base else 2.15) * robot.height * back, target)


def _draw_landmarks(pen: ImageDraw.ImageDraw, robot: Robot, data: mujoco.MjData, camera: Camera) -> None:
    pos, quat = robot.landmarks.world(data.xpos[1:], data.xquat[1:])
    for place, turn in zip(pos.astype(float), quat.astype(float), strict=True):
        matrix = np.zeros(9)
        mujoco.mju_quat2Mat(matrix, turn)
        tips = place + 0.05 * robot.height * matrix.reshape(3, 3).T
        for tip, colour in zip(tips, _AXES, strict=True):
            pen.line([*_pixel(camera, place), *_pixel(camera, tip)], fill=colour, width=2)
        x, y = _pixel(camera, place)
        pen.ellipse([x - 3, y - 3, x + 3, y + 3], fill=INK)


def _pixel(camera: Camera, point: Float[np.ndarray, "3"]) -> tuple[float, float]:
    (x, y), _ = camera.project(point, CELL)
    return float(x), float(y)
