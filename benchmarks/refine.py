"""What physics makes of retargeted motions: twenty-four clips of the test split, several seeds, by class and by input.

python -m benchmarks.refine

Every result is kept as it comes (``--kept``), so that a run that was stopped goes on where it was.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import tyro  # noqa: E402

from benchmarks import clips  # noqa: E402
from benchmarks.refine_page import page  # noqa: E402
from understudy import evaluate, motion, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.evaluate.benchmark import code_digest  # noqa: E402
from understudy.evaluate.classes import complexity  # noqa: E402
from understudy.evaluate.physical import REFUSED, measure  # noqa: E402
from understudy.motion import HumanMotion, RobotMotion  # noqa: E402
from understudy.physics import PlanConfig, RefineConfig, Rollout, refine  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

LIST = Path(__file__).with_name("refine_clips.txt")
KINEMATIC = (
    "keypoint_error_world",
    "flat_skating",
    "stance_float",
    "floor_depth_max",
    "self_collision",
    "jerk_mean",
)
"""Metrics of the motion alone, measured before and after against the same human."""
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
    kept = _Kept(options.kept, _version(robot, config))
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
                        row = _performed(robot, input_, human, dataclasses.replace(config, seed=seed))
                    except UnderstudyError as error:
                        row = _refused(human, error)
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


class _Kept:
    """Rows in a file, one a line, under a key, for one version of the code."""

    def __init__(self, path: Path, version: str):
        self.version, self._path = version, path
        self._rows: dict[str, dict[str, Any]] = {}
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            # What follows the last line end was being written when a run was killed.
            path.write_text(text := text[: text.rfind("\n") + 1], encoding="utf-8")
            for line in text.splitlines():
                found = json.loads(line)
                if found["version"] == version:
                    self._rows[found["key"]] = found["row"]

    def get(self, key: str) -> dict[str, Any] | None:
        return self._rows.get(key)

    def put(self, key: str, row: dict[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"version": self.version, "key": key, "row": row}) + "\n")


def _version(robot: Robot, config: RefineConfig) -> str:
    """Changes with whatever changes a result."""
    package = machine.ROOT / "src" / "understudy" / "physics"
    parts = (machine.digest(), code_digest([package]), robot.name, repr(config))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def _human(corpus: Path, name: str, options: Options) -> HumanMotion:
    clip = clips.read(corpus, name, options.fps)
    return motion.trim(clip, 0.0, options.seconds) if clip.duration > options.seconds else clip


def _performed(robot: Robot, input_: RobotMotion, human: HumanMotion, config: RefineConfig) -> dict[str, Any]:
    began = time.process_time()
    rollout = refine(input_, robot, config)
    spent = time.process_time() - began
    before, after = _compared(rollout, input_, human)
    return {
        "seconds": human.duration,
        "processor": spent,
        "retries": rollout.retries,
        "fell_at": rollout.fell_at,
        "physical": measure(rollout, robot),
        "change": _change(before, after),
        "before": _kinematic(before, human, robot),
        "after": _kinematic(after, human, robot),
    }


def _refused(human: HumanMotion, error: UnderstudyError) -> dict[str, Any]:
    """The row of a clip that could not be begun: it counts as one that fell at once."""
    counts = {"seconds": human.duration, "processor": 0.0, "retries": 0, "fell_at": 0.0}
    return {**counts, "refused": str(error), "physical": dict(REFUSED)}


def _compared(rollout: Rollout, input_: RobotMotion, human: HumanMotion) -> tuple[RobotMotion, RobotMotion]:
    """Input and performance over the same frames, as far as the robot came, at the human's rate."""
    end = min(rollout.achieved.duration, human.duration)
    after = motion.sample_every(rollout.achieved, human.fps)
    frames = min(after.frames, input_.frames, 1 + int(end * human.fps + 1e-6))
    last = (frames - 1) / human.fps
    return motion.trim(input_, 0.0, last), motion.trim(after, 0.0, last)


def _change(before: RobotMotion, after: RobotMotion) -> dict[str, float]:
    joints = np.abs(after.joint_pos.astype(np.float64) - before.joint_pos)
    root = np.linalg.norm(after.root_pos.astype(np.float64) - before.root_pos, axis=1)
    return {
        "joint_mean": float(joints.mean()),
        "joint_max": float(joints.max()),
        "root_mean": float(root.mean()),
        "root_max": float(root.max()),
    }


def _kinematic(made: RobotMotion, human: HumanMotion, robot: Robot) -> dict[str, float | None]:
    found = evaluate.report(made, motion.trim(human, 0.0, made.duration), robot)
    return {m.key: m.value for m in found.metrics if m.key in KINEMATIC}


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
