"""Landmark tracks of one fixed layout from any skeleton, and the size of a body."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import motion
from understudy.errors import ShapeError, SkeletonMismatch
from understudy.learn.tracks import NEEDED, USUAL, body_size, human_tracks
from understudy.motion import sample
from understudy.motion.landmarks import LANDMARKS
from understudy.rotations import quat_about, quat_apply


@pytest.fixture(scope="module")
def walk():
    return sample.motion("walk", fps=30.0)


def lacking(human, *names):
    """The same clip on a skeleton without some landmarks."""
    marks = human.skeleton.landmarks
    left = marks.select(tuple(n for n in marks.names if n not in names))
    return replace(human, skeleton=replace(human.skeleton, landmarks=left))


def test_tracks_are_the_landmarks_of_a_skeleton_that_has_all(walk):
    pos, quat = human_tracks(walk)
    assert walk.skeleton.landmarks.names == LANDMARKS
    np.testing.assert_array_equal(pos, walk.landmarks()[0].astype(np.float32))
    np.testing.assert_array_equal(quat, walk.landmarks()[1].astype(np.float32))
    assert pos.dtype == quat.dtype == np.float32


def test_a_lift_raises_every_landmark(walk):
    bare = lacking(walk, "head", "left_toe")
    lifted, level = human_tracks(bare, 0.25)[0], human_tracks(bare)[0]
    np.testing.assert_allclose(lifted - level, np.broadcast_to([0, 0, 0.25], level.shape), atol=1e-6)


@pytest.mark.parametrize("name", USUAL)
def test_a_missing_landmark_is_about_where_it_would_be(walk, name):
    full, full_quat = human_tracks(walk)
    pos, quat = human_tracks(lacking(walk, name))
    i = LANDMARKS.index(name)
    assert np.linalg.norm(pos[:, i] - full[:, i], axis=-1).max() < 0.12
    np.testing.assert_allclose(np.linalg.norm(quat[:, i], axis=-1), 1.0, atol=1e-5)
    others = np.arange(len(LANDMARKS)) != i
    np.testing.assert_array_equal(pos[:, others], full[:, others])
    np.testing.assert_array_equal(quat[:, others], full_quat[:, others])


def test_what_hangs_on_a_missing_landmark_is_placed_too(walk):
    pos, _ = human_tracks(lacking(walk, *USUAL))
    head, pelvis = (pos[0, LANDMARKS.index(n)] for n in ("head", "pelvis"))
    assert np.isfinite(pos).all()
    assert 0.45 < head[2] - pelvis[2] < 0.65


@pytest.mark.parametrize("name", NEEDED)
def test_a_body_without_its_limbs_is_refused(walk, name):
    with pytest.raises(SkeletonMismatch, match=name):
        human_tracks(lacking(walk, name))


def test_legs_without_length_are_refused(walk):
    flat = replace(walk, pos=np.zeros_like(walk.pos))
    with pytest.raises(SkeletonMismatch, match="no length"):
        human_tracks(flat)
    with pytest.raises(ShapeError, match="length of its legs"):
        body_size(np.zeros((4, len(LANDMARKS), 3), np.float32))


def test_size_is_that_of_the_skeleton_wherever_it_stands_and_faces(walk):
    pos, _ = human_tracks(walk)
    size = body_size(pos)
    assert size == pytest.approx(0.84, abs=1e-4)
    turn = quat_about("z", np.float32(1.1))
    assert body_size(quat_apply(turn, pos) + np.float32([3.0, -2.0, 0.0])) == pytest.approx(size, abs=1e-5)
    assert body_size(pos[7:40]) == pytest.approx(size, abs=1e-5)
    assert body_size(1.3 * pos) == pytest.approx(1.3 * size, abs=1e-5)


def test_a_few_frames_of_nonsense_do_not_change_the_size(walk):
    pos, _ = human_tracks(walk)
    spoiled = pos.copy()
    spoiled[10:14, LANDMARKS.index("left_ankle")] += 5.0
    assert body_size(spoiled) == pytest.approx(body_size(pos), abs=1e-5)


def test_a_mirrored_body_has_the_mirrored_landmarks(walk):
    bare = lacking(walk, "left_hand", "right_hand", "neck", "spine")
    pos, _ = human_tracks(bare)
    other, _ = human_tracks(motion.mirror(bare))
    i, j = (LANDMARKS.index(n) for n in ("left_hand", "right_hand"))
    np.testing.assert_allclose(other[:, j], pos[:, i] * [1, -1, 1], atol=1e-5)
    k = LANDMARKS.index("neck")
    np.testing.assert_allclose(other[:, k], pos[:, k] * [1, -1, 1], atol=1e-5)
