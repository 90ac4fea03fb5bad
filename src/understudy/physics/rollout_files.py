"""Rollouts on disk: the achieved motion as an ordinary clip, and all that the simulation told as its tracks.

Every reader of motions takes such a file for what it is, a robot's motion with contacts; ``load_rollout`` gives the
whole rollout back. Tracks have a row for each achieved frame; what belongs to the step to the next frame has its last
row twice.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from understudy import kinematics, robots
from understudy.errors import FormatError, ShapeError
from understudy.motion.files import atomic_path
from understudy.motion.formats import native
from understudy.motion.formats.doors import LARGEST, read_npz
from understudy.motion.types import RobotMotion
from understudy.physics.rollout import Rollout
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply

ARROW = "rollout"
"""The last step in the history of a file that is a rollout, untouched since."""
STEPS = {
    "target_pos": "actions",
    "torque": "torque",
    "saturation": "saturation",
    "work": "work",
    "ground_force": "ground_force",
}
"""Tracks of what belongs to a step, and the field of ``Rollout`` that each holds."""
POSE = ("root_pos", "root_quat", "joint_pos")
WANTED, REST = "reference_", "rest_of_reference_"
"""Before the names of a pose: tracks of what was asked for, and entries with what comes after a fall."""
PARTS = ("toe", "heel")
TOUCHING = 0.01
"""Both halves of a carried sole touch unless one of them is higher than the other by this (m)."""


def save_rollout(rollout: Rollout, path: str | Path, robot: Robot | None = None) -> None:
    """Write a rollout; reading it back gives the same numbers to the last bit. A failure leaves no file behind."""
    clip, done = as_motion(rollout, robot), rollout.achieved.frames
    rest = {f"{REST}{name}": getattr(rollout.reference, name)[done:] for name in POSE}
    with atomic_path(path) as temporary:
        native.write(clip, temporary)
        if rollout.reference.frames > done:
            with zipfile.ZipFile(temporary, "a") as archive:
                for name, values in rest.items():
                    with archive.open(f"{name}.npy", "w") as entry:
                        np.lib.format.write_array(entry, values, allow_pickle=False)


def load_rollout(path: str | Path) -> Rollout:
    """Read what ``save_rollout`` wrote.

    Raises FormatError for any other file, for a rollout changed since, and for one that fell and was written anew by
    something else, which keeps tracks and not what was asked for after the fall.
    """
    clip = native.read(path)
    if not isinstance(clip, RobotMotion):
        raise FormatError(path, "it holds a human's motion; a rollout is what a simulated robot did.")
    try:
        return of_motion(clip, read_npz(Path(path), {f"{REST}{name}" for name in POSE}))
    except ShapeError as error:
        raise FormatError(path, str(error)) from error


def is_rollout(motion: RobotMotion) -> bool:
    """Whether a clip is a rollout, untouched since."""
    return bool(motion.origin.history) and motion.origin.history[-1]["arrow"] == ARROW


def was_performed(motion: RobotMotion) -> bool:
    """Whether a clip is a rollout, or was made of one."""
    return any(step["arrow"] == ARROW for step in motion.origin.history)


def as_motion(rollout: Rollout, robot: Robot | None = None) -> RobotMotion:
    """The achieved motion with everything else as tracks, all but what was asked for after a fall."""
    achieved, done = rollout.achieved, rollout.achieved.frames
    robot = robots.load(achieved.robot) if robot is None else robot
    tracks: dict[str, np.ndarray] = _contacts(rollout, robot)
    tracks |= {name: _to_frames(getattr(rollout, field), done) for name, field in STEPS.items()}
    tracks |= {f"{WANTED}{name}": getattr(rollout.reference, name)[:done] for name in POSE}
    origin = achieved.origin.after(
        ARROW,
        feet=list(rollout.feet),
        fell_at=rollout.fell_at,
        retries=rollout.retries,
        fault=rollout.fault,
        seconds_asked=rollout.reference.duration,
        version=version("understudy"),
    )
    return replace(achieved, tracks={**achieved.tracks, **tracks}, origin=origin)


def of_motion(motion: RobotMotion, rest: Mapping[str, np.ndarray] | None = None) -> Rollout:
    """The rollout that became this clip; ``rest`` has what was asked for after a fall, as ``save_rollout`` names it.

    Raises ShapeError for a clip that is no rollout, or was cut, resampled or otherwise changed since.
    """
    if not is_rollout(motion):
        since = motion.origin.history[-1]["arrow"] if motion.origin.history else "nothing"
        raise ShapeError(
            f"It is a rollout that was changed since (by {since!r}); its torques belong to the motion before that."
            if was_performed(motion)
            else "It is no rollout: nothing says what a simulator did. `understudy physics refine` makes one of it."
        )
    *earlier, step = motion.origin.history
    told = _told(step)
    feet: tuple[str, ...] = told["feet"]
    steps, dof = motion.frames - 1, len(motion.joints)
    fields = {
        field: _track(motion, name, (len(feet), 3) if name == "ground_force" else (dof,))[:steps]
        for name, field in STEPS.items()
    }
    bare = replace(motion, tracks={}, origin=replace(motion.origin, history=tuple(earlier)))
    wanted = {name: _track(motion, f"{WANTED}{name}", getattr(motion, name).shape[1:]) for name in POSE}
    if rest is not None and all(f"{REST}{name}" in rest for name in POSE):
        wanted = {name: _joined(wanted[name], rest[f"{REST}{name}"], name) for name in POSE}
    reference = replace(bare, **wanted)
    if not abs(reference.duration - told.pop("seconds_asked")) < 0.5 / motion.fps:
        raise ShapeError(
            "What was asked for after the fall is missing: the file was not written by save_rollout, or cut."
        )
    touching = [
        np.any([_track(motion, f"contact_{foot}_{part}", ()) > 0.5 for part in PARTS], 0) for foot in feet
    ]
    return Rollout(
        reference=reference,
        achieved=bare,
        contacts=np.stack(touching, axis=1),
        **fields,
        **told,
    )


def _contacts(rollout: Rollout, robot: Robot) -> dict[str, Bool[np.ndarray, "time"]]:
    """Where the floor carries a foot, by toe and heel: its lower half, and the other one if it is as low."""
    bodies = kinematics.body_tracks(robot, rollout.achieved)
    _, turn = robot.landmarks.world(bodies.pos, bodies.quat)
    tracks = {}
    for i, side in enumerate(rollout.feet):
        foot = robot.feet[side]
        body = robot.body_index(foot.body)
        corners = bodies.pos[:, body, None] + quat_apply(bodies.quat[:, body, None], foot.sole)
        ahead = quat_apply(turn[0, robot.landmarks.index(f"{side}_ankle")], np.array([1.0, 0.0, 0.0]))
        along = corners[0] @ ahead
        front = along > along.mean()
        height = np.stack([corners[:, front, 2].min(axis=1), corners[:, ~front, 2].min(axis=1)])
        down = rollout.contacts[:, i] & (height < height.min(axis=0) + TOUCHING)
        tracks |= {f"contact_{side}_{part}": down[k] for k, part in enumerate(PARTS)}
    return tracks


def _to_frames(values: Float[np.ndarray, "step *n"], frames: int) -> Float[np.ndarray, "time *n"]:
    """One row more, like the last; zeros where there was no step."""
    if not len(values):
        return np.zeros((frames, *values.shape[1:]), values.dtype)
    return np.concatenate([values, values[-1:]])


def _told(step: Mapping[str, Any]) -> dict[str, Any]:
    """Feet, instant of the fall, retries, fault, and seconds asked for. Raises ShapeError for anything else."""
    names = ("feet", "fell_at", "retries", "fault", "seconds_asked")
    feet, fell_at, retries, fault, seconds = values = [step.get(name) for name in names]
    named = isinstance(feet, list) and all(isinstance(foot, str) for foot in feet)
    ended = isinstance(fell_at, float | None) and isinstance(retries, int) and isinstance(fault, str | None)
    if not (feet and named and ended and isinstance(seconds, float)):
        raise ShapeError(
            "The rollout does not say which feet the robot has, whether it fell, and how much was asked for."
        )
    return {**dict(zip(names, values, strict=True)), "feet": tuple(feet)}


def _track(motion: RobotMotion, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A track of finite numbers. Raises ShapeError."""
    values = np.asarray(motion.tracks.get(name, ()))
    if values.shape != (motion.frames, *shape) or not _usable(values):
        want = ", ".join(("time", *map(str, shape)))
        raise ShapeError(f"The rollout's track {name!r} must hold finite numbers of shape ({want}).")
    return values


def _joined(first: np.ndarray, rest: np.ndarray, name: str) -> np.ndarray:
    if rest.shape[1:] != first.shape[1:] or not _usable(rest):
        raise ShapeError(f"The entry {REST + name!r} must go on where the track {WANTED + name!r} ends.")
    return np.concatenate([first, rest])


def _usable(values: np.ndarray) -> bool:
    return values.dtype.kind in "bf" and bool((np.abs(values.astype(np.float64)) < LARGEST).all())
