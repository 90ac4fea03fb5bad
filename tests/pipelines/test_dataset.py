"""A job over a folder: what is done, what is not done again, what fails, and what an interruption costs."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from understudy import motion, pipelines
from understudy.errors import UnderstudyError
from understudy.motion import dataset
from understudy.pipelines.dataset import content_hash

sys.path.insert(0, str(Path(__file__).parent))
from slow_copies import SlowCopy, tasks

SCRIPT = Path(__file__).parent / "slow_copies.py"


COPY = SlowCopy()


def job(clips, out, recipe=COPY, **options):
    return pipelines.run(tasks(clips, out), recipe, out, **options)


def same_manifest(one, other):
    return (one / dataset.MANIFEST).read_bytes() == (other / dataset.MANIFEST).read_bytes()


def started(*words):
    """A job in a process of its own, in a session of its own, once it has told of its first clips."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        # Tests that run in the background of a shell inherit a SIGINT that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(3):
        assert process.stdout.readline()
    return process


def test_every_clip_gets_a_file_and_a_row(clips, tmp_path):
    out = tmp_path / "new" / "out"
    summary = job(clips, out)
    assert (summary.counts["done"], summary.kept) == (12, 0)
    assert summary.frames == sum(motion.load(p).frames for p in clips.rglob("*.npz"))
    rows = dataset.read(out)
    assert list(summary.entries) == rows
    assert [row.id for row in rows] == sorted(p.relative_to(clips).as_posix() for p in clips.rglob("*.npz"))
    first = rows[0]
    assert (first.path, first.kind, first.fps, first.metrics.keys()) == ("00.npz", "human", 20.0, {"height"})
    assert (out / first.parents[0]).samefile(clips / "00.npz")
    assert first.content == content_hash(clips / "00.npz")
    assert first.bytes == (out / "00.npz").stat().st_size
    assert np.array_equal(
        motion.load(out / "deep" / "03.npz").pos, motion.load(clips / "deep" / "03.npz").pos
    )


def test_workers_make_the_same_dataset(clips, tmp_path):
    job(clips, tmp_path / "a")
    assert job(clips, tmp_path / "b", workers=2).counts["done"] == 12
    assert same_manifest(tmp_path / "a", tmp_path / "b")


def test_only_what_changed_is_made_again(clips, tmp_path):
    out = tmp_path / "out"
    job(clips, out)
    assert job(clips, out).kept == 12
    assert job(clips, out, force=True).kept == 0
    (clips / "00.npz").write_bytes((clips / "02.npz").read_bytes())
    (out / "deep" / "01.npz").unlink()
    assert job(clips, out).kept == 10
    assert job(clips, out, SlowCopy(note="another")).kept == 0
    assert job(clips, out, SlowCopy(note="another", code="2")).kept == 0
    assert job(clips, out, SlowCopy(note="another", code="2")).kept == 12


def test_a_clip_that_fails_stops_nothing_and_is_tried_again(clips, tmp_path):
    out = tmp_path / "out"
    job(clips, out)
    whole = (clips / "04.npz").read_bytes()
    (clips / "04.npz").write_bytes(whole[:700])
    (clips / "05.bvh").touch()
    (clips / "notes.npz").write_bytes(b"nothing")
    summary = job(clips, out, refused={"shape.npz": "a shape"})
    assert summary.counts == {"done": 11, "failed": 1, "refused": 3}
    rows = {row.id: row for row in dataset.read(out)}
    assert (rows["shape.npz"].reason, rows["05.bvh"].status) == ("a shape", "failed")
    assert rows["05.bvh"].reason == "the file is empty."
    assert rows["04.npz"].status == rows["notes.npz"].status == "refused"
    assert not (out / "04.npz").exists()  # what it was made into is no longer true
    (clips / "04.npz").write_bytes(whole)
    assert job(clips, out).counts["done"] == 12


@dataclasses.dataclass(frozen=True)
class Awkward(SlowCopy):
    """Fails in ways that nobody foresaw."""

    def __call__(self, source):
        if source.stem == "02":
            os.kill(os.getpid(), signal.SIGKILL)
        if source.stem == "04":
            raise ZeroDivisionError("by zero")
        return super().__call__(source)


def test_a_worker_that_dies_takes_one_clip_with_it(clips, tmp_path):
    summary = job(clips, tmp_path / "out", Awkward(), workers=2)
    assert summary.counts == {"done": 10, "failed": 2}
    reasons = {e.id: e.reason for e in summary.entries if e.status == "failed"}
    assert "worker process died" in reasons["02.npz"]
    assert reasons["04.npz"] == "ZeroDivisionError: by zero"


@dataclasses.dataclass(frozen=True)
class Pieces(SlowCopy):
    """The first half of a clip, and the second, which is dropped."""

    halves: int = 2

    def configuration(self):
        return {"halves": self.halves}

    def __call__(self, source):
        clip = motion.load(source)
        half = clip.duration / 2
        cut = [motion.trim(clip, 0, half), motion.trim(clip, half)][: self.halves]
        return [pipelines.Made(c, {}, None if i == 0 else "no good", i) for i, c in enumerate(cut)]


def test_pieces_have_rows_and_files_of_their_own(clips, tmp_path):
    out = tmp_path / "out"
    assert job(clips, out, Pieces()).counts == {"done": 12, "dropped": 12}
    rows = {row.id: row for row in dataset.read(out)}
    assert rows["deep/01.npz#0000"].path == "deep/01_0000.npz"
    assert (rows["deep/01.npz#0001"].path, rows["deep/01.npz#0001"].reason) == (None, "no good")
    assert job(clips, out, Pieces()).kept == 12
    assert job(clips, out, Pieces(halves=1)).counts == {"done": 12}
    assert len(dataset.read(out)) == 12


def test_what_a_manifest_knows_of_a_source_goes_on(clips, tmp_path):
    about = dataset.Entry(
        "x", "x", "done", texts=("walks",), licence="CC0", split="test", metrics={"jerk": 3.0}
    )
    [task, *_] = tasks(clips, tmp_path / "out")
    task = dataclasses.replace(task, about=about)
    [row] = pipelines.run([task], SlowCopy(), tmp_path / "out").entries
    assert (row.texts, row.licence, row.split, row.metrics["jerk"]) == (("turn",), "CC0-1.0", "test", 3.0)


def test_without_a_folder_nothing_is_written(clips, tmp_path):
    assert pipelines.run(tasks(clips, tmp_path / "out"), SlowCopy(), None).counts["done"] == 12
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_job_goes_on_to_the_same_manifest(clips, tmp_path, sent):
    whole, out = tmp_path / "whole", tmp_path / "out"
    job(clips, whole)
    process = started(clips, out, 2, 0.5)
    with pytest.raises(UnderstudyError, match="is writing into"):
        job(clips, out)
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)  # as a terminal does it
    else:
        process.send_signal(sent)
    with process.stdout:
        told = 3 + len(process.stdout.readlines())
    process.wait()
    done = [row for row in dataset.read(out) if row.status == "done"]
    assert told <= len(done) < 12
    assert not [row for row in dataset.read(out) if row.status == "failed"]
    (out / ".00-abcd1234.npz").write_bytes(b"half")  # what a writer leaves that is killed
    summary = job(clips, out)
    assert summary.kept >= len(done)
    assert same_manifest(whole, out)
    assert not list(out.rglob(".0*"))


def test_workers_go_when_their_parent_has_gone(clips, tmp_path):
    process = started(clips, tmp_path / "out", 2, 0.15)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.is_file():
        pytest.skip("this system does not list a process's children")
    workers = [int(pid) for pid in children.read_text().split()]
    assert len(workers) >= 2
    process.kill()
    process.stdout.close()
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


@pytest.mark.slow
def test_a_ray_cluster_makes_the_same_dataset(clips, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    job(clips, tmp_path / "a")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\nfrom slow_copies import SlowCopy, tasks\nfrom understudy import pipelines\n"
        "a, b = Path(sys.argv[2]), Path(sys.argv[3])\n"
        "print(pipelines.run(tasks(a, b), SlowCopy(), b, workers=2, cluster='local').counts['done'])\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(SCRIPT.parent))
    words = [sys.executable, "-c", script, str(SCRIPT.parent), str(clips), str(tmp_path / "b")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["12"]
    assert same_manifest(tmp_path / "a", tmp_path / "b")


def test_a_cluster_that_is_not_there(clips, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(UnderstudyError, match="No Ray cluster answers"):
        job(clips, tmp_path / "out", cluster="127.0.0.1:1")
