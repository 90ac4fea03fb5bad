"""NMR beside the other methods: the paper's Table III, its figures 5 and 6, streaming, and speed.

python -m benchmarks.nmr

The page has sections; with ``--sections`` the others stay as they were measured before.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Literal, get_args  # noqa: E402

import torch  # noqa: E402
import tyro  # noqa: E402

from benchmarks import clips, nmr_measures, nmr_page, nmr_page_tables, nmr_pictures, robustness  # noqa: E402
from understudy import motion, retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError, UnknownName  # noqa: E402
from understudy.evaluate import benchmark, pooling  # noqa: E402
from understudy.evaluate.benchmark import Clip  # noqa: E402
from understudy.evaluate.summary import summary  # noqa: E402
from understudy.learn.checkpoint import load_checkpoint  # noqa: E402
from understudy.motion import HumanMotion, sample  # noqa: E402
from understudy.pipelines.pairs_library import library  # noqa: E402
from understudy.protocols import Retargeter  # noqa: E402
from understudy.retarget.nmr import NMR, NMRConfig  # noqa: E402
from understudy.retarget.nmr_files import KIND, find_nmr  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

Section = Literal["tables", "arm", "faults", "look-ahead", "speed"]
SECTIONS: tuple[Section, ...] = get_args(Section)
REFERENCE = "gmr-like"
"""Key-point errors and the like are also given as parts of this method's."""
HELD_OUT = (
    "permissive/cmu_daz/05/05_16.bvh",
    "permissive/cmu_daz/05/05_07.bvh",
    "permissive/cmu_iclone/005/005_17.bvh",
)
"""Validation clips that stand for the test clips of the robustness suite, for trials."""


@dataclass(frozen=True)
class Options:
    """Measure NMR; writes nmr.md, nmr.json and pictures."""

    checkpoint: str = ""
    """A file, or the name of a shipped one; the robot's own if empty."""
    stage_two: str = ""
    """The checkpoint of the second stage, for a row of its own: the one that is shipped is of the first."""
    sections: tuple[Section, ...] = SECTIONS
    """What to measure; the other sections stay as nmr.json has them."""
    methods: tuple[str, ...] = ("gmr-like", "frame-ik", "sequence-fit")
    """What to compare with. There are also live-ik, and phuma-like for `--split quick`: it takes minutes a clip."""
    split: Literal["test", "quick", "validation"] = "test"
    """Clips: the test split, fourteen of it, or those that networks are chosen by."""
    fps: tuple[float, ...] = (30.0, 50.0)
    """Frames a second of the tables; everything else is at 30."""
    robot: str = "unitree_g1"
    device: str = "cpu"
    """Where speed is measured, as torch names it."""
    batch: int = NMRConfig.batch
    """Chunks side by side, where speed is measured."""
    kept: tuple[str, ...] = ()
    """Methods whose results at 30 frames a second are those that the cache has of `--kept-code`, because nothing of
    theirs has changed."""
    kept_code: str = ""
    """The code, as the page of that time has it."""
    corpus: Path | None = None
    """The unpacked corpus."""
    out: Path = Path("docs/results")
    cache: Path = Path("out/benchmarks/retarget.jsonl")
    """Results of clips that were measured before."""


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    for name in options.methods:
        if name not in retarget.METHODS:
            raise UnknownName("method", name, retarget.METHODS)
    torch.set_num_threads(1)
    robot = robots.load(options.robot)
    measure: Mapping[Section, Callable[[Options, Robot], dict[str, Any]]] = {
        "tables": tables,
        "arm": arm,
        "faults": faults,
        "look-ahead": look_ahead,
        "speed": speed,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "nmr.json"
    document = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    document["checkpoint"] = checkpoint(options, robot)
    for section in options.sections:
        print(section, file=sys.stderr)
        document[section] = measure[section](options, robot)
        facts = machine.facts(_command(options, section))
        document[section]["facts"] = facts | {"weights": document["checkpoint"]["sha256"]}
        path.write_text(nmr_page.as_json(document), encoding="utf-8")
        (options.out / "nmr.md").write_text(nmr_page.page(document), encoding="utf-8")
    print(options.out / "nmr.md")
    return 0


def weights_of(name: str, robot: Robot) -> Path:
    """The file that a name means; the robot's own if it is empty."""
    return find_nmr(name or f"{KIND}_{robot.name}")


def checkpoint(options: Options, robot: Robot) -> dict[str, Any]:
    """Which weights these are, and what the file says of them."""
    path = weights_of(options.checkpoint, robot)
    found = load_checkpoint(path, KIND, robot.name)
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest()[:12],
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "parameters": sum(t.numel() for t in found.tensors.values()),
        "notes": found.notes,
    }


def tables(options: Options, robot: Robot) -> dict[str, Any]:
    """Every method on every clip, at every frame rate; and on the quick list, where phuma-like has been measured."""
    found: dict[str, Any] = {"split": options.split, "rates": {}}
    for fps in options.fps:
        kept = options.kept if fps == 30.0 else ()
        outcome = compared(options, robot, chosen(options, fps), kept)
        if not outcome.results:
            raise UnderstudyError("No clip of the list could be read.")
        found["rates"][f"{fps:g}"] = summary(outcome, REFERENCE)
        if fps == 30.0 and options.split == "test":
            few = {name: [r for r in outcome.of(name) if r.clip in clips.QUICK] for name in outcome.methods}
            found["quick"] = {
                name: nmr_page_tables.terms_of(pooling.pool(some)) for name, some in few.items()
            }
    return found


def compared(options: Options, robot: Robot, some: list[Clip], kept: tuple[str, ...]) -> benchmark.Outcome:
    """All methods on some clips; results are kept under the code, and for networks the weights, that made them."""
    code = machine.digest()
    others = {name: retarget.METHODS[name](robot) for name in options.methods}
    groups: list[tuple[dict[str, Retargeter], str]] = [
        ({name: m for name, m in others.items() if name in kept}, options.kept_code),
        ({name: m for name, m in others.items() if name not in kept}, code),
    ]
    for weights, names in (
        (options.checkpoint, ("nmr", "nmr + repair")),
        (options.stage_two, ("nmr stage 2",)),
    ):
        if weights or names[0] == "nmr":
            own = {n: NMR(robot, NMRConfig(weights, repair="repair" in n)) for n in names}
            groups.append((dict(own), machine.digest_with(weights_of(weights, robot))))
    store, found = benchmark.Results(options.cache), []
    warm = sample.motion("turn", fps=30.0)
    for methods, version in filter(lambda group: group[0], groups):
        if version != options.kept_code:
            for method in methods.values():
                method([warm])  # compiled before it is timed
        found.append(benchmark.run(some, methods, store=store, version=version, told=_tell))
    order = {clip.name: k for k, clip in enumerate(some)}
    names = (*options.methods, "nmr", "nmr stage 2", "nmr + repair")
    results = [r for outcome in found for r in outcome.results]
    results.sort(key=lambda r: (order[r.clip], names.index(r.method)))
    return benchmark.Outcome(tuple(results), found[-1].unread)


def chosen(options: Options, fps: float) -> list[Clip]:
    """The clips of the tables, to be read at a frame rate."""
    corpus = clips.corpus_folder(options.corpus)
    if options.split != "validation":
        return clips.chosen("full" if options.split == "test" else "quick", corpus, fps)
    pieces = library(corpus, "permissive", "validation").pieces
    return [Clip(f"{piece.origin.source} #{k}", partial(_at, piece, fps)) for k, piece in enumerate(pieces)]


def _at(piece: HumanMotion, fps: float) -> HumanMotion:
    return motion.sample_every(piece, fps) if piece.fps > fps else piece


def few(options: Options) -> dict[str, HumanMotion]:
    """The clips that are spoilt, and streamed: those of the robustness suite."""
    names = HELD_OUT if options.split == "validation" else robustness.REAL
    corpus = clips.corpus_folder(options.corpus)
    return {"demo": sample.demo(fps=30.0), **{name: clips.read(corpus, name, 30.0) for name in names}}


def arm(options: Options, robot: Robot) -> dict[str, Any]:
    """Fig. 5: the right shoulder's roll while the arms rise, by every method."""
    human = clips.read(clips.corpus_folder(options.corpus), nmr_measures.ARM.clip, 60.0)
    methods = {name: retarget.METHODS[name](robot) for name in options.methods}
    methods["nmr"] = NMR(robot, NMRConfig(options.checkpoint))
    made = {name: method([human])[0] for name, method in methods.items()}
    found = nmr_measures.arm_raise(robot, human, made)
    nmr_pictures.arm_raise(found, human, made, robot, options.out / "nmr_arm.png")
    return found


def faults(options: Options, robot: Robot) -> dict[str, Any]:
    """Fig. 6: what faults of the capture do to each method's motion."""
    methods: dict[str, Retargeter] = {
        name: retarget.METHODS[name](robot) for name in ("frame-ik", "sequence-fit")
    }
    methods["nmr, not healed"] = NMR(robot, NMRConfig(options.checkpoint, heal=False))
    methods["nmr"] = NMR(robot, NMRConfig(options.checkpoint))
    rows, humans = [], few(options)
    for name, method in methods.items():
        for clip, human in humans.items():
            print(f"{name}  {clip}", file=sys.stderr)
            rows += [{"method": name, "clip": clip, **row} for row in robustness.suite(method, human, seed=0)]
    clip = clips.read(clips.corpus_folder(options.corpus), nmr_measures.FAULTY, 30.0)
    drawn = nmr_pictures.wrong_frames(clip, methods, robot, options.out / "nmr_faults.png")
    return {"clips": len(humans), "all": robustness.pool(rows), "drawn": drawn}


def look_ahead(options: Options, robot: Robot) -> dict[str, Any]:
    """Accuracy of the stream against how long it may wait."""
    found = nmr_measures.look_ahead(robot, options.checkpoint, few(options))
    nmr_pictures.look_ahead(found, options.out / "nmr_look_ahead.png")
    return found


def speed(options: Options, robot: Robot) -> dict[str, Any]:
    """Frames a second, of the whole and of the network alone."""
    return nmr_measures.speed(robot, options.checkpoint, options.device, options.batch)


def _tell(result: benchmark.ClipResult | benchmark.Unread) -> None:
    error = result.error if isinstance(result, benchmark.Unread) or result.error else ""
    print(f"{result.clip}  {getattr(result, 'method', 'not read')}  {error}", file=sys.stderr)


def _command(options: Options, section: Section) -> str:
    """The command that measures a section again."""
    names = {name: Path(getattr(options, name)).name for name in ("checkpoint", "stage_two")}
    return machine.command("nmr", dataclasses.replace(options, sections=(section,)), **names)


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
