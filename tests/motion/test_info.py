"""What `motion info` says about a clip."""

import json

import numpy as np
import pytest

from understudy.motion import LANDMARKS, sample
from understudy.motion.formats import bvh
from understudy.motion.info import describe


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("info") / "person.bvh"
    bvh.write(sample.motion("squat", fps=50.0), path)
    return bvh.read(path)


def test_the_body_is_measured(clip):
    info = describe(clip)
    assert info.stature == pytest.approx(1.75, abs=0.05)
    assert info.floor == pytest.approx(0.0, abs=0.03)
    place = {n: clip.pos[0, j] for j, n in enumerate(clip.skeleton.joints)}
    thigh, shin = (
        np.linalg.norm(place[a] - place[b])
        for a, b in (("left_hip", "left_knee"), ("left_knee", "left_ankle"))
    )
    assert info.leg_length == pytest.approx(thigh + shin, abs=1e-3)


def test_the_clip_is_described(clip):
    info = describe(clip)
    assert (info.name, info.fps, info.frames) == ("person", 50.0, clip.frames)
    assert info.duration == pytest.approx((clip.frames - 1) / 50.0)
    assert tuple(info.landmarks) == LANDMARKS
    assert info.landmarks["left_knee"] == "left_knee"
    assert "from it" in info.landmarks["left_hand"]
    assert {"unit", "up", "fps", "first frame", "landmarks", "root position"} <= set(info.inferred)


def test_it_is_ready_for_json(clip):
    info = describe(clip)
    back = json.loads(json.dumps(info.to_dict()))
    assert back["landmarks"]["head"] == "head"
    assert back["history"][0]["arrow"] == "read"


def test_a_clip_without_a_file_can_be_described():
    assert describe(sample.motion("stand")).stature == pytest.approx(1.75, abs=0.06)
