"""A robot as onboarding sees it: rigid bodies, hinges and clouds of surface points, in plain arrays.

Joint order is the model's own (depth first). A body may have several hinges, which turn one after the other, or
none, in which case it is welded to its parent. Body 0 is the floating root. Lengths in m, angles in rad; rotations
are matrices.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Hinge:
    """One joint: it turns ``body`` about ``axis`` (unit) through ``anchor``, both in the body's frame.

    What the file does not say is not a number (nan): effort (Nm), speed (rad/s), armature (kg m²).
    """

    name: str
    body: int
    anchor: Float[np.ndarray, "3"]
    axis: Float[np.ndarray, "3"]
    lower: float
    upper: float
    effort: float
    speed: float
    armature: float
    damping: float
    friction: float


@dataclass(frozen=True, eq=False)
class Body:
    """One rigid body: where it sits in its parent, its mass and inertia about the centre of mass (body axes), and
    points spread evenly over the surface that one sees."""

    name: str
    parent: int
    pos: Float[np.ndarray, "3"]
    mat: Float[np.ndarray, "3 3"]
    mass: float
    com: Float[np.ndarray, "3"]
    inertia: Float[np.ndarray, "3 3"]
    points: Float[np.ndarray, "point 3"]


@dataclass(frozen=True, eq=False)
class Frames:
    """Poses of all bodies with the root at the identity, over any leading batch."""

    pos: Float[np.ndarray, "*batch body 3"]
    mat: Float[np.ndarray, "*batch body 3 3"]

    def point(self, body: int, local: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*rest 3"]:
        """Points of a body's frame in the root's. Several points need an unbatched pose."""
        if local.ndim == 1:
            return self.pos[..., body, :] + self.mat[..., body, :, :] @ local
        return self.pos[body] + local @ self.mat[body].T

    def vector(self, body: int, local: Float[np.ndarray, "3"]) -> Float[np.ndarray, "*rest 3"]:
        """A direction of a body's frame in the root's."""
        return self.mat[..., body, :, :] @ local

    def local(self, body: int, point: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
        """Points of the root's frame in a body's; of an unbatched pose."""
        return (point - self.pos[body]) @ self.mat[body]


@dataclass(frozen=True, eq=False)
class Mechanism:
    """The whole robot. Parents come before children, and hinges follow the order of their bodies."""

    bodies: tuple[Body, ...]
    hinges: tuple[Hinge, ...]

    @cached_property
    def links(self) -> list[int]:
        """For each body the nearest body at or above it that a hinge moves; the root counts as one."""
        moved = {hinge.body for hinge in self.hinges} | {0}
        links: list[int] = []
        for k, body in enumerate(self.bodies):
            links.append(k if k in moved else links[body.parent])
        return links

    def hinges_of(self, body: int) -> list[int]:
        """Hinges that move a body against its parent, the outer ones last."""
        return [j for j, hinge in enumerate(self.hinges) if hinge.body == body]

    def members(self, link: int) -> list[int]:
        """The bodies that are one rigid piece with ``link``."""
        return [k for k, other in enumerate(self.links) if other == link]

    def children(self, link: int) -> list[int]:
        """The links that hang on a link."""
        return [
            k
            for k, body in enumerate(self.bodies)
            if self.links[k] == k and k > 0 and self.links[body.parent] == link
        ]

    def subtree(self, link: int) -> list[int]:
        """All bodies beyond and at ``link``, of which ``link`` is the first."""
        inside = set(self.members(link))
        for k in range(link + 1, len(self.bodies)):
            if self.bodies[k].parent in inside:
                inside.add(k)
        return sorted(inside)

    def mass(self, bodies: Iterable[int]) -> float:
        """Of several bodies together, kg."""
        return float(sum(self.bodies[k].mass for k in bodies))

    def forward(self, q: Float[np.ndarray, "*batch dof"]) -> Frames:
        """Forward kinematics with the root at the identity."""
        batch = q.shape[:-1]
        pos = np.zeros((*batch, len(self.bodies), 3))
        mat = np.broadcast_to(np.eye(3), (*batch, len(self.bodies), 3, 3)).copy()
        by_body: dict[int, list[int]] = {}
        for j, hinge in enumerate(self.hinges):
            by_body.setdefault(hinge.body, []).append(j)
        for k, body in enumerate(self.bodies):
            if k == 0:
                continue
            p = pos[..., body.parent, :] + mat[..., body.parent, :, :] @ body.pos
            m = mat[..., body.parent, :, :] @ body.mat
            for j in by_body.get(k, ()):
                hinge = self.hinges[j]
                turned = m @ _about(hinge.axis, q[..., j])
                p = p + (m - turned) @ hinge.anchor
                m = turned
            pos[..., k, :], mat[..., k, :, :] = p, m
        return Frames(pos, mat)

    def cloud(self, frames: Frames, bodies: Iterable[int]) -> Float[np.ndarray, "point 3"]:
        """Surface points of several bodies in a pose."""
        clouds = [frames.point(k, self.bodies[k].points) for k in bodies]
        return np.concatenate(clouds) if clouds else np.zeros((0, 3))

    def frozen(self, still: Iterable[int], at: Float[np.ndarray, "dof"]) -> "Mechanism":
        """The same robot without the hinges ``still``, their bodies welded at the angles ``at``."""
        still = set(still)
        bodies, hinges = list(self.bodies), list(self.hinges)
        for j in sorted(still):
            hinge, body = hinges[j], bodies[hinges[j].body]
            turn = _about(hinge.axis, np.asarray(at[j]))
            shift = hinge.anchor - turn @ hinge.anchor
            bodies[hinge.body] = replace(body, pos=body.pos + body.mat @ shift, mat=body.mat @ turn)
            for i in range(j):  # inner hinges of the same body are now seen from a frame that has turned
                if hinges[i].body == hinge.body and i not in still:
                    inner = hinges[i]
                    hinges[i] = replace(
                        inner, axis=turn.T @ inner.axis, anchor=turn.T @ (inner.anchor - shift)
                    )
        return Mechanism(tuple(bodies), tuple(h for j, h in enumerate(hinges) if j not in still))

    def turned(self, root: Float[np.ndarray, "3 3"]) -> "Mechanism":
        """The same robot with a root frame whose axes are the columns of ``root`` in the old one."""
        old, bodies = self.bodies[0], list(self.bodies)
        bodies[0] = replace(
            old, com=root.T @ old.com, inertia=root.T @ old.inertia @ root, points=old.points @ root
        )
        for k, body in enumerate(self.bodies):
            if body.parent == 0 and k > 0:
                bodies[k] = replace(body, pos=root.T @ body.pos, mat=root.T @ body.mat)
        return Mechanism(tuple(bodies), self.hinges)

    def fused(self) -> "Mechanism":
        """The same robot with every welded body made part of the one that carries it."""
        still = self.forward(np.zeros(len(self.hinges)))
        keep = [k for k in range(len(self.bodies)) if self.links[k] == k]
        index = {k: i for i, k in enumerate(keep)}
        bodies = []
        for k in keep:
            body = self.bodies[k]
            carrier = self.links[body.parent] if k else -1
            rest = [self.bodies[m] for m in self.members(k)]
            places = [(still.local(k, still.pos[m]), still.mat[k].T @ still.mat[m]) for m in self.members(k)]
            mass = sum(b.mass for b in rest)
            centres = [p + m @ b.com for b, (p, m) in zip(rest, places, strict=True)]
            com = sum((b.mass * c for b, c in zip(rest, centres, strict=True)), np.zeros(3)) / max(
                mass, 1e-12
            )
            inertia = sum(
                (
                    m @ b.inertia @ m.T + b.mass * _steiner(c - com)
                    for b, c, (_, m) in zip(rest, centres, places, strict=True)
                ),
                np.zeros((3, 3)),
            )
            points = np.concatenate([p + b.points @ m.T for b, (p, m) in zip(rest, places, strict=True)])
            bodies.append(replace(body, mass=mass, com=com, inertia=inertia, points=points))
            if k:
                bodies[-1] = self._hung(bodies[-1], carrier, index[carrier])
        hinges = tuple(replace(h, body=index[h.body]) for h in self.hinges)
        return Mechanism(tuple(bodies), hinges)

    def _hung(self, body: Body, carrier: int, index: int) -> Body:
        """A body whose parent is welded to ``carrier``, hung on that one instead."""
        pos, mat, k = body.pos, body.mat, body.parent
        while k != carrier:
            weld = self.bodies[k]
            pos, mat, k = weld.pos + weld.mat @ pos, weld.mat @ mat, weld.parent
        return replace(body, parent=index, pos=pos, mat=mat)


def _about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (*batch, 3, 3) about a unit axis."""
    x, y, z = axis
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.asarray(angle)[..., None, None]
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)


def _steiner(offset: np.ndarray) -> np.ndarray:
    """Inertia (3, 3) of a unit mass at ``offset``."""
    return offset @ offset * np.eye(3) - np.outer(offset, offset)
