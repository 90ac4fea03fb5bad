"""A small folder of pairs, made from the sample clips by the quickest method."""

import json
from pathlib import Path

import numpy as np

from understudy import kinematics, retarget, robots
from understudy.learn.pair_file import Pair, save_pair
from understudy.learn.tracks import body_size, human_tracks
from understudy.motion import sample
from understudy.pipelines.pairs_robot import robot_layout
from understudy.pipelines.pairs_tree import robot_tree


def pair_arrays(human, robot, made):
    """What a pair file holds."""
    pos, quat = human_tracks(human, made.origin.history[-1]["floor_shift_m"])
    return {
        "human_pos": pos,
        "human_quat": quat,
        "robot_root_pos": made.root_pos,
        "robot_root_quat": made.root_quat,
        "robot_joint_pos": made.joint_pos,
        "robot_body_pos": kinematics.body_tracks(robot, made).pos.astype(np.float32),
        "human_ok": np.ones(human.frames, bool),
    }


def pair_folder(folder: Path, names=("walk", "squat")) -> Path:
    """One pair of the G1 for each sample clip."""
    robot = robots.load("unitree_g1")
    humans = [sample.motion(name, fps=30.0) for name in names]
    folder.mkdir()
    about = {"robot": robot_layout(robot).to_json(), "tree": robot_tree(robot)}
    (folder / "pairs.json").write_text(json.dumps(about))
    lines = []
    for name, human, made in zip(names, humans, retarget.FrameIK(robot)(humans), strict=True):
        arrays = pair_arrays(human, robot, made)
        save_pair(Pair(**arrays, meta={}), folder / f"{name}.npz")
        size = float(body_size(arrays["human_pos"]))
        lines.append(
            json.dumps({"file": f"{name}.npz", "kind": "plain", "size": size, "fps": 30.0, "source": name})
        )
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    return folder
