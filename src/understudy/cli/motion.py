"""``understudy motion``: what is in a motion file; making others of it is in ``convert``."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from understudy.cli.console import out, print_json
from understudy.cli.convert import Convert, Cut, Join, Mirror
from understudy.cli.options import Name, Reading, load_any

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
class Motion:
    """Look into motion files, and make others of them: converted, cut, mirrored, joined."""

    what: (
        Annotated[Info, tyro.conf.subcommand("info")]
        | Annotated[Convert, tyro.conf.subcommand("convert")]
        | Annotated[Cut, tyro.conf.subcommand("cut")]
        | Annotated[Mirror, tyro.conf.subcommand("mirror")]
        | Annotated[Join, tyro.conf.subcommand("join")]
    )

    def run(self) -> int:
        return self.what.run()


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
