"""From a model file to a robot folder, without a hand: the steps of onboarding in their order."""

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from understudy.errors import LimitError, UnderstudyError
from understudy.robots import folder as folders
from understudy.robots.capsules import Capsules
from understudy.robots.onboarding import contacts, motors
from understudy.robots.onboarding.build import build
from understudy.robots.onboarding.cover import Cover, cover
from understudy.robots.onboarding.figure import Figure, figure
from understudy.robots.onboarding.notice import notice
from understudy.robots.onboarding.places import places, trunk
from understudy.robots.onboarding.source import read
from understudy.robots.onboarding.stances import Stances, stances
from understudy.robots.onboarding.write_toml import Facts, robot_toml
from understudy.robots.onboarding.write_xml import Drawing, robot_xml
from understudy.robots.robot import Doubt


@dataclass(frozen=True)
class Onboarded:
    """The folder that was written, and what could not be decided."""

    folder: Path
    doubts: tuple[Doubt, ...]


def onboard(
    model: str | Path, name: str, out: str | Path | None = None, licence: str | None = None
) -> Onboarded:
    """Write a robot folder for a humanoid from its model file, MJCF or URDF.

    ``out`` is the folder to make; by default ``name`` in the current folder. ``licence`` is a line for NOTICE: whose
    figures these are and under which licence. Raises FormatError for a file that cannot be read, LimitError for what is
    no humanoid, UnderstudyError if the folder exists or cannot be made.
    """
    path, target = Path(model), Path(out) if out is not None else Path(name)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise LimitError(f"A robot's name has letters, digits, '_', '-' and '.' only; got {name!r}.")
    if target.exists():
        raise UnderstudyError(f"{target} exists already. Remove it, or choose another folder with --out.")
    if not target.resolve().parent.is_dir():
        raise UnderstudyError(f"Cannot make {target}: the folder {target.resolve().parent} does not exist.")
    texts, doubts = _texts(path, name, licence)
    with tempfile.TemporaryDirectory(dir=target.resolve().parent, prefix=f".{target.name}-") as scratch:
        made = Path(scratch) / target.name
        made.mkdir()
        for file, text in texts.items():
            (made / file).write_text(text, encoding="utf-8")
        folders.read(made)  # nothing is left behind that cannot be loaded
        made.rename(target)
    return Onboarded(target, doubts)


def _texts(path: Path, name: str, licence: str | None) -> tuple[dict[str, str], tuple[Doubt, ...]]:
    """The three files of a robot folder, as text, and the doubts."""
    source = read(path)
    built = build(source)
    body = figure(built, source.welds)
    legs, arms = (
        {h for joints in sides or () for h in joints.limb.hinges} for sides in (body.legs, body.arms)
    )
    mechanism, unsaid = motors.completed(body.mechanism, legs, arms)
    body = Figure(mechanism, body.anatomy, body.legs, body.arms, body.doubts)
    poses = stances(body)
    frames = mechanism.forward(poses.t_pose)
    middle = trunk(mechanism, body.anatomy, frames)
    soles = {side: frames.point(k, corners) for side, (k, corners) in poses.soles.items()}
    lowest = min((float(c[:, 2].min()) for c in soles.values()), default=_lowest(body, poses))
    height = middle.crown - lowest
    shapes = cover(body, poses.t_pose, poses.soles, height)
    stands = [np.clip(poses.t_pose, *_range(body)), np.zeros(len(mechanism.hinges))]
    home, shapes, harmless = _home(body, poses, shapes, stands, height)
    marks = places(mechanism, frames, middle, body.legs, body.arms, soles)
    doubts = (*built.doubts, *body.doubts, *unsaid, *poses.doubts, *_floating(built.floating, body))
    words, unknown = notice(name, path, licence)
    doubts = (*doubts, *unknown)
    facts = Facts(
        height,
        _hands(body),
        harmless,
        poses.t_pose,
        poses.soles,
        {mark: (k, frames.local(k, pos)) for mark, (k, pos) in marks.items()},
        body.legs is None,
        doubts,
    )
    small = frozenset(
        k
        for k, b in enumerate(mechanism.bodies)
        if len(b.points) and np.ptp(b.points, axis=0).max() < 0.1 * height
    )
    drawing = Drawing(shapes.seen, small, _by_body(shapes), harmless, _standing(body, poses, home, lowest))
    return {
        "robot.xml": robot_xml(name, mechanism, drawing),
        "robot.toml": robot_toml(name, mechanism, facts),
        "NOTICE": words,
    }, doubts


def _range(body: Figure) -> tuple[np.ndarray, np.ndarray]:
    hinges = body.mechanism.hinges
    return np.array([h.lower for h in hinges]), np.array([h.upper for h in hinges])


def _lowest(body: Figure, poses: Stances) -> float:
    """The lowest point of a robot without soles, m."""
    m = body.mechanism
    cloud = m.cloud(m.forward(poses.t_pose), range(len(m.bodies)))
    return float(cloud[:, 2].min()) if len(cloud) else 0.0


def _home(
    body: Figure, poses: Stances, shapes: Cover, stands: list[np.ndarray], height: float
) -> tuple[np.ndarray, Cover, list[tuple[int, int]]]:
    """The home stance with the arms spread no farther than it takes to touch nothing else; contacts settled."""
    best = None
    for home in poses.homes:
        poses_to_stand = np.stack([*stands, home])
        settled, harmless = contacts.settle(
            body.mechanism, shapes.touching, poses_to_stand, shapes.twins, height
        )
        if best is None or len(harmless) < len(best[2]):
            best = (home, replace(shapes, touching=settled), harmless)
    assert best is not None
    return best


def _standing(body: Figure, poses: Stances, home: np.ndarray, lowest: float) -> np.ndarray:
    """The home stance as a whole qpos, soles (or the lowest link) on the floor."""
    frames = body.mechanism.forward(home)
    soles = [float(frames.point(k, corners)[:, 2].mean()) for k, corners in poses.soles.values()]
    height = -float(np.mean(soles)) if soles else -lowest
    return np.concatenate([[0.0, 0.0, height, 1.0, 0.0, 0.0, 0.0], home])


def _hands(body: Figure) -> list[int]:
    """The outermost bodies of the arms: the last link and what is welded to it."""
    m = body.mechanism
    return [k for joints in body.arms or () for k in m.members(joints.end) if joints.end != joints.upper]


def _by_body(shapes: Cover) -> dict[int, Capsules]:
    touching = shapes.touching
    found: dict[int, Capsules] = {}
    for k in sorted(set(touching.body.tolist())):
        rows = touching.body == k
        c = touching.capsules
        found[k] = Capsules(c.start[rows], c.end[rows], c.radius[rows])
    return found


def _floating(floating: bool, body: Figure) -> tuple[Doubt, ...]:
    if body.legs is None:
        return (
            Doubt(
                "fixed base",
                "no legs were found, so the robot stands on a fixed base.",
                "fixed_base = false  # if its base moves freely",
            ),
        )
    if not floating:
        return (
            Doubt(
                "floating base",
                "the file bolts the root to the world; it was set free.",
                "# nothing to write",
            ),
        )
    return ()
