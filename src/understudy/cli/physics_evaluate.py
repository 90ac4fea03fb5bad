"""``understudy physics evaluate``: what performances of simulated robots are worth, in numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from understudy.cli.console import complain, err, metric_table, out, print_json, quiet_stdout
from understudy.cli.inputs import plan
from understudy.cli.options import Inputs, Name, Reading, expect, load_any
from understudy.errors import LimitError, UnderstudyError, UnknownName

if TYPE_CHECKING:
    from rich.table import Table

    from understudy.motion.types import RobotMotion
    from understudy.physics.rollout import Rollout
    from understudy.robots.robot import Robot

    Performer = Callable[[RobotMotion, Robot], list[Rollout]]

KINEMATIC = (
    "nobody has performed it yet: a motion file says where the joints are to be, and nothing of torques, forces or "
    "falls. Let a simulated robot perform it first (`understudy physics refine FILE --out performed.npz`), or give the "
    "policy that is to (`--policy policy.onnx`)."
)
ROWS = 40
"""Performances in the table on the screen; --json has all."""
MOST = {"success": "success %", "w_mpjpe": "W-MPJPE cm", "slip": "slip cm/s"}
"""The columns of that table."""


@dataclass(frozen=True)
class EvaluateRollouts:
    """Measure performances: success, tracking errors, torque saturation, energy, slip and impacts.

    Files of `physics refine`, falls included; or, with --policy, any robot motions, which the policy then performs.
    Several files and folders also give the means, over all and by the kind of motion. Clips that could not be
    performed count as failures.
    """

    files: Inputs
    """Rollouts; with --policy, robot motions in any format."""
    policy: Annotated[Path | None, tyro.conf.arg(metavar="POLICY.onnx")] = None
    """Let this policy perform the motions."""
    task: Annotated[str, tyro.conf.arg(metavar="NAME")] = "beyond-mimic"
    """What the policy was trained in: beyond-mimic or cepr."""
    episodes: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """How often the policy performs each motion: once undisturbed, more often with the task's noise and pushes."""
    seed: int = 0
    """Of the disturbances."""
    robot: Name = None
    """The robot whose joints a file without names holds: a name or a robot folder."""
    format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of the files, where their names do not settle it."""
    reading: Reading = field(default_factory=Reading)
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON document instead of tables."""

    def run(self) -> int:
        if self.episodes < 1:
            raise LimitError(f"--episodes must be 1 or more; got {self.episodes}.")
        with quiet_stdout(self.json):
            act = None if self.policy is None else performer(self.policy, self.task, self.seed, self.episodes)
            clips = [record for clip in clips_of(self.files) for record in self._measured(*clip, act)]
        if not clips:
            raise UnderstudyError("None of what was given holds a performance, or a motion for the policy.")
        failed = [clip for clip in clips if "error" in clip]
        if len(failed) == len(clips):
            more = f" The same of {len(clips) - 1} more, or worse." if len(clips) > 1 else ""
            raise UnderstudyError(f"{failed[0]['clip']}: {failed[0]['error']}{more}")
        together = _together(clips)
        if self.json:
            print_json({"clips": clips, "pooled": together, "failed": len(failed)})
        else:
            _print(clips, together)
            for clip in failed:
                complain(f"{clip['clip']}: {clip['error']}")
            if refused := sum(clip.get("performed") is False for clip in failed):
                err().print(
                    f"{refused} of them could not be performed, and count as failures.", soft_wrap=True
                )
        return 1 if failed else 0

    def _measured(
        self, name: str, path: Path, why: str | None, act: "Performer | None"
    ) -> list[dict[str, Any]]:
        """One record for each performance of a clip; of one that cannot be measured, the reason."""
        from understudy import kinematics, robots
        from understudy.evaluate import physical
        from understudy.evaluate.classes import complexity
        from understudy.motion.types import RobotMotion
        from understudy.pipelines.refining import ending

        if why is not None:
            return [] if act is not None else [{"clip": name, "error": why, "performed": False}]
        try:
            motion = load_any(path, format=self.format, reading=self.reading, robot=self.robot)
            motion = expect(motion, RobotMotion, path)
            robot = robots.load(motion.robot if self.robot is None else self.robot)
            return [
                {
                    "clip": name,
                    "robot": robot.name,
                    "class": complexity(kinematics.human_of(robot, rollout.reference)),
                    "fell_at": rollout.fell_at,
                    "why": ending(rollout),
                    "metrics": [metric.to_dict() for metric in physical.metrics(rollout, robot)],
                }
                for rollout in performances(motion, path, robot, act)
            ]
        except (UnderstudyError, OSError) as error:
            text = " ".join(str(error).split()).removeprefix(str(path)).lstrip(":, ")
            return [{"clip": name, "error": text}]


def performances(
    motion: "RobotMotion", path: str | Path, robot: "Robot", act: "Performer | None"
) -> "list[Rollout]":
    """What a file tells of a simulation; or, with ``act``, what becomes of its motion, or of a rollout's reference.

    Raises UnderstudyError for a motion that nobody has performed.
    """
    from understudy.physics.rollout_files import is_rollout, load_rollout, was_performed

    if act is not None:
        return act(load_rollout(path).reference if is_rollout(motion) else motion, robot)
    if not was_performed(motion):
        raise UnderstudyError(KINEMATIC)
    return [load_rollout(path)]


def clips_of(files: Sequence[str]) -> list[tuple[str, Path, str | None]]:
    """Name and path of each clip. Of a folder that a job made also the falls, and what could not be done, with why."""
    from understudy.motion import dataset
    from understudy.pipelines.refining import FELL

    if not files:
        raise UnderstudyError("No motion was given: name files, patterns or folders.")
    found: list[tuple[str, Path, str | None]] = []
    for given in files:
        folder = Path(given)
        if not dataset.is_dataset(folder):
            found += [(task.id, task.source, None) for task in plan((given,), None, ".npz", ("robot",)).tasks]
            continue
        for entry in dataset.read(folder):
            if entry.path is not None or entry.status == "failed":
                found.append(
                    (entry.id, folder / (entry.path or ""), None if entry.path else entry.reason or "failed")
                )
        listed = {path for _, path, _ in found}
        falls = [path for path in sorted(folder.rglob(f"*{FELL}.npz")) if path not in listed]
        found += [(path.relative_to(folder).as_posix(), path, None) for path in falls]
    return found


def performer(policy: Path, task: str, seed: int, episodes: int) -> "Performer":
    """How a policy performs a motion, so many times: once undisturbed, more often under the task's disturbances.

    Raises UnknownName for a task that there is not, and what the policy's file gives cause for.
    """
    from understudy.motion.formats.doors import existing_file
    from understudy.physics import beyond_mimic, cepr
    from understudy.physics.performing import perform
    from understudy.physics.policies import load_policy

    tasks = {"beyond-mimic": beyond_mimic, "cepr": cepr}
    if task not in tasks:
        raise UnknownName("task", task, tasks)
    trained = tasks[task]()
    trained = trained.undisturbed() if episodes == 1 else trained
    loaded = load_policy(existing_file(policy))
    return lambda motion, robot: perform([motion], robot, loaded, trained, seed, episodes)


def _together(clips: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Means over all clips, those that could not be performed among them, and over each kind of motion."""
    from understudy.evaluate import physical

    done = [clip for clip in clips if "metrics" in clip]
    rows = [{m["key"]: m["value"] for m in clip["metrics"] if m["value"] is not None} for clip in done]
    refused = [physical.REFUSED for clip in clips if clip.get("performed") is False]
    kinds = physical.pooled(rows, [clip["class"] for clip in done])
    return {**kinds, "all": physical.pooled([*rows, *refused])["all"]}


def _print(clips: Sequence[Mapping[str, Any]], together: Mapping[str, Mapping[str, float]]) -> None:
    done = [clip for clip in clips if "metrics" in clip]
    if len(clips) == 1:
        out().print(metric_table(done[0]))
        if (why := done[0]["why"]) is not None:
            err().print(f"{why[0].upper()}{why[1:]}; all is measured until then.", soft_wrap=True)
        return
    out().print(_clip_table(done))
    out().print(_table(done, together))


def _clip_table(done: Sequence[Mapping[str, Any]]) -> "Table":
    """A row for each performance: how it ended, and the numbers that matter most."""
    from rich.markup import escape
    from rich.table import Table

    shown = done[:ROWS]
    title = f"The first {len(shown)} of {len(done)} performances" if len(done) > len(shown) else None
    table = Table(title=title, title_justify="left")
    table.add_column("clip", overflow="fold")
    for name in ("kind", "ended"):
        table.add_column(name, no_wrap=True)
    for name in MOST.values():
        table.add_column(name, justify="right", no_wrap=True)
    for clip in shown:
        values = {metric["key"]: metric["value"] for metric in clip["metrics"]}
        cells = ("-" if (value := values.get(key)) is None else f"{value:.3g}" for key in MOST)
        ended = "finished" if clip["fell_at"] is None else f"fell at {clip['fell_at']:.2f} s"
        table.add_row(escape(clip["clip"]), clip["class"], ended, *cells)
    return table


def _table(done: Sequence[Mapping[str, Any]], together: Mapping[str, Mapping[str, float]]) -> "Table":
    """A row for each metric, a column for all clips and for each kind of motion."""
    from rich.table import Table

    table = Table(title="Means over performances", title_justify="left")
    table.add_column("metric")
    kinds = ("all", *(kind for kind in together if kind != "all"))
    for kind in kinds:
        table.add_column(f"{kind} ({together[kind]['clips']:.0f})", justify="right")
    table.add_column("unit")
    for metric in done[0]["metrics"]:
        values = [together[kind].get(metric["key"]) for kind in kinds]
        if any(value is not None for value in values):
            cells = ("-" if value is None else f"{value:.4g}" for value in values)
            table.add_row(metric["label"], *cells, metric["unit"])
    return table
