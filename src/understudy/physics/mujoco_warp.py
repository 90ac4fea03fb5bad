"""The GPU engine: MuJoCo Warp, which steps all robots at once. It runs on a CPU as well, one robot after another.

States and readings are tensors on the engine's device, in single precision. A control step runs in MuJoCo Warp's data,
into which robots are loaded and from which they are stored at its end. So a step whose contacts found no room is done
again with more, and a robot that comes into trouble stays what it was.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from understudy.errors import LimitError, MissingExtra, ShapeError
from understudy.physics.health import BAD_STATE, check_gains
from understudy.physics.model import FLOOR, compile_model
from understudy.physics.simulator import Array, PhysicsConfig, Readings, State
from understudy.robots.robot import Robot

try:
    import mujoco_warp as mjw  # pyright: ignore[reportMissingImports]
    import warp as wp  # pyright: ignore[reportMissingImports]
    from mujoco_warp._src.types import OverflowType  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise MissingExtra("mujoco-warp", "The GPU engine", 'pip install "understudy[physics]"') from error

from understudy.physics import warp_kernels as kernels

log = logging.getLogger(__name__)

VARIABLE = (
    "geom_friction",
    "body_mass",
    "body_inertia",
    "body_ipos",
    "dof_armature",
    "dof_damping",
    "actuator_gainprm",
    "actuator_biasprm",
)
"""Fields of the model that may differ from robot to robot."""
SLIPPERIEST = 0.05
"""With less friction than this, a G1 that slides while its targets jump ended in a fault within a second."""
_DERIVED = ("body_subtreemass", "dof_invweight0", "body_invweight0", "actuator_acc0")
_NAMES: Mapping[str, str] = {
    "warmstart": "qacc_warmstart",
    "motor": "actuator_force",
    "com": "subtree_com",
    "com_vel": "subtree_linvel",
}
"""Of arrays in MuJoCo Warp's data that the kernels call otherwise."""
_CONTACTS = OverflowType.BROADPHASE | OverflowType.NARROWPHASE | OverflowType.CCD
_ROWS = OverflowType.NEFC | OverflowType.NJMAX_NNZ


class MujocoWarp:
    """``count`` robots on one device, as ``simulator.Simulator`` describes. They begin in the home stance.

    ``contacts`` is for how many contacts there is room, on average over the robots; ``rows`` for how many rows of
    constraints each robot has room: four for a contact with the floor, one for a contact with itself, one for a joint
    at its limit or with dry friction. Where they do not do, they are doubled and the control step is done again, which
    the log tells.

    With ``own_models``, ``fields`` are the fields of ``VARIABLE`` as tensors, with a row for each robot that may be
    written; call ``settle`` afterwards. ``model`` is what they began with.

    Results are those of the CPU engine but for rounding, which falling and stepping robots magnify. On a CPU a
    simulation repeats itself to the bit, and neighbours change a robot by no more than rounding; on a GPU contacts are
    found in no fixed order, so that runs differ by rounding, too.

    Raises LimitError for gains that are unstable, robots that cannot be simulated, a floor like ice, and a device that
    is not there.
    """

    def __init__(
        self,
        robot: Robot,
        count: int,
        config: PhysicsConfig | None = None,
        device: str | torch.device | None = None,
        *,
        own_models: bool = False,
        contacts: int = 48,
        rows: int = 192,
    ):
        config = config or PhysicsConfig()
        if min(count, contacts, rows) < 1:
            raise LimitError(
                "At least one robot and room for one contact and one row are needed; got "
                f"{count}, {contacts} and {rows}."
            )
        if config.friction < SLIPPERIEST:
            raise LimitError(
                f"In single precision contacts need a friction of at least {SLIPPERIEST:g}; got {config.friction:g}."
            )
        self.robot, self.config, self.count = robot, config, count
        self.device = _device(device)
        self.model = compile_model(robot, config)
        skip = 7 if robot.fixed_base else 0
        stances = [robot.home[skip:], np.concatenate([robot.home[skip:7], robot.t_pose])]
        check_gains(self.model, np.array(stances))
        self.readings = _readings(robot, count, self.device)
        self._home = torch.as_tensor(robot.home, dtype=torch.float32, device=self.device)
        self._held = {
            "qpos": self._home.repeat(count, 1),
            "qvel": self._zeros(count, 6 + len(robot.joints)),
            "warmstart": self._zeros(count, 6 + len(robot.joints)),
        }
        self._targets = self._zeros(count, len(robot.joints))
        self._chosen, self._overflow = self._zeros(count).int(), self._zeros(1).int()
        self._room = {"contacts": contacts, "rows": rows}
        _announce_compilation()
        with _quiet(), wp.ScopedDevice(str(self.device)):
            self._prepare(own_models)
        self.fields: Mapping[str, Float[Tensor, "robot ..."]] = (
            {name: wp.to_torch(getattr(self._model, name)) for name in VARIABLE} if own_models else {}
        )
        self._make_room()
        self.reset(range(count), self.state())

    @property
    def dt(self) -> float:
        """Seconds of a control step."""
        return self.config.timestep * self.config.substeps

    def reset(self, which: Int[Array, "reset"] | Sequence[int], state: State) -> None:
        """Put the robots in the rows ``which`` into states, one for each or one for all, and clear their faults.

        Raises ShapeError for states that do not fit, LimitError for rows that do not exist. A state that is not made
        of numbers is that robot's fault, and no error.
        """
        rows = self._checked(which)
        for name, held in self._held.items():
            given = getattr(state, name)
            given = torch.as_tensor(0.0 if given is None else given, dtype=torch.float32, device=self.device)
            if given.ndim and given.shape not in ((len(rows), held.shape[1]), (1, held.shape[1])):
                raise ShapeError(
                    f"{name} of {len(rows)} robots needs the shape {(len(rows), held.shape[1])}, or one row; "
                    f"got {tuple(given.shape)}."
                )
            held[rows] = given
        if self.robot.fixed_base:
            self._held["qpos"][rows, :7], self._held["qvel"][rows, :6] = self._home[:7], 0.0
        self._chosen.zero_()
        self._chosen[rows] = 1
        self._run(self._look)

    def step(self, targets: Float[Array, "robot dof"]) -> Readings:
        """One control step under joint targets (rad); returns ``readings``. Robots with a fault stand still."""
        if np.shape(targets) != self._targets.shape:
            raise ShapeError(
                f"targets need the shape {tuple(self._targets.shape)}; got {tuple(np.shape(targets))}."
            )
        self._targets.copy_(torch.as_tensor(targets))
        self._run(self._advance)
        while spilled := int(self._overflow):
            self._grow(spilled)
            self._run(self._advance)
        return self.readings

    def state(self, which: Int[Array, "some"] | Sequence[int] | None = None) -> State:
        """A copy of the states of some robots, or of all; exact."""
        rows = slice(None) if which is None else self._checked(which)
        return State(**{name: held[rows].clone() for name, held in self._held.items()})

    def settle(self) -> None:
        """Compute anew what follows from the ``fields``; call it after changing any of them."""
        with self._on_stream():
            mjw.set_const(self._model, self._data, restore=False)

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros(shape, device=self.device)

    def _prepare(self, own_models: bool) -> None:
        """The model on the device, and what kernels read and write."""
        robot, count = self.robot, self.count
        disable = mujoco.mjtDisableBit
        self.model.opt.disableflags |= int(disable.mjDSBL_SENSOR)  # our kernels measure more cheaply
        self.model.opt.disableflags &= ~int(disable.mjDSBL_MIDPHASE)
        own = dict.fromkeys((*VARIABLE, *_DERIVED), count) if own_models else {}
        try:
            self._model = mjw.put_model(self.model, batch_sizes=own)
        except (NotImplementedError, ValueError) as error:
            raise LimitError(f"MuJoCo Warp cannot simulate {robot.name!r}: {error}") from error
        self._model.opt.warn_overflow = False  # the engine itself looks after it
        self._model.callback.contactfilter = self._aligning
        self._rows = _filled(kernels.Rows(), home=self._home, **self._held)
        self._seen = _filled(kernels.Seen(), **vars(self.readings))
        self._step = _filled(
            kernels.Step(),
            targets=self._targets,
            chosen=self._chosen,
            overflow=self._overflow,
            trouble=self._zeros(count).int(),
            before=self._zeros(count, len(robot.joints)),
            touches=self._zeros(count).int(),
        )
        limit = torch.as_tensor(robot.effort_limit, dtype=torch.float32, device=self.device)
        self._constants = _filled(kernels.Constants(), limit=limit)
        self._constants.body, self._constants.kind = self._model.geom_bodyid, self._model.geom_type
        self._constants.floor = self.model.geom(FLOOR).id
        self._constants.timestep, self._constants.substeps = self.config.timestep, self.config.substeps
        self._constants.curable = int(_CONTACTS | _ROWS)

    def _make_room(self) -> None:
        """MuJoCo Warp's data, and the recordings of what is launched over and over."""
        with _quiet(), wp.ScopedDevice(str(self.device)):
            data = mjw.make_data(
                self.model, self.count, nconmax=self._room["contacts"], njmax=self._room["rows"]
            )
            scratch: Any = kernels.Scratch()
            for name in scratch._cls.vars:
                setattr(scratch, name, getattr(data, _NAMES.get(name, name)))
            self._data, self._scratch, self._contacts = data, scratch, kernels.Contacts()
            self._contacts.count, self._contacts.robot = data.nacon, data.contact.worldid
            self._contacts.geom, self._contacts.frame = data.contact.geom, data.contact.frame
            self._contacts.force = wp.zeros(data.naconmax, dtype=wp.spatial_vector)
            self._numbers = wp.array(np.arange(data.naconmax), dtype=int)
            wp.synchronize_device()
            self._look, self._advance = self._recorded(self._looking), self._recorded(self._advancing)

    def _recorded(self, launch: Callable[[], None]) -> Callable[[], None]:
        """The same launches, recorded, so that Python is not in the way: a GPU would wait for it most of the time."""
        faults = self.readings.fault.clone()
        self.readings.fault.fill_(BAD_STATE)  # so that nothing moves while everything is compiled
        self._chosen.zero_()
        self._run(launch)
        self.readings.fault.copy_(faults)
        device = wp.get_device()
        if device.is_cuda and not (wp.is_conditional_graph_supported() and wp.is_mempool_enabled(device)):
            log.warning("This GPU's driver cannot record loops (12.4 can), so the simulator is slower.")
            return launch
        wp.synchronize_device()
        with _uncollected(), wp.ScopedCapture() as capture:
            launch()
        return lambda: wp.capture_launch(capture.graph)

    def _run(self, launch: Callable[[], None]) -> None:
        with self._on_stream():
            launch()

    def _on_stream(self) -> Any:
        """Where torch's work is queued, too."""
        if self.device.type == "cpu":
            return wp.ScopedDevice("cpu")
        return wp.ScopedStream(wp.stream_from_torch(self.device), sync_enter=False)

    def _looking(self) -> None:
        wp.launch(kernels.admit, dim=self.count, inputs=[self._rows, self._scratch, self._step, self._seen])
        self._observing()

    def _advancing(self) -> None:
        model, data, count = self._model, self._data, self.count
        rows, constants, scratch = self._rows, self._constants, self._scratch
        step, seen = self._step, self._seen
        wp.launch(kernels.begin, dim=count, inputs=[rows, scratch, step, seen])
        for _ in range(self.config.substeps):
            mjw.forward(model, data)
            mjw.contact_force(model, data, self._numbers, True, self._contacts.force)
            wp.launch(kernels.touch, dim=data.naconmax, inputs=[self._contacts, constants, step, seen])
            wp.launch(kernels.measure, dim=count, inputs=[constants, scratch, step, seen])
            mjw.implicit(model, data)
            wp.launch(kernels.moved, dim=count, inputs=[rows, constants, scratch, step, seen])
        wp.launch(kernels.spill, dim=count, inputs=[constants, scratch, step])
        wp.launch(kernels.finish, dim=count, inputs=[rows, constants, scratch, step, seen])
        self._observing()

    def _aligning(self, model: Any, data: Any) -> None:  # noqa: ARG002 (what MuJoCo Warp hands over)
        inputs = [self._contacts, self._constants, self._scratch]
        wp.launch(kernels.align, dim=data.naconmax, inputs=inputs)

    def _observing(self) -> None:
        for compute in (mjw.kinematics, mjw.com_pos, mjw.com_vel, mjw.subtree_vel):
            compute(self._model, self._data)
        shape = self.readings.body_pos.shape[:2]
        wp.launch(kernels.observe, dim=tuple(shape), inputs=[self._scratch, self._step, self._seen])

    def _grow(self, spilled: int) -> None:
        for kind, bits in (("contacts", _CONTACTS), ("rows", _ROWS)):
            if spilled & bits:
                self._room[kind] *= 2
        log.warning(
            "The simulator's room was too small and is now %d contacts and %d rows for each robot.",
            *self._room.values(),
        )
        self._make_room()

    def _checked(self, which: Int[Array, "some"] | Sequence[int]) -> Int[Tensor, "some"]:
        rows = torch.as_tensor(which, dtype=torch.long, device=self.device).reshape(-1)
        if len(rows):
            low, high = (int(bound) for bound in torch.aminmax(rows))
            if low < 0 or high >= self.count:
                raise LimitError(f"Rows lie between 0 and {self.count - 1}; got {low} to {high}.")
        return rows


def _device(asked: str | torch.device | None) -> torch.device:
    """Raises LimitError for one that is not there."""
    found = torch.cuda.device_count()
    try:
        device = torch.device(asked or ("cuda" if found else "cpu"))
    except RuntimeError as error:
        raise LimitError(f"torch knows no device {asked!r}; say 'cpu', 'cuda' or 'cuda:1'.") from error
    if device.type == "cuda" and device.index is None and found:
        device = torch.device("cuda", torch.cuda.current_device())
    if device.type != "cpu" and not (device.type == "cuda" and (device.index or 0) < found):
        raise LimitError(
            f"The simulator has no device {str(asked)!r}: it runs on 'cpu' and on CUDA devices, of which torch "
            f"{torch.__version__} sees {found}."
        )
    return device


def _filled(struct: Any, **tensors: Tensor) -> Any:
    """A struct of Warp that shows the memory of tensors; the numbers of its vectors lie along the last axis."""
    for name, tensor in tensors.items():
        setattr(struct, name, wp.from_torch(tensor, dtype=struct._cls.vars[name].type.dtype))
    return struct


def _readings(robot: Robot, count: int, device: torch.device) -> Readings:
    dofs, bodies = len(robot.joints), len(robot.bodies)

    def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros((count, *shape), dtype=dtype, device=device)

    joints = ("joint_pos", "joint_vel", "torque", "saturation", "work")
    vectors = ("body_pos", "body_lin_vel", "body_ang_vel", "ground_force")
    return Readings(
        time=zeros(),
        **{name: zeros(dofs) for name in joints},
        **{name: zeros(bodies, 3) for name in vectors},
        body_quat=zeros(bodies, 4),
        com_pos=zeros(3),
        com_vel=zeros(3),
        self_contacts=zeros(dtype=torch.int32),
        self_force=zeros(),
        fault=zeros(dtype=torch.int32),
    )


def _announce_compilation() -> None:
    """Say once that kernels are being compiled, when none is in the cache."""
    with _quiet():
        wp.init()
    if not any(Path(wp.config.kernel_cache_dir).glob("wp_understudy.physics.warp_kernels_*")):
        log.warning("Compiling the simulator's kernels for this machine, once; this takes a minute or more.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Warp tells of everything that it compiles; we tell once."""
    level = wp.config.log_level
    wp.config.log_level = max(level, wp.LOG_WARNING)
    try:
        yield
    finally:
        wp.config.log_level = level


@contextmanager
def _uncollected() -> Iterator[None]:
    """No recording that is thrown away may be taken apart while another one is made: that would be recorded."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
