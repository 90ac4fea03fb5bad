"""Contacts are found where they are, the feet's as ``evaluate`` sees them, and believed where a clip brings them."""

from dataclasses import replace

import numpy as np
import pytest

from understudy.errors import ShapeError, UnknownName
from understudy.evaluate.stance import detect
from understudy.evaluate.tracks import HumanTracks
from understudy.motion import sample
from understudy.retarget.contacts import NAMES, Contacts, contacts_of
from understudy.rotations import quat_about, quat_apply, quat_mul

LEG = 0.84


@pytest.fixture(scope="module")
def walk():
    return sample.motion("walk", fps=30.0)


def tipped(human, angle, landmark, noise=0.0):
    """The person turned by an angle (rad) about the axis from right to left, a landmark 10 cm over the floor."""
    turn = quat_about("y", np.array(angle, np.float32))
    down = replace(human, pos=quat_apply(turn, human.pos), quat=quat_mul(turn, human.quat))
    low = down.landmarks()[0][:, human.skeleton.landmarks.index(landmark), 2].min()
    shaken = np.random.default_rng(0).normal(0, noise, human.pos.shape)
    return replace(down, pos=down.pos + shaken + np.array([0, 0, 0.10 - low]))


def test_feet_are_judged_as_evaluation_judges_them(walk):
    found, stance = contacts_of(walk, 0.0, LEG), detect(HumanTracks.of(walk))
    for side in ("left", "right"):
        np.testing.assert_array_equal(found[f"{side}_toe"], stance.toe[side])
        np.testing.assert_array_equal(found[f"{side}_heel"], stance.heel[side])
    assert not any(found[name].any() for name in NAMES[4:])


@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_who_lies_on_the_back_touches_the_floor_with_pelvis_and_rib_cage(noise):
    found = contacts_of(tipped(sample.motion("stand", fps=30.0), -np.pi / 2, "pelvis", noise), 0.0, LEG)
    for name in ("pelvis", "back"):
        assert found[name].mean() > 0.9, name


def test_feet_in_the_air_of_a_headstand_do_not_stand():
    found = contacts_of(tipped(sample.motion("stand", fps=30.0), np.pi, "head"), 0.0, LEG)
    assert found["head"].mean() > 0.9
    for name in NAMES[:4]:
        assert not found[name].any(), name


def test_a_clips_own_tracks_are_believed(walk):
    mine = np.zeros(walk.frames, bool)
    mine[5:9] = True
    edited = replace(
        walk, tracks={"contact_left_toe": mine, "contact_head": mine.astype(np.float32), "x": mine}
    )
    found = contacts_of(edited, 0.0, LEG)
    np.testing.assert_array_equal(found["left_toe"], mine)
    np.testing.assert_array_equal(found["head"], mine)
    np.testing.assert_array_equal(found["right_toe"], contacts_of(walk, 0.0, LEG)["right_toe"])


def test_tracks_come_back_as_they_went(walk):
    found = contacts_of(walk, 0.0, LEG)
    again = contacts_of(replace(walk, tracks=found.as_tracks()), 0.0, LEG)
    np.testing.assert_array_equal(found.touching, again.touching)


def test_unknown_contacts_and_odd_tracks_are_refused(walk):
    with pytest.raises(UnknownName, match="contact_left_toe"):
        contacts_of(replace(walk, tracks={"contact_left_tow": np.zeros(walk.frames)}), 0.0, LEG)
    for odd in (np.full(walk.frames, np.nan), np.zeros((walk.frames, 2)), np.full(walk.frames, 2.0)):
        with pytest.raises(ShapeError, match="contact_head"):
            contacts_of(replace(walk, tracks={"contact_head": odd}), 0.0, LEG)
    with pytest.raises(UnknownName):
        Contacts.none(3)["nose"]
