"""What faults of the capture do to each method's motion: spikes, wrong frames, jitter, a floor in the wrong place.

python -m benchmarks.robustness --methods frame-ik
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import tyro  # noqa: E402

from benchmarks import clips  # noqa: E402
from benchmarks.pages import number, table  # noqa: E402
from understudy import evaluate, motion, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError, UnknownName  # noqa: E402
from understudy.evaluate.benchmark import BREAKS  # noqa: E402
from understudy.evaluate.corruption import CORRUPTIONS, deviation  # noqa: E402
from understudy.motion import HumanMotion, sample  # noqa: E402
from understudy.protocols import Retargeter  # noqa: E402

REAL = (
    "permissive/cmu_daz/05/05_08.bvh",
    "permissive/cmu_daz/09/09_04.bvh",
    "permissive/cmu_daz/13/13_39.bvh",
    "permissive/cmu_daz/14/14_32.bvh",
    "permissive/cmu_rnn_martial/135_05.bvh",
    "permissive/cmu_rnn_salsa/60_10.bvh",
    "noncommercial/bandai_namco/ds1/dataset-1_walk-back_angry_001.bvh",
)
"""Clips of the test split beside the built-in demo: dance, run, jump, sitting down, karate, salsa, walking back."""
COLUMNS = {
    "joints_mean": "joints, mean °",
    "joints_sound": "in sound frames °",
    "joints_worst": "worst °",
    "points_mean": "points, mean cm",
    "points_sound": "in sound frames cm",
    "points_worst": "worst cm",
    "rise_cm": "height off, cm",
    "recovery": "recovery, frames",
    "peak_speed": "fastest joint, rad/s",
}
WORST = ("joints_worst", "points_worst", "recovery", "peak_speed")
"""Columns where the worst clip speaks for all; the others are means over clips, weighted by frames."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Corrupt clips on purpose and compare what becomes of them; writes robustness.md and robustness.json."""

    methods: tuple[str, ...] = ("sequence-fit", "frame-ik", "live-ik", "gmr-like")
    kept: tuple[str, ...] = ()
    """Methods whose rows are those of the robustness.json in the folder, because nothing of theirs has changed."""
    clips: tuple[str, ...] = ("demo", *REAL)
    """`demo` (built in) or files of the corpus."""
    fps: float = 30.0
    robot: str = "unitree_g1"
    corpus: Path | None = None
    seed: int = 0
    """Of the corruptions."""
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    humans = {name: _human(name, options) for name in options.clips}
    robot = robots.load(options.robot)
    rows: list[dict[str, Any]] = []
    before = _before(options) if options.kept else []
    for name in options.methods:
        if name not in retarget.METHODS:
            raise UnknownName("method", name, retarget.METHODS)
        if name in options.kept:
            rows += [row for row in before if row["method"] == name]
            continue
        method = retarget.METHODS[name](robot)
        for clip, human in humans.items():
            print(f"{name}  {clip}", file=sys.stderr)
            rows += [{"method": name, "clip": clip, **row} for row in suite(method, human, options.seed)]
    command = f"python -m benchmarks.robustness --methods {' '.join(options.methods)}"
    if options.clips != Options().clips:
        command += f" --clips {' '.join(options.clips)}"
    if options.kept:
        command += f" --kept {' '.join(options.kept)}"
    facts = machine.facts(command)
    pooled = pool(rows)
    document = {"facts": facts, "fps": options.fps, "seed": options.seed, "all": pooled, "clips": rows}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "robustness.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "robustness.md").write_text(page(pooled, facts, options), encoding="utf-8")
    print(options.out / "robustness.md")
    return 0


def _before(options: Options) -> list[dict[str, Any]]:
    """Rows as they were written before. Raises UnderstudyError where the clips, their rate or the seed were others."""
    path = options.out / "robustness.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    clips_then = {row["clip"] for row in document["clips"]}
    then, now = (
        (document["fps"], document["seed"], clips_then),
        (options.fps, options.seed, set(options.clips)),
    )
    if then != now or not set(options.kept) <= {row["method"] for row in document["clips"]}:
        raise UnderstudyError(
            f"{path} has no rows of these methods with the same clips, rate and seed; run them anew."
        )
    return document["clips"]


def _human(name: str, options: Options) -> HumanMotion:
    if name == "demo":
        return motion.sample_every(sample.demo(), options.fps)
    return clips.read(clips.corpus_folder(options.corpus), name, options.fps)


def suite(method: Retargeter, human: HumanMotion, seed: int) -> list[dict[str, Any]]:
    """Every corruption of one clip; a row of the clean clip comes first."""
    [clean] = method([human])
    verdict = evaluate.certify(clean, human, method.robot)
    peak = float(np.abs(np.diff(clean.joint_pos, axis=0)).max()) * clean.fps
    rows: list[dict[str, Any]] = [_row("clean", human, verdict, {"peak_speed": peak})]
    for name, corrupt in CORRUPTIONS.items():
        spoilt = corrupt(human, np.random.default_rng(seed))
        try:
            [made] = method([spoilt.motion])
        except BREAKS as problem:
            rows.append(
                {"corruption": name, "frames": human.frames, "error": f"{type(problem).__name__}: {problem}"}
            )
            continue
        found = dataclasses.asdict(deviation(method.robot, clean, made, spoilt))
        # Against the clean human: a jump that only the fault made is not excused.
        verdict = evaluate.certify(made, human, method.robot)
        rows.append(_row(name, human, verdict, found))
    return rows


def _row(
    name: str, human: HumanMotion, verdict: evaluate.Certificate, found: Mapping[str, Any]
) -> dict[str, Any]:
    failing = [check.name for check in verdict.checks if not check.passed]
    return {"corruption": name, "frames": human.frames, "failing": failing, **found}


def pool(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Clips together, by corruption and method; a method that broke on a clip is not certified there."""
    pooled = []
    for corruption in dict.fromkeys(row["corruption"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            own = [r for r in rows if (r["corruption"], r["method"]) == (corruption, method)]
            failing = [name for r in own for name in r.get("failing", ["broke"])]
            found: dict[str, Any] = {
                "corruption": corruption,
                "method": method,
                "clips": len(own),
                "certified": sum(r.get("failing") == [] for r in own),
                "failing": {name: failing.count(name) for name in sorted(set(failing))},
            }
            for key in COLUMNS:
                known = [(r[key], r["frames"]) for r in own if r.get(key) is not None]
                values, weights = (
                    (np.array(v, dtype=float) for v in zip(*known, strict=True)) if known else ([], [])
                )
                mean = None if not known else float(np.average(values, weights=weights))
                found[key] = float(np.max(values)) if known and key in WORST else mean
            pooled.append(found)
    return pooled


def page(pooled: Sequence[Mapping[str, Any]], facts: Mapping[str, str], options: Options) -> str:
    """The page, in Markdown."""
    rows = [
        (
            row["corruption"],
            f"`{row['method']}`",
            f"{row['certified']} of {row['clips']}",
            ", ".join(f"{name} {count}" for name, count in row["failing"].items()) or "–",
            *(number(row[key]) for key in COLUMNS),
        )
        for row in pooled
    ]
    what = [f"- **{name}**: {_first(corrupt.__doc__)}" for name, corrupt in CORRUPTIONS.items()]
    words = (
        f"{len(options.clips)} clips at {options.fps:g} frames a second are spoilt on purpose, retargeted, and "
        "compared with what the same method makes of the clean clip; the known turn of the world is undone first. "
        "Sound frames are those that the corruption left alone: what differs there is an after-effect. *Height off* "
        "is how much higher the whole motion is; points (the robot's landmarks) are compared without it. *Recovery* "
        "is the longest time after a fault until every joint was within 2° of the clean motion again. Certified, and "
        "the checks that failed: against the clean human, so a jump that only the fault made is not excused."
    )
    parts = ("# Robustness", words, "\n".join(what), table(("", ""), facts.items()))
    head = ("corruption", "method", "certified", "checks that failed, clips", *COLUMNS.values())
    return "\n\n".join((*parts, table(head, rows))) + "\n"


def _first(docstring: str | None) -> str:
    return " ".join((docstring or "").split())


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
