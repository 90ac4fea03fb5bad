"""``understudy learn pairs`` and ``show``, as one calls them."""

import json

import pytest

from understudy import motion
from understudy.cli.main import main
from understudy.motion import sample
from understudy.pipelines.pairs_sources import held_back


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    k = next(k for k in range(100) if not held_back(f"stand{k}"))
    motion.save(motion.trim(sample.motion("stand", fps=30.0), 0.0, 1.0), folder / f"stand{k}.npz")
    return folder


def test_pairs_are_made_and_told(data, tmp_path, capsys):
    out = tmp_path / "pairs"
    words = [
        "learn",
        "pairs",
        "--data",
        str(data),
        "--out",
        str(out),
        "--hours",
        "0.0003",
        "--kinds",
        "plain",
        "warp",
    ]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["kinds"]) == {"plain", "warp"}
    assert told["kinds"]["plain"]["good_frames"] == 1.0
    assert main(words) == 0
    assert "0 made in this run" in capsys.readouterr().err
    assert main(["learn", "show", str(out)]) == 0
    assert "plain" in capsys.readouterr().out


def test_a_clip_that_cannot_be_read_is_told(data, tmp_path, capsys):
    k = next(k for k in range(100) if not held_back(f"broken{k}"))
    (data / f"broken{k}.bvh").write_text("HIERARCHY\nROOT", encoding="utf-8")
    words = ["learn", "pairs", "--data", str(data), "--out", str(tmp_path / "p"), "--hours", "0.0002"]
    assert main([*words, "--kinds", "plain"]) == 1
    assert f"broken{k}.bvh" in capsys.readouterr().out


def test_wrong_options_are_one_paragraph(data, tmp_path, capsys):
    assert main(["learn", "pairs", "--data", str(tmp_path / "none"), "--out", str(tmp_path / "p")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    assert main(["learn", "show", str(data)]) == 2
    assert "pairs.jsonl" in capsys.readouterr().err
