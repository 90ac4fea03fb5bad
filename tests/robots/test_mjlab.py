"""The shipped G1 against mjlab's: the same mechanics, and primitives that enclose its meshes."""

import mujoco
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from understudy import robots
from understudy.robots import meshes
from understudy.robots.capsules import Capsules, outside

pytestmark = pytest.mark.mjlab


def test_same_tree_and_ranges(g1, mjlab_g1):
    ours, theirs = g1.model, mjlab_g1
    assert [ours.body(i).name for i in range(ours.nbody)] == [
        theirs.body(i).name for i in range(theirs.nbody)
    ]
    assert [ours.joint(i).name for i in range(ours.njnt)] == [
        theirs.joint(i).name for i in range(theirs.njnt)
    ]
    np.testing.assert_array_equal(ours.body_parentid, theirs.body_parentid)
    np.testing.assert_array_equal(ours.jnt_range, theirs.jnt_range)


def test_same_masses_and_inertias(g1, mjlab_g1):
    assert g1.model.body_mass.sum() == pytest.approx(mjlab_g1.body_mass.sum(), abs=1e-3)
    for field in ("body_mass", "body_inertia", "body_ipos", "body_iquat"):
        np.testing.assert_allclose(getattr(g1.model, field), getattr(mjlab_g1, field), atol=1e-12)


def test_same_poses_of_every_body(g1, mjlab_g1, poses):
    data = [mujoco.MjData(g1.model), mujoco.MjData(mjlab_g1)]
    for qpos in poses:
        for model, d in zip((g1.model, mjlab_g1), data, strict=True):
            d.qpos[:] = qpos
            mujoco.mj_kinematics(model, d)
        np.testing.assert_allclose(data[0].xpos, data[1].xpos, atol=1e-5)
        np.testing.assert_allclose(data[0].xmat, data[1].xmat, atol=1e-6)


@pytest.fixture(scope="session")
def hulls(mjlab_g1):
    """Convex hull vertices of every mesh, by body, in the body's frame."""
    model, found = mjlab_g1, {}
    for geom in np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_MESH):
        mesh, matrix = model.geom_dataid[geom], np.zeros(9)
        first = model.mesh_vertadr[mesh]
        vertices = model.mesh_vert[first : first + model.mesh_vertnum[mesh]].astype(float)
        mujoco.mju_quat2Mat(matrix, model.geom_quat[geom])
        vertices = vertices @ matrix.reshape(3, 3).T + model.geom_pos[geom]
        body = model.body(model.geom_bodyid[geom]).name
        found.setdefault(body, []).append(vertices[ConvexHull(vertices).vertices])
    return found


def capsules(model, body=None):
    """The collision primitives of a body, in its frame."""
    start, end, radius = [], [], []
    for geom in np.flatnonzero(model.geom_contype):
        if model.body(model.geom_bodyid[geom]).name == body:
            matrix = np.zeros(9)
            mujoco.mju_quat2Mat(matrix, model.geom_quat[geom])
            capsule = model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE
            half = matrix.reshape(3, 3)[:, 2] * (model.geom_size[geom, 1] if capsule else 0.0)
            start.append(model.geom_pos[geom] - half)
            end.append(model.geom_pos[geom] + half)
            radius.append(model.geom_size[geom, 0])
    return Capsules(np.array(start).reshape(-1, 3), np.array(end).reshape(-1, 3), np.array(radius))


# Small links between two others, without primitives of their own: their neighbours' cover them in every pose.
COVERED = (
    "waist_roll_link",
    "left_ankle_pitch_link",
    "right_ankle_pitch_link",
    "left_wrist_roll_link",
    "right_wrist_roll_link",
)


def test_primitives_enclose_the_hulls(g1, hulls):
    inside = total = 0
    for body, parts in hulls.items():
        if body in COVERED:
            continue
        near = capsules(g1.model, body).distance(np.concatenate(parts)) < 0.01
        assert near.mean() >= 0.95, body
        inside, total = inside + near.sum(), total + len(near)
    assert inside / total >= 0.95


def test_neighbours_cover_the_small_links(g1, hulls, poses):
    data = mujoco.MjData(g1.model)
    share = {body: [] for body in COVERED}
    for qpos in poses[:40]:
        data.qpos[:] = qpos
        mujoco.mj_kinematics(g1.model, data)
        for body in COVERED:
            own = data.body(body)
            points = own.xpos + np.concatenate(hulls[body]) @ own.xmat.reshape(3, 3).T
            parent = g1.model.body(body).parentid[0]
            child = np.flatnonzero(g1.model.body_parentid == own.id)[0]
            distance = np.min(
                [_distance(g1, data, b, points) for b in (parent, child) if _has(g1, b)], axis=0
            )
            share[body].append((distance < 0.01).mean())
    assert {body: np.mean(s) >= 0.95 for body, s in share.items()} == dict.fromkeys(COVERED, True), share


def _has(g1, body):
    return len(capsules(g1.model, g1.model.body(body).name)) > 0


def _distance(g1, data, body, points):
    local = (points - data.xpos[body]) @ data.xmat[body].reshape(3, 3)
    return capsules(g1.model, g1.model.body(body).name).distance(local)


def test_primitives_bulge_little(g1, hulls):
    for body, parts in hulls.items():
        if body not in COVERED:
            surface = capsules(g1.model, body).surface(200)
            beyond = np.min([outside(surface, part) for part in parts], axis=0)
            assert beyond.max() < 0.025, body
            assert beyond.mean() < 0.007, body


def test_display_model_has_meshes_where_they_are(g1, mjlab_file, monkeypatch):
    monkeypatch.setattr(meshes, "meshed_file", lambda _: mjlab_file)
    model = meshes.display_model(g1)
    assert model.nmesh > 0
    assert model.nq == g1.model.nq


def test_display_model_without_meshes_is_the_robots_own(g1, monkeypatch):
    monkeypatch.setattr(meshes, "meshed_file", lambda _: None)
    assert meshes.display_model(g1) is robots.load("unitree_g1").model
