"""A page in the browser that plays a performance: the robot, the ghost of what was asked for, the floor's forces."""

import numpy as np
import viser
from viser import uplot

from understudy.errors import LimitError
from understudy.motion.types import RobotMotion
from understudy.robots import load
from understudy.robots.robot import Robot
from understudy.view.contacts import side_colour
from understudy.view.figures import STAGE, Figure
from understudy.view.player import Player
from understudy.view.rollout_stage import GHOST, Stage, stage

CURVE_HEIGHT = 130
"""Pixels."""
POINTS = 600
"""The curves on the page have about so many points at most."""


class RolloutPlayer(Player):
    """The player of one robot motion, with a ghost, arrows and curves; all can be switched off."""

    def __init__(self, performed: RobotMotion, wanted: RobotMotion, port: int, host: str, robot: Robot):
        self.staged = stage(performed, wanted, robot, meshes=True)
        super().__init__((performed,), port, host, robot)
        with self._lock:
            ghost = Figure(self._server, "ghost", self.staged.scene.actors[1], GHOST)
            self._layers |= {"asked for": [ghost], "forces of the floor": [Forces(self._server, self.staged)]}
            with self._server.gui.add_folder("Performance"):
                for name in ("asked for", "forces of the floor"):
                    self._add_toggle(name, self._layers[name], visible=True)
                self._layers["words"] = [Words(self._server, self.staged)]
                _add_curves(self._server, self.staged)
            for things in self._layers.values():
                for thing in things:
                    thing.pose(self.frame)


class Forces:
    """The floor's forces on the feet as arrows from the soles."""

    def __init__(self, server: viser.ViserServer, staged: Stage):
        self._ends = np.stack([staged.tails, staged.tips], axis=2)  # time, foot, tail and tip
        colours = np.array([_rgb(side_colour(f"{foot}_")) for foot in staged.feet], np.uint8)
        self._arrows = server.scene.add_arrows(
            f"{STAGE}/forces", self._ends[0], colours, shaft_radius=0.009, head_radius=0.022, head_length=0.05
        )

    def pose(self, frame: int) -> None:
        """Show the forces of a frame; what is not seen stays behind."""
        if self._arrows.visible:
            self._arrows.points = self._ends[frame]

    def show(self, visible: bool) -> None:
        """Switch them on or off."""
        self._arrows.visible = visible


class Words:
    """The numbers of a frame, in the panel."""

    def __init__(self, server: viser.ViserServer, staged: Stage):
        self._staged = staged
        self._line = server.gui.add_markdown(staged.words(0))

    def pose(self, frame: int) -> None:
        """Tell those of a frame."""
        self._line.content = self._staged.words(frame).replace(" · ", "  \n")


def show_rollout(
    performed: RobotMotion,
    wanted: RobotMotion,
    *,
    port: int = 8080,
    robot: Robot | None = None,
    host: str = "127.0.0.1",
) -> RolloutPlayer:
    """Open a page that plays a performance, and return at once; the page lives until ``close``.

    ``performed`` and ``wanted`` are as in ``rollout_stage.stage``; the rest is as in ``view.show``.
    """
    if not 0 < port < 65536:
        raise LimitError(f"A port is a number from 1 to 65535; got {port}.")
    return RolloutPlayer(performed, wanted, port, host, load(performed.robot) if robot is None else robot)


def _add_curves(server: viser.ViserServer, staged: Stage) -> None:
    """Over the whole clip: the forces on the feet, the distance from what was asked for, the most loaded joint."""
    every = slice(None, None, max(1, staged.scene.frames // POINTS))
    seconds = (np.arange(staged.scene.frames) / staged.scene.fps)[every]
    strain = 100.0 * np.array([share for _, share in staged.strain])
    time = uplot.Series(label="s")

    def curve(title: str, series: dict[str, tuple[np.ndarray, str]]) -> None:
        server.gui.add_uplot(
            (seconds, *(values[every].astype(np.float64) for values, _ in series.values())),
            (time, *(uplot.Series(label=name, stroke=ink, width=1.5) for name, (_, ink) in series.items())),
            title=title,
            scales={"x": uplot.Scale(time=False)},
            height=CURVE_HEIGHT,
        )

    feet = {foot: (staged.forces[:, i], side_colour(f"{foot}_")) for i, foot in enumerate(staged.feet)}
    curve("Force of the floor, N", feet)
    curve("Root off what was asked for, cm", {"cm": (100.0 * staged.apart, "#c8323c")})
    curve("Most loaded joint, % of its torque", {"%": (strain, "#34597f")})


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
