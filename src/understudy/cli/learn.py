"""``understudy learn``: what networks learn from, and the networks."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from understudy.cli.learn_pairs import MakePairs, ShowPairs


@dataclass(frozen=True)
class Learn:
    """Make what networks learn from."""

    what: (
        Annotated[MakePairs, tyro.conf.subcommand("pairs")]
        | Annotated[ShowPairs, tyro.conf.subcommand("show")]
    )

    def run(self) -> int:
        return self.what.run()
