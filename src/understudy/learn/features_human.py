"""A human's landmark tracks as features, and the anchor that a robot's features hang on."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from understudy.learn.features_frames import ahead_of, into, six_of, steps
from understudy.learn.features_layout import layout_of_human
from understudy.motion.landmarks import LANDMARKS

PELVIS, LEFT_HIP, RIGHT_HIP = (LANDMARKS.index(name) for name in ("pelvis", "left_hip", "right_hip"))


class Anchor(NamedTuple):
    """Where a human is, how it is turned, and how large it is: all that a robot's features are relative to.

    ``place`` (m) is the middle between the hips, where skeletons agree; ``ahead`` cosine and sine of the heading;
    ``quat`` the pelvis' orientation; ``size`` the length of the legs (m).
    """

    place: Float[Tensor, "*batch time 3"]
    ahead: Float[Tensor, "*batch time 2"]
    quat: Float[Tensor, "*batch time 4"]
    size: Float[Tensor, "*batch"]


def anchor_of(
    pos: Float[Tensor, "*batch time 23 3"],
    quat: Float[Tensor, "*batch time 23 4"],
    size: Float[Tensor, "*batch"] | float,
) -> Anchor:
    """The anchor of landmark tracks (world, m, wxyz) of bodies of ``size`` (``tracks.body_size``)."""
    left, right, pelvis = pos[..., LEFT_HIP, :], pos[..., RIGHT_HIP, :], quat[..., PELVIS, :]
    many = pos.shape[:-3]
    sizes = torch.as_tensor(size, dtype=pos.dtype, device=pos.device).expand(many)
    return Anchor(0.5 * (left + right), ahead_of(left - right, pelvis), pelvis, sizes)


def encode_human(
    pos: Float[Tensor, "*batch time 23 3"],
    quat: Float[Tensor, "*batch time 23 4"],
    anchor: Anchor,
    kind: str = "anchored",
) -> Float[Tensor, "*batch time width"]:
    """Landmark tracks as features; columns as in ``layout_of_human(kind)``. Raises UnknownName."""
    paper = layout_of_human(kind).kind == "paper"
    return torch.cat(_paper(pos, anchor) if paper else _anchored(pos, quat, anchor), -1)


def _anchored(pos: Tensor, quat: Tensor, anchor: Anchor) -> list[Tensor]:
    place, ahead = anchor.place, anchor.ahead
    scale = anchor.size[..., None, None]
    c, s = ahead[..., 0], ahead[..., 1]
    before = torch.cat([ahead[..., :1, :], ahead[..., :-1, :]], -2)
    rate = torch.atan2(s * before[..., 0] - c * before[..., 1], c * before[..., 0] + s * before[..., 1])
    rate = torch.cat([rate[..., 1:2], rate[..., 1:]], -1) if rate.shape[-1] > 1 else rate
    reach = (pos[..., 1:, :] - place[..., None, :]) / scale[..., None]
    facing = ahead[..., None, :]
    return [
        rate[..., None],
        into(steps(place, -2) / scale, ahead)[..., :2],
        place[..., 2:] / scale,
        six_of(anchor.quat, ahead),
        into(reach, facing).flatten(-2),
        into(steps(reach, -3), facing).flatten(-2),
        six_of(quat[..., 1:, :], facing).flatten(-2),
    ]


def _paper(pos: Tensor, anchor: Anchor) -> list[Tensor]:
    """Eq. 7: as seen by someone who stays where the clip begins and faces as the human does then."""
    ahead = anchor.ahead[..., :1, :]
    scale = anchor.size[..., None, None]
    ground = anchor.place * anchor.place.new_tensor([1.0, 1.0, 0.0])
    return [
        into(steps(anchor.place, -2) / scale, ahead)[..., :2],
        six_of(anchor.quat, ahead),
        into((pos - ground[..., None, :]) / scale[..., None], ahead[..., None, :]).flatten(-2),
        into(steps(pos, -3) / scale[..., None], ahead[..., None, :]).flatten(-2),
    ]
