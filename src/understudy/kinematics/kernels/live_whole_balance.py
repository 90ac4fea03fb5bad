"""The centre of mass, how it moves, and the polygon it is kept in."""

import math

import numpy as np

from understudy.kinematics.kernels.jit import part
from understudy.kinematics.kernels.spatial import transform

_AHEAD = 1e-3
"""m a step that a centre of mass outside its polygon comes nearer at least, so that it does arrive."""


@part
def mass_moments(tree, body, pose, moment):
    """For every link, with all that hangs on it: its part of the mass, and first moment about the root's origin (m)."""
    place = np.empty((1, 3))
    for i in range(len(tree.parents)):
        transform(pose.pos, pose.rot, i, body.centre, i, place, 0)
        moment[i, 0] = body.mass[i]
        for c in range(3):
            moment[i, 1 + c] = body.mass[i] * (place[0, c] - pose.pos[0, c])
    for i in range(len(tree.parents) - 1, 0, -1):
        for c in range(4):
            moment[tree.parents[i], c] += moment[i, c]


@part
def least_inside(tree, body, feet, pose):
    """How far inside the support polygon the centre of mass is (m); infinite where there is none."""
    x = y = 0.0
    place = np.empty((1, 3))
    for i in range(len(tree.parents)):
        transform(pose.pos, pose.rot, i, body.centre, i, place, 0)
        x += body.mass[i] * place[0, 0]
        y += body.mass[i] * place[0, 1]
    return inside(feet.edges, feet.count[0], x, y)


@part
def inside(edges, count, x, y):
    """The least distance (m) of a point from the edges, negative outside."""
    least = np.inf
    for e in range(count):
        least = min(least, edges[e, 0] * x + edges[e, 1] * y - edges[e, 2])
    return least


@part
def balance_rows(tree, limbs, k, whole, feet, pose, moment, base, qp):
    """Append ∇hᵀ v ≥ −γ h for each edge of the support polygon, where h (m) is the distance of the centre of mass.

    Outside, the base comes back by a part of the way in each step; other limbs only do not make it worse. The base
    keeps a reserve: what it would use up to the edge, a leg that steps to that side would lack.
    """
    n, count = qp.size[0], qp.size[2]
    x, y = pose.pos[0, 0] + moment[0, 1], pose.pos[0, 1] + moment[0, 2]
    for e in range(feet.count[0]):
        u, w = feet.edges[e, 0], feet.edges[e, 1]
        h = u * x + w * y - feet.edges[e, 2] - (whole.reserve if base else 0.0)
        least = 0.0
        for a in range(n):
            c = limbs.columns[k, a]
            i = 0 if c < 6 else tree.dof_link[c - 6]
            s = qp.screw[a]
            dx = moment[i, 0] * s[0] + s[4] * moment[i, 3] - s[5] * moment[i, 2]
            dy = moment[i, 0] * s[1] + s[5] * moment[i, 1] - s[3] * moment[i, 3]
            slope = u * dx + w * dy
            qp.rows[count, a] = slope
            least += min(slope * qp.lower[a], slope * qp.upper[a])
        b = -whole.gamma * max(h, 0.0)
        if h < 0.0 and base:
            b = min(_AHEAD - whole.recover * h, -h)
        if least < b:
            qp.b[count] = b
            count += 1
    qp.size[2] = count


@part
def polygon(points, count, margin, edges):
    """Edges of the convex hull of points (point, 2), moved inwards by ``margin``; returns how many (monotone chain)."""
    for i in range(1, count):
        x, y = points[i, 0], points[i, 1]
        j = i - 1
        while j >= 0 and (points[j, 0] > x or (points[j, 0] == x and points[j, 1] > y)):
            points[j + 1, 0], points[j + 1, 1] = points[j, 0], points[j, 1]
            j -= 1
        points[j + 1, 0], points[j + 1, 1] = x, y
    hull = np.empty(2 * count + 2, np.int64)
    k = 0
    for i in range(count):
        while k >= 2 and _turn(points, hull[k - 2], hull[k - 1], i) <= 0.0:
            k -= 1
        hull[k] = i
        k += 1
    lower = k + 1
    for i in range(count - 2, -1, -1):
        while k >= lower and _turn(points, hull[k - 2], hull[k - 1], i) <= 0.0:
            k -= 1
        hull[k] = i
        k += 1
    found = 0
    for i in range(k - 1):
        x, y = points[hull[i], 0], points[hull[i], 1]
        u, w = points[hull[i + 1], 0] - x, points[hull[i + 1], 1] - y
        long = math.sqrt(u * u + w * w)
        if long > 1e-9:
            edges[found, 0], edges[found, 1] = -w / long, u / long
            edges[found, 2] = edges[found, 0] * x + edges[found, 1] * y + margin
            found += 1
    return found


@part
def _turn(p, a, b, c):
    """Twice the area of a triangle, positive where it turns left."""
    return (p[b, 0] - p[a, 0]) * (p[c, 1] - p[a, 1]) - (p[b, 1] - p[a, 1]) * (p[c, 0] - p[a, 0])
