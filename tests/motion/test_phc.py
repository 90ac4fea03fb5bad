"""Motion libraries of PHC, ASAP and SONIC: joblib files of clips, read without joblib."""

import bz2
import lzma
import pickle
import zlib

import joblib
import numpy as np
import pytest
from hostile import damaged

from understudy import kinematics, motion, robots
from understudy.errors import FormatError, LimitError, ShapeError, UnderstudyError, UnknownName
from understudy.motion import RobotMotion, formats
from understudy.motion.formats import joblib_file
from understudy.motion.formats.joblib_file import read_joblib
from understudy.motion.formats.phc_pkl import G1_23
from understudy.rotations import quat_apply, quat_from_rotvec, wxyz_to_xyzw

JOINTS = ("left_knee", "waist")
AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
SAID = {"joints": JOINTS, "robot": "toy"}


def clip(frames=9, fps=30.0):
    t = np.arange(frames)[:, None] / fps
    quat = quat_from_rotvec(np.hstack([0.3 * t, 0.1 + t, 0.2 - t]))
    return RobotMotion("toy", JOINTS, fps, np.hstack([t, -t, 0.8 + 0 * t]), quat, np.hstack([t, np.sin(t)]))


def entry(motion, order="xyzw"):
    quat = motion.root_quat.astype(np.float64)
    pose = np.zeros((motion.frames, 6, 3), np.float32)
    pose[:, 0] = (
        2
        * np.arctan2(np.linalg.norm(quat[:, 1:], axis=1), quat[:, 0])[:, None]
        * (quat[:, 1:] / np.linalg.norm(quat[:, 1:], axis=1, keepdims=True))
    )
    return {
        "root_trans_offset": motion.root_pos,
        "pose_aa": pose,
        "dof": motion.joint_pos,
        "root_rot": wxyz_to_xyzw(quat) if order == "xyzw" else quat,
        "smpl_joints": np.zeros((motion.frames, 24, 3), np.float32),
        "fps": 30,
    }


def assert_same(got, want):
    assert (got.robot, got.joints, got.fps) == (want.robot, want.joints, want.fps)
    assert np.allclose(got.qpos, want.qpos, atol=1e-6)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_what_joblib_writes_is_read(tmp_path, compress, protocol):
    path = tmp_path / "a.pkl"
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    more = {
        "fortran": fortran,
        "empty": np.zeros((0, 3)),
        "texts": np.array(["a", "bc"]),
        "one": np.float32(2),
    }
    joblib.dump({"walk": entry(clip()), "more": more}, path, compress=compress, protocol=protocol)
    assert formats.detect(path) == "phc-pkl"
    assert_same(motion.load(path, clip="walk", **SAID), clip())
    found = read_joblib(path)["more"]
    assert all(np.array_equal(found[key], more[key]) for key in more)


def test_what_is_written_joblib_reads(tmp_path):
    path = tmp_path / "a.pkl"
    motion.save(clip(), path, format="phc-pkl", axes=AXES, name="jump", extended=3)
    found = joblib.load(path)["jump"]
    assert found["fps"] == 30
    assert found["pose_aa"].shape == (9, 1 + 2 + 3, 3)
    assert np.allclose(found["pose_aa"][:, 1:3], clip().joint_pos[:, :, None] * AXES, atol=1e-6)
    assert np.allclose(quat_from_rotvec(found["pose_aa"][:, 0].astype(float)), clip().root_quat, atol=1e-6)
    assert np.allclose(found["root_rot"], wxyz_to_xyzw(clip().root_quat), atol=1e-6)
    assert_same(motion.load(path, **SAID), clip())


@pytest.mark.parametrize("order", ["xyzw", "wxyz"])
def test_the_rotation_vector_tells_the_order_of_the_quaternions(tmp_path, order):
    path = tmp_path / "a.pkl"
    joblib.dump({"a": entry(clip(), order)}, path)
    back = motion.load(path, **SAID)
    assert_same(back, clip())
    assert back.origin.inferred["quat_order"] == f"{order}: agrees with the root's rotation vector"
    motion.save(clip(), path, format="phc-pkl", axes=AXES, quat_order=order)
    assert_same(motion.load(path, **SAID), clip())


def test_an_order_that_nothing_tells_must_be_said(tmp_path):
    path = tmp_path / "a.pkl"
    for pose in (None, np.ones((9, 6, 3)), np.ones((2, 6, 3)), np.ones(3)):
        record = {key: value for key, value in entry(clip()).items() if key != "pose_aa"}
        joblib.dump({"a": record if pose is None else {**record, "pose_aa": pose}}, path)
        with pytest.raises(FormatError, match="'quat_order'"):
            motion.load(path, **SAID)
        assert_same(motion.load(path, quat_order="xyzw", **SAID), clip())
    with pytest.raises(UnknownName, match="'wxyz'"):
        motion.load(path, quat_order="wxy", **SAID)


def test_one_of_many_clips(tmp_path):
    path = tmp_path / "a.pkl"
    joblib.dump({f"clip {k}": entry(clip(frames=k + 2)) for k in range(12)}, path)
    with pytest.raises(FormatError, match=r"12 clips.*'clip'.*'clip 0'.*'clip 9', …"):
        motion.load(path, **SAID)
    for chosen in ("clip 11", 11, "11"):
        back = motion.load(path, clip=chosen, **SAID)
        assert (back.frames, back.origin.source) == (13, "clip 11")
    for missing in ("clip 12", 12, -1):
        with pytest.raises(FormatError, match="no clip"):
            motion.load(path, clip=missing, **SAID)


def test_a_single_clip_without_a_name(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(entry(clip())))
    assert_same(motion.load(path, **SAID), clip())


def test_asaps_g1_of_23_joints(tmp_path):
    g1 = robots.load("unitree_g1")
    rng = np.random.default_rng(0)
    dof = rng.uniform(-0.1, 0.1, (9, 23)).astype(np.float32)
    path = tmp_path / "a.pkl"
    joblib.dump({"a": {**entry(clip()), "dof": dof}}, path)
    assert set(g1.joints) - set(G1_23) == {j for j in g1.joints if "wrist" in j}
    whole = motion.load(path, joints=g1.joints, robot="unitree_g1")
    assert whole.joints == g1.joints
    assert np.array_equal(whole.joint_pos[:, [g1.joints.index(name) for name in G1_23]], dof)
    assert not whole.joint_pos[:, [k for k, name in enumerate(g1.joints) if "wrist" in name]].any()
    assert "locked" in whole.origin.inferred["joints"]
    assert motion.load(path, joints=G1_23, robot="unitree_g1").joints == G1_23


def test_writers_are_told_what_is_missing(tmp_path):
    path = tmp_path / "a.pkl"
    with pytest.raises(UnderstudyError, match="axes="):
        motion.save(clip(), path, format="phc-pkl")
    with pytest.raises(ShapeError, match=r"\(2, 3\)"):
        motion.save(clip(), path, format="phc-pkl", axes=AXES[:1])
    with pytest.raises(LimitError, match="below zero"):
        motion.save(clip(), path, format="phc-pkl", axes=AXES, extended=-1)
    with pytest.raises(UnknownName, match="quaternion order"):
        motion.save(clip(), path, format="phc-pkl", axes=AXES, quat_order="zyxw")
    assert not path.exists()


@pytest.mark.parametrize("content", [[1], {"root_trans_offset": 3}, {"a": 1, "root_trans_offset_": 2}, {}])
def test_pickles_of_other_things(tmp_path, content):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(FormatError):
        motion.load(path, format="phc-pkl", **SAID)


def test_old_and_rare_compressions_are_named(tmp_path):
    path = tmp_path / "a.pkl"
    for begin, word in ((b"ZF0x1", "before 0.10"), (b"\x04\x22\x4d\x18", "lz4")):
        path.write_bytes(begin + bytes(20))
        with pytest.raises(FormatError, match=word):
            read_joblib(path)


@pytest.mark.parametrize("fold", [zlib.compress, bz2.compress, lzma.compress])
def test_compressed_files_unfold_to_a_limit(tmp_path, monkeypatch, fold):
    monkeypatch.setattr(joblib_file, "LARGEST", 1 << 20)
    monkeypatch.setattr(joblib_file, "CHUNK", 1 << 16)
    path = tmp_path / "a.pkl"
    path.write_bytes(fold(pickle.dumps({"a": bytes(1 << 22)})))
    with pytest.raises(FormatError, match="unfolds to more"):
        read_joblib(path)
    path.write_bytes(fold(pickle.dumps({"a": bytes(1 << 19)}))[:-20])
    with pytest.raises(FormatError, match=r"cut short|damaged"):
        read_joblib(path)


@pytest.mark.parametrize("compress", [0, 3])
def test_damage_is_told(tmp_path, compress):
    path = tmp_path / "a.pkl"
    joblib.dump({"a": entry(clip())}, path, compress=compress)
    for data in damaged(path.read_bytes(), 300):
        path.write_bytes(data)
        try:
            back = motion.load(path, format="phc-pkl", **SAID)
        except FormatError:
            continue
        assert np.isfinite(back.qpos).all()


@pytest.mark.corpus
def test_asaps_clips_stand_on_the_floor(corpus):
    """46 people in videos on the G1: upright, in the air only when they jump, every order told by the file."""
    g1 = robots.load("unitree_g1")
    files = sorted((corpus / "permissive" / "asap_g1_23dof").glob("*.pkl"))
    assert len(files) == 46
    lowest, upright = [], []
    for path in files:
        assert formats.detect(path) == "phc-pkl"
        found = motion.load(path, joints=g1.joints, robot="unitree_g1")
        assert found.origin.inferred["quat_order"].startswith("xyzw")
        bodies = kinematics.body_tracks(g1, found)
        feet = [g1.body_index(foot.body) for foot in g1.feet.values()]
        soles = [
            bodies.pos[:, k, None] + quat_apply(bodies.quat[:, k, None].astype(float), foot.sole)
            for k, foot in zip(feet, g1.feet.values(), strict=True)
        ]
        lowest.append(min(corner[..., 2].min() for corner in soles))
        upright.append(np.median(quat_apply(found.root_quat.astype(float), np.array([0.0, 0.0, 1.0]))[:, 2]))
        assert np.abs(np.diff(found.joint_pos, axis=0)).max() * found.fps < 20
    assert abs(np.median(lowest)) < 0.01
    assert np.abs(lowest).max() < 0.07
    assert np.median(upright) > 0.95
