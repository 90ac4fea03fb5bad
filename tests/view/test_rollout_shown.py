"""A performance on stage: the ghost in the robot's place, arrows as long as forces, pictures and a page of both."""

from dataclasses import replace

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from understudy.errors import LimitError, ShapeError
from understudy.view.rollout_film import rollout_sheet, rollout_video
from understudy.view.rollout_player import show_rollout
from understudy.view.rollout_stage import GRAVITY, WEIGHT, pictures, stage

FRAMES = 13


@pytest.fixture(scope="module")
def wanted(robot_motion):
    """The first frames of a walk on still legs."""
    parts = {
        name: getattr(robot_motion, name)[: FRAMES + 4] for name in ("root_pos", "root_quat", "joint_pos")
    }
    return replace(robot_motion, **parts)


@pytest.fixture(scope="module")
def performed(g1, wanted):
    """Ten centimetres to the left of it; the left foot carries the weight, and one motor gives half of what it can."""
    force = np.zeros((FRAMES, 2, 3), np.float32)
    force[:, list(g1.feet).index("left"), 2] = GRAVITY * g1.model.body_mass.sum()
    torque = np.zeros((FRAMES, len(g1.joints)), np.float32)
    knee = g1.joints.index("right_knee_joint")
    torque[:, knee] = -0.5 * g1.effort_limit[knee]
    parts = {name: getattr(wanted, name)[:FRAMES] for name in ("root_pos", "root_quat", "joint_pos")}
    parts["root_pos"] = parts["root_pos"] + np.array([0.0, 0.1, 0.0], np.float32)
    return replace(wanted, **parts, tracks={"ground_force": force, "torque": torque})


def test_the_ghost_stands_where_it_was_asked_for(g1, performed, wanted):
    staged = stage(performed, wanted, g1)
    robot, ghost = staged.scene.actors
    assert robot.frames == ghost.frames == FRAMES
    np.testing.assert_allclose(robot.root - ghost.root, np.tile([0.0, 0.1, 0.0], (FRAMES, 1)), atol=1e-5)
    assert len({shape.colour for shape in ghost.shapes}) == 1
    np.testing.assert_allclose(staged.apart, 0.1, atol=1e-5)


def test_an_arrow_is_as_long_as_its_force(g1, performed, wanted):
    staged = stage(performed, wanted, g1)
    left, right = (staged.feet.index(side) for side in ("left", "right"))
    lengths = np.linalg.norm(staged.tips - staged.tails, axis=-1)
    np.testing.assert_allclose(lengths[:, left], WEIGHT, rtol=1e-5)
    assert not lengths[:, right].any()
    assert np.abs(staged.tails[..., 2]).max() < 0.1
    assert staged.words(3).endswith("right_knee_joint at 50% of its torque")


def test_another_rate_keeps_the_instants(g1, performed, wanted):
    staged = stage(performed, wanted, g1).at(10.0)
    assert staged.scene.frames == len(staged.tails) == len(staged.strain) == 7
    np.testing.assert_array_equal(staged.apart, stage(performed, wanted, g1).apart[::2])


def test_the_ghost_is_seen_faintly(g1, performed, wanted):
    shown = stage(performed, wanted, g1)
    # The robot as its own ghost has the same colours, and hides it.
    hidden = replace(shown, scene=replace(shown.scene, actors=(shown.scene.actors[0], shown.scene.actors[0])))
    [with_ghost] = pictures(shown, [0], (160, 200), "software", letter=0.05, words=False)
    [without] = pictures(hidden, [0], (160, 200), "software", letter=0.05, words=False)
    assert np.abs(with_ghost.astype(int) - without).max() > 20


def test_a_sheet_and_a_film_are_written(g1, performed, wanted, tmp_path):
    drawn = rollout_sheet(
        tmp_path / "sheet.png",
        performed,
        wanted,
        columns=2,
        rows=1,
        cell=(120, 160),
        renderer="software",
        robot=g1,
    )
    with Image.open(drawn.path) as page:
        assert page.size == (2 * 123 - 3, 163 + 26)
    told = []
    rollout_video(
        tmp_path / "film.mp4",
        performed,
        wanted,
        fps=5,
        size=(120, 96),
        renderer="software",
        robot=g1,
        progress=lambda done, total: told.append((done, total)),
    )
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "film.mp4"))
    assert told == [(k, frames) for k in range(1, frames + 1)]


def test_the_page_moves_ghost_and_arrows(g1, performed, wanted):
    with show_rollout(performed, wanted, port=18580, robot=g1) as player:
        player.pause()
        player.seek(5)
        [ghost], [forces] = player._layers["asked for"], player._layers["forces of the floor"]
        np.testing.assert_allclose(ghost.frames[0].position, ghost.actor.pos[5, ghost.leads[0]], atol=1e-6)
        np.testing.assert_allclose(forces._arrows.points[:, 0], player.staged.tails[5], atol=1e-6)
        np.testing.assert_allclose(player.scene.actors[0].root, player.staged.scene.actors[0].root, atol=1e-6)
        assert "right_knee_joint" in player._layers["words"][0]._line.content


def test_what_cannot_be_shown_is_refused(g1, performed, wanted, tmp_path):
    with pytest.raises(ShapeError, match="ground_force"):
        stage(replace(performed, tracks={}), wanted, g1)
    with pytest.raises(ShapeError, match="as long"):
        stage(performed, replace(wanted, fps=10.0), g1)
    with pytest.raises(LimitError, match="even"):
        rollout_video(tmp_path / "film.mp4", performed, wanted, size=(3, 2))
    with pytest.raises(LimitError, match="kind of picture"):
        rollout_sheet(tmp_path / "sheet.nothing", performed, wanted)
    with pytest.raises(LimitError, match="column"):
        rollout_sheet(tmp_path / "sheet.png", performed, wanted, rows=0)
    with pytest.raises(LimitError, match="port"):
        show_rollout(performed, wanted, port=0, robot=g1)
    assert not list(tmp_path.iterdir())
