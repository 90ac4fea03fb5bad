"""A training on its way, and the file from which it goes on as if nothing had happened."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from understudy.learn.checkpoint import fill_from, load_checkpoint, save_checkpoint
from understudy.motion.files import atomic_path

Metrics = dict[str, float]


@dataclass
class Run:
    """A training on its way: what a checkpoint of its state holds."""

    model: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    """Spent in all, over every resumption."""
    lowest: float = math.inf
    """The best metric so far."""
    validation: Metrics = field(default_factory=dict)
    """The last one."""


def save_run(run: Run, path: Path, config: Mapping[str, Any]) -> None:
    """Everything that going on needs, in one file."""
    tensors = {f"model.{name}": value for name, value in run.model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in run.average.state_dict().items()}
    for number, moments in run.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in moments.items()}
    notes = {"step": run.step, "seconds": run.seconds, "lowest": run.lowest, "validation": run.validation}
    save_checkpoint(path, tensors, kind="training", config=config, notes=notes)


def load_run(run: Run, path: Path) -> None:
    """Put a saved state into ``run``. Raises CheckpointError if it is damaged, or of another model."""
    found = load_checkpoint(path, "training")
    for part, model in (("model", run.model), ("average", run.average)):
        own = {n.removeprefix(f"{part}."): t for n, t in found.tensors.items() if n.startswith(f"{part}.")}
        fill_from(model, own, path)
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in found.tensors.items():
        if name.startswith("optimiser."):
            _, number, moment = name.split(".")
            state.setdefault(int(number), {})[moment] = value
    run.optimiser.load_state_dict(run.optimiser.state_dict() | {"state": state})
    run.step, run.seconds = found.notes["step"], found.notes["seconds"]
    run.lowest, run.validation = found.notes["lowest"], found.notes["validation"]


def cut_log(path: Path, step: int) -> None:
    """Drop the lines after ``step``: what they tell of is done again."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    with atomic_path(path) as temporary:
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        temporary.write_text("".join(kept), encoding="utf-8")
