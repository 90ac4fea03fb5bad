"""The training loop on a toy: it learns, goes on where it was, and says what it does."""

import json

import pytest
import torch
from torch import nn

from understudy.errors import CheckpointError, UnderstudyError, UnknownName
from understudy.learn.checkpoint import load_checkpoint, save_checkpoint
from understudy.learn.loop import BEST, LAST, LOG, STATE, LoopConfig, train


class Toy(nn.Module):
    """Fits y = 3 x − 1; its dropout makes every step depend on torch's random numbers."""

    def __init__(self, width=8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Dropout(0.1), nn.Linear(width, 1))

    def loss(self, batch):
        error = self.layers(batch["x"]) - batch["y"]
        return {"total": error.square().mean(), "largest": error.abs().max()}


def toy(seed=0, width=8):
    torch.manual_seed(seed)
    return Toy(width)


def batches(number):
    x = torch.rand(32, 1, generator=torch.Generator().manual_seed(number)) * 2 - 1
    return {"x": x, "y": 3 * x - 1}


def validate(model):
    return {name: float(value) for name, value in model.loss(batches(10**6)).items()}


def keep(path, model, metrics):
    save_checkpoint(path, model.state_dict(), kind="toy", config={}, notes=metrics)


def config(**changes):
    return LoopConfig(
        **{"steps": 40, "warmup": 5, "learning_rate": 2e-2, "log_every": 10, "validate_every": 10} | changes
    )


def log_of(folder):
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def same(a, b):
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def test_a_mapping_is_learned_and_the_best_weights_kept(tmp_path):
    model = toy()
    with torch.no_grad():
        before = validate(model)["total"]
    run = train(model, batches, config(steps=300, average=0.9), tmp_path, keep=keep, validate=validate)
    assert validate(run.average)["total"] < 0.02 * before
    best = load_checkpoint(tmp_path / BEST, "toy")
    lines = [line for line in log_of(tmp_path) if line["kind"] == "validation"]
    assert best.notes["total"] == min(line["total"] for line in lines) == run.lowest
    assert load_checkpoint(tmp_path / LAST, "toy").notes["total"] == lines[-1]["total"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_interrupted_training_ends_with_the_same_weights_to_the_bit(tmp_path, precision):
    whole = train(
        toy(), batches, config(precision=precision), tmp_path / "whole", keep=keep, validate=validate
    )

    class Stop(Exception):
        pass

    def stumble(number):
        if number == 27:
            raise Stop
        return batches(number)

    with pytest.raises(Stop):
        train(toy(), stumble, config(precision=precision), tmp_path / "parts", keep=keep, validate=validate)
    again = train(
        toy(seed=9), batches, config(precision=precision), tmp_path / "parts", keep=keep, validate=validate,
        resume=True,
    )  # fmt: skip
    assert same(whole.model, again.model)
    assert same(whole.average, again.average)
    assert whole.lowest == again.lowest

    def timeless(folder):
        return [{k: v for k, v in line.items() if k != "seconds"} for line in log_of(folder)]

    assert timeless(tmp_path / "whole") == timeless(tmp_path / "parts")


def test_the_log_tells_steps_parts_rate_and_gradient_and_so_does_progress(tmp_path):
    heard = []
    train(
        toy(),
        batches,
        config(),
        tmp_path,
        keep=keep,
        progress=lambda step, metrics: heard.append((step, metrics)),
    )
    lines = log_of(tmp_path)
    assert [line["step"] for line in lines] == [10, 20, 30, 40] == [step for step, _ in heard]
    assert all(
        {"kind", "seconds", "total", "largest", "learning_rate", "gradient"} <= line.keys() for line in lines
    )
    assert lines[-1]["learning_rate"] < 0.01 * lines[0]["learning_rate"] < config().learning_rate
    assert [metrics["total"] for _, metrics in heard] == [line["total"] for line in lines]
    assert not (tmp_path / BEST).exists()


def test_a_limit_of_minutes_ends_with_a_state_from_which_it_goes_on(tmp_path):
    run = train(toy(), batches, config(minutes=0.0), tmp_path, keep=keep, validate=validate)
    assert run.step == 1
    assert (tmp_path / STATE).exists()
    assert train(toy(), batches, config(), tmp_path, keep=keep, validate=validate, resume=True).step == 40


def test_a_finished_training_that_is_resumed_does_nothing(tmp_path):
    first = train(toy(), batches, config(), tmp_path, keep=keep)
    lines = log_of(tmp_path)
    assert same(train(toy(1), batches, config(), tmp_path, keep=keep, resume=True).model, first.model)
    assert log_of(tmp_path) == lines


def test_a_folder_with_a_training_is_not_overwritten(tmp_path):
    train(toy(), batches, config(), tmp_path, keep=keep)
    with pytest.raises(UnderstudyError, match="holds a training already"):
        train(toy(), batches, config(), tmp_path, keep=keep)


def test_a_state_of_another_model_is_refused(tmp_path):
    train(toy(), batches, config(), tmp_path, keep=keep)
    with pytest.raises(CheckpointError, match="do not fit the model"):
        train(toy(width=9), batches, config(), tmp_path, keep=keep, resume=True)


def test_a_loss_that_is_not_finite_ends_the_training_and_leaves_what_was_saved(tmp_path):
    def broken(number):
        batch = batches(number)
        return batch if number < 15 else {"x": batch["x"], "y": batch["y"] * torch.nan}

    with pytest.raises(UnderstudyError, match="The loss is nan at step 20"):
        train(toy(), broken, config(), tmp_path, keep=keep)
    assert load_checkpoint(tmp_path / STATE, "training").notes["step"] == 10


def test_the_metric_that_chooses_must_be_measured(tmp_path):
    with pytest.raises(UnknownName, match=r"metric of the validation 'totl'.*'total'"):
        train(toy(), batches, config(best="totl"), tmp_path, keep=keep, validate=validate)


def test_vectors_do_not_decay_and_the_average_trails_the_weights(tmp_path):
    run = train(toy(), batches, config(), tmp_path, keep=keep)
    matrices, vectors = run.optimiser.param_groups
    assert {p.dim() for p in matrices["params"]} == {2}
    assert matrices["weight_decay"] > vectors["weight_decay"] == 0.0
    assert not same(run.model, run.average)
