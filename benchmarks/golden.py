"""Write down how good our methods are on a dozen clips, for the test that holds later changes to them.

python -m benchmarks.golden

Run this only when motion has become better, or when a loss is meant and said in the change log: what it writes is
what ``tests/retarget/test_golden.py`` demands.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import tyro  # noqa: E402

from benchmarks.clips import corpus_folder, names  # noqa: E402
from understudy import motion, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.evaluate.benchmark import measure  # noqa: E402
from understudy.motion import HumanMotion  # noqa: E402

CLIPS: dict[str, dict[str, Any]] = {
    "permissive/cmu_daz/01/01_08.bvh": {},
    "permissive/cmu_daz/05/05_11.bvh": {},
    "permissive/cmu_daz/09/09_01.bvh": {},
    "permissive/cmu_daz/13/13_31.bvh": {},
    "permissive/cmu_daz/14/14_29.bvh": {},
    "permissive/cmu_iclone/005/005_19.bvh": {},
    "permissive/cmu_rnn_indian/94_15.bvh": {},
    "permissive/cmu_rnn_martial/135_06.bvh": {},
    "permissive/cmu_rnn_salsa/61_07.bvh": {"fps": 60.0},
    "permissive/hhtools_xsens/stand.bvh": {},
    "noncommercial/bandai_namco/ds1/dataset-1_dash_musical_001.bvh": {},
    "noncommercial/bandai_namco/ds2/dataset-2_walk-turn-left_feminine_001.bvh": {},
}
"""None of them of the test split; each with what its reader must be told. The salsa's header has twice its rate."""
FPS = 30.0
TOLERANCES = {
    "keypoint_error": (0.03, 0.02),
    "keypoint_error_world": (0.05, 0.05),
    "orientation_error": (0.03, 0.05),
    "unexplained_jumps": (0.0, 0.0),
    "above_motor_speed": (0.0, 0.0),
    "max_joint_speed": (0.05, 0.5),
    "near_limit_0.05": (0.05, 0.5),
    "near_limit_0.10": (0.05, 1.0),
    "jerk_mean": (0.05, 5.0),
    "jerk_p99": (0.08, 50.0),
    "self_collision": (0.0, 0.5),
    "floor_penetration": (0.0, 0.5),
    "sole_height_error": (0.05, 0.2),
    "stance_float": (0.05, 0.2),
    "flat_skating": (0.05, 0.2),
    "toe_skating": (0.05, 0.5),
}
"""How much worse than golden a metric may be: a share of the golden value, plus an amount in the metric's unit."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Measure the golden clips and write what was found: a file for each method."""

    methods: tuple[str, ...] = ("sequence-fit", "frame-ik")
    corpus: Path | None = None
    out: Path = machine.ROOT / "tests" / "retarget"


def main(options: Options) -> int:
    """Measure, compare with what is written, write. Returns the exit code."""
    corpus = corpus_folder(options.corpus)
    if shared := set(CLIPS) & set(names("full", corpus)):
        raise UnderstudyError(f"Golden clips must not be of the test split: {', '.join(sorted(shared))}.")
    for method in options.methods:
        path = options.out / f"golden_{method.replace('-', '_')}.json"
        before = json.loads(path.read_text(encoding="utf-8"))["clips"] if path.is_file() else {}
        document = {
            "command": f"python -m benchmarks.golden --methods {method}",
            "method": method,
            "fps": FPS,
            "tolerances": TOLERANCES,
            "clips": _measured(method, corpus, before),
        }
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _measured(name: str, corpus: Path, before: dict[str, Any]) -> dict[str, Any]:
    """What one method makes of every golden clip."""
    method, found = retarget.METHODS[name](robots.load("unitree_g1")), {}
    for file, told in CLIPS.items():
        clip = motion.load(corpus / file, **told)
        assert isinstance(clip, HumanMotion)
        result = measure(file, motion.sample_every(clip, FPS) if clip.fps > FPS else clip, name, method)
        if result.error:
            raise UnderstudyError(f"{file}: {result.error}")
        raw = result.blocks["raw"]
        values = {
            m["key"]: m["value"] for m in raw.metrics if m["key"] in TOLERANCES and m["value"] is not None
        }
        found[file] = {
            "options": told,
            "frames": result.frames,
            "failing": list(raw.failing),
            "values": {key: float(f"{value:.4g}") for key, value in values.items()},
        }
        _compare(f"{name}, {file}", before.get(file, {}).get("values", {}), found[file]["values"])
    return found


def _compare(name: str, before: dict[str, float], now: dict[str, float]) -> None:
    """Tell what has become worse, so that nobody blesses a loss without having seen it."""
    for key, value in now.items():
        share, amount = TOLERANCES[key]
        if key in before and value > before[key] * (1 + share) + amount:
            print(f"worse: {name}: {key} {before[key]:g} → {value:g}", file=sys.stderr)


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
