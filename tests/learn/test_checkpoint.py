"""Weights in a file: what goes in comes out, and every file that is not right is told from the others."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from understudy.errors import CheckpointError, UnderstudyError
from understudy.learn import checkpoint
from understudy.learn.checkpoint import fill, load_checkpoint, save_checkpoint


def model(width=5):
    torch.manual_seed(0)
    made = nn.Linear(3, width)
    made.register_buffer("count", torch.tensor([7]))
    return made


@pytest.fixture
def path(tmp_path):
    save_checkpoint(
        tmp_path / "w.safetensors",
        model().state_dict(),
        kind="nmr",
        config={"width": 5},
        robot="unitree_g1",
        notes={"hours": 3.5},
    )
    return tmp_path / "w.safetensors"


def test_weights_and_what_is_said_of_them_come_back(path):
    found = load_checkpoint(path, "nmr", "unitree_g1")
    assert (found.kind, found.config, found.robot, found.notes) == (
        "nmr", {"width": 5}, "unitree_g1", {"hours": 3.5},
    )  # fmt: skip
    other = nn.Linear(3, 5)
    other.register_buffer("count", torch.tensor([0]))
    fill(other, found)
    for name, tensor in model().state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)


@pytest.mark.parametrize(("stored", "bits"), [("float16", 11), ("bfloat16", 8)])
def test_half_precision_halves_the_matrices_and_leaves_the_vectors(tmp_path, stored, bits):
    tensors = {"matrix": torch.randn(400, 300), "vector": torch.randn(300) * 1e-6}
    for name in ("float32", stored):
        save_checkpoint(tmp_path / name, tensors, kind="nmr", config={}, stored=name)
    assert (tmp_path / stored).stat().st_size < 0.51 * (tmp_path / "float32").stat().st_size
    found = load_checkpoint(tmp_path / stored, "nmr").tensors
    assert found["matrix"].dtype == torch.float32
    torch.testing.assert_close(found["matrix"], tensors["matrix"], rtol=2.0**-bits, atol=1e-7)
    assert torch.equal(found["vector"], tensors["vector"])


def test_what_cannot_be_written_leaves_the_file_as_it_was(path):
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_checkpoint(path, model().state_dict(), kind="nmr", config={"not json": object()})
    with pytest.raises(UnderstudyError, match="does not exist"):
        save_checkpoint(path.parent / "no" / "w.safetensors", {}, kind="nmr", config={})
    assert path.read_bytes() == before


def test_no_file(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path / "none.safetensors", "nmr")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path, "nmr")


@pytest.mark.parametrize("content", [b"", b"\x00", b"Hello, world", b"\xff" * 4096, b"PK\x03\x04" * 99])
def test_a_file_of_something_else(tmp_path, content):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "w", "nmr")


def test_tensors_of_someone_else(tmp_path):
    save_file({"x": torch.ones(2)}, tmp_path / "w")
    with pytest.raises(CheckpointError, match="nothing says what they are of"):
        load_checkpoint(tmp_path / "w", "nmr")


def test_every_cut_is_noticed(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="cut short or damaged"):
            load_checkpoint(path, "nmr")


def test_every_changed_byte_is_noticed_or_changes_nothing(path):
    """Only a blank of the header may change."""
    whole, aim, noticed = path.read_bytes(), model().state_dict(), 0
    for place in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << place % 8
        path.write_bytes(spoilt)
        try:
            found = load_checkpoint(path, "nmr")
        except CheckpointError:
            noticed += 1
        else:
            assert found.config == {"width": 5}
            assert all(
                torch.equal(found.tensors[n], aim[n]) and found.tensors[n].dtype == aim[n].dtype for n in aim
            )
    assert noticed > 0.95 * len(whole)


def test_another_kind(path):
    with pytest.raises(CheckpointError, match="a checkpoint of 'nmr', and one of 'ikmr' is needed"):
        load_checkpoint(path, "ikmr")


def test_another_robot(path):
    with pytest.raises(CheckpointError, match="for the robot 'unitree_g1' and do not fit 'booster_t1'"):
        load_checkpoint(path, "nmr", "booster_t1")


def test_another_version(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "VERSION", 99)
    with pytest.raises(CheckpointError, match="format version 1, and this version of understudy reads 99"):
        load_checkpoint(path, "nmr")


def test_weights_that_do_not_fit_name_what_is_wrong(path):
    with pytest.raises(CheckpointError, match=r"bias \(5,\) for \(6,\).*weight \(5, 3\) for \(6, 3\)"):
        fill(model(width=6), load_checkpoint(path, "nmr"))
    with pytest.raises(CheckpointError, match=r"count \(1,\) for nothing"):
        fill(nn.Linear(3, 5), load_checkpoint(path, "nmr"))


def test_the_text_is_plain_json_for_whoever_looks(path):
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        said = json.loads(file.metadata()["understudy"])
    assert said["kind"] == "nmr"
    assert said["version"] == checkpoint.VERSION
