"""Orientations completed from points, against bodies whose orientations are known."""

import numpy as np
import pytest
from tracked import errors, tracked

from understudy import motion
from understudy.errors import SkeletonMismatch
from understudy.motion import LANDMARKS, sample
from understudy.motion.completion import complete
from understudy.motion.completion_twist import twisted
from understudy.motion.landmarks import SIDES
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_mul

LIMBS = [f"{s}_{p}" for s in SIDES for p in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]
FEET = [f"{s}_{p}" for s in SIDES for p in ("heel", "toe_tip")]


@pytest.fixture(scope="module")
def demo():
    return sample.demo(fps=30.0)


def of(points, names):
    return {name: points[name] for name in names}


def test_limbs_alone_give_the_frames_of_trunk_and_limbs(demo):
    """All that COCO's body points hold. The demo's person bends knees and elbows about their hinges only."""
    made = complete(of(tracked(demo), LIMBS), demo.fps)
    assert made.skeleton.landmarks.names == LANDMARKS
    off = errors(made, demo)
    for name, mean, p95 in (("pelvis", 3, 4), ("spine", 4, 5), ("chest", 5, 8)):
        assert off[name].mean() < mean, name
        assert np.percentile(off[name], 95) < p95, name
    for side in SIDES:
        for part in ("hip", "knee", "shoulder", "elbow"):
            assert off[f"{side}_{part}"].max() < 2.0, part
        assert off[f"{side}_ankle"].mean() < 3.0
        assert np.percentile(off[f"{side}_ankle"], 95) < 15.0


def test_feet_and_head_follow_their_own_points(demo):
    points = tracked(demo)
    made = complete(of(points, [*LIMBS, *FEET, "nose", "left_ear", "right_ear"]), demo.fps)
    off = errors(made, demo)
    assert off["head"].max() < 3.0
    for side in SIDES:
        # A foot that points 6° inwards, as these toes do, says so.
        assert np.percentile(off[f"{side}_ankle"], 95) < 8.0


def test_palms_follow_the_knuckles(demo):
    """The demo's waving hand turns about the forearm, which nothing but the fingers shows."""
    knuckles = [f"{s}_{p}" for s in SIDES for p in ("index", "pinky")]
    made = complete(of(tracked(demo), [*LIMBS, *knuckles]), demo.fps)
    assert errors(made, demo)["right_wrist"].max() < 2.0
    assert errors(complete(of(tracked(demo), LIMBS), demo.fps), demo)["right_wrist"].max() > 30.0


def test_a_turned_and_moved_body_turns_with_its_frames(demo):
    turn = quat_about("z", np.array(2.0))
    moved = {
        k: quat_apply(turn, v) + np.array([3.0, -2.0, 0.1])
        for k, v in of(tracked(demo), [*LIMBS, *FEET]).items()
    }
    a, b = complete(of(tracked(demo), [*LIMBS, *FEET]), demo.fps), complete(moved, demo.fps)
    assert np.degrees(quat_angle(b.quat, quat_mul(turn.astype(np.float32), a.quat))).max() < 0.1


def test_noise_never_turns_a_straight_leg_around():
    """Standing with straight legs and points that jitter by a centimetre: knees keep looking forward."""
    truth = sample.motion("stand", fps=30.0)
    rng = np.random.default_rng(0)
    points = {k: v + rng.normal(0, 0.01, v.shape) for k, v in of(tracked(truth), [*LIMBS, *FEET]).items()}
    made = complete(points, truth.fps)
    off = errors(made, truth)
    for side in SIDES:
        assert off[f"{side}_hip"].max() < 30.0
        assert off[f"{side}_shoulder"].max() < 60.0
    assert (made.quat[1:] * made.quat[:-1]).sum(-1).min() > 0.7  # signs are continuous, too


def test_the_turn_of_a_straight_limb_is_carried_from_where_it_bends():
    """A bone that never moves, whose hinge shows at both ends of two seconds: in between the turn goes evenly."""
    frames, half_turn = 61, np.radians(120.0)
    still = np.tile([1.0, 0.0, 0.0, 0.0], (frames, 1))
    along, second = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    bone = np.tile(along, (frames, 1))
    evidence = np.zeros((frames, 3))
    evidence[0] = second
    evidence[-1] = quat_apply(quat_about("y", np.array(half_turn)), second)
    found = twisted(still, along, bone, second, evidence, 30.0, 1e-6)
    angles = 2 * np.arctan2(found[:, 2], found[:, 0])
    assert np.all(np.diff(angles) > 0)
    np.testing.assert_allclose(angles[[0, 30, -1]], [0.0, half_turn / 2, half_turn], atol=0.1)


def test_a_circling_straight_arm_is_not_twisted_by_circling():
    """Parallel transport around a cone gives back its solid angle; the frame turns no more than that."""
    frames = 120
    turn = np.linspace(0, 2 * np.pi, frames)
    bone = np.stack(
        [np.sin(0.5) * np.cos(turn), np.full(frames, np.cos(0.5)), np.sin(0.5) * np.sin(turn)], -1
    )
    still = np.tile([1.0, 0.0, 0.0, 0.0], (frames, 1))
    found = twisted(
        still, np.array([0.0, 1, 0]), bone, np.array([0.0, 0, 1]), np.zeros_like(bone), 30.0, 1e-6
    )
    np.testing.assert_allclose(quat_apply(found, np.tile([0.0, 1, 0], (frames, 1))), bone, atol=1e-9)
    swing = np.linalg.norm(np.diff(bone, axis=0), axis=-1)
    assert np.all(quat_angle(found[1:], found[:-1]) < 1.2 * swing)


def test_gaps_are_bridged_and_said(demo):
    points = of(tracked(demo), [*LIMBS, *FEET])
    blind = {name: pos.copy() for name, pos in points.items()}
    blind["left_wrist"][100:110] = np.nan
    sure = {name: np.ones(demo.frames) for name in points}
    sure["right_knee"][200:205] = 0.0
    blind["right_knee"][200:205] = 1e6  # what a tracker says of what it does not see
    made = complete(blind, demo.fps, confidence=sure)
    track = made.tracks["confidence"]
    column = LANDMARKS.index
    assert track.shape == (demo.frames, len(LANDMARKS))
    assert (track[100:110, column("left_wrist")] == 0).all()
    assert track[99, column("left_wrist")] == 1
    assert (track[200:205, column("right_knee")] == 0).all()
    whole = complete(points, demo.fps)
    assert np.abs(made.pos - whole.pos).max() < 0.15
    assert errors(made, whole)["left_elbow"].max() < 25.0


def test_what_is_never_seen_is_placed_and_has_no_confidence(demo):
    made = complete(of(tracked(demo), [n for n in LIMBS if not n.startswith("left_wri")]), demo.fps)
    track = dict(zip(LANDMARKS, made.tracks["confidence"].T, strict=True))
    for name in ("left_wrist", "left_toe", "right_toe", "head", "left_hand"):
        assert (track[name] == 0).all(), name
        assert name in made.origin.inferred["placed"]
    for name in ("pelvis", "chest", "left_collar", "left_elbow"):
        assert (track[name] == 1).all(), name


def test_bones_that_change_their_length_leave_medians_in_the_skeleton(demo):
    rng = np.random.default_rng(1)
    points = {k: v + rng.normal(0, 0.005, v.shape) for k, v in of(tracked(demo), LIMBS).items()}
    lengths = np.linalg.norm(complete(points, demo.fps).skeleton.offsets, axis=-1)
    true = np.linalg.norm(demo.skeleton.offsets[: len(LANDMARKS)], axis=-1)
    for name in ("left_knee", "right_ankle", "left_elbow", "right_wrist"):
        assert lengths[LANDMARKS.index(name)] == pytest.approx(true[LANDMARKS.index(name)], abs=0.005)


def test_one_frame_is_enough(demo):
    made = complete({k: v[:1] for k, v in of(tracked(demo), LIMBS).items()}, 30.0)
    assert made.frames == 1


@pytest.mark.parametrize("lost", ["left_hip", "right_shoulder"])
def test_no_trunk_no_body(demo, lost):
    points = of(tracked(demo), [name for name in LIMBS if name != lost])
    with pytest.raises(SkeletonMismatch, match=lost):
        complete(points, demo.fps)


def test_points_that_lie_on_each_other_are_no_body(demo):
    with pytest.raises(SkeletonMismatch, match="no body"):
        complete({name: np.zeros((5, 3)) for name in LIMBS}, 30.0)


def test_a_completed_clip_can_be_changed_like_any_other(demo):
    made = complete(of(tracked(demo), LIMBS), demo.fps)
    other = motion.mirror(motion.resample(motion.trim(made, 0.0, 2.0), 50.0))
    assert other.tracks["confidence"].shape == (other.frames, len(LANDMARKS))


@pytest.mark.corpus
@pytest.mark.parametrize(
    "file",
    [
        "permissive/cmu_daz/13/13_30.bvh",
        "permissive/cmu_rnn_salsa/61_04.bvh",
        "permissive/cmu_max/131_03.bvh",
    ],
)
def test_captured_motion_agrees_with_its_own_points(corpus, file):
    """Medians over a clip; captured hands and necks turn in ways that no limb shows."""
    truth = motion.resample(motion.trim(motion.load(corpus / file), 0.0, 8.0), 30.0)
    pos = dict(zip(LANDMARKS, np.moveaxis(truth.landmarks()[0].astype(float), 1, 0), strict=True))
    off = errors(complete(pos, truth.fps), truth)
    for name, most in (("pelvis", 6), ("chest", 6)):
        assert np.median(off[name]) < most, name
    for side in SIDES:
        for part, most in (("hip", 3), ("knee", 3), ("shoulder", 3), ("elbow", 3), ("ankle", 10)):
            assert np.median(off[f"{side}_{part}"]) < most, (side, part)
