"""Which files of a folder are taken for motions."""

from pathlib import Path

import pytest

from understudy import motion
from understudy.errors import UnderstudyError
from understudy.motion import dataset, sample
from understudy.motion.dataset import Entry
from understudy.pipelines.sources import find, refusal, results_of


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "in" / "walk.npz"
    path.parent.mkdir()
    motion.save(sample.motion("turn", fps=10.0), path)
    return path


def test_a_folder_is_sorted_out(clip):
    folder = clip.parent
    for name in (
        "deep/b.bvh",
        "s1/x_stagei.npz",
        "s1/shape.npz",
        ".hidden/c.bvh",
        "LICENSE",
        "a.png",
        "out/o.npz",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    found = find(folder, folder / "out")
    assert found.clips == (Path("deep/b.bvh"), Path("walk.npz"))
    assert sorted(path.name for path in found.refused) == ["shape.npz", "x_stagei.npz"]
    assert "AMASS" in found.refused[Path("s1/shape.npz")]
    assert found.aside == {".png": 1, "no ending": 1}
    with pytest.raises(UnderstudyError, match="holds no motion"):
        find(folder / "s1")


def test_files_of_one_name(clip):
    folder = clip.parent
    motion.save(motion.load(clip), folder / "walk.bvh")
    (folder / "walk.json").write_text('{"about": "walk"}')
    (folder / "other.json").write_text("[]")
    results, refused = results_of(find(folder), ".npz")
    assert results == {
        Path("other.json"): Path("other.npz"),  # looked into by the worker, not here
        Path("walk.bvh"): Path("walk.bvh.npz"),
        Path("walk.npz"): Path("walk.npz.npz"),
    }
    assert list(refused) == [Path("walk.json")]
    (folder / "walk.bvh").unlink()
    assert results_of(find(folder), ".npz")[0][Path("walk.npz")] == Path("walk.npz")


def test_a_file_is_looked_into(clip):
    folder = clip.parent
    (folder / "notes.txt").write_text("not a motion")
    (folder / "other.npz").write_bytes(b"PK nothing")
    assert refusal(clip) is None
    assert refusal(folder / "notes.txt") is not None
    assert "none of the formats" in refusal(folder / "other.npz")


def test_a_dataset_holds_what_its_manifest_says(clip):
    folder = clip.parent
    (folder / "stray.bvh").touch()
    kept = Entry("walk.bvh", "walk.bvh", "done", path="walk.npz", split="test")
    with dataset.Manifest(folder) as manifest:
        manifest.put("walk.bvh", [kept])
        manifest.put("bad.bvh", [Entry("bad.bvh", "bad.bvh", "failed", "broken")])
    found = find(folder)
    assert (found.clips, found.entries) == ((Path("walk.npz"),), {Path("walk.npz"): kept})
