"""The shipped G1 against its published figures and against itself."""

import mujoco
import numpy as np
import pytest

from understudy.errors import UnknownName
from understudy.motion.landmarks import LANDMARKS, mirrored
from understudy.robots.describe import describe

# Joint of the left side: lower, upper (rad), torque (Nm), speed (rad/s).
FIGURES = {
    "hip_pitch": (-2.5307, 2.8798, 88, 32),
    "hip_roll": (-0.5236, 2.9671, 139, 20),
    "hip_yaw": (-2.7576, 2.7576, 88, 32),
    "knee": (-0.087267, 2.8798, 139, 20),
    "ankle_pitch": (-0.87267, 0.5236, 50, 37),
    "ankle_roll": (-0.2618, 0.2618, 50, 37),
    "waist_yaw": (-2.618, 2.618, 88, 32),
    "waist_roll": (-0.52, 0.52, 50, 37),
    "waist_pitch": (-0.52, 0.52, 50, 37),
    "shoulder_pitch": (-3.0892, 2.6704, 25, 37),
    "shoulder_roll": (-1.5882, 2.2515, 25, 37),
    "shoulder_yaw": (-2.618, 2.618, 25, 37),
    "elbow": (-1.0472, 2.0944, 25, 37),
    "wrist_roll": (-1.97222, 1.97222, 25, 37),
    "wrist_pitch": (-1.61443, 1.61443, 5, 22),
    "wrist_yaw": (-1.61443, 1.61443, 5, 22),
}
SOLE = -0.0354


def test_figures(g1):
    assert len(g1.joints) == 29
    assert len(g1.bodies) == 30
    assert g1.model.body_mass.sum() == pytest.approx(33.341142, abs=1e-6)
    for i, joint in enumerate(g1.joints):
        lower, upper, effort, speed = FIGURES[
            joint.removesuffix("_joint").split("left_")[-1].split("right_")[-1]
        ]
        if joint.startswith("right_") and joint.split("_")[2] == "roll" and "wrist" not in joint:
            lower, upper = -upper, -lower
        assert (g1.lower[i], g1.upper[i]) == pytest.approx((lower, upper), abs=1e-6), joint
        assert (g1.effort_limit[i], g1.velocity_limit[i]) == (effort, speed), joint


def test_motors_follow_from_their_reflected_inertia(g1):
    model = g1.model
    assert [model.actuator(i).name for i in range(model.nu)] == list(g1.joints)
    armature = model.dof_armature[6:]
    natural = 20 * np.pi  # 10 Hz
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], armature * natural**2, rtol=1e-6)
    np.testing.assert_allclose(model.actuator_biasprm[:, 2], -4 * armature * natural, rtol=1e-6)
    assert model.joint("left_knee_joint").armature[0] == pytest.approx(0.025101925)
    assert model.joint("left_elbow_joint").armature[0] == pytest.approx(0.003609725)
    assert model.joint("waist_roll_joint").armature[0] == pytest.approx(2 * 0.003609725)


def test_mirror_of_joints(g1):
    order, sign = g1.mirror
    assert [g1.joints[i] for i in order] == [mirrored(j) for j in g1.joints]
    assert [j for j, s in zip(g1.joints, sign, strict=True) if s < 0] == [
        j for j in g1.joints if "roll" in j or "yaw" in j
    ]
    lower, upper = g1.lower[order], g1.upper[order]
    np.testing.assert_allclose(np.where(sign > 0, lower, -upper), g1.lower, atol=1e-6)
    for same in (g1.velocity_limit, g1.effort_limit):
        np.testing.assert_array_equal(same[order], same)
    for pose in (g1.home[7:], g1.t_pose):
        np.testing.assert_allclose(sign * pose[order], pose, atol=1e-6)


def test_mirrored_poses_are_images_of_each_other(g1, poses):
    order, sign = g1.mirror
    flip = [g1.bodies.index(mirrored(b)) for b in g1.bodies]
    data = mujoco.MjData(g1.model)
    for qpos in poses[:50]:
        qpos = np.concatenate([[0, 0, 0, 1, 0, 0, 0], qpos[7:]])
        places = []
        for joints in (qpos[7:], sign * qpos[7:][order]):
            data.qpos[:] = np.concatenate([qpos[:7], joints])
            mujoco.mj_kinematics(g1.model, data)
            places.append(data.xpos[1:].copy())
        # The maker's own figures differ between the sides by some 10 µm.
        np.testing.assert_allclose(places[1][flip] * (1, -1, 1), places[0], atol=2e-4)


def landmark_places(robot, joint_pos):
    data = mujoco.MjData(robot.model)
    data.qpos[:7] = (0, 0, 0, 1, 0, 0, 0)
    data.qpos[7:] = joint_pos
    mujoco.mj_kinematics(robot.model, data)
    pos, quat = robot.landmarks.world(data.xpos[1:], data.xquat[1:])
    return dict(zip(robot.landmarks.names, pos, strict=True)), quat


def test_t_pose(g1):
    places, quat = landmark_places(g1, g1.t_pose)
    assert tuple(places) == LANDMARKS
    np.testing.assert_allclose(np.abs(quat[:, 0]), 1.0, atol=1e-6)
    for side, y in (("left", 1), ("right", -1)):
        arm = np.stack(
            [places[f"{side}_{part}"] for part in ("collar", "shoulder", "elbow", "wrist", "hand")]
        )
        assert np.ptp(arm[1:, 2]) < 0.003  # horizontal
        assert np.ptp(arm[:, 0]) < 0.017  # straight out, but for the elbow's offset
        assert (np.diff(y * arm[:, 1]) > 0.05).all()
        leg = np.stack([places[f"{side}_{part}"] for part in ("hip", "knee", "ankle")])
        assert np.ptp(leg[:, :2]) < 0.26
        assert (np.diff(leg[:, 2]) < -0.25).all()
    trunk = np.stack([places[part] for part in ("pelvis", "spine", "chest", "neck", "head")])
    assert (np.diff(trunk[:, 2]) > 0.05).all()
    for name, place in places.items():
        np.testing.assert_allclose(places[mirrored(name)] * (1, -1, 1), place, atol=1e-4)


def test_palms_face_down_in_the_t_pose(g1):
    """The fingers curl towards the palm: the capsules of the hand bend down along the arm."""
    data = mujoco.MjData(g1.model)
    data.qpos[3] = 1
    data.qpos[7:] = g1.t_pose
    mujoco.mj_kinematics(g1.model, data)
    for side in ("left", "right"):
        palm = data.body(f"{side}_wrist_yaw_link").xmat.reshape(3, 3)[:, 1] * (-1 if side == "left" else 1)
        np.testing.assert_allclose(palm, (0, 0, -1), atol=1e-3)


def test_home_stands_on_its_soles(g1):
    data = mujoco.MjData(g1.model)
    data.qpos[:] = g1.home
    mujoco.mj_kinematics(g1.model, data)
    for foot in g1.feet.values():
        body = data.body(foot.body)
        sole = body.xpos + foot.sole @ body.xmat.reshape(3, 3).T
        np.testing.assert_allclose(sole[:, 2], 0.0, atol=0.003)
    corners = [foot.sole for foot in g1.feet.values()]
    assert corners[0][:, 1].max() == -corners[0][:, 1].min()
    np.testing.assert_array_equal(np.sort(corners[0], axis=0), np.sort(corners[1] * (1, -1, 1), axis=0))


def test_height_is_sole_to_crown(g1):
    data = mujoco.MjData(g1.model)
    data.qpos[3] = 1
    mujoco.mj_kinematics(g1.model, data)
    crown = max(data.geom_xpos[i, 2] + g1.model.geom_size[i, 2] for i in ellipsoids(g1.model))
    sole = data.body(g1.feet["left"].body).xpos[2] + SOLE
    assert crown - sole == pytest.approx(g1.height, abs=0.01)


def ellipsoids(model):
    return np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_ELLIPSOID)


def test_description_is_plain_data(g1):
    import json

    table = describe(g1)
    assert json.loads(json.dumps(table)) == table
    assert table["dof"] == 29
    assert table["joints"][3]["name"] == "left_knee_joint"
    assert table["joints"][3]["mirror"] == "right_knee_joint"


def test_an_unknown_body_is_named(g1):
    assert g1.body_index("pelvis") == 0
    with pytest.raises(UnknownName, match="torso_link"):
        g1.body_index("torso")
