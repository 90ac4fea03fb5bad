"""Choosing among solutions: time reversed and back, the cheapest of all paths, each limb from where it is right."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from made_courses import follow, swaying

from understudy import robots
from understudy.kinematics.basins import candidates, choose, reverse
from understudy.kinematics.clip_fit import limbs_of
from understudy.kinematics.kernels.basins import cheapest_path
from understudy.kinematics.tree import Tree


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def limbs(g1):
    return limbs_of(g1, Tree.from_robot(g1))


def test_time_reversed_twice_is_time_itself(g1):
    targets = follow(g1, swaying(g1, 7))[1]._replace(max_step=np.arange(7.0))
    for once, twice in zip(targets, reverse(reverse(targets)), strict=True):
        np.testing.assert_array_equal(once, twice)


def test_a_step_backwards_is_the_step_out_of_a_frame(g1):
    targets = follow(g1, swaying(g1, 4))[1]._replace(max_step=np.array([9.0, 0.1, 0.2, 0.3]))
    back = reverse(targets)
    np.testing.assert_array_equal(back.pos[0], targets.pos[3])
    np.testing.assert_array_equal(back.max_step, [9.0, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("flip", [0.0, 0.1, 1.0, 1e6])
def test_the_path_is_the_cheapest_of_all(flip):
    rng = np.random.default_rng(0)
    for _ in range(20):
        cost, q = rng.uniform(size=(3, 6)), rng.normal(size=(3, 6, 4))
        joints, path = np.array([0, 2]), np.empty(6, np.int64)
        cheapest_path(cost, q, joints, flip, path)

        def total(choice, cost=cost, q=q, joints=joints):
            way = np.diff(q[list(choice), np.arange(6)][:, joints], axis=0)
            return cost[list(choice), np.arange(6)].sum() + flip * (way**2).sum()

        assert total(path) == pytest.approx(min(total(choice) for choice in product(range(3), repeat=6)))


def test_each_limb_is_taken_from_where_it_is_right(g1, limbs):
    at = swaying(g1, 12)
    problem, targets, course, _ = follow(g1, at)
    found, joints = [], [list(g1.joints).index(f"{side}_elbow_joint") for side in ("left", "right")]
    for joint in joints:
        q = at.q.copy()
        q[:, joint] += 0.5
        found.append(replace(at, q=q))
    made, paths = choose(problem, targets, course, found, limbs, 3.0, 1.0)
    np.testing.assert_array_equal(made.q, at.q)
    # What is wrong in one candidate comes from the other.
    for wrong, joint in enumerate(joints):
        np.testing.assert_array_equal(paths[1 + limbs[joint]], 1 - wrong)


def test_a_change_of_basin_is_made_only_where_it_pays(g1, limbs):
    at = swaying(g1, 30)
    problem, targets, course, _ = follow(g1, at)
    joint = list(g1.joints).index("left_elbow_joint")
    jumping, wrong = at.q.copy(), at.q.copy()
    jumping[10:13, joint] += 0.4
    wrong[:, joint] += 0.4
    found = [replace(at, q=jumping), replace(at, q=wrong)]
    cheap, _ = choose(problem, targets, course, found, limbs, 0.01, 1.0)
    np.testing.assert_array_equal(cheap.q, jumping)
    dear, _ = choose(problem, targets, course, found, limbs, 1e4, 1.0)
    np.testing.assert_array_equal(dear.q, wrong)


def test_one_candidate_is_taken_as_it_is(g1, limbs):
    problem, targets, course, at = follow(g1, swaying(g1, 5))
    made, paths = choose(problem, targets, course, [at], limbs, 3.0, 1.0)
    np.testing.assert_array_equal(made.q, at.q)
    np.testing.assert_array_equal(made.root_pos, at.root_pos)
    assert not paths.any()


def test_solutions_are_found_forwards_backwards_and_afresh(g1, limbs):
    problem, targets, _, at = follow(g1, swaying(g1, 9))
    problem = problem._replace(speed_step=np.full(len(g1.joints), 10.0))
    seeds = at.q[:1].copy()
    found = candidates(problem, targets, seeds, [seeds[0]], 4, limbs)
    assert len(found) == 3
    for one in found:
        assert one.q.shape == at.q.shape
        assert np.linalg.norm(one.root_pos - at.root_pos, axis=-1).max() < 0.05
