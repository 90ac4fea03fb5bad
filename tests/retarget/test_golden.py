"""Our methods are as good as they were: a dozen real clips, none of the test split, against figures written down.

Where a change makes motion better, or worse on purpose, ``python -m benchmarks.golden`` writes them down anew.
"""

import json
from pathlib import Path

import pytest

from understudy import motion, retarget, robots
from understudy.evaluate.benchmark import measure

pytestmark = pytest.mark.corpus

GOLDEN = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).parent.glob("golden_*.json"))
]
CASES = [
    pytest.param(golden, name, id=f"{golden['method']}-{name}")
    for golden in GOLDEN
    for name in golden["clips"]
]


@pytest.fixture(scope="module")
def methods():
    g1 = robots.load("unitree_g1")
    return {golden["method"]: retarget.METHODS[golden["method"]](g1) for golden in GOLDEN}


def test_no_golden_clip_is_of_the_test_split(corpus):
    held_out = (corpus / "test_clips.txt").read_text(encoding="utf-8")
    assert not [name for golden in GOLDEN for name in golden["clips"] if name in held_out]


def test_every_method_of_ours_has_golden_clips():
    assert {golden["method"] for golden in GOLDEN} == set(retarget.METHODS) - retarget.BASELINES


@pytest.mark.parametrize(("golden", "name"), CASES)
def test_motion_has_not_become_worse(corpus, methods, golden, name):
    clip, fps = golden["clips"][name], golden["fps"]
    human = motion.load(corpus / name, **clip["options"])
    human = motion.sample_every(human, fps) if human.fps > fps else human
    assert human.frames == clip["frames"]
    found = measure(name, human, golden["method"], methods[golden["method"]])
    assert not found.error
    assert set(found.blocks["raw"].failing) <= set(clip["failing"])
    values = {m["key"]: m["value"] for m in found.blocks["raw"].metrics}
    worse = {}
    for key, was in clip["values"].items():
        share, amount = golden["tolerances"][key]
        if values[key] is None or values[key] > was * (1 + share) + amount:
            worse[key] = (was, values[key])
    assert not worse, f"golden and found: {worse}; if this is meant: {golden['command']}"
