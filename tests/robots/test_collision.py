"""The primitives that touch: capsules and spheres, mirrored exactly, quiet where the robot just stands."""

import mujoco
import numpy as np
import pytest

from understudy.motion.landmarks import mirrored

CAPSULE, SPHERE = mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_SPHERE
SOLE = -0.0354


def touching(model):
    return np.flatnonzero((model.geom_contype != 0) | (model.geom_conaffinity != 0))


def ends(model, geom):
    """End points (2, 3) and radius of a capsule in its body's frame."""
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, model.geom_quat[geom])
    half = matrix.reshape(3, 3)[:, 2] * (model.geom_size[geom, 1] if model.geom_type[geom] == CAPSULE else 0)
    return model.geom_pos[geom] + np.stack([half, -half]), model.geom_size[geom, 0]


def test_two_kinds_two_groups(g1):
    model = g1.model
    touch = touching(model)
    assert len(touch) <= 51
    assert set(model.geom_type[touch]) <= {CAPSULE, SPHERE}
    assert set(model.geom_group[touch]) == {3}
    assert all(model.geom(i).name.endswith("_collision") for i in touch)
    assert set(np.delete(model.geom_group, touch)) == {2}


def test_left_and_right_mirror_each_other(g1):
    model = g1.model
    sets = {}
    for geom in touching(model):
        (a, b), radius = ends(model, geom)
        body = model.body(model.geom_bodyid[geom]).name
        flipped = [(*np.round(p * (1, -1, 1), 6), round(radius, 6)) for p in (a, b)]
        sets.setdefault(body, set()).add(frozenset((*np.round(p, 6), round(radius, 6)) for p in (a, b)))
        sets.setdefault("image of " + mirrored(body), set()).add(frozenset(flipped))
    for body in [b for b in sets if not b.startswith("image")]:
        assert _close(sets[body], sets["image of " + body]), body


def _close(a, b):
    def rows(s):
        return np.array(sorted(sorted(tuple(map(float, p)) for p in (list(e) * 2)[:2]) for e in s))

    return np.allclose(
        np.sort(rows(a).reshape(len(a), -1), axis=0), np.sort(rows(b).reshape(len(b), -1), axis=0), atol=2e-6
    )


def test_feet_touch_the_floor_at_the_sole(g1):
    for side, foot in g1.feet.items():
        np.testing.assert_allclose(foot.sole[:, 2], SOLE, atol=1e-6)
        geoms = [i for i in touching(g1.model) if g1.model.body(g1.model.geom_bodyid[i]).name == foot.body]
        assert 2 <= len(geoms) <= 4, side
        for geom in geoms:
            points, radius = ends(g1.model, geom)
            np.testing.assert_allclose(points[:, 2] - radius, SOLE, atol=1e-4)


def contacts(model, qpos):
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_collision(model, data)
    return {
        frozenset(model.body(model.geom_bodyid[g]).name for g in (c.geom1, c.geom2))
        for c in data.contact[: data.ncon]
        if c.dist < 0
    }


@pytest.mark.parametrize("pose", ["zero", "home", "t_pose"])
def test_no_contact_where_the_robot_simply_stands(g1, pose):
    joints = {"zero": np.zeros(29), "home": g1.home[7:], "t_pose": g1.t_pose}[pose]
    assert contacts(g1.model, [0, 0, 1, 1, 0, 0, 0, *joints]) == set()


def test_the_model_excludes_the_harmless_contacts(g1):
    model = g1.model
    pairs = {
        frozenset(model.body(i).name for i in (s >> 16, s & 0xFFFF))
        for s in map(int, model.exclude_signature)
    }
    assert pairs == g1.harmless_contacts
    assert {frozenset(mirrored(b) for b in pair) for pair in pairs} == pairs
    assert len(pairs) <= 7
