"""The command ``understudy``: one verb for each room."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

import understudy
from understudy.cli.console import complain
from understudy.cli.curate import Curate
from understudy.cli.demo import Demo
from understudy.cli.evaluate import Evaluate
from understudy.cli.learn import Learn
from understudy.cli.motion import Motion
from understudy.cli.physics import Physics
from understudy.cli.retarget import Retarget
from understudy.cli.robots import Robots
from understudy.cli.view import View
from understudy.errors import UnderstudyError

Verb = (
    Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Retarget, tyro.conf.subcommand("retarget")]
    | Annotated[Curate, tyro.conf.subcommand("curate")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Physics, tyro.conf.subcommand("physics")]
    | Annotated[Learn, tyro.conf.subcommand("learn")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Motion, tyro.conf.subcommand("motion")]
    | Annotated[Robots, tyro.conf.subcommand("robots")]
)
ABOUT = (
    "Human motion in, motion a humanoid robot can really perform out, with the proof beside it. "
    "Positional arguments are motions; everything else is an option. Try `understudy demo --out out/demo`. "
    "`--version` prints the version; `--debug`, anywhere, shows the traceback of an error."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 some inputs failed, 2 nothing could be done."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if words == ["--version"]:
        sys.stdout.write(f"understudy {understudy.__version__}\n")
        return 0
    verb = tyro.cli(
        Verb,
        prog="understudy",
        description=ABOUT,
        args=words,
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    try:
        return verb.run()
    except UnderstudyError as error:
        if debug:
            raise
        complain(str(error))
        return 2
    except BrokenPipeError:
        # The reader of a pipe (head, less) has seen enough; Python must not complain about it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if debug:
            raise
        complain(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
        return 2
    except KeyboardInterrupt:
        complain("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
