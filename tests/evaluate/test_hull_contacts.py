"""Contacts of hulls: a made robot whose depths can be worked out by hand, and the meshed G1 where it is at hand."""

import importlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from standing import stand, with_joint

from understudy.errors import UnderstudyError
from understudy.robots.meshes import MESHED, meshed_file

ROOT = Path(__file__).parents[2]
VERTICES = " ".join(f"{x} {y} {z}" for x in (-0.05, 0.05) for y in (-0.05, 0.05) for z in (-0.05, 0.05))
BOX = '<geom type="mesh" mesh="box"/>'
XML = f"""
<mujoco>
  <asset><mesh name="box" vertex="{VERTICES}"/></asset>
  <worldbody>
    <body name="pelvis"><freejoint/>{BOX}<geom type="sphere" size="0.5"/>
      <body name="left_link" pos="0 0.02 0"><joint name="left_turn"/>{BOX}
        <body name="left_tip" pos="0 0.28 0"><joint name="left_slide" type="slide" axis="0 -1 0"/>{BOX}</body>
      </body>
      <body name="right_link" pos="0 -0.02 0"><joint name="right_turn"/><geom size="0.01"/>
        <body name="right_tip" pos="0 -0.28 0"><joint name="right_slide" type="slide" axis="0 1 0"/>{BOX}</body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""
"""Two tips that slide from 30 cm beside the pelvis towards it; cubes of 10 cm, and spheres that must not count."""


@pytest.fixture(scope="module")
def contacts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield importlib.import_module("benchmarks.hull_contacts")


class Made:
    """As much of a robot as the hulls ask for."""

    name = "made"
    joints = ("left_turn", "left_slide", "right_turn", "right_slide")
    home = np.array([0.0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    t_pose = np.zeros(4)
    hands = frozenset({"right_tip"})
    harmless_contacts = frozenset({frozenset({"left_link", "right_tip"})})


@pytest.fixture
def made_file(tmp_path):
    (tmp_path / "made.xml").write_text(XML)
    return tmp_path / "made.xml"


def slid(left, right):
    pose = Made.home.copy()
    pose[[8, 10]] = left, right
    return pose


def test_depths_and_places_are_those_of_the_cubes(contacts, made_file):
    hulls = contacts.Hulls(Made, made_file)
    assert hulls.at_rest == {}
    found = hulls.touches(np.stack([slid(0, 0), slid(0.199, 0.199), slid(0.204, 0), slid(0, 0.21)]))
    assert [(t.frame, t.bodies) for t in found] == [(2, ("left_tip", "pelvis")), (3, ("pelvis", "right_tip"))]
    assert [t.depth for t in found] == pytest.approx([0.004, 0.010], abs=1e-6)
    tip, pelvis = found[0].points
    assert tip[1] == pytest.approx(-0.05, abs=1e-6)
    assert pelvis[1] == pytest.approx(0.05, abs=1e-6)


def test_what_overlaps_at_rest_is_told(contacts, made_file):
    class Leaning(Made):
        t_pose = slid(0.22, 0)[7:]

    assert contacts.Hulls(Leaning, made_file).at_rest == {
        ("left_tip", "pelvis"): pytest.approx(0.02, abs=1e-6)
    }


def test_a_file_of_another_robot_is_refused(contacts, made_file, g1):
    with pytest.raises(UnderstudyError, match="unitree_g1"):
        contacts.Hulls(replace(g1, harmless_contacts=frozenset()), made_file)


def test_missing_meshes_are_told_how_to_come_by(contacts, monkeypatch, tmp_path):
    monkeypatch.setattr(contacts, "meshed_file", lambda _: None)
    monkeypatch.setenv("UNDERSTUDY_MJLAB", str(tmp_path))
    with pytest.raises(UnderstudyError, match="UNDERSTUDY_MJLAB"):
        contacts.hull_file("unitree_g1", None)
    with pytest.raises(UnderstudyError, match="--meshes"):
        contacts.hull_file("toddlerbot", None)
    assert contacts.hull_file("toddlerbot", tmp_path / "a.xml") == (tmp_path / "a.xml", "a.xml")


def test_mirrored_pairs_have_one_name(contacts):
    assert contacts.sideless(("left_elbow_link", "torso_link")) == ("elbow_link", "torso_link")
    assert contacts.sideless(("right_elbow_link", "torso_link")) == ("elbow_link", "torso_link")
    assert contacts.sideless(("left_hip_link", "left_wrist_link")) == ("hip_link", "wrist_link")
    crossed = {
        contacts.sideless(pair)
        for pair in (("left_hip_link", "right_wrist_link"), ("left_wrist_link", "right_hip_link"))
    }
    assert crossed == {("hip_link", "other wrist_link")}


def touch(frame, bodies, depth, gap, out=0.003, hands=False):
    sides = [(out, "left_arm_collision", [0.0, 0.1, 0.2]), (-0.001, "torso_collision", [0.0, 0.0, 0.0])]
    return {"frame": frame, "bodies": bodies, "depth": depth, "gap": gap, "hands": hands, "sides": sides}


def test_frames_are_counted_once_and_lost_ones_are_bad(contacts):
    arm, other, hand = ("left_arm", "torso"), ("right_arm", "torso"), ("right_hand", "torso")
    clip = {
        "frames": 10,
        "primitive_frames": 1,
        "touches": [
            touch(3, arm, 0.0005, 0.002),
            touch(3, other, 0.002, 0.004, out=0.007),
            touch(4, arm, 0.006, -0.001),
            touch(7, hand, 0.02, None, hands=True),
        ],
    }
    found = contacts.pooled([clip], lost=10)
    assert found["hulls"] == {"0": 60.0, "1": 60.0, "5": 55.0, "10": 50.0}
    assert found["with_hands"]["10"] == 55.0
    assert found["primitives"] == 55.0
    [pair] = found["pairs"]
    assert pair["pair"] == ("arm", "torso")
    assert (pair["touches"], pair["deeper_than_1mm"], pair["capsules_apart"]) == (3, 2, 2)
    assert pair["deepest_mm"] == pytest.approx(6.0)
    assert pair["gap_mm"] == pytest.approx(2.0)
    [short] = pair["short"]  # the torso's capsule covers its hull where they touch
    assert short["capsule"] == "arm_collision"
    assert (short["median_mm"], short["most_mm"]) == pytest.approx((3.0, 7.0))


def test_points_are_measured_from_the_nearest_capsule_of_their_body(contacts, g1):
    primitives = contacts.Primitives.of(g1)
    # Named in robot.xml: a head's sphere-like capsule about this point.
    far, name = primitives.uncovered("torso_link", np.array([0.0206, 0.0, 0.4177 + 0.0672 + 0.004]))
    assert name == "head_upper_collision"
    assert far == pytest.approx(0.004, abs=1e-4)
    assert primitives.uncovered("left_wrist_roll_link", np.zeros(3)) == (None, "")
    gaps = primitives.gaps(stand(g1, frames=2))
    assert all(gap.shape == (2,) and (gap > 0).all() for gap in gaps.values())
    assert ("left_elbow_link", "torso_link") in gaps


@pytest.mark.mjlab
def test_the_g1_stands_free_and_an_arm_through_its_trunk_is_seen(contacts, g1):
    unpacked = Path(os.environ.get("UNDERSTUDY_MJLAB", "mjlab")) / MESHED["unitree_g1"][1]
    if not unpacked.is_file() and meshed_file("unitree_g1") is None:
        pytest.skip("mjlab is not installed and UNDERSTUDY_MJLAB does not point to it")
    hulls, primitives = (
        contacts.Hulls(g1, contacts.hull_file("unitree_g1", None)[0]),
        contacts.Primitives.of(g1),
    )
    assert hulls.at_rest == {}
    standing = stand(g1, frames=3)
    assert contacts.measured(hulls, primitives, standing)["touches"] == []
    pressed = with_joint(standing, "left_shoulder_roll_joint", -0.5)
    found = contacts.measured(hulls, primitives, pressed)
    assert found["primitive_frames"] == 3
    arm = [t for t in found["touches"] if t["bodies"] == ("left_elbow_link", "torso_link")]
    assert [t["frame"] for t in arm] == [0, 1, 2]
    assert all(t["gap"] < 0 < t["depth"] and not t["hands"] for t in arm)
