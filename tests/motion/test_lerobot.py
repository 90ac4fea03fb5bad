"""LeRobot datasets: what ``lerobot`` 0.4 reads (its layout is pinned here), many episodes, old versions, damage."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy import motion
from understudy.errors import FormatError, LimitError, SkeletonMismatch, UnderstudyError
from understudy.motion import Origin, RobotMotion, formats
from understudy.motion.formats import lerobot, lerobot_write

JOINTS = ("knee", "waist")


def clip(frames, text="", fps=50.0):
    t = np.arange(frames)[:, None] / fps
    root = np.hstack([t, 0 * t, 0.8 + 0 * t])
    origin = Origin("takes/walk.bvh", texts=(text,) if text else ())
    return RobotMotion(
        "toy",
        JOINTS,
        fps,
        root,
        np.tile([0.6, 0.8, 0, 0], (frames, 1)),
        np.hstack([t, frames + t]),
        {},
        origin,
    )


@pytest.fixture
def dataset(tmp_path):
    lerobot.write_episodes([clip(5, "wave"), clip(7), clip(6, "wave")], tmp_path / "d")
    return tmp_path / "d"


def info_of(folder):
    return json.loads((folder / "meta" / "info.json").read_text())


def change_info(folder, **entries):
    (folder / "meta" / "info.json").write_text(json.dumps({**info_of(folder), **entries}))


def test_every_episode_comes_back(dataset):
    assert formats.detect(dataset) == "lerobot"
    assert lerobot.episodes(dataset) == 3
    for k, (frames, text) in enumerate([(5, "wave"), (7, "walk"), (6, "wave")]):
        back = motion.load(dataset, clip=k)
        assert np.array_equal(back.qpos, clip(frames).qpos)
        assert (back.robot, back.joints, back.fps) == ("toy", JOINTS, 50.0)
        assert back.origin.texts == (text,)
    with pytest.raises(LimitError, match="0 to 2; there is no 3"):
        motion.load(dataset, clip=3)


def test_layout_of_version_3(dataset):
    info = info_of(dataset)
    assert (info["codebase_version"], info["total_episodes"], info["total_frames"]) == ("v3.0", 3, 18)
    assert info["features"]["observation.state"] == {
        "dtype": "float32",
        "shape": [9],
        "names": [*lerobot_write.ROOT, *JOINTS],
    }
    frames = pq.read_table(dataset / "data" / "chunk-000" / "file-000.parquet")
    assert set(frames.column_names) == set(info["features"])
    assert frames.schema.field("observation.state").type == pa.list_(pa.float32(), 9)
    assert frames["index"].to_pylist() == list(range(18))
    assert frames["task_index"].to_pylist() == [0] * 5 + [1] * 7 + [0] * 6
    assert frames["timestamp"].to_numpy()[5:8] == pytest.approx([0, 0.02, 0.04])
    action, state = (np.array(frames[name].to_pylist()) for name in ("action", "observation.state"))
    assert np.array_equal(action[:4], state[1:5, 7:])
    assert np.array_equal(action[4], state[4, 7:])
    rows = pq.read_table(dataset / "meta" / "episodes" / "chunk-000" / "file-000.parquet").to_pylist()
    assert [(r["dataset_from_index"], r["dataset_to_index"], r["length"]) for r in rows] == [
        (0, 5, 5),
        (5, 12, 7),
        (12, 18, 6),
    ]
    assert rows[1]["tasks"] == ["walk"]
    assert rows[1]["stats/observation.state/max"] == pytest.approx(state[5:12].max(0))
    stats = json.loads((dataset / "meta" / "stats.json").read_text())
    assert stats["action"]["mean"] == pytest.approx(action.mean(0))
    assert stats["action"]["count"] == [18]
    assert {"min", "max", "std", "q01", "q99"} <= set(stats["frame_index"])


def test_long_datasets_are_split_into_files(tmp_path, monkeypatch):
    monkeypatch.setattr(lerobot_write, "FILE_MEGABYTES", 1e-3)
    monkeypatch.setattr(lerobot_write, "CHUNK_SIZE", 2)
    lerobot.write_episodes([clip(20 + k) for k in range(3)], tmp_path / "d")
    assert sorted(p.relative_to(tmp_path / "d" / "data").as_posix() for p in tmp_path.rglob("data/*/*")) == [
        "chunk-000/file-000.parquet",
        "chunk-000/file-001.parquet",
        "chunk-001/file-000.parquet",
    ]
    assert [motion.load(tmp_path / "d", clip=k).frames for k in range(3)] == [20, 21, 22]


def test_version_2_is_read(dataset):
    frames = pq.read_table(dataset / "data" / "chunk-000" / "file-000.parquet")
    for k in range(3):
        path = dataset / "data" / "chunk-000" / f"episode_{k:06d}.parquet"
        pq.write_table(frames.filter(pa.compute.field("episode_index") == k), path)
    (dataset / "data" / "chunk-000" / "file-000.parquet").unlink()
    features = info_of(dataset)["features"]
    features["observation.state"]["names"] = {"motors": features["observation.state"]["names"]}
    path = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
    change_info(dataset, codebase_version="v2.1", data_path=path, features=features)
    assert np.array_equal(motion.load(dataset, clip=1).qpos, clip(7).qpos)


def test_columns_are_chosen_by_name(dataset):
    back = motion.load(dataset, joints=["waist"], robot="half")
    assert (back.robot, back.joints) == ("half", ("waist",))
    assert np.array_equal(back.joint_pos[:, 0], clip(5).joint_pos[:, 1])
    with pytest.raises(FormatError, match="'ankle'"):
        motion.load(dataset, joints=["ankle"])


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"codebase_version": "v9"}, "'v9'"),
        ({"fps": 0}, "'fps'"),
        ({"fps": True}, "'fps'"),
        ({"features": {}}, "no feature 'observation.state'"),
        ({"features": {"observation.state": {"names": None}}}, "no names"),
        ({"features": {"observation.state": {"names": ["a", "a"]}}}, "twice"),
        ({"features": {"observation.state": {"names": ["a", "b"]}}}, "should have 2 numbers"),
        ({"features": {"observation.state": {"names": list("abcdefghi")}}}, "root_pos_x"),
        ({"data_path": "../{file_index:03d}"}, "leads out"),
        ({"data_path": "/etc/passwd"}, "leads out"),
        ({"data_path": "data/{secret}"}, "'secret'"),
        ({"data_path": None}, "data_path"),
        ({"data_path": "meta/info.json"}, "parquet"),
    ],
)
def test_what_cannot_be_read_is_named(dataset, entries, said):
    change_info(dataset, **entries)
    with pytest.raises(FormatError, match=said):
        motion.load(dataset)


def test_one_robot_a_dataset_and_whole_rates(tmp_path):
    with pytest.raises(SkeletonMismatch, match="'toy'"):
        lerobot.write_episodes([clip(3), replace(clip(3), robot="other")], tmp_path / "d")
    with pytest.raises(UnderstudyError, match="at least one"):
        lerobot.write_episodes([], tmp_path / "d")
    assert not list(tmp_path.iterdir())
    motion.save(clip(61, fps=59.94), tmp_path / "d", format="lerobot")
    assert motion.load(tmp_path / "d").fps == 60.0
    with pytest.raises(UnderstudyError, match="holds files already"):
        motion.save(clip(3), tmp_path / "d", format="lerobot")
