"""Pickles that try to run code or to fill the memory, and files with damage."""

import pickle
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np


def attacks(canary: Path) -> dict[str, bytes]:
    """Raw pickles by what they try. Those that run code would create the file ``canary``."""
    command = f"touch {canary}".encode()
    text = b"X" + struct.pack("<I", len(command)) + command
    python = f"open({str(canary)!r}, 'w')".encode()
    code = b"X" + struct.pack("<I", len(python)) + python

    def name(module: str, word: str) -> bytes:
        return b"c" + module.encode() + b"\n" + word.encode() + b"\n"

    def short(word: str) -> bytes:
        return b"\x8c" + bytes([len(word)]) + word.encode()

    system = name("os", "system")
    return {
        "os.system": system + b"(" + text + b"tR.",
        "posix.system": name("posix", "system") + text + b"\x85R.",
        "stack global": b"\x80\x04" + short("os") + short("system") + b"\x93" + text + b"\x85R.",
        "eval": name("builtins", "eval") + code + b"\x85R.",
        "python 2 eval": name("__builtin__", "eval") + code + b"\x85R.",
        "dotted name": b"\x80\x04" + short("collections") + short("OrderedDict.__init__") + b"\x93.",
        "dotted module": b"\x80\x04" + short("os.path") + short("os.system") + b"\x93" + text + b"\x85R.",
        "getattr": name("builtins", "getattr") + name("os", "path") + short("join") + b"\x86R.",
        "inst": b"(" + text + b"ios\nsystem\n.",
        "obj": b"(" + system + text + b"o.",
        "newobj": b"\x80\x02" + system + text + b"\x85\x81.",
        "newobj ex": b"\x80\x04" + system + text + b"\x85}\x92.",
        "build on a dict": b"\x80\x02}}" + short("__class__") + system + b"sb.",
        "build on an array class": b"\x80\x02" + name("numpy", "ndarray") + b"}b.",
        "extension": b"\x80\x02\x82\x01.",
        "extension 4": b"\x80\x02\x84\x01\x00\x00\x00.",
        "persistent id": b"P" + command + b"\n.",
        "binary persistent id": b"\x80\x02" + text + b"Q.",
        "call of a text": b"\x80\x02" + text + b")R.",
        "call of a mere name": b"\x80\x02" + name("numpy", "ndarray") + b")R.",
        "a name left over": b"\x80\x02" + name("numpy", "ndarray") + b".",
        "array of objects": pickle.dumps({"fps": np.array([{}], dtype=object)}),
        "array of records": pickle.dumps({"fps": np.zeros(2, "f4,i4")}),
        "subclass of array": name("numpy.core.multiarray", "_reconstruct")
        + system
        + b"K\x00\x85C\x01b\x87R.",
        "numpy's own loader": name("numpy", "load") + text + b"\x85R.",
        "a file as memory": name("numpy", "memmap") + text + b"\x85R.",
        "torch's loader": name("torch", "load") + text + b"\x85R.",
        "a set": pickle.dumps({"fps": {1}}),
        "a class": pickle.dumps(Path),
    }


def bombs() -> dict[str, bytes]:
    """Raw pickles that claim, or would become, more than any memory holds."""
    huge = struct.pack("<Q", 1 << 46)
    array = b"\x80\x04cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R("
    shape = b"\x8a\x06\x00\x00\x00\x00\x00\x10\x8a\x06\x00\x00\x00\x00\x00\x10\x86"
    dtype = b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R"
    doubled = b"\x80\x02K\x01" + b"2\x86" * 60
    return {
        "memo": b"\x80\x02Nr\xff\xff\xff\x7f.",
        "bytes": b"\x80\x04\x8e" + huge + b"abc.",
        "bytearray": b"\x80\x05\x96" + huge + b"abc.",
        "text": b"\x80\x04\x8d" + huge + b"abc.",
        "frame": b"\x80\x04\x95" + huge + b"N.",
        "array": array + b"K\x01" + shape + dtype + b"\x89C\x08abcdefghtb.",
        "placeholder": b"\x80\x04cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        + shape
        + b"C\x01b\x87R.",
        "key of doubled tuples": b"\x80\x02}" + doubled[2:] + b"Ns.",
        "pairs of doubled tuples": b"ccollections\nOrderedDict\n]" + doubled[2:] + b"N\x86a\x85R.",
        "deep lists": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        "a list in itself": b"\x80\x02]q\x00h\x00a.",
        "text of digits": b"I" + b"9" * 1_000_000 + b"\n.",
    }


def damaged(whole: bytes, count: int) -> Iterator[bytes]:
    """Copies of a file cut short, with bytes changed, doubled or left out; the same ones every time."""
    rng = np.random.default_rng(0)
    for trial in range(count):
        data = bytearray(whole)
        a, b = sorted(rng.integers(0, len(data), 2))
        match trial % 5:
            case 0:
                data = data[: max(1, b)]
            case 1:
                del data[a : min(b, a + 40)]
            case 2:
                data[a:a] = data[b : b + 20]
            case _:
                for at in rng.integers(0, len(data), 1 + trial % 7):
                    data[at] = rng.integers(256)
        yield bytes(data)
