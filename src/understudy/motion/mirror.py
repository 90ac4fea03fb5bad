"""The same motion with left and right exchanged, as seen in a mirror that stands in the xz plane."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from understudy.errors import ShapeError, SkeletonMismatch
from understudy.motion.landmarks import Landmarks, mirrored
from understudy.motion.types import HumanMotion, RobotMotion, Skeleton
from understudy.rotations import IDENTITY, quat_apply, quat_conj, quat_mul

_FLIP_POS = np.array([1.0, -1.0, 1.0])
_FLIP_QUAT = np.array([1.0, -1.0, 1.0, -1.0])

_SIDES = re.compile(r"[Ll]eft|[Rr]ight|LEFT|RIGHT|(?:(?<=[^a-zA-Z])|^)[lrLR](?=[^a-z]|$)")
"""How names say a side: the word anywhere (``left_knee``, ``LeftLeg``), or a letter that stands apart
(``L_Knee``, ``lCollar``, ``arm.R``).
"""
_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}


def mirror(motion: HumanMotion) -> HumanMotion:
    """Exchange left and right of a human motion.

    World positions are reflected across the xz plane, and every joint takes the pose of its partner on the
    other side. Joint frames are reflected through the landmarks that they carry, whose axes are anatomical,
    so bodies whose joint axes are not symmetric are mirrored correctly too. The skeleton is reflected along;
    a symmetric one stays as it is. Tracks named ``left_…`` and ``right_…`` change places, and so do the
    joints in tracks with one entry per joint. Mirroring twice gives the clip back. Raises SkeletonMismatch if
    sides cannot be paired.
    """
    skeleton = motion.skeleton
    partner = paired_joints(skeleton)
    frames = _anatomical_frames(skeleton)
    pos = motion.pos[:, partner] * _FLIP_POS
    quat = quat_mul(_reflected(quat_mul(motion.quat, frames)[:, partner]), quat_conj(frames))
    return replace(
        motion,
        skeleton=_mirrored_skeleton(skeleton, partner, frames),
        pos=pos,
        quat=quat,
        tracks={mirrored(k): _mirrored_track(v, partner) for k, v in motion.tracks.items()},
        origin=motion.origin.after("mirror"),
    )


def mirror_robot(
    motion: RobotMotion, pairs: Sequence[int] | np.ndarray, signs: Sequence[float] | np.ndarray
) -> RobotMotion:
    """Exchange left and right of a robot motion across the xz plane.

    Joint i takes ``signs[i]`` times the value of joint ``pairs[i]``; both are knowledge of the robot
    (``robot.mirror``). Its root body must be symmetric about its own xz plane. Raises ShapeError.
    """
    partner, sign = np.asarray(pairs), np.asarray(signs, np.float32)
    dof = len(motion.joints)
    if (
        partner.shape != (dof,)
        or sign.shape != (dof,)
        or not np.array_equal(partner[partner], np.arange(dof))
    ):
        raise ShapeError(
            f"pairs and signs must have {dof} entries, and the partner of a partner be the joint itself."
        )
    return replace(
        motion,
        root_pos=motion.root_pos * _FLIP_POS,
        root_quat=_reflected(motion.root_quat),
        joint_pos=motion.joint_pos[:, partner] * sign,
        tracks={mirrored(k): v for k, v in motion.tracks.items()},
        origin=motion.origin.after("mirror"),
    )


def paired_joints(skeleton: Skeleton) -> np.ndarray:
    """For each joint the index of its partner on the other side; central joints are their own partners.

    Landmarks pair their carriers, names pair the rest. Raises SkeletonMismatch where a sided joint has no
    partner or where the two sides are not the same tree.
    """
    partner = np.arange(len(skeleton.joints))
    lowered = {name.lower(): j for j, name in enumerate(skeleton.joints)}
    for j, name in enumerate(skeleton.joints):
        other = _other_side(name)
        if other == name.lower() and _OTHER.get(name[:1].lower(), "") + other[1:] in lowered:
            # ``lhand`` says a side only because there is an ``rhand``.
            other = _OTHER[other[0]] + other[1:]
        if other == name.lower():
            continue
        if other not in lowered:
            raise SkeletonMismatch(
                f"Joint {name!r} of skeleton {skeleton.name!r} names a side, but there is no joint {other!r}."
            )
        partner[j] = lowered[other]
    marks = skeleton.landmarks
    for name, carrier in zip(marks.names, marks.carriers, strict=True):
        if mirrored(name) in marks.names:
            partner[carrier] = marks.carriers[marks.index(mirrored(name))]
    parents = skeleton.parents
    tree = parents[partner[1:]] == np.where(parents[1:] < 0, -1, partner[parents[1:]])
    if not (tree.all() and np.array_equal(partner[partner], np.arange(len(partner)))):
        odd = skeleton.joints[1 + int(np.argmin(tree))]
        raise SkeletonMismatch(
            f"The left and right sides of skeleton {skeleton.name!r} are not the same tree, first at {odd!r}."
        )
    return partner


def _mirrored_track(values: np.ndarray, partner: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    return values[:, partner] if values.ndim == 2 and values.shape[1] == len(partner) else values


def _other_side(name: str) -> str:
    """The name, in lower case, with its side exchanged; unchanged if it names none."""
    return _SIDES.sub(lambda found: _OTHER[found.group().lower()], name).lower()


def _anatomical_frames(skeleton: Skeleton) -> np.ndarray:
    """For each joint the rotation from its own axes to anatomical ones (x forward, y left, z up in T-pose),
    (joint, 4).

    A joint that carries a landmark takes that landmark's; any other takes its parent's, since joint frames
    are aligned at rest.
    """
    marks = skeleton.landmarks
    own = {int(c): marks.quat[i] for i, c in reversed(list(enumerate(marks.carriers)))}
    frames = np.empty((len(skeleton.joints), 4))
    frames[:] = own.get(0, marks.quat[0] if len(marks.names) else IDENTITY)
    for j, parent in enumerate(skeleton.parents[1:], start=1):
        frames[j] = own.get(j, frames[parent])
    return frames


def _mirrored_skeleton(skeleton: Skeleton, partner: np.ndarray, frames: np.ndarray) -> Skeleton:
    """The body of the person in the mirror."""
    parents = np.maximum(skeleton.parents, 0)
    anatomical = quat_apply(quat_conj(frames[parents]), skeleton.offsets)
    offsets = quat_apply(frames[parents], anatomical[partner] * _FLIP_POS)
    marks = skeleton.landmarks
    rows = [
        marks.names.index(mirrored(n)) if mirrored(n) in marks.names else i for i, n in enumerate(marks.names)
    ]
    carriers = partner[marks.carriers[rows]]
    there, here = frames[marks.carriers[rows]], frames[carriers]
    pos = quat_apply(here, quat_apply(quat_conj(there), marks.pos[rows]) * _FLIP_POS)
    quat = quat_mul(here, _reflected(quat_mul(quat_conj(there), marks.quat[rows])))
    same_marks = np.array_equal(carriers, marks.carriers) and np.abs(pos - marks.pos).max(initial=0) < 1e-5
    if same_marks and np.abs(offsets - skeleton.offsets).max() < 1e-5:
        return skeleton
    mirrored_marks = Landmarks(marks.names, carriers, pos.astype(np.float32), quat.astype(np.float32))
    return replace(skeleton, offsets=offsets.astype(np.float32), landmarks=mirrored_marks)


def _reflected(q: np.ndarray) -> np.ndarray:
    """The rotation as the mirror shows it: M R M with M = diag(1, −1, 1)."""
    return q * _FLIP_QUAT
