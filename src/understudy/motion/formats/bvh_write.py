"""A motion as the lines of a BVH file."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from understudy.motion.types import HumanMotion
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_conj, quat_mul, quat_to_euler

CM = 100.0
FIXED = 1e-5
"""Metres by which a joint may move in its parent's frame and still count as fixed."""
TRAVELS = 0.1
"""Metres by which a joint must move in its parent's frame to count as carrying the whole body."""

_FILE_AXES = [1, 2, 0]  # x, y (up), z of the file as columns of the world; the inverse of the reader's map


def lines(motion: HumanMotion) -> list[str]:
    """All lines, hierarchy and motion."""
    sheet = _Sheet(motion)
    tree = list(sheet.node(0, ""))
    header = [f"Frames: {motion.frames}", f"Frame Time: {1.0 / motion.fps:.10f}"]
    rows = (" ".join(f"{v:.6f}" for v in row) for row in sheet.columns())
    return ["HIERARCHY", *tree, "MOTION", *header, *rows]


class _Sheet:
    """The motion in the file's axes: local positions (cm) and rotations, and which joints need which
    channels."""

    def __init__(self, motion: HumanMotion):
        skeleton = motion.skeleton
        self.names, self.parents = skeleton.joints, skeleton.parents
        pos = motion.pos.astype(np.float64)[..., _FILE_AXES]
        quat = motion.quat.astype(np.float64)[..., [0, *(1 + a for a in _FILE_AXES)]]
        up = np.maximum(self.parents, 0)
        back = quat_conj(quat[:, up])
        self.pos = quat_apply(back, pos - pos[:, up])
        self.quat = quat_mul(back, quat)
        self.pos[:, 0], self.quat[:, 0] = pos[:, 0], quat[:, 0]
        self.offsets = skeleton.offsets.astype(np.float64)[:, _FILE_AXES]
        self.moves = np.abs(self.pos - self.offsets).max(axis=(0, 2)) > FIXED
        self.moves[0] = True
        # Whether position channels replace such an OFFSET is read differently by different programs; zero is
        # safe.
        self.offsets[np.ptp(self.pos, axis=0).max(axis=-1) > TRAVELS] = 0.0
        self.children = [np.flatnonzero(self.parents == j).tolist() for j in range(len(self.names))]
        self.order: list[int] = []

    def is_end(self, j: int) -> bool:
        """Whether a joint is an End Site: named as the reader names them, fixed to its parent, nothing on
        it."""
        if j == 0 or self.children[j] or self.moves[j]:
            return False
        still = np.array([1.0, 0.0, 0.0, 0.0])
        return bool(
            self.names[j] == f"{self.names[self.parents[j]]}_end"
            and quat_angle(self.quat[:, j], still).max() < 1e-4
        )

    def node(self, j: int, indent: str) -> Iterator[str]:
        """The lines of a joint and of all that hangs on it."""
        offset = "OFFSET " + " ".join(f"{v * CM:.6f}" for v in self.offsets[j])
        inner = indent + "\t"
        if self.is_end(j):
            yield from (f"{indent}End Site", indent + "{", inner + offset, indent + "}")
            return
        self.order.append(j)
        turns = "Zrotation Xrotation Yrotation"
        channels = f"6 Xposition Yposition Zposition {turns}" if self.moves[j] else f"3 {turns}"
        yield from (f"{indent}{'JOINT' if j else 'ROOT'} {self.names[j]}", indent + "{", inner + offset)
        yield f"{inner}CHANNELS {channels}"
        for child in self.children[j]:
            yield from self.node(child, inner)
        if not self.children[j]:
            yield from (
                f"{inner}End Site",
                inner + "{",
                f"{inner}\tOFFSET 0.000000 0.000000 0.000000",
                inner + "}",
            )
        yield indent + "}"

    def columns(self) -> Float[np.ndarray, "time channel"]:
        """The numbers of all channels; the hierarchy must have been written before."""
        parts = []
        for j in self.order:
            if self.moves[j]:
                parts.append(self.pos[:, j] * CM)
            parts.append(np.degrees(_angles(self.quat[:, j])))
        return np.concatenate(parts, axis=-1)


def _angles(quat: Float[np.ndarray, "time 4"]) -> Float[np.ndarray, "time 3"]:
    """Z, X, Y angles (rad) without jumps of a whole turn."""
    angles = quat_to_euler("zxy", quat)
    # Near gimbal lock the first and last angle share one axis; the last one takes up what the first one left.
    done = quat_mul(quat_about("z", angles[:, 0]), quat_about("x", angles[:, 1]))
    rest = quat_mul(quat_conj(done), quat)
    angles[:, 2] = 2.0 * np.arctan2(rest[:, 2], rest[:, 0])
    return np.unwrap(angles, axis=0)
