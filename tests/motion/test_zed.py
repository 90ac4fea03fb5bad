"""ZED recordings, written as the SDK's samples write them."""

import json

import numpy as np
import pytest
from tracked import errors, keypoints

from understudy import motion
from understudy.errors import FormatError, UnderstudyError
from understudy.motion import sample
from understudy.motion.formats import detect
from understudy.motion.landmarks import LANDMARKS


@pytest.fixture(scope="module")
def wave():
    return sample.motion("wave", fps=30.0)


def recording(human, layout="zed-body-38", scale=1.0, person=7, times=None):
    """Frames keyed by milliseconds; y up, z towards the camera, as the samples ask the SDK for."""
    points = scale * keypoints(human, layout)[..., [1, 2, 0]]
    times = np.arange(human.frames) / human.fps if times is None else times
    frames = {}
    for time, row in zip(times, points, strict=True):
        body = {
            "id": person,
            "keypoint": [[None if np.isnan(v) else float(v) for v in point] for point in row],
            "keypoint_confidence": [90.0] * len(row),
        }
        stamp = 1_700_000_000_000_000_000 + round(1e9 * time)
        frames[str(stamp // 1_000_000)] = {"is_new": True, "timestamp": stamp, "body_list": [body]}
    return frames


def written(path, record):
    path.write_text(json.dumps(record))
    return path


@pytest.mark.parametrize("layout", ["zed-body-18", "zed-body-34", "zed-body-38"])
@pytest.mark.parametrize(("scale", "unit"), [(1.0, "m"), (1000.0, "mm")])
def test_every_body_format_in_both_usual_units(tmp_path, wave, layout, scale, unit):
    path = written(tmp_path / "bodies.json", recording(wave, layout, scale))
    assert detect(path) == "zed-json"
    clip = motion.load(path)
    assert (clip.fps, clip.frames) == (30.0, wave.frames)
    assert clip.origin.inferred["unit"].startswith(f"{unit}:")
    assert clip.origin.inferred["up"].startswith("y")
    off = errors(clip, wave)
    for name in ("pelvis", "chest", "head", "left_hip", "right_shoulder", "right_elbow"):
        assert off[name].mean() < 6.0, name
    confidence = clip.tracks["confidence"][:, LANDMARKS.index("left_knee")]
    np.testing.assert_allclose(confidence, 0.9, atol=1e-6)


def test_the_shapes_that_programs_write(tmp_path, wave):
    plain = motion.load(written(tmp_path / "plain.json", recording(wave)))
    frames = list(recording(wave).values())
    for frame in frames:
        for body in frame["body_list"]:
            # Programs that cannot write NaN write zeros.
            body["keypoint"] = [
                dict(zip("xyz", [v or 0.0 for v in p], strict=True)) for p in body["keypoint"]
            ]
    nested = [{"fusionMetrics": {}, "bodies": frame} for frame in frames[::-1]]
    clip = motion.load(written(tmp_path / "nested.json", nested))
    np.testing.assert_allclose(clip.pos, plain.pos, atol=1e-6)


def test_uneven_frames_are_resampled_to_the_median_rate(tmp_path):
    walk = sample.motion("walk", fps=120.0)
    rng = np.random.default_rng(0)
    rows = np.unique(
        np.clip(np.arange(0, walk.frames, 4) + rng.integers(-1, 2, -(-walk.frames // 4)), 0, None)
    )
    rows = rows[rows < walk.frames]
    some = motion.HumanMotion(walk.skeleton, 30.0, walk.pos[rows], walk.quat[rows])
    clip = motion.load(written(tmp_path / "a.json", recording(some, times=rows / 120.0)))
    assert clip.fps == 30.0
    assert "resampled" in clip.origin.inferred["fps"]
    even = motion.trim(walk, rows[0] / 120.0)
    truth = motion.sample_every(even, 30.0)
    count = min(clip.frames, truth.frames)
    knee = LANDMARKS.index("left_knee")
    assert np.abs(clip.pos[:count, knee] - truth.landmarks()[0][:count, knee]).max() < 0.01


def test_a_pause_is_a_gap(tmp_path, wave):
    frames = list(recording(wave).values())
    clip = motion.load(written(tmp_path / "a.json", frames[:20] + frames[35:]))
    assert clip.frames == wave.frames
    confidence = clip.tracks["confidence"][:, LANDMARKS.index("left_knee")]
    assert (confidence[20:35] == 0).all()
    assert confidence[19] > 0
    assert confidence[35] > 0


def test_the_person_seen_most_or_the_one_asked_for(tmp_path, wave):
    frames = list(recording(wave).values())
    far = list(recording(motion.mirror(wave), person=2).values())
    for k in range(10, 40):
        frames[k]["body_list"].insert(0, far[k]["body_list"][0])
    frames[12]["body_list"].pop()  # the first one is lost for a frame
    path = written(tmp_path / "a.json", frames)
    first, second = motion.load(path), motion.load(path, person=2)
    assert first.frames == wave.frames
    assert second.frames == 30
    assert first.tracks["confidence"][12, 0] == 0
    assert "2 in all" in first.origin.inferred["person"]
    with pytest.raises(UnderstudyError, match="no person 5"):
        motion.load(path, person=5)


REFUSED = {
    "nobody": ({"1": {"timestamp": 1, "body_list": []}}, "nobody"),
    "frames that are none": ([1, 2], "a frame is an object"),
    "a number": (3, "list of frames"),
    "another body": ([{"timestamp": 1, "body_list": [{"id": 1, "keypoint": [[0, 0, 0]] * 70}]}], "found 70"),
    "no time stamps": (None, "--source-fps"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_recording_is_refused(tmp_path, wave, case):
    record, words = REFUSED[case]
    if record is None:
        record = [{"body_list": frame["body_list"]} for frame in recording(wave).values()]
        assert motion.load(written(tmp_path / "b.json", record), format="zed-json", fps=25.0).fps == 25.0
    with pytest.raises(FormatError, match=words):
        motion.load(written(tmp_path / "a.json", record), format="zed-json")


def test_text_that_is_not_json(tmp_path):
    (tmp_path / "a.json").write_text('{"body_list": [')
    with pytest.raises(FormatError, match="not JSON"):
        motion.load(tmp_path / "a.json", format="zed-json")
