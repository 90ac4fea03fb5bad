"""The manifest: what is put into it comes back, whatever happens to the process that keeps it."""

import dataclasses
import json

import pytest
from pyarrow import parquet

from understudy.errors import FormatError, UnderstudyError
from understudy.motion import dataset
from understudy.motion.dataset import Entry, Manifest


def entry(name, **more):
    return Entry(name, name.partition("#")[0], "done", **more)


FULL = entry(
    "deep/a.bvh",
    path="deep/a.npz",
    kind="robot",
    body="unitree_g1",
    fps=29.97,
    frames=12,
    duration=11 / 29.97,
    texts=("a man walks", "eine Übung"),
    licence="CC0",
    split="train",
    parents=("../in/deep/a.bvh",),
    content="ab" * 32,
    configuration='{"fps": null}',
    version="1",
    bytes=1234,
    passed=False,
    failing=("Above the floor",),
    worst="Above the floor: 7 mm under",
    severity=1.4,
    metrics={"self_collision": 0.1 + 0.2},
)


def test_what_is_put_in_comes_back_from_manifest_and_journal(tmp_path):
    bare = Entry("b.npz", "b.npz", "refused", "no motion")
    with Manifest(tmp_path) as manifest:
        manifest.put("b.npz", [bare])
        manifest.put(FULL.source, [FULL])
        assert dataset.read(tmp_path) == [bare, FULL]  # from the journal
        manifest.fold()
        assert dataset.read(tmp_path) == [bare, FULL]  # from the manifest
    assert not (tmp_path / dataset.JOURNAL).exists()
    table = dataset.table(tmp_path)
    assert table.column_names == [*dataset.OWN_COLUMNS, "self_collision"]
    assert table["self_collision"].to_pylist() == [None, 0.1 + 0.2]
    assert dataset.from_table(table) == [bare, FULL]


def test_the_order_of_work_leaves_no_trace(tmp_path):
    entries = [entry(f"{i}.bvh", metrics={"m": i / 3}) for i in range(20)]
    for name, order in (("a", entries), ("b", entries[::-1])):
        (tmp_path / name).mkdir()
        with Manifest(tmp_path / name) as manifest:
            for e in order:
                manifest.put(e.source, [dataclasses.replace(e, status="failed"), e][1:])
    files = [(tmp_path / name / dataset.MANIFEST).read_bytes() for name in ("a", "b")]
    assert files[0] == files[1]


def test_a_source_may_have_several_entries_and_replaces_all_of_them(tmp_path):
    with Manifest(tmp_path) as manifest:
        manifest.put("a", [entry("a#0000"), entry("a#0001")])
    with Manifest(tmp_path) as manifest:
        assert [e.id for e in manifest.rows["a"]] == ["a#0000", "a#0001"]
        manifest.put("a", [entry("a#0000")])
    assert [e.id for e in dataset.read(tmp_path)] == ["a#0000"]


def test_a_journal_that_a_dead_process_left_is_taken_up(tmp_path):
    lines = [json.dumps({"source": n, "entries": [entry(n).to_record()]}) for n in ("a", "b")]
    (tmp_path / dataset.JOURNAL).write_text("\n".join(lines) + "\n" + lines[0][:30], encoding="utf-8")
    assert [e.id for e in dataset.read(tmp_path)] == ["a", "b"]
    with Manifest(tmp_path) as manifest:
        assert sorted(manifest.rows) == ["a", "b"]
    assert [e.id for e in dataset.read(tmp_path)] == ["a", "b"]


def test_the_second_writer_says_who_is_the_first(tmp_path):
    with (
        Manifest(tmp_path),
        pytest.raises(UnderstudyError, match=r"process \d+ on .* is writing"),
        Manifest(tmp_path),
    ):
        pass
    with Manifest(tmp_path):
        pass


def test_damage_is_named(tmp_path):
    with pytest.raises(UnderstudyError, match="has no manifest"):
        dataset.read(tmp_path)
    with pytest.raises(UnderstudyError, match="is not a folder"):
        dataset.read(tmp_path / "none")
    (tmp_path / dataset.JOURNAL).write_text("{}\n", encoding="utf-8")
    with pytest.raises(FormatError, match="line 1"):
        dataset.read(tmp_path)
    (tmp_path / dataset.JOURNAL).unlink()
    (tmp_path / dataset.MANIFEST).write_bytes(b"PAR1 or not")
    with pytest.raises(FormatError, match="not a parquet file"):
        dataset.read(tmp_path)
    rows = dataset.to_table([FULL])
    parquet.write_table(rows.replace_schema_metadata({}), tmp_path / dataset.MANIFEST)
    with pytest.raises(FormatError, match="no manifest of this program"):
        dataset.read(tmp_path)
    parquet.write_table(rows.drop_columns(["fps"]), tmp_path / dataset.MANIFEST)
    with pytest.raises(FormatError, match="columns"):
        dataset.read(tmp_path)


def test_metrics_may_not_take_the_names_of_columns():
    with pytest.raises(UnderstudyError, match="fps"):
        dataset.to_table([entry("a", metrics={"fps": 1.0})])
