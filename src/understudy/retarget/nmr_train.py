"""Training NMR: a folder of pairs in, a checkpoint out. Needs torch, numpy and safetensors alone."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from understudy.errors import CheckpointError, FormatError
from understudy.learn.checkpoint import load_checkpoint
from understudy.learn.features import RobotLayout
from understudy.learn.loop import LoopConfig, Run, train
from understudy.learn.windows import Pairs, WindowConfig, Windows, load_pairs
from understudy.retarget.nmr_files import KIND, model_of, save_nmr
from understudy.retarget.nmr_model import NMRModel, NMRModelConfig

Metrics = dict[str, float]
JUMP, NEAR = 0.5, 0.05
"""The paper's: rad in a frame that make a jump, rad from a limit that are near it."""
METRICS = (
    "points_cm", "soles_cm", "joints_deg", "deep_mm", "jumps_pct", "limits_pct", "bend", "bend_taught", "total"
)  # fmt: skip
STATISTICS = 40
"""Batches that means and standard deviations are taken from."""


@dataclass(frozen=True)
class NMRTraining:
    """A whole training."""

    model: NMRModelConfig = field(default_factory=NMRModelConfig)
    windows: WindowConfig = field(default_factory=WindowConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=20_000, best="points_cm"))
    validation_windows: int = 512
    """Clean windows that the averaged weights are measured on."""
    threads: int = 0
    """Of the processor; torch's own choice if 0."""


def train_nmr(
    data: Path,
    validation: Path | None,
    out: Path,
    training: NMRTraining,
    *,
    start: Path | None = None,
    resume: bool = False,
    kinds: tuple[str, ...] | None = None,
    hours: float | None = None,
    progress: Callable[[int, Metrics], None] | None = None,
) -> Run:
    """Train on the pairs in ``data``, into the folder ``out``: the best and the last weights, and ``log.jsonl``.

    ``validation`` is another folder of pairs; without it some clips of ``data`` are kept back (``kept_back``).
    ``start`` is a checkpoint to begin from (stage 2 of the paper); ``kinds`` and ``hours`` keep some pairs only. Raises
    FormatError for folders without pairs, CheckpointError for a start of another shape.
    """
    if training.threads:
        torch.set_num_threads(training.threads)
    robot, tree = read_robot(data)
    if validation is None:
        pairs, held = (load_pairs(data, kinds, hours, part) for part in ("learnt", "kept back"))
    else:
        pairs, held = load_pairs(data, kinds, hours), load_pairs(validation)
    windows = Windows(pairs, training.windows, training.loop.seed)
    torch.manual_seed(training.loop.seed)
    model = _model(training.model, robot, tree, start)
    if start is None:
        clean = Windows(pairs, replace(training.windows, faults=None), training.loop.seed)
        model.normalise([clean(step) for step in range(STATISTICS)])
    test = _held_out(held, training)
    notes = {"training": asdict(training), "pairs": {"hours": round(pairs.hours, 3), "kinds": count(pairs)}}

    def keep(path: Path, model: nn.Module, metrics: Metrics) -> None:
        assert isinstance(model, NMRModel)
        save_nmr(path, model, {**notes, "validation": metrics})

    return train(
        model,
        windows,
        training.loop,
        out,
        keep=keep,
        validate=lambda m: validate(m, test),
        resume=resume,
        progress=progress,
    )


def read_robot(folder: Path) -> tuple[RobotLayout, dict[str, np.ndarray]]:
    """What a folder of pairs says of its robot: names, limits, mirror; the tree of its links. Raises FormatError."""
    path = folder / "pairs.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return RobotLayout.from_json(told["robot"]), {
            name: np.asarray(value) for name, value in told["tree"].items()
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(path, f"it does not tell which robot the pairs are of ({error}).") from error


def count(pairs: Pairs) -> dict[str, float]:
    """Hours of each kind of pair."""
    frames = np.bincount(pairs.clip, minlength=len(pairs.kinds))
    found: dict[str, float] = {}
    for kind, many in zip(pairs.kinds, frames, strict=True):
        found[kind] = found.get(kind, 0.0) + many / pairs.fps / 3600.0
    return {kind: round(hours, 3) for kind, hours in found.items()}


@torch.inference_mode()
def validate(model: nn.Module, batches: list[Mapping[str, Tensor]]) -> Metrics:
    """Over clean windows that were held out: how far the robot's bodies and soles are from the teacher's (cm), and its
    joints (deg); how deep bodies are in each other or their margins (mm, summed over pairs); frames with a joint jump
    and near a limit (%, as the paper counts them); how much joints accelerate compared with the teacher's; the loss."""
    assert isinstance(model, NMRModel)
    sums = dict.fromkeys(METRICS, 0.0)
    device = next(model.parameters()).device
    lower, upper = (torch.tensor(side, device=device) for side in (model.robot.lower, model.robot.upper))
    for held in batches:
        batch = {name: values.to(device) for name, values in held.items()}
        parts = model.loss(batch)
        _, _, joints = model(batch["human_pos"], batch["human_quat"], batch["size"])
        taught = batch["robot_joint_pos"]
        limited = torch.minimum(torch.maximum(joints, lower), upper)
        sums["total"] += float(parts["total"])
        sums["points_cm"] += 100.0 * model.robot.size * float(parts["points"])
        sums["soles_cm"] += 100.0 * model.robot.size * float(parts["soles"])
        sums["deep_mm"] += 1000.0 * model.robot.size * float(parts["bodies"])
        sums["joints_deg"] += float((joints - taught).abs().mean().rad2deg())
        sums["jumps_pct"] += 100.0 * float((limited.diff(dim=1).abs() > JUMP).any(-1).float().mean())
        near = (limited - lower < NEAR) | (upper - limited < NEAR)
        sums["limits_pct"] += 100.0 * float(near.any(-1).float().mean())
        sums["bend"] += float(limited.diff(n=2, dim=1).abs().mean())
        sums["bend_taught"] += float(taught.diff(n=2, dim=1).abs().mean())
    found = {name: value / len(batches) for name, value in sums.items()}
    found["bend_ratio"] = found.pop("bend") / found.pop("bend_taught")
    return found


def _held_out(held: Pairs, training: NMRTraining) -> list[Mapping[str, Tensor]]:
    """The same clean windows at every validation, spread over the clips."""
    windows = Windows(held, replace(training.windows, faults=None, batch=64))
    many = min(training.validation_windows, len(windows.starts))
    starts = windows.starts[np.linspace(0, len(windows.starts) - 1, many).astype(int)]
    return [windows.cut(part, None) for part in np.array_split(starts, max(1, many // 64))]


def _model(
    config: NMRModelConfig, robot: RobotLayout, tree: Mapping[str, np.ndarray], start: Path | None
) -> NMRModel:
    model = NMRModel(config, robot, tree)
    if start is None:
        return model
    begun = model_of(load_checkpoint(start, KIND, robot.name))
    if (begun.config.kind, begun.config.network) != (config.kind, config.network):
        raise CheckpointError(start, "It is of another size or kind than the one to be trained.")
    # Plain weights of a tied network are their own symmetric part.
    plain, own = begun.state_dict(), model.state_dict()
    for name in own:
        source = name.replace(".parametrizations", "").removesuffix(".original")
        own[name] = plain.get(source, own[name])
    model.load_state_dict(own)
    return model
