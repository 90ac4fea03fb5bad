"""Windows turned over in the air, human and robot alike: who lies, rolls or flies is rare in captures, no more.

A fit follows a body in any attitude in the same way, so the pair that is turned is the pair of the turned human.
"""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from understudy.motion.landmarks import LANDMARKS
from understudy.rotations import quat_apply, quat_mul, quat_normalize

ABOVE = 0.3
"""Metres that the lowest point of the human is over the floor then."""
_PELVIS = LANDMARKS.index("pelvis")


def turned_over(
    batch: dict[str, Tensor], scale: Float[Tensor, "batch"], share: float, generator: Generator
) -> dict[str, Tensor]:
    """The batch with a share of its windows turned by any rotation; ``scale`` is that of the robot's paths."""
    count = len(scale)
    rows = torch.nonzero(torch.rand(count, generator=generator) < share)[:, 0]
    turn = quat_normalize(torch.randn(count, 4, generator=generator))[rows]
    if not len(rows):
        return batch
    made, k = dict(batch), scale[rows]
    centre = batch["human_pos"][rows, 0, _PELVIS]
    places = quat_apply(turn[:, None, None], batch["human_pos"][rows] - centre[:, None, None])
    lift = torch.zeros_like(centre)
    lift[:, 2] = ABOVE - places[..., 2].amin((1, 2))
    made["human_pos"] = _put(batch["human_pos"], rows, places + lift[:, None, None])
    made["human_quat"] = _put(
        batch["human_quat"], rows, quat_mul(turn[:, None, None], batch["human_quat"][rows])
    )
    for name in ("robot_root_pos", "robot_body_pos"):
        ones = (1,) * (batch[name].ndim - 2)
        own, up = ((k[:, None] * offset).view(-1, *ones, 3) for offset in (centre, lift))
        moved = quat_apply(turn.view(-1, *ones, 4), batch[name][rows] - own) + up
        made[name] = _put(batch[name], rows, moved)
    made["robot_root_quat"] = _put(
        batch["robot_root_quat"], rows, quat_mul(turn[:, None], batch["robot_root_quat"][rows])
    )
    return made


def _put(values: Tensor, rows: Tensor, new: Tensor) -> Tensor:
    values = values.clone()
    values[rows] = new
    return values
