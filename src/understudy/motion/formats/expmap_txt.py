"""CMU motion as exponential maps: 117 numbers a line, used for motion prediction since structural RNNs.

Three numbers place the root (CMU units) and three each turn 38 joints: the bones of a CMU skeleton with the ends of
the last ones. The vectors are those of the inverse rotations, for the tools around this format multiply rows. The
format holds no skeleton and no frame rate: bodies are the mean of CMU's, the rate is CMU's.
"""

from pathlib import Path

import numpy as np

from understudy.errors import LimitError
from understudy.motion.formats.acclaim_body import CMU_UNIT, AcclaimBody, acclaim_motion
from understudy.motion.formats.doors import existing_file
from understudy.motion.formats.number_rows import number_rows
from understudy.motion.types import HumanMotion, Origin
from understudy.rotations import quat_from_rotvec

COLUMNS = 117
FPS = 120.0

Offset = tuple[float, float, float]
LEG: dict[str, Offset] = {
    "hipjoint": (0.0, 0.0, 0.0),
    "femur": (1.54, -1.76, 0.83),
    "tibia": (2.40, -6.60, 0.0),
    "foot": (2.60, -7.14, 0.0),
    "toes": (0.15, -0.42, 1.91),
    "toes_end": (0.0, 0.0, 0.98),
}
TRUNK: dict[str, Offset] = {
    "lowerback": (0.0, 0.0, 0.0),
    "upperback": (0.0, 2.08, -0.19),
    "thorax": (0.0, 2.10, -0.03),
    "lowerneck": (0.0, 2.12, 0.06),
    "upperneck": (0.0, 1.73, 0.12),
    "head": (0.0, 1.69, -0.33),
    "head_end": (0.0, 1.77, -0.13),
}
ARM: dict[str, Offset] = {
    "clavicle": (0.0, 2.12, 0.06),
    "humerus": (3.31, 1.04, 0.02),
    "radius": (5.15, 0.0, 0.0),
    "wrist": (3.25, 0.0, 0.0),
    "hand": (1.62, 0.0, 0.0),
    "fingers": (0.67, 0.0, 0.0),
    "fingers_end": (0.55, 0.0, 0.0),
    "thumb": (1.62, 0.0, 0.0),
    "thumb_end": (0.55, 0.0, 0.55),
}
"""Where each bone starts in the one before it, at rest: left at x, y up, z forward, in CMU units. The mean of the
left and right sides of six CMU skeletons, whose own lengths are within 10 % of it (arms 20 %)."""


def recognises(path: Path) -> bool:
    """A text whose first line is 117 numbers."""
    with path.open("rb") as file:
        words = file.readline(20 * COLUMNS * 2).replace(b",", b" ").split()
    return len(words) == COLUMNS and all(_is_number(word) for word in words[:7])


def read(path: str | Path, *, fps: float | None = None) -> HumanMotion:
    """Read a clip on CMU's mean body, leading T-pose dropped. ``fps`` (1/s) overrides CMU's rate.

    Raises FormatError with the line, and LimitError for an impossible rate.
    """
    path = existing_file(path)
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise LimitError(f"fps must be a positive number of frames a second; got {fps}.")
    table = number_rows(path, COLUMNS)
    body = mean_body()
    pos = np.repeat(body.offsets[None], len(table), axis=0)
    pos[:, 0] = table[:, :3]
    quat = quat_from_rotvec(-table[:, 3:].reshape(len(table), -1, 3))
    inferred = {
        "fps": f"{fps:g}: as given" if fps else "120: the CMU database's rate; the file has none",
        "body": "the mean of six CMU skeletons, for the format has none of its own",
    }
    origin = Origin(source=path.name, inferred=inferred).after("read", format="cmu-expmap", fps=fps)
    return acclaim_motion(
        path,
        body,
        pos,
        quat,
        fps or FPS,
        unit=None,
        stated_unit=CMU_UNIT,
        up="y",
        origin=origin,
        t_pose_first=True,
    )


def mean_body() -> AcclaimBody:
    """The joints in the order of the columns: left leg, right leg, trunk, left arm, right arm."""
    rows: list[tuple[str, str, Offset]] = []
    for side, sign in (("l", 1.0), ("r", -1.0)):
        rows += _chain(LEG, "root", side, sign)
    rows += _chain(TRUNK, "root", "", 1.0)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        rows += _chain(ARM, "thorax", side, sign)
    names = ("root", *(name for name, _, _ in rows))
    parents = [-1, *(names.index(parent) for _, parent, _ in rows)]
    offsets = [(0.0, 0.0, 0.0), *(offset for _, _, offset in rows)]
    return AcclaimBody("CMU mean", names, np.array(parents, np.int64), np.array(offsets))


def _chain(part: dict[str, Offset], start: str, side: str, sign: float) -> list[tuple[str, str, Offset]]:
    """Each bone with the one before it; the thumb hangs on the wrist."""
    before = [start, *(side + name for name in part)]
    return [
        (side + name, f"{side}wrist" if name == "thumb" else parent, (sign * x, y, z))
        for parent, (name, (x, y, z)) in zip(before, part.items(), strict=False)
    ]


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
