"""Human and robot on the same instants."""

from dataclasses import replace

import numpy as np
import pytest
from standing import double, shifted, stand

from understudy.errors import LimitError, ShapeError, SkeletonMismatch
from understudy.evaluate.tracks import RobotTracks, align
from understudy.motion import Origin


def walking_off(robot, frames, fps, speed=0.5):
    """The standing robot sliding forward at ``speed``, so that a position tells the time."""
    seconds = np.arange(frames) / fps
    return shifted(stand(robot, frames, fps), np.outer(seconds, [speed, 0.0, 0.0]))


def test_equal_clips_are_taken_frame_by_frame(g1, standing):
    human = double(g1, standing)
    tracks = align(standing, human)
    np.testing.assert_array_equal(tracks.pos, human.landmarks()[0])


def test_a_human_at_another_rate_is_read_at_the_robots_frame_times(g1):
    human = double(g1, walking_off(g1, 121, 120.0))
    tracks = align(walking_off(g1, 31, 30.0), human)
    np.testing.assert_allclose(tracks.at("pelvis")[:, 0], human.pos[::4, 0, 0], atol=1e-6)
    between = align(walking_off(g1, 51, 50.0), human)
    np.testing.assert_allclose(np.diff(between.at("pelvis")[:, 0]), 0.5 / 50, atol=1e-6)


def test_the_recorded_start_finds_the_part_of_the_source(g1):
    human = double(g1, walking_off(g1, 301, 30.0))
    part = walking_off(g1, 61, 30.0)
    part = replace(part, origin=Origin().after("retarget", start=3.0, end=5.0))
    np.testing.assert_allclose(
        align(part, human).at("pelvis")[0, 0] - human.pos[0, 0, 0], 0.5 * 3.0, atol=1e-6
    )


def test_cuts_add_up_and_those_of_the_human_itself_do_not_count(g1):
    cut = Origin().after("trim", start=100.0, end=110.0)
    human = replace(double(g1, walking_off(g1, 301, 30.0)), origin=cut)
    origin = cut.after("retarget", start=3.0, end=5.0).after("trim", start=1.0, end=None)
    part = replace(walking_off(g1, 31, 30.0), origin=origin)
    np.testing.assert_allclose(
        align(part, human).at("pelvis")[0, 0] - human.pos[0, 0, 0], 0.5 * 4.0, atol=1e-6
    )


def test_one_frame_more_or_less_is_no_mismatch(g1):
    human = double(g1, walking_off(g1, 60, 30.0))
    for frames in (59, 61):
        assert len(align(stand(g1, frames), human).pos) == frames


def test_clips_of_different_length_are_refused(g1):
    human = double(g1, stand(g1, 300))
    with pytest.raises(LimitError, match="does not record which part"):
        align(stand(g1, 100), human)
    too_late = replace(stand(g1, 100), origin=Origin().after("retarget", start=8.0, end=12.0))
    with pytest.raises(LimitError, match="too short"):
        align(too_late, human)


def test_nan_is_refused(g1, standing):
    standing.joint_pos[7, 3] = np.nan
    with pytest.raises(ShapeError, match="first in frame 7"):
        RobotTracks.of(g1, standing)


def test_another_robots_motion_is_refused(g1, standing):
    other = replace(standing, joints=standing.joints[:-1], joint_pos=standing.joint_pos[:, :-1])
    with pytest.raises(SkeletonMismatch):
        RobotTracks.of(g1, other)


def test_a_missing_landmark_is_named(g1, standing):
    with pytest.raises(SkeletonMismatch, match="'tail'"):
        align(standing, double(g1, standing)).at("tail")
    with pytest.raises(SkeletonMismatch, match="'tail'"):
        RobotTracks.of(g1, standing).at("tail")
