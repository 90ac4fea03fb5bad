"""How good NMR becomes with more pairs, a larger network, and without each of its parts: equal, short trainings.

python -m benchmarks.nmr_curves --device cuda

Every training is a row that is kept; an interrupted run goes on where it was.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from dataclasses import asdict, dataclass, replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated, Any, Literal, get_args  # noqa: E402

import torch  # noqa: E402
import tyro  # noqa: E402

from benchmarks import nmr_curves_page  # noqa: E402
from understudy.errors import UnderstudyError  # noqa: E402
from understudy.evaluate.benchmark import code_digest  # noqa: E402
from understudy.learn.faults import FaultConfig  # noqa: E402
from understudy.learn.loop import LoopConfig  # noqa: E402
from understudy.learn.windows import WindowConfig, Windows, load_pairs  # noqa: E402
from understudy.retarget.nmr_model import NMRLoss, NMRModelConfig  # noqa: E402
from understudy.retarget.nmr_network import SIZES, network_config  # noqa: E402
from understudy.retarget.nmr_train import NMRTraining, train_nmr, validate  # noqa: E402

Group = Literal["hours", "size", "augmentation", "design"]
GROUPS: tuple[Group, ...] = get_args(Group)
TERMS = tuple(f.name for f in dataclasses.fields(NMRLoss) if f.name not in ("features", "groups"))
"""Terms of the loss that the paper has not."""
KINDS = ("plain", "mirror", "warp", "proportions", "mixed", "random")
SPOILT = 8
"""Batches of 64 held-out windows that are spoilt, to see what is repaired."""
PAIRS = Path.home() / ".cache" / "understudy" / "pairs"


@dataclass(frozen=True)
class Setting:
    """What one training has that another has not."""

    size: str
    hours: float
    """Of pairs, the first so many of the kinds."""
    kinds: tuple[str, ...] = KINDS
    faults: bool = True
    """On half of the windows."""
    skip: bool = True
    symmetric: bool = True
    features: Literal["anchored", "paper"] = "anchored"
    terms: tuple[str, ...] = TERMS
    """Of the loss, beside the paper's."""

    def model(self) -> NMRModelConfig:
        """The network and its loss."""
        loss = replace(NMRLoss(), **dict.fromkeys(set(TERMS) - set(self.terms), 0.0))
        return NMRModelConfig(self.features, network_config(self.size, skip=self.skip), self.symmetric, loss)


@dataclass(frozen=True)
class Options:
    """Train short and often; writes nmr_curves.md, nmr_curves.json and nmr_curves.png."""

    data: Path = PAIRS / "g1"
    """Pairs to learn from."""
    validation: Path = PAIRS / "g1-val"
    """Pairs to measure by."""
    groups: tuple[Group, ...] = GROUPS
    """Over hours of pairs and sizes of the network; without one kind of pairs, without one part of the method."""
    steps: int = 2000
    """Of every training."""
    minutes_each: float | None = None
    """Stop a training after so long; it then has fewer steps, which its row says."""
    seeds: int = 3
    """Trainings of every setting."""
    size: str = "small"
    """Of the network, where nothing else is said."""
    hours: float = 4.0
    """Of pairs, where nothing else is said."""
    amounts: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 7.5)
    """Hours of the first curve."""
    sizes: tuple[str, ...] = tuple(SIZES)
    """Sizes of the second."""
    batch: int = 64
    """Windows in a step."""
    window: int = 96
    """Frames in a window."""
    learning_rate: float = 6e-4
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    threads: int = 1
    """Of the processor."""
    device: str = "cpu"
    out: Path = Path("docs/results")
    rows: Path = Path("out/benchmarks/nmr_curves.jsonl")
    """Where trainings that are done are kept."""
    listed: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Only say which trainings there are, and which are done."""


@dataclass(frozen=True)
class Point:
    """A place on the page: which curve, how it is called there, and the training that it stands for."""

    group: Group
    label: str
    setting: Setting


def main(options: Options) -> int:
    """Train what is missing, and write the page after every training. Returns the exit code."""
    places = points(options)
    version = code_version(options)
    known = read_rows(options.rows)
    todo = {
        key_of(setting, seed, options, version): (setting, seed)
        for seed in range(options.seeds)  # a whole page with one seed comes before the second
        for setting in dict.fromkeys(place.setting for place in places)
    }
    left = [key for key in todo if key not in known]
    print(f"{len(todo)} trainings, {len(left)} to do", file=sys.stderr)
    if options.listed:
        return 0
    for done, key in enumerate(left, start=1):
        row = trained(*todo[key], options)
        known[key] = {"key": key, **row}
        options.rows.parent.mkdir(parents=True, exist_ok=True)
        with options.rows.open("a", encoding="utf-8") as file:
            file.write(json.dumps(known[key]) + "\n")
        print(
            f"{done} of {len(left)}  {row['clean']['points_cm']:.3g} cm  {row['seconds']:.0f} s",
            file=sys.stderr,
        )
        write(places, {k: known[k] for k in todo if k in known}, options)
    write(places, {k: known[k] for k in todo if k in known}, options)
    print(options.out / "nmr_curves.md")
    return 0


def points(options: Options) -> list[Point]:
    """What there is on the page; the setting that everything is compared with is on each curve."""
    plain = Setting(options.size, options.hours)
    found: dict[Group, list[Point]] = {
        "hours": [Point("hours", f"{h:g}", replace(plain, hours=h)) for h in options.amounts],
        "size": [Point("size", size, replace(plain, size=size)) for size in options.sizes],
        "augmentation": [Point("augmentation", *each) for each in augmentations(plain).items()],
        "design": [Point("design", *each) for each in designs(plain).items()],
    }
    return [point for group in options.groups for point in found[group]]


def augmentations(plain: Setting) -> dict[str, Setting]:
    """Settings that lack one way of making pairs each, as many hours of pairs as the others."""
    kinds = {f"pairs: {k}": replace(plain, kinds=tuple(kind for kind in KINDS if kind != k)) for k in KINDS}
    return {
        "nothing": plain,
        "faults": replace(plain, faults=False),
        **kinds,
        "all made pairs (plain clips alone, fewer hours)": replace(plain, kinds=("plain",)),
    }


def designs(plain: Setting) -> dict[str, Setting]:
    """Settings that lack one part of the network or of its loss each."""
    terms = {f"loss: {t}": replace(plain, terms=tuple(term for term in TERMS if term != t)) for t in TERMS}
    return {
        "nothing": plain,
        **terms,
        "loss: all but the paper's": replace(plain, terms=()),
        "skip": replace(plain, skip=False),
        "symmetry": replace(plain, symmetric=False),
        "anchored features (the paper's instead)": replace(plain, features="paper"),
    }


def trained(setting: Setting, seed: int, options: Options) -> dict[str, Any]:
    """Train once and measure, on clean windows and on spoilt ones."""
    faults = FaultConfig() if setting.faults else None
    training = NMRTraining(
        setting.model(),
        WindowConfig(options.window, options.batch, faults=faults),
        LoopConfig(
            options.steps,
            options.learning_rate,
            warmup=min(500, options.steps // 10),
            precision=options.precision,
            validate_every=options.steps,
            best="points_cm",
            minutes=options.minutes_each,
            seed=seed,
            device=options.device,
        ),
        threads=options.threads,
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        made = train_nmr(
            options.data,
            options.validation,
            Path(folder) / "run",
            training,
            kinds=setting.kinds,
            hours=setting.hours,
        )
        [weights] = Path(folder).glob("run/last.safetensors")
        size = weights.stat().st_size
    windows = Windows(
        load_pairs(options.validation), WindowConfig(options.window, 64, faults=FaultConfig(), spoilt=1.0)
    )
    return {
        "setting": asdict(setting),
        "seed": seed,
        "steps": made.step,
        "parameters": sum(p.numel() for p in made.average.parameters()),
        "bytes": size,
        "clean": made.validation,
        "spoilt": validate(made.average, [windows(step) for step in range(SPOILT)]),
        "seconds": round(time.monotonic() - began, 1),
        "device": torch.cuda.get_device_name() if options.device.startswith("cuda") else "cpu",
    }


def code_version(options: Options) -> str:
    """Changes with the code that trains, and with the lists of pairs."""
    package = machine.ROOT / "src" / "understudy"
    networks = [package / "retarget" / f"nmr_{part}.py" for part in ("mirror", "model", "network", "train")]
    lists = [folder / "pairs.jsonl" for folder in (options.data, options.validation)]
    missing = [folder for folder in lists if not folder.is_file()]
    if missing:
        raise UnderstudyError(
            f"{missing[0].parent} is no folder of pairs. `understudy learn pairs` makes one."
        )
    return code_digest([*sorted((package / "learn").glob("*.py")), *networks, *lists])


def key_of(setting: Setting, seed: int, options: Options, version: str) -> str:
    """What a training depends on, as a hash."""
    same = ("steps", "minutes_each", "batch", "window", "learning_rate", "precision")
    facts = (asdict(setting), seed, [getattr(options, name) for name in same], version)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def read_rows(path: Path) -> dict[str, dict[str, Any]]:
    """Trainings that are done, by their keys; a line that an interruption cut short is none."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return {row["key"]: row for row in rows}


def write(places: list[Point], rows: dict[str, dict[str, Any]], options: Options) -> None:
    """The page, its numbers and its picture, of what is done so far."""
    found = nmr_curves_page.pooled(
        [(p.group, p.label, asdict(p.setting)) for p in places], list(rows.values())
    )
    document = {
        "facts": machine.facts(machine.command("nmr_curves", options)),
        "devices": sorted({row["device"] for row in rows.values()}),
        **{name: getattr(options, name) for name in ("steps", "seeds", "batch", "window", "hours", "size")},
        "points": found,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "nmr_curves.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.out / "nmr_curves.md").write_text(nmr_curves_page.page(document), encoding="utf-8")
    nmr_curves_page.draw(found, options.out / "nmr_curves.png")


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
