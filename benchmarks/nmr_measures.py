"""What ``benchmarks.nmr`` measures beside the tables: an arm that rises, the stream, and speed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from understudy.evaluate import benchmark, pooling
from understudy.learn.features import anchor_of, encode_human
from understudy.learn.tracks import body_size, human_tracks
from understudy.motion import HumanMotion, RobotMotion, sample
from understudy.protocols import Retargeter
from understudy.retarget.live_ik import as_batch
from understudy.retarget.nmr import NMR, NMRConfig
from understudy.retarget.nmr_live import NMRLive, NMRLiveConfig
from understudy.retarget.nmr_running import Tracks, run
from understudy.robots.robot import Robot


@dataclass(frozen=True)
class Window:
    """A part of a clip, in seconds."""

    clip: str
    start: float
    end: float


ARM = Window("permissive/cmu_daz/05/05_16.bvh", 2.7, 4.3)
"""A dancer's arms rise and come down. Of the validation clips, the one where gmr-like's shoulders jump most."""
JOINT = "right_shoulder_roll_joint"
FAULTY = "permissive/cmu_iclone/005/005_17.bvh"
"""The validation clip that Fig. 6 spoils."""
AHEAD = (0.0, 1 / 30, 0.1, 0.2, 0.3, 0.5)
"""Seconds that the stream may wait."""
STREAMED = (
    "keypoint_error",
    "keypoint_error_world",
    "orientation_error",
    "jerk_mean",
    "joint_jumps",
    "flat_skating",
    "above_motor_speed",
)
LONG, SHORT = (1, 7200), (32, 225)
"""Clips and frames of each, at 30 a second, that are timed: one of four minutes, and as much in pieces of 7.5 s."""
REPEATS = 3
"""Of every timing; the least counts: other work on the machine disturbs that one least."""


def arm_raise(robot: Robot, human: HumanMotion, made: Mapping[str, RobotMotion]) -> dict[str, Any]:
    """A joint against time, by method (rad), its range, and what each did at most within a frame and within 0.2 s."""
    joint = robot.joints.index(JOINT)
    first, last = round(ARM.start * human.fps), round(ARM.end * human.fps)
    curves = {name: motion.joint_pos[first : last + 1, joint].astype(float) for name, motion in made.items()}
    wide = round(0.2 * human.fps)
    return {
        "clip": ARM.clip,
        "joint": JOINT,
        "fps": human.fps,
        "start": ARM.start,
        "range": [float(robot.lower[joint]), float(robot.upper[joint])],
        "curves": {name: np.round(curve, 4).tolist() for name, curve in curves.items()},
        "step": {name: float(np.abs(np.diff(curve)).max()) for name, curve in curves.items()},
        "within": {name: float(np.abs(curve[wide:] - curve[:-wide]).max()) for name, curve in curves.items()},
    }


def look_ahead(robot: Robot, checkpoint: str, humans: Mapping[str, HumanMotion]) -> dict[str, Any]:
    """Pooled metrics of the stream for each of ``AHEAD``, and of the whole clips at once."""
    rows = []
    for seconds in AHEAD:
        live = NMRLive(robot, NMRLiveConfig(checkpoint, look_ahead=seconds))
        rows.append({"ahead": seconds, **_pooled(humans, as_batch(live))})
    batch = {
        name: _pooled(humans, NMR(robot, NMRConfig(checkpoint, heal=heal)))
        for name, heal in (("whole clips", True), ("whole clips, not healed", False))
    }
    frames = sum(human.frames for human in humans.values())
    return {"clips": len(humans), "frames": frames, "rows": rows, "batch": batch}


def _pooled(humans: Mapping[str, HumanMotion], method: Retargeter) -> dict[str, Any]:
    results = [benchmark.measure(name, human, "nmr", method) for name, human in humans.items()]
    values = {key: p.value for key, p in pooling.pool(results).items() if key in STREAMED}
    fast = pooling.speed(results)
    failed = sum(bool(r.error) for r in results)
    return {**values, "failed": failed, "ms_a_frame": None if fast is None else 1e3 / fast.per_cpu_second}


def speed(robot: Robot, checkpoint: str, device: str, batch: int) -> dict[str, Any]:
    """Frames a second from clip to clip, without healing, from landmarks to poses, and of the network alone; in single
    precision, and with products in bfloat16 together with what that changes."""
    rows, joints = [], {}
    for precision in ("float32", "bfloat16"):
        nmr = NMR(robot, NMRConfig(checkpoint, batch=batch, precision=precision, device=device))
        bare = NMR(robot, replace(nmr.config, heal=False))
        for count, frames in (LONG, SHORT):
            humans = [to_and_fro(frames)] * count
            works = {
                "clip to clip": lambda some=humans, method=nmr: method(some),
                "clip to clip, not healed": lambda some=humans, method=bare: method(some),
                "landmarks to poses": _running(nmr, humans),
                "the network alone": _network(nmr, count * frames),
            }
            for what, work in works.items():
                cpu, wall = _timed(work)
                fast = {"per_cpu_second": count * frames / cpu, "per_second": count * frames / wall}
                rows.append({"what": what, "precision": precision, "clips": count, "frames": frames, **fast})
        joints[precision] = nmr([sample.demo(fps=30.0)])[0].joint_pos.astype(float)
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "one core of the processor"
    halved = {"chunk": nmr.config.chunk, "overlap": nmr.config.overlap, **_changed(*joints.values())}
    return {"device": name, "batch": batch, "rows": rows, "bfloat16": halved}


def _changed(plain: np.ndarray, halved: np.ndarray) -> dict[str, float]:
    """What lower precision did to joints (rad)."""
    off = np.rad2deg(np.abs(halved - plain))
    bends = [float(np.abs(np.diff(q, n=3, axis=0)).mean()) for q in (plain, halved)]
    return {"mean_deg": float(off.mean()), "most_deg": float(off.max()), "jerk_ratio": bends[1] / bends[0]}


def to_and_fro(frames: int) -> HumanMotion:
    """The demo forwards and backwards, over and over, for so many frames at 30 a second."""
    human = sample.demo(fps=30.0)
    way = np.arange(frames) % (2 * human.frames)
    at = np.minimum(way, 2 * human.frames - 1 - way)
    return replace(human, pos=human.pos[at], quat=human.quat[at], tracks={})


def _running(nmr: NMR, humans: Sequence[HumanMotion]) -> Callable[[], object]:
    """Features, chunks, network, decoding, for landmarks that are at hand."""
    c = nmr.config
    tracks = [_tracks(human) for human in humans]
    return lambda: run(nmr.model, tracks, c.chunk, c.overlap, c.batch)


def _network(nmr: NMR, frames: int) -> Callable[[], object]:
    """The network over so many frames of features, in whole batches of chunks and a part of one."""
    c = nmr.config
    tracks = _tracks(to_and_fro(c.chunk))
    pos, quat = (torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in (tracks.pos, tracks.quat))
    features = encode_human(pos, quat, anchor_of(pos, quat, tracks.size), nmr.model.config.kind).to(c.device)
    whole, rest = divmod(-(-frames // c.chunk), c.batch)
    batches = [features.expand(size, -1, -1) for size in [c.batch] * whole + [rest] * (rest > 0)]

    @torch.inference_mode()
    def work() -> float:
        made = [nmr.model.network(x) for x in batches]
        return float(made[-1][0, 0, 0])  # waits for the device

    return work


def _tracks(human: HumanMotion) -> Tracks:
    pos, quat = human_tracks(human)
    return Tracks(pos, quat, body_size(pos))


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the processor and on the wall: the least of some runs, after one that does not count."""
    work()
    spent = []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        spent.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(cpu for cpu, _ in spent), min(wall for _, wall in spent)
