"""Where a clip shows what a capture did and not what a body did: joints and frames that are wrong.

Everything is judged in the parents' frames, joint by joint, so that a wrong shoulder is one fault and not a whole arm
of them. Thresholds are for people: what they allow at 30 frames a second shrinks with the square of the frame time,
down to what capture itself leaves uncertain.
"""

import numpy as np
from jaxtyping import Bool

from understudy.motion.gaps import gaps, length, trust, vector
from understudy.motion.jumps import LONGEST, Faults, astray, jumps, median
from understudy.motion.local import Bones, Turns, local_poses
from understudy.motion.types import HumanMotion

SHORTEST = 8
"""Frames that a clip must have for anything in it to be called a fault."""
TURN = (np.deg2rad(4.0), np.deg2rad(8.0))
"""The smallest jump of a joint's rotation (rad): the first, plus the second times (30 / fps)²."""
PLACE = (0.02, 0.02)
"""The same for the root's place and for bones that give (m)."""
FIXED, SHIFTED = 0.002, 0.01
"""A bone that is mostly within the first (m) of one place is rigid, and wrong where it is off by the second."""
LOST = 3e-6
"""Half an angle (rad) below which a joint is not turned against its parent at all."""
SAME_PLACE, SAME_TURN = 1e-4, 1e-3
"""A frame with every joint within these (m; half an angle in rad) of the one before shows it again."""
STEP = 1e-3
"""Mean way (m) of the joints from frame to frame, below which nobody moves."""
CROWD = 3
"""With so many joints wrong at once, a frame is wrong as such, and its other joints are suspects."""
LIKELY_TURN, LIKELY_PLACE = np.deg2rad(2.0), 0.01
"""What a suspect must be off by (rad; m)."""
USUAL = 0.3
"""What more than this share of the frames show is how the clip was recorded, and no fault."""


def find_faults(human: HumanMotion) -> Faults:
    """Which joints in which frames are not what a body did but what a capture did.

    Found are spikes of a frame and runs of up to six wrong frames, of one limb or of all; joints that lost their
    rotation for a moment; moments with left and right exchanged; and frames that show the one before again while the
    body moves. A fault has a good side before and after it: what is wrong with the very first and the very last
    frames is left alone, but for lost joints.
    """
    return faults_in(human, *local_poses(human))


def faults_in(human: HumanMotion, bones: Bones, turns: Turns) -> Faults:
    """The same, for a clip whose local poses are known already."""
    if human.frames < SHORTEST:
        return np.zeros(turns.shape[:2], dtype=bool)
    shifted, rigid = _shifted(bones)
    wrong = shifted | _lost(turns)
    wrong[repeated(human)] = True
    loose = np.flatnonzero(~rigid)
    least_turn, least_place = (a + b * (30.0 / human.fps) ** 2 for a, b in (TURN, PLACE))

    def jumped(known: Faults) -> Faults:
        found = jumps(turns, known, least_turn)
        found[:, loose] |= jumps(bones[:, loose], known[:, loose], least_place)
        return found

    def off_the_way(suspect: Faults, turn: float, place: float) -> Faults:
        found = astray(turns, wrong, suspect, turn)
        found[:, loose] |= astray(bones[:, loose], wrong[:, loose], suspect[:, loose], place)
        return found

    crowd = np.asarray(shifted.any(axis=1))[:, None]
    sudden = jumped(wrong | crowd)
    if sudden.any():
        moments = np.broadcast_to(sudden.any(axis=1, keepdims=True), wrong.shape)
        company = sudden | off_the_way(moments, least_turn / 2, least_place / 2)
        alone = company.sum(axis=1, keepdims=True) < CROWD
        if not alone.all():
            # Whole frames are wrong, and what seemed wrong beside them may only have been measured by them.
            crowd = crowd | ~alone
            sudden = jumped(wrong | crowd)
    suspect = sudden | crowd
    suspect[1:] |= sudden[:-1]
    suspect[:-1] |= sudden[1:]
    wrong |= sudden
    return wrong | off_the_way(suspect, LIKELY_TURN, LIKELY_PLACE) if suspect.any() else wrong


def repeated(human: HumanMotion) -> Bool[np.ndarray, "time"]:
    """Frames that show the one before again, up to six in a row, while the body moves before and after."""
    way = np.diff(human.pos, axis=0)
    same = np.zeros(human.frames, dtype=bool)
    same[1:] = np.abs(way).max(axis=(1, 2)) < SAME_PLACE
    at = np.flatnonzero(same)
    same[at] = np.abs(human.quat[at] - human.quat[at - 1]).max(axis=(1, 2)) < SAME_TURN
    if not same.any() or same.mean() > USUAL:
        return np.zeros_like(same)
    step = np.concatenate([[0.0], length(way).mean(axis=1)])
    near = trust(~same[:, None])
    before, after = near.before[:, 0], near.after[:, 0]
    moves = np.minimum(step[before], step[np.minimum(after, human.frames - 1)]) > np.maximum(STEP, 10 * step)
    return same & moves & (before > 0) & (after < human.frames) & (after - before <= LONGEST + 1)


def _shifted(bones: Bones) -> tuple[Faults, Bool[np.ndarray, "joint"]]:
    """Where a rigid bone is not in its place for a moment; and which bones are rigid."""
    off = length(bones - median(bones))
    rigid = median(off) < FIXED
    rigid[0] = False
    off[:, ~rigid] = 0.0
    return _brief(off > SHIFTED, LONGEST + 2), rigid


def _lost(turns: Turns) -> Faults:
    """Joints that are not turned at all for a moment, and did not come to that by themselves."""
    still = length(turns[..., 1:]) < LOST
    still[:, 0] = False
    lost = _brief(still, LONGEST, ends=True)
    if not lost.any():
        return lost
    frame, joint = np.nonzero(lost)
    gap = gaps(turns, trust(~still), frame, frame, joint)
    for nearest, next_ in ((2, 1), (3, 4)):
        # A straight knee may well rest at exactly nothing: then the frames beside it lead there.
        jump = length(gap.points[:, nearest] - vector(gap.base, turns[frame, joint]))
        step = length(gap.points[:, nearest] - gap.points[:, next_])
        lost[frame, joint] &= ~gap.known[:, nearest] | (jump > LIKELY_TURN + step)
    return lost


def _brief(marks: Faults, longest: int, *, ends: bool = False) -> Faults:
    """Runs of at most so many frames, in joints that are not often so. ``ends``: those at the clip's ends, too."""
    kept = np.zeros_like(marks)
    joints = np.flatnonzero(marks.any(axis=0) & (marks.mean(axis=0) < USUAL))
    if len(joints):
        near = trust(~marks[:, joints])
        brief = near.after - near.before <= longest + 1
        if not ends:
            brief &= (near.before >= 0) & (near.after < len(marks))
        kept[:, joints] = marks[:, joints] & brief
    return kept
