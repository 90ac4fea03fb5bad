"""ONNX policies as BeyondMimic and mjlab export them: networks made here, whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
from made_clips import still

from understudy.errors import FormatError, LimitError, ShapeError, SkeletonMismatch, UnknownName
from understudy.physics import Gains, PhysicsConfig, beyond_mimic, load_policy, perform

pytest.importorskip("onnxruntime", reason="policies are run by onnxruntime")
onnx = pytest.importorskip("onnx", reason="the networks of these tests are made with onnx")

NAMES = ("command", "motion_anchor_pos_b", "motion_anchor_ori_b", "base_lin_vel", "base_ang_vel", "joint_pos",
         "joint_vel", "actions")  # fmt: skip


@pytest.fixture
def account(g1):
    """What a policy tells that has the joints backwards and a home of its own."""
    joints, gains = g1.joints[::-1], Gains.of(g1)
    numbers = {
        "default_joint_pos": g1.home[:6:-1] + 0.05,
        "joint_stiffness": gains.stiffness[::-1] * 2.0,
        "joint_damping": gains.damping[::-1] * 1.5,
        "action_scale": np.linspace(0.2, 0.5, len(joints)),
    }
    told = {name: ",".join(f"{x:.6f}" for x in values) for name, values in numbers.items()}
    return {**told, "joint_names": ",".join(joints), "observation_names": ",".join(NAMES)}


@pytest.fixture
def export(tmp_path, account):
    """A file with actions = weights · obs + bias, and its account of itself."""

    def write(weights, bias=None, one=True, clock=True, outputs=("actions",), inputs=("obs",), **told):
        h = onnx.helper
        rows = 1 if one else "batch"
        dof, width = weights.shape
        bias = np.zeros(dof) if bias is None else bias
        held = [
            onnx.numpy_helper.from_array(a.astype(np.float32), n) for a, n in ((weights.T, "w"), (bias, "b"))
        ]
        nodes = [h.make_node("Gemm", [inputs[0], "w", "b"], [outputs[0]])]
        taken = [h.make_tensor_value_info(inputs[0], onnx.TensorProto.FLOAT, [rows, width])]
        given = [h.make_tensor_value_info(outputs[0], onnx.TensorProto.FLOAT, [rows, dof])]
        if clock:
            taken.append(h.make_tensor_value_info("time_step", onnx.TensorProto.FLOAT, [1, 1]))
            given.append(h.make_tensor_value_info("joint_pos", onnx.TensorProto.FLOAT, [1, 1]))
            nodes.append(h.make_node("Identity", ["time_step"], ["joint_pos"]))
        graph = h.make_graph(nodes, "policy", taken, given, held)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=9)
        h.set_model_props(model, {k: v for k, v in {**account, **told}.items() if v is not None})
        path = tmp_path / "policy.onnx"
        onnx.save(model, path)
        return path

    return write


@pytest.fixture
def following(g1, account):
    """Weights and bias that send the joints where the command says: what motors do alone."""
    scale = np.array([float(x) for x in account["action_scale"].split(",")])
    home = np.array([float(x) for x in account["default_joint_pos"].split(",")])
    weights = np.zeros((29, 160))
    weights[:, :29] = np.diag(1.0 / scale)
    return weights, -home / scale


@pytest.mark.parametrize(("one", "clock"), [(True, True), (False, False)])
def test_a_policy_that_follows_the_command_does_what_the_motors_do_alone(g1, export, following, one, clock):
    policy = load_policy(export(*following, one=one, clock=clock))
    gains = policy.fit(g1, beyond_mimic()).gains
    assert gains.stiffness == pytest.approx(2.0 * Gains.of(g1).stiffness, abs=1e-5)
    clips = [still(g1, 8), still(g1, 6)]
    played = perform(clips, g1, policy)
    alone = perform(clips, g1, physics=PhysicsConfig(gains=gains))
    for mine, theirs in zip(played, alone, strict=True):
        assert mine.finished
        assert mine.actions == pytest.approx(theirs.actions, abs=1e-5)
        assert mine.achieved.qpos == pytest.approx(theirs.achieved.qpos, abs=1e-4)
        assert mine.achieved.origin.history[-1]["policy"] == "policy.onnx"


def test_every_observation_is_where_and_in_the_order_in_which_the_policy_saw_it(g1, export):
    """A network whose first 29 rows in turn copy one part of what it sees, clipped at 1 and scaled by 2."""
    ones = ",".join(["2.0"] * len(NAMES))
    path = export(
        np.zeros((29, 160)),
        observation_terms_scale=ones,
        observation_terms_clip=",".join(["-1;1"] * len(NAMES)),
    )
    seen = []
    policy = replace(
        load_policy(path), act=lambda rows: seen.append(rows.copy()) or np.full((len(rows), 29), 0.01)
    )
    fitted = policy.fit(g1, beyond_mimic().undisturbed())
    assert fitted.robot.home[7:] == pytest.approx(g1.home[7:] + 0.05, abs=1e-5)
    assert fitted.action_scale[0] == pytest.approx(0.5)
    perform([still(g1, 4)], g1, policy)
    first, second = seen[0][0], seen[1][0]
    backwards = g1.home[:6:-1]
    assert first[:29] == pytest.approx(2.0 * np.clip(backwards, -1, 1), abs=1e-5)
    assert first[29:58] == pytest.approx(np.zeros(29), abs=1e-5)
    assert first[61:67] == pytest.approx(2.0 * np.array([1, 0, 0, 1, 0, 0]), abs=1e-4)
    assert first[73:102] == pytest.approx(np.full(29, -0.1), abs=1e-5)
    assert first[131:] == pytest.approx(np.zeros(29))
    assert second[131:] == pytest.approx(np.full(29, 0.02))


def test_a_task_s_noise_is_added_to_what_the_policy_sees(g1, export):
    fitted = load_policy(export(np.zeros((29, 160)))).fit(g1, beyond_mimic())
    noise = {name: row.noise for name, row in fitted.task.actor.items()}
    assert noise["motion_anchor_pos_b_anchor_pos"] == 0.25
    assert noise["command_reference_joint_pos"] == 0.0


def test_a_policy_without_state_estimation_names_less(g1, export):
    names = ",".join(n for n in NAMES if n not in ("motion_anchor_pos_b", "base_lin_vel"))
    [rollout] = perform([still(g1, 4)], g1, load_policy(export(np.zeros((29, 154)), observation_names=names)))
    assert rollout.achieved.frames == 4


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"joint_names": None}, "nothing in it tells joint_names"),
        ({"action_scale": "a,b"}, "not made of numbers"),
        ({"joint_damping": "1,2,3"}, "each of 29 joints"),
        ({"default_joint_pos": "nan"}, "finite"),
        ({"observation_names": "command,command"}, "twice"),
        ({"observation_terms_history_length": "0,0,5"}, "several instants"),
        ({"observation_terms_clip": "0;1,0;1"}, "2 numbers for each of 8"),
        ({"inputs": ("x",)}, "'obs'"),
        ({"outputs": ("y",)}, "'actions'"),
    ],
)
def test_an_account_that_cannot_be_is_refused(export, changed, says):
    with pytest.raises(FormatError, match=says):
        load_policy(export(np.zeros((29, 160)), **changed))


def test_a_policy_that_does_not_fit_is_refused(g1, export, account):
    task = beyond_mimic()
    with pytest.raises(FormatError, match=r"float32 of the shape \(1, 28\) for 29 joints"):
        load_policy(export(np.zeros((28, 160))))
    with pytest.raises(ShapeError, match="takes 154 numbers, and what it names has 160: command 58"):
        load_policy(export(np.zeros((29, 154)))).fit(g1, task)
    with pytest.raises(UnknownName, match="observation 'camera'"):
        load_policy(export(np.zeros((29, 3)), observation_names="camera")).fit(g1, task)
    other = account["joint_names"].replace("waist_yaw_joint", "tail_joint")
    with pytest.raises(SkeletonMismatch, match="tail_joint"):
        load_policy(export(np.zeros((29, 160)), joint_names=other)).fit(g1, task)
    with pytest.raises(LimitError, match="stiffness"):
        load_policy(export(np.zeros((29, 160)), joint_stiffness="-1")).fit(g1, task)


def test_files_that_are_no_networks_are_refused(tmp_path, export):
    whole = export(np.zeros((29, 160))).read_bytes()
    path = tmp_path / "broken.onnx"
    with pytest.raises(FormatError, match="no such file"):
        load_policy(path)
    rng = np.random.default_rng(0)
    for data in (b"", b"nonsense", whole[: len(whole) // 2], rng.bytes(200)):
        path.write_bytes(data)
        with pytest.raises(FormatError):
            load_policy(path)
    for _ in range(60):
        spoilt = bytearray(whole)
        for i in rng.integers(0, len(whole), 20):
            spoilt[i] = int(rng.integers(0, 256))
        path.write_bytes(bytes(spoilt))
        try:
            load_policy(path)
        except FormatError:
            continue
