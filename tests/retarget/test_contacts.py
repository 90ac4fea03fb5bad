"""Contacts are found where they are, the feet's as ``evaluate`` sees them, and believed where a clip brings them."""

from dataclasses import replace

import numpy as np
import pytest

from understudy.errors import ShapeError, UnknownName
from understudy.evaluate.stance import detect
from understudy.evaluate.tracks import HumanTracks
from understudy.motion import sample
from understudy.retarget.contacts import NAMES, Contacts, contacts_of

LEG = 0.84


@pytest.fixture(scope="module")
def walk():
    return sample.motion("walk", fps=30.0)


def lying(human, noise=0.0):
    """The person laid on the back: turned about y, the lowest flesh on the floor."""
    rng = np.random.default_rng(0)
    pos = human.pos[..., [2, 1, 0]] * np.array([-1, 1, 1], np.float32)  # forward is up
    quat = human.quat @ _turned().T
    pos = pos - pos[:, :, 2].min() + 0.10
    return replace(human, pos=pos + rng.normal(0, noise, pos.shape).astype(np.float32), quat=quat)


def _turned():
    """Left-multiplication by a turn of −90° about y, on wxyz."""
    s = np.float32(np.sqrt(0.5))
    return np.array([[s, 0, s, 0], [0, s, 0, -s], [-s, 0, s, 0], [0, s, 0, s]], np.float32)


def test_feet_are_judged_as_evaluation_judges_them(walk):
    found, stance = contacts_of(walk, 0.0, LEG), detect(HumanTracks.of(walk))
    for side in ("left", "right"):
        np.testing.assert_array_equal(found[f"{side}_toe"], stance.toe[side])
        np.testing.assert_array_equal(found[f"{side}_heel"], stance.heel[side])
    assert not any(found[name].any() for name in NAMES[4:])


@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_who_lies_touches_the_floor_with_trunk_and_head(noise):
    found = contacts_of(lying(sample.motion("stand", fps=30.0), noise), 0.0, LEG)
    for name in ("pelvis", "back"):
        assert found[name].mean() > 0.9, name


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
