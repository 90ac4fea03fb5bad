"""Folders of pairs: what is in them, how a job goes on, and which clips they may be made of."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy import motion, robots
from understudy.errors import FormatError, LimitError, UnderstudyError, UnknownName
from understudy.learn.pair_file import ARRAYS, load_pair, save_pair
from understudy.learn.windows import load_pairs
from understudy.motion import sample
from understudy.pipelines import pairs_sources
from understudy.pipelines.pairs import PairsConfig, make_pairs, pairs_in, plan
from understudy.pipelines.pairs_library import LONGEST, library
from understudy.pipelines.pairs_making import KINDS, Item, fitter, good_frames, human_for
from understudy.pipelines.pairs_sources import held_back, sources, take_of


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Short clips whose takes are all for training."""
    folder = tmp_path_factory.mktemp("clips")
    for name in ("walk", "wave", "squat", "punch"):
        k = next(k for k in range(100) if not held_back(f"{name}{k}"))
        clip = sample.motion(name, fps=30.0)
        motion.save(motion.trim(clip, 0.0, 1.5), folder / f"{name}{k}.npz")
    return folder


@pytest.fixture(scope="module")
def config(data) -> PairsConfig:
    return PairsConfig(data, hours=9.0 / 3600.0, kinds=("plain", "mirror", "warp", "mixed"))


@pytest.fixture(scope="module")
def folder(config, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pairs") / "g1"
    made = make_pairs(config, out)
    assert not made.failed
    return out


def test_a_pair_holds_both_motions_on_one_floor(folder):
    pair = load_pair(folder / "plain-00000.npz")
    robot = robots.load("unitree_g1")
    assert pair.robot_joint_pos.shape == (pair.frames, len(robot.joints))
    assert pair.robot_body_pos.shape[1] == len(robot.bodies)
    assert pair.human_ok.all()
    assert 0.0 < pair.human_pos[..., 2].min() < 0.1
    np.testing.assert_allclose(pair.robot_body_pos[:, 0], pair.robot_root_pos, atol=1e-5)
    assert pair.meta["scale"] * pair.meta["size"] == pytest.approx(0.6, abs=0.1)
    # The robot's pelvis follows the human's path at its own scale.
    human, own = pair.human_pos[:, 0, :2], pair.robot_root_pos[:, :2]
    np.testing.assert_allclose(own - own[0], pair.meta["scale"] * (human - human[0]), atol=0.08)


def test_windows_are_cut_from_what_a_job_has_made(folder):
    pairs = load_pairs(folder)
    made = pairs_in(folder)
    assert len(pairs.ok) == sum(line.frames for line in made.lines)
    assert set(pairs.kinds) == {"plain", "mirror", "warp", "mixed"}


def test_a_job_goes_on_where_it_was(folder, config):
    index = (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    lost = json.loads(index[-1])["file"]
    before = load_pair(folder / lost)
    (folder / lost).unlink()
    (folder / "pairs.jsonl").write_text("\n".join(index) + '\n{"kind": "pl', encoding="utf-8")
    made = make_pairs(config, folder)
    assert made.kept == len(index) - 1
    assert len(made.lines) == len(index)
    after = load_pair(folder / lost)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_a_folder_of_other_pairs_is_left_alone(folder, data):
    with pytest.raises(UnderstudyError, match="differ in seed"):
        make_pairs(PairsConfig(data, hours=0.001, seed=7), folder)


def test_what_fails_is_told_and_tried_again(data, tmp_path, monkeypatch):
    config = PairsConfig(data, hours=0.1 / 3600.0, kinds=("plain",))

    def fail(*_):
        raise LimitError("no such body")

    with monkeypatch.context() as patched:
        patched.setattr("understudy.pipelines.pairs.pair_of", fail)
        made = make_pairs(config, tmp_path)
    assert [line.error for line in made.failed] == ["no such body"]
    again = make_pairs(config, tmp_path)
    assert (len(again.lines), again.kept, again.failed) == (1, 0, ())


def test_every_beginning_of_a_plan_holds_all_kinds(data):
    clips = library(data, "permissive", "training")
    items = plan(clips, PairsConfig(data, hours=0.1))
    counts = {kind: sum(item.kind == kind for item in items) for kind in KINDS}
    assert counts["plain"] == counts["mirror"] == len(clips.pieces)
    tenth = items[: len(items) // 10]
    for kind in ("warp", "proportions", "mixed", "random"):
        share = sum(item.kind == kind for item in tenth) / len(tenth)
        assert share == pytest.approx(counts[kind] / len(items), abs=0.05)
    assert len(set(items)) == len(items)


@pytest.mark.parametrize("kind", KINDS)
def test_a_human_depends_on_seed_and_number_alone(data, kind):
    clips = library(data, "permissive", "training")
    one, same, other = (human_for(Item(kind, number), clips, 0) for number in (5, 5, 6))
    assert one.fps == 30.0
    assert one.duration <= 20.0
    np.testing.assert_array_equal(one.pos, same.pos)
    assert one.frames != other.frames or not np.array_equal(one.pos, other.pos)


def test_long_clips_are_cut(tmp_path):
    long = sample.compose((sample.Stand(LONGEST + 6.0),), fps=10.0)
    k = next(k for k in range(100) if not held_back(f"long{k}"))
    motion.save(long, tmp_path / f"long{k}.npz")
    clips = library(tmp_path, "permissive", "training")
    assert len(clips.pieces) == 2
    assert sum(piece.frames for piece in clips.pieces) == long.frames


def test_a_bad_frame_takes_its_neighbours_along():
    robot = robots.load("unitree_g1")
    human = motion.trim(sample.motion("stand", fps=30.0), 0.0, 1.5)
    [made] = fitter(robot)([human])
    assert good_frames(made, human, robot).all()
    joints = made.joint_pos.copy()
    joints[20, robot.joints.index("left_elbow_joint")] += 0.7
    good = good_frames(replace(made, joint_pos=joints), human, robot)
    np.testing.assert_array_equal(np.flatnonzero(~good), np.arange(14, 28))


def test_a_pair_survives_its_file_and_nothing_else_does(folder, tmp_path):
    pair = load_pair(folder / "warp-00000.npz")
    save_pair(pair, tmp_path / "a.npz")
    assert load_pair(tmp_path / "a.npz").meta == pair.meta
    whole = (tmp_path / "a.npz").read_bytes()
    for bad in (b"", b"PK\x03\x04", whole[: len(whole) // 2], whole[:200] + bytes(200) + whole[400:]):
        (tmp_path / "b.npz").write_bytes(bad)
        with pytest.raises(FormatError, match=r"b\.npz"):
            load_pair(tmp_path / "b.npz")
    with np.load(tmp_path / "a.npz") as stored:
        arrays = dict(stored)
    others = {"version": np.array(99), "human_pos": arrays["human_pos"][1:], "human_ok": np.zeros(3)}
    others |= {"meta": np.array("{"), "robot_root_pos": np.full_like(arrays["robot_root_pos"], np.nan)}
    for name, other in others.items():
        np.savez(tmp_path / "c.npz", **{**arrays, name: other})
        with pytest.raises(FormatError, match=r"c\.npz"):
            load_pair(tmp_path / "c.npz")


def test_wrong_wishes_are_refused(data, tmp_path):
    odd = PairsConfig(data)
    object.__setattr__(odd, "kinds", ("plain", "odd"))  # as from a caller whose types nobody checks
    with pytest.raises(UnknownName, match="odd"):
        make_pairs(odd, tmp_path)
    with pytest.raises(LimitError, match="once"):
        make_pairs(PairsConfig(data, kinds=("plain", "plain")), tmp_path)
    with pytest.raises(LimitError, match="Hours"):
        make_pairs(PairsConfig(data, hours=float("nan")), tmp_path)
    with pytest.raises(UnderstudyError, match="no folder"):
        make_pairs(PairsConfig(tmp_path / "nowhere"), tmp_path)
    with pytest.raises(UnderstudyError, match="lies in"):
        make_pairs(PairsConfig(data), data / "pairs")
    with pytest.raises(FormatError, match=r"pairs\.jsonl"):
        pairs_in(tmp_path)


def test_no_form_of_a_test_clip_is_a_source(tmp_path):
    header = ["archive", "file", "licence", "cmu_id", "frame_time", "true_fps", "split"]
    rows = [
        ("permissive_a", "daz/60_03.bvh", "CMU", "60_03", "0.0083", "60", "test"),
        ("permissive_a", "other/60_03_again.bvh", "CMU", "60_03", "0.0167", "60", "train"),
        ("permissive_a", "daz/61_03.bvh", "CMU", "61_03", "0.0083", "60", "train"),
        ("permissive_a", "daz/60_04.bvh", "CMU", "60_04", "0.0083", "60", "train"),
        ("permissive_deepmimic", "dm/long_mirror.txt", "MIT", "", "", "", "test"),
        ("permissive_deepmimic", "dm/long.txt", "MIT", "", "", "", "train"),
        ("permissive_other", "cartoon.bvh", "MIT", "", "0.01", "100", "train"),
        ("permissive_b", "dance.amc", "CMU (repo package: GPL-3)", "", "", "", "train"),
        ("noncommercial_c", "bow.bvh", "CC BY-NC 4.0", "", "0.0333", "30", "train"),
    ]
    with (tmp_path / "index.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])

    def both(licence):
        found = []
        for split in ("training", "validation"):
            try:
                found += sources(tmp_path, licence, split)
            except UnderstudyError:
                continue
        return {source.id: source for source in found}

    assert set(both("permissive")) == {"daz/60_04.bvh"}
    assert both("permissive")["daz/60_04.bvh"].fps == 60.0
    assert set(both("all")) == {"daz/60_04.bvh", "cartoon.bvh", "bow.bvh"}


@pytest.mark.corpus
@pytest.mark.parametrize("licence", ["permissive", "all"])
def test_the_corpus_keeps_its_splits_apart(corpus, licence):
    with (corpus / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    training, validation = (
        {s.id for s in sources(corpus, licence, split)} for split in ("training", "validation")
    )
    tests = [row for row in rows.values() if row["split"] == "test"]
    listed = (corpus / "test_clips.txt").read_text(encoding="utf-8").splitlines()
    assert {row["file"] for row in tests} == {
        line.split("\t")[-1] for line in listed if line and not line.startswith("#")
    }
    tested_ids = {row["cmu_id"] for row in tests} - {""}
    tested_stems = {Path(row["file"]).stem.replace("_mirror", "") for row in tests}
    for used in (training, validation):
        assert used
        assert not {rows[name]["cmu_id"] for name in used} & tested_ids
        assert not {Path(name).stem.replace("_mirror", "") for name in used} & tested_stems
    # A couple is one take.
    couples = {i.replace("61_", "60_") for i in tested_ids if i.startswith(("60_", "61_"))}
    assert not {rows[name]["cmu_id"].replace("61_", "60_") for name in training | validation} & couples
    assert not {take_of(rows[name]) for name in training} & {take_of(rows[name]) for name in validation}
    licences = {rows[name]["licence"] for name in training | validation}
    assert not any("GPL" in licence for licence in licences)
    if licence == "permissive":
        assert licences == {"CMU", "MIT"}
        assert not any(
            "noncommercial" in name or "asap" in name or "hhtools" in name for name in training | validation
        )
    assert len(validation) < 0.2 * len(training)
    assert pairs_sources.HELD_BACK < 0.2
