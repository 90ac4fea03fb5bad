"""Files of robot motions, read and written with what their robot knows: names, orders, and where its bodies are.

The formats of ``motion`` know no robot. Many of them store neither joint names nor their order, and some want the pose
of every body; here a ``Robot`` says both.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from understudy import motion, robots
from understudy.errors import FormatError, SkeletonMismatch, UnknownName
from understudy.motion import formats
from understudy.motion.bodies import BodyTracks
from understudy.motion.formats import lerobot, mjlab_npz, protomotions_pt
from understudy.motion.formats.doors import in_order, robot_only
from understudy.motion.formats.registry import FORMATS
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.robots.orders import order
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply

Motion = HumanMotion | RobotMotion
ASKED = {"joints", "bodies", "axes"}
"""Options of writers that a robot answers."""
TOGETHER = ("lerobot", "protomotions-pt")
"""Formats that hold many clips of one robot."""


def load(
    path: str | Path, *, format: str | None = None, robot: str | Path | None = None, **options: Any
) -> Motion:
    """Load a motion of any format. A robot's joints come out in the robot's own order, whatever the file's.

    ``robot``, a name or a folder, is whose joints a file without names holds; files that name their joints, and
    humans' files, do not need it. ``options`` are the reader's (``formats.options``), ``start`` and ``end`` among them.
    A tracking reference without names is in either of two orders: its bodies tell which (``tracked_order``). Raises
    FormatError for a file that leaves open what nobody settled, or that contradicts the format it is said to have.
    """
    name = formats.detect(path) if format is None else format
    known = formats.options(name)
    breadth_first = FORMATS[name].breadth_first
    if FORMATS[name].module == "mjlab_npz" and not mjlab_npz.names_joints(Path(path)):
        breadth_first = _order_of(Path(path), robot, None if format is None else breadth_first)
    if robot is not None:
        body = robots.load(robot)
        said = {"joints": order(body, breadth_first).joints, "robot": body.name}
        options = {key: said[key] for key in said.keys() & set(known)} | options
    clip = motion.load(path, format=name, **options)
    if isinstance(clip, HumanMotion):
        return clip
    return _settled(robot, clip)


def save(
    clip: Motion, path: str | Path, *, format: str | None = None, robot: str | Path | None = None
) -> None:
    """Write a motion in any format, with the bodies and the orders that the format wants.

    ``robot`` is needed only for a motion of a robot that does not come with the package.
    """
    path = Path(path)
    name = formats.by_suffix(path) if format is None else format
    options: dict[str, Any] = {}
    if isinstance(clip, RobotMotion):
        asked = ASKED & set(formats.options(name, "write"))
        body = robots.load(clip.robot) if robot is None and asked else _known(robot, clip)
        if body is not None:
            clip = _in_own_order(body, clip)
            clip = _at_the_rate_of(name, clip) if "bodies" in asked else clip
            options = _answers(body, clip, name, asked)
    motion.save(clip, path, format=name, **options)


def save_together(
    clips: Sequence[Motion], path: str | Path, format: str, robot: str | Path | None = None
) -> None:
    """Write motions of one robot into one dataset: a ``lerobot`` folder, or a ``protomotions-pt`` library.

    Raises UnderstudyError for a human's motion and SkeletonMismatch for motions of several robots.
    """
    if format not in TOGETHER:
        raise UnknownName("format of many clips", format, TOGETHER)
    motions = [robot_only(clip, path) for clip in clips]
    if format == "lerobot":
        lerobot.write_episodes([_settled(robot, clip) for clip in motions], path)
        return
    from understudy.kinematics.poses import body_tracks

    found = [robots.load(clip.robot if robot is None else robot) for clip in motions]
    motions = [_in_own_order(body, clip) for body, clip in zip(found, motions, strict=True)]
    bodies = [body_tracks(body, clip) for body, clip in zip(found, motions, strict=True)]
    protomotions_pt.write_library(motions, path, bodies)


def blend_home(clip: RobotMotion, seconds: float, robot: Robot) -> RobotMotion:
    """The clip from and back to the robot's home stance, inside its joint limits and on its soles.

    See ``motion.blend_home``. A clip of some of the robot's joints meets those of the stance; where the soles are then
    cannot be known, and the root's height is only interpolated. Raises SkeletonMismatch for joints of another robot.
    """
    if not set(clip.joints) <= set(robot.joints):
        odd = sorted(set(clip.joints) - set(robot.joints))
        raise SkeletonMismatch(
            f"The robot {robot.name!r} has no joint {odd[0]!r}; its home stance does not fit."
        )
    joints = [robot.joints.index(name) for name in clip.joints]
    home = robot.home[[*range(7), *(7 + j for j in joints)]]
    whole = clip.joints == robot.joints and bool(robot.feet)
    return motion.blend_home(
        clip,
        home,
        seconds,
        limits=(robot.lower[joints], robot.upper[joints]),
        sole_height=(lambda part: _lowest_sole(robot, part)) if whole else None,
    )


def _lowest_sole(robot: Robot, clip: RobotMotion) -> Float[np.ndarray, "time"]:
    """The height of the lowest corner of either sole (m)."""
    from understudy.kinematics.poses import body_tracks

    bodies = body_tracks(robot, clip)
    heights = []
    for foot in robot.feet.values():
        body = robot.body_index(foot.body)
        corners = bodies.pos[:, body, None] + quat_apply(bodies.quat[:, body, None], foot.sole)
        heights.append(corners[..., 2].min(axis=1))
    return np.min(heights, axis=0)


def _order_of(path: Path, robot: str | Path | None, claimed: bool | None) -> bool:
    """Whether a tracking reference without names is in breadth-first order. Raises FormatError if nothing tells."""
    from understudy.kinematics import tracked_order

    if robot is not None:
        return tracked_order.settle(path, robots.load(robot), claimed)
    if claimed is None:
        raise FormatError(path, mjlab_npz.EITHER_ORDER)
    return claimed


def _known(robot: str | Path | None, clip: RobotMotion) -> Robot | None:
    """The robot that was named, else the clip's own if it comes with the package."""
    if robot is None and clip.robot not in robots.names():
        return None
    return robots.load(clip.robot if robot is None else robot)


def _settled(robot: str | Path | None, clip: RobotMotion) -> RobotMotion:
    """The clip in its robot's order, if its robot is known."""
    body = _known(robot, clip)
    return clip if body is None else _in_own_order(body, clip)


def _in_own_order(robot: Robot, clip: RobotMotion) -> RobotMotion:
    """The clip with its joints in the robot's order; one of other joints stays as it is."""
    return in_order(clip, robot.joints) if set(clip.joints) == set(robot.joints) else clip


def _answers(robot: Robot, clip: RobotMotion, format: str, asked: set[str]) -> dict[str, Any]:
    """What the robot says to what a format's writer asks: names in the format's order, bodies, axes of the joints."""
    from understudy.kinematics.poses import body_tracks  # numba, which reading does without

    names = order(robot, FORMATS[format].breadth_first)
    answers: dict[str, Callable[[], Any]] = {
        "joints": lambda: names.joints,
        "bodies": lambda: _arranged(body_tracks(robot, clip), names.bodies),
        "axes": lambda: np.array([robot.model.joint(name).axis for name in clip.joints]),
    }
    return {key: answers[key]() for key in asked}


def _at_the_rate_of(format: str, clip: RobotMotion) -> RobotMotion:
    """The clip at the one rate that a format knows, so that its bodies are those of the joints to the last digit."""
    module = import_module(f"understudy.motion.formats.{FORMATS[format].module}")
    fps = getattr(module, "FPS", None)
    return clip if fps is None else motion.sample_every(clip, fps)


def _arranged(bodies: BodyTracks, names: Sequence[str]) -> BodyTracks:
    rows = [bodies.names.index(name) for name in names]
    return BodyTracks(tuple(names), bodies.pos[:, rows], bodies.quat[:, rows])
