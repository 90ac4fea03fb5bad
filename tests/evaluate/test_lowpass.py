"""The filter that the second block of every table applies to all methods alike."""

from dataclasses import replace

import numpy as np
import pytest
from standing import stand, with_joint

from understudy.errors import LimitError
from understudy.evaluate import attach, certify, filtered
from understudy.rotations import quat_about, quat_angle


def swinging(robot, hertz, fps, frames=600):
    motion = stand(robot, frames, fps)
    return with_joint(motion, "left_elbow_joint", np.sin(2 * np.pi * hertz * np.arange(frames) / fps))


@pytest.mark.parametrize("fps", [30.0, 120.0])
def test_slow_passes_without_delay_and_fast_does_not(g1, fps):
    elbow = g1.joints.index("left_elbow_joint")
    slow, fast = swinging(g1, 0.5, fps), swinging(g1, 12.0, fps)
    inside = slice(60, -60)
    passed = filtered(slow).joint_pos[inside, elbow]
    np.testing.assert_allclose(passed, slow.joint_pos[inside, elbow], atol=2e-3)
    assert np.abs(filtered(fast).joint_pos[inside, elbow]).max() < 0.01


def test_the_cutoff_halves_the_power_once_each_way(g1):
    swing = filtered(swinging(g1, 5.0, 60.0)).joint_pos[200:-200, g1.joints.index("left_elbow_joint")]
    assert np.abs(swing).max() == pytest.approx(0.5, abs=0.01)


def test_a_steady_turn_survives_a_flip_of_sign(g1):
    motion = stand(g1, 300, 30.0)
    turn = quat_about("z", np.linspace(0, 4, 300))
    turn[100:200] *= -1
    smooth = filtered(replace(motion, root_quat=turn))
    np.testing.assert_allclose(np.linalg.norm(smooth.root_quat, axis=1), 1.0, atol=1e-6)
    assert quat_angle(smooth.root_quat.astype(float), turn)[30:-30].max() < 0.01


def test_a_certificate_does_not_outlive_the_filter(g1, standing):
    certified = attach(standing, certify(standing, robot=g1))
    smooth = filtered(certified)
    assert smooth.origin.certificate is None
    assert smooth.origin.history[-1] == {"arrow": "filter", "cutoff_hz": 5.0}


def test_what_cannot_be_filtered_is_refused(g1):
    for motion in (stand(g1, 15, 30.0), stand(g1, 100, 10.0)):
        with pytest.raises(LimitError, match="low-pass"):
            filtered(motion)
    assert filtered(stand(g1, 16, 30.0)).frames == 16
