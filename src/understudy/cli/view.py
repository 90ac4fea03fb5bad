"""``understudy view``: motions as a page in the browser, a film, or a sheet of moments."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from understudy.cli.console import err, keep_open, out, progress_bar
from understudy.cli.options import Inputs, Name, Reading, load_any
from understudy.errors import UnderstudyError

if TYPE_CHECKING:
    from understudy.motion.types import HumanMotion, RobotMotion
    from understudy.view.pictures import Drawn


@dataclass(frozen=True)
class View:
    """Show motions side by side on one clock: in the browser, or as a film or a sheet if asked for one."""

    files: Inputs
    """Human and robot motions."""
    reading: Reading = field(default_factory=Reading)
    robot: Name = None
    """The robot whose joints a file without names holds."""
    format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of all files, where their names do not settle it."""
    video: Path | None = None
    """Write an mp4 film here."""
    sheet: Path | None = None
    """Write a picture of moments (png) here."""
    renderer: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """What draws films and sheets: egl, osmesa or software; the best one that works, if none is named."""
    port: int = 8080
    """Where to begin looking for a free port for the page."""

    def run(self) -> int:
        from understudy import view
        from understudy.motion.files import check_target

        if not self.files:
            raise UnderstudyError("Nothing to view: give one or more motion files.")
        for target in (self.sheet, self.video):
            if target is not None:
                check_target(target)
        clips = [
            load_any(file, format=self.format, reading=self.reading, robot=self.robot) for file in self.files
        ]
        if self.video is None and self.sheet is None:
            return self._play(clips)
        human, robot_motion = _pair(clips)
        if self.sheet is not None:
            drawn = view.sheet(self.sheet, human, robot_motion, renderer=self.renderer)
            note(drawn)
            out().print(str(self.sheet), markup=False, soft_wrap=True)
        if self.video is not None:
            note(film(self.video, human, robot_motion, self.renderer))
            out().print(str(self.video), markup=False, soft_wrap=True)
        return 0

    def _play(self, clips: "list[HumanMotion | RobotMotion]") -> int:
        """Open the page and keep it."""
        from understudy import view

        player = view.show(*clips, port=self.port, block=False)
        keep_open(player, "the motions")
        return 0


def note(drawn: "Drawn") -> None:
    """Say on stderr what would make pictures nicer, if anything would."""
    if drawn.note is not None:
        err().print(f"note: {drawn.note}", markup=False, soft_wrap=True)


def film(
    path: Path,
    human: "HumanMotion | None",
    robot_motion: "RobotMotion | None",
    renderer: str | None = None,
) -> "Drawn":
    """Write a film, with a progress bar."""
    from understudy import view

    with progress_bar() as bar:
        task = bar.add_task(path.name, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return view.video(path, human, robot_motion, renderer=renderer, progress=show)


def _pair(
    clips: "list[HumanMotion | RobotMotion]",
) -> "tuple[HumanMotion | None, RobotMotion | None]":
    """The first human and the first robot. Raises UnderstudyError if some clip would be left out."""
    from understudy.motion.types import HumanMotion, RobotMotion

    humans = [clip for clip in clips if isinstance(clip, HumanMotion)]
    robots = [clip for clip in clips if isinstance(clip, RobotMotion)]
    if len(humans) > 1 or len(robots) > 1:
        raise UnderstudyError(
            f"A film or sheet shows one human and one robot; {len(humans)} humans' and {len(robots)} robots' "
            "motions were given. The page in the browser (no --video, no --sheet) shows them all."
        )
    return (humans or [None])[0], (robots or [None])[0]
