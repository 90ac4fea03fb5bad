"""The benchmark programs run from a checkout, on a corpus of three clips made up here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from understudy import motion
from understudy.motion import sample

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    rows = ["archive,file,frame_time,true_fps"]
    for name in ("wave", "walk"):
        motion.save(sample.motion(name, fps=60.0), folder / f"{name}.bvh")
        rows.append(f"made,{name}.bvh,0.0166667,60.0")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    (folder / "test_clips.txt").write_text(
        "# archive\tfile\nmade\twave.bvh\nmade\twalk.bvh\nmade\tabsent.bvh\n"
    )
    return folder


def program(name, *arguments):
    command = [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )


def test_methods_are_compared_and_a_second_run_is_taken_from_the_cache(small_corpus, tmp_path):
    arguments = (
        *("--methods", "frame-ik", "--corpus", small_corpus, "--no-pictures"),
        *("--out", tmp_path / "results", "--cache", tmp_path / "cache.jsonl"),
    )
    done = program("retarget", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results" / "retarget.json").read_text())
    assert found["asked"] == 3
    assert [u["clip"] for u in found["unread"]] == ["absent.bvh"]
    assert found["methods"]["frame-ik"]["counts"]["made"] == 2
    assert found["methods"]["frame-ik"]["memory_mib"]["peak"] > 50
    assert [c["complexity"] for c in found["clips"]] == ["ULOM", "WBPM"]
    page = (tmp_path / "results" / "retarget.md").read_text()
    assert "2 of 3" in page
    assert str(small_corpus) not in page
    assert (tmp_path / "results" / "retarget_metrics.png").stat().st_size < 200_000
    kept = (tmp_path / "cache.jsonl").read_text()
    assert program("retarget", *arguments).returncode == 0
    assert (tmp_path / "cache.jsonl").read_text() == kept


def test_an_unknown_method_is_refused_in_one_line(small_corpus, tmp_path):
    done = program("retarget", "--methods", "frame-ick", "--corpus", small_corpus, "--out", tmp_path)
    assert done.returncode == 1
    assert "frame-ik" in done.stderr
    assert "Traceback" not in done.stderr


def test_robustness_runs_without_a_corpus(tmp_path):
    done = program("robustness", "--methods", "frame-ik", "--clips", "demo", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "robustness.json").read_text())["all"]
    by_name = {row["corruption"]: row for row in rows}
    assert len(by_name) == 9
    assert (
        by_name["turned-round"]["points_worst"] < 0.2
    )  # cm: where feet are planted is settled along x and y
    assert by_name["clean"]["certified"] == 1
    assert "| spikes |" in (tmp_path / "robustness.md").read_text()


def test_speed_runs_without_a_corpus_and_times_every_frame(tmp_path):
    done = program("speed", "--repeats", "1", "--no-start", "--corpus", tmp_path, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    [row] = json.loads((tmp_path / "speed.json").read_text())["rows"]
    assert row["frames"] == sample.demo(fps=30.0).frames
    assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["most_ms"]
    assert row["first_ms"] > row["p50_ms"]
