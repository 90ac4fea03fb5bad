import urllib.request
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from understudy.rotations import quat_apply
from understudy.view import show
from understudy.view.figures import Figure
from understudy.view.machine import COLLISION, robot_actor
from understudy.view.story import about, number
from understudy.view.tessellate import tessellate

CERTIFICATE = {
    "passed": False,
    "checks": [
        {"label": "Above the floor", "value": 7.125, "threshold": 5.0, "unit": "mm", "passed": False},
        {"label": "Finite numbers", "value": 0.0, "threshold": 0.0, "unit": "frames", "passed": True},
    ],
}


@pytest.fixture
def player(human, robot_motion):
    with show(human, robot_motion, port=18480, block=False) as player:
        player.pause()
        yield player


def test_the_page_is_served(player):
    with urllib.request.urlopen(player.url, timeout=5) as answer:
        assert answer.status == 200
        assert b"<html" in answer.read().lower()


def test_scrubbing_moves_the_bodies(player):
    figure = next(thing for thing in player._layers["robot"] if isinstance(thing, Figure))
    player._scrub.value = 12
    player._scrubbed(SimpleNamespace(client="a visitor"))
    assert player.frame == 12
    np.testing.assert_allclose(figure.frames[3].position, figure.actor.pos[12, figure.leads[3]], atol=1e-6)
    # What the player itself writes into the slider is not an order.
    player._scrub.value = 3
    player._scrubbed(SimpleNamespace(client=None))
    assert player.frame == 12


def test_the_stage_keeps_the_bodies_before_the_camera(player):
    for frame in (0, player.scene.frames - 1):
        player.seek(frame)
        middle = np.mean([actor.root[frame] for actor in player.scene.actors], axis=0)
        assert np.abs((middle + player._stage.position)[:2]).max() < 0.1
    player._follow.value = False
    before = player._stage.position
    player.seek(0)
    np.testing.assert_array_equal(player._stage.position, before)


def test_steps_stop_at_the_ends(player):
    player.seek(0)
    player.step(-10)
    assert player.frame == 0
    player.step(10**6)
    assert player.frame == player.scene.frames - 1
    assert not player.playing
    player.play()
    assert player.playing


def test_layers_can_be_switched_off(player):
    assert list(player._layers) == ["human", "robot", "landmarks", "collision"]
    [bumpers] = player._layers["collision"]
    assert not bumpers.visible
    bumpers.show(True)
    bumpers.pose(5)
    np.testing.assert_allclose(bumpers.frames[0].position, bumpers.actor.pos[5, 0], atol=1e-6)


def test_landmarks_stand_where_the_body_stands(player, human):
    points = player._layers["landmarks"][0]
    shown = player.scene.actors[0]
    pelvis = points.path[4, human.skeleton.landmarks.index("pelvis")]
    np.testing.assert_allclose(pelvis, shown.root[4], atol=1e-4)


def test_closing_twice_is_harmless(human):
    player = show(human, port=18480, block=False)
    player.close()
    player.close()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(player.url, timeout=2)


def test_joined_shapes_stay_where_they_are(g1, robot_motion):
    actor = robot_actor(robot_motion, g1, group=COLLISION)
    server = SimpleNamespace(scene=Recorder())
    figure = Figure(server, "g1", actor)
    frame = 23
    drawn = np.concatenate(
        [
            quat_apply(actor.quat[frame, lead], mesh) + actor.pos[frame, lead]
            for lead in figure.leads
            for path, mesh in server.scene.meshes.items()
            if path.startswith(f"/stage/g1/{lead}/")
        ]
    )
    expected = np.concatenate(
        [
            quat_apply(q, tessellate(shape).vertices) + p
            for shape, p, q in zip(actor.shapes, actor.pos[frame], actor.quat[frame], strict=True)
        ]
    )
    assert len(drawn) == len(expected)
    for axis in range(3):
        np.testing.assert_allclose(np.sort(drawn[:, axis]), np.sort(expected[:, axis]), atol=1e-4)


class Recorder:
    """A scene that only remembers the meshes it was given."""

    def __init__(self):
        self.meshes = {}

    def add_frame(self, _path, **_):
        return SimpleNamespace(visible=True)

    def add_mesh_simple(self, path, vertices, _faces, **_):
        self.meshes[path] = vertices


def test_about_tells_origin_and_verdict(robot_motion):
    text = about(replace(robot_motion, origin=replace(robot_motion.origin, certificate=CERTIFICATE)))
    for words in ("Unitree G1", "CC0-1.0", "sway", "certificate failed", "✗ Above the floor", "7.12", "5 mm"):
        assert words in text


def test_numbers_read_well():
    assert [number(v) for v in (None, 0.0, 3, 0.123456, 12345.6, "x")] == [
        "–",
        "0",
        "3",
        "0.123",
        "12346",
        "x",
    ]
