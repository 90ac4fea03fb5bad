"""Whatever a user gives by mistake ends in one paragraph and exit code 2, and leaves nothing behind."""

import json

import numpy as np
import pytest

from understudy import motion, retarget
from understudy.cli.main import main
from understudy.motion import RobotMotion, sample


class HomeStance:
    """A retargeter that lets the robot stand still; fast, and as good as any for testing a command line."""

    def __init__(self, robot, *, ground="auto"):
        self.robot, self.ground = robot, ground

    def __call__(self, humans):
        return [self._stand(human) for human in humans]

    def _stand(self, human):
        home = np.tile(self.robot.home, (human.frames, 1))
        name, joints = self.robot.name, self.robot.joints
        made = human.origin.after("home_stance")
        return RobotMotion(name, joints, human.fps, home[:, :3], home[:, 3:7], home[:, 7:], {}, made)


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(retarget, "METHODS", {"sequence-fit": HomeStance})
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def walk(tmp_path):
    """walk.bvh and walk.npz: one second of walking."""
    clip = motion.trim(sample.motion("walk", fps=30.0), 0.0, 1.0)
    motion.save(clip, tmp_path / "walk.bvh")
    motion.save(clip, tmp_path / "walk.npz")
    return tmp_path / "walk.bvh"


@pytest.fixture
def robot(walk, tmp_path):
    assert main(["retarget", "walk.npz", "--out", "robot.npz"]) == 0
    return tmp_path / "robot.npz"


def fails(capsys, words):
    """The paragraph with which a command fails."""
    capsys.readouterr()
    assert main(words.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def first_row(text, change):
    lines = text.splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith("Frame Time")) + 1
    return "\n".join([*lines[:row], change(lines[row]), *lines[row + 1 :]])


def cell(value):
    return lambda row: " ".join([value, *row.split()[1:]])


DAMAGE = {
    "cut short": (lambda t: t[: t.index("MOTION")], "cut short"),
    "cut in a row": (lambda t: t[:-60], "numbers"),
    "blank": (lambda t: "\n \n", "nothing but blank lines"),
    "words": (lambda t: first_row(t, cell("north")), "'north'"),
    "nan": (lambda t: first_row(t, cell("nan")), "'nan'"),
    "infinite": (lambda t: first_row(t, cell("1e400")), "'1e400'"),
    "a number too many": (lambda t: first_row(t, lambda row: row + " 1"), "channels"),
    "no size": (lambda t: "\n".join("OFFSET 0 0 0" if "OFFSET" in x else x for x in t.splitlines()), "zero"),
    "channel count": (lambda t: t.replace("CHANNELS 3", "CHANNELS 4", 1), "CHANNELS announces 4"),
    "absurd frame count": (lambda t: t.replace("Frames: 31", "Frames: 999999999999"), "999999999999"),
    "negative frame count": (lambda t: t.replace("Frames: 31", "Frames: -3"), "no motion"),
    "frame time zero": (lambda t: t.replace("Frame Time: 0.0333333333", "Frame Time: 0"), "frame time"),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("verb", ["motion info", "retarget"])
def test_damaged_bvh(capsys, walk, tmp_path, kind, verb):
    change, said = DAMAGE[kind]
    text = walk.read_text(encoding="utf-8")
    damaged = change(text)
    assert damaged != text
    (tmp_path / "bad.bvh").write_text(damaged, encoding="utf-8")
    words = f"{verb} bad.bvh" + (" --out out.npz" if verb == "retarget" else "")
    message = fails(capsys, words)
    assert "bad.bvh" in message
    assert said in message
    assert not (tmp_path / "out.npz").exists()


def without_landmarks(entries):
    names = ("landmark_names", "landmark_carriers", "landmark_pos", "landmark_quat")
    return {name: entries[name][:0] for name in names}


ENTRIES = {
    "nan": (lambda e: {"pos": np.where(np.arange(3) == 1, np.nan, e["pos"])}, "not finite"),
    "no frames": (lambda e: {"pos": e["pos"][:0], "quat": e["quat"][:0]}, "at least one frame"),
    "shapes": (lambda e: {"quat": e["quat"][:5]}, "quat"),
    "no rate": (lambda e: {"fps": 0.0}, "fps must be"),
    "negative rate": (lambda e: {"fps": -30.0}, "fps must be"),
    "the future": (lambda e: {"version": 99}, "version 99"),
    "half an origin": (lambda e: {"origin": "{"}, "origin"),
    "another origin": (lambda e: {"origin": json.dumps({"source": 1, "history": [3]})}, "origin"),
    "names twice": (lambda e: {"joints": np.array(["a"] * len(e["joints"]))}, "twice"),
    "a ring of bones": (lambda e: {"parents": e["parents"] * 0 + 7}, "root"),
    "broken parents": (lambda e: {"parents": e["parents"] + 0.5}, "parents"),
    "carrier below zero": (lambda e: {"landmark_carriers": e["landmark_carriers"] - 90}, "carrier"),
    "carrier beyond": (lambda e: {"landmark_carriers": e["landmark_carriers"] + 90}, "does not exist"),
    "landmarks that are nowhere": (
        lambda e: {"landmark_quat": e["landmark_quat"] * np.nan},
        "unit quaternions",
    ),
    "short track": (lambda e: {"track_x": np.ones(3)}, "Track 'x'"),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_damaged_archives(capsys, walk, tmp_path, kind):
    change, said = ENTRIES[kind]
    with np.load(tmp_path / "walk.npz") as archive:
        entries = dict(archive)
    np.savez(tmp_path / "bad.npz", **{**entries, **change(entries)})
    message = fails(capsys, "motion info bad.npz")
    assert "bad.npz" in message
    assert said in message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("retarget walk.npz --out nowhere/out.npz", "nowhere does not exist"),
        ("retarget walk.npz --out walk.npz", "overwritten"),
        ("retarget walk.npz --out .", "overwritten"),
        ("retarget walk.npz --out out.pkl", "motion convert"),
        ("retarget walk.npz walk.bvh --out out.npz", "Several motions"),
        ("retarget walk.npz walk.bvh --out out", "both be written"),
        ("retarget *.c3d --out out", "No file matches"),
        ("retarget walk.npz --out out.npz --start 9", "Nothing lies between"),
        ("retarget walk.npz --out out.npz --start 0.8 --end 0.2", "Nothing lies between"),
        ("retarget walk.npz --out out.npz --fps -3", "fps must be"),
        ("retarget walk.npz --out out.npz --fps 1e12", "at most"),
        ("retarget walk.npz --out out.npz --human-height 180", "in metres"),
        ("retarget walk.npz --out out.npz --unit 1", "takes no options"),
        ("retarget walk.bvh --out out.npz --unit -1", "above zero"),
        ("retarget walk.bvh --out out.npz --up w", "'x', 'y', 'z'"),
        ("motion convert walk.npz out.npz --fps 1e12", "at most"),
        ("motion convert walk.npz out.xyz", "Known endings"),
        ("motion convert walk.npz walk.npz --end 0.5", "overwritten"),
        ("motion convert walk.npz .", "no format ends in"),
        ("view walk.npz --sheet out.xyz", "which kind of picture"),
        ("view walk.npz --sheet nowhere/out.png", "does not exist"),
        ("view walk.npz --sheet out.png --renderer crayons", "Unknown renderer"),
        ("view walk.npz --port 99999999", "65535"),
        ("robots show /", "Unknown robot"),
        ("demo --out walk.bvh", "Cannot create the folder"),
        ("demo --out out --fps 0", "fps must be"),
        ("evaluate walk.npz --against walk.npz", "a robot's motion is needed"),
    ],
)
def test_impossible_requests(capsys, walk, tmp_path, words, said):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert said in fails(capsys, words)
    after = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("motion convert robot.npz out.npz --blend-home 1e9", "60 s"),
        ("motion convert robot.npz out.bvh", "robot's"),
        ("motion info robot.npz --from bvh", "binary"),
        ("evaluate robot.npz --against robot.npz", "a human's motion is needed"),
        ("evaluate robot.npz --against walk.npz --html nowhere/out.html", "does not exist"),
        ("evaluate robot.npz --against few.npz", "no pelvis"),
        ("evaluate robot.npz --against point.npz", "no length"),
        ("retarget point.npz --out out.npz --human-height 1.8", "no size"),
        ("retarget few.npz --out out.npz --human-height 1.8", "cannot be told"),
        ("view point.npz --sheet out.png", "no limbs"),
        ("view few.npz --sheet out.png --renderer software", "no limbs"),
    ],
)
def test_impossible_pairs_and_bodies(capsys, walk, robot, tmp_path, words, said):
    with np.load(tmp_path / "walk.npz") as archive:
        entries = dict(archive)
    np.savez(tmp_path / "few.npz", **{**entries, **without_landmarks(entries)})
    np.savez(tmp_path / "point.npz", **{**entries, "pos": 0 * entries["pos"]})
    message = fails(capsys, words)
    assert said in message
    assert not list(tmp_path.glob("out*"))


def test_a_table_of_a_folder_names_clips_below_it_and_says_each_path_once(capsys, walk, tmp_path):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.bvh").write_text(walk.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "deep" / "broken.bvh").write_text("HIERARCHY\n", encoding="utf-8")
    assert main(["retarget", str(folder), "--out", str(tmp_path / "out")]) == 1
    table = capsys.readouterr().out
    assert "deep/broken.bvh" in table
    rows = [line for line in table.splitlines() if "bvh" in line]
    assert not any(str(folder) in row for row in rows)


@pytest.mark.parametrize(
    "words",
    ["motion info walk.bvh", "retarget walk.bvh --out out.npz", "robots list", "robots show unitree_g1"],
)
def test_json_is_all_that_stdout_holds(capsys, walk, words):
    assert main([*words.split(), "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), dict)


def test_a_failure_in_json_is_still_one_document(capsys, walk, tmp_path):
    (tmp_path / "bad.bvh").write_text("HIERARCHY\n", encoding="utf-8")
    assert main(["retarget", "bad.bvh", "--out", "out.npz", "--json"]) == 2
    captured = capsys.readouterr()
    assert "bad.bvh" in json.loads(captured.out)["results"][0]["error"]
    assert captured.err.startswith("error: ")


def test_interrupting_is_no_traceback(capsys, walk, monkeypatch):
    def interrupted(self, humans):
        raise KeyboardInterrupt

    monkeypatch.setattr(HomeStance, "__call__", interrupted)
    assert main(["retarget", "walk.bvh", "--out", "out.npz"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_what_would_make_pictures_nicer_is_said_once(capsys, walk, tmp_path, monkeypatch):
    from understudy.view import pictures

    monkeypatch.setattr(pictures, "working_backend", lambda: None)
    assert main(["view", "walk.npz", "--sheet", "out.png"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "out.png\n"
    assert captured.err.count("libosmesa6") == 2  # the package, and how to install it
    assert captured.err.startswith("note: ")
    assert main(["view", "walk.npz", "--sheet", "out.png", "--renderer", "software"]) == 0
    assert capsys.readouterr().err == ""
