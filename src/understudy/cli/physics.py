"""``understudy physics``: what a simulated robot makes of motions."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from understudy.cli.physics_evaluate import EvaluateRollouts
from understudy.cli.physics_play import Play
from understudy.cli.physics_refine import Refine


@dataclass(frozen=True)
class Physics:
    """Let a simulated robot perform motions, measure its performances, and watch them."""

    what: (
        Annotated[Refine, tyro.conf.subcommand("refine")]
        | Annotated[EvaluateRollouts, tyro.conf.subcommand("evaluate")]
        | Annotated[Play, tyro.conf.subcommand("play")]
    )

    def run(self) -> int:
        return self.what.run()
