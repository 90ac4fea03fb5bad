"""Pairs that a simulated robot has performed: what is kept of a performance, and how a job goes on."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from made_pairs import pair_arrays

from understudy import motion, retarget, robots
from understudy.errors import LimitError, UnderstudyError
from understudy.kinematics import body_tracks
from understudy.learn.pair_file import ARRAYS, Pair, load_pair, save_pair
from understudy.learn.windows import load_pairs
from understudy.motion import sample
from understudy.physics.mpc import RefineConfig
from understudy.physics.planner import PlanConfig
from understudy.physics.rollout import of_steps
from understudy.pipelines.pairs import Line, pairs_in
from understudy.pipelines.pairs_physics import PhysicsPairsConfig, plan, refine_pairs
from understudy.pipelines.pairs_physics_making import asked_for, frames_kept, physical_pair
from understudy.pipelines.pairs_robot import robot_layout
from understudy.pipelines.pairs_tree import robot_tree

QUICK = RefineConfig(plan=PlanConfig(samples=4, iterations=3), retries=0)


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def made_pair(g1, name="stand", seconds=2.5) -> Pair:
    human = motion.trim(sample.motion(name, fps=30.0), 0.0, seconds)
    [made] = retarget.FrameIK(g1)([human])
    arrays = pair_arrays(human, g1, made)
    return Pair(**arrays, meta={"fps": 30.0, "source": name, "stage": "kinematic", "size": 0.8})


def first(pair: Pair, frames: int) -> Pair:
    """Its beginning."""
    return replace(pair, **{name: getattr(pair, name)[:frames] for name in (*ARRAYS, "human_ok")})


def written(folder: Path, g1, pairs: dict[tuple[str, int], Pair]) -> Path:
    """A folder of kinematic pairs."""
    folder.mkdir()
    about = {
        "version": 1,
        "robot": robot_layout(g1).to_json(),
        "tree": robot_tree(g1),
        "seed": 0,
        "hours": 1.0,
    }
    (folder / "pairs.json").write_text(json.dumps(about))
    rows = []
    for (kind, number), pair in pairs.items():
        save_pair(pair, folder / f"{kind}-{number:05d}.npz")
        line = Line(kind, number, f"{kind}-{number:05d}.npz", pair.frames, pair.frames, 0.8, 30.0, kind)
        rows.append(json.dumps(asdict(line)) + "\n")
    (folder / "pairs.jsonl").write_text("".join(rows))
    return folder


@pytest.fixture(scope="module")
def pair(g1) -> Pair:
    return made_pair(g1)


@pytest.fixture(scope="module")
def data(g1, pair, tmp_path_factory) -> Path:
    """One that stands, and one that turns over after half a second."""
    stands = first(pair, 64)
    angle = np.clip(np.arange(stands.frames) / 15.0 - 1.0, 0.0, 1.0) * 3.0
    turned = np.stack([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], axis=1)
    tumbles = replace(stands, robot_root_quat=turned.astype(np.float32))
    pairs = {("plain", 0): stands, ("mixed", 0): tumbles}
    return written(tmp_path_factory.mktemp("data") / "g1", g1, pairs)


@pytest.fixture(scope="module")
def performed(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("performed") / "g1"
    return out, refine_pairs(PhysicsPairsConfig(data, refine=QUICK), out)


def rollout_of(pair, g1, fps=50.0, **changes):
    """A performance that does exactly what was asked for."""
    asked = motion.sample_every(asked_for(pair, g1), fps)
    steps, feet = asked.frames - 1, len(g1.feet)
    taken = [(*(np.zeros(len(g1.joints)) for _ in range(3)), np.zeros((feet, 3)))] * steps
    actions = [np.zeros(len(g1.joints))] * steps
    return replace(of_steps(g1, asked, asked.origin, asked.qpos, actions, taken), **changes)


def with_achieved(rollout, **changes):
    return replace(rollout, achieved=replace(rollout.achieved, **changes))


def test_a_pair_holds_what_the_robot_did(performed, data, g1):
    out, _ = performed
    before, after = load_pair(data / "plain-00000.npz"), load_pair(out / "plain-00000.npz")
    assert after.meta["stage"] == "physics"
    assert after.frames >= before.frames - 2
    np.testing.assert_array_equal(after.human_pos, before.human_pos[: after.frames])
    np.testing.assert_array_equal(after.human_quat, before.human_quat[: after.frames])
    moved = np.abs(after.robot_joint_pos - before.robot_joint_pos[: after.frames]).max()
    assert 1e-4 < moved < 0.5, "near what was asked for, and not the same"
    assert (after.robot_joint_pos <= g1.upper + 1e-6).all()
    assert (after.robot_joint_pos >= g1.lower - 1e-6).all()
    bodies = body_tracks(g1, asked_for(after, g1)).pos
    np.testing.assert_allclose(after.robot_body_pos, bodies, atol=1e-5)
    assert after.human_ok.mean() > 0.8
    assert after.meta["performance"]["off"] < 0.05


def test_a_network_can_learn_from_the_folder(performed, data):
    out, made = performed
    pairs = load_pairs(out)
    assert pairs.kinds == ("plain",)
    assert len(pairs.ok) == sum(line.frames for line in made.lines if line.file)
    told, given = (json.loads((folder / "pairs.json").read_text()) for folder in (out, data))
    assert told["robot"] == given["robot"]
    assert told["tree"] == given["tree"]
    assert told["stage"] == "physics"


def test_a_fall_is_told_and_not_asked_for_again(performed, data):
    out, made = performed
    [fell] = made.failed
    assert (fell.kind, fell.number) == ("mixed", 0)
    assert "the robot fell at" in (fell.error or "")
    assert fell.frames > 0
    again = refine_pairs(PhysicsPairsConfig(data, refine=QUICK), out)
    assert (again.kept, len(again.lines)) == (2, 2)


def test_a_job_goes_on_where_it_was(performed, data):
    out, _ = performed
    before = load_pair(out / "plain-00000.npz")
    (out / "plain-00000.npz").unlink()
    with (out / "pairs.jsonl").open("a") as index:
        index.write('{"kind": "pl')
    made = refine_pairs(PhysicsPairsConfig(data, refine=QUICK), out)
    assert (made.kept, len(made.lines)) == (1, 2)
    after = load_pair(out / "plain-00000.npz")
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_a_folder_of_other_pairs_is_left_alone(performed, data):
    out, _ = performed
    with pytest.raises(UnderstudyError, match="differ in refine"):
        refine_pairs(PhysicsPairsConfig(data, refine=replace(QUICK, seed=1)), out)
    with pytest.raises(UnderstudyError, match=r"differ in .*stage"):
        refine_pairs(PhysicsPairsConfig(data, refine=QUICK), data)


def test_what_cannot_be_read_is_told_and_tried_again(g1, pair, tmp_path, monkeypatch):
    data = written(tmp_path / "g1", g1, {("plain", 0): pair})
    whole = (data / "plain-00000.npz").read_bytes()
    (data / "plain-00000.npz").write_bytes(whole[:999])
    config = PhysicsPairsConfig(data, refine=QUICK)
    [failed] = refine_pairs(config, tmp_path / "out").failed
    assert "plain-00000.npz" in (failed.error or "")
    (data / "plain-00000.npz").write_bytes(whole)
    monkeypatch.setattr(
        "understudy.pipelines.pairs_physics.refine", lambda motion, robot, config: rollout_of(pair, robot)
    )
    made = refine_pairs(config, tmp_path / "out")
    assert (made.kept, made.failed, len(pairs_in(tmp_path / "out").lines)) == (0, (), 1)


def test_time_that_is_up_ends_a_job_after_one_pair(data, tmp_path, monkeypatch):
    pair = load_pair(data / "plain-00000.npz")
    monkeypatch.setattr(
        "understudy.pipelines.pairs_physics.refine", lambda motion, robot, config: rollout_of(pair, robot)
    )
    config = PhysicsPairsConfig(data, refine=QUICK)
    assert len(refine_pairs(config, tmp_path, minutes=0.0).lines) == 1
    assert len(refine_pairs(config, tmp_path, pairs=2).lines) == 2


@pytest.mark.parametrize(
    ("fell_at", "frames"), [(None, 76), (3.0, 76), (2.51, 61), (2.5, 61), (2.49, 0), (1.0, 0)]
)
def test_the_time_before_a_fall_is_kept_where_it_is_long_enough(pair, g1, fell_at, frames):
    assert frames_kept(rollout_of(pair, g1, fell_at=fell_at), 30.0) == frames


def test_what_is_kept_lies_beside_its_human(pair, g1):
    made = physical_pair(pair, rollout_of(pair, g1, fell_at=2.6), g1)
    assert made.frames == 64
    np.testing.assert_allclose(made.robot_root_pos, pair.robot_root_pos[:64], atol=2e-3)
    assert made.meta["performance"]["fell_at"] == 2.6
    assert made.human_ok.all()


def test_frames_far_from_what_was_asked_for_are_not_good(pair, g1):
    rollout = rollout_of(pair, g1)
    away = rollout.achieved.root_pos.copy()
    away[:, 0] += np.clip(np.arange(len(away)) / 50.0 - 1.0, 0.0, 1.0) * 0.3
    made = physical_pair(pair, with_achieved(rollout, root_pos=away), g1)
    assert made.human_ok[:44].all()
    assert not made.human_ok[46:].any()


@pytest.mark.parametrize(("beyond", "good"), [(0.02, True), (0.05, False)])
def test_joints_are_put_back_into_their_range(pair, g1, beyond, good):
    rollout = rollout_of(pair, g1)
    joint = g1.joints.index("left_wrist_roll_joint")
    joints = rollout.achieved.joint_pos.copy()
    joints[:, joint] = g1.upper[joint] + beyond
    made = physical_pair(pair, with_achieved(rollout, joint_pos=joints), g1)
    np.testing.assert_allclose(made.robot_joint_pos[:, joint], g1.upper[joint], atol=1e-6)
    assert made.human_ok.all() == made.human_ok.any() == good
    assert made.meta["performance"]["beyond_most"] == pytest.approx(beyond, abs=1e-4)


def test_kinds_take_turns(g1):
    lines = [Line(kind, n, f"{kind}{n}", 90) for kind in ("warp", "plain") for n in (2, 0, 1)]
    lines += [Line("plain", 3, "short", 20), Line("plain", 4, None, error="no"), Line("random", 0, "r", 90)]
    order = [(line.kind, line.number) for line in plan(lines, ("plain", "warp"))]
    assert order == [(kind, n) for n in (0, 1, 2) for kind in ("plain", "warp")]


def test_wrong_orders_are_refused(data, tmp_path):
    with pytest.raises(LimitError, match="each kind once"):
        refine_pairs(PhysicsPairsConfig(data, kinds=("plain", "plain")), tmp_path)
    with pytest.raises(UnderstudyError, match="no pair of kind random"):
        refine_pairs(PhysicsPairsConfig(data, kinds=("random",)), tmp_path)
