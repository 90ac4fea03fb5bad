"""Do the robot's real shapes touch? Self-collision on the convex hulls of its maker's meshes, pair by pair.

python -m benchmarks.hulls --methods sequence-fit frame-ik gmr-like --clips full

The package keeps bodies apart by capsules that were fitted to these hulls. Where hulls touch and capsules do not, the
capsules are at fault, and the table says which one falls short, where, and by how much.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import tyro  # noqa: E402

from benchmarks import clips  # noqa: E402
from benchmarks.hull_contacts import DEPTHS, Hulls, Primitives, hull_file, measured, pooled  # noqa: E402
from benchmarks.pages import number, table  # noqa: E402
from understudy import retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError, UnknownName  # noqa: E402
from understudy.evaluate.benchmark import BREAKS  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

SHOWN = 10
"""Pairs, and clips, named for each method."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Count contacts of a robot's meshes in retargeted clips; writes hulls.md and hulls.json."""

    methods: tuple[str, ...] = ("sequence-fit", "frame-ik", "gmr-like")
    clips: str = "full"
    """`full` (the test split), `quick`, or a file with one clip a line."""
    fps: float = 30.0
    robot: str = "unitree_g1"
    meshes: Path | None = None
    """The robot's model file with meshes; by default that of the mjlab package, installed or unpacked where
    UNDERSTUDY_MJLAB points."""
    corpus: Path | None = None
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    robot = robots.load(options.robot)
    for name in options.methods:
        if name not in retarget.METHODS:
            raise UnknownName("method", name, retarget.METHODS)
    file, origin = hull_file(options.robot, options.meshes)
    hulls, primitives = Hulls(robot, file), Primitives.of(robot)
    methods = {name: retarget.METHODS[name](robot) for name in options.methods}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in methods}
    lost, unread = dict.fromkeys(methods, 0), []
    for clip in clips.chosen(options.clips, clips.corpus_folder(options.corpus), options.fps):
        try:
            human = clip.load()
        except (UnderstudyError, OSError) as error:
            unread.append({"clip": clip.name, "error": str(error)})
            continue
        print(clip.name, file=sys.stderr)
        for name, method in methods.items():
            try:
                [motion] = method([human])
            except BREAKS as problem:
                print(f"{name} failed: {problem}", file=sys.stderr)
                lost[name] += human.frames
                continue
            found[name].append({"clip": clip.name, **measured(hulls, primitives, motion)})
    if not any(found.values()):
        raise UnderstudyError("No clip of the list could be read and retargeted.")
    listed = options.clips if options.clips in ("full", "quick") else "LIST"
    facts = machine.facts(f"python -m benchmarks.hulls --methods {' '.join(methods)} --clips {listed}")
    document = {
        "facts": {**facts, "meshes": origin},
        "fps": options.fps,
        "unread": unread,
        "at_rest": {" and ".join(pair): 1e3 * depth for pair, depth in hulls.at_rest.items()},
        "methods": {
            name: pooled(found[name], lost[name]) | {"worst_clips": worst_clips(found[name])}
            for name in methods
        },
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "hulls.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "hulls.md").write_text(page(document, robot), encoding="utf-8")
    print(options.out / "hulls.md")
    return 0


def worst_clips(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """Clips with the most frames in contact: name, such frames, all frames."""
    rows = [
        (f["clip"], len({t["frame"] for t in f["touches"] if not t["hands"]}), f["frames"]) for f in found
    ]
    return sorted((row for row in rows if row[1]), key=lambda row: -row[1])[:SHOWN]


def page(document: Mapping[str, Any], robot: Robot) -> str:
    """The page, in Markdown."""
    methods = document["methods"]
    harmless = ", ".join(" and ".join(pair) for pair in sorted(map(sorted, robot.harmless_contacts)))
    rest = ", ".join(f"{pair} ({depth:.1f} mm)" for pair, depth in document["at_rest"].items())
    depths = [f"{1e3 * d:g}" for d in DEPTHS]
    head = (
        "method",
        "frames",
        *(f"> {d} mm, %" for d in depths),
        "with hands, > 0 mm, %",
        "capsules, > 0 mm, %",
    )
    rows = [
        (
            f"`{name}`",
            f"{m['frames']:,}",
            *(number(m["hulls"][d]) for d in depths),
            number(m["with_hands"]["0"]),
            number(m["primitives"]),
        )
        for name, m in methods.items()
    ]
    words = (
        "Share of frames in which the convex hull of a mesh overlaps that of another body, by MuJoCo's collision "
        "detection. Left out, as with the package's capsules: bodies adjacent in the tree, hands (counted in a column "
        f"of their own), and contacts that are there by construction ({harmless}). Other pairs that overlap at rest "
        f"(home stance, T-pose, joints at zero), which count all the same: {rest or 'none'}. Frames of clips that a "
        "method failed count as bad."
    )
    parts = ["# Self-collision on the hulls of the meshes", words, table(("", ""), document["facts"].items())]
    parts.append(table(head, rows))
    parts += [_pairs(name, m) for name, m in methods.items()]
    if document["unread"]:
        parts.append("Not read: " + ", ".join(f"`{clip['clip']}`" for clip in document["unread"]) + ".")
    return "\n\n".join(parts) + "\n"


def _pairs(name: str, method: Mapping[str, Any]) -> str:
    head = ("pair", "frames", "%", "> 1 mm", "deepest mm", "capsules apart", "by mm", "hulls stick out of")
    rows = [
        (
            " and ".join(p["pair"]),
            str(p["touches"]),
            number(p["share"]),
            str(p["deeper_than_1mm"]),
            number(p["deepest_mm"]),
            str(p["capsules_apart"]),
            number(p["gap_mm"]),
            "; ".join(_said(short) for short in p["short"][:3]) or "–",
        )
        for p in method["pairs"][:SHOWN]
    ]
    words = (
        "Pairs and their mirror images together; *other* is the other side's. *Capsules apart*: in so many of these "
        "frames the capsules of the two bodies do not touch; *by*: the median of their distance then. "
        "The last column names the capsule nearest to where a hull reaches deepest, how far the hull sticks out of it "
        "there (median, most), and where, in the frame of its body (m)."
    )
    clips_said = "; ".join(f"`{clip}` {bad} of {frames}" for clip, bad, frames in method["worst_clips"])
    parts = (f"## Pairs that touch under `{name}`", words, table(head, rows))
    return "\n\n".join((*parts, f"Clips with the most such frames: {clips_said or 'none'}."))


def _said(short: Mapping[str, Any]) -> str:
    if not short["capsule"]:
        return f"a body without capsules, {short['touches']} times"
    at = " ".join(f"{x:g}" for x in short["at"])
    return f"{short['capsule']} {short['median_mm']:.1f}, {short['most_mm']:.1f} mm at ({at})"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
