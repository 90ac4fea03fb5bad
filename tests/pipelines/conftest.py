"""A folder of clips for jobs."""

import pytest

from understudy import motion
from understudy.motion import sample


@pytest.fixture
def clips(tmp_path):
    """A folder with twelve short clips, each of another length, in two folders."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    human = sample.motion("turn", fps=20.0)
    for i in range(12):
        motion.save(
            motion.trim(human, 0.0, 0.5 + i / 20), folder / ("deep" if i % 2 else "") / f"{i:02d}.npz"
        )
    return folder
