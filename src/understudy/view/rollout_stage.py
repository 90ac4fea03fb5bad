"""A performance on stage: the robot as it moved, what was asked of it as a ghost in the same place, and the forces of
the floor on its feet as arrows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from understudy import kinematics
from understudy.errors import ShapeError
from understudy.motion.types import RobotMotion
from understudy.robots import load
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply
from understudy.view.camera import Camera, follow
from understudy.view.contacts import side_colour
from understudy.view.machine import robot_actor
from understudy.view.pictures import FAINT, INK, clock, open_renderer, text
from understudy.view.scene import AZIMUTH, Colour, Scene, mean_heading

GHOST: Colour = (0.25, 0.50, 0.88)
OPACITY = 0.30
"""How much of the ghost is seen."""
WEIGHT = 0.5
"""Length (m) of the arrow of a force as large as the robot's weight."""
FELT = 0.02
"""Forces smaller than this share of the weight have no arrow."""
GRAVITY = 9.81


@dataclass(frozen=True, eq=False)
class Stage:
    """``scene`` has two actors in one place, the performer and the ghost.

    ``tails`` and ``tips`` are where arrows of forces begin, in the middle of the soles, and end (m, in the scene's
    world), ``forces`` their sizes (N), for each of ``feet``; ``strain`` the name and the share of its effort limit
    of the joint with the greatest; ``apart`` the distance (m) of the roots.
    """

    scene: Scene
    feet: tuple[str, ...]
    tails: Float[np.ndarray, "time foot 3"]
    tips: Float[np.ndarray, "time foot 3"]
    forces: Float[np.ndarray, "time foot"]
    strain: tuple[tuple[str, float], ...]
    apart: Float[np.ndarray, "time"]

    def words(self, frame: int) -> str:
        """What happens at a frame, on one line."""
        carried = ", ".join(
            f"{foot} {force:.0f} N" for foot, force in zip(self.feet, self.forces[frame], strict=True)
        )
        name, share = self.strain[frame]
        return f"floor: {carried} · root {100 * self.apart[frame]:.1f} cm off · {name} at {share:.0%} of its torque"

    def at(self, fps: float) -> "Stage":
        """The frames nearest to the instants of another rate."""
        actor = self.scene.actors[0]
        count = int(np.floor(actor.duration * fps + 1e-6)) + 1
        rows = actor.rows(np.arange(count) / fps)
        seconds = np.arange(count) / fps
        return Stage(
            replace(self.scene, actors=tuple(a.at(seconds, fps) for a in self.scene.actors), fps=fps),
            self.feet,
            self.tails[rows],
            self.tips[rows],
            self.forces[rows],
            tuple(self.strain[row] for row in rows),
            self.apart[rows],
        )


def stage(
    performed: RobotMotion, wanted: RobotMotion, robot: Robot | None = None, *, meshes: bool = False
) -> Stage:
    """Put both up, the ghost as long as the performance lasts.

    ``performed`` carries the tracks ``ground_force`` (time, foot, 3; N) and ``torque`` (time, dof; Nm), as the files of
    ``understudy physics refine`` do. Raises ShapeError where it does not, or where the two do not fit.
    """
    robot = load(performed.robot) if robot is None else robot
    force = np.asarray(performed.tracks.get("ground_force", ()), np.float32)
    torque = np.asarray(performed.tracks.get("torque", ()), np.float32)
    frames, feet = performed.frames, tuple(robot.feet)
    if force.shape != (frames, len(feet), 3) or torque.shape != performed.joint_pos.shape:
        raise ShapeError(
            "A performance carries the tracks 'ground_force' (time, foot, 3) and 'torque' (time, dof)."
        )
    if wanted.frames < frames or wanted.fps != performed.fps:
        raise ShapeError("What was asked for must be at the rate of the performance, and as long.")
    actor = robot_actor(performed, robot, meshes=meshes)
    ghost = robot_actor(wanted, robot, meshes=meshes).at(np.arange(frames) / performed.fps, performed.fps)
    painted = tuple(replace(shape, colour=GHOST) for shape in ghost.shapes)
    ghost = replace(ghost, shapes=painted, label="asked for", marks=None)
    offset = -actor.root[0] * np.array([1.0, 1.0, 0.0], np.float32)
    view = mean_heading(actor.heading) - AZIMUTH
    tails = _soles(robot, performed) + offset
    weight = GRAVITY * float(robot.model.body_mass.sum())
    share = np.abs(torque) / np.maximum(robot.effort_limit, 1e-9)
    worst = share.argmax(axis=1)
    return Stage(
        Scene((actor.moved(offset), ghost.moved(offset)), performed.fps, view),
        feet,
        tails,
        tails + force * (WEIGHT / weight),
        np.linalg.norm(force, axis=-1),
        tuple((robot.joints[j], float(share[k, j])) for k, j in enumerate(worst)),
        np.linalg.norm(performed.root_pos - wanted.root_pos[:frames], axis=1),
    )


def pictures(
    staged: Stage, frames: Sequence[int], size: tuple[int, int], renderer: str, *, letter: float, words: bool
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Pictures of some frames, with time stamps in letters of a share of their height, and ``words`` if asked for."""
    scene = staged.scene
    cameras, pos, quat, alone = follow(scene, size), scene.pos, scene.quat, scene.mask(0)
    with open_renderer(renderer, scene.shapes, size) as draw:
        for frame in frames:
            camera = cameras[frame]
            solid = draw.draw(pos[frame], quat[frame], camera, alone).astype(np.float32)
            both = draw.draw(pos[frame], quat[frame], camera)
            # Renderers know no glass; a picture with the ghost, faintly over one without, is as good.
            image = Image.fromarray(np.rint(solid + OPACITY * (both - solid)).astype(np.uint8))
            pen = ImageDraw.Draw(image)
            _draw_forces(pen, staged, frame, camera, size)
            high = max(letter * size[1], 9)
            stamp = clock(frame / scene.fps)
            text(pen, (size[0] - high, 1.3 * high), stamp, size=high, ink=FAINT, anchor="rm")
            if words:
                text(
                    pen,
                    (high, size[1] - 1.3 * high),
                    staged.words(frame),
                    size=0.8 * high,
                    ink=INK,
                    anchor="lm",
                )
            yield np.asarray(image)


def _draw_forces(
    pen: ImageDraw.ImageDraw, staged: Stage, frame: int, camera: Camera, size: tuple[int, int]
) -> None:
    """An arrow over each foot that the floor carries."""
    width = max(2, round(0.006 * size[1]))
    for i, foot in enumerate(staged.feet):
        tail, tip = staged.tails[frame, i].astype(np.float64), staged.tips[frame, i].astype(np.float64)
        if np.linalg.norm(tip - tail) < FELT * WEIGHT:
            continue
        ends, _ = camera.project(np.stack([tail, tip]), size)
        colour = side_colour(f"{foot}_")
        along = ends[1] - ends[0]
        along = along / max(float(np.linalg.norm(along)), 1e-6)
        across = np.array([-along[1], along[0]])
        neck = ends[1] - 3.0 * width * along
        pen.line([*map(float, ends[0]), *map(float, neck)], fill=colour, width=width)
        head = [ends[1], neck + 1.8 * width * across, neck - 1.8 * width * across]
        pen.polygon([(float(x), float(y)) for x, y in head], fill=colour)


def _soles(robot: Robot, motion: RobotMotion) -> Float[np.ndarray, "time foot 3"]:
    """The middle of each sole (m)."""
    bodies = kinematics.body_tracks(robot, motion)
    middles = []
    for foot in robot.feet.values():
        body = robot.body_index(foot.body)
        centre = foot.sole.mean(axis=0).astype(np.float32)
        middles.append(bodies.pos[:, body] + quat_apply(bodies.quat[:, body], centre))
    return np.stack(middles, axis=1).astype(np.float32)
