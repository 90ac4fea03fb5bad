"""The tables with headers: SOMA's in centimetres and degrees, hhtools' in metres and radians."""

import numpy as np
import pytest
from hostile import damaged

from understudy import motion
from understudy.errors import FormatError, UnderstudyError
from understudy.motion import RobotMotion, formats, sample
from understudy.rotations import quat_about, quat_angle, quat_from_rotvec, quat_mul

JOINTS = ("left_knee_joint", "waist_yaw_joint")
TABLES = {"soma-csv": {"robot": "toy"}, "hhtools-csv": {}}


def clip(frames=121, fps=120.0):
    rng = np.random.default_rng(1)
    quat = quat_from_rotvec(np.cumsum(rng.normal(0, 0.1, (frames, 3)), axis=0))
    pos = np.cumsum(rng.normal(0, 0.01, (frames, 3)), axis=0) + np.array([1.0, -2.0, 0.8])
    return RobotMotion("toy", JOINTS, fps, pos, quat, np.cumsum(rng.normal(0, 0.05, (frames, 2)), axis=0))


def assert_same(got, want):
    assert (got.robot, got.joints, got.fps) == (want.robot, want.joints, want.fps)
    assert np.allclose(got.root_pos, want.root_pos, atol=1e-5)
    assert np.allclose(got.joint_pos, want.joint_pos, atol=1e-5)
    assert quat_angle(got.root_quat.astype(float), want.root_quat.astype(float)).max() < 1e-5


@pytest.mark.parametrize("name", TABLES)
def test_round_trip(tmp_path, name):
    path = tmp_path / "a.csv"
    motion.save(clip(), path, format=name)
    assert formats.detect(path) == name
    assert_same(motion.load(path, **TABLES[name]), clip())
    turned = motion.load(path, joints=JOINTS[::-1], robot="toy")
    assert turned.joints == JOINTS[::-1]
    assert np.allclose(turned.joint_pos[:, ::-1], clip().joint_pos, atol=1e-5)
    with pytest.raises(FormatError, match="not those that were asked for"):
        motion.load(path, joints=("elbow",), robot="toy")
    with pytest.raises(UnderstudyError, match="not a human's"):
        motion.save(sample.motion("turn"), tmp_path / "b.csv", format=name)


def test_a_soma_table_by_hand(tmp_path):
    """Extrinsic x, y, z in degrees: first the roll, then the pitch, then the heading, all about fixed axes."""
    path = tmp_path / "a.csv"
    path.write_text(
        "Frame,root_translateX,root_translateY,root_translateZ,root_rotateX,root_rotateY,root_rotateZ,"
        "left_knee_joint_dof,waist_yaw_joint\n0,100,-50,79.3,10,20,30,90,-45\n1,100,-50,79.3,10,20,30,90,-45\n"
    )
    back = motion.load(path, robot="toy")
    roll, pitch, yaw = (quat_about(a, np.radians(v)) for a, v in zip("xyz", (10.0, 20.0, 30.0), strict=True))
    assert quat_angle(back.root_quat[0].astype(float), quat_mul(yaw, quat_mul(pitch, roll))) < 1e-6
    assert np.allclose(back.root_pos[0], [1.0, -0.5, 0.793])
    assert np.allclose(back.joint_pos[0], [np.pi / 2, -np.pi / 4])
    assert (back.joints, back.fps) == (JOINTS, 120.0)
    assert "120" in back.origin.inferred["fps"]
    assert motion.load(path, robot="toy", fps=60.0).fps == 60.0


def test_soma_angles_do_not_jump(tmp_path):
    t = np.arange(241) / 120
    turning = RobotMotion("toy", (), 120.0, np.zeros((241, 3)), quat_about("z", 6 * t), np.zeros((241, 0)))
    motion.save(turning, tmp_path / "a.csv", format="soma-csv")
    heading = np.loadtxt(tmp_path / "a.csv", delimiter=",", skiprows=1)[:, 6]
    assert np.allclose(heading, np.degrees(6 * t), atol=1e-3)


def test_soma_samples_other_rates_at_its_own(tmp_path):
    motion.save(clip(31, 30.0), tmp_path / "a.csv", format="soma-csv")
    assert_same(motion.load(tmp_path / "a.csv", robot="toy"), motion.sample_every(clip(31, 30.0), 120.0))


def test_an_hhtools_table_by_hand(tmp_path):
    path = tmp_path / "a.csv"
    header = "time,root_x,root_y,root_z,root_qx,root_qy,root_qz,root_qw,dof_left_knee,dof_waist\n"
    rows = [f"{k / 50:.2f},0,0,1,0,0,0.6,0.8,0.1,-0.2\n" for k in range(10)]
    path.write_text("".join([header, *rows]))
    with pytest.raises(FormatError, match="'robot'"):
        motion.load(path)
    back = motion.load(path, robot="toy")
    assert (back.fps, back.joints) == (50.0, ("left_knee", "waist"))
    assert np.allclose(back.root_quat, [0.8, 0, 0, 0.6])
    path.write_text("".join(["# robot: g1\n", "# sample_rate: 25\n", header, *rows]))
    assert (motion.load(path).robot, motion.load(path).fps) == ("g1", 25.0)
    for bad in ([rows[0]], [*rows[:5], *rows[8:]], [rows[1], rows[0]]):
        path.write_text("".join([header, *bad]))
        with pytest.raises(FormatError, match="'fps'"):
            motion.load(path, robot="toy")
        assert motion.load(path, robot="toy", fps=50.0).frames == len(bad)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{header}\n", "no frame"),
        ("{header}\n1,2\n", r"line 2: 2 columns, where line 1 has 9"),
        ("# a\n{header}\n{row}\n0,0,0,0,0,0,0,x,0\n", r"line 4: not a number"),
        ("{header}\n0,0,0,0,0,0,0,nan,0\n", "not a usable number"),
        ("{header},a_dof\n{row},0\n", "one name"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, problem):
    header = (
        "Frame,root_translateX,root_translateY,root_translateZ,root_rotateX,root_rotateY,root_rotateZ,a_dof,b"
    )
    path = tmp_path / "a.csv"
    path.write_text(text.format(header=header, row="0,0,0,0,0,0,0,0,0"))
    with pytest.raises(FormatError, match=problem):
        motion.load(path, robot="toy")


@pytest.mark.parametrize("name", TABLES)
def test_damage_is_told(tmp_path, name):
    path = tmp_path / "a.csv"
    motion.save(clip(7), path, format=name)
    for data in damaged(path.read_bytes(), 300):
        path.write_bytes(data)
        for format in (None, name):
            try:
                back = motion.load(path, format=format, robot="toy")
            except FormatError:
                continue
            assert np.isfinite(back.qpos).all()
