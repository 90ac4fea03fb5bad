"""Feet that stand: which do, what of the base's motion their legs take up, and how they are held to the digit."""

import math

import numpy as np

from understudy.kinematics.kernels.jit import part
from understudy.kinematics.kernels.live_assembly import move_limb, screws
from understudy.kinematics.kernels.live_whole_balance import least_inside, polygon
from understudy.kinematics.kernels.spatial import matmul3, rotation_error, transform

_SINGULAR = 1e-8  # on the squares of a leg's singular values, m²
_FREE = 1e-3  # what the base weighs beside the legs where both are moved to hold feet: legs do what they can
_PASSES = 5
_UNWANTED = 1e6


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
                transform(pose.pos, pose.rot, tasks.link[body.ankle[side]], body.sole[side], corner, place, 0)
                points[count, 0], points[count, 1] = place[0, 0], place[0, 1]
                count += 1
    feet.count[0] = polygon(points, count, margin, feet.edges) if count else 0


@part
def _leaving(body, whole, goal, wanted, feet, side):
    """How much a standing foot wants to leave: 0 not at all, above 1 for it is wanted elsewhere (in strides), above
    ``_UNWANTED`` for it is not wanted on the floor."""
    turn, aim, turned = np.empty((1, 3, 3)), np.empty((1, 3, 3)), np.empty((1, 3))
    t = body.ankle[side]
    for c in range(3):
        for d in range(3):
            turn[0, c, d], aim[0, c, d] = feet.rot[side, c, d], goal.rot[t, c, d]
    rotation_error(aim, turn, 0, turned)
    x, y = goal.pos[t, 0] - feet.pos[side, 0], goal.pos[t, 1] - feet.pos[side, 1]
    away = math.sqrt(x * x + y * y) / whole.stride + abs(turned[0, 2]) / whole.turn
    if not wanted[side]:
        return _UNWANTED + away
    return away if away > 1.0 else 0.0


@part
def _near(x, y, most, out, t):
    """Bring out.pos[t] to within ``most`` (m) of a point, seen from above."""
    u, w = out.pos[t, 0] - x, out.pos[t, 1] - y
    part_of_it = min(1.0, most / max(math.sqrt(u * u + w * w), 1e-9))
    out.pos[t, 0], out.pos[t, 1] = x + part_of_it * u, y + part_of_it * w


@part
def _aim_to_land(body, whole, goal, feet, side, height, out):
    """Write a landing to ``out``: flat, level, and no farther from the other foot, if that stands, than a step."""
    t, other = body.ankle[side], 1 - side
    if feet.planted[other]:
        _near(feet.pos[other, 0], feet.pos[other, 1], whole.step, out, t)
    out.pos[t, 2] = height
    u, w = goal.rot[t, 0, 0], goal.rot[t, 1, 0]
    size = max(math.sqrt(u * u + w * w), 1e-9)
    for c in range(3):
        for d in range(3):
            out.rot[t, c, d] = 1.0 if c == d else 0.0
    out.rot[t, 0, 0] = out.rot[t, 1, 1] = u / size
    out.rot[t, 1, 0], out.rot[t, 0, 1] = w / size, -w / size


@part
def _landed(tasks, body, whole, goal, side, pose, feet):
    """Let a foot stand that is where ``goal`` has it: exactly where it is from now on."""
    place, turn, turned, aim = np.empty((1, 3)), np.empty((1, 3, 3)), np.empty((1, 3)), np.empty((1, 3, 3))
    t = body.ankle[side]
    ankle_at(body, tasks, side, pose, place, turn)
    off = bent = 0.0
    for c in range(3):
        for d in range(3):
            aim[0, c, d] = goal.rot[t, c, d]
    rotation_error(aim, turn, 0, turned)
    for c in range(3):
        off += (goal.pos[t, c] - place[0, c]) ** 2
        bent += turned[0, c] ** 2
    if off > whole.landed**2 or bent > whole.landed_turn**2:
        return False
    for c in range(3):
        feet.pos[side, c] = place[0, c]
        for d in range(3):
            feet.rot[side, c, d] = turn[0, c, d]
    return True


@part
def _near_the_feet(body, whole, feet, landing, out):
    """Targets of pelvis and swinging feet no farther from the standing feet than the body gets on them: one that is
    metres away would pull at everything, and weigh more than a landing."""
    x = y = count = 0.0
    for side in range(2):
        if feet.planted[side]:
            x, y, count = x + feet.pos[side, 0], y + feet.pos[side, 1], count + 1.0
    x, y = x / count, y / count
    _near(x, y, 0.5 * whole.step, out, body.pelvis)
    for side in range(2):
        if not feet.planted[side] and not landing[side]:
            _near(x, y, whole.step, out, body.ankle[side])


@part
def _within_reach(tasks, body, pose, feet, landing, out):
    """Lower the pelvis' target until ankles that stand or land are within reach of their hips, wherever these are."""
    hip, pelvis = np.empty((1, 3)), np.empty((1, 3))
    t = body.pelvis
    transform(pose.pos, pose.rot, tasks.link[t], tasks.point, t, pelvis, 0)
    for side in range(2):
        if not (feet.planted[side] or landing[side]):
            continue
        transform(pose.pos, pose.rot, body.hip[side], body.hip_point, side, hip, 0)
        k = body.ankle[side]
        x, y, z = out.pos[k, 0], out.pos[k, 1], out.pos[k, 2]
        if feet.planted[side]:
            x, y, z = feet.pos[side, 0], feet.pos[side, 1], feet.pos[side, 2]
        square = body.reach**2 - (x - hip[0, 0]) ** 2 - (y - hip[0, 1]) ** 2
        top = z + math.sqrt(max(square, 0.25 * body.reach**2)) + pelvis[0, 2] - hip[0, 2]
        out.pos[t, 2] = min(out.pos[t, 2], top)


@part
def update_feet(tree, tasks, body, whole, goal, wanted, height, pose, feet, out):
    """Which feet stand in this step, and what is asked of the others: ``out`` is ``goal`` with landings.

    A foot that is wanted on the floor stands as soon as it has landed. A standing foot leaves when it is not wanted, or
    wanted more than a stride elsewhere. With ``balance`` only one leaves, and only once the centre of mass is over the
    other (until then that other foot's polygon is the one to be in); and while the one foot that stands wants to leave,
    the other lands, in steps no longer than can be taken.
    """
    for m in range(len(goal.pos)):
        for c in range(3):
            out.pos[m, c] = goal.pos[m, c]
            for d in range(3):
                out.rot[m, c, d] = goal.rot[m, c, d]
    leaves, landing = np.zeros(2), np.zeros(2, np.bool_)
    for side in range(2):
        if feet.planted[side]:
            leaves[side] = _leaving(body, whole, goal, wanted, feet, side)
    for side in range(2):
        landing[side] = not feet.planted[side] and (
            wanted[side] or (whole.balance and leaves[1 - side] > 0.0)
        )
    for side in range(2):
        if landing[side]:
            _aim_to_land(body, whole, goal, feet, side, height, out)
            if _landed(tasks, body, whole, out, side, pose, feet):
                feet.planted[side], landing[side] = True, False
    if whole.balance and (feet.planted[0] or feet.planted[1]):
        _near_the_feet(body, whole, feet, landing, out)
    _within_reach(tasks, body, pose, feet, landing, out)
    if whole.carry:
        for m in range(len(goal.pos)):
            if body.carried[m]:
                for c in range(3):
                    out.pos[m, c] += out.pos[body.pelvis, c] - goal.pos[body.pelvis, c]
    if not whole.balance:
        for side in range(2):
            feet.planted[side] = feet.planted[side] and leaves[side] == 0.0
        feet.count[0] = 0
        return
    first = 0 if leaves[0] >= leaves[1] else 1
    if feet.planted[0] and feet.planted[1] and leaves[first] > 0.0 and leaves[1 - first] < _UNWANTED:
        support(body, tasks, feet, 1 - first, whole.margin, pose)
        if least_inside(tree, body, feet, pose) >= 0.0:
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


@part
def floor_rows(tasks, body, whole, side, pose, qp):
    """Append rows to a leg's QP that keep the sole of its foot above the floor: ∇zᵀ v ≥ −γ z for each corner."""
    place, i = np.empty((1, 3)), tasks.link[body.ankle[side]]
    count = qp.size[2]
    for corner in range(body.sole.shape[1]):
        transform(pose.pos, pose.rot, i, body.sole[side], corner, place, 0)
        x, y, least = place[0, 0] - pose.pos[0, 0], place[0, 1] - pose.pos[0, 1], 0.0
        for a in range(qp.size[0]):
            s = qp.screw[a]
            slope = s[2] + s[3] * y - s[4] * x
            qp.rows[count, a] = slope
            least += min(slope * qp.lower[a], slope * qp.upper[a])
        b = -whole.gamma * place[0, 2] if place[0, 2] > 0.0 else -place[0, 2]
        if least < b:
            qp.b[count] = b
            count += 1
    qp.size[2] = count
