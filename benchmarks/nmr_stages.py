"""What pairs that physics performed are worth to NMR: the first stage, the second, and performed pairs alone.

python -m benchmarks.nmr_stages --stage-one FILE --stage-two FILE --alone FILE

Three measures: the motions themselves over the test split, how a simulated robot performs some of them (results are
kept as they come), and pictures of where the two stages differ most (the paper's Fig. 3).
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
import tyro  # noqa: E402

from benchmarks import clips, nmr_pictures, nmr_stages_page, performing  # noqa: E402
from understudy import motion, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.evaluate import benchmark, pooling  # noqa: E402
from understudy.evaluate.benchmark import code_digest  # noqa: E402
from understudy.kinematics import body_tracks  # noqa: E402
from understudy.learn.checkpoint import load_checkpoint  # noqa: E402
from understudy.motion import HumanMotion, RobotMotion  # noqa: E402
from understudy.physics import RefineConfig  # noqa: E402
from understudy.protocols import Retargeter  # noqa: E402
from understudy.retarget.nmr import NMR, NMRConfig  # noqa: E402
from understudy.retarget.nmr_files import KIND  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

TEACHER = "sequence-fit"
MOMENTS, APART = 9, 0.15
"""Pictures in a row, and the seconds between them."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Compare the stages of NMR; writes nmr_stages.md, nmr_stages.json and nmr_stages.png."""

    stage_one: Path
    """The checkpoint of the first stage: kinematic pairs."""
    stage_two: Path
    """The first stage, tuned on performed pairs."""
    alone: Path
    """A network that has seen performed pairs alone."""
    clips: str = "full"
    """Of the tables: full, quick, or a file with one clip a line."""
    performed: str = str(Path(__file__).with_name("refine_clips.txt"))
    """A file with the clips that are performed, one a line, in its last column."""
    every: int = 3
    """Of those clips, every so many."""
    seconds: float = 4.0
    """Of each of them, from its beginning."""
    robot: str = "unitree_g1"
    corpus: Path | None = None
    """The unpacked corpus."""
    cache: Path = Path("out/benchmarks/retarget.jsonl")
    kept: Path = Path("out/refine/stages.jsonl")
    """Results that were measured before."""
    out: Path = Path("docs/results")


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    torch.set_num_threads(1)
    robot, corpus = robots.load(options.robot), clips.corpus_folder(options.corpus)
    files = {
        "stage 1": options.stage_one,
        "stage 2": options.stage_two,
        "performed pairs alone": options.alone,
    }
    networks = {name: NMR(robot, NMRConfig(str(path))) for name, path in files.items()}
    words = " ".join(f"--{name} {name.upper()}.safetensors" for name in ("stage-one", "stage-two", "alone"))
    document = {
        "facts": machine.facts(f"python -m benchmarks.nmr_stages {words}"),
        "networks": {name: load_checkpoint(path, KIND, robot.name).notes for name, path in files.items()},
        "clips": options.clips,
        "seconds": options.seconds,
        "tables": _measured(networks, files, options, corpus),
        "performed": _performed(robot, networks, files, options, corpus),
        "drawn": _drawn(robot, networks, options, corpus),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "nmr_stages.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "nmr_stages.md").write_text(nmr_stages_page.page(document), encoding="utf-8")
    print(options.out / "nmr_stages.md")
    return 0


def _measured(
    networks: dict[str, NMR], files: dict[str, Path], options: Options, corpus: Path
) -> dict[str, Any]:
    """Every metric of each network over the clips, raw, pooled over frames."""
    some, store = clips.chosen(options.clips, corpus, 30.0), benchmark.Results(options.cache)
    found = {}
    for name, network in networks.items():
        outcome = benchmark.run(some, {name: network}, store=store, version=machine.digest_with(files[name]))
        own = outcome.of(name)
        counts = pooling.counts(own)
        metrics = {key: dataclasses.asdict(pooled) for key, pooled in pooling.pool(own).items()}
        found[name] = {"clips": counts.clips, "passed": counts.passed, "metrics": metrics}
    return found


def _performed(
    robot: Robot, networks: dict[str, NMR], files: dict[str, Path], options: Options, corpus: Path
) -> list[dict[str, Any]]:
    """What a simulated robot makes of each clip by each network, and by the teacher."""
    config = RefineConfig()
    kept = performing.Kept(options.kept, performing.version(robot, config))
    methods: dict[str, Retargeter] = {TEACHER: retarget.METHODS[TEACHER](robot), **networks}
    rows = []
    for name in clips.names(options.performed, corpus)[:: options.every]:
        human = _human(corpus, name, options.seconds)
        for label, method in methods.items():
            weights = code_digest([files[label]]) if label in files else ""
            key = f"{label} {weights} {name} {options.seconds:g}"
            if (row := kept.get(key)) is None:
                try:
                    row = performing.performed(robot, method([human])[0], human, config)
                except UnderstudyError as error:
                    row = performing.refused(human, error)
                row = {"method": label, "clip": name, **row}
                kept.put(key, row)
            rows.append(row)
            print(f"{name}  {label}  fell at {row['fell_at']}", file=sys.stderr)
    return rows


def _drawn(robot: Robot, networks: dict[str, NMR], options: Options, corpus: Path) -> dict[str, Any]:
    """Draw the moments around where bodies of the two stages are farthest apart, over the clips that are performed."""
    most: tuple[float, str, int] = (-1.0, "", 0)
    for name in clips.names(options.performed, corpus):
        one, two = _both(networks, _human(corpus, name, options.seconds))
        apart = np.linalg.norm(_bodies(robot, one) - _bodies(robot, two), axis=-1).mean(-1)
        most = max(most, (float(apart.max()), name, int(apart.argmax())))
    distance, name, frame = most
    human = _human(corpus, name, options.seconds)
    one, two = _both(networks, human)
    last = human.frames - 1
    step = max(1, min(round(APART * human.fps), last // (MOMENTS - 1)))
    before = max(min(MOMENTS // 2, frame // step), MOMENTS - 1 - (last - frame) // step)
    frames = np.clip(frame + step * (np.arange(MOMENTS) - before), 0, last)
    actors: dict[str, HumanMotion | RobotMotion] = {"human": human, "stage 1": one, "stage 2": two}
    options.out.mkdir(parents=True, exist_ok=True)
    picture = nmr_pictures.film(
        actors,
        frames.tolist(),
        [f"{f / human.fps:.2f} s" for f in frames],
        robot,
        marked=np.flatnonzero(frames == frame).tolist(),
    )
    picture.quantize(96).save(options.out / "nmr_stages.png", optimize=True)
    return {"clip": name, "time": frame / human.fps, "apart_cm": 100.0 * distance}


def _both(networks: dict[str, NMR], human: HumanMotion) -> list[RobotMotion]:
    return [networks[name]([human])[0] for name in ("stage 1", "stage 2")]


def _bodies(robot: Robot, made: RobotMotion) -> np.ndarray:
    return body_tracks(robot, made).pos


def _human(corpus: Path, name: str, seconds: float) -> HumanMotion:
    clip = clips.read(corpus, name, 30.0)
    return motion.trim(clip, 0.0, seconds) if clip.duration > seconds else clip


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as problem:
        sys.exit(f"error: {problem}")
