"""Where episodes start."""

import numpy as np
import pytest
import torch
from made_clips import still

from understudy.errors import LimitError, SkeletonMismatch, UnknownName
from understudy.motion import RobotMotion
from understudy.physics.clips_at_rate import ClipsAtRate
from understudy.physics.sampling import Starts, StartSampler

BODIES = ("pelvis", "torso_link")


@pytest.fixture(scope="module")
def clips(g1):
    """Bins of a second: one, three and five."""
    return ClipsAtRate.of(g1, [still(g1, frames) for frames in (20, 151, 249)], BODIES)


def drawn(sampler, count=4000, seed=0):
    found, frames = sampler.draw(count, torch.Generator().manual_seed(seed))
    return found.numpy(), frames.numpy()


def test_every_clip_has_bins_of_about_a_second(clips):
    assert StartSampler(clips, Starts()).bins.tolist() == [1, 4, 5]
    assert StartSampler(clips, Starts(bin_seconds=100.0)).bins.tolist() == [1, 1, 1]


def test_without_failures_all_bins_are_alike(clips):
    assert StartSampler(clips, Starts()).probabilities().numpy() == pytest.approx(np.full(10, 0.1))


def test_failures_are_an_average_that_fades(clips):
    sampler = StartSampler(clips, Starts(memory=0.9))
    failed = torch.tensor([1, 1, 2]), torch.tensor([0, 1, 248])
    sampler.note(*failed)
    assert sampler.failures[1].item() == pytest.approx(0.2)
    assert sampler.failures[9].item() == pytest.approx(0.1)
    nothing = torch.zeros(0, dtype=torch.long)
    sampler.note(nothing, nothing)
    assert sampler.failures[1].item() == pytest.approx(0.18)
    assert sampler.failures.sum().item() == pytest.approx(0.27)


def test_episodes_start_where_robots_failed(clips):
    sampler = StartSampler(clips, Starts())
    for _ in range(300):
        sampler.note(torch.tensor([2]), torch.tensor([120]))  # the third of its five bins
    found, frames = drawn(sampler)
    there = (found == 2) & (frames >= 98) & (frames <= 148)
    expected = sampler.probabilities()[7].item()
    assert expected > 0.7
    assert there.mean() == pytest.approx(expected, abs=0.03)
    assert set(found) == {0, 1, 2}


def test_a_kernel_starts_episodes_before_the_failure_and_within_the_clip(clips):
    sampler = StartSampler(clips, Starts(kernel=2, decay=0.5, uniform=1e-9))
    sampler.note(torch.tensor([1]), torch.tensor([60]))  # the second of four bins: bin 2 of all
    chances = sampler.probabilities().numpy()
    assert chances == pytest.approx(np.array([0, 1 / 3, 2 / 3, 0, 0, 0, 0, 0, 0, 0]), abs=1e-4)
    sampler = StartSampler(clips, Starts(kernel=2, decay=0.5, uniform=1e-9))
    sampler.note(torch.tensor([1]), torch.tensor([0]))  # a clip's first bin leaves the clip before alone
    assert sampler.probabilities().numpy() == pytest.approx(np.eye(10)[1], abs=1e-4)


def test_drawn_frames_have_a_successor_and_cover_the_clip(clips):
    sampler = StartSampler(clips, Starts(at="uniform"))
    assert sampler.probabilities().sum().item() == pytest.approx(1.0)
    found, frames = drawn(sampler)
    for clip, count in enumerate((20, 151, 249)):
        assert frames[found == clip].min() <= 2
        assert count - 5 <= frames[found == clip].max() <= count - 2
    assert (found == 2).mean() == pytest.approx(249 / 420, abs=0.03)


def test_beginnings_are_beginnings(clips):
    found, frames = drawn(StartSampler(clips, Starts(at="beginning")))
    assert not frames.any()
    assert np.bincount(found) == pytest.approx(np.full(3, 4000 / 3), rel=0.1)


def test_the_same_seed_draws_the_same(clips):
    sampler = StartSampler(clips, Starts())
    assert np.array_equal(drawn(sampler, seed=3), drawn(sampler, seed=3))
    assert not np.array_equal(drawn(sampler, seed=3), drawn(sampler, seed=4))


@pytest.mark.parametrize(
    "options", [{"bin_seconds": 0.0}, {"memory": 1.0}, {"uniform": 0.0}, {"kernel": 0}, {"decay": 0.0}]
)
def test_senseless_options_are_refused(options):
    with pytest.raises(LimitError, match="kernel at least 1"):
        Starts(**options)


def test_clips_that_cannot_be_tracked_are_refused(g1):
    with pytest.raises(LimitError, match="at least one clip"):
        ClipsAtRate.of(g1, [], BODIES)
    with pytest.raises(LimitError, match="dance has 1 frames"):
        ClipsAtRate.of(g1, [still(g1, 50), still(g1, 1, name="dance")], BODIES)
    with pytest.raises(UnknownName, match="torso_link"):
        ClipsAtRate.of(g1, [still(g1, 50)], ("torso",))
    one = RobotMotion("x", ("a",), 50.0, np.zeros((9, 3)), np.tile([1.0, 0, 0, 0], (9, 1)), np.zeros((9, 1)))
    with pytest.raises(SkeletonMismatch):
        ClipsAtRate.of(g1, [one], BODIES)
