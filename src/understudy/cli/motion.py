"""``understudy motion``: what is in a motion file, and the same motion as another file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from understudy.cli.console import out, print_json
from understudy.cli.inputs import refuse_overwriting
from understudy.cli.options import Name, Rate, Reading, Seconds, expect, load_any
from understudy.errors import UnderstudyError

if TYPE_CHECKING:
    from understudy.motion.types import HumanMotion, RobotMotion

Json = Annotated[bool, tyro.conf.FlagCreatePairsOff]
File = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]


@dataclass(frozen=True)
class Info:
    """Say what is in a motion file: the body, the length, what was inferred, and how the clip was made."""

    file: File
    """A human's or a robot's motion."""
    reading: Reading = field(default_factory=Reading)
    format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The file's format, where its name does not settle it."""
    robot: Name = None
    """The robot whose joints a file without names holds."""
    json: Json = False
    """Print one JSON document instead of text."""

    def run(self) -> int:
        clip = load_any(self.file, format=self.format, reading=self.reading, robot=self.robot)
        facts = {"file": self.file, **describe(clip)}
        if self.json:
            print_json(facts)
        else:
            _print(facts)
        return 0


@dataclass(frozen=True)
class Convert:
    """Write a motion in another format, at another frame rate, or with a blend from and to home."""

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="IN")]
    """The motion to read."""
    target: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """The file to write; its ending chooses the format, unless --as does."""
    reading: Reading = field(default_factory=Reading)
    source_format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of IN, where its name does not settle it."""
    target_format: Annotated[str | None, tyro.conf.arg(name="as", metavar="FORMAT")] = None
    """The format of OUT, where its name does not settle it."""
    robot: Name = None
    """The robot whose joints a file without names holds."""
    start: Seconds = None
    """Begin here (s)."""
    end: Seconds = None
    """End here (s)."""
    fps: Rate = None
    """Resample to exactly this frame rate; a remainder shorter than a frame is dropped."""
    blend_home: Seconds = None
    """Seconds of blend from and to the robot's home stance (robot motions only)."""

    def run(self) -> int:
        from understudy import motion

        refuse_overwriting(Path(self.source), self.target)
        clip = load_any(
            self.source,
            format=self.source_format,
            reading=self.reading,
            robot=self.robot,
            start=self.start,
            end=self.end,
        )
        if self.fps is not None:
            clip = motion.sample_every(clip, self.fps)
        if self.blend_home is not None:
            clip = self._blended(clip, self.blend_home)
        write(clip, self.target, self.target_format)
        out().print(f"{self.target}: {clip.duration:.2f} s of motion", markup=False, soft_wrap=True)
        return 0

    def _blended(self, clip: "HumanMotion | RobotMotion", seconds: float) -> "RobotMotion":
        from understudy import motion, robots
        from understudy.motion.types import RobotMotion

        clip = expect(clip, RobotMotion, self.source)
        robot = robots.load(clip.robot)
        if robot.joints != clip.joints:
            raise UnderstudyError(f"{self.source} has other joints than {robot.name}; its home does not fit.")
        return motion.blend_home(clip, robot.home, seconds)


@dataclass(frozen=True)
class Motion:
    """Look into motion files and convert them."""

    what: Annotated[Info, tyro.conf.subcommand("info")] | Annotated[Convert, tyro.conf.subcommand("convert")]

    def run(self) -> int:
        return self.what.run()


def write(clip: "HumanMotion | RobotMotion", target: Path, format: str | None) -> None:
    """Save a motion, with the poses of its bodies where the format asks for them."""
    from understudy import motion
    from understudy.motion import formats
    from understudy.motion.types import RobotMotion

    options: dict[str, Any] = {}
    if format is not None and "bodies" in formats.options(format, "write") and isinstance(clip, RobotMotion):
        from understudy import kinematics, robots
        from understudy.motion.formats import mjlab_npz

        clip = motion.sample_every(clip, mjlab_npz.FPS)
        options["bodies"] = kinematics.body_tracks(robots.load(clip.robot), clip)
    motion.save(clip, target, format=format, **options)


def describe(clip: "HumanMotion | RobotMotion") -> dict[str, Any]:
    """Everything worth knowing about a clip, as plain values."""
    from understudy.motion import info
    from understudy.motion.types import HumanMotion

    facts: dict[str, Any] = {
        "kind": "human" if isinstance(clip, HumanMotion) else "robot",
        "fps": clip.fps,
        "frames": clip.frames,
        "duration": clip.duration,
        "tracks": {name: list(values.shape) for name, values in clip.tracks.items()},
        "source": clip.origin.source,
        "licence": clip.origin.licence,
        "texts": list(clip.origin.texts),
        "inferred": dict(clip.origin.inferred),
        "history": [dict(step) for step in clip.origin.history],
        "certificate": clip.origin.certificate,
    }
    if isinstance(clip, HumanMotion):
        facts["skeleton"] = clip.skeleton.name
        facts["joints"] = list(clip.skeleton.joints)
        marks = clip.skeleton.landmarks
        facts["landmarks"] = {
            name: clip.skeleton.joints[carrier]
            for name, carrier in zip(marks.names, marks.carriers, strict=True)
        }
        if set(marks.names) >= set(info.SIZED_BY):
            found = info.describe(clip)
            facts |= {key: getattr(found, key) for key in ("stature", "leg_length", "floor")}
            facts["landmarks"] = dict(found.landmarks)
    else:
        facts["robot"] = clip.robot
        facts["joints"] = list(clip.joints)
    return facts


def _print(facts: dict[str, Any]) -> None:
    console = out()
    body = facts.get("skeleton") or facts.get("robot")

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    say(f"{facts['file']}: {facts['kind']}, {body}, {len(facts['joints'])} joints")
    say(f"{facts['frames']} frames at {facts['fps']:g} fps, {facts['duration']:.2f} s")
    if "stature" in facts:
        sizes = f"stature {facts['stature']:.2f} m, legs {facts['leg_length']:.2f} m"
        say(f"{sizes}, floor at {facts['floor']:+.3f} m")
    for key in ("source", "licence"):
        if facts[key]:
            say(f"{key}: {facts[key]}")
    for name, why in facts["inferred"].items():
        say(f"inferred {name}: {why}")
    if "landmarks" in facts:
        say("landmarks: " + ", ".join(f"{name} = {joint}" for name, joint in facts["landmarks"].items()))
    else:
        say("joints: " + ", ".join(facts["joints"]))
    for name, shape in facts["tracks"].items():
        say(f"track {name}: {' x '.join(map(str, shape))}")
    for step in facts["history"]:
        details = ", ".join(f"{k} {v}" for k, v in step.items() if k != "arrow" and not isinstance(v, dict))
        say(f"made by {step['arrow']}" + (f" ({details})" if details else ""))
    if facts["certificate"]:
        say(f"certificate: {'passed' if facts['certificate']['passed'] else 'not passed'}")
