"""Faults that windows are spoilt with while a network learns."""

from dataclasses import replace

import pytest
import torch

from understudy.learn.faults import FaultConfig, spoil
from understudy.learn.tracks import human_tracks
from understudy.motion import sample
from understudy.motion.landmarks import LANDMARKS, PARENT_OF

NONE = FaultConfig(0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0)


@pytest.fixture(scope="module")
def windows():
    pos, quat = human_tracks(sample.motion("walk", fps=30.0))
    return torch.from_numpy(pos[:64]).expand(40, -1, -1, -1), torch.from_numpy(quat[:64]).expand(
        40, -1, -1, -1
    )


def spoilt(windows, config, seed=0):
    return spoil(*windows, torch.Generator().manual_seed(seed), config)


def moved(windows, config):
    """Which windows, and which frames of them, are not what they were."""
    pos, quat = spoilt(windows, config)
    off = torch.minimum((quat - windows[1]).abs(), (quat + windows[1]).abs())
    frames = ((pos - windows[0]).abs().amax((-1, -2)) > 1e-4) | (off.amax((-1, -2)) > 1e-4)
    return frames.any(1), frames


def test_nothing_is_done_where_nothing_is_asked_for(windows):
    assert not moved(windows, NONE)[0].any()


def test_the_same_seed_gives_the_same_faults(windows):
    first, again, other = (spoilt(windows, FaultConfig(), seed) for seed in (3, 3, 4))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_what_was_given_stays(windows):
    before = windows[0].clone(), windows[1].clone()
    spoilt(windows, FaultConfig())
    assert torch.equal(windows[0], before[0])
    assert torch.equal(windows[1], before[1])


def test_results_are_poses(windows):
    pos, quat = spoilt(windows, replace(FaultConfig(), share=1.0))
    assert torch.isfinite(pos).all()
    assert (quat.norm(dim=-1) - 1.0).abs().max() < 1e-5


def test_thrown_limbs_keep_their_bones(windows):
    """Turning a shoulder moves the elbow, and changes no length."""
    config = replace(NONE, share=1.0, throw=2.0, rate=0.1, longest=3)
    pos, _ = spoilt(windows, replace(config, longest=0, share=0.9))
    rows = [
        k for k, name in enumerate(LANDMARKS) if name.partition("_")[2] in ("elbow", "wrist", "knee", "ankle")
    ]
    above = [LANDMARKS.index(PARENT_OF[LANDMARKS[k]]) for k in rows]
    lengths = [(p[..., rows, :] - p[..., above, :]).norm(dim=-1) for p in (pos, windows[0])]
    same = (lengths[0] - lengths[1]).abs().amax(-1) < 1e-4
    # Frames with left and right exchanged have the other side's bones; a walker's are equal but for rounding.
    assert same.float().mean() > 0.95
    assert moved(windows, config)[1].float().mean() > 0.05


def test_a_pelvis_turns_over_alone(windows):
    pos, quat = spoilt(windows, replace(NONE, share=1.0, throw=2.0, longest=6))
    off = 1.0 - (quat * windows[1]).sum(-1).abs()
    alone = (
        (off[..., 0] > 0.02)
        & (off[..., 1:].amax(-1) < 1e-4)
        & ((pos - windows[0]).abs().amax((-1, -2)) < 1e-4)
    )
    assert alone.any(1).float().mean() > 0.3


def test_faults_come_to_their_share_of_windows(windows):
    few = moved(windows, replace(FaultConfig(), share=0.02))[0].float().mean()
    many = moved(windows, replace(FaultConfig(), share=0.5))[0].float().mean()
    assert few < 0.4 < 0.9 < many


def test_a_wrong_floor_lifts_all_of_a_window_by_the_same(windows):
    pos, quat = spoilt(windows, replace(NONE, share=1.0, floor=0.05, longest=0))
    rise = (pos - windows[0])[..., 2]
    sound = (quat - windows[1]).abs().amax((-1, -2)) < 1e-5
    assert sound.all(1).any()
    assert (rise.amax((1, 2)) - rise.amin((1, 2)))[sound.all(1)].max() < 1e-5
    assert rise.abs().max() > 0.02
