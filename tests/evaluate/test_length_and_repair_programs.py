"""What the programs on length, on all robots and on repairs compute beside running methods."""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from standing import stand, with_joint

from understudy import motion, retarget
from understudy.errors import LimitError, UnderstudyError
from understudy.motion import sample
from understudy.rotations import quat_about

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def program():
    """A benchmark program by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
            patch.setenv(name, "1")  # the programs set these, and other tests must not find them set
        yield lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "permissive" / "cmu_daz").mkdir(parents=True)
    rows, listed = ["archive,file,frame_time,true_fps"], []
    for name in ("wave", "walk"):
        path = f"permissive/cmu_daz/{name}.bvh"
        motion.save(sample.motion(name, fps=60.0), folder / path)
        rows.append(f"made,{path},0.0166667,60.0")
        listed.append(f"made\t{path}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    (folder / "test_clips.txt").write_text("\n".join(listed) + "\n")
    return folder


def test_a_clip_is_repeated_for_as_long_as_asked(program):
    human = motion.trim(sample.motion("walk", fps=30.0), 0.0, 2.0)
    for seconds in (1.0, 7.0):
        lasting = program("sequence").lasting(human, seconds)
        assert lasting.frames == pytest.approx(30 * seconds, abs=1)
        steps = np.linalg.norm(np.diff(lasting.pos[:, 0], axis=0), axis=1)
        assert steps.max() < 0.1  # the joined clip does not jump


def test_a_medley_holds_the_clips_of_one_body(program, small_corpus):
    both = program("sequence").medley(small_corpus, 30.0)
    alone = [sample.motion(name, fps=30.0).duration for name in ("wave", "walk")]
    assert both.fps == pytest.approx(30.0, rel=0.01)
    assert both.duration == pytest.approx(sum(alone) - 0.3, abs=0.2)


def test_growth_is_the_exponent_of_time_over_frames(program):
    growth = program("sequence").growth
    rows = [{"frames": n, "cpu": 2e-4 * n**1.5} for n in (300, 3000, 30000)]
    assert growth(rows) == pytest.approx(1.5)


def test_all_robots_are_certified_one_by_one_and_failures_named(program, small_corpus, tmp_path, monkeypatch):
    all_robots = program("all_robots")
    monkeypatch.setattr(
        all_robots, "TWENTY", ("permissive/cmu_daz/wave.bvh", "permissive/cmu_daz/absent.bvh")
    )
    options = all_robots.Options(
        robots=("toddlerbot", "unitree_g1_upper"),
        clips=2,
        corpus=small_corpus,
        out=tmp_path,
        cache=tmp_path / "cache.jsonl",
    )
    assert all_robots.main(options) == 0
    found = json.loads((tmp_path / "robots.json").read_text())
    assert [row["robot"] for row in found["rows"]] == ["toddlerbot", "unitree_g1_upper"]
    assert list(found["unread"]) == ["permissive/cmu_daz/absent.bvh"]
    assert found["clips"]["permissive/cmu_daz/absent.bvh"] == "not read"
    assert found["clips"]["permissive/cmu_daz/wave.bvh"].startswith("ULOM, ")
    upper = found["rows"][1]
    assert upper["certified"] == upper["clips"] == 1
    assert upper["metrics"]["flat_skating"]["value"] is None
    page = (tmp_path / "robots.md").read_text()
    assert "| `toddlerbot` | `sequence-fit` | 1 of 1 |" in page
    with pytest.raises(UnderstudyError, match="2 clips"):
        all_robots.main(replace(options, clips=3))


def test_change_is_measured_in_joints_and_root(program, g1):
    before = stand(g1, frames=4)
    elbow = np.zeros(4)
    elbow[2] = 0.29
    after = with_joint(
        before, "left_elbow_joint", before.joint_pos[:, before.joints.index("left_elbow_joint")] + elbow
    )
    turned = np.tile(quat_about("z", np.array(0.1)), (4, 1)).astype(np.float32)
    after = replace(after, root_pos=after.root_pos + np.float32([0.03, 0.04, 0.0]), root_quat=turned)
    found = program("repair").change(before, after)
    assert found["joints_mean"] == pytest.approx(0.29 / (4 * 29), rel=1e-4)
    assert found["joints_most"] == pytest.approx(0.29, rel=1e-4)
    assert (found["root_mean"], found["root_most"]) == pytest.approx((0.05, 0.05), rel=1e-4)
    assert found["turn_mean"] == pytest.approx(0.1, rel=1e-3)


def sunk(g1):
    return replace(stand(g1), root_pos=stand(g1).root_pos - np.float32([0.0, 0.0, 0.02]))


def test_a_repair_is_certified_before_and_after(program, g1):
    repair = program("repair")
    case = repair.Case("made", "sunk", sunk(g1))
    row = {
        "source": "made",
        "name": "sunk",
        **repair.measured(case, g1, lambda m: replace(m, root_pos=m.root_pos + np.float32([0.0, 0.0, 0.02]))),
    }
    assert row["before"]["failing"] == ["floor"]
    assert row["after"]["failing"] == []
    assert row["change"]["root_most"] == pytest.approx(0.02, rel=1e-3)

    def refuses(_):
        raise LimitError("too far gone")

    broken = {"source": "made", "name": "lost", **repair.measured(case, g1, refuses)}
    assert broken["error"] == "LimitError: too far gone"
    found = repair.pooled("made", [row, broken])
    assert (found["motions"], found["certified_before"], found["certified_after"], found["within"]) == (
        2,
        0,
        1,
        1,
    )
    assert found["failing_after"] == {"broke": 1}
    assert found["before"]["floor_penetration"] == pytest.approx(100.0)
    assert found["after"]["floor_penetration"] == 0.0


def test_repairs_of_a_method_are_written_down(program, small_corpus, tmp_path, monkeypatch):
    repair = program("repair")
    monkeypatch.setattr(retarget, "repair", lambda m: m, raising=False)
    options = repair.Options(methods=("frame-ik",), corpus=small_corpus, out=tmp_path)
    assert repair.main(options) == 0
    [source] = json.loads((tmp_path / "repair.json").read_text())["sources"]
    assert (source["source"], source["motions"], source["joints_most"]) == ("frame-ik", 2, 0.0)
    assert "# Repairing robot motions" in (tmp_path / "repair.md").read_text()
