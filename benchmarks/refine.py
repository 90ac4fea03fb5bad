"""What physics makes of retargeted motions: twenty-four clips of the test split, several seeds, by class and by input.

python -m benchmarks.refine

Every result is kept as it comes (``--kept``), so that a run that was stopped goes on where it was.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import tyro  # noqa: E402

from benchmarks import clips, performing  # noqa: E402
from benchmarks.refine_page import page  # noqa: E402
from understudy import motion, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.evaluate.classes import complexity  # noqa: E402
from understudy.evaluate.physical import measure  # noqa: E402
from understudy.motion import HumanMotion, RobotMotion  # noqa: E402
from understudy.physics import PlanConfig, RefineConfig, refine  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

LIST = Path(__file__).with_name("refine_clips.txt")
LONG = (
    "permissive/deepmimic/long/humanoid3d_long_walk3_mirror.txt",
    "permissive/cmu_rnn_salsa/60_14.bvh",
)
"""What the clock is put to, ten seconds of each: a walk and a dance of the test split that are not among the clips."""
FEWER = 20
"""Courses that the clock is also put to, beside the default."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Let a simulated G1 perform retargeted clips; writes refine.md and refine.json."""

    methods: tuple[str, ...] = ("sequence-fit", "frame-ik", "gmr-like")
    """Whose outputs are performed."""
    seeds: tuple[int, ...] = (0, 1)
    clips: str = str(LIST)
    """A file with one clip a line, in its last column."""
    seconds: float = 5.0
    """Of each clip, from its beginning."""
    fps: float = 50.0
    robot: str = "unitree_g1"
    corpus: Path | None = None
    kept: Path = Path("out/refine/rows.jsonl")
    """Where results are kept from run to run; those of other code or another configuration are not used."""
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    corpus, robot, config = clips.corpus_folder(options.corpus), robots.load(options.robot), RefineConfig()
    kept = performing.Kept(options.kept, performing.version(robot, config))
    rows = []
    names = clips.names(options.clips, corpus)
    for method in options.methods:
        for name in names:
            human = _human(corpus, name, options)
            input_ = None
            for seed in options.seeds:
                key = f"{method} {name} {options.seconds:g} {options.fps:g} {seed}"
                if (row := kept.get(key)) is None:
                    try:
                        input_ = input_ or retarget.METHODS[method](robot)([human])[0]
                        row = performing.performed(
                            robot, input_, human, dataclasses.replace(config, seed=seed)
                        )
                    except UnderstudyError as error:
                        row = performing.refused(human, error)
                    row = {"method": method, "clip": name, "class": complexity(human), "seed": seed, **row}
                    kept.put(key, row)
                rows.append(row)
                fate = "finished" if row["fell_at"] is None else f"fell at {row['fell_at']:.2f} s"
                fate = row.get("refused", fate)
                print(
                    f"{method} {name} {seed}: {fate}, {row['physical'].get('w_mpjpe', np.nan):.1f} cm",
                    flush=True,
                )
    facts = machine.facts("python -m benchmarks.refine")
    facts["code"] = kept.version
    document = {
        "facts": facts,
        "seconds": options.seconds,
        "seeds": list(options.seeds),
        "rows": rows,
        "standing": _standing(robot),
        "clock": [
            _clock(robot, name, _human(corpus, name, dataclasses.replace(options, seconds=10.0)), samples)
            for name in LONG
            for samples in (RefineConfig().plan.samples, FEWER)
        ],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "refine.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "refine.md").write_text(page(document), encoding="utf-8")
    print(options.out / "refine.md")
    return 0


def _human(corpus: Path, name: str, options: Options) -> HumanMotion:
    clip = clips.read(corpus, name, options.fps)
    return motion.trim(clip, 0.0, options.seconds) if clip.duration > options.seconds else clip


def _standing(robot: Robot) -> dict[str, Any]:
    """Ten seconds of standing at home, under the tracking gains themselves, and under those of refinement."""
    still = RobotMotion(
        robot.name,
        robot.joints,
        50.0,
        np.tile(robot.home[:3], (501, 1)),
        np.tile(robot.home[3:7], (501, 1)),
        np.tile(robot.home[7:], (501, 1)),
    )
    rows = {}
    for factor in (1.0, RefineConfig().stiffness):
        rollout = refine(still, robot, RefineConfig(stiffness=factor))
        away = np.linalg.norm(rollout.achieved.root_pos - rollout.reference.root_pos[0], axis=1)
        rows[f"{factor:g}"] = {
            "fell_at": rollout.fell_at,
            "root_max": float(away.max()),
            **measure(rollout, robot),
        }
    return rows


def _clock(robot: Robot, name: str, human: HumanMotion, samples: int) -> dict[str, Any]:
    """Ten seconds against the wall clock, with the machine's cores."""
    made = retarget.METHODS["sequence-fit"](robot)([human])[0]
    refine(motion.trim(made, 0.0, 0.2), robot)  # compiled before it is timed
    began, spent = time.perf_counter(), time.process_time()
    rollout = refine(made, robot, RefineConfig(plan=PlanConfig(samples=samples)))
    return {
        "clip": name,
        "samples": samples,
        "retries": rollout.retries,
        "seconds": rollout.achieved.duration,
        "wall": time.perf_counter() - began,
        "processor": time.process_time() - spent,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "fell_at": rollout.fell_at,
    }


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as problem:
        sys.exit(f"error: {problem}")
