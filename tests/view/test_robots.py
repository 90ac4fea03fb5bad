"""Robots on a stand, tabletop robots, and robots whose root is not their pelvis are drawn and reported like any."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from understudy import evaluate, robots
from understudy.kinematics import landmark_tracks
from understudy.motion import Origin, RobotMotion
from understudy.view import sheet, show, video, write_report
from understudy.view.html import _pelvis
from understudy.view.pictures import apart, cast, strip
from understudy.view.scene import compose
from understudy.view.story import about

ASSUMED = "a mean adult of 1.70 m, for <nothing> says more"


def at_home(robot, frames, fps=20.0):
    root = np.tile(robot.home, (frames, 1))
    return RobotMotion(robot.name, robot.joints, fps, root[:, :3], root[:, 3:7], root[:, 7:])


@pytest.fixture(scope="module")
def upper():
    return robots.load("unitree_g1_upper")


@pytest.fixture(scope="module")
def toddler():
    return robots.load("toddlerbot")


def test_a_robot_on_a_stand_has_a_page_that_says_what_is_missing(tmp_path, upper, human):
    made = replace(at_home(upper, human.frames), origin=Origin(inferred={"body": ASSUMED}))
    report = evaluate.report(made, human, upper)
    write_report(tmp_path / "upper.html", report.to_dict(), human, made, renderer="software")
    page = (tmp_path / "upper.html").read_text(encoding="utf-8")
    for words in (
        "Remarks", "the robot has no feet: soles and stance not measured", "Base at home",
        "the base is fixed: the floor is not checked", "mean adult of 1.70 m, for &lt;nothing&gt; says more",
    ):  # fmt: skip
        assert words in page, words
    for words in ("Above the floor", "Height of the pelvis", "Lowest point of each sole"):
        assert words not in page, words


def test_a_report_without_remarks_has_no_such_section(tmp_path, g1, robot_motion):
    report = evaluate.report(robot_motion, robot=g1)
    write_report(tmp_path / "g1.html", report.to_dict(), None, robot_motion, g1, renderer="software")
    assert "Remarks" not in (tmp_path / "g1.html").read_text(encoding="utf-8")


def test_remarks_stand_under_the_verdict_of_a_clip(upper):
    made = at_home(upper, 3)
    told = about(evaluate.attach(made, evaluate.certify(made, robot=upper)))
    assert told.endswith("\n\n- the base is fixed: the floor is not checked")


def test_the_height_of_the_pelvis_is_not_that_of_a_torso():
    t1 = robots.load("booster_t1")
    panel = _pelvis(None, at_home(t1, 4), t1)
    assert panel is not None
    pos = landmark_tracks(t1, at_home(t1, 4))[0][:, t1.landmarks.index("pelvis")]
    np.testing.assert_allclose(panel.curves[0].values, 100 * pos[:, 2], rtol=1e-5)
    assert panel.curves[0].values[0] < 100 * t1.home[2] - 5


@pytest.mark.parametrize("name", ["unitree_g1_upper", "toddlerbot"])
def test_films_sheets_and_the_player_show_it(tmp_path, name, human):
    made = at_home(robots.load(name), 5)
    video(tmp_path / "a.mp4", human, made, fps=4, size=(96, 64), renderer="software")
    sheet(tmp_path / "a.png", human, made, columns=2, rows=1, cell=(40, 50), renderer="software")
    with Image.open(tmp_path / "a.png") as page:
        assert page.height > 100
    with show(human, made, port=18520, block=False) as player:
        player.pause()
        player.seek(4)
        assert {"human", "robot", "landmarks", "collision"} <= player._layers.keys()


def test_who_is_much_smaller_has_a_scale_of_its_own(human, g1, robot_motion, toddler):
    def drawn(motion, robot, row):
        actors = [actor.at(np.array([0.5]), 20.0) for actor in cast([human, motion], robot)]
        picture = strip(compose(actors, 20.0), [0], (90, 110), "software")[row][0].astype(int)
        return (np.ptp(picture, axis=-1) > 60).any(axis=1).sum(), picture

    alone = strip(compose(cast([at_home(toddler, 1)]), 20.0), [0], (90, 110), "software")[0][0]
    beside = drawn(at_home(toddler, 1), toddler, 1)[1]
    assert np.abs(beside - alone).mean() < 12
    assert drawn(robot_motion, g1, 0)[0] == drawn(at_home(toddler, 1), toddler, 0)[0]


def test_names_are_kept_apart():
    assert apart(np.array([100.0, 300.0]), [50, 80], 10) == [100.0, 300.0]
    assert apart(np.array([100.0, 110.0]), [50, 70], 10) == [70.0, 140.0]
    assert apart(np.array([100.0]), [50], 10) == [100.0]
