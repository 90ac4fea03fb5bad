"""How near a performed motion came to its reference: success by stated bounds, and errors of bodies and joints.

The first frame was given to the robot, and is not scored; every later one is, until the last that was performed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from understudy.errors import LimitError
from understudy.evaluate.metric import Metric
from understudy.evaluate.tracks import check_finite
from understudy.kinematics import body_tracks
from understudy.motion.bodies import BodyTracks
from understudy.motion.landmarks import SIDES
from understudy.motion.types import RobotMotion
from understudy.robots.robot import Robot
from understudy.rotations import quat_about, quat_apply, quat_conj, quat_mul, quat_yaw

ANCHOR = "chest"
ENDS = tuple(f"{side}_{part}" for part in ("ankle", "wrist") for side in SIDES)
KEY_POINTS = (
    "pelvis",
    ANCHOR,
    *(f"{s}_{p}" for s in SIDES for p in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")),
)
"""Bodies are named by the landmarks that they carry. On the G1 the anchor and the ends are those of BeyondMimic and
mjlab, and so are the key bodies, but for hips and shoulders, each one joint further out."""
ANCHOR_HEIGHT, ANCHOR_TILT, ENDS_HEIGHT = 0.25, 0.8, 0.25
"""BeyondMimic's and mjlab's bounds: m, difference of the vertical's third component as the anchor sees it, m."""
ASTRAY = 0.5
"""ProtoMotions' bound (m) for the bodies' mean error in the world."""
CALLED = {
    "success": ("Success", "%"),
    "success_half_metre": ("Success, within 0.5 m", "%"),
    "finished": ("Finished", "%"),
    "performed": ("Performed", "%"),
    "mpjpe": ("MPJPE", "cm"),
    "w_mpjpe": ("W-MPJPE", "cm"),
    "e_mpkpe": ("E_mpkpe", "cm"),
    "e_vel": ("E_vel", "m/s"),
    "joint_error": ("Joint error, RMS", "rad"),
    "joint_speed_error": ("Joint speed error, RMS", "rad/s"),
}
"""Label and unit of every metric here."""
ERRORS = tuple(CALLED)[4:]
IN_UNIT = {"%": 100.0, "cm": 100.0}


@dataclass(frozen=True, eq=False)
class Pair:
    """A reference beside what was performed of it, as many frames of both as were performed.

    ``reference`` and ``achieved`` are world poses of all bodies, ``joints_off`` (rad) the difference of the joints;
    ``share`` is how many of the reference's steps were performed.
    """

    robot: Robot
    fps: float
    reference: BodyTracks
    achieved: BodyTracks
    joints_off: Float[np.ndarray, "time dof"]
    share: float
    finished: bool

    @classmethod
    def of(cls, robot: Robot, reference: RobotMotion, achieved: RobotMotion, fell: bool) -> "Pair":
        """Run the kinematics.

        Raises LimitError where the two clips differ in their rates, or more was performed than asked for; ShapeError
        for values that are not finite, SkeletonMismatch for the joints of another robot.
        """
        if abs(reference.fps - achieved.fps) > 1e-6 * reference.fps or achieved.frames > reference.frames:
            raise LimitError(
                f"A performance has the frames of its reference, or fewer; got {achieved.frames} at "
                f"{achieved.fps:g} fps for {reference.frames} at {reference.fps:g} fps."
            )
        check_finite(reference)
        check_finite(achieved)
        n, wanted = achieved.frames, body_tracks(robot, reference)
        return cls(
            robot,
            achieved.fps,
            BodyTracks(wanted.names, wanted.pos[:n], wanted.quat[:n]),
            body_tracks(robot, achieved),
            achieved.joint_pos.astype(np.float64) - reference.joint_pos[:n],
            (n - 1) / (reference.frames - 1) if reference.frames > 1 else 1.0,
            not fell and n == reference.frames,
        )

    @cached_property
    def anchor(self) -> int:
        """Row of the body that carries the chest. Raises UnknownName for a robot without one."""
        return int(self.robot.landmarks.carriers[self.robot.landmarks.index(ANCHOR)])

    @cached_property
    def off(self) -> Float[np.ndarray, "time body"]:
        """How far (m) each body is from its reference, in the world."""
        return np.linalg.norm(self.achieved.pos - self.reference.pos, axis=-1)

    @cached_property
    def lost(self) -> Bool[np.ndarray, "time"]:
        """Frames in which BeyondMimic and mjlab would end an episode."""
        up = np.array([0.0, 0.0, 1.0])
        height = np.abs(self.achieved.pos[..., 2] - self.reference.pos[..., 2])
        ours, wanted = (
            quat_apply(quat_conj(bodies.quat[:, self.anchor]), up)[:, 2]
            for bodies in (self.achieved, self.reference)
        )
        astray = (height[:, self.anchor] > ANCHOR_HEIGHT) | (np.abs(ours - wanted) > ANCHOR_TILT)
        return astray | (height[:, carriers(self.robot, ENDS)] > ENDS_HEIGHT).any(axis=1)


def carriers(robot: Robot, landmarks: tuple[str, ...]) -> Int[np.ndarray, "body"]:
    """Rows of the bodies that carry those of these landmarks that the robot has, each once."""
    ours = robot.landmarks
    rows = [int(ours.carriers[ours.index(name)]) for name in landmarks if name in ours.names]
    return np.array(list(dict.fromkeys(rows)), np.int64)


def success(pair: Pair) -> list[Metric]:
    """Whether the performance counts, by three definitions, and how much of the reference it covers.

    ``success``: it finished, and never left BeyondMimic's and mjlab's bounds: the chest within 0.25 m of its height
    and 0.8 of its tilt, ankles and wrists within 0.25 m of their heights. NMR states no definition; its rates are
    those of BeyondMimic policies with all of that package's settings, so these bounds are taken to be its own.
    ``success_half_metre``: it finished, and its bodies were never off by more than 0.5 m on average in the world
    (ProtoMotions). ``finished``: whoever performed it did not call it fallen.
    """
    near = bool((pair.off.mean(axis=1) <= ASTRAY).all())
    when = (
        f"out of bounds at {pair.lost.argmax() / pair.fps:.2f} s"
        if pair.lost.any()
        else "BeyondMimic's bounds"
    )
    return [
        _share("success", pair.finished and not pair.lost.any(), when),
        _share("success_half_metre", pair.finished and near, "ProtoMotions' bound"),
        _share("finished", pair.finished, "not fallen"),
        _share("performed", pair.share, "of the reference's time, until the fall"),
    ]


def errors(pair: Pair) -> list[Metric]:
    """Distances of bodies and joints from their references, averaged over the frames that were performed.

    ``w_mpjpe``: the mean distance of all bodies' origins, one for each joint, in the world. ``mpjpe``: the same of
    their positions relative to the root body's, in the world's axes. Both are NMR's, in words only: it gives no
    formulas. ``e_mpkpe``: of the key bodies, the reference's moved over the floor to the robot's anchor and turned as
    it is headed, as in mjlab's root-relative MPKPE. ``e_vel``: the mean length of the difference of the root's
    velocities from frame to frame. These two are SMAP's, whose paper was not at hand: the names are common, and so
    are these definitions. ``joint_error`` and ``joint_speed_error``: root mean square over joints and frames, as
    mjlab's for speeds.
    """
    if len(pair.off) < 2:
        why = "nothing was performed after the first frame"
        return [Metric(key, CALLED[key][0], None, CALLED[key][1], "lower", why) for key in ERRORS]
    paths = [bodies.pos[:, :1] for bodies in (pair.achieved, pair.reference)]
    from_root = (pair.achieved.pos - paths[0]) - (pair.reference.pos - paths[1])
    strayed = np.diff(paths[0] - paths[1], axis=0) * pair.fps
    return [
        _mean("mpjpe", np.linalg.norm(from_root[1:, 1:], axis=-1), "relative to the root"),
        _mean("w_mpjpe", pair.off[1:], "in the world"),
        _mean("e_mpkpe", _key_errors(pair)[1:], "where the robot's chest is, and headed as it is"),
        _mean("e_vel", np.linalg.norm(strayed, axis=-1), "of the root"),
        _rms("joint_error", pair.joints_off[1:]),
        _rms("joint_speed_error", np.diff(pair.joints_off, axis=0) * pair.fps),
    ]


def _key_errors(pair: Pair) -> Float[np.ndarray, "time body"]:
    rows, anchor = carriers(pair.robot, KEY_POINTS), pair.anchor
    robot, wanted = pair.achieved, pair.reference
    heading = quat_about("z", quat_yaw(quat_mul(robot.quat[:, anchor], quat_conj(wanted.quat[:, anchor]))))
    under = robot.pos[:, anchor] * [1.0, 1.0, 0.0] + wanted.pos[:, anchor] * [0.0, 0.0, 1.0]
    placed = under[:, None] + quat_apply(heading[:, None], wanted.pos[:, rows] - wanted.pos[:, anchor, None])
    return np.linalg.norm(robot.pos[:, rows] - placed, axis=-1)


def _share(key: str, share: float, note: str) -> Metric:
    label, unit = CALLED[key]
    return Metric(key, label, IN_UNIT[unit] * float(share), unit, "higher", note, 1)


def _mean(key: str, values: Float[np.ndarray, "time *some"], note: str) -> Metric:
    label, unit = CALLED[key]
    return Metric(key, label, IN_UNIT.get(unit, 1.0) * float(values.mean()), unit, "lower", note, len(values))


def _rms(key: str, values: Float[np.ndarray, "time dof"]) -> Metric:
    root = float(np.sqrt((values**2).mean()))
    return Metric(key, CALLED[key][0], root, CALLED[key][1], "lower", "over joints and frames", len(values))
