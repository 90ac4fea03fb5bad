"""``understudy physics play``: watch what a simulated robot did."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from understudy.cli.console import err, keep_open, out, progress_bar
from understudy.cli.options import Name, Reading, expect, load_any
from understudy.cli.view import note

if TYPE_CHECKING:
    from understudy.motion.types import RobotMotion
    from understudy.physics.rollout import Rollout
    from understudy.robots.robot import Robot
    from understudy.view.pictures import Drawn


@dataclass(frozen=True)
class Play:
    """Show a performance in the browser: the robot, what was asked of it as a ghost in the same place, the floor's
    forces as arrows; or as a film or a sheet if asked for one.

    A file of `physics refine` is shown as it is. Any other robot motion is performed first: by --policy, or without
    one as `physics refine` does it.
    """

    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """A rollout, or a robot's motion in any format."""
    policy: Annotated[Path | None, tyro.conf.arg(metavar="POLICY.onnx")] = None
    """Let this policy perform the motion, or a rollout's reference."""
    task: Annotated[str, tyro.conf.arg(metavar="NAME")] = "beyond-mimic"
    """What the policy was trained in: beyond-mimic or cepr."""
    seed: int = 0
    """Of a performance that is made now."""
    robot: Name = None
    """The robot whose joints a file without names holds: a name or a robot folder."""
    format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of the file, where its name does not settle it."""
    reading: Reading = field(default_factory=Reading)
    video: Path | None = None
    """Write an mp4 film here."""
    sheet: Path | None = None
    """Write a picture of moments (png) here."""
    renderer: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """What draws films and sheets: egl, osmesa or software; the best one that works, if none is named."""
    port: int = 8080
    """Where to begin looking for a free port for the page."""

    def run(self) -> int:
        from understudy import robots
        from understudy.motion.files import check_target
        from understudy.motion.types import RobotMotion
        from understudy.physics.rollout_files import as_motion
        from understudy.pipelines.refining import ending
        from understudy.view.pictures import choose_renderer

        # A performance may take minutes, so what is to become of it is looked at first.
        for target in (self.sheet, self.video):
            if target is not None:
                check_target(target)
                choose_renderer(self.renderer)
        motion = load_any(self.file, format=self.format, reading=self.reading, robot=self.robot)
        motion = expect(motion, RobotMotion, self.file)
        robot = robots.load(motion.robot if self.robot is None else self.robot)
        rollout = self._performance(motion, robot)
        if (why := ending(rollout)) is not None:
            err().print(f"{why[0].upper()}{why[1:]}.", markup=False, soft_wrap=True)
        performed = as_motion(rollout, robot)
        if self.video is None and self.sheet is None:
            return self._play(performed, rollout.reference, robot)
        if self.sheet is not None:
            from understudy.view.rollout_film import rollout_sheet

            note(rollout_sheet(self.sheet, performed, rollout.reference, renderer=self.renderer, robot=robot))
            out().print(str(self.sheet), markup=False, soft_wrap=True)
        if self.video is not None:
            note(film(self.video, rollout, robot, self.renderer))
            out().print(str(self.video), markup=False, soft_wrap=True)
        return 0

    def _performance(self, motion: "RobotMotion", robot: "Robot") -> "Rollout":
        """What the file tells, or what the robot makes of it now."""
        from understudy.cli.physics_evaluate import performances, performer
        from understudy.physics.rollout_files import was_performed

        if self.policy is None and not was_performed(motion):
            return refined(motion, robot, self.seed)
        act = None if self.policy is None else performer(self.policy, self.task, self.seed, episodes=1)
        [rollout] = performances(motion, self.file, robot, act)
        return rollout

    def _play(self, performed: "RobotMotion", wanted: "RobotMotion", robot: "Robot") -> int:
        """Open the page and keep it."""
        from understudy.view.rollout_player import show_rollout

        player = show_rollout(performed, wanted, port=self.port, robot=robot)
        keep_open(player, "the performance")
        return 0


def refined(motion: "RobotMotion", robot: "Robot", seed: int) -> "Rollout":
    """Let a robot perform a motion as ``physics refine`` does, with a bar of its control steps."""
    from understudy.physics import RefineConfig, refine

    words = (
        "This motion has not been performed yet; a simulated robot does it now, which takes a while. "
        "`understudy physics refine` keeps the performance."
    )
    err().print(words, soft_wrap=True)
    with progress_bar() as bar:
        task = bar.add_task("control steps", total=None)
        return refine(
            motion,
            robot,
            RefineConfig(seed=seed),
            lambda done, total: bar.update(task, completed=done, total=total),
        )


def film(
    path: Path, rollout: "Rollout", robot: "Robot | None" = None, renderer: str | None = None
) -> "Drawn":
    """Write a film of a performance, with a progress bar."""
    from understudy.physics.rollout_files import as_motion
    from understudy.view.rollout_film import rollout_video

    with progress_bar() as bar:
        task = bar.add_task(path.name, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return rollout_video(
            path, as_motion(rollout, robot), rollout.reference, renderer=renderer, robot=robot, progress=show
        )
