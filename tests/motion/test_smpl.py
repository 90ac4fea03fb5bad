"""SMPL's parameters: all layouts mean the same motion, bodies come from models or from anthropometry, PHUMA's files."""

import numpy as np
import pytest

from understudy import motion
from understudy.errors import FormatError, LimitError, SkeletonMismatch, UnderstudyError
from understudy.motion import LANDMARKS, RobotMotion, formats
from understudy.motion.body_model import BODY_JOINTS, SMPL, smpl_skeleton
from understudy.motion.formats import smpl_npz
from understudy.motion.formats.joblib_file import read_joblib
from understudy.motion.formats.smpl_model import EXPRESSIONS, KINDS, KNUCKLES, read_body_model
from understudy.motion.info import describe
from understudy.motion.posture import t_pose_error
from understudy.motion.proportions import STATURE, mean_adult
from understudy.rotations import quat_angle, quat_apply, quat_from_matrix, quat_mul, quat_yaw, xyzw_to_wxyz

FRAMES = 40
PARENTS = [-1 if p is None else list(SMPL).index(p) for p in SMPL.values()]
UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""From a y-up frame to the z-up one in which a body facing z faces -y."""


@pytest.fixture
def poses():
    """Smooth rotation vectors (time, 24, 3) of a body that turns while it bends everywhere."""
    t = np.linspace(0, 1, FRAMES)[:, None, None]
    rng = np.random.default_rng(5)
    out = 0.3 * np.sin(3 * t + rng.normal(size=(1, 24, 1))) * rng.normal(size=(1, 24, 3))
    out[:, 0] = np.array([0.1, 0.5, -0.05]) * (1 + 2 * t[:, 0])
    return out


@pytest.fixture
def trans():
    t = np.linspace(0, 1, FRAMES)
    return np.stack([np.sin(t), 1.2 + 0.02 * np.sin(9 * t), t**2], axis=1)


def rodrigues(r):
    """Rotation matrices (..., 3, 3), by the formula of the same name."""
    angle = np.linalg.norm(r, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(r, -1, 0)
    zero = 0.0 * x
    k = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*r.shape, 3)
    k = k / np.maximum(angle, 1e-12)
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def smpl_by_the_book(rotvec, trans, rest):
    """Joint positions and rotations in the file's own frame, as SMPL's paper has them. ``rest`` in template axes."""
    turn = rodrigues(rotvec)
    pos, rot = np.zeros((len(trans), 24, 3)), np.zeros((len(trans), 24, 3, 3))
    for j, p in enumerate(PARENTS):
        if p < 0:
            rot[:, j], pos[:, j] = turn[:, j], rest[j] + trans
        else:
            rot[:, j] = rot[:, p] @ turn[:, j]
            pos[:, j] = pos[:, p] + rot[:, p] @ (rest[j] - rest[p])
    return pos, rot


def logarithm(m):
    """Rotation vectors of matrices (time, 3, 3), none of them near half a turn."""
    angle = np.arccos(np.clip((np.trace(m, axis1=1, axis2=2) - 1) / 2, -1, 1))
    axis = np.stack([m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]], -1)
    return axis * (0.5 * angle / np.sin(angle))[:, None]


def z_up(poses, trans, pelvis):
    """The same motion as a z-up file has it: the root turned, the translation such that the root joint moves along."""
    poses = poses.copy()
    poses[:, 0] = logarithm(UPRIGHT @ rodrigues(poses[:, 0]))
    return poses, (trans + pelvis) @ UPRIGHT.T - pelvis


def model_arrays(kind, shapes=10):
    """A body model with four vertices around each joint; the first shape direction makes everybody taller."""
    count = {name: n for n, name in KINDS.items()}[kind]
    rng = np.random.default_rng(1)
    # The template in its own axes: x left, y up, z forward, the root joint below the origin.
    joints = np.array([mean_adult()[name] for name in SMPL])[:, [1, 2, 0]] + [0.0, -0.3, 0.02]
    rest = rng.normal(0, 0.1, (count, 3))
    rest[:BODY_JOINTS] = joints[:BODY_JOINTS]
    rest[list(KNUCKLES[kind])] = joints[BODY_JOINTS:]
    around = rng.normal(0, 0.05, (count, 4, 3))
    template = (rest[:, None] + around - around.mean(1, keepdims=True)).reshape(-1, 3)
    regressor = np.kron(np.eye(count), np.full((1, 4), 0.25))
    directions = rng.normal(0, 0.001, (len(template), 3, shapes))
    directions[..., 0] = 0.05 * np.repeat(rest, 4, axis=0)
    tree = np.stack([np.full(count, -1), np.arange(count)])
    return {"v_template": template, "shapedirs": directions, "J_regressor": regressor, "kintree_table": tree}


@pytest.fixture
def model(tmp_path):
    def write(kind, name="MODEL_FEMALE.npz", **change):
        path = tmp_path / name
        np.savez(path, **{**model_arrays(kind, change.pop("shapes", 10)), **change})
        return path

    return write


LAYOUTS = {
    "AMASS, SMPL-H": lambda p, t: {
        "poses": np.concatenate([p[:, :22].reshape(len(p), -1), np.ones((len(p), 90))], 1),
        "trans": t,
        "mocap_framerate": np.array(120.0),
        "gender": np.array(b"female"),
        "betas": np.zeros(16),
        "dmpls": np.zeros((len(p), 8)),
    },
    "AMASS, SMPL-X": lambda p, t: {
        "root_orient": p[:, 0],
        "pose_body": p[:, 1:22].reshape(len(p), -1),
        "pose_hand": np.zeros((len(p), 90)),
        "pose_jaw": np.zeros((len(p), 3)),
        "poses": np.zeros((len(p), 165)),
        "trans": t,
        "mocap_frame_rate": np.array(120),
        "surface_model_type": np.array("smplx"),
        "markers_latent_vids": np.array({"a": 1}, dtype=object),
    },
    "SMPL": lambda p, t: {"poses": p.reshape(len(p), 72), "trans": t, "mocap_framerate": 120},
    "joints apart": lambda p, t: {"poses": p[:, :22], "trans": t, "fps": np.array([120.0])},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_is_the_same_motion(layout, poses, trans, tmp_path):
    path = tmp_path / "clip.npz"
    np.savez(path, **layout(poses, trans))
    assert formats.detect(path) == "smpl-npz"
    clip, other = motion.load(path), tmp_path / "other.npz"
    np.savez(other, **LAYOUTS["SMPL"](poses, trans))
    reference = motion.load(other)
    assert clip.fps == 120.0
    assert clip.skeleton.landmarks.names == LANDMARKS
    np.testing.assert_allclose(clip.quat[:, :22], reference.quat[:, :22], atol=1e-6)
    moved = clip.pos[:, :22] - clip.pos[:1, :1]
    np.testing.assert_allclose(moved, reference.pos[:, :22] - reference.pos[:1, :1], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_model_places_the_joints_as_the_book_says(kind, poses, trans, model, tmp_path):
    betas, path = np.array([1.5, -0.7, 0.3]), tmp_path / "clip.npz"
    arrays = LAYOUTS["joints apart"](poses, trans) | {"betas": betas, "surface_model_type": np.array(kind)}
    np.savez(path, **arrays)
    clip = motion.load(path, body_model=model(kind))
    made = model_arrays(kind)
    vertices = made["v_template"] + made["shapedirs"][..., :3] @ betas
    rest = (made["J_regressor"] @ vertices)[[*range(BODY_JOINTS), *KNUCKLES[kind]]]
    poses[:, 22:] = 0.0
    pos, rot = smpl_by_the_book(poses, trans, rest)
    np.testing.assert_allclose(clip.pos, pos, atol=1e-5)
    # Joint frames are the template's, renamed: forward is the template's z, left its x, up its y.
    turned = quat_from_matrix(rot @ np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]))
    assert quat_angle(clip.quat.astype(float), turned).max() < 1e-3
    assert "3 of 3 shape coefficients" in clip.origin.inferred["body"]


def test_y_up_files_and_z_up_files_meet(poses, trans, model, tmp_path):
    body = model("smplx")
    up, flat = tmp_path / "up.npz", tmp_path / "flat.npz"
    parts = {"transl": trans, "global_orient": poses[:, 0], "body_pose": poses[:, 1:22].reshape(FRAMES, -1)}
    np.savez(up, fps=30, **parts)
    pelvis = read_body_model(body).mean[0]
    turned, moved = z_up(poses, trans, pelvis)
    np.savez(flat, **LAYOUTS["AMASS, SMPL-X"](turned, moved))
    a, b = motion.load(up, body_model=body), motion.load(flat, body_model=body, fps=30.0)
    assert a.origin.inferred["up"].startswith("y: the rule")
    assert b.origin.inferred["up"].startswith("z: the rule")
    # A y-up body facing z faces x here; the z-up file's faces -y.
    quarter = np.array([np.sqrt(0.5), 0, 0, -np.sqrt(0.5)])
    np.testing.assert_allclose(quat_apply(quarter, a.pos.astype(float)), b.pos, atol=1e-5)
    assert quat_angle(quat_mul(quarter, a.quat.astype(float)), b.quat.astype(float)).max() < 1e-3
    forced = motion.load(flat, body_model=body, up="y")
    assert "does not stand" in forced.origin.inferred["up"]


def test_shape_makes_people_tall(poses, trans, model, tmp_path):
    body, path, statures = model("smplh"), tmp_path / "clip.npz", []
    for beta in (-1.0, 0.0, 1.0):
        np.savez(path, **LAYOUTS["AMASS, SMPL-H"](poses, trans) | {"betas": np.array([beta])})
        statures.append(describe(motion.load(path, body_model=body)).stature)
    np.testing.assert_allclose(np.diff(statures), 0.05 * statures[1], rtol=0.02)


def test_without_a_model_the_body_is_a_mean_adult(poses, trans, tmp_path):
    path = tmp_path / "clip.npz"
    np.savez(path, **LAYOUTS["AMASS, SMPL-H"](poses, trans) | {"betas": np.full(16, 3.0)})
    clip = motion.load(path)
    assert "mean adult" in clip.origin.inferred["body"]
    assert describe(clip).stature == pytest.approx(STATURE, abs=0.02)


def test_the_mean_adult_stands_like_a_human():
    rest = mean_adult()
    place = {mark: rest[joint] for mark, joint in zip(SMPL, SMPL, strict=True)}
    place["chest"] = rest["spine3"]
    assert t_pose_error(place) < 7
    for name, here in rest.items():
        if name.startswith("left"):
            np.testing.assert_allclose(here * [1, -1, 1], rest["right" + name[4:]], atol=1e-12)
    span = rest["left_hand"][1] - rest["right_hand"][1] + 2 * 0.06 * STATURE
    assert span == pytest.approx(STATURE, rel=0.05)
    marks = smpl_skeleton("mean", rest).landmarks
    trunk = [marks.quat[marks.index(name)] for name in ("pelvis", "spine", "chest", "neck", "head")]
    np.testing.assert_allclose(trunk, np.tile([1.0, 0, 0, 0], (5, 1)), atol=1e-6)


def test_what_is_no_motion_is_refused_with_a_reason(tmp_path):
    shape, stage = tmp_path / "shape.npz", tmp_path / "walk_stagei.npz"
    np.savez(shape, gender="male", betas=np.zeros(16))
    np.savez(stage, gender="male", betas=np.zeros(16), markers_latent=np.zeros((41, 3)))
    for path in (shape, stage):
        assert formats.detect(path) == "smpl-npz"
        with pytest.raises(FormatError, match="no motion"):
            motion.load(path)


def test_the_rate_is_never_guessed(poses, trans, tmp_path):
    path, arrays = tmp_path / "clip.npz", LAYOUTS["SMPL"](poses, trans)
    np.savez(path, **{k: v for k, v in arrays.items() if k != "mocap_framerate"})
    with pytest.raises(FormatError, match="--source-fps"):
        motion.load(path)
    assert motion.load(path, fps=59.94).fps == 59.94
    np.savez(path, **arrays, mocap_frame_rate=60.0)
    with pytest.raises(FormatError, match="120, mocap_frame_rate = 60"):
        motion.load(path)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"up": "x"}, LimitError, "'y' or 'z'"),
        ({"fps": -1.0}, LimitError, "positive"),
        ({"body_model": "missing.npz"}, UnderstudyError, "does not exist"),
    ],
)
def test_impossible_options(options, error, says, poses, trans, tmp_path):
    np.savez(tmp_path / "clip.npz", **LAYOUTS["SMPL"](poses, trans))
    with pytest.raises(error, match=says):
        smpl_npz.read(tmp_path / "clip.npz", **options)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"poses": np.zeros((FRAMES, 71))}, "no known body"),
        ({"poses": np.zeros((3, 72))}, "3 of poses"),
        ({"trans": np.zeros((FRAMES, 2))}, "shape"),
        ({"trans": np.full((FRAMES, 3), np.nan)}, "frame 0"),
        ({"poses": np.full((FRAMES, 72), "x")}, "numbers"),
        ({"mocap_framerate": np.nan}, "no usable frame rate"),
        ({"mocap_framerate": np.zeros(3)}, "one number"),
    ],
)
def test_damaged_entries(change, says, poses, trans, tmp_path):
    np.savez(tmp_path / "clip.npz", **LAYOUTS["SMPL"](poses, trans) | change)
    with pytest.raises(FormatError, match=says):
        motion.load(tmp_path / "clip.npz")


def test_models_of_the_wrong_kind_or_sex_are_not_passed_over(poses, trans, model, tmp_path):
    path = tmp_path / "clip.npz"
    np.savez(path, **LAYOUTS["AMASS, SMPL-H"](poses, trans) | {"gender": np.array("male")})
    with pytest.raises(SkeletonMismatch, match="smplx model"):
        motion.load(path, body_model=model("smplx"))
    said = motion.load(path, body_model=model("smpl")).origin.inferred["body"]
    assert "meant for the male model and this one is called female" in said


def test_only_the_body_s_shape_directions_are_used(model):
    for total, body in EXPRESSIONS.items():
        found = read_body_model(model("smplx", f"{total}.npz", shapes=total))
        assert found.directions.shape == (len(SMPL), 3, body)


def test_what_is_no_model_is_refused(model, tmp_path):
    pickled = tmp_path / "SMPL_NEUTRAL.pkl"
    pickled.write_bytes(b"\x80\x02")
    with pytest.raises(FormatError, match="convert"):
        read_body_model(pickled)
    changes = (
        {"J_regressor": np.eye(5)},
        {"v_template": np.zeros((7, 3))},
        {"shapedirs": np.zeros(3)},
        {"shapedirs": np.array(["a"])},
        {"v_template": np.full((96, 3), np.inf)},
    )
    for number, change in enumerate(changes):
        with pytest.raises(FormatError):
            read_body_model(model("smpl", f"{number}.npz", **change))
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(FormatError, match="no body model"):
        read_body_model(tmp_path / "other.npz")


@pytest.mark.parametrize("contacts", [0, 4])
def test_phuma_humans(contacts, poses, trans, tmp_path):
    path, other = tmp_path / "clip.npy", tmp_path / "clip.npz"
    flags = np.tile([1.0, 0.0, 0.5, 0.0], (FRAMES, 1))[:, :contacts]
    np.save(path, np.concatenate([trans, poses[:, :22].reshape(FRAMES, 66), flags], 1).astype(np.float32))
    body = {"transl": trans, "global_orient": poses[:, 0], "body_pose": poses[:, 1:22].reshape(FRAMES, -1)}
    np.savez(other, fps=30.0, **body)
    assert formats.detect(path) == "phuma-npy"
    clip, same = motion.load(path), motion.load(other)
    np.testing.assert_allclose(clip.pos, same.pos, atol=1e-5)
    assert clip.fps == 30.0
    assert set(clip.tracks) == ({"foot_contacts"} if contacts else set())


def test_phuma_robots_there_and_back(tmp_path):
    rng = np.random.default_rng(2)
    quat = rng.normal(size=(9, 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    clip = RobotMotion("toy", ("a", "b"), 30.0, rng.normal(size=(9, 3)), quat, rng.normal(size=(9, 2)))
    path = tmp_path / "robot.npy"
    motion.save(clip, path)
    record = np.load(path, allow_pickle=True).item()
    np.testing.assert_allclose(record["root_ori"], quat[:, [1, 2, 3, 0]], atol=1e-6)
    assert formats.detect(path) == "phuma-npy"
    back = motion.load(path, joints=("a", "b"), robot="toy")
    for field in ("root_pos", "root_quat", "joint_pos"):
        np.testing.assert_allclose(getattr(back, field), getattr(clip, field), atol=1e-6)
    with pytest.raises(FormatError, match="--robot"):
        motion.load(path)


class Trap:
    def __reduce__(self):
        return (print, ("it ran",))


@pytest.mark.parametrize(
    "content", [Trap(), {"root_trans": Trap()}, [1, 2], {"fps": 3}, np.array([{}, {}], dtype=object)]
)
def test_boxed_objects_are_never_run(content, tmp_path, capsys):
    path = tmp_path / "robot.npy"
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
    with pytest.raises(FormatError):
        motion.load(path, format="phuma-npy", joints=("a",), robot="toy")
    assert not capsys.readouterr().out


@pytest.mark.corpus
def test_people_from_videos_and_what_others_made_of_them(corpus):
    """ASAP's clips stand upright on their floor, and move as the robots that were fitted to them elsewhere."""
    files = sorted((corpus / "permissive/asap_smpl").glob("*.npz"))
    assert len(files) == 46
    for number, file in enumerate(files):
        clip = motion.load(file)
        info = describe(clip)
        assert info.fps == 30.0
        assert abs(info.floor) < 0.06, file.name
        pelvis = clip.landmarks()[1][:, 0]
        up = quat_apply(pelvis[0], np.float32([0, 0, 1]))
        assert up[2] > np.cos(np.radians(12)), file.name
        if number % 6:
            continue
        [robot] = (corpus / "permissive/asap_g1_23dof").glob(f"*smpl_{file.stem}.pkl")
        [other] = read_joblib(robot).values()
        frames = min(clip.frames, len(other["root_rot"]))
        path, theirs = (
            np.gradient(v[:frames, :2], axis=0) for v in (clip.pos[:, 0], other["root_trans_offset"])
        )
        assert np.corrcoef(path.ravel(), theirs.ravel())[0, 1] > 0.99, file.name
        heading = quat_yaw(pelvis[:frames].astype(float))
        apart = heading - quat_yaw(xyzw_to_wxyz(other["root_rot"][:frames].astype(float)))
        assert np.degrees(np.abs(np.arctan2(np.sin(apart), np.cos(apart))).mean()) < 20, file.name
