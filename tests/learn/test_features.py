"""Features of both kinds: there and back, under yaw, in the mirror, for bodies that stand on end, in any batch."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from understudy import motion, robots
from understudy.errors import LimitError, ShapeError, UnknownName
from understudy.kinematics.poses import body_tracks
from understudy.learn.features import (
    KINDS,
    RobotLayout,
    anchor_of,
    decode_robot,
    encode_human,
    encode_robot,
    layout_of_human,
    layout_of_robot,
)
from understudy.learn.features_frames import quat_of_six, six_of
from understudy.learn.tracks import body_size, human_tracks
from understudy.motion import RobotMotion, mirror_robot, sample
from understudy.motion.landmarks import LANDMARKS
from understudy.pipelines.pairs_robot import robot_layout
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_from_rotvec, quat_mul

torch.set_num_threads(1)

both = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def layout(g1):
    return robot_layout(g1)


def human(name="walk"):
    return tensors(clip_of(name))


def clip_of(name):
    return sample.demo(fps=30.0) if name == "demo" else sample.motion(name, fps=30.0)


def tensors(clip):
    """Landmark tracks of a clip, and their anchor."""
    pos, quat = human_tracks(clip)
    size = body_size(pos)
    pos, quat = torch.as_tensor(pos), torch.as_tensor(quat)
    return pos, quat, anchor_of(pos, quat, size)


def follower(g1, anchor, seed=0):
    """A robot that goes where the human goes, turns as it turns but for a little, and moves its joints as it likes."""
    rng = np.random.default_rng(seed)
    time, dof = len(anchor.place), len(g1.joints)
    slow = np.linspace(0, 6, time)[:, None]
    wave = np.sin(slow * rng.uniform(0.5, 2, dof) + rng.uniform(0, 6, dof))
    joints = 0.5 * (g1.lower + g1.upper) + 0.4 * wave * (g1.upper - g1.lower)
    tilt = quat_from_rotvec(0.2 * np.sin(slow + rng.uniform(0, 6, 3)))
    root = 0.75 * anchor.place.numpy() + 0.05 * np.sin(slow + rng.uniform(0, 6, 3))
    return RobotMotion(
        g1.name, g1.joints, 30.0, root, quat_mul(anchor.quat.numpy().astype(float), tilt), joints
    )


def arrays(g1, made):
    """What ``encode_robot`` takes of a robot's motion."""
    bodies = body_tracks(g1, made).pos.astype(np.float32)
    return tuple(torch.as_tensor(a) for a in (made.root_pos, made.root_quat, made.joint_pos, bodies))


def close(a, b, tolerance=1e-4):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=0)


def test_columns_are_as_many_as_the_pages_say(layout):
    assert [layout_of_human(kind).width for kind in KINDS] == [274, 146]
    assert [layout_of_robot(layout, kind).width for kind in KINDS] == [215, 217]
    for kind in KINDS:
        for columns in (layout_of_human(kind), layout_of_robot(layout, kind)):
            assert len(set(columns.columns)) == columns.width
            ends = [(s.start, s.stop) for s in columns.slices.values()]
            assert [a for a, _ in ends] == [0, *(b for _, b in ends[:-1])]
            assert ends[-1][1] == columns.width


@both
def test_a_column_holds_what_its_name_says(g1, layout, kind):
    pos, quat, anchor = human()
    made = arrays(g1, follower(g1, anchor))
    x, y = encode_human(pos, quat, anchor, kind), encode_robot(*made, anchor, layout, kind)
    columns, mine = layout_of_human(kind).columns, layout_of_robot(layout, kind).columns
    knee = LANDMARKS.index("left_knee")
    low = anchor.place[:, 2] if kind == "anchored" else 0.0
    close(x[:, columns.index("places.left_knee.z")], (pos[:, knee, 2] - low) / anchor.size)
    joint = "right_elbow_joint"
    close(y[:, mine.index(f"joint_pos.{joint}")], made[2][:, g1.joints.index(joint)])


@both
@pytest.mark.parametrize("seed", range(3))
def test_there_and_back(g1, layout, kind, seed):
    _, _, anchor = human("demo")
    made = arrays(g1, follower(g1, anchor, seed))
    pos, quat, joints = decode_robot(encode_robot(*made, anchor, layout, kind), anchor, layout, kind)
    away = pos - made[0]
    if kind == "paper":  # which knows no place to begin at
        close(away[:, 2], torch.zeros(len(away)))
        away = away - away[:1]
    close(away, torch.zeros_like(away))
    assert quat_angle(quat, made[1]).max() < 1e-3
    close(joints, made[2])


@both
@pytest.mark.parametrize("yaw", [-2.4, 0.7, 3.1])
def test_features_do_not_know_where_the_clip_stands_or_faces(g1, layout, kind, yaw):
    pos, quat, anchor = human("turn")
    made = arrays(g1, follower(g1, anchor))
    turn, shift = torch.as_tensor(quat_about("z", np.float32(yaw))), torch.tensor([2.0, -1.0, 0.0])

    def moved(p):
        return quat_apply(turn.expand(*p.shape[:-1], 4), p) + shift

    def turned(q):
        return quat_mul(turn.expand_as(q), q)

    pos2, quat2 = moved(pos), turned(quat)
    anchor2 = anchor_of(pos2, quat2, anchor.size)
    made2 = moved(made[0]), turned(made[1]), made[2], moved(made[3])
    close(encode_human(pos, quat, anchor, kind), encode_human(pos2, quat2, anchor2, kind))
    y = encode_robot(*made, anchor, layout, kind)
    root, orientation, _ = decode_robot(y, anchor2, layout, kind)
    # The same features beside a human elsewhere are the same robot elsewhere, paths being scaled about the origin.
    away = (layout.size / float(anchor.size) - 1) * shift
    there, _, _ = decode_robot(y, anchor, layout, kind)
    close(root, moved(there) + away)
    assert quat_angle(orientation, made2[1]).max() < 1e-3
    y2 = encode_robot(made2[0] + away, made2[1], made2[2], made2[3] + away, anchor2, layout, kind)
    close(y, y2)


@both
@pytest.mark.parametrize("name", ["walk", "punch", "turn"])
def test_the_mirror_of_features_is_the_features_of_the_mirror(g1, layout, kind, name):
    pos, quat, anchor = human(name)
    made = follower(g1, anchor)
    pos2, quat2, anchor2 = tensors(motion.mirror(clip_of(name)))
    made2 = mirror_robot(made, g1.mirror.order, g1.mirror.sign)
    x, x2 = (encode_human(*h, kind) for h in ((pos, quat, anchor), (pos2, quat2, anchor2)))
    close(layout_of_human(kind).mirror(x), x2)
    y, y2 = (encode_robot(*arrays(g1, m), a, layout, kind) for m, a in ((made, anchor), (made2, anchor2)))
    close(layout_of_robot(layout, kind).mirror(y), y2, 2e-4)
    close(layout_of_human(kind).mirror(layout_of_human(kind).mirror(x)), x, 0.0)


@pytest.mark.corpus
@both
@pytest.mark.parametrize(
    "name",
    [
        "cmu_daz/05/05_06.bvh",
        "cmu_iclone/006/006_01.bvh",
        "deepmimic/humanoid3d_roll.txt",
        "deepmimic/humanoid3d_sideflip.txt",
    ],
)
def test_real_clips_have_features_and_their_mirror_images_the_mirrored(corpus, kind, name):
    clip = motion.sample_every(motion.load(corpus / "permissive" / name), 30.0)
    x, x2 = (encode_human(*tensors(c), kind) for c in (clip, motion.mirror(clip)))
    assert x.abs().max() < 10.0
    close(layout_of_human(kind).mirror(x), x2, 2e-3)


@both
def test_any_batch_is_its_clips_one_by_one(g1, layout, kind):
    pos, quat, anchor = human("demo")
    made = arrays(g1, follower(g1, anchor))
    grown = torch.tensor([[1.0, 1.1, 0.8], [0.9, 1.3, 1.0]])

    def windows(a):
        return torch.stack([a[s : s + 24] for s in (0, 30, 60, 90, 120, 150)]).reshape(2, 3, 24, *a.shape[1:])

    many = anchor_of(windows(pos), windows(quat), anchor.size * grown)
    x = encode_human(windows(pos), windows(quat), many, kind)
    y = encode_robot(*map(windows, made), many, layout, kind)
    back = decode_robot(y, many, layout, kind)
    assert x.shape == (2, 3, 24, layout_of_human(kind).width)
    for i in range(2):
        for j in range(3):
            one = anchor_of(windows(pos)[i, j], windows(quat)[i, j], float(many.size[i, j]))
            close(encode_human(windows(pos)[i, j], windows(quat)[i, j], one, kind), x[i, j], 1e-5)
            close(encode_robot(*(windows(a)[i, j] for a in made), one, layout, kind), y[i, j], 1e-5)
            for a, b in zip(decode_robot(y[i, j], one, layout, kind), back, strict=True):
                close(a, b[i, j], 1e-5)


@both
def test_one_frame_is_a_clip(g1, layout, kind):
    pos, quat, _ = human()
    one = anchor_of(pos[:1], quat[:1], 0.84)
    made = tuple(a[:1] for a in arrays(g1, follower(g1, human()[2])))
    x = encode_human(pos[:1], quat[:1], one, kind)
    assert x[0, layout_of_human(kind)["velocities"]].abs().max() == 0
    y = encode_robot(*made, one, layout, kind)
    assert decode_robot(y, one, layout, kind)[0].shape == (1, 3)


@both
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_body_that_turns_right_over_has_finite_features(g1, layout, kind, axis):
    """Cartwheel, flip and spin about the pelvis, through poses in which an axis of it stands on end."""
    pos, quat, anchor = human()
    made = arrays(g1, follower(g1, anchor))
    angle = torch.linspace(0, 2 * np.pi, 41)[:, None].expand(41, 23)
    over = quat_about(axis, angle)
    hub = anchor.place[:1, None]
    pos2 = (quat_apply(over, (pos[:1] - hub).expand(41, 23, 3)) + hub).requires_grad_()
    quat2 = quat_mul(over, quat[:1].expand(41, 23, 4))
    anchor2 = anchor_of(pos2, quat2, anchor.size)
    x = encode_human(pos2, quat2, anchor2, kind)
    y = encode_robot(*(a[:41] for a in made), anchor2, layout, kind)
    x.square().sum().backward()
    assert all(torch.isfinite(a).all() for a in (x, y, pos2.grad))
    close(anchor2.ahead.norm(dim=-1), torch.ones(41))
    back = decode_robot(y.detach(), anchor2, layout, kind)
    assert all(torch.isfinite(a).all() for a in back)
    if kind == "anchored":
        close(back[0], made[0][:41])


def test_a_forward_flip_keeps_its_heading():
    pos, quat, anchor = human("stand")
    angle = torch.linspace(0, 2 * np.pi, 60)[:, None].expand(60, 23)
    over, hub = quat_about("y", angle), anchor.place[:1, None]
    flipped = quat_apply(over, (pos[:1] - hub).expand(60, 23, 3)) + hub
    ahead = anchor_of(flipped, quat_mul(over, quat[:1].expand(60, 23, 4)), 0.84).ahead
    close(ahead, torch.tensor([1.0, 0.0]).expand(60, 2), 1e-3)


def test_a_body_on_its_side_faces_where_its_pelvis_does():
    pos, quat, anchor = human("stand")
    side = quat_about("x", torch.full((1, 23), np.pi / 2))
    for yaw in (0.0, 1.0):
        turn = quat_about("z", torch.full((1, 23), yaw))
        lying = quat_mul(turn, side)
        ahead = anchor_of(quat_apply(lying, pos[:1]), quat_mul(lying, quat[:1]), anchor.size).ahead[0]
        close(ahead, torch.tensor([np.cos(yaw), np.sin(yaw)], dtype=torch.float32), 0.05)


@both
def test_decoding_has_gradients_for_every_column_that_it_reads(g1, layout, kind):
    _, _, anchor = human()
    y = encode_robot(*arrays(g1, follower(g1, anchor)), anchor, layout, kind).requires_grad_()
    root, quat, joints = decode_robot(y, anchor, layout, kind)
    (
        root.square().sum() + (quat * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum() + joints.square().sum()
    ).backward()
    groups = layout_of_robot(layout, kind)
    assert torch.isfinite(y.grad).all()
    for group in ("root_turn", "joint_pos", "root" if kind == "anchored" else "velocity"):
        assert (y.grad[:, groups[group]].abs().amax(0) > 0).all(), group


def test_an_error_in_one_frame_stays_there_when_anchored_and_runs_on_in_the_papers(g1, layout):
    _, _, anchor = human("demo")
    made = arrays(g1, follower(g1, anchor))
    for kind, group in (("anchored", "root"), ("paper", "velocity")):
        y = encode_robot(*made, anchor, layout, kind)
        clean = decode_robot(y, anchor, layout, kind)[0]
        y[50, layout_of_robot(layout, kind)[group].start] += 0.1
        off = (decode_robot(y, anchor, layout, kind)[0] - clean).norm(dim=-1)
        assert off[:50].max() < 1e-5
        close(off[50], torch.tensor(0.1 * layout.size))
        close(off[51:], torch.full_like(off[51:], 0.0 if kind == "anchored" else 0.1 * layout.size))


@pytest.mark.parametrize("seed", range(3))
def test_six_numbers_are_an_orientation(seed):
    quat = normalize(torch.randn(500, 4, generator=torch.Generator().manual_seed(seed)), dim=-1)
    assert quat_angle(quat_of_six(six_of(quat)), quat).max() < 2e-3
    rough = six_of(quat) * 1.7 + 0.01
    assert quat_angle(quat_of_six(rough), quat).max() < 0.05
    close(quat_of_six(torch.zeros(1, 6)).norm(dim=-1), torch.ones(1))


@pytest.mark.parametrize("name", sorted(robots.names()))
def test_every_robot_with_legs_has_a_layout(name):
    robot = robots.load(name)
    if robot.fixed_base or not robot.feet:
        with pytest.raises(LimitError, match=name):
            robot_layout(robot)
        return
    made = robot_layout(robot)
    assert RobotLayout.from_json(json.loads(json.dumps(made.to_json()))) == made
    for body, partner in zip(made.bodies, made.body_partner, strict=True):
        assert ("left_" in body) == ("right_" in made.bodies[partner])


def test_doors(layout):
    with pytest.raises(UnknownName, match="anchored"):
        layout_of_human("papers")
    with pytest.raises(UnknownName, match="places"):
        layout_of_human()["place"]
    with pytest.raises(ShapeError, match="lacks joints"):
        RobotLayout.from_json({key: v for key, v in layout.to_json().items() if key != "joints"})
    for bad in (
        {"size": 0.0},
        {"lower": [0.0]},
        {"joint_partner": [0] * 29},
        {"upper": "abc"},
        {"size": None},
    ):
        with pytest.raises(ShapeError):
            RobotLayout.from_json({**layout.to_json(), **bad})
    pos, _, anchor = human()
    with pytest.raises(ShapeError, match="215 columns"):
        decode_robot(torch.zeros(len(pos), 217), anchor, layout)
    zeros = torch.zeros(len(pos), 3), anchor.quat, torch.zeros(len(pos), 5), torch.zeros(len(pos), 30, 3)
    with pytest.raises(ShapeError, match="29 joints"):
        encode_robot(*zeros, anchor, layout)
    with pytest.raises(ShapeError):
        replace(layout, bodies=layout.bodies[:-1])
