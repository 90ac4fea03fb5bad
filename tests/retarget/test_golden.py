"""FrameIK is as good as it was: a dozen real clips, none of the test split, against figures written down.

Where a change makes motion better, or worse on purpose, ``python -m benchmarks.golden`` writes them down anew.
"""

import json
from pathlib import Path

import pytest

from understudy import motion, retarget, robots
from understudy.evaluate.benchmark import measure

pytestmark = pytest.mark.corpus

GOLDEN = json.loads(Path(__file__).with_name("golden_frame_ik.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def frame_ik():
    return retarget.METHODS["frame-ik"](robots.load("unitree_g1"))


def test_no_golden_clip_is_of_the_test_split(corpus):
    held_out = (corpus / "test_clips.txt").read_text(encoding="utf-8")
    assert not [name for name in GOLDEN["clips"] if name in held_out]


@pytest.mark.parametrize("name", GOLDEN["clips"])
def test_motion_has_not_become_worse(corpus, frame_ik, name):
    golden, fps = GOLDEN["clips"][name], GOLDEN["fps"]
    human = motion.load(corpus / name, **golden["options"])
    human = motion.sample_every(human, fps) if human.fps > fps else human
    assert human.frames == golden["frames"]
    found = measure(name, human, "frame-ik", frame_ik)
    assert not found.error
    assert set(found.blocks["raw"].failing) <= set(golden["failing"])
    values = {m["key"]: m["value"] for m in found.blocks["raw"].metrics}
    worse = {}
    for key, was in golden["values"].items():
        share, amount = GOLDEN["tolerances"][key]
        if values[key] is None or values[key] > was * (1 + share) + amount:
            worse[key] = (was, values[key])
    assert not worse, f"golden and found: {worse}; if this is meant: {GOLDEN['command']}"
