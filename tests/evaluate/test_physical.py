"""Physical metrics, on performances made up so that the right answer is known."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from standing import shifted, stand, with_joint

from understudy import robots
from understudy.errors import LimitError, ShapeError
from understudy.evaluate import physical
from understudy.kinematics import Capsules, body_tracks
from understudy.motion import RobotMotion
from understudy.physics import Rollout
from understudy.rotations import quat_about, quat_apply

FPS, FRAMES = 50.0, 51
GRAVITY = 9.81


@dataclass(frozen=True)
class Played:
    reference: RobotMotion
    achieved: RobotMotion
    feet: tuple[str, ...]
    saturation: np.ndarray
    work: np.ndarray
    ground_force: np.ndarray
    fell_at: float | None = None


@pytest.fixture
def still(g1):
    return stand(g1, FRAMES, FPS)


@pytest.fixture
def weight(g1):
    return float(g1.model.body_mass.sum()) * GRAVITY


@pytest.fixture
def play(g1, still, weight):
    """A performance whose feet share the weight, whatever the motion does, with motors that do nothing."""

    def make(achieved=None, reference=None, **changed):
        achieved = still if achieved is None else achieved
        steps = achieved.frames - 1
        force = np.zeros((steps, 2, 3))
        force[..., 2] = 0.5 * weight
        idle = np.zeros((steps, len(g1.joints)))
        given = {"saturation": idle, "work": idle, "ground_force": force, "fell_at": None, **changed}
        return Played(still if reference is None else reference, achieved, tuple(g1.feet), **given)

    return make


def along(speed, frames=FRAMES):
    """A path (m) in the direction of (3, 4, 0) at so many m/s."""
    return np.outer(np.arange(frames) / FPS, speed * np.array([0.6, 0.8, 0.0]))


def test_a_perfect_performance_has_no_errors(g1, play):
    row = physical.measure(play(), g1)
    assert [row[key] for key in physical.REFUSED] == [100.0] * 4
    for key in ("mpjpe", "w_mpjpe", "e_mpkpe", "e_vel", "joint_error", "slip", "skating", "float", "energy"):
        assert row[key] == pytest.approx(0.0, abs=1e-4), key
    assert row["peak_force"] == pytest.approx(0.5)
    assert "cost_of_transport" not in row
    assert "landing_force" not in row
    assert set(row) <= set(physical.CALLED)


@pytest.mark.parametrize("name", ["booster_t1", "pal_talos", "toddlerbot", "unitree_g1_upper", "unitree_h1"])
def test_every_robot_of_the_package_is_measured(name):
    robot = robots.load(name)
    still, nothing = stand(robot, 5, FPS), np.zeros((4, len(robot.joints)))
    force = np.zeros((4, len(robot.feet), 3))
    force[..., 2] = 0.5 * float(robot.model.body_mass.sum()) * GRAVITY
    row = physical.measure(Played(still, still, tuple(robot.feet), nothing, nothing, force), robot)
    assert row["success"] == 100.0
    assert max(row["mpjpe"], row["e_mpkpe"]) == pytest.approx(0.0, abs=1e-4)
    assert ("slip" in row) == ("peak_force" in row) == bool(robot.feet)
    assert row.get("slip", 0.0) == pytest.approx(0.0, abs=1e-4)


def test_a_rollout_of_physics_is_a_performance():
    needed = {name for name in vars(physical.Performance) if not name.startswith("_")}
    assert {"reference", "ground_force", "fell_at"} <= needed <= set(Rollout.__annotations__)


def test_ten_centimetres_away_are_ten_in_the_world_and_none_in_the_pose(g1, still, play):
    row = physical.measure(play(shifted(still, np.array([0.06, 0.08, 0.0]))), g1)
    assert row["w_mpjpe"] == pytest.approx(10.0, abs=1e-3)
    assert row["mpjpe"] == pytest.approx(0.0, abs=1e-3)
    assert row["e_mpkpe"] == pytest.approx(0.0, abs=1e-3)
    assert row["success"] == 100.0


def test_a_heading_that_is_off_counts_in_the_pose_and_not_from_the_anchor(g1, still, play):
    turned = replace(still, root_quat=np.tile(quat_about("z", np.float64(0.3)), (FRAMES, 1)))
    row = physical.measure(play(turned), g1)
    assert row["e_mpkpe"] == pytest.approx(0.0, abs=1e-3)
    assert row["mpjpe"] > 1.0


def test_a_root_that_runs_away_at_half_a_metre_a_second(g1, still, play):
    assert physical.measure(play(shifted(still, along(0.5))), g1)["e_vel"] == pytest.approx(0.5, abs=1e-4)


def test_one_joint_off_by_a_tenth(g1, still, play):
    q = still.joint_pos[:, still.joints.index("left_elbow_joint")]
    row = physical.measure(play(with_joint(still, "left_elbow_joint", q + 0.1)), g1)
    assert row["joint_error"] == pytest.approx(0.1 / np.sqrt(29), abs=1e-5)
    assert row["joint_speed_error"] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("off", "success", "half_metre"),
    [([0, 0, 0.24], 100, 100), ([0, 0, 0.26], 0, 100), ([0.45, 0, 0], 100, 100), ([0.55, 0, 0], 100, 0)],
)
def test_success_is_bounded_as_in_the_packages_that_it_is_named_after(
    g1, still, play, off, success, half_metre
):
    """BeyondMimic's looks at heights alone, ProtoMotions' at distances; one frame beyond is enough."""
    away = np.zeros((FRAMES, 3))
    away[-1] = off
    row = physical.measure(play(shifted(still, away)), g1)
    assert (row["success"], row["success_half_metre"], row["finished"]) == (success, half_metre, 100.0)


def test_a_robot_on_its_side_has_no_success(g1, still, play):
    quat = np.tile(quat_about("x", np.float64(1.4)), (FRAMES, 1))
    assert physical.measure(play(replace(still, root_quat=quat)), g1)["success"] == 0.0


def test_of_a_fall_the_errors_count_until_then_and_the_success_does_not(g1, still, play):
    fallen = shifted(stand(g1, 26, FPS), np.array([0.1, 0.0, 0.0]))
    row = physical.measure(play(fallen, fell_at=0.5), g1)
    assert (row["success"], row["success_half_metre"], row["finished"]) == (0.0, 0.0, 0.0)
    assert row["performed"] == pytest.approx(50.0)
    assert row["w_mpjpe"] == pytest.approx(10.0, abs=1e-3)


def test_a_foot_that_slides_at_one_centimetre_a_second_slips_at_one(g1, still, play):
    row = physical.measure(play(shifted(still, along(0.01))), g1)
    assert row["slip"] == pytest.approx(1.0, abs=1e-2)
    assert row["skating"] == pytest.approx(1.0, abs=1e-2)


def test_feet_that_the_floor_does_not_carry_do_not_slip(g1, still, play, weight):
    force = np.zeros((FRAMES - 1, 2, 3))
    force[:25, 0, 2] = weight
    slide = along(0.01)
    slide[25:] = slide[25] + 100 * (slide[25:] - slide[25])
    found = {m.key: m for m in physical.metrics(play(shifted(still, slide), ground_force=force), g1)}
    assert found["slip"].over == found["skating"].over == 25
    assert found["slip"].value == pytest.approx(1.0, abs=1e-2)
    lifted = shifted(still, np.array([0.0, 0.0, 0.02]) + along(0.1))
    assert physical.metrics(play(lifted), g1)[14].key == "slip"
    assert "slip" not in physical.measure(play(lifted), g1)


def test_feet_without_capsules_have_no_slip(g1, play, monkeypatch):
    capsules = Capsules.from_robot(g1)
    footless = replace(capsules, bodies=("elsewhere",) * len(capsules.bodies))
    monkeypatch.setattr(Capsules, "from_robot", lambda robot: footless)
    row = physical.measure(play(), g1)
    assert "slip" not in row
    assert row["skating"] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(("skid", "slip"), [(0.0, 0.0), (0.02, 2.0)])
def test_a_foot_that_rolls_does_not_slip(g1, still, play, skid, slip):
    """The whole robot turns about the round tips of its feet, which roll ahead as they do, and skid or do not."""
    capsules = Capsules.from_robot(g1)
    body = body_tracks(g1, still)
    row = g1.body_index(g1.feet["left"].body)
    ends = [
        (body.pos[0, row] + quat_apply(body.quat[0, row], end), capsules.radius[k])
        for k, name in enumerate(capsules.bodies)
        if name == g1.feet["left"].body
        for end in (capsules.start[k], capsules.end[k])
    ]
    tip, radius = max(ends, key=lambda end: end[0][0])
    angle = np.linspace(0.0, 0.5, FRAMES)
    arm = still.root_pos[0].astype(np.float64) - tip
    path = tip + quat_apply(quat_about("y", angle), arm[None]) + along(skid)
    path[:, 0] += radius * angle
    turned = replace(still, root_pos=path, root_quat=quat_about("y", angle))
    row = physical.measure(play(turned), g1)
    assert row["slip"] == pytest.approx(slip, abs=0.05)
    assert row["e_vel"] > 0.3


def test_saturation_energy_and_the_cost_of_transport(g1, still, play, weight):
    saturation, work = np.zeros((FRAMES - 1, 29)), np.zeros((FRAMES - 1, 29))
    saturation[:, 3] = 0.5
    work[:, 3], work[:, 4] = 0.2, -0.1
    walk = shifted(still, along(2.0))
    found = {m.key: m for m in physical.metrics(play(walk, saturation=saturation, work=work), g1)}
    assert found["saturation"].value == pytest.approx(50 / 29)
    assert f"{g1.joints[3]}, 50 %" in found["saturation"].note
    assert found["energy"].value == pytest.approx(10.0)
    assert found["power"].value == pytest.approx(10.0 / g1.model.body_mass.sum())
    assert found["cost_of_transport"].value == pytest.approx(10.0 / (2.0 * weight), rel=1e-4)


def test_frames_in_which_nothing_carries_a_robot_that_should_stand(g1, still, play, weight):
    force = np.zeros((FRAMES - 1, 2, 3))
    force[:40, :, 2] = 0.5 * weight
    assert physical.measure(play(ground_force=force), g1)["float"] == pytest.approx(20.0)
    air = shifted(still, np.array([0.0, 0.0, 0.2]))
    assert "float" not in physical.measure(play(air, air, ground_force=force), g1)


def test_impulses_in_the_robot_s_own_weight(g1, play, weight):
    """One foot carries all; the other is up, comes down with three times the weight, and goes up again."""
    force = np.zeros((FRAMES - 1, 2, 3))
    force[:, 0, 2] = weight
    force[10:20, 1, 2] = 0.5 * weight
    force[12, 1, 2] = 3.0 * weight
    row = physical.measure(play(ground_force=force), g1)
    assert row["peak_force"] == pytest.approx(3.0)
    assert row["landing_force"] == pytest.approx(3.0)
    assert row["footfall_impulse"] == pytest.approx((9 * 0.5 + 3.0) / FPS)


def test_a_clip_of_one_frame_has_nothing_to_measure(g1, play):
    one = stand(g1, 1, FPS)
    row = physical.measure(play(one, one), g1)
    assert row == dict.fromkeys(physical.REFUSED, 100.0)
    for metric in physical.metrics(play(one, one), g1):
        assert (metric.key, metric.label, metric.unit) == (metric.key, *physical.CALLED[metric.key])


def test_every_metric_is_listed_in_its_order(g1, play):
    assert [m.key for m in physical.metrics(play(), g1)] == list(physical.CALLED)


def test_pooling_counts_each_clip_once_and_those_that_failed_too():
    rows = [
        {"success": 100.0, "slip": 1.0, "peak_force": 2.0},
        {"success": 0.0, "peak_force": 3.0},
        physical.REFUSED,
    ]
    found = physical.pooled(rows, ["WBPM", "ULOM", "WBPM"])
    assert list(found) == ["all", "ULOM", "WBPM"]
    assert found["all"]["clips"] == 3
    assert found["all"]["success"] == pytest.approx(100 / 3)
    assert found["all"]["slip"] == 1.0
    assert found["all"]["peak_force"] == 3.0
    assert found["WBPM"] == {"clips": 2, "success": 50.0, "success_half_metre": 0.0, "finished": 0.0, "performed": 0.0,
                             "slip": 1.0, "peak_force": 2.0}  # fmt: skip
    assert physical.pooled([]) == {}
    with pytest.raises(ShapeError, match="3 rows"):
        physical.pooled(rows, ["ULOM"])


def test_what_does_not_fit_is_refused(g1, still, play):
    with pytest.raises(ShapeError, match="work of a performance of 51 frames"):
        physical.measure(play(work=np.zeros((3, 29))), g1)
    with pytest.raises(ShapeError, match="finite"):
        physical.measure(play(ground_force=np.full((50, 2, 3), np.nan)), g1)
    with pytest.raises(ShapeError, match="feet"):
        physical.measure(replace(play(), feet=("left",)), g1)
    with pytest.raises(LimitError, match="at 30 fps"):
        physical.measure(play(replace(still, fps=30.0)), g1)
    with pytest.raises(LimitError, match="or fewer"):
        physical.measure(play(stand(g1, 60, FPS)), g1)
