"""A pinhole camera, and the way it follows actors: smoothly, and far enough away to see all of them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from understudy.view.scene import Actor, Scene

FOVY = 32.0
"""Vertical field of view in degrees: a long lens, so that two bodies side by side look alike in size."""


ELEVATION = 0.18
"""How far the camera looks down (rad)."""
MARGIN = 1.08
"""The camera stands this much further away than it must to see everybody."""


@dataclass(frozen=True, eq=False)
class Camera:
    """Looks from ``eye`` at ``target`` (world, m), upright; ``fovy`` in degrees."""

    eye: Float[np.ndarray, "3"]
    target: Float[np.ndarray, "3"]
    fovy: float = FOVY

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """World-from-camera rotation: columns right, up, and back (away from the target)."""
        back = self.eye - self.target
        back = back / np.linalg.norm(back)
        right = np.cross([0.0, 0.0, 1.0], back)
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(back, right), back], axis=1)

    def project(
        self, points: Float[np.ndarray, "*batch 3"], size: tuple[int, int]
    ) -> tuple[Float[np.ndarray, "*batch 2"], Float[np.ndarray, "*batch"]]:
        """Pixels (x to the right, y down) of world points in a picture of ``size`` (width, height), and
        depths (m)."""
        width, height = size
        local = (points - self.eye) @ self.axes
        depth = np.asarray(-local[..., 2])
        scale = focal(self.fovy, height) / np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        return np.stack([width / 2 + local[..., 0] * scale, height / 2 - local[..., 1] * scale], -1), depth


def focal(fovy: float, height: int) -> float:
    """Focal length in pixels."""
    return height / 2 / float(np.tan(np.radians(fovy) / 2))


def follow(scene: Scene, size: tuple[int, int], margin: float = MARGIN) -> list[Camera]:
    """One camera for every frame, on the scene's side of view, which keeps all actors in the picture.

    It moves along with the middle of the actors, smoothed over about a second; its distance only changes
    slowly. ``margin`` is a factor on that distance.
    """
    centre = np.mean([a.root for a in scene.actors], axis=0)
    heights = [(pos[..., 2], radius) for pos, radius in (a.bounds() for a in scene.actors)]
    low = np.min([(z - radius).min(axis=1) for z, radius in heights], axis=0)
    high = np.max([(z + radius).max(axis=1) for z, radius in heights], axis=0)
    centre = centre.astype(np.float64)
    low = np.minimum(low, 0.0)
    # Room below the feet, where the names are written.
    centre[:, 2] = (low + high) / 2 - 0.05 * (high - low)
    target = smooth(centre, scene.fps, seconds=0.6)
    back = direction(scene.view, ELEVATION)
    axes = Camera(back, np.zeros(3)).axes
    need = np.max([_distance(a, target, axes, size) for a in scene.actors], axis=0) * margin
    distance = smooth(_widest(need, int(scene.fps)), scene.fps, seconds=0.6)
    return [Camera(t + d * back, t) for t, d in zip(target, distance, strict=True)]


def portrait(actor: Actor, frame: int, view: float, distance: float, height: float) -> Camera:
    """A camera on one actor at one frame, aimed at ``height`` (m) above the floor under its pelvis."""
    target = np.array([actor.root[frame, 0], actor.root[frame, 1], height], np.float64)
    return Camera(target + distance * direction(view, ELEVATION), target)


def portrait_distance(actor: Actor, view: float, height: float, size: tuple[int, int]) -> float:
    """The distance (m) from which ``portrait`` shows the whole actor in every frame."""
    target = actor.root.astype(np.float64)
    target[:, 2] = height
    axes = Camera(direction(view, ELEVATION), np.zeros(3)).axes
    return float(_distance(actor, target, axes, size).max()) * MARGIN


def direction(yaw: float, elevation: float) -> Float[np.ndarray, "3"]:
    """The unit vector at an angle about z and an angle above the horizon (rad)."""
    return np.array([np.cos(yaw) * np.cos(elevation), np.sin(yaw) * np.cos(elevation), np.sin(elevation)])


def smooth(
    signal: Float[np.ndarray, "time *any"], fps: float, seconds: float
) -> Float[np.ndarray, "time *any"]:
    """A Gaussian mean over time, with ``seconds`` as its standard deviation; the ends are held."""
    return gaussian_filter1d(signal, sigma=max(seconds * fps, 1e-3), axis=0, mode="nearest")


def _widest(need: np.ndarray, frames: int) -> np.ndarray:
    return maximum_filter1d(need, size=2 * max(frames, 1) + 1, mode="nearest")


def _distance(actor: Actor, target: np.ndarray, axes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How far (m) a camera with these axes must stand from its target to see every ball of the actor, per
    frame."""
    centre, radius = actor.bounds()
    local = (centre - target[:, None]) @ axes
    tangent_y = np.tan(np.radians(FOVY) / 2)
    tangent_x = tangent_y * size[0] / size[1]
    sideways = (np.abs(local[..., 0]) + radius) / tangent_x
    upwards = (np.abs(local[..., 1]) + radius) / tangent_y
    return (np.maximum(sideways, upwards) + local[..., 2]).max(axis=1)
