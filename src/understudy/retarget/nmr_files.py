"""Checkpoints of NMR: what a trained model is saved as, and found by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from understudy import learn
from understudy.errors import CheckpointError, UnderstudyError
from understudy.learn.checkpoint import Checkpoint, fill, load_checkpoint, save_checkpoint
from understudy.learn.features import RobotLayout
from understudy.learn.onnx import export_onnx
from understudy.motion.landmarks import LANDMARKS
from understudy.retarget.nmr_mirror import untie
from understudy.retarget.nmr_model import NMRModel, NMRModelConfig
from understudy.robots.robot import Robot

KIND = "nmr"
SHIPPED = Path(learn.__file__).parent / "weights"
"""Where the package's own checkpoints lie: ``nmr_<robot>.safetensors``, and others by longer names."""


def save_nmr(path: Path, model: NMRModel, notes: Mapping[str, Any], stored: str = "float32") -> None:
    """Write a model's plain weights; ``stored`` as in ``save_checkpoint``."""
    plain = NMRModel(model.config, model.robot)
    told = {name: values for name, values in model.state_dict().items() if not name.startswith("body.")}
    if told.keys() != plain.state_dict().keys():  # its weights are plain already
        untie(plain.network)
    plain.load_state_dict(told)
    untie(plain.network)
    config = {"model": model.config.to_json(), "robot": model.robot.to_json()}
    save_checkpoint(
        path, plain.state_dict(), kind=KIND, config=config, robot=model.robot.name, notes=notes, stored=stored
    )


def load_nmr(robot: Robot, name: str = "") -> NMRModel:
    """The model for a robot, ready to run: from a file, or a shipped one by its name; the robot's own if empty.

    Raises CheckpointError for a file that is none, is damaged, or was trained for another robot; for a robot that no
    weights are shipped for, it says how to train some.
    """
    path = find_nmr(name or f"{KIND}_{robot.name}")
    found = load_checkpoint(path, KIND, robot.name)
    model = model_of(found)
    if model.robot.joints != robot.joints:
        raise CheckpointError(
            path,
            f"These weights are for a {robot.name!r} of {len(model.robot.joints)} joints; this one has "
            f"{len(robot.joints)}, or others. Train some for it: understudy learn --help.",
        )
    return model


def find_nmr(name: str) -> Path:
    """The file that a name means: a path, or a shipped checkpoint's. Raises CheckpointError if there is none."""
    if Path(name).suffix:
        return Path(name)
    path = SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        there = sorted(p.stem for p in SHIPPED.glob(f"{KIND}_*.safetensors"))
        raise CheckpointError(
            path,
            f"No weights of that name are shipped; there are {', '.join(there) or 'none'}. Name one of them or a file, "
            "or train some: `understudy learn pairs`, then `understudy learn nmr`.",
        )
    return path


def export_nmr(name: str, path: Path) -> None:
    """Write a checkpoint (``find_nmr``) as ONNX: landmark tracks and size in, root and joints out.

    Raises CheckpointError, and as ``export_onnx`` does.
    """
    model = model_of(load_checkpoint(find_nmr(name), KIND))
    pos, quat = torch.zeros(1, 8, len(LANDMARKS), 3), torch.zeros(1, 8, len(LANDMARKS), 4)
    pos[..., 0], quat[..., 0] = torch.linspace(0.0, 1.0, len(LANDMARKS)), 1.0
    notes = {
        "robot": model.robot.name,
        "joints": ",".join(model.robot.joints),
        "landmarks": ",".join(LANDMARKS),
    }
    inputs = {"pos": pos, "quat": quat, "size": torch.full((1,), 0.8)}
    export_onnx(model, path, inputs, ["root_pos", "root_quat", "joint_pos"], notes=notes)


def model_of(found: Checkpoint) -> NMRModel:
    """The model that a checkpoint holds, with plain weights. Raises CheckpointError if they do not belong together."""
    try:
        config = NMRModelConfig.from_json(found.config["model"])
        model = NMRModel(config, RobotLayout.from_json(found.config["robot"]))
    except (KeyError, TypeError, UnderstudyError) as error:
        raise CheckpointError(found.path, f"Its configuration cannot be read: {error}.") from error
    untie(model.network)
    fill(model, found)
    return model.eval()
