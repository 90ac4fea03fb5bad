"""Motions performed in the tracking environment, and performances done over again."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_clips import still, sway

from understudy.errors import LimitError, MissingExtra
from understudy.evaluate import physical
from understudy.evaluate.tracks import align
from understudy.kinematics import human_of
from understudy.motion import Origin
from understudy.physics import (
    Gains,
    PhysicsConfig,
    RefineConfig,
    beyond_mimic,
    load_policy,
    perform,
    refine,
    replay,
)
from understudy.physics.planner import PlanConfig

STIFF = PhysicsConfig(give=0.01)


@pytest.fixture(scope="module")
def stood(g1):
    """Half a second of standing, and what falls from the air at once."""
    physics = replace(STIFF, gains=Gains.stiff(g1))
    return perform([still(g1, 26, name="low"), sway(g1, 40, 30.0, name="high")], g1, physics=physics)


def same(a, b):
    arrays = ("actions", "contacts", "torque", "saturation", "work", "ground_force")
    assert np.array_equal(a.achieved.qpos, b.achieved.qpos)
    for name in arrays:
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert (a.fell_at, a.feet, a.retries, a.fault) == (b.fell_at, b.feet, b.retries, b.fault)


def test_stiff_motors_hold_a_stance_and_no_sky(g1, stood):
    low, high = stood
    assert low.finished
    assert low.achieved.frames == low.reference.frames == 26
    assert low.contacts.all()
    assert low.achieved.origin.source == "low"
    assert not high.finished
    assert 0.0 < (high.fell_at or 0.0) < 0.5
    assert high.achieved.frames == round((high.fell_at or 0.0) * 50) + 1 < high.reference.frames
    assert not high.contacts.any()


def test_targets_of_the_motors_alone_are_the_frames_that_steps_end_in(stood):
    low, high = stood
    for rollout in (low, high):
        steps = len(rollout.actions)
        assert rollout.actions == pytest.approx(rollout.reference.joint_pos[1 : steps + 1], abs=1e-5)


def test_a_performance_repeats_itself_to_the_bit(g1, stood):
    for rollout in stood:
        same(replay(rollout, g1), rollout)


def test_episodes_of_a_disturbed_task_differ_and_follow_from_the_seed(g1):
    def run(seed):
        return perform([still(g1, 12)], g1, task=replace(beyond_mimic(), pushes=None), seed=seed, episodes=2)

    first, again, other = run(1), run(1), run(2)
    assert len(first) == 2
    assert not np.array_equal(first[0].achieved.qpos, first[1].achieved.qpos)
    same(first[0], again[0])
    same(replay(first[1], g1), first[1])
    assert not np.array_equal(first[0].achieved.qpos, other[0].achieved.qpos)
    assert [r.achieved.origin.history[-1]["episode"] for r in first] == [0, 1]


def test_a_function_is_a_policy_and_sees_what_the_actor_sees(g1):
    seen = []

    def act(rows):
        seen.append(rows.shape)
        return torch.zeros(len(rows), 29)

    [rollout] = perform([still(g1, 4)], g1, act)
    assert seen == [(1, 160)] * 3
    assert rollout.actions == pytest.approx(np.tile(g1.home[7:], (3, 1)), abs=1e-6)


def test_what_was_performed_is_measured(g1, stood):
    rows = [physical.measure(rollout, g1) for rollout in stood]
    assert rows[0]["success"] == 100.0
    assert rows[0]["mpjpe"] < 2.0
    assert rows[0]["slip"] < 5.0
    assert rows[0]["float"] == 0.0
    assert rows[1]["success"] == 0.0
    assert "slip" not in rows[1]
    assert physical.pooled(rows, ["ULOM", "WBCM"])["all"]["success"] == 50.0


def test_a_short_refinement_is_measured_and_stays_within_its_means(g1):
    plan = PlanConfig(samples=8, iterations=1, threads=1)
    rollout = refine(still(g1, 15), g1, RefineConfig(plan=plan))
    row = physical.measure(rollout, g1)
    assert row["success"] == row["performed"] == 100.0
    assert row["w_mpjpe"] < 5.0
    assert row["float"] == 0.0
    assert 0.4 < row["peak_force"] < 3.0
    same(replay(rollout, g1), rollout)


def test_what_cannot_be_performed_or_replayed_is_refused(g1, stood):
    with pytest.raises(LimitError, match="At least one motion"):
        perform([], g1)
    with pytest.raises(LimitError, match="one episode"):
        perform([still(g1, 9)], g1, episodes=0)
    with pytest.raises(LimitError, match="too short to track"):
        perform([still(g1, 1)], g1)
    with pytest.raises(LimitError, match=r"perform or physics\.refine"):
        replay(replace(stood[0], achieved=stood[0].reference), g1)
    with pytest.raises(LimitError, match="seed"):
        perform([still(g1, 9)], g1, seed=-1)
    told = stood[0].achieved.origin.history[-1]
    for change in (
        {"physics": 3},
        {"physics": {**told["physics"], "damping": [1.0]}},
        {"physics": {**told["physics"], "substeps": "many"}},
        {"begun": {}},
        {"begun": {**told["begun"], "qvel": "fast"}},
    ):
        spoilt = replace(stood[0].achieved, origin=Origin(history=({**told, **change},)))
        with pytest.raises(LimitError, match="how it began"):
            replay(replace(stood[0], achieved=spoilt), g1)


def test_a_policy_that_gives_no_numbers_is_named_and_no_fall(g1):
    def act(rows):
        acts.append(1)
        return torch.full((len(rows), 29), torch.nan if len(acts) == 3 else 0.0)

    acts = []
    [rollout] = perform([still(g1, 9)], g1, act)
    assert rollout.fell_at == pytest.approx(0.06)
    assert "target" in (rollout.fault or "")


def test_a_fall_is_no_cut_of_the_motion_that_was_asked_for(g1, stood):
    """What the history tells of the beginning is not taken for the place of a part in a whole."""
    high = stood[1]
    with pytest.raises(LimitError, match="does not record which part"):
        align(high.achieved, human_of(g1, high.reference))


def test_without_a_runtime_for_policies_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"understudy\[policy\]"):
        load_policy(tmp_path / "policy.onnx")
