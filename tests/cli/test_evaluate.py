"""``understudy evaluate``: a certificate alone or against a human, repair with both verdicts, and whole folders."""

import json
from dataclasses import replace

import numpy as np
import pytest

from understudy import evaluate, motion, robots
from understudy.cli.main import main
from understudy.kinematics import clips
from understudy.motion import RobotMotion, dataset, formats, sample
from understudy.motion.formats.registry import FOLDER, FORMATS

FOREIGN = [name for name, f in FORMATS.items() if f.holds == "robot" and formats.can(name, "write")]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """sunk.npz: G1 stands 3 cm deep in the floor, one knee beyond its range; still.npz: it just stands; human.npz."""
    monkeypatch.chdir(tmp_path)
    g1 = robots.load("unitree_g1")
    home = np.tile(g1.home, (25, 1))
    still = RobotMotion(g1.name, g1.joints, 25.0, home[:, :3], home[:, 3:7], home[:, 7:])
    still = replace(still, root_pos=still.root_pos + np.array([0, 0, 0.002]))
    joints = still.joint_pos.copy()
    knee = g1.joints.index("left_knee_joint")
    joints[:, knee] = g1.lower[knee] - 0.1 * np.sin(np.linspace(0, np.pi, 25))
    sunk = replace(still, root_pos=still.root_pos - np.array([0, 0, 0.032]), joint_pos=joints)
    motion.save(still, "still.npz")
    motion.save(sunk, "sunk.npz")
    motion.save(motion.trim(sample.motion("wave", fps=25.0), 0.0, 0.96), "human.npz")
    return tmp_path


def document(capsys, words, code=0):
    capsys.readouterr()
    assert main([*words.split(), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def fails(capsys, words):
    capsys.readouterr()
    assert main(words.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_motion_alone_is_measured_and_certified(capsys, folder):
    found = document(capsys, "evaluate still.npz")
    assert found["certificate"]["passed"]
    assert found["out"] is None
    keys = {metric["key"] for metric in found["metrics"]}
    assert "self_collision" in keys
    assert "keypoint_error" not in keys
    assert main(["evaluate", "sunk.npz"]) == 0
    assert "Certificate: not passed" in capsys.readouterr().out
    assert files(folder) == ["human.npz", "still.npz", "sunk.npz"]


def test_out_keeps_the_motion_with_its_certificate(capsys, folder):
    assert main(["evaluate", "sunk.npz", "--out", "told.npz"]) == 0
    told, sunk = motion.load("told.npz"), motion.load("sunk.npz")
    np.testing.assert_array_equal(told.qpos, sunk.qpos)
    assert not told.origin.certificate["passed"]


def test_repair_shows_both_verdicts_and_writes_only_where_told(capsys, folder):
    assert main(["evaluate", "sunk.npz", "--repair"]) == 0
    shown = capsys.readouterr()
    assert "Certificate: not passed → passed" in shown.out
    assert "left_knee_joint" in shown.out
    assert "--out FILE.npz" in shown.err
    assert files(folder) == ["human.npz", "still.npz", "sunk.npz"]
    assert main(["evaluate", "sunk.npz", "--repair", "--out", "sound.npz"]) == 0
    sound = motion.load("sound.npz")
    assert evaluate.Certificate.from_dict(sound.origin.certificate).belongs_to(sound)
    assert evaluate.certify(sound).passed
    assert sound.origin.history[-1]["arrow"] == "retarget.repair"


def test_repair_tells_what_it_changed(capsys, folder):
    found = document(capsys, "evaluate sunk.npz --repair --out sound.npz")
    sunk, sound = motion.load("sunk.npz"), motion.load("sound.npz")
    change = found["change"]
    joints = np.abs(sound.joint_pos - sunk.joint_pos)
    assert change["joint_mean"] == pytest.approx(joints.mean(), abs=1e-6)
    assert change["joint"] == "left_knee_joint"
    assert change["joint_most"] == pytest.approx(joints.max(), abs=1e-5)
    assert 0.025 < change["root_most"] < 0.06
    assert (found["before"]["certificate"]["passed"], found["after"]["certificate"]["passed"]) == (
        False,
        True,
    )
    assert found["out"] == "sound.npz"


def test_repair_against_a_human_compares_the_metrics(capsys, folder):
    found = document(capsys, "evaluate sunk.npz --repair --against human.npz")
    before, after = (
        {metric["key"]: metric["value"] for metric in found[which]["metrics"]}
        for which in ("before", "after")
    )
    assert before["floor_penetration"] > 99 > after["floor_penetration"]
    assert after["keypoint_error"] == pytest.approx(before["keypoint_error"], abs=1.0)
    assert main(["evaluate", "sunk.npz", "--repair", "--against", "human.npz"]) == 0
    assert "Key points" in capsys.readouterr().out


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_repaired(capsys, folder, name):
    suffix = FORMATS[name].suffixes[0]
    foreign = "foreign" if suffix == FOLDER else f"foreign{suffix}"
    clips.save(motion.load("sunk.npz"), foreign, format=name)
    found = document(capsys, f"evaluate {foreign} --from {name} --robot unitree_g1 --repair --out sound.npz")
    assert not found["before"]["certificate"]["passed"]
    assert found["after"]["certificate"]["passed"]
    assert motion.load("sound.npz").origin.certificate["passed"]


def test_a_folder_is_repaired_and_goes_on_where_it_stopped(capsys, folder):
    (folder / "broken.csv").write_text("1,2\n")
    found = document(capsys, "evaluate . --repair --out fixed --workers 1")
    assert (found["done"], found["refused"], found["dropped"]) == (2, 1, 1)
    rows = {row.id: row for row in dataset.read(folder / "fixed")}
    assert rows["human.npz"].reason == "it is a human's motion"
    assert rows["sunk.npz"].passed
    assert rows["sunk.npz"].metrics["joint_change"] > rows["still.npz"].metrics["joint_change"]
    assert {"manifest.parquet", "still.npz", "sunk.npz"} <= set(files(folder / "fixed"))
    again = document(capsys, "evaluate . --repair --out fixed --workers 1")
    assert again["up_to_date"] == 3


def test_many_are_judged_without_writing(capsys, folder):
    found = document(capsys, "evaluate still.npz sunk.npz --workers 1")
    assert [row["passed"] for row in found["results"]] == [True, False]
    assert files(folder) == ["human.npz", "still.npz", "sunk.npz"]


def test_metrics_of_the_source_do_not_go_on_after_a_repair(capsys, folder):
    assert main(["evaluate", "still.npz", "sunk.npz", "--out", "told", "--workers", "1"]) == 0
    row = dataset.read(folder / "told")[0]
    with dataset.Manifest(folder / "told") as manifest:
        manifest.put(row.id, (replace(row, metrics={**row.metrics, "keypoint_error": 0.5}),))
    assert main(["evaluate", "told", "--repair", "--out", "fixed", "--workers", "1"]) == 0
    assert all("keypoint_error" not in entry.metrics for entry in dataset.read(folder / "fixed"))


def test_mistakes_are_told_in_words(capsys, folder):
    assert "No motion" in fails(capsys, "evaluate")
    assert "overwritten" in fails(capsys, "evaluate sunk.npz --repair --out sunk.npz")
    assert ".npz files" in fails(capsys, "evaluate sunk.npz --repair --out sound.csv")
    assert "a human's motion" in fails(capsys, "evaluate human.npz --repair")
    assert "a robot's motion" in fails(capsys, "evaluate sunk.npz --against still.npz")
    assert "one motion" in fails(capsys, "evaluate sunk.npz still.npz --against human.npz")
    assert "one motion" in fails(capsys, "evaluate . --html page.html")
    assert "Unknown robot" in fails(capsys, "evaluate sunk.npz --robot atlas")
    assert "Unknown format" in fails(capsys, "evaluate sunk.npz --from gmr-xyz")
    assert files(folder) == ["human.npz", "still.npz", "sunk.npz"]
