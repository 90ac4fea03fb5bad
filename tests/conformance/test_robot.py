"""One contract: what every robot of the package must be, whoever made its folder."""

import json

import mujoco
import numpy as np
import pytest

from understudy import robots
from understudy.kinematics.collision import Capsules
from understudy.kinematics.tree import Tree
from understudy.motion.landmarks import mirrored
from understudy.robots.describe import describe
from understudy.robots.doctor import examine

LIMBS = {"leg": ("hip", "knee", "ankle", "toe"), "arm": ("collar", "shoulder", "elbow", "wrist", "hand")}


@pytest.fixture(scope="module", params=robots.names())
def robot(request):
    return robots.load(request.param)


def posed(robot, joints, root=(0, 0, 0, 1, 0, 0, 0)):
    data = mujoco.MjData(robot.model)
    data.qpos[:] = [*root, *joints]
    mujoco.mj_kinematics(robot.model, data)
    return data


def places(robot, data):
    pos, quat = robot.landmarks.world(data.xpos[1:], data.xquat[1:])
    return dict(zip(robot.landmarks.names, pos.astype(float), strict=True)), quat


def test_there_are_six():
    shipped = {"booster_t1", "pal_talos", "toddlerbot", "unitree_g1", "unitree_g1_upper", "unitree_h1"}
    assert shipped <= set(robots.names())


def test_numbers_are_those_of_a_machine(robot):
    assert (robot.lower < robot.upper).all()
    assert (np.abs([robot.lower, robot.upper]) < 4 * np.pi).all()
    for limit in (robot.velocity_limit, robot.effort_limit):
        assert (limit > 0).all()
        assert np.isfinite(limit).all()
    assert 0.3 < robot.height < 2.2
    assert 1.0 < robot.model.body_mass.sum() < 150.0
    assert (robot.lower <= robot.home[7:]).all()
    assert (robot.home[7:] <= robot.upper).all()
    np.testing.assert_allclose(robot.home[3:7], (1, 0, 0, 0), atol=1e-6)


def test_it_carries_figures_and_primitives_only(robot):
    model = robot.model
    assert model.nmesh == 0
    assert model.ntex == 0
    assert model.nu == len(robot.joints)
    touching = model.geom_contype != 0
    assert set(model.geom_group[touching]) == {3}
    assert 10 <= touching.sum() <= 64
    assert (model.geom_group[~touching] == 2).all()
    assert any(word in robot.notice for word in ("Apache-2.0", "BSD-3-Clause", "MIT"))


def test_landmarks_come_by_whole_limbs(robot):
    names = set(robot.landmarks.names)
    assert {"pelvis", "spine", "chest", "neck", "head"} <= names
    for parts in LIMBS.values():
        limb = {f"{side}_{part}" for side in ("left", "right") for part in parts}
        assert limb <= names or not limb & names
    assert set(robot.feet) == ({"left", "right"} if "left_hip" in names else set())
    assert robot.fixed_base == (not robot.feet)
    for side, foot in robot.feet.items():
        carrier = robot.landmarks.carriers[robot.landmarks.index(f"{side}_ankle")]
        assert robot.bodies[carrier] == foot.body


def test_the_t_pose_is_one(robot):
    """In it every landmark frame is the world's, arms are out, legs are down, left is left, forward is forward."""
    at, quat = places(robot, posed(robot, robot.t_pose))
    np.testing.assert_allclose(np.abs(quat[:, 0]), 1.0, atol=1e-5)
    size = robot.height
    for name, place in at.items():
        np.testing.assert_allclose(at[mirrored(name)] * (1, -1, 1), place, atol=0.012 * size, err_msg=name)
    for side, y in (("left", 1.0), ("right", -1.0)):
        if f"{side}_shoulder" in at:
            arm = np.stack([at[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist")])
            assert np.ptp(arm[:, 2]) < 0.02 * size
            assert np.ptp(arm[:, 0]) < 0.025 * size
            assert (np.diff(y * arm[:, 1]) > 0.05 * size).all()
        if f"{side}_hip" in at:
            leg = np.stack([at[f"{side}_{part}"] for part in ("hip", "knee", "ankle")])
            assert np.ptp(leg[:, 0]) < 0.02 * size
            assert (np.diff(leg[:, 2]) < -0.1 * size).all()
            assert at[f"{side}_toe"][0] > at[f"{side}_ankle"][0] + 0.02 * size
    heights = [at[name][2] for name in ("pelvis", "spine", "chest", "neck", "head")]
    assert (np.diff(heights) > 0).all()


def test_knees_bend_backward_and_elbows_forward(robot):
    for limb, way in (("knee", -1.0), ("elbow", 1.0)):
        for side in ("left", "right"):
            if f"{side}_{limb}" not in robot.landmarks.names:
                continue
            carrier = 1 + robot.landmarks.carriers[robot.landmarks.index(f"{side}_{limb}")]
            joint = int(robot.model.body_jntadr[carrier])
            tip = f"{side}_{'ankle' if limb == 'knee' else 'wrist'}"
            start = float(np.clip(robot.t_pose[joint - 1], robot.lower[joint - 1], robot.upper[joint - 1]))
            room = np.array([robot.lower[joint - 1], robot.upper[joint - 1]]) - start
            bent = robot.t_pose.astype(float).copy()
            bent[joint - 1] = start + 0.5 * room[np.argmax(np.abs(room))]
            before, after = (places(robot, posed(robot, q))[0][tip] for q in (robot.t_pose, bent))
            assert way * (after - before)[0] > 0.02 * robot.height, f"{side} {limb}"


def test_home_stands_on_its_soles(robot):
    data = posed(robot, robot.home[7:], robot.home[:7])
    for foot in robot.feet.values():
        body = data.body(foot.body)
        sole = body.xpos + foot.sole @ body.xmat.reshape(3, 3).T
        np.testing.assert_allclose(sole[:, 2], 0.0, atol=0.004)
        assert np.ptp(sole[:, 0]) > np.ptp(sole[:, 1])


def test_sides_answer_to_each_other(robot):
    order, sign = robot.mirror
    assert (order[order] == np.arange(len(order))).all()
    for limits in (robot.velocity_limit, robot.effort_limit):
        np.testing.assert_allclose(limits[order], limits, rtol=1e-3)
    np.testing.assert_allclose(sign * robot.home[7:][order], robot.home[7:], atol=0.03)


def test_nothing_touches_where_it_simply_stands(robot):
    shapes = Capsules.from_robot(robot)
    assert len(shapes.pairs) > 20
    tee = np.clip(robot.t_pose, robot.lower, robot.upper)
    for joints in (robot.home[7:], tee):
        data = posed(robot, joints, (0, 0, 2, 1, 0, 0, 0))
        mujoco.mj_comPos(robot.model, data)
        mujoco.mj_collision(robot.model, data)
        assert [c for c in data.contact[: data.ncon] if c.dist < 0] == []


def test_harmless_contacts_are_those_of_the_model(robot):
    model = robot.model
    pairs = {
        frozenset(model.body(i).name for i in (s >> 16, s & 0xFFFF))
        for s in map(int, model.exclude_signature)
    }
    assert pairs == robot.harmless_contacts
    assert len(pairs) <= 12


def test_kinematics_can_read_it(robot):
    assert len(Tree.from_robot(robot).lower) == len(robot.joints)


def test_it_is_healthy_and_can_be_described(robot):
    assert examine(robot).healthy
    table = describe(robot)
    assert json.loads(json.dumps(table)) == table
