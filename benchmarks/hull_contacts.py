"""Contacts between the convex hulls of a robot's meshes, and what the package's own capsules say of the same poses."""

import dataclasses
import importlib.metadata
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from understudy.errors import UnderstudyError
from understudy.kinematics.collision import COLLISION_GROUP, Capsules, clearances
from understudy.kinematics.kernels.capsules import pair_distances
from understudy.kinematics.tree import Tree
from understudy.motion import RobotMotion
from understudy.robots.meshes import MESHED, meshed_file
from understudy.robots.robot import Robot

DEPTHS = (0.0, 0.001, 0.005, 0.010)
"""Contacts are counted that are deeper than these (m)."""
Pair = tuple[str, str]
_SPEC: Any = mujoco.MjSpec  # its type stubs leave out from_file


@dataclasses.dataclass(frozen=True)
class Touch:
    """The deepest contact of two bodies in one frame.

    ``depth`` in metres. ``points`` are where each hull reaches deepest into the other one, in the frames of the two
    ``bodies`` (m).
    """

    frame: int
    bodies: Pair
    depth: float
    points: tuple[np.ndarray, np.ndarray]


class Hulls:
    """A robot whose meshes collide as convex hulls, and nothing else of it.

    As with the package's capsules, bodies adjacent in the tree do not count, nor do ``harmless_contacts``. Contacts of
    ``hands`` are found, for a column of their own. ``at_rest`` holds how deep (m) other pairs overlap in the home
    stance, the T-pose or with all joints at zero. Raises UnderstudyError for a file of another robot or without meshes.
    """

    def __init__(self, robot: Robot, file: Path):
        spec = _SPEC.from_file(str(file))
        for geom in spec.geoms:
            geom.contype = geom.conaffinity = int(geom.type == mujoco.mjtGeom.mjGEOM_MESH)
            geom.margin = geom.gap = 0.0
        for exclude in list(spec.excludes):
            spec.delete(exclude)
        for x, y in map(sorted, robot.harmless_contacts):
            spec.add_exclude(bodyname1=x, bodyname2=y)
        self.robot, self.model = robot, spec.compile()
        self._data = mujoco.MjData(self.model)
        joints = tuple(self.model.joint(i).name for i in range(1, self.model.njnt))
        if joints != robot.joints or not self.model.nmesh:
            raise UnderstudyError(f"{file} does not have the joints of {robot.name!r}, or has no meshes.")
        stances = np.stack([robot.home[7:], robot.t_pose, np.zeros_like(robot.t_pose)])
        root = np.broadcast_to(robot.home[:7], (3, 7))
        self.at_rest: dict[Pair, float] = {}
        for touch in self.touches(np.concatenate([root, stances], axis=1)):
            self.at_rest[touch.bodies] = max(touch.depth, self.at_rest.get(touch.bodies, 0.0))

    def touches(self, qpos: np.ndarray) -> list[Touch]:
        """Every pair of bodies that overlaps, frame by frame; ``qpos`` is (time, 7 + dof)."""
        m, d = self.model, self._data
        found = []
        for t, pose in enumerate(qpos):
            d.qpos[:] = pose
            mujoco.mj_kinematics(m, d)
            mujoco.mj_collision(m, d)
            deepest: dict[tuple[int, int], int] = {}
            dist = d.contact.dist
            for k, pair in enumerate(m.geom_bodyid[d.contact.geom]):
                key = (int(pair.min()), int(pair.max()))
                if dist[k] < 0 and (key not in deepest or dist[k] < dist[deepest[key]]):
                    deepest[key] = k
            found += [self._touch(t, d.contact[k]) for k in deepest.values()]
        return found

    def _touch(self, frame: int, contact: Any) -> Touch:
        """A contact's normal points from the first geom to the second, and its place is halfway into both."""
        inwards = -0.5 * contact.dist * contact.frame[:3]
        sides = []
        for geom, point in zip(contact.geom, (contact.pos + inwards, contact.pos - inwards), strict=True):
            body = self.model.geom_bodyid[geom]
            local = (point - self._data.xpos[body]) @ self._data.xmat[body].reshape(3, 3)
            sides.append((self.model.body(body).name, local))
        (x, p), (y, q) = sorted(sides, key=lambda side: side[0])
        return Touch(frame, (x, y), -float(contact.dist), (p, q))


def hull_file(robot: str, given: Path | None) -> tuple[Path, str]:
    """The model file with meshes, and whose it is: as given, else mjlab's, installed or where UNDERSTUDY_MJLAB points.

    Raises UnderstudyError if there is none.
    """
    if given is not None:
        return given, given.name
    if robot not in MESHED:
        raise UnderstudyError(f"No meshes of {robot!r} are known; name a model file with --meshes.")
    package, path = MESHED[robot]
    unpacked = Path(os.environ.get("UNDERSTUDY_MJLAB", package)) / path
    file = unpacked if unpacked.is_file() else meshed_file(robot)
    if file is None:
        raise UnderstudyError(
            f"The meshes of {robot!r} come with the package {package}, which is not here: install it, or unpack it and "
            "point UNDERSTUDY_MJLAB at its folder, or name a model file with --meshes."
        )
    beside = str(file).removesuffix(f"{package}/{path}")  # where the package's own metadata lies
    told = importlib.metadata.distributions(name=package, path=[beside])
    return file, f"{package} {next((d.version for d in told), 'of an unknown version')}"


@dataclasses.dataclass(frozen=True)
class Primitives:
    """What the package's own capsules say about a pair of bodies, to compare hulls with."""

    robot: Robot
    capsules: Capsules

    @classmethod
    def of(cls, robot: Robot) -> "Primitives":
        """Those of a shipped robot."""
        return cls(robot, Capsules.from_robot(robot))

    def gaps(self, motion: RobotMotion) -> dict[Pair, np.ndarray]:
        """Signed distance (m) of the nearest capsules of every pair of bodies that counts, (time)."""
        rows: dict[Pair, list[int]] = {}
        for row, (a, b) in enumerate(self.capsules.pairs):
            x, y = sorted((self.capsules.bodies[a], self.capsules.bodies[b]))
            rows.setdefault((x, y), []).append(row)
        pose = (a.astype(np.float64) for a in (motion.root_pos, motion.root_quat, motion.joint_pos))
        distances = pair_distances(Tree.from_robot(self.robot).arrays(), self.capsules.arrays(), *pose)
        return {pair: distances[:, own].min(axis=1) for pair, own in rows.items()}

    def uncovered(self, body: str, point: np.ndarray) -> tuple[float | None, str]:
        """How far (m) a point of a body's hull lies outside the nearest capsule of that body, and which one that is.

        None and an empty name for a body without capsules.
        """
        m = self.robot.model
        found: list[tuple[float, str]] = []
        for geom in np.flatnonzero(m.geom_group == COLLISION_GROUP):
            if m.body(m.geom_bodyid[geom]).name == body:
                axis = np.zeros(3)
                mujoco.mju_rotVecQuat(axis, np.array([0.0, 0.0, 1.0]), m.geom_quat[geom])
                half = m.geom_size[geom, 1] if m.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE else 0.0
                away = point - m.geom_pos[geom]
                away = np.linalg.norm(away - np.clip(away @ axis, -half, half) * axis)
                found.append((float(away - m.geom_size[geom, 0]), m.geom(geom).name))
        return min(found, default=(None, ""))


def measured(hulls: Hulls, primitives: Primitives, motion: RobotMotion) -> dict[str, Any]:
    """The contacts of one motion as plain values: a row for every touch, and the frames in which capsules overlap."""
    gaps = primitives.gaps(motion)
    rows = []
    for touch in hulls.touches(motion.qpos.astype(np.float64)):
        gap = gaps.get(touch.bodies)
        sides = [
            (*primitives.uncovered(body, point), point.tolist())
            for body, point in zip(touch.bodies, touch.points, strict=True)
        ]
        rows.append(
            {
                "frame": touch.frame,
                "bodies": touch.bodies,
                "depth": touch.depth,
                "hands": bool(hulls.robot.hands & set(touch.bodies)),
                "gap": None if gap is None else float(gap[touch.frame]),
                "sides": sides,
            }
        )
    overlaps = int((clearances(hulls.robot, motion).nearest < 0).sum())
    return {"frames": motion.frames, "touches": rows, "primitive_frames": overlaps}


def pooled(found: Sequence[Mapping[str, Any]], lost: int = 0) -> dict[str, Any]:
    """Clips together: shares of frames (%) by depth in mm, and the pairs. ``lost`` frames of failed clips are bad."""
    frames = sum(f["frames"] for f in found) + lost

    def share(deep: float, hands: bool) -> float:
        bad = (
            {t["frame"] for t in f["touches"] if t["depth"] > deep and (hands or not t["hands"])}
            for f in found
        )
        return 100 * (sum(map(len, bad)) + lost) / frames

    by_pair: dict[Pair, list[Mapping[str, Any]]] = {}
    for touch in (t for f in found for t in f["touches"] if not t["hands"]):
        by_pair.setdefault(sideless(touch["bodies"]), []).append(touch)
    pairs = [_pair(pair, touches, frames) for pair, touches in by_pair.items()]
    return {
        "frames": frames,
        "lost": lost,
        "hulls": {f"{1e3 * deep:g}": share(deep, hands=False) for deep in DEPTHS},
        "with_hands": {f"{1e3 * deep:g}": share(deep, hands=True) for deep in DEPTHS},
        "primitives": 100 * (sum(f["primitive_frames"] for f in found) + lost) / frames,
        "pairs": sorted(pairs, key=lambda p: -p["touches"]),
    }


def sideless(bodies: Pair) -> Pair:
    """One name for a pair and its mirror image: sides become ``same`` or, for two bodies of two sides, ``other``."""
    sides = [name.partition("_")[0] for name in bodies]
    sided = [side for side in sides if side in ("left", "right")]
    apart = len(set(sided)) == 2
    said = [
        name.partition("_")[2] if side in sided else name for side, name in zip(sides, bodies, strict=True)
    ]
    said.sort()
    return (said[0], f"other {said[1]}" if apart else said[1])


def _pair(pair: Pair, touches: Sequence[Mapping[str, Any]], frames: int) -> dict[str, Any]:
    gaps = [t["gap"] for t in touches if t["gap"] is not None]
    depths = np.array([t["depth"] for t in touches])
    return {
        "pair": pair,
        "touches": len(touches),
        "share": 100 * len(touches) / frames,
        "deeper_than_1mm": int((depths > 0.001).sum()),
        "deepest_mm": 1e3 * float(depths.max()),
        "capsules_apart": sum(gap > 0 for gap in gaps),
        "gap_mm": 1e3 * float(np.median(gaps)) if gaps else None,
        "short": _short(touches),
    }


def _short(touches: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Which capsules the hulls stick out of where they touch, the farthest first: how far (mm), and where (m).

    Left and right are together. A body without capsules comes last, with no distance.
    """
    by_name: dict[str, list[tuple[float | None, list[float]]]] = {}
    for out, name, point in (side for t in touches for side in t["sides"]):
        bare = "_".join(part for part in name.split("_") if part not in ("left", "right"))
        by_name.setdefault(bare, []).append((out, point))
    short = []
    for name, sides in by_name.items():
        outs = np.array([out for out, _ in sides], dtype=np.float64)  # None becomes NaN
        worst = int(outs.argmax())
        median, most = 1e3 * float(np.median(outs)), 1e3 * float(outs[worst])
        if not name or most > 0:
            at = [round(float(x), 3) for x in sides[worst][1]]
            known = {"median_mm": median, "most_mm": most} if name else {"median_mm": None, "most_mm": None}
            short.append({"capsule": name, "touches": len(sides), "at": at, **known})
    return sorted(short, key=lambda s: -(s["median_mm"] if s["capsule"] else -np.inf))
