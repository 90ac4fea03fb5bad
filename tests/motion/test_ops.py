"""What operations on clips promise: ends kept, lengths right, mirrors that undo themselves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy import motion as m
from understudy.errors import LimitError, ShapeError, SkeletonMismatch
from understudy.motion import HumanMotion, RobotMotion, Skeleton, sample
from understudy.motion.landmarks import Landmarks
from understudy.motion.mirror import paired_joints
from understudy.rotations import quat_about, quat_angle, quat_from_rotvec, quat_mul, quat_yaw

HUMAN = sample.motion("walk")
RNG = np.random.default_rng(0)


def robot_clip(frames=41, fps=30.0, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None] / fps
    quat = quat_from_rotvec(np.cumsum(rng.normal(0, 0.05, (frames, 3)), axis=0))
    joints = np.sin(t * rng.uniform(1, 4, 4) + rng.uniform(0, 6, 4))
    root = np.cumsum(rng.normal(0, 0.01, (frames, 3)), axis=0) + np.array([0, 0, 0.8])
    tracks = {"contact": rng.integers(0, 2, (frames, 2)), "load": rng.normal(size=frames)}
    return RobotMotion("toy", ("a_left", "a_right", "b", "c"), fps, root, quat, joints, tracks)


CLIPS = {"human": m.trim(HUMAN, 1.0, 2.5), "robot": robot_clip()}


@pytest.mark.parametrize("kind", CLIPS)
@settings(max_examples=25, deadline=None)
@given(fps=st.floats(3.0, 240.0))
def test_resampling_keeps_both_ends_and_the_duration(kind, fps):
    clip = CLIPS[kind]
    new = m.resample(clip, fps)
    assert new.frames == max(1, round(clip.duration * fps)) + 1
    assert new.duration == pytest.approx(clip.duration, rel=1e-9)
    for name in ("pos", "quat") if kind == "human" else ("root_pos", "root_quat", "joint_pos"):
        assert np.array_equal(getattr(new, name)[[0, -1]], getattr(clip, name)[[0, -1]])
    assert all(len(v) == new.frames for v in new.tracks.values())
    assert new is clip or new.origin.history[-1]["arrow"] == "resample"


def test_resampling_to_a_rate_that_divides_states_exactly_that_rate():
    clip = m.trim(HUMAN, 0.0, 2.0)
    assert m.resample(clip, 30.0).fps == 30.0
    assert m.resample(clip, 50.0).frames == 101


def test_up_and_down_again_is_the_same_clip():
    clip = CLIPS["robot"]
    back = m.resample(m.resample(clip, 120.0), 30.0)
    assert np.allclose(back.qpos, clip.qpos, atol=1e-6)
    assert np.array_equal(back.tracks["contact"], clip.tracks["contact"])


def test_resampling_keeps_bones_rigid():
    clip = m.resample(m.resample(HUMAN, 20.0), 90.0)
    bones = np.linalg.norm(clip.pos[:, 1:] - clip.pos[:, clip.skeleton.parents[1:]], axis=-1)
    assert np.abs(bones - np.linalg.norm(clip.skeleton.offsets[1:], axis=-1)).max() < 1e-5


def test_one_frame_survives_resampling():
    one = m.trim(HUMAN, 1.0, 1.0)
    assert one.frames == 1
    assert m.resample(one, 25.0).frames == 1


@pytest.mark.parametrize("fps", [0.0, -1.0, np.nan, np.inf])
def test_impossible_rates(fps):
    with pytest.raises(LimitError, match="fps"):
        m.resample(HUMAN, fps)


def test_exact_instants():
    new = m.sample_every(robot_clip(31, 30.0), 50.0)
    assert (new.fps, new.frames) == (50.0, 51)
    assert m.sample_every(robot_clip(32, 30.0), 50.0).frames == 52


@settings(max_examples=40, deadline=None)
@given(start=st.floats(0.0, 4.0), length=st.floats(0.05, 4.0))
def test_trimmed_length(start, length):
    clip = m.trim(HUMAN, start, start + length)
    expected = min(start + length, HUMAN.duration) - start
    assert abs(clip.duration - expected) <= 2 / HUMAN.fps
    first = round((start * HUMAN.fps) + 0.499999)
    assert np.array_equal(clip.pos[0], HUMAN.pos[first])


@pytest.mark.parametrize(("start", "end"), [(99.0, None), (2.0, 1.0), (-1.0, 2.0)])
def test_trimming_nothing(start, end):
    with pytest.raises(LimitError):
        m.trim(HUMAN, start, end)


def test_mirror_of_mirror_is_the_clip():
    clip = sample.motion("wave")
    there = m.mirror(clip)
    left = [clip.skeleton.joints.index(f"{s}_hand") for s in ("left", "right")]
    assert there.skeleton is clip.skeleton
    assert there.pos[:, left[0], 2].max() == pytest.approx(clip.pos[:, left[1], 2].max())
    assert np.array_equal(there.tracks["left_contact"], clip.tracks["right_contact"])
    back = m.mirror(there)
    assert np.allclose(back.pos, clip.pos, atol=1e-6)
    assert quat_angle(back.quat.astype(float), clip.quat.astype(float)).max() < 1e-3


def odd_body():
    """A body whose joint axes differ from side to side, and whose left arm is longer."""
    turn = {"left_hip": quat_about("x", np.array(0.7)), "right_hip": quat_about("z", np.array(-1.1))}
    joints = ("pelvis", "left_hip", "right_hip", "left_knee", "right_knee")
    marks = Landmarks(
        ("pelvis", "left_hip", "right_hip"),
        np.arange(3),
        np.zeros((3, 3), np.float32),
        np.stack([[1, 0, 0, 0], turn["left_hip"], turn["right_hip"]]).astype(np.float32),
    )
    offsets = RNG.normal(size=(5, 3)).astype(np.float32)
    offsets[0] = 0
    return Skeleton("odd", joints, np.array([-1, 0, 0, 1, 2]), offsets, marks)


def posed(skeleton, frames=7):
    quat = RNG.normal(size=(frames, len(skeleton.joints), 4))
    quat /= np.linalg.norm(quat, axis=-1, keepdims=True)
    from understudy.rotations import quat_apply

    pos = np.zeros((frames, len(skeleton.joints), 3))
    for j, parent in enumerate(skeleton.parents[1:], start=1):
        pos[:, j] = pos[:, parent] + quat_apply(quat[:, parent], skeleton.offsets[j].astype(float))
    return HumanMotion(skeleton, 30.0, pos, quat)


def test_mirror_respects_landmark_axes_and_moves_the_skeleton_along():
    clip = posed(odd_body())
    there = m.mirror(clip)
    pos, quat = clip.landmarks()
    new_pos, new_quat = there.landmarks()
    swap = [0, 2, 1]
    assert np.allclose(new_pos, pos[:, swap] * [1, -1, 1], atol=1e-5)
    assert quat_angle(new_quat.astype(float), (quat[:, swap] * [1, -1, 1, -1]).astype(float)).max() < 1e-3
    again = posed(there.skeleton)
    for parent, child in ((0, 1), (1, 3)):
        bone = np.linalg.norm(there.pos[:, child] - there.pos[:, parent], axis=-1)
        assert np.allclose(bone, np.linalg.norm(again.skeleton.offsets[child]), atol=1e-5)
    back = m.mirror(there)
    assert np.allclose(back.pos, clip.pos, atol=1e-5)
    assert np.allclose(back.skeleton.offsets, clip.skeleton.offsets, atol=1e-5)


@pytest.mark.parametrize(
    "names",
    [
        ("Hips", "LeftArm", "RightArm", "LeftForeArm", "RightForeArm"),
        ("Pelvis", "L_Hip", "R_Hip", "L_Knee", "R_Knee"),
        ("hip", "lCollar", "rCollar", "lShldr", "rShldr"),
        ("root", "thigh.L", "thigh.R", "shin.L", "shin.R"),
        ("root", "arm_l", "arm_r", "arm_l_end", "arm_r_end"),
        ("hips", "lhand", "rhand", "lfingers", "rfingers"),
        ("Bip01", "Bip01 L Thigh", "Bip01 R Thigh", "Bip01 L Calf", "Bip01 R Calf"),
    ],
)
def test_sides_are_paired_by_name(names):
    body = odd_body()
    body = replace(body, joints=names, landmarks=body.landmarks.select(("pelvis",)))
    assert paired_joints(body).tolist() == [0, 2, 1, 4, 3]


def test_central_names_are_not_sided():
    body = replace(odd_body(), joints=("Hips", "Lumbar", "Collar", "Skull", "Bright"))
    body = replace(body, landmarks=body.landmarks.select(("pelvis",)), parents=np.array([-1, 0, 1, 2, 3]))
    with pytest.raises(SkeletonMismatch, match="Bright"):
        paired_joints(body)


def test_robot_mirror():
    clip = robot_clip()
    pairs, signs = [1, 0, 2, 3], [-1.0, -1.0, 1.0, -1.0]
    there = m.mirror_robot(clip, pairs, signs)
    assert np.allclose(there.joint_pos[:, 0], -clip.joint_pos[:, 1])
    assert np.allclose(m.mirror_robot(there, pairs, signs).qpos, clip.qpos)
    with pytest.raises(ShapeError):
        m.mirror_robot(clip, [1, 2, 3, 0], signs)


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-2.0, 2.0), noise=st.floats(0.0, 0.01))
def test_floor_is_found_under_noise(shift, noise):
    rng = np.random.default_rng(1)
    lift = np.array([0.0, 0.0, shift])
    raised = replace(HUMAN, pos=HUMAN.pos + lift + rng.normal(0, noise, HUMAN.pos.shape))
    assert m.floor_height(raised) == pytest.approx(shift, abs=0.02)
    assert m.floor_height(m.ground(raised)) == pytest.approx(0.0, abs=1e-4)


def test_floor_ignores_a_box_and_glitches():
    on_box = replace(HUMAN, pos=HUMAN.pos + np.array([0, 0, 0.4]))
    both = m.join(HUMAN, m.join(on_box, on_box, 0.0), 0.0)
    pos = both.pos.copy()
    pos[50:53, :, 2] -= 0.5
    assert m.floor_height(replace(both, pos=pos)) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("blend", [0.0, 0.25, 0.5])
def test_join_continues_where_the_first_clip_ended(blend):
    turn, walk = sample.motion("turn"), HUMAN
    joined = m.join(turn, walk, blend)
    assert joined.frames == turn.frames + walk.frames - round(blend * 60)
    gone = joined.pos[-1, 0] - joined.pos[turn.frames, 0]
    assert abs(gone[1]) > 5 * abs(gone[0])
    assert np.linalg.norm(np.diff(joined.pos, axis=0), axis=-1).max() * 60 < 8.0
    assert joined.origin.history[-1]["arrow"] == "join"


def test_join_whole_overlap_and_strangers():
    clip = robot_clip()
    assert m.join(clip, clip, clip.frames / clip.fps).frames == clip.frames
    with pytest.raises(SkeletonMismatch):
        m.join(clip, replace(clip, robot="other"))
    with pytest.raises(SkeletonMismatch):
        m.join(clip, HUMAN)
    with pytest.raises(LimitError):
        m.join(clip, clip, 60.0)


def test_blend_home_starts_and_ends_at_home():
    clip = robot_clip()
    home = np.array([0, 0, 0.75, 1, 0, 0, 0, 0.1, -0.1, 0.2, 0.0])
    new = m.blend_home(clip, home, 0.5)
    assert new.frames == clip.frames + 30
    for k, own in ((0, 0), (-1, -1)):
        assert np.allclose(new.joint_pos[k], home[7:])
        assert new.root_pos[k, 2] == pytest.approx(0.75)
        assert np.allclose(new.root_pos[k, :2], clip.root_pos[own, :2])
        assert quat_yaw(new.root_quat[k]) == pytest.approx(float(quat_yaw(clip.root_quat[own])), abs=1e-5)
    assert np.array_equal(new.qpos[15:-15], clip.qpos)
    assert np.abs(np.diff(new.joint_pos[:15], axis=0)).max() < 0.5
    with pytest.raises(LimitError):
        m.blend_home(clip, home[:-1])


def test_nothing_is_changed_in_place():
    clip = robot_clip()
    before = clip.qpos.copy()
    turned = replace(clip, root_quat=quat_mul(quat_about("z", np.array(1.0)), clip.root_quat))
    m.join(clip, turned, 0.3)
    m.blend_home(clip, clip.qpos[0])
    m.resample(clip, 77.0)
    assert np.array_equal(clip.qpos, before)
    assert clip.origin.history == ()
