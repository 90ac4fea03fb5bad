"""Refining a folder: what can be performed is, what cannot is named with its reason, and nothing is done twice."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy import motion, pipelines, robots
from understudy.errors import LimitError, UnknownName
from understudy.motion import Origin, RobotMotion, dataset, sample
from understudy.physics.health import FAULTS, RUNAWAY
from understudy.physics.mpc import RefineConfig
from understudy.physics.planner import PlanConfig
from understudy.physics.rollout_files import load_rollout
from understudy.pipelines import refining_report
from understudy.pipelines.dataset import Task
from understudy.pipelines.refining import RefineClip, changes, ending, tracking

QUICK = RefineConfig(plan=PlanConfig(samples=4, iterations=1, threads=1), retries=0)


def standing(robot, frames=11, lift=0.0):
    """The home stance, so many metres above the floor."""
    home = np.tile(robot.home, (frames, 1))
    home[:, 2] += lift
    return RobotMotion(
        robot.name, robot.joints, 50.0, home[:, :3], home[:, 3:7], home[:, 7:], origin=Origin("still")
    )


def tumbling(robot):
    """The home stance, but a pelvis that turns over at once after half a second."""
    clip = standing(robot, 40)
    angle = np.clip(np.linspace(-4.5, 3.0, clip.frames), 0.0, 3.0)
    quat = np.stack([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], axis=1)
    return replace(clip, root_quat=quat)


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def folder(g1, tmp_path_factory):
    """Every clip that a folder may hold, good and bad."""
    folder = tmp_path_factory.mktemp("clips")
    still = standing(g1)
    motion.save(still, folder / "good.npz")
    (folder / "deep").mkdir()
    motion.save(standing(g1, 9), folder / "deep" / "good.npz")
    motion.save(standing(g1, lift=1.0), folder / "high.npz")
    motion.save(standing(g1, lift=-1.0), folder / "low.npz")
    motion.save(tumbling(g1), folder / "tumble.npz")
    motion.save(replace(still, robot="unitree_h1"), folder / "wrong.npz")
    motion.save(replace(still, robot="nobody"), folder / "nobody.npz")
    motion.save(standing(robots.load("unitree_g1_upper")), folder / "legless.npz")
    motion.save(motion.trim(sample.motion("stand", fps=20.0), 0.0, 0.5), folder / "human.npz")
    arrays = dict(np.load(folder / "good.npz"))
    np.savez(
        folder / "nan.npz",
        **arrays | {"joint_pos": np.where(still.joint_pos == 0.0, np.nan, still.joint_pos)},
    )
    whole = (folder / "good.npz").read_bytes()
    (folder / "corrupt.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.npz").write_bytes(b"")
    return folder


def run(folder, out, config=QUICK, **options):
    found = pipelines.find(folder, out, ("robot",))
    tasks = [Task(clip.as_posix(), folder / clip, out / clip, found=False) for clip in found.clips]
    fallen = {task.source: task.target.with_stem(task.target.stem + "_fell") for task in tasks}
    summary = pipelines.run(tasks, RefineClip(config, fallen=fallen), out, **options)
    return {entry.id: entry for entry in summary.entries}, summary


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("done")
    return out, run(folder, out)[0]


def test_the_rest_is_done_whatever_single_clips_do(done):
    _, rows = done
    assert {name for name, row in rows.items() if row.status == "done"} == {"good.npz", "deep/good.npz"}
    assert {name for name, row in rows.items() if row.status == "dropped"} == {"tumble.npz"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("high.npz", "stands at +1.00 m"),
        ("low.npz", "stands at -1.00 m"),
        ("wrong.npz", "unitree_h1"),
        ("nobody.npz", "Unknown robot 'nobody'"),
        ("legless.npz", "'unitree_g1_upper' does not stand on feet"),
        ("human.npz", "understudy retarget"),
        ("nan.npz", "not finite"),
        ("corrupt.npz", ""),
        ("empty.npz", "empty"),
        ("tumble.npz", "the robot fell at"),
    ],
)
def test_what_is_not_done_is_named_with_its_reason(done, name, reason):
    row = done[1][name]
    assert row.status == ("dropped" if name == "tumble.npz" else "failed")
    assert reason in row.reason
    assert row.reason
    assert "Error:" not in row.reason, "an unexpected failure"


def test_a_fall_is_kept_under_a_name_that_says_so(done):
    out, rows = done
    fallen = load_rollout(out / "tumble_fell.npz")
    assert not (out / "tumble.npz").exists()
    assert fallen.fell_at == pytest.approx((fallen.achieved.frames - 1) / 50)
    assert f"{fallen.fell_at:.2f} of 0.78 s" in rows["tumble.npz"].reason
    assert "tumble_fell.npz" in rows["tumble.npz"].reason
    assert fallen.reference.frames == 40


def test_results_are_rollouts_with_a_certificate(done, g1):
    out, rows = done
    rollout = load_rollout(out / "good.npz")
    assert rollout.finished
    assert rollout.reference.frames == 11
    assert rollout.achieved.origin.certificate["passed"] == rows["good.npz"].passed
    metrics = rows["good.npz"].metrics
    assert metrics["root_error"] < 0.03
    assert metrics["retries"] == 0
    assert metrics["performed"] == 1
    assert {
        f"{name}_{when}" for name in refining_report.TWICE for when in ("before", "after")
    } <= metrics.keys()


def test_what_is_done_is_not_done_again(done, folder):
    out, _ = done
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*good.npz")}
    again, summary = run(folder, out)
    assert summary.kept == 3  # the fall too: the same seed would fall again
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*good.npz")} == times
    assert again.keys() == done[1].keys()


def test_another_configuration_is_another_job_and_threads_are_none(g1):
    one = RefineClip(QUICK)
    assert (
        one.configuration() == RefineClip(replace(QUICK, plan=replace(QUICK.plan, threads=2))).configuration()
    )
    assert one.configuration() != RefineClip(replace(QUICK, seed=1)).configuration()
    json.dumps(one.configuration())
    assert one.version() != RefineClip(QUICK, robot="unitree_h1").version()


def test_a_fall_that_no_longer_happens_leaves_no_file(g1, tmp_path):
    motion.save(standing(g1, 5), tmp_path / "still.npz")
    stale = tmp_path / "still_fell.npz"
    stale.write_bytes(b"from another time")
    recipe = RefineClip(QUICK, fallen={tmp_path / "still.npz": stale})
    recipe(tmp_path / "still.npz")
    assert not stale.exists()
    stale.write_bytes(b"from another time")
    motion.save(standing(g1, 5, lift=1.0), tmp_path / "still.npz")
    with pytest.raises(LimitError, match="stands at"):
        recipe(tmp_path / "still.npz")
    assert not stale.exists()


def test_what_no_clip_can_be_done_with_is_refused_before(g1):
    with pytest.raises(LimitError, match="does not stand on feet"):
        RefineClip(QUICK, robot="unitree_g1_upper").check()
    with pytest.raises(UnknownName, match="format"):
        RefineClip(QUICK, format="tape").check()


def test_unstable_gains_are_named_with_the_joint(g1, tmp_path):
    motion.save(standing(g1, 5), tmp_path / "still.npz")
    with pytest.raises(LimitError, match="joint"):
        RefineClip(replace(QUICK, stiffness=1e5)).refined(tmp_path / "still.npz")


def test_a_simulation_that_diverged_is_not_called_a_fall(done):
    fallen = load_rollout(done[0] / "tumble_fell.npz")
    assert (ending(fallen) or "").startswith("the robot fell")
    broken = ending(replace(fallen, fault=FAULTS[RUNAWAY])) or ""
    assert broken.startswith(f"the simulation broke off at {fallen.fell_at:.2f} of 0.78 s")
    assert "diverged" in broken
    assert ending(load_rollout(done[0] / "good.npz")) is None


def test_errors_and_changes_are_distances(done, g1):
    rollout = load_rollout(done[0] / "good.npz")
    moved = replace(
        rollout.achieved, root_pos=rollout.reference.root_pos + np.array([0.0, 0.03, 0.04], np.float32)
    )
    moved = replace(moved, joint_pos=rollout.reference.joint_pos + 0.1)
    shifted = replace(rollout, achieved=moved, retries=3)
    found = tracking(shifted)
    assert found["root_error"] == pytest.approx(0.05, abs=1e-5)
    assert found["joint_error"] == pytest.approx(0.1, abs=1e-5)
    assert found["retries"] == 3
    told = changes(rollout.reference, shifted)
    assert told["root_change_max"] == pytest.approx(0.05, abs=1e-5)
    assert told["joint_change"] == pytest.approx(0.1, abs=1e-5)


def test_the_report_tells_every_clip_and_keeps_times(done, tmp_path):
    entries = list(done[1].values())
    clips = refining_report.clips_told(entries, {"good.npz": 2.5})
    refining_report.write(tmp_path, clips, {})
    again = refining_report.clips_told(entries, {"deep/good.npz": 1.5}, refining_report.read(tmp_path))
    seconds = {clip["clip"]: clip["seconds"] for clip in again}
    assert (seconds["good.npz"], seconds["deep/good.npz"], seconds["high.npz"]) == (2.5, 1.5, None)
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["totals"]["finished"] == 2
    assert found["totals"]["fell"] == 1
    assert found["totals"]["mean_over_finished"]["root_error"] == pytest.approx(
        np.mean([done[1][name].metrics["root_error"] for name in ("good.npz", "deep/good.npz")])
    )
    text = (tmp_path / "report.md").read_text()
    assert all(f"| {name} |" in text for name in done[1])
    assert "- low.npz: The clip stands at -1.00 m" in text
    (tmp_path / "report.json").write_text("torn {")
    assert refining_report.read(tmp_path) == []


def test_a_dataset_of_performances_lists_those_that_finished(done):
    out, _ = done
    rows = dataset.read(out)
    assert {row.path for row in rows if row.path} == {"good.npz", "deep/good.npz"}
    assert sorted(Path(p).name for p in os.listdir(out) if "fell" in p) == ["tumble_fell.npz"]
