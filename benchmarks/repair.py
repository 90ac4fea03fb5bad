"""What it takes to make robot motions pass the certificate: before and after ``retarget.repair``, and how far apart.

python -m benchmarks.repair

Outputs of the methods on the test split, and the robot motions of the corpus that others made: ASAP, TWIST2, Kimodo,
ProtoMotions, and GMR's own on three acrobatic clips.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Iterator, Mapping, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import tyro  # noqa: E402

from benchmarks import clips  # noqa: E402
from benchmarks.pages import number, table  # noqa: E402
from understudy import evaluate, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError, UnknownName  # noqa: E402
from understudy.evaluate.benchmark import BREAKS  # noqa: E402
from understudy.kinematics.clips import load  # noqa: E402
from understudy.motion import HumanMotion, RobotMotion  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402
from understudy.rotations import quat_angle  # noqa: E402

PROTOMOTIONS = "format_samples/protomotions/"
FOREIGN: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "ASAP": (("permissive/asap_g1_23dof/*.pkl",), {}),
    "TWIST2": (("format_samples/twist2_g1/**/*.pkl",), {}),
    "Kimodo": (("format_samples/kimodo/kimodo-g1-rp/**/*.npz",), {}),
    "Kimodo, csv": ((PROTOMOTIONS + "data/g1-kimodo-generated/*.csv",), {"format": "kimodo-csv"}),
    "ProtoMotions": ((PROTOMOTIONS + "g1_*.motion", PROTOMOTIONS + "**/proto-g1/*.motion"), {}),
    "GMR": (("gmr_reference/*.npz",), {}),
}
"""Robot motions of the corpus: where they lie, and what their reader must be told beside the robot."""
MEASURED = ("jerk_mean", "flat_skating", "self_collision", "floor_penetration", "near_limit_0.05")
ENOUGH = 0.05
"""The mean joint change (rad) that a repair may take."""
Repair = Callable[[RobotMotion], RobotMotion]


@dataclasses.dataclass(frozen=True)
class Options:
    """Repair robot motions and certify them before and after; writes repair.md and repair.json."""

    methods: tuple[str, ...] = ("gmr-like", "frame-ik")
    """Whose outputs on the clips are repaired."""
    clips: str = "full"
    """`full` (the test split), `quick`, or a file with one clip a line."""
    foreign: bool = True
    """The robot motions of the corpus, too."""
    fps: float = 30.0
    robot: str = "unitree_g1"
    corpus: Path | None = None
    out: Path = Path("docs/results")


@dataclasses.dataclass(frozen=True)
class Case:
    """A motion to repair: whose it is, its name in tables, and the human it was made from, where that is at hand."""

    source: str
    name: str
    motion: RobotMotion
    human: HumanMotion | None = None


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    corpus, robot = clips.corpus_folder(options.corpus), robots.load(options.robot)
    for name in options.methods:
        if name not in retarget.METHODS:
            raise UnknownName("method", name, retarget.METHODS)
    found: Repair | None = getattr(retarget, "repair", None)
    if found is None:
        raise UnderstudyError("This version of the package has no retarget.repair.")
    rows, unread = [], dict[str, str]()
    for case in _cases(options, corpus, robot, unread):
        rows.append({"source": case.source, "name": case.name, **measured(case, robot, found)})
        print(f"{case.source}  {case.name}  {_verdict(rows[-1])}", file=sys.stderr)
    if not rows:
        raise UnderstudyError("There is no motion to repair.")
    document = {
        "facts": machine.facts(_command(options)),
        "unread": unread,
        "sources": [
            pooled(s, [r for r in rows if r["source"] == s]) for s in dict.fromkeys(r["source"] for r in rows)
        ],
        "rows": rows,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "repair.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "repair.md").write_text(page(document), encoding="utf-8")
    print(options.out / "repair.md")
    return 0


def _cases(options: Options, corpus: Path, robot: Robot, unread: dict[str, str]) -> Iterator[Case]:
    """Every motion, made or read when it is asked for; what cannot be had goes to ``unread``, with why."""
    methods = {name: retarget.METHODS[name](robot) for name in options.methods}
    for clip in clips.chosen(options.clips, corpus, options.fps) if methods else []:
        try:
            human = clip.load()
        except (UnderstudyError, OSError) as error:
            unread[clip.name] = str(error)
            continue
        for name, method in methods.items():
            try:
                [motion] = method([human])
            except BREAKS as problem:
                unread[f"{name} on {clip.name}"] = str(problem)
                continue
            yield Case(name, clip.name, motion, human)
    for source, (patterns, told) in FOREIGN.items() if options.foreign else ():
        for path in sorted(path for pattern in patterns for path in corpus.glob(pattern)):
            name = path.relative_to(corpus).as_posix()
            try:
                yield Case(source, name, foreign(path, robot, told))
            except (UnderstudyError, OSError) as error:
                unread[name] = str(error)


def foreign(path: Path, robot: Robot, told: Mapping[str, Any]) -> RobotMotion:
    """A robot motion that others made. Raises UnderstudyError for a file that no reader reads, or of a human."""
    if path.parent.name == "gmr_reference":
        with np.load(path, allow_pickle=False) as archive:
            qpos, fps = archive["qpos"].astype(np.float32), float(archive["fps"])
        return RobotMotion(robot.name, robot.joints, fps, qpos[:, :3], qpos[:, 3:7], qpos[:, 7:])
    motion = load(path, robot=robot.name, **told)
    if not isinstance(motion, RobotMotion):
        raise UnderstudyError(f"{path.name} holds a human's motion.")
    return motion


def measured(case: Case, robot: Robot, repair: Repair) -> dict[str, Any]:
    """One motion before and after, as plain values; ``error`` says why where there is no after.

    ``failing`` are the checks that fail against the human where there is one, ``failing_alone`` without it: then every
    joint step above 0.5 rad counts as a jump, and a repair that does not know the human cannot know better.
    """
    row: dict[str, Any] = {
        "frames": case.motion.frames,
        "fps": case.motion.fps,
        "before": _state(case.motion, case, robot),
        "after": None,
        "change": None,
        "error": "",
    }
    begin = time.process_time()
    try:
        after = repair(case.motion)
    except BREAKS as problem:
        return row | {"error": f"{type(problem).__name__}: {problem}".replace("\n", " ")}
    seconds = time.process_time() - begin
    if after.joints != case.motion.joints or after.frames != case.motion.frames:
        return row | {"error": "the repaired motion has other joints or another length"}
    return row | {
        "after": _state(after, case, robot),
        "change": change(case.motion, after),
        "cpu_seconds": seconds,
    }


def _state(motion: RobotMotion, case: Case, robot: Robot) -> dict[str, Any]:
    """Which checks fail, and the metrics."""
    report = evaluate.report(motion, case.human, robot)
    alone = evaluate.certify(motion, None, robot) if case.human is not None else report.certificate
    return {
        "failing": [check.name for check in report.certificate.checks if not check.passed],
        "failing_alone": [check.name for check in alone.checks if not check.passed],
        "metrics": {m.key: (m.value, m.over) for m in report.metrics if m.key in MEASURED},
    }


def change(before: RobotMotion, after: RobotMotion) -> dict[str, float]:
    """How far two motions of one robot are apart: joints (rad), root position (m) and orientation (rad)."""
    joints = np.abs(after.joint_pos.astype(np.float64) - before.joint_pos)
    root = np.linalg.norm(after.root_pos.astype(np.float64) - before.root_pos, axis=1)
    turn = quat_angle(after.root_quat.astype(np.float64), before.root_quat.astype(np.float64))
    return {
        "joints_mean": float(joints.mean()),
        "joints_most": float(joints.max()),
        "root_mean": float(root.mean()),
        "root_most": float(root.max()),
        "turn_mean": float(turn.mean()),
    }


def pooled(source: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Motions of one source together: means over frames, the greatest change of all; what failed has no after."""
    done = [r for r in rows if not r["error"]]
    frames = np.array([r["frames"] for r in done], dtype=np.float64)
    found: dict[str, Any] = {
        "source": source,
        "motions": len(rows),
        "frames": sum(r["frames"] for r in rows),
        "certified_before": sum(not r["before"]["failing"] for r in rows),
        "certified_after": sum(not r["after"]["failing"] for r in done),
        "certified_alone": sum(not r["after"]["failing_alone"] for r in done),
        "within": sum(r["change"]["joints_mean"] < ENOUGH for r in done),
        "failing_before": Counter(name for r in rows for name in r["before"]["failing"]),
        "failing_after": Counter(
            n for r in rows for n in (["broke"] if r["error"] else r["after"]["failing"])
        ),
    }
    for key in ("joints_mean", "root_mean", "turn_mean"):
        found[key] = float(np.average([r["change"][key] for r in done], weights=frames)) if done else None
    for key in ("joints_most", "root_most"):
        found[key] = max((r["change"][key] for r in done), default=None)
    seconds = sum(r["cpu_seconds"] for r in done)
    found["frames_per_cpu_second"] = float(frames.sum()) / seconds if seconds else None
    for when in ("before", "after"):
        found[when] = {key: _mean([r[when]["metrics"].get(key) for r in done]) for key in MEASURED}
    return found


def _mean(values: Sequence[tuple[float | None, int] | None]) -> float | None:
    known = [(value, over) for value, over in filter(None, values) if value is not None and over]
    if not known:
        return None
    numbers, weights = np.array(known, dtype=np.float64).T
    return float(np.average(numbers, weights=weights))


def _verdict(row: Mapping[str, Any]) -> str:
    if row["error"]:
        return row["error"]
    failing = ", ".join(row["after"]["failing"])
    return f"{1e3 * row['change']['joints_mean']:.1f} mrad{', still failing: ' if failing else ''}{failing}"


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    rows = [
        (
            s["source"],
            f"{s['motions']} ({s['frames']:,})",
            str(s["certified_before"]),
            str(s["certified_after"]),
            str(s["certified_alone"]),
            f"{s['within']} of {s['motions']}",
            *(number(s[key]) for key in ("joints_mean", "joints_most")),
            *(number(None if s[key] is None else 100 * s[key]) for key in ("root_mean", "root_most")),
            *(f"{number(s['before'][key])} → {number(s['after'][key])}" for key in MEASURED),
            number(s["frames_per_cpu_second"]),
        )
        for s in document["sources"]
    ]
    head = (
        "source",
        "motions (frames)",
        "certified before",
        "after",
        "after, without the human",
        f"changed by < {ENOUGH:g} rad",
        "joints, mean rad",
        "most rad",
        "root, mean cm",
        "most cm",
        "jerk, rad/s³",
        "skating, flat, cm/s",
        "self-collision, %",
        "under the floor, %",
        "within 0.05 rad of a limit, %",
        "frames/s",
    )
    words = (
        "Robot motions of one robot before and after `retarget.repair`, which knows the robot motion alone. They are "
        "certified against the human where it is at hand, which excuses jumps that the human made, and after repair "
        "without it, too. Skating is measured where the human is at hand. Changes are means over frames and joints, "
        "and the greatest of any joint in any frame."
    )
    checks = [
        (s["source"], _counted(s["failing_before"]), _counted(s["failing_after"]))
        for s in document["sources"]
    ]
    parts = [
        "# Repairing robot motions",
        words,
        table(("", ""), document["facts"].items()),
        table(head, rows),
        "## Checks that failed, motions",
        table(("source", "before", "after"), checks),
    ]
    left = [
        f"- {r['source']}, `{r['name']}`: {r['error'] or ', '.join(r['after']['failing'])}"
        for r in document["rows"]
        if r["error"] or r["after"]["failing"]
    ]
    parts += ["## Not certified after repair", "\n".join(left)] if left else []
    if document["unread"]:
        lines = [f"- `{name}`: {why}".replace("\n", " ") for name, why in document["unread"].items()]
        parts += ["## Not read or not made", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _counted(names: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in names.items()) or "–"


def _command(options: Options) -> str:
    """The command that makes the same page; folders of this machine are left out."""
    listed = options.clips if options.clips in ("full", "quick") else "LIST"
    foreign_too = "" if options.foreign else " --no-foreign"
    return f"python -m benchmarks.repair --methods {' '.join(options.methods)} --clips {listed}{foreign_too}"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
