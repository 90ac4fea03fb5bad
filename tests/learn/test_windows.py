"""Windows cut from a folder of pairs."""

import json

import numpy as np
import pytest
import torch

from understudy.errors import FormatError
from understudy.learn.pair_file import ARRAYS, Pair, save_pair
from understudy.learn.windows import WindowConfig, Windows, kept_back, load_pairs

SHAPES = {
    "human_pos": (23, 3),
    "human_quat": (23, 4),
    "robot_root_pos": (3,),
    "robot_root_quat": (4,),
    "robot_joint_pos": (5,),
    "robot_body_pos": (6, 3),
}


@pytest.fixture
def folder(tmp_path):
    """Clips of 50, 20 and 70 frames whose numbers tell clip and frame; frames 30 to 40 of the last are bad."""
    lines = []
    for k, (frames, kind) in enumerate([(50, "plain"), (20, "mirror"), (70, "plain")]):
        values = 100.0 * k + np.arange(frames, dtype=np.float32)
        ok = np.ones(frames, bool)
        if k == 2:
            ok[30:40] = False
        arrays = {
            name: np.broadcast_to(values.reshape(-1, *[1] * len(s)), (frames, *s))
            for name, s in SHAPES.items()
        }
        for name in ("human_quat", "robot_root_quat"):
            arrays[name] = np.broadcast_to(np.eye(4, dtype=np.float32)[0], arrays[name].shape)
        save_pair(Pair(**arrays, human_ok=ok, meta={}), tmp_path / f"{k}.npz")
        told = {
            "file": f"{k}.npz",
            "kind": kind,
            "size": 0.8 + 0.1 * k,
            "fps": 30.0,
            "source": f"clip{k % 2}",
        }
        lines.append(json.dumps(told))
    lines.append(json.dumps({"source": "broken", "error": "why"}))
    (tmp_path / "pairs.json").write_text(json.dumps({"robot": {"size": 0.6}}))
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_all_pairs_are_read(folder):
    pairs = load_pairs(folder)
    assert pairs.kinds == ("plain", "mirror", "plain")
    assert len(pairs.ok) == 140
    assert pairs.hours == pytest.approx(140 / 30 / 3600)
    assert {name: pairs.arrays[name].shape[1:] for name in ARRAYS} == SHAPES


def test_kinds_and_hours_can_be_chosen(folder):
    assert load_pairs(folder, kinds=("mirror",)).kinds == ("mirror",)
    assert load_pairs(folder, hours=60 / 30 / 3600).kinds == ("plain", "mirror")


def test_clips_are_kept_back_whole(folder):
    learnt, back = load_pairs(folder, part="learnt"), load_pairs(folder, part="kept back")
    assert sorted(len(set(part.clip)) for part in (learnt, back)) == [1, 2]
    assert kept_back(["a", "b", "a"]) in ({"a"}, {"b"})
    assert len(kept_back(str(k) for k in range(100))) == 5


def test_windows_lie_in_one_clip_and_in_good_frames(folder):
    pairs = load_pairs(folder)
    starts = pairs.starts(30, 1.0)
    assert set(starts) == {*range(21), *range(70, 71), *range(110, 111)}
    assert set(pairs.starts(30, 0.9)) == {*range(21), *range(70, 74), *range(107, 111)}


def test_a_batch_holds_whole_windows(folder):
    windows = Windows(load_pairs(folder), WindowConfig(frames=16, batch=9, faults=None))
    batch = windows(0)
    assert batch["human_pos"].shape == (9, 16, 23, 3)
    assert (batch["robot_joint_pos"].diff(dim=1) == 1.0).all()
    assert (batch["robot_joint_pos"][..., 0] == batch["human_pos"][..., 0, 0]).all()
    clip = torch.div(batch["robot_joint_pos"][:, 0, 0], 100, rounding_mode="floor")
    assert torch.allclose(batch["size"], 0.8 + 0.1 * clip)
    assert batch["ok"].float().mean() > 0.9


def test_a_batch_depends_on_seed_and_number_alone(folder):
    pairs = load_pairs(folder)
    first, second = (Windows(pairs, WindowConfig(frames=16, batch=8), seed=1) for _ in range(2))
    second(0)
    assert all(torch.equal(a, b) for a, b in zip(first(5).values(), second(5).values(), strict=True))
    assert not torch.equal(first(5)["robot_joint_pos"], first(6)["robot_joint_pos"])


def test_faults_spoil_the_human_alone(folder):
    pairs = load_pairs(folder)
    clean = Windows(pairs, WindowConfig(frames=16, batch=64, faults=None))(2)
    spoilt = Windows(pairs, WindowConfig(frames=16, batch=64, over=0.0))(2)
    assert torch.equal(clean["robot_joint_pos"], spoilt["robot_joint_pos"])
    differs = (clean["human_pos"] != spoilt["human_pos"]).flatten(1).any(1)
    assert differs[:32].any()
    assert not differs[32:].any()


def test_a_folder_without_pairs_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"pairs\.jsonl"):
        load_pairs(tmp_path)


def test_windows_longer_than_all_clips_are_refused(folder):
    with pytest.raises(FormatError, match="frames in a row"):
        Windows(load_pairs(folder), WindowConfig(frames=128))


def test_a_pair_that_was_cut_short_is_named(folder):
    path = folder / "2.npz"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(FormatError, match=r"2\.npz"):
        load_pairs(folder)
