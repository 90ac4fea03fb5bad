"""Trained policies from files: ONNX as BeyondMimic and mjlab export it, with its own account of how it was trained.

Such a file holds a network, ``obs`` → ``actions``, and as text beside it the names of its joints, their home positions
and gains, the scale of its actions, and the names of what it observes. It may hold its own reference, which it gives
out for an input ``time_step``; here it is shown other references, and that one is left alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from understudy.errors import FormatError, MissingExtra, ShapeError, SkeletonMismatch, UnknownName
from understudy.physics import observations as see
from understudy.physics.gains import Gains
from understudy.physics.moment import Moment
from understudy.physics.observations import Observation
from understudy.physics.tasks import TrackingTask
from understudy.robots.robot import Robot

Term = Callable[[Moment], Tensor]
JOINTS: Mapping[str, tuple[Term, ...]] = {
    "command": (see.reference_joint_pos, see.reference_joint_vel),
    "joint_pos": (see.joint_pos,),
    "joint_vel": (see.joint_vel,),
    "actions": (see.last_action,),
}
"""What has a column for each joint, by its name in the file, …"""
OTHERS: Mapping[str, tuple[Term, int, bool]] = {
    "motion_anchor_pos_b": (see.anchor_pos, 3, False),
    "motion_anchor_ori_b": (see.anchor_axes, 6, False),
    "base_lin_vel": (see.root_lin_vel, 3, False),
    "base_ang_vel": (see.root_ang_vel, 3, False),
    "body_pos": (see.body_pos_from_anchor, 3, True),
    "body_ori": (see.body_axes_from_anchor, 6, True),
}
"""… and what has not: the term, its columns, and whether each tracked body has as many."""
NEEDED = (
    "joint_names",
    "default_joint_pos",
    "joint_stiffness",
    "joint_damping",
    "action_scale",
    "observation_names",
)
WIDEST = 100_000
"""Nothing sees more numbers than this."""
HISTORY = ("observation_terms_history_length", "observation_history_lengths")


@dataclass(frozen=True, eq=False)
class Policy:
    """A trained policy: what it sees, in the order in which it sees it, and what its actions mean.

    Arrays are in the order of ``joints``, the policy's own: an action a sends them to ``default_joint_pos`` (rad) +
    ``action_scale`` · a, under ``stiffness`` (Nm/rad) and ``damping`` (Nms/rad). ``scales`` and ``clips`` are those of
    the observations, row by row. Bodies are empty where the file does not name them.
    """

    name: str
    act: Callable[[Float[np.ndarray, "robot seen"]], Float[np.ndarray, "robot dof"]]
    width: int
    joints: tuple[str, ...]
    default_joint_pos: Float[np.ndarray, "dof"]
    action_scale: Float[np.ndarray, "dof"]
    stiffness: Float[np.ndarray, "dof"]
    damping: Float[np.ndarray, "dof"]
    observations: tuple[str, ...]
    scales: tuple[float, ...]
    clips: tuple[tuple[float, ...], ...]
    bodies: tuple[str, ...] = ()
    anchor: str = ""

    def fit(self, robot: Robot, task: TrackingTask) -> "Fitted":
        """The robot, the task and the gains with which it was trained.

        Raises SkeletonMismatch for a robot with other joints, UnknownName for observations that no task here has, and
        ShapeError where what it names is not as wide as what its network takes.
        """
        if set(self.joints) != set(robot.joints) or len(self.joints) != len(robot.joints):
            odd = sorted(set(self.joints) ^ set(robot.joints))
            raise SkeletonMismatch(
                f"The policy {self.name} moves {len(self.joints)} joints and {robot.name!r} has {len(robot.joints)}; "
                f"they differ in {', '.join(odd[:4])}. Use the robot that the policy was trained on."
            )
        theirs = [robot.joints.index(name) for name in self.joints]
        ours = [self.joints.index(name) for name in robot.joints]
        task = replace(task, bodies=self.bodies or task.bodies, anchor=self.anchor or task.anchor)
        table, widths = self._table(theirs, task)
        if sum(widths.values()) != self.width:
            told = ", ".join(f"{name} {width}" for name, width in widths.items())
            raise ShapeError(
                f"The network of {self.name} takes {self.width} numbers, and what it names has "
                f"{sum(widths.values())}: {told}. The file does not describe its own network."
            )
        home = np.concatenate([robot.home[:7], self.default_joint_pos[ours].astype(robot.home.dtype)])
        return Fitted(
            replace(robot, home=home),
            replace(task, actor=table),
            Gains(self.stiffness[ours], self.damping[ours]),
            self.action_scale[ours],
            lambda seen: torch.from_numpy(self.act(seen.cpu().numpy())[:, ours]).to(seen),
        )

    def _table(
        self, theirs: Sequence[int], task: TrackingTask
    ) -> tuple[dict[str, Observation], dict[str, int]]:
        """The rows that the policy sees, in its own order of joints, with the task's noise; and how wide each is."""
        noise = {row.term: row.noise for row in task.actor.values()}
        table: dict[str, Observation] = {}
        widths: dict[str, int] = {}
        for name, scale, clip in zip(self.observations, self.scales, self.clips, strict=True):
            if name in JOINTS:
                terms, rows, width = JOINTS[name], list(theirs), len(theirs)
            elif name in OTHERS:
                term, width, each = OTHERS[name]
                terms, rows, width = (term,), None, width * (len(task.bodies) if each else 1)
            else:
                raise UnknownName("observation", name, (*JOINTS, *OTHERS))
            for term in terms:
                shown = _shown(term, rows, scale, clip)
                table[f"{name}_{term.__name__}"] = Observation(shown, abs(scale) * noise.get(term, 0.0))
            widths[name] = len(terms) * width
        return table, widths


@dataclass(frozen=True, eq=False)
class Fitted:
    """A policy with what it needs about it: the robot whose home is its own, its task, gains and scale of actions.

    ``act`` takes what the task's actor sees and gives actions; all is in the order of the robot's joints.
    """

    robot: Robot
    task: TrackingTask
    gains: Gains
    action_scale: Float[np.ndarray, "dof"]
    act: Callable[[Float[Tensor, "robot seen"]], Float[Tensor, "robot dof"]]


def _shown(term: Term, rows: list[int] | None, scale: float, clip: tuple[float, ...]) -> Term:
    """A term as a policy saw it: its columns in their order, clipped, then scaled, as mjlab does."""

    def shown(m: Moment) -> Tensor:
        seen = term(m) if rows is None else term(m)[:, rows]
        return scale * seen.clamp(*clip)

    return shown


def load_policy(path: str | Path) -> Policy:
    """Read an ONNX policy.

    Raises MissingExtra without onnxruntime; FormatError for a file that is no policy, has a memory, sees several
    instants at once, or lacks some of its own account.
    """
    path = Path(path)
    runtime, failures = _runtime()
    if not path.is_file():
        raise FormatError(path, "there is no such file.")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # the simulator has the cores
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(str(path), options, ["CPUExecutionProvider"], enable_fallback=0)
        inputs = {i.name: i for i in session.get_inputs()}
        outputs = [o.name for o in session.get_outputs()]
        told = dict(session.get_modelmeta().custom_metadata_map)
        width = _width(path, inputs, outputs)
        act = _network(session, inputs)
        answer = act(np.zeros((1, width), np.float32))
    except (*failures, ValueError) as error:
        raise FormatError(path, f"it is no network that onnxruntime can run: {error}") from error
    policy = _described(path, told, width, act)
    if answer.shape != (1, len(policy.joints)) or answer.dtype.kind != "f":
        raise FormatError(
            path,
            f"its actions are {answer.dtype} of the shape {answer.shape} for {len(policy.joints)} joints.",
        )
    return policy


def _runtime() -> tuple[Any, tuple[type[Exception], ...]]:
    """The runtime, and all that it raises."""
    try:
        runtime = import_module("onnxruntime")
        raised = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    except ImportError as error:
        raise MissingExtra(
            "onnxruntime", "Playing an ONNX policy", 'pip install "understudy[policy]"'
        ) from error
    return runtime, tuple(
        c for c in vars(raised).values() if isinstance(c, type) and issubclass(c, Exception)
    )


def _width(path: Path, inputs: Mapping[str, Any], outputs: Sequence[str]) -> int:
    """How many numbers a policy sees. Raises FormatError for a network that is none."""
    if "obs" not in inputs or set(inputs) - {"obs", "time_step"} or "actions" not in outputs:
        raise FormatError(
            path,
            "a policy has the input 'obs', perhaps 'time_step', and the output 'actions'; this network has "
            f"{', '.join(inputs) or 'none'} and {', '.join(outputs) or 'none'}. Policies with a memory are not played.",
        )
    shape, kind = inputs["obs"].shape, inputs["obs"].type
    fits = len(shape) == 2 and isinstance(shape[1], int) and 0 < shape[1] < WIDEST
    if not fits or (isinstance(shape[0], int) and shape[0] != 1) or kind != "tensor(float)":
        raise FormatError(
            path, f"its input 'obs' must be one row of floats, or any number; it is {kind} {shape}."
        )
    return shape[1]


def _network(
    session: Any, inputs: Mapping[str, Any]
) -> Callable[[Float[np.ndarray, "robot seen"]], Float[np.ndarray, "robot dof"]]:
    """The network as a function of any number of rows; mjlab's exporters write networks that take only one."""
    rest = {}
    if "time_step" in inputs:
        whole = "int" in inputs["time_step"].type
        rest["time_step"] = np.zeros((1,) * len(inputs["time_step"].shape), np.int64 if whole else np.float32)
    one_by_one = isinstance(inputs["obs"].shape[0], int)

    def act(seen: Float[np.ndarray, "robot seen"]) -> Float[np.ndarray, "robot dof"]:
        seen = np.ascontiguousarray(seen, np.float32)
        batches = [seen[i : i + 1] for i in range(len(seen))] if one_by_one else [seen]
        return np.concatenate([session.run(["actions"], {"obs": some, **rest})[0] for some in batches])

    return act


def _described(path: Path, told: Mapping[str, str], width: int, act: Callable[..., Any]) -> Policy:
    """The policy of a network and its metadata. Raises FormatError for entries that are missing or do not fit."""
    if missing := [name for name in NEEDED if name not in told]:
        raise FormatError(
            path,
            f"nothing in it tells {', '.join(missing)}, so it is not known what the network sees and moves. Export it "
            "with BeyondMimic's or mjlab's exporter, which write these as metadata.",
        )
    joints = tuple(told["joint_names"].split(","))
    names = tuple(told["observation_names"].split(","))
    if len(set(joints)) != len(joints) or len(set(names)) != len(names):
        raise FormatError(path, "it names a joint or an observation twice.")
    for key in HISTORY:
        if any(length > 1 for row in _rows(path, told, key) for length in row):
            raise FormatError(
                path, f"it sees several instants at once ({key}: {told[key]}), which no task here shows."
            )
    dof = len(joints)
    return Policy(
        path.name,
        act,
        width,
        joints,
        _numbers(path, told, "default_joint_pos", dof),
        _numbers(path, told, "action_scale", dof),
        _numbers(path, told, "joint_stiffness", dof),
        _numbers(path, told, "joint_damping", dof),
        names,
        tuple(scale for (scale,) in _each(path, told, "observation_terms_scale", len(names), (1.0,))),
        _each(path, told, "observation_terms_clip", len(names), (-np.inf, np.inf)),
        tuple(told["body_names"].split(",")) if told.get("body_names") else (),
        told.get("anchor_body_name", ""),
    )


def _rows(path: Path, told: Mapping[str, str], key: str) -> list[tuple[float, ...]]:
    """An entry's numbers: rows parted by commas, a row's own parts by semicolons. Raises FormatError."""
    try:
        return (
            [tuple(float(x) for x in row.split(";")) for row in told[key].split(",")] if told.get(key) else []
        )
    except ValueError as error:
        raise FormatError(path, f"its entry {key!r} is not made of numbers: {told[key][:60]!r}.") from error


def _numbers(path: Path, told: Mapping[str, str], key: str, count: int) -> Float[np.ndarray, "dof"]:
    """One finite number for each joint; a single one holds for all."""
    rows = _rows(path, told, key)
    values = np.array([row[0] for row in rows])
    if any(len(row) != 1 for row in rows) or len(values) not in (1, count) or not np.isfinite(values).all():
        raise FormatError(
            path, f"its entry {key!r} needs a finite number for each of {count} joints; it has {told[key]!r}."
        )
    return np.broadcast_to(values, (count,)).copy()


def _each(
    path: Path, told: Mapping[str, str], key: str, count: int, usual: tuple[float, ...]
) -> tuple[tuple[float, ...], ...]:
    """A row for each observation, with as many numbers as the usual one, which stands where the file has no entry."""
    rows = _rows(path, told, key) or [usual] * count
    if len(rows) != count or any(len(row) != len(usual) or np.isnan(row).any() for row in rows):
        raise FormatError(
            path,
            f"its entry {key!r} needs {len(usual)} numbers for each of {count} observations; it has "
            f"{told[key][:60]!r}.",
        )
    return tuple(rows)
