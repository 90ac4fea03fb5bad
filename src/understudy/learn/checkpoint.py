"""Weights in a file: safetensors, with what they are, for which robot, and their configuration as JSON beside them.

A digest covers the tensors and that text, so a file that was damaged on its way is told from one that is whole.
Nothing in a file is ever executed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from understudy.errors import CheckpointError
from understudy.motion.files import atomic_path

VERSION = 1
"""The version of the text beside the tensors. Files of another one are refused."""
STORED = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
"""How matrices may be stored. Vectors (biases, norms, statistics) always keep single precision."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file of weights holds. Floating tensors are in single precision, however they were stored."""

    path: Path
    kind: str
    """What the weights are of: "nmr", …"""
    config: dict[str, Any]
    """What the model is built from, plain JSON."""
    robot: str | None
    """The robot that they are for; None if for none in particular."""
    notes: dict[str, Any]
    """Anything else worth keeping: steps, metrics, data, licence."""
    tensors: dict[str, Tensor]


def save_checkpoint(
    path: str | Path,
    tensors: Mapping[str, Tensor],
    *,
    kind: str,
    config: Mapping[str, Any],
    robot: str | None = None,
    notes: Mapping[str, Any] | None = None,
    stored: str = "float32",
) -> None:
    """Write ``tensors`` (a state dict) to ``path``, or leave what is there untouched.

    ``stored`` is one of STORED: half precision halves the file and rounds the matrices. Raises UnderstudyError if the
    file cannot be written.
    """
    from safetensors.torch import save_file

    kept = {name: _as_stored(tensor, STORED[stored]) for name, tensor in tensors.items()}
    said = {"version": VERSION, "kind": kind, "config": config, "robot": robot, "notes": notes or {}}
    text = json.dumps(said)
    with atomic_path(path) as temporary:
        save_file(kept, temporary, metadata={"understudy": text, "digest": _digest(text, kept)})


def load_checkpoint(path: str | Path, kind: str, robot: str | None = None) -> Checkpoint:
    """Read a checkpoint of a ``kind``, for ``robot`` if one is named.

    Raises CheckpointError if there is no such file, or it is no checkpoint of this package, is damaged, or holds
    another kind, another version, or weights for another robot.
    """
    path = Path(path)
    said, tensors = _read(path)
    if said["version"] != VERSION:
        raise CheckpointError(
            path,
            f"This checkpoint has the format version {said['version']}, and this version of understudy reads "
            f"{VERSION}. Install the version that it was made with, or train it again.",
        )
    if said["kind"] != kind:
        raise CheckpointError(
            path, f"This is a checkpoint of {said['kind']!r}, and one of {kind!r} is needed."
        )
    if robot is not None and said["robot"] not in (None, robot):
        raise CheckpointError(
            path,
            f"These weights are for the robot {said['robot']!r} and do not fit {robot!r}. "
            f"Choose weights for {robot!r}, or train some: understudy learn --help.",
        )
    return Checkpoint(path, said["kind"], said["config"], said["robot"], said["notes"], tensors)


def fill(model: nn.Module, checkpoint: Checkpoint) -> None:
    """Put the tensors of a checkpoint into ``model``. Raises CheckpointError unless names and shapes are its own."""
    fill_from(model, checkpoint.tensors, checkpoint.path)


def fill_from(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """The same from tensors that came out of the file ``path``."""
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wrong = [
        f"{name} {given.get(name, 'missing')} for {own.get(name, 'nothing')}"
        for name in sorted(own | given)
        if own.get(name) != given.get(name)
    ]
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            path,
            f"The weights do not fit the model that they should fill: {'; '.join(wrong[:3])}{more}. "
            "They belong to another configuration.",
        )
    model.load_state_dict(dict(tensors))


def _as_stored(tensor: Tensor, kind: torch.dtype) -> Tensor:
    """On the processor, contiguous, and matrices of floating numbers in the precision ``kind``."""
    matrix = tensor.is_floating_point() and tensor.dim() >= 2
    return tensor.detach().to("cpu", kind if matrix else tensor.dtype).contiguous()


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the text and, by their names' order, the names, kinds, shapes and bytes of all tensors."""
    found = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The text beside the tensors, and the tensors, once their digest is right. Raises CheckpointError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if "understudy" not in metadata or "digest" not in metadata:
                raise CheckpointError(
                    path,
                    "These are tensors, and not a checkpoint of understudy: nothing says what they are of. "
                    "Give a file that `understudy learn` wrote.",
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise CheckpointError(path, f"The file cannot be read ({error.strerror or error}).") from error
    except SafetensorError as error:
        raise CheckpointError(
            path,
            f"This is not a checkpoint, or one that was cut short or damaged ({error}). "
            "Download or copy it again; if it was being trained, the folder's other checkpoint may be whole.",
        ) from error
    if metadata["digest"] != _digest(metadata["understudy"], tensors):
        raise CheckpointError(
            path,
            "The checkpoint is damaged: its contents do not match their digest. Download or copy it again.",
        )
    said = json.loads(metadata["understudy"])
    wide = {n: t.float() if t.is_floating_point() and t.dim() >= 2 else t for n, t in tensors.items()}
    return said, wide
