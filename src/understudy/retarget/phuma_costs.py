"""The costs of the PHUMA-like method, over the frames of many chunks at once.

Chunks lie one after another on one axis. Every chunk is filled up to a multiple of ``BLOCK`` frames, and rows that
belong to no chunk, or would mix two, weigh nothing: so each chunk is optimised exactly as if it were alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from understudy.kinematics.chain import Chain, State
from understudy.retarget.phuma_goals import KEY_POINTS, LINKS, SOLES, Goals, sole_point, trunk
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply

BLOCK = 32
"""Frames that a chunk's length is filled up to a multiple of: vector instructions then split no chunk, and its
numbers do not depend on its company."""
PART = 0.98
"""Share of a joint's limit, and of its motor's speed, beyond which it costs."""


@dataclass(frozen=True)
class PhumaWeights:
    """What each cost weighs; the numbers are the original's."""

    key_points: float = 0.1
    """Mean |x − x*| over ``KEY_POINTS`` and axes, per m."""
    links: float = 2.0
    """Mean squared difference of link vectors (m²) and mean 1 − cos of the angle between them, together."""
    joint_limits: float = 1000.0
    """Mean half excess over 0.98 of the joint range, per rad."""
    joint_speed: float = 1000.0
    """Mean excess over 0.98 of the motor's speed, per rad: each rad/s counts for one frame's duration."""
    contact_height: float = 10.0
    """Mean squared height of the sole's points, by how much they touch, per m²."""
    skating: float = 0.002
    """Mean horizontal speed of each of the sole's points while it touches, summed over points, s/m."""
    smoothness: float = 0.05
    """Mean departure of velocities from the mean of their neighbours': joints (s/rad), then the root (s/m)."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Chunks on one axis, as tensors: goals as in ``Goals``, and the share of a mean that each row is.

    A row of ``in_steps`` is a frame and the next, of ``in_runs`` four frames in a row; ``skating`` already holds the
    touch of its first frame over the number of frames that touch. ``dt`` is in seconds.
    """

    root_pos: Float[Tensor, "time 3"]
    root_quat: Float[Tensor, "time 4"]
    points: Float[Tensor, "time point 3"]
    links: Float[Tensor, "time bone 3"]
    touch: Float[Tensor, "time sole"]
    dt: Float[Tensor, "time 1"]
    in_frames: Float[Tensor, "time"]
    in_steps: Float[Tensor, "time"]
    in_runs: Float[Tensor, "time"]
    skating: Float[Tensor, "time sole"]

    @classmethod
    def of(cls, chunks: Sequence[Goals]) -> "Batch":
        rows = [_rows(chunk) for chunk in chunks]
        names = [field.name for field in fields(cls)]
        return cls(*(torch.from_numpy(np.concatenate([row[name] for row in rows])) for name in names))


def filled(frames: int) -> int:
    """Rows that a chunk of so many frames takes in a batch."""
    return -(-frames // BLOCK) * BLOCK


def _rows(chunk: Goals) -> dict[str, np.ndarray]:
    """One chunk's part of a batch: the last frame repeated up to a whole block, with weights of zero."""
    frames = len(chunk.root_pos)
    extra = filled(frames) - frames
    names = ("root_pos", "root_quat", "points", "links", "touch")
    rows = {name: np.concatenate([x := getattr(chunk, name), x[-1:].repeat(extra, axis=0)]) for name in names}
    rows["dt"] = np.full((frames + extra, 1), chunk.dt)
    for name, span in (("in_frames", 0), ("in_steps", 1), ("in_runs", 3)):
        count = max(frames - span, 0)
        rows[name] = np.where(np.arange(frames + extra) < count, 1.0 / max(count, 1), 0.0)
    touching = (chunk.touch[:-1] > 0.0).sum(axis=0)
    rows["skating"] = rows["touch"] * (rows["in_steps"] > 0.0)[:, None] / np.maximum(touching, 1)
    return {name: np.ascontiguousarray(values, np.float32) for name, values in rows.items()}


@dataclass(frozen=True, eq=False)
class Body:
    """The robot's kinematics with the points that costs are about: key points, pelvis, trunk, soles."""

    chain: Chain
    link: Int[Tensor, "point"]
    offset: Float[Tensor, "point 3"]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    speed: Float[Tensor, "dof"]
    free: Bool[Tensor, "dof"]
    """Joints that move a key point other than the wrists. The others are held at zero: the original's robot has no
    wrist joints, and nothing here asks anything of them."""

    @classmethod
    def of(cls, robot: Robot) -> "Body":
        chain = Chain.from_robot(robot)
        names = (*KEY_POINTS, "pelvis", trunk(robot))
        rows = chain.landmark_rows([*names, *(f"{side}_ankle" for side, _ in SOLES)])
        offset = chain.landmark_offset[rows].clone()
        for k, (side, part) in enumerate(SOLES, start=len(names)):
            point = torch.from_numpy(sole_point(robot, side, part)).to(offset.dtype)
            offset[k] += quat_apply(chain.landmark_turn[rows[k]], point)
        index = {name: k for k, name in enumerate((*KEY_POINTS, "pelvis", "trunk"))}
        asked = chain.landmark_rows([name for name in KEY_POINTS if not name.endswith("wrist")])
        return cls(
            chain,
            chain.landmark_link[rows],
            offset,
            tuple(index[start] for start, _ in LINKS),
            tuple(index[end] for _, end in LINKS),
            torch.from_numpy(robot.velocity_limit.astype(np.float32)),
            chain.moved_by[chain.landmark_link[asked], 6:].any(dim=0),
        )

    def points(self, state: State) -> Float[Tensor, "time point 3"]:
        """World positions (m) of the points."""
        return state.points(self.link, self.offset)


def costs(
    body: Body,
    batch: Batch,
    root_pos: Float[Tensor, "time 3"],
    joint_pos: Float[Tensor, "time dof"],
    weights: PhumaWeights,
) -> dict[str, Float[Tensor, ""]]:
    """Every cost by its name in ``PhumaWeights``, weighted, each summed over the chunks (of which each has its own
    means, as if it were alone)."""
    points = body.points(body.chain.at(root_pos, batch.root_quat, joint_pos))
    step = batch.dt[:-1]
    joint_speed, root_speed = joint_pos.diff(dim=0) / step, root_pos.diff(dim=0) / step
    each = {
        "key_points": _key_points(points, batch),
        "links": _links(body, points, batch),
        "joint_limits": _joint_limits(body.chain, joint_pos, batch),
        "joint_speed": _joint_speed(body, joint_speed * step, step, batch),
        "contact_height": _contact_height(points, batch),
        "skating": _skating(points, batch),
        "smoothness": _roughness(joint_speed, batch) + _roughness(root_speed, batch),
    }
    return {name: getattr(weights, name) * cost for name, cost in each.items()}


def _key_points(points: Tensor, batch: Batch) -> Tensor:
    """Mean |x − x*| over points and axes, m."""
    away = (points[:, : len(KEY_POINTS)] - batch.points).abs()
    return (away.mean(dim=(1, 2)) * batch.in_frames).sum()


def _links(body: Body, points: Tensor, batch: Batch) -> Tensor:
    """Mean squared difference of link vectors (m²), plus mean 1 − cosine of the angle between them."""
    links = points[:, body.ends] - points[:, body.starts]
    squared = (links - batch.links).square().mean(dim=(1, 2))
    lengths = torch.linalg.vector_norm(links, dim=-1) * torch.linalg.vector_norm(batch.links, dim=-1)
    angle = 1.0 - (links * batch.links).sum(-1) / lengths.clamp(min=1e-8)
    return ((squared + angle.mean(dim=1)) * batch.in_frames).sum()


def _joint_limits(chain: Chain, joint_pos: Tensor, batch: Batch) -> Tensor:
    """Mean half excess over the range times 0.98, rad."""
    excess = (PART * chain.lower - joint_pos).relu() + (joint_pos - PART * chain.upper).relu()
    return (0.5 * excess.mean(dim=1) * batch.in_frames).sum()


def _joint_speed(body: Body, way: Tensor, step: Tensor, batch: Batch) -> Tensor:
    """Mean excess over 0.98 of what a motor can turn in a frame, rad. ``way``: rad a frame."""
    excess = (way.abs() - PART * body.speed * step).relu()
    return (excess.mean(dim=1) * batch.in_steps[:-1]).sum()


def _contact_height(points: Tensor, batch: Batch) -> Tensor:
    """Mean squared height of the sole's points, by how much they touch, m²."""
    height = points[:, -len(SOLES) :, 2].square() * batch.touch
    return (height.mean(dim=1) * batch.in_frames).sum()


def _skating(points: Tensor, batch: Batch) -> Tensor:
    """Mean horizontal speed (m/s) of the sole's points while they touch, summed over points."""
    way = points[:, -len(SOLES) :, :2].diff(dim=0)
    speed = torch.linalg.vector_norm(way, dim=-1) / batch.dt[:-1]
    return (speed * batch.skating[:-1]).sum()


def _roughness(speed: Tensor, batch: Batch) -> Tensor:
    """Mean departure of velocities from the mean of the ones before and after, in their own unit."""
    departure = (speed[1:-1] - 0.5 * (speed[:-2] + speed[2:])).abs()
    return (departure.mean(dim=1) * batch.in_runs[: len(departure)]).sum()
