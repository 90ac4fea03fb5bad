"""``understudy motion convert | cut | mirror | join`` on every format, by the file and by the folder."""

import numpy as np
import pytest

from understudy import motion, robots
from understudy.cli.main import main
from understudy.kinematics import clips
from understudy.motion import RobotMotion, formats, sample
from understudy.motion.formats.registry import FOLDER, FORMATS

ROBOT_FORMATS = [n for n, f in FORMATS.items() if f.holds != "human" and formats.can(n, "write")]
ROBOT = "--robot unitree_g1"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture
def stepping(g1, tmp_path):
    """clip.npz: the G1 lifting its left knee while it drifts forward and turns its waist."""
    t = np.arange(31) / 30
    joints = np.tile(g1.home[7:], (31, 1))
    joints[:, g1.joints.index("left_knee_joint")] += 0.5 * t
    joints[:, g1.joints.index("waist_yaw_joint")] += 0.4 * t
    root = g1.home[:3] + np.stack([0.3 * t, 0.1 * t, 0 * t], axis=1)
    clip = RobotMotion(g1.name, g1.joints, 30.0, root, np.tile(g1.home[3:7], (31, 1)), joints)
    motion.save(clip, tmp_path / "clip.npz")
    return clip


def run(words, code=0):
    assert main(words.split()) == code


def fails(capsys, words):
    capsys.readouterr()
    run(words, code=2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def file_of(name):
    suffix = FORMATS[name].suffixes[0]
    return f"out-{name}{'' if suffix == FOLDER else suffix}"


@pytest.mark.parametrize("name", ROBOT_FORMATS)
def test_convert_to_and_from_every_robot_format_with_a_blend(capsys, stepping, g1, name):
    run(f"motion convert clip.npz {file_of(name)} --as {name} --blend-home 0.5 --fps 60")
    run(f"motion convert {file_of(name)} back.npz --from {name} {ROBOT}")
    back = motion.load("back.npz")
    assert back.joints == g1.joints
    assert back.duration == pytest.approx(2.0, abs=0.06)
    for k in (0, -1):
        assert np.allclose(back.joint_pos[k], g1.home[7:], atol=0.02)
        assert back.root_pos[k, 2] == pytest.approx(g1.home[2], abs=0.01)
    assert np.allclose(back.root_pos[-1, :2], [0.3, 0.1], atol=5e-3)
    middle = motion.trim(back, 1.0, 1.0)
    assert middle.joint_pos[0, 3] == pytest.approx(g1.home[10] + 0.25, abs=5e-3)


def test_files_that_say_little_name_the_option_that_settles_it(capsys, stepping):
    run("motion convert clip.npz a.csv --as unitree-csv")
    run("motion convert clip.npz a.pkl")
    run("motion convert clip.npz a.npz --as pyroki-npz")
    assert "--from" in fails(capsys, f"motion convert a.csv b.npz {ROBOT}")
    assert "--as" in fails(capsys, "motion convert clip.npz b.csv")
    assert "--robot" in fails(capsys, "motion convert a.pkl b.npz")
    with np.load("a.npz") as archive:
        np.savez("bare.npz", **{k: archive[k] for k in archive.files if k[:4] in ("base", "join")})
    assert "--source-fps" in fails(capsys, f"motion info bare.npz {ROBOT}")
    run(f"motion info bare.npz {ROBOT} --source-fps 25")
    assert "31 frames at 25 fps" in capsys.readouterr().out


def test_a_robot_is_mirrored_by_its_own_knowledge(stepping, g1):
    run("motion convert clip.npz a.pkl")
    run(f"motion mirror a.pkl m.csv --as kimodo-csv {ROBOT}")
    mirrored = clips.load("m.csv", format="kimodo-csv", robot="unitree_g1")
    knees = [g1.joints.index(f"{side}_knee_joint") for side in ("left", "right")]
    assert np.allclose(mirrored.joint_pos[:, knees], stepping.joint_pos[:, knees[::-1]], atol=1e-5)
    assert np.allclose(mirrored.root_pos[:, 1], -stepping.root_pos[:, 1], atol=1e-5)
    run(f"motion mirror m.csv again.npz --from kimodo-csv {ROBOT}")
    assert np.allclose(motion.load("again.npz").qpos, stepping.qpos, atol=1e-5)


def test_humans_are_cut_mirrored_and_joined():
    motion.save(motion.trim(sample.motion("walk", fps=30.0), 0.0, 2.0), "walk.bvh")
    run("motion cut walk.bvh a.npz --start 0.5 --end 1.5")
    run("motion mirror a.npz b.bvh")
    run("motion join a.npz b.bvh a.npz --out c.npz --blend 0.2")
    assert motion.load("a.npz").frames == 31
    assert motion.load("c.npz").duration == pytest.approx(3 * 31 / 30 - 2 * 0.2 - 1 / 30, abs=1e-3)


def test_robots_are_cut_and_joined_where_they_stand(stepping):
    run("motion cut clip.npz a.npz --end 0.5 --as mjlab-npz")
    run("motion convert clip.npz b.pkl")
    run(f"motion join a.npz b.pkl --out c.npz --blend 0.2 {ROBOT}")
    joined = motion.load("c.npz")
    assert joined.fps == 50.0
    assert joined.duration == pytest.approx(0.5 + 1.0 - 0.2 + 0.02, abs=0.021)
    assert np.abs(np.diff(joined.root_pos, axis=0)).max() < 0.02


def test_folders_keep_their_structure_and_one_bad_file_stops_nothing(capsys, stepping, tmp_path):
    for name in ("in/a.npz", "in/deep/b.npz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        motion.save(stepping, tmp_path / name)
    (tmp_path / "in" / "bad.npz").write_bytes(b"PK\3\4 not a motion")
    run("motion convert in --out tables --as kimodo-csv", code=1)
    captured = capsys.readouterr()
    assert "bad.npz" in captured.err
    assert "2 motions" in captured.out
    found = sorted(p.relative_to(tmp_path / "tables").as_posix() for p in (tmp_path / "tables").rglob("*.*"))
    assert found == ["a.csv", "deep/b.csv"]
    run(f"motion convert tables --out back --from kimodo-csv {ROBOT}")
    assert np.allclose(motion.load("back/deep/b.npz").qpos, stepping.qpos, atol=1e-5)
    run("motion convert clip.npz --out ref --as sonic-csv")
    assert clips.load("ref").frames == 51


def test_a_folder_becomes_one_dataset_of_episodes(capsys, stepping, tmp_path):
    (tmp_path / "in").mkdir()
    motion.save(stepping, "in/a.npz")
    motion.save(motion.trim(stepping, 0.0, 0.5), "in/b.npz")
    run("motion convert in --out data --as lerobot")
    assert "2 episodes" in capsys.readouterr().out
    run("motion info data --clip 1")
    assert "16 frames at 30 fps" in capsys.readouterr().out
    assert "no 2" in fails(capsys, "motion info data --clip 2")
    run("motion convert data second.npz --clip 1")
    assert motion.load("second.npz").frames == 16
    run("motion convert in --out library.pt --as protomotions-pt")
    run(f"motion convert library.pt third.npz --clip 1 {ROBOT}")
    assert np.allclose(motion.load("third.npz").qpos, motion.load("second.npz").qpos, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("motion convert clip.npz", "two names; 1 given"),
        ("motion convert clip.npz a.npz b.npz", "--out FOLDER"),
        ("motion convert clip.npz --out x --as kimodo", "Did you mean 'kimodo-"),
        ("motion convert clip.npz a.npz --from gmr", "Did you mean 'gmr-pkl'"),
        ("motion cut clip.npz a.npz", "--start, --end or both"),
        ("motion cut clip.npz clip.npz --end 0.5", "overwritten"),
        ("motion mirror clip.npz", "two names; 1 given"),
        ("motion join clip.npz --out a.npz", "at least two"),
        ("motion join clip.npz walk.npz --out a.npz", "Cannot join"),
        ("motion join clip.npz clip.npz --out clip.npz", "overwritten"),
        ("motion join clip.npz clip.npz --out a.npz --blend 9", "does not fit"),
        ("motion convert clip.npz a.motion --robot nobody", "Unknown robot"),
        ("motion convert walk.npz a.motion", "not a human's"),
        ("motion convert clip.npz in --as lerobot", "holds files already"),
    ],
)
def test_impossible_requests(capsys, stepping, tmp_path, words, said):
    motion.save(motion.trim(sample.motion("walk", fps=30.0), 0.0, 0.5), "walk.npz")
    (tmp_path / "in").mkdir()
    motion.save(stepping, "in/a.npz")
    before = sorted(tmp_path.rglob("*"))
    assert said in fails(capsys, words)
    assert sorted(tmp_path.rglob("*")) == before
