"""Every check can pass and can fail, says where, and belongs to exactly one motion."""

import json
from dataclasses import replace

import numpy as np
import pytest
from standing import FRAMES, double, shifted, stand, with_joint

from understudy import motion
from understudy.errors import LimitError, UnknownName
from understudy.evaluate import Certificate, attach, certify
from understudy.evaluate.certificate import VERSION, motion_hash
from understudy.motion import HumanMotion
from understudy.rotations import quat_about, quat_mul

NAMES = ["finite", "joint_limits", "motor_speed", "jumps", "self_collision", "floor"]


def failed(certificate):
    return {check.name: check for check in certificate.checks if not check.passed}


def bent(motion, joint, value, frames):
    """The joint at another value (rad) in some frames, moved there within motor speed where it is a slice of
    all."""
    values = motion.joint_pos[:, motion.joints.index(joint)].copy()
    values[frames] = value
    return with_joint(motion, joint, values)


def test_a_robot_that_stands_passes(g1, standing):
    certificate = certify(standing, robot=g1)
    assert [check.name for check in certificate.checks] == NAMES
    assert failed(certificate) == {}
    assert certificate.passed
    assert certify(standing, double(g1, standing), g1).passed


def test_the_robot_is_loaded_by_name(standing):
    assert certify(standing).robot == "unitree_g1"
    with pytest.raises(UnknownName):
        certify(replace(standing, robot="unitree_g2"))


def test_joint_limits(g1, standing):
    beyond = float(g1.upper[g1.joints.index("left_wrist_roll_joint")]) + 0.02
    check = failed(certify(bent(standing, "left_wrist_roll_joint", beyond, slice(None)), robot=g1))[
        "joint_limits"
    ]
    assert check.value == pytest.approx(0.02, abs=1e-5)
    assert check.where == "left_wrist_roll_joint"


def test_motor_speed(g1, standing):
    joint = "right_wrist_yaw_joint"
    limit = float(g1.velocity_limit[g1.joints.index(joint)])
    fast = replace(bent(standing, joint, 0.4, slice(30, None)), fps=120.0)
    check = failed(certify(fast, robot=g1))["motor_speed"]
    assert check.value == pytest.approx(0.4 * 120 / limit, rel=1e-4)
    assert (check.worst_frame, check.where) == (30, joint)
    assert check.worst_time == pytest.approx(30 / 120)
    assert "jumps" not in failed(certify(fast, robot=g1))


def test_a_jump_that_the_human_did_not_make(g1, standing):
    human = double(g1, standing)
    jumpy = bent(standing, "left_wrist_roll_joint", 0.6, slice(30, None))
    for certificate in (certify(jumpy, human, g1), certify(jumpy, robot=g1)):
        check = failed(certificate)["jumps"]
        assert check.value == pytest.approx(0.6)
        assert check.worst_frame == 30
    turned = human.quat.copy()
    row = human.skeleton.joints.index("left_wrist")
    turned[30:, row] = quat_mul(quat_about("x", np.full(FRAMES - 30, 0.7, np.float32)), turned[30:, row])
    excused = HumanMotion(human.skeleton, human.fps, human.pos, turned)
    assert "jumps" not in failed(certify(jumpy, excused, g1))


def test_self_collision(g1, standing):
    crossed = bent(standing, "left_shoulder_yaw_joint", 1.6, slice(None))
    crossed = bent(crossed, "left_shoulder_roll_joint", -0.3, slice(None))
    check = failed(certify(crossed, robot=g1))["self_collision"]
    assert check.value > 5.0
    assert "torso_link" in check.where
    assert check.unit == "mm deep"


def test_floor(g1, standing):
    sink = np.zeros((FRAMES, 3))
    sink[17, 2] = -0.012
    check = failed(certify(shifted(standing, sink), robot=g1))["floor"]
    assert check.value == pytest.approx(12.0, abs=0.1)
    assert check.worst_frame == 17
    assert check.where.endswith("ankle_roll_link")
    assert certify(shifted(standing, np.array([0, 0, -0.004])), robot=g1).passed


def test_values_that_are_not_finite_fail_everything(g1, standing):
    standing.root_pos[12, 1] = np.inf
    certificate = certify(standing, robot=g1)
    assert set(failed(certificate)) == set(NAMES)
    finite = certificate.checks[0]
    assert (finite.value, finite.worst_frame) == (1.0, 12)
    assert all(check.value is None and check.where for check in certificate.checks[1:])


def test_it_survives_being_written_down(g1, standing):
    certificate = certify(standing, robot=g1)
    told = json.loads(json.dumps(certificate.to_dict()))
    assert told["passed"] is True
    assert told["version"] == VERSION
    assert Certificate.from_dict(told) == certificate


def test_the_hash_belongs_to_exactly_these_numbers(standing):
    same = replace(standing, tracks={"contact": np.zeros(FRAMES)})
    assert motion_hash(same) == motion_hash(standing)
    nudged = standing.joint_pos.copy()
    nudged[-1, -1] = np.nextafter(nudged[-1, -1], np.float32(9))
    others = [
        replace(standing, joint_pos=nudged),
        replace(standing, fps=31.0),
        replace(standing, robot="other"),
        shifted(standing, np.array([0, 0, 1e-4])),
        replace(standing, root_quat=-standing.root_quat),
    ]
    hashes = {motion_hash(standing), *(motion_hash(m) for m in others)}
    assert len(hashes) == 1 + len(others)


def test_attaching_and_telling_whether_it_still_belongs(g1, standing):
    certificate = certify(standing, robot=g1)
    certified = attach(standing, certificate)
    stored = Certificate.from_dict(certified.origin.certificate)
    assert stored.belongs_to(certified)
    assert not stored.belongs_to(shifted(certified, np.array([0, 0, 0.01])))
    assert standing.origin.certificate is None
    with pytest.raises(LimitError, match="another motion"):
        attach(shifted(standing, np.array([0, 0, 0.01])), certificate)


def test_a_certificate_still_belongs_after_attaching_saving_and_loading(g1, tmp_path):
    frames = 3000
    turns = np.random.default_rng(0).normal(size=(frames, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    turned = replace(stand(g1, frames), root_quat=turns)
    certified = attach(turned, certify(turned, robot=g1))
    motion.save(certified, tmp_path / "turned.npz")
    loaded = motion.load(tmp_path / "turned.npz")
    assert Certificate.from_dict(loaded.origin.certificate).belongs_to(loaded)
