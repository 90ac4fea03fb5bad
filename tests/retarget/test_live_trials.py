"""The trials of ``benchmarks.live_ik``: any one can be had alone, starts are safe, targets where they should be."""

import numpy as np
import pytest

from benchmarks import live_ik
from benchmarks.live_trials import DEEPEST, FINAL_DEPTH, PROTOCOL, STEPS, Space, trials
from understudy import robots
from understudy.retarget.live.problem import LiveProblem


@pytest.fixture(scope="module")
def space():
    return Space(LiveProblem.build(robots.load("unitree_g1"), PROTOCOL))


@pytest.fixture(scope="module")
def made(space):
    return trials(space, range(6))


def test_a_trial_is_the_same_in_any_company(space, made):
    [alone] = trials(space, [4])
    assert np.array_equal(alone.qpos, made[4].qpos)
    assert np.array_equal(alone.targets, made[4].targets)


def test_starts_are_safe_and_targets_start_at_the_hands(space, made):
    for trial in made:
        pose = space.problem.pose(trial.qpos)
        assert space.problem.barrier_values(pose).min() > 0.0
        assert trial.targets.shape == (STEPS, 2, 3)
        for side in (0, 1):
            assert np.linalg.norm(trial.targets[0, side] - space.hand(pose, side)) < 5e-3
            depths = [space.depth(point)[0] for point in trial.targets[:, side]]
            assert max(depths) < DEEPEST + 5e-3
            assert depths[-1] <= FINAL_DEPTH[1] + 1e-9


def test_rows_have_names_of_their_own():
    names = [row.name for row in live_ik.ROWS]
    assert len(set(names)) == len(names)


def test_one_qp_breaks_barriers_and_live_ik_does_not(space, made):
    """On these few trials, as on all: the row of the paper's baseline, and ours."""
    rows = {row.name: row for row in live_ik.ROWS}
    baseline, ours = (live_ik.measure(rows[n], space, made) for n in ("one QP an arm (DAQP)", "LiveIK"))
    assert baseline["barrier"] >= 4
    assert ours["barrier"] == ours["body"] == 0
    assert ours["final_mm"][0] < baseline["final_mm"][0] + 5.0
    assert (
        live_ik.page({"trials": 6, "first": 1000, "facts": {}, "rows": [baseline, ours]}).count("| LiveIK |")
        == 2
    )
