"""Faults of capture, put on windows of human landmarks while a network learns to give what comes of clean ones.

The kinds are those of ``evaluate.corruption``, here for whole batches in torch and of random strength. A limb that is
thrown takes along what hangs on it: faults turn landmarks against the ones that they hang on.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from understudy.motion.landmarks import LANDMARKS, PARENT_OF, mirrored
from understudy.rotations import quat_apply, quat_conj, quat_from_rotvec, quat_mul, quat_normalize

_PARENTS = [LANDMARKS.index(PARENT_OF.get(name, name)) for name in LANDMARKS]
_OTHER_SIDE = [LANDMARKS.index(mirrored(name)) for name in LANDMARKS]
_LIMBS = [
    LANDMARKS.index(f"{side}_{part}")
    for side in ("left", "right")
    for part in ("shoulder", "elbow", "hip", "knee")
]
_ROOT = LANDMARKS.index("pelvis")

Places = Float[Tensor, "batch time landmark 3"]
Turns = Float[Tensor, "batch time landmark 4"]


@dataclass(frozen=True)
class FaultConfig:
    """How often windows are spoilt, and by how much at most."""

    share: float = 0.15
    """The share of windows that each kind of fault comes to."""
    noise_place: float = 0.012
    """The largest standard deviation of jitter, m."""
    noise_turn: float = math.radians(4.0)
    """The largest standard deviation of jitter about each axis, rad."""
    throw: float = math.radians(120.0)
    """The largest angle that a limb is thrown by, rad."""
    rate: float = 0.03
    """Frames in which a limb is thrown, of all frames of a window that has such."""
    longest: int = 6
    """The longest run of frames that are wrong as a whole, or have their sides exchanged."""
    lost: float = 0.06
    """The largest share of joints, or of frames, that are lost."""
    floor: float = 0.02
    """Standard deviation of what the floor is off by, m; it comes to every window of its share."""


def spoil(pos: Places, quat: Turns, generator: Generator, config: FaultConfig) -> tuple[Places, Turns]:
    """Windows with faults: landmark positions (m) and orientations in the world. The same generator state, the same
    faults; what was given stays as it is."""
    chance = _Chance(generator, pos.shape[0], pos.shape[1], config)
    turn, lost = chance.thrown(), chance.lost_joints()
    hit = (turn.abs().amax((1, 2, 3)) > 0) | lost.any(-1).any(-1)
    pos, quat = pos.clone(), quat.clone()
    if hit.any():
        pos[hit], quat[hit] = _bent(pos[hit], quat[hit], turn[hit], lost[hit])
    quat[..., _ROOT, :] = quat_mul(quat[..., _ROOT, :], quat_from_rotvec(chance.flipped()))
    swapped = chance.run(config.share)
    pos = torch.where(swapped[..., None, None], pos[..., _OTHER_SIDE, :], pos)
    quat = torch.where(swapped[..., None, None], quat[..., _OTHER_SIDE, :], quat)
    pos, quat = chance.repeated(pos, quat)
    pos = pos + chance.noise(config.noise_place, len(LANDMARKS))
    quat = quat_normalize(quat_mul(quat_from_rotvec(chance.noise(config.noise_turn, len(LANDMARKS))), quat))
    pos[..., 2] += chance.floor()
    return pos, quat


def _bent(
    pos: Places, quat: Turns, turn: Places, lost: Bool[Tensor, "batch time landmark"]
) -> tuple[Places, Turns]:
    """The body with every landmark turned (rotation vectors, rad, in its own frame) against what it hangs on, or not
    turned against it at all where it is lost."""
    own = quat_mul(quat_conj(quat[..., _PARENTS, :]), quat)
    own = quat_mul(own, quat_from_rotvec(turn))
    own = torch.where(lost[..., None], own.new_tensor([1.0, 0.0, 0.0, 0.0]), own)
    bone = quat_apply(quat_conj(quat[..., _PARENTS, :]), pos - pos[..., _PARENTS, :])
    places, turns = [pos[..., _ROOT, :]], [quat[..., _ROOT, :]]
    for k in range(1, len(LANDMARKS)):  # parents come before what hangs on them
        parent = _PARENTS[k]
        places.append(places[parent] + quat_apply(turns[parent], bone[..., k, :]))
        turns.append(quat_mul(turns[parent], own[..., k, :]))
    return torch.stack(places, -2), torch.stack(turns, -2)


class _Chance:
    """Random draws for one batch."""

    def __init__(self, generator: Generator, batch: int, time: int, config: FaultConfig):
        self._generator, self._batch, self._time, self._config = generator, batch, time, config

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self._generator)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator)

    def _windows(self) -> Bool[Tensor, "batch"]:
        return self._uniform(self._batch) < self._config.share

    def run(self, share: float) -> Bool[Tensor, "batch time"]:
        """One run of frames in some windows."""
        chosen = self._uniform(self._batch) < share
        start = (self._uniform(self._batch) * self._time).floor()
        length = (self._uniform(self._batch) * self._config.longest).ceil()
        at = torch.arange(self._time)[None]
        return chosen[:, None] & (at >= start[:, None]) & (at < (start + length)[:, None])

    def thrown(self) -> Places:
        """Rotation vectors: single limbs thrown in single frames, and all limbs in runs of frames."""
        b, t, c = self._batch, self._time, self._config
        single = self._uniform(b, t) < c.rate
        limb = torch.randint(len(_LIMBS), (b, t), generator=self._generator)
        one = torch.nn.functional.one_hot(limb, len(_LIMBS)).bool()
        where = (one & single[..., None] & self._windows()[:, None, None]) | self.run(c.share)[..., None]
        axis = torch.nn.functional.normalize(self._normal(b, t, len(_LIMBS), 3), dim=-1)
        angle = c.throw * self._uniform(b, t, len(_LIMBS), 1)
        turn = torch.zeros(b, t, len(LANDMARKS), 3)
        turn[..., _LIMBS, :] = torch.where(where[..., None], axis * angle, torch.zeros(()))
        return turn

    def flipped(self) -> Float[Tensor, "batch time 3"]:
        """Rotation vectors of a pelvis that turns over for a while, and nothing else of the body with it."""
        axis = torch.nn.functional.normalize(self._normal(self._batch, 1, 3), dim=-1)
        angle = 1.5 * self._config.throw * self._uniform(self._batch, 1, 1)
        return torch.where(self.run(self._config.share)[..., None], axis * angle, torch.zeros(()))

    def lost_joints(self) -> Bool[Tensor, "batch time landmark"]:
        share = self._config.lost * self._uniform(self._batch, 1, 1) * self._windows()[:, None, None]
        lost = self._uniform(self._batch, self._time, len(LANDMARKS)) < share
        lost[..., _ROOT] = False
        return lost

    def repeated(self, pos: Places, quat: Turns) -> tuple[Places, Turns]:
        """Frames that show the last good one instead."""
        share = self._config.lost * self._uniform(self._batch, 1) * self._windows()[:, None]
        lost = self._uniform(self._batch, self._time) < share
        lost[:, 0] = False
        at = torch.where(lost, 0, torch.arange(self._time)[None]).cummax(1).values
        rows = torch.arange(self._batch)[:, None]
        return pos[rows, at], quat[rows, at]

    def noise(self, most: float, landmarks: int) -> Places:
        size = most * self._uniform(self._batch, 1, 1, 1) * self._windows()[:, None, None, None]
        return size * self._normal(self._batch, self._time, landmarks, 3)

    def floor(self) -> Float[Tensor, "batch 1 1"]:
        return (self._config.floor * self._normal(self._batch) * self._windows())[:, None, None]
