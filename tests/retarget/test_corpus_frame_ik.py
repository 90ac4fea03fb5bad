"""FrameIK on real motion capture of every skeleton convention: what must hold on any clip, and starts anywhere."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import evaluate, motion, robots
from understudy.retarget import FrameIK

pytestmark = pytest.mark.corpus

CLIPS = (
    "animated_drawings/fair1/dab.bvh",
    "animated_drawings/fair1/jumping.bvh",
    "animated_drawings/rokoko/jesse_dance.bvh",
    "cmu_daz/01/01_08.bvh",
    "cmu_daz/03/03_01.bvh",
    "cmu_daz/05/05_11.bvh",
    "cmu_daz/09/09_01.bvh",
    "cmu_daz/12/12_01.bvh",
    "cmu_daz/13/13_31.bvh",
    "cmu_daz/14/14_29.bvh",
    "cmu_iclone/005/005_06.bvh",
    "cmu_iclone/005/005_19.bvh",
    "cmu_iclone/006/006_02.bvh",
    "cmu_max/131_03.bvh",
    "cmu_mb/05_06.bvh",
    "cmu_rnn_indian/94_15.bvh",
    "cmu_rnn_martial/135_06.bvh",
    "cmu_rnn_salsa/60_01.bvh",
    "cmu_rnn_salsa/61_07.bvh",
    "hhtools_mocap/*.bvh",
    "hhtools_xsens/stand.bvh",
    "bandai_namco/ds1/dataset-1_bye_feminine_001.bvh",
    "bandai_namco/ds1/dataset-1_dash_musical_001.bvh",
    "bandai_namco/ds1/dataset-1_walk-left_tired_001.bvh",
    "bandai_namco/ds2/dataset-2_raise-up-both-hands_active_062.bvh",
    "bandai_namco/ds2/dataset-2_run_active_027.bvh",
    "bandai_namco/ds2/dataset-2_walk-turn-left_feminine_001.bvh",
    "bandai_namco/ds2/dataset-2_wave-both-hands_masculine_017.bvh",
)
"""Thirty clips, none of them of the test split."""
BROKEN = ("05_06", "005_06")
"""A take whose ankles lie upside down in the data: it must be certified, but has no pose to be faithful to."""


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def find(corpus, pattern):
    kind = "noncommercial" if pattern.startswith("bandai_namco") else "permissive"
    return sorted((corpus / kind).glob(pattern))


@pytest.mark.parametrize("pattern", CLIPS)
def test_a_real_clip_becomes_a_certified_motion(corpus, g1, pattern):
    paths = find(corpus, pattern)
    assert paths
    for path in paths:
        human = motion.load(path)
        if human.fps > 60:
            human = motion.sample_every(human, 60.0)
        [robot_motion] = FrameIK(g1)([human])
        report = evaluate.report(robot_motion, human, g1)
        assert report.certificate.passed, report.certificate.to_dict()
        assert report["unexplained_jumps"].value == 0
        assert report["above_motor_speed"].value == 0
        assert report["outside_range"].value == 0
        assert report["self_collision"].value <= 1.0
        if path.stem not in BROKEN:
            assert report["keypoint_error"].value < 4.5
            assert report["orientation_error"].value < 15.0


def test_no_start_in_the_middle_of_a_clip_is_stuck(corpus, g1):
    """200 clips cut at random: the first frame is as good as the one that a run from the clip's beginning has there."""
    rng = np.random.default_rng(0)
    paths = [p for pattern in CLIPS for p in find(corpus, pattern) if p.stem not in BROKEN]
    retarget, stuck, starts = FrameIK(g1), [], 0
    while starts < 200:
        path = paths[rng.integers(len(paths))]
        human = motion.sample_every(motion.load(path), 30.0)
        [whole] = retarget([human])
        reference = evaluate.report(whole, human, g1).series["keypoint_error_m"]
        for t in rng.integers(0, human.frames - 5, 10):
            cut = replace(human, pos=human.pos[t : t + 5], quat=human.quat[t : t + 5], tracks={})
            # Where the floor is depends on the clip; a start is judged by its pose.
            error = evaluate.report(retarget([cut])[0], cut, g1).series["keypoint_error_m"]
            starts += 1
            if error[0] > reference[t] + 0.03:
                stuck.append((path.name, int(t), float(error[0]), float(reference[t])))
    assert not stuck
