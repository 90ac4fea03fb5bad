"""Robots of all kinds are measured; what they have not got is left out in words, never as a zero."""

import json
from dataclasses import replace

import numpy as np
import pytest
from standing import double, stand

from understudy import evaluate, robots
from understudy.errors import SkeletonMismatch
from understudy.evaluate.metrics_contact import STANDING, floor_give
from understudy.evaluate.scope import Scope, scope_of
from understudy.evaluate.stance import detect
from understudy.evaluate.tracks import HumanTracks
from understudy.motion import Origin, RobotMotion, sample
from understudy.rotations import quat_about, quat_apply, quat_mul

ROBOTS = ("unitree_g1_upper", "unitree_h1", "booster_t1", "pal_talos", "toddlerbot")
LEGS = ("hip", "knee", "ankle", "toe")
ARMS = ("collar", "shoulder", "elbow", "wrist", "hand")


@pytest.fixture(scope="module")
def upper():
    return robots.load("unitree_g1_upper")


def without(robot, parts, **changes):
    """The robot with all landmarks of a limb taken away."""
    names = tuple(n for n in robot.landmarks.names if n.split("_")[-1] not in parts)
    return replace(robot, landmarks=robot.landmarks.select(names), **changes)


def sway(robot, frames, fps=30.0):
    """Root at home, and every joint swinging a little about it, inside its range and at a quarter of motor speed."""
    phase = 2 * np.pi * 0.3 * np.arange(frames)[:, None] / fps + np.arange(len(robot.joints))
    width = np.minimum(0.15 * (robot.upper - robot.lower), 0.25 * robot.velocity_limit / (2 * np.pi * 0.3))
    joints = np.clip(robot.home[7:] + width * np.sin(phase), robot.lower, robot.upper)
    root = np.tile(robot.home[:7], (frames, 1))
    return RobotMotion(robot.name, robot.joints, fps, root[:, :3], root[:, 3:], joints)


def keys_without_value(report):
    return {metric.key for metric in report.metrics if metric.value is None}


@pytest.mark.parametrize("name", ROBOTS)
@pytest.mark.parametrize("fps", [30.0, 50.0])
def test_every_robot_is_measured_and_certified(name, fps):
    robot, human = robots.load(name), sample.motion("reach", fps=fps)
    made = sway(robot, human.frames, fps)
    report = evaluate.report(made, human, robot)
    told = json.dumps(report.to_dict(), allow_nan=False)
    assert json.loads(told)["certificate"]["robot"] == name
    assert report.certificate == evaluate.certify(made, human, robot)
    assert report.certificate.belongs_to(evaluate.attach(made, report.certificate))
    assert report["keypoint_error"].value > 0
    for metric in report.metrics:
        assert metric.value is not None or metric.note
    alone = evaluate.report(made, robot=robot)
    assert all(alone[metric.key].value == report[metric.key].value for metric in alone.metrics)


@pytest.mark.parametrize("name", ROBOTS)
def test_a_robots_double_is_almost_free_of_error(name):
    """Also where the root is not the body that carries the legs, as on the T1 and on ToddlerBot."""
    robot = robots.load(name)
    standing = sway(robot, 20) if robot.fixed_base else stand(robot, 20)
    report = evaluate.report(standing, double(robot, standing), robot)
    assert report["keypoint_error"].value < 2.0 * robot.height
    assert report["orientation_error"].value == pytest.approx(0.0, abs=1e-3)


def test_what_a_robot_on_a_stand_has_not_got_is_said_in_words(upper):
    human = sample.motion("wave", fps=30.0)
    report = evaluate.report(sway(upper, human.frames), human, upper)
    under = ("floor_penetration", "floor_depth_max", "feet_depth", "floor_penetration_alone")
    assert {*under, *STANDING, "keypoint_error_world"} <= keys_without_value(report)
    for key in under:
        assert report[key].note == "the base is fixed: not measured"
    for key in STANDING:
        assert report[key].note == "the robot has no feet: not measured"
    assert report["keypoint_error"].note.startswith("elbows, wrists; ")
    assert "seen from its own pelvis" in report["keypoint_error"].note
    assert "the robot has no legs: key points of the legs not measured" in report.remarks
    assert "the base is fixed: the floor is not checked" in report.certificate.remarks
    assert not any("sole" in name or "stance" in name or "lowest" in name for name in report.series)


def test_a_fixed_base_is_checked_for_staying_at_home(upper):
    made = sway(upper, 30)
    names = ["finite", "joint_limits", "motor_speed", "jumps", "self_collision", "fixed_base"]
    assert [check.name for check in evaluate.certify(made, robot=upper).checks] == names
    moved, turned = made.root_pos.copy(), made.root_quat.copy()
    moved[7, 0] += 0.003
    turned[9] = quat_mul(quat_about("x", np.array(0.02)), turned[9])
    for other, frame, value in (
        (replace(made, root_pos=moved), 7, 3.0),
        (replace(made, root_quat=turned), 9, 20.0),
    ):
        check = evaluate.certify(other, robot=upper).checks[-1]
        assert not check.passed
        assert (check.worst_frame, check.value) == (frame, pytest.approx(value, rel=1e-3))
    assert evaluate.certify(evaluate.filtered(made), robot=upper).checks[-1].passed
    made.root_pos[3] = np.nan
    assert [check.name for check in evaluate.certify(made, robot=upper).checks] == names


def test_a_fixed_base_sees_the_human_from_its_pelvis(upper):
    made = sway(upper, 40)
    human = double(upper, made)
    turns, way = quat_about("z", np.linspace(0.3, 4.0, 40)), np.linspace(0, 5, 120).reshape(40, 1, 3)
    pos = quat_apply(turns[:, None], human.pos.astype(np.float64)) + way
    walking = replace(human, pos=pos, quat=quat_mul(turns[:, None], human.quat.astype(np.float64)))
    here, there = (evaluate.report(made, h, upper) for h in (human, walking))
    for key in ("keypoint_error", "orientation_error"):
        assert there[key].value == pytest.approx(here[key].value, abs=2e-3)
    lean = quat_about("y", np.full((40, 1), 0.3))
    pos = quat_apply(lean, human.pos.astype(np.float64))
    leaning = replace(human, pos=pos, quat=quat_mul(lean, human.quat.astype(np.float64)))
    assert evaluate.report(made, leaning, upper)["orientation_error"].value == pytest.approx(
        np.degrees(0.3), 1e-2
    )


def test_a_moving_robot_without_legs_still_has_a_floor(upper):
    hovering = replace(upper, fixed_base=False)
    report = evaluate.report(sway(hovering, 73), sample.motion("reach", fps=30.0), hovering)
    assert report.certificate.checks[-1].name == "floor"
    assert report["floor_penetration"].value == 0.0
    assert report["feet_depth"].value is None
    assert report["keypoint_error_world"].note == "the robot has no legs: not measured"


def test_without_arms_only_legs_are_compared(g1, standing):
    armless = without(g1, ARMS)
    report = evaluate.report(standing, double(g1, standing), armless)
    assert report["keypoint_error"].note.startswith("knees, ankles; ")
    assert report["orientation_error"].note.startswith("mean over 6 landmarks")
    assert report["keypoint_error_world"].value is not None
    assert report.remarks == ("the robot has no arms: key points of the arms not measured",)


def test_without_any_limb_there_are_no_key_points(g1, standing):
    trunk = without(g1, LEGS + ARMS, feet={})
    report = evaluate.report(standing, double(g1, standing), trunk)
    assert report["keypoint_error"].value is None
    assert report["keypoint_error"].note == "the robot has no legs and the robot has no arms: not measured"
    assert report["orientation_error"].value == pytest.approx(0.0, abs=1e-3)
    assert "keypoint_error_m" not in report.series


def test_a_source_without_legs_is_compared_by_its_arms(g1, standing, upper):
    human = double(upper, sway(upper, standing.frames))
    report = evaluate.report(standing, human, g1)
    assert report["keypoint_error"].note.startswith("elbows, wrists; ")
    assert report["floor_penetration"].value == 0.0
    assert report["floor_penetration_alone"].note == "the human has no feet: not measured"
    assert report["flat_skating"].note == "the human has no legs: not measured"


@pytest.mark.parametrize(
    ("parts", "points", "left_out"),
    [("upper", "elbows, wrists", "flat_skating"), ("lower", "knees, ankles", None)],
)
def test_parts_that_a_method_held_still_are_not_held_against_it(g1, standing, parts, points, left_out):
    human = double(g1, standing)
    history = ({"arrow": "retarget.frame_ik", "configuration": {"parts": parts}},)
    report = evaluate.report(replace(standing, origin=Origin(history=history)), human, g1)
    assert report["keypoint_error"].note.startswith(points)
    assert report.certificate.checks[-1].name == "floor"
    assert any("held still" in remark for remark in report.remarks)
    if left_out:
        assert report[left_out].value is None
        assert report["keypoint_error_world"].note == "the root was held still: not measured"
    else:
        assert report["flat_skating"].value is not None


def test_nothing_is_out_of_scope_of_a_whole_robot_and_a_whole_human(g1):
    assert scope_of(g1, g1.landmarks.names, ()) == Scope()
    assert Scope().reasons == ()


def test_half_a_limb_is_refused_by_name(g1, standing):
    names = tuple(n for n in g1.landmarks.names if n != "left_elbow")
    with pytest.raises(SkeletonMismatch, match="left_elbow"):
        evaluate.report(standing, double(g1, standing), replace(g1, landmarks=g1.landmarks.select(names)))


@pytest.mark.parametrize(
    ("name", "most"),
    [("unitree_g1", 5.0), ("unitree_h1", 5.0), ("toddlerbot", 5.0 * 0.561 / 1.3)],
)
def test_small_robots_are_held_to_less_under_the_floor(name, most):
    robot = robots.load(name)
    assert 1e3 * floor_give(robot) == pytest.approx(most, rel=1e-6)
    standing = stand(robot)
    assert evaluate.certify(standing, robot=robot).checks[-1].threshold == pytest.approx(most, rel=1e-6)
    for share, passed in ((0.9, True), (1.1, False)):
        sunk = replace(standing, root_pos=standing.root_pos - np.array([0, 0, 1e-3 * share * most]))
        assert evaluate.certify(sunk, robot=robot).checks[-1].passed is passed
        assert (evaluate.report(sunk, robot=robot)["floor_penetration"].value == 0.0) is passed


def test_small_bodies_step_as_large_ones_do():
    human = HumanTracks.of(sample.motion("walk", fps=60.0))
    child = replace(human, pos=0.25 * human.pos, floor=0.25 * human.floor)
    theirs = detect(replace(human, pos=human.pos * 0.6 / human.leg, floor=human.floor * 0.6 / human.leg))
    ours = detect(child)
    for side in ("left", "right"):
        np.testing.assert_array_equal(ours.flat[side], theirs.flat[side])
        assert 0.4 < ours.flat[side].mean() < 0.8
    assert ours.ankle_level == pytest.approx(theirs.ankle_level * 0.25 * human.leg / 0.6)
