import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from understudy.view import write_report
from understudy.view.html import worst_moments
from understudy.view.plots import series, thinned


def check(name, value, passed, frame):
    return {
        "name": name, "label": f"About {name}", "threshold": 1.0, "unit": "mm", "value": value,
        "passed": passed, "worst_frame": frame, "worst_time": frame / 20, "where": "left_knee_joint",
    }  # fmt: skip


@pytest.fixture
def report(robot_motion):
    wave = np.abs(np.sin(np.arange(robot_motion.frames) / 9))
    wave[20] = 2.0
    return {
        "robot": "unitree_g1",
        "clip": "a <test> & more",
        "fps": robot_motion.fps,
        "metrics": [
            {"key": "keypoint_error", "label": "Key points", "value": 4.25, "unit": "cm", "note": "n"},
            {"key": "nothing", "label": "No stance", "value": None, "unit": "%", "better": None, "note": ""},
        ],
        "certificate": {
            "passed": False,
            "checks": [
                check("floor", 0.0, True, 0), check("speed", 0.5, True, 7), check("touch", 3.0, False, 11)
            ],
        },
        "series": {
            "keypoint_error_m": [None, *wave[1:].tolist()],
            "self_collision_depth_m": wave * 0.01,
            "left_sole_height_m": wave * 0.1,
            "right_sole_height_m": wave * 0.1,
            "left_stance": (wave < 0.5).astype(int).tolist(),
        },
    }  # fmt: skip


class Links(HTMLParser):
    """Collects whatever a browser would load, and checks that tags are closed."""

    VOID = ("meta", "img", "br", "link", "input", "hr")

    def __init__(self):
        super().__init__()
        self.loaded, self.open = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.loaded += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        # Self-closed, so there is nothing to keep open.
        self.handle_starttag("img" if tag not in self.VOID else tag, attrs)


def test_the_page_tells_everything_and_needs_nothing(tmp_path, human, robot_motion, report):
    path = tmp_path / "report.html"
    write_report(path, report, human, robot_motion, renderer="software")
    page = path.read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.open == []
    assert links.loaded
    assert all(link.startswith(("data:image/", "#")) for link in links.loaded)
    assert not re.search(r"url\((?!['\"]?(#|data:))|@import|<script", page)
    for words in (
        "a &lt;test&gt; &amp; more", "certificate failed: 1 of 3", "About touch", "left_knee_joint",
        "Key points", "4.25", "frame 11", "Joint positions", "left_ankle_roll", "Joint speeds",
        "Height of the pelvis",         "Depth of self-collision", "sway", "CC0-1.0",
    ):  # fmt: skip
        assert words in page, words


def test_a_bare_report_is_enough(tmp_path, robot_motion):
    write_report(tmp_path / "bare.html", {}, None, robot_motion, renderer="software")
    page = (tmp_path / "bare.html").read_text(encoding="utf-8")
    assert "not certified" in page
    assert "Joint positions" in page
    assert "Worst moments" not in page


def test_a_passed_certificate_says_so(tmp_path, robot_motion, report):
    passed = {"passed": True, "checks": report["certificate"]["checks"][:2]}
    motion = replace(robot_motion, origin=replace(robot_motion.origin, certificate=passed))
    write_report(tmp_path / "good.html", {"certificate": passed}, None, motion, renderer="software")
    assert "certificate passed" in (tmp_path / "good.html").read_text(encoding="utf-8")


def test_failed_checks_come_first_and_nothing_is_shown_of_nothing(report):
    moments = worst_moments(report)
    assert [(m.frame, m.failed) for m in moments] == [(11, True), (7, False), (20, False)]
    assert "200 cm" in moments[-1].reasons[0]


def test_series_turn_gaps_into_nan(report):
    values = series(report, "keypoint_error_m")
    assert np.isnan(values[0])
    assert series(report, "nobody_measured_this") is None
    assert series({}, "keypoint_error_m") is None


def test_thinning_keeps_peaks_and_ends():
    values = np.zeros(50_000)
    values[31_234], values[77] = 5.0, -2.0
    rows = thinned(values, 100)
    assert len(rows) < 210
    assert {0, 77, 31_234, 49_999} <= set(rows.tolist())
