"""``understudy retarget`` of a part of a robot, and of one robot's motion onto another."""

import numpy as np
import pytest

from understudy import motion, robots
from understudy.cli.main import main
from understudy.motion import sample


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    path = tmp_path_factory.mktemp("walk") / "walk.bvh"
    motion.save(motion.trim(sample.motion("walk", fps=30.0), 0.0, 1.5), path)
    return path


def test_the_upper_part_moves_and_the_rest_stands(walk, tmp_path):
    assert main(["retarget", str(walk), "--parts", "upper", "--out", str(tmp_path / "up.npz")]) == 0
    out, g1 = motion.load(tmp_path / "up.npz"), robots.load("unitree_g1")
    assert np.ptp(out.root_pos, axis=0).max() < 1e-6
    legs = ["hip" in j or "knee" in j or "ankle" in j for j in out.joints]
    np.testing.assert_allclose(out.joint_pos[:, legs], np.tile(g1.home[7:][legs], (out.frames, 1)), atol=1e-6)
    assert np.ptp(out.joint_pos, axis=0).max() > 0.1
    assert out.origin.certificate["passed"]


def test_a_method_that_moves_the_whole_robot_says_so(walk, tmp_path, capsys):
    code = main(
        ["retarget", str(walk), "--method", "gmr-like", "--parts", "upper", "--out", str(tmp_path / "o.npz")]
    )
    assert code == 2
    assert "moves the whole robot" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_robots_motion_becomes_another_robots(walk, tmp_path):
    g1, h1, table = tmp_path / "g1.npz", tmp_path / "h1.npz", tmp_path / "g1.csv"
    assert main(["retarget", str(walk), "--out", str(g1)]) == 0
    assert main(["retarget", str(g1), "--robot", "unitree_h1", "--out", str(h1)]) == 0
    out = motion.load(h1)
    assert out.robot == "unitree_h1"
    assert out.origin.certificate["passed"]
    there = motion.load(g1).root_pos
    # H1 has longer legs, and goes farther with the same steps.
    ratio = np.linalg.norm(out.root_pos[-1, :2] - out.root_pos[0, :2]) / np.linalg.norm(
        there[-1, :2] - there[0, :2]
    )
    assert 1.1 < ratio < 1.6
    # A table without names needs to be told whose it is, and of which format; a folder of such files, too.
    assert main(["motion", "convert", str(g1), str(table), "--as", "hhtools-csv"]) == 0
    folder = tmp_path / "tables"
    folder.mkdir()
    table.rename(folder / "walk.csv")
    assert main(["retarget", str(folder), "--source-robot", "unitree_g1", "--robot", "unitree_h1",
                 "--out", str(tmp_path / "all"), "--workers", "1"]) == 0  # fmt: skip
    again = motion.load(tmp_path / "all" / "walk.npz")
    # The table holds no contacts, so they are found anew, some of them a few frames earlier or later.
    np.testing.assert_allclose(again.joint_pos, out.joint_pos, atol=0.1)
    assert np.abs(again.joint_pos - out.joint_pos).mean() < 0.005
