import mujoco
import numpy as np
import pytest

from understudy.errors import LimitError
from understudy.view import machine
from understudy.view.camera import Camera, follow
from understudy.view.human import human_actor, stature
from understudy.view.machine import COLLISION, robot_actor, simplified, title
from understudy.view.pictures import cast
from understudy.view.scene import Shape, compose
from understudy.view.tessellate import tessellate


def test_the_mannequin_is_as_tall_as_the_person(human):
    actor = human_actor(human)
    top = (actor.pos[0, :, 2] + [s.reach for s in actor.shapes]).max()
    assert 1.65 < top < 1.85
    pos, quat = human.landmarks()
    at = {name: (pos[:, i], quat[:, i]) for i, name in enumerate(human.skeleton.landmarks.names)}
    assert stature(at) == pytest.approx(1.75, abs=0.06)


def test_capsules_end_at_the_landmarks(human):
    actor = human_actor(human)
    pos = human.landmarks()[0]
    index = human.skeleton.landmarks.index
    knee, ankle = pos[:, index("left_knee")], pos[:, index("left_ankle")]
    middle = (knee + ankle) / 2
    nearest = np.linalg.norm(actor.pos - middle[:, None], axis=-1).max(axis=0)
    shin = actor.shapes[int(nearest.argmin())]
    assert nearest.min() < 1e-5
    assert shin.kind == "capsule"
    assert 2 * shin.size[1] == pytest.approx(np.linalg.norm(knee - ankle, axis=-1).mean(), rel=1e-4)


def test_robot_shapes_are_where_mujoco_puts_the_geoms(g1, robot_motion):
    actor = robot_actor(robot_motion, g1, group=COLLISION)
    geoms = np.flatnonzero(g1.model.geom_group == COLLISION)
    data = mujoco.MjData(g1.model)
    data.qpos[:] = robot_motion.qpos[17]
    mujoco.mj_kinematics(g1.model, data)
    np.testing.assert_allclose(actor.pos[17], data.geom_xpos[geoms], atol=1e-5)


def test_actors_stand_side_by_side_on_one_clock(human, robot_motion):
    scene = compose(cast([human, robot_motion]), 10.0)
    assert scene.frames == int(human.duration * 10) + 1
    right = np.array([-np.sin(scene.view), np.cos(scene.view), 0])
    left, other = scene.actors
    gap = (other.pos @ right - [s.reach for s in other.shapes]).min(axis=1) - (
        left.pos @ right + [s.reach for s in left.shapes]
    ).max(axis=1)
    assert gap.min() == pytest.approx(0.10, abs=1e-3)
    ahead = np.array([np.cos(scene.view), np.sin(scene.view), 0])
    assert (left.root[0] - other.root[0]) @ ahead == pytest.approx(0, abs=1e-5)


def test_the_shorter_clip_waits(human, robot_motion):
    short, long = cast([human, robot_motion])
    half = short.at(np.arange(5) / short.fps, short.fps)
    scene = compose([half, long], long.fps)
    assert scene.frames == long.frames
    np.testing.assert_array_equal(scene.actors[0].root[4], scene.actors[0].root[-1])


def test_nobody_is_an_error():
    with pytest.raises(LimitError, match="nothing to show"):
        cast([None, None])


def test_the_camera_keeps_everybody_in_the_picture(human, robot_motion):
    scene = compose(cast([human, robot_motion]), 20.0)
    size = (320, 180)
    cameras = follow(scene, size)
    for frame in range(0, scene.frames, 7):
        pixels, depth = cameras[frame].project(scene.pos[frame], size)
        assert (depth > 0).all()
        assert (pixels > 0).all()
        assert (pixels < size).all()
    way = np.linalg.norm(np.diff([c.target for c in cameras], axis=0), axis=1)
    assert way.max() * scene.fps < 1.0


def test_projection_puts_the_target_in_the_middle():
    camera = Camera(np.array([3.0, -1, 1]), np.array([0.2, 0.1, 0.5]))
    pixel, depth = camera.project(camera.target, (200, 100))
    np.testing.assert_allclose(pixel, [100, 50], atol=1e-9)
    assert depth == pytest.approx(np.linalg.norm(camera.eye - camera.target))
    above, _ = camera.project(camera.target + np.array([0, 0, 0.1]), (200, 100))
    assert above[1] < 50


@pytest.mark.parametrize(
    ("kind", "size", "volume"),
    [
        ("box", (0.1, 0.2, 0.3), 8 * 0.1 * 0.2 * 0.3),
        ("ellipsoid", (0.1, 0.2, 0.3), 4 / 3 * np.pi * 0.1 * 0.2 * 0.3),
        ("capsule", (0.1, 0.3, 0), np.pi * 0.01 * 0.6 + 4 / 3 * np.pi * 0.001),
        ("cylinder", (0.1, 0.3, 0), np.pi * 0.01 * 0.6),
    ],
)
def test_triangles_enclose_the_solid(kind, size, volume):
    mesh = tessellate(Shape(kind, size, (0.5, 0.5, 0.5)))
    a, b, c = (mesh.vertices[mesh.faces[:, i]].astype(float) for i in range(3))
    enclosed = np.einsum("fi,fi->", a, np.cross(b, c)) / 6
    assert enclosed == pytest.approx(volume, rel=0.06)


def test_a_simplified_wall_keeps_both_sides():
    # Two sheets 1 mm apart, finely meshed, the upper one seen from above and the lower one from below.
    n = 21
    x, y = np.meshgrid(np.linspace(0, 0.05, n), np.linspace(0, 0.05, n), indexing="ij")
    sheet = np.stack([x.ravel(), y.ravel(), np.full(n * n, 0.0022)], axis=1)
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    up = np.concatenate([
        np.stack([corner, corner + n, corner + n + 1], 1), np.stack([corner, corner + n + 1, corner + 1], 1)
    ])  # fmt: skip
    vertices = np.concatenate([sheet, sheet - [0, 0, 0.001]])
    mesh = simplified(vertices, np.concatenate([up, up[:, ::-1] + n * n]), cell=0.005)
    assert len(mesh.vertices) < len(vertices) / 2
    assert len(np.unique(mesh.vertices[:, 2].round(5))) == 2


def test_names_become_captions():
    assert title("unitree_g1") == "Unitree G1"
    assert title("atlas") == "Atlas"


def test_a_model_without_visual_geoms_is_silver(g1, robot_motion):
    actor = robot_actor(robot_motion, g1, group=5)
    assert {s.colour for s in actor.shapes} == {machine.SILVER}
