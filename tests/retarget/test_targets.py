"""Where landmarks are asked to be, and where the floor is found."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import robots
from understudy.motion import sample
from understudy.retarget.floor import floor_under
from understudy.retarget.lengths import BONES, RobotLengths
from understudy.retarget.targets import landmark_targets
from understudy.rotations import quat_apply, quat_from_rotvec, quat_mul


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def lifted(human, height):
    return replace(human, pos=human.pos + np.array([0, 0, height], np.float32))


def test_bones_keep_the_humans_direction_and_take_the_robots_length(g1):
    human = sample.motion("punch", fps=30.0)
    targets, lengths = landmark_targets(human, g1, "auto"), RobotLengths.of(g1)
    names, pos = human.skeleton.landmarks.names, human.landmarks()[0]
    for start, end in BONES.items():
        bone = targets.bone[:, g1.landmarks.index(start)]
        way = pos[:, names.index(end)] - pos[:, names.index(start)]
        np.testing.assert_allclose(
            np.linalg.norm(bone, axis=-1), np.linalg.norm(lengths.bones[start]), rtol=1e-5
        )
        np.testing.assert_allclose(np.cross(bone, way), 0, atol=1e-4)


def test_standing_feet_are_on_the_floor_as_wide_apart_as_the_robots_hips_ask(g1):
    human = sample.motion("stand", fps=30.0)
    targets = landmark_targets(human, g1, "auto")
    ankles = [targets.pos[:, g1.landmarks.index(f"{side}_ankle")] for side in ("left", "right")]
    for ankle in ankles:
        np.testing.assert_allclose(ankle[:, 2], RobotLengths.of(g1).ankle_height, atol=0.004)
    hips = RobotLengths.of(g1).hips
    wide = float(hips["left"][1] - hips["right"][1])
    assert ankles[0][0, 1] - ankles[1][0, 1] == pytest.approx(wide, abs=0.03)


@pytest.mark.parametrize(
    ("ground", "height", "floor"),
    [
        ("none", 0.30, 0.0),
        ("flat", 0.30, 0.30),
        ("auto", 0.05, 0.05),
        ("auto", -0.40, -0.40),
        ("auto", 0.30, 0.0),
    ],
)
def test_the_floor(ground, height, floor):
    human = lifted(sample.motion("walk", fps=30.0), height)
    assert floor_under(human, 0.84, ground) == pytest.approx(floor, abs=0.025)


def test_a_few_frames_below_do_not_lower_the_floor():
    human = sample.motion("walk", fps=30.0)
    pos = human.pos.copy()
    pos[20:23, :, 2] -= 0.5
    assert floor_under(replace(human, pos=pos), 0.84, "flat") == pytest.approx(
        floor_under(human, 0.84, "flat"), abs=0.01
    )


def test_a_body_in_the_air_has_a_floor_between_its_few_calm_frames():
    """Calm at two heights alone, with nothing near the low quantile between them."""
    human = sample.motion("stand", fps=30.0)
    human = replace(human, pos=human.pos[:9], quat=human.quat[:9], tracks={})
    pos = (
        human.pos
        + np.array([0, 0, 1], np.float32)
        * np.array([0, 0, 1, 2, 3, 2, 1, 0.5, 0.5], np.float32)[:, None, None]
    )
    assert 0.0 <= floor_under(replace(human, pos=pos), 0.84, "flat") <= 0.6


def test_a_foot_upside_down_under_its_shin_is_not_believed(g1):
    human = sample.motion("stand", fps=30.0)
    marks = human.skeleton.landmarks
    carrier, turned = marks.carriers[marks.index("left_ankle")], human.quat.copy()
    turned[:, carrier] = quat_mul(quat_from_rotvec(np.array([np.pi, 0, 0], np.float32)), turned[:, carrier])
    broken = landmark_targets(replace(human, quat=turned), g1, "none")
    up = quat_apply(broken.quat[:, g1.landmarks.index("left_ankle")], np.array([0.0, 0.0, 1.0]))
    assert (up[:, 2] > 0.5).all()


def test_ankles_in_contact_are_held_and_nothing_else(g1):
    targets = landmark_targets(sample.motion("walk", fps=30.0), g1, "auto")
    for side in ("left", "right"):
        touches = targets.contacts[f"{side}_toe"] | targets.contacts[f"{side}_heel"]
        hold = targets.hold[:, g1.landmarks.index(f"{side}_ankle")]
        assert touches.any()
        assert (hold[touches] == 1).all()
        assert (hold < 1).any()
    others = [k for k, name in enumerate(g1.landmarks.names) if not name.endswith("ankle")]
    assert not targets.hold[:, others].any()


def test_unplanted_feet_are_not_held(g1):
    assert not landmark_targets(sample.motion("walk", fps=30.0), g1, "auto", plant_feet=False).hold.any()
