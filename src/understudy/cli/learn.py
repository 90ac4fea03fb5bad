"""``understudy learn``: what networks learn from, and the networks."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from understudy.cli.learn_export import Export
from understudy.cli.learn_nmr import TrainNMR
from understudy.cli.learn_pairs import MakePairs, ShowPairs
from understudy.cli.learn_refine import RefinePairs


@dataclass(frozen=True)
class Learn:
    """Make what networks learn from, train them, and hand them on."""

    what: (
        Annotated[MakePairs, tyro.conf.subcommand("pairs")]
        | Annotated[ShowPairs, tyro.conf.subcommand("show")]
        | Annotated[RefinePairs, tyro.conf.subcommand("refine-pairs")]
        | Annotated[TrainNMR, tyro.conf.subcommand("nmr")]
        | Annotated[Export, tyro.conf.subcommand("export")]
    )

    def run(self) -> int:
        return self.what.run()
