"""NMR from pairs to robot motion, with a network too small to be good."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_pairs import pair_folder

from understudy import motion, retarget, robots
from understudy.errors import CheckpointError, FormatError, LimitError
from understudy.learn.loop import LoopConfig
from understudy.learn.tracks import human_tracks
from understudy.learn.windows import WindowConfig, Windows, load_pairs
from understudy.motion import sample
from understudy.motion.types import HumanFrame
from understudy.retarget.live_ik import as_batch
from understudy.retarget.nmr import NMR, NMRConfig
from understudy.retarget.nmr_files import export_nmr, load_nmr, save_nmr
from understudy.retarget.nmr_live import NMRLive, NMRLiveConfig
from understudy.retarget.nmr_model import NMRModel, NMRModelConfig
from understudy.retarget.nmr_network import network_config
from understudy.retarget.nmr_running import Tracks, chunk_starts, run
from understudy.retarget.nmr_train import NMRTraining, read_robot, train_nmr
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_mul

TINY = NMRTraining(
    NMRModelConfig(network=network_config("tiny")),
    WindowConfig(frames=48, batch=8),
    LoopConfig(
        steps=60, learning_rate=2e-3, warmup=5, log_every=10, validate_every=30, average=0.9, best="points_cm"
    ),
)


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return pair_folder(tmp_path_factory.mktemp("nmr") / "pairs")


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    out = tmp_path_factory.mktemp("nmr") / "run"
    train_nmr(pairs, pairs, out, TINY)
    return out


@pytest.fixture(scope="module")
def nmr(trained, g1):
    return NMR(g1, NMRConfig(str(trained / "last.safetensors")))


def log(folder, kind):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_training_brings_it_nearer_to_the_teacher(trained):
    first, last = log(trained, "validation")
    assert last["points_cm"] < 0.95 * first["points_cm"] < 10.0
    assert last["total"] < 0.95 * first["total"]  # of clean windows; those that are learnt from have faults
    assert {"joints_deg", "jumps_pct", "limits_pct", "bend_ratio"} <= set(last)


def test_the_trained_network_is_near_the_teacher(nmr, g1):
    human = sample.motion("squat", fps=30.0)
    [made], [taught] = nmr([human]), retarget.FrameIK(g1)([human])
    assert np.linalg.norm(made.root_pos - taught.root_pos, axis=-1).mean() < 0.06
    assert np.abs(made.joint_pos - taught.joint_pos).mean() < 0.2


def test_a_mirrored_human_gives_the_mirrored_robot(nmr, g1):
    human = motion.trim(sample.motion("reach", fps=30.0), 0.0, 2.0)
    straight, reflected = nmr([human, motion.mirror(human)])
    expected = motion.mirror_robot(straight, g1.mirror.order, g1.mirror.sign)
    assert np.abs(reflected.joint_pos - expected.joint_pos).max() < 2e-3
    assert np.abs(reflected.root_pos - expected.root_pos).max() < 2e-3


def test_where_and_which_way_makes_no_difference(nmr):
    human = motion.trim(sample.motion("walk", fps=30.0), 0.0, 2.0)
    turn = quat_about("z", np.float64(2.1))
    pos = quat_apply(turn, human.pos.astype(np.float64)) + np.array([3.0, -2.0, 0.0])
    moved = replace(human, pos=pos, quat=quat_mul(turn, human.quat.astype(np.float64)))
    here, there = nmr([human, moved])
    assert np.abs(here.joint_pos - there.joint_pos).max() < 1e-3
    assert quat_angle(there.root_quat, quat_mul(turn, here.root_quat)).max() < 1e-3


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("fps", [24.0, 30.0, 120.0])
def test_any_length_and_rate(nmr, g1, frames, fps):
    clip = motion.trim(sample.motion("walk", fps=fps), 0.5, 0.5 + (frames - 1) / fps)
    [made] = nmr([clip])
    assert (made.frames, made.fps) == (frames, fps)
    assert np.isfinite(made.qpos).all()
    assert (made.joint_pos >= g1.lower).all()
    assert (made.joint_pos <= g1.upper).all()


def test_faster_frames_have_no_corners(nmr):
    human = sample.motion("wave", fps=30.0)
    slow, fast = nmr([human, motion.resample(human, 120.0)])
    bend = np.abs(np.diff(fast.joint_pos.astype(np.float64), n=2, axis=0)).max(0)
    coarse = np.abs(np.diff(slow.joint_pos.astype(np.float64), n=2, axis=0)).max(0)
    assert (bend < 0.15 * coarse + 2e-3).all()


def test_chunks_meet_without_a_step(trained, g1):
    model = load_nmr(g1, str(trained / "last.safetensors"))
    pos, quat = human_tracks(sample.motion("stand", fps=30.0))
    tracks = Tracks(np.repeat(pos[:1], 500, 0), np.repeat(quat[:1], 500, 0), 0.84)
    # The same pose all along: inside, where no end is near, every chunk makes the same of it.
    for overlap in (8, 24, 48):
        [(root, _, joints)] = run(model, [tracks], 96, overlap, 3)
        assert np.abs(np.diff(joints[40:460], axis=0)).max() < 0.02
        assert np.abs(np.diff(root[40:460], axis=0)).max() < 0.005


def test_chunks_cover_a_clip():
    starts = chunk_starts(500, 96, 24)
    assert starts[0] == 0
    assert starts[-1] + 96 == 500
    assert (np.diff(starts) <= 72).all()
    assert chunk_starts(97, 96, 24) == [0, 1]
    assert chunk_starts(96, 96, 24) == chunk_starts(3, 96, 24) == [0]


def test_company_makes_no_difference(nmr):
    clips = [
        motion.trim(sample.motion(name, fps=30.0), 0.0, 3.5) for name in ("walk", "squat", "wave", "turn")
    ]
    alone = [nmr([clip])[0] for clip in clips]
    for order in ([0, 1, 2, 3], [3, 1, 2, 0], [2, 2, 1]):
        together = nmr([clips[k] for k in order])
        assert all(np.array_equal(made.qpos, alone[k].qpos) for k, made in zip(order, together, strict=True))


def test_frames_that_are_not_good_count_for_nothing(pairs):
    robot, tree = read_robot(pairs)
    batch = Windows(load_pairs(pairs), WindowConfig(frames=32, batch=4, faults=None))(0)
    torch.manual_seed(0)
    model = NMRModel(TINY.model, robot, tree)
    model.normalise([batch])
    batch["ok"][:, 12:20] = False
    spoilt = {name: values.clone() for name, values in batch.items()}
    # A frame's velocity is told by the next one's places, too: the frame after a bad one is beside it.
    spoilt["robot_joint_pos"][:, 12:20] += 1.0
    spoilt["robot_root_pos"][:, 13:19] += 1.0
    spoilt["robot_body_pos"][:, 13:19] += 1.0
    with torch.inference_mode():
        clean, other = model.loss(batch), model.loss(spoilt)
        assert {name: float(value) for name, value in clean.items()} == pytest.approx(
            {name: float(value) for name, value in other.items()}
        )
        spoilt["robot_joint_pos"][:, 5:12] += 1.0
        assert float(model.loss(spoilt)["total"]) > 1.05 * float(clean["total"])


def test_training_goes_on_where_it_stopped(pairs, trained, tmp_path):
    part = replace(TINY, loop=replace(TINY.loop, minutes=0.0))
    train_nmr(pairs, pairs, tmp_path / "run", part)
    train_nmr(pairs, pairs, tmp_path / "run", TINY, resume=True)
    again, once = (log(folder, "validation")[-1] for folder in (tmp_path / "run", trained))
    assert again["points_cm"] == once["points_cm"]


def test_a_second_stage_begins_where_the_first_ended(pairs, trained, tmp_path):
    still = replace(TINY, loop=replace(TINY.loop, steps=1, learning_rate=0.0, average=0.0))
    train_nmr(pairs, pairs, tmp_path / "run", still, start=trained / "last.safetensors")
    told = log(tmp_path / "run", "validation")[-1]
    assert told["points_cm"] == pytest.approx(log(trained, "validation")[-1]["points_cm"], rel=1e-3)


def test_another_size_is_no_beginning(pairs, trained, tmp_path):
    small = replace(TINY, model=NMRModelConfig(network=network_config("small")))
    with pytest.raises(CheckpointError, match="another size"):
        train_nmr(pairs, pairs, tmp_path / "run", small, start=trained / "last.safetensors")


def test_pairs_of_no_robot_are_refused(tmp_path):
    with pytest.raises(FormatError, match="which robot"):
        train_nmr(tmp_path, tmp_path, tmp_path / "run", TINY)


def test_another_robot_is_refused(trained):
    with pytest.raises(CheckpointError, match="unitree_h1"):
        load_nmr(robots.load("unitree_h1"), str(trained / "last.safetensors"))


def test_a_name_that_is_not_shipped_is_refused(g1):
    with pytest.raises(CheckpointError, match="understudy learn"):
        load_nmr(g1, "nmr_of_nobody")


def test_a_broken_file_is_refused(trained, g1, tmp_path):
    whole = (trained / "last.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError):
        load_nmr(g1, str(path))
    path.write_bytes(whole[:-100] + bytes(100))
    with pytest.raises(CheckpointError, match="damaged"):
        load_nmr(g1, str(path))


def test_weights_are_the_same_in_every_file(trained, g1, tmp_path):
    """Tied ones of a training, plain ones of a file, and those stored in half precision."""
    first = load_nmr(g1, str(trained / "last.safetensors"))
    for stored in ("float32", "float32", "float16"):
        save_nmr(tmp_path / "again.safetensors", first, {}, stored)
        again = load_nmr(g1, str(tmp_path / "again.safetensors"))
        for name, values in first.state_dict().items():
            torch.testing.assert_close(
                again.state_dict()[name], values, rtol=1e-3 if stored == "float16" else 0.0, atol=1e-6
            )


@pytest.mark.parametrize("wrong", [{"chunk": 30}, {"overlap": 300}, {"batch": 0}, {"ground": "sky"}])
def test_options_that_cannot_be_are_refused(trained, g1, wrong):
    with pytest.raises(LimitError):
        NMR(g1, NMRConfig(str(trained / "last.safetensors"), **wrong))


def test_the_exported_network_gives_the_same_motion(trained, g1, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    file = str(trained / "last.safetensors")
    export_nmr(file, tmp_path / "nmr.onnx")
    session = runtime.InferenceSession(tmp_path / "nmr.onnx")
    assert session.get_modelmeta().custom_metadata_map["joints"].split(",") == list(g1.joints)
    model = load_nmr(g1, file)
    pos, quat = human_tracks(sample.motion("turn", fps=30.0))
    for batch, time in ((1, 32), (3, 56)):
        given = {"pos": np.stack([pos[k : k + time] for k in range(batch)])}
        given |= {
            "quat": np.stack([quat[k : k + time] for k in range(batch)]),
            "size": np.full(batch, 0.84, np.float32),
        }
        with torch.inference_mode():
            wanted = model(*(torch.from_numpy(values) for values in given.values()))
        made = session.run(None, given)
        for a, b in zip(made, wanted, strict=True):
            np.testing.assert_allclose(a, b.numpy(), atol=1e-4)


def test_a_stream_gives_what_a_clip_does_but_for_its_ends(trained, g1):
    file, human = str(trained / "last.safetensors"), sample.motion("squat", fps=50.0)
    [whole] = NMR(g1, NMRConfig(file, heal=False, precision="float32"))([human])
    errors = []
    for ahead in (0.0, 0.5):
        live = NMRLive(g1, NMRLiveConfig(file, look_ahead=ahead))
        [made] = as_batch(live)([human])
        assert (made.frames, made.fps) == (human.frames, 50.0)
        errors.append(np.abs(made.joint_pos - whole.joint_pos)[25:-25].mean())
    assert errors[1] < 0.5 * errors[0] + 0.005
    assert errors[1] < 0.03


@pytest.mark.parametrize(
    "wrong", [{"look_ahead": 0.7}, {"look_ahead": -0.1}, {"window": 30}, {"ground": "sky"}]
)
def test_options_of_a_stream_that_cannot_be_are_refused(trained, g1, wrong):
    with pytest.raises(LimitError):
        NMRLive(g1, NMRLiveConfig(str(trained / "last.safetensors"), **wrong))


def test_a_stream_that_is_lost_for_long_is_no_burden(trained, g1):
    """What is remembered does not grow, whether frames are poses or not."""
    live = NMRLive(g1, NMRLiveConfig(str(trained / "last.safetensors")))
    human = sample.motion("walk", fps=60.0)
    live.reset(HumanFrame(human.skeleton, 0.0, human.pos[0], human.quat[0]))
    lost = np.full_like(human.pos[0], np.nan)
    for t in range(1, 200):
        live.step(HumanFrame(human.skeleton, t / 60.0, lost, human.quat[0]))
    assert len(live._tracks) <= 60 * live.config.window / 30 + 3
