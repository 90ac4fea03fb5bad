"""A trained NMR over clips of any length: overlapping chunks, those of all clips side by side, blended where they meet.

Batches always have the same shape, so that what a clip becomes does not depend on its company by a single bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from understudy.learn.features import anchor_of, decode_robot, encode_human
from understudy.retarget.nmr_model import NMRModel
from understudy.retarget.nmr_network import STRIDE

FPS = 30.0
"""Frames a second that networks see; clips of other rates are resampled, there and back."""
Pose = tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 4"], Float[np.ndarray, "time dof"]]
"""Root positions (m) and orientations (wxyz), joint positions (rad)."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """A human on a floor at z = 0 as ``learn.tracks`` has it, ``size`` (m) its legs' length."""

    pos: Float[np.ndarray, "time 23 3"]
    quat: Float[np.ndarray, "time 23 4"]
    size: float


@torch.inference_mode()
def run(model: NMRModel, clips: Sequence[Tracks], chunk: int, overlap: int, batch: int) -> list[Pose]:
    """The robot's motion for each clip. The network gets ``batch`` chunks of ``chunk`` frames at a time; neighbours
    share ``overlap`` frames."""
    device, kind = next(model.parameters()).device, model.config.kind
    anchors, humans = [], []
    for clip in clips:
        pos, quat = (
            torch.from_numpy(np.ascontiguousarray(a, np.float32)).to(device) for a in (clip.pos, clip.quat)
        )
        anchors.append(anchor_of(pos, quat, clip.size))
        humans.append(encode_human(pos, quat, anchors[-1], kind))
    poses = []
    for features, anchor in zip(_chunked(model, humans, chunk, overlap, batch), anchors, strict=True):
        root_pos, root_quat, joint_pos = decode_robot(features, anchor, model.robot, kind)
        poses.append((root_pos.cpu().numpy(), root_quat.cpu().numpy(), joint_pos.cpu().numpy()))
    return poses


def _chunked(
    model: NMRModel, humans: Sequence[Float[Tensor, "_ f_in"]], chunk: int, overlap: int, batch: int
) -> list[Float[Tensor, "_ f_out"]]:
    """Robot features for human features of any length."""
    chunk += -chunk % STRIDE
    places = [
        (k, start) for k, human in enumerate(humans) for start in chunk_starts(len(human), chunk, overlap)
    ]
    made = [human.new_zeros(len(human), model.network.f_out) for human in humans]
    done = [0] * len(humans)
    for first in range(0, len(places), batch):
        some = places[first : first + batch]
        given = humans[0].new_zeros(batch, chunk, model.network.f_in)
        valid = torch.zeros(batch, chunk, dtype=torch.bool, device=given.device)
        for row, (k, start) in enumerate(some):
            piece = humans[k][start : start + chunk]
            given[row, : len(piece)], valid[row, : len(piece)] = piece, True
        answers = model.network(given, valid).float()
        for (k, start), answer in zip(some, answers, strict=False):
            _blend(made[k], answer, start, done[k], overlap)
            done[k] = min(start + chunk, len(made[k]))
    return made


def _blend(made: Tensor, answer: Tensor, start: int, done: int, overlap: int) -> None:
    """Add a chunk to what is ``done``; over the first ``overlap`` frames that both have, one fades into the other."""
    answer, shared = answer[: len(made) - start], done - start
    if shared > 0:  # the last chunk may share more, as it ends where the clip does
        weight = torch.ones(shared, 1, device=made.device)
        weight[:overlap] = torch.linspace(0.0, 1.0, overlap + 2, device=made.device)[1:-1, None][:shared]
        made[start:done] = torch.lerp(made[start:done], answer[:shared], weight)
    made[done : start + len(answer)] = answer[max(shared, 0) :]


def chunk_starts(time: int, chunk: int, overlap: int) -> list[int]:
    """Where chunks begin, the last one such that it ends with the clip."""
    if time <= chunk:
        return [0]
    return [*range(0, time - chunk, chunk - overlap), time - chunk]
