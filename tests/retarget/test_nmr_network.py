"""The network of NMR: sizes, shapes, what it may see, and that it learns."""

from dataclasses import replace

import pytest
import torch

from understudy.errors import ShapeError, UnknownName
from understudy.retarget.nmr_network import (
    CONVOLVED,
    SIZES,
    NMRNetwork,
    network_config,
    reach,
)

F_IN, F_OUT = 20, 12


def network(seed=0, **changes):
    torch.manual_seed(seed)
    return NMRNetwork(network_config("tiny", **changes), F_IN, F_OUT).eval()


def clip(batch, time, seed=1):
    return torch.randn(batch, time, F_IN, generator=torch.Generator().manual_seed(seed))


def smooth_pairs(batch, time):
    """Slow waves, and targets that are a curved function of each frame."""
    generator = torch.Generator().manual_seed(2)
    phase = torch.rand(batch, 1, 6, generator=generator) * 6.3
    pace = 0.5 + torch.rand(batch, 1, 6, generator=generator)
    wave = torch.sin(torch.arange(time)[:, None] / 30 * 6.3 * pace + phase)
    human = wave @ torch.randn(6, F_IN, generator=generator)
    return human, torch.tanh(wave @ torch.randn(6, F_OUT, generator=generator))


def normalise(model, human, robot):
    for name, data in (("human", human), ("robot", robot)):
        getattr(model, f"{name}_mean").copy_(data.mean((0, 1)))
        getattr(model, f"{name}_std").copy_(data.std((0, 1)))


def l1(model, human, robot):
    """In standard deviations."""
    return ((model(human) - robot) / model.robot_std).abs().mean()


@pytest.mark.parametrize(
    ("size", "most"), [("tiny", 0.4e6), ("small", 6e6), ("medium", 15e6), ("base", 36e6)]
)
def test_sizes_keep_within_their_numbers(size, most):
    with torch.device("meta"):
        model = NMRNetwork(network_config(size), 274, 218)
    assert 0.5 * most < sum(p.numel() for p in model.parameters()) <= most


def test_the_largest_has_the_width_layers_and_heads_of_the_released_code():
    assert (SIZES["base"].width, SIZES["base"].layers, SIZES["base"].heads) == (512, 8, 8)


def test_an_unknown_size_is_named():
    with pytest.raises(UnknownName, match=r"size of the network 'smal'.*'small'"):
        network_config("smal")


@pytest.mark.parametrize("time", [4, 8, 100])
@pytest.mark.parametrize("skip", [True, False])
def test_a_frame_goes_in_and_a_frame_comes_out(time, skip):
    with torch.inference_mode():
        assert network(skip=skip)(clip(3, time)).shape == (3, time, F_OUT)


def test_a_time_that_four_does_not_divide_is_refused():
    with pytest.raises(ShapeError, match="a multiple of 4 frames, and was given 10"):
        network()(clip(1, 10))


def test_statistics_are_part_of_the_network():
    model, human = network(), clip(4, 32) * 5 + 3
    robot = torch.randn(4, 32, F_OUT) * 0.2 - 1
    normalise(model, human, robot)
    torch.testing.assert_close(model.robot_mean, robot.mean((0, 1)))
    with torch.inference_mode():
        made = model(human)
        torch.testing.assert_close(
            made, model.normalised(human) * model.robot_std + model.robot_mean, rtol=1e-4, atol=1e-5
        )
    assert {"human_mean", "human_std", "robot_mean", "robot_std"} <= model.state_dict().keys()


@pytest.mark.parametrize("frames", [32, 30, 29])
def test_padding_changes_nothing_whatever_it_holds_and_however_much_there_is(frames):
    model, human = network(), clip(2, 48)
    valid = torch.zeros(2, 48, dtype=torch.bool)
    valid[0] = True
    valid[1, :frames] = True
    spoilt = human.clone()
    spoilt[1, frames:] = torch.nan
    short = -(-frames // 4) * 4
    with torch.inference_mode():
        made = model(human, valid)
        torch.testing.assert_close(model(spoilt, valid)[valid], made[valid], rtol=0, atol=0)
        alone = model(human[1:, :short], valid[1:, :short])
        torch.testing.assert_close(alone[0, :frames], made[1, :frames], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(human[:1]), made[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("span", [(3, 0), (2, 1)])
def test_a_span_hides_what_lies_beyond_its_reach_and_shows_what_lies_within(span):
    model = network(span=span)
    back, ahead = reach(model.config)
    human = clip(1, 200).requires_grad_()
    for frame in range(98, 102):
        [slope] = torch.autograd.grad(model(human)[0, frame].sum(), human)
        seen = torch.nonzero(slope[0].abs().sum(-1))[:, 0]
        assert frame - back <= seen.min()
        assert seen.max() <= frame + ahead
        assert seen.max() >= frame + ahead - 8


def test_without_a_span_every_frame_depends_on_all():
    model, human = network(), clip(1, 160).requires_grad_()
    [slope] = torch.autograd.grad(model(human)[0, 2].sum(), human)
    assert reach(model.config) is None
    assert torch.all(slope[0].abs().sum(-1) > 0)
    assert reach(replace(model.config, span=(0, 0))) == (CONVOLVED, CONVOLVED)


def test_the_same_seed_makes_the_same_network():
    human = clip(1, 16)
    with torch.inference_mode():
        assert torch.equal(network(3)(human), network(3)(human))
        assert not torch.equal(network(3)(human), network(4)(human))


def test_clips_of_a_batch_do_not_meet():
    model, human = network(), clip(3, 32)
    with torch.inference_mode():
        torch.testing.assert_close(model(human)[1:2], model(human[1:2]), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def learned():
    """A tiny network that has learned two windows by heart."""
    human, robot = smooth_pairs(2, 96)
    model = network().train()
    normalise(model, human, robot)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3)
    steps = 300
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
        loss = l1(model, human, robot)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval(), human, robot


def test_two_windows_are_learned_by_heart(learned):
    model, human, robot = learned
    with torch.inference_mode():
        assert float(l1(model, human, robot)) < 0.02


def test_upsampling_leaves_no_pattern_of_four_frames(learned):
    """Errors of the second difference are alike whichever of a token's four frames they are at."""
    model, human, robot = learned
    with torch.inference_mode():
        error = (model(human) - robot).diff(2, dim=1)[:, 6:-6]
    at = torch.stack([error[:, start::4][:, :20].abs().mean() for start in range(4)])
    assert float(at.max() / at.min()) < 1.5


def test_half_precision_of_tokens_leaves_the_motion_as_smooth(learned):
    model, human, robot = learned
    with torch.inference_mode():
        whole = model(human)
        half = network()
        half.load_state_dict(model.state_dict())
        made = half.halve_tokens()(human)
    assert float((made - whole).abs().max()) < 0.03
    roughness = [float(x.diff(2, dim=1).abs().mean()) for x in (robot, whole, made)]
    assert roughness[2] < 1.02 * roughness[1]
