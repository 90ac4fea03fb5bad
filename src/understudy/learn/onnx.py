"""A network as an ONNX file, for programs that have no torch."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from understudy.errors import MissingExtra
from understudy.motion.files import atomic_path


def export_onnx(
    model: nn.Module,
    path: str | Path,
    example: Tensor,
    *,
    names: tuple[str, str] = ("human", "robot"),
    opset: int = 17,
) -> None:
    """Write ``model``, from one (batch, time, f_in) array to another, with any batch and any time, to ``path``.

    ``example`` is an input to trace it with; ``names`` are those of input and output. Weights stay in single precision.
    Raises MissingExtra without the package onnx, and UnderstudyError if the file cannot be written.
    """
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtra("onnx", "Writing ONNX", "pip install onnx") from error
    free = {0: "batch", 1: "time"}
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # The exporter that does without onnxscript is deprecated, and warns of each Python question about a shape.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # pyright: ignore[reportPrivateImportUsage]
        torch.onnx.export(
            model.eval(),
            (example,),
            str(temporary),
            dynamo=False,
            opset_version=opset,
            input_names=[names[0]],
            output_names=[names[1]],
            dynamic_axes=dict.fromkeys(names, free),
        )
