"""``understudy learn nmr`` and ``export``, and ``understudy retarget --method nmr`` with what they made."""

import json

import pytest
from made_pairs import pair_folder

from understudy import motion
from understudy.cli.main import main
from understudy.motion import sample


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pairs, and a network that was trained on them for a moment."""
    place = tmp_path_factory.mktemp("learn")
    pair_folder(place / "pairs")
    assert main(words(place, place / "run", "--steps", "12")) == 0
    return place


def words(place, out, *more):
    data = str(place / "pairs")
    size = ["--size", "tiny", "--batch", "4", "--window", "32"]
    return ["learn", "nmr", "--data", data, "--validation", data, "--out", str(out), *size, *more]


def test_training_leaves_weights_and_a_log(place):
    assert {"best.safetensors", "last.safetensors", "log.jsonl"} <= {
        p.name for p in (place / "run").iterdir()
    }
    lines = [json.loads(line) for line in (place / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 12
    assert "points_cm" in lines[-1] or "total" in lines[-1]


def test_a_training_is_not_overwritten(place, capsys):
    assert main(words(place, place / "run", "--steps", "12")) == 2
    assert "holds a training already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--window", "30"], "multiple of 4"),
        (["--steps", "0"], "1 or more"),
        (["--start", "nothing.safetensors"], "nothing.safetensors"),
        (["--kinds", "random"], "no pairs of kind"),
    ],
)
def test_wrong_options_are_one_paragraph(place, tmp_path, capsys, more, said):
    assert main(words(place, tmp_path / "run", *more)) == 2
    told = capsys.readouterr().err
    assert said in told.replace("\n", " ")
    assert "Traceback" not in told


def test_a_clip_is_retargeted_with_the_network(place, tmp_path, capsys):
    clip = tmp_path / "walk.bvh"
    motion.save(motion.trim(sample.motion("walk", fps=30.0), 0.0, 1.5), clip)
    asked = ["retarget", str(clip), "--out", str(tmp_path / "robot.npz"), "--method", "nmr"]
    assert main([*asked, "--checkpoint", str(place / "run" / "last.safetensors")]) == 0
    made = motion.load(tmp_path / "robot.npz").origin.history[-1]
    assert made["arrow"] == "retarget.nmr"
    capsys.readouterr()
    assert main([*asked, "--checkpoint", "nmr_of_nobody"]) == 2
    assert "nmr_of_nobody" in capsys.readouterr().err


def test_missing_weights_are_one_error_for_all_clips(tmp_path, capsys):
    (tmp_path / "clips").mkdir()
    for name in ("walk", "squat"):
        motion.save(motion.trim(sample.motion(name, fps=30.0), 0.0, 0.5), tmp_path / "clips" / f"{name}.bvh")
    asked = ["retarget", str(tmp_path / "clips"), "--out", str(tmp_path / "made"), "--method", "nmr"]
    assert main([*asked, "--robot", "booster_t1"]) == 2
    assert capsys.readouterr().err.count("booster_t1") == 1
    assert not (tmp_path / "made").exists()


def test_only_networks_have_weights(place, tmp_path, capsys):
    clip = tmp_path / "walk.bvh"
    motion.save(motion.trim(sample.motion("walk", fps=30.0), 0.0, 0.5), clip)
    assert main(["retarget", str(clip), "--out", str(tmp_path / "r.npz"), "--repair"]) == 2
    assert "is none" in capsys.readouterr().err


def test_a_network_is_exported(place, tmp_path):
    pytest.importorskip("onnx")
    assert (
        main(["learn", "export", str(place / "run" / "last.safetensors"), "--out", str(tmp_path / "n.onnx")])
        == 0
    )
    assert (tmp_path / "n.onnx").stat().st_size > 1e5
