"""Signed distances between capsules, and of capsules to the floor, with their gradients as constraint rows.

A sphere is a capsule of no length. Distances are positive apart and negative in penetration.
"""

import math

import numpy as np

from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.jit import kernel
from understudy.kinematics.kernels.spatial import transform


@kernel
def place_capsules(capsules, pos, rot, start, end):
    """World ends of the capsules' axes."""
    for k in range(len(capsules.link)):
        i = capsules.link[k]
        transform(pos, rot, i, capsules.start, k, start, k)
        transform(pos, rot, i, capsules.end, k, end, k)


@kernel
def segment_distance(start, end, i, j, x1, x2):
    """Nearest points ``x1``, ``x2`` of segments i and j and their distance; parallel and degenerate ones included."""
    a = e = f = b = c = 0.0
    for k in range(3):
        d1, d2, r = end[i, k] - start[i, k], end[j, k] - start[j, k], start[i, k] - start[j, k]
        a += d1 * d1
        e += d2 * d2
        f += d2 * r
        b += d1 * d2
        c += d1 * r
    s = t = 0.0
    if a > 1e-12 and e > 1e-12:
        den = a * e - b * b
        if den > 1e-9 * a * e:
            s = min(max((b * f - c * e) / den, 0.0), 1.0)
        else:  # parallel: any point of the overlap is nearest; its middle moves continuously with the pose
            lo = min(max(min(-c, b - c) / a, 0.0), 1.0)
            hi = min(max(max(-c, b - c) / a, 0.0), 1.0)
            s = 0.5 * (lo + hi)
        t = (b * s + f) / e
        if t < 0.0:
            t = 0.0
            s = min(max(-c / a, 0.0), 1.0)
        elif t > 1.0:
            t = 1.0
            s = min(max((b - c) / a, 0.0), 1.0)
    elif a > 1e-12:
        s = min(max(-c / a, 0.0), 1.0)
    elif e > 1e-12:
        t = min(max(f / e, 0.0), 1.0)
    d = 0.0
    for k in range(3):
        x1[k] = start[i, k] + s * (end[i, k] - start[i, k])
        x2[k] = start[j, k] + t * (end[j, k] - start[j, k])
        d += (x1[k] - x2[k]) ** 2
    return math.sqrt(d)


@kernel
def _add_point_row(tree, motion, link, x, n, sign, rows, k):
    """Add to row k ± the derivative of n·(a point x, about the root's origin) that moves with ``link``."""
    m0, m1, m2 = x[1] * n[2] - x[2] * n[1], x[2] * n[0] - x[0] * n[2], x[0] * n[1] - x[1] * n[0]
    for c in range(3):
        rows[k, c] += sign * n[c]
    rows[k, 3] += sign * m0
    rows[k, 4] += sign * m1
    rows[k, 5] += sign * m2
    i = link
    while i > 0:
        d = tree.dof[i]
        if d >= 0:
            along = motion[d, 0] * n[0] + motion[d, 1] * n[1] + motion[d, 2] * n[2]
            rows[k, 6 + d] += sign * (along + motion[d, 3] * m0 + motion[d, 4] * m1 + motion[d, 5] * m2)
        i = tree.parents[i]


@kernel
def collision_rows(tree, capsules, motion, origin, start, end, reach, rows, distance):
    """Rows of the pairs nearer to their margin than ``reach`` (m). Returns how many there are.

    ``distance`` is what lies beyond the margin, so that  distance + row · v ≥ 0  keeps it. Pairs whose middles are far
    apart are passed over by their bounding spheres.
    """
    count = 0
    x1, x2, n = np.empty(3), np.empty(3), np.empty(3)
    middle = 0.5 * (start + end)
    for p in range(len(capsules.pairs)):
        a, b = capsules.pairs[p, 0], capsules.pairs[p, 1]
        gap_x, gap_y, gap_z = (
            middle[a, 0] - middle[b, 0],
            middle[a, 1] - middle[b, 1],
            middle[a, 2] - middle[b, 2],
        )
        far = capsules.far[p] + reach
        if gap_x * gap_x + gap_y * gap_y + gap_z * gap_z > far * far:
            continue
        apart = segment_distance(start, end, a, b, x1, x2)
        d = apart - capsules.radius[a] - capsules.radius[b] - capsules.margin[p]
        if d >= reach or count == len(rows):
            continue
        if apart < 1e-9:  # axes that cross have no direction of escape; straight up is as good as any
            n[0], n[1], n[2] = 0.0, 0.0, 1.0
        else:
            for c in range(3):
                n[c] = (x1[c] - x2[c]) / apart
        rows[count, :] = 0.0
        for c in range(3):
            x1[c] -= origin[c]
            x2[c] -= origin[c]
        _add_point_row(tree, motion, capsules.link[a], x1, n, 1.0, rows, count)
        _add_point_row(tree, motion, capsules.link[b], x2, n, -1.0, rows, count)
        distance[count] = d
        count += 1
    return count


@kernel
def floor_rows(tree, capsules, motion, origin, start, end, floor, reach, rows, distance, count):
    """Append a row for each capsule end that is nearer than ``reach`` to the floor at height ``floor`` (m)."""
    x, n = np.empty(3), np.array([0.0, 0.0, 1.0])
    for k in range(len(capsules.link)):
        for side in range(2):
            if side == 1 and capsules.bound[k] == capsules.radius[k]:
                continue  # a sphere has one end
            tip = start[k] if side == 0 else end[k]
            d = tip[2] - capsules.radius[k] - floor
            if d >= reach or count == len(rows):
                continue
            rows[count, :] = 0.0
            for c in range(3):
                x[c] = tip[c] - origin[c]
            _add_point_row(tree, motion, capsules.link[k], x, n, 1.0, rows, count)
            distance[count] = d
            count += 1
    return count


@kernel
def clip_clearances(tree, capsules, root_pos, root_quat, q):
    """Over a clip: the smallest pair distance, the row of that pair, and the lowest height of every capsule."""
    frames, n, m = len(root_pos), len(tree.parents), len(capsules.link)
    pos, rot = np.empty((n, 3)), np.empty((n, 3, 3))
    start, end, x1, x2 = np.empty((m, 3)), np.empty((m, 3)), np.empty(3), np.empty(3)
    nearest, pair, lowest = np.full(frames, np.inf), np.zeros(frames, np.int64), np.empty((frames, m))
    for t in range(frames):
        forward(tree, root_pos[t], root_quat[t], q[t], pos, rot)
        place_capsules(capsules, pos, rot, start, end)
        middle = 0.5 * (start + end)
        for p in range(len(capsules.pairs)):
            a, b = capsules.pairs[p, 0], capsules.pairs[p, 1]
            gap_x, gap_y, gap_z = (
                middle[a, 0] - middle[b, 0],
                middle[a, 1] - middle[b, 1],
                middle[a, 2] - middle[b, 2],
            )
            if (
                nearest[t] < np.inf
            ):  # the spheres about two capsules cannot be nearer than what was found already
                far = capsules.far[p] + max(nearest[t], 0.0)
                if gap_x * gap_x + gap_y * gap_y + gap_z * gap_z > far * far:
                    continue
            d = segment_distance(start, end, a, b, x1, x2) - capsules.radius[a] - capsules.radius[b]
            if d < nearest[t]:
                nearest[t], pair[t] = d, p
        for k in range(m):
            lowest[t, k] = min(start[k, 2], end[k, 2]) - capsules.radius[k]
    return nearest, pair, lowest


@kernel
def pair_distances(tree, capsules, root_pos, root_quat, q):
    """Signed distance of every pair in every frame, (time, pair)."""
    frames, n, m = len(root_pos), len(tree.parents), len(capsules.link)
    pos, rot = np.empty((n, 3)), np.empty((n, 3, 3))
    start, end, x1, x2 = np.empty((m, 3)), np.empty((m, 3)), np.empty(3), np.empty(3)
    out = np.empty((frames, len(capsules.pairs)))
    for t in range(frames):
        forward(tree, root_pos[t], root_quat[t], q[t], pos, rot)
        place_capsules(capsules, pos, rot, start, end)
        for p in range(len(capsules.pairs)):
            a, b = capsules.pairs[p, 0], capsules.pairs[p, 1]
            d = segment_distance(start, end, a, b, x1, x2)
            out[t, p] = d - capsules.radius[a] - capsules.radius[b]
    return out
