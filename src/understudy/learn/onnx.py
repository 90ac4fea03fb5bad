"""A network as an ONNX file, for programs that have no torch."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from understudy.errors import MissingExtra
from understudy.motion.files import atomic_path


def export_onnx(
    model: nn.Module,
    path: str | Path,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    *,
    opset: int = 17,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write ``model`` to ``path``, for any batch and any time: the first two axes of what goes in and out.

    ``inputs`` are examples to trace it with, by name and in order; ``notes`` go into the file's metadata. Weights stay
    in single precision. Raises MissingExtra without the package onnx, and UnderstudyError if the file cannot be
    written.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("onnx", "Writing ONNX", "pip install onnx") from error
    axes = {name: {0: "batch", 1: "time"} for name in outputs}
    axes |= {name: dict(enumerate(("batch", "time")[: value.ndim])) for name, value in inputs.items()}
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # The exporter that does without onnxscript is deprecated, and warns of each Python question about a shape.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # pyright: ignore[reportPrivateImportUsage]
        torch.onnx.export(
            model.eval(),
            tuple(inputs.values()),
            str(temporary),
            dynamo=False,
            opset_version=opset,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
        )
        made = onnx.load(str(temporary))
        for key, value in (notes or {}).items():
            made.metadata_props.add(key=key, value=value)
        onnx.save(made, str(temporary))
