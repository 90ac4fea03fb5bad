"""ProtoMotions' files, made and real: the same clips both ways, and bodies where its own model has them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile import damaged

from understudy import kinematics, motion, robots
from understudy.errors import FormatError, UnderstudyError
from understudy.motion import BodyTracks, RobotMotion, formats, sample
from understudy.motion.formats.protomotions import LABELS
from understudy.motion.formats.protomotions_pt import write_library
from understudy.motion.formats.torch_file import read_torch
from understudy.rotations import quat_about, quat_angle, quat_from_rotvec, quat_mul, xyzw_to_wxyz

JOINTS = ("left_knee", "waist")
SAID = {"joints": JOINTS, "robot": "toy"}


def clip(frames=9, fps=30.0, source=""):
    t = np.arange(frames)[:, None] / fps
    quat = quat_from_rotvec(np.hstack([0.3 * t, 0.1 + t, 0.2 - t]))
    origin = motion.Origin(source=source)
    return RobotMotion(
        "toy", JOINTS, fps, np.hstack([t, -t, 0.8 + 0 * t]), quat, np.hstack([t, -t]), {}, origin
    )


def bodies_of(clip):
    turn = quat_about("z", clip.joint_pos[:, 1].astype(float))
    quat = np.stack([clip.root_quat, quat_mul(clip.root_quat, turn)], axis=1)
    return BodyTracks(("pelvis", "torso"), np.stack([clip.root_pos, clip.root_pos + 0.1], axis=1), quat)


def assert_same(got, want):
    assert (got.robot, got.joints, got.fps) == (want.robot, want.joints, want.fps)
    assert np.allclose(got.qpos, want.qpos, atol=1e-6)


@pytest.mark.parametrize(("suffix", "fps"), [(".motion", 30.0), (".motion", 59.94), (".pt", 50.0)])
def test_round_trip(tmp_path, suffix, fps):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(UnderstudyError, match="body_tracks"):
        motion.save(clip(fps=fps), path, format=f"protomotions-{suffix[1:]}")
    motion.save(clip(fps=fps), path, format=f"protomotions-{suffix[1:]}", bodies=bodies_of(clip(fps=fps)))
    assert formats.detect(path) == f"protomotions-{suffix[1:]}"
    assert_same(motion.load(path, **SAID), clip(fps=fps))
    with pytest.raises(FormatError, match="'joints'"):
        motion.load(path)
    with pytest.raises(FormatError, match="'robot'"):
        motion.load(path, joints=JOINTS)
    with pytest.raises(UnderstudyError, match="not a human's"):
        motion.save(sample.motion("turn"), path, format=f"protomotions-{suffix[1:]}")


def test_what_torch_finds_in_a_single_file(tmp_path):
    motion.save(clip(), tmp_path / "a.motion", bodies=bodies_of(clip()))
    state = torch.load(tmp_path / "a.motion", weights_only=True)
    assert {name: tuple(value.shape) for name, value in state.items() if name != "fps"} == {
        "dof_pos": (9, 2),
        "dof_vel": (9, 2),
        "rigid_body_pos": (9, 2, 3),
        "rigid_body_rot": (9, 2, 4),
        "rigid_body_vel": (9, 2, 3),
        "rigid_body_ang_vel": (9, 2, 3),
        "rigid_body_contacts": (9, 2),
    }
    assert state["fps"] == 30
    assert state["rigid_body_contacts"].dtype == torch.bool
    assert np.allclose(xyzw_to_wxyz(state["rigid_body_rot"].numpy()), bodies_of(clip()).quat, atol=1e-6)
    assert np.allclose(state["dof_vel"].numpy(), [1.0, -1.0], atol=1e-5)
    assert np.allclose(state["rigid_body_vel"].numpy(), [1.0, -1.0, 0.0], atol=1e-5)


def test_a_library_of_clips_of_several_rates(tmp_path):
    path = tmp_path / "a.pt"
    made = [clip(5, 30.0, "walk.bvh"), clip(9, 50.0, "dance/turn.npz"), clip(3, 30.0)]
    write_library(made, path, [bodies_of(one) for one in made], weights=[1.0, 2.0, 0.5])
    found = torch.load(path, weights_only=True)
    assert found["motion_files"] == ("walk.motion", "turn.motion", "clip_2.motion")
    assert found["length_starts"].tolist() == [0, 5, 14]
    assert found["motion_num_frames"].tolist() == [5, 9, 3]
    assert np.allclose(found["motion_lengths"], [4 / 30, 8 / 50, 2 / 30])
    assert found["motion_weights"].tolist() == [1.0, 2.0, 0.5]
    assert found["gts"].shape == (17, 2, 3)
    for chosen, want in (
        (0, made[0]),
        (1, made[1]),
        ("turn", made[1]),
        ("turn.motion", made[1]),
        ("2", made[2]),
    ):
        assert_same(motion.load(path, clip=chosen, **SAID), want)
    with pytest.raises(FormatError, match=r"3 clips.*'clip'.*'walk\.motion'"):
        motion.load(path, **SAID)
    with pytest.raises(FormatError, match="no clip 3"):
        motion.load(path, clip=3, **SAID)
    for wrong in (
        [],
        [
            clip(),
            RobotMotion(
                "toy", ("a",), 30.0, np.zeros((2, 3)), np.tile([1.0, 0, 0, 0], (2, 1)), np.zeros((2, 1))
            ),
        ],
    ):
        with pytest.raises(UnderstudyError, match="the same joints"):
            write_library(wrong, path, [])
    with pytest.raises(UnderstudyError, match="a name and a weight"):
        write_library(made, path, [bodies_of(made[0])])


@pytest.mark.parametrize(
    "change",
    [
        {"motion_num_frames": torch.tensor([100])},
        {"motion_num_frames": torch.tensor([-1])},
        {"length_starts": torch.tensor([-3])},
        {"length_starts": torch.tensor([0.0])},
        {"length_starts": torch.tensor([0, 5])},
        {"motion_dt": torch.tensor([0.0])},
        {"motion_dt": torch.tensor([float("nan")])},
        {"gts": torch.zeros(9, 0, 3)},
        {"grs": torch.zeros(9, 4)},
        {"dps": torch.tensor(1.0)},
        {"gts": {"a": 1}},
    ],
)
def test_libraries_that_do_not_fit(tmp_path, change):
    path = tmp_path / "a.pt"
    motion.save(clip(), path, format="protomotions-pt", bodies=bodies_of(clip()))
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(FormatError):
        motion.load(path, **SAID)


def test_a_state_in_a_simulators_own_order_is_refused(tmp_path):
    motion.save(clip(), tmp_path / "a.motion", bodies=bodies_of(clip()))
    state = torch.load(tmp_path / "a.motion", weights_only=True)
    torch.save({**state, "state_conversion": "simulator"}, tmp_path / "a.motion")
    with pytest.raises(FormatError, match=r"'simulator'.*convert_to_common"):
        motion.load(tmp_path / "a.motion", **SAID)


def test_an_enumeration_of_other_things_than_words_is_refused(tmp_path):
    module, name = next(iter(LABELS)).rsplit(".", 1)
    program = f"c{module}\n{name}\n".encode() + b"K\x01\x85R."
    with zipfile.ZipFile(tmp_path / "a.motion", "w") as archive:
        archive.writestr("a/data.pkl", program)
    with pytest.raises(FormatError, match="other things than words"):
        motion.load(tmp_path / "a.motion", **SAID)


def test_the_g1_gets_the_bodies_that_protomotions_adds(tmp_path):
    g1 = robots.load("unitree_g1")
    home = np.tile(g1.home, (3, 1))
    still = RobotMotion("unitree_g1", g1.joints, 30.0, home[:, :3], home[:, 3:7], home[:, 7:])
    motion.save(still, tmp_path / "a.motion", bodies=kinematics.body_tracks(g1, still))
    pos = read_torch(tmp_path / "a.motion")["rigid_body_pos"]
    assert pos.shape == (3, 33, 3)
    assert np.allclose(pos[:, 1] - pos[:, 0], [0, 0, 0.4], atol=1e-6)
    assert np.allclose(np.linalg.norm(pos[:, [24, 32]] - pos[:, [23, 31]], axis=-1), 0.12, atol=1e-6)


@pytest.mark.parametrize("suffix", [".motion", ".pt"])
def test_damage_is_told(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    motion.save(clip(), path, format=f"protomotions-{suffix[1:]}", bodies=bodies_of(clip()))
    with zipfile.ZipFile(path) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    whole = path.read_bytes()
    pickled = next(name for name in inside if name.endswith("data.pkl"))
    for file, program in zip(damaged(whole, 300), damaged(inside[pickled], 300), strict=True):
        path.write_bytes(file)
        assert_whole_or_refused(path)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (inside | {pickled: program}).items():
                archive.writestr(name, content)
        assert_whole_or_refused(path)


def assert_whole_or_refused(path):
    try:
        back = motion.load(path, **SAID)
    except FormatError:
        return
    assert np.isfinite(back.qpos).all()


def g1_files(corpus):
    files = sorted((corpus / "format_samples" / "protomotions").rglob("*.motion"))
    return [
        path for path in files if path.parent.name in ("protomotions", "proto-g1") or "g1-kimodo" in str(path)
    ]


@pytest.mark.corpus
def test_real_clips_of_the_g1_by_forward_kinematics(corpus, tmp_path):
    """Every body of ProtoMotions' files, its head and hands included, is where ours is. One file was made with an
    earlier model, whose waist is 1 cm higher."""
    g1 = robots.load("unitree_g1")
    files = g1_files(corpus)
    assert len(files) == 7
    for path in files:
        found = motion.load(path, joints=g1.joints, robot="unitree_g1")
        motion.save(found, tmp_path / "a.motion", bodies=kinematics.body_tracks(g1, found))
        theirs, ours = read_torch(path, LABELS), read_torch(tmp_path / "a.motion")
        near = 0.011 if path.name == "g1_crouch_to_run.motion" else 2e-6
        assert np.abs(theirs["rigid_body_pos"] - ours["rigid_body_pos"]).max() < near, path.name
        turns = (xyzw_to_wxyz(state["rigid_body_rot"]).astype(float) for state in (theirs, ours))
        turn = quat_angle(*turns)
        assert turn.max() < 2e-6
        assert np.array_equal(theirs["dof_pos"], ours["dof_pos"])
        assert 0.65 < found.root_pos[:, 2].mean() < 0.85


@pytest.mark.corpus
def test_kimodos_tables_hold_the_same_clips(corpus):
    """ProtoMotions' files were made of Kimodo's tables: all agree but the roots' places, which it put on the floor."""
    g1 = robots.load("unitree_g1")
    said = {"joints": g1.joints, "robot": "unitree_g1"}
    folder: Path = next((corpus / "format_samples").rglob("g1-kimodo-generated"))
    tables = sorted(folder.glob("*.csv"))
    assert tables
    for path in tables:
        table = motion.load(path, format="kimodo-csv", **said)
        packed = motion.load(folder / "proto" / f"{path.stem}.motion", **said)
        assert packed.frames == table.frames
        assert np.abs(packed.joint_pos - table.joint_pos).max() < 1e-4
        assert quat_angle(packed.root_quat.astype(float), table.root_quat.astype(float)).max() < 1e-3


@pytest.mark.corpus
def test_a_human_in_a_motion_file_is_no_g1(corpus):
    [path] = (corpus / "format_samples" / "protomotions").rglob("soma-kimodo-generated/proto/*.motion")
    with pytest.raises(FormatError, match="66 joint columns"):
        motion.load(path, joints=robots.load("unitree_g1").joints, robot="unitree_g1")
