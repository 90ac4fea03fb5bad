"""Torch's files without torch: the same numbers both ways, and nothing run, read or allocated that should not be."""

import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from hostile import attacks, bombs, damaged

from understudy.errors import FormatError, UnderstudyError
from understudy.motion.formats.joblib_file import read_joblib
from understudy.motion.formats.torch_file import entries, read_torch
from understudy.motion.formats.torch_write import write_torch
from understudy.motion.formats.unpickle import read_pickle

TENSORS = {
    "float32": torch.arange(12.0).reshape(3, 4),
    "float64": torch.arange(3, dtype=torch.float64) / 3,
    "float16": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "bfloat16": torch.tensor([1.5, -3.0, 2.0**100], dtype=torch.bfloat16),
    "int64": torch.tensor([-(2**40), 7]),
    "uint8": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False]),
    "transposed": torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
    "part": torch.arange(30.0).reshape(5, 6)[1:4, ::2],
    "expanded": torch.tensor([[1.0, 2.0]]).expand(5, 2),
    "empty": torch.zeros(0, 3),
    "scalar": torch.tensor(4.0),
    "parameter": torch.nn.Parameter(torch.ones(2)),
}
PLAIN = {
    "n": None,
    "words": ["a", "é"],
    "pair": (1, -5),
    "big": 2**70,
    "half": 0.5,
    "yes": True,
    "in": {"k": [1]},
}


def same(found, tensor):
    want = tensor.detach().float() if tensor.dtype == torch.bfloat16 else tensor.detach()
    return found.shape == tuple(want.shape) and np.array_equal(found, want.numpy())


def test_what_torch_writes_is_read(tmp_path):
    torch.save({**TENSORS, **PLAIN, "size": torch.Size([2, 3])}, tmp_path / "a.pt")
    found = read_torch(tmp_path / "a.pt")
    assert {name: same(found[name], tensor) for name, tensor in TENSORS.items()} == dict.fromkeys(
        TENSORS, True
    )
    assert {name: found[name] for name in PLAIN} == PLAIN
    assert found["size"] == (2, 3)
    assert entries(tmp_path / "a.pt") == {*TENSORS, *PLAIN, "size"}


def test_two_views_of_one_storage(tmp_path):
    base = torch.arange(10.0)
    torch.save([base[:4], {"rest": base[6:]}], tmp_path / "a.pt")
    first, second = read_torch(tmp_path / "a.pt")
    assert same(first, base[:4])
    assert same(second["rest"], base[6:])
    assert entries(tmp_path / "a.pt") == frozenset()


def test_what_is_written_torch_reads_safely(tmp_path):
    arrays = {
        name: t.detach().float().numpy() if t.dtype == torch.bfloat16 else t.detach().numpy()
        for name, t in TENSORS.items()
    }
    write_torch({**arrays, **PLAIN}, tmp_path / "a.pt")
    for mmap in (False, True):
        found = torch.load(tmp_path / "a.pt", weights_only=True, mmap=mmap)
        assert all(same(arrays[name], found[name]) for name in arrays)
        assert {name: found[name] for name in PLAIN} == PLAIN
    back = read_torch(tmp_path / "a.pt")
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)
    once = (tmp_path / "a.pt").read_bytes()
    write_torch({**arrays, **PLAIN}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").read_bytes() == once


def test_what_no_torch_file_holds_is_not_written(tmp_path):
    for odd in ({"a": object()}, {"a": np.array(["x"])}, {"a": {1, 2}}):
        with pytest.raises(UnderstudyError, match="tensors, texts and numbers"):
            write_torch(odd, tmp_path / "a.pt")
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_archive(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(FormatError, match=r"old kind.*torch\.save"):
        read_torch(path)
    path.write_bytes(b"hello")
    with pytest.raises(FormatError, match="not a zip archive"):
        read_torch(path)
    np.savez(tmp_path / "b.npz", a=np.ones(2))
    with pytest.raises(FormatError, match=r"no data\.pkl"):
        read_torch(tmp_path / "b.npz")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}." + b" " * 100)
    with pytest.raises(FormatError, match=r"does not compress|more than its own size"):
        read_torch(path)


def with_pickle(path, program, **more):
    """A torch file around this pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {"data.pkl": program, "version": b"3\n", **more}.items():
            archive.writestr(f"archive/{name}", content)
    return path


READERS = {"pickle": read_pickle, "joblib": read_joblib, "torch": read_torch}


def written(reader, path, program):
    if reader == "torch":
        return with_pickle(path, program)
    path.write_bytes(program)
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("attack", sorted(attacks(None)))
def test_no_pickle_runs_code(tmp_path, reader, attack):
    canary = tmp_path / "canary"
    path = written(reader, tmp_path / "a", attacks(canary)[attack])
    with pytest.raises(FormatError):
        READERS[reader](path)
    assert not canary.exists()


@pytest.mark.parametrize("reader", READERS)
def test_no_pickle_fills_the_memory(tmp_path, reader):
    """Refused, or read for the little that is really there; in either case without taking what it claims."""
    for name, program in bombs().items():
        path = written(reader, tmp_path / "a", program)
        tracemalloc.start()
        try:
            assert READERS[reader](path) is None, name
        except FormatError:
            assert name not in ("memo", "frame")
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 64e6, name


def tensor_program(key="0", count=4, offset=0, shape=(4,), strides=(1,), kind="FloatStorage"):
    """A pickle of one tensor, its parts as given."""

    def number(n):
        return b"\x8a\x09" + n.to_bytes(9, "little", signed=True)

    def numbers(many):
        return b"(" + b"".join(number(n) for n in many) + b"t"

    word = b"X\x01\x00\x00\x00" + key.encode()
    storage = b"(X\x07\x00\x00\x00storagectorch\n" + kind.encode() + b"\n" + word + b"X\x03\x00\x00\x00cpu"
    storage += number(count) + b"tQ"
    rest = number(offset) + numbers(shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)R"
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"tR."


def test_a_tensor_made_by_hand(tmp_path):
    numbers = np.arange(4, dtype="<f4").tobytes()
    path = with_pickle(tmp_path / "a.pt", tensor_program(), **{"data/0": numbers})
    assert read_torch(path).tolist() == [0, 1, 2, 3]
    path = with_pickle(
        tmp_path / "a.pt",
        tensor_program(),
        byteorder=b"big",
        **{"data/0": np.arange(4, dtype=">f4").tobytes()},
    )
    assert read_torch(path).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "parts",
    [
        {"count": 5},
        {"offset": 1},
        {"offset": -1},
        {"shape": (5,)},
        {"shape": (-4,)},
        {"strides": (2,)},
        {"strides": (-1,)},
        {"shape": (2, 2)},
        {"shape": (1 << 60,), "strides": (0,)},
        {"shape": (1 << 30, 1 << 30), "strides": (0, 0)},
        {"shape": (0, 1 << 62, 1 << 62), "strides": (1, 1, 1)},
        {"shape": (1,) * 40, "strides": (1,) * 40},
        {"key": "1"},
        {"kind": "ComplexFloatStorage"},
        {"kind": "load"},
    ],
)
def test_tensors_outside_of_their_numbers(tmp_path, parts):
    numbers = np.arange(4, dtype="<f4").tobytes()
    path = with_pickle(tmp_path / "a.pt", tensor_program(**parts), **{"data/0": numbers})
    with pytest.raises(FormatError):
        read_torch(path)


def test_an_entry_larger_than_the_file(tmp_path):
    path = with_pickle(tmp_path / "a.pt", tensor_program(), **{"data/0": bytes(16)})
    data = bytearray(path.read_bytes())
    record = data.rindex(b"PK\x01\x02")
    data[record + 20 : record + 28] = (1 << 31).to_bytes(4, "little") * 2
    path.write_bytes(data)
    with pytest.raises(FormatError, match="more than its own size"):
        read_torch(path)


def test_damage_is_told(tmp_path):
    """In the archive, where checksums catch most of it, and in the pickle, behind their back."""
    path = tmp_path / "a.pt"
    torch.save({"a": torch.arange(6.0).reshape(2, 3), "names": ("x", "y")}, path)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        inside = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    program = inside.pop("data.pkl")
    refused = 0
    for file, pickled in zip(damaged(whole, 300), damaged(program, 300), strict=True):
        for attempt in (
            lambda data=file: path.write_bytes(data),
            lambda data=pickled: with_pickle(path, data, **inside),
        ):
            attempt()
            try:
                read_torch(path)
            except FormatError:
                refused += 1
    assert refused > 300
