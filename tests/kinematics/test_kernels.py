"""The numba kernels against MuJoCo and against finite differences."""

import mujoco
import numpy as np
import pytest

from understudy import robots
from understudy.kinematics.clip_fit import landmark_arrays
from understudy.kinematics.collision import Capsules
from understudy.kinematics.kernels import arrays, fit
from understudy.kinematics.kernels.arrays import PostureArrays, Problem, Settings, Targets, TaskArrays
from understudy.kinematics.kernels.capsules import (
    contact_rates,
    contact_row,
    floor_contacts,
    list_near,
    pair_contacts,
    place_capsules,
    segment_distance,
)
from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.normal_equations import joint_motion
from understudy.kinematics.kernels.step import choose_rows, remember
from understudy.kinematics.tree import Tree
from understudy.rotations import quat_from_rotvec, quat_mul, quat_normalize, quat_to_matrix


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def random_pose(robot, rng):
    q = rng.uniform(robot.lower, robot.upper).astype(np.float64)
    return rng.normal(size=3), quat_normalize(rng.normal(size=4)), q


def test_forward_kinematics_equals_mujoco(g1):
    rng = np.random.default_rng(0)
    tree, data = Tree.from_robot(g1), mujoco.MjData(g1.model)
    arrays = tree.arrays()
    pos, rot = np.empty((len(tree.names), 3)), np.empty((len(tree.names), 3, 3))
    for _ in range(1000):
        root_pos, root_quat, q = random_pose(g1, rng)
        forward(arrays, root_pos, root_quat, q, pos, rot)
        data.qpos[:] = np.concatenate([root_pos, root_quat, q])
        mujoco.mj_kinematics(g1.model, data)
        np.testing.assert_allclose(pos[tree.body_link], data.xpos[1:], atol=1e-9)
        np.testing.assert_allclose(rot[tree.body_link].reshape(-1, 9), data.xmat[1:], atol=1e-9)


def test_segment_distance_survives_every_degenerate_case():
    rng = np.random.default_rng(1)
    x1, x2 = np.empty(3), np.empty(3)
    for k in range(300):
        p1, q1, p2, q2 = rng.normal(size=(4, 3))
        if k % 5 == 1:
            q1 = p1.copy()
        if k % 5 == 2:
            q2 = p2 + 2.0 * (q1 - p1)
        if k % 5 == 3:
            q1, q2 = p1.copy(), p2.copy()
        d = segment_distance(np.array([p1, p2]), np.array([q1, q2]), 0, 1, x1, x2)
        u = np.linspace(0, 1, 201)
        a, b = p1 + u[:, None] * (q1 - p1), p2 + u[:, None] * (q2 - p2)
        sampled = np.linalg.norm(a[:, None] - b[None], axis=-1).min()
        assert d <= sampled + 1e-9
        assert sampled - d < 0.02
        assert np.linalg.norm(x1 - x2) == pytest.approx(d)


def test_capsule_distances_equal_mujoco(g1):
    rng = np.random.default_rng(2)
    tree, capsules, data = Tree.from_robot(g1), Capsules.from_robot(g1), mujoco.MjData(g1.model)
    geoms = [g for g in range(g1.model.ngeom) if g1.model.geom_group[g] == 3]
    arrays, n = capsules.arrays(), len(capsules.radius)
    pos, rot = np.empty((len(tree.names), 3)), np.empty((len(tree.names), 3, 3))
    start, end, x1, x2 = np.empty((n, 3)), np.empty((n, 3)), np.empty(3), np.empty(3)
    for _ in range(30):
        root_pos, root_quat, q = random_pose(g1, rng)
        forward(tree.arrays(), root_pos, root_quat, q, pos, rot)
        place_capsules(arrays, pos, rot, start, end)
        data.qpos[:] = np.concatenate([root_pos, root_quat, q])
        mujoco.mj_kinematics(g1.model, data)
        for a, b in capsules.pairs:
            theirs = mujoco.mj_geomDistance(g1.model, data, geoms[a], geoms[b], 10.0, None)
            d = segment_distance(start, end, a, b, x1, x2) - capsules.radius[a] - capsules.radius[b]
            assert d == pytest.approx(theirs, abs=1e-6)


def make_problem(robot, rng, *, stiffness=0.0):
    tree = Tree.from_robot(robot)
    marks = landmark_arrays(robot, tree)
    n = len(robot.landmarks.names)
    task = TaskArrays(
        rng.uniform(0, 2, (n, 3)), rng.uniform(0, 2, n), rng.uniform(0, 2, n), rng.normal(size=(n, 3))
    )
    posture = PostureArrays(robot.home[7:].astype(float), np.full(len(robot.joints), 0.3), 0.2, 0.3, 0.7)
    settings = Settings(10, 30, 1e-6, 0.0, 0.0, 1e-6, stiffness, 0.0, True, False, 0.3, 1.0, 1.0)
    lower, upper = robot.lower.astype(float), robot.upper.astype(float)
    problem = Problem(
        tree.arrays(),
        marks,
        Capsules.from_robot(robot).arrays(0.02),
        task,
        posture,
        settings,
        lower,
        upper,
        upper - lower,
        np.zeros(6 + len(lower), bool),
    )
    quat = quat_normalize(rng.normal(size=(1, n, 4)))
    targets = Targets(
        rng.normal(size=(1, n, 3)),
        quat_to_matrix(quat),
        0.3 * rng.normal(size=(1, n, 3)),
        np.zeros((1, 3)),
        np.array([[1.0, 0, 0, 0]]),
        np.ones(1),
    )
    return problem, targets


def state_at(problem, root_pos, root_quat, q):
    state = arrays.new_state(problem)
    state.root_pos[:], state.root_quat[:], state.q[:] = root_pos, root_quat, q
    return state


def linearised(problem, state, step, targets, before, velocity_weight):
    remember(state, step)
    fit.linearise(problem, state, step, targets, 0, before, velocity_weight, problem.lower, problem.upper)


def moved(pose, v):
    root_pos, root_quat, q = pose
    return root_pos + v[:3], quat_mul(quat_from_rotvec(v[3:6]), root_quat), q + v[6:]


@pytest.mark.parametrize("stiffness", [0.0, 3.0])
def test_gradient_equals_finite_differences_of_the_cost(g1, stiffness):
    rng = np.random.default_rng(3)
    for _ in range(5):
        problem, targets = make_problem(g1, rng, stiffness=stiffness)
        pose = random_pose(g1, rng)
        before = pose[2] + 0.1
        step = arrays.new_step(problem)
        state = state_at(problem, *pose)
        fit.evaluate(problem, state, targets, 0, before, 0.2)
        linearised(problem, state, step, targets, before, 0.2)
        choose_rows(problem.tree, state.contacts, problem.held, step, np.inf)
        count = state.contacts.count[0]
        assert step.count[0] == count
        soft = stiffness * step.rows[:count].T @ np.minimum(-step.b[:count], 0.0)
        for i in range(len(step.gradient)):
            v = np.zeros(len(step.gradient))
            v[i] = 1e-6
            plus, minus = (
                fit.evaluate(problem, state_at(problem, *moved(pose, s * v)), targets, 0, before, 0.2)
                for s in (1, -1)
            )
            assert step.gradient[i] + soft[i] == pytest.approx((plus - minus) / 2e-6, rel=2e-4, abs=2e-4)


def test_hessian_equals_the_sum_over_jacobians(g1):
    rng = np.random.default_rng(4)
    problem, targets = make_problem(g1, rng)
    task = problem.task
    pose = random_pose(g1, rng)
    data = mujoco.MjData(g1.model)
    data.qpos[:] = np.concatenate(pose)
    mujoco.mj_kinematics(g1.model, data)
    mujoco.mj_comPos(g1.model, data)
    state = state_at(problem, *pose)
    step = arrays.new_step(problem)
    fit.evaluate(problem, state, targets, 0, pose[2], 0.0)
    linearised(problem, state, step, targets, pose[2], 0.0)
    # MuJoCo's tangent has the root's angular velocity in the root's own frame; ours has it in the world.
    to_world = np.eye(g1.model.nv)
    to_world[3:6, 3:6] = quat_to_matrix(pose[1]).T
    expected = np.zeros((g1.model.nv, g1.model.nv))
    jp, jr = np.zeros((3, g1.model.nv)), np.zeros((3, g1.model.nv))
    for k, carrier in enumerate(g1.landmarks.carriers):
        mujoco.mj_jac(g1.model, data, jp, jr, state.mark_pos[k], int(carrier) + 1)
        a, b = jp @ to_world, jr @ to_world
        x, y, z = state.mark_rot[k] @ task.bone_vector[k]
        bone = np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]]) @ b
        expected += (
            a.T @ np.diag(task.position[k]) @ a + task.rotation[k] * b.T @ b + task.bone[k] * bone.T @ bone
        )
    margin = np.minimum(0.3, 0.25 * (problem.upper - problem.lower))
    near = (pose[2] < problem.lower + margin) | (pose[2] > problem.upper - margin)
    expected[6:, 6:] += np.diag(0.3 + 0.7 * near)
    got = np.tril(step.hessian) + np.tril(step.hessian, -1).T
    np.testing.assert_allclose(got, expected, atol=1e-8)


def test_constraint_rows_equal_finite_differences(g1):
    rng = np.random.default_rng(5)
    tree, capsules = Tree.from_robot(g1), Capsules.from_robot(g1).arrays()
    links = tree.arrays()
    n, m, dofs = len(tree.names), len(capsules.link), len(g1.joints)

    def rows_at(pose):
        root_pos, root_quat, q = pose
        pos, rot, motion = np.empty((n, 3)), np.empty((n, 3, 3)), np.empty((dofs, 6))
        start, end = np.empty((m, 3)), np.empty((m, 3))
        forward(links, root_pos, root_quat, q, pos, rot)
        joint_motion(links, pos, rot, root_pos, motion)
        place_capsules(capsules, pos, rot, start, end)
        near, contacts = arrays.new_near(capsules), arrays.new_contacts(2000)
        list_near(capsules, start, end, root_pos, 50.0, near)
        pair_contacts(capsules, near, start, end, 50.0, contacts)
        floor_contacts(capsules, start, end, 0.0, 50.0, contacts)
        count = contacts.count[0]
        rows, rates = np.zeros((count, 6 + dofs)), np.zeros(count)
        for k in range(count):
            contact_row(links, motion, root_pos, contacts, k, rows, k)
        v = rng.normal(size=6 + dofs)
        contact_rates(links, motion, root_pos, contacts, v, np.zeros((n, 6)), rates)
        np.testing.assert_allclose(rates, rows @ v, atol=1e-10)
        return rows, contacts.distance[:count].copy()

    for _ in range(3):
        pose = random_pose(g1, rng)
        rows, distance = rows_at(pose)
        assert len(rows) > len(capsules.pairs)
        for i in range(6 + dofs):
            v = np.zeros(6 + dofs)
            v[i] = 1e-6
            slope = (rows_at(moved(pose, v))[1] - rows_at(moved(pose, -v))[1]) / 2e-6
            wrong = np.abs(slope - rows[:, i]) > 1e-4
            # Where axes are parallel or cross, distance has a kink; anywhere else the row is its derivative.
            assert wrong.mean() < 0.01
        assert np.isfinite(distance).all()


def test_the_list_of_near_pairs_misses_no_contact(g1):
    rng = np.random.default_rng(7)
    tree, capsules = Tree.from_robot(g1), Capsules.from_robot(g1).arrays()
    links, reach = tree.arrays(), 0.05
    n, m = len(tree.names), len(capsules.link)
    pos, rot = np.empty((n, 3)), np.empty((n, 3, 3))
    start, end = np.empty((m, 3)), np.empty((m, 3))
    kept, old, new = arrays.new_near(capsules), arrays.new_contacts(300), arrays.new_contacts(300)
    root_pos, root_quat, q = random_pose(g1, rng)
    lists = set()
    for _ in range(300):
        root_pos, root_quat, q = moved((root_pos, root_quat, q), rng.normal(size=6 + len(q)) * 0.03)
        q = np.clip(q, g1.lower, g1.upper)
        forward(links, root_pos, root_quat, q, pos, rot)
        place_capsules(capsules, pos, rot, start, end)
        list_near(capsules, start, end, root_pos, reach, kept)
        lists.add(tuple(kept.pair[: kept.count[0]]))
        fresh = arrays.new_near(capsules)
        list_near(capsules, start, end, root_pos, reach, fresh)
        for near, contacts in ((kept, old), (fresh, new)):
            pair_contacts(capsules, near, start, end, reach, contacts)
        count = new.count[0]
        assert old.count[0] == count
        np.testing.assert_array_equal(np.sort(old.distance[:count]), np.sort(new.distance[:count]))
    assert 1 < len(lists) < 300  # it was used more than once, and made anew


def test_the_fallback_solver_agrees_with_the_kernels(g1):
    from understudy.kinematics import clip_fit

    rng = np.random.default_rng(6)
    problem, targets = make_problem(g1, rng, stiffness=1e3)
    seeds = g1.home[None, 7:].astype(np.float64)
    settings = problem.settings._replace(first_iterations=200)
    problem = problem._replace(settings=settings)
    limbs = np.full(len(g1.joints), -1)
    best = clip_fit.fit_clip(problem, targets, seeds, limbs)
    assert best.fallbacks == 0
    outputs = (
        np.empty((1, 3)),
        np.empty((1, 4)),
        np.empty((1, len(g1.joints))),
        np.empty(1),
        np.zeros(1, np.int64),
    )
    clip_fit._solve_frame_with_daqp(problem, targets, seeds, 0, *outputs)
    assert outputs[3][0] == pytest.approx(best.cost[0], rel=1e-3)
