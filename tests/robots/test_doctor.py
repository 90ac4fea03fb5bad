"""The doctor finds what is wrong with a folder, says it in words, and offers a line that settles it."""

import json
import shutil

import pytest
from PIL import Image

from understudy import robots
from understudy.cli.main import main
from understudy.robots.doctor import CHECKS, examine
from understudy.robots.registry import DATA


@pytest.fixture
def ill(tmp_path):
    """A copy of the G1's folder with one passage of a file replaced."""

    def make(file, old, new):
        folder = tmp_path / "ill"
        shutil.copytree(DATA / "unitree_g1", folder)
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
        return robots.load(folder)

    return make


def test_the_g1_is_well(g1):
    found = examine(g1)
    assert found.findings == ()
    assert found.healthy
    assert set(found.checks) == set(CHECKS)


@pytest.mark.parametrize(
    ("file", "old", "new", "about", "words", "healthy"),
    [
        (
            "robot.toml",
            "left_elbow_joint = 1.5707963267948966",
            "left_elbow_joint = 0.0",
            "T-pose",
            "left_elbow to left_wrist",
            False,
        ),
        (
            "robot.toml",
            "-0.0354], [0.141, 0.012",
            "-0.0654], [0.141, 0.012",
            "soles",
            "above the floor",
            False,
        ),
        (
            "robot.toml",
            'left_knee = { body = "left_knee_link", pos = [0.0, 0.0, 0.0] }',
            'left_knee = { body = "left_knee_link", pos = [0.0, 0.05, 0.0] }',
            "landmarks",
            "left_knee and right_knee",
            True,
        ),
        (
            "robot.toml",
            "'(left|right)_(hip_roll|knee)_joint' = 20.0",
            "'(left|right)_(hip_roll|knee)_joint' = 0.2",
            "velocity_limit",
            "unlikely",
            True,
        ),
        (
            "robot.xml",
            'name="left_knee_joint" axis="0 1 0" range="-0.087267 2.8798"',
            'name="left_knee_joint" axis="0 1 0" range="-0.087267 1.2"',
            "sides",
            "right_knee_joint",
            True,
        ),
        ("robot.xml", 'mass="3.813"', 'mass="381.3"', "masses", "kg at 1.32 m", True),
        (
            "robot.xml",
            '<exclude body1="waist_yaw_link" body2="torso_link"/>',
            "",
            "contacts",
            "waist_yaw_link",
            True,
        ),
    ],
    ids=["T-pose", "sole", "landmark", "speed", "range", "mass", "contact"],
)
def test_a_fault_is_found_and_settled(ill, file, old, new, about, words, healthy):
    found = examine(ill(file, old, new))
    hits = [f for f in found.findings if f.about == about]
    assert hits, [f.about for f in found.findings]
    assert any(words in f.says for f in hits)
    assert all(f.settle for f in found.findings)
    assert found.healthy is healthy


def test_doubts_of_onboarding_are_passed_on():
    says = [f.says for f in examine(robots.load("toddlerbot")).findings]
    assert any("motor speed" in s for s in says)
    assert any("left_elbow_roll" in s for s in says)


def test_the_command_explains_and_draws(tmp_path, capsys):
    picture = tmp_path / "h1.png"
    assert main(["robots", "doctor", "unitree_h1", "--picture", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "'.*' = 10.0" in said
    assert "T-pose and landmarks" in said
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 1000


def test_the_command_speaks_json_and_fails_for_a_fault(ill, tmp_path, capsys):
    ill("robot.toml", "left_elbow_joint = 1.5707963267948966", "left_elbow_joint = 0.0")
    picture = tmp_path / "ill.png"
    assert main(["robots", "doctor", str(tmp_path / "ill"), "--picture", str(picture), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is False
    assert {"severity", "about", "says", "settle"} == set(told["findings"][0])
