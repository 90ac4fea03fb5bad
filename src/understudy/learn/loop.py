"""The one training loop: any model with a loss, any source of batches, nothing about what is learned.

A model has ``loss(batch) → dict`` with the key "total". Batches are a function of their number, and every step seeds
torch by its own, so a run that was interrupted goes on to the same weights, bit for bit, as one that was not.
Under ``torchrun`` each process takes batches of its own and gradients are averaged.
"""

import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, distributed, nn
from torch.optim import swa_utils

from understudy.errors import UnderstudyError, UnknownName
from understudy.learn.resuming import Metrics, Run, cut_log, load_run, save_run

Batch = Mapping[str, Tensor]
STATE, BEST, LAST, LOG = "state.safetensors", "best.safetensors", "last.safetensors", "log.jsonl"
"""The files of a training folder: all that resuming needs, averaged weights of the best validation and of the last
one, and a line of JSON for every report."""


@dataclass(frozen=True)
class LoopConfig:
    """How long, how fast, how precisely, and how often something is written down."""

    steps: int
    learning_rate: float = 2e-4
    """At its peak."""
    warmup: int = 500
    """Steps of a linear rise, before the cosine to zero at the last step."""
    weight_decay: float = 0.01
    """Of matrices alone."""
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Decay of the exponential average of the weights, which is what is validated and kept."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of matrix products; everything that is summed stays in single precision."""
    log_every: int = 50
    validate_every: int = 1000
    """Steps between validations; the state is saved at each."""
    best: str = "total"
    """The metric of the validation that chooses the best weights: the lowest."""
    minutes: float | None = None
    """Stop after so long, with everything saved that resuming needs."""
    seed: int = 0
    device: str = "cpu"


def train(
    model: nn.Module,
    batches: Callable[[int], Batch],
    config: LoopConfig,
    folder: str | Path,
    *,
    keep: Callable[[Path, nn.Module, Metrics], None],
    validate: Callable[[nn.Module], Metrics] | None = None,
    resume: bool = False,
    progress: Callable[[int, Metrics], None] | None = None,
) -> Run:
    """Train ``model`` in place, its files in ``folder``; the averaged weights are in the result.

    ``batches(i)`` makes the i-th batch, always the same one; ``validate`` measures the averaged model; ``keep(path,
    model, metrics)`` writes its weights; ``progress(step, metrics)`` hears what the log hears. Without ``validate``
    there is no best file, only the last.

    Raises UnderstudyError if the folder holds a training and ``resume`` is False, or if the loss is no longer finite
    (the state saved before that stays); CheckpointError if the state there is damaged or of another model; UnknownName
    if the validation has no metric ``config.best``.
    """
    folder, state = Path(folder), Path(folder) / STATE
    if state.exists() and not resume:
        raise UnderstudyError(f"{folder} holds a training already. Resume it, or choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    tell = _teller(folder / LOG, progress)
    with _processes(config) as (rank, world, device):
        run = _start(model, config, device)
        if state.exists():
            load_run(run, state)
            if rank == 0:
                cut_log(folder / LOG, run.step)
        measured = _Loss(run.model)
        if world > 1:
            measured = nn.parallel.DistributedDataParallel(measured)
        began, before, ends = time.monotonic(), run.seconds, run.step >= config.steps
        while not ends:
            number = run.step * world + rank
            parts = _step(run, measured, batches(number), config, seed=config.seed + number)
            passed = time.monotonic() - began
            run.seconds = before + passed
            late = config.minutes is not None and passed > 60 * config.minutes
            ends = run.step >= config.steps or _any(late, device)
            saves = ends or run.step % config.validate_every == 0
            if saves or run.step % config.log_every == 0:
                metrics = {name: float(value) for name, value in parts.items()}
                _check(metrics["total"], run.step, folder)
                if rank == 0:
                    tell(run, "train", metrics)
            if saves and rank == 0:
                if validate is not None:
                    _validate(run, validate, config.best, tell, lambda m: keep(folder / BEST, run.average, m))
                keep(folder / LAST, run.average, run.validation)
                save_run(run, state, asdict(config))
    return run


class _Loss(nn.Module):
    """The loss as the forward pass of a module, which is where gradients are shared between processes."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return self.model.loss(batch)  # pyright: ignore[reportCallIssue]


@contextmanager
def _processes(config: LoopConfig) -> Iterator[tuple[int, int, torch.device]]:
    """This process's rank, how many there are, and its device; a group of them is made if ``torchrun`` started it."""
    if not (distributed.is_available() and distributed.is_torchelastic_launched()):
        yield 0, 1, torch.device(config.device)
        return
    cuda, device = config.device.startswith("cuda"), torch.device(config.device)
    distributed.init_process_group("nccl" if cuda else "gloo")
    if cuda:
        local = distributed.get_node_local_rank()  # pyright: ignore[reportPrivateImportUsage]
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    try:
        yield distributed.get_rank(), distributed.get_world_size(), device
    finally:
        distributed.destroy_process_group()


def _any(late: bool, device: torch.device) -> bool:
    """Whether any process says so: all have to stop at the same step."""
    if not distributed.is_initialized():
        return late
    said = torch.tensor(float(late), device=device)
    distributed.all_reduce(said, distributed.ReduceOp.MAX)
    return bool(said > 0)


def _start(model: nn.Module, config: LoopConfig, device: torch.device) -> Run:
    model = model.to(device).train()
    average = copy.deepcopy(model).eval().requires_grad_(False)
    matrices = [p for p in model.parameters() if p.requires_grad and p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.requires_grad and p.dim() < 2]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=config.betas,
        fused=True,
    )
    return Run(model, average, optimiser)


def _step(run: Run, measured: nn.Module, batch: Batch, config: LoopConfig, seed: int) -> dict[str, Any]:
    """One batch, one step of the optimiser and of the average. The parts of the loss, rate and norm of gradient."""
    device = next(run.model.parameters()).device
    torch.manual_seed(seed)
    rate = config.learning_rate * _schedule(run.step, config)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    batch = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
    with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        parts = measured(batch)
    run.optimiser.zero_grad()
    parts["total"].backward()
    norm = nn.utils.clip_grad_norm_(run.model.parameters(), config.clip)
    run.optimiser.step()
    run.step += 1
    decay = min(config.average, (1 + run.step) / (10 + run.step))  # the first weights are soon forgotten
    follow = swa_utils.get_ema_multi_avg_fn(decay)
    follow(tuple(run.average.parameters()), tuple(run.model.parameters()), None)
    return {name: value.detach() for name, value in parts.items()} | {"learning_rate": rate, "gradient": norm}


def _schedule(step: int, config: LoopConfig) -> float:
    """The share of the peak learning rate at a step: up in a line, down in half a cosine."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    return 0.5 + 0.5 * math.cos(math.pi * (step - config.warmup) / max(1, config.steps - config.warmup))


def _check(loss: float, step: int, folder: Path) -> None:
    if not math.isfinite(loss):
        raise UnderstudyError(
            f"The loss is {loss} at step {step}. Lower the learning rate, or look for numbers in the data that are not "
            f"finite. What was saved before is in {folder}."
        )


def _validate(
    run: Run,
    validate: Callable[[nn.Module], Metrics],
    best: str,
    tell: Callable[[Run, str, Metrics], None],
    keep: Callable[[Metrics], None],
) -> None:
    """Measure the averaged weights, and keep them if they are the best so far."""
    with torch.inference_mode():
        run.validation = validate(run.average)
    if best not in run.validation:
        raise UnknownName("metric of the validation", best, run.validation)
    tell(run, "validation", run.validation)
    if run.validation[best] < run.lowest:
        run.lowest = run.validation[best]
        keep(run.validation)


def _teller(
    log: Path, progress: Callable[[int, Metrics], None] | None
) -> Callable[[Run, str, Metrics], None]:
    """What writes a line into the log, and tells whoever watches."""

    def tell(run: Run, kind: str, metrics: Metrics) -> None:
        line = {"step": run.step, "kind": kind, "seconds": round(run.seconds, 3), **metrics}
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if progress is not None:
            progress(run.step, metrics)

    return tell
