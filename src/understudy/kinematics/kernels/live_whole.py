"""One control step of a whole body: which feet stand, the base by the limbs' votes, then limb by limb from there."""

import numpy as np

from understudy.kinematics.kernels.jit import kernel, part
from understudy.kinematics.kernels.live_arrays import ARRIVED, CERTIFIED, HELD
from understudy.kinematics.kernels.live_assembly import (
    assemble,
    barrier,
    copy_limb,
    copy_pose,
    move_limb,
    place_all,
)
from understudy.kinematics.kernels.live_choice import choose
from understudy.kinematics.kernels.live_path import CUT, at_alpha, walk
from understudy.kinematics.kernels.live_whole_balance import balance_rows, least_inside, mass_moments
from understudy.kinematics.kernels.live_whole_feet import (
    floor_rows,
    follow,
    hold_feet,
    support,
    update_feet,
)
from understudy.kinematics.kernels.live_whole_votes import add_vote, ask, revise
from understudy.kinematics.kernels.spatial import transform

_ROUNDS = 8
_LEFT = 1e5  # 1/m², 1/rad²: what it costs that a foot moves which its leg cannot hold
_STILL = 1e-9  # m, m²: rounding


@part
def _base_qp(body, qp, carried, left, out):
    """The base's QP without votes: limb 0's, with v = carried z put in. Boxes of carried joints become rows."""
    z, n = body.base, qp.size[0]
    out.size[0] = z
    turned = np.empty((n, z))
    for a in range(n):
        for c in range(z):
            v = 0.0
            for b in range(n):
                v += qp.hessian[a, b] * carried[b, c]
            turned[a, c] = v
    for c in range(z):
        v = 0.0
        for a in range(n):
            v += carried[a, c] * qp.gradient[a]
        out.gradient[c] = v
        for d in range(z):
            v = body.damping[c] if c == d else 0.0
            for a in range(n):
                v += carried[a, c] * turned[a, d]
            for r in range(12):
                v += _LEFT * left[r, c] * left[r, d]
            out.hessian[c, d] = v
        out.lower[c], out.upper[c] = qp.lower[c], qp.upper[c]
    count = 0
    for m in range(qp.size[2]):
        least = 0.0
        for c in range(z):
            v = 0.0
            for a in range(n):
                v += qp.rows[m, a] * carried[a, c]
            out.rows[count, c] = v
            least += min(v * out.lower[c], v * out.upper[c])
        if least < qp.b[m]:
            out.b[count] = qp.b[m]
            count += 1
    for a in range(z, n):
        most = 0.0
        for c in range(z):
            most += abs(carried[a, c]) * max(-qp.lower[c], qp.upper[c])
        if most > -qp.lower[a]:
            for c in range(z):
                out.rows[count, c] = carried[a, c]
            out.b[count] = qp.lower[a]
            count += 1
        if most > qp.upper[a]:
            for c in range(z):
                out.rows[count, c] = -carried[a, c]
            out.b[count] = -qp.upper[a]
            count += 1
    out.size[2] = count


@part
def agree(
    tree, limbs, tasks, close, joints, settings, calm, body, whole, goal, feet, pose, qp, base, path, votes,
    carried, z,
):  # fmt: skip
    """The base's path over α under the votes of all limbs, and its step at α = 1 in ``z``; returns the rounds it took,
    −1 where they did not end."""
    left, moment = np.empty((12, body.base)), np.empty((len(tree.parents), 4))
    h, g = np.empty((body.base, body.base)), np.empty(body.base)
    mass_moments(tree, body, pose, moment)
    for p in range(body.parts):
        chosen = calm if p == body.leg[0] or p == body.leg[1] else settings
        ask(tree, limbs, 1 + p, tasks, joints, chosen, goal, pose, qp, votes, p)
    assemble(tree, limbs, 0, tasks, close, joints, calm, goal, pose, qp)
    balance_rows(tree, limbs, 0, whole, feet, pose, moment, True, qp)
    follow(limbs, tasks, body, feet, pose, qp.screw, carried, left)
    _base_qp(body, qp, carried, left, base)
    for c in range(body.base):
        g[c] = base.gradient[c]
        for d in range(body.base):
            h[c, d] = base.hessian[c, d]
    for turn in range(_ROUNDS):
        for c in range(body.base):
            base.gradient[c] = g[c]
            for d in range(body.base):
                base.hessian[c, d] = h[c, d]
        for p in range(body.parts):
            if not _stands(body, feet, p):
                add_vote(votes, p, limbs.count[1 + p, 0], body.base, base.hessian, base.gradient)
        ended = walk(base, path)
        for c in range(body.base):
            z[c] = path.step[path.count[0] - 1, c]
        changed = False
        for p in range(body.parts):
            if not _stands(body, feet, p) and revise(votes, p, limbs.count[1 + p, 0], body.base, z):
                changed = True
        if not changed:
            return turn + 1
        if ended == CUT:
            return -1
    return -1


@part
def _stands(body, feet, p):
    """Whether part p is the leg of a standing foot."""
    return (feet.planted[0] and p == body.leg[0]) or (feet.planted[1] and p == body.leg[1])


@part
def _unbroken(limbs, k, barriers, qp, v, trial):
    """Whether no barrier of limb k is broken at the trial pose that was not, and none is more so."""
    start, end, x1, x2 = np.empty((2, 3)), np.empty((2, 3)), np.empty(3), np.empty(3)
    travel = 0.0
    for a in range(limbs.count[k, 0]):
        travel += abs(v[a]) * limbs.lever[k, a]
    for m in range(limbs.count[k, 3]):
        if qp.gap[m] <= travel:
            h = barrier(barriers, limbs.pairs[k, m], trial, start, end, x1, x2)
            if h < min(qp.h[m], 0.0) - _STILL:
                return False
    return True


@part
def move_base(tree, limbs, tasks, barriers, joints, body, whole, feet, pose, qp, path, carried, trial, v, z):
    """Move base and standing legs, within the joints' own limits, by the largest of α = 1, ½, ¼, … at which feet hold,
    nothing touches and the centre of mass stays inside; returns how it was chosen, α, and how far off a foot is (m,
    rad)."""
    n = limbs.count[0, 0]
    now = least_inside(tree, body, feet, pose)
    alpha = 1.0
    for _ in range(6):
        at_alpha(path, alpha, body.base, z)
        for a in range(n):
            v[a] = 0.0
            for c in range(body.base):
                v[a] += carried[a, c] * z[c]
        move_limb(tree, limbs, 0, pose, v, joints, trial)
        off = hold_feet(tree, limbs, tasks, body, joints, feet, trial)
        if (
            off <= whole.hold
            and _unbroken(limbs, 0, barriers, qp, v, trial)
            and least_inside(tree, body, feet, trial) >= min(now, 0.0) - _STILL
        ):
            copy_limb(limbs, 0, trial, pose)
            far = 0.0
            for c in range(body.base):
                far = max(far, abs(z[c]))
            return CERTIFIED if far > 1e-6 else ARRIVED, alpha, off
        alpha *= 0.5
    copy_limb(limbs, 0, pose, trial)
    return HELD, 0.0, 0.0


@part
def _carry(tasks, body, whole, goal, pose, out):
    """``out`` = ``goal``, with arms going along by what the pelvis is off where it is wanted."""
    place, t = np.empty((1, 3)), body.pelvis
    transform(pose.pos, pose.rot, tasks.link[t], tasks.point, t, place, 0)
    for m in range(len(goal.pos)):
        for c in range(3):
            off = place[0, c] - goal.pos[t, c] if whole.carry and body.carried[m] else 0.0
            out.pos[m, c] = goal.pos[m, c] + off
            for d in range(3):
                out.rot[m, c, d] = goal.rot[m, c, d]


@part
def move_part(
    tree, limbs, k, tasks, barriers, joints, settings, body, whole, goal, feet, pose, qp, path, trial, v, moment
):  # fmt: skip
    """Move limb k from where those before it have gone; its step is halved until the centre of mass stays inside."""
    assemble(tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp)
    mass_moments(tree, body, pose, moment)
    balance_rows(tree, limbs, k, whole, feet, pose, moment, False, qp)
    for side in range(2):
        if k == 1 + body.parts + body.leg[side]:
            floor_rows(tasks, body, whole, side, pose, qp)
    walk(qp, path)
    now = least_inside(tree, body, feet, pose)
    code, alpha = choose(
        tree, limbs, k, tasks, barriers, joints, settings, goal, pose, qp, path, True, trial, v
    )
    for _ in range(5):
        if least_inside(tree, body, feet, trial) >= min(now, 0.0) - _STILL and _unbroken(
            limbs, k, barriers, qp, v, trial
        ):
            copy_limb(limbs, k, trial, pose)
            return code, alpha
        for a in range(limbs.count[k, 0]):
            v[a] *= 0.5
        alpha *= 0.5
        move_limb(tree, limbs, k, pose, v, joints, trial)
    copy_limb(limbs, k, pose, trial)
    return HELD, 0.0


@kernel
def whole_step(
    tree, limbs, tasks, barriers, close, joints, hard, settings, calm, body, whole, goal, wanted, height, aim, spare,
    feet, pose, trial, qp, base, path, votes, alpha, code, told,
):  # fmt: skip
    """Move ``pose`` by one control step.

    ``wanted`` (2,) says which feet are to stand, and ``height`` how high ankles then are (m); ``close`` are the
    barriers that the base keeps, ``hard`` the joints' own limits, ``calm`` the settings of limb 0 and the legs; ``aim``
    and ``spare`` are scratch. ``alpha`` and ``code`` (1 + part,) are those of the base, then of the parts; ``told``
    (3,) is how many rounds the votes took, how far off a standing foot is (m, rad), and how far inside the support
    polygon, less its margin, the centre of mass is (m).
    """
    place_all(tree, pose)
    update_feet(tree, tasks, body, whole, goal, wanted, height, pose, feet, aim)
    copy_pose(pose, trial)
    n = limbs.count[0, 0]
    carried, z, v = np.empty((n, body.base)), np.empty(body.base), np.empty(qp.rows.shape[1])
    moment = np.empty((len(tree.parents), 4))
    told[0] = agree(
        tree, limbs, tasks, close, joints, settings, calm, body, whole, aim, feet, pose, qp, base, path, votes,
        carried, z,
    )  # fmt: skip
    code[0], alpha[0], told[1] = move_base(
        tree, limbs, tasks, barriers, hard, body, whole, feet, pose, qp, path, carried, trial, v, z
    )
    _carry(tasks, body, whole, aim, pose, spare)
    for p in range(body.parts):
        if _stands(body, feet, p):
            code[1 + p], alpha[1 + p] = code[0], alpha[0]
            continue
        chosen = calm if p == body.leg[0] or p == body.leg[1] else settings
        code[1 + p], alpha[1 + p] = move_part(
            tree, limbs, 1 + body.parts + p, tasks, barriers, joints, chosen, body, whole, spare, feet,
            pose, qp, path, trial, v, moment,
        )  # fmt: skip
    support(body, tasks, feet, -1, whole.margin, pose)
    told[2] = least_inside(tree, body, feet, pose)


@kernel
def consensus(
    tree, limbs, tasks, close, joints, settings, calm, body, whole, goal, feet, pose, qp, base, path, votes,
    carried, z,
):  # fmt: skip
    """``agree`` for callers from outside."""
    return agree(
        tree, limbs, tasks, close, joints, settings, calm, body, whole, goal, feet, pose, qp, base, path, votes,
        carried, z,
    )  # fmt: skip
