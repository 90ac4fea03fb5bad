"""The certificate of one method on every robot that comes with the package, on the same twenty clips.

python -m benchmarks.all_robots --methods sequence-fit --clips 20
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated, Any  # noqa: E402

import tyro  # noqa: E402

from benchmarks import clips  # noqa: E402
from benchmarks.pages import number, table  # noqa: E402
from understudy import retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError, UnknownName  # noqa: E402
from understudy.evaluate import benchmark, pooling  # noqa: E402
from understudy.evaluate.benchmark import Clip, ClipResult  # noqa: E402

TWENTY = (
    *clips.QUICK,
    "permissive/cmu_asfamc/11_01.amc",
    "permissive/deepmimic/humanoid3d_dance_spin.txt",
    "permissive/deepmimic/long/humanoid3d_long_walk3_mirror.txt",
    "permissive/asap_smpl/video_SpiderMan_level2_amass.npz",
    "permissive/asap_smpl/video_jump_forward_level2_filter_amass.npz",
    "permissive/cmu_expmap/train__basketball_signal__basketball_signal_5.txt",
)
"""The quick list, and the sources of the test split that it leaves out: ASF/AMC, DeepMimic, SMPL from video and
exponential maps. Every class of motion and of length is among them."""
COLUMNS = (
    "keypoint_error",
    "orientation_error",
    "jerk_mean",
    "flat_skating",
    "flat_skating_human",
    "sole_height_error",
    "self_collision",
    "self_collision_max",
    "floor_penetration_alone",
    "max_speed_ratio",
    "near_limit_0.05",
    "near_limit_0.10",
)
"""Metrics in the table, pooled over clips."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Certify methods on all shipped robots; writes robots.md and robots.json."""

    methods: tuple[str, ...] = ("sequence-fit",)
    clips: Annotated[int, tyro.conf.arg(metavar="1..20")] = len(TWENTY)
    """So many of the list, from its beginning."""
    robots: tuple[str, ...] = ()
    """Which ones; all that come with the package if none is named."""
    fps: float = 30.0
    corpus: Path | None = None
    out: Path = Path("docs/results")
    cache: Path = Path("out/benchmarks/robots.jsonl")
    """Results that were measured before."""


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    corpus, names = clips.corpus_folder(options.corpus), options.robots or robots.names()
    if not 1 <= options.clips <= len(TWENTY):
        raise UnderstudyError(f"The list has {len(TWENTY)} clips; {options.clips} of it cannot be taken.")
    for name in options.methods:
        if name not in retarget.METHODS:
            raise UnknownName("method", name, retarget.METHODS)
    chosen = TWENTY[: options.clips]
    store, found, unread, kinds = benchmark.Results(options.cache), [], {}, {}
    for name in options.methods:
        outcome = benchmark.run(
            [Clip(clip, partial(clips.read, corpus, clip, options.fps)) for clip in chosen],
            {body: retarget.METHODS[name](robots.load(body)) for body in names},
            store=store,
            version=f"{name} {machine.digest()}",
            told=_tell,
        )
        found += [{"method": name, **summarised(body, outcome.of(body))} for body in outcome.methods]
        unread |= {clip.clip: clip.error for clip in outcome.unread}
        kinds |= {r.clip: f"{r.complexity}, {r.length}, {r.frames} frames" for r in outcome.results}
    if not found:
        raise UnderstudyError("No clip of the list could be read.")
    named = f" --robots {' '.join(options.robots)}" if options.robots else ""
    command = f"python -m benchmarks.all_robots --methods {' '.join(options.methods)} --clips {options.clips}{named}"
    document = {
        "facts": machine.facts(command),
        "fps": options.fps,
        "clips": {clip: kinds.get(clip, "not read") for clip in chosen},
        "unread": unread,
        "rows": found,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "robots.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "robots.md").write_text(page(document), encoding="utf-8")
    print(options.out / "robots.md")
    return 0


def _tell(result: benchmark.ClipResult | benchmark.Unread) -> None:
    if isinstance(result, ClipResult) and (result.error or not result.blocks["raw"].passed):
        why = result.error or ", ".join(result.blocks["raw"].failing)
        print(f"{result.clip}  {result.method}  {why}", file=sys.stderr)


def summarised(robot: str, results: Sequence[ClipResult]) -> dict[str, Any]:
    """One robot over all clips: certified, which checks failed where, pooled metrics."""
    counts, pooled, fast = pooling.counts(results), pooling.pool(results), pooling.speed(results)
    failing = {
        r.clip: [f"failed: {r.error}"] if r.error else list(r.blocks["raw"].failing)
        for r in results
        if r.error or not r.blocks["raw"].passed
    }
    return {
        "robot": robot,
        "clips": counts.clips,
        "certified": counts.passed,
        "frames": counts.frames,
        "failing": failing,
        "metrics": {key: dataclasses.asdict(pooled[key]) for key in COLUMNS if key in pooled},
        "frames_per_cpu_second": fast.per_cpu_second if fast else None,
    }


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    rows = document["rows"]
    labels = {key: f"{m['label']}, {m['unit']}" for row in rows for key, m in row["metrics"].items()}
    head = ("robot", "method", "certified", "checks that failed, clips", *labels.values(), "frames/s")
    cells = [
        (
            f"`{row['robot']}`",
            f"`{row['method']}`",
            f"{row['certified']} of {row['clips']}",
            _checks(row["failing"]),
            *(number(row["metrics"][key]["value"] if key in row["metrics"] else None) for key in labels),
            number(row["frames_per_cpu_second"]),
        )
        for row in rows
    ]
    words = (
        f"{len(document['clips'])} clips of the test split at {document['fps']:g} frames a second on every robot that "
        "comes with the package: the certificate, and metrics of `evaluate.report` pooled over frames. What a robot "
        "has not got is not measured (–). Errors in centimetres grow with the robot."
    )
    parts = [
        "# One method on all robots",
        words,
        table(("", ""), document["facts"].items()),
        table(head, cells),
    ]
    failed = [
        f"- `{row['robot']}`, `{row['method']}`: `{clip}`: {', '.join(why)}"
        for row in rows
        for clip, why in row["failing"].items()
    ]
    parts += ["## Clips without a certificate", "\n".join(failed)] if failed else []
    parts += ["## The clips", "\n".join(f"- `{clip}`: {kind}" for clip, kind in document["clips"].items())]
    return "\n\n".join(parts) + "\n"


def _checks(failing: Mapping[str, Sequence[str]]) -> str:
    """How many clips failed each check; a method that broke counts as one."""
    names = Counter(why.partition(":")[0] for checks in failing.values() for why in checks)
    return ", ".join(f"{name} {count}" for name, count in names.items()) or "–"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
