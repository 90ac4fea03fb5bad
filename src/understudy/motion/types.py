"""Two bodies, two motions. Frozen, float32, validated once here and trusted after that.

World frame: z up, right-handed, metres, seconds, radians; quaternions wxyz, world-from-local.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from understudy.errors import ShapeError
from understudy.motion.landmarks import Landmarks

Tracks = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Origin:
    """Where a clip comes from and what has been done to it.

    ``inferred`` says, for each thing that a file left open (units, up axis, landmarks, …), what was concluded and why.
    ``history`` lists the arrows that made the clip, oldest first, each with its configuration. ``certificate`` is the
    verdict of ``understudy.evaluate`` on exactly this clip; any later change drops it.
    """

    source: str = ""
    licence: str = ""
    texts: tuple[str, ...] = ()
    inferred: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    certificate: Mapping[str, Any] | None = None

    def after(self, arrow: str, **configuration: Any) -> "Origin":
        """The origin of what ``arrow`` makes out of this clip."""
        return Origin(
            self.source,
            self.licence,
            self.texts,
            self.inferred,
            (*self.history, {"arrow": arrow, **configuration}),
        )


@dataclass(frozen=True)
class Skeleton:
    """A human body: a tree of joints, ``parents[0] == -1`` and every parent before its children.

    ``offsets`` are the joints' positions in their parents' frames at rest (m); the root's is zero. In the rest pose
    all joint frames are aligned with the world.
    """

    name: str
    joints: tuple[str, ...]
    parents: Int[np.ndarray, "joint"]
    offsets: Float[np.ndarray, "joint 3"]
    landmarks: Landmarks

    def __post_init__(self) -> None:
        n = len(self.joints)
        if len(set(self.joints)) != n:
            raise ShapeError(f"Skeleton {self.name!r} names a joint twice.")
        if self.parents.shape != (n,) or self.offsets.shape != (n, 3):
            raise ShapeError(
                f"Skeleton {self.name!r} has {n} joints but parents {self.parents.shape} "
                f"and offsets {self.offsets.shape}."
            )
        if not np.issubdtype(self.parents.dtype, np.integer):
            raise ShapeError(f"Skeleton {self.name!r} needs whole numbers for parents.")
        if n == 0 or self.parents[0] != -1 or any(not 0 <= p < i for i, p in enumerate(self.parents) if i):
            raise ShapeError(
                f"Skeleton {self.name!r} needs one root at index 0 and every parent before its children."
            )
        if not np.isfinite(self.offsets).all():
            raise ShapeError(f"Skeleton {self.name!r} has offsets that are not finite.")
        if len(self.landmarks.carriers) and self.landmarks.carriers.max() >= n:
            raise ShapeError(f"Skeleton {self.name!r} has a landmark on a joint that does not exist.")


@dataclass(frozen=True)
class HumanMotion:
    """A clip on a skeleton. The world poses of all joints are canonical; local rotations are derived from them."""

    skeleton: Skeleton
    fps: float
    pos: Float[np.ndarray, "time joint 3"]
    quat: Float[np.ndarray, "time joint 4"]
    tracks: Tracks = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)

    def __post_init__(self) -> None:
        n = len(self.skeleton.joints)
        object.__setattr__(self, "pos", _array(self.pos, "pos", (None, n, 3)))
        object.__setattr__(self, "quat", _unit(_array(self.quat, "quat", (len(self.pos), n, 4)), "quat"))
        _check_time(self.fps, len(self.pos), self.tracks)

    @property
    def frames(self) -> int:
        return len(self.pos)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return (self.frames - 1) / self.fps

    def landmarks(self) -> tuple[Float[np.ndarray, "time landmark 3"], Float[np.ndarray, "time landmark 4"]]:
        """World poses of the skeleton's landmarks, in the order of ``skeleton.landmarks.names``."""
        return self._landmarks

    @cached_property
    def _landmarks(self) -> tuple[np.ndarray, np.ndarray]:
        return self.skeleton.landmarks.world(self.pos, self.quat)


@dataclass(frozen=True)
class RobotMotion:
    """A clip on a robot: the pose of its root body and the positions of its joints, named."""

    robot: str
    joints: tuple[str, ...]
    fps: float
    root_pos: Float[np.ndarray, "time 3"]
    root_quat: Float[np.ndarray, "time 4"]
    joint_pos: Float[np.ndarray, "time dof"]
    tracks: Tracks = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root_pos", _array(self.root_pos, "root_pos", (None, 3)))
        t = len(self.root_pos)
        object.__setattr__(self, "root_quat", _unit(_array(self.root_quat, "root_quat", (t, 4)), "root_quat"))
        object.__setattr__(self, "joint_pos", _array(self.joint_pos, "joint_pos", (t, len(self.joints))))
        if len(set(self.joints)) != len(self.joints):
            raise ShapeError("A robot motion names a joint twice.")
        _check_time(self.fps, t, self.tracks)

    @property
    def frames(self) -> int:
        return len(self.root_pos)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return (self.frames - 1) / self.fps

    @property
    def qpos(self) -> Float[np.ndarray, "time qpos"]:
        """Root position, root quaternion (wxyz) and joints side by side, as MuJoCo has them."""
        return np.concatenate([self.root_pos, self.root_quat, self.joint_pos], axis=-1)


@dataclass(frozen=True)
class HumanFrame:
    """One instant of a human, for streams: ``time`` in seconds on the source's own clock."""

    skeleton: Skeleton
    time: float
    pos: Float[np.ndarray, "joint 3"]
    quat: Float[np.ndarray, "joint 4"]


@dataclass(frozen=True)
class RobotFrame:
    """One instant of a robot, for streams."""

    robot: str
    time: float
    qpos: Float[np.ndarray, "qpos"]


def _array(value: Any, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    a = np.ascontiguousarray(value, dtype=np.float32)
    if a.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, a.shape, strict=True)):
        want = ", ".join("time" if s is None else str(s) for s in shape)
        raise ShapeError(f"{name} must have shape ({want}); got {a.shape}.")
    if not np.isfinite(a).all():
        bad = np.argwhere(~np.isfinite(a))[0]
        where = tuple(bad.tolist())
        raise ShapeError(
            f"{name} holds a value that is not finite (NaN or infinity), first at index {where}."
        )
    return a


def _unit(q: np.ndarray, name: str) -> np.ndarray:
    norm = np.linalg.norm(q.astype(np.float64), axis=-1, keepdims=True)
    if len(q) and np.abs(norm - 1).max() > 1e-2:
        raise ShapeError(
            f"{name} must hold unit quaternions; lengths run from {norm.min():.3g} to {norm.max():.3g}."
        )
    # What is unit to float32 precision stays as it is, so that a clip read back is the clip to the last bit.
    return np.where(np.abs(norm - 1) < 1e-6, q, q / norm).astype(np.float32)


def _check_time(fps: float, frames: int, tracks: Tracks) -> None:
    if not (np.isfinite(fps) and fps > 0):
        raise ShapeError(f"fps must be a positive number; got {fps}.")
    if frames == 0:
        raise ShapeError("A motion needs at least one frame.")
    for key, value in tracks.items():
        if len(value) != frames:
            raise ShapeError(f"Track {key!r} has {len(value)} frames but the motion has {frames}.")
