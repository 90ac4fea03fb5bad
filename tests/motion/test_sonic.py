"""SONIC's folder of csv files: what its C++ reader expects, and what is refused."""

import numpy as np
import pytest

from understudy import motion
from understudy.errors import FormatError, UnderstudyError
from understudy.motion import BodyTracks, RobotMotion, formats

JOINTS = ("hip", "knee", "waist")
ISAACLAB = ("hip", "waist", "knee")


@pytest.fixture
def clip():
    t = np.arange(9)[:, None] / 50
    quat = np.tile([0.6, 0, 0, 0.8], (9, 1))
    return RobotMotion(
        "toy", JOINTS, 50.0, np.hstack([t, t, 0.8 + 0 * t]), quat, np.hstack([t, 2 * t, 3 * t])
    )


@pytest.fixture
def folder(clip, tmp_path):
    pos = np.stack([clip.root_pos, clip.root_pos + 0.5], axis=1)
    bodies = BodyTracks(("pelvis", "torso"), pos, np.stack([clip.root_quat] * 2, axis=1))
    motion.save(clip, tmp_path / "ref", format="sonic-csv", bodies=bodies, joints=ISAACLAB)
    return tmp_path / "ref"


def rows(path):
    return path.read_text().splitlines()


def test_files_as_the_deployment_stack_reads_them(folder):
    assert {path.name for path in folder.iterdir()} == {
        *(f"body_{what}.csv" for what in ("pos", "quat", "lin_vel", "ang_vel")),
        *("joint_pos.csv", "joint_vel.csv", "metadata.txt", "info.txt"),
    }
    assert rows(folder / "joint_pos.csv")[0] == "joint_0,joint_1,joint_2"
    assert rows(folder / "joint_vel.csv")[0] == "joint_vel_0,joint_vel_1,joint_vel_2"
    assert rows(folder / "body_quat.csv")[0].startswith("body_0_w,body_0_x,body_0_y,body_0_z,body_1_w")
    assert rows(folder / "body_lin_vel.csv")[0].startswith("body_0_vel_x,")
    assert rows(folder / "body_ang_vel.csv")[0].startswith("body_0_angvel_x,")
    assert "Body part indexes:\n[0 1]\n" in (folder / "metadata.txt").read_text()
    assert all(len(rows(path)) == 10 for path in folder.glob("*.csv"))
    assert [float(x) for x in rows(folder / "joint_vel.csv")[3].split(",")] == pytest.approx([1, 3, 2])


def test_there_and_back(clip, folder):
    assert formats.detect(folder) == "sonic-csv"
    back = motion.load(folder)
    assert (back.robot, back.joints, back.fps) == ("toy", ISAACLAB, 50.0)
    assert np.allclose(back.joint_pos, clip.joint_pos[:, [0, 2, 1]], atol=1e-6)
    assert np.allclose(back.qpos[:, :7], clip.qpos[:, :7], atol=1e-6)


def test_a_root_alone_and_no_info_are_enough(clip, folder):
    (folder / "info.txt").unlink()
    for name, width in (("body_pos", 3), ("body_quat", 4)):
        lines = [",".join(line.split(",")[:width]) for line in rows(folder / f"{name}.csv")]
        (folder / f"{name}.csv").write_text("\r\n".join(lines) + "\r\n")
    with pytest.raises(FormatError, match="'joints'"):
        motion.load(folder)
    assert motion.load(folder, joints=ISAACLAB, robot="toy").frames == clip.frames


def test_what_does_not_fit_is_named(folder):
    whole = (folder / "joint_pos.csv").read_text()
    for text, said in (
        (whole[: whole.rindex(",")] + "\n", "line 10: 2 columns"),
        (whole.replace("\n0,", "\nx,", 1), "not a number"),
        ("\n".join(rows(folder / "joint_pos.csv")[:-2]), "7, 9 and 9 frames"),
        ("joint_0\n", "no frame"),
        ("", "empty"),
    ):
        (folder / "joint_pos.csv").write_text(text)
        with pytest.raises(FormatError, match=said):
            motion.load(folder)
    (folder / "joint_pos.csv").unlink()
    with pytest.raises(UnderstudyError, match="does not exist"):
        motion.load(folder, format="sonic-csv")


def test_nothing_is_written_over_and_nothing_left_behind(clip, folder):
    pos = clip.root_pos[:, None]
    bodies = BodyTracks(("pelvis",), pos, clip.root_quat[:, None])
    before = {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}
    for target, joints, said in (
        (folder, ISAACLAB, "holds files already"),
        (folder / "joint_pos.csv", ISAACLAB, "a file has that name"),
        (folder / "no" / "where", ISAACLAB, "does not exist"),
        (folder.parent / "new", ("knee",), "not those of the order"),
    ):
        with pytest.raises(UnderstudyError, match=said):
            motion.save(clip, target, format="sonic-csv", bodies=bodies, joints=joints)
    assert {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()} == before
    (folder.parent / "empty").mkdir()
    motion.save(clip, folder.parent / "empty", format="sonic-csv", bodies=bodies, joints=ISAACLAB)
    assert motion.load(folder.parent / "empty").frames == 9
