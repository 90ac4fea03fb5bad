"""Rows of the tables against figures worked out by hand, on one robot of three bodies and two joints."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from understudy.physics import observations as see
from understudy.physics import rewards as pay
from understudy.physics import tasks
from understudy.physics import terminations as end
from understudy.physics.bodies import Bodies
from understudy.physics.moment import Moment, Parts
from understudy.physics.rewards import Reward, Sigma
from understudy.physics.simulator import Readings

WIDTH = {"body_pos": (3, 3), "body_quat": (3, 4), "body_lin_vel": (3, 3), "body_ang_vel": (3, 3)} | {
    "ground_force": (3, 3),
    "com_pos": (3,),
    "com_vel": (3,),
    **dict.fromkeys(("joint_pos", "joint_vel", "torque", "saturation", "work"), (2,)),
}
WHOLE = ("self_contacts", "fault")


def about_z(angle):
    return torch.tensor([np.cos(angle / 2), 0.0, 0.0, np.sin(angle / 2)], dtype=torch.float32)


@pytest.fixture
def moment():
    """All at the origin, at rest and upright; bodies 0 and 2 are tracked, the anchor is body 2."""
    kinds = {f.name: torch.int32 if f.name in WHOLE else torch.float32 for f in fields(Readings)}
    readings = Readings(**{k: torch.zeros(1, *WIDTH.get(k, ()), dtype=kind) for k, kind in kinds.items()})
    readings.body_quat[..., 0] = 1.0
    upright = torch.zeros(1, 2, 4)
    upright[..., 0] = 1.0
    rest = (torch.zeros(1, 2, 3), upright, torch.zeros(1, 2, 3), torch.zeros(1, 2, 3))
    parts = Parts(
        tracked=torch.tensor([0, 2]),
        anchor=1,
        ends=torch.tensor([0]),
        untouched=torch.tensor([0, 1]),
        lower=torch.tensor([-1.0, -1.0]),
        upper=torch.tensor([1.0, 1.0]),
    )
    return Moment(parts, readings, Bodies(*rest), *(torch.zeros(1, 2) for _ in range(5)))


def test_errors_of_the_anchor_are_squared_distances_and_angles(moment):
    moment.readings.body_pos[0, 2] = torch.tensor([0.3, -0.4, 1.2])
    moment.readings.body_quat[0, 2] = about_z(0.6)
    moment.readings.body_lin_vel[0, 2] = torch.tensor([0.0, 2.0, 0.0])
    assert pay.anchor_pos(moment).item() == pytest.approx(1.69)
    assert pay.anchor_quat(moment).item() == pytest.approx(0.36, rel=1e-5)
    assert pay.anchor_lin_vel(moment).item() == pytest.approx(4.0)


def test_body_errors_forgive_where_the_robot_is_and_where_it_looks(moment):
    """A reference 1 m ahead of its anchor; the robot stands elsewhere, looks left, and carries it 1 m to the left."""
    moment.reference.pos[0, 0] = torch.tensor([1.0, 0.0, 0.5])
    moment.readings.body_pos[0, 2] = torch.tensor([5.0, -2.0, 0.1])
    moment.readings.body_pos[0, 0] = torch.tensor([5.0, -1.0, 0.5])
    moment.readings.body_quat[0] = about_z(np.pi / 2)
    # What is not forgiven is height: the anchor is 0.1 m too high.
    assert pay.body_pos(moment).item() == pytest.approx(0.1**2 / 2, rel=1e-4)
    assert pay.body_quat(moment).item() == pytest.approx(0.0, abs=1e-9)
    moment.readings.body_quat[0, 0] = about_z(np.pi / 2 + 0.2)
    assert pay.body_quat(replace(moment)).item() == pytest.approx(0.5 * 0.04, rel=1e-3)  # seen afresh


def test_velocity_errors_are_means_over_bodies_in_the_world(moment):
    moment.readings.body_lin_vel[0, 0] = torch.tensor([3.0, 0.0, 4.0])
    moment.readings.body_ang_vel[0, 2] = torch.tensor([0.0, 6.0, 0.0])
    moment.readings.body_ang_vel[0, 1] = 99.0  # not tracked
    assert pay.body_lin_vel(moment).item() == pytest.approx(12.5)
    assert pay.body_ang_vel(moment).item() == pytest.approx(18.0)


def test_penalties(moment):
    m = replace(moment, action=torch.tensor([[1.0, -1.0]]), last_action=torch.tensor([[0.0, 1.0]]))
    m.readings.joint_pos[0] = torch.tensor([1.5, -1.25])
    m.readings.ground_force[0] = torch.tensor([[0.0, 0.9, 0.0], [0.0, 0.0, 1.1], [0.0, 0.0, 300.0]])
    assert pay.action_rate(m).item() == pytest.approx(5.0)
    assert pay.joint_limits(m).item() == pytest.approx(0.75)
    assert pay.undesired_contacts(m).item() == 1.0


def test_a_reward_bends_its_error_and_tightens_along_the_schedule(moment):
    moment.readings.body_pos[0, 2, 0] = 0.3
    row = Reward(pay.anchor_pos, 2.0, Sigma(0.3, 0.15))
    assert row.value(moment, 0.0).item() == pytest.approx(2.0 * np.exp(-1.0), rel=1e-5)
    assert row.value(moment, 1.0).item() == pytest.approx(2.0 * np.exp(-4.0), rel=1e-5)
    assert Reward(pay.anchor_pos, -0.1).value(moment, 0.5).item() == pytest.approx(-0.009)


def test_the_schedule_is_equation_6_and_stays_at_its_ends():
    schedule = tasks.Schedule(first=100, last=300)
    assert [schedule.progress(i) for i in (0, 100, 150, 300, 999)] == [0.0, 0.0, 0.25, 1.0, 1.0]
    sigma = tasks.cepr(schedule).rewards["anchor_pos"].sigma
    assert sigma is not None
    assert sigma.at(schedule.progress(200)) == pytest.approx(0.225)


def test_weights_are_those_of_table_2():
    weights = [row.weight for row in tasks.cepr().rewards.values()]
    assert weights == [1.0] * 7 + [-0.1] * 2


def test_terminations_measure_height_and_tilt(moment):
    moment.readings.body_pos[0, 2] = torch.tensor([9.0, 9.0, -0.3])
    moment.readings.body_quat[0, 2] = torch.tensor([np.cos(0.5), np.sin(0.5), 0.0, 0.0])  # rolled by 1 rad
    moment.readings.body_pos[0, 0, 2] = 0.2
    assert end.anchor_height(moment).item() == pytest.approx(0.3)
    assert end.anchor_tilt(moment).item() == pytest.approx(1.0 - np.cos(1.0), rel=1e-5)
    assert end.ends_height(moment).item() == pytest.approx(0.2)
    reached = {name: row.reached(moment).item() for name, row in tasks.TERMINATIONS.items()}
    assert reached == {"anchor_height": True, "anchor_tilt": False, "ends_height": False}


def test_what_is_seen_from_the_anchor(moment):
    moment.readings.body_pos[0, 2] = torch.tensor([1.0, 0.0, 0.0])
    moment.readings.body_quat[0] = about_z(np.pi / 2)
    moment.readings.body_lin_vel[0, 0] = torch.tensor([0.0, 2.0, 0.0])
    assert see.anchor_pos(moment).numpy() == pytest.approx(np.array([[0.0, 1.0, 0.0]]), abs=1e-6)
    assert see.anchor_axes(moment).numpy() == pytest.approx(np.array([[0.0, 1.0, -1.0, 0.0, 0, 0]]), abs=1e-6)
    assert see.root_lin_vel(moment).numpy() == pytest.approx(np.array([[2.0, 0.0, 0.0]]), abs=1e-6)


def test_noise_is_even_within_its_bounds_and_only_where_it_is_asked_for(moment):
    table = {
        "quiet": see.Observation(see.joint_pos),
        "loud": see.Observation(see.joint_vel, noise=0.5),
    }
    generator = torch.Generator().manual_seed(0)
    known = {term: term(moment) for term in see.terms(table, None, table)}
    assert list(known) == [see.joint_pos, see.joint_vel]
    seen = torch.cat([see.assemble(table, known, generator) for _ in range(500)])
    assert (seen[:, :2] == 0).all()
    assert 0.49 < seen[:, 2:].abs().max() <= 0.5
    assert seen[:, 2:].std().item() == pytest.approx(0.5 / np.sqrt(3), rel=0.05)
    assert (see.assemble(table, known) == 0).all()
