"""A page in the browser that plays motions: play, scrub, slow down, step, and look from anywhere."""

import threading
import time
from collections.abc import Sequence

import numpy as np
import viser

from understudy.errors import LimitError
from understudy.kinematics import landmark_tracks
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.robots import load
from understudy.robots.robot import Robot
from understudy.view.camera import follow
from understudy.view.figures import STAGE, Contacts, Figure, Landmarks
from understudy.view.machine import COLLISION, robot_actor
from understudy.view.pictures import cast, clock
from understudy.view.scene import Actor, Scene, compose
from understudy.view.story import about

REFRESH = 30
"""Pictures sent to the browser per second; a clip with more frames is shown in part while it plays."""
SPEEDS = ("0.1x", "0.25x", "0.5x", "1x", "2x")
COLLISION_COLOUR = (0.84, 0.25, 0.27)


class Player:
    """A page. ``seek``, ``step``, ``play`` and ``pause`` do what its buttons do; ``close`` ends it."""

    def __init__(
        self, motions: Sequence[HumanMotion | RobotMotion], port: int, host: str, robot: Robot | None
    ):
        actors = cast(motions, robot, meshes=True)
        self.scene: Scene = compose(actors, max(a.fps for a in actors))
        self.frame = -1
        self.playing = True
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._server = viser.ViserServer(host=host, port=port, label="understudy", verbose=False)
        self._furnish()
        self._layers = _layers(self._server, motions, actors, self.scene, robot)
        self._add_controls(motions)
        self.seek(0)
        self._thread = threading.Thread(target=self._run, name="understudy player", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self._server.get_host()}:{self._server.get_port()}"

    def seek(self, frame: int) -> None:
        """Go to a frame; before the first or after the last there is none, so it stops there."""
        with self._lock:
            frame = int(np.clip(frame, 0, self.scene.frames - 1))
            if frame == self.frame or self._closed.is_set():
                return
            self.frame = frame
            with self._server.atomic():
                for things in self._layers.values():
                    for thing in things:
                        thing.pose(frame)
                if self._follow.value:
                    self._stage.position = -self._centre[frame]
                self._scrub.value = frame
                self._time.content = _time_line(self.scene, frame)

    def step(self, frames: int) -> None:
        """Pause, and go some frames on, or back."""
        self.pause()
        self.seek(self.frame + frames)

    def play(self) -> None:
        self._set_playing(True)

    def pause(self) -> None:
        self._set_playing(False)

    def wait(self) -> None:
        """Return when the page is closed."""
        self._closed.wait()

    def close(self) -> None:
        """Stop playing and end the server."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._thread.join(timeout=2.0)
        self._server.stop()

    def __enter__(self) -> "Player":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _furnish(self) -> None:
        """Floor, light, and where a new visitor looks from."""
        server = self._server
        server.scene.set_up_direction("+z")
        # The camera follows because the stage moves past it: a visitor's own camera is never touched.
        self._stage = server.scene.add_frame(STAGE, show_axes=False)
        server.scene.add_grid(
            f"{STAGE}/floor",
            width=80.0,
            height=80.0,
            cell_size=0.5,
            section_size=1.0,
            cell_color=(222, 225, 230),
            section_color=(196, 201, 208),
            fade_distance=18.0,
            plane_color=(246, 247, 249),
            plane_opacity=1.0,
            shadow_opacity=0.25,
        )
        server.scene.configure_default_lights(enabled=True, cast_shadow=True)
        cameras = follow(self.scene, (960, 540), margin=1.5)
        self._centre = np.array([c.target * [1, 1, 0] for c in cameras])
        # The panel covers the right of the page, so the actors stand a little to the left.
        aside = 0.09 * np.linalg.norm(cameras[0].eye - cameras[0].target) * cameras[0].axes[:, 0]
        server.initial_camera.position = cameras[0].eye - self._centre[0] + aside
        server.initial_camera.look_at = cameras[0].target - self._centre[0] + aside
        server.initial_camera.fov = float(np.radians(cameras[0].fovy))
        server.gui.configure_theme(show_logo=False, show_share_button=False, brand_color=(214, 96, 62))

    def _add_controls(self, motions: Sequence[HumanMotion | RobotMotion]) -> None:
        gui = self._server.gui
        gui.set_panel_label("understudy")
        self._time = gui.add_markdown(_time_line(self.scene, 0))
        self._button = gui.add_button("Pause", icon=viser.Icon.PLAYER_PAUSE)
        self._button.on_click(lambda _: self._set_playing(not self.playing))
        self._scrub = gui.add_slider("Frame", 0, max(self.scene.frames - 1, 1), 1, 0)
        self._scrub.on_update(self._scrubbed)
        steps = gui.add_button_group("Step", ("-10", "-1", "+1", "+10"))
        steps.on_click(lambda event: self.step(int(event.target.value)))
        self._speed = gui.add_dropdown("Speed", SPEEDS, initial_value="1x")
        with gui.add_folder("Show"):
            for name, things in self._layers.items():
                self._add_toggle(name, things, visible=name not in ("landmarks", "collision"))
            self._follow = gui.add_checkbox("camera follows", True)
        with gui.add_folder("About"):
            for motion in motions:
                gui.add_markdown(about(motion))

    def _add_toggle(self, name: str, things: list, visible: bool) -> None:
        box = self._server.gui.add_checkbox(name, visible)

        def toggle(_: object = None) -> None:
            with self._lock, self._server.atomic():
                for thing in things:
                    thing.show(box.value)
                    thing.pose(max(self.frame, 0))

        box.on_update(toggle)
        toggle()

    def _scrubbed(self, event: viser.GuiEvent) -> None:
        # The player moves the slider as well; only a visitor's hand is an order.
        if event.client is not None:
            self.pause()
            self.seek(self._scrub.value)

    def _set_playing(self, playing: bool) -> None:
        with self._lock:
            if playing and self.frame == self.scene.frames - 1:
                self.seek(0)
            self.playing = playing
            self._button.label = "Pause" if playing else "Play"
            self._button.icon = viser.Icon.PLAYER_PAUSE if playing else viser.Icon.PLAYER_PLAY

    def _run(self) -> None:
        """Play in a loop, by the wall clock."""
        position, last = 0.0, time.monotonic()
        while not self._closed.wait(1 / REFRESH):
            now = time.monotonic()
            if self.playing:
                if round(position) != self.frame:
                    position = float(self.frame)
                position += (now - last) * self.scene.fps * float(self._speed.value.rstrip("x"))
                if position > self.scene.frames - 1:
                    position = 0.0
                self.seek(round(position))
            last = now


def show(
    *motions: HumanMotion | RobotMotion,
    port: int = 8080,
    robot: Robot | None = None,
    host: str = "127.0.0.1",
    block: bool = True,
) -> Player:
    """Open a page that plays motions side by side, on one clock and one floor.

    ``port`` is where to begin looking for a free one; ``host`` ``"0.0.0.0"`` lets other machines in.
    ``robot`` saves the look-up by name. With ``block``, returns when interrupted; without, at once, and the
    page lives until ``close``. Raises LimitError when there is nothing to show, or no such port.
    """
    if not 0 < port < 65536:
        raise LimitError(f"A port is a number from 1 to 65535; got {port}.")
    player = Player(motions, port, host, robot)
    if block:
        try:
            player.wait()
        except KeyboardInterrupt:
            player.close()
    return player


def _layers(
    server: viser.ViserServer,
    motions: Sequence[HumanMotion | RobotMotion],
    actors: Sequence[Actor],
    scene: Scene,
    robot: Robot | None,
) -> dict[str, list]:
    """What can be switched on and off, by name."""
    layers: dict[str, list] = {}
    for i, (motion, own, placed) in enumerate(zip(motions, actors, scene.actors, strict=True)):
        kind = "human" if isinstance(motion, HumanMotion) else "robot"
        layers.setdefault(kind, []).append(Figure(server, f"{kind}_{i}", placed))
        if placed.marks is not None:
            layers.setdefault("contacts", []).append(Contacts(server, f"{i}", placed.marks))
        seconds = np.arange(scene.frames) / scene.fps
        shift = placed.root[0] - own.root[0]
        if isinstance(motion, HumanMotion):
            path = motion.landmarks()[0]
        else:
            body = load(motion.robot) if robot is None else robot
            path = landmark_tracks(body, motion)[0]
            bumpers = robot_actor(motion, body, group=COLLISION)
            bumpers = bumpers.at(seconds, scene.fps).moved(shift)
            layers.setdefault("collision", []).append(
                Figure(server, f"collision_{i}", bumpers, COLLISION_COLOUR)
            )
        layers.setdefault("landmarks", []).append(Landmarks(server, f"{i}", path[own.rows(seconds)] + shift))
    order = ("human", "robot", "contacts", "landmarks", "collision")
    return {name: layers[name] for name in order if name in layers}


def _time_line(scene: Scene, frame: int) -> str:
    return f"**{clock(frame / scene.fps)}** of {clock((scene.frames - 1) / scene.fps)}"
