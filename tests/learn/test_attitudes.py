"""Windows that are turned over in the air."""

import pytest
import torch
from made_pairs import pair_folder

from understudy.kinematics.links import Links
from understudy.learn.attitudes import ABOVE, turned_over
from understudy.learn.features import anchor_of, encode_robot
from understudy.learn.windows import WindowConfig, Windows, load_pairs
from understudy.retarget.nmr_train import read_robot


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return pair_folder(tmp_path_factory.mktemp("over") / "pairs", ("walk",))


@pytest.fixture(scope="module")
def windows(folder):
    pairs = load_pairs(folder)
    return Windows(pairs, WindowConfig(frames=16, batch=40, faults=None))(0), pairs.robot_size


def turned(windows, share):
    batch, size = windows
    return turned_over(batch, size / batch["size"], share, torch.Generator().manual_seed(1))


def test_their_share_is_turned_and_what_was_given_stays(windows):
    batch, _ = windows
    before = {name: values.clone() for name, values in batch.items()}
    made = turned(windows, 0.3)
    moved = (made["human_pos"] != batch["human_pos"]).flatten(1).any(1)
    assert 2 < moved.sum() < 25
    assert all(torch.equal(batch[name], before[name]) for name in batch)
    assert torch.equal(made["robot_joint_pos"], batch["robot_joint_pos"])
    assert turned(windows, 0.0) is batch


def test_they_are_in_the_air(windows):
    lowest = turned(windows, 1.0)["human_pos"][..., 2].amin((1, 2))
    assert (lowest - ABOVE).abs().max() < 1e-4


def test_the_robot_is_turned_as_the_human_is(windows, folder):
    """Its features, told by the human's pelvis, stay; but for the root's place, which is told by heading."""
    robot, _ = read_robot(folder)
    both = []
    for batch in (windows[0], turned(windows, 1.0)):
        anchor = anchor_of(batch["human_pos"], batch["human_quat"], batch["size"])
        pose = (batch[f"robot_{name}"] for name in ("root_pos", "root_quat", "joint_pos", "body_pos"))
        both.append(encode_robot(*pose, anchor, robot))
    assert (both[0][..., 3:] - both[1][..., 3:]).abs().max() < 1e-3
    assert (both[0][..., :3].norm(dim=-1) - both[1][..., :3].norm(dim=-1)).abs().max() < 1e-3


def test_bodies_are_where_the_joints_have_them(windows, folder):
    _, tree = read_robot(folder)
    made = turned(windows, 1.0)
    places, _ = Links(tree).poses(made["robot_root_pos"], made["robot_root_quat"], made["robot_joint_pos"])
    assert (places[:, :, tree["body_link"]] - made["robot_body_pos"]).abs().max() < 1e-3
