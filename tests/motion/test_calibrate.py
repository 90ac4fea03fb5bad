"""Landmark frames against a person whose true ones are known, whatever the joints' own frames look like."""

from dataclasses import replace

import numpy as np
import pytest

from understudy.motion import LANDMARKS, sample
from understudy.motion.biped import find_landmarks
from understudy.motion.calibrate import calibrate
from understudy.motion.formats import bvh
from understudy.rotations import quat_angle, quat_apply, quat_between, quat_conj, quat_mul, quat_normalize

# People never stand quite as in the T-pose (feet turned out by 5°, arms at ease), so a motion alone cannot
# show the frames better than this, in degrees; a rest pose can.
BY_POSE, BY_MOTION = 5.0, 8.0
# A wrist without fingers is known only by how the hand was held on average.
BY_HABIT = 20.0


@pytest.fixture(scope="module", params=["walk", "squat", "punch", "demo"])
def person(request):
    return sample.demo(fps=40.0) if request.param == "demo" else sample.motion(request.param, fps=40.0)


def regauged(motion, seed):
    """The same movement, every joint's frame turned by its own constant random rotation; positions stay."""
    turns = quat_normalize(np.random.default_rng(seed).normal(size=(len(motion.skeleton.joints), 4)))
    offsets = motion.skeleton.offsets.astype(np.float64)
    for j, p in enumerate(motion.skeleton.parents):
        if p >= 0:
            offsets[j] = quat_apply(quat_conj(turns[p]), offsets[j])
    skeleton = replace(motion.skeleton, offsets=offsets.astype(np.float32))
    return replace(motion, quat=quat_mul(motion.quat.astype(np.float64), turns[None]), skeleton=skeleton)


def through_bvh(motion, folder):
    bvh.write(motion, folder / "clip.bvh")
    return bvh.read(folder / "clip.bvh")


def errors(found, truth):
    """Worst orientation error (degrees) and position error (m) of each landmark over the clip."""
    (pos, quat), (true_pos, true_quat) = found.landmarks(), truth.landmarks()
    turn = np.degrees(quat_angle(quat, true_quat)).max(0)
    away = np.linalg.norm(pos - true_pos, axis=-1).max(0)
    return dict(zip(LANDMARKS, turn, strict=True)), dict(zip(LANDMARKS, away, strict=True))


def test_a_t_pose_at_rest_shows_the_frames(person, tmp_path):
    turn, away = errors(through_bvh(person, tmp_path), person)
    assert max(turn.values()) < BY_POSE, turn
    assert max(away.values()) < 0.01, away


@pytest.mark.parametrize("seed", [0, 1])
def test_the_motion_shows_them_too_in_any_gauge(person, seed, tmp_path):
    clip = through_bvh(regauged(person, seed), tmp_path)
    assert "frames from the motion" in clip.origin.inferred["landmarks"]
    turn, away = errors(clip, person)
    assert max(away.values()) < 0.01, away
    for name, error in turn.items():
        assert error < (BY_HABIT if name.endswith(("wrist", "hand")) else BY_MOTION), (name, turn)


def test_the_motion_alone_does_not_see_the_gauge(person, tmp_path):
    first, second = (through_bvh(regauged(person, seed), tmp_path).landmarks() for seed in (0, 1))
    assert np.degrees(quat_angle(first[1], second[1])).max() < 0.1
    assert np.abs(first[0] - second[0]).max() < 1e-4


def test_a_leading_t_pose_serves_where_the_rest_pose_is_none(tmp_path):
    person = sample.motion("walk", fps=40.0)
    rest = np.zeros((len(person.skeleton.joints), 3))
    for j, p in enumerate(person.skeleton.parents):
        if p >= 0:
            rest[j] = rest[p] + person.skeleton.offsets[j]
    still = np.tile([1.0, 0, 0, 0], (1, len(rest), 1))
    posed = replace(
        person,
        pos=np.concatenate([rest[None] + person.pos[0, 0], person.pos]),
        quat=np.concatenate([still, person.quat]),
        tracks={},
    )
    clip = through_bvh(regauged(posed, 5), tmp_path)
    assert clip.frames == person.frames
    assert "T-pose in the first frame" in clip.origin.inferred["landmarks"]
    assert max(errors(clip, person)[0].values()) < BY_POSE


ARM_REST = {"A-pose": 45.0, "arms down": 85.0}


@pytest.mark.parametrize("pose", ARM_REST)
def test_other_human_rest_poses(pose):
    """Lowering the arms from the T-pose about the forward axis is undone by the calibration."""
    skeleton = sample.standard_skeleton()
    down = np.radians(ARM_REST[pose])
    rest = np.zeros((len(skeleton.joints), 3))
    turns = {}
    for j, p in enumerate(skeleton.parents):
        name = skeleton.joints[j]
        sign = {"left": -1.0, "right": 1.0}.get(name.split("_")[0], 0.0)
        on_arm = any(part in name for part in ("shoulder", "elbow", "wrist", "hand", "finger"))
        turns[j] = (
            np.array([np.cos(down / 2), sign * np.sin(down / 2), 0, 0])
            if on_arm
            else np.array([1.0, 0, 0, 0])
        )
        if p >= 0:
            rest[j] = rest[p] + quat_apply(turns[int(p)], skeleton.offsets[j].astype(np.float64))
    rest += [0, 0, 1.0]
    quat = np.tile([1.0, 0, 0, 0], (5, len(rest), 1))
    pos = np.repeat(rest[None], 5, axis=0)
    biped = find_landmarks(skeleton.joints, skeleton.parents, pos)
    marks = calibrate(biped, skeleton.joints, rest, pos, quat, 30.0).landmarks
    for i, name in enumerate(LANDMARKS):
        want = turns[skeleton.joints.index(name)]
        assert np.degrees(quat_angle(marks.quat[i].astype(np.float64), want)) < 3.0, name


def test_a_body_that_is_never_upright_still_gets_frames(tmp_path):
    person = sample.motion("wave", fps=20.0)
    lying = quat_between(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]))
    pos = quat_apply(lying, person.pos.astype(np.float64)) + np.array([0.0, 0.0, 0.2])
    down = replace(person, pos=pos, quat=quat_mul(lying, person.quat.astype(np.float64)))
    bvh.write(regauged(down, 2), tmp_path / "lying.bvh")
    clip = bvh.read(tmp_path / "lying.bvh", up="y")
    assert "an upright trunk" in clip.origin.inferred["landmarks"]
    turn, _ = errors(clip, down)
    assert max(turn[n] for n in ("pelvis", "chest", "left_shoulder", "right_elbow")) < 15.0, turn


def without(motion, words):
    """The same movement on a skeleton that lacks the joints whose names hold one of these words."""
    skeleton = motion.skeleton
    keep = [j for j, n in enumerate(skeleton.joints) if not any(word in n for word in words)]
    place = {old: new for new, old in enumerate(keep)}
    rest = np.zeros((len(skeleton.joints), 3), dtype=np.float32)
    for j, p in enumerate(skeleton.parents):
        if p >= 0:
            rest[j] = rest[p] + skeleton.offsets[j]
    above = {}
    for old in keep:
        p = int(skeleton.parents[old])
        while p >= 0 and p not in place:
            p = int(skeleton.parents[p])
        above[old] = p
    reduced = replace(
        skeleton,
        joints=tuple(skeleton.joints[j] for j in keep),
        parents=np.array([place.get(above[j], -1) for j in keep]),
        offsets=np.array([rest[j] - rest[above[j]] if above[j] >= 0 else 0 * rest[j] for j in keep]),
        landmarks=skeleton.landmarks.select(("pelvis",)),
    )
    return replace(motion, skeleton=reduced, pos=motion.pos[:, keep], quat=motion.quat[:, keep], tracks={})


@pytest.mark.parametrize("in_gauge", [True, False], ids=["rest", "motion"])
@pytest.mark.parametrize("frames", [1, 2, 60])
def test_landmarks_without_joints_are_placed_on_their_neighbours(frames, in_gauge, tmp_path):
    whole = sample.motion("walk", fps=30.0)
    whole = replace(whole, pos=whole.pos[:frames], quat=whole.quat[:frames], tracks={})
    sparse = without(whole, ("spine", "neck", "collar", "toe", "heel", "hand", "finger", "top"))
    clip = through_bvh(sparse if in_gauge else regauged(sparse, 4), tmp_path)
    turn, away = errors(clip, whole)
    assert set(clip.origin.inferred["placed"].split("; ")) >= {
        "left_toe: by proportion, carried by the ankle"
    }
    assert max(away.values()) < 0.06, away
    assert (
        max(turn[n] for n in ("pelvis", "chest", "head", "left_knee", "right_ankle", "left_elbow")) < 9.0
    ), turn


def test_a_trunk_of_one_joint_is_enough(tmp_path):
    whole = sample.motion("walk", fps=30.0)
    clip = through_bvh(without(whole, ("spine", "chest", "neck", "collar")), tmp_path)
    marks = clip.skeleton.landmarks
    assert {clip.skeleton.joints[marks.carriers[marks.index(n)]] for n in ("pelvis", "spine", "chest")} == {
        "pelvis"
    }
    heights = [
        clip.landmarks()[0][0, marks.index(n), 2] for n in ("pelvis", "spine", "chest", "neck", "head")
    ]
    assert heights == sorted(heights)


def test_frames_are_mirror_images(tmp_path):
    """A symmetric clip gives symmetric frames: y is reflected, x and z are not."""
    marks = through_bvh(sample.motion("squat", fps=40.0), tmp_path).skeleton.landmarks
    for name in LANDMARKS:
        if name.startswith("left_"):
            left, right = (marks.quat[marks.index(n)] for n in (name, "right_" + name[5:]))
            assert np.allclose(left * [1, -1, 1, -1], right, atol=0.02), name
