"""``understudy physics``: refine with resume and report, evaluate performances, and play them."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy import motion, robots
from understudy.cli import physics_progress, physics_refine
from understudy.cli.main import main
from understudy.motion import Origin, RobotMotion, sample
from understudy.physics.rollout_files import load_rollout
from understudy.pipelines.dataset import Outcome, Task
from understudy.robots.registry import DATA
from understudy.view import rollout_film
from understudy.view.pictures import Drawn
from understudy.view.rollout_player import RolloutPlayer

QUICK = "--samples 4 --iterations 1 --retries 0"


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def g1():
    return robots.load("unitree_g1")


@pytest.fixture
def folder(g1, tmp_path, monkeypatch):
    """still.npz stands for a fifth of a second; clips/ holds two such, one in the air, one that tumbles."""
    monkeypatch.chdir(tmp_path)
    home = np.tile(g1.home, (9, 1))
    still = RobotMotion(
        g1.name, g1.joints, 50.0, home[:, :3], home[:, 3:7], home[:, 7:], origin=Origin("still")
    )
    motion.save(still, "still.npz")
    (tmp_path / "clips").mkdir()
    motion.save(still, "clips/one.npz")
    motion.save(motion.trim(still, 0.0, 0.1), "clips/two.npz")
    motion.save(replace(still, root_pos=still.root_pos + np.array([0, 0, 1], np.float32)), "clips/high.npz")
    motion.save(tumbling(g1), "clips/tumble.npz")
    return tmp_path


def tumbling(g1):
    """It stands, and then its pelvis turns over at once."""
    angle = np.clip(np.linspace(-4.5, 3.0, 40), 0.0, 3.0)
    quat = np.stack([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], axis=1)
    home = np.tile(g1.home, (40, 1))
    return RobotMotion(g1.name, g1.joints, 50.0, home[:, :3], quat, home[:, 7:], origin=Origin("tumble"))


def document(capsys, words, code=0):
    capsys.readouterr()
    assert main([*words.split(), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def fails(capsys, words, code=2):
    capsys.readouterr()
    assert main(words.split()) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def files(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_one_file_becomes_one_performance(capsys, folder):
    assert main(f"physics refine still.npz --out refined.npz {QUICK}".split()) == 0
    shown = capsys.readouterr()
    assert "finished" in shown.out
    assert "skating cm/s" in shown.out
    rollout = load_rollout("refined.npz")
    assert rollout.finished
    assert rollout.reference.frames == 9
    assert motion.load("refined.npz").origin.certificate is not None
    again = document(capsys, f"physics refine still.npz --out again.npz {QUICK}")
    assert again["outcome"] == "finished"
    assert again["root_error"] < 0.03
    np.testing.assert_array_equal(load_rollout("again.npz").actions, rollout.actions)
    document(capsys, f"physics refine still.npz --out other.npz {QUICK} --seed 1")
    assert not np.array_equal(load_rollout("other.npz").actions, rollout.actions)


def test_options_reach_the_planner():
    said = physics_refine.Refine(
        ("a",), "b", samples=7, iterations=3, retries=1, cutoff=0.0, stiffness=2.0, seed=5
    )
    config = physics_refine.refine_config(said)
    assert (config.plan.samples, config.plan.iterations, config.retries) == (7, 3, 1)
    assert (config.cutoff, config.stiffness, config.seed) == (None, 2.0, 5)
    from understudy.physics import RefineConfig

    assert physics_refine.refine_config(physics_refine.Refine(("a",), "b")) == RefineConfig()


def test_a_single_fall_is_kept_and_told(capsys, folder):
    assert main(f"physics refine clips/tumble.npz --out out.npz {QUICK}".split()) == 1
    assert "the robot fell at" in capsys.readouterr().err
    assert not (folder / "out.npz").exists()
    fallen = load_rollout("out_fell.npz")
    assert 0 < fallen.fell_at < 0.78
    assert main(["physics", "evaluate", "out_fell.npz"]) == 0
    shown = capsys.readouterr()
    assert "Success" in shown.out
    assert "fell at" in shown.err
    shutil.copy("still.npz", "clips/tumble.npz")
    assert main(f"physics refine clips/tumble.npz --out out.npz {QUICK}".split()) == 0
    assert not (folder / "out_fell.npz").exists()


def test_a_job_in_which_nothing_was_performed_leaves_nothing_for_a_policy(capsys, folder, g1, monkeypatch):
    from understudy.physics import policies

    Path("p.onnx").write_bytes(b"a network")
    monkeypatch.setattr(policies, "load_policy", lambda path: None)
    for name in ("one", "two", "tumble"):
        Path(f"clips/{name}.npz").unlink()
    assert main(f"physics refine clips --out done --workers 1 {QUICK}".split()) == 1
    assert "None of what was given" in fails(capsys, "physics evaluate done --policy p.onnx")


def test_a_folder_is_done_reported_and_not_done_again(capsys, folder):
    words = f"physics refine clips --out done --workers 1 {QUICK}"
    found = document(capsys, words, code=1)
    assert [found[name] for name in ("finished", "fell", "failed")] == [2, 1, 1]
    assert files(folder / "done") == [
        "manifest.parquet",
        "one.npz",
        "report.json",
        "report.md",
        "tumble_fell.npz",
        "two.npz",
    ]
    kept = (folder / "done" / "one.npz").stat().st_mtime_ns
    assert main(words.split()) == 1
    shown = capsys.readouterr()
    assert "high.npz: The clip stands at +1.00 m" in shown.out
    assert "4 clips: 2 finished, 1 fell, 1 failed, 0 refused" in shown.err
    assert (folder / "done" / "one.npz").stat().st_mtime_ns == kept
    assert {clip["clip"]: clip["file"] for clip in found["clips"]}["tumble.npz"] == "tumble_fell.npz"
    before = {clip["clip"]: clip["seconds"] for clip in found["clips"]}
    after = json.loads((folder / "done" / "report.json").read_text())["clips"]
    assert {clip["clip"]: clip["seconds"] for clip in after}["one.npz"] == before["one.npz"] > 0

    measured = document(capsys, "physics evaluate done", code=1)
    assert {clip["clip"] for clip in measured["clips"]} == {
        "one.npz",
        "two.npz",
        "tumble_fell.npz",
        "high.npz",
    }
    assert measured["pooled"]["all"]["clips"] == 4
    assert measured["pooled"]["all"]["finished"] == pytest.approx(50.0, abs=0.1)
    assert main(["physics", "evaluate", "done/one.npz", "done/two.npz"]) == 0
    shown = capsys.readouterr().out
    assert "all (2)" in shown
    assert "W-MPJPE cm" in shown


def test_a_finished_clip_with_the_name_of_a_fall_is_measured_once(capsys, folder):
    Path("odd").mkdir()
    for name in ("one", "odd_fell"):
        shutil.copy("still.npz", f"odd/{name}.npz")
    assert main(f"physics refine odd --out done --workers 1 {QUICK}".split()) == 0
    measured = document(capsys, "physics evaluate done")
    assert sorted(clip["clip"] for clip in measured["clips"]) == ["odd_fell.npz", "one.npz"]


def test_an_interruption_keeps_what_is_done(capsys, folder, monkeypatch):
    from understudy.pipelines import refining

    real, calls = refining.refine, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(refining, "refine", interrupted)
    words = f"physics refine clips/one.npz clips/two.npz --out done --workers 1 {QUICK}"
    assert main(words.split()) == 130
    assert "goes on from here" in capsys.readouterr().err
    assert files(folder / "done") == ["manifest.parquet", "one.npz", "report.json", "report.md"]
    assert "1 clips: 1 finished" in (folder / "done" / "report.md").read_text()
    monkeypatch.setattr(refining, "refine", real)
    kept = (folder / "done" / "one.npz").stat().st_mtime_ns
    assert document(capsys, words)["finished"] == 2
    assert (folder / "done" / "one.npz").stat().st_mtime_ns == kept


def test_the_bar_tells_seconds_and_retries():
    told = []
    bar = physics_progress.Bar(lambda advance, words: told.append((advance, words)))
    for done in (1, 2, 3, 1, 2, 3, 4):
        bar.watch(done, 100)
    assert told[-1] == (0, "0.1 of 2.0 s, 1 retry")
    bar.watch(2, 100)
    assert told[-1] == (0, "0.0 of 2.0 s, 2 retries")
    bar.see(Outcome(Task("a.npz", Path("a.npz"), Path("b.npz")), (), False, 1.0))
    assert told[-1] == (1, "a.npz")
    bar.watch(1, 50)
    assert told[-1] == (0, "0.0 of 1.0 s")


def test_kinematic_motions_are_told_what_to_do(capsys, folder):
    words = fails(capsys, "physics evaluate still.npz")
    assert "nobody has performed it yet" in words
    assert "physics refine" in words
    assert "--policy" in words


def test_what_is_shown_is_the_performance_or_one_made_now(capsys, folder, monkeypatch):
    """What is drawn is tested with the drawing; here, which performance it is of."""
    shown = []

    def draw(path, performed, wanted, **options):
        shown.append((path.name, performed.frames, wanted.frames))
        return Drawn(path, "software", None)

    monkeypatch.setattr(rollout_film, "rollout_sheet", draw)
    monkeypatch.setattr(rollout_film, "rollout_video", draw)
    motion.save(motion.trim(motion.load("still.npz"), 0.0, 0.02), "short.npz")
    assert main(["physics", "play", "short.npz", "--sheet", "short.png"]) == 0
    assert "has not been performed yet" in capsys.readouterr().err
    assert main(f"physics refine still.npz --out still_done.npz {QUICK} --video".split()) == 0
    capsys.readouterr()
    assert main(["physics", "play", "still_done.npz", "--sheet", "still.png", "--video", "still.mp4"]) == 0
    told = capsys.readouterr()
    assert "has not been performed" not in told.err
    assert told.out.split() == ["still.png", "still.mp4"]
    of_still = [(name, 9, 9) for name in ("still_done.mp4", "still.png", "still.mp4")]
    assert shown == [("short.png", 2, 2), *of_still]


def test_a_page_is_served_until_it_is_interrupted(capsys, folder, monkeypatch):
    def interrupted(player):
        assert player.staged.scene.frames == 9
        raise KeyboardInterrupt

    monkeypatch.setattr(RolloutPlayer, "wait", interrupted)
    assert main(f"physics refine still.npz --out done.npz {QUICK}".split()) == 0
    assert main(["physics", "play", "done.npz", "--port", "18680"]) == 0
    assert "http://" in capsys.readouterr().out


def test_a_policy_performs_motions_and_references(capsys, folder, g1, monkeypatch):
    """A policy that does nothing stands in for one from a file, which has its own tests."""
    from understudy.physics import policies

    (folder / "p.onnx").write_bytes(b"a network")
    monkeypatch.setattr(
        policies, "load_policy", lambda path: lambda seen: torch.zeros(len(seen), len(g1.joints))
    )
    assert main(f"physics refine still.npz --out refined.npz {QUICK}".split()) == 0
    found = document(capsys, "physics evaluate still.npz refined.npz --policy p.onnx --episodes 2 --seed 3")
    assert [clip["clip"] for clip in found["clips"]] == ["still.npz"] * 2 + ["refined.npz"] * 2
    assert found["failed"] == 0
    assert found["pooled"]["all"]["clips"] == 4
    assert "success" in found["pooled"]["all"]


def test_mistakes_are_told_in_words(capsys, folder, g1):
    motion.save(motion.trim(sample.motion("stand", fps=10.0), 0.0, 0.5), "human.npz")
    shutil.copytree(DATA / "unitree_g1", "motorless")
    model = folder / "motorless" / "robot.xml"
    model.write_text(re.sub(r"<actuator>.*?</actuator>", "", model.read_text(), flags=re.DOTALL))
    motion.save(motion.trim(motion.load("still.npz"), 0.0, 0.1), "tumble_fell.npz")
    for words, what in {
        "physics refine --out done": "No motion",
        "physics refine nothing.npz --out done.npz": "nothing.npz",
        "physics refine still.npz --out still.npz": "overwritten",
        "physics refine still.npz --out done.csv": ".npz files",
        "physics refine human.npz --out done.npz": "understudy retarget",
        "physics refine clips/high.npz --out done.npz": "Ground the motion",
        "physics refine still.npz --out done.npz --samples 1": "samples",
        "physics refine still.npz --out done.npz --stiffness -3": "stiffness",
        "physics refine still.npz --out done.npz --stiffness 1e5": "joint",
        "physics refine still.npz --out done.npz --seed -1": "seed",
        "physics refine still.npz --out done.npz --workers 0": "--workers",
        "physics refine still.npz --out done.npz --robot motorless": "no motor",
        "physics refine still.npz --out done.npz --robot unitree_g1_upper": "feet",
        "physics refine still.npz --out done.npz --robot atlas": "Unknown robot",
        "physics refine still.npz --out done.npz --from tape": "Unknown format",
        "physics refine clips/tumble.npz tumble_fell.npz --out done": "tumble_fell.npz",
        "physics evaluate": "No motion",
        "physics evaluate human.npz": "a human's motion",
        "physics evaluate still.npz --episodes 0": "--episodes",
        "physics evaluate still.npz --policy no.onnx": "no.onnx",
        "physics evaluate still.npz --policy no.onnx --task chess": "Unknown task",
        "physics play human.npz": "a robot's motion",
        "physics play still.npz --sheet no/sheet.png": "does not exist",
        "physics play still.npz --sheet sheet.png --renderer oil": "Unknown renderer",
    }.items():
        assert what in fails(capsys, words), words
    assert not list(folder.glob("done*"))
