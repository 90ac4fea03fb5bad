"""Contacts of feet whose steps are known."""

from dataclasses import replace

import numpy as np
import pytest

from understudy.evaluate.stance import SHORTEST, contact, detect, rest_level, speed
from understudy.evaluate.tracks import HumanTracks
from understudy.motion import sample

FPS = 60.0


def tracks_of(human, rise=0.0):
    return HumanTracks.of(replace(human, pos=human.pos + np.array([0.0, 0.0, rise])))


def test_a_person_who_stands_is_flat_on_both_feet():
    stance = detect(tracks_of(sample.motion("stand", fps=FPS)))
    assert stance.flat["left"].all()
    assert stance.flat["right"].all()


@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0])
def test_walking_alternates_and_no_foot_that_swings_is_in_contact(fps):
    human = tracks_of(sample.motion("walk", fps=fps))
    stance = detect(human)
    assert (stance.any["left"] | stance.any["right"]).all()
    for side in ("left", "right"):
        assert 0.4 < stance.flat[side].mean() < 0.9
        swinging = speed(human.at(f"{side}_ankle"), fps) > 1.0
        assert swinging.any()
        assert not stance.flat[side][swinging].any()


@pytest.mark.parametrize("rise", [-0.4, 0.13, 2.0])
def test_a_floor_that_is_not_at_zero_changes_nothing_but_the_levels(rise):
    human = sample.motion("walk", fps=FPS)
    here, there = detect(tracks_of(human)), detect(tracks_of(human, rise))
    assert there.ankle_level - here.ankle_level == pytest.approx(rise, abs=1e-3)
    for side in ("left", "right"):
        assert (there.flat[side] != here.flat[side]).mean() < 0.01


def test_a_raised_heel_leaves_the_toe_in_contact():
    human = tracks_of(sample.motion("stand", fps=FPS))
    ankle = human.names.index("left_ankle")
    half = len(human.pos) // 2
    human.pos[half:, ankle, 2] += 0.08
    stance = detect(human)
    assert stance.toe["left"].all()
    assert stance.flat["left"][: half - 3].all()
    assert not stance.flat["left"][half + 3 :].any()


def test_a_skeleton_without_toes_is_judged_by_its_ankles():
    human = tracks_of(sample.motion("walk", fps=FPS))
    keep = [i for i, name in enumerate(human.names) if not name.endswith("toe")]
    names = tuple(human.names[i] for i in keep)
    bare = replace(human, names=names, pos=human.pos[:, keep], quat=human.quat[:, keep])
    with_toes, without = detect(human), detect(bare)
    for side in ("left", "right"):
        assert (with_toes.flat[side] != without.flat[side]).mean() < 0.1


def test_hysteresis_keeps_a_contact_through_a_wobble_and_needs_a_firm_start():
    above = np.full(60, 0.01)
    above[25:30] = 0.035
    assert contact(above, np.zeros(60), 30.0).all()
    assert not contact(np.full(60, 0.035), np.zeros(60), 30.0).any()


def test_a_short_touch_is_no_contact():
    above = np.full(60, 0.2)
    above[30 : 30 + int(SHORTEST * 60) - 1] = 0.0
    assert not contact(above, np.zeros(60), 60.0).any()


def test_a_clip_of_one_frame_has_an_answer():
    human = tracks_of(sample.motion("stand", fps=FPS))
    one = replace(human, pos=human.pos[:1], quat=human.quat[:1])
    assert detect(one).flat["left"].shape == (1,)


def test_the_rest_level_is_the_densest_not_the_lowest():
    rng = np.random.default_rng(0)
    height = np.concatenate([0.05 + 0.003 * rng.standard_normal(500), rng.uniform(0.0, 0.6, 200)])
    assert rest_level(height, np.zeros(700), top=0.18) == pytest.approx(0.05, abs=0.005)


def test_speed_of_a_steady_point_is_exact_at_every_rate():
    for fps in (24.0, 30.0, 120.0):
        path = np.outer(np.arange(40) / fps, [0.3, 0.4, 0.0])
        np.testing.assert_allclose(speed(path, fps), 0.5)
