import shutil

import pytest

from understudy import robots
from understudy.errors import FormatError, UnknownName
from understudy.robots.registry import DATA


def test_every_robot_of_the_package_loads():
    assert "unitree_g1" in robots.names()
    for name in robots.names():
        robot = robots.load(name)
        assert robot.name == name
        assert robots.load(name) is robot
        assert robot.notice.strip()


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'unitree_g1'"):
        robots.load("unitree_g")


@pytest.fixture
def copy(tmp_path):
    """A copy of the G1's folder, and a function that changes its robot.toml and loads it."""
    folder = tmp_path / "other"
    shutil.copytree(DATA / "unitree_g1", folder)

    def change(old, new):
        text = (folder / "robot.toml").read_text(encoding="utf-8")
        assert old in text
        (folder / "robot.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return robots.load(folder)

    return change


def test_a_folder_is_a_robot_too(copy):
    assert copy("height = 1.32", "height = 1.3").height == pytest.approx(1.3)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("height =", "heigth = 1\nheight =", "unknown key 'heigth'"),
        ("height = 1.32", "", "lacks the key 'height'"),
        ("height = 1.32", "height = inf", "finite"),
        ('hands = ["left_wrist_yaw_link"', 'hands = ["left_palm"', "'left_palm', which does not exist"),
        ("left_elbow_joint = 1.57", "left_elbow = 1.57", "joint 'left_elbow'"),
        ("(left|right)_(hip_roll|knee)_joint", "left_(hip_roll|knee)_joint", "matches 0 patterns"),
        ('pelvis = { body = "pelvis"', 'pelvis = { body = "hips"', "body 'hips'"),
        ("left_knee = {", "left_kneecap = {", "landmark 'left_kneecap'"),
        ("left_knee = { body", "left_knee = { quat = [1, 0, 0, 0], body", "unknown key 'quat'"),
        ('["pelvis", "left_hip_roll_link"]', '["pelvis", "left_hip"]', "'left_hip', which does not exist"),
        ("[-0.065, -0.012, -0.0354]", "[-0.065, -0.012, nan]", "finite"),
        ('model = "robot.xml"', 'model = "nothing.xml"', "nothing.xml"),
        ("[t_pose]", "[t_pose", "robot.toml"),
    ],
)
def test_a_fault_in_the_folder_is_named(copy, old, new, problem):
    with pytest.raises(FormatError) as caught:
        copy(old, new)
    assert problem in str(caught.value)
