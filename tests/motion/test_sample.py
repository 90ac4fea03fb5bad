"""The synthetic person has constant bones, planted feet, plausible speeds, and landmarks as promised."""

import numpy as np
import pytest

from understudy.errors import UnknownName
from understudy.motion import LANDMARKS, sample
from understudy.rotations import quat_angle, quat_yaw

PERFORMANCES = (*sample.NAMES, "demo")


@pytest.fixture(scope="module")
def clips():
    return {name: sample.demo() if name == "demo" else sample.motion(name) for name in PERFORMANCES}


def joint(clip, name):
    return clip.pos[:, clip.skeleton.joints.index(name)]


def test_landmarks_at_rest_are_the_world_frame():
    skeleton = sample.standard_skeleton()
    assert skeleton.landmarks.names == LANDMARKS
    assert skeleton.joints[: len(LANDMARKS)] == LANDMARKS
    assert np.array_equal(skeleton.landmarks.pos, np.zeros((len(LANDMARKS), 3)))
    assert np.array_equal(skeleton.landmarks.quat, np.tile([1, 0, 0, 0], (len(LANDMARKS), 1)))


def test_stature():
    skeleton = sample.standard_skeleton()
    rest = np.zeros((len(skeleton.joints), 3))
    for j, parent in enumerate(skeleton.parents[1:], start=1):
        rest[j] = rest[parent] + skeleton.offsets[j]
    height = rest[skeleton.joints.index("head_top"), 2] - rest[skeleton.joints.index("left_heel"), 2]
    assert height == pytest.approx(1.75, abs=1e-6)


@pytest.mark.parametrize("name", PERFORMANCES)
def test_bones_keep_their_length(clips, name):
    clip = clips[name]
    bones = np.linalg.norm(clip.pos[:, 1:] - clip.pos[:, clip.skeleton.parents[1:]], axis=-1)
    expected = np.linalg.norm(clip.skeleton.offsets[1:], axis=-1)
    assert np.abs(bones - expected).max() < 2e-6


@pytest.mark.parametrize("name", PERFORMANCES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_feet_are_planted(clips, name, side):
    """While a foot is loaded the heel turns in place or the ball does, and nothing goes below the floor."""
    clip = clips[name]
    loaded = clip.tracks[f"{side}_contact"]
    heel, ball = joint(clip, f"{side}_heel"), joint(clip, f"{side}_toe")
    low_heel, low_ball = heel[:, 2] < 1e-3, ball[:, 2] < 0.0255
    assert (low_heel | low_ball)[loaded].all()
    for point, low in ((heel, low_heel), (ball, low_ball)):
        resting = loaded & low
        both = resting[1:] & resting[:-1]
        for start, end in runs(both):
            assert np.abs(point[start : end + 1] - point[start]).max() < 2e-3
    for end in ("heel", "toe_tip"):
        assert joint(clip, f"{side}_{end}")[:, 2].min() > -1e-3


def runs(mask):
    """Start and end of every stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return edges.reshape(-1, 2)


@pytest.mark.parametrize("name", PERFORMANCES)
def test_speeds_are_human_and_smooth(clips, name):
    clip = clips[name]
    velocity = np.diff(clip.pos, axis=0) * clip.fps
    acceleration = np.diff(velocity, axis=0) * clip.fps
    assert np.linalg.norm(velocity, axis=-1).max() < 9.0
    assert np.linalg.norm(acceleration, axis=-1).max() < 200.0
    turning = quat_angle(clip.quat[1:], clip.quat[:-1]) * clip.fps
    assert turning.max() < 20.0


def test_walk_goes_forward_at_its_speed(clips):
    root = clips["walk"].pos[:, 0]
    middle = slice(int(1.8 * 60), int(3.0 * 60))
    speed = np.diff(root[middle, 0]).mean() * 60
    assert speed == pytest.approx(sample.Walk().speed, rel=0.1)
    assert np.ptp(root[:, 1]) < 0.12
    assert 0.01 < np.ptp(root[middle, 2]) < 0.08


def test_turn_ends_at_its_angle(clips):
    yaw = quat_yaw(clips["turn"].quat[:, 0])
    assert yaw[-1] - yaw[0] == pytest.approx(np.pi / 2, abs=0.05)


def test_squat_sinks_and_wave_rises(clips):
    squat = clips["squat"].pos[:, 0, 2]
    assert squat[0] - squat.min() == pytest.approx(sample.Squat().depth, abs=0.03)
    assert joint(clips["wave"], "right_hand")[:, 2].max() > joint(clips["wave"], "head")[:, 2].max()
    assert joint(clips["punch"], "right_hand")[:, 0].max() > 0.6


def test_frame_rate_only_changes_the_sampling():
    coarse, fine = sample.motion("walk", fps=30.0), sample.motion("walk", fps=60.0)
    shared = min(coarse.frames, (fine.frames + 1) // 2)
    assert np.abs(coarse.pos[:shared] - fine.pos[::2][:shared]).max() < 1e-4


def test_unknown_move():
    with pytest.raises(UnknownName, match="Did you mean 'wave'"):
        sample.motion("waving")
