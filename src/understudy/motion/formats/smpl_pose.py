"""From SMPL's parameters to a motion: rotation vectors of joints and a translation, as all its formats hold them.

The zero pose looks along z of a y-up frame with its left at x. Joint frames become those of the world in the zero
pose: x forward, y left, z up.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, LimitError
from understudy.motion.body_model import SMPL, smpl_skeleton
from understudy.motion.formats.bvh_pose import world_poses
from understudy.motion.formats.bvh_settle import to_world_axes, to_world_quat
from understudy.motion.formats.doors import LARGEST
from understudy.motion.formats.smpl_model import BodyModel, fitting, read_body_model
from understudy.motion.proportions import STATURE, mean_adult
from understudy.motion.types import HumanMotion, Origin, Skeleton
from understudy.rotations import quat_apply, quat_from_rotvec, quat_mul

FROM_ZERO_POSE = np.array([0.5, -0.5, -0.5, -0.5])
"""The world's axes (x forward, y left, z up) to SMPL's (z forward, x left, y up)."""
PELVIS = {"smpl": (0.0, -0.23, 0.03), "smplh": (0.0, -0.23, 0.03), "smplx": (0.0, -0.35, 0.01)}
"""About where the root joint is in the models' own frame, whose origin is the translation (m)."""
STANDING = 0.5
"""Mean cosine between the body's up and the vertical of a clip in which somebody mostly stands."""


@dataclass(frozen=True)
class SmplClip:
    """What a file holds. ``kind`` is smpl, smplh or smplx; ``rotvec`` (rad) are the joints of ``SMPL``, the root's
    in the file's world, the others' in their parents' frames; ``up`` is the file's vertical axis, y or z."""

    kind: str
    up: str
    trans: Float[np.ndarray, "time 3"]
    rotvec: Float[np.ndarray, "time 24 3"]
    betas: Float[np.ndarray, "beta"] = field(default_factory=lambda: np.zeros(0))
    gender: str = ""


def body_motion(
    path: Path,
    clip: SmplClip,
    fps: float,
    *,
    body_model: str | Path | None,
    tracks: dict[str, np.ndarray] | None = None,
    origin: Origin,
) -> HumanMotion:
    """The motion of a clip on its own body, or on a mean adult where no ``body_model`` is given.

    ``origin`` is completed by what was concluded. Raises FormatError naming the file for damaged numbers, and
    whatever ``read_body_model`` raises.
    """
    for name, array in (("translation", clip.trans), ("pose", clip.rotvec.reshape(len(clip.trans), -1))):
        bad = ~(np.abs(array) < LARGEST).all(axis=1)
        if bad.any():
            frame = int(np.argmax(bad))
            raise FormatError(
                path, f"the {name} of frame {frame} is not a usable number (NaN, infinite or huge)."
            )
    skeleton, pelvis, said = _body(path, clip, body_model)
    quat = to_world_quat(quat_from_rotvec(clip.rotvec), "y")
    root = clip.trans + pelvis
    if clip.up == "y":
        root = to_world_axes(root, "y")
    else:
        quat[:, 0] = quat_mul(quat_from_rotvec(clip.rotvec[:, 0]), FROM_ZERO_POSE)
    local = np.repeat(skeleton.offsets[None].astype(np.float64), len(root), axis=0)
    local[:, 0] = root
    pos, quat = world_poses(skeleton.parents, local, quat)
    inferred = {**origin.inferred, "body": said, "landmarks": "frames from the zero pose, joints by name"}
    inferred["up"] = inferred["up"] + _upright(quat[:, 0])
    return HumanMotion(skeleton, fps, pos, quat, tracks or {}, replace(origin, inferred=inferred))


def check_up(up: str | None) -> None:
    """Raises LimitError for an option that is no vertical axis of such a file."""
    if up not in (None, "y", "z"):
        raise LimitError(f"up must be 'y' or 'z' for files of SMPL parameters; got {up!r}.")


def _body(
    path: Path, clip: SmplClip, body_model: str | Path | None
) -> tuple[Skeleton, Float[np.ndarray, "3"], str]:
    """The skeleton, where its root lies at zero translation in the file's axes (m), and a sentence on both."""
    if body_model is None:
        said = f"a mean adult of {STATURE:.2f} m, for without a body model the clip's shape says nothing"
        return smpl_skeleton("mean adult (SMPL joints)", mean_adult()), np.array(PELVIS[clip.kind]), said
    model = fitting(read_body_model(body_model), clip.kind)
    place = model.rest(clip.betas)
    if not (np.abs(place) < LARGEST).all():
        raise FormatError(path, "the shape coefficients (betas) are not usable numbers.")
    rest = dict(zip(SMPL, to_world_axes(place - place[0], "y"), strict=True))
    return smpl_skeleton(model.path.stem, rest), place[0], _said(model, clip)


def _said(model: BodyModel, clip: SmplClip) -> str:
    used, given = model.directions.shape[-1], len(clip.betas)
    said = f"joints of {model.path.name} ({model.kind}), {min(used, given)} of {given} shape coefficients"
    named = next((g for g in ("female", "male", "neutral") if g in str(model.path).lower()), "")
    if clip.gender and named and clip.gender != named:
        said += f"; they are meant for the {clip.gender} model and this one is called {named}"
    return said


def _upright(root: Float[np.ndarray, "time 4"]) -> str:
    """A remark, if the body does not stand along the vertical that the rule gives."""
    lean = quat_apply(root, np.broadcast_to([0.0, 0.0, 1.0], (len(root), 3))).mean(axis=0)
    if lean[2] > STANDING:
        return "; the body stands along it"
    return "; the body does not stand along it, so it lies, or the option 'up' should say otherwise"
