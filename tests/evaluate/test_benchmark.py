"""The measure: classes by rule, pooling, failed clips in the denominator, taking up an interrupted run."""

import json
from dataclasses import replace

import numpy as np
import pytest

from understudy import retarget, robots
from understudy.errors import LimitError, UnderstudyError
from understudy.evaluate import benchmark, pooling
from understudy.evaluate.benchmark import Block, Clip, ClipResult, Results, run
from understudy.evaluate.classes import complexity, length_class
from understudy.evaluate.summary import summary
from understudy.motion import sample


@pytest.fixture(scope="module")
def frame_ik():
    return retarget.METHODS["frame-ik"](robots.load("unitree_g1"))


class Refusing:
    """A method that refuses one kind of clip, breaks on another, and copies a real method otherwise."""

    def __init__(self, method, refused, broken=""):
        self.robot, self._method, self._refused, self._broken = method.robot, method, refused, broken
        self.calls = 0

    def __call__(self, motions):
        self.calls += 1
        if motions[0].origin.source == self._refused:
            raise LimitError("too hard")
        if motions[0].origin.source == self._broken:
            raise IndexError("off by one")
        return self._method(motions)


def clip(name, fps=30.0):
    human = sample.motion(name, fps=fps)
    return Clip(name, lambda: replace(human, origin=replace(human.origin, source=name)))


def result(name, metrics=(), *, frames=100, error="", method="m", passed=True, seconds=1.0):
    blocks = {} if error else {"raw": Block(tuple(metrics), passed, ())}
    return ClipResult("", name, method, frames, 30.0, "ULOM", "S", seconds, seconds, error, blocks, None)


def metric(key, value, over, unit="cm"):
    return {
        "key": key,
        "label": key,
        "value": value,
        "unit": unit,
        "better": "lower",
        "note": "",
        "over": over,
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [("stand", "ULOM"), ("wave", "ULOM"), ("walk", "WBPM"), ("turn", "WBPM")],
)
def test_the_complexity_of_a_clip_is_judged_by_rule(name, kind):
    assert complexity(sample.motion(name, fps=30.0)) == kind


def test_a_crouched_walk_with_raised_hands_is_no_locomotion():
    human = sample.motion("walk", fps=30.0)
    marks = human.skeleton.landmarks
    pos = human.pos.copy()
    for side in ("left", "right"):
        pos[:, marks.carriers[marks.index(f"{side}_wrist")], 2] += 1.5
    assert complexity(replace(human, pos=pos)) == "WBCM"


def test_the_complexity_does_not_depend_on_frame_rate_place_or_heading():
    human = sample.motion("walk", fps=120.0)
    moved = replace(human, pos=human.pos * [-1.0, -1.0, 1.0] + [5.0, 3.0, 0.0])
    assert complexity(human) == complexity(moved) == "WBPM"


@pytest.mark.parametrize(("frames", "kind"), [(1, "S"), (249, "S"), (250, "M"), (1000, "M"), (1001, "L")])
def test_length_classes(frames, kind):
    assert length_class(frames) == kind


def test_clips_are_pooled_by_their_denominators():
    some = [
        result("a", [metric("error", 1.0, 100), metric("max_joint_speed", 3.0, 100)]),
        result("b", [metric("error", 4.0, 300), metric("max_joint_speed", 2.0, 300)]),
        result("c", [metric("error", None, 0), metric("max_joint_speed", 1.0, 10)]),
    ]
    pooled = pooling.pool(some)
    assert pooled["error"].value == pytest.approx((100 * 1.0 + 300 * 4.0) / 400)
    assert (pooled["error"].over, pooled["error"].clips) == (400, 2)
    assert pooled["max_joint_speed"].value == 3.0


def test_frames_of_failed_clips_are_bad_in_every_share_and_absent_from_errors():
    some = [
        result("a", [metric("error", 1.0, 100), metric("bad", 10.0, 100, "%")]),
        result("b", frames=300, error="LimitError: too hard"),
    ]
    pooled = pooling.pool(some)
    assert pooled["bad"].value == pytest.approx((100 * 10 + 300 * 100) / 400)
    assert (pooled["bad"].over, pooled["bad"].clips) == (400, 2)
    assert (pooled["error"].value, pooled["error"].over) == (1.0, 100)
    counted = pooling.counts(some)
    assert (counted.clips, counted.made, counted.passed) == (2, 1, 1)
    assert (counted.frames, counted.frames_made) == (400, 100)


def test_what_the_robot_has_not_got_is_no_failed_clip_s_fault():
    some = [
        result("a", [metric("floor_penetration", None, 0, "%")]),
        result("b", frames=300, error="LimitError: too hard"),
    ]
    pooled = pooling.pool(some)["floor_penetration"]
    assert (pooled.value, pooled.over, pooled.clips) == (None, 0, 0)


def test_ratios_are_taken_on_the_clips_that_both_made():
    mine = [result("a", [metric("error", 1.0, 100)]), result("b", [metric("error", 9.0, 100)])]
    theirs = [result("a", [metric("error", 2.0, 100)]), result("b", error="broke")]
    assert pooling.ratios(mine, theirs) == {"error": 0.5}
    assert pooling.ratios(mine, [result("a", [metric("error", 0.0, 100)])]) == {"error": None}


def test_speed_is_frames_over_time_and_failed_clips_take_no_part():
    some = [result("a", frames=100, seconds=1.0), result("b", frames=300, seconds=1.0)]
    fast = pooling.speed([*some, result("c", frames=999, seconds=0.1, error="broke")])
    assert fast is not None
    assert fast.per_second == pytest.approx(200)
    assert fast.p99_ms == pytest.approx(10.0)
    assert fast.p50_ms == pytest.approx(1000 / 300)
    assert pooling.speed([result("a", error="broke")]) is None


def test_a_run_measures_every_clip_by_every_method(frame_ik):
    other = Refusing(frame_ik, "turn", "wave")
    outcome = run([clip("turn"), clip("wave"), clip("stand")], {"frame-ik": frame_ik, "other": other})
    assert [(r.clip, r.method) for r in outcome.results] == [
        (c, m) for c in ("turn", "wave", "stand") for m in ("frame-ik", "other")
    ]
    assert outcome.methods == ("frame-ik", "other")
    errors = {r.clip: r.error for r in outcome.of("other")}
    assert errors == {"turn": "LimitError: too hard", "wave": "IndexError: off by one", "stand": ""}
    assert all(r.seconds > 0 and r.cpu_seconds >= 0 for r in outcome.results)
    sound = outcome.of("frame-ik")[0]
    assert set(sound.blocks) == set(benchmark.BLOCKS)
    assert sound.blocks["raw"].passed
    assert sound.worst is not None
    assert 0 <= sound.worst.frame < sound.frames


def test_a_motion_of_another_length_is_a_failure(frame_ik):
    class Shortening:
        robot = frame_ik.robot

        def __call__(self, motions):
            [made] = frame_ik(motions)
            cut = {k: getattr(made, k)[:-1] for k in ("root_pos", "root_quat", "joint_pos")}
            return [replace(made, **cut)]

    [found] = run([clip("stand")], {"short": Shortening()}).results
    assert "frames" in found.error
    assert not found.blocks


def test_a_clip_that_cannot_be_read_is_told_and_no_method_is_charged(frame_ik):
    def fail():
        raise UnderstudyError("no such format")

    told = []
    outcome = run([Clip("bad", fail), clip("stand")], {"frame-ik": frame_ik}, told=told.append)
    assert [(u.clip, u.error) for u in outcome.unread] == [("bad", "no such format")]
    assert len(outcome.results) == 1
    assert len(told) == 2
    assert summary(outcome, "frame-ik")["asked"] == 2


def test_an_interrupted_run_is_taken_up_again(frame_ik, tmp_path):
    method, path = Refusing(frame_ik, "turn"), tmp_path / "deep" / "results.jsonl"
    first = run([clip("turn"), clip("stand")], {"m": method}, store=Results(path))
    assert method.calls == 2
    path.write_text(path.read_text() + '{"torn line')
    again = run([clip("turn"), clip("stand"), clip("wave")], {"m": method}, store=Results(path))
    assert method.calls == 3
    assert again.results[:2] == first.results
    assert run([clip("wave")], {"m": method}, store=Results(path)).results == again.results[2:]
    assert method.calls == 3


def test_one_clip_under_two_names_is_measured_once_and_counted_twice(frame_ik, tmp_path):
    method, store = Refusing(frame_ik, ""), Results(tmp_path / "results.jsonl")
    twin = Clip("twin", clip("stand").load)
    outcome = run([clip("stand"), twin], {"m": method}, store=store)
    assert [r.clip for r in outcome.results] == ["stand", "twin"]
    assert method.calls == 1


@pytest.mark.parametrize("change", ["force", "version", "clip", "name"])
def test_what_a_result_depends_on_makes_it_anew(frame_ik, tmp_path, change):
    method, store = Refusing(frame_ik, ""), Results(tmp_path / "results.jsonl")
    run([clip("stand")], {"m": method}, store=store, version="1")
    run(
        [clip("stand", 20.0 if change == "clip" else 30.0)],
        {"n" if change == "name" else "m": method},
        store=store,
        force=change == "force",
        version="2" if change == "version" else "1",
    )
    assert method.calls == 2


def test_the_configuration_is_part_of_the_key(frame_ik):
    loose = retarget.FrameIK(frame_ik.robot, retarget.FrameIKConfig(iterations=3))
    keys = {benchmark.result_key("content", "m", method, "1") for method in (frame_ik, loose)}
    assert len(keys) == 2


def test_the_digest_of_code_follows_its_content(tmp_path):
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "__pycache__").mkdir()
    before = benchmark.code_digest([tmp_path])
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert benchmark.code_digest([tmp_path]) == before
    (tmp_path / "a.py").write_text("2")
    assert benchmark.code_digest([tmp_path]) != before


def test_the_summary_is_plain_and_complete(frame_ik):
    methods = {"frame-ik": frame_ik, "other": Refusing(frame_ik, "turn")}
    outcome = run([clip("turn"), clip("wave")], methods)
    found = json.loads(json.dumps(summary(outcome, "frame-ik"), allow_nan=False))
    assert set(found) == {"version", "reference", "rules", "asked", "unread", "methods", "clips"}
    other = found["methods"]["other"]
    assert set(other) == {"counts", "speed", "failed", "blocks"}
    assert other["failed"] == [{"clip": "turn", "error": "LimitError: too hard"}]
    raw = other["blocks"]["raw"]
    assert set(raw) == {"measured", "passed", "all", "ratios", "complexity", "length"}
    assert raw["ratios"]["keypoint_error"] == pytest.approx(1.0)
    assert set(raw["all"]["keypoint_error"]) == {"label", "unit", "value", "over", "clips"}
    assert set(raw["complexity"]) == {"ULOM", "WBPM"}
    assert raw["complexity"]["WBPM"]["counts"]["made"] == 0
    assert len(found["clips"]) == 4
    values = found["clips"][0]["values"]
    assert values["keypoint_error"][1] == found["clips"][0]["frames"]
    assert np.isfinite(values["keypoint_error"][0])
    assert summary(outcome, "nobody")["reference"] is None


def test_results_survive_the_file(frame_ik):
    for made in run([clip("turn"), clip("stand")], {"m": Refusing(frame_ik, "turn")}).results:
        assert ClipResult.from_json(made.to_json()) == made
