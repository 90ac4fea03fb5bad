"""The whole report: its schema, its coherence with the certificate, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest
from standing import FPS, FRAMES, double, shifted, stand

from understudy import evaluate
from understudy.errors import LimitError, ShapeError
from understudy.motion import Origin, sample
from understudy.rotations import quat_about, quat_mul


@pytest.fixture
def found(g1, standing):
    return evaluate.report(standing, double(g1, standing), g1)


def test_the_schema(found):
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(told) == [
        "robot", "clip", "fps", "frames", "duration", "metrics", "certificate", "series", "remarks"
    ]  # fmt: skip
    assert (told["robot"], told["fps"], told["frames"]) == ("unitree_g1", FPS, FRAMES)
    for metric in told["metrics"]:
        assert set(metric) == {"key", "label", "value", "unit", "better", "note", "over"}
    keys = [metric["key"] for metric in told["metrics"]]
    assert len(set(keys)) == len(keys)
    for check in told["certificate"]["checks"]:
        assert set(check) == {
            "name", "label", "threshold", "unit", "value", "passed", "worst_frame", "worst_time", "where"
        }  # fmt: skip
    assert set(told["series"]) == {
        "keypoint_error_m", "keypoint_error_world_m", "orientation_error_rad", "max_joint_step_rad",
        "max_joint_speed_ratio", "limit_margin_rad", "self_collision_depth_m", "lowest_point_m",
        "left_sole_height_m", "right_sole_height_m", "left_stance", "right_stance", "left_flat_stance",
        "right_flat_stance",
    }  # fmt: skip
    assert all(len(values) == FRAMES for values in told["series"].values())


def test_a_robot_that_stands_like_its_double_has_nothing_to_answer_for(found):
    assert found.certificate.passed
    for key in ("joint_jumps", "unexplained_jumps", "above_motor_speed", "outside_range", "self_collision"):
        assert found[key].value == 0.0
    for key in ("floor_penetration", "flat_skating", "sole_height_error", "jerk_mean", "orientation_error"):
        assert found[key].value == pytest.approx(0.0, abs=0.05)
    assert found["keypoint_error"].value < 1.0


def test_an_unknown_metric_is_a_key_error(found):
    with pytest.raises(KeyError):
        found["beauty"]


def test_a_synthetic_person_against_a_robot_that_only_stands(g1):
    human = sample.motion("walk", fps=60.0)
    robot = stand(g1, human.frames, 60.0)
    walked = evaluate.report(robot, human, g1)
    assert walked["keypoint_error"].value > 3.0
    assert walked["keypoint_error_world"].value > walked["keypoint_error"].value
    assert walked["flat_skating"].value == pytest.approx(0.0, abs=1e-3)
    assert walked["flat_skating_human"].value < 6.0


def test_frame_rates_may_differ(g1, standing):
    human = double(g1, stand(g1, 4 * (FRAMES - 1) + 1, 4 * FPS))
    found = evaluate.report(standing, human, g1)
    assert found.frames == FRAMES
    assert found["keypoint_error"].value < 1.0


def test_the_clips_source_is_named(g1, standing):
    human = replace(double(g1, standing), origin=Origin(source="dance.bvh"))
    assert evaluate.report(standing, human, g1).clip == "dance.bvh"


def test_clips_that_do_not_fit_are_refused(g1, standing):
    with pytest.raises(LimitError):
        evaluate.report(standing, double(g1, stand(g1, 10 * FRAMES)), g1)


def test_nan_is_refused(g1, standing):
    human = double(g1, standing)
    standing.root_pos[3] = np.nan
    with pytest.raises(ShapeError, match="not finite"):
        evaluate.report(standing, human, g1)


def test_the_same_motion_gives_the_same_report(g1, standing):
    lifted = shifted(standing, np.array([0, 0, 0.01]))
    human = double(g1, standing)
    assert evaluate.report(lifted, human, g1).to_dict() == evaluate.report(lifted, human, g1).to_dict()


def test_without_a_human_only_what_needs_none_is_measured(g1, standing):
    alone = evaluate.report(standing, robot=g1)
    compared = evaluate.report(standing, double(g1, standing), g1)
    keys = [m.key for m in alone.metrics]
    assert "keypoint_error" not in keys
    assert "flat_skating" not in keys
    for key in keys:
        assert alone[key].value == compared[key].value
    assert set(alone.series) < set(compared.series)
    assert alone.certificate.checks[3].label == "No jump"


def test_a_single_frame_can_be_reported(g1):
    robot = stand(g1, 1)
    found = evaluate.report(robot, double(g1, robot), g1)
    assert found.certificate.passed
    assert found["jerk_mean"].value is None
    assert found["joint_jumps"].over == 1


def test_clips_that_disagree_about_forward_are_pointed_out(g1, standing):
    turned = quat_about("z", np.full(FRAMES, np.pi / 2, np.float32))
    aside = replace(standing, root_quat=quat_mul(turned, standing.root_quat))
    note = evaluate.report(aside, double(g1, standing), g1)["keypoint_error"].note
    assert "faces +90° away" in note
