"""Kimodo's files: made ones of every body, and the real ones against forward kinematics."""

import json

import numpy as np
import pytest
from made_files import kimodo_g1

from understudy import motion, robots
from understudy.errors import FormatError
from understudy.motion import HumanMotion, RobotMotion
from understudy.motion.formats import detect
from understudy.motion.formats.kimodo_bodies import HINGES, HUMANS, SOMA, SOMA_SMALL
from understudy.motion.info import describe
from understudy.rotations import quat_about, quat_angle, quat_mul, quat_to_euler, quat_to_matrix

Y_UP = [1, 2, 0]
"""World axes as the file's: x ← y, y ← z, z ← x."""
SMPLX_REST = {
    "pelvis": (0, 0.95, 0),
    "spine1": (0, 0.10, 0),
    "spine2": (0, 0.13, 0),
    "spine3": (0, 0.06, 0),
    "neck": (0, 0.22, 0),
    "head": (0, 0.10, 0.02),
    "left_hip": (0.09, -0.06, 0),
    "left_knee": (0, -0.40, 0),
    "left_ankle": (0, -0.41, -0.02),
    "left_foot": (0, -0.05, 0.12),
    "left_collar": (0.05, 0.12, 0),
    "left_shoulder": (0.11, 0.02, 0),
    "left_elbow": (0.27, 0, 0),
    "left_wrist": (0.25, 0, 0),
}


def smplx_clip(frames=40):
    """A SMPL-X body that stands and bends its left elbow forward: positions and local quaternions, y up."""
    body = HUMANS[22]
    offsets = np.array([SMPLX_REST[n.replace("right", "left")] for n in body.joints], float) * [
        [-1 if n.startswith("right") else 1, 1, 1] for n in body.joints
    ]
    local = np.tile([1.0, 0, 0, 0], (frames, 22, 1))
    # About −y the left forearm turns from the left (+x) to the front (+z).
    local[:, body.joints.index("left_elbow")] = quat_about("y", -np.linspace(0, 1.5, frames))
    pos, quat = np.zeros((frames, 22, 3)), local.copy()
    for j, parent in enumerate(body.parents):
        if parent >= 0:
            quat[:, j] = quat_mul(quat[:, parent], local[:, j])
            pos[:, j] = pos[:, parent] + np.einsum("tij,j->ti", quat_to_matrix(quat[:, parent]), offsets[j])
        else:
            pos[:, j] = offsets[j]
    return pos, local, quat


def test_a_made_smplx_body_from_global_or_local_rotations(tmp_path):
    pos, local, quat = smplx_clip()
    np.savez(tmp_path / "a.npz", posed_joints=pos, global_rot_mats=quat_to_matrix(quat))
    np.savez(tmp_path / "b.npz", posed_joints=pos, local_rot_mats=quat_to_matrix(local), fps=20.0)
    a, b = motion.load(tmp_path / "a.npz"), motion.load(tmp_path / "b.npz")
    assert detect(tmp_path / "a.npz") == "kimodo-npz"
    assert (a.fps, b.fps) == (30.0, 20.0)
    np.testing.assert_allclose(a.quat, b.quat, atol=1e-6)
    names = a.skeleton.landmarks.names
    place = dict(zip(names, np.moveaxis(a.landmarks()[0], 1, 0), strict=True))
    frame = dict(zip(names, np.moveaxis(a.landmarks()[1], 1, 0), strict=True))
    assert place["left_hip"][0, 1] > 0 > place["right_hip"][0, 1]
    assert place["left_wrist"][-1, 0] > 0.2
    still = np.array([1, 0, 0, 0], np.float32)
    for name in ("pelvis", "chest", "left_shoulder", "right_elbow", "right_wrist"):
        assert np.degrees(quat_angle(frame[name], still)).max() < 3.0, name


def test_prompts_and_contacts_come_along(tmp_path):
    pos, _, quat = smplx_clip()
    contacts = np.zeros((len(pos), 4), bool)
    contacts[5:, 1] = True
    np.savez(
        tmp_path / "motion.npz",
        posed_joints=pos,
        global_rot_mats=quat_to_matrix(quat),
        foot_contacts=contacts,
    )
    (tmp_path / "meta.json").write_text(json.dumps({"texts": ["a person stands", "and points"]}))
    clip = motion.load(tmp_path / "motion.npz")
    assert clip.origin.texts == ("a person stands", "and points")
    np.testing.assert_array_equal(clip.tracks["foot_contacts"], contacts)
    (tmp_path / "meta.json").write_text("{")
    clip = motion.load(tmp_path / "motion.npz")
    assert clip.origin.texts == ()
    assert "no prompts" in clip.origin.inferred["texts"]


def test_hinges_are_the_robots_own(tmp_path):
    g1 = robots.load("unitree_g1")
    rng = np.random.default_rng(0)
    joints = rng.uniform(g1.lower, g1.upper, (20, len(g1.joints)))
    root = np.tile(g1.home[:7], (20, 1))
    root[:, 3:7] = quat_about("z", rng.uniform(-3, 3, 20))
    clip = RobotMotion(g1.name, g1.joints, 30.0, root[:, :3], root[:, 3:7], joints)
    read = motion.load(kimodo_g1(clip, g1, tmp_path))
    assert isinstance(read, RobotMotion)
    assert (read.robot, read.joints) == (g1.name, g1.joints)
    # The model rounds the tilts of its shoulders to a hundredth of a degree.
    apart = (read.joint_pos - clip.joint_pos + np.pi) % (2 * np.pi) - np.pi
    assert np.degrees(np.abs(apart)).max() < 0.05
    np.testing.assert_allclose(read.root_pos, clip.root_pos, atol=1e-6)
    assert quat_angle(read.root_quat, clip.root_quat).max() < 1e-3


REFUSED = {
    "an unknown body": (lambda p, r: (p[:, :21], r[:, :21]), "21 joints"),
    "matrices that scale": (lambda p, r: (p, 1.1 * r), "not rotations"),
    "mirrors": (lambda p, r: (p, -r), "not rotations"),
    "not a number": (lambda p, r: (p * np.nan, r), "NaN"),
    "other frames": (lambda p, r: (p, r[1:]), "frames"),
    "another clip's rotations": (lambda p, r: (p, r[::-1]), "belong together"),
    "centimetres": (lambda p, r: (100 * p, r), "metres"),
    "a point": (lambda p, r: (0 * p, r), "metres"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_clip_is_refused(tmp_path, case):
    change, words = REFUSED[case]
    pos, _, quat = smplx_clip()
    pos, matrices = change(pos, quat_to_matrix(quat))
    np.savez(tmp_path / "a.npz", posed_joints=pos, global_rot_mats=matrices)
    with pytest.raises(FormatError, match=words):
        motion.load(tmp_path / "a.npz")


def test_bodies_have_the_documented_joints():
    assert (len(SOMA.joints), len(SOMA_SMALL.joints)) == (77, 30)
    assert set(SOMA_SMALL.joints) <= set(SOMA.joints)
    assert SOMA.joints[-1] == "RightToeEnd"
    assert SOMA_SMALL.joints[-1] == "RightToeBase"
    assert tuple(h.joint for h in HINGES) == robots.load("unitree_g1").joints


@pytest.fixture(scope="module")
def samples(corpus):
    return corpus / "format_samples" / "kimodo"


@pytest.mark.corpus
def test_real_soma_clips_stand_on_the_floor_and_bend_the_right_way(samples):
    for path in sorted(samples.glob("kimodo-soma-rp/*/motion.npz")):
        clip = motion.load(path)
        assert isinstance(clip, HumanMotion)
        assert clip.origin.texts
        info = describe(clip)
        assert 1.75 < info.stature < 1.9
        assert abs(info.floor) < 0.03
        names = clip.skeleton.landmarks.names
        at = dict(zip(names, np.moveaxis(clip.landmarks()[0], 1, 0), strict=True))
        for side in ("left", "right"):
            thigh, shin = at[f"{side}_knee"] - at[f"{side}_hip"], at[f"{side}_ankle"] - at[f"{side}_knee"]
            bend = np.cross(thigh, shin)
            frame = clip.landmarks()[1][:, names.index(f"{side}_knee")]
            left = np.stack(np.moveaxis(quat_to_matrix(frame)[..., 1], -1, 0), -1)
            size = np.linalg.norm(bend, axis=-1)
            seen = size > 0.05
            assert ((bend * left).sum(-1)[seen] / size[seen]).min() > 0.8, (path, side)


@pytest.mark.corpus
def test_real_g1_clips_agree_with_forward_kinematics(samples):
    import mujoco

    g1 = robots.load("unitree_g1")
    data = mujoco.MjData(g1.model)
    bodies = [g1.model.joint(h.joint).bodyid[0] for h in HINGES]
    for path in sorted(samples.glob("kimodo-g1-rp/*/motion.npz")):
        clip = motion.load(path)
        assert isinstance(clip, RobotMotion)
        assert clip.origin.texts
        with np.load(path) as archive:
            seen = archive["posed_joints"][..., [2, 0, 1]][:, [h.row for h in HINGES]]
        off = []
        for t in range(0, clip.frames, 10):
            data.qpos[:] = clip.qpos[t]
            mujoco.mj_kinematics(g1.model, data)
            off.append(np.linalg.norm(data.xpos[bodies] - seen[t], axis=-1))
        assert np.mean(off) < 0.003, path
        assert np.max(off) < 0.04, path
        over = np.maximum(clip.joint_pos - g1.upper, g1.lower - clip.joint_pos)
        assert (over > 0.01).mean() < 0.02
        assert over.max() < 0.15


def soma_bvh(path, clip, fps, step):
    """The clip as Kimodo exports it: a root that stays, y up, cm, angles Z Y X, no End Sites."""
    joints, parents = clip.skeleton.joints, clip.skeleton.parents
    pos = 100.0 * clip.pos[::step, :, Y_UP].astype(float)
    quat = clip.quat[::step][..., [0, 2, 3, 1]].astype(float)
    offsets = 100.0 * clip.skeleton.offsets[:, Y_UP]
    offsets[0] = (0.0, 100.0, 0.0)
    local = quat.copy()
    local[:, 1:] = quat_mul(quat[:, parents[1:]] * [1, -1, -1, -1], quat[:, 1:])
    angles = np.degrees(quat_to_euler("zyx", local))
    six = "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation"
    lines, order = ["HIERARCHY", "ROOT Root", "{", "OFFSET 0 0 0", six], []

    def node(j):
        order.append(j)
        lines.extend([f"JOINT {joints[j]}", "{", "OFFSET " + " ".join(f"{v:.6f}" for v in offsets[j])])
        lines.append(six if j == 0 else "CHANNELS 3 Zrotation Yrotation Xrotation")
        for child in np.flatnonzero(parents == j):
            node(int(child))
        lines.append("}")

    node(0)
    lines += ["}", "MOTION", f"Frames: {len(pos)}", f"Frame Time: {1 / fps}"]
    rows = np.concatenate(
        [np.zeros((len(pos), 6)), pos[:, 0], angles[:, order].reshape(len(pos), -1)], axis=1
    )
    lines += [" ".join(f"{v:.6f}" for v in row) for row in rows]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.corpus
@pytest.mark.parametrize("fps", [30.0, 120.0])
def test_soma_bvh_agrees_with_the_npz(samples, tmp_path, fps):
    clip = motion.load(next(samples.glob("kimodo-soma-rp/05*/motion.npz")))
    clip = motion.resample(motion.trim(clip, 0.0, 4.0), fps)
    soma_bvh(tmp_path / "soma.bvh", clip, fps, 1)
    motion.save(clip, tmp_path / "own.bvh")
    for name in ("soma.bvh", "own.bvh"):
        read = motion.load(tmp_path / name)
        assert (read.fps, read.frames) == (fps, clip.frames)
        assert "SOMA" in read.origin.inferred["landmarks"]
        assert read.origin.inferred["unit"].startswith("cm")
        np.testing.assert_allclose(read.landmarks()[0], clip.landmarks()[0], atol=1e-3)
        trunk_and_limbs = [
            k for k, n in enumerate(clip.skeleton.landmarks.names) if "toe" not in n and "ankle" not in n
        ]
        apart = quat_angle(read.landmarks()[1], clip.landmarks()[1])[:, trunk_and_limbs]
        assert np.degrees(apart).max() < 0.1
