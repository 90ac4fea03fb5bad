"""``understudy retarget``: human motion in, certified robot motion out, for one clip or a folder of them."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from understudy.cli.console import certificate_table, complain, out, print_json, quiet_stdout
from understudy.cli.inputs import Plan, plan
from understudy.cli.job import Job, run_job
from understudy.cli.options import Inputs, Metres, Name, Rate, Reading, Seconds
from understudy.errors import UnderstudyError

if TYPE_CHECKING:
    from understudy.pipelines import RetargetClip


@dataclass(frozen=True)
class Retarget:
    """Turn motions of humans, or of other robots, into motions of a robot, each with a certificate.

    Files, glob patterns and folders; a folder is searched, and its structure is kept below --out, which becomes a
    dataset with a manifest. Run the same command again after an interruption: what is done is not done again. A clip
    that fails does not stop the others; the exit code then is 1.
    """

    files: Inputs
    """Motions of humans or robots; folders are searched for humans', and for robots' too with --source-robot."""
    out: Path
    """A file (.npz) for one clip, or a folder."""
    robot: str = "unitree_g1"
    """A name from `understudy robots list`, or a robot folder."""
    method: Annotated[str, tyro.conf.arg(metavar="NAME")] = "sequence-fit"
    """How to retarget: sequence-fit, the whole clip at once, the best; frame-ik, frame by frame, the fastest; live-ik,
    as a stream is followed, from nothing but the frames so far; nmr, a network, for very many clips; gmr-like and
    phuma-like, baselines to compare with."""
    parts: Literal["whole", "upper", "lower"] = "whole"
    """What moves: all of the robot; waist, arms and head; or all but the arms. The rest stands still (not with
    the baselines)."""
    checkpoint: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """The network's weights, for nmr: a file that `understudy learn nmr` made, or the name of a shipped one; the
    robot's own if not given."""
    repair: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """With nmr: let sequence-fit finish what the network began, so that it is certified."""
    source_robot: Name = None
    """The robot whose joints a robot's file without names holds."""
    reading: Reading = field(default_factory=Reading)
    start: Seconds = None
    """Begin here (s)."""
    end: Seconds = None
    """End here (s)."""
    fps: Rate = None
    """Resample the human to this frame rate first; the robot moves at it, too."""
    human_height: Metres = None
    """The person's height in metres, where the file's skeleton has another; the clip is scaled to it."""
    ground: Literal["auto", "flat", "none"] = "auto"
    """Where the floor is: found by the feet, the lowest level of the clip, or the file's own zero."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Processes for many clips; one for each core if not given."""
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Make again what is up to date."""
    cluster: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Run on Ray: the address of a cluster, or `local`. Its machines must see the same files."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        with quiet_stdout(self.json):
            holds = ("human",) if self.source_robot is None else ("human", "robot")
            made = plan(self.files, self.out, ".npz", holds)
            recipe = self._recipe()
            recipe.check()
            result = self._one(recipe, made) if made.single else None
        about = {"robot": self.robot, "method": self.method}
        if result is None:
            job = Job("retarget", self.out, self.workers, self.cluster, self.force, self.json)
            return run_job(job, made, recipe, about)
        failed = "error" in result
        if self.json:
            print_json({**about, "failed": int(failed), "results": [result]})
        if failed:
            complain(result["error"])
            return 2
        if not self.json:
            _print_one(result)
        return 0

    def _recipe(self) -> "RetargetClip":
        from understudy.pipelines import RetargetClip

        robot = str(Path(self.robot).absolute()) if Path(self.robot).is_dir() else self.robot
        return RetargetClip(
            robot,
            self.method,
            self.ground,
            self.parts,
            self.source_robot,
            self.reading.given(),
            self.start,
            self.end,
            self.fps,
            self.human_height,
            self._weights(),
            self.repair,
        )

    def _weights(self) -> str | None:
        """The checkpoint; a file wherever workers may run."""
        file = self.checkpoint is not None and Path(self.checkpoint).is_file()
        return str(Path(str(self.checkpoint)).absolute()) if file else self.checkpoint

    def _one(self, recipe: "RetargetClip", made: Plan) -> dict[str, Any]:
        """Retarget, certify and save one clip; a failure becomes an ``error``."""
        from understudy import motion

        [task] = made.tasks
        begin = time.perf_counter()
        try:
            [clip] = recipe(task.source)
            motion.save(clip.motion, task.target)
        except (UnderstudyError, OSError) as error:
            return {"source": str(task.source), "error": str(error)}
        return {
            "source": str(task.source),
            "out": str(task.target),
            "frames": clip.motion.frames,
            "fps": clip.motion.fps,
            "duration": clip.motion.duration,
            "certificate": clip.motion.origin.certificate,
            "seconds": time.perf_counter() - begin,
        }


def _print_one(result: dict[str, Any]) -> None:
    out().print(certificate_table(result["certificate"]))
    out().print(
        f"{result['out']}: {result['frames']} frames, {result['duration']:.2f} s at {result['fps']:g} fps, "
        f"made in {result['seconds']:.2f} s",
        markup=False,
        soft_wrap=True,
    )
