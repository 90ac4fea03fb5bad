"""A robot's motion as features relative to the human that it follows, and back."""

import torch
from jaxtyping import Float
from torch import Tensor

from understudy.errors import ShapeError
from understudy.learn.features_frames import into, out_of, quat_of_six, six_of, steps, turned
from understudy.learn.features_human import Anchor
from understudy.learn.features_layout import RobotLayout, layout_of_robot
from understudy.rotations import quat_apply, quat_conj, quat_mul

Pose = tuple[Float[Tensor, "*batch time 3"], Float[Tensor, "*batch time 4"], Float[Tensor, "*batch time dof"]]
"""Root position (m), root orientation (wxyz, world-from-root) and joint positions (rad)."""


def encode_robot(
    root_pos: Float[Tensor, "*batch time 3"],
    root_quat: Float[Tensor, "*batch time 4"],
    joint_pos: Float[Tensor, "*batch time dof"],
    body_pos: Float[Tensor, "*batch time body 3"],
    anchor: Anchor,
    robot: RobotLayout,
    kind: str = "anchored",
) -> Float[Tensor, "*batch time width"]:
    """A robot's motion as features; columns as in ``layout_of_robot(robot, kind)``.

    ``body_pos`` (m, world) are the origins of all bodies. The anchor is that of the human as a network sees it, faults
    and all: then what it learns to give repairs them. Raises UnknownName, and ShapeError for another robot's motion.
    """
    layout = layout_of_robot(robot, kind)
    if joint_pos.shape[-1] != len(robot.joints) or body_pos.shape[-2] != len(robot.bodies):
        raise ShapeError(
            f"{robot.name!r} has {len(robot.joints)} joints and {len(robot.bodies)} bodies; "
            f"got {joint_pos.shape[-1]} and {body_pos.shape[-2]}."
        )
    if layout.kind == "paper":
        ahead = anchor.ahead[..., :1, :]
        ground = root_pos * root_pos.new_tensor([1.0, 1.0, 0.0])
        parts = [
            into(steps(root_pos, -2) / robot.size, ahead)[..., :2],
            six_of(root_quat, ahead),
            into((body_pos - ground[..., None, :]) / robot.size, ahead[..., None, :]).flatten(-2),
            into(steps(body_pos, -3) / robot.size, ahead[..., None, :]).flatten(-2),
            joint_pos,
        ]
    else:
        pelvis, turn = _pelvis(robot, root_pos, root_quat)
        away = (pelvis - _scaled(anchor, robot)) / robot.size
        back = quat_conj(root_quat)[..., None, :].expand(*body_pos.shape[:-1], 4)
        parts = [
            into(away, anchor.ahead),
            six_of(quat_mul(quat_conj(anchor.quat), turn)),
            joint_pos,
            quat_apply(
                back[..., 1:, :], (body_pos[..., 1:, :] - root_pos[..., None, :]) / robot.size
            ).flatten(-2),
            quat_apply(back, steps(body_pos, -3) / robot.size).flatten(-2),
        ]
    return torch.cat(parts, -1)


def decode_robot(
    features: Float[Tensor, "*batch time width"], anchor: Anchor, robot: RobotLayout, kind: str = "anchored"
) -> Pose:
    """The motion that features tell of, beside the human with this anchor.

    Joint positions are as told, within the limits or not. The paper's kind knows no place: it begins over the human's
    and adds up its velocities from there. Quaternions have w ≥ 0 before they are turned into the world. Raises
    UnknownName, and ShapeError for another number of columns.
    """
    layout = layout_of_robot(robot, kind)
    if features.shape[-1] != layout.width:
        raise ShapeError(
            f"Features of {robot.name!r} of the kind {kind!r} have {layout.width} columns; got {features.shape[-1]}."
        )
    joint_pos = features[..., layout["joint_pos"]]
    turn = quat_of_six(features[..., layout["root_turn"]])
    if layout.kind == "paper":
        root_quat = turned(turn, anchor.ahead[..., :1, :].expand_as(anchor.ahead))
        return _travelled(features, anchor, robot, root_quat), root_quat, joint_pos
    root_quat = quat_mul(quat_mul(anchor.quat, turn), quat_conj(_like(robot.pelvis_quat, turn)))
    away = out_of(features[..., layout["root"]], anchor.ahead) * robot.size
    reach = quat_apply(root_quat, _like(robot.pelvis_pos, away))
    return _scaled(anchor, robot) + away - reach, root_quat, joint_pos


def _scaled(anchor: Anchor, robot: RobotLayout) -> Float[Tensor, "*batch time 3"]:
    """The human's path at the robot's size, about the floor: where a fit asks the robot's pelvis to be."""
    return anchor.place * (robot.size / anchor.size)[..., None, None]


def _pelvis(robot: RobotLayout, root_pos: Tensor, root_quat: Tensor) -> tuple[Tensor, Tensor]:
    """World pose of the robot's pelvis landmark."""
    reach = quat_apply(root_quat, _like(robot.pelvis_pos, root_pos))
    return root_pos + reach, quat_mul(root_quat, _like(robot.pelvis_quat, root_quat))


def _travelled(
    features: Tensor, anchor: Anchor, robot: RobotLayout, root_quat: Tensor
) -> Float[Tensor, "*batch time 3"]:
    layout = layout_of_robot(robot, "paper")
    speed = features[..., layout["velocity"]]
    way = torch.cat([torch.zeros_like(speed[..., :1, :]), speed[..., 1:, :].cumsum(-2)], -2)
    height = features[..., layout["places"]][..., 2:3]
    there = out_of(torch.cat([way, height], -1), anchor.ahead[..., :1, :]) * robot.size
    start = (_scaled(anchor, robot) - quat_apply(root_quat, _like(robot.pelvis_pos, there)))[..., :1, :]
    return there + start * start.new_tensor([1.0, 1.0, 0.0])


def _like(values: tuple[float, ...], x: Tensor) -> Tensor:
    return x.new_tensor(values).expand(*x.shape[:-1], len(values))
