"""GmrLike against GMR's own results, and what its tables promise."""

import json
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from understudy import evaluate, motion, robots
from understudy.cli.main import main
from understudy.errors import FormatError, LimitError, UnknownName
from understudy.motion import HumanMotion, sample
from understudy.motion.info import describe
from understudy.retarget import GmrLike, GmrLikeConfig
from understudy.retarget.gmr_like import GmrTargets, scaled_targets
from understudy.retarget.gmr_table import Y_UP, import_gmr, landmark_table, read_table, write_table
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_conj, quat_mul

CLIPS = ("front_flip", "moonkick_twist", "roundoff_back_flip")
HEIGHT = 1.75
"""What GMR takes every BVH file's performer to measure, m."""


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def walk():
    return motion.trim(sample.motion("walk", fps=30.0), 0.0, 2.0)


def file_of_gmr(human_root="pelvis", **changes) -> dict:
    """A table in GMR's format, small and our own, for a skeleton whose joints are named as landmarks are."""

    def row(bone, position, rotation, shift=(0.0, 0.0, 0.0)):
        return [bone, position, rotation, list(shift), quat_conj(Y_UP).tolist()]

    first = {
        "pelvis": row("pelvis", 0, 10),
        "torso_link": row("chest", 0, 10),
        "left_ankle_roll_link": row("left_ankle", 50, 10, (0.0, 0.0, 0.03)),
        "right_ankle_roll_link": row("right_ankle", 50, 10),
        "left_knee_link": row("left_knee", 0, 0),
    }
    second = first | {"pelvis": row("pelvis", 100, 5, (9.0, 9.0, 9.0))}
    return {
        "robot_root_name": "pelvis",
        "human_root_name": human_root,
        "ground_height": 0.01,
        "human_height_assumption": 1.8,
        "use_ik_match_table1": True,
        "use_ik_match_table2": True,
        "human_scale_table": dict.fromkeys(("pelvis", "chest", "left_ankle", "right_ankle"), 0.9),
        "ik_match_table1": first,
        "ik_match_table2": second,
        **changes,
    }


@pytest.fixture
def table_file(tmp_path):
    def write(**changes):
        path = tmp_path / "ours_to_g1.json"
        path.write_text(json.dumps(file_of_gmr(**changes)))
        return path

    return write


def test_only_what_acts_is_imported(g1, table_file):
    table = import_gmr(table_file(), g1)
    assert table.bones == ("pelvis", "chest", "left_ankle", "right_ankle")  # the knee weighs nothing
    assert np.allclose(table.offset["pelvis"].pos, (0, 0, -0.01))  # not the second table's
    assert np.allclose(table.offset["left_ankle"].pos, (0, 0, 0.02))
    assert np.allclose(
        table.offset["left_ankle"].quat, (1, 0, 0, 0)
    )  # bones at rest along y are bodies along z
    assert [stage["pelvis"].position for stage in table.stages] == [0.0, 100.0]
    assert len(import_gmr(table_file(use_ik_match_table2=False), g1).stages) == 1


@pytest.mark.parametrize("ending", ["json", "toml"])
def test_a_preset_is_read_as_it_was_written(g1, table_file, tmp_path, ending):
    for table in (import_gmr(table_file(), g1), landmark_table(g1)):
        write_table(table, tmp_path / f"preset.{ending}")
        assert read_table(tmp_path / f"preset.{ending}", g1) == table


def test_the_command_writes_a_preset(g1, table_file, tmp_path, capsys):
    out = tmp_path / "preset.toml"
    assert main(["robots", "import-gmr", str(table_file()), "--robot", "unitree_g1", "--out", str(out)]) == 0
    assert "4 bones, 2 stages" in capsys.readouterr().out
    assert read_table(out, g1) == import_gmr(table_file(), g1)
    assert main(["robots", "import-gmr", str(table_file()), "--out", str(tmp_path / "preset.yaml")]) == 2
    assert main(["robots", "import-gmr", str(tmp_path / "none.json"), "--out", str(out)]) == 2


def test_faulty_tables_are_refused_in_words(g1, table_file, tmp_path):
    good = file_of_gmr()
    with pytest.raises(FormatError, match="no scale"):
        import_gmr(table_file(human_root="Hips"), g1)
    with pytest.raises(FormatError, match="no offset in the first table"):
        import_gmr(table_file(ik_match_table1={"pelvis": good["ik_match_table1"]["pelvis"]}), g1)
    pelvis, ankle = (good["ik_match_table1"][body] for body in ("pelvis", "left_ankle_roll_link"))
    toes = table_file(ik_match_table1={"pelvis": pelvis, "left_toe": ankle}, use_ik_match_table2=False)
    with pytest.raises(UnknownName, match="left_toe"):
        import_gmr(toes, g1)
    for text in ("[]", "{}", "{", '{"ik_match_table1": 3}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(FormatError):
            import_gmr(tmp_path / "bad.json", g1)
        with pytest.raises(FormatError):
            read_table(tmp_path / "bad.json", g1)


def test_options_are_checked(g1, walk):
    with pytest.raises(LimitError):
        GmrLike(g1, GmrLikeConfig(ground="floor"))
    with pytest.raises(LimitError):
        GmrLike(g1, GmrLikeConfig(human_height=0.0))
    with pytest.raises(FormatError, match="for 'other'"):
        GmrLike(g1, GmrLikeConfig(table=replace(landmark_table(g1), robot="other")))
    strange = tuple(f"j{i}" for i in range(walk.pos.shape[1]))
    other = replace(walk, skeleton=replace(walk.skeleton, joints=strange))
    by_name = GmrLike(g1, GmrLikeConfig(table=replace(landmark_table(g1), follows="joints")))
    with pytest.raises(UnknownName, match="joint"):
        by_name([other])


def test_targets_are_scaled_about_the_root_and_then_the_origin(g1, walk):
    table = landmark_table(g1)
    targets = scaled_targets(walk, table, height=0.9 * table.human_height)
    pos, _ = walk.landmarks()
    at = {name: pos[:, k] for k, name in enumerate(walk.skeleton.landmarks.names)}
    to = {name: targets.pos[:, k] for k, name in enumerate(targets.bones)}
    assert np.allclose(to["pelvis"], 0.81 * at["pelvis"], atol=1e-6)
    assert np.allclose(to["left_ankle"] - to["pelvis"], 0.81 * (at["left_ankle"] - at["pelvis"]), atol=1e-6)
    assert np.allclose(to["left_wrist"] - to["pelvis"], 0.675 * (at["left_wrist"] - at["pelvis"]), atol=1e-6)


def test_the_height_is_measured_unless_it_is_given(g1, walk):
    stature = describe(walk).stature
    measured, given = (GmrLike(g1, GmrLikeConfig(human_height=h)).targets(walk) for h in (None, stature))
    assert np.array_equal(measured.pos, given.pos)


def test_ground_takes_the_source_floor_to_zero(g1, walk):
    raised = replace(walk, pos=walk.pos + np.array([0, 0, 0.05], np.float32))
    found = [GmrLike(g1, GmrLikeConfig(ground="flat")).targets(human) for human in (walk, raised)]
    assert np.allclose(found[0].pos, found[1].pos, atol=1e-5)
    as_is = [GmrLike(g1).targets(human) for human in (walk, raised)]
    assert (as_is[1].pos - as_is[0].pos)[..., 2].min() > 0.03


def test_a_mod_foot_has_the_position_of_the_foot_and_the_orientation_of_the_toes(g1, walk):
    names = {"left_ankle": "LeftFoot", "left_toe": "LeftToeBase"}
    joints = tuple(names.get(joint, joint) for joint in walk.skeleton.joints)
    assert set(names.values()) <= set(joints)
    human = replace(walk, skeleton=replace(walk.skeleton, joints=joints))
    marks = landmark_table(g1)
    table = replace(
        marks,
        follows="joints",
        scale=marks.scale | {"LeftFootMod": 1.0},
        offset={"LeftFootMod": marks.offset["pelvis"]},
        stages=({"LeftFootMod": marks.stages[0]["left_ankle"]},),
    )
    made = scaled_targets(human, replace(table, scale=dict.fromkeys(table.scale, 1.0)), table.human_height)
    assert np.allclose(made.pos[:, 0], human.pos[:, joints.index("LeftFoot")], atol=1e-5)
    assert quat_angle(made.quat[:, 0], human.quat[:, joints.index("LeftToeBase")].astype(float)).max() < 1e-3


def test_reachable_targets_are_reached(g1):
    """Targets taken from a pose of the robot, by MuJoCo, lead back to that pose: frames, stages and bodies agree."""
    rng = np.random.default_rng(0)
    gmr = GmrLike(g1, GmrLikeConfig(least=0.0, most=200, damping=1e-6))
    data = mujoco.MjData(g1.model)
    lower, upper = gmr._range
    data.qpos[:3], data.qpos[3:7] = (0.2, -0.1, 0.9), quat_about("z", np.float64(0.6))
    data.qpos[7:] = np.clip(rng.uniform(-0.4, 0.4, len(lower)), lower, upper)
    mujoco.mj_kinematics(g1.model, data)
    bodies = [1 + g1.body_index(match.body) for match in gmr.table.stages[0].values()]
    targets = GmrTargets(gmr.table.bones, data.xpos[bodies][None], data.xquat[bodies][None])
    result = gmr.follow(targets, 30.0)
    assert np.abs(result.qpos[0] - data.qpos).max() < 1e-3


def test_no_joint_leaves_the_tables_range(g1, walk):
    gmr = GmrLike(g1)
    assert gmr.table.joint_range["left_elbow_joint"] == (-1.0472, 1.7)
    [result] = gmr([sample.motion("reach", fps=30.0)])
    lower, upper = gmr._range
    assert (result.joint_pos >= lower - 1e-6).all()
    assert (result.joint_pos <= upper + 1e-6).all()


def as_gmr_sees_it(human: HumanMotion) -> HumanMotion:
    """GMR's world has the source's x where ours has y: a quarter turn about z, which matters where a clip starts."""
    turn = quat_about("z", np.float64(-0.5 * np.pi))
    return replace(
        human, pos=quat_apply(turn, human.pos.astype(float)), quat=quat_mul(turn, human.quat.astype(float))
    )


@pytest.fixture(scope="module")
def reference(corpus, g1):
    """GMR's table for the clips, with the joint ranges of the run that made the results."""
    folder = corpus / "gmr_reference"
    table = import_gmr(folder / "bvh_nokov_to_g1.json", g1)
    ranges = json.loads((folder / "g1_joint_ranges_used.json").read_text())
    return folder, table, {joint: (low, high) for joint, (low, high) in ranges.items()}


@pytest.mark.corpus
def test_the_ranges_of_its_g1_are_those_that_gmr_used(reference, g1):
    _, table, used = reference
    ours = {j: (float(a), float(b)) for j, a, b in zip(g1.joints, g1.lower, g1.upper, strict=True)}
    for joint, measured in (ours | dict(table.joint_range)).items():
        assert np.allclose(measured, used[joint], atol=1e-5), joint


@pytest.mark.corpus
def test_every_table_of_gmr_is_read(reference, g1):
    folder, _, _ = reference
    for path in sorted(folder.glob("*_to_g1.json")):
        table = import_gmr(path, g1)
        assert (len(table.bones), len(table.stages)) == (14, 2)
        GmrLike(g1, GmrLikeConfig(table=table))


@pytest.mark.corpus
@pytest.mark.parametrize("clip", CLIPS)
def test_gmrs_own_targets_give_gmrs_own_motion(reference, g1, clip):
    folder, table, used = reference
    with np.load(folder / f"{clip}.npz") as recorded:
        names, pos, quat = list(recorded["tgt_names"]), recorded["tgt_pos"], recorded["tgt_quat"]
        qpos = recorded["qpos"]
    order = [names.index(bone) for bone in table.bones]
    gmr = GmrLike(g1, GmrLikeConfig(table=replace(table, joint_range=used)))
    result = gmr.follow(GmrTargets(table.bones, pos[:, order], quat[:, order]), 120.0)
    # 1e-5: the recorded ranges are rounded to five digits.
    assert np.abs(result.joint_pos - qpos[:, 7:]).max() < 1e-5
    assert np.abs(result.root_pos - qpos[:, :3]).max() < 1e-5


@pytest.mark.corpus
@pytest.mark.parametrize("clip", CLIPS)
def test_the_source_file_gives_gmrs_own_targets_and_motion(reference, corpus, g1, clip):
    folder, table, _ = reference
    with np.load(folder / f"{clip}.npz") as recorded:
        source, names = str(recorded["clip"]), list(recorded["tgt_names"])
        pos, quat, qpos = recorded["tgt_pos"], recorded["tgt_quat"], recorded["qpos"]
    human = motion.load(corpus / "permissive" / "hhtools_mocap" / source, start=0.0)
    gmr = GmrLike(g1, GmrLikeConfig(table=table, human_height=HEIGHT))
    targets = gmr.targets(as_gmr_sees_it(human))
    order = [targets.bones.index(name) for name in names]
    assert np.abs(targets.pos[:, order] - pos).max() < 1e-5
    assert quat_angle(targets.quat[:, order], quat).max() < 1e-5
    [result] = gmr([as_gmr_sees_it(human)])
    assert np.abs(result.joint_pos - qpos[:, 7:]).max() < 1e-4


@pytest.mark.corpus
@pytest.mark.parametrize("clip", CLIPS)
def test_landmarks_make_no_weaker_a_baseline_than_the_table(reference, corpus, g1, clip):
    folder, table, _ = reference
    with np.load(folder / f"{clip}.npz") as recorded:
        source = str(recorded["clip"])
    human = motion.sample_every(motion.load(corpus / "permissive" / "hhtools_mocap" / source), 30.0)
    by_table = GmrLike(g1, GmrLikeConfig(table=table, human_height=HEIGHT))
    theirs, ours = (evaluate.report(m([human])[0], human, g1) for m in (by_table, GmrLike(g1)))
    for key in ("keypoint_error", "orientation_error", "self_collision"):
        assert ours[key].value <= theirs[key].value, key
