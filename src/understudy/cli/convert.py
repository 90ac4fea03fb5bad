"""``understudy motion convert | cut | mirror | join``: motions in, the same motions in another shape out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from understudy.cli.console import complain, out, progress_bar
from understudy.cli.inputs import Plan, make_folder, plan, refuse_overwriting
from understudy.cli.options import Inputs, Name, Rate, Reading, Seconds, expect, load_any
from understudy.errors import UnderstudyError

if TYPE_CHECKING:
    from understudy.motion.types import HumanMotion, RobotMotion

    Clip = HumanMotion | RobotMotion

Out = Annotated[Path | None, tyro.conf.arg(metavar="OUT")]
Format = Annotated[str | None, tyro.conf.arg(name="as", metavar="FORMAT")]


@dataclass(frozen=True)
class Source:
    """How the files are read."""

    reading: Reading = field(default_factory=Reading)
    format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of what is read, where its name does not settle it."""
    robot: Name = None
    """The robot whose joints a file without names holds: a name, or a robot folder."""

    def load(self, path: str | Path, start: float | None = None, end: float | None = None) -> "Clip":
        return load_any(
            path, format=self.format, reading=self.reading, robot=self.robot, start=start, end=end
        )


@dataclass(frozen=True)
class Convert:
    """Write motions in another format, at another frame rate, or with a blend from and to home.

    `convert IN OUT` makes one file. With --out, files, patterns and folders are converted, the structure of folders is
    kept, and a clip that fails does not stop the others; the exit code then is 1. `--as lerobot` makes one dataset of
    all of them, and so does `--as protomotions-pt` if OUT ends in .pt.
    """

    files: Inputs
    """IN OUT, or with --out anything to be read."""
    out: Out = None
    """A file for one motion, or a folder."""
    target_format: Format = None
    """The format to write, where the ending of OUT does not settle it (folders: the project's own)."""
    source: Source = field(default_factory=Source)
    start: Seconds = None
    """Begin here (s)."""
    end: Seconds = None
    """End here (s)."""
    fps: Rate = None
    """Resample to exactly this frame rate; a remainder shorter than a frame is dropped."""
    blend_home: Seconds = None
    """Seconds of blend from and to the robot's home stance (robot motions only)."""

    def run(self) -> int:
        if self.out is None:
            source, target = _in_and_out(self.files, "convert")
            return _one(source, target, self._made, self.target_format, self.source.robot)
        ending = _ending(self.target_format)
        made = plan(self.files, self.out, ending, ("human", "robot"))
        if made.single:
            return _one(made.tasks[0].source, self.out, self._made, self.target_format, self.source.robot)
        library = self.target_format == "protomotions-pt" and self.out.suffix.lower() == ending
        if library or self.target_format == "lerobot":
            return _together(made, self.out, self._made, str(self.target_format), self.source.robot)
        return _many(made, self.out, self._made, self.target_format, self.source.robot)

    def _made(self, path: Path) -> "Clip":
        from understudy import motion

        clip = self.source.load(path, self.start, self.end)
        if self.fps is not None:
            clip = motion.sample_every(clip, self.fps)
        if self.blend_home is not None:
            clip = self._blended(clip, path, self.blend_home)
        return clip

    def _blended(self, clip: "Clip", path: Path, seconds: float) -> "RobotMotion":
        from understudy import robots
        from understudy.kinematics import clips
        from understudy.motion.types import RobotMotion

        clip = expect(clip, RobotMotion, path)
        return clips.blend_home(clip, seconds, robots.load(self.source.robot or clip.robot))


@dataclass(frozen=True)
class Cut:
    """Keep the part of a motion between two instants."""

    files: Inputs
    """IN OUT."""
    start: Seconds = None
    """Begin here (s); from the beginning if not given."""
    end: Seconds = None
    """End here (s); to the end if not given."""
    target_format: Format = None
    """The format of OUT, where its name does not settle it."""
    source: Source = field(default_factory=Source)

    def run(self) -> int:
        source, target = _in_and_out(self.files, "cut")
        if self.start is None and self.end is None:
            raise UnderstudyError("Where to cut? Give --start, --end or both, in seconds.")
        made = lambda path: self.source.load(path, self.start, self.end)  # noqa: E731
        return _one(source, target, made, self.target_format, self.source.robot)


@dataclass(frozen=True)
class Mirror:
    """Exchange left and right of a motion."""

    files: Inputs
    """IN OUT."""
    target_format: Format = None
    """The format of OUT, where its name does not settle it."""
    source: Source = field(default_factory=Source)

    def run(self) -> int:
        source, target = _in_and_out(self.files, "mirror")
        return _one(source, target, self._made, self.target_format, self.source.robot)

    def _made(self, path: Path) -> "Clip":
        from understudy import motion, robots
        from understudy.motion.types import HumanMotion

        clip = self.source.load(path)
        if isinstance(clip, HumanMotion):
            return motion.mirror(clip)
        return motion.mirror_robot(clip, *robots.load(self.source.robot or clip.robot).mirror)


@dataclass(frozen=True)
class Join:
    """Play motions of one body after another, each moved and turned to where the one before it ends."""

    files: Inputs
    """The motions, in their order."""
    out: Path
    """The file to write."""
    blend: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 0.3
    """How long each clip fades into the next."""
    target_format: Format = None
    """The format to write, where the ending of --out does not settle it."""
    source: Source = field(default_factory=Source)

    def run(self) -> int:
        if len(self.files) < 2:
            raise UnderstudyError("Joining takes at least two motions.")
        for file in self.files:
            refuse_overwriting(Path(file), self.out)
        return _one(Path(self.files[0]), self.out, self._made, self.target_format, self.source.robot)

    def _made(self, path: Path) -> "Clip":
        from understudy import motion

        clip = self.source.load(path)
        for file in self.files[1:]:
            clip = motion.join(clip, self.source.load(file), self.blend)
        return clip


def _in_and_out(files: tuple[str, ...], verb: str) -> tuple[Path, Path]:
    if len(files) != 2:
        raise UnderstudyError(
            f"`understudy motion {verb}` takes what to read and what to write, two names; {len(files)} given."
            + (" Several motions need --out FOLDER." if verb == "convert" else "")
        )
    return Path(files[0]), Path(files[1])


def _ending(format: str | None) -> str:
    """What files of a format end in; nothing for a format that is a folder."""
    from understudy.errors import UnknownName
    from understudy.motion.formats.registry import FOLDER, FORMATS

    name = "native" if format is None else format
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    suffix = FORMATS[name].suffixes[0]
    return "" if suffix == FOLDER else suffix


def _one(
    source: Path, target: Path, made: "Callable[[Path], Clip]", format: str | None, robot: str | None
) -> int:
    from understudy.kinematics import clips

    refuse_overwriting(source, target)
    clip = made(source)
    clips.save(clip, target, format=format, robot=robot)
    out().print(f"{target}: {clip.duration:.2f} s of motion", markup=False, soft_wrap=True)
    return 0


def _many(
    job: Plan, folder: Path, made: "Callable[[Path], Clip]", format: str | None, robot: str | None
) -> int:
    from understudy.kinematics import clips

    seconds, failed = 0.0, 0
    with progress_bar() as progress:
        for task in progress.track(job.tasks, description="converting"):
            try:
                clip = made(task.source)
                make_folder(task.target.parent)
                clips.save(clip, task.target, format=format or "native", robot=robot)
            except UnderstudyError as error:
                failed += 1
                complain(str(error))
            else:
                seconds += clip.duration
    done = len(job.tasks) - failed
    out().print(f"{folder}: {done} motions, {seconds:.2f} s; {failed} failed", markup=False, soft_wrap=True)
    return 1 if failed else 0


def _together(job: Plan, target: Path, made: "Callable[[Path], Clip]", format: str, robot: str | None) -> int:
    """Many motions into one dataset. One that cannot be read ends it, lest episodes be missing unnoticed."""
    from understudy.kinematics import clips

    with progress_bar() as progress:
        read = [made(task.source) for task in progress.track(job.tasks, description="reading")]
    clips.save_together(read, target, format, robot)
    seconds = sum(clip.duration for clip in read)
    out().print(f"{target}: {len(read)} episodes, {seconds:.2f} s", markup=False, soft_wrap=True)
    return 0
