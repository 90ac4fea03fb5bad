"""Every BVH file of the corpus is read whole, its body found, its frames believable."""

import csv
from collections import defaultdict

import numpy as np
import pytest

from understudy.motion import LANDMARKS
from understudy.motion.formats import bvh
from understudy.motion.formats.bvh_text import parse
from understudy.motion.info import describe
from understudy.rotations import quat_angle, quat_apply

pytestmark = pytest.mark.corpus

SHARED_RIG = 8
"""Of the thousands of clips on one shared rig, every eighth is calibrated; the others are only parsed."""

# Of each skeleton, clips in which somebody mostly stands or walks.
STANDING = {
    "Bandai-Namco": "noncommercial/bandai_namco/ds1/dataset-1_bow_active_001.bvh",
    "Daz": "permissive/cmu_daz/14/14_37.bvh",
    "Character Creator": "permissive/cmu_iclone/006/006_15.bvh",
    "3ds Max": "permissive/cmu_max/131_01.bvh",
    "Xsens": "permissive/hhtools_xsens/stand.bvh",
    "Rokoko": "permissive/animated_drawings/rokoko/jesse_dance.bvh",
    "Z-up cartoon": "permissive/animated_drawings/fair1/dab.bvh",
}


@pytest.fixture(scope="module")
def rows(corpus):
    with (corpus / "index.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["file"].endswith(".bvh")]


@pytest.mark.slow
def test_all_files_are_read(corpus, rows):
    assert len(rows) >= 3100
    rigs = defaultdict(int)
    for row in rows:
        rigs[row["skeleton"]] += 1
        text = parse(corpus / row["file"])
        assert len(text.values) == int(row["frames"]), row["file"]
        if rigs[row["skeleton"]] > 150 and rigs[row["skeleton"]] % SHARED_RIG:
            continue
        clip = bvh.read(corpus / row["file"])
        info = describe(clip)
        assert clip.skeleton.landmarks.names == LANDMARKS
        assert 1.4 < info.stature < 2.0, (row["file"], info.stature)
        assert "sides" not in info.inferred, row["file"]
        dropped = int(row["frames"]) - clip.frames
        if "cmu_daz" in row["file"] or "cmu_rnn" in row["file"]:
            # The T-pose, and the jump out of it where the converter's filter smeared it over a few frames.
            assert 1 <= dropped <= 8, row["file"]
        else:
            assert dropped == 0, row["file"]


@pytest.mark.parametrize("file", STANDING.values(), ids=STANDING)
def test_frames_while_standing(corpus, file):
    clip = bvh.read(corpus / file)
    place, frame = (dict(zip(LANDMARKS, np.moveaxis(v, 1, 0), strict=True)) for v in clip.landmarks())
    standing = upright(place)
    assert standing.any()

    def off(name, axis, direction, rows=slice(None)):
        """Median angle (degrees) between an axis of a landmark's frame and a world direction (time, 3)."""
        along = quat_apply(frame[name], np.broadcast_to(np.float32(axis), direction.shape))
        cosine = (along * direction).sum(-1) / np.linalg.norm(direction, axis=-1)
        return np.degrees(np.median(np.arccos(np.clip(cosine[rows], -1, 1))))

    up = np.broadcast_to([0.0, 0.0, 1.0], place["pelvis"].shape)
    for name, most in (("pelvis", 8), ("spine", 10), ("chest", 12), ("head", 20)):
        assert off(name, (0, 0, 1), up, standing) < most, name
    for side, sign in (("left", 1), ("right", -1)):
        at = {
            part: place[f"{side}_{part}"]
            for part in ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
        }
        assert off(f"{side}_hip", (0, 0, -1), at["knee"] - at["hip"]) < 1
        assert off(f"{side}_knee", (0, 0, -1), at["ankle"] - at["knee"]) < 1
        assert off(f"{side}_shoulder", (0, sign, 0), at["elbow"] - at["shoulder"]) < 1
        assert off(f"{side}_elbow", (0, sign, 0), at["wrist"] - at["elbow"]) < 1
        flat = standing & still(at["ankle"], clip.fps) & still(at["toe"], clip.fps)
        if flat.sum() > clip.fps:
            assert off(f"{side}_ankle", (0, 0, 1), up, flat) < 4, side
            heading = (at["toe"] - at["ankle"]) * [1, 1, 0]
            assert off(f"{side}_ankle", (1, 0, 0), heading, flat) < 5, side


def upright(place):
    """Frames in which the trunk and both legs are nearly vertical."""

    def lean(v):
        return np.degrees(np.arccos(np.clip(v[..., 2] / np.linalg.norm(v, axis=-1), -1, 1)))

    trunk = sum(place[f"{s}_shoulder"] - place[f"{s}_hip"] for s in ("left", "right"))
    legs = [lean(place[f"{s}_hip"] - place[f"{s}_ankle"]) for s in ("left", "right")]
    return (lean(trunk) < 15) & (np.max(legs, axis=0) < 20)


def still(v, fps):
    return np.linalg.norm(np.gradient(v, axis=0), axis=-1) * fps < 0.1


def test_the_known_rig_agrees_with_its_motion(corpus, tmp_path):
    """The constants of the shared rig against what a walk shows once its joints have other names."""
    file = corpus / "noncommercial/bandai_namco/ds2/dataset-2_walk_active_007.bvh"
    renamed = tmp_path / "renamed.bvh"
    renamed.write_text(file.read_text().replace("UpperLeg", "UpLeg").replace("LowerLeg", "Leg"))
    known, shown = bvh.read(file), bvh.read(renamed)
    assert "known for" in known.origin.inferred["landmarks"]
    assert "from the motion" in shown.origin.inferred["landmarks"]
    apart = np.degrees(quat_angle(known.skeleton.landmarks.quat, shown.skeleton.landmarks.quat))
    for name, angle in zip(LANDMARKS, apart, strict=True):
        limb = name.split("_")[-1]
        if limb in ("hip", "knee", "shoulder"):
            assert angle < 5, (name, angle)
        elif limb in ("pelvis", "spine", "chest", "ankle"):
            assert angle < 10, (name, angle)


def test_the_relative_root_is_seen(corpus, rows):
    """Oddity: one exporter writes root positions relative to the root's OFFSET."""
    files = [r["file"] for r in rows if "RELATIVE" in r["note"]]
    for file in files[::6]:
        assert "relative" in bvh.read(corpus / file).origin.inferred["root position"], file


def test_acclaim_units_are_seen(corpus):
    for file in ("permissive/cmu_max/131_02.bvh", "permissive/cmu_mb/05_06.bvh"):
        assert bvh.read(corpus / file).origin.inferred["unit"].startswith("Acclaim")


def test_a_wrong_header_rate_can_be_put_right(corpus):
    """Oddity: the salsa files say 120 frames a second and were taken at 60, which no file can tell."""
    file = corpus / "permissive/cmu_rnn_salsa/60_07.bvh"
    assert bvh.read(file).fps == 120.0
    assert bvh.read(file, fps=60.0).fps == 60.0
