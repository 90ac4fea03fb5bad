"""The page of ``benchmarks.nmr`` from made-up results, and what is measured for it, on networks that know nothing."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmarks import nmr, nmr_measures, nmr_page, nmr_page_tables, nmr_pictures
from understudy import robots
from understudy.evaluate.benchmark import Block, ClipResult, Outcome
from understudy.evaluate.summary import summary
from understudy.motion import RobotMotion, sample
from understudy.pipelines.pairs_robot import robot_layout
from understudy.retarget.nmr_files import save_nmr
from understudy.retarget.nmr_model import NMRModel, NMRModelConfig
from understudy.retarget.nmr_network import network_config

LABELS = {
    "keypoint_error": ("Key points", "cm"),
    "joint_jumps": ("Joint jumps", "%"),
    "near_limit_0.05": ("Within 0.05 rad of a limit", "%"),
    "jerk_mean": ("Joint jerk, mean", "rad/s³"),
    "self_collision": ("Self-collision", "%"),
}


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def weights(g1, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    model = NMRModel(NMRModelConfig(network=network_config("tiny")), robot_layout(g1))
    save_nmr(path, model, {"pairs": {"hours": 0.5, "kinds": {"plain": 0.5}}})
    return path


def result(method, clip, frames, values, complexity="ULOM"):
    metrics = tuple(
        {"key": key, "label": LABELS[key][0], "unit": LABELS[key][1], "value": value, "over": frames}
        for key, value in values.items()
    )
    blocks = {"raw": Block(metrics, True, ())}
    return ClipResult("", clip, method, frames, 30.0, complexity, "S", 0.02, 0.01, "", blocks)


def values(keypoints, jumps, limits, jerk, collision):
    return dict(zip(LABELS, (keypoints, jumps, limits, jerk, collision), strict=True))


@pytest.fixture
def document():
    results = (
        result("sequence-fit", "a", 100, values(1.5, 0.0, 2.0, 90.0, 0.0)),
        result("nmr", "a", 100, values(2.0, 0.0, 4.0, 60.0, 1.0)),
        result("sequence-fit", "b", 300, values(1.5, 0.0, 2.0, 90.0, 0.0), "WBPM"),
        result("nmr", "b", 300, values(2.4, 1.0, 8.0, 60.0, 3.0), "WBPM"),
    )
    found = summary(Outcome(results, ()), "gmr-like")
    tables = {"split": "test", "rates": {"30": found}, "facts": {"date": "today"}}
    weights = {"file": "x.safetensors", "sha256": "0", "megabytes": 1.0, "parameters": 5, "notes": {}}
    return {"checkpoint": weights, "tables": tables}


def test_counts_are_pooled_over_frames(document):
    page = nmr_page.page(document)
    assert "| `nmr` | 2 of 2 | 400 | 3 (0.75 %) | 10 (2.50 %) | 28 (7.00 %) | 20,000 |" in page
    assert "| WBPM | `nmr` | 1 of 1 | 3 (1.00 %) | 9 (3.00 %) | 24 (8.00 %) |" in page


def test_the_page_says_what_was_asked_for_and_missed(document):
    rows = [line for line in nmr_page.asked(document).splitlines() if "30 fps" in line]
    told = {line.split("|")[1].strip(): line.split("|")[4].strip() for line in rows}
    assert told == {
        "Joint jumps, 30 fps": "no",
        "Self-collision, 30 fps": "no",
        "Within 0.05 rad of a limit, 30 fps": "yes",
        "Key points, 30 fps": "yes",
        "Joint jerk, mean, 30 fps": "yes",
    }


def test_what_is_kept_gives_the_same_page_without_clips(document):
    kept = json.loads(nmr_page.as_json(document))
    assert kept["tables"]["rates"]["30"]["clips"] == []
    assert document["tables"]["rates"]["30"]["clips"] != []
    assert nmr_page.page(kept) == nmr_page.page(document)


def test_a_share_is_a_count_and_a_percentage():
    assert nmr_page_tables.share({"value": 0.5, "over": 2000}) == "10 (0.50 %)"
    assert nmr_page_tables.share({"value": None, "over": 0}) == "–"
    assert nmr_page_tables.share(None) == "–"


def test_a_long_clip_to_be_timed_has_no_jumps():
    demo, long = sample.demo(fps=30.0), nmr_measures.to_and_fro(1000)
    step, most = (np.linalg.norm(np.diff(h.pos, axis=0), axis=-1).max() for h in (long, demo))
    assert long.frames == 1000
    assert step <= most


def test_an_arm_is_drawn_with_what_it_did_at_most(g1, tmp_path, monkeypatch):
    human = sample.motion("wave", fps=60.0)
    monkeypatch.setattr(nmr_measures, "ARM", nmr_measures.Window("wave", 0.5, 1.5))
    joints = np.zeros((human.frames, len(g1.joints)), np.float32)
    joints[60:, g1.joints.index(nmr_measures.JOINT)] = -1.0
    root = np.tile([0, 0, 0.8], (human.frames, 1)), np.tile([1.0, 0, 0, 0], (human.frames, 1))
    made = {"nmr": RobotMotion(g1.name, g1.joints, 60.0, *root, joints, {}, human.origin)}
    found = nmr_measures.arm_raise(g1, human, made)
    assert found["step"] == found["within"] == {"nmr": 1.0}
    assert len(found["curves"]["nmr"]) == 61
    nmr_pictures.arm_raise(found, human, made, g1, tmp_path / "arm.png")
    with Image.open(tmp_path / "arm.png") as picture:
        assert picture.width == nmr_pictures.MOMENTS * nmr_pictures.CELL[0]
    assert (tmp_path / "arm.png").stat().st_size < 500_000


class Still:
    """A retargeter whose robot never moves."""

    def __init__(self, robot):
        self.robot = robot

    def __call__(self, motions):
        return [self._stand(human) for human in motions]

    def _stand(self, human):
        qpos = np.tile(self.robot.home, (human.frames, 1))
        parts = qpos[:, :3], qpos[:, 3:7], qpos[:, 7:]
        return RobotMotion(self.robot.name, self.robot.joints, human.fps, *parts, {}, human.origin)


def test_wrong_frames_are_found_and_marked(g1, tmp_path):
    human = sample.demo(fps=30.0)
    drawn = nmr_pictures.wrong_frames(human, {"still": Still(g1)}, g1, tmp_path / "faults.png")
    assert drawn["bad"] == nmr_pictures.BAD_FRAMES
    with Image.open(tmp_path / "faults.png") as picture:
        assert picture.width == (nmr_pictures.BAD_FRAMES + 4) * nmr_pictures.CELL[0]


def test_speed_is_measured_and_other_sections_stay(weights, document, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(nmr_measures, "LONG", (1, 200))
    monkeypatch.setattr(nmr_measures, "SHORT", (2, 40))
    monkeypatch.setattr(nmr_measures, "REPEATS", 1)
    (tmp_path / "nmr.json").write_text(nmr_page.as_json(document))
    options = nmr.Options(checkpoint=str(weights), sections=("speed",), out=tmp_path)
    assert nmr.main(options) == 0
    page = (tmp_path / "nmr.md").read_text()
    assert "untrained.safetensors" in page
    assert "0.5 hours (plain 0.5)" in page
    assert str(weights.parent) not in page
    assert "| landmarks to poses | bfloat16 | 2 × 40 |" in page
    assert "28 (7.00 %)" in page
    kept = json.loads((tmp_path / "nmr.json").read_text())
    assert kept["speed"]["facts"]["weights"] == kept["checkpoint"]["sha256"]
    assert "speed" in capsys.readouterr().err
