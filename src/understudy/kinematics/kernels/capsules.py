"""Signed distances between capsules, and of capsules to the floor, and their gradients as constraint rows.

A sphere is a capsule of no length. Distances are positive apart and negative in penetration.
"""

import math

import numpy as np

from understudy.kinematics.kernels.forward import forward
from understudy.kinematics.kernels.jit import kernel, part
from understudy.kinematics.kernels.spatial import transform

SLACK = 0.15  # m; a longer list is searched at every pose, a shorter one made anew more often


@part
def place_capsules(capsules, pos, rot, start, end):
    """World ends of the capsules' axes."""
    for k in range(len(capsules.link)):
        i = capsules.link[k]
        transform(pos, rot, i, capsules.start, k, start, k)
        transform(pos, rot, i, capsules.end, k, end, k)


@part
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


@part
def list_near(capsules, start, end, origin, reach, near):
    """Bring ``near`` up to date: afterwards it holds every pair whose distance can be below ``reach`` (m).

    The list is longer by ``SLACK`` than what the pose needs, so that it serves until a capsule has moved by half of
    that about the root: over several poses, often over several frames.
    """
    pairs, bound, middle, pair = capsules.pairs, capsules.far, near.middle, near.pair
    moved = 0.0
    for k in range(len(start)):
        way = 0.0
        for c in range(3):
            way += (0.5 * (start[k, c] + end[k, c]) - origin[c] - middle[k, c]) ** 2
        moved = max(moved, way)
    if near.count[0] >= 0 and moved < (0.5 * SLACK) ** 2:
        return
    for k in range(len(start)):
        for c in range(3):
            middle[k, c] = 0.5 * (start[k, c] + end[k, c]) - origin[c]
    count = 0
    for p in range(len(pairs)):
        a, b = pairs[p, 0], pairs[p, 1]
        far = bound[p] + reach + SLACK
        gap = 0.0
        for c in range(3):
            gap += (middle[a, c] - middle[b, c]) ** 2
        if gap < far * far:
            pair[count] = p
            count += 1
    near.count[0] = count


@part
def pair_contacts(capsules, near, start, end, reach, contacts):
    """Contacts of the listed pairs that are nearer to their margin than ``reach`` (m)."""
    pairs, radius, margin, bound = capsules.pairs, capsules.radius, capsules.margin, capsules.far
    link, listed, distance, normal = capsules.link, near.pair, contacts.distance, contacts.normal
    first, second = contacts.first, contacts.second
    first_link, second_link = contacts.first_link, contacts.second_link
    count = 0
    x1, x2 = np.empty(3), np.empty(3)
    for k in range(near.count[0]):
        p = listed[k]
        a, b = pairs[p, 0], pairs[p, 1]
        far = 2.0 * (bound[p] + reach)
        gap = 0.0
        for c in range(3):
            gap += (start[a, c] + end[a, c] - start[b, c] - end[b, c]) ** 2
        if gap > far * far:
            continue
        apart = segment_distance(start, end, a, b, x1, x2)
        d = apart - radius[a] - radius[b] - margin[p]
        if d >= reach or count == len(distance):
            continue
        distance[count] = d
        first_link[count], second_link[count] = link[a], link[b]
        for c in range(3):
            first[count, c], second[count, c] = x1[c], x2[c]
            # Axes that cross have no direction of escape; straight up is as good as any.
            normal[count, c] = (x1[c] - x2[c]) / apart if apart > 1e-9 else c == 2
        count += 1
    contacts.count[0] = count


@part
def floor_contacts(capsules, start, end, floor, reach, contacts):
    """Append a contact for each capsule end that is nearer than ``reach`` to the floor at height ``floor`` (m)."""
    radius, bound, link = capsules.radius, capsules.bound, capsules.link
    distance, normal, first = contacts.distance, contacts.normal, contacts.first
    first_link, second_link = contacts.first_link, contacts.second_link
    count = contacts.count[0]
    for k in range(len(link)):
        for side in range(2):
            if side == 1 and bound[k] == radius[k]:
                continue  # a sphere has one end
            tip = start if side == 0 else end
            d = tip[k, 2] - radius[k] - floor
            if d >= reach or count == len(distance):
                continue
            distance[count] = d
            first_link[count], second_link[count] = link[k], -1
            for c in range(3):
                first[count, c], normal[count, c] = tip[k, c], c == 2
            count += 1
    contacts.count[0] = count


@part
def contact_row(tree, motion, origin, contacts, k, rows, row):
    """The derivative of contact k's distance, written to a row:  distance + row · v ≥ 0  keeps it."""
    for c in range(rows.shape[1]):
        rows[row, c] = 0.0
    _add_point_row(
        tree, motion, contacts.first_link[k], contacts.first, contacts.normal, k, origin, 1.0, rows, row
    )
    if contacts.second_link[k] >= 0:
        _add_point_row(
            tree,
            motion,
            contacts.second_link[k],
            contacts.second,
            contacts.normal,
            k,
            origin,
            -1.0,
            rows,
            row,
        )


@part
def _add_point_row(tree, motion, link, point, normal, k, origin, sign, rows, row):
    """Add to a row ± the derivative of normal[k] · point[k], which moves with ``link``."""
    n0, n1, n2 = sign * normal[k, 0], sign * normal[k, 1], sign * normal[k, 2]
    x, y, z = point[k, 0] - origin[0], point[k, 1] - origin[1], point[k, 2] - origin[2]
    m0, m1, m2 = y * n2 - z * n1, z * n0 - x * n2, x * n1 - y * n0
    rows[row, 0] += n0
    rows[row, 1] += n1
    rows[row, 2] += n2
    rows[row, 3] += m0
    rows[row, 4] += m1
    rows[row, 5] += m2
    i = link
    while i > 0:
        d = tree.dof[i]
        if d >= 0:
            along = motion[d, 0] * n0 + motion[d, 1] * n1 + motion[d, 2] * n2
            rows[row, 6 + d] += along + motion[d, 3] * m0 + motion[d, 4] * m1 + motion[d, 5] * m2
        i = tree.parents[i]


@part
def contact_rates(tree, motion, origin, contacts, v, twist, rate):
    """row · v of every contact, from the motions of the links (linear at the root's origin, angular) and no rows."""
    parents, dof = tree.parents, tree.dof
    point, other, normal, first_link, second_link = (
        contacts.first,
        contacts.second,
        contacts.normal,
        contacts.first_link,
        contacts.second_link,
    )
    for c in range(6):
        twist[0, c] = v[c]
    for i in range(1, len(parents)):
        d, parent = dof[i], parents[i]
        for c in range(6):
            twist[i, c] = twist[parent, c]
        if d >= 0:
            for c in range(6):
                twist[i, c] += v[6 + d] * motion[d, c]
    for k in range(contacts.count[0]):
        rate[k] = _speed_along(twist, first_link[k], point, normal, k, origin)
        if second_link[k] >= 0:
            rate[k] -= _speed_along(twist, second_link[k], other, normal, k, origin)


@part
def _speed_along(twist, i, point, normal, k, origin):
    """How fast point[k] of link i moves along normal[k]."""
    x, y, z = point[k, 0] - origin[0], point[k, 1] - origin[1], point[k, 2] - origin[2]
    return (
        normal[k, 0] * (twist[i, 0] + twist[i, 4] * z - twist[i, 5] * y)
        + normal[k, 1] * (twist[i, 1] + twist[i, 5] * x - twist[i, 3] * z)
        + normal[k, 2] * (twist[i, 2] + twist[i, 3] * y - twist[i, 4] * x)
    )


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
