"""A trained NMR over clips of any length: chunks that overlap, side by side, blended where they meet."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from understudy.learn.features import anchor_of, decode_robot, encode_human
from understudy.retarget.nmr_model import NMRModel
from understudy.retarget.nmr_network import STRIDE

FPS = 30.0
"""Frames a second that networks see; clips of other rates are resampled, there and back."""
Pose = tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 4"], Float[np.ndarray, "time dof"]]
"""Root positions (m) and orientations (wxyz), joint positions (rad)."""


@torch.inference_mode()
def run(
    model: NMRModel,
    pos: Float[np.ndarray, "time 23 3"],
    quat: Float[np.ndarray, "time 23 4"],
    size: float,
    chunk: int,
    overlap: int,
    batch: int,
) -> Pose:
    """The robot's motion for landmark tracks of a human on a floor at z = 0, whose legs are ``size`` (m) long.

    ``batch`` chunks of ``chunk`` frames are done at a time; neighbours share ``overlap`` frames.
    """
    device = next(model.parameters()).device
    places, turns = (torch.from_numpy(np.ascontiguousarray(a, np.float32)).to(device) for a in (pos, quat))
    anchor = anchor_of(places, turns, size)
    kind = model.config.kind
    made = chunked(model, encode_human(places, turns, anchor, kind), chunk, overlap, batch)
    root_pos, root_quat, joint_pos = decode_robot(made, anchor, model.robot, kind)
    return root_pos.cpu().numpy(), root_quat.cpu().numpy(), joint_pos.cpu().numpy()


def chunked(
    model: NMRModel, human: Float[Tensor, "time f_in"], chunk: int, overlap: int, batch: int
) -> Float[Tensor, "time f_out"]:
    """Robot features for human features of any length."""
    time = human.shape[0]
    if time <= chunk:
        return _whole(model, human[None])[0]
    starts = chunk_starts(time, chunk, overlap)
    fade = torch.linspace(0.0, 1.0, overlap + 2, device=human.device)[1:-1, None]
    made = human.new_zeros(time, model.network.f_out)
    done = 0
    for first in range(0, len(starts), batch):
        some = starts[first : first + batch]
        for start, piece in zip(
            some, _whole(model, torch.stack([human[s : s + chunk] for s in some])), strict=True
        ):
            shared = done - start
            if shared > 0:  # the last chunk may share more: it ends where the clip does
                weight = torch.ones(shared, 1, device=human.device)
                weight[:overlap] = fade[:shared]
                made[start:done] = torch.lerp(made[start:done], piece[:shared], weight)
            made[max(done, start) : start + chunk] = piece[max(shared, 0) :]
            done = start + chunk
    return made


def chunk_starts(time: int, chunk: int, overlap: int) -> Int[np.ndarray, "chunk"]:
    """Where chunks begin, the last one such that it ends with the clip."""
    starts = np.arange(0, time - chunk, chunk - overlap)
    return np.append(starts, time - chunk)


def _whole(model: NMRModel, human: Float[Tensor, "batch time f_in"]) -> Float[Tensor, "batch time f_out"]:
    """Chunks of any length, filled up to what the network's stride divides with frames that it does not heed."""
    time = human.shape[1]
    missing = -time % STRIDE
    if not missing:
        return model.network(human).float()
    filled = torch.cat([human, human[:, -1:].expand(-1, missing, -1)], 1)
    valid = torch.arange(time + missing, device=human.device).expand(len(human), -1) < time
    return model.network(filled, valid).float()[:, :time]
