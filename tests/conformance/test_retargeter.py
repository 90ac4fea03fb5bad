"""What every retargeter promises, whatever its method: ``retarget.METHODS`` decides which are asked.

``retarget.BASELINES`` are held to the contract's form, not to motions that a robot can perform.
"""

from dataclasses import replace

import numpy as np
import pytest

from understudy import evaluate, motion, retarget, robots
from understudy.motion import HumanMotion, RobotMotion, sample
from understudy.protocols import Retargeter
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_mul

MIRROR_TOLERANCE = 2e-3
"""How far (rad, m) a mirrored clip's result may be from the mirrored result, for a robot that is symmetric."""
ONE_SIDE_FIRST = {"live-ik": 0.02}
"""The same for methods that move one arm before the other, which then finds less room."""
PLACE_TOLERANCE = 2e-3
"""How far (m, rad) the result of a clip that is turned and moved over the floor may be from the result turned and
moved: single precision a few metres from the origin."""
START_TOLERANCE = 0.05
"""How much larger (m) the key points' error may be in an odd attitude: soles and hips are placed along the vertical,
which costs a lying body up to four centimetres, while a start in the wrong valley costs decimetres."""

SHORT = {"phuma-like": {"iterations": 40}}
"""Options that make a method quick enough for this page, which asks for form and not for how good a fit is."""
NOT_PROMISED = {"phuma-like": {"joint ranges"}}
"""What a baseline does not promise although other baselines do: PHUMA's joint ranges are soft. It is then asked to
stay within ``SLACK`` of them instead."""
SLACK = 0.1
"""How far (rad) beyond its range a joint may be where ranges are not promised."""


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module", params=sorted(retarget.METHODS))
def method(request):
    """A method's name."""
    return request.param


@pytest.fixture(scope="module")
def build(method, g1):
    """Makes a retargeter of one method; options are those that all methods share."""
    return lambda **options: retarget.METHODS[method](g1, **SHORT.get(method, {}), **options)


@pytest.fixture(scope="module")
def retargeter(build):
    return build()


@pytest.fixture(scope="module", params=sorted(set(retarget.METHODS) - retarget.BASELINES))
def careful_method(request):
    """The name of a method that answers for what it makes."""
    return request.param


@pytest.fixture(scope="module")
def build_careful(careful_method, g1):
    """As ``build``, but only methods that answer for what they make: networks do with ``repair``."""
    finish = {"repair": True} if careful_method in retarget.LEARNED else {}
    return lambda **options: retarget.METHODS[careful_method](g1, **finish, **options)


@pytest.fixture(scope="module")
def careful(build_careful):
    return build_careful()


@pytest.fixture(scope="module")
def walk():
    return motion.trim(sample.motion("walk", fps=30.0), 0.0, 2.0)


@pytest.fixture(scope="module")
def punch():
    return motion.trim(sample.motion("punch", fps=60.0), 0.5, 1.5)


def same(a: RobotMotion, b: RobotMotion) -> bool:
    return np.array_equal(a.qpos, b.qpos) and a.fps == b.fps and a.joints == b.joints


def moved(human: HumanMotion, turn: np.ndarray, shift: tuple[float, float, float]) -> HumanMotion:
    """The clip turned about the world's origin, then shifted (m)."""
    pos = quat_apply(turn, human.pos.astype(np.float64)) + np.array(shift)
    return replace(human, pos=pos, quat=quat_mul(turn, human.quat.astype(np.float64)))


def key_point_error(robot_motion: RobotMotion, human: HumanMotion, g1) -> np.ndarray:
    """Mean error (m) of the key points, seen from the pelvis, in every frame."""
    return evaluate.report(robot_motion, human, g1).series["keypoint_error_m"]


def test_it_is_a_retargeter(retargeter, g1):
    assert isinstance(retargeter, Retargeter)
    assert retargeter.robot is g1


def test_one_output_for_each_input_in_order(retargeter, walk, punch, g1):
    results = retargeter([walk, punch])
    assert [(r.frames, r.fps) for r in results] == [(walk.frames, 30.0), (punch.frames, 60.0)]
    for result in results:
        assert isinstance(result, RobotMotion)
        assert (result.robot, result.joints) == (g1.name, g1.joints)
    assert retargeter([]) == []


def test_the_same_input_gives_the_same_output_in_any_company(retargeter, build, walk, punch):
    [alone] = retargeter([punch])
    assert same(retargeter([punch])[0], alone)
    assert same(retargeter([walk, punch])[1], alone)
    assert same(retargeter((punch, walk))[0], alone)
    assert same(build()([punch])[0], alone)


@pytest.mark.parametrize("name", sample.NAMES)
def test_output_is_finite_and_inside_the_joint_ranges(retargeter, method, g1, name):
    [result] = retargeter([sample.motion(name, fps=30.0)])
    assert np.isfinite(result.qpos).all()
    slack = SLACK if "joint ranges" in NOT_PROMISED.get(method, ()) else 0.0
    assert (result.joint_pos >= g1.lower - slack).all()
    assert (result.joint_pos <= g1.upper + slack).all()


def test_only_baselines_leave_promises_out():
    assert set(NOT_PROMISED) <= retarget.BASELINES


@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0])
@pytest.mark.parametrize("name", sample.NAMES)
def test_output_is_finite_inside_the_limits_and_certified(careful, g1, name, fps):
    human = sample.motion(name, fps=fps)
    [result] = careful([human])
    assert np.isfinite(result.qpos).all()
    assert (result.joint_pos >= g1.lower).all()
    assert (result.joint_pos <= g1.upper).all()
    speed = np.abs(np.diff(result.joint_pos.astype(np.float64), axis=0)) * fps
    assert (speed <= g1.velocity_limit * (1 + 1e-4)).all()
    certificate = evaluate.certify(result, human, g1)
    assert certificate.passed, [c for c in certificate.checks if not c.passed]


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_clips(retargeter, walk, frames):
    clip = motion.trim(walk, 0.5, 0.5 + (frames - 1) / walk.fps)
    assert clip.frames == frames
    [result] = retargeter([clip])
    assert result.frames == frames
    assert np.isfinite(result.qpos).all()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_clips_are_certified(careful, g1, walk, frames):
    clip = motion.trim(walk, 0.5, 0.5 + (frames - 1) / walk.fps)
    assert evaluate.certify(careful([clip])[0], clip, g1).passed


def test_the_output_tells_how_it_was_made(retargeter, walk, g1):
    [result] = retargeter([walk])
    assert result.origin.source == walk.origin.source
    assert result.origin.licence == walk.origin.licence
    assert result.origin.history[:-1] == walk.origin.history
    made = result.origin.history[-1]
    assert made["arrow"].startswith("retarget.")
    assert made["robot"] == g1.name
    assert made["configuration"]


def test_the_record_survives_a_file(retargeter, walk, tmp_path):
    [result] = retargeter([walk])
    motion.save(result, tmp_path / "robot.npz")
    read = motion.load(tmp_path / "robot.npz")
    assert isinstance(read, RobotMotion)
    assert same(read, result)
    assert read.origin.history[-1]["configuration"] == result.origin.history[-1]["configuration"]


def test_the_input_is_left_alone(retargeter, walk):
    before = walk.pos.copy(), walk.quat.copy(), walk.skeleton.offsets.copy(), walk.origin
    locked = replace(walk)
    for array in (locked.pos, locked.quat, locked.skeleton.offsets, locked.skeleton.landmarks.pos):
        array.flags.writeable = False
    try:
        retargeter([locked])
    finally:
        for array in (locked.pos, locked.quat, locked.skeleton.offsets, locked.skeleton.landmarks.pos):
            array.flags.writeable = True
    after = walk.pos, walk.quat, walk.skeleton.offsets
    assert all(np.array_equal(a, b) for a, b in zip(before[:3], after, strict=True))
    assert walk.origin == before[3]


@pytest.mark.parametrize("name", sample.NAMES)
def test_a_mirrored_human_gives_the_mirrored_robot(careful, careful_method, g1, name):
    human = sample.motion(name, fps=30.0)
    straight, reflected = careful([human, motion.mirror(human)])
    expected = motion.mirror_robot(straight, g1.mirror.order, g1.mirror.sign)
    tolerance = ONE_SIDE_FIRST.get(careful_method, MIRROR_TOLERANCE)
    assert np.abs(reflected.joint_pos - expected.joint_pos).max() < tolerance
    assert np.abs(reflected.root_pos - expected.root_pos).max() < tolerance
    assert quat_angle(reflected.root_quat, expected.root_quat).max() < tolerance


@pytest.mark.parametrize("yaw", [0.7, np.pi, -2.2])
def test_where_on_the_floor_and_which_way_makes_no_difference(careful, walk, yaw):
    turn, shift = quat_about("z", np.float64(yaw)), (4.0, -3.0, 0.0)
    straight, elsewhere = careful([walk, moved(walk, turn, shift)])
    scale = straight.origin.history[-1].get("scale", 1.0)
    assert np.abs(elsewhere.joint_pos - straight.joint_pos).max() < PLACE_TOLERANCE
    assert quat_angle(elsewhere.root_quat, quat_mul(turn, straight.root_quat)).max() < PLACE_TOLERANCE
    # Paths may be scaled to the robot's legs, about the world's origin or the clip's own beginning.
    step = np.diff(quat_apply(turn, straight.root_pos.astype(np.float64)), axis=0)
    assert np.abs(np.diff(elsewhere.root_pos, axis=0) - step).max() < PLACE_TOLERANCE
    assert scale > 0


@pytest.mark.parametrize("name", ["walk", "squat", "reach"])
@pytest.mark.parametrize(
    ("axis", "angle"),
    [("z", np.pi), ("y", np.pi / 2), ("y", -np.pi / 2), ("x", np.pi / 2), ("x", np.pi), ("y", np.pi)],
    ids=["away", "prone", "supine", "on the side", "upside down", "upside down, away"],
)
def test_a_first_frame_in_any_attitude_is_found(build_careful, g1, name, axis, angle):
    """Turned in the air, where no floor is in the way, a clip begins as well as it does upright."""
    human = motion.trim(sample.motion(name, fps=30.0), 0.8, 1.3)
    upright = moved(human, quat_about("z", np.float64(0.0)), (0.0, 0.0, 1.5))
    turned = moved(human, quat_about(axis, np.float64(angle)), (0.0, 0.0, 3.0))
    results = build_careful(ground="none")([upright, turned])
    errors = [key_point_error(r, h, g1) for r, h in zip(results, (upright, turned), strict=True)]
    assert errors[1][0] < errors[0][0] + START_TOLERANCE
    assert errors[1].max() < errors[0].max() + START_TOLERANCE
