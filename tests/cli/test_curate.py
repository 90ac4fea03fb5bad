"""``understudy curate`` and the folder form of ``understudy retarget``, as typed."""

import json

import numpy as np
import pytest

from understudy import motion, retarget
from understudy.cli.main import main
from understudy.motion import RobotMotion, dataset, sample


class HomeStance:
    """A retargeter that lets the robot stand still, and float for a person who is not tall."""

    def __init__(self, robot, *, ground="auto"):
        self.robot, self.ground = robot, ground

    def __call__(self, humans):
        return [self._stand(human) for human in humans]

    def _stand(self, human):
        home = np.tile(self.robot.home, (human.frames, 1))
        home[:, 2] += 0.3 if human.frames < 35 else 0.0
        made = human.origin.after("home_stance")
        name, joints = self.robot.name, self.robot.joints
        return RobotMotion(name, joints, human.fps, home[:, :3], home[:, 3:7], home[:, 7:], {}, made)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def made(tmp_path, monkeypatch, capsys):
    """A dataset of three robot clips, one of them floating, and one failure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(retarget, "METHODS", {"sequence-fit": HomeStance}, raising=False)
    human = sample.motion("walk", fps=30.0)
    for name, seconds in (("a", 2.0), ("b", 1.5), ("low", 1.1)):
        path = tmp_path / "in" / "deep" / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        motion.save(motion.trim(human, 0.0, seconds), path)
    (tmp_path / "in" / "broken.bvh").write_text("HIERARCHY\n")
    (tmp_path / "in" / "data.json").write_text("{}")
    assert main(["retarget", "in", "--out", "robots"]) == 1
    capsys.readouterr()
    return tmp_path / "robots"


def document(capsys, *words, code=0):
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_folder_becomes_a_dataset(made, capsys):
    rows = {row.id: row for row in dataset.read(made)}
    assert {name: row.status for name, row in rows.items()} == {
        "broken.bvh": "failed",
        "data.json": "refused",
        "deep/a.npz": "done",
        "deep/b.npz": "done",
        "deep/low.npz": "done",
    }
    row = rows["deep/a.npz"]
    assert (row.path, row.body, row.frames) == ("deep/a.npz", "unitree_g1", 61)
    certificate = motion.load(made / row.path).origin.certificate
    assert (row.passed, certificate["robot"]) == (certificate["passed"], "unitree_g1")
    assert 0 <= row.metrics["self_collision"] <= 1
    assert row.metrics["keypoint_error"] < 1.0  # metres
    result = document(capsys, "retarget", "in", "--out", "robots", code=1)
    assert (result["up_to_date"], result["failed"], result["frames_made"]) == (3, 1, 0)
    assert document(capsys, "retarget", "in", "--out", "robots", "--force", code=1)["up_to_date"] == 0
    assert document(capsys, "retarget", "in", "--out", "robots", "--fps", "20", code=1)["up_to_date"] == 0


def test_the_summary_names_failures_and_the_worst(made, capsys):
    assert main(["retarget", "in", "--out", "robots"]) == 1
    shown = capsys.readouterr()
    assert "broken.bvh" in shown.out
    assert "no MOTION section" in shown.out
    assert "deep/low.npz" in shown.out
    assert "3 of 5 clips done" in shown.err
    assert "3 were up to date" in shown.err


def test_options_of_a_job_are_checked(made, capsys):
    assert main(["retarget", "in", "--out", "robots", "--workers", "0"]) == 2
    assert "--workers" in capsys.readouterr().err
    with dataset.Manifest(made):
        assert main(["retarget", "in", "--out", "robots"]) == 2
    assert "is writing into" in capsys.readouterr().err


def test_filter_shows_and_writes(made, capsys, tmp_path):
    before = {p: p.read_bytes() for p in made.rglob("*") if p.is_file()}
    assert main(["curate", "filter", "robots"]) == 0
    assert "mean height of the lower sole" in capsys.readouterr().out
    result = document(capsys, "curate", "filter", "robots", "--out", "kept", "--max-floating", "0.1")
    assert (result["done"], result["dropped"]) == (2, 1)
    assert sorted(p.name for p in (tmp_path / "kept").rglob("*.npz")) == ["a.npz", "b.npz"]
    kept = motion.load(tmp_path / "kept" / "deep" / "a.npz")
    assert kept.origin == motion.load(made / "deep" / "a.npz").origin  # whole clips keep their certificates
    row = next(r for r in dataset.read(tmp_path / "kept") if r.id == "deep/a.npz")
    assert {"floating", "keypoint_error"} <= row.metrics.keys()
    assert row.passed is not None
    assert {p: p.read_bytes() for p in made.rglob("*") if p.is_file()} == before


def test_filter_by_condition(made, capsys):
    words = ("curate", "filter", "robots", "--no-checks", "--where")
    assert document(capsys, *words, "frames >= 40 and self_collision < 1.5")["done"] == 2
    assert document(capsys, *words, "frames < 40", "--out", "low")["done"] == 1
    assert main([*words, "frames < 0"]) == 2
    assert main([*words, "height < 0"]) == 2
    assert main(["curate", "filter", "in", "--where", "fps > 3"]) == 2
    shown = capsys.readouterr().err
    for part in ("No clip in robots meets", "Unknown column 'height'", "has no manifest"):
        assert part in shown


def test_filter_cuts_humans_into_pieces(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    motion.save(sample.demo(fps=30.0), tmp_path / "in" / "demo.npz")
    result = document(
        capsys, "curate", "filter", "in", "--chunks", "--out", "kept", "--pelvis-height", "0.3", "1.6"
    )
    pieces = [row for row in result["results"] if row["status"] == "done"]
    assert len(result["results"]) >= 3
    assert pieces
    for row in pieces:
        clip = motion.load(tmp_path / "kept" / row["path"])
        assert 1.0 <= clip.duration <= 4.6
        assert clip.origin.history[-1]["arrow"] == "trim"


def test_filter_never_writes_into_its_source(made, capsys):
    assert main(["curate", "filter", "robots", "--out", "robots"]) == 2
    assert "nothing in it may be changed" in capsys.readouterr().err
    assert main(["curate", "filter", "none"]) == 2


def test_stats(made, capsys, tmp_path):
    assert main(["curate", "stats", "robots", "--out", "stats.png"]) == 0
    shown = capsys.readouterr().out
    for part in ("3 clips", "unitree_g1", "keypoint_error", "no MOTION section", "1 failed"):
        assert part in shown
    assert (tmp_path / "stats.png").read_bytes().startswith(b"\x89PNG")
    found = document(capsys, "curate", "stats", "robots", "--where", "frames > 40")
    assert (found["clips"], found["groups"]["body"]["unitree_g1"]["clips"]) == (2, 2)
    assert main(["curate", "stats", "in"]) == 2
    assert "has no manifest" in capsys.readouterr().err
