import numpy as np
import pytest
import trimesh

from understudy.view.camera import Camera
from understudy.view.intersect import HIT
from understudy.view.scene import Shape
from understudy.view.software import SoftwareRenderer
from understudy.view.tessellate import tessellate

RED, BLUE = (0.9, 0.05, 0.05), (0.05, 0.05, 0.9)
FRONT = Camera(np.array([4.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]))
SIZE = (160, 120)
UPRIGHT = np.array([1.0, 0, 0, 0])


def picture(*bodies):
    shapes, places = zip(*bodies, strict=True)
    with SoftwareRenderer(tuple(shapes), SIZE) as renderer:
        return renderer.draw(np.array(places), np.tile(UPRIGHT, (len(shapes), 1)), FRONT).astype(int)


def is_red(image):
    return image[..., 0] > image[..., 1] + image[..., 2]


def is_blue(image):
    return image[..., 2] > 2 * image[..., 0]


def test_a_capsule_covers_the_pixels_of_its_outline():
    image = picture((Shape("capsule", (0.1, 0.3, 0), RED), (0, 0, 1.0)))
    rows, columns = np.nonzero(is_red(image))
    (_, top), _ = FRONT.project(np.array([0, 0, 1.4]), SIZE)
    (left, bottom), _ = FRONT.project(np.array([0, -0.1, 0.6]), SIZE)
    (right, _), _ = FRONT.project(np.array([0, 0.1, 1.0]), SIZE)
    assert rows.min() == pytest.approx(top, abs=1.5)
    assert rows.max() == pytest.approx(bottom, abs=1.5)
    assert sorted([columns.min(), columns.max()]) == pytest.approx(sorted([left, right]), abs=1.5)
    # All of it is filled.
    assert is_red(image)[int(top) + 3 : int(bottom) - 3, 80].all()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_body_hides_the_farther_one(order):
    near = (Shape("box", (0.1, 0.3, 0.3), RED), (0.8, 0, 1.0))
    far = (Shape("ellipsoid", (0.2, 0.2, 0.2), BLUE), (-0.5, 0, 1.0))
    image = picture(*((near, far)[i] for i in order))
    assert is_red(image)[60, 80]
    assert not is_blue(image).any()


def test_bodies_that_pass_through_each_other_show_both():
    image = picture(
        (Shape("box", (0.1, 0.5, 0.1), RED), (0, 0, 1.0)), (Shape("ellipsoid", (0.2,) * 3, BLUE), (0, 0, 1.0))
    )
    assert is_blue(image)[60, 80]
    assert is_red(image).any()


def test_hidden_shapes_are_left_out():
    shapes = (Shape("box", (0.2,) * 3, RED), Shape("box", (0.1,) * 3, BLUE))
    renderer = SoftwareRenderer(shapes, SIZE)
    places, quat = np.array([[0, 0, 1.0], [0, 0.6, 1.0]]), np.tile(UPRIGHT, (2, 1))
    image = renderer.draw(places, quat, FRONT, np.array([False, True])).astype(int)
    assert is_blue(image).any()
    assert not is_red(image).any()


def test_a_body_over_the_floor_casts_a_shadow():
    shape = Shape("ellipsoid", (0.2,) * 3, RED)
    camera = Camera(np.array([3.0, 0, 2.0]), np.array([0, 0, 0.3]))
    renderer = SoftwareRenderer((shape,), SIZE)
    lit = renderer.draw(np.array([[0, 0, 0.4]]), UPRIGHT[None], camera, np.array([False])).astype(int)
    shaded = renderer.draw(np.array([[0, 0, 0.4]]), UPRIGHT[None], camera).astype(int)
    darker = (lit.sum(-1) - shaded.sum(-1) > 60) & ~is_red(shaded)
    assert darker.sum() > 50


def test_a_body_behind_the_camera_is_not_drawn():
    image = picture((Shape("ellipsoid", (0.2,) * 3, RED), (6.0, 0, 1.0)))
    assert not is_red(image).any()


@pytest.mark.parametrize("kind", sorted(HIT))
def test_rays_meet_the_same_surface_as_its_triangles(kind):
    rng = np.random.default_rng(3)
    size = {"capsule": (0.2, 0.4, 0.0), "cylinder": (0.2, 0.4, 0.0)}.get(kind, (0.2, 0.3, 0.5))
    mesh = tessellate(Shape(kind, size, RED))
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces)
    origin = np.array([0.7, -1.4, 1.1], np.float32)
    targets = rng.uniform(-0.6, 0.6, (20, 20, 3)).astype(np.float32)
    rays = targets - origin
    rows, columns, t, normal = HIT[kind](rays, origin, size)
    points = origin + t[:, None] * rays[rows, columns]
    _, distance, face = trimesh.proximity.closest_point_naive(solid, points)
    # Twenty corners to a circle leave the triangles up to r (1 - cos 9°) inside the true surface.
    assert distance.max() < 0.5 * (1 - np.cos(np.pi / 20)) + 1e-3
    assert np.einsum("hi,hi->h", normal, rays[rows, columns]).max() < 1e-3
    agreement = np.einsum("hi,hi->h", normal, solid.face_normals[face])
    assert np.median(agreement) > 0.97
    assert 20 < len(rows) < 400
