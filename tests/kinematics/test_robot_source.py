"""A robot's motion as a source: exact landmarks, and back to the same robot by the way of a human's."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import kinematics, motion, retarget, robots
from understudy.errors import SkeletonMismatch
from understudy.kinematics.robot_source import skeleton_of
from understudy.motion import sample
from understudy.motion.landmarks import LANDMARKS
from understudy.rotations import quat_angle

KEYS = ("pelvis", "hip", "knee", "ankle", "shoulder", "elbow", "wrist")


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def ik(g1):
    return retarget.FrameIK(g1)


def return_errors(g1, ik, made):
    """The way to a body and back: key points (m) and joints (rad), how far off."""
    [back] = ik([kinematics.human_of(g1, made)])
    rows = [k for k, name in enumerate(g1.landmarks.names) if name.split("_")[-1] in KEYS]
    here, there = (kinematics.landmark_tracks(g1, clip)[0][:, rows] for clip in (made, back))
    return np.linalg.norm(here - there, axis=-1), np.abs(made.joint_pos - back.joint_pos)


def test_the_body_is_the_robots_landmarks(g1, ik):
    [made] = ik([sample.motion("wave")])
    made = replace(made, tracks={"left_contact": np.ones(made.frames)})
    human = kinematics.human_of(g1, made)
    assert human.skeleton.landmarks.names == human.skeleton.joints == g1.landmarks.names
    for ours, theirs in zip(human.landmarks(), kinematics.landmark_tracks(g1, made), strict=True):
        assert np.allclose(ours, theirs, atol=1e-6)
    assert human.fps == made.fps
    assert human.tracks.keys() == made.tracks.keys()
    assert human.origin.history[-1] == {"arrow": "human_of", "robot": "unitree_g1"}
    assert human.origin.history[:-1] == made.origin.history


def test_the_tree_is_the_bodys(g1):
    skeleton = skeleton_of(g1)
    parent = {
        name: skeleton.joints[p] for name, p in zip(skeleton.joints, skeleton.parents, strict=True) if p >= 0
    }
    assert parent["left_knee"] == "left_hip"
    assert parent["left_hip"] == "pelvis"
    assert parent["right_shoulder"] == "right_collar"
    offset = dict(zip(skeleton.joints, skeleton.offsets, strict=True))
    assert not offset["pelvis"].any()
    assert offset["left_shoulder"][1] > 0.05
    assert np.allclose(offset["left_hip"] * [1, -1, 1], offset["right_hip"], atol=1e-4)


def test_a_robot_without_some_landmarks(g1):
    some = tuple(n for n in LANDMARKS if n not in ("spine", "chest", "left_collar", "right_collar", "head"))
    fewer = replace(g1, landmarks=g1.landmarks.select(some))
    skeleton = skeleton_of(fewer)
    parent = {
        name: skeleton.joints[p] for name, p in zip(skeleton.joints, skeleton.parents, strict=True) if p >= 0
    }
    assert skeleton.joints == some
    assert parent["neck"] == parent["left_shoulder"] == "pelvis"


@pytest.mark.parametrize("name", ["walk", "wave"])
def test_the_same_robot_does_nearly_the_same(g1, ik, name):
    [made] = ik([sample.motion(name)])
    apart, joints = return_errors(g1, ik, made)
    assert apart.mean() < 0.004
    assert np.percentile(apart, 99) < 0.02
    assert np.median(joints) < 0.005


def test_left_and_right(g1, ik):
    """Seen in a mirror before or after, the body is the same one, to what the robot's own sides differ."""
    [made] = ik([sample.motion("walk")])
    other = motion.mirror_robot(made, *g1.mirror)
    before, after = kinematics.human_of(g1, other), motion.mirror(kinematics.human_of(g1, made))
    assert np.abs(before.pos - after.pos).max() < 1e-3
    assert quat_angle(before.quat.astype(float), after.quat.astype(float)).max() < 1e-3


def test_another_robots_motion_is_refused(g1, ik):
    [made] = ik([sample.motion("wave")])
    with pytest.raises(SkeletonMismatch):
        kinematics.human_of(g1, replace(made, joints=made.joints[::-1]))


@pytest.mark.corpus
@pytest.mark.parametrize(
    "file", ["cmu_rnn_salsa/60_07.bvh", "cmu_rnn_martial/135_04.bvh", "cmu_rnn_indian/94_04.bvh"]
)
def test_dances_and_kicks_come_back(corpus, g1, ik, file):
    human = motion.load(corpus / "permissive" / file, start=1.0, end=4.0)
    [made] = ik([motion.sample_every(human, 30.0)])
    apart, joints = return_errors(g1, ik, made)
    assert apart.mean() < 0.01
    assert np.median(joints) < 0.02
