"""DeepMimic's clips: JSON with one row of 44 numbers a frame, for its humanoid of 13 moving joints.

A row is the frame's duration (s), the root's position (m) and rotation, then the joints: chest, neck, then of the right
side hip, knee, ankle, shoulder, elbow, then those of the left. Knees and elbows are one angle (rad) about the axis
that points right, everything else a quaternion, wxyz. The file's frame: x forward, y up, z right.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, LimitError
from understudy.motion.body_model import standing_skeleton
from understudy.motion.formats.bvh_pose import world_poses
from understudy.motion.formats.doors import LARGEST, existing_file
from understudy.motion.landmarks import LANDMARKS
from understudy.motion.types import HumanMotion, Origin, Skeleton
from understudy.rotations import quat_about, quat_continuous, quat_normalize, quat_slerp

COLUMNS = 44
WORLD = [0, 2, 1]
"""The file's axes that the world's x, y and z are; y is turned round besides, for the file's z points right."""
UNIT_LENGTH = 0.5
"""How far a quaternion may be from unit length before it is damage. The set's clips were edited by hand, component
by component, and one of them is off by 0.37."""
EVEN = 1e-3
"""Part of a frame's duration by which it may differ from the others."""
FASTEST = 2000.0


@dataclass(frozen=True)
class Joint:
    """A joint of the humanoid: its parent, its place there at rest in world axes (m), and where its rotation begins
    in a row. Joints without columns are fixed: they mark parts of the body that the humanoid has no joint for."""

    parent: str | None
    offset: tuple[float, float, float]
    column: int | None = None
    hinge: bool = False


def _humanoid() -> dict[str, Joint]:
    """The character of humanoid3d: facts of its description, and landmarks by the size of its head, hands and feet."""
    joints = {
        "root": Joint(None, (0.0, 0.0, 0.0), 4),
        "spine": Joint("root", (0.0, 0.0, 0.105)),
        "chest": Joint("root", (0.0, 0.0, 0.236151), 8),
        "neck": Joint("chest", (0.0, 0.0, 0.223894), 12),
        "head": Joint("neck", (0.0, 0.0, 0.09)),
    }
    for side, sign, start in (("right", -1.0, 16), ("left", 1.0, 30)):
        joints |= {
            f"{side}_hip": Joint("root", (0.0, sign * 0.084887, 0.0), start),
            f"{side}_knee": Joint(f"{side}_hip", (0.0, 0.0, -0.421546), start + 4, hinge=True),
            f"{side}_ankle": Joint(f"{side}_knee", (0.0, 0.0, -0.409870), start + 5),
            f"{side}_toe": Joint(f"{side}_ankle", (0.093, 0.0, -0.035)),
            f"{side}_collar": Joint("chest", (-0.02405, sign * 0.03, 0.22)),
            f"{side}_shoulder": Joint("chest", (-0.02405, sign * 0.18311, 0.24350), start + 9),
            f"{side}_elbow": Joint(f"{side}_shoulder", (0.0, 0.0, -0.274788), start + 13, hinge=True),
            f"{side}_wrist": Joint(f"{side}_elbow", (0.0, 0.0, -0.258947)),
            f"{side}_hand": Joint(f"{side}_wrist", (0.0, 0.0, -0.08)),
        }
    return joints


HUMANOID = _humanoid()


def recognises(path: Path) -> bool:
    """JSON with a list called Frames, whatever the file's name ends in."""
    head = path.read_bytes()[:4096].lstrip()
    return head.startswith(b"{") and b'"Frames"' in head


def read(path: str | Path, *, fps: float | None = None) -> HumanMotion:
    """Read a clip; a body facing the file's x faces the world's x. ``fps`` (1/s) overrides the frames' durations.

    Frames of unequal durations are resampled to the most usual one. Raises FormatError for files that are none, and
    LimitError for an impossible rate.
    """
    path = existing_file(path)
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise LimitError(f"fps must be a positive number of frames a second; got {fps}.")
    record, rows = _rows(path)
    rate, times, said = _times(path, rows[:, 0], fps)
    inferred = {"fps": said, "up": "y: the format's rule", "body": "the humanoid of DeepMimic (humanoid3d)"}
    inferred["placed"] = (
        "spine, collars, hands and toes by the size of the humanoid's parts, which move with others"
    )
    if record.get("Loop") == "wrap":
        inferred["loop"] = "the clip is one turn of a cycle"
    root = rows[:, 1:4][:, WORLD] * [1.0, -1.0, 1.0]
    root, quat = _resampled(root, _local(path, rows), times, rate)
    skeleton = _skeleton()
    local = np.repeat(skeleton.offsets[None].astype(np.float64), len(root), axis=0)
    local[:, 0] = root
    pos, quat = world_poses(skeleton.parents, local, quat)
    origin = Origin(source=path.name, inferred=inferred).after("read", format="deepmimic-json", fps=fps)
    return HumanMotion(skeleton, rate, pos, quat, origin=origin)


def _skeleton() -> Skeleton:
    rest: dict[str, np.ndarray] = {}
    for name, joint in HUMANOID.items():
        rest[name] = np.array(joint.offset) + (rest[joint.parent] if joint.parent else 0.0)
    parents = {name: joint.parent for name, joint in HUMANOID.items()}
    marks = {mark: "root" if mark == "pelvis" else mark for mark in LANDMARKS}
    return standing_skeleton("humanoid3d", parents, rest, marks)


def _rows(path: Path) -> tuple[dict[str, Any], Float[np.ndarray, "time 44"]]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(path, f"this is no JSON, or not the whole of it ({error}).") from error
    frames = record.get("Frames") if isinstance(record, dict) else None
    if not isinstance(frames, list) or not frames:
        raise FormatError(path, "a DeepMimic clip is a JSON object with a list called Frames; there is none.")
    for number, row in enumerate(frames):
        if not isinstance(row, list) or len(row) != COLUMNS:
            count = len(row) if isinstance(row, list) else "no"
            problem = f"frame {number} has {count} numbers; those of DeepMimic's humanoid have {COLUMNS}."
            raise FormatError(path, problem)
    try:
        rows = np.array(frames, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise FormatError(path, f"Frames holds more than numbers ({error}).") from error
    bad = ~(np.abs(rows) < LARGEST).all(axis=1)
    if bad.any():
        raise FormatError(
            path, f"frame {int(np.argmax(bad))} holds values that are no numbers (NaN, infinite or huge)."
        )
    return record, rows


def _times(
    path: Path, durations: Float[np.ndarray, "time"], fps: float | None
) -> tuple[float, Float[np.ndarray, "time"], str]:
    """The frame rate, when each frame is (s), and a sentence. The last frame's duration says nothing."""
    steps = durations[:-1]
    usual = float(np.median(steps)) if len(steps) else float(durations[0])
    if fps is not None:
        return float(fps), np.arange(len(durations)) / fps, f"{fps:g}: as given"
    if len(durations) == 1 and usual == 0.0:
        return 30.0, np.zeros(1), "30: a single pose, for which the rate means nothing"
    if not 1 / FASTEST <= usual <= 1.0 or (steps <= 0).any():
        least = min(usual, steps.min(initial=usual))
        raise FormatError(
            path,
            f"a frame of {least:g} s is that of no motion; give the rate with the option 'fps' (--source-fps).",
        )
    rate = 1.0 / usual
    rate = float(round(rate)) if abs(rate - round(rate)) < EVEN * rate else rate
    if (np.abs(steps - usual) <= EVEN * usual).all():
        return rate, np.arange(len(durations)) / rate, f"{rate:g}: a frame lasts {usual:g} s"
    times = np.concatenate([[0.0], np.cumsum(steps)])
    if times[-1] * rate > 100 * len(times):
        raise FormatError(
            path, "the frames' durations differ too much; give the rate with the option 'fps' (--source-fps)."
        )
    return rate, times, f"{rate:g}: resampled, for frames last from {steps.min():g} to {steps.max():g} s"


def _local(path: Path, rows: Float[np.ndarray, "time 44"]) -> Float[np.ndarray, "time joint 4"]:
    """Local rotations in world axes; the identity where a joint is fixed."""
    out = np.zeros((len(rows), len(HUMANOID), 4))
    out[..., 0] = 1.0
    for j, (name, joint) in enumerate(HUMANOID.items()):
        if joint.column is None:
            continue
        if joint.hinge:
            out[:, j] = quat_about("y", -rows[:, joint.column])
            continue
        quat = rows[:, joint.column : joint.column + 4]
        length = np.linalg.norm(quat, axis=1)
        off = np.abs(length - 1.0) > UNIT_LENGTH
        if off.any():
            first = int(np.argmax(off))
            raise FormatError(
                path, f"frame {first}: the quaternion of {name} has length {length[first]:.3g}, not 1."
            )
        out[:, j] = quat_normalize(quat)[:, [0, 1, 3, 2]] * [1.0, 1.0, -1.0, 1.0]
    return out


def _resampled(
    root: Float[np.ndarray, "time 3"],
    quat: Float[np.ndarray, "time joint 4"],
    times: Float[np.ndarray, "time"],
    rate: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Poses at an even rate, between those at ``times`` (s)."""
    even = np.arange(int(np.floor(times[-1] * rate + 1e-6)) + 1) / rate
    if len(even) == len(times) and np.allclose(even, times, atol=1e-9):
        return root, quat
    after = np.clip(np.searchsorted(times, even, side="right"), 1, len(times) - 1)
    part = np.clip((even - times[after - 1]) / (times[after] - times[after - 1]), 0.0, 1.0)
    quat = quat_continuous(quat)
    moved = root[after - 1] + part[:, None] * (root[after] - root[after - 1])
    return moved, quat_slerp(quat[after - 1], quat[after], part[:, None])
