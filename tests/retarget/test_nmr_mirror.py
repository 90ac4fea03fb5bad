"""A network that treats left and right alike."""

import pytest
import torch

from understudy.errors import ShapeError
from understudy.retarget.nmr_mirror import Mirror, tie, untie
from understudy.retarget.nmr_network import NMRNetwork, network_config


def some_mirror(width):
    """A third changes places with another, and of the rest every second number changes its sign."""
    order, third = torch.arange(width), width // 3
    order[:third], order[third : 2 * third] = torch.arange(third, 2 * third), torch.arange(third)
    sign = torch.ones(width)
    sign[2 * third :: 2] = -1
    sign[:third:3] = sign[third : 2 * third : 3] = -1
    return Mirror(order, sign)


def mirrored(mirror, x):
    return mirror.sign * x[..., mirror.order]


@pytest.fixture
def tied():
    torch.manual_seed(0)
    network = NMRNetwork(network_config("tiny"), 31, 20)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    human, robot = some_mirror(31), some_mirror(20)
    tie(network, human, robot)
    return network, human, robot


def test_what_it_makes_of_a_mirrored_human_is_the_mirrored_robot(tied):
    network, human, robot = tied
    x = torch.randn(2, 40, 31)
    made = network(x)
    assert made.abs().mean() > 1e-2
    assert torch.allclose(network(mirrored(human, x)), mirrored(robot, made), atol=1e-5)


def test_it_is_so_for_padded_frames_too(tied):
    network, human, robot = tied
    x, valid = torch.randn(1, 24, 31), torch.arange(24)[None] < 18
    assert torch.allclose(network(mirrored(human, x), valid), mirrored(robot, network(x, valid)), atol=1e-5)


def test_training_keeps_it_so(tied):
    network, human, robot = tied
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    x, wanted = torch.randn(2, 16, 31), torch.randn(2, 16, 20)
    before = network(x).detach()
    for _ in range(5):
        optimiser.zero_grad()
        (network(x) - wanted).abs().mean().backward()
        optimiser.step()
    after = network(x)
    assert (after - before).abs().mean() > 1e-2
    assert torch.allclose(network(mirrored(human, x)), mirrored(robot, after), atol=1e-4)


def test_plain_weights_do_the_same(tied):
    network, _, _ = tied
    x = torch.randn(1, 16, 31)
    made = network(x)
    plain = untie(network)
    assert torch.allclose(plain(x), made, atol=1e-6)
    assert set(plain.state_dict()) == set(NMRNetwork(network_config("tiny"), 31, 20).state_dict())


def test_a_mirror_that_is_none_is_refused():
    with pytest.raises(ShapeError, match="twice"):
        Mirror(torch.tensor([1, 2, 0]), torch.ones(3))
    with pytest.raises(ShapeError, match="halves"):
        Mirror.of_halves(9)


@pytest.mark.parametrize("name", ["frame_in", "token_block", "out"])
def test_slopes_reach_tied_weights_as_the_transpose_says(tied, name):
    """Slopes take a path of their own: ⟨S w, p⟩ has the slope Sᵀ p, whose entries single weights tell."""
    layer = next(m for m in tied[0].get_submodule(name).modules() if hasattr(m, "parametrizations"))
    own = layer.parametrizations["weight"].original
    pull = torch.randn(own.shape, generator=torch.Generator().manual_seed(0))
    (layer.weight * pull).sum().backward()
    with torch.no_grad():
        kept = own.clone()
        for entry in range(0, own.numel(), max(1, own.numel() // 50)):
            own.zero_().view(-1)[entry] = 1.0
            assert torch.isclose((layer.weight * pull).sum(), own.grad.view(-1)[entry], atol=1e-6)
        own.copy_(kept)
