"""``understudy learn export``: a network for programs that have no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from understudy.cli.console import out


@dataclass(frozen=True)
class Export:
    """Write a neural retargeter as ONNX: landmarks of a human in, the robot's motion out.

    Inputs: `pos` (batch, time, 23, 3), world positions of the landmarks in metres over a floor at z = 0; `quat`
    (batch, time, 23, 4), their orientations, wxyz; `size` (batch), the length of the legs in metres. Outputs:
    `root_pos`, `root_quat` and `joint_pos`. 30 frames a second, in multiples of four; any batch, any time. The names
    of landmarks and joints are in the file's metadata.
    """

    checkpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """What `understudy learn nmr` made, or the name of a shipped one, such as nmr_unitree_g1."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """The file to write, .onnx."""

    def run(self) -> int:
        from understudy.retarget.nmr_files import export_nmr

        export_nmr(self.checkpoint, self.out)
        out().print(f"{self.out}: {self.out.stat().st_size / 1e6:.1f} MB", markup=False, soft_wrap=True)
        return 0
