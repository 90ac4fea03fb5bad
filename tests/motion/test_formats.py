"""Every format gives back what was written, and refuses what it cannot know, naming file and option."""

import collections
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from understudy import motion as m
from understudy.errors import FormatError, UnderstudyError, UnknownName
from understudy.motion import BodyTracks, Origin, RobotMotion, formats, sample
from understudy.rotations import quat_about, quat_angle, quat_from_rotvec, quat_mul

JOINTS = ("left_knee", "right_knee", "waist")


def robot_clip(fps=30.0, frames=31):
    rng = np.random.default_rng(3)
    quat = quat_from_rotvec(np.cumsum(rng.normal(0, 0.05, (frames, 3)), axis=0))
    pos = np.cumsum(rng.normal(0, 0.01, (frames, 3)), axis=0) + np.array([0, 0, 0.8])
    joints = np.sin(np.arange(frames)[:, None] / fps * np.array([1.0, 2.0, 3.0]))
    return RobotMotion("toy", JOINTS, fps, pos, quat, joints)


def bodies_of(clip):
    """A made-up second body, 0.3 m in front of the root and turned by the waist."""
    turn = quat_about("z", clip.joint_pos[:, 2].astype(float))
    quat = np.stack([clip.root_quat, quat_mul(clip.root_quat, turn)], axis=1)
    pos = np.stack([clip.root_pos, clip.root_pos + np.array([0.3, 0, 0])], axis=1)
    return BodyTracks(("pelvis", "torso"), pos, quat)


ROBOT_FORMATS = {
    "native": (".npz", {}, {}, 30.0),
    "mjlab-npz": (".npz", {"bodies": True}, {}, 50.0),
    "gmr-pkl": (".pkl", {}, {"joints": JOINTS, "robot": "toy"}, 30.0),
    "unitree-csv": (".csv", {}, {"joints": JOINTS, "robot": "toy"}, 30.0),
    "kimodo-csv": (".csv", {}, {"joints": JOINTS, "robot": "toy"}, 30.0),
}


@pytest.mark.parametrize("name", ROBOT_FORMATS)
def test_robot_round_trip(tmp_path, name):
    suffix, writing, reading, fps = ROBOT_FORMATS[name]
    clip = robot_clip(fps)
    options = {"bodies": bodies_of(clip)} if writing else {}
    path = tmp_path / f"clip{suffix}"
    m.save(clip, path, format=name, **options)
    back = m.load(path, format=name, **reading)
    assert (back.robot, back.joints, back.fps) == (clip.robot, clip.joints, clip.fps)
    assert np.allclose(back.root_pos, clip.root_pos, atol=1e-5)
    assert np.allclose(back.joint_pos, clip.joint_pos, atol=1e-5)
    assert np.allclose(back.root_quat, clip.root_quat, atol=1e-5)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_native_keeps_everything(tmp_path):
    origin = Origin(
        "a.bvh", "CC0", ("wave",), {"up": "y"}, ({"arrow": "mirror"},), {"passed": True, "checks": []}
    )
    human = sample.motion("wave")
    human = replace(human, origin=origin, tracks={**human.tracks, "label": np.array(["x"] * human.frames)})
    m.save(human, tmp_path / "h.npz")
    back = m.load(tmp_path / "h.npz")
    assert np.array_equal(back.pos, human.pos)
    assert np.array_equal(back.quat, human.quat)
    assert back.skeleton.joints == human.skeleton.joints
    assert back.skeleton.landmarks.names == human.skeleton.landmarks.names
    assert back.origin == origin
    assert back.tracks.keys() == human.tracks.keys()
    assert all(np.array_equal(back.tracks[k], human.tracks[k]) for k in human.tracks)
    with np.load(tmp_path / "h.npz", allow_pickle=False) as archive:
        assert {"pos", "quat", "joints", "parents", "offsets", "fps", "skeleton", "version"} <= set(
            archive.files
        )


def test_native_from_the_future_is_refused(tmp_path):
    m.save(robot_clip(), tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz") as archive:
        entries = dict(archive)
    np.savez(tmp_path / "r.npz", **{**entries, "version": np.array(99)})
    with pytest.raises(FormatError, match="version 99"):
        m.load(tmp_path / "r.npz")


def test_mjlab_entries(tmp_path):
    """The keys, dtypes and order that mjlab's loader reads, and velocities that belong to the positions."""
    clip = robot_clip(50.0, 101)
    m.save(clip, tmp_path / "t.npz", format="mjlab-npz", bodies=bodies_of(clip))
    with np.load(tmp_path / "t.npz", allow_pickle=False) as archive:
        e = dict(archive)
    shapes = {k: v.shape for k, v in e.items() if not k.endswith("names") and k != "robot"}
    assert shapes == {
        "fps": (1,),
        "joint_pos": (101, 3),
        "joint_vel": (101, 3),
        "body_pos_w": (101, 2, 3),
        "body_quat_w": (101, 2, 4),
        "body_lin_vel_w": (101, 2, 3),
        "body_ang_vel_w": (101, 2, 3),
    }
    assert e["fps"][0] == 50.0
    assert np.allclose(e["joint_vel"][1:-1], (e["joint_pos"][2:] - e["joint_pos"][:-2]) * 25.0, atol=1e-4)
    assert list(e["body_names"]) == ["pelvis", "torso"]


def test_mjlab_angular_velocity_of_a_steady_turn(tmp_path):
    t = np.arange(51) / 50.0
    clip = RobotMotion("toy", (), 50.0, np.zeros((51, 3)), quat_about("z", 1.5 * t), np.zeros((51, 0)))
    bodies = BodyTracks(("pelvis",), clip.root_pos[:, None], clip.root_quat[:, None])
    m.save(clip, tmp_path / "t.npz", format="mjlab-npz", bodies=bodies)
    with np.load(tmp_path / "t.npz") as archive:
        assert np.allclose(archive["body_ang_vel_w"], [0, 0, 1.5], atol=1e-3)


def test_mjlab_samples_other_rates_at_its_own(tmp_path):
    clip = robot_clip(60.0, 121)
    m.save(clip, tmp_path / "t.npz", format="mjlab-npz", bodies=bodies_of(clip))
    back = m.load(tmp_path / "t.npz")
    expected = m.sample_every(clip, 50.0)
    assert back.frames == 101
    assert np.allclose(back.joint_pos, expected.joint_pos, atol=1e-5)
    assert quat_angle(back.root_quat.astype(float), expected.root_quat.astype(float)).max() < 2e-3


def test_mjlab_needs_bodies_and_names(tmp_path):
    clip = robot_clip(50.0)
    with pytest.raises(UnderstudyError, match="body_tracks"):
        m.save(clip, tmp_path / "t.npz", format="mjlab-npz")
    m.save(clip, tmp_path / "t.npz", format="mjlab-npz", bodies=bodies_of(clip))
    with np.load(tmp_path / "t.npz") as archive:
        entries = {k: archive[k] for k in archive.files if k not in ("joint_names", "robot")}
    np.savez(tmp_path / "bare.npz", **entries)
    with pytest.raises(FormatError, match="'joints'"):
        m.load(tmp_path / "bare.npz")
    with pytest.raises(FormatError, match="'robot'"):
        m.load(tmp_path / "bare.npz", joints=JOINTS)
    assert m.load(tmp_path / "bare.npz", joints=JOINTS, robot="toy").joints == JOINTS


def test_unitree_and_kimodo_differ_in_the_quaternion_only(tmp_path):
    clip = robot_clip()
    for name in ("unitree-csv", "kimodo-csv"):
        m.save(clip, tmp_path / f"{name}.csv", format=name)
    unitree, kimodo = (np.loadtxt(tmp_path / f"{n}-csv.csv", delimiter=",") for n in ("unitree", "kimodo"))
    assert np.array_equal(unitree[:, [6, 3, 4, 5]], kimodo[:, 3:7])
    assert np.array_equal(np.delete(unitree, range(3, 7), 1), np.delete(kimodo, range(3, 7), 1))


def test_tables_state_no_rate_so_they_are_sampled_at_theirs(tmp_path):
    clip = robot_clip(50.0, 101)
    m.save(clip, tmp_path / "a.csv", format="unitree-csv")
    back = m.load(tmp_path / "a.csv", format="unitree-csv", joints=JOINTS, robot="toy")
    assert (back.fps, back.frames) == (30.0, 61)
    assert np.allclose(back.joint_pos, m.sample_every(clip, 30.0).joint_pos, atol=1e-5)


def test_bare_csv_is_refused_both_ways(tmp_path):
    m.save(robot_clip(), tmp_path / "a.csv", format="kimodo-csv")
    for attempt in (lambda: m.load(tmp_path / "a.csv"), lambda: m.save(robot_clip(), tmp_path / "b.csv")):
        with pytest.raises(UnderstudyError, match=r"'unitree-csv'.*'kimodo-csv'"):
            attempt()


@pytest.mark.parametrize(
    ("line", "text", "problem"),
    [
        (3, "0,0,0.8,1,0,0,0,0.1,0.1", "9 columns"),
        (3, "0,0,0.8,1,0,0,0,0.1,0.1,knee", "not a number"),
        (3, "0,0,0.8,1,1,0,0,0.1,0.1,0.1", "length 1.414"),
        (3, "0,0,0.8,1,0,0,0,nan,0.1,0.1", "not a usable number"),
        (3, "", "1 columns"),
    ],
)
def test_bad_table_lines_are_named(tmp_path, line, text, problem):
    good = "0,0,0.8,1,0,0,0,0.1,0.1,0.1"
    lines = [good] * 5
    lines[line - 1] = text
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(FormatError, match=f"line {line}.*{problem}"):
        m.load(path, format="kimodo-csv", joints=JOINTS, robot="toy")


def test_wrong_number_of_joint_names(tmp_path):
    m.save(robot_clip(), tmp_path / "a.pkl")
    with pytest.raises(FormatError, match="3 joint columns, but 2"):
        m.load(tmp_path / "a.pkl", joints=JOINTS[:2], robot="toy")


class Trap:
    """A pickle of this would run code when read."""

    def __reduce__(self):
        return print, ("code ran",)


@pytest.mark.parametrize(
    "content",
    [
        {"fps": Trap()},
        {"fps": 30, "dof_pos": np.array([Trap()], dtype=object)},
        {"fps": np.array([{}], dtype=object)},
        {"fps": collections.deque([1])},
        {"fps": json.JSONDecoder},
    ],
)
def test_pickles_never_run_code(tmp_path, capsys, content):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(FormatError, match="plain containers"):
        m.load(path, joints=JOINTS, robot="toy")
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_pickles_of_either_numpy_and_any_protocol(tmp_path, protocol, core):
    clip = robot_clip()
    record = {
        "fps": np.float64(30.0),
        "root_pos": clip.root_pos,
        "root_rot": np.asfortranarray(clip.root_quat[:, [1, 2, 3, 0]]),
        "dof_pos": clip.joint_pos.astype(np.float64),
        "link_body_list": ["pelvis"],
    }
    data = pickle.dumps(record, protocol=protocol)
    if protocol < 4:  # names are lines of text there, so the other numpy is a plain replacement
        data = data.replace(b"numpy._core", core)
    path = tmp_path / "a.pkl"
    path.write_bytes(data)
    back = m.load(path, joints=JOINTS, robot="toy")
    assert np.allclose(back.root_quat, clip.root_quat, atol=1e-6)


def test_names_options_and_endings(tmp_path):
    clip = robot_clip()
    with pytest.raises(UnknownName, match="Did you mean 'gmr-pkl'"):
        m.save(clip, tmp_path / "a.pkl", format="gmr")
    with pytest.raises(UnderstudyError, match=r"no format ends in '\.xyz'"):
        m.save(clip, tmp_path / "a.xyz")
    (tmp_path / "a.FBX").write_bytes(b"Kaydara FBX Binary")
    with pytest.raises(
        FormatError, match=r"FBX is out of scope: .* File > Export > Motion Capture \(\.bvh\)"
    ):
        m.load(tmp_path / "a.FBX")
    m.save(clip, tmp_path / "a.npz")
    with pytest.raises(UnderstudyError, match="takes no options"):
        m.load(tmp_path / "a.npz", unit=1.0)
    with pytest.raises(UnderstudyError, match="does not exist"):
        m.load(tmp_path / "nowhere" / "a.npz")
    with pytest.raises(UnderstudyError, match="folder"):
        m.load(tmp_path)
    with pytest.raises(UnderstudyError, match="does not exist"):
        m.save(clip, tmp_path / "nowhere" / "a.npz")
    (tmp_path / "e.npz").touch()
    with pytest.raises(FormatError, match="empty"):
        m.load(tmp_path / "e.npz")
    np.savez(tmp_path / "k.npz", posed_joints=np.zeros(3))
    with pytest.raises(FormatError, match="posed_joints"):
        m.load(tmp_path / "k.npz")


@pytest.mark.parametrize("name", [n for n in ROBOT_FORMATS if n != "native"])
def test_a_human_is_not_a_robot(tmp_path, name):
    with pytest.raises(UnderstudyError, match="not a human's"):
        m.save(sample.motion("turn"), tmp_path / "x", format=name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ROBOT_FORMATS)
def test_damaged_files_are_refused_in_words(tmp_path, name):
    """Cut short, or with bytes changed: a FormatError, or a clip that is still whole, but never anything
    else."""
    suffix, writing, reading, fps = ROBOT_FORMATS[name]
    clip = robot_clip(fps, 7)
    path = tmp_path / f"clip{suffix}"
    m.save(clip, path, format=name, **({"bodies": bodies_of(clip)} if writing else {}))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(150):
        data = bytearray(whole)
        if trial % 3 == 0:
            data = data[: rng.integers(1, len(data))]
        else:
            for at in rng.integers(0, len(data), 1 + trial % 5):
                data[at] = rng.integers(256)
        path.write_bytes(bytes(data))
        try:
            back = m.load(path, format=name, **reading)
        except FormatError:
            continue
        assert np.isfinite(back.qpos).all()


def test_part_of_a_file(tmp_path):
    m.save(sample.motion("walk"), tmp_path / "w.npz")
    part = m.load(tmp_path / "w.npz", start=1.0, end=2.0)
    assert part.frames == 61


def test_every_format_module_keeps_the_contract():
    for name, format in formats.FORMATS.items():
        assert format.holds in ("human", "robot", "either")
        assert formats.can(name, "read")
        for verb in ("read", "write"):
            if formats.can(name, verb):
                assert isinstance(formats.options(name, verb), tuple)
            else:
                with pytest.raises(UnderstudyError, match="read but not written"):
                    formats.options(name, verb)
        # An ending shared with another format leaves each to say what is its own; bare tables cannot.
        if len(formats.ending_in(format.suffixes[0])) > 1 and format.module != "robot_csv":
            assert formats.can(name, "recognises"), name


@pytest.mark.corpus
def test_gmr_files_from_elsewhere(corpus):
    files = sorted((corpus / "format_samples" / "twist2_g1").rglob("*.pkl"))
    assert files
    for path in files:
        clip = m.load(path, joints=[f"j{i}" for i in range(29)], robot="unitree_g1")
        assert 0.5 < np.median(clip.root_pos[:, 2]) < 1.0
        assert clip.fps == pytest.approx(30.0, abs=0.5)


@pytest.mark.corpus
def test_kimodo_tables_from_elsewhere(corpus):
    files = sorted((corpus / "format_samples" / "protomotions").rglob("g1-kimodo-generated/*.csv"))
    assert files
    for path in files:
        clip = m.load(path, format="kimodo-csv", joints=[f"j{i}" for i in range(29)], robot="unitree_g1")
        tilt = quat_angle(clip.root_quat.astype(float), np.array([1.0, 0, 0, 0]))
        assert tilt[0] < 0.5, "the first frame stands upright only if the quaternion order is right"


@pytest.mark.corpus
def test_a_joblib_library_is_no_file_of_gmrs(corpus):
    """It is read as what it is, and refused in words under another name."""
    path = min((corpus / "permissive" / "asap_g1_23dof").glob("*.pkl"))
    assert formats.detect(path) == "phc-pkl"
    with pytest.raises(FormatError, match="plain containers"):
        m.load(path, format="gmr-pkl", joints=JOINTS, robot="unitree_g1")
