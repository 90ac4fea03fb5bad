"""The command line: what it says, what it writes, how it fails, and that --json is nothing but JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

import understudy
from understudy import motion, retarget, robots
from understudy.cli.inputs import plan
from understudy.cli.main import main
from understudy.errors import UnderstudyError
from understudy.motion import RobotMotion, sample

VERBS = (
    ("demo",),
    ("retarget",),
    ("evaluate",),
    ("view",),
    ("motion",),
    ("motion", "info"),
    ("motion", "convert"),
    ("robots",),
    ("robots", "list"),
    ("robots", "show"),
)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """Tables and help texts are not folded in the middle of what the tests look for."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def walk(tmp_path):
    path = tmp_path / "walk.npz"
    motion.save(motion.trim(sample.motion("walk", fps=30.0), 0.0, 1.0), path)
    return path


class HomeStance:
    """A retargeter that lets the robot stand still; fast, and as good as any for testing a command line."""

    def __init__(self, robot, *, ground="auto"):
        self.robot, self.ground = robot, ground

    def __call__(self, humans):
        return [self._stand(human) for human in humans]

    def _stand(self, human):
        home = np.tile(self.robot.home, (human.frames, 1))
        made = human.origin.after("home_stance")
        name, joints = self.robot.name, self.robot.joints
        return RobotMotion(name, joints, human.fps, home[:, :3], home[:, 3:7], home[:, 7:], {}, made)


@pytest.fixture
def standing(monkeypatch):
    monkeypatch.setattr(retarget, "METHODS", {"sequence-fit": HomeStance}, raising=False)


@pytest.fixture
def robot_file(tmp_path, walk):
    robot = robots.load("unitree_g1")
    [clip] = HomeStance(robot)([motion.load(walk)])
    motion.save(clip, tmp_path / "robot.npz")
    return tmp_path / "robot.npz"


def fails(capsys, *words):
    """Run a command that must fail with one paragraph on stderr and no stdout; returns the paragraph."""
    assert main([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def document(capsys, *words, code=0):
    """Run a command with --json; returns the one document that stdout must be."""
    assert main([*(str(word) for word in words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("verb", VERBS)
def test_help(capsys, verb):
    with pytest.raises(SystemExit) as ended:
        main([*verb, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: understudy {' '.join(verb)}" in text


@pytest.mark.parametrize(
    ("verb", "shown"),
    [
        (
            "retarget",
            [
                "--robot",
                "unitree_g1",
                "--method",
                "sequence-fit",
                "frame-ik",
                "{auto,flat,none}",
                "--human-height",
            ],
        ),
        ("demo", ["out/demo", "--robot"]),
        ("view", ["8080", "--video", "--sheet"]),
        ("evaluate", ["--against", "--html"]),
    ],
)
def test_defaults_are_shown(capsys, verb, shown):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    text = capsys.readouterr().out
    assert all(word in text for word in shown)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"understudy {understudy.__version__}\n"


def test_unknown_words_are_refused_before_anything_happens():
    for words in (["fly"], ["retarget"], ["retarget", "a.bvh", "--out", "x", "--speed", "3"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2


def test_info(capsys, walk):
    assert main(["motion", "info", str(walk)]) == 0
    assert "31 frames at 30 fps, 1.00 s" in capsys.readouterr().out
    facts = document(capsys, "motion", "info", walk)
    assert (facts["kind"], facts["frames"], facts["landmarks"]["left_knee"]) == ("human", 31, "left_knee")
    assert facts["history"][0]["arrow"] == "trim"


def test_debug_shows_the_error_itself(tmp_path):
    with pytest.raises(UnderstudyError, match="does not exist"):
        main(["motion", "info", str(tmp_path / "no.npz"), "--debug"])


def test_bad_files_are_one_paragraph(capsys, tmp_path, walk):
    (tmp_path / "empty.bvh").touch()
    (tmp_path / "binary.bvh").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "cut.npz").write_bytes(walk.read_bytes()[:3000])
    (tmp_path / "table.csv").write_text("1,2,3\n")
    (tmp_path / "what.xyz").write_text("1\n")
    for name in ("empty.bvh", "binary.bvh", "cut.npz", "table.csv", "what.xyz", "nowhere.bvh", "."):
        assert str(tmp_path / name) in fails(capsys, "motion", "info", tmp_path / name)


def test_convert(capsys, tmp_path, walk):
    assert main(["motion", "convert", str(walk), str(tmp_path / "b.npz"), "--fps", "20", "--end", "0.5"]) == 0
    clip = motion.load(tmp_path / "b.npz")
    assert (clip.fps, clip.frames) == (20.0, 11)


def test_convert_fails_without_a_trace(capsys, tmp_path, walk):
    before = sorted(tmp_path.iterdir())
    assert "'unitree-csv'" in fails(capsys, "motion", "convert", walk, tmp_path / "b.csv")
    assert "human" in fails(capsys, "motion", "convert", walk, tmp_path / "b.csv", "--as", "kimodo-csv")
    assert "robot" in fails(capsys, "motion", "convert", walk, tmp_path / "b.npz", "--blend-home", "1")
    assert "Known" in fails(capsys, "motion", "convert", walk, tmp_path / "b.npz", "--as", "natif")
    assert "does not exist" in fails(capsys, "motion", "convert", walk, tmp_path / "no" / "b.npz")
    for option, value in (
        ("--fps", "0"),
        ("--fps", "nan"),
        ("--start", "nan"),
        ("--start", "9"),
        ("--end", "-1"),
    ):
        fails(capsys, "motion", "convert", walk, tmp_path / "b.npz", option, value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["unitree-csv", "kimodo-csv"])
def test_convert_to_a_table_and_back(capsys, tmp_path, robot_file, name):
    table, back = tmp_path / "t.csv", tmp_path / "back.npz"
    assert main(["motion", "convert", str(robot_file), str(table), "--as", name]) == 0
    capsys.readouterr()
    assert "'joints'" in fails(capsys, "motion", "info", table, "--from", name)
    assert main(["motion", "convert", str(table), str(back), "--from", name, "--robot", "unitree_g1"]) == 0
    assert np.allclose(motion.load(back).qpos, motion.load(robot_file).qpos, atol=1e-5)


def test_convert_for_mjlab_computes_the_bodies(tmp_path, robot_file):
    target = tmp_path / "m.npz"
    words = ["motion", "convert", str(robot_file), str(target), "--as", "mjlab-npz", "--blend-home", "0.5"]
    assert main(words) == 0
    robot = robots.load("unitree_g1")
    with np.load(target) as archive:
        assert archive["fps"][0] == 50.0
        assert archive["joint_names"].tolist() == list(robot.joints)
        assert archive["body_names"].tolist() == list(robot.bodies)
        assert archive["body_pos_w"].shape == (101, len(robot.bodies), 3)
        assert np.allclose(archive["joint_pos"][0], robot.home[7:], atol=1e-6)


def test_robots(capsys):
    assert document(capsys, "robots", "list")["robots"] == list(robots.names())
    facts = document(capsys, "robots", "show", "unitree_g1")
    assert len(facts["joints"]) == 29
    assert "Did you mean 'unitree_g1'" in fails(capsys, "robots", "show", "unitree_g")


def test_retarget_one_clip(capsys, tmp_path, walk, standing):
    target = tmp_path / "g1.npz"
    result = document(capsys, "retarget", walk, "--out", target, "--end", "0.5", "--fps", "20")
    assert result["failed"] == 0
    assert result["results"][0]["frames"] == 11
    clip = motion.load(target)
    assert clip.origin.certificate == result["results"][0]["certificate"]
    assert [step["arrow"] for step in clip.origin.history] == ["trim", "trim", "sample_every", "home_stance"]
    assert main(["retarget", str(walk), "--out", str(target)]) == 0
    assert "Certificate" in capsys.readouterr().out


def test_retarget_a_folder_keeps_its_structure_and_outlives_failures(capsys, tmp_path, walk, standing):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.npz", "deep/b.npz"):
        (folder / name).write_bytes(walk.read_bytes())
    (folder / "deep" / "broken.bvh").write_text("HIERARCHY\n")
    (folder / "notes.txt").write_text("not a motion")
    out = tmp_path / "out"
    result = document(capsys, "retarget", folder, "--out", out, code=1)
    assert (result["failed"], result["done"]) == (1, 2)
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.npz")) == ["a.npz", "deep/b.npz"]
    assert main(["retarget", str(folder), "--out", str(out)]) == 1
    shown = capsys.readouterr()
    assert "broken.bvh" in shown.out
    assert "2 were up to date" in shown.err


def test_retarget_fails_in_words(capsys, tmp_path, walk, robot_file, standing):
    out = tmp_path / "x.npz"
    assert "does not exist" in fails(capsys, "retarget", tmp_path / "no.bvh", "--out", out)
    assert "Unknown robot" in fails(capsys, "retarget", walk, "--out", out, "--robot", "atlas")
    assert "Unknown method" in fails(capsys, "retarget", walk, "--out", out, "--method", "magic")
    assert "Unknown robot" in fails(capsys, "retarget", robot_file, "--out", out, "--source-robot", "atlas")
    assert "No file matches" in fails(capsys, "retarget", str(tmp_path / "*.c3d"), "--out", tmp_path)
    assert "No motion" in fails(capsys, "retarget", "--out", out)
    assert not out.exists()


def test_evaluate(capsys, tmp_path, walk, robot_file):
    result = document(capsys, "evaluate", robot_file, "--against", walk)
    assert {"robot", "clip", "metrics", "certificate", "series"} <= result.keys()
    assert main(["evaluate", str(robot_file), "--against", str(walk)]) == 0
    assert "Certificate" in capsys.readouterr().out
    assert "a human's motion" in fails(capsys, "evaluate", walk, "--against", walk)


def test_view_needs_something_to_show(capsys, tmp_path, walk):
    assert "Nothing to view" in fails(capsys, "view")
    assert "one human and one robot" in fails(capsys, "view", walk, walk, "--sheet", tmp_path / "s.png")
    assert "does not exist" in fails(capsys, "view", tmp_path / "no.npz")


def test_view_says_where_the_page_is_and_ends_quietly(capsys, walk, monkeypatch):
    class Page:
        url, closed = "http://here:8080", False

        def wait(self):
            raise KeyboardInterrupt

        def close(self):
            self.closed = True

    page = Page()
    monkeypatch.setattr("understudy.view.show", lambda *clips, port, block: page, raising=False)
    assert main(["view", str(walk)]) == 0
    assert page.url in capsys.readouterr().out
    assert page.closed


def test_plan_of_files_patterns_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/one.bvh", "a/b/two.bvh", "a/.hidden/three.bvh", "a/out/one.npz"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()

    def planned(*files, out):
        return {str(task.source): str(task.target) for task in plan(files, Path(out), ".npz").tasks}

    assert planned("a/one.bvh", out="x.npz") == {"a/one.bvh": "x.npz"}
    assert planned("a/one.bvh", out="x") == {"a/one.bvh": "x/one.npz"}
    assert planned("a", out="a/out") == {"a/one.bvh": "a/out/one.npz", "a/b/two.bvh": "a/out/b/two.npz"}
    assert planned("a/**/*.bvh", out="x") == {"a/one.bvh": "x/one.npz", "a/b/two.bvh": "x/b/two.npz"}
    with pytest.raises(UnderstudyError, match="both be written"):
        planned("a/one.bvh", "a/out/one.npz", out="x")
    with pytest.raises(UnderstudyError, match="folder with --out"):
        planned("a/one.bvh", "a/b/two.bvh", out="x.npz")
    Path("empty").mkdir()
    with pytest.raises(UnderstudyError, match="holds no motion"):
        planned("empty", out="x")
