"""``understudy learn refine-pairs``, as one calls it."""

import json
from dataclasses import asdict

import pytest
from made_pairs import pair_arrays

from understudy import motion, retarget, robots
from understudy.cli.main import main
from understudy.learn.pair_file import Pair, save_pair
from understudy.learn.windows import load_pairs
from understudy.motion import sample
from understudy.pipelines.pairs import Line
from understudy.pipelines.pairs_robot import robot_layout
from understudy.pipelines.pairs_tree import robot_tree


@pytest.fixture
def data(tmp_path):
    """One pair that stands, and one that cannot be read."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    g1 = robots.load("unitree_g1")
    human = motion.trim(sample.motion("stand", fps=30.0), 0.0, 2.2)
    [made] = retarget.FrameIK(g1)([human])
    pair = Pair(**pair_arrays(human, g1, made), meta={"fps": 30.0, "source": "stand"})
    save_pair(pair, folder / "plain-00000.npz")
    (folder / "warp-00000.npz").write_bytes(b"nothing")
    lines = [Line(kind, 0, f"{kind}-00000.npz", pair.frames, pair.frames, 0.8) for kind in ("plain", "warp")]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines))
    (folder / "pairs.json").write_text(
        json.dumps({"robot": robot_layout(g1).to_json(), "tree": robot_tree(g1)})
    )
    return folder


def test_pairs_are_performed_and_told(data, tmp_path, capsys):
    out = tmp_path / "physics"
    words = ["learn", "refine-pairs", "--data", str(data), "--out", str(out), "--samples", "4"]
    assert main([*words, "--kinds", "plain", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kinds"]["plain"]["pairs"] == 1
    assert len(load_pairs(out).ok) == pytest.approx(66, abs=2)
    assert main(words) == 1
    said = capsys.readouterr()
    assert "warp 0" in said.out
    assert "1 made in this run, 1 were there before" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--minutes", "0"], "--minutes must be above zero"),
        (["--pairs", "-1"], "--pairs must be above zero"),
        (["--workers", "0"], "--workers must be above zero"),
        (["--kinds", "random"], "no pair of kind random"),
        (["--samples", "1"], "at least 3 samples"),
    ],
)
def test_wrong_options_are_one_paragraph(data, tmp_path, capsys, words, said):
    given = ["learn", "refine-pairs", "--data", str(data), "--out", str(tmp_path / "o")]
    assert main([*given, *words]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_without_pairs_is_refused(tmp_path, capsys):
    assert main(["learn", "refine-pairs", "--data", str(tmp_path), "--out", str(tmp_path / "o")]) == 2
    assert "pairs.jsonl" in capsys.readouterr().err
