"""Feet that stand: which do, what of the base's motion their legs take up, and how they are held to the digit."""

import math

import numpy as np

from understudy.kinematics.kernels.jit import part
from understudy.kinematics.kernels.live_assembly import move_limb, screws
from understudy.kinematics.kernels.live_whole_balance import inside, mass_moments, polygon
from understudy.kinematics.kernels.spatial import matmul3, rotation_error, transform

_SINGULAR = 1e-8  # on the squares of a leg's singular values, m²
_FREE = 1e-3  # what the base weighs beside the legs where both are moved to hold feet: legs do what they can
_PASSES = 5


@part
def ankle_at(body, tasks, side, pose, place, turn):
    """The ankle landmark of a side: ``place`` (1, 3) m and ``turn`` (1, 3, 3)."""
    t = body.ankle[side]
    transform(pose.pos, pose.rot, tasks.link[t], tasks.point, t, place, 0)
    matmul3(pose.rot, tasks.link[t], tasks.rot, t, turn, 0)


@part
def support(body, tasks, feet, only, margin, pose):
    """Write the edges of the polygon under the standing feet, or under ``only`` one of them (0, 1; −1 for all)."""
    points, place = np.empty((2 * body.sole.shape[1], 2)), np.empty((1, 3))
    count = 0
    for side in range(2):
        if feet.planted[side] and only in (-1, side):
            for corner in range(body.sole.shape[1]):
                transform(
                    pose.pos, pose.rot, tasks.link[body.ankle[side]], body.sole[side], corner, place, 0
                )
                points[count, 0], points[count, 1] = place[0, 0], place[0, 1]
                count += 1
    feet.count[0] = polygon(points, count, margin, feet.edges) if count else 0


@part
def update_feet(tree, tasks, body, whole, goal, wanted, pose, feet):
    """Which feet stand in this step.

    A foot that is wanted on the floor stands as soon as it has landed where it is wanted. A standing foot leaves when it
    is not wanted there, or wanted more than a stride elsewhere; with ``balance`` only one does, and only once the centre
    of mass is over the other: until then that other foot's polygon is the one to be in.
    """
    place, turn, turned = np.empty((1, 3)), np.empty((1, 3, 3)), np.empty((1, 3))
    aim = np.empty((1, 3, 3))
    leaves = np.zeros(2)
    for side in range(2):
        t = body.ankle[side]
        if feet.planted[side]:
            for c in range(3):
                for d in range(3):
                    turn[0, c, d], aim[0, c, d] = feet.rot[side, c, d], goal.rot[t, c, d]
            rotation_error(aim, turn, 0, turned)
            x, y = goal.pos[t, 0] - feet.pos[side, 0], goal.pos[t, 1] - feet.pos[side, 1]
            away = math.sqrt(x * x + y * y) / whole.stride + abs(turned[0, 2]) / whole.turn
            if not wanted[side]:
                leaves[side] = 1e6 + away
            elif away > 1.0:
                leaves[side] = away
        elif wanted[side]:
            ankle_at(body, tasks, side, pose, place, turn)
            for c in range(3):
                for d in range(3):
                    aim[0, c, d] = goal.rot[t, c, d]
            rotation_error(aim, turn, 0, turned)
            off = bent = 0.0
            for c in range(3):
                off += (goal.pos[t, c] - place[0, c]) ** 2
                bent += turned[0, c] ** 2
            if off < whole.landed**2 and bent < whole.landed_turn**2:
                feet.planted[side] = True
                for c in range(3):
                    feet.pos[side, c] = place[0, c]
                    for d in range(3):
                        feet.rot[side, c, d] = turn[0, c, d]
    if not whole.balance:
        for side in range(2):
            feet.planted[side] = feet.planted[side] and leaves[side] == 0.0
        feet.count[0] = 0
        return
    first = 0 if leaves[0] >= leaves[1] else 1
    both = feet.planted[0] and feet.planted[1]
    if both and leaves[first] > 0.0 and leaves[1 - first] < 1e6:
        support(body, tasks, feet, 1 - first, whole.margin, pose)
        moment = np.empty((len(tree.parents), 4))
        mass_moments(tree, body, pose, moment)
        x, y = pose.pos[0, 0] + moment[0, 1], pose.pos[0, 1] + moment[0, 2]
        if inside(feet.edges, feet.count[0], x, y) >= 0.0:
            feet.planted[first] = False
        return
    support(body, tasks, feet, -1, whole.margin, pose)


@part
def foot_jacobian(limbs, k, tasks, t, pose, screw, jacobian, r):
    """Rows r to r + 6: how limb k's columns move task t's point (m) and turn it (rad)."""
    place, i = np.empty((1, 3)), tasks.link[t]
    transform(pose.pos, pose.rot, i, tasks.point, t, place, 0)
    x, y, z = place[0, 0] - pose.pos[0, 0], place[0, 1] - pose.pos[0, 1], place[0, 2] - pose.pos[0, 2]
    for a in range(limbs.count[k, 0]):
        on = 1.0 if limbs.moves[k, a, i] else 0.0
        s = screw[a]
        jacobian[r, a] = on * (s[0] + s[4] * z - s[5] * y)
        jacobian[r + 1, a] = on * (s[1] + s[5] * x - s[3] * z)
        jacobian[r + 2, a] = on * (s[2] + s[3] * y - s[4] * x)
        for c in range(3):
            jacobian[r + 3 + c, a] = on * s[3 + c]


@part
def factor(a, n, low):
    """Lower Cholesky factor of the leading n × n block."""
    for j in range(n):
        for i in range(j, n):
            v = a[i, j]
            for c in range(j):
                v -= low[i, c] * low[j, c]
            low[i, j] = math.sqrt(max(v, 1e-300)) if i == j else v / low[j, j]


@part
def solve(low, n, x, column):
    """x[:, column] ← (L Lᵀ)⁻¹ x[:, column]."""
    for i in range(n):
        v = x[i, column]
        for c in range(i):
            v -= low[i, c] * x[c, column]
        x[i, column] = v / low[i, i]
    for i in range(n - 1, -1, -1):
        v = x[i, column]
        for c in range(i + 1, n):
            v -= low[c, i] * x[c, column]
        x[i, column] = v / low[i, i]


@part
def follow(limbs, tasks, body, feet, pose, screw, carried, left):
    """How limb 0 moves with the base while feet stand: v = carried z, (column, base).

    Legs of standing feet take the base's motion up, others are carried along. What a leg of fewer than six joints
    cannot take up, ``left`` (12, base), is motion of its foot.
    """
    z = body.base
    n = limbs.count[0, 0]
    jacobian, normal, low = np.empty((6, n)), np.empty((n, n)), np.empty((n, n))
    answer = np.empty((n, z))
    for a in range(n):
        for c in range(z):
            carried[a, c] = 1.0 if a == c else 0.0
    for r in range(12):
        for c in range(z):
            left[r, c] = 0.0
    for side in range(2):
        if not feet.planted[side]:
            continue
        foot_jacobian(limbs, 0, tasks, body.ankle[side], pose, screw, jacobian, 0)
        a0, m = body.first[side, 0], body.first[side, 1] - body.first[side, 0]
        for i in range(m):
            for j in range(i + 1):
                v = _SINGULAR if i == j else 0.0
                for r in range(6):
                    v += jacobian[r, a0 + i] * jacobian[r, a0 + j]
                normal[i, j] = v
            for c in range(z):
                v = 0.0
                for r in range(6):
                    v -= jacobian[r, a0 + i] * jacobian[r, c]
                answer[i, c] = v
        factor(normal, m, low)
        for c in range(z):
            solve(low, m, answer, c)
            for i in range(m):
                carried[a0 + i, c] = answer[i, c]
            if m < 6:
                for r in range(6):
                    v = jacobian[r, c]
                    for i in range(m):
                        v += jacobian[r, a0 + i] * answer[i, c]
                    left[6 * side + r, c] = v


@part
def hold_feet(tree, limbs, tasks, body, joints, feet, trial):
    """Newton's method on legs and base until standing feet are where they are held; returns how far off one is (m,
    rad), which is more than nothing only where a leg cannot reach."""
    n = limbs.count[0, 0]
    screw, jacobian = np.empty((n, 6)), np.empty((12, n))
    gram, low, e, step = np.empty((12, 12)), np.empty((12, 12)), np.empty((12, 1)), np.empty(n)
    place, turn, turned, aim = np.empty((1, 3)), np.empty((1, 3, 3)), np.empty((1, 3)), np.empty((1, 3, 3))
    for sweep in range(_PASSES):
        worst, rows = 0.0, 0
        screws(tree, limbs, 0, trial, screw)
        for side in range(2):
            if not feet.planted[side]:
                continue
            ankle_at(body, tasks, side, trial, place, turn)
            for c in range(3):
                for d in range(3):
                    aim[0, c, d] = feet.rot[side, c, d]
            rotation_error(aim, turn, 0, turned)
            for c in range(3):
                e[rows + c, 0] = feet.pos[side, c] - place[0, c]
                e[rows + 3 + c, 0] = turned[0, c]
                worst = max(worst, abs(e[rows + c, 0]), abs(turned[0, c]))
            foot_jacobian(limbs, 0, tasks, body.ankle[side], trial, screw, jacobian, rows)
            rows += 6
        if worst < 1e-8 or sweep == _PASSES - 1:
            return worst
        for i in range(rows):
            for j in range(i + 1):
                v = 1e-12 if i == j else 0.0
                for a in range(n):
                    v += (_FREE if a < body.base else 1.0) * jacobian[i, a] * jacobian[j, a]
                gram[i, j] = v
        factor(gram, rows, low)
        solve(low, rows, e, 0)
        for a in range(n):
            v = 0.0
            for i in range(rows):
                v += jacobian[i, a] * e[i, 0]
            step[a] = (_FREE if a < body.base else 1.0) * v
        move_limb(tree, limbs, 0, trial, step, joints, trial)
    return 0.0
