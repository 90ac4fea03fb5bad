"""One known human motion in every format, written by hand from what the formats are, not with the package's writers.

``KINDS`` are the human files that the package reads. All of them hold the same motion, so that any error in axes,
sides, units or orders of a reader shows in where it puts the body.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import made_rigs as rigs
import numpy as np
from tracked import keypoints

from understudy import motion
from understudy.motion import HumanMotion, RobotMotion
from understudy.motion.formats.kimodo_bodies import G1_ROWS, HINGES
from understudy.robots import Robot
from understudy.rotations import (
    quat_conj,
    quat_from_euler,
    quat_mul,
    quat_to_euler,
    quat_to_matrix,
    quat_to_rotvec,
)

CMU_UNIT = 0.0254 / 0.45
"""Metres in a unit of the CMU set."""
SMPL_PELVIS, SMPLX_PELVIS = np.array([0.0, -0.23, 0.03]), np.array([0.0, -0.35, 0.01])
"""About where the root joint is in the templates of SMPL (and SMPL-H) and of SMPL-X (m, y up)."""

Y_UP = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
"""World vectors (x forward, y left, z up) to files with x left, y up, z forward."""
X_FORWARD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""World vectors to DeepMimic's files: x forward, y up, z right."""
CAMERA = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])
"""World vectors to those of a camera that a person looks into: x right of the image, y down, z away from the camera."""


@dataclass(frozen=True)
class Kind:
    """``write(human, folder)`` makes a file at ``fps`` and returns its path; ``options`` are what its reader must be
    told, ``format`` what the package calls it. ``keeps_path`` is whether the file knows where the body goes."""

    format: str
    write: Callable[[HumanMotion, Path], Path]
    fps: float = 30.0
    options: dict[str, Any] = field(default_factory=dict)
    keeps_path: bool = True


def turned(quat: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """World rotations as rotations of a file with other axes."""
    return np.concatenate([quat[..., :1], quat[..., 1:] @ axes.T], axis=-1)


def saved(path: Path, **entries: Any) -> Path:
    np.savez(path, **entries)
    return path


def native(human: HumanMotion, folder: Path) -> Path:
    motion.save(human, folder / "native.npz")
    return folder / "native.npz"


def bvh(human: HumanMotion, folder: Path) -> Path:
    """The sample's own joints, y up, inches."""
    path = folder / "own.bvh"
    joints = human.skeleton.joints
    rig = {
        name: rigs.Part(None if p < 0 else joints[p], name)
        for name, p in _tree(human)
        if name in _marks(human)
    }
    path.write_text(_bvh(human, rig, 0.0254, "zxy"))
    return path


def soma_bvh(human: HumanMotion, folder: Path) -> Path:
    """As SEED has them: 77 joints, y up, cm, no End Sites."""
    path = folder / "soma.bvh"
    path.write_text(_bvh(human, rigs.soma(), 0.01, "zyx"))
    return path


def _tree(human: HumanMotion) -> list[tuple[str, int]]:
    return list(zip(human.skeleton.joints, human.skeleton.parents.tolist(), strict=True))


def _marks(human: HumanMotion) -> tuple[str, ...]:
    return human.skeleton.landmarks.names


def _bvh(human: HumanMotion, rig: rigs.Rig, unit: float, order: str) -> str:
    pos, quat = rigs.posed(human, rig)
    names, above = list(rig), rigs.parents(rig)
    reach = rigs.offsets(rig, pos, quat) @ Y_UP.T / unit
    angles = np.degrees(quat_to_euler(order, turned(rigs.local(rig, quat), Y_UP)))
    spin = " ".join(f"{axis.upper()}rotation" for axis in order)
    lines, columns = ["HIERARCHY"], [pos[:, 0] @ Y_UP.T / unit]

    def node(j: int, indent: str) -> None:
        lines.append(f"{indent}{'JOINT' if j else 'ROOT'} {names[j]}")
        lines.append(indent + "{")
        lines.append(f"{indent}  OFFSET " + " ".join(f"{v:.6f}" for v in reach[j]))
        place = "" if j else "Xposition Yposition Zposition "
        lines.append(f"{indent}  CHANNELS {3 if j else 6} {place}{spin}")
        columns.append(angles[:, j])
        for child in (k for k, p in enumerate(above) if p == j):
            node(child, indent + "  ")
        lines.append(indent + "}")

    node(0, "")
    lines += ["MOTION", f"Frames: {len(pos)}", f"Frame Time: {1 / human.fps:.8f}"]
    lines += [" ".join(f"{v:.6f}" for v in row) for row in np.concatenate(columns, axis=1)]
    return "\n".join(lines) + "\n"


def amc(human: HumanMotion, folder: Path) -> Path:
    """A CMU skeleton and a motion on it: each bone turns about its own tilted axes, in degrees."""
    rig = rigs.cmu()
    pos, quat = rigs.posed(human, rig)
    reach = rigs.offsets(rig, pos, quat) @ Y_UP.T / CMU_UNIT
    turns = turned(rigs.local(rig, quat), Y_UP)
    names, above = list(rig), rigs.parents(rig)
    bones = [(j, name) for j, name in enumerate(names) if j and not name.endswith("_end")]
    text, channels = (
        [":version 1.10", ":name VICON", ":units", "  mass 1.0", "  length 0.45", "  angle deg"],
        {},
    )
    text += [
        ":root",
        "  order TX TY TZ RX RY RZ",
        "  axis XYZ",
        "  position 0 0 0",
        "  orientation 0 0 0",
        ":bonedata",
    ]
    for j, name in bones:
        ends = reach[next(k for k, p in enumerate(above) if p == j)]
        length = float(np.linalg.norm(ends))
        direction = ends / length if length else np.array([0.0, 1, 0])
        tilt = np.array([7.0 * j % 50 - 25, 11.0 * j % 60 - 30, 13.0 * j % 70 - 35])
        text += ["  begin", f"     id {j}", f"     name {name}"]
        text += ["     direction " + " ".join(f"{v:.8f}" for v in direction), f"     length {length:.8f}"]
        text += ["     axis " + " ".join(f"{v:g}" for v in tilt) + " XYZ", "     dof rx ry rz", "  end"]
        # About the fixed axes x, y, z in turn is about the moving z, y, x.
        axes = quat_from_euler("zyx", np.radians(tilt[::-1]))
        own = quat_mul(quat_mul(quat_conj(axes), turns[:, j]), axes)
        channels[name] = np.degrees(quat_to_euler("zyx", own))[:, ::-1]
    text += [":hierarchy", "  begin"]
    for name in ("root", *(name for _, name in bones)):
        below = [other for j, other in bones if names[above[j]] == name]
        text += [f"    {name} {' '.join(below)}"] if below else []
    (folder / "07.asf").write_text("\n".join([*text, "  end"]) + "\n")
    root = np.degrees(quat_to_euler("zyx", turns[:, 0]))[:, ::-1]
    channels = {"root": np.concatenate([pos[:, 0] @ Y_UP.T / CMU_UNIT, root], axis=1), **channels}
    lines = ["#!OML:ASF 07.asf", ":FULLY-SPECIFIED", ":DEGREES"]
    for t in range(human.frames):
        lines.append(str(t + 1))
        lines += [f"{name} " + " ".join(f"{v:.6f}" for v in rows[t]) for name, rows in channels.items()]
    (folder / "07_01.amc").write_text("\n".join(lines) + "\n")
    return folder / "07_01.amc"


def expmap(human: HumanMotion, folder: Path) -> Path:
    """117 numbers a line: the root in CMU units, then the vectors of the inverse rotations."""
    rig = rigs.cmu()
    pos, quat = rigs.posed(human, rig)
    turns = -quat_to_rotvec(turned(rigs.local(rig, quat), Y_UP))
    rows = np.concatenate([pos[:, 0] @ Y_UP.T / CMU_UNIT, turns.reshape(len(pos), -1)], axis=1)
    (folder / "walking_1.txt").write_text("\n".join(",".join(f"{v:.9g}" for v in row) for row in rows) + "\n")
    return folder / "walking_1.txt"


def _smpl(human: HumanMotion, up: str, pelvis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Translation (time, 3) and rotation vectors (time, 24, 3) of SMPL, whose template looks along z, y up."""
    rig = rigs.smpl()
    pos, quat = rigs.posed(human, rig)
    turns = turned(rigs.local(rig, quat), Y_UP)
    trans = pos[:, 0] @ Y_UP.T - pelvis
    if up == "z":
        turns[:, 0] = quat_mul(quat[:, 0], np.array([0.5, 0.5, 0.5, 0.5]))
        trans = pos[:, 0] - pelvis
    return trans, quat_to_rotvec(turns)


def amass_smplh(human: HumanMotion, folder: Path) -> Path:
    trans, turns = _smpl(human, "z", SMPL_PELVIS)
    poses = np.concatenate([turns[:, :22].reshape(len(turns), 66), np.zeros((len(turns), 90))], axis=1)
    return saved(
        folder / "walk_poses.npz",
        poses=poses,
        trans=trans,
        betas=np.zeros(16),
        gender=np.array("neutral"),
        mocap_framerate=np.array(human.fps),
        dmpls=np.zeros((len(poses), 8)),
    )


def amass_smplx(human: HumanMotion, folder: Path) -> Path:
    trans, turns = _smpl(human, "z", SMPLX_PELVIS)
    return saved(
        folder / "walk_stageii.npz",
        root_orient=turns[:, 0],
        pose_body=turns[:, 1:22].reshape(len(turns), 63),
        pose_hand=np.zeros((len(turns), 90)),
        trans=trans,
        betas=np.zeros(16),
        gender=np.array("neutral"),
        mocap_frame_rate=np.array(human.fps),
        surface_model_type=np.array("smplx"),
    )


def smpl_72(human: HumanMotion, folder: Path) -> Path:
    trans, turns = _smpl(human, "z", SMPL_PELVIS)
    return saved(
        folder / "smpl.npz", poses=turns.reshape(len(turns), 72), trans=trans, fps=np.array(human.fps)
    )


def phuma(human: HumanMotion, folder: Path) -> Path:
    trans, turns = _smpl(human, "y", SMPLX_PELVIS)
    np.save(folder / "phuma.npy", np.concatenate([trans, turns[:, :22].reshape(len(turns), 66)], axis=1))
    return folder / "phuma.npy"


def gvhmr(human: HumanMotion, folder: Path) -> Path:
    import torch

    trans, turns = _smpl(human, "y", SMPLX_PELVIS)
    body = {
        "global_orient": turns[:, 0],
        "body_pose": turns[:, 1:22].reshape(len(turns), 63),
        "transl": trans,
        "betas": np.zeros((len(turns), 10)),
    }
    tensors = {key: torch.tensor(value).float() for key, value in body.items()}
    torch.save({"smpl_params_global": tensors}, folder / "hmr4d_results.pt")
    return folder / "hmr4d_results.pt"


def _kimodo(human: HumanMotion, path: Path, rig: rigs.Rig) -> Path:
    pos, quat = rigs.posed(human, rig)
    return saved(
        path,
        posed_joints=(pos @ Y_UP.T).astype(np.float32),
        global_rot_mats=quat_to_matrix(turned(quat, Y_UP)).astype(np.float32),
        local_rot_mats=quat_to_matrix(turned(rigs.local(rig, quat), Y_UP)).astype(np.float32),
    )


def kimodo_soma(human: HumanMotion, folder: Path) -> Path:
    return _kimodo(human, folder / "soma.npz", rigs.soma())


def kimodo_smplx(human: HumanMotion, folder: Path) -> Path:
    return _kimodo(human, folder / "smplx.npz", rigs.kimodo_smplx())


def kimodo_g1(clip: RobotMotion, g1: Robot, folder: Path) -> Path:
    """What Kimodo would write for a G1's motion: its bodies' poses, ends of feet and hands invented."""
    import mujoco

    data = mujoco.MjData(g1.model)
    pos, rot = np.zeros((clip.frames, G1_ROWS, 3)), np.tile(np.eye(3), (clip.frames, G1_ROWS, 1, 1))
    rows = [(0, 1), *((hinge.row, g1.model.joint(hinge.joint).bodyid[0]) for hinge in HINGES)]
    for t in range(clip.frames):
        data.qpos[:] = clip.qpos[t]
        mujoco.mj_kinematics(g1.model, data)
        for row, body in rows:
            pos[t, row], rot[t, row] = data.xpos[body], data.xmat[body].reshape(3, 3)
    return saved(folder / "g1.npz", posed_joints=pos @ Y_UP.T, global_rot_mats=Y_UP @ rot @ Y_UP.T)


def deepmimic(human: HumanMotion, folder: Path) -> Path:
    """Rows of 44 numbers: quaternions, and one angle about the axis to the right for knees and elbows."""
    rig = rigs.deepmimic()
    pos, quat = rigs.posed(human, rig)
    turns = turned(rigs.local(rig, quat), X_FORWARD)
    columns = [np.full((len(pos), 1), 1 / human.fps), pos[:, 0] @ X_FORWARD.T]
    for j, name in enumerate(rig):
        hinge = name.endswith(("knee", "elbow"))
        columns.append(2 * np.arctan2(turns[:, j, 3:], turns[:, j, :1]) if hinge else turns[:, j])
    record = {"Loop": "none", "Frames": np.concatenate(columns, axis=1).tolist()}
    (folder / "humanoid3d_walk.json").write_text(json.dumps(record))
    return folder / "humanoid3d_walk.json"


def zed(human: HumanMotion, folder: Path) -> Path:
    """Frames keyed by milliseconds, y up, millimetres, as the SDK's samples write them."""
    frames = {}
    for t, points in enumerate(1000.0 * keypoints(human, "zed-body-38") @ Y_UP.T):
        body = {
            "id": 3,
            "keypoint": [[None if np.isnan(v) else float(v) for v in point] for point in points],
            "keypoint_confidence": [90.0] * len(points),
        }
        stamp = 1_700_000_000_000_000_000 + round(1e9 * t / human.fps)
        frames[str(stamp // 1_000_000)] = {"timestamp": stamp, "body_list": [body]}
    (folder / "bodies.json").write_text(json.dumps(frames))
    return folder / "bodies.json"


def mediapipe(human: HumanMotion, folder: Path) -> Path:
    """World landmarks: metres from between the hips, in the axes of the camera."""
    points = keypoints(human, "mediapipe-33") @ CAMERA.T
    np.save(folder / "world_landmarks.npy", points - points[:, 23:25].mean(axis=1, keepdims=True))
    return folder / "world_landmarks.npy"


def coco(human: HumanMotion, folder: Path) -> Path:
    """With confidences in a fourth column, and a file that says everything itself."""
    points = keypoints(human, "coco-17")
    four = np.concatenate([points, np.full((*points.shape[:2], 1), 0.8)], axis=-1)
    return saved(folder / "coco.npz", keypoints=four, fps=human.fps, layout="coco-17")


def h36m(human: HumanMotion, folder: Path) -> Path:
    points = np.nan_to_num(keypoints(human, "h36m-17"), nan=0.0)
    np.save(folder / "h36m.npy", points.astype(np.float32))
    return folder / "h36m.npy"


KINDS: dict[str, Kind] = {
    "native": Kind("native", native),
    "bvh": Kind("bvh", bvh),
    "soma-bvh": Kind("bvh", soma_bvh),
    "amc": Kind("amc", amc, 120.0),
    "expmap": Kind("cmu-expmap", expmap, 120.0),
    "amass-smplh": Kind("smpl-npz", amass_smplh),
    "amass-smplx": Kind("smpl-npz", amass_smplx),
    "smpl-72": Kind("smpl-npz", smpl_72),
    "phuma": Kind("phuma-npy", phuma),
    "gvhmr": Kind("gvhmr-pt", gvhmr, options={"fps": 30.0}),
    "kimodo-soma": Kind("kimodo-npz", kimodo_soma),
    "kimodo-smplx": Kind("kimodo-npz", kimodo_smplx),
    "deepmimic": Kind("deepmimic-json", deepmimic),
    "zed": Kind("zed-json", zed),
    "mediapipe": Kind(
        "keypoints", mediapipe, options={"layout": "mediapipe-33", "fps": 30.0}, keeps_path=False
    ),
    "coco": Kind("keypoints", coco),
    "h36m": Kind("keypoints", h36m, options={"layout": "h36m-17", "fps": 30.0}),
}
