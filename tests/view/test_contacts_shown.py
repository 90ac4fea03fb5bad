"""Contacts that a clip carries as tracks are seen: on pictures, in the player, and in the report."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from understudy import motion
from understudy.retarget import contacts as told
from understudy.view import contacts, sheet, show, write_report
from understudy.view.figures import AWAY, Contacts
from understudy.view.pictures import cast
from understudy.view.scene import compose


@pytest.fixture(scope="module")
def touching(robot_motion):
    """Every contact there is, on from the middle of the clip; the heels all the time."""
    late = np.arange(robot_motion.frames) >= robot_motion.frames // 2
    return {f"{told.PREFIX}{name}": late | name.endswith("_heel") for name in told.NAMES}


@pytest.fixture(scope="module")
def marked(robot_motion, touching):
    return replace(robot_motion, tracks=touching)


def test_tracks_are_those_that_retargeting_writes(touching):
    assert contacts.PREFIX == told.PREFIX
    assert set(contacts.touching(touching)) == set(told.NAMES)


def test_other_tracks_are_no_contacts():
    tracks = {
        "contact_of": np.zeros((4, 2)),
        "confidence": np.ones(4),
        "contact_left_toe": np.array([0, 1, 0.5, 0.2]),
    }
    [(name, on)] = contacts.touching(tracks).items()
    assert name == "left_toe"
    assert on.tolist() == [False, True, True, False]


def test_a_robot_touches_the_floor_under_its_soles(g1, marked):
    marks = contacts.robot_marks(marked, g1)
    assert marks is not None
    assert set(marks.names) >= {
        "left_toe",
        "left_heel",
        "right_toe",
        "right_heel",
        "left_hand",
        "back",
        "pelvis",
    }
    toe, heel = (marks.pos[0, marks.names.index(f"left_{part}")] for part in ("toe", "heel"))
    assert abs(toe[2]) < 0.03
    assert 0.1 < toe[0] - heel[0] < 0.3
    assert {name for name, _ in marks.now(0)} == {"left_heel", "right_heel"}
    assert len(marks.now(marked.frames - 1)) == len(marks.names)


def test_a_human_touches_the_floor_with_its_shoes(human, touching):
    marks = contacts.human_marks(replace(human, tracks=touching))
    assert marks is not None
    toe, heel = (marks.pos[:, marks.names.index(f"right_{part}")] for part in ("toe", "heel"))
    assert np.abs(heel[0, 2]) < 0.06
    assert 0.1 < np.linalg.norm(toe[0] - heel[0]) < 0.35


def test_clips_without_such_tracks_have_no_marks(g1, human, robot_motion):
    assert contacts.human_marks(human) is None
    assert contacts.robot_marks(robot_motion, g1) is None


def test_marks_go_along_with_the_actor(g1, marked):
    [own] = cast([marked], g1)
    scene = compose([own, own], 10.0)
    for actor in scene.actors:
        assert actor.marks is not None
        assert len(actor.marks.pos) == scene.frames
        np.testing.assert_allclose(
            actor.marks.pos[0] - actor.root[0], own.marks.pos[0] - own.root[0], atol=1e-5
        )


def test_a_sheet_has_dots_on_what_touches(tmp_path, robot_motion, marked):
    for name, clip in (("plain", robot_motion), ("marked", marked)):
        sheet(tmp_path / f"{name}.png", None, clip, columns=2, rows=1, renderer="software")
    plain, dotted = (
        np.asarray(Image.open(tmp_path / f"{n}.png").convert("RGB")) for n in ("plain", "marked")
    )
    for colour in (contacts.LEFT, contacts.RIGHT, contacts.MIDDLE):
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        found = [(picture == rgb).all(axis=-1) for picture in (plain, dotted)]
        assert found[1].sum() > found[0].sum() + 10


def test_the_player_shows_what_touches_at_the_frame(marked):
    with show(marked, port=18580, block=False) as player:
        player.pause()
        [layer] = player._layers["contacts"]
        assert isinstance(layer, Contacts)
        player.seek(marked.frames - 1)
        player.seek(1)
        hidden = (layer._cloud.points == AWAY).all(axis=1)
        assert hidden.tolist() == [not name.endswith("_heel") for name in layer.marks.names]
        layer.show(False)
        assert not layer.visible


def test_the_report_has_a_strip_for_each(tmp_path, marked):
    write_report(tmp_path / "r.html", {}, None, marked, renderer="software")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<h2>Contacts</h2>" in page
    assert all(name in page for name in ("left toe", "right heel", "back", "pelvis"))
    write_report(tmp_path / "r.html", {}, None, replace(marked, tracks={}), renderer="software")
    assert "<h2>Contacts</h2>" not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_contacts_outlive_the_file(tmp_path, human, touching):
    motion.save(replace(human, tracks=touching), tmp_path / "edited.npz")
    again = motion.load(tmp_path / "edited.npz")
    assert contacts.touching(again.tracks).keys() == set(told.NAMES)
